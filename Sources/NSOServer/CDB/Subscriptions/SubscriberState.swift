import NSOEngine
import NSOModel
import NSOSchema
import NSOWire

/// What a connection has to do with subscriptions: its place in the engine's registry, the event that it works on, and one that
/// cannot be sent yet.
struct SubscriberState {
  /// Nil until it first subscribes.
  var id: SubscriberID?
  /// Sent and not answered.
  var event: SubscriptionNotice?
  /// To be sent as soon as no request is unanswered and the client reads.
  var held: SubscriptionNotice?
  /// What the iteration under way tells, and how far it has come.
  var iteration: SubscriptionIteration?
}

/// SUB_ITERATE: tells changes one at a time, and knows the last one told (protocol part 03, section 8.1).
final class SubscriptionIteration: Iteration {
  let items: [DataDifference]
  let changes: SubscriptionChanges
  private(set) var last: DataDifference?
  private let walk: DiffIteration

  init(_ items: [DataDifference], _ changes: SubscriptionChanges) {
    self.items = items
    self.changes = changes
    walk = DiffIteration(items)
  }

  func next(after answer: IterationAnswer?) throws(NSOError) -> IterationItem? {
    let item = try walk.next(after: answer)
    last = walk.last
    return item
  }
}
