import Glibc
import TestSupport
import Testing

/// How the daemon starts and ends, as its callers see it: what it returns, what it says, what it leaves behind.
@Suite(.serialized) struct StartTests {
  @Test func inTheForegroundUntilASignal() async throws {
    for signal in [SIGTERM, SIGINT] {
      let instance = try Instance()
      let daemon = try await instance.startDaemon()
      #expect(instance.exists("ipc"))
      #expect(try instance.daemonPid() == daemon.pid)
      daemon.signal(signal)
      let result = try await daemon.finish()
      #expect(result.code == 0)
      #expect(result.output.contains("STOPPING \(signal == SIGTERM ? "SIGTERM" : "SIGINT")"))
      #expect(!instance.exists("state/ncs.pid"))
      #expect(!instance.exists("ipc"))
      #expect(try instance.read("logs/ncs.log").contains("LOGGING_SHUTDOWN"))
    }
  }

  @Test func theEndOfInputStopsIt() async throws {
    let instance = try Instance()
    let daemon = try await instance.startDaemon()
    daemon.endInput()
    #expect(try await daemon.finish().code == 0)
  }

  @Test func inTheBackground() async throws {
    let instance = try Instance()
    let command = try ChildProcess(
      Instance.programs + "/ncs", ["--cd", instance.path, "-c", "ncs.conf"], environment: instance.environment)
    let result = try await command.finish()
    #expect(result.code == 0)
    #expect(result.output == "")
    #expect(result.errors == "")
    // It has started when the command returns, in a session of its own.
    // The log is written beside, so its line may follow a moment later.
    try await until("the log says that it started") { try instance.read("logs/ncs.log").contains(" STARTED ") }
    let pid = try instance.daemonPid()
    #expect(pid != command.pid)
    #expect(getsid(pid) == pid)
    #expect(kill(pid, SIGTERM) == 0)
    try await command.gone()
    #expect(!instance.exists("state/ncs.pid"))
  }

  @Test func withoutAnyFile() async throws {
    let instance = try Instance()
    let daemon = try ChildProcess(
      Instance.programs + "/ncs",
      ["--foreground", "-v", "--stop-on-eof", "--ephemeral", instance.path + "/yang/small.yang"],
      environment: instance.environment, keepsInput: true)
    _ = try await daemon.output(until: " STARTED")
    #expect(instance.exists("ipc"))
    daemon.endInput()
    #expect(try await daemon.finish().code == 0)
    // Its databases were in TMPDIR.
    #expect(try await ChildProcess.run("/bin/ls", [instance.path], environment: [:]).output.contains("ncs-") == false)
  }

  @Test func aReloadReadsTheFileAgainAndKeepsTheOldSettingsIfItIsBad() async throws {
    let instance = try Instance()
    let daemon = try await instance.startDaemon()
    let good = try instance.read("ncs.conf")
    try instance.write(
      "ncs.conf", good.replacing("</ncs-config>", with: "<ncs-ipc-listen-backlog>5</ncs-ipc-listen-backlog></ncs-config>"))
    daemon.signal(SIGHUP)
    let changed = try await daemon.output(until: "CONFIG_CHANGE")
    #expect(changed.contains("CONFIG_CHANGE ncs-ipc-listen-backlog takes effect after a restart"))
    try instance.write("ncs.conf", "<bogus/>")
    daemon.signal(SIGHUP)
    _ = try await daemon.output(until: "BADCONFIG")
    daemon.endInput()
    #expect(try await daemon.finish().code == 0)
  }

  @Test func logsCanBeMovedAway() async throws {
    let instance = try Instance()
    let daemon = try await instance.startDaemon()
    #expect(rename(instance.path + "/logs/ncs.log", instance.path + "/logs/old.log") == 0)
    daemon.signal(SIGHUP)
    _ = try await daemon.output(until: "REOPEN_LOGS")
    daemon.endInput()
    _ = try await daemon.finish()
    #expect(try instance.read("logs/ncs.log").contains("LOGGING_SHUTDOWN"))
    #expect(try !instance.read("logs/old.log").contains("LOGGING_SHUTDOWN"))
  }
}
