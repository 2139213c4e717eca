import Glibc
import Testing

/// The control options of `ncs` on real daemons (protocol part 08, section 2).
@Suite(.serialized) struct LifecycleTests {
  @Test func aTimeLimitForTheWholeCommand() async throws {
    let instance = try Instance()
    let late = try await instance.run("ncs", "--timeout", "0", "--wait-started", "60")
    #expect(late.code == 3 && late.errors == "ncs: gave up after 0 s (--timeout)\n", "\(late.errors)")
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

  /// Who names a configuration file with a command to a running daemon may mean another one.
  @Test func aConfigurationFileDoesNotSayWhichDaemonIsMeant() async throws {
    let instance = try Instance()
    try await instance.withDaemon { _ in
      let result = try await instance.run("ncs", "--status", "-c", "/other/ncs.conf")
      #expect(result.code == 0 && result.output.hasPrefix("status: started\n"))
      #expect(
        result.errors.hasPrefix("ncs: -c has no effect here") && result.errors.contains("NCS_IPC_PORT"), "\(result.errors)")
      // Relative names are meant from there.
      let inside = try await instance.run("ncs", "--cd", instance.path, "--status", with: ["NCS_IPC_PATH": "./ipc"])
      #expect(inside.code == 0 && inside.errors == "", "\(inside.errors)")
    }
  }

  /// Out of file descriptors: those that are connected are served, the others wait, the log says so.
  @Test func moreClientsThanDescriptors() async throws {
    let instance = try Instance(listen: "<ncs-local-ipc><enabled>true</enabled><path>./ipc</path></ncs-local-ipc>")
    let daemon = try await instance.launch(through: ["/bin/sh", "-c", "ulimit -n 128; exec \"$@\"", "sh"])
    var sockets: [RawSocket] = []
    for _ in 0..<150 {
      let socket = try RawSocket(.unix(instance.path + "/ipc"))
      socket.send(RawSocket.hello)
      sockets.append(socket)
    }
    #expect(sockets[0].receive(9).count == 9)
    let said = try await daemon.process.output(until: "cannot be accepted")
    #expect(
      said.contains("connections to ./ipc cannot be accepted: Too many open files") && said.contains("LimitNOFILE"), "\(said)")
    sockets = []
    let status = try await instance.tool("ncs", ["--status"], ["NCS_IPC_PATH": instance.path + "/ipc"])
    #expect(status.code == 0, "\(status.errors)")
    _ = try await daemon.stop()
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
        "status: started\n", "settings:\n  load-path/dir: ./yang\n", "  api/connect-timeout: PT30S\n", "memory:",
        "descriptors:", "NCS_IPC_PATH=",
      ] { #expect(dump.contains(text), "\(text) is missing in:\n\(dump)") }
      // Compressed, and for the user's own eyes in both forms.
      #expect(try await instance.run("ncs", "--debug-dump", file, "--compress").code == 0)
      let unpacked = try await ChildProcess.run("/bin/gzip", ["-dc", file + ".gz"], environment: ["PATH": "/usr/bin:/bin"])
      #expect(unpacked.code == 0 && unpacked.output.contains("descriptors:"), "\(unpacked.errors)")
      for name in [file, file + ".gz"] {
        var facts = stat()
        #expect(stat(name, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
      }
      let impossible = try await instance.run("ncs", "--debug-dump", "/nowhere/dump")
      #expect(impossible.code == 1 && impossible.errors.contains("/nowhere/dump"))
    }
  }
}
