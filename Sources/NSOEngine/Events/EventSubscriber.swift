public import NSOModel
import Synchronization

/// One subscriber of events: what it wants, and what waits for it. Made by ``EventHub/subscribe(_:name:wake:dropped:)``.
public final class EventSubscriber: Sendable {
  enum Appended { case first, more, full }

  private struct State {
    var events: [DaemonEvent] = []
    var bytes = 0
    var isFull = false
  }

  let id: UInt64
  public let subscription: EventSubscription
  /// For log lines.
  public let name: String
  let wake: @Sendable () -> Void
  let dropped: @Sendable (EventHub.Drop) -> Void
  private let eventLimit: Int
  private let byteLimit: Int
  private let state = Mutex(State())

  var mask: EventMask { subscription.mask }

  init(
    id: UInt64, _ subscription: EventSubscription, name: String, events: Int, bytes: Int,
    wake: @escaping @Sendable () -> Void, dropped: @escaping @Sendable (EventHub.Drop) -> Void
  ) {
    self.id = id
    self.subscription = subscription
    self.name = name
    eventLimit = events
    byteLimit = bytes
    self.wake = wake
    self.dropped = dropped
  }

  /// All that waits, in order.
  public func take() -> [DaemonEvent] {
    state.withLock { state in
      defer {
        state.events = []
        state.bytes = 0
      }
      return state.events
    }
  }

  /// How many wait.
  public var waiting: Int { state.withLock { $0.events.count } }

  func append(_ event: DaemonEvent) -> Appended {
    state.withLock { state in
      let size = event.approximateSize
      guard !state.isFull, state.events.count < eventLimit, state.bytes + size <= byteLimit else {
        // Once something is missing nothing may follow.
        state.isFull = true
        return .full
      }
      state.events.append(event)
      state.bytes += size
      return state.events.count == 1 ? .first : .more
    }
  }

  /// False: the buffer is full.
  func add(_ event: DaemonEvent) -> Bool {
    switch append(event) {
    case .first:
      wake()
      return true
    case .more: return true
    case .full: return false
    }
  }
}

extension DaemonEvent {
  /// About how many bytes it holds; for bounds.
  var approximateSize: Int {
    let texts: Int =
      switch self {
      case .audit(let record): record.message.utf8.count
      case .log(_, let entry): entry.message.utf8.count
      case .commitDiff(let notice): (notice.comment?.utf8.count ?? 0) + (notice.label?.utf8.count ?? 0)
      case .progress(_, let record):
        record.message.utf8.count + record.annotation.utf8.count + 64 * (record.attributes.count + record.links.count)
      case .stream(.notification(_, let values)): 128 * values.count
      case .auditNetwork(let audit): audit.configuration.utf8.count
      default: 0
      }
    return 256 + texts
  }
}
