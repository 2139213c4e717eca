/// What the command line of `ncs` asks for (protocol part 08, section 2).
public struct DaemonCommand: Hashable, Sendable {
  public enum Action: Hashable, Sendable {
    /// Start a daemon.
    case start
    /// Talk to a running one.
    case control(ControlCommand)
    case version
    case help
  }

  /// How to start.
  public struct Start: Hashable, Sendable {
    /// `-c`
    public var configurationFile: String?
    /// `--cd`
    public var workingDirectory: String?
    /// `--addloadpath`
    public var addedLoadPath: [String] = []
    public var isForeground = false
    /// `-v`
    public var isVerbose = false
    public var stopsOnEndOfInput = false
    public var stopsInPhase0 = false
    /// `--smp`
    public var threads: Int?
    public var isEphemeral = false
    /// YANG files, with `--ephemeral`.
    public var modules: [String] = []
    /// The private option of a daemon that was started in the background: the descriptor to report to.
    public var reportDescriptor: Int32?

    /// The options that were given, but for `--cd`.
    var said: [String] {
      var said: [String] = []
      if configurationFile != nil { said.append("-c") }
      if !addedLoadPath.isEmpty { said.append("--addloadpath") }
      for (isGiven, option) in [
        (isForeground, "--foreground"), (isVerbose, "-v"), (stopsOnEndOfInput, "--stop-on-eof"),
        (stopsInPhase0, "--start-phase0"), (threads != nil, "--smp"), (isEphemeral, "--ephemeral"),
      ] where isGiven { said.append(option) }
      return said
    }
  }

  public var start = Start()
  /// The address options of a start: where the daemon is to listen.
  public var listening: (address: String?, port: UInt16?, socketPath: String?, accessFile: String?) {
    (settings.address, settings.port.flatMap(UInt16.init(exactly:)), settings.socketPath, settings.accessFile)
  }
  public var connection: ControlConnection { ControlConnection(settings: settings, timeout: timeout ?? dumpTimeout) }
  private var dumpTimeout: Duration? {
    guard case .control(.debugDump) = action else { return nil }
    return collectTimeout ?? .seconds(10)
  }
  /// Options that are known, but of no use in this version; they are accepted and ignored.
  public private(set) var ignored: [String] = []

  private var settings = ConnectionSettings()
  private var timeout: Duration?
  private var collectTimeout: Duration?
  private var isCompressed = false
  private var actions: [Action] = []
  private var unsupported: [String] = []

  public var action: Action { actions.first ?? .start }

  /// What was said about starting beside a command to a running daemon, where it means nothing. The daemon that is meant is the one at
  /// the address, whatever configuration file is named.
  public private(set) var meaningless: [String] = []

  /// The text of `--help`.
  public static var help: String { options.help }

  /// Reads a command line, without the program's name.
  public init(arguments: some Sequence<String>) throws(UsageError) {
    let operands = try Self.options.parse(arguments, into: &self)
    if actions.contains(.help) {
      actions = [.help]
      return
    }
    if let option = unsupported.first { throw UsageError("\(option) is not supported yet by this version") }
    guard actions.count <= 1 else { throw UsageError("one command at a time: \(actions.count) were given") }
    if case .control(.loadXML(_, let merges)) = action {
      guard !operands.isEmpty else { throw UsageError("--\(merges ? "merge" : "load")xmlfiles needs the names of XML files") }
      actions = [.control(.loadXML(operands, merges: merges))]
    } else if start.isEphemeral, action == .start {
      start.modules = operands
    } else if let extra = operands.first {
      throw UsageError("\(extra) is too much; YANG files are named with --ephemeral, the configuration file with -c")
    }
    if case .control = action { meaningless = start.said }
    if case .control(.debugDump(let file, _)) = action {
      actions = [.control(.debugDump(file: file, compressed: isCompressed))]
    } else if isCompressed || collectTimeout != nil {
      throw UsageError("\(isCompressed ? "--compress" : "--collect-timeout") goes with --debug-dump FILE")
    }
    if !start.isForeground, action == .start {
      if start.isEphemeral { throw UsageError("--ephemeral needs --foreground: the data goes away when the daemon ends") }
      if start.stopsOnEndOfInput { throw UsageError("--stop-on-eof needs --foreground") }
      if start.isVerbose { throw UsageError("-v needs --foreground; the log file is set in the configuration file") }
    }
  }
}

