import Logging
import NIOCore
public import NSOModel
import NSOSchema
public import NSOTerms
import Synchronization

/// Who subscribes to what, whom events wait for, and in which order they come (protocol part 03, section 7). Points have
/// numbers of their own in the whole daemon.
public final class SubscriptionRegistry: Sendable {
  public enum PointKind: String, Sendable {
    case running
    /// Is asked before the commit, too.
    case twoPhase = "two-phase"
    case operational
  }

  /// What a client asks for.
  public struct Request: Sendable {
    public var kind: PointKind
    /// Lowest first; operational points have none.
    public var priority: Int32
    /// Whoever refuses a transaction is told of the abort all the same.
    public var wantsAbortOnAbort: Bool
    /// Of the path's first element; empty for any.
    public var namespace: String
    public var path: MatchPath

    public init(
      _ path: MatchPath, namespace: String = "", kind: PointKind = .running, priority: Int32 = 0,
      wantsAbortOnAbort: Bool = false
    ) {
      self.kind = kind
      self.priority = priority
      self.wantsAbortOnAbort = wantsAbortOnAbort
      self.namespace = namespace
      self.path = path
    }
  }

  struct Point {
    var number: Int32
    var subscriber: SubscriberID
    var request: Request
    var pattern: SubscriptionPattern
    /// What `pattern` was made for.
    var model: DataModel
  }

  struct Outstanding {
    var notice: SubscriptionNotice
    var step: DeliveryStep
    /// Seconds since 1970-01-01 UTC, from the delivery on.
    var since: Int64
    /// The same for time limits: not moved by anybody who sets the clock.
    var start = ContinuousClock.now

    mutating func begin(_ now: Int64) {
      since = now
      start = .now
    }
  }

  struct Subscriber {
    var description: String
    var process: ClientProcess?
    var port: any SubscriberPort
    var since: Int64
    var points: Set<Int32> = []
    /// It has said that all points are there.
    var isActive = false
    var mandatoryName: String?
    var current: Outstanding?
    var queue = CircularBuffer<Outstanding>(initialCapacity: 0)
  }

  struct State {
    var subscribers: [SubscriberID: Subscriber] = [:]
    var points: [Int32: Point] = [:]
    var lastSubscriber: SubscriberID = 0
    var lastPoint: Int32 = 0
    /// How many points are in use: of the configuration, and of operational data.
    var inUse = (configuration: 0, operational: 0)
    /// Names that must be there for any commit; kept until the daemon ends.
    var mandatory: Set<String> = []
    var timeLimit: Duration?
    var onExpulsion: (@Sendable (SubscriptionNotice, String) -> Void)?
  }

  let state = Mutex(State())
  let log: Logger
  let clock: @Sendable () -> Int64
  private let concernsCommits = Atomic(false)
  private let hasOperational = Atomic(false)

  init(log: Logger, clock: @escaping @Sendable () -> Int64) {
    self.log = log
    self.clock = clock
  }

  /// How long a subscriber may take for an event; nil: as long as it likes (`cdb/client-timeout`).
  public var timeLimit: Duration? {
    get { state.withLock { $0.timeLimit } }
    set { state.withLock { $0.timeLimit = newValue } }
  }

  /// Called when a subscriber was given up over an event: for whoever waits for it.
  func onExpulsion(_ body: @escaping @Sendable (_ notice: SubscriptionNotice, _ text: String) -> Void) {
    state.withLock { $0.onExpulsion = body }
  }

  /// False: no commit concerns anybody here. Costs nothing to ask.
  var isConcerned: Bool { concernsCommits.load(ordering: .acquiring) }
  var hasOperationalPoints: Bool { hasOperational.load(ordering: .acquiring) }

  /// Points of one kind come into use, or go out of it.
  private func count(_ change: Int, _ kind: PointKind, _ state: inout State) {
    if kind == .operational { state.inUse.operational += change } else { state.inUse.configuration += change }
  }

  private func updateConcern(_ state: State) {
    concernsCommits.store(!state.mandatory.isEmpty || state.inUse.configuration > 0, ordering: .releasing)
    hasOperational.store(state.inUse.operational > 0, ordering: .releasing)
  }

  // MARK: Coming and going

