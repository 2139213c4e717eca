public import NSOModel
import Synchronization

/// Hands events from whoever knows of something to whoever subscribed (protocol part 06, section 7). Telling costs one atomic
/// load while nobody wants the kind, and never waits; each subscriber has a bounded buffer, and is dropped when it does not read.
public final class EventHub: Sendable {
  /// Bounds for subscribers; may change while the daemon runs.
  public struct Settings: Sendable {
    /// How long a subscriber may take to acknowledge (`japi/event-reply-timeout`).
    public var replyTimeout: Duration = .seconds(120)
    /// How long a subscriber's socket may take no bytes.
    public var stallTimeout: Duration = .seconds(15)
    /// How long a connected client may take to say what it wants (`api/connect-timeout`).
    public var connectTimeout: Duration = .seconds(60)
    /// How many events, and about how many bytes of them, wait for one subscriber.
    public var bufferedEvents = 8192
    public var bufferedBytes = 8 << 20

    public init() {}
  }

  /// Why a subscriber loses its socket.
  public enum Drop: Sendable, Hashable {
    /// More waits for it than its buffer holds.
    case bufferFull
    /// It took no bytes for too long.
    case stalled
    /// It did not acknowledge: what was awaited.
    case noAcknowledgement(String)
  }

  /// A wait for acknowledgements.
  private struct Wait {
    var key: EventAcknowledgement
    var missing: Set<UInt64>
    var since: ContinuousClock.Instant
    var session: Int32?
    var timer: Task<Void, Never>?
    var resume: @Sendable () -> Void
  }

  private struct State {
    var subscribers: [UInt64: EventSubscriber] = [:]
    var last: UInt64 = 0
    var settings = Settings()
    /// By number, which is their age.
    var waits: [UInt64: Wait] = [:]
    var onDrop: (@Sendable (EventSubscriber, Drop) -> Void)?
    /// Sessions that wait for an acknowledgement of an audit record: how many, and who goes on after it.
    var suspended: [Int32: (count: Int, bodies: [@Sendable () -> Void])] = [:]
  }

  private let state = Mutex(State())
  private let wanted = Atomic<UInt32>(0)
  private let verbosity = Atomic<Int>(-1)
  private let suspensions = Atomic<Int>(0)

  public init() {}

  public var settings: Settings {
    get { state.withLock { $0.settings } }
    set { state.withLock { $0.settings = newValue } }
  }

  /// Called when a subscriber was dropped, for the log.
  func onDrop(_ body: @escaping @Sendable (EventSubscriber, Drop) -> Void) { state.withLock { $0.onDrop = body } }

  // MARK: Subscribers

  /// - Parameters:
  ///   - name: for log lines.
  ///   - wake: something waits in the buffer that was empty. May be called on any thread, also from within ``emit(_:_:)``.
  ///   - dropped: the subscription is over: the connection has to close.
  public func subscribe(
    _ subscription: EventSubscription, name: String, wake: @escaping @Sendable () -> Void,
    dropped: @escaping @Sendable (Drop) -> Void
  ) -> EventSubscriber {
    state.withLock { state in
      state.last &+= 1
      let subscriber = EventSubscriber(
        id: state.last, subscription, name: name, events: state.settings.bufferedEvents, bytes: state.settings.bufferedBytes,
        wake: wake, dropped: dropped)
      state.subscribers[subscriber.id] = subscriber
      update(state)
      return subscriber
    }
  }

  /// The connection is gone. Counts as an answer to everything.
  /// - Returns: false when the subscription was over before.
  @discardableResult
  public func unsubscribe(_ subscriber: EventSubscriber) -> Bool {
    let due = state.withLock { state -> [Wait]? in
      guard state.subscribers.removeValue(forKey: subscriber.id) != nil else { return nil }
      update(state)
      return Self.answerAll(of: subscriber.id, &state)
    }
    guard let due else { return false }
    release(due)
    return true
  }

  /// Ends a subscription for what the subscriber did or did not do.
  public func drop(_ subscriber: EventSubscriber, _ reason: Drop) {
    // Several threads may want it at the same time.
    guard unsubscribe(subscriber) else { return }
    state.withLock { $0.onDrop }?(subscriber, reason)
    subscriber.dropped(reason)
  }