extension DaemonCommand {
  private static func isSeconds(_ text: String) -> Bool { (UInt32(text)).map { $0 <= 1_000_000_000 } ?? false }

  private static func seconds(_ text: String, _ option: String) throws(UsageError) -> Duration? {
    guard !text.isEmpty else { return nil }
    guard isSeconds(text), let seconds = Int64(text) else { throw UsageError("\(option) \(text): not a number of seconds") }
    return .seconds(seconds)
  }

  private static func command(_ long: String, _ help: String, _ action: Action) -> Options<DaemonCommand>.Option {
    .flag(nil, long, help) { $0.actions.append(action) }
  }

  private static func wait(_ long: String, _ help: String, phase: Int) -> Options<DaemonCommand>.Option {
    Options.Option(short: nil, long: long, argument: .optional("SECONDS", isSeconds), help: help) {
      (command, value) throws(UsageError) in
      command.actions.append(.control(.wait(phase: phase, connecting: try seconds(value, "--" + long))))
    }
  }

  private static func ignored(_ long: String, takes value: String? = nil) -> Options<DaemonCommand>.Option {
    guard let value else { return .flag(nil, long, "accepted, without effect") { $0.ignored.append("--" + long) } }
    return .value(nil, long, value, "accepted, without effect") { command, _ in command.ignored.append("--" + long) }
  }

  private static func unsupported(_ long: String, takes value: String? = nil) -> Options<DaemonCommand>.Option {
    guard let value else { return .flag(nil, long, "not supported yet") { $0.unsupported.append("--" + long) } }
    return .value(nil, long, value, "not supported yet") { command, _ in command.unsupported.append("--" + long) }
  }

