public import Logging
public import NSOModel
import NSOXPath
import Synchronization

/// Where everything goes that is worth a record: into a log through swift-log, and to event subscribers, with the same text in
/// both (protocol part 06, sections 5.1, 5.2 and 9). Writing never waits.
public final class Journal: Sendable {
  /// The logs (protocol part 08, section 7.2, logs).
  public enum Log: Int, Hashable, Sendable, CaseIterable {
    case daemon, developer, audit, netconf, jsonrpc, webui
    /// Schema upgrades; no events.
    case upgrade
    /// Failed transactions in detail; no events.
    case transactionErrors
    /// The evaluation of XPath expressions; no events.
    case xpathTrace

    /// The kind of event that its records are.
    var kind: EventMask? {
      switch self {
      case .daemon: .daemon
      case .developer: .developer
      case .audit: .audit
      case .netconf: .netconf
      case .jsonrpc: .jsonrpc
      case .webui: .webui
      case .upgrade, .transactionErrors, .xpathTrace: nil
      }
    }
  }

  /// How much the developer log tells.
  public enum Level: Int, Sendable, Comparable {
    case error, info, trace
    public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  /// What may change while the daemon runs.
  public struct Settings: Sendable {
    /// Logs that are written somewhere; records of others go to subscribers only.
    public var open: Set<Log> = [.daemon]
    public var developerLevel = Level.info
    /// One audit record for each configuration change of a commit (`audit-log-commit`).
    public var auditsChanges = false
    /// Also for defaults that are set.
    public var auditsDefaults = false
    /// How much the progress log tells: 0 normal to 3 debug.
    public var progressVerbosity = 0

    public init() {}
  }

  public let events: EventHub
  /// Is told of evaluations while their log is written.
  let xpathTrace = XPathTrace()
  private let loggers: [Log: Logger]
  private let current = Mutex(Settings())
  private let open = Atomic<UInt32>(1 << UInt32(Log.daemon.rawValue))
  private let level = Atomic<Int>(Level.info.rawValue)
  private let sink = Mutex<(@Sendable (ProgressRecord) -> Void)?>(nil)
  /// The verbosity of what the sink gets; -1: there is none.
  private let sinkLevel = Atomic<Int>(-1)

  /// - Parameter loggers: one for each log that is written at all. The number of the symbol comes with each record as metadata
  ///   `symbol`, for audit records also `user` and `session`.
  public init(events: EventHub = EventHub(), loggers: [Log: Logger]) {
    self.events = events
    self.loggers = loggers
    events.onDrop { [weak self] subscriber, reason in self?.note(subscriber, reason) }
  }

  /// All that there is goes to one logger: for engines without files of their own.
  public convenience init(_ log: Logger) { self.init(loggers: [.daemon: log]) }

  public var settings: Settings {
    get { current.withLock { $0 } }
    set {
      current.withLock { $0 = newValue }
      open.store(newValue.open.reduce(0) { $0 | 1 << UInt32($1.rawValue) }, ordering: .releasing)
      level.store(newValue.developerLevel.rawValue, ordering: .releasing)
      updateSink()
      let logger = newValue.open.contains(.xpathTrace) ? loggers[.xpathTrace] : nil
      if let logger {
        xpathTrace.sink = { text in logger.debug("\(text)") }
      } else {
        xpathTrace.sink = nil
      }
    }
  }

  /// Whether a record of this log would reach anybody: what costs to say need not be said else.
  public func wants(_ log: Log) -> Bool {
    if open.load(ordering: .relaxed) & 1 << UInt32(log.rawValue) != 0 { return true }
    return log.kind.map(events.wants) ?? false
  }

  // MARK: Records

  /// One record of a log other than the audit log. The text is the name of the symbol and what is said.
  public func record(_ log: Log, _ symbol: LogSymbol, _ text: @autoclosure () -> String = "") {
    guard wants(log) else { return }
    let text = text()
    put(log, symbol, text.isEmpty ? symbol.name : "\(symbol.name) \(text)")
  }

  /// A line of the daemon log that has no symbol of its own.
  public func message(_ level: Logger.Level, _ text: @autoclosure () -> String) {
    guard wants(.daemon) else { return }
    put(.daemon, .message(level), text())
  }

  /// One record of the developer log.
  public func developer(_ symbol: LogSymbol, _ level: Level = .info, _ text: @autoclosure () -> String) {
    guard level.rawValue <= self.level.load(ordering: .relaxed), wants(.developer) else { return }
    put(
      .developer, level == .trace ? symbol.withSeverity(.debug) : level == .error ? symbol.withSeverity(.error) : symbol,
      "\(symbol.name) \(text())")
  }

  private func put(_ log: Log, _ symbol: LogSymbol, _ message: String) {
    if let kind = log.kind {
      events.emit(kind) {
        .log(kind, LogEntry(number: symbol.number, priority: symbol.severity.priority, message: message))
      }
    }
    loggers[log]?.log(
      level: symbol.severity.level, "\(message)", metadata: ["symbol": .stringConvertible(symbol.number)])
  }

