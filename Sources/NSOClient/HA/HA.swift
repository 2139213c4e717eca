import NIOCore
public import NSOModel
import NSOWire

/// Orders about a node's role in its cluster (protocol part 06, section 8). Made by ``NSOClient/withHA(token:_:)``.
///
/// Each order throws `NSOError` when the daemon refuses it: `badState` in start phase 0 and where high availability is not enabled, the
/// HA codes, `notImplemented`.
public struct HA: Sendable {
  let connection: Connection

  /// The node becomes primary, under this name.
  public func bePrimary(_ node: String) async throws { try await bePrimary(.string(node)) }

  public func bePrimary(_ node: Value) async throws { try await order(.bePrimary(node: node)) }

  /// The node follows a primary.
  /// - Parameter waits: whether to return only when the data is here; else the outcome comes as an event.
  public func beSecondary(_ node: String, primary: HANode, waits: Bool = true) async throws {
    let order = HAOrder.beSecondary(node: .string(node), primary: primary, waits: waits)
    if waits {
      try await self.order(order)
    } else {
      try await connection.notify(frame(order))
    }
  }

  /// The node has no role any more.
  public func beNone() async throws { try await order(.beNone) }

  public func status() async throws -> HAStatus {
    guard case .status(let status) = try await reply(to: .getStatus) else { throw ReplyMismatch() }
    return status
  }

  /// A secondary of this primary is known to be gone.
  public func secondaryDead(_ node: String) async throws { try await order(.secondaryDead(node: .string(node))) }

  /// Older daemons only.
  public func beRelay() async throws { try await order(.beRelay) }

  private func order(_ order: HAOrder) async throws {
    guard case .ok = try await reply(to: order) else { throw ReplyMismatch() }
  }

  private func frame(_ order: HAOrder) -> ByteBuffer {
    var frame = ByteBuffer()
    frame.writeFrame { order.write(into: &$0) }
    return frame
  }

  private func reply(to order: HAOrder) async throws -> HAReply {
    let reply = try HAReply(try await connection.request(frame(order)))
    if case .failure(let error) = reply { throw error }
    return reply
  }
}

extension NSOClient {
  /// Opens an HA connection for the duration of `body`. The daemon keeps one at a time: it closes the one before.
  /// - Parameter token: the secret that all nodes of the cluster share; may be empty.
  public nonisolated(nonsending) func withHA<Result>(
    token: String = "", _ body: nonisolated(nonsending) (HA) async throws -> Result
  ) async throws -> Result {
    try await withConnection(.ha) { connection in
      var frame = ByteBuffer()
      frame.writeFrame { _ = $0.writeString(token) }
      try await connection.notify(frame)
      return try await body(HA(connection: connection))
    }
  }
}
