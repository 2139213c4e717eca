import Dispatch
public import Logging
public import NSOModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The daemon's log: one line for each event, to a file, to standard output, or to both
/// (protocol part 08, section 7.4):
///
///     <INFO> 28-Jan-2009::16:30:05.123 router ncs[4711]: STARTED swift-nso 0.1
///
/// Whoever logs does not wait for the disk or the terminal: lines are written in order on a queue of their own, each in one
/// piece. Lines that cannot be written (disk full), or that come faster than they can be written, are counted, and the count is told
/// as soon as writing works again.
public final class DaemonLog: Sendable {
  /// Where lines go.
  public struct Destination: Hashable, Sendable {
    /// The log file; its folder is made if it is missing.
    public var file: String?
    public var standardOutput: Bool

    public init(file: String? = nil, standardOutput: Bool = false) {
      self.file = file
      self.standardOutput = standardOutput
    }
  }

  private struct State {
    /// Bytes of lines that wait to be written.
    var waiting = 0
    var lost = 0
  }

  /// Touched only on the queue.
  private final class Files: @unchecked Sendable {
    // The serial queue is what keeps threads apart here.
    var destination = Destination()
    var descriptor: Int32?

    deinit { if let descriptor { close(descriptor) } }
  }

  private static let limit = 4 << 20
  private let state = Mutex(State())
  private let files = Files()
  private let queue = DispatchQueue(label: "log")
  private let host: String
  private let program: String

  public init(program: String = "ncs") {
    self.program = program
    var name = [CChar](repeating: 0, count: 256)
    let known = gethostname(&name, name.count - 1) == 0
    host = known ? String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "localhost"
  }

  /// Sends lines to another place from now on. The file of before is closed when the new one is open, and kept on an error.
  public func redirect(to destination: Destination) throws(LogFileError) {
    try onQueue { (files) throws(LogFileError) in try Self.redirect(files, to: destination) }
  }

  /// Closes the file and opens one of the same name: for programs that move log files away.
  public func reopen() throws(LogFileError) {
    try onQueue { (files) throws(LogFileError) in try Self.redirect(files, to: files.destination) }
  }

  /// Returns when everything that was logged before is written.
  public func flush() { queue.sync {} }

  private func onQueue(_ body: (Files) throws(LogFileError) -> Void) throws(LogFileError) {
    let result: Result<Void, LogFileError> = queue.sync {
      do throws(LogFileError) { return .success(try body(files)) } catch { return .failure(error) }
    }
    try result.get()
  }

  private static func redirect(_ files: Files, to destination: Destination) throws(LogFileError) {
    let descriptor = try destination.file.map { path throws(LogFileError) in try open(path) }
    if let old = files.descriptor { close(old) }
    files.descriptor = descriptor
    files.destination = destination
  }

  /// Writes one record of a known kind; the arguments follow the name, separated by blanks.
  public func record(_ symbol: LogSymbol, _ text: String = "") {
    write(level: symbol.severity.level, text: text.isEmpty ? symbol.name : symbol.name + " " + text)
  }

  /// Writes one line. Line ends inside become `\n`, so that a line is a record.
  public func write(level: Logger.Level, text: String) {
    let head = "<\(level.severityWord)> \(LogClock.now()) \(host) \(program)[\(getpid())]: "
    var line: [UInt8] = Array(head.utf8)
    line.reserveCapacity(line.count + text.utf8.count + 1)
    for byte in text.utf8 {
      switch byte {
      case 0x0A: line += Array("\\n".utf8)
      case 0x0D: line += Array("\\r".utf8)
      case 0..<0x20 where byte != 0x09, 0x7F: line.append(UInt8(ascii: "?"))
      default: line.append(byte)
      }
    }
    line.append(0x0A)
    let size = line.count
    let mayWait = state.withLock { state in
      guard state.waiting + size <= Self.limit else {
        state.lost += 1
        return false
      }
      state.waiting += size
      return true
    }
    guard mayWait else { return }
    queue.async { [line] in self.write(line, head) }
  }

  /// On the queue.
  private func write(_ line: [UInt8], _ head: String) {
    let lost = state.withLock { state in
      state.waiting -= line.count
      defer { state.lost = 0 }
      return state.lost
    }
    if files.destination.standardOutput { Self.writeAll(STDOUT_FILENO, line) }
    guard let descriptor = files.descriptor else { return }
    let isTold = lost == 0 || Self.writeAll(descriptor, Array((head + "\(lost) log records could not be written\n").utf8))
    let isWritten = isTold && Self.writeAll(descriptor, line)
    guard !isWritten else { return }
    state.withLock { $0.lost += (isTold ? 0 : lost) + 1 }
  }

  /// A logger of swift-log that writes here.
  public func logger(_ label: String, level: Logger.Level = .info) -> Logger {
    var logger = Logger(label: label) { label in DaemonLogHandler(log: self, label: label) }
    logger.logLevel = level
    return logger
  }

  private static func open(_ path: String) throws(LogFileError) -> Int32 {
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      // Whether it worked shows when the file is opened.
      mkdir(String(path[..<slash]), 0o755)
    }
    let descriptor = openFile(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw LogFileError(path: path, reason: String(cString: strerror(errno))) }
    return descriptor
  }

  @discardableResult
  private static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = UnsafeRawBufferPointer(rebasing: rest)
        let count = writeBytes(descriptor, piece.baseAddress, piece.count)
        if count < 0 {
          if errno == EINTR { continue }
          return false
        }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }
}

/// A log file that cannot be opened.
public struct LogFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  public var reason: String

  public var description: String {
    "cannot write the log file \(path): \(reason); see logs/ncs-log/file in the configuration file"
  }
}

/// open(2) and write(2), whose names the log's own methods hide.
private func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

extension LogSymbol.Severity {
  var level: Logger.Level {
    switch self {
    case .critical: .critical
    case .error: .error
    case .warning: .warning
    case .info: .info
    case .debug: .debug
    }
  }
}

extension Logger.Level {
  /// The word in angle brackets at the start of a line, as in the samples that are known.
  var severityWord: String {
    switch self {
    case .critical: "CRIT"
    case .error: "ERR"
    case .warning: "WARNING"
    case .notice, .info: "INFO"
    case .debug, .trace: "DEBUG"
    }
  }
}

/// swift-log's way into `DaemonLog`. Metadata follows the message as `name=value`.
struct DaemonLogHandler: LogHandler {
  let log: DaemonLog
  let label: String
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  init(log: DaemonLog, label: String) {
    self.log = log
    self.label = label
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var text = "\(event.message)"
    if let error = event.error { text += ": \(error)" }
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) { text += " \(key)=\(value)" }
    log.write(level: event.level, text: text)
  }
}
