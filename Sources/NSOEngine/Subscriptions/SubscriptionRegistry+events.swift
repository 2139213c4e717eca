import Logging
import NIOCore
public import NSOModel
import Synchronization

/// Events on their way to subscribers, and their answers.
extension SubscriptionRegistry {
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
