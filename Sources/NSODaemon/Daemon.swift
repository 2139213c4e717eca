import Logging
import NIOCore
import NIOPosix
import NSOCLI
import NSODocument
import NSOEngine
import NSOModel
import NSONetconf
import NSOSSH
import NSOSchema
public import NSOServer
import NSOStore
import NSOWire
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The daemon in one process: configuration, log, schema, databases, engine and IPC server, put together and taken apart again.
///
/// Several may run in one process (tests do that) as long as their directories and addresses differ.
public final class Daemon: Sendable {
  /// How to start.
  public struct Options: Sendable {
    public var source: DaemonConfiguration.Source
    /// YANG files that are loaded besides those on the load path.
    public var modules: [String]
    /// Databases and state are kept in a new temporary directory that is removed when the daemon stops, and no configuration
    /// file is needed (`--ephemeral`).
    public var isEphemeral: Bool
    /// Also write the log to standard output (`-v`).
    public var verbose: Bool
    /// Stay in start phase 0 until a client orders more (`--start-phase0`).
    public var stopsInPhase0: Bool
    /// Threads for connections; `nil`: one for each processor.
    public var threads: Int?
    /// Who started this process: is told how far the daemon is, and may hand over the sockets to listen on instead of the
    /// addresses of the configuration.
    public var serviceManager: ServiceManager?
    /// Where warnings go that the operator must see, besides the log.
    public var warn: @Sendable (String) -> Void

    public init(
      source: DaemonConfiguration.Source, modules: [String] = [], isEphemeral: Bool = false, verbose: Bool = false,
      stopsInPhase0: Bool = false, threads: Int? = nil, serviceManager: ServiceManager? = nil,
      warn: @escaping @Sendable (String) -> Void = { _ in }
    ) {
      self.source = source
      self.modules = modules
      self.isEphemeral = isEphemeral
      self.verbose = verbose
      self.stopsInPhase0 = stopsInPhase0
      self.threads = threads
      self.serviceManager = serviceManager
      self.warn = warn
    }
  }

  struct State {
    /// As it was read last; settings that need a restart may differ from `startConfiguration`, which is in force for them.
    var configuration: DaemonConfiguration
    /// Those settings.
    var pending: [String] = []
    /// What the operator must know, of the settings that are in force.
    var warnings: [String]
    /// Where the modules of the upgrade under way, and those of the last one, come from; empty: from where the configuration says.
    var upgradedLoadPath: [String] = []
    var isStopping = false
    var isStopped = false
    var whenStopped: [CheckedContinuation<Void, Never>] = []
  }

  let options: Options
  let paths: InstallationPaths
  let log: LogSet
  let engine: Engine
  let cli: CLIService
  let netconf: NetconfService
  let netconfTCP: NetconfTCPServer
  let ssh: SSHServer
  let group: MultiThreadedEventLoopGroup
  let startTime: ContinuousClock.Instant
  /// Set once, before anybody else sees the daemon.
  private let serverBox = Mutex<IPCServer?>(nil)
  let state: Mutex<State>
  /// As it was read at start.
  let startConfiguration: DaemonConfiguration
  /// What this daemon is called.
  let name: String
  /// One reload at a time: the second sees what the first has put in force.
  let reloads = Turnstile()

  var server: IPCServer? { serverBox.withLock { $0 } }

  private init(
    options: Options, paths: InstallationPaths, log: LogSet, engine: Engine, group: MultiThreadedEventLoopGroup,
    startTime: ContinuousClock.Instant, configuration: DaemonConfiguration, name: String
  ) throws(SSHError) {
    self.options = options
    self.paths = paths
    self.log = log
    self.engine = engine
    cli = CLIService(engine, configuration.cli)
    netconf = NetconfService(engine, configuration.netconf.settings)
    netconfTCP = NetconfTCPServer(netconf, group: group, logger: log.logger("netconf"))
    let services: [String: any SSHService] = ["cli": SSHCommandLine(engine, cli), "netconf": SSHNetconf(service: netconf)]
    ssh = try SSHServer(engine, services, log.logger("ssh"))
    self.group = group
    self.startTime = startTime
    self.name = name
    startConfiguration = configuration
    state = Mutex(State(configuration: configuration, warnings: []))
  }

  /// The addresses that are listened on, with the ports that the system chose.
  public func listeners() async -> [ListenAddress] {
    await server?.status().listeners.map(\.address) ?? []
  }

