import NSOModel

/// One subscriber of one notification stream. Touched only on the queue of its feed.
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

/// A replay that a data provider sends, and what happened meanwhile: what it logs while it sends comes live as well, in either
/// order, and the subscriber is told of it once.
struct ProviderReplay {
  /// The number that the provider gives with each notification.
  let number: Int32
  let instance: Int32
  let worker: Int32
  /// Came live and not yet in the replay.
  private(set) var held: [NotificationRecord] = []
  /// Came in the replay and not yet live: how often. Only the last ones.
  private var replayed: [NotificationRecord: Int] = [:]
  private var order: [NotificationRecord] = []
  private static let remembered = 1024
  static let heldLimit = 4096

  init(number: Int32, instance: Int32, worker: Int32) {
    self.number = number
    self.instance = instance
    self.worker = worker
  }

  /// Came in the replay: to be told.
  mutating func replay(_ record: NotificationRecord) {
    if let index = held.firstIndex(of: record) {
      held.remove(at: index)
      return
    }
    replayed[record, default: 0] += 1
    order.append(record)
    if order.count > Self.remembered { forget(order.removeFirst()) }
  }

  /// Came live, while or after the replay.
  /// - Returns: whether it was in the replay, and so has been told.
  mutating func wasReplayed(_ record: NotificationRecord) -> Bool {
    guard replayed[record] != nil else { return false }
    forget(record)
    if let index = order.firstIndex(of: record) { order.remove(at: index) }
    return true
  }

  /// Keeps what came live for the end of the replay.
  /// - Returns: false when it is too much.
  mutating func hold(_ record: NotificationRecord) -> Bool {
    guard held.count < Self.heldLimit else { return false }
    held.append(record)
    return true
  }

  private mutating func forget(_ record: NotificationRecord) {
    guard let count = replayed[record] else { return }
    replayed[record] = count > 1 ? count - 1 : nil
  }

  /// Takes what is to be told after the end of the replay.
  mutating func takeHeld() -> [NotificationRecord] {
    defer { held = [] }
    return held
  }
}
