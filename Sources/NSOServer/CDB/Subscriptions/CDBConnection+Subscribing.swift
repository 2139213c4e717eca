import Logging
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// Registering for events (protocol part 03, sections 7.1, 7.2, 7.5, 7.7 and 7.8).
extension CDBConnection {
  /// Nil: another kind of request.
  func subscribe(_ request: CDBRequest, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome? {
    switch request {
    case .subscribe(let point):
      let kind: SubscriptionRegistry.PointKind =
        switch point.kind {
        case .running: .running
        case .runningTwoPhase: .twoPhase
        case .operational: .operational
        }
      add(
        SubscriptionRegistry.Request(
          point.path, namespace: point.namespace, kind: kind, priority: point.priority,
          wantsAbortOnAbort: point.wantsAbortOnAbort),
        op, &out)
    case .operationalSubscribe(let namespace, let path):
      add(SubscriptionRegistry.Request(path, namespace: namespace, kind: .operational), op, &out)
    case .unsubscribe(let point):
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        try engine.subscriptions.unsubscribe(registered(), point)
      }
    case .mandatorySubscriber(let name):
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        guard !name.isEmpty else { throw NSOError(.protocolUsage, "\(description): a mandatory subscriber needs a name") }
        try engine.subscriptions.makeMandatory(registered(), name)
      }
    case .subscribeDone:
      engine.subscriptions.activate(registered())
      out.writeDone(op)
    case .syncSubscription(let sync):
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        try engine.subscriptions.answer(registered(), answer(sync))
        // The reply goes out before the next event, which takes a turn of the event loop.
        subscriber.event = nil
        iteration = nil
        subscriber.iteration = nil
      }
    case .setTimeout(let seconds):
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        guard let id = subscriber.id, subscriber.event != nil else {
          throw NSOError(
            .badState, "no event is outstanding on this connection: only the answer to an event has a time limit here")
        }
        try engine.subscriptions.setTimeLimit(id, seconds: seconds)
      }
    default: return nil
    }
    return .done
  }

  private func add(_ request: SubscriptionRegistry.Request, _ op: UInt32, _ out: inout ByteBuffer) {
    out.writeAnswer(to: op) { (out) throws(NSOError) in
      let number = try engine.subscriptions.subscribe(registered(), request, engine.model)
      out.writeAnswer(number)
    }
  }

  /// The subscriber that this connection is.
  private func registered() -> SubscriberID {
    if let id = subscriber.id { return id }
    let id = engine.subscriptions.register(
      description, process: connection.clientProcess, SubscriberLink(self, connection.eventLoop))
    subscriber.id = id
    return id
  }

  private func answer(_ sync: SyncSubscription) -> SubscriptionAnswer {
    switch sync {
    case .donePriority: .donePriority
    case .doneSocket: .doneSubscriber
    case .doneTransaction: .doneTransaction
    case .doneOperational: .doneOperational
    case .abort(let abort): .abort(refusal(abort))
    }
  }

  /// What the one who commits is told; what is for logs only goes there (protocol part 03, section 7.6).
  private func refusal(_ abort: SubscriptionAbort) -> NSOError {
    var error = abort.error
    connection.logger.info("\(description) refuses a transaction: \(error)")
    switch error.code {
    case .accessDenied: error.message = "access denied"
    case .applicationInternal: error.message = "\(clientName ?? "a subscriber") had an internal error; its reason is in the log"
    default: if error.message.isEmpty { error.message = "\(clientName ?? "a subscriber") refuses the transaction" }
    }
    return error
  }

  /// Gives up all points, and the event that is outstanding; nobody waits for it any more.
  func leave() {
    if let id = subscriber.id { engine.subscriptions.remove(id) }
    subscriber = SubscriberState()
    iteration = nil
  }
}