  /// Returns when the daemon has stopped and everything is released.
  public func stopped() async {
    await withCheckedContinuation { continuation in
      let isStopped = state.withLock { state in
        if !state.isStopped { state.whenStopped.append(continuation) }
        return state.isStopped
      }
      if isStopped { continuation.resume() }
    }
  }
}

// MARK: Starting

extension Daemon {
  /// Starts a daemon; returns when it has reached its last start phase, or phase 0 if it is to wait there.
  ///
  /// Opening of files and databases blocks the calling thread for some milliseconds, large initial data for longer.
  /// - Throws: `StartFailure`; nothing is left behind then.
  public static func start(_ options: Options) async throws(StartFailure) -> Daemon {
    let log = LogSet()
    var options = options
    do {
      // -v shows everything from the first record on.
      try log.redirect(to: LogSet.Settings(standardOutput: options.verbose))
      if options.isEphemeral {
        options.source.ephemeralDirectory = try Directory.makeTemporary(options.source.environment)
      }
      return try await start(options, log)
    } catch {
      if let folder = options.source.ephemeralDirectory { Directory.remove(folder) }
      let failure = StartFailure(error)
      log.record(failure.symbol, failure.text)
      log.record(.loggingShutdown)
      log.shutDown()
      throw failure
    }
  }

  private static func start(_ options: Options, _ log: LogSet) async throws -> Daemon {
    let startTime = ContinuousClock().now
    let environment = options.source.environment
    let paths = try InstallationPaths.find(environment: environment)
    let configuration = try DaemonConfiguration.load(options.source, modules: paths.ownModules) { log.record(.consultFile, $0) }
    try log.redirect(to: configuration.logs.with(standardOutput: options.verbose))
    log.journal.events.settings = configuration.events
    let name = configuration.instanceName ?? Directory.nameOfWorkingDirectory
    log.record(.starting, "\(Product.name) \(Product.version), instance \(name)")
    for notice in configuration.notices { log.write(level: .notice, text: notice) }

    let schema = try schemaLoader(loadPath: configuration.loadPath, files: options.modules, paths).load()

    let stores = try openStores(configuration, name)
    var isStarted = false
    defer {
      if !isStarted {
        stores.durable.close()
        stores.volatile.close()
      }
    }
    let logger = log.logger("nso")
    var engineConfiguration = EngineConfiguration()
    engineConfiguration.datastores = try configuration.datastores()
    engineConfiguration.history = try configuration.historyLimits()
    engineConfiguration.isHAEnabled = configuration.isHAEnabled
    let engine = try Engine(
      schema: schema, stores: stores, configuration: engineConfiguration, log: logger, journal: log.journal)
    engine.providers.limits = configuration.providerLimits
    engine.subscriptions.timeLimit = configuration.subscriberTimeLimit
    engine.replaysSubscriptions = configuration.replaysSubscriptions
    do throws(ReplayStoreError) {
      try engine.streams.open(configuration.streams)
    } catch {
      throw StartFailure(.installation, .fileError, "notifications/event-streams: \(error)")
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, options.threads ?? System.coreCount))
    let daemon = try Daemon(
      options: options, paths: paths, log: log, engine: engine, group: group, startTime: startTime,
      configuration: configuration, name: name)
    daemon.logUpgrades()
    await daemon.loadTemplates()
    do {
      try daemon.applySecrets(configuration)
      try await daemon.open(configuration, logger)
    } catch {
      await daemon.netconfTCP.stop()
      await daemon.ssh.stop()
      await daemon.server?.stop(within: .zero)
      daemon.serverBox.withLock { $0 = nil }
      PidFile.remove(in: configuration.stateDirectory)
      try? await group.shutdownGracefully()
      throw error
    }
    isStarted = true
    for warning in await daemon.noteWarnings() { options.warn(warning) }
    daemon.tellServiceManager(.ready)
    daemon.startWatchdog()
    return daemon
  }

  private func open(_ configuration: DaemonConfiguration, _ logger: Logger) async throws {
    do {
      try Directory.make(configuration.stateDirectory)
    } catch {
      throw StartFailure(.installation, .fileError, "state-dir: \(error)")
    }
    let server = IPCServer(
      configuration: ipcConfiguration(configuration), engine: engine, control: self, cli: cli, group: group, logger: logger)
    serverBox.withLock { $0 = server }
    do throws(ListenError) {
      try await server.start()
    } catch {
      throw StartFailure(.cannotBind, .bindError, "\(error)\(configuration.ipc.origin)")
    }
    let prepared = try prepareSSH(configuration)
    installSSH(prepared, configuration)
    try PidFile.write(in: configuration.stateDirectory)
    engine.phases.advance(to: .phase0)
    log.record(.phase0Started)
    try await loadInitialData(configuration)
    try await openDatastores(configuration)
    do throws(NetconfTCPServer.ListenError) {
      try await netconfTCP.listen(on: configuration.netconf.tcp, keepalive: configuration.netconf.keepsAlive)
    } catch {
      throw StartFailure(
        .cannotBind, .bindError, "\(error) (netconf-north-bound/transport/tcp)")
    }
    if !options.stopsInPhase0 {
      enterPhase1()
      enterPhase2()
    }
  }

  func enterPhase1() {
    engine.phases.advance(to: .phase1)
    log.record(.phase1Started)
  }

  func enterPhase2() {
    engine.phases.advance(to: .started)
    let time = (ContinuousClock().now - startTime).components
    let milliseconds = time.seconds * 1000 + time.attoseconds / 1_000_000_000_000_000
    log.record(.started, "\(Product.name) \(Product.version) (\(milliseconds) ms after its start)")
  }

  /// Modules of ours that every daemon serves.
  private static let ownModules = ["tailf-aaa"]

  /// Where the load path has the access rules of the standard, ours belong to them.
  private static func accessModules(_ loadPath: [String], _ files: [String]) -> [String] {
    let names = loadPath.flatMap { Directory.names(in: $0) ?? [] } + files
    let isThere = names.contains { path in
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return name == "ietf-netconf-acm.yang" || name.hasPrefix("ietf-netconf-acm@")
    }
    return isThere ? ["tailf-acm"] : []
  }

  static func schemaLoader(loadPath: [String], files: [String], _ paths: InstallationPaths) -> SchemaLoader {
    SchemaLoader(
      loadPath: loadPath, files: files + (ownModules + accessModules(loadPath, files)).map { "\(paths.ownModules)/\($0).yang" },
      searchPath: [paths.ownModules] + paths.standardModules)
  }

  private static func isEmptyFile(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && facts.st_size == 0
  }

  private static func openStores(_ configuration: DaemonConfiguration, _ name: String) throws -> Engine.Stores {
    let folder = configuration.databaseDirectory
    do {
      try Directory.make(folder)
    } catch {
      throw StartFailure(.databaseFile, .databaseBootError, "cdb/db-dir: \(error)")
    }
    // The one beside it is made when this one has its first pages, so an empty file was emptied.
    if InstallationPaths.isReadable(folder + "/operational.db/data.mdb"), isEmptyFile(folder + "/config.db/data.mdb") {
      throw StartFailure(
        .databaseDamaged, .databaseBootError,
        "\(folder)/config.db/data.mdb is empty: the configuration that was in it is gone. Restore the file, or remove \(folder)/config.db to begin with the initial data"
      )
    }
    let durable = try Store(StoreOptions(path: folder + "/config.db", instanceName: name))
    do {
      return Engine.Stores(
        durable: durable,
        volatile: try Store(StoreOptions(path: folder + "/operational.db", durability: .volatile, instanceName: name)))
    } catch {
      durable.close()
      throw error
    }
  }
}