  private func update(_ state: borrowing State) {
    let masks = state.subscribers.values.map(\.mask)
    wanted.store(masks.reduce(0) { $0 | $1.rawValue }, ordering: .releasing)
    let traced = state.subscribers.values.filter { !$0.mask.isDisjoint(with: [.progress, .commitProgress]) }
    verbosity.store(traced.map(\.subscription.verbosity).max() ?? -1, ordering: .releasing)
  }

  public var subscribers: [EventSubscriber] { state.withLock { $0.subscribers.values.sorted { $0.id < $1.id } } }

  // MARK: Telling

  /// Whether somebody wants this kind now.
  @inline(__always)
  public func wants(_ kind: EventMask) -> Bool { wanted.load(ordering: .relaxed) & kind.rawValue != 0 }

  /// Whether somebody wants progress of this verbosity.
  @inline(__always)
  public func wantsProgress(_ level: Int) -> Bool { verbosity.load(ordering: .relaxed) >= level }

  /// Tells whoever wants this kind; `make` is called only then.
  public func emit(_ kind: EventMask, _ make: () -> DaemonEvent) {
    guard wants(kind) else { return }
    deliver(make()) { $0.mask.contains(kind) }
  }

  /// Tells progress: under its old name to those who asked for commits by it.
  func emitProgress(_ record: ProgressRecord, verbosity level: Int, isCommit: Bool) {
    guard wantsProgress(level) else { return }
    deliver(.progress(.progress, record)) { $0.mask.contains(.progress) && $0.subscription.verbosity >= level }
    guard isCommit, wants(.commitProgress) else { return }
    deliver(.progress(.commitProgress, record)) { $0.mask.contains(.commitProgress) && $0.subscription.verbosity >= level }
  }

  /// Tells one subscriber, as timers do.
  public func emit(_ event: DaemonEvent, to subscriber: EventSubscriber) {
    if !subscriber.add(event) { drop(subscriber, .bufferFull) }
  }

  private func deliver(_ event: DaemonEvent, where condition: (EventSubscriber) -> Bool) {
    // Put into the buffers in one go, so that every subscriber sees events in the order in which they were told.
    let (woken, full) = state.withLock { state -> ([EventSubscriber], [EventSubscriber]) in
      var woken: [EventSubscriber] = []
      var full: [EventSubscriber] = []
      for subscriber in state.subscribers.values where condition(subscriber) {
        switch subscriber.append(event) {
        case .first: woken.append(subscriber)
        case .more: break
        case .full: full.append(subscriber)
        }
      }
      return (woken, full)
    }
    for subscriber in woken { subscriber.wake() }
    for subscriber in full { drop(subscriber, .bufferFull) }
  }

  // MARK: Waiting for acknowledgements

  /// Tells whoever wants this kind, and calls `body` once: when all whose mask has all of `mask` have acknowledged, are gone,
  /// or were dropped for not doing it in time; at once where nobody is to be waited for.
  /// - Parameters:
  ///   - session: is suspended meanwhile; see ``afterSuspension(of:_:)``.
  /// - Returns: what ``giveUp(_:)`` takes.
  @discardableResult
  func emit(
    _ event: DaemonEvent, awaiting key: EventAcknowledgement, from mask: EventMask, suspending session: Int32? = nil,
    then body: @escaping @Sendable () -> Void
  ) -> UInt64? {
    let number = state.withLock { state -> UInt64? in
      let missing = Set(state.subscribers.values.filter { $0.mask.isSuperset(of: mask) }.map(\.id))
      guard !missing.isEmpty else { return nil }
      state.last &+= 1
      let number = state.last
      state.waits[number] = Wait(
        key: key, missing: missing, since: .now, session: session, timer: nil, resume: body)
      if let session {
        state.suspended[session, default: (0, [])].count += 1
        suspensions.add(1, ordering: .releasing)
      }
      return number
    }
    deliver(event) { $0.mask.contains(event.kind) }
    guard let number else {
      body()
      return nil
    }
    let limit = settings.replyTimeout
    let timer = Task { [weak self] in
      do { try await Task.sleep(for: limit) } catch { return }
      self?.expire(number)
    }
    let isOver = state.withLock { state in
      guard state.waits[number] != nil else { return true }
      state.waits[number]?.timer = timer
      return false
    }
    if isOver { timer.cancel() }
    return number
  }

  /// As above, for tasks.
  func emit(_ event: DaemonEvent, awaiting key: EventAcknowledgement, from mask: EventMask) async {
    await withCheckedContinuation { continuation in
      emit(event, awaiting: key, from: mask) { continuation.resume() }
    }
  }

