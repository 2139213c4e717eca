import NIOCore
import NSOEngine
import NSOModel
import NSOWire

/// A connection that gives orders about this node's role in a cluster (protocol part 06, section 8): a frame with the token,
/// then orders. There is one at a time; a new one takes over.
final class HAConnection: APIConnection {
  private unowned let connection: IPCConnection
  private let services: Services
  private var control: UInt64?
  /// An order without reply is being carried out.
  private var isUnattended = false

  private var ha: HighAvailability { services.engine.ha }

  var clientName: String? { control == nil ? nil : "HA controller" }
  /// The token may be empty.
  var acceptsEmptyFrames: Bool { control == nil }

  init(_ connection: IPCConnection, _ services: Services) {
    self.connection = connection
    self.services = services
  }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    guard control != nil else {
      // There is no other node to compare the token with.
      let loop = NIOLoopBound(connection, eventLoop: connection.eventLoop)
      control = ha.takeControl {
        loop.eventLoop.execute { loop.value.closeNow(.notServed("another HA controller has taken over")) }
      }
      return .done
    }
    let order: HAOrder
    do throws(DecodeError) {
      order = try HAOrder(frame)
    } catch {
      out.writeFrame { $0.writeBareError(error.reply) }
      return error.isFatal ? .close(.badFrame("\(error)")) : .done
    }
    // Nobody waits for this one: the outcome comes as an event (section 8.2).
    let hasReply: Bool
    if case .beSecondary(_, _, waits: false) = order { hasReply = false } else { hasReply = true }
    // One at a time: with another one the connection waits, else it alone could take all places.
    if !hasReply, !isUnattended {
      isUnattended = true
      let loop = NIOLoopBound(self, eventLoop: connection.eventLoop)
      ha.perform(order) { _ in loop.eventLoop.execute { loop.value.isUnattended = false } }
      return .done
    }
    let later = connection.later { (result: Result<HAStatus?, NSOError>, out) in
      guard hasReply else { return .done }
      let reply: HAReply =
        switch result {
        case .success(let status): status.map { .status($0) } ?? .ok
        case .failure(let error): .failure(error)
        }
      out.writeFrame { reply.write(into: &$0) }
      return .done
    }
    ha.perform(order) { later.deliver($0) }
    return .later
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {
    out.writeFrame { $0.writeBareError(NSOError(.protocolUsage, "\(refusal)")) }
  }

  /// The role stays.
  func closed() {
    if let control { ha.letGo(control) }
    control = nil
  }
}