// MARK: Stopping

extension Daemon {
  /// Stops cleanly: no new clients, what is under way ends within some seconds, databases are closed. Returns at once; see
  /// ``stopped()``.
  public func stop(because reason: String) {
    let isFirst = state.withLock { state in
      defer { state.isStopping = true }
      return !state.isStopping
    }
    guard isFirst else { return }
    log.record(.stopping, reason)
    engine.events.emit(.goingDown) { .goingDown }
    tellServiceManager(.stopping)
    engine.phases.advance(to: .stopping)
    // Owned by the daemon: `stopped()` waits for its end.
    Task {
      await netconfTCP.stop()
      await ssh.stop()
      await server?.stop()
      engine.streams.close()
      engine.stores.volatile.close()
      engine.stores.durable.close()
      PidFile.remove(in: startConfiguration.stateDirectory)
      if let folder = options.source.ephemeralDirectory { Directory.remove(folder) }
      log.record(.loggingShutdown)
      log.shutDown()
      // Last: who waits for the end of the daemon waits for this.
      server?.release()
      // The server knows the daemon, for its clients' sake: without this neither would ever go.
      serverBox.withLock { $0 = nil }
      try? await group.shutdownGracefully()
      let waiting = state.withLock { state in
        state.isStopped = true
        defer { state.whenStopped = [] }
        return state.whenStopped
      }
      for continuation in waiting { continuation.resume() }
    }
  }
}
