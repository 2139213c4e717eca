import Logging
public import NSOModel
public import NSOWire
import Synchronization

/// One client of the data provider API: its sockets, what it registered, the requests it has not answered, the sessions it was
/// told of. Nothing here waits but `async` functions, and those end when the client is gone.
public final class ProviderInstance: Sendable {
  /// The answer to a request, or why there is none.
  typealias Answer = Result<ProviderReply.Content, NSOError>

  private struct KnownSession {
    /// The client has said that it knows it.
    var isKnown = false
    var waiters: [CheckedContinuation<Void, Never>] = []
    /// Transactions, actions and others that name it.
    var uses = 0
    var hasEnded = false
    var token: UInt64?
    weak var session: UserSession?
  }

  /// The numbers of workers that are gone. Bounded: a client may use a new number for each action.
  private struct OrderedWorkers {
    private var numbers: Set<Int32> = []
    private var order: [Int32] = []
    private static let limit = 1024

    func contains(_ number: Int32) -> Bool { numbers.contains(number) }

    mutating func insert(_ number: Int32) {
      guard numbers.insert(number).inserted else { return }
      order.append(number)
      if order.count > Self.limit { numbers.remove(order.removeFirst()) }
    }

    mutating func remove(_ number: Int32) {
      if numbers.remove(number) != nil { order.removeAll { $0 == number } }
    }
  }

  private struct State {
    var control: (any ProviderSocket)?
    var workers: [Int32: any ProviderSocket] = [:]
    /// The connections of workers that have not been read to their end, whether or not the client is gone.
    var unreadWorkers: [Int32: UInt64] = [:]
    /// Those that were closed last; nobody waits for them.
    var lostWorkers: OrderedWorkers = OrderedWorkers()
    var workerWaiters: [Int32: [UInt64: CheckedContinuation<Bool, Never>]] = [:]
    var pending: [Int64: PendingRequest] = [:]
    var lastQuery: Int64 = 0
    var lastWaiter: UInt64 = 0
    var registrations: [ProviderRegistry.Registration] = []
    var transactionCallbacks: TransactionCallbacks = []
    var databaseCallbacks: DatabaseCallbacks = []
    var isActive = false
    var end: String?
    var sessions: [UserSessionID: KnownSession] = [:]
    var requests: UInt64 = 0
  }

  /// Chosen by the daemon (Did).
  public let id: Int32
  /// What the client calls itself.
  public let name: String
  /// Seconds since 1970-01-01 UTC.
  public let since: Int64
  /// Who it is for the operating system, for texts.
  public let peer: String
  private let registry: ProviderRegistry
  /// For work that waits for its data.
  let lane = ProviderLane()
  private let state: Mutex<State>

  init(id: Int32, name: String, peer: String, since: Int64, control: any ProviderSocket, registry: ProviderRegistry) {
    self.id = id
    self.name = name
    self.peer = peer
    self.since = since
    self.registry = registry
    state = Mutex(State(control: control))
  }

  var log: Logger { registry.log }

  /// For texts: `data provider demo (instance 7, pid 123)`.
  public var summary: String { "data provider \(name) (instance \(id), \(peer))" }

  public var isGone: Bool { state.withLock { $0.end != nil } }

  /// For the developer log.
  public func report(_ text: @autoclosure () -> String, _ level: Journal.Level = .error) { registry.report(text(), level) }

  // MARK: Registering

  /// Whether it registered a stream whose notifications come on that worker.
  public func sendsStreams(on worker: Int32) -> Bool {
    registrations.contains { $0.registration.kind == .stream && $0.registration.index == worker }
  }

  /// How many points and ranges one client may serve.
  private static let mostRegistrations = 4096

