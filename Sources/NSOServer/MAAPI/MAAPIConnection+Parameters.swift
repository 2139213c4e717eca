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
      transaction.parameters = values
      if let label = parameters.label { transaction.label = label }
      if let comment = parameters.comment { transaction.comment = comment }
      return apply(transaction, keepOpen, parameters, op)
    case .getTransactionParameters:
      out.writeReply(.tagged(try use(call).transaction.parameters), to: op)
      return .done
    default: return nil
    }
  }

  private func apply(
    _ transaction: Transaction, _ keepOpen: Bool, _ parameters: CommitParameters, _ op: UInt32
  ) -> FrameOutcome {
    let later = connection.later { (result: Result<[TaggedValue], NSOError>, out) in
      switch result {
      case .success(let values) where values.isEmpty: out.writeDone(op)
      case .success(let values): out.writeReply(.tagged(values), to: op)
      case .failure(let error): out.writeFailure(op: op, error)
      }
      return .done
    }
    let engine = engine
    services.run(for: later) { () async throws(NSOError) -> [TaggedValue] in
      guard let dryRun = parameters.dryRun else {
        try await engine.apply(transaction, keepOpen: keepOpen)
        return []
      }
      try await engine.validate(transaction, unlock: true)
      return try dryRun.result(try transaction.view())
    }
    return .later
  }
}