  private static let options = Options<DaemonCommand>(
    program: "ncs",
    summary: "The daemon, and the command that controls a running one.",
    synopsis: [
      "[-c FILE] [--cd DIR] [--addloadpath DIR]... [--foreground [-v] [--stop-on-eof]]",
      "--foreground --ephemeral [--port PORT | --socket-path PATH] MODULE.yang...",
      "--status | --stop | --reload | --wait-started [SECONDS] | ...",
    ],
    groups: [
      .init(
        title: "Start",
        options: [
          .value("c", "conf", "FILE", "configuration file; default: ncs.conf here, else $NCS_DIR/etc/ncs/ncs.conf") {
            $0.start.configurationFile = $1
          },
          .value(nil, "cd", "DIR", "change to this directory first") { $0.start.workingDirectory = $1 },
          .value(nil, "addloadpath", "DIR", "load the YANG modules of this directory too; may be repeated") {
            $0.start.addedLoadPath.append($1)
          },
          .flag(nil, "foreground", "do not detach: the command is the daemon") { $0.start.isForeground = true },
          .flag("v", "verbose", "with --foreground: the log on standard output") { $0.start.isVerbose = true },
          .flag(nil, "stop-on-eof", "with --foreground: stop at the end of standard input") {
            $0.start.stopsOnEndOfInput = true
          },
          .flag(nil, "ephemeral", "with --foreground: no configuration file needed; databases are thrown away at the end") {
            $0.start.isEphemeral = true
          },
          .flag(nil, "start-phase0", "stay in start phase 0 until --start-phase1 and --start-phase2") {
            $0.start.stopsInPhase0 = true
          },
          .value(nil, "smp", "N", "threads for connections; default: one for each processor") {
            command, value throws(UsageError) in
            guard let number = Int(value), (1...1024).contains(number) else {
              throw UsageError("--smp \(value): not a number of threads, 1 to 1024")
            }
            command.start.threads = number
          },
        ]),
      .init(
        title: "Control a running daemon",
        options: [
          command("status", "what the daemon does, what listens, who is connected", .control(.status)),
          command("stop", "stop it; returns when it is gone", .control(.stop)),
          command("reload", "read the configuration file again, reopen logs", .control(.reload)),
          command("areload", "as --reload, without waiting for the outcome", .control(.reloadInBackground)),
          Options.Option(
            short: nil, long: "check-callbacks", argument: .optional("NS|PATH", { !$0.hasPrefix("-") && !$0.isEmpty }),
            help: "read all that data providers serve, or part of it; fails when one does not answer with valid data"
          ) { command, value in command.actions.append(.control(.checkCallbacks(value))) },
          wait("wait-started", "wait until it is started; SECONDS (5) is the time to connect", phase: 2),
          wait("wait-phase0", "wait until start phase 0 is reached", phase: 0),
          command("start-phase1", "go on to start phase 1", .control(.startPhase(1))),
          command("start-phase2", "go on to start phase 2", .control(.startPhase(2))),
          command(
            "loadxmlfiles", "FILE...: put these XML files in the place of the whole configuration",
            .control(.loadXML([], merges: false))),
          command(
            "mergexmlfiles", "FILE...: merge these XML files into the configuration", .control(.loadXML([], merges: true))),
          .value(nil, "debug-dump", "FILE", "write its state and settings to FILE, to find out why something goes wrong") {
            $0.actions.append(.control(.debugDump(file: $1, compressed: false)))
          },
          .flag(nil, "compress", "with --debug-dump: compressed, to FILE.gz") { $0.isCompressed = true },
          .value(nil, "rollback", "N", "take back the commits from the latest to the one with number N (0 is the latest)") {
            command, value throws(UsageError) in
            guard let number = Int64(value), number >= 0 else { throw UsageError("--rollback \(value): not a number") }
            command.actions.append(.control(.rollback(number)))
          },
          .value(nil, "collect-timeout", "SECONDS", "with --debug-dump: give up after this time; default 10") {
            command, value throws(UsageError) in command.collectTimeout = try seconds(value, "--collect-timeout")
          },
          .value(nil, "timeout", "SECONDS", "give up after this time (exit code 3)") { command, value throws(UsageError) in
            guard let time = try seconds(value, "--timeout") else { throw UsageError("--timeout needs a number of seconds") }
            command.timeout = time
          },
        ]),
      ConnectionSettings.addressOptions(at: \.settings, letters: false),
      .init(
        title: "Other",
        options: [
          command("version", "print the version", .version),
          .flag("h", "help", "this text") { $0.actions.append(.help) },
          .value(nil, "detached", "N", "private: used by the command itself when it detaches") {
            command, value throws(UsageError) in
            guard let descriptor = Int32(value), descriptor > 2 else { throw UsageError("--detached is not for users") }
            command.start.reportDescriptor = descriptor
            command.start.isForeground = true
          },
        ]),
      .init(
        title: "Of the original, without effect here",
        options: [
          ignored("nolog"), ignored("with-package-reload"), ignored("with-package-reload-force"),
          ignored("ignore-initial-validation"), ignored("full-upgrade-validation"), ignored("disable-compaction-on-start"),
          ignored("epoll", takes: "BOOL"),
        ]),
      .init(
        title: "Of the original, not supported yet",
        options: [
          unsupported("loadfile", takes: "FILE"),
          unsupported("cli-j-dump", takes: "FILE"), unsupported("cli-c-dump", takes: "FILE"), unsupported("clear-aaa-cache"),
          unsupported("cdb-debug-dump", takes: "DIR"), unsupported("cdb-compact", takes: "DIR"),
          unsupported("cdb-validate", takes: "DIR"), unsupported("printlog", takes: "FILE"),
        ]),
    ],
    notes: """
      At a start the options under Daemon say where to listen, before the configuration file.

      Environment: NCS_IPC_PATH, NCS_IPC_ADDR, NCS_IPC_PORT, NCS_IPC_ACCESS_FILE (control commands, and daemons that start without a
      configuration file; NCS_IPC_PATH makes any starting daemon listen on that Unix socket), NCS_DIR, NSO_YANG_DIR.

      Exit code: 0 done or started; 1 internal error; 2 could not connect; 3 --timeout ran out; 10 faulty initial data;
      13 database of a newer version; 15 damaged database; 16 file error in the database; 20 address cannot be bound; 21 faulty configuration
      file; 22 faulty installation or YANG module.
      """)
}
