import NIOCore
public import NSOModel
public import NSOWire

/// A MAAPI connection (protocol part 04): at most one user session, and the transactions that were started on it.
///
/// May be used from several tasks; requests queue and are answered one after the other. A request that waits in the daemon, such
/// as a commit, holds up the others: open more connections for independent work.
public struct MAAPI: Sendable {
  let connection: Connection
  let client: NSOClient

  init(connection: Connection, client: NSOClient) {
    self.connection = connection
    self.client = client
  }

  package func close() { connection.close() }

  /// What the daemon said about itself in its hello: protocol version, version.
  public var daemon: HelloReply { connection.daemon }
}

// MARK: - User sessions (protocol part 04, section 4.1)

extension MAAPI {
  /// Starts a session for a user whom the caller has authenticated, and binds it to this connection.
  ///
  /// Context `system` is free of authorization and session limits; other contexts are possible from start phase 2 on.
  /// - Throws: `alreadyExists` when the connection has a session, `badState` before the phase, `tooManySessions`.
  public func startUserSession(
    user: String = "system", groups: [String] = [], context: String = "system", from address: IPAddress = .loopback,
    port: UInt16 = 0,
    over transport: SessionProtocol = .tcp, identification: ClientIdentification? = nil
  ) async throws {
    try await done(
      .startUserSession(
        StartUserSession(
          user: user, address: address, port: Int(port), context: context, sessionProtocol: transport, groups: groups,
          identification: identification)))
  }

  /// Ends the session of this connection; the connection stays usable.
  public func endUserSession() async throws { try await done(.endUserSession) }

  /// Works on behalf of a session made elsewhere; closing the connection leaves it alive.
  public func useUserSession(_ id: UserSessionID) async throws { try await done(.setUserSession(id)) }

  /// The session of this connection.
  /// - Throws: `noExists` when it has none.
  public func currentUserSession() async throws -> UserSessionID { try await narrow(integer(.getMyUserSession)) }

  /// The ids of all sessions.
  public func userSessions() async throws -> [UserSessionID] { try await integers(.getUserSessions).map(narrow) }

  /// What the daemon knows about a session.
  public func userSession(_ id: UserSessionID) async throws -> UserSessionInfo {
    try await userSessionInfo(.getUserSession(id))
  }

  /// The groups that a session was started with.
  public func groups(of id: UserSessionID) async throws -> [String] { try await groupList(.getAuthorizationInfo(id)) }

  /// Ends another session, whoever owns it.
  public func killUserSession(_ id: UserSessionID) async throws { try await done(.killUserSession(id)) }

  /// Checks a name and password against the daemon's authentication; makes no session.
  /// - Throws: `accessDenied` when they are wrong.
  public func authenticate(user: String, password: String, origin: Authenticate.Origin? = nil) async throws {
    try await ignore(.authenticate(Authenticate(user: user, password: password, origin: origin)))
  }
}

// MARK: - Locks and datastores (protocol part 04, sections 4.3 and 4.4)

extension MAAPI {
  /// Takes the global lock on a datastore for the session of this connection.
  /// - Throws: `locked` when another session has it.
  public func lock(_ database: DatabaseName) async throws { try await done(.lock(database)) }

  public func unlock(_ database: DatabaseName) async throws { try await done(.unlock(database)) }

  /// The session that holds the global lock; nil when nobody does.
  public func lockOwner(of database: DatabaseName) async throws -> UserSessionID? {
    let owner: UserSessionID = try await narrow(integer(.isLockSet(database)))
    return owner == 0 ? nil : owner
  }

  /// Has the global lock while `body` runs.
  public nonisolated(nonsending) func withLock<Result>(
    on database: DatabaseName, _ body: nonisolated(nonsending) () async throws -> Result
  ) async throws -> Result {
    try await lock(database)
    do {
      let result = try await body()
      try await unlock(database)
      return result
    } catch {
      await connection.cleanUp("unlock") { try await unlock(database) }
      throw error
    }
  }

  /// Locks the nodes that XPath expressions select.
  /// - Returns: the id for ``unlockPartial(_:)``.
  public func lockPartial(_ database: DatabaseName, xpaths: [String]) async throws -> Int64 {
    try await integer(.lockPartial(database, xpaths: xpaths))
  }

  public func unlockPartial(_ id: Int64) async throws { try await done(.unlockPartial(lock: id)) }

  /// Copies the candidate into running, or confirms a confirmed commit.
  public func commitCandidate(_ commit: CandidateCommit = CandidateCommit()) async throws {
    try await done(.candidateCommit(commit))
  }

  /// Copies running into the candidate.
  public func resetCandidate() async throws { try await done(.candidateReset) }

  public func copyRunningToStartup() async throws { try await done(.copyRunningToStartup) }

  public func isCandidateModified() async throws -> Bool { try await bool(.isCandidateModified) }

  public func isRunningModified() async throws -> Bool { try await bool(.isRunningModified) }

  /// Deletes everything in a datastore.
  public func deleteConfiguration(of database: DatabaseName) async throws { try await done(.deleteConfig(database)) }
}

// MARK: - Transactions (protocol part 04, section 4.5)

