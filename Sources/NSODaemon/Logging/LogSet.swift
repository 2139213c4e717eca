import Logging
public import NSOEngine
import NSOModel
import Synchronization

/// All logs of a daemon. Records come through the journal, which tells event subscribers too, and through swift-log.
public final class LogSet: Sendable {
  /// Where each log goes, and how much it says (protocol part 08, section 7.2, logs).
  public struct Settings: Hashable, Sendable {
    public var destinations: [Journal.Log: DaemonLog.Destination] = [:]
    /// Records of severity error and above, of all logs.
    public var errors = DaemonLog.Destination()
    /// The folder of the progress trace; nil: none is written.
    public var progressDirectory: String?
    /// How much it tells: 0 normal to 3 debug.
    public var progressVerbosity = 0
    /// What happens to the programs that get logs, and from which severity on (0 critical to 7 trace).
    var programs = DaemonLog.Destination()
    var programsLevel = 2
    public var developerLevel = Journal.Level.info
    public var auditsChanges = false
    public var auditsDefaults = false

    public init() {}

    /// The daemon log on standard output, and nothing else.
    public init(standardOutput: Bool) {
      destinations[.daemon] = DaemonLog.Destination(standardOutput: standardOutput)
    }

    /// With the daemon log on standard output as well.
    func with(standardOutput: Bool) -> Settings {
      var settings = self
      settings.destinations[.daemon, default: DaemonLog.Destination()].standardOutput = standardOutput
      return settings
    }
  }

  public let journal: Journal
  private let logs: [Journal.Log: DaemonLog]
  private let errors: DaemonLog
  private let programs: ProgramLog
  private let progress = ProgressFile()

  public init(program: String = "ncs") {
    let events = EventHub()
    let isTaken: @Sendable () -> Bool = { [weak events] in events?.wants(.takeoverSyslog) ?? false }
    let errors = DaemonLog(program: program, isSyslogTaken: isTaken)
    let programs = ProgramLog(DaemonLog(program: program))
    var logs: [Journal.Log: DaemonLog] = [:]
    var loggers: [Journal.Log: Logger] = [:]
    for log in Journal.Log.allCases {
      let file = DaemonLog(
        program: program, name: log.settingName, programReport: { programs.record($0, $1) }, isSyslogTaken: isTaken)
      logs[log] = file
      loggers[log] = Logger(label: "nso.\(log)") { _ in RecordHandler(log: log, file: file, errors: errors) }
    }
    self.logs = logs
    self.errors = errors
    self.programs = programs
    journal = Journal(events: events, loggers: loggers)
    programs.journal = journal
  }

  /// Writes one record of the daemon log; the arguments follow the name, separated by blanks.
  func record(_ symbol: LogSymbol, _ text: String = "") { journal.record(.daemon, symbol, text) }

  /// Writes one line of the daemon log.
  func write(level: Logger.Level, text: String) { journal.message(level, text) }

  /// A logger of swift-log that writes to the daemon log, and traces to the developer log.
  func logger(_ label: String) -> Logger {
    var logger = Logger(label: label) { _ in JournalLogHandler(journal) }
    logger.logLevel = .debug
    return logger
  }

  /// All files of some settings, open. Whatever is not installed has to be dropped.
  struct Prepared: Sendable {
    fileprivate var settings: Settings
    fileprivate var logs: [(DaemonLog, DaemonLog.Prepared)] = []
    fileprivate var progress: DaemonLog.Prepared?

    func drop() {
      for (_, one) in logs { one.drop() }
      progress?.drop()
    }
  }

  /// Sends records elsewhere from now on, or nothing changes.
  func redirect(to settings: Settings) throws(LogFileError) { install(try prepare(settings)) }

  /// Opens what settings need, and changes nothing yet.
  func prepare(_ settings: Settings) throws(LogFileError) -> Prepared {
    var prepared = Prepared(settings: settings)
    do throws(LogFileError) {
      // First: it is told of the programs that are started for the others.
      prepared.logs.append((programs.file, try programs.file.prepare(settings.programs)))
      for (log, file) in logs {
        prepared.logs.append((file, try file.prepare(settings.destinations[log] ?? DaemonLog.Destination())))
      }
      prepared.logs.append((errors, try errors.prepare(settings.errors)))
      prepared.progress = try progress.prepare(settings.progressDirectory)
    } catch {
      prepared.drop()
      throw error
    }
    return prepared
  }

