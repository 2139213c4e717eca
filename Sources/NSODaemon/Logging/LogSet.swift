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
  private let progress = ProgressFile()

  public init(program: String = "ncs") {
    let events = EventHub()
    let isTaken: @Sendable () -> Bool = { [weak events] in events?.wants(.takeoverSyslog) ?? false }
    let errors = DaemonLog(program: program, isSyslogTaken: isTaken)
    var logs: [Journal.Log: DaemonLog] = [:]
    var loggers: [Journal.Log: Logger] = [:]
    for log in Journal.Log.allCases {
      let file = DaemonLog(program: program, isSyslogTaken: isTaken)
      logs[log] = file
      loggers[log] = Logger(label: "nso.\(log)") { _ in RecordHandler(log: log, file: file, errors: errors) }
    }
    self.logs = logs
    self.errors = errors
    journal = Journal(events: events, loggers: loggers)
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
    for (file, one) in prepared.logs { file.install(one) }
    if let one = prepared.progress { progress.install(one) }
    var current = Journal.Settings()
    current.open = Set(settings.destinations.filter { $0.value.isAnywhere }.keys)
    // Records of the daemon log are few, and its errors are for the error log in any case.
    current.open.insert(.daemon)
    current.developerLevel = settings.developerLevel
    current.auditsChanges = settings.auditsChanges
    current.auditsDefaults = settings.auditsDefaults
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
    for file in logs.sorted(by: { $0.key.rawValue < $1.key.rawValue }).map(\.value) + [errors] {
      do throws(LogFileError) { try file.reopen() } catch { failure = failure ?? error }
    }
    do throws(LogFileError) { try progress.reopen() } catch { failure = failure ?? error }
    if let failure { throw failure }
  }

  /// Returns when everything that was logged before is written; a terminal that takes nothing is waited for two seconds.
  func flush() {
    for file in logs.values { file.flush() }
    errors.flush()
    progress.flush()
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
    file.write(level: event.level, text: text)
    if event.level >= .error { errors.write(level: event.level, text: text) }
  }
}

extension Journal.Log {
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
    }
  }
}
