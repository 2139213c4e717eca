import Glibc
import Testing

/// Several daemons on one host, and two that want the same.
@Suite(.serialized) struct InstancesTests {
  private static func named(_ name: String, listen: String) throws -> Instance {
    try Instance(settings: "<instance-name xmlns=\"urn:swift-nso:config\">\(name)</instance-name>", listen: listen)
  }

  @Test func toolsChooseByEnvironmentAlone() async throws {
    let east = try Instance.checking("abc", listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    let west = try Instance(listen: "<ncs-local-ipc><enabled>true</enabled><path>./ipc</path></ncs-local-ipc>")
    _ = try await east.withLaunched { eastDaemon in
      _ = try await west.withLaunched { _ in
        let toEast = ["NCS_IPC_PORT": "\(try eastDaemon.port())", "NCS_IPC_ACCESS_FILE": east.path + "/secret"]
        let toWest = ["NCS_IPC_PATH": west.path + "/ipc"]
        for (variables, name) in [(toEast, "east"), (toWest, "west")] {
          let result = try await east.tool("ncs_cmd", ["-c", "mset /s:top/name \(name)"], variables)
          #expect(result.code == 0, "\(result.errors)")
        }
        for (variables, name) in [(toEast, "east"), (toWest, "west")] {
          #expect(try await east.tool("ncs_cmd", ["-c", "mget /s:top/name"], variables).output == name + "\n")
        }
      }
    }
  }

  @Test func theSamePath() async throws {
    let first = try Self.named("first", listen: "<ncs-local-ipc><enabled>true</enabled><path>./ipc</path></ncs-local-ipc>")
    _ = try await first.withLaunched { daemon in
      let second = try Self.named(
        "second", listen: "<ncs-local-ipc><enabled>true</enabled><path>\(first.path)/ipc</path></ncs-local-ipc>")
      let result = try await second.tool("ncs", ["--cd", second.path, "-c", "ncs.conf", "--foreground"])
      #expect(result.code == 20)
      for word in ["instance first", "process \(daemon.process.pid) ", first.path, "choose another path"] {
        #expect(result.errors.contains(word), "\(result.errors)")
      }
      // By the environment the path may come as a surprise.
      let surprised = try await neighbourOf(first)
      #expect(
        surprised.code == 20 && surprised.errors.contains("NCS_IPC_PATH in the daemon's environment"), "\(surprised.errors)")
      // The first is as it was.
      #expect(try await first.tool("ncs", ["--status"], ["NCS_IPC_PATH": first.path + "/ipc"]).code == 0)
    }
  }

  /// A daemon that is started in a shell in which the tools' variable is set.
  private func neighbourOf(_ first: Instance) async throws -> ChildProcess.Result {
    let other = try Instance(listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    return try await other.tool(
      "ncs", ["--cd", other.path, "-c", "ncs.conf", "--foreground"], ["NCS_IPC_PATH": first.path + "/ipc"])
  }

  @Test func theSamePort() async throws {
    let first = try Self.named("first", listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    _ = try await first.withLaunched { daemon in
      let port = try daemon.port()
      // The same port at another address is another place, also for who is blamed.
      let neighbour = try Self.named(
        "neighbour", listen: "<ncs-ipc-address><ip>127.0.0.2</ip><port>\(port)</port></ncs-ipc-address>")
      let beside = try await neighbour.launch()
      let second = try Instance(listen: "<ncs-ipc-address><port>\(port)</port></ncs-ipc-address>")
      let result = try await second.tool("ncs", ["--cd", second.path, "-c", "ncs.conf", "--foreground"])
      #expect(result.code == 20)
      for word in [
        "127.0.0.1:\(port)", "instance first, process \(daemon.process.pid) ", first.path, "choose another port",
      ] { #expect(result.errors.contains(word), "\(result.errors)") }
      _ = try await beside.stop()
    }
  }

  @Test func theSameDatabase() async throws {
    let instance = try Self.named("first", listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    _ = try await instance.withLaunched { daemon in
      let result = try await instance.tool("ncs", ["--cd", instance.path, "-c", "ncs.conf", "--foreground"])
      #expect(result.code == 16)
      for word in ["first", "(process \(daemon.process.pid), in \(instance.path))", "config.db"] {
        #expect(result.errors.contains(word), "\(result.errors)")
      }
      #expect(try await instance.tool("ncs", ["--status"], ["NCS_IPC_PORT": "\(try daemon.port())"]).code == 0)
    }
  }

  @Test func whatACrashLeavesBehindIsReplaced() async throws {
    let instance = try Instance(listen: "<ncs-local-ipc><enabled>true</enabled><path>./run/ipc</path></ncs-local-ipc>")
    let daemon = try await instance.launch()
    daemon.process.signal(SIGKILL)
    #expect(try await daemon.process.finish().code == 128 + SIGKILL)
    #expect(instance.exists("run/ipc") && instance.exists("state/ncs.pid"))
    let error = try await instance.tool("ncs", ["--status"], ["NCS_IPC_PATH": instance.path + "/run/ipc"])
    #expect(error.code == 2 && error.errors.contains("nothing listens on it"), "\(error.errors)")
    _ = try await instance.withLaunched { _ in
      let status = try await instance.tool("ncs", ["--status"], ["NCS_IPC_PATH": instance.path + "/run/ipc"])
      #expect(status.code == 0, "\(status.errors)")
    }
  }

  @Test func aNameThatIsGivenAndOneThatIsNot() async throws {
    let plain = try Instance()
    let daemon = try await plain.startDaemon()
    let name = plain.path.split(separator: "/").last ?? ""
    #expect(try await plain.run("ncs", "--status").output.contains("\ninstance: \(name)\n"))
    daemon.endInput()
    _ = try await daemon.finish()
  }

  /// Free a moment ago.
  private static func freePort() throws -> UInt16 { try Instance.deadPort().number }

  /// The example's own script, with the programs under test.
  @Test func theExampleShowsIt() async throws {
    let instance = try Instance()
    let number = try Self.freePort()
    var variables = instance.variables(["NCS_EAST_PORT": "\(number)"])
    variables["PATH"] = Instance.programs + ":" + (variables["PATH"] ?? "/usr/bin:/bin")
    let result = try await ChildProcess.run(
      "/usr/bin/env", ["bash", Instance.project + "/Examples/two-instances/demo"], environment: variables)
    #expect(result.code == 0, "\(result.errors)\(result.output)")
    for text in [
      "    east\n", "    west\n", "<name>orient</name>", "<name>west</name>", "NCS_IPC_ACCESS_FILE", "in use by east",
      "in use by west", "127.0.0.1:\(number), access check", "run/ipc, mode 0666, user check, no access check",
    ] { #expect(result.output.contains(text), "\(text) is missing in:\n\(result.output)") }
  }
}
