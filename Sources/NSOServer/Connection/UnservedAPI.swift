import NIOCore
import NSOModel

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
      BareError.write(NSOError(.notImplemented, text), &out)
    }
    return .close(.notServed("\(text) by this daemon: use a daemon that serves them"))
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {
    BareError.write(NSOError(.protocolUsage, "\(refusal)"), &out)
  }

  func closed() {}
}

/// A whole frame with the error of connections without op codes: `{'error', Code, Message}`.
enum BareError {
  static func write(_ error: NSOError, _ out: inout ByteBuffer) {
    let text = Array(error.message.utf8)
    // Version, tuple of 3, atom of 5 letters, integer of 4 bytes, binary.
    out.writeInteger(UInt32(1 + 2 + 3 + 5 + 5 + 5 + text.count))
    out.writeBytes([131, 104, 3, 100, 0, 5])
    out.writeStaticString("error")
    out.writeInteger(UInt8(98))
    out.writeInteger(error.code.rawValue)
    out.writeInteger(UInt8(109))
    out.writeInteger(UInt32(text.count))
    out.writeBytes(text)
  }
}