extension MAAPI {
  /// Runs `body` with a transaction. A read-write transaction is validated and committed when `body` returns, and dropped when it
  /// throws; it is finished in any case.
  ///
  /// - Throws: what `body` throws, or the daemon's refusal of start or commit; nothing is committed then.
  public nonisolated(nonsending) func withTransaction<Result>(
    _ database: DatabaseName = .running, _ mode: TransactionMode = .readWrite, flags: TransactionFlags = [],
    _ body: nonisolated(nonsending) (Transaction) async throws -> Result
  ) async throws -> Result {
    let transaction = try await startTransaction(database, mode, flags: flags)
    let result: Result
    do {
      result = try await body(transaction)
      if mode == .readWrite { try await transaction.apply() }
    } catch {
      await connection.cleanUp("finish the transaction") { try await transaction.finish() }
      throw error
    }
    try await transaction.finish()
    return result
  }

  /// Starts a transaction; ``Transaction/finish()`` ends it, as does the end of the connection.
  /// - Parameter session: another session in whose name to work; 0 is that of this connection.
  public func startTransaction(
    _ database: DatabaseName = .running, _ mode: TransactionMode = .readWrite, session: UserSessionID = 0,
    flags: TransactionFlags = []
  ) async throws -> Transaction {
    let request = StartTransaction(database, mode, session: session, flags: flags, identification: Self.identification)
    return Transaction(handle: TransactionHandle(try await narrow(integer(.startTransaction(request)))), maapi: self)
  }

  /// Starts a transaction on top of another one: apply writes into that one without validation.
  public func startTransaction(
    onTopOf backend: Transaction, _ mode: TransactionMode = .readWrite, session: UserSessionID = 0,
    flags: TransactionFlags? = nil
  ) async throws -> Transaction {
    let request = StartNestedTransaction(mode, backend: backend.handle, session: session, flags: flags)
    return Transaction(handle: TransactionHandle(try await narrow(integer(.startNestedTransaction(request)))), maapi: self)
  }

  /// Uses a transaction that was started elsewhere. It must not be applied or finished here, only detached.
  /// - Parameter session: in whose name to work; 0 is the owner of the transaction.
  public func attach(to handle: TransactionHandle, session: UserSessionID = 0, namespace: NamespaceArgument = .none)
    async throws -> Transaction
  {
    let transaction = Transaction(handle: handle, maapi: self)
    try await transaction.done(.attach(Attach(namespace: namespace, session: session)))
    return transaction
  }

  /// Attaches for the duration of `body`.
  public nonisolated(nonsending) func withAttached<Result>(
    to handle: TransactionHandle, session: UserSessionID = 0,
    _ body: nonisolated(nonsending) (Transaction) async throws -> Result
  ) async throws -> Result {
    let transaction = try await attach(to: handle, session: session)
    do {
      let result = try await body(transaction)
      try await transaction.detach()
      return result
    } catch {
      await connection.cleanUp("detach") { try await transaction.detach() }
      throw error
    }
  }

  static let identification = ClientIdentification(clientID: "swift-nso")
}

// MARK: - The daemon itself (protocol part 04, sections 4.12 and 4.13)

extension MAAPI {
  /// Waits until the daemon has reached a start phase: 0, 1 or 2.
  public func waitForStart(phase: Int = 2) async throws { try await done(.waitStart(phase: phase)) }

  /// Takes a daemon that waits in an earlier phase to phase 1 or 2.
  /// - Parameter waits: return when the phase is reached, not at once.
  public func startPhase(_ phase: Int, waits: Bool = true) async throws {
    try await done(.startPhase(phase, synchronous: waits))
  }

  /// Re-reads the daemon's configuration file and reopens its logs; schemas are not read again.
  public func reloadConfiguration() async throws { try await done(.reloadConfig) }

  /// As ``reloadConfiguration()`` without waiting for the outcome; returns when the request is on its way.
  public func reloadConfigurationInBackground() async throws {
    var frame = ByteBuffer()
    frame.writeFrame { MAAPICall(.reloadConfig).write(into: &$0) }
    try await connection.notify(frame)
  }

  /// Closes and reopens the daemon's log files.
  public func reopenLogs() async throws { try await done(.reopenLogs) }

  /// Stops the daemon.
  /// - Parameter waits: return when it has stopped.
  public func stop(waits: Bool = true) async throws {
    do {
      try await done(.stop(wait: waits))
    } catch let error as ConnectionError where error.code == .closed {
      // It is gone, which is the answer too.
      return
    }
    if waits { await connection.closed() }
  }

  /// The daemon's own account of its state, as text for people. Understood by this project's daemon only.
  public func status() async throws -> String { try await text(.daemonStatus) }

  /// The status and more that helps to find out why something goes wrong, as text for people. Understood by this project's daemon
  /// only.
  public func debugDump() async throws -> String { try await text(.daemonDump) }

  /// Has the daemon ask its data providers for everything that they serve. Takes as long as they do. Understood by this project's
  /// daemon only.
  /// - Parameter part: a path, or the namespace or name of a module; empty: everything.
  /// - Returns: one line that says it all; where something is wrong, a line for each problem follows.
  public func checkCallbacks(_ part: String = "") async throws -> [String] {
    try await text(.checkCallbacks(part)).split(separator: "\n").map(String.init)
  }

  /// Shows a message to users of the CLI: a user name, a session id, or `all`.
  public func sendMessage(_ message: String, to receiver: String, from sender: String) async throws {
    try await done(.userMessage(to: receiver, message: message, from: sender))
  }
}
