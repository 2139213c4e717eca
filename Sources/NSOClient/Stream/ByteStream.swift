public import NIOCore
import NSOTerms
import NSOWire

/// Bytes that the daemon sends on a stream connection (protocol part 01, section 4.3; part 04, section 6). Chunks come as they arrive;
/// reading from the socket stops while too many wait.
public struct IncomingBytes: AsyncSequence, Sendable {
  let exchange: Connection.Exchange

  public func makeAsyncIterator() -> Iterator { Iterator(exchange: exchange) }

  public struct Iterator: AsyncIteratorProtocol {
    let exchange: Connection.Exchange

    public mutating func next() async throws -> ByteBuffer? { try await exchange.next() }
  }
}

/// Bytes to the daemon on a stream connection. Each write returns when the operating system has taken the bytes.
public struct OutgoingBytes: Sendable {
  let exchange: Connection.Exchange

  /// - Throws: `ConnectionError` when the daemon does not read any more, as it does after an error in the data.
  public func write(_ bytes: ByteBuffer) async throws {
    guard bytes.readableBytes > 0 else { return }
    try await exchange.send(bytes)
  }

  public func write(_ text: String) async throws { try await write(ByteBuffer(string: text)) }
}

extension NSOClient {
  /// Opens a stream connection for the id of an earlier request. The daemon waits for it 10 seconds.
  nonisolated(nonsending) func withStream<Result>(
    id: Int32, _ body: nonisolated(nonsending) (Connection.Exchange) async throws -> Result
  ) async throws -> Result {
    try await withConnection(.stream) { connection in
      try await connection.withExchange { exchange in
        var opening = ByteBuffer()
        opening.writeFrame { StreamOpening(id: id).write(into: &$0) }
        exchange.switchToRaw()
        try await exchange.send(opening)
        return try await body(exchange)
      }
    }
  }
}
