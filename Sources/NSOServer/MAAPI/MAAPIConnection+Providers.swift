import NIOCore
import NSOEngine
import NSOModel
import NSOWire

/// Requests that need data of providers. They are carried out like all others; when data is missing that a provider has, it is
/// fetched, and the request is carried out again, until nothing is missing. Meanwhile the connection takes no other request,
/// and the event loop serves others.
extension MAAPIConnection {
  /// The request was carried out on the event loop: if all it lacked is an answer of a provider, waits for that.
  /// - Parameters:
  ///   - start: where its reply begins in `out`.
  ///   - hasWaited: it was carried out before.
  func settle(
    _ outcome: FrameOutcome, _ call: MAAPICall, _ op: UInt32, from start: Int, hasWaited: Bool = false, _ out: inout ByteBuffer
  ) -> FrameOutcome {
    // A failed reply: length, op with the error bit, code.
    guard case .done = outcome, out.getInteger(at: start + 8, as: UInt32.self) == ErrorCode.waitsForProvider.rawValue,
      out.getInteger(at: start + 4, as: UInt32.self).map({ $0 & 0x8000_0000 != 0 }) ?? false,
      let tree = (try? use(call))?.transaction.providerTree
    else {
      if hasWaited { (try? use(call))?.transaction.providerTree?.endOperation() }
      return outcome
    }
    out.moveWriterIndex(to: start)
    let later = connection.later(gone: { (_: Void) in tree.endOperation() }) { (result: Result<Void, NSOError>, out) in
      if case .failure(let error) = result {
        tree.endOperation()
        out.writeFailure(op: op, error)
        return .done
      }
      let start = out.writerIndex
      return self.settle(self.perform(call, op, &out), call, op, from: start, hasWaited: true, &out)
    }
    services.run(for: later) { () async throws(NSOError) in try await tree.fetchWanted() }
    return .later
  }
}