  /// One record of the audit log: who did what. Sessions of context `system` leave none (protocol part 08, section 8.1), unless
  /// `always` is set, as it is for commits.
  public func audit(_ symbol: LogSymbol, _ session: UserSession, always: Bool = false, _ text: @autoclosure () -> String = "") {
    guard always || !session.isSystem, wants(.audit) else { return }
    let message = Self.message(symbol, text())
    put(audit: symbol, session, message)
    guard !session.isEnded, events.wants(.auditSync) else {
      events.emit(.audit) { Self.event(symbol, session, message) }
      return
    }
    events.emit(
      Self.event(symbol, session, message), awaiting: .audit(session: session.id), from: [.audit, .auditSync],
      suspending: session.id
    ) {}
  }

  /// As ``audit(_:_:always:_:)``, and returns when all have acknowledged who have to.
  func auditAndWait(_ symbol: LogSymbol, _ session: UserSession, _ text: @autoclosure () -> String) async {
    guard wants(.audit) else { return }
    let message = Self.message(symbol, text())
    put(audit: symbol, session, message)
    guard events.wants(.auditSync) else {
      events.emit(.audit) { Self.event(symbol, session, message) }
      return
    }
    await events.emit(
      Self.event(symbol, session, message), awaiting: .audit(session: session.id), from: [.audit, .auditSync])
  }

  /// A record about somebody who has no session yet.
  public func audit(_ symbol: LogSymbol, user: String, _ text: @autoclosure () -> String) {
    guard wants(.audit) else { return }
    let message = Self.message(symbol, text())
    events.emit(.audit) { .audit(AuditRecord(number: symbol.number, user: user, session: 0, message: message)) }
    put(audit: symbol, user: user, id: 0, message)
  }

  private static func message(_ symbol: LogSymbol, _ text: String) -> String {
    text.isEmpty ? symbol.name : "\(symbol.name) \(text)"
  }

  private static func event(_ symbol: LogSymbol, _ session: UserSession, _ message: String) -> DaemonEvent {
    .audit(AuditRecord(number: symbol.number, user: session.user, session: session.id, message: message))
  }

  private func put(audit symbol: LogSymbol, _ session: UserSession, _ message: String) {
    put(audit: symbol, user: session.user, id: session.id, message)
  }

  private func put(audit symbol: LogSymbol, user: String, id: Int32, _ message: String) {
    loggers[.audit]?.log(
      level: symbol.severity.level, "\(message)",
      metadata: ["symbol": .stringConvertible(symbol.number), "user": .string(user), "session": .stringConvertible(id)])
  }

  // MARK: Progress

  /// Where the progress log goes; must not wait. Nil: there is none.
  public var progressSink: (@Sendable (ProgressRecord) -> Void)? {
    get { sink.withLock { $0 } }
    set {
      sink.withLock { $0 = newValue }
      updateSink()
    }
  }

  private func updateSink() {
    sinkLevel.store(progressSink == nil ? -1 : settings.progressVerbosity, ordering: .releasing)
  }

  @inline(__always)
  func progressLogWants(_ verbosity: Int) -> Bool { sinkLevel.load(ordering: .relaxed) >= verbosity }

  func writeProgress(_ record: ProgressRecord, _ verbosity: Int) {
    guard progressLogWants(verbosity) else { return }
    progressSink?(record)
  }

  // MARK: Refusals

  /// Notes a refusal in the developer log, and gives the error that tells it: the same text in both.
  public func refusal(_ explanation: Explanation) -> NSOError {
    let symbol: LogSymbol = explanation.cause == .access ? .developerAAA : .developerCore
    developer(symbol, .info, "refused: \(explanation.text)")
    return explanation.error
  }

  private func note(_ subscriber: EventSubscriber, _ reason: EventHub.Drop) {
    switch reason {
    case .noAcknowledgement(let what):
      record(
        .daemon, .eventSocketTimeout,
        "\(subscriber.name), subscribed to \(subscriber.mask), did not send \(what) within \(events.settings.replyTimeout); its socket is closed"
      )
    case .bufferFull, .stalled:
      let what =
        reason == .stalled
        ? "takes no bytes for \(events.settings.stallTimeout)" : "does not read: its buffer is full"
      record(
        .daemon, .eventSocketWriteBlock,
        "\(subscriber.name), subscribed to \(subscriber.mask), \(what); its socket is closed")
    }
  }
}

extension LogSymbol.Severity {
  /// swift-log's level.
  public var level: Logger.Level {
    switch self {
    case .critical: .critical
    case .error: .error
    case .warning: .warning
    case .info: .info
    case .debug: .debug
    }
  }
}

extension LogSymbol {
  /// A line of the daemon log without a symbol of its own.
  static func message(_ level: Logger.Level) -> LogSymbol { LogSymbol.message.withLevel(level) }

  /// The same kind, as severe as swift-log has it.
  func withLevel(_ level: Logger.Level) -> LogSymbol {
    let severity: Severity =
      switch level {
      case .trace, .debug: .debug
      case .info, .notice: .info
      case .warning: .warning
      case .error: .error
      case .critical: .critical
      }
    return withSeverity(severity)
  }
}