  /// - Parameters:
  ///   - description: for texts: name and place.
  ///   - process: the process it runs in, if known.
  public func register(_ description: String, process: ClientProcess?, _ port: any SubscriberPort) -> SubscriberID {
    let now = clock()
    return state.withLock { state in
      state.lastSubscriber &+= 1
      state.subscribers[state.lastSubscriber] = Subscriber(description: description, process: process, port: port, since: now)
      return state.lastSubscriber
    }
  }

  /// Adds a point.
  /// - Returns: its number.
  /// - Throws: BADPATH, NOEXISTS, BADTYPE: see ``SubscriptionPattern``; BADPATH for a point of the other kind of data,
  ///   PROTOUSAGE where a mandatory subscriber asks for another kind than two-phase.
  public func subscribe(_ id: SubscriberID, _ request: Request, _ model: DataModel) throws(NSOError) -> Int32 {
    let pattern = try SubscriptionPattern(request.path, namespace: request.namespace, model)
    try Self.checkKind(of: pattern, request.kind, model)
    return try state.withLock { state throws(NSOError) in
      guard let known = state.subscribers[id].map({ ($0.description, $0.mandatoryName, $0.isActive) }) else {
        throw Self.unknown
      }
      if let name = known.1, request.kind != .twoPhase {
        throw NSOError(
          .protocolUsage, "\(known.0) is the mandatory subscriber \(name): it can have two-phase points only")
      }
      guard state.points.count < Self.pointLimit else {
        throw NSOError(.resourceDenied, "there are \(state.points.count) subscription points, no more are allowed")
      }
      repeat {
        state.lastPoint = state.lastPoint == Int32.max ? 1 : state.lastPoint + 1
      } while state.points[state.lastPoint] != nil
      let number = state.lastPoint
      state.points[number] = Point(number: number, subscriber: id, request: request, pattern: pattern, model: model)
      state.subscribers[id]?.points.insert(number)
      if known.2 { count(1, request.kind, &state) }
      updateConcern(state)
      return number
    }
  }

  /// As many as one daemon is asked to keep.
  private static let pointLimit = 1 << 18

  private static func checkKind(of pattern: SubscriptionPattern, _ kind: PointKind, _ model: DataModel) throws(NSOError) {
    guard let node = pattern.node else { return }
    let isConfiguration = model[node].placement == .configuration
    // Containers and lists of the configuration may have operational data below.
    if kind == .operational {
      guard isConfiguration, model[node].kind == .leaf || model[node].kind == .leafList else { return }
      throw NSOError(.badPath, "\(pattern.text) is configuration: subscribe to it with type running (1), or two-phase (2)")
    }
    guard !isConfiguration else { return }
    throw NSOError(.badPath, "\(pattern.text) is operational data: subscribe to it with type operational (3)")
  }

  private static var unknown: NSOError { NSOError(.badState, "this connection has no subscriptions") }

  /// Removes a point.
  /// - Throws: NOEXISTS when the subscriber has no such point.
  public func unsubscribe(_ id: SubscriberID, _ number: Int32) throws(NSOError) {
    try state.withLock { state throws(NSOError) in
      guard let point = state.points[number], point.subscriber == id else {
        throw NSOError(.noExists, "subscription point \(number) is not one of this connection")
      }
      state.points[number] = nil
      state.subscribers[id]?.points.remove(number)
      if state.subscribers[id]?.isActive == true { count(-1, point.request.kind, &state) }
      updateConcern(state)
    }
  }

  /// From now on no commit goes through without a subscriber of this name (protocol part 03, section 7.8).
  /// - Throws: BADSTATE when it has points already.
  public func makeMandatory(_ id: SubscriberID, _ name: String) throws(NSOError) {
    try state.withLock { state throws(NSOError) in
      guard let subscriber = state.subscribers[id] else { throw Self.unknown }
      guard subscriber.mandatoryName != name else { return }
      guard subscriber.points.isEmpty, subscriber.mandatoryName == nil else {
        throw NSOError(
          .badState, "\(subscriber.description) has points already: the mandatory name comes before the first subscription")
      }
      state.subscribers[id]?.mandatoryName = name
      state.mandatory.insert(name)
      updateConcern(state)
    }
  }

