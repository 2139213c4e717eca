import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOWire

/// Events that clients ask for (protocol part 03, sections 7.9 to 7.11). The answer comes when the last subscriber is done.
extension CDBConnection {
  /// Nil: another kind of request.
  func trigger(_ request: CDBRequest, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome? {
    let engine = engine
    let caller = caller
    switch request {
    case .triggerSubscriptions(let points):
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.triggerSubscriptions(points, caller)
      }
    case .triggerOperationalSubscriptions(let points, let wait):
      let lock = wait ? Engine.LockWait() : nil
      pendingTrigger = lock
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.triggerOperationalSubscriptions(points, lock, caller)
      }
    case .replaySubscriptions(let term, let points):
      guard let id = NSOEngine.TransactionID(NSOWire.TransactionID(term)) else {
        out.writeFailure(
          op: op,
          NSOError(.protocolUsage, "what is to be replayed from is no transaction id: give one that GET_TXID has returned"))
        return .done
      }
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.replaySubscriptions(after: id, points, caller)
      }
    case .getReplayTransactionIDs:
      return connection.elsewhere(op, services) { (out) throws(NSOError) in
        let ids = try engine.replayTransactions().map(\.wire.term)
        out.writeTermVersion()
        out.writeTermList(ids) { $0.writeTerm($1) }
      }
    default: return nil
    }
  }
}

extension NSOEngine.TransactionID {
  /// Nil for ids that are not of this daemon's making.
  init?(_ id: NSOWire.TransactionID) {
    guard let parts = id.parts, let seconds = UInt32(exactly: parts.seconds),
      let microseconds = UInt32(exactly: parts.microseconds), let sequence = UInt32(exactly: parts.sequence)
    else { return nil }
    self.init(seconds: seconds, microseconds: microseconds, sequence: sequence)
  }

  var wire: NSOWire.TransactionID {
    NSOWire.TransactionID(seconds: Int64(seconds), microseconds: Int64(microseconds), sequence: Int64(sequence))
  }
}
