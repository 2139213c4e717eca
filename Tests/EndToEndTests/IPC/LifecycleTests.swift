import Glibc
import Testing

/// The control options of `ncs` on real daemons (protocol part 08, section 2).
@Suite(.serialized) struct LifecycleTests {
  @Test func aTimeLimitForTheWholeCommand() async throws {
    let instance = try Instance()
    #expect(try await instance.run("ncs", "--timeout", "0", "--wait-started", "60").code == 3)
    #expect(try await instance.run("ncs", "--wait-phase0", "0").code == 2)
    let daemon = try await instance.startDaemon("--start-phase0", until: "PHASE0_STARTED")
    // Waits, and returns when somebody else has started phase 2.
    let waiting = try ChildProcess(Instance.programs + "/ncs", ["--wait-started"], environment: instance.environment)
    for phase in ["--start-phase1", "--start-phase2", "--start-phase2"] {
      #expect(try await instance.run("ncs", phase).code == 0)
    }
    #expect(try await waiting.finish().code == 0)
    daemon.endInput()
    #expect(try await daemon.finish().code == 0)
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
        "status: started\n", "settings:\n  load-path/dir: ./yang\n", "  api/connect-timeout: PT30S\n", "memory:", "descriptors:", "NCS_IPC_PATH=",
      ] { #expect(dump.contains(text), "\(text) is missing in:\n\(dump)") }
      let impossible = try await instance.run("ncs", "--debug-dump", "/nowhere/dump")
      #expect(impossible.code == 1 && impossible.errors.contains("/nowhere/dump"))
    }
  }
}
