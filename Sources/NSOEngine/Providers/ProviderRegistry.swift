public import Logging
public import NSOModel
public import NSOWire
import Synchronization

/// Who serves which point of the data model: data, validation, actions, notification streams, authentication (protocol part 05).
/// The one place through which the daemon asks its data providers.
public final class ProviderRegistry: Sendable {
  /// What a client registered, with the range of keys that it is for.
  public struct Registration: Hashable, Sendable {
    public var registration: ProviderRegistration
    /// Nil: for everything at the point.
    public var range: RangeRegistration?

    public init(_ registration: ProviderRegistration, range: RangeRegistration? = nil) {
      self.registration = registration
      self.range = range
    }
  }

  /// Who serves a point.
  public struct Served: Sendable {
    public let instance: ProviderInstance
    public let registration: ProviderRegistration
    public let range: RangeRegistration?
  }

  private struct State {
    var instances: [Int32: ProviderInstance] = [:]
    /// Those that were gone before their stream worker had introduced itself. Only the last ones.
    var departed: [ProviderInstance] = []
    var lastID: Int32 = 0
    var points = ServedPoints()
    var limits = ProviderLimits()
    var wakeAt: ContinuousClock.Instant?
    var timer: Task<Void, Never>?
    var transactions: [Int32: ProviderTransactions] = [:]
    var changeHandlers: [@Sendable (ProviderInstance, Bool) -> Void] = []
  }

  public let log: Logger
  /// Nil: what providers do wrong is only told to those who asked.
  private let journal: Journal?
  private let now: @Sendable () -> Int64
  private let state = Mutex(State())

  public init(log: Logger, journal: Journal? = nil, now: @escaping @Sendable () -> Int64) {
    self.log = log
    self.journal = journal
    self.now = now
  }

  deinit { state.withLock { $0.timer?.cancel() } }

  public var limits: ProviderLimits {
    get { state.withLock { $0.limits } }
    set { state.withLock { $0.limits = newValue } }
  }

  /// For the developer log: what a provider does wrong, or what those who write one want to know.
  public func report(_ text: @autoclosure () -> String, _ level: Journal.Level = .error) {
    journal?.developer(.developerProvider, level, ProviderText.shown(text()))
  }

  // MARK: Instances

  /// A client has introduced itself on its control socket.
  public func add(name: String, peer: String, control: any ProviderSocket) -> ProviderInstance {
    state.withLock { state in
      repeat { state.lastID = state.lastID == .max ? 1 : state.lastID + 1 } while state.instances[state.lastID] != nil
      let instance = ProviderInstance(
        id: state.lastID, name: name, peer: peer, since: now(), control: control, registry: self)
      state.instances[instance.id] = instance
      return instance
    }
  }

  /// Whose worker introduces itself. The end of a client that sends and goes at once may be seen before its stream worker.
  /// - Throws: as ``instance(_:)``.
  public func instance(_ id: Int32, ofWorker worker: Int32) throws(NSOError) -> ProviderInstance {
    let departed = state.withLock { state -> ProviderInstance? in
      guard state.instances[id] == nil, let place = state.departed.lastIndex(where: { $0.id == id }) else { return nil }
      return state.departed.remove(at: place)
    }
    if let departed, departed.sendsStreams(on: worker) { return departed }
    return try instance(id)
  }

  /// - Throws: BADSTATE for a number that no client has.
  public func instance(_ id: Int32) throws(NSOError) -> ProviderInstance {
    guard let instance = state.withLock({ $0.instances[id] }) else {
      throw NSOError(.badState, "there is no data provider with instance number \(id); it may have been disconnected")
    }
    return instance
  }

  /// All, in the order of their coming.
  public var instances: [ProviderInstance] { state.withLock { $0.instances.values.sorted { $0.id < $1.id } } }

  /// The client is gone, or has to go. Everything that waits for it fails at once.
  /// - Parameter isTimeout: because it did not answer in time.
  public func remove(_ instance: ProviderInstance, _ reason: String, isTimeout: Bool = false) {
    let lacksStreamWorker = instance.lacksStreamWorker
    let handlers = state.withLock { state in
      if state.instances.removeValue(forKey: instance.id) != nil, lacksStreamWorker {
        state.departed.append(instance)
        if state.departed.count > 16 { state.departed.removeFirst() }
      }
      state.points.remove(instance)
      return state.changeHandlers
    }
    guard instance.end(reason, isTimeout: isTimeout) else { return }
    for handler in handlers { handler(instance, false) }
  }

  /// The daemon stops: workers that come after the end of their client are not taken any more.
  func forgetDeparted() { state.withLock { $0.departed = [] } }

  /// Calls `body` when a client has registered (true), and when it is gone (false).
  public func onChange(_ body: @escaping @Sendable (ProviderInstance, Bool) -> Void) {
    state.withLock { $0.changeHandlers.append(body) }
  }