  /// - Throws: PROTOUSAGE after register_done, RESOURCE_DENIED for too many.
  public func register(_ registration: ProviderRegistration, range: RangeRegistration? = nil) throws(NSOError) {
    try state.withLock { state throws(NSOError) in
      guard !state.isActive else {
        throw NSOError(.protocolUsage, "\(summary) registers \(registration.name) after register_done: register before it")
      }
      guard state.registrations.count < Self.mostRegistrations else {
        throw NSOError(
          .resourceDenied,
          "\(summary) registers \(registration.name): more than \(Self.mostRegistrations) points and ranges for one client; use several clients, or fewer ranges"
        )
      }
      state.registrations.append(ProviderRegistry.Registration(registration, range: range))
    }
  }

  public var transactionCallbacks: TransactionCallbacks {
    get { state.withLock { $0.transactionCallbacks } }
    set { state.withLock { $0.transactionCallbacks = newValue } }
  }

  public var databaseCallbacks: DatabaseCallbacks {
    get { state.withLock { $0.databaseCallbacks } }
    set { state.withLock { $0.databaseCallbacks = newValue } }
  }

  /// What it registered, in its order.
  public var registrations: [ProviderRegistry.Registration] { state.withLock { $0.registrations } }

  /// From now on its callbacks may be called.
  /// - Parameter sessions: what the client is told of: they need no announcement.
  /// - Throws: PROTOUSAGE the second time.
  public func activate(knowing sessions: [UserSession]) throws(NSOError) {
    try state.withLock { state throws(NSOError) in
      guard !state.isActive else { throw NSOError(.protocolUsage, "\(summary) sends register_done twice") }
      state.isActive = true
      for session in sessions { state.sessions[session.id] = KnownSession(isKnown: true, session: session) }
    }
    for session in sessions { watch(session) }
    registry.publish(self)
  }

  // MARK: Sockets

  /// A worker has introduced itself. One that has its number is gone for the client, although its end was not seen yet: a client
  /// that closes a worker may use its number at once.
  public func add(worker id: Int32, _ socket: any ProviderSocket) {
    let added: (waiters: [CheckedContinuation<Bool, Never>], replaced: (any ProviderSocket)?, failed: [PendingRequest])?
    added = state.withLock { state in
      guard state.end == nil else { return nil }
      let replaced = state.workers.updateValue(socket, forKey: id)
      state.unreadWorkers[id] = socket.id
      state.lostWorkers.remove(id)
      let failed = replaced.map { Self.takeRequests(of: $0.id, from: &state) } ?? []
      return (state.workerWaiters.removeValue(forKey: id).map { Array($0.values) } ?? [], replaced, failed)
    }
    guard let added else { return socket.close("\(summary) is gone") }
    if let replaced = added.replaced {
      let reason = "another connection has introduced itself as worker \(id)"
      registry.report("\(summary): \(reason); the one before is closed")
      replaced.close("\(summary): \(reason)")
      fail(added.failed, worker: id, reason)
    }
    for waiter in added.waiters { waiter.resume(returning: true) }
  }

  /// A worker was closed: what it has not answered fails, all else goes on.
  /// - Parameters:
  ///   - socket: the connection; another one may have taken its number meanwhile, and goes on.
  ///   - reason: why, if the daemon closed it.
  public func remove(worker id: Int32, _ socket: any ProviderSocket, _ reason: String? = nil) {
    let failed: [PendingRequest] = state.withLock { state in
      if state.workers[id]?.id == socket.id {
        state.workers[id] = nil
        state.lostWorkers.insert(id)
      }
      return Self.takeRequests(of: socket.id, from: &state)
    }
    fail(failed, worker: id, reason)
  }

  private static func takeRequests(of socket: UInt64, from state: inout State) -> [PendingRequest] {
    let lost = state.pending.filter { $0.value.socket == socket }
    for query in lost.keys { state.pending[query] = nil }
    return Array(lost.values)
  }

