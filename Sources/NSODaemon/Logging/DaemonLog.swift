import Dispatch
public import Logging
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One log: one line for each event, to a file, to syslog, to standard output, or to several of them
/// (protocol part 08, section 7.4):
///
///     <INFO> 28-Jan-2009::16:30:05.123 router ncs[4711]: STARTED swift-nso 0.1
///
/// Whoever logs does not wait for the disk or the terminal: lines are written in order on a queue of their own, each in one
/// piece. Lines that cannot be written (disk full), or that come faster than they can be written, are counted, and the count is told
/// as soon as writing works again. The file does not wait for the terminal (`LogOutlet`).
public final class DaemonLog: Sendable {
  /// Where lines go.
  public struct Destination: Hashable, Sendable {
    /// The log file; its folder is made if it is missing.
    public var file: String?
    public var standardOutput: Bool
    public var syslog: Syslog.Target?
    /// When the file has this many bytes it is moved aside; nil: never, somebody else does it.
    public var rotation: LogRotation?
    /// Gets every line on its standard input.
    var program: LogProgram.Command?

    public init(
      file: String? = nil, standardOutput: Bool = false, syslog: Syslog.Target? = nil, rotation: LogRotation? = nil
    ) {
      self.file = file
      self.standardOutput = standardOutput
      self.syslog = syslog
      self.rotation = rotation
    }

    /// Whether anything is written anywhere.
    var isAnywhere: Bool { file != nil || standardOutput || syslog != nil || program != nil }
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
    var size = 0
    var syslog: Syslog?
    var program: LogProgram?

    deinit { if let descriptor { close(descriptor) } }
  }

  /// A destination whose file is open already. Whatever is not installed has to be dropped.
  struct Prepared: Sendable {
    var destination: Destination
    var descriptor: Int32?

    func drop() { if let descriptor { close(descriptor) } }
  }

  private static let limit = 4 << 20
  private let state = Mutex(State())
  private let files = Files()
  private let queue = DispatchQueue(label: "log")
  private let host: String
  private let program: String
  /// Whether somebody else takes care of syslog at this moment.
  private let isSyslogTaken: @Sendable () -> Bool
  private let standardOutput: LogOutlet
  private let name: String
  /// Is told what happens to the program that gets the lines.
  private let programReport: @Sendable (LogProgram.Severity, String) -> Void

  public convenience init(program: String = "ncs", isSyslogTaken: @escaping @Sendable () -> Bool = { false }) {
    self.init(program: program, standardOutput: .standardOutput, isSyslogTaken: isSyslogTaken)
  }

  /// - Parameter name: what this log is called in `ncs.conf`.
  init(
    program: String = "ncs", standardOutput: LogOutlet = .standardOutput, name: String = "log",
    programReport: @escaping @Sendable (LogProgram.Severity, String) -> Void = { _, _ in },
    isSyslogTaken: @escaping @Sendable () -> Bool = { false }
  ) {
    self.program = program
    self.standardOutput = standardOutput
    self.name = name
    self.programReport = programReport
    self.isSyslogTaken = isSyslogTaken
    var name = [CChar](repeating: 0, count: 256)
    let known = gethostname(&name, name.count - 1) == 0
    host = known ? String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "localhost"
  }

  /// Sends lines to another place from now on. The file of before is closed when the new one is open, and kept on an error.
  public func redirect(to destination: Destination) throws(LogFileError) { install(try prepare(destination)) }

  /// Opens what a destination needs, and changes nothing yet.
  func prepare(_ destination: Destination) throws(LogFileError) -> Prepared {
    Prepared(
      destination: destination, descriptor: try destination.file.map { path throws(LogFileError) in try Self.open(path) })
  }

  func install(_ prepared: Prepared) { queue.sync { install(prepared, files) } }

  /// Ends the program that gets the lines.
  func shutDown() {
    queue.sync {
      files.program?.stop()
      files.program = nil
    }
  }

