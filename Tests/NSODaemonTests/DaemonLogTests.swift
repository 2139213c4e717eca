import Glibc
import Logging
import NSOModel
import Testing

@testable import NSODaemon

@Suite struct DaemonLogTests {
  @Test func aLineIsARecord() throws {
    let folder = try TemporaryDirectory()
    let log = DaemonLog(program: "ncs")
    try log.redirect(to: .init(file: folder.path + "/logs/ncs.log"))
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
    log.record(.starting)
    #expect(rename(folder.path + "/ncs.log", folder.path + "/ncs.log.1") == 0)
    log.record(.phase0Started)
    try log.reopen()
    log.record(.started)
    log.flush()
    #expect(try folder.read("ncs.log.1").split(separator: "\n").count == 2)
    #expect(try folder.read("ncs.log").contains("STARTED"))
  }

  @Test func aFileThatCannotBeOpenedKeepsTheOldOne() throws {
    let folder = try TemporaryDirectory()
    let log = DaemonLog()
    try log.redirect(to: .init(file: folder.path + "/ncs.log"))
    #expect(throws: LogFileError.self) { try log.redirect(to: .init(file: folder.path)) }
    log.record(.started)
    log.flush()
    #expect(try folder.read("ncs.log").contains("STARTED"))
  }

  @Test func swiftLogWritesHere() throws {
    let folder = try TemporaryDirectory()
    let log = DaemonLog()
    try log.redirect(to: .init(file: folder.path + "/ncs.log"))
    var logger = log.logger("test")
    logger[metadataKey: "b"] = "2"
    logger.debug("not shown")
    logger.error("shown", metadata: ["a": "1"])
    log.flush()
    let text = try folder.read("ncs.log")
    #expect(text.hasPrefix("<ERR> "))
    #expect(text.hasSuffix(": shown a=1 b=2\n"))
    #expect(!text.contains("not shown"))
  }
}
