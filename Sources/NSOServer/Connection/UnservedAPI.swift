import NIOCore
import NSOModel
import NSOWire

/// An API that this daemon knows by name only: the first frame is answered with a clear refusal, in the API's own form,
/// and the connection closes (protocol part 01, sections 4.3 and 8.3).
final class UnservedAPI: APIConnection {
  private let client: ClientID
  var clientName: String? { nil }

  init(_ client: ClientID) { self.client = client }

  private var text: String { "\(client) connections are not supported yet" }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    // HA orders have no place for an error before the first order; those clients see the connection close.
    if client != .ha {
      out.writeFrame { $0.writeBareError(NSOError(.notImplemented, text)) }
    }
    return .close(.notServed("\(text) by this daemon: use a daemon that serves them"))
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {
    out.writeFrame { $0.writeBareError(NSOError(.protocolUsage, "\(refusal)")) }
  }

  func closed() {}
}
