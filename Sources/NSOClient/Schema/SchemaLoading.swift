import NIOCore
import NSOModel
public import NSOWire

extension NSOClient {
  /// Loads the names, types and structure of all data models, over a connection of its own (protocol part 07).
  public func loadSchema() async throws -> ClientSchema {
    try await withMAAPI { maapi in try await maapi.loadSchema() }
  }
}

extension MAAPI {
  /// Loads the names, types and structure of all data models (protocol part 07). Needs no user session.
  public func loadSchema() async throws -> ClientSchema {
    try await connection.withExchange { exchange in
      var request = ByteBuffer()
      request.writeFrame { MAAPICall(.loadAllNamespaces("ikp")).write(into: &$0) }
      try await exchange.send(request)
      var loader = ClientSchema.Loader()
      while let frame = try await exchange.next() {
        // Bare terms begin with 131; a reply with an operation number can only be a refusal.
        if frame.getInteger(at: frame.readerIndex, as: UInt8.self) != 131, case .failure(_, let error) = try ReplyFrame(frame) {
          throw error
        }
        if let schema = try loader.add(SchemaItem.items(in: frame)) { return schema }
      }
      throw ConnectionError(
        .closed, .conversation, connection.endpoint, "the daemon closed the connection while it sent the schema")
    }
  }
}