  private func fail(_ requests: [PendingRequest], worker id: Int32, _ reason: String?) {
    let now = ContinuousClock.now
    for pending in requests {
      let end = reason.map { "the daemon closed worker \(id) of \(summary) (\($0))" } ?? "\(summary) closed its worker \(id)"
      pending.answer.resume(
        returning: .failure(
          NSOError(.external, "external error: \(end) after \((now - pending.since).seconds) s of \(pending.about())")))
    }
  }

  /// What a connection was asked and has not answered, for texts; nil: nothing.
  public func outstanding(on connection: UInt64) -> String? {
    let oldest = state.withLock { state in
      state.pending.filter { $0.value.socket == connection }.min { $0.key < $1.key }?.value
    }
    return oldest.map { $0.about() }
  }

  /// It serves a stream, and the worker for it has not introduced itself.
  var lacksStreamWorker: Bool {
    state.withLock { state in
      guard state.isActive, state.end == nil else { return false }
      return state.registrations.contains { item in
        item.registration.kind == .stream && state.unreadWorkers[item.registration.index] == nil
          && !state.lostWorkers.contains(item.registration.index)
      }
    }
  }

  /// Everything that came on the connection of a worker has been dealt with.
  /// - Returns: whether the worker is gone with it; false when another connection has its number.
  func finished(worker id: Int32, connection: UInt64) -> Bool {
    state.withLock { state in
      guard state.unreadWorkers[id] == connection else { return false }
      state.unreadWorkers[id] = nil
      return true
    }
  }

  /// Whether something may still come from a worker.
  func isUnread(worker id: Int32) -> Bool { state.withLock { $0.unreadWorkers[id] != nil } }

  /// Waits until the worker that a client named has introduced itself.
  func waitFor(worker id: Int32) async throws(NSOError) {
    let limit = registry.limits.connect
    let isThere: Bool? = state.withLock { state in
      if state.end != nil || state.lostWorkers.contains(id) { return false }
      return state.workers[id] == nil ? nil : true
    }
    if isThere == true { return }
    guard isThere == nil else {
      throw NSOError(.external, "external error: \(summary) has closed its worker \(id), or never opened it")
    }
    let number = state.withLock { state in
      state.lastWaiter &+= 1
      return state.lastWaiter
    }
    var timer: Task<Void, any Error>?
    let came = await withCheckedContinuation { (waiter: CheckedContinuation<Bool, Never>) in
      let answer: Bool? = state.withLock { state in
        if state.end != nil || state.lostWorkers.contains(id) { return false }
        if state.workers[id] != nil { return true }
        state.workerWaiters[id, default: [:]][number] = waiter
        return nil
      }
      if let answer { return waiter.resume(returning: answer) }
      // Not before it waits.
      timer = Task { [weak self] in
        try await Task.sleep(for: limit)
        self?.giveUp(waiter: number, of: id)
      }
    }
    timer?.cancel()
    guard came else {
      throw NSOError(
        .external,
        "external error: \(summary) named its worker \(id), which did not introduce itself within \(limit.seconds) s")
    }
  }

  private func giveUp(waiter number: UInt64, of worker: Int32) {
    let waiter = state.withLock { state in
      // Whoever asks next need not wait as long again.
      if state.workers[worker] == nil { state.lostWorkers.insert(worker) }
      return state.workerWaiters[worker]?.removeValue(forKey: number)
    }
    waiter?.resume(returning: false)
  }

  // MARK: Asking

  /// Asks the client for something and waits for its answer.
  /// - Parameters:
  ///   - worker: the worker that is asked; nil: the control socket.
  ///   - limit: how long it may take; when it takes longer, the client counts as dead. Nil: as configured for the socket.
  ///   - about: what is asked, for error texts: `get_elem of callpoint x for /path`.
  /// - Throws: what the client refused with; EXTERNAL when it is gone or does not answer.
  public func ask(
    _ body: ProviderRequest.Body, worker: Int32? = nil, within limit: Duration? = nil,
    about: @escaping @Sendable () -> String
  ) async throws(NSOError) -> ProviderReply.Content {
    try checked(try await exchange(body, worker: worker, within: limit, about: about), about)
  }

