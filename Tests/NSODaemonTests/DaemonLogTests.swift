import Dispatch
import Glibc
import Logging
import NSOEngine
import NSOModel
import Synchronization
import Testing

@testable import NSODaemon

@Suite struct DaemonLogTests {
  @Test func aLineIsARecord() throws {
    let folder = try TemporaryDirectory()
    let log = LogSet(program: "ncs")
    var settings = LogSet.Settings()
    settings.destinations[.daemon] = .init(file: folder.path + "/logs/ncs.log")
    try log.redirect(to: settings)
    log.record(.started, "1.0")
    log.write(level: .warning, text: "two\nlines\u{1B}[0m")
    log.flush()
    let lines = try folder.read("logs/ncs.log").split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix("<INFO> "))
    #expect(lines[0].hasSuffix(" ncs[\(getpid())]: STARTED 1.0"))
    #expect(lines[0].firstMatch(of: /^<INFO> \d{1,2}-[A-Z][a-z]{2}-\d{4}::\d\d:\d\d:\d\d\.\d{3} \S+ ncs/) != nil)
    #expect(lines[1].hasPrefix("<WARNING> "))
    #expect(lines[1].hasSuffix(": two\\nlines?[0m"))
  }

  @Test func reopenMakesAFileOfTheSameName() throws {
    let folder = try TemporaryDirectory()
    let log = DaemonLog()
    try log.redirect(to: .init(file: folder.path + "/ncs.log"))
    log.write(level: .info, text: "one")
    #expect(rename(folder.path + "/ncs.log", folder.path + "/ncs.log.1") == 0)
    log.write(level: .info, text: "two")
    try log.reopen()
    log.write(level: .info, text: "three")
    log.flush()
    #expect(try folder.read("ncs.log.1").split(separator: "\n").count == 2)
    #expect(try folder.read("ncs.log").contains("three"))
  }

  @Test func aFileThatCannotBeOpenedKeepsAllOfBefore() throws {
    let folder = try TemporaryDirectory()
    let log = LogSet()
    var settings = LogSet.Settings()
    settings.destinations[.daemon] = .init(file: folder.path + "/ncs.log")
    try log.redirect(to: settings)
    var broken = LogSet.Settings()
    broken.destinations[.daemon] = .init(file: folder.path + "/other.log")
    broken.errors = .init(file: folder.path)
    #expect(throws: LogFileError.self) { try log.redirect(to: broken) }
    log.record(.started)
    log.flush()
    #expect(try folder.read("ncs.log").contains("STARTED"))
  }

  @Test func swiftLogWritesHere() throws {
    let folder = try TemporaryDirectory()
    let log = LogSet()
    var settings = LogSet.Settings()
    settings.destinations[.daemon] = .init(file: folder.path + "/ncs.log")
    settings.destinations[.developer] = .init(file: folder.path + "/devel.log")
    settings.errors = .init(file: folder.path + "/error.log")
    settings.developerLevel = .trace
    try log.redirect(to: settings)
    var logger = log.logger("test")
    logger[metadataKey: "b"] = "2"
    logger.debug("a trace")
    logger.error("shown", metadata: ["a": "1"])
    log.flush()
    let text = try folder.read("ncs.log")
    #expect(text.hasPrefix("<ERR> "))
    #expect(text.hasSuffix(": shown a=1 b=2\n"))
    #expect(try folder.read("devel.log").hasSuffix("devel: DEVEL_CONFD a trace b=2\n"))
    #expect(try folder.read("error.log") == text)
  }

  /// Neither the start nor a reload waits for the reader of a FIFO.
  @Test func aLogThatIsAFIFOIsRefused() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/fifo.log"
    #expect(mkfifo(path, 0o600) == 0)
    let log = DaemonLog()
    let alone = #expect(throws: LogFileError.self) { try log.redirect(to: DaemonLog.Destination(file: path)) }
    #expect(alone?.reason.contains("is a FIFO") == true)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    let read = #expect(throws: LogFileError.self) { try log.redirect(to: DaemonLog.Destination(file: path)) }
    #expect(read?.reason.contains("is a FIFO") == true)
    close(reader)
  }

  /// A terminal that was stopped, a pipe to a program that hangs.
  @Test func aTerminalThatTakesNothingHoldsNobodyUp() throws {
    let folder = try TemporaryDirectory()
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    // Programs that other tests start must not keep it open.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let log = DaemonLog(standardOutput: LogOutlet(ends[1]))
    let destination = DaemonLog.Destination(file: folder.path + "/ncs.log", standardOutput: true)
    try log.redirect(to: destination)
    // More than the pipe takes, and more than may wait for it.
    let count = 3000
    for number in 0..<count { log.write(level: .info, text: "\(number) " + String(repeating: "x", count: 1000)) }
    try log.redirect(to: destination)
    try log.reopen()
    log.flush()
    #expect(try folder.read("ncs.log").split(separator: "\n").count == count)
    // The reader comes back: it gets the lines that fit, and is told how many are missing.
    let end = ends[0]
    let reader = PipeReader.reading(end)
    log.flush()
    log.write(level: .info, text: "the last")
    log.flush()
    close(ends[1])
    let shown = reader.result().split(separator: "\n")
    let lost = shown.compactMap { $0.firstMatch(of: /: (\d+) log records could not be shown/).flatMap { Int($0.1) } }.reduce(
      0, +)
    #expect(lost > 0 && shown.count(where: { $0.hasSuffix("x") }) + lost == count)
    #expect(shown.last?.hasSuffix(": the last") == true)
    close(end)
  }

  @Test func developerLevels() throws {
    let folder = try TemporaryDirectory()
    for (level, count) in [(Journal.Level.error, 1), (.info, 2), (.trace, 3)] {
      let log = LogSet()
      var settings = LogSet.Settings()
      settings.destinations[.developer] = .init(file: folder.path + "/\(level).log")
      settings.developerLevel = level
      try log.redirect(to: settings)
      for one in [Journal.Level.error, .info, .trace] { log.journal.developer(.developerCDB, one, "\(one)") }
      log.flush()
      #expect(try folder.read("\(level).log").split(separator: "\n").count == count)
    }
  }

  @Test func theErrorLogKeepsFiveFiles() throws {
    let folder = try TemporaryDirectory()
    let log = DaemonLog()
    try log.redirect(to: .init(file: folder.path + "/e.log", rotation: LogRotation(maximumSize: 1000)))
    for number in 0..<200 { log.write(level: .error, text: "record \(number)") }
    log.flush()
    let names = ["e.log", "e.log.1", "e.log.2", "e.log.3", "e.log.4"]
    let texts = try names.map { try folder.read($0) }
    #expect(texts.allSatisfy { $0.utf8.count <= 1000 && !$0.isEmpty })
    #expect(throws: (any Error).self) { try folder.read("e.log.5") }
    // The newest are there, in order, without a gap.
    let numbers = texts.reversed().joined().split(separator: "\n").compactMap { Int($0.split(separator: " ").last ?? "") }
    #expect(numbers.last == 199 && numbers == Array((numbers.first ?? 0)...199))
  }

  @Test func syslogTakesRecords() throws {
    let folder = try TemporaryDirectory()
    let system = try SystemLog(folder.path + "/log")
    let log = LogSet()
    var settings = LogSet.Settings()
    settings.destinations[.audit] = .init(syslog: Syslog.Target(facility: 16, socket: folder.path + "/log"))
    try log.redirect(to: settings)
    log.journal.audit(.sessionCreate, user: "anna", "over ssh")
    log.flush()
    let record = try #require(system.next())
    // local0 (16), information (6).
    #expect(record.hasPrefix("<134>"))
    #expect(record.hasSuffix("ncs[\(getpid())]: audit user: anna/0 SESSION_CREATE over ssh"))
    // A subscriber that takes over keeps records from it.
    let subscriber = log.journal.events.subscribe(
      EventSubscription([.daemon, .takeoverSyslog]), name: "test", wake: {}, dropped: { _ in })
    log.journal.audit(.sessionCreate, user: "bob", "taken over")
    log.flush()
    log.journal.events.unsubscribe(subscriber)
    log.journal.audit(.sessionCreate, user: "carl", "given back")
    log.flush()
    #expect(try #require(system.next()).contains("carl/0"))
  }

  @Test func aSystemWithoutSyslogHoldsNobodyUp() throws {
    let folder = try TemporaryDirectory()
    let log = DaemonLog()
    try log.redirect(
      to: .init(file: folder.path + "/l", syslog: Syslog.Target(facility: 3, socket: folder.path + "/nosuch")))
    log.write(level: .info, text: "in the file")
    log.flush()
    #expect(try folder.read("l").contains("in the file"))
  }

  @Test func facilities() {
    #expect(Syslog.facility("daemon") == 3)
    #expect(Syslog.facility("authpriv") == 10)
    #expect(Syslog.facility("local7") == 23)
    #expect(Syslog.facility("local8") == nil)
    #expect(Syslog.facility("5") == 5)
    #expect(Syslog.facility("99") == nil)
  }

  @Test func progressIsATable() throws {
    let folder = try TemporaryDirectory()
    let log = LogSet()
    var settings = LogSet.Settings()
    settings.progressDirectory = folder.path + "/progress"
    try log.redirect(to: settings)
    let record = ProgressRecord(
      .stop, time: 17, duration: 5, span: "s", parent: "p", trace: "t", session: 12, transaction: 3, database: .running,
      context: "cli", subsystem: "cdb", message: "apply, \"now\"", annotation: "none\nat all",
      attributes: [.init("k", .number(1)), .init("l", .text("m"))], links: [.init(trace: "a", span: "b")])
    log.journal.progressSink?(record)
    log.flush()
    let lines = try folder.read("progress/\(ProgressFile.name)").split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix("type,timestamp,duration,span_id,parent_span_id,trace_id,usid,tid,database,"))
    #expect(lines[1] == "stop,17,5,s,p,t,12,3,running,cli,cdb,\"apply, \"\"now\"\"\",\"none at all\",k=1 l=m,a/b")
  }
}

/// Reads a pipe to its end, beside the test.
private final class PipeReader: Sendable {
  private let text = Mutex("")
  private let done = DispatchSemaphore(value: 0)

  static func reading(_ descriptor: Int32) -> PipeReader {
    let thread = PipeReader()
    DispatchQueue(label: "reader").async {
      var bytes: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 65_536)
      while case let count = read(descriptor, &piece, piece.count), count > 0 { bytes += piece[..<count] }
      thread.text.withLock { $0 = String(decoding: bytes, as: UTF8.self) }
      thread.done.signal()
    }
    return thread
  }

  func result() -> String {
    done.wait()
    return text.withLock { $0 }
  }
}

/// A stand-in for the system's log.
private final class SystemLog {
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let status = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(status == 0)
  }

  deinit { close(descriptor) }

  /// What has arrived; records are sent before `flush` returns.
  func next() -> String? {
    var bytes = [UInt8](repeating: 0, count: 9000)
    let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
