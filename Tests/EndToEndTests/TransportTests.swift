import Glibc
import Testing

/// Where the daemon listens and who gets in, with the tools as clients (protocol part 08, sections 1 and 8.1).
@Suite(.serialized) struct TransportTests {
  private static let check =
    "<ncs-ipc-access-check><enabled>true</enabled><filename>./secret</filename></ncs-ipc-access-check>"

  /// A daemon without `NCS_IPC_PATH` that says where it listens.
  private func withListener(
    _ listen: String, settings: String = "", prepare: (Instance) throws -> Void = { _ in },
    _ body: (Instance, [String]) async throws -> Void
  ) async throws {
    let instance = try Instance(settings: settings, listen: listen)
    try prepare(instance)
    var environment = instance.environment
    environment["NCS_IPC_PATH"] = nil
    let daemon = try ChildProcess(
      Instance.programs + "/ncs", ["--cd", instance.path, "-c", "ncs.conf", "--foreground", "-v", "--stop-on-eof"],
      environment: environment, keepsInput: true)
    do {
      let said = try await daemon.output(until: " STARTED")
      let addresses = said.split(separator: "\n").compactMap { line in
        line.firstMatch(of: /IPC: listening on ([^ ,]+),/).map { String($0.1) }
      }
      try await body(instance, addresses)
      daemon.endInput()
      _ = try await daemon.finish()
    } catch {
      daemon.signal(SIGKILL)
      throw error
    }
  }

  private func port(_ address: String?) -> String { address?.split(separator: ":").last.map(String.init) ?? "" }