  /// As ``ask(_:worker:within:about:)``, with refusals as answers.
  /// - Throws: only when there is no answer.
  func exchange(
    _ body: ProviderRequest.Body, worker: Int32? = nil, within limit: Duration? = nil,
    about: @escaping @Sendable () -> String
  ) async throws(NSOError) -> ProviderReply.Content {
    if let worker { try await waitFor(worker: worker) }
    let limits = registry.limits
    let limit = limit ?? (worker == nil ? limits.newSession : limits.query)
    let now = ContinuousClock.now
    let answer = await withCheckedContinuation { (continuation: CheckedContinuation<Answer, Never>) in
      let failure: NSOError? = state.withLock { state in
        let socket = worker.map { state.workers[$0] } ?? state.control
        guard state.end == nil, let socket else {
          return NSOError(.external, "external error: \(summary) is gone (\(state.end ?? "its worker was closed")): \(about())")
        }
        state.lastQuery &+= 1
        state.requests &+= 1
        state.pending[state.lastQuery] = PendingRequest(
          answer: continuation, worker: worker, socket: socket.id, since: now, deadline: now + limit, limit: limit, body: body,
          about: about)
        socket.send(.request(ProviderRequest(query: state.lastQuery, instance: id, body)))
        return nil
      }
      if let failure { continuation.resume(returning: .failure(failure)) } else { registry.expire(at: now + limit) }
    }
    return try answer.get()
  }

  func checked(_ answer: ProviderReply.Content, _ about: () -> String) throws(NSOError) -> ProviderReply.Content {
    switch answer {
    case .failure(let failure):
      if case .reason(let reason) = failure {
        let text = "\(summary): \(about()): \(reason.code.rawValue)\(reason.text.map { ": \($0)" } ?? "")"
        if reason.code == .applicationInternal { registry.log.warning("\(ProviderText.shown(text))") }
        report(text, .info)
      }
      throw NSOError(failure) { "\(summary): \(about())" }
    case .opened(let handle, let worker):
      // It names the worker anew, even if an earlier one of that number was closed.
      state.withLock { if $0.workers[worker] == nil { $0.lostWorkers.remove(worker) } }
      return .opened(handle: handle, worker: worker)
    case let content: return content
    }
  }

  /// Sends a request whose answer nobody waits for.
  public func tell(_ body: ProviderRequest.Body, about: @escaping @Sendable () -> String) {
    Task {
      do throws(NSOError) { _ = try await ask(body, about: about) } catch {
        registry.log.debug("\(summary): \(about()): \(ProviderText.shown(error.message))")
      }
    }
  }

  /// An answer has come in.
  /// - Parameter connection: on which one.
  /// - Returns: false when nobody waits for it.
  @discardableResult
  public func received(_ reply: ProviderReply, on connection: UInt64) -> Bool {
    let now = ContinuousClock.now
    let pending: PendingRequest? = state.withLock { state in
      guard let pending = state.pending.removeValue(forKey: reply.query) else { return nil }
      for (query, other) in state.pending where query > reply.query && other.socket == pending.socket {
        state.pending[query]?.noteProgress(at: now)
      }
      return pending
    }
    guard let pending else { return false }
    guard let misfit = pending.misfit(reply, instance: id, socket: connection) else {
      pending.answer.resume(returning: .success(reply.content))
      return true
    }
    let text = "\(summary) answered \(pending.about()) \(misfit)"
    registry.report(text)
    pending.answer.resume(returning: .failure(NSOError(.external, text)))
    return true
  }

  /// The longest time that a client may ask for, in seconds.
  public static let longestExtension: Int64 = 24 * 60 * 60

