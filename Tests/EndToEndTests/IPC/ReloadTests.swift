import Glibc
import Testing

/// `--reload` and `--areload`: what changes at once, what waits for a restart, and that a bad file changes nothing.
@Suite(.serialized) struct ReloadTests {
  private func status(_ instance: Instance, _ secret: String? = nil) async throws -> ChildProcess.Result {
    let file = try secret.map { try instance.write("client-secret", $0) }
    return try await instance.tool(
      "ncs", ["--status"],
      ["NCS_IPC_PATH": instance.socket].merging(file.map { ["NCS_IPC_ACCESS_FILE": $0] } ?? [:]) { $1 })
  }

  private func reload(_ instance: Instance, _ secret: String? = nil, _ option: String = "--reload") async throws
    -> ChildProcess.Result
  {
    let file = try secret.map { try instance.write("client-secret", $0) }
    return try await instance.tool(
      "ncs", [option],
      ["NCS_IPC_PATH": instance.socket].merging(file.map { ["NCS_IPC_ACCESS_FILE": $0] } ?? [:]) { $1 })
  }

  private func replace(_ old: String, _ new: String, _ instance: Instance) throws {
    try instance.write("ncs.conf", try instance.read("ncs.conf").replacing(old, with: new))
  }

  @Test func whatTakesEffectAndWhatWaits() async throws {
    let instance = try Instance(
      settings: "<api><connect-timeout>PT60S</connect-timeout></api>", listen: Instance.everywhere)
    let (_, log) = try await instance.withLaunched { _ in
      try replace("PT60S", "PT3S", instance)
      try replace("</ncs-config>", "<ncs-ipc-listen-backlog>5</ncs-ipc-listen-backlog></ncs-config>", instance)
      let result = try await reload(instance)
      #expect(result.code == 0 && result.errors == "ncs: needs a restart: ncs-ipc-listen-backlog\n", "\(result.errors)")
      #expect(try await status(instance).output.contains("needs a restart: ncs-ipc-listen-backlog\n"))
      // The new limit holds for a connection that is made now.
      let socket = try RawSocket(.unix(instance.socket))
      #expect(socket.reachesEnd())
      // Back again: nothing waits any more.
      try replace("<ncs-ipc-listen-backlog>5</ncs-ipc-listen-backlog>", "", instance)
      let back = try await reload(instance)
      #expect(back.code == 0 && back.errors == "", "\(back.errors)")
      #expect(try await !status(instance).output.contains("needs a restart"))
    }
    #expect(log.contains("CONFIG_CHANGE api/connect-timeout is in force"))
    #expect(log.contains("CONFIG_CHANGE ncs-ipc-listen-backlog takes effect after a restart"))
  }

  @Test func aBadFileChangesNothing() async throws {
    let instance = try Instance.checking("abc")
    _ = try await instance.withLaunched { _ in
      let good = try instance.read("ncs.conf")
      for (bad, word) in [
        ("<ncs-config", "ncs.conf:1"), ("<bogus/>", "bogus"),
        (good.replacing("PT3S", with: "soon"), "soon"),
        (good.replacing("<port>0</port>", with: "<port>70000</port>"), "70000"),
        (good.replacing("./secret", with: "./none"), "none"),
      ] {
        try instance.write("ncs.conf", bad)
        let result = try await reload(instance, "abc")
        #expect(result.code == 1)
        #expect(
          result.errors.contains(word) && result.errors.contains("the settings of before stay in force"), "\(result.errors)")
        #expect(try await status(instance, "abc").code == 0)
        #expect(try await status(instance, "xyz").code == 2)
        // Without waiting for the outcome.
        #expect(try await reload(instance, "abc", "--areload").code == 0)
      }
      try instance.write("ncs.conf", good)
      chmod(instance.path + "/secret", 0o644)
      #expect(try await reload(instance, "abc").errors.contains("mode 0644"))
      chmod(instance.path + "/secret", 0o400)
      #expect(try await reload(instance, "abc").code == 0)
    }
  }

  @Test func theAccessCheckCanBeSwitchedAndTheSecretReplaced() async throws {
    let instance = try Instance(listen: Instance.everywhere)
    let (_, log) = try await instance.withLaunched { _ in
      #expect(try await status(instance).code == 0)
      // In a fragment beside the file.
      try instance.write(
        "ncs.conf.d/access.conf",
        """
        <ncs-config xmlns="http://tail-f.com/yang/tailf-ncs-config/1.0">
        <ncs-ipc-access-check><enabled>true</enabled><filename>./secret</filename></ncs-ipc-access-check></ncs-config>
        """)
      try instance.write("secret", "one", mode: 0o400)
      #expect(try await reload(instance).code == 0)
      #expect(try await status(instance).code == 2)
      #expect(try await status(instance, "one").output.contains("/ipc, mode 0600, user check, access check"))
      unlink(instance.path + "/secret")
      try instance.write("secret", "two", mode: 0o400)
      #expect(try await status(instance, "one").code == 0)
      #expect(try await reload(instance, "one").code == 0)
      #expect(try await status(instance, "one").code == 2)
      #expect(try await status(instance, "two").code == 0)
      unlink(instance.path + "/ncs.conf.d/access.conf")
      #expect(try await reload(instance, "two").code == 0)
      #expect(try await status(instance).code == 0)
    }
    #expect(log.contains("the access check is on for new connections"))
    #expect(log.contains("the access check is on, with another secret for new connections"))
    #expect(log.contains("the access check is off for new connections"))
  }

  @Test func switchingTheCheckOffAtAnOpenPortIsTold() async throws {
    let instance = try Instance.checking("abc", listen: "<ncs-ipc-address><ip>0.0.0.0</ip><port>0</port></ncs-ipc-address>")
    let (_, log) = try await instance.withLaunched { daemon in
      try replace("<enabled>true</enabled><filename>", "<enabled>false</enabled><filename>", instance)
      let port = "\(try daemon.port("0.0.0.0"))"
      let result = try await instance.tool(
        "ncs", ["--reload"], ["NCS_IPC_PORT": port, "NCS_IPC_ACCESS_FILE": instance.path + "/secret"])
      #expect(result.code == 0, "\(result.errors)")
      let status = try await instance.tool("ncs", ["--status"], ["NCS_IPC_PORT": port])
      #expect(status.output.contains("warning: SECURITY") && status.output.contains("OPEN TO THE NETWORK"), "\(status.output)")
    }
    #expect(log.contains("SECURITY"))
  }
}
