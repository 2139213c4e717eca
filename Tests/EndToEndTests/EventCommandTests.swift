import Glibc
import Testing

/// Events, logs and HA as users see them: the real daemon, followed with `ncs_cmd`.
@Suite struct EventCommandTests {
  private static let settings = """
    <logs>
      <developer-log><file><name>./logs/devel.log</name><enabled>true</enabled></file></developer-log>
      <developer-log-level>trace</developer-log-level>
      <audit-log><file><name>./logs/audit.log</name><enabled>true</enabled></file></audit-log>
      <audit-log-commit>true</audit-log-commit>
      <netconf-log><file><name>./logs/netconf.log</name><enabled>true</enabled></file></netconf-log>
      <error-log><enabled>true</enabled><filename>./logs/error.log</filename></error-log>
      <transaction-error-log><enabled>true</enabled><filename>./logs/failed.log</filename></transaction-error-log>
      <progress-trace><enabled>true</enabled><dir>./logs</dir></progress-trace>
    </logs>
    <ha><enabled>true</enabled></ha>
    """

  private func instance() throws -> Instance {
    let instance = try Instance(settings: Self.settings)
    // One element logs: the one that every instance has goes into it.
    let own = "<logs><ncs-log><file><name>./logs/ncs.log</name><enabled>true</enabled></file></ncs-log></logs>"
    let text = try instance.read("ncs.conf").replacing(own, with: "").replacing(
      "<logs>", with: own.replacing("</logs>", with: ""))
    try instance.write("ncs.conf", text)
    return instance
  }

  @Test func logsTellWhatWasDone() async throws {
    let instance = try instance()
    try await instance.withDaemon { (_) async throws -> Void in
      #expect(try await instance.run("ncs_cmd", "-u", "anna", "-x", "cli", "-c", "mset /s:top/name tom").code == 0)
      // Settings that have an effect are not in the list of those that have none.
      #expect(try !instance.read("logs/ncs.log").contains("settings that have no effect"))
      let moved = rename(instance.path + "/logs/audit.log", instance.path + "/logs/audit.log.old")
      #expect(moved == 0)
      #expect(try await instance.run("ncs_cmd", "-c", "reopen_logs").code == 0)
      #expect(try await instance.run("ncs_cmd", "-u", "carl", "-x", "cli", "-c", "mset /s:top/name carl").code == 0)
    }
    let old = try instance.read("logs/audit.log.old").split(separator: "\n").filter { $0.contains("user: anna/") }
    let session = try #require(old.first?.split(separator: "anna/").last?.split(separator: " ").first)
    let wanted = [
      "audit user: anna/\(session) SESSION_CREATE context cli from 127.0.0.1:0 over system",
      "audit user: anna/\(session) GROUP_ASSIGN anna",
      "audit user: anna/\(session) COMMIT_INFO /s:top/name set",
      "audit user: anna/\(session) COMMIT running revision ",
      "audit user: anna/\(session) SESSION_TERMINATION ",
    ]
    #expect(old.count == wanted.count, "\(old)")
    for (line, text) in zip(old, wanted) {
      #expect(line.hasPrefix("<INFO> ") && line.contains("]: " + text), "\(line)")
    }
    #expect(try instance.read("logs/audit.log").contains("user: carl/"))
    #expect(try !instance.read("logs/audit.log.old").contains("carl"))
    // No value anywhere.
    for file in ["audit.log", "audit.log.old", "devel.log", "ncs.log", "failed.log"] {
      #expect(try !instance.read("logs/" + file).contains(" tom"), "\(file)")
    }
    #expect(try instance.read("logs/devel.log").contains("devel: DEVEL_CONFD IPC connection"))
    #expect(try instance.read("logs/ncs.log").contains("]: REOPEN_LOGS"))
    #expect(try instance.read("logs/netconf.log").isEmpty)
    let progress = try instance.read("logs/progress-trace.csv").split(separator: "\n")
    #expect(progress[0].hasPrefix("type,timestamp,duration,"))
    #expect(progress.contains { $0.hasPrefix("stop,") && $0.contains(",applying transaction,") })
  }

  @Test func eventsOnTheTerminal() async throws {
    let instance = try instance()
    try await instance.withDaemon { (_) async throws -> Void in
      let words = try ChildProcess(
        Instance.programs + "/ncs_cmd", ["-c", "listen user-session commit-diff audit daemon heartbeat=1000"],
        environment: instance.environment)
      let json = try ChildProcess(
        Instance.programs + "/ncs_cmd", ["-c", "listen json commit-simple heartbeat=1000"], environment: instance.environment)
      // The first sign of life says that both listen.
      _ = try await words.output(until: "heartbeat")
      _ = try await json.output(until: "heartbeat")
      #expect(try await instance.run("ncs_cmd", "-u", "anna", "-x", "cli", "-c", "mset /s:top/name tom").code == 0)
      let text = try await words.output(until: "commit-diff database=running transaction=")
      #expect(text.contains("user-session what=started user=anna session="))
      #expect(text.contains("audit number=174 user=anna session="))
      #expect(text.contains("message=\"SESSION_CREATE context cli"))
      let line = try #require(
        try await json.output(until: "commit-simple").split(separator: "\n").first { $0.contains("commit-simple") })
      #expect(
        line.hasPrefix("{\"event\":\"commit-simple\",\"database\":\"running\",\"diff\":true,\"flags\":0,\"user\":\"anna\","))
      #expect(try await instance.run("ncs_cmd", "-c", "reload").code == 0)
      _ = try await words.output(until: "RELOAD")
      for listener in [words, json] {
        listener.signal(15)
        _ = try await listener.finish()
      }
      // Stopping is told, too.
      let last = try ChildProcess(
        Instance.programs + "/ncs_cmd", ["-c", "listen system-going-down reopen-logs heartbeat=1000"],
        environment: instance.environment)
      _ = try await last.output(until: "heartbeat")
      #expect(try await instance.run("ncs_cmd", "-c", "reopen_logs").code == 0)
      _ = try await last.output(until: "reopen-logs")
      #expect(try await instance.run("ncs", "--status").output.contains("reopen-logs, system-going-down, 0 events wait"))
      #expect(try await instance.run("ncs", "--stop").code == 0)
      let end = try await last.finish()
      #expect(end.output.contains("system-going-down"))
      #expect(end.code == 1)
    }
  }

  @Test func badWordsAreRefused() async throws {
    let instance = try instance()
    let result = try await instance.run("ncs_cmd", "-c", "listen nosuch")
    #expect(result.code != 0 && result.errors.contains("nosuch is no kind of event: audit daemon"))
  }

  @Test func highAvailabilityOfOneNode() async throws {
    let instance = try instance()
    try await instance.withDaemon { (_) async throws -> Void in
      #expect(
        try await instance.run("ncs_cmd", "-c", "ha_status; primary n0; hastatus; none; ha_status").output
          == "none\nprimary\nnone\n")
      let secondary = try await instance.run("ncs_cmd", "-c", "secondary n1 n0 127.0.0.1")
      #expect(secondary.code == 1 && secondary.errors.contains("CONFD_ERR_NOT_IMPLEMENTED"))
      #expect(try await instance.run("ncs", "--status").output.contains("ha mode: none\n"))
    }
  }
}
