import Logging
import NSOClient
import NSOModel
import NSOWire

/// One run of `ncs_cmd`: its connections, sessions and transaction, opened when they are first needed.
actor CommandRun {
  let settings: CommandSettings
  let io: ToolIO
  let client: NSOClient
  /// Whether some command of the script writes in the MAAPI transaction.
  private let mode: TransactionMode

  private var maapi: MAAPI?
  private var hasSession = false
  private var transaction: Transaction?
  private var isAttached = false
  private var isReadOnly: Bool
  private var cdb: CDB?
  private var cdbSession: CDBSession?
  private var loadedSchema: ClientSchema?

  init(settings: CommandSettings, io: ToolIO, client: NSOClient, commands: [Command]) {
    self.settings = settings
    self.io = io
    self.client = client
    let writes = commands.contains { command in
      switch command.transaction {
      case .none, .reads: false
      case .writes: true
      case .writesConfiguration: settings.database != .operational
      }
    }
    mode = writes ? .readWrite : .read
    isReadOnly = !writes
  }

  func perform(_ command: Command, _ call: ScriptCommand) async throws {
    client.logger.debug("command", metadata: ["words": "\(call.words.joined(separator: " "))"])
    do {
      try await command.run(self, Array(call.words.dropFirst()))
    } catch let error as ConnectionError {
      throw error
    } catch {
      let reason = describe(error)
      // The daemon names the path itself where it can.
      let isNamed = call.words.count > 1 && reason.contains(call.words[1])
      let words = call.words.joined(separator: " ")
      throw ToolError((isNamed ? call.words[0] : words.count > 300 ? "\(words.prefix(300))..." : words) + ": " + reason)
    }
  }

  /// Prints a result, unless `-s` was given.
  func print(_ line: String) {
    if !settings.isSilent { io.print(line) }
  }

  // MARK: The end

  /// Commits and closes.
  func finish() async throws {
    if let session = cdbSession { try await session.end() }
    cdbSession = nil
    try await endTransaction()
    close()
  }

  /// Closes after an error; the daemon drops what is open.
  func abandon() { close() }

  private func close() {
    maapi?.close()
    cdb?.close()
    maapi = nil
    cdb = nil
  }

  /// Applies the transaction where it is ours and writes, and ends it.
  func endTransaction() async throws {
    guard let open = transaction else { return }
    transaction = nil
    if isAttached {
      isAttached = false
      return try await open.detach()
    }
    if !isReadOnly { try await open.apply() }
    try await open.finish()
  }

  // MARK: MAAPI

  /// The MAAPI connection, without a user session.
  func connection() async throws -> MAAPI {
    if let maapi { return maapi }
    let opened = try await client.openMAAPI()
    maapi = opened
    return opened
  }

  /// The MAAPI connection, with a user session.
  func session() async throws -> MAAPI {
    let maapi = try await connection()
    if !hasSession {
      try await settings.connection.startSession(maapi)
      hasSession = true
    }
    return maapi
  }

  /// The transaction of the script.
  func currentTransaction() async throws -> Transaction {
    if let transaction { return transaction }
    let started = try await session().startTransaction(settings.database, mode)
    isReadOnly = mode == .read
    transaction = started
    return started
  }

  /// `mrtrans`: a transaction that cannot write, and is not committed at the end.
  func startReadTransaction() async throws {
    guard transaction == nil else {
      throw ToolError("a transaction is open already; mrtrans comes before the commands that use it")
    }
    transaction = try await session().startTransaction(settings.database, .read)
    isReadOnly = true
  }

  func attach(to handle: TransactionHandle, session: UserSessionID) async throws {
    guard transaction == nil else { throw ToolError("a transaction is open already; detach or mapply ends it") }
    transaction = try await connection().attach(to: handle, session: session)
    isAttached = true
  }

  func detach() async throws {
    guard isAttached else { throw ToolError("no transaction is attached") }
    try await endTransaction()
  }

  // MARK: CDB

  /// The CDB connection, without a session.
  func database() async throws -> CDB {
    if let cdb { return cdb }
    let opened = try await client.openCDB(name: "ncs_cmd")
    cdb = opened
    return opened
  }

  /// The CDB session on the chosen datastore, with the locks of `-f`.
  func databaseSession() async throws -> CDBSession {
    if let cdbSession { return cdbSession }
    let store: CDBDatabase
    switch settings.database {
    case .running: store = .running
    case .startup: store = .startup
    case .operational: store = .operational
    default: throw ToolError("CDB has no \(settings.database) datastore; use the commands of MAAPI (mget, mset, ...)")
    }
    var locks: NewSession.Options?
    if !settings.lockFlags.isEmpty {
      var chosen: NewSession.Options = []
      if settings.lockFlags.contains("w") { chosen.insert(.lockWait) }
      if settings.lockFlags.contains("s") { chosen.insert(.lockSession) }
      if settings.lockFlags.contains("r") { chosen.insert(.lockRequest) }
      if settings.lockFlags.contains("p") { chosen.insert(.lockPartial) }
      locks = chosen
    }
    let session = try await database().startSession(store, locks: locks)
    cdbSession = session
    return session
  }

  // MARK: Schema

  /// The daemon's schema; nil with `-m`.
  func schema() async throws -> ClientSchema? {
    guard settings.loadsSchema else { return nil }
    if let loadedSchema { return loadedSchema }
    let schema = try await client.loadSchema()
    loadedSchema = schema
    return schema
  }

  /// A path as the user writes it: resolved here when the schema is loaded, else by the daemon.
  func path(_ text: String) async throws -> any PathConvertible {
    guard let schema = try await schema() else { return text }
    return try schema.keypath(text)
  }

  /// A value as the user reads it, with labels of enumerations, bits and identities.
  func text(of value: Value, at path: any PathConvertible) async throws -> String {
    guard let schema = try await schema(), let path = path as? Keypath else { return value.plainText }
    return schema.shownText(of: value, at: path)
  }
}
