import Glibc
import Testing

/// The control commands of `ncs` on a daemon that runs (protocol part 08, section 2.3).
@Suite(.serialized) struct ControlTests {
  @Test func statusVersionAndHelp() async throws {
    let instance = try Instance()
    try await instance.withDaemon { daemon in
      let status = try await instance.run("ncs", "--status")
      #expect(status.code == 0)
      for word in ["status: started", "process: \(daemon.pid)", "small", instance.path + "/ipc"] {
        #expect(status.output.contains(word), "\(status.output)")
      }
    }
    #expect(try await instance.run("ncs", "--version").output.hasPrefix("swift-nso "))
    #expect(try await instance.run("ncs", "--help").output.hasPrefix("usage: ncs "))
  }

  @Test func stopReturnsWhenTheDaemonIsGone() async throws {
    let instance = try Instance()
    for _ in 0..<3 {
      // Nothing is in the way of the next start: not the socket, not the database.
      let daemon = try await instance.startDaemon()
      let stop = try await instance.run("ncs", "--stop")
      #expect(stop.code == 0)
      #expect(stop.errors == "")
      #expect(!instance.exists("state/ncs.pid"))
      let result = try await daemon.finish()
      #expect(result.code == 0)
      #expect(result.output.contains("STOPPING asked to by a client"))
    }
    #expect(try await instance.run("ncs", "--stop").code == 2)
  }

  @Test func startPhases() async throws {
    let instance = try Instance()
    let daemon = try await instance.startDaemon("--start-phase0", until: "PHASE0_STARTED")
    #expect(try await instance.run("ncs", "--wait-phase0").code == 0)
    #expect(try await instance.run("ncs", "--status").output.hasPrefix("status: phase0\n"))
    let early = try await instance.run("ncs", "--wait-started", "--timeout", "1")
    #expect(early.code == 3)
    #expect(early.errors.contains("1 s"))
    let wrong = try await instance.run("ncs", "--start-phase2")
    #expect(wrong.code == 1)
    #expect(wrong.errors.contains("phase0"), "\(wrong.errors)")

    // Users come in phase 2 only; the system may look earlier.
    #expect(try await instance.run("ncs_cmd", "-c", "mget /s:top/mtu").output == "1500\n")
    #expect(try await instance.run("ncs_cmd", "-u", "ada", "-x", "cli", "-c", "mget /s:top/mtu").code == 1)
    #expect(try await instance.run("ncs_cmd", "-c", "mset /s:top/mtu 1400").code == 1)

    #expect(try await instance.run("ncs_cmd", "-c", "start_phase 3").code != 0)
    #expect(try await instance.run("ncs_cmd", "-c", "start_phase 1").code == 0)
    #expect(try await instance.run("ncs", "--start-phase1").code == 0)
    #expect(try await instance.run("ncs", "--status").output.hasPrefix("status: phase1\n"))
    #expect(try await instance.run("ncs_cmd", "-c", "mset /s:top/mtu 1400").code == 0)
    #expect(try await instance.run("ncs", "--start-phase2").code == 0)
    #expect(try await instance.run("ncs", "--wait-started").code == 0)
    #expect(try await instance.run("ncs_cmd", "-u", "ada", "-x", "cli", "-c", "mget /s:top/mtu").output == "1400\n")
    daemon.endInput()
    #expect(try await daemon.finish().code == 0)
  }

  @Test func whoWaitsForAPhaseIsToldThatTheDaemonStops() async throws {
    let instance = try Instance()
    let daemon = try await instance.startDaemon("--start-phase0", until: "PHASE0_STARTED")
    let waiting = try ChildProcess(Instance.programs + "/ncs", ["--wait-started"], environment: instance.environment)
    // It waits once the daemon shows it; the other one that waits is the command that asks.
    for _ in 0..<200 {
      let status = try await instance.run("ncs", "--status").output
      if status.split(separator: "\n").count(where: { $0.hasSuffix(", waiting") }) > 1 { break }
    }
    daemon.endInput()
    let result = try await waiting.finish()
    #expect(result.code == 1)
    #expect(result.errors.contains("stopping"), "\(result.errors)")
    _ = try await daemon.finish()
  }

  @Test func waitingForADaemonThatIsNotThereYet() async throws {
    let instance = try Instance()
    let waiting = try ChildProcess(Instance.programs + "/ncs", ["--wait-started", "60"], environment: instance.environment)
    let daemon = try await instance.startDaemon()
    #expect(try await waiting.finish().code == 0)
    daemon.endInput()
    _ = try await daemon.finish()
  }