  /// All points are there: events come from now on.
  public func activate(_ id: SubscriberID) {
    state.withLock { state in
      guard let subscriber = state.subscribers[id], !subscriber.isActive else { return }
      state.subscribers[id]?.isActive = true
      for number in subscriber.points {
        if let kind = state.points[number]?.request.kind { count(1, kind, &state) }
      }
      updateConcern(state)
    }
  }

  /// The subscriber is gone: nothing of it stays, and nobody waits for it any more.
  public func remove(_ id: SubscriberID) {
    let steps = state.withLock { state -> [DeliveryStep] in
      guard let subscriber = state.subscribers.removeValue(forKey: id) else { return [] }
      for number in subscriber.points {
        guard let point = state.points.removeValue(forKey: number), subscriber.isActive else { continue }
        count(-1, point.request.kind, &state)
      }
      updateConcern(state)
      return (subscriber.current.map { [$0] } ?? []).map(\.step) + subscriber.queue.map(\.step)
    }
    for step in steps { step.finish(id, .gone) }
  }

  // MARK: Events and answers

  /// Tells several subscribers at the same time and waits for all. Subscribers with an event at hand get it after that.
  /// - Parameter transaction: when it ends, the wait ends.
  func deliver(
    _ notices: [(SubscriberID, SubscriptionNotice)], while transaction: Transaction? = nil
  ) async -> [SubscriberID: DeliveryOutcome] {
    let step = DeliveryStep(notices.lazy.map(\.0))
    // Before the first one is told, who may set another limit at once.
    if let limit = timeLimit { setLimit(step, limit) }
    for (id, notice) in notices { enqueue(id, notice, step) }
    let token = transaction?.onEnd { step.abandon() }
    let outcomes = await step.outcomes()
    if let token { transaction?.forget(ending: token) }
    return outcomes
  }

  /// - Parameter pause: until somebody can be late; nil: the whole limit.
  private func setLimit(
    _ step: DeliveryStep, _ limit: Duration, since: ContinuousClock.Instant = .now, after pause: Duration? = nil
  ) {
    step.setLimit(pause ?? limit) { [weak self, weak step] in
      guard let self, let step else { return }
      self.expire(step, limit, since)
    }
  }

  /// Gives up who has had the event for the whole limit. The others, who had another event to answer first, have their time yet.
  private func expire(_ step: DeliveryStep, _ limit: Duration, _ since: ContinuousClock.Instant) {
    let now = ContinuousClock.now
    var next = limit
    for id in step.waiting {
      let start = state.withLock { state -> ContinuousClock.Instant? in
        guard let current = state.subscribers[id]?.current, current.step === step else { return nil }
        return current.start
      }
      guard let start else { continue }
      let left = max(start, since) + limit - now
      if left > .zero { next = min(next, left) } else { expel(id, step, after: limit) }
    }
    if !step.waiting.isEmpty { setLimit(step, limit, since: since, after: next) }
  }

  /// As many events as wait for one subscriber. Commits wait for each of theirs; writes of operational data do not.
  private static let queueLimit = 10_000

  private func enqueue(_ id: SubscriberID, _ notice: SubscriptionNotice, _ step: DeliveryStep) {
    let now = clock()
    enum Next {
      case deliver(any SubscriberPort)
      case wait
      case full(any SubscriberPort, String)
      case gone
    }
    let next = state.withLock { state -> Next in
      // Not the whole of it: the queue is not to be copied.
      guard
        let (port, description, queued) = state.subscribers[id].map({
          ($0.port, $0.description, $0.current == nil ? nil : $0.queue.count)
        })
      else { return .gone }
      let event = Outstanding(notice: notice, step: step, since: now)
      guard let queued else {
        state.subscribers[id]?.current = event
        return .deliver(port)
      }
      guard queued < Self.queueLimit else { return .full(port, description) }
      state.subscribers[id]?.queue.append(event)
      return .wait
    }
    switch next {
    case .deliver(let port): port.deliver(notice)
    case .wait: break
    case .full(let port, let description):
      log.error("\(description) does not answer its events: \(Self.queueLimit) wait for it. Its connection is closed")
      port.expel("\(Self.queueLimit) events wait for its answers")
      remove(id)
      step.finish(id, .gone)
    case .gone: step.finish(id, .gone)
    }
  }