  /// Makes what an instance registered known. What others served at the same points is replaced.
  func publish(_ instance: ProviderInstance) {
    let registrations = instance.registrations
    let (takeovers, handlers) = state.withLock { ($0.points.add(instance, registrations), $0.changeHandlers) }
    for takeover in takeovers {
      let text = "\(instance.summary) takes over \(takeover.kind.pointName) \(takeover.name) from \(takeover.from.summary)"
      log.notice("\(text)")
      report(text, .info)
    }
    for takeover in takeovers where takeover.disconnects {
      remove(takeover.from, "\(instance.summary) took over one of its points")
    }
    for handler in handlers { handler(instance, true) }
  }

  // MARK: Points

  /// Who serves a point; with `keys`, those of the list that its ranges are for.
  public func served(_ kind: RegistrationKind, _ name: String, keys: [Value] = []) -> Served? {
    state.withLock { $0.points.served(kind, name, keys: keys) }
  }

  /// Whether anybody who serves data of a callpoint offers one of these.
  public func offers(_ callbacks: DataCallbacks, at callpoint: String) -> Bool {
    state.withLock { $0.points.all(.data, callpoint) }.contains { served in
      !served.registration.dataCallbacks.isDisjoint(with: callbacks)
    }
  }

  /// All who serve ranges of a point, in the order of their keys.
  public func ranges(_ kind: RegistrationKind, _ name: String) -> [Served] {
    state.withLock { $0.points.all(kind, name) }.filter { $0.range != nil }
  }

  /// As ``served(_:_:keys:)``, for callers that cannot do without.
  /// - Throws: EXTERNAL, naming the point, when nobody serves it (log symbol NO_CALLPOINT).
  public func require(
    _ kind: RegistrationKind, _ name: String, keys: [Value] = [], for path: @autoclosure () -> String
  ) throws(NSOError) -> Served {
    if let served = served(kind, name, keys: keys) { return served }
    throw unserved(kind, name, path())
  }

  /// As ``require(_:_:keys:for:)``, where ranges are found by an instance in or below an entry of their list.
  func require(
    _ kind: RegistrationKind, _ name: String, at place: Keypath, for path: @autoclosure () -> String
  ) throws(NSOError) -> Served {
    if let served = state.withLock({ $0.points.served(kind, name, at: place) }) { return served }
    throw unserved(kind, name, path())
  }

  private func unserved(_ kind: RegistrationKind, _ name: String, _ path: String) -> NSOError {
    let text = "no data provider is registered for \(kind.pointName) \(name), needed for \(path)"
    log.warning("NO_CALLPOINT \(text)")
    return NSOError(.external, "\(text): start the application that serves it")
  }

  /// Every point that somebody serves, sorted; for `ncs --status`.
  public var points: [Served] {
    state.withLock { $0.points.all }.sorted {
      ($0.registration.kind.rawValue, $0.registration.name, $0.instance.id)
        < ($1.registration.kind.rawValue, $1.registration.name, $1.instance.id)
    }
  }

  // MARK: Transactions

  /// What data providers have to do with a transaction; ended with it.
  public func parts(in transaction: Transaction) -> ProviderTransactions {
    let handle = transaction.handle
    let (parts, isNew) = state.withLock { state in
      if let parts = state.transactions[handle] { return (parts, false) }
      let parts = ProviderTransactions(
        handle: handle, session: transaction.session,
        database: transaction.isNested ? .transaction : transaction.database, mode: transaction.mode)
      state.transactions[handle] = parts
      return (parts, true)
    }
    if isNew {
      transaction.onEnd { [weak self] in
        parts.close()
        self?.state.withLock { _ = $0.transactions.removeValue(forKey: handle) }
      }
    }
    return parts
  }

  // MARK: Late answers

  /// Something has to be answered by then.
  func expire(at deadline: ContinuousClock.Instant) {
    state.withLock { state in
      if let wakeAt = state.wakeAt, wakeAt <= deadline { return }
      state.wakeAt = deadline
      state.timer?.cancel()
      state.timer = Task { [weak self] in
        do { try await Task.sleep(until: deadline, clock: .continuous) } catch { return }
        self?.wake()
      }
    }
  }

  private func wake() {
    state.withLock { state in
      state.wakeAt = nil
      state.timer = nil
    }
    let now = ContinuousClock.now
    var next: ContinuousClock.Instant?
    for instance in instances {
      let check = instance.check(at: now)
      if let late = check.late {
        log.warning("DAEMON_TIMEOUT \(instance.summary) is disconnected: \(late)")
        remove(instance, late, isTimeout: true)
      }
      if let time = check.next { next = min(next ?? time, time) }
    }
    if let next { expire(at: next) }
  }
}
