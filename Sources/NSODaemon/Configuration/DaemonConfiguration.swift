public import NSOCLI
public import NSOEngine
public import NSOModel
import NSOSchema
public import NSOWire

/// What the daemon takes from its configuration, typed. Defaults come from the YANG modules of `ncs.conf`.
public struct DaemonConfiguration: Sendable {
  /// The files that were read, the main one first; empty when there is none.
  public var files: [String] = []

  /// Where to listen for IPC clients.
  public struct IPC: Hashable, Sendable {
    /// The Unix socket; `nil`: none.
    public var unixPath: String?
    /// The options and variables that decide instead of the file: `--port`, `NCS_IPC_PATH`, ...
    public var origins: [String] = []
    /// Permission bits of the Unix socket.
    public var unixMode: UInt16
    /// TCP addresses, all with the same port; empty: no TCP.
    public var tcpAddresses: [IPAddress]
    public var tcpPort: UInt16
    public var backlog: Int32
    /// The shared secret of the access check; `nil`: no check.
    public var secret: AccessSecret?
    /// Time for a client that has connected to send its first message.
    public var connectTimeLimit: Duration
    /// Connections that may be between accept and the end of the hello.
    public var unfinishedConnections: Int

    /// For texts about an address that surprises somebody who knows the file only.
    var origin: String {
      origins.isEmpty
        ? "" : " (\(origins.joined(separator: ", ")) decided where to listen, not the configuration file)"
    }
  }

  /// What the daemon is called, where it was given a name.
  public var instanceName: String?

  public var ipc: IPC
  /// How long data providers may take.
  public var providerLimits = ProviderLimits()
  /// How long a subscriber of CDB may take for an event; `nil`: as long as it likes.
  public var subscriberTimeLimit: Duration?
  /// Whether changes are kept for subscribers that ask for them again.
  public var replaysSubscriptions = false
  /// Directories whose YANG modules are all loaded.
  public var loadPath: [String]
  public var stateDirectory: String
  public var databaseDirectory: String
  /// Directories with initial data, searched before the database directory.
  public var initialDataDirectories: [String]
  /// Where records go.
  public var logs: LogSet.Settings
  /// Bounds for event subscribers.
  public var events = EventHub.Settings()
  /// The notification streams there are.
  public var streams: [NotificationStreamSettings] = []
  /// Whether HA orders are carried out.
  public var isHAEnabled: Bool
  /// The CLI.
  public var cli = CLISettings()
  /// The NETCONF server.
  public var netconf = Netconf()
  /// What is served over SSH.
  public var ssh = SSH()
  /// What the operator should know but what does not stop the daemon.
  public var notices: [String] = []

  let tree: ConfigurationTree
}

extension DaemonConfiguration {
  /// Where the configuration comes from.
  public struct Source: Hashable, Sendable {
    /// The file given with `-c`.
    public var file: String?
    /// Directories given with `--addloadpath`.
    public var addedLoadPath: [String]
    /// Databases and state are kept here and the file is optional (`--ephemeral`).
    public var ephemeralDirectory: String?
    /// Where to listen, as the command line says.
    public var listeningOptions: ListeningOptions
    public var environment: [String: String]

    public init(
      file: String? = nil, addedLoadPath: [String] = [], ephemeralDirectory: String? = nil,
      listeningOptions: ListeningOptions = ListeningOptions(), environment: [String: String]
    ) {
      self.file = file
      self.addedLoadPath = addedLoadPath
      self.ephemeralDirectory = ephemeralDirectory
      self.listeningOptions = listeningOptions
      self.environment = environment
    }
  }

  /// Reads and checks the configuration (protocol part 08, section 7).
  /// - Parameters:
  ///   - modules: the directory with the YANG modules of `ncs.conf`.
  ///   - consult: called with the name of each file before it is read.
  public static func load(
    _ source: Source, modules: String, consult: (String) -> Void = { _ in }
  ) throws -> DaemonConfiguration {
    let schema = try ConfigurationSchema.load(from: modules)
    var reader = try ConfigurationReader(schema: schema, environment: source.environment)
    var files: [String] = []
    if let main = try mainFile(source) {
      files = try [main] + fragments(of: main)
      for file in files {
        consult(file)
        try reader.read(file)
      }
    }
    let tree = try reader.finish(isComplete: source.ephemeralDirectory == nil)
    var configuration = try DaemonConfiguration(tree, source)
    configuration.files = files
    return configuration
  }

