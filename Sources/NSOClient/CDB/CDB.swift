import NIOCore
import NSOModel
public import NSOWire

/// A CDB data connection (protocol part 03): the daemon's built-in database. Configuration is read here and never written; operational
/// data is read and written. One session at a time.
public struct CDB: Sendable {
  let connection: Connection

  init(connection: Connection) { self.connection = connection }

  package func close() { connection.close() }

  /// What the daemon said about itself in its hello: protocol version, version.
  public var daemon: HelloReply { connection.daemon }

  /// The first frame on the connection; it has no answer.
  func announce(name: String) async throws {
    var frame = ByteBuffer()
    frame.writeFrame { CDBCall(.clientName(name)).write(into: &$0) }
    try await connection.notify(frame)
  }
}

extension CDB: Caller {
  func reply(to request: CDBRequest) async throws -> Reply {
    guard let operation = request.operation else { throw NSOError(.notImplemented, "operation \(request.op) has no name") }
    return try await connection.call(operation) { CDBCall(request).write(into: &$0) }
  }
}

// MARK: - Without a session (protocol part 03, sections 6.4 and 6.5)

extension CDB {
  /// Waits until CDB has data: start phase 1 or later.
  public func waitForStart() async throws { try await done(.waitStart) }

  /// The start phase, and whether data is being initialized or upgraded.
  public func phase() async throws -> StartPhaseInfo {
    guard case .phase(let info) = try await reply(to: .getPhase) else { throw ReplyMismatch() }
    return info
  }

  /// Names the last configuration transaction: two equal ids mean that nothing has changed in between, a restart of the daemon
  /// included.
  public func transactionID() async throws -> TransactionID {
    guard case .transactionID(let id) = try await reply(to: .getTransactionID) else { throw ReplyMismatch() }
    return id
  }
}

// MARK: - Sessions (protocol part 03, section 6.2)

extension CDB {
  /// Has a session while `body` runs.
  ///
  /// - Parameters:
  ///   - database: what to read; `.operational` can be written too.
  ///   - locks: nil for what is usual: a read lock for the whole session on running and startup, none on the others. While a read
  ///     lock is held nobody can commit, so keep such sessions short.
  /// - Throws: `locked` when a transaction is being written and `.lockWait` is not among the locks.
  public nonisolated(nonsending) func withSession<Result>(
    _ database: CDBDatabase = .running, locks: NewSession.Options? = nil,
    _ body: nonisolated(nonsending) (CDBSession) async throws -> Result
  ) async throws -> Result {
    let session = try await startSession(database, locks: locks)
    do {
      let result = try await body(session)
      try await session.end()
      return result
    } catch {
      await connection.cleanUp("end the session") { try await session.end() }
      throw error
    }
  }

  /// Starts a session; ``CDBSession/end()`` ends it, as does the end of the connection.
  public func startSession(_ database: CDBDatabase = .running, locks: NewSession.Options? = nil) async throws -> CDBSession {
    try await done(.newSession(NewSession(database, options: locks)))
    return CDBSession(cdb: self, database: database)
  }
}