  @Test func tcp() async throws {
    try await withListener("<ncs-ipc-address><port>0</port></ncs-ipc-address>") { (instance, addresses) async throws in
      #expect(addresses.count == 1)
      let environment = ["NCS_IPC_PATH": nil, "NCS_IPC_PORT": port(addresses.first)]
      #expect(try await instance.run("ncs_cmd", "-c", "mget /s:top/mtu", with: environment).output == "1500\n")
      // The options win over the environment, and the path wins over the port.
      #expect(
        try await instance.run(
          "ncs_cmd", "-p", port(addresses.first), "-a", "127.0.0.1", "-c", "mget /s:top/mtu", with: ["NCS_IPC_PORT": "1"]
        ).output == "1500\n")
      #expect(
        try await instance.run(
          "ncs", "--status", with: ["NCS_IPC_PATH": instance.path + "/none", "NCS_IPC_PORT": port(addresses.first)]
        ).code
          == 2)
    }
  }

  @Test func tcpOnIPv6AndMoreAddresses() async throws {
    let listen = """
      <ncs-ipc-address><ip>::1</ip><port>0</port></ncs-ipc-address>
      <ncs-ipc-extra-listen-ip>127.0.0.1</ncs-ipc-extra-listen-ip>
      """
    try await withListener(listen) { (instance, addresses) async throws in
      #expect(addresses.count == 2)
      for (host, address) in zip(["::1", "127.0.0.1"], addresses) {
        let environment = ["NCS_IPC_PATH": nil, "NCS_IPC_ADDR": host, "NCS_IPC_PORT": port(address)]
        #expect(try await instance.run("ncs_cmd", "-c", "mget /s:top/mtu", with: environment).output == "1500\n")
      }
    }
  }

  @Test func bothTransportsByASettingOfOurs() async throws {
    let instance = try Instance()
    let listen = """
      <ncs-local-ipc><enabled>true</enabled><path>\(instance.path)/both</path><with-tcp xmlns="urn:swift-nso:config">true</with-tcp></ncs-local-ipc>
      <ncs-ipc-address><port>0</port></ncs-ipc-address>
      """
    try await withListener(listen) { (instance2, addresses) async throws in
      #expect(addresses.count == 2)
      for extra in [["NCS_IPC_PATH": instance.path + "/both"], ["NCS_IPC_PATH": nil, "NCS_IPC_PORT": port(addresses.first)]] {
        #expect(try await instance2.run("ncs_cmd", "-c", "mget /s:top/mtu", with: extra).output == "1500\n")
      }
    }
  }

  @Test func theAccessCheck() async throws {
    for listen in ["<ncs-ipc-address><port>0</port></ncs-ipc-address>", nil] {
      let instance = try Instance()
      let unix = "<ncs-local-ipc><enabled>true</enabled><path>\(instance.path)/checked</path></ncs-local-ipc>"
      try await withListener(
        listen ?? unix, settings: Self.check, prepare: { try $0.write("secret", "open sesame\n", mode: 0o400) }
      ) {
        (instance2, addresses) async throws in
        let place: [String: String?] =
          listen == nil
          ? ["NCS_IPC_PATH": instance.path + "/checked"] : ["NCS_IPC_PATH": nil, "NCS_IPC_PORT": port(addresses.first)]
        let good = try instance2.write("good", "open sesame\n", mode: 0o400)
        let bad = try instance2.write("bad", "open sesame", mode: 0o400)
        func get(_ secret: String?) async throws -> ChildProcess.Result {
          try await instance2.run(
            "ncs_cmd", "-c", "mget /s:top/mtu", with: place.merging(["NCS_IPC_ACCESS_FILE": secret]) { $1 })
        }
        #expect(try await get(good).output == "1500\n")
        for secret in [bad, nil, instance2.path + "/missing"] {
          let refused = try await get(secret)
          #expect(refused.code == 1)
          #expect(refused.errors.contains("secret"), "\(refused.errors)")
        }
        // The log says it too, and never the secret.
        let log = try instance2.read("logs/ncs.log")
        #expect(log.contains("access check"))
        #expect(!log.contains("sesame"))
      }
    }
  }

  @Test func anOpenPortIsWarnedOf() async throws {
    let instance = try Instance(listen: "<ncs-ipc-address><ip>0.0.0.0</ip><port>0</port></ncs-ipc-address>")
    var environment = instance.environment
    environment["NCS_IPC_PATH"] = nil
    let daemon = try ChildProcess(
      Instance.programs + "/ncs", ["--cd", instance.path, "-c", "ncs.conf", "--foreground", "-v", "--stop-on-eof"],
      environment: environment, keepsInput: true)
    let said = try await daemon.output(until: "SECURITY")
    let port = said.firstMatch(of: /listening on 0\.0\.0\.0:(\d+)/).map { String($0.1) } ?? ""
    let status = try await instance.run("ncs", "--status", with: ["NCS_IPC_PATH": nil, "NCS_IPC_PORT": port])
    #expect(status.output.contains("SECURITY"))
    daemon.endInput()
    #expect(try await daemon.finish().errors.contains("SECURITY"))
  }

  @Test(.enabled(if: geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0, "needs root, to become somebody else"))
  func otherUsersOnTheUnixSocket() async throws {
    func user(_ name: String, _ uid: Int, _ access: String) -> String {
      "<user><name>\(name)</name><uid>\(uid)</uid><gid>1</gid><password/><ssh_keydir/><homedir>/</homedir><local_ipc_access>\(access)</local_ipc_access></user>"
    }
    let instance = try Instance()
    let unix =
      "<ncs-local-ipc><enabled>true</enabled><path>\(instance.path)/open</path><mode xmlns=\"urn:swift-nso:config\">0666</mode></ncs-local-ipc>"
    chmod(instance.path, 0o755)
    let users = user("ada", 4001, "true") + user("bob", 4002, "false")
    try await withListener(
      unix,
      prepare: {
        chmod($0.path, 0o755)
        try $0.write(
          "cdb/aaa.xml",
          "<aaa xmlns=\"http://tail-f.com/ns/aaa/1.1\"><authentication><users>\(users)</users></authentication></aaa>")
      }
    ) { daemonInstance, _ in
      let tool = Instance.programs + "/ncs_cmd"
      func run(uid: Int, _ arguments: String...) async throws -> ChildProcess.Result {
        try await ChildProcess.run(
          "/usr/bin/setpriv", ["--reuid", "\(uid)", "--regid", "4000", "--clear-groups", tool] + arguments,
          environment: instance.environment.merging(["NCS_IPC_PATH": instance.path + "/open"]) { $1 })
      }
      // Ada is ada, and cannot become another; what only trusted peers may do is not for her.
      let ada = try await run(uid: 4001, "-u", "ada", "-x", "cli", "-c", "mget /s:top/mtu; who")
      #expect(ada.output.hasPrefix("1500\n"), "\(ada.errors)")
      #expect(ada.output.contains("ada"), "\(ada.output)\(ada.errors)")
      let root = try await run(uid: 4001, "-u", "root", "-x", "cli", "-c", "mget /s:top/mtu")
      #expect(root.code == 1)
      #expect(root.errors.contains("ada"), "\(root.errors)")
      #expect(try await run(uid: 4001, "-c", "mget /s:top/mtu").code == 1)
      for uid in [4002, 4003] { #expect(try await run(uid: uid, "-x", "cli", "-c", "mget /s:top/mtu").code == 1) }
      #expect(try daemonInstance.read("logs/ncs.log").contains("4003"))
    }
  }
}