  /// Sends records to what was prepared, from now on.
  func install(_ prepared: Prepared) {
    let settings = prepared.settings
    programs.level = settings.programsLevel
    for (file, one) in prepared.logs { file.install(one) }
    if let one = prepared.progress { progress.install(one) }
    var current = Journal.Settings()
    current.open = Set(settings.destinations.filter { $0.value.isAnywhere }.keys)
    // Records of the daemon log are few, and its errors are for the error log in any case.
    current.open.insert(.daemon)
    current.developerLevel = settings.developerLevel
    current.auditsChanges = settings.auditsChanges
    current.auditsDefaults = settings.auditsDefaults
    current.progressVerbosity = settings.progressVerbosity
    journal.settings = current
    if settings.progressDirectory == nil {
      journal.progressSink = nil
    } else {
      journal.progressSink = { [progress] record in progress.write(record) }
    }
  }

  /// Closes the files and opens files of the same names. All are tried; the first failure is told.
  func reopen() throws(LogFileError) {
    var failure: LogFileError?
    for file in logs.sorted(by: { $0.key.rawValue < $1.key.rawValue }).map(\.value) + [errors, programs.file] {
      do throws(LogFileError) { try file.reopen() } catch { failure = failure ?? error }
    }
    do throws(LogFileError) { try progress.reopen() } catch { failure = failure ?? error }
    if let failure { throw failure }
  }

  /// Returns when everything that was logged before is written; a terminal that takes nothing is waited for two seconds.
  func flush() {
    for file in logs.values { file.flush() }
    errors.flush()
    programs.file.flush()
    progress.flush()
  }

  /// Writes what is left, and ends the programs that get logs.
  func shutDown() {
    flush()
    for file in logs.values { file.shutDown() }
    programs.file.flush()
  }
}

/// swift-log's way into one log. Metadata `symbol` has no place in the line, which carries its name; `user` and `session` stand
/// before audit records (protocol part 08, section 7.4).
private struct RecordHandler: LogHandler {
  let log: Journal.Log
  let file: DaemonLog
  let errors: DaemonLog
  var logLevel = Logger.Level.trace
  var metadata: Logger.Metadata = [:]

  init(log: Journal.Log, file: DaemonLog, errors: DaemonLog) {
    self.log = log
    self.file = file
    self.errors = errors
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var text = log.tag
    if let user = event.metadata?["user"], let session = event.metadata?["session"] { text += "user: \(user)/\(session) " }
    text += "\(event.message)"
    let time = LogClock.now()
    file.write(level: event.level, text: text, at: time)
    if event.level >= .error { errors.write(level: event.level, text: text, at: time) }
  }
}

/// What happens to the programs that get logs (`logs/ext-log`). Trouble is in the daemon log as well.
private final class ProgramLog: Sendable {
  private struct State {
    var level = 2
    weak var journal: Journal?
  }

  let file: DaemonLog
  private let state = Mutex(State())

  init(_ file: DaemonLog) { self.file = file }

  var level: Int {
    get { state.withLock(\.level) }
    set { state.withLock { $0.level = newValue } }
  }

  var journal: Journal? {
    get { state.withLock { $0.journal } }
    set { state.withLock { $0.journal = newValue } }
  }

  func record(_ severity: LogProgram.Severity, _ text: String) {
    let level: Logger.Level =
      switch severity {
      case .error: .error
      case .warning: .warning
      case .info: .info
      }
    if severity.rawValue <= self.level { file.write(level: level, text: "external: \(text)") }
    if severity == .error { journal?.message(.warning, "external log program: \(text)") }
  }
}

extension Journal.Log {
  /// What it is called in `ncs.conf`.
  fileprivate var settingName: String {
    switch self {
    case .daemon: "ncs-log"
    case .developer: "developer-log"
    case .audit: "audit-log"
    case .netconf: "netconf-log"
    case .jsonrpc: "jsonrpc-log"
    case .webui: "webui-access-log"
    case .upgrade: "upgrade-log"
    case .transactionErrors: "transaction-error-log"
    case .xpathTrace: "xpath-trace-log"
    }
  }

  /// What stands before the records of a log, so that logs in one file, or in syslog, can be told apart.
  fileprivate var tag: String {
    switch self {
    case .daemon: ""
    case .developer: "devel: "
    case .audit: "audit "
    case .netconf: "netconf: "
    case .jsonrpc: "jsonrpc: "
    case .webui: "webui: "
    case .upgrade: "upgrade: "
    case .transactionErrors: "transaction: "
    case .xpathTrace: "xpath: "
    }
  }
}