  private init(_ tree: ConfigurationTree, _ source: Source) throws {
    self.tree = tree
    ipc = IPC(
      unixPath: nil, unixMode: 0, tcpAddresses: [], tcpPort: 0, backlog: 0, secret: nil, connectTimeLimit: .zero,
      unfinishedConnections: 0)
    instanceName = try tree.text("instance-name")
    loadPath = try tree.texts("load-path/dir") + source.addedLoadPath
    let ephemeral = source.ephemeralDirectory
    stateDirectory = try ephemeral.map { $0 + "/state" } ?? tree.text("state-dir") ?? "."
    databaseDirectory = try ephemeral.map { $0 + "/cdb" } ?? tree.text("cdb/db-dir") ?? "."
    initialDataDirectories = try tree.texts("cdb/init-path/dir")
    logs = LogSet.Settings()
    isHAEnabled = try tree.flag("ha/enabled")
    ipc = try readIPC(source)
    try noteListening()
    providerLimits.connect = ipc.connectTimeLimit
    providerLimits.newSession = try timeLimit("api/new-session-timeout")
    providerLimits.query = try timeLimit("api/query-timeout")
    providerLimits.action = try timeLimit("api/action-timeout")
    providerLimits.objectCache = try duration("japi/object-cache-timeout")
    // The word infinity is no text here, but a value of its own.
    if try tree.text("cdb/client-timeout") != nil { subscriberTimeLimit = try duration("cdb/client-timeout") }
    if subscriberTimeLimit == .zero { subscriberTimeLimit = nil }
    replaysSubscriptions = try tree.flag("cdb/subscription-replay/enabled")
    logs = try readLogs(source)
    events = try readEvents()
    let programless = try readProgramlessLogs()
    if !programless.isEmpty {
      notices.append(
        "external/enabled of \(programless.joined(separator: ", ")) has no effect: logs/external/enabled is not true")
    }
    streams = try readStreams(source)
    cli = try readCLI()
    netconf = try readNetconf()
    ssh = try readSSH()
    noteIneffective()
  }

  func duration(_ path: String) throws -> Duration {
    let text = try tree.text(path) ?? ""
    guard let duration = DurationText.parse(text) else {
      throw try ConfigurationError(
        place(of: path), "\(path): \"\(text)\" is not a time span that can be used", remedy: "write for example PT30S")
    }
    return duration
  }

  /// A time in which somebody has to answer; none would be no time at all.
  func timeLimit(_ path: String) throws -> Duration {
    let limit = try duration(path)
    guard limit > .zero else {
      throw try ConfigurationError(
        place(of: path), "\(path): a limit of no time lets nobody answer", remedy: "write for example PT30S")
    }
    return limit
  }

  /// Where a setting is written, or the file as a whole where it is not.
  func place(of path: String) throws -> ConfigurationError.Place {
    try tree.written(path).first?.place ?? tree.root.map { ConfigurationError.Place(file: $0.place.file) }
      ?? ConfigurationError.Place(file: "(defaults)")
  }

  private mutating func noteIneffective() {
    let paths = tree.ineffective
    guard !paths.isEmpty else { return }
    notices.append("settings that have no effect in this version: \(paths.joined(separator: ", "))")
  }

  /// The settings with an effect that differ between two readings, as paths below `/ncs-config`.
  func changes(from old: DaemonConfiguration, where condition: (ConfigurationTree.Effect) -> Bool) -> [String] {
    tree.changes(from: old.tree).filter { id in tree.effect(of: id).map(condition) ?? false }.map(tree.shortPath)
  }

  // MARK: Files

  /// The file to read: the one that was asked for, else `ncs.conf` here, else the installation's; `nil` only for a daemon that
  /// needs none.
  private static func mainFile(_ source: Source) throws(ConfigurationError) -> String? {
    if let file = source.file { return file }
    if source.ephemeralDirectory != nil { return nil }
    var candidates = ["ncs.conf"]
    if let directory = source.environment["NCS_DIR"], !directory.isEmpty { candidates.append(directory + "/etc/ncs/ncs.conf") }
    if let found = candidates.first(where: { InstallationPaths.exists($0) }) { return found }
    throw ConfigurationError(
      ConfigurationError.Place(file: candidates[0]),
      "there is no configuration file (looked for \(candidates.joined(separator: " and ")))",
      remedy: "name one with -c FILE, or start without any: ncs --foreground --ephemeral MODULE.yang")
  }

  /// The files `*.conf` of the folder `ncs.conf.d` beside the file, by name.
  private static func fragments(of file: String) throws(ConfigurationError) -> [String] {
    let folder = (file.lastIndex(of: "/").map { String(file[...$0]) } ?? "") + "ncs.conf.d"
    guard let names = Directory.names(in: folder) else { return [] }
    return names.filter { $0.hasSuffix(".conf") && !$0.hasPrefix(".") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      .map { folder + "/" + $0 }
  }
}
