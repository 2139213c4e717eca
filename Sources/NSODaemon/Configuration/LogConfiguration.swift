import NSOEngine
import NSOModel

/// Where records go (protocol part 08, section 7.2, logs), and what event subscribers may take.
extension DaemonConfiguration {
  func readLogs(_ source: Source) throws -> LogSet.Settings {
    var settings = LogSet.Settings()
    let socket = source.environment["NSO_SYSLOG_SOCKET"].flatMap { $0.isEmpty ? nil : $0 } ?? "/dev/log"
    let logs: [(Journal.Log, String)] = [
      (.daemon, "ncs-log"), (.developer, "developer-log"), (.audit, "audit-log"), (.netconf, "netconf-log"),
      (.upgrade, "upgrade-log"),
    ]
    let program = try readProgram()
    for (log, name) in logs { settings.destinations[log] = try destination("logs/" + name, socket: socket, program) }
    for (log, name) in [(Journal.Log.transactionErrors, "transaction-error-log"), (.xpathTrace, "xpath-trace-log")] {
      let path = "logs/" + name
      guard try tree.flag(path + "/enabled") else { continue }
      var destination = DaemonLog.Destination()
      if try tree.flag(path + "/external/enabled") { destination.program = program }
      if try destination.program == nil || tree.text(path + "/filename") != nil {
        destination.file = try fileName(path + "/filename", for: path)
      }
      settings.destinations[log] = destination
    }
    if try tree.flag("logs/ext-log/enabled") {
      settings.programs = DaemonLog.Destination(file: try fileName("logs/ext-log/filename", for: "logs/ext-log"))
      if case .uint8(let level)? = try tree.value("logs/ext-log/level") { settings.programsLevel = Int(level) }
    }
    if try tree.flag("logs/error-log/enabled") {
      let size = try tree.text("logs/error-log/max-size") ?? "S1M"
      guard case .uint64(let bytes)? = SpecialForm.size.parse(size), bytes > 0 else {
        throw try ConfigurationError(
          place(of: "logs/error-log/max-size"), "logs/error-log/max-size: \"\(size)\" is not a size that can be used",
          remedy: "write for example S10M")
      }
      settings.errors = DaemonLog.Destination(
        file: try fileName("logs/error-log/filename", for: "logs/error-log"),
        rotation: LogRotation(maximumSize: Int(clamping: bytes)))
    }
    if try tree.flag("logs/progress-trace/enabled") {
      settings.progressDirectory = try fileName("logs/progress-trace/dir", for: "logs/progress-trace")
      // The value of an enumeration is its place.
      if case .enumeration(let level)? = try tree.value("logs/progress-trace/verbosity") {
        settings.progressVerbosity = Int(level)
      }
    }
    settings.developerLevel =
      switch try word("logs/developer-log-level") {
      case "error": .error
      case "trace": .trace
      default: .info
      }
    settings.auditsChanges = try tree.flag("logs/audit-log-commit")
    settings.auditsDefaults = try tree.flag("logs/audit-log-commit-defaults")
    return settings
  }

  /// The program that gets logs; nil: none does.
  private func readProgram() throws -> LogProgram.Command? {
    guard try tree.flag("logs/external/enabled") else { return nil }
    let path = "logs/external/command"
    let name = try fileName(path, for: "logs/external")
    guard InstallationPaths.isExecutable(name) else {
      throw try ConfigurationError(
        place(of: path), "\(path): \(name) is no file that the daemon may execute", remedy: "name the program with its folder")
    }
    var command = LogProgram.Command(path: name)
    if case .uint8(let number)? = try tree.value("logs/external/restart/max-attempts") { command.maximumStarts = Int(number) }
    command.delay = try endless("logs/external/restart/delay")
    command.period = try endless("logs/external/restart/period")
    return command
  }

  /// A time span; a hundred years for the word infinity.
  private func endless(_ path: String) throws -> Duration {
    // The word is no text here, but a value of its own.
    try tree.text(path) == nil ? .seconds(100 * 365 * 86_400) : duration(path)
  }

  /// Logs that are for a program which there is none of.
  func readProgramlessLogs() throws -> [String] {
    guard try !tree.flag("logs/external/enabled") else { return [] }
    let names = [
      "ncs-log", "developer-log", "audit-log", "netconf-log", "upgrade-log", "transaction-error-log", "xpath-trace-log",
    ]
    return try names.filter {
      try tree.flag("logs/\($0)/external/enabled")
    }
  }

  private func destination(
    _ path: String, socket: String, _ program: LogProgram.Command?
  ) throws -> DaemonLog.Destination? {
    guard try tree.flag(path + "/enabled") else { return nil }
    var destination = DaemonLog.Destination()
    if try tree.flag(path + "/external/enabled") { destination.program = program }
    if try tree.flag(path + "/file/enabled") { destination.file = try fileName(path + "/file/name", for: path + "/file") }
    if try tree.flag(path + "/syslog/enabled") {
      let facility = try facility(path + "/syslog/facility") ?? facility("logs/syslog-config/facility") ?? 3
      destination.syslog = Syslog.Target(facility: facility, socket: socket)
    }
    return destination
  }

  private func facility(_ path: String) throws -> Int? {
    guard let text = try word(path) else { return nil }
    guard let facility = Syslog.facility(text) else {
      throw try ConfigurationError(
        place(of: path), "\(path): \"\(text)\" is not a facility that syslog has",
        remedy: "write daemon, local0, or a number below 24")
    }
    return facility
  }

  private func fileName(_ path: String, for what: String) throws -> String {
    guard let name = try tree.text(path), !name.isEmpty else {
      throw try ConfigurationError(
        place(of: what), "\(what) is enabled but has no name",
        remedy: "add the element \(path.split(separator: "/").last ?? "name")")
    }
    return name
  }

  /// What is written at a leaf; nil where nothing is.
  private func word(_ path: String) throws -> String? { try tree.written(path).first?.text }

  func readEvents() throws -> EventHub.Settings {
    var settings = EventHub.Settings()
    settings.replyTimeout = try duration("japi/event-reply-timeout")
    settings.connectTimeout = ipc.connectTimeLimit
    return settings
  }
}
