import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Commits with parameters (protocol part 04, section 4.8).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func parameters(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .applyTransactionWithParameters(let keepOpen, let values):
      let transaction = try own(call, "apply").transaction
      let parameters = try CommitParameters(values)
      if let dryRun = parameters.dryRun { return perform(dryRun, transaction, values, parameters.traceID, op) }
      transaction.parameters = values
      if let label = parameters.label { transaction.label = label }
      if let comment = parameters.comment { transaction.comment = comment }
      if let traceID = parameters.traceID { transaction.traceID = traceID }
      return apply(transaction, keepOpen, op)
    case .getTransactionParameters:
      out.writeReply(.tagged(try use(call).transaction.parameters), to: op)
      return .done
    default: return nil
    }
  }

  private func apply(_ transaction: Transaction, _ keepOpen: Bool, _ op: UInt32) -> FrameOutcome {
    let later = connection.later { (result: Result<Void, NSOError>, out) in
      switch result {
      case .success: out.writeDone(op)
      case .failure(let error): out.writeFailure(op: op, error)
      }
      return .done
    }
    let engine = engine
    services.run(for: later) { () async throws(NSOError) in try await engine.apply(transaction, keepOpen: keepOpen) }
    return .later
  }

  /// Nothing of it stays but what hooks have written: not its parameters either, which whoever takes part may ask for meanwhile.
  private func perform(
    _ dryRun: CommitParameters.DryRun, _ transaction: Transaction, _ values: [TaggedValue], _ traceID: String?, _ op: UInt32
  ) -> FrameOutcome {
    let later = connection.later { (result: Result<[TaggedValue], NSOError>, out) in
      switch result {
      case .success(let values): out.writeReply(.tagged(values), to: op)
      case .failure(let error): out.writeFailure(op: op, error)
      }
      return .done
    }
    let engine = engine
    services.run(for: later) { () async throws(NSOError) -> [TaggedValue] in
      try dryRun.requireSupport()
      let (before, trace) = (transaction.parameters, transaction.traceID)
      transaction.parameters = values
      transaction.traceID = traceID
      defer {
        transaction.parameters = before
        transaction.traceID = trace
      }
      try await engine.validate(transaction, unlock: true)
      return try dryRun.result(try transaction.view())
    }
    return .later
  }
}
