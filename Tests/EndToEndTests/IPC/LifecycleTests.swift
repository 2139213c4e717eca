import Glibc
import Testing

/// The control options of `ncs` on real daemons (protocol part 08, section 2).
@Suite(.serialized) struct LifecycleTests {
  @Test func startPhasesFromOutside() async throws {
    let instance = try Instance()
    let daemon = try await instance.startDaemon("--start-phase0", until: "PHASE0_STARTED")
    #expect(try await instance.run("ncs", "--wait-phase0").code == 0)
    #expect(try await instance.run("ncs", "--status").output.hasPrefix("status: phase0\n"))
    let early = try await instance.run("ncs", "--start-phase2")
    #expect(early.code == 1 && early.errors.contains("phase"), "\(early.errors)")
    // Other sessions than those of context system come with phase 2.
    #expect(try await instance.run("ncs_cmd", "-u", "anna", "-x", "cli", "-c", "mget /s:top/mtu").code == 1)
    #expect(try await instance.run("ncs", "--timeout", "0", "--wait-started").code == 3)
    #expect(try await instance.run("ncs", "--start-phase1").code == 0)
    #expect(try await instance.run("ncs", "--status").output.hasPrefix("status: phase1\n"))
    // Waits, and returns when somebody else has started phase 2.
    let waiting = try ChildProcess(
      Instance.programs + "/ncs", ["--wait-started"], environment: instance.environment)
    #expect(try await instance.run("ncs", "--start-phase2").code == 0)
    #expect(try await waiting.finish().code == 0)
    #expect(try await instance.run("ncs", "--start-phase2").code == 0)
    #expect(try await instance.run("ncs_cmd", "-u", "anna", "-x", "cli", "-c", "mget /s:top/mtu").output == "1500\n")
    daemon.endInput()
    #expect(try await daemon.finish().code == 0)
  }

  @Test func waitingForADaemonThatIsNotThereYet() async throws {
    let instance = try Instance()
    let waiting = try ChildProcess(
      Instance.programs + "/ncs", ["--wait-started", "60"], environment: instance.environment)
    let daemon = try await instance.startDaemon()
    #expect(try await waiting.finish().code == 0)
    daemon.endInput()
    _ = try await daemon.finish()
    // It does not wait for ever.
    #expect(try await instance.run("ncs", "--wait-started", "0").code == 2)
    #expect(try await instance.run("ncs", "--wait-phase0", "0").code == 2)
    #expect(try await instance.run("ncs", "--timeout", "0", "--wait-started", "60").code == 3)
  }

  @Test func stoppingWaitsUntilItIsGone() async throws {
    let instance = try Instance()
    let command = try ChildProcess(
      Instance.programs + "/ncs", ["--cd", instance.path, "-c", "ncs.conf"], environment: instance.environment)
    #expect(try await command.finish().code == 0)
    let result = try await instance.run("ncs", "--stop")
    #expect(result.code == 0, "\(result.errors)")
    // Socket, pid file and database are free: the next one starts at once, here and a few times.
    for _ in 0..<3 {
      #expect(!instance.exists("ipc"))
      let next = try ChildProcess(
        Instance.programs + "/ncs", ["--cd", instance.path, "-c", "ncs.conf"], environment: instance.environment)
      let started = try await next.finish()
      #expect(started.code == 0, "\(started.errors)")
      let stopped = try await instance.run("ncs", "--stop")
      #expect(stopped.code == 0, "\(stopped.errors)")
      try await next.gone()
    }
    try await command.gone()
    #expect(try await instance.run("ncs", "--stop").code == 2)
  }

  @Test func theStatusSaysWhatGoesOn() async throws {
    let instance = try Instance(listen: Instance.everywhere)
    _ = try await instance.withLaunched { daemon in
      let socket = try RawSocket(.unix(instance.socket))
      socket.send(RawSocket.hello)
      #expect(socket.receive(9).count == 9)
      let result = try await instance.tool("ncs", ["--status"], ["NCS_IPC_PATH": instance.socket])
      let port = try daemon.port()
      for text in [
        "status: started\n", "version: swift-nso ", "process: \(daemon.process.pid), up ", "ncs.conf",
        "127.0.0.1:\(port), no access check", "/ipc, mode 0600, user check, no access check", "small  urn:small",
        "tailf-aaa", "config.db: revision ", "user sessions:", "transactions: none", "locks: none", "MAAPI", "accepted: 2",
      ] { #expect(result.output.contains(text), "\(text) is missing in:\n\(result.output)") }
    }
  }

  @Test func aDumpForDebugging() async throws {
    let instance = try Instance(settings: "<api><connect-timeout>PT30S</connect-timeout></api>")
    try await instance.withDaemon { daemon in
      let file = instance.path + "/dump"
      #expect(try await instance.run("ncs", "--debug-dump", file).code == 0)
      let dump = try instance.read("dump")
      for text in [
        "status: started\n", "settings:\n  api/connect-timeout: PT30S\n", "memory:", "descriptors:", "NCS_IPC_PATH=",
      ] { #expect(dump.contains(text), "\(text) is missing in:\n\(dump)") }
      let impossible = try await instance.run("ncs", "--debug-dump", "/nowhere/dump")
      #expect(impossible.code == 1 && impossible.errors.contains("/nowhere/dump"))
    }
  }
}
