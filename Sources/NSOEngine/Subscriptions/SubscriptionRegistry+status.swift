import NSOModel
import Synchronization

extension SubscriptionRegistry {
  /// A subscriber as `ncs --status` shows it. Times are seconds since 1970-01-01 UTC.
  public struct SubscriberStatus: Sendable {
    public struct Point: Sendable {
      public var number: Int32
      public var kind: PointKind
      public var priority: Int32
      public var text: String
    }

    public var description: String
    public var since: Int64
    public var points: [Point]
    public var isActive: Bool
    public var mandatoryName: String?
    /// The event it works on, and since when.
    public var outstanding: (kind: SubscriptionNotice.Kind, points: [Int32], since: Int64)?
    /// Events behind that one.
    public var queued: Int
  }

  /// All subscribers, in the order in which they came.
  public var subscribers: [SubscriberStatus] {
    state.withLock { state in
      state.subscribers.sorted { $0.key < $1.key }.map { _, subscriber in
        SubscriberStatus(
          description: subscriber.description, since: subscriber.since,
          points: subscriber.points.sorted().compactMap { number in
            state.points[number].map {
              SubscriberStatus.Point(
                number: number, kind: $0.request.kind, priority: $0.request.priority, text: $0.pattern.text)
            }
          }, isActive: subscriber.isActive, mandatoryName: subscriber.mandatoryName,
          outstanding: subscriber.current.map { ($0.notice.kind, $0.notice.points, $0.since) }, queued: subscriber.queue.count)
      }
    }
  }

  /// Mandatory subscribers that are not there.
  public var missingMandatory: [String] { state.withLock { Self.missing($0) } }

  static func missing(_ state: State) -> [String] {
    var names = state.mandatory
    for subscriber in state.subscribers.values where subscriber.isActive {
      if let name = subscriber.mandatoryName { names.remove(name) }
    }
    return names.sorted()
  }

  /// Whom a commit is waiting for, in words; nil when it waits for no subscriber.
  public var waitingText: String? {
    let now = clock()
    let texts = state.withLock { state in
      state.subscribers.sorted { $0.key < $1.key }.compactMap { _, subscriber -> String? in
        guard let current = subscriber.current, current.notice.kind != .operational else { return nil }
        let points = Self.texts(of: current.notice.points, state)
        return
          "\(subscriber.description), subscribed to \(points), which has not answered its \(current.notice.kind.rawValue) event for \(now - current.since) s"
      }
    }
    return texts.isEmpty ? nil : "waiting for " + texts.joined(separator: "; ")
  }

  /// True while a subscriber has an event to answer.
  func isDealing(_ id: SubscriberID) -> Bool { state.withLock { $0.subscribers[id]?.current != nil } }

  /// An event that a subscriber is dealing with at this moment.
  struct Dealing: Sendable {
    struct ID: Hashable {
      var subscriber: SubscriberID
      var start: ContinuousClock.Instant
    }

    var id: ID
    var description: String
    var process: ClientProcess?
    var notice: SubscriptionNotice
    /// Seconds since 1970-01-01 UTC.
    var since: Int64
    var start: ContinuousClock.Instant { id.start }
  }

  var dealing: [Dealing] {
    state.withLock { state in
      state.subscribers.compactMap { id, subscriber in
        guard let current = subscriber.current else { return nil }
        return Dealing(
          id: Dealing.ID(subscriber: id, start: current.start), description: subscriber.description,
          process: subscriber.process, notice: current.notice,
          since: current.since)
      }
    }
  }

  /// What points cover, in words.
  func texts(of points: [Int32]) -> String { state.withLock { Self.texts(of: points, $0) } }

  /// Whether that event is not answered yet.
  func isOutstanding(_ event: Dealing) -> Bool {
    state.withLock { $0.subscribers[event.id.subscriber]?.current?.start == event.start }
  }
}