  /// Closes the file and opens one of the same name: for programs that move log files away.
  public func reopen() throws(LogFileError) {
    let result: Result<Void, LogFileError> = queue.sync {
      do throws(LogFileError) {
        install(try prepare(files.destination), files)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Returns when everything that was logged before is written; a terminal or pipe that takes nothing is waited for two seconds.
  public func flush() {
    let isShown = queue.sync { files.destination.standardOutput }
    if isShown { standardOutput.flush() }
  }

  private func install(_ prepared: Prepared, _ files: Files) {
    if let old = files.descriptor { close(old) }
    if files.destination.syslog != prepared.destination.syslog { files.syslog = nil }
    if files.destination.program != prepared.destination.program {
      files.program?.retire()
      files.program = prepared.destination.program.map { LogProgram($0, log: name, report: programReport) }
    } else {
      files.program?.reset()
    }
    files.descriptor = prepared.descriptor
    files.destination = prepared.destination
    files.size = files.descriptor.map(Self.size) ?? 0
    if let target = prepared.destination.syslog, files.syslog == nil { files.syslog = Syslog(target) }
  }

  private static func size(_ descriptor: Int32) -> Int {
    var facts = stat()
    return fstat(descriptor, &facts) == 0 ? Int(facts.st_size) : 0
  }

  /// Writes one line. Line ends inside become `\n`, so that a line is a record.
  public func write(level: Logger.Level, text: String) { write(level: level, text: text, at: LogClock.now()) }

  /// - Parameter time: as it stands in lines: the same in all logs that a record is in.
  func write(level: Logger.Level, text: String, at time: String) {
    let head = "<\(level.severityWord)> \(time) \(host) \(program)[\(getpid())]: "
    var line: [UInt8] = Array(head.utf8)
    let start = line.count
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
    guard mayWait(line.count) else { return }
    queue.async { [line] in self.write(line, from: start, level) }
  }

  private func mayWait(_ size: Int) -> Bool {
    state.withLock { state in
      guard state.waiting + size <= Self.limit else {
        state.lost += 1
        return false
      }
      state.waiting += size
      return true
    }
  }

  /// Writes bytes as they are, for logs that are no lines of this form; in order with the others.
  func write(raw bytes: [UInt8]) {
    guard mayWait(bytes.count) else { return }
    queue.async {
      self.state.withLock { $0.waiting -= bytes.count }
      self.write(bytes)
    }
  }

  /// On the queue.
  private func write(_ line: [UInt8], from start: Int, _ level: Logger.Level) {
    state.withLock { $0.waiting -= line.count }
    if files.destination.standardOutput { standardOutput.write(line, head: start) }
    files.program?.write(line)
    if let syslog = files.syslog, !isSyslogTaken() {
      syslog.send(level: level, program: program, line[start...].dropLast())
    }
    write(line, head: line[..<start])
  }

  /// On the queue: to the file.
  private func write(_ bytes: [UInt8], head: ArraySlice<UInt8> = []) {
    rotateIfFull(bytes.count)
    let lost = state.withLock { state in
      defer { state.lost = 0 }
      return state.lost
    }
    guard let descriptor = files.descriptor else { return }
    let isTold =
      lost == 0 || writeAll(descriptor, Array(head) + Array("\(lost) log records could not be written\n".utf8))
    let isWritten = isTold && writeAll(descriptor, bytes)
    files.size += bytes.count
    guard !isWritten else { return }
    state.withLock { $0.lost += (isTold ? 0 : lost) + 1 }
  }

  /// Moves a full file aside; the oldest goes.
  private func rotateIfFull(_ count: Int) {
    guard let rotation = files.destination.rotation, let path = files.destination.file, files.size > 0,
      files.size + count > rotation.maximumSize
    else { return }
    for number in stride(from: rotation.files - 1, through: 1, by: -1) {
      rename(number == 1 ? path : "\(path).\(number - 1)", "\(path).\(number)")
    }
    guard let descriptor = try? Self.open(path) else {
      // The records go on into the file that was moved. As if it were new: else the next record would move it on, until no other
      // archive is left.
      files.size = 0
      return
    }
    if let old = files.descriptor { close(old) }
    files.descriptor = descriptor
    files.size = Self.size(descriptor)
  }

  private static let isFIFO = "it is a FIFO, whose reader could hold the daemon up; name a regular file"

  private static func open(_ path: String) throws(LogFileError) -> Int32 {
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      // Whether it worked shows when the file is opened.
      mkdir(String(path[..<slash]), 0o755)
    }
    // Opening a FIFO would wait for its reader.
    let descriptor = openFile(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
    guard descriptor >= 0 else {
      throw LogFileError(path: path, reason: errno == ENXIO ? isFIFO : String(cString: strerror(errno)))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFIFO else {
      close(descriptor)
      throw LogFileError(path: path, reason: isFIFO)
    }
    _ = fcntl(descriptor, F_SETFL, O_APPEND)
    return descriptor
  }
}

/// How a log that grows is kept small.
public struct LogRotation: Hashable, Sendable {
  /// In bytes, of one file.
  public var maximumSize: Int
  /// How many are kept, with the one that is written.
  public var files: Int

  public init(maximumSize: Int, files: Int = 5) {
    self.maximumSize = maximumSize
    self.files = files
  }
}

/// A log file that cannot be opened.
public struct LogFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  public var reason: String

  public var description: String {
    "cannot write the log file \(path): \(reason); see the settings below logs in the configuration file"
  }
}

/// open(2), whose name the log's own method hides.
private func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }

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

  /// Syslog's number.
  var priority: Int {
    switch self {
    case .critical: 2
    case .error: 3
    case .warning: 4
    case .notice: 5
    case .info: 6
    case .debug, .trace: 7
    }
  }
}