  /// The client says how long it needs for a request from now on (CALLBACK_TIMEOUT, op 29).
  /// - Parameters:
  ///   - instance: what it calls itself.
  ///   - connection: where it says so.
  public func extend(_ query: Int64, seconds: Int64, as instance: Int32, on connection: UInt64) {
    let what = "\(summary) gives request \(query) \(seconds) s (CALLBACK_TIMEOUT, op 29)"
    guard instance == id else { return registry.report("\(what) as instance \(instance), which it is not: it has no effect") }
    if seconds > Self.longestExtension { registry.report("\(what): no more than \(Self.longestExtension) s are given") }
    let deadline = ContinuousClock.now + .seconds(min(max(0, seconds), Self.longestExtension))
    enum Effect { case none, extended, failed(PendingRequest) }
    let effect: Effect = state.withLock { state in
      guard let pending = state.pending[query], pending.socket == connection else { return .none }
      guard seconds > 0 else {
        state.pending[query] = nil
        return .failed(pending)
      }
      state.pending[query]?.deadline = deadline
      state.pending[query]?.isExtended = true
      return .extended
    }
    switch effect {
    case .none: registry.report("\(what), which it was not asked, or has answered: it has no effect")
    case .extended: registry.expire(at: deadline)
    case .failed(let pending):
      let text = "\(what), which ends it: \(pending.about())"
      registry.report(text)
      pending.answer.resume(returning: .failure(NSOError(.external, "external timeout: \(text)")))
    }
  }

  /// Ends requests that are late. One that waits behind another request that may take longer, since the client has asked for more time
  /// for it or it is an action, fails alone.
  /// - Returns: the earliest time at which another answer is late, and the text of one that is late through the client's fault.
  func check(at now: ContinuousClock.Instant) -> (next: ContinuousClock.Instant?, late: String?) {
    var failed: [(PendingRequest, behind: PendingRequest)] = []
    let result: (next: ContinuousClock.Instant?, late: PendingRequest?) = state.withLock { state in
      for (query, pending) in state.pending.sorted(by: { $0.key < $1.key }) where pending.deadline <= now {
        let behind = state.pending.filter { other in
          other.key < query && other.value.socket == pending.socket && other.value.deadline > now
        }
        guard let behind = behind.min(by: { $0.key < $1.key })?.value else { return (nil, pending) }
        state.pending[query] = nil
        failed.append((pending, behind))
      }
      return (state.pending.values.map(\.deadline).min(), nil)
    }
    for (pending, behind) in failed {
      let waited = (now - pending.since).seconds
      pending.answer.resume(
        returning: .failure(
          NSOError(
            .external,
            "external timeout: \(summary) did not answer \(pending.about()) for \(waited) s: it is busy with \(behind.about())"
          )))
    }
    return (result.next, result.late.map { "no answer for \((now - $0.since).seconds) s to \($0.about())" })
  }

  // MARK: User sessions

  /// Makes sure that the client knows a session, and that it is not told of its end before ``release(_:)``.
  public func hold(_ session: UserSession) async throws(NSOError) {
    enum Next { case known, wait, announce }
    while true {
      let next: Next = state.withLock { state in
        guard let known = state.sessions[session.id] else {
          state.sessions[session.id] = KnownSession(session: session)
          return .announce
        }
        guard known.isKnown else { return .wait }
        state.sessions[session.id]?.uses += 1
        return .known
      }
      switch next {
      case .known: return
      case .announce: return try await announce(session)
      case .wait:
        // Whoever announces it may fail: then it is still to be done.
        await withCheckedContinuation { waiter in
          let isSettled = state.withLock { state in
            guard state.end == nil, state.sessions[session.id]?.isKnown == false else { return true }
            state.sessions[session.id]?.waiters.append(waiter)
            return false
          }
          if isSettled { waiter.resume() }
        }
        guard !isGone else {
          throw NSOError(.external, "external error: \(summary) is gone: it was told of user session \(session.id)")
        }
      }
    }
  }