  @Test func reload() async throws {
    let instance = try Instance()
    let daemon = try await instance.startDaemon()
    let good = try instance.read("ncs.conf")
    try instance.write(
      "ncs.conf", good.replacing("</ncs-config>", with: "<ncs-ipc-listen-backlog>5</ncs-ipc-listen-backlog></ncs-config>"))
    #expect(try await instance.run("ncs", "--reload").code == 0)
    #expect(try await instance.run("ncs", "--status").output.contains("needs a restart: ncs-ipc-listen-backlog"))
    try instance.write("ncs.conf", "<bogus/>")
    let bad = try await instance.run("ncs", "--reload")
    #expect(bad.code == 1)
    #expect(bad.errors.contains("ncs.conf:1"), "\(bad.errors)")
    try instance.write("ncs.conf", good)
    #expect(try await instance.run("ncs", "--areload").code == 0)
    #expect(try await instance.run("ncs", "--reload").code == 0)
    #expect(try await !instance.run("ncs", "--status").output.contains("needs a restart"))
    daemon.endInput()
    _ = try await daemon.finish()
  }

  @Test func filesAreLoadedInOneTransaction() async throws {
    let instance = try Instance()
    try instance.write("one.xml", "<top xmlns='urn:small'><name>one</name><item><id>1</id><text>a</text></item></top>")
    try instance.write(
      "two.xml", "<config xmlns='http://tail-f.com/ns/config/1.0'><top xmlns='urn:small'><mtu>1400</mtu></top></config>")
    try instance.write("bad.xml", "<top xmlns='urn:small'><name>too long a name</name></top>")
    try await instance.withDaemon { _ in
      func ncs(_ arguments: String...) async throws -> ChildProcess.Result {
        try await instance.run("ncs", arguments: arguments, in: instance.path)
      }
      func values() async throws -> String {
        try await instance.run("ncs_cmd", "-c", "mget /s:top/name; mget /s:top/mtu; mnum /s:top/item").output
      }
      var result = try await ncs("--mergexmlfiles", "one.xml", "two.xml")
      #expect(result.code == 0 && result.errors == "", "\(result.errors)")
      #expect(try await values() == "one\n1400\n1\n")
      // In the place of all that is there; the second is merged into the first.
      result = try await ncs("--loadxmlfiles", "two.xml")
      #expect(result.code == 0, "\(result.errors)")
      #expect(
        try await instance.run("ncs_cmd", "-c", "mexists /s:top/name; mnum /s:top/item; mget /s:top/mtu").output
          == "no\n0\n1400\n")
      // All or nothing, and the file that is at fault is named.
      for (file, words) in [("bad.xml", ["bad.xml", "name"]), ("none.xml", ["none.xml", "No such file"])] {
        result = try await ncs("--mergexmlfiles", "one.xml", file)
        #expect(result.code == 1)
        for word in words { #expect(result.errors.contains(word), "\(result.errors)") }
        #expect(try await instance.run("ncs_cmd", "-c", "mexists /s:top/name").output == "no\n")
      }
    }
  }

  @Test func acknowledgedCommitsSurviveAKill() async throws {
    // A commit that was acknowledged is there after SIGKILL, whatever was under way.
    let instance = try Instance()
    for round in 1...3 {
      let daemon = try await instance.startDaemon()
      #expect(try await instance.run("ncs_cmd", "-c", "mnum /s:top/item").output == "\((round - 1) * 50)\n")
      let first = (round - 1) * 50
      #expect(try await instance.run("ncs_cmd", "-c", "sm /s:top/item{%d}/text 'text %d' \(first) \(first + 49)").code == 0)
      // A transaction that is still open when the daemon dies.
      let open = try ChildProcess(
        Instance.programs + "/ncs_cmd", ["-c", "mset /s:top/name open; sleep 60"], environment: instance.environment)
      daemon.signal(SIGKILL)
      #expect(try await daemon.finish().code == 128 + SIGKILL)
      #expect(try await open.finish().code != 0)
    }
    let daemon = try await instance.startDaemon()
    #expect(try await instance.run("ncs_cmd", "-c", "mnum /s:top/item; mget /s:top/item{149}/text").output == "150\ntext 149\n")
    #expect(try await instance.run("ncs_cmd", "-c", "mget /s:top/name").code == 1)
    daemon.endInput()
    _ = try await daemon.finish()
  }
}
