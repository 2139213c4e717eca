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

  /// What points cover, in words.
  static func texts(of points: [Int32], _ state: State) -> String {
    points.compactMap { state.points[$0]?.pattern.text }.joined(separator: ", ")
  }
}
