import NIOCore
import NSOModel
import NSOWire

/// An API that is not served, to this client or at all: the first frame is answered with the reason, in the API's own form,
/// and the connection closes (protocol part 01, sections 4.3 and 8).
final class UnservedAPI: APIConnection {
  private let client: ClientID
  private let hasOperations: Bool
  private let error: NSOError
  var clientName: String? { nil }

  /// - Parameter hasOperations: replies carry op codes; else they are bare terms.
  init(_ client: ClientID, hasOperations: Bool = false, _ error: NSOError) {
    self.client = client
    self.hasOperations = hasOperations
    self.error = error
  }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    if hasOperations {
      let op = operationNumber(frame)
      // The client's name is never answered (CDB).
      if op == 0 { return .done }
      out.writeFailure(op: op, error)
    } else if client != .ha {
      // HA has no place for an error before the first order; those clients see the connection close.
      out.writeFrame { $0.writeBareError(error) }
    }
    return .close(.notServed(error.message))
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {
    let error = NSOError(.protocolUsage, "\(refusal)")
    if hasOperations { out.writeFailure(op: 0, error) } else { out.writeFrame { $0.writeBareError(error) } }
  }

  func closed() {}
}
