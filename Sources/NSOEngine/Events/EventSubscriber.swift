public import NSOModel
import Synchronization

/// One subscriber of events: what it wants, and what waits for it. Made by ``EventHub/subscribe(_:name:wake:dropped:)``.
public final class EventSubscriber: Sendable {
  enum Appended { case first, more, full }

  private struct State {
    var events: [DaemonEvent] = []
    var bytes = 0
    var isFull = false
    var whenTaken: (@Sendable () -> Void)?
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
    let (events, whenTaken) = state.withLock { state in
      defer {
        state.events = []
        state.bytes = 0
      }
      return (state.events, state.whenTaken)
    }
    whenTaken?()
    return events
  }

  /// Calls `body` each time when the buffer has been emptied: for who has more than it holds. Nil: nobody any more.
  func whenTaken(_ body: (@Sendable () -> Void)?) { state.withLock { $0.whenTaken = body } }

  /// How many more events it should be given by who can wait; it holds more, for those who cannot.
  var room: Int {
    state.withLock { state in
      state.bytes < byteLimit / 4 && state.events.count * 2 < eventLimit ? max(1, eventLimit / 2 - state.events.count) : 0
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

extension ProgressRecord.Attribute {
  fileprivate var approximateSize: Int {
    let text = if case .text(let text) = value { text.utf8.count } else { 0 }
    return 64 + key.utf8.count + text
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
        record.message.utf8.count + record.annotation.utf8.count + record.subsystem.utf8.count
          + record.attributes.reduce(0) { $0 + $1.approximateSize }
          + record.links.reduce(0) { $0 + 64 + $1.trace.utf8.count + $1.span.utf8.count }
      case .stream(.notification(_, let values)): values.reduce(0) { $0 + $1.approximateSize }
      case .auditNetwork(let audit): audit.configuration.utf8.count
      default: 0
      }
    return 256 + texts
  }
}

extension TaggedValue {
  fileprivate var approximateSize: Int {
    guard case .value(let value) = content else { return 96 }
    return 96 + value.approximateSize
  }
}

extension Value {
  fileprivate var approximateSize: Int {
    switch self {
    case .string(let text): text.utf8.count
    case .binary(let bytes), .hexString(let bytes): bytes.count
    case .list(let values): values.reduce(0) { $0 + 32 + $1.approximateSize }
    default: 32
    }
  }
}
