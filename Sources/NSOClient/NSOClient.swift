public import Logging
public import NIOCore
import NIOPosix
public import NSOWire

/// Where a daemon is and how to talk to it. Connections are made by ``withMAAPI(_:)``, ``withCDB(name:_:)`` and ``loadSchema()``, and
/// end with the closure that uses them.
///
/// ```swift
/// let client = NSOClient(endpoint: try Endpoint())
/// try await client.withMAAPI { maapi in
///   try await maapi.startUserSession(user: "admin", groups: ["admin"])
///   try await maapi.withTransaction(.running, .readWrite) { transaction in
///     try await transaction.set(.uint16(9000), at: path)
///   }
/// }
/// ```
///
/// Errors: `ConnectionError` when a connection cannot be made or breaks, `NSOError` when the daemon refuses a request,
/// `DecodeError` when the daemon's answer is not what the protocol says, `CancellationError`.
public struct NSOClient: Sendable {
  /// What may be changed about connections; the defaults suit nearly everybody.
  public struct Configuration: Sendable {
    public var limits: ConnectionLimits
    /// Protocol version that the client announces (protocol part 01, section 4.4).
    public var protocolVersion: UInt16
    /// Library version that the client announces, one byte per part.
    public var libraryVersion: UInt32

    /// Run the closures that use a connection on its event loop, unless an actor wants them elsewhere. Requests then need no change of
    /// thread, which makes short ones about twice as fast; but such a closure must not block or compute for long, since it holds up all
    /// connections of that loop.
    public var runsOnEventLoop: Bool

    public init(
      limits: ConnectionLimits = ConnectionLimits(), protocolVersion: UInt16 = ProtocolVersion.client,
      libraryVersion: UInt32 = ProtocolVersion.library, runsOnEventLoop: Bool = false
    ) {
      self.limits = limits
      self.protocolVersion = protocolVersion
      self.libraryVersion = libraryVersion
      self.runsOnEventLoop = runsOnEventLoop
    }
  }

  /// What is connected to.
  public var endpoint: Endpoint
  public var configuration: Configuration
  public var logger: Logger
  private let group: any EventLoopGroup

  /// - Parameters:
  ///   - endpoint: where the daemon is, and its secret.
  ///   - eventLoopGroup: whose threads do input and output; the process-wide group by default.
  ///   - logger: gets messages of level debug and trace, never more.
  public init(
    endpoint: Endpoint, configuration: Configuration = Configuration(),
    eventLoopGroup: (any EventLoopGroup)? = nil,
    logger: Logger = Logger(label: "nso.client", factory: { _ in SwiftLogNoOpLogHandler() })
  ) {
    self.endpoint = endpoint
    self.configuration = configuration
    self.logger = logger
    group = eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton
  }

  func connect(_ client: ClientID) async throws -> Connection {
    try await Connector(
      endpoint: endpoint, version: configuration.protocolVersion,
      library: configuration.libraryVersion, limits: configuration.limits, group: group, logger: logger
    ).connect(client)
  }

  nonisolated(nonsending) func withConnection<Result>(
    _ api: ClientID, _ body: nonisolated(nonsending) (Connection) async throws -> Result
  ) async throws -> Result {
    let connection = try await connect(api)
    defer { connection.close() }
    guard configuration.runsOnEventLoop else { return try await body(connection) }
    return try await withTaskExecutorPreference(LoopExecutor(connection.eventLoop)) { try await body(connection) }
  }
}

extension NSOClient {
  /// Opens a MAAPI connection for the duration of `body` (protocol part 04). The user session and the transactions that were
  /// started on it end with it.
  public nonisolated(nonsending) func withMAAPI<Result>(
    _ body: nonisolated(nonsending) (MAAPI) async throws -> Result
  ) async throws -> Result {
    try await withConnection(.maapi) { connection in try await body(MAAPI(connection: connection, client: self)) }
  }

  /// Opens a CDB data connection for the duration of `body` (protocol part 03).
  /// - Parameter name: how the daemon names the client in its status and logs.
  public nonisolated(nonsending) func withCDB<Result>(
    name: String, _ body: nonisolated(nonsending) (CDB) async throws -> Result
  ) async throws -> Result {
    try await withConnection(.cdb) { connection in
      let cdb = CDB(connection: connection)
      try await cdb.announce(name: name)
      return try await body(cdb)
    }
  }
}

extension NSOClient {
  /// For the tools of this project, whose connections do not nest: to be closed by the caller.
  package func openMAAPI() async throws -> MAAPI { MAAPI(connection: try await connect(.maapi), client: self) }

  /// As ``openMAAPI()``.
  package func openCDB(name: String) async throws -> CDB {
    let cdb = CDB(connection: try await connect(.cdb))
    try await cdb.announce(name: name)
    return cdb
  }
}