  private func announce(_ session: UserSession) async throws(NSOError) {
    do throws(NSOError) {
      _ = try await ask(.newUserSessions([UserSessionInfo(session)])) { "new user session \(session.id)" }
    } catch {
      let waiters = state.withLock { $0.sessions.removeValue(forKey: session.id)?.waiters ?? [] }
      for waiter in waiters { waiter.resume() }
      throw error
    }
    let waiters = state.withLock { state in
      state.sessions[session.id]?.isKnown = true
      state.sessions[session.id]?.uses += 1
      defer { state.sessions[session.id]?.waiters = [] }
      return state.sessions[session.id]?.waiters ?? []
    }
    for waiter in waiters { waiter.resume() }
    watch(session)
  }

  /// Nothing more will name the session on behalf of one ``hold(_:)``.
  public func release(_ session: UserSession) {
    state.withLock { $0.sessions[session.id]?.uses -= 1 }
    forgetIfEnded(session.id)
  }

  private func watch(_ session: UserSession) {
    let id = session.id
    let token = session.onEnd { [weak self] in
      self?.state.withLock { $0.sessions[id]?.hasEnded = true }
      self?.forgetIfEnded(id)
    }
    if let token { state.withLock { $0.sessions[id]?.token = token } }
  }

  private func forgetIfEnded(_ session: UserSessionID) {
    let isOver = state.withLock { state in
      guard let known = state.sessions[session], known.hasEnded, known.uses <= 0, known.isKnown else { return false }
      state.sessions[session] = nil
      return state.end == nil
    }
    if isOver { tell(.closeUserSession(session)) { "end of user session \(session)" } }
  }

  // MARK: The end

  /// The client is gone, or has to go: what it has not answered fails, its sockets are closed.
  /// - Parameter isTimeout: because it did not answer in time.
  func end(_ reason: String, isTimeout: Bool = false) -> Bool {
    struct Rest {
      var sockets: [any ProviderSocket]
      var pending: [PendingRequest]
      var waiters: [CheckedContinuation<Bool, Never>]
      var sessionWaiters: [CheckedContinuation<Void, Never>]
      var sessions: [KnownSession]
    }
    let rest: Rest? = state.withLock { state in
      guard state.end == nil else { return nil }
      state.end = reason
      defer {
        state.pending = [:]
        state.workers = [:]
        state.workerWaiters = [:]
        state.sessions = [:]
        state.control = nil
      }
      return Rest(
        sockets: Array(state.workers.values) + (state.control.map { [$0] } ?? []), pending: Array(state.pending.values),
        waiters: state.workerWaiters.values.flatMap(\.values), sessionWaiters: state.sessions.values.flatMap(\.waiters),
        sessions: Array(state.sessions.values))
    }
    guard let rest else { return false }
    for socket in rest.sockets { socket.close(reason) }
    let now = ContinuousClock.now
    for pending in rest.pending {
      let waited = (now - pending.since).seconds
      pending.answer.resume(
        returning: .failure(
          NSOError(
            .external,
            "external \(isTimeout ? "timeout" : "error"): \(summary) was lost (\(reason)) after \(waited) s of \(pending.about())"
          )))
    }
    for waiter in rest.waiters { waiter.resume(returning: false) }
    for waiter in rest.sessionWaiters { waiter.resume() }
    for known in rest.sessions { if let token = known.token { known.session?.forget(ending: token) } }
    return true
  }

  // MARK: Status

  /// How many requests were sent to it, and how many it has not answered.
  public var counts: (requests: UInt64, outstanding: Int, workers: Int) {
    state.withLock { ($0.requests, $0.pending.count, $0.workers.count) }
  }

  public var isActive: Bool { state.withLock { $0.isActive && $0.end == nil } }
}

extension Duration {
  /// Seconds with one digit, for texts.
  var seconds: String {
    let tenths = components.seconds * 10 + components.attoseconds / 100_000_000_000_000_000
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}
