import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms
public import NSOWire

extension MAAPI: Caller {
  func reply(to request: MAAPIRequest) async throws -> Reply { try await reply(to: request, nil) }

  func reply(to request: MAAPIRequest, _ handle: TransactionHandle?) async throws -> Reply {
    guard let operation = request.operation else { throw NSOError(.notImplemented, "operation \(request.op) has no name") }
    return try await connection.call(operation) { MAAPICall(request, handle: handle).write(into: &$0) }
  }

  func userSessionInfo(_ request: MAAPIRequest) async throws -> UserSessionInfo {
    guard case .userSession(let info) = try await reply(to: request) else { throw ReplyMismatch() }
    return info
  }

  func groupList(_ request: MAAPIRequest) async throws -> [String] {
    guard case .groups(let groups) = try await reply(to: request) else { throw ReplyMismatch() }
    return groups
  }
}

extension Transaction: Caller {
  func reply(to request: MAAPIRequest) async throws -> Reply { try await maapi.reply(to: request, handle) }
}

/// One change of a transaction.
public struct DataChange: Hashable, Sendable {
  public var path: Keypath
  public var kind: IterationItem.Change

  public init(path: Keypath, kind: IterationItem.Change) {
    self.path = path
    self.kind = kind
  }
}

extension MAAPI {
  /// Runs a lock-step iteration (protocol part 04, section 5.2): one item, one answer.
  ///
  /// - Parameter body: nil for an item that does not belong there.
  func iterate(
    _ request: MAAPIRequest, _ handle: TransactionHandle, _ body: (IterationItem) throws -> IterationAnswer?
  ) async throws {
    let outcome: Result<Void, any Error> = try await connection.withExchange { exchange in
      var frame = ByteBuffer()
      frame.writeFrame { MAAPICall(request, handle: handle).write(into: &$0) }
      return try await exchange.iterate(frame, connection, body)
    }
    try outcome.get()
  }
}

extension Term {
  /// A reason in whatever form it came.
  var messageText: String {
    if case .binary(let bytes) = self { return String(decoding: bytes, as: UTF8.self) }
    return description
  }
}
