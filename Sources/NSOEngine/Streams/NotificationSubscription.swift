import NSOModel

/// One subscriber of one notification stream. Unchecked, since it is touched only on the serial queue of its feed.
final class NotificationSubscription: @unchecked Sendable {
  enum Stage {
    /// Reads the store, from here on.
    case reading(ReplayStore.Position)
    /// The data provider sends what it has logged.
    case provider(ProviderReplay)
    case live
    case over
  }

  let subscriber: EventSubscriber
  let filter: NotificationFilter?
  /// Later than this; microseconds since 1970. Nil: no replay.
  let start: Int64?
  /// Not later than this.
  let stop: Int64?
  var stage = Stage.live
  /// The replay before the live feed, while what was in it may still come live.
  var replay: ProviderReplay?
  /// Ends a replay that goes on no more.
  var watch: Task<Void, Never>?
  /// Has more to read, when the subscriber has taken what it has.
  var waitsForRoom = false
  /// Ends it at its stop time.
  var timer: Task<Void, Never>?

  init(_ subscriber: EventSubscriber, _ filter: NotificationFilter?, start: Int64?, stop: Int64?) {
    self.subscriber = subscriber
    self.filter = filter
    self.start = start
    self.stop = stop
  }

  /// Whether a notification is in the time that was asked for.
  func covers(_ time: Int64) -> Bool { (start.map { time > $0 } ?? true) && (stop.map { time <= $0 } ?? true) }

  var isOver: Bool { if case .over = stage { true } else { false } }
}