  /// A subscriber has dealt with its event.
  /// - Throws: BADSTATE when it has none, PROTOUSAGE for an answer that does not belong to it; the event stays then.
  public func answer(_ id: SubscriberID, _ answer: SubscriptionAnswer) throws(NSOError) {
    let now = clock()
    let done: (step: DeliveryStep, next: (any SubscriberPort, SubscriptionNotice)?) = try state.withLock {
      state throws(NSOError) in
      guard let (port, description, outstanding) = state.subscribers[id].map({ ($0.port, $0.description, $0.current) }),
        let current = outstanding
      else { throw NSOError(.badState, "no event is outstanding on this connection: there is nothing to answer") }
      guard answer.fits(current.notice.kind) else {
        throw NSOError(
          .protocolUsage,
          "\(description): \(answer.name) is no answer to a \(current.notice.kind.rawValue) event; \(current.notice.kind.remedy)"
        )
      }
      guard var event = state.subscribers[id]?.queue.popFirst() else {
        state.subscribers[id]?.current = nil
        return (current.step, nil)
      }
      event.begin(now)
      state.subscribers[id]?.current = event
      return (current.step, (port, event.notice))
    }
    done.step.finish(id, .answered(answer))
    if let (port, notice) = done.next { port.deliver(notice) }
  }

  /// Gives the subscribers that are being waited for together with this one so many seconds from now.
  /// - Throws: BADSTATE without an event.
  public func setTimeLimit(_ id: SubscriberID, seconds: Int64) throws(NSOError) {
    guard seconds > 0, seconds < 1 << 31 else {
      throw NSOError(.protocolUsage, "\(seconds) is no time limit: a number of seconds above 0 is wanted")
    }
    guard let step = state.withLock({ $0.subscribers[id]?.current?.step }) else {
      throw NSOError(.badState, "no event is outstanding on this connection: a time limit is for dealing with one")
    }
    setLimit(step, .seconds(seconds))
  }

  private func expel(_ id: SubscriberID, _ step: DeliveryStep, after limit: Duration) {
    let seconds = limit.components.seconds
    let late = state.withLock {
      state -> (
        subscriber: Subscriber, notice: SubscriptionNotice, text: String,
        tell: (@Sendable (SubscriptionNotice, String) -> Void)?
      )? in
      // It may have answered in this moment.
      guard let subscriber = state.subscribers[id], let current = subscriber.current, current.step === step else { return nil }
      let text =
        "\(subscriber.description) did not answer a \(current.notice.kind.rawValue) event within \(seconds) s; it had subscribed to \(Self.texts(of: current.notice.points, state)) \(clock() - subscriber.since) s ago. Its connection is closed, delivery goes on without it"
      return (subscriber, current.notice, text, state.onExpulsion)
    }
    guard let late else { return }
    log.error("CDB_CLIENT_TIMEOUT \(late.text)")
    late.tell?(late.notice, late.text)
    late.subscriber.port.expel("it did not answer an event within \(seconds) s (cdb/client-timeout)")
    remove(id)
  }

  /// What points cover, in words.
  static func texts(of points: [Int32], _ state: State) -> String {
    points.compactMap { state.points[$0]?.pattern.text }.joined(separator: ", ")
  }
}

extension SubscriptionAnswer {
  fileprivate func fits(_ kind: SubscriptionNotice.Kind) -> Bool {
    switch (self, kind) {
    case (.donePriority, .prepare), (.donePriority, .commit), (.donePriority, .abort), (.doneSubscriber, .commit),
      (.doneTransaction, .commit), (.doneOperational, .operational), (.abort, .prepare):
      true
    default: false
    }
  }

  fileprivate var name: String {
    switch self {
    case .donePriority: "DONE_PRIORITY (1)"
    case .doneSubscriber: "DONE_SOCKET (2)"
    case .doneTransaction: "DONE_TRANSACTION (3)"
    case .doneOperational: "DONE_OPERATIONAL (4)"
    case .abort: "ABORT (5)"
    }
  }
}

extension SubscriptionNotice.Kind {
  fileprivate var remedy: String {
    switch self {
    case .prepare: "answer with DONE_PRIORITY (1), or refuse with ABORT (5)"
    case .commit: "answer with DONE_PRIORITY (1), DONE_SOCKET (2) or DONE_TRANSACTION (3)"
    case .abort: "answer with DONE_PRIORITY (1)"
    case .operational: "answer with DONE_OPERATIONAL (4)"
    }
  }
}