  /// Ends a wait whose cause is gone.
  func giveUp(_ number: UInt64) {
    let due = state.withLock { Self.end(number, &$0) }
    release(due)
  }

  /// A subscriber has dealt with an event. One that nobody waits for is ignored.
  public func acknowledge(_ key: EventAcknowledgement, by subscriber: EventSubscriber) {
    let due = state.withLock { state -> [Wait] in
      // The oldest first (section 6).
      let waiting = state.waits.filter { $0.value.missing.contains(subscriber.id) && $0.value.key == key }
      guard let number = waiting.keys.min() else { return [] }
      state.waits[number]?.missing.remove(subscriber.id)
      guard state.waits[number]?.missing.isEmpty == true else { return [] }
      return Self.end(number, &state)
    }
    release(due)
  }

  /// What is awaited from a subscriber, the oldest first, for people.
  public func awaited(from subscriber: EventSubscriber) -> [String] {
    let waits = state.withLock { state in
      state.waits.filter { $0.value.missing.contains(subscriber.id) }.sorted { $0.key < $1.key }.map(\.value)
    }
    return waits.map { "\(Self.text(of: $0.key)), for \((ContinuousClock.now - $0.since).components.seconds) s" }
  }

  /// Who holds commits up by not acknowledging them, for texts of refusals; nil: nobody.
  var waitingText: String? {
    let (subscribers, waits) = state.withLock { ($0.subscribers, $0.waits.values.filter { $0.key.isOfCommit }) }
    guard let wait = waits.min(by: { $0.since < $1.since }) else { return nil }
    let names = wait.missing.sorted().compactMap { subscribers[$0]?.name }
    guard !names.isEmpty else { return nil }
    return
      "it waits for \(Self.text(of: wait.key)) by \(names.joined(separator: ", ")), for \((ContinuousClock.now - wait.since).components.seconds) s"
  }

  private func expire(_ number: UInt64) {
    let (late, key) = state.withLock { state -> ([EventSubscriber], EventAcknowledgement?) in
      let wait = state.waits[number]
      return (wait?.missing.sorted().compactMap { state.subscribers[$0] } ?? [], wait?.key)
    }
    guard let key else { return }
    for subscriber in late { drop(subscriber, .noAcknowledgement(Self.text(of: key))) }
    giveUp(number)
  }

  private static func text(of key: EventAcknowledgement) -> String {
    switch key {
    case .commitDiff(let transaction): "the acknowledgement of COMMIT_DIFF for transaction \(transaction)"
    case .audit(let session): "the acknowledgement of AUDIT for session \(session)"
    case .auditNetwork(let session): "the acknowledgement of AUDIT_NETWORK for session \(session)"
    case .ha: "the acknowledgement of HA_INFO"
    }
  }

  private static func end(_ number: UInt64, _ state: inout State) -> [Wait] {
    guard let wait = state.waits.removeValue(forKey: number) else { return [] }
    wait.timer?.cancel()
    return [wait]
  }

  private static func answerAll(of id: UInt64, _ state: inout State) -> [Wait] {
    var ended: [Wait] = []
    for number in state.waits.keys.sorted() where state.waits[number]?.missing.remove(id) != nil {
      if state.waits[number]?.missing.isEmpty == true { ended += end(number, &state) }
    }
    return ended
  }

  private func release(_ waits: [Wait]) {
    for wait in waits {
      wait.resume()
      guard let session = wait.session else { continue }
      let bodies = state.withLock { state -> [@Sendable () -> Void] in
        guard let entry = state.suspended[session] else { return [] }
        guard entry.count <= 1 else {
          state.suspended[session]?.count -= 1
          return []
        }
        state.suspended[session] = nil
        return entry.bodies
      }
      suspensions.subtract(1, ordering: .releasing)
      for body in bodies { body() }
    }
  }

  // MARK: Suspended sessions

  /// Whether any session waits for the acknowledgement of an audit record.
  @inline(__always)
  public var hasSuspensions: Bool { suspensions.load(ordering: .relaxed) > 0 }

  /// Calls `body` when the session may go on. False, and nothing will be called: it may at once.
  public func afterSuspension(of session: Int32, _ body: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      guard state.suspended[session] != nil else { return false }
      state.suspended[session]?.bodies.append(body)
      return true
    }
  }
}
