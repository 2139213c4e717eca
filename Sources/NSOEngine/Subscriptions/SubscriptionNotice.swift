public import NSOModel
import Synchronization

/// One event for one subscriber (protocol part 03, section 7.3).
public struct SubscriptionNotice: Sendable {
  public enum Kind: String, Sendable {
    /// The commit can still be refused. Two-phase points only.
    case prepare
    case commit
    /// What was prepared does not take place.
    case abort
    case operational
  }

  public struct Flags: OptionSet, Sendable, Hashable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The last event of its kind for this subscriber in this transaction.
    public static var isLast: Self { Self(rawValue: 1) }
    /// Asked for by a client; nothing has changed.
    public static var trigger: Self { Self(rawValue: 2) }
    /// An unconfirmed commit is taken back: refusing is not possible.
    public static var revert: Self { Self(rawValue: 4) }
    public static var haSync: Self { Self(rawValue: 8) }
    public static var haIsSecondary: Self { Self(rawValue: 16) }
  }

  /// The transaction behind a change of the configuration.
  public struct Origin: Sendable, Hashable {
    public var session: Int32
    public var transaction: Int32
  }

  public var kind: Kind
  public var flags: Flags
  /// The subscriber's points that are concerned, in the order of their numbers; not empty.
  public var points: [Int32]
  /// What these cover, in the schema of the changes.
  public var patterns: [Int32: SubscriptionPattern]
  public var changes: SubscriptionChanges
  public var origin: Origin?
  /// The subscription lock that is held until the answer; only for writes of operational data, and their triggers.
  var lock: SubscriptionLock.Ticket?
}

/// What a subscriber says when it has dealt with an event (protocol part 03, section 7.5).
public enum SubscriptionAnswer: Sendable {
  case donePriority
  /// Nothing more of this transaction for this subscriber.
  case doneSubscriber
  /// Nothing more of this transaction for anybody.
  case doneTransaction
  case doneOperational
  /// Refuses the transaction; only to PREPARE.
  case abort(NSOError)
}

/// The way to a subscriber. Events come one at a time: the next one when the one before was answered.
public protocol SubscriberPort: Sendable {
  /// From any thread; must not wait.
  func deliver(_ notice: SubscriptionNotice)
  /// It was given up; its connection is to be closed.
  func expel(_ reason: String)
}

public typealias SubscriberID = UInt64

/// What happened to an event.
enum DeliveryOutcome: Sendable {
  case answered(SubscriptionAnswer)
  /// The subscriber went away without an answer.
  case gone
}

/// Several subscribers that are told at the same time, and the wait for all of them.
final class DeliveryStep: Sendable {
  private struct State {
    var waiting: Set<SubscriberID>
    var outcomes: [SubscriberID: DeliveryOutcome] = [:]
    var resume: CheckedContinuation<Void, Never>?
    var limit: Task<Void, Never>?
    var isOver = false
  }

  private let state: Mutex<State>

  init(_ subscribers: some Sequence<SubscriberID>) { state = Mutex(State(waiting: Set(subscribers))) }

  func finish(_ subscriber: SubscriberID, _ outcome: DeliveryOutcome) {
    let resume = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard !state.isOver, state.waiting.remove(subscriber) != nil else { return nil }
      state.outcomes[subscriber] = outcome
      return state.waiting.isEmpty ? Self.end(&state) : nil
    }
    resume?.resume()
  }

  /// Stops the wait: nobody is interested any more.
  func abandon() {
    state.withLock { $0.isOver ? nil : Self.end(&$0) }?.resume()
  }

  private static func end(_ state: inout State) -> CheckedContinuation<Void, Never>? {
    state.isOver = true
    state.limit?.cancel()
    state.limit = nil
    defer { state.resume = nil }
    return state.resume
  }

  /// Whom it waits for.
  var waiting: Set<SubscriberID> { state.withLock { $0.isOver ? [] : $0.waiting } }

  /// Waits until all have answered or gone, or the wait was abandoned.
  func outcomes() async -> [SubscriberID: DeliveryOutcome] {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.waiting.isEmpty { _ = Self.end(&state) }
        if !state.isOver { state.resume = continuation }
        return state.isOver
      }
      if isOver { continuation.resume() }
    }
    return state.withLock { $0.outcomes }
  }

  /// Calls `expired` when the time is over, instead of what was set before.
  func setLimit(_ time: Duration, _ expired: @escaping @Sendable () -> Void) {
    let task = Task {
      do { try await Task.sleep(for: time) } catch { return }
      expired()
    }
    let old = state.withLock { state -> Task<Void, Never>? in
      guard !state.isOver else { return task }
      defer { state.limit = task }
      return state.limit
    }
    old?.cancel()
  }
}
