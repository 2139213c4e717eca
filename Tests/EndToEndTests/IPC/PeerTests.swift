import Glibc
import NSOClient
import NSOModel
import NSOWire
import Testing

/// Who may use the Unix socket (protocol part 08, section 8.1), with peers of other uids. Only root can start such processes: as an
/// ordinary user `make test` says that it leaves these out.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs root, to start processes of other users")) struct PeerTests {
  /// `nobody`, and uids that belong to no one.
  private static let known: uid_t = 65534
  private static let (denied, unsaid, twice, stranger): (uid_t, uid_t, uid_t, uid_t) = (60001, 60002, 60003, 60004)

  private static let users: String = {
    func user(_ name: String, _ uid: uid_t, _ access: String?) -> String {
      "<user><name>\(name)</name><uid>\(uid)</uid><gid>65534</gid><password/><ssh_keydir/><homedir>/</homedir>"
        + (access.map { "<local_ipc_access>\($0)</local_ipc_access>" } ?? "") + "</user>"
    }
    let all =
      user("olga", known, "true") + user("not-olga", known, "false") + user("dora", denied, "false")
      + user("una", unsaid, nil) + user("tim", twice, "true") + user("tom", twice, "true")
    return "<aaa xmlns=\"http://tail-f.com/ns/aaa/1.1\"><authentication><users>\(all)</users></authentication></aaa>"
  }()

  /// An instance whose socket everybody may open, with the users above.
  private func instance() throws -> Instance {
    let instance = try Instance(
      listen: """
        <ncs-local-ipc><enabled>true</enabled><path>./ipc</path><mode xmlns="urn:swift-nso:config">0666</mode></ncs-local-ipc>
        """)
    chmod(instance.path, 0o755)
    try instance.write("cdb/aaa.xml", Self.users)
    return instance
  }

  /// The words that run a program as another user.
  private func wrapper(_ uid: uid_t) -> [String] {
    ["/usr/bin/setpriv", "--reuid=\(uid)", "--regid=65534", "--clear-groups", "--"]
  }

  /// Where users other than root can run the program under test: they may not get to a checkout of root's.
  private func program(_ name: String, _ instance: Instance) async throws -> String {
    let path = instance.path + "/bin/" + name
    if !instance.exists("bin/" + name) {
      mkdir(instance.path + "/bin", 0o755)
      let copy = try await ChildProcess.run(
        "/bin/cp", [Instance.programs + "/" + name, path], environment: ["PATH": "/bin"])
      guard copy.code == 0, chmod(path, 0o755) == 0 else {
        throw ChildProcess.Failure(description: "cannot copy \(name): \(copy.errors)")
      }
    }
    return path
  }

  private func run(
    _ name: String, _ arguments: String..., as uid: uid_t, on instance: Instance
  ) async throws -> ChildProcess.Result {
    let words = wrapper(uid) + [try await program(name, instance)] + arguments
    return try await ChildProcess.run(
      words[0], Array(words.dropFirst()), environment: instance.variables(["NCS_IPC_PATH": instance.path + "/ipc"]))
  }

  @Test func aMappedPeerIsItsUserAndNobodyElse() async throws {
    let instance = try instance()
    _ = try await instance.withLaunched { _ in
      let good = try await run(
        "ncs_cmd", "-u", "olga", "-x", "cli", "-c", "mget /s:top/mtu", as: Self.known, on: instance)
      #expect(good.code == 0 && good.output == "1500\n", "\(good.errors)")
      for (arguments, words) in [
        (["-c", "mget /s:top/mtu"], ["olga", "system"]),
        (["-u", "root", "-x", "cli", "-c", "mget /s:top/mtu"], ["olga", "as root"]),
        (["-u", "not-olga", "-x", "cli", "-c", "mget /s:top/mtu"], ["olga", "as not-olga"]),
        (["-u", "olga", "-x", "system", "-c", "mget /s:top/mtu"], ["olga", "context system"]),
        (["-o", "-c", "get /s:top/mtu"], ["MAAPI only"]),
      ] {
        let words = words + ["uid \(Self.known)"]
        let result = try await ChildProcess.run(
          wrapper(Self.known)[0],
          Array(wrapper(Self.known).dropFirst()) + [try await program("ncs_cmd", instance)] + arguments,
          environment: instance.variables(["NCS_IPC_PATH": instance.path + "/ipc"]))
        #expect(result.code == 1, "\(arguments)")
        for word in words { #expect(result.errors.contains(word), "\(arguments): \(result.errors)") }
      }
      for command in ["--stop", "--reload", "--start-phase2"] {
        let result = try await run("ncs", command, as: Self.known, on: instance)
        #expect(result.code == 1 && result.errors.contains("only root and the daemon's own user"), "\(result.errors)")
      }
      let status = try await run("ncs", "--status", as: Self.known, on: instance)
      #expect(status.code == 0, "\(status.errors)")
      #expect(status.output.contains("uid \(Self.known) gid 65534"))
      // Root may be anybody.
      for arguments in [["-u", "anna", "-x", "cli"], []] {
        let result = try await instance.tool(
          "ncs_cmd", arguments + ["-c", "mget /s:top/mtu"], ["NCS_IPC_PATH": instance.path + "/ipc"])
        #expect(result.output == "1500\n", "\(result.errors)")
      }
    }
  }

  @Test func othersAreRefusedWithALineInTheLog() async throws {
    let instance = try instance()
    let uids = [Self.denied, Self.unsaid, Self.twice, Self.stranger]
    let (_, log) = try await instance.withLaunched { _ in
      for uid in uids {
        let result = try await run("ncs", "--status", as: uid, on: instance)
        #expect(result.code == 2)
        #expect(
          result.errors.contains("uid \(uid) needs an entry with local_ipc_access true in /aaa/authentication/users"),
          "\(result.errors)")
        let command = try await run("ncs_cmd", "-u", "olga", "-c", "mget /s:top/mtu", as: uid, on: instance)
        #expect(command.code == 1 && command.output == "", "\(command.errors)")
      }
    }
    for uid in uids {
      let lines = log.split(separator: "\n").filter { $0.contains("LOCAL_IPC_ACCESS_DENIED") && $0.contains("uid \(uid) ") }
      #expect(lines.count == 2, "\(log)")
      for line in lines { #expect(line.contains("process ") && line.contains("local_ipc_access"), "\(line)") }
    }
  }

  @Test func rightsFollowTheData() async throws {
    let instance = try instance()
    _ = try await instance.withLaunched { _ in
      func access(_ uid: uid_t) async throws -> Int32 { try await run("ncs", "--status", as: uid, on: instance).code }
      func set(_ user: String, _ value: String) async throws {
        let result = try await instance.tool(
          "ncs_cmd", ["-c", "mset /aaa:aaa/authentication/users/user{\(user)}/local_ipc_access \(value)"],
          ["NCS_IPC_PATH": instance.path + "/ipc"])
        #expect(result.code == 0, "\(result.errors)")
      }
      #expect(try await access(Self.denied) == 2)
      try await set("dora", "true")
      #expect(try await access(Self.denied) == 0)
      try await set("dora", "false")
      #expect(try await access(Self.denied) == 2)
      try await set("tom", "false")
      #expect(try await access(Self.twice) == 0)
    }
  }

  @Test func theDaemonsOwnUserIsTrusted() async throws {
    let instance = try instance()
    let ncs = try await program("ncs", instance)
    let owned = try await ChildProcess.run(
      "/bin/chown", ["-R", "\(Self.stranger)", instance.path], environment: ["PATH": "/bin"])
    #expect(owned.code == 0, "\(owned.errors)")
    let words = wrapper(Self.stranger) + [ncs, "--cd", instance.path, "-c", "ncs.conf", "--foreground", "-v", "--stop-on-eof"]
    var variables = instance.variables()
    // The copy is away from the modules.
    variables["NCS_DIR"] = instance.path
    mkdir(instance.path + "/share", 0o755)
    mkdir(instance.path + "/share/swift-nso", 0o755)
    let modules = try await ChildProcess.run(
      "/bin/cp", ["-r", Instance.project + "/Sources/NSODaemon/YANG", instance.path + "/share/swift-nso/yang"],
      environment: ["PATH": "/bin"])
    #expect(modules.code == 0, "\(modules.errors)")
    let daemon = try ChildProcess(words[0], Array(words.dropFirst()), environment: variables, keepsInput: true)
    do {
      _ = try await daemon.output(until: " STARTED")
    } catch {
      daemon.signal(SIGKILL)
      let result = try await daemon.finish()
      Issue.record("\(error) \(result.errors)")
      return
    }
    for uid in [0, Self.stranger] {
      let result = try await run("ncs_cmd", "-c", "mget /s:top/mtu", as: uid, on: instance)
      #expect(result.output == "1500\n", "\(result.errors)")
    }
    #expect(try await run("ncs", "--status", as: Self.denied, on: instance).code == 2)
    #expect(try await run("ncs", "--stop", as: Self.stranger, on: instance).code == 0)
    #expect(try await daemon.finish().code == 0)
  }

  /// A mapped peer works in sessions and transactions of its own user, and in nobody else's.
  @Test func aMappedPeerInSessionsOfOthers() async throws {
    let instance = try instance()
    _ = try await instance.withLaunched { _ in
      let client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
      for (user, context, words) in [
        ("olga", "cli", nil), ("anna", "cli", "it belongs to anna"), ("system", "system", "context system"),
        ("olga", "system", "context system"),
      ] as [(String, String, String?)] {
        try await client.withMAAPI { maapi in
          try await maapi.startUserSession(user: user, groups: ["admin"], context: context)
          let session = try await maapi.currentUserSession()
          try await maapi.withTransaction { transaction in
            try await transaction.set(.string("draft"), at: "/s:top/name")
            let commands = [
              "attach \(transaction.handle.rawValue) \(session); mget /s:top/name", "attach \(transaction.handle.rawValue) 0",
              "kill \(session)",
            ]
            // The last would succeed with a session of the same user, and end it.
            for command in words == nil ? commands.dropLast() : commands[...] {
              let result = try await run("ncs_cmd", "-u", "olga", "-x", "cli", "-c", command, as: Self.known, on: instance)
              if let words {
                #expect(result.code == 1 && result.errors.contains(words) && result.output == "", "\(command): \(result)")
              } else {
                #expect(result.code == 0, "\(command): \(result.errors)")
                if command.contains("mget") { #expect(result.output == "draft\n") }
              }
            }
            try await transaction.revert()
          }
        }
      }
    }
  }

  /// A secret that the daemon may read through a group, mode 040, or as its owner, 0400; and one that it may not.
  @Test func theSecretOfADaemonThatIsNotRoot() async throws {
    let instance = try Instance.checking(
      "abc", listen: "<ncs-local-ipc><enabled>true</enabled><path>./ipc</path></ncs-local-ipc>")
    let ncs = try await program("ncs", instance)
    mkdir(instance.path + "/share", 0o755)
    mkdir(instance.path + "/share/swift-nso", 0o755)
    let copied = try await ChildProcess.run(
      "/bin/cp", ["-r", Instance.project + "/Sources/NSODaemon/YANG", instance.path + "/share/swift-nso/yang"],
      environment: ["PATH": "/bin"])
    #expect(copied.code == 0, "\(copied.errors)")
    let owned = try await ChildProcess.run(
      "/bin/chown", ["-R", "\(Self.stranger)", instance.path], environment: ["PATH": "/bin"])
    #expect(owned.code == 0, "\(owned.errors)")
    let secret = instance.path + "/secret"
    for (owner, group, mode, isReadable) in [
      (0, 65534, 0o040, true), (0, 65534, 0o440, true), (Self.stranger, 0, 0o400, true), (0, 0, 0o400, false),
      (0, 65534, 0o400, false), (Self.stranger, 65534, 0o040, false),
    ] as [(uid_t, gid_t, mode_t, Bool)] {
      #expect(chown(secret, owner, group) == 0 && chmod(secret, mode) == 0)
      let words =
        wrapper(Self.stranger) + [ncs, "--cd", instance.path, "-c", "ncs.conf", "--foreground", "-v", "--stop-on-eof"]
      let daemon = try ChildProcess(
        words[0], Array(words.dropFirst()), environment: instance.variables(["NCS_DIR": instance.path]), keepsInput: true)
      daemon.endInput()
      let result = try await daemon.finish()
      let what: String = "owner \(owner), group \(group), mode \(String(mode, radix: 8)): \(result.errors)"
      #expect(result.code == (isReadable ? 0 : 21), "\(what)")
      if isReadable {
        #expect(result.output.contains(", access check"), "\(what)")
      } else {
        #expect(result.errors.contains("uid \(Self.stranger)") && result.errors.contains("040"), "\(what)")
      }
    }
    // Likewise a configuration file that is there and cannot be read.
    #expect(chown(instance.path + "/ncs.conf", 0, 0) == 0 && chmod(instance.path + "/ncs.conf", 0o600) == 0)
    let words = wrapper(Self.stranger) + [ncs, "--cd", instance.path, "--foreground"]
    let result = try await ChildProcess.run(
      words[0], Array(words.dropFirst()), environment: instance.variables(["NCS_DIR": instance.path]))
    #expect(result.code == 21 && result.errors.contains("Permission denied"), "\(result.errors)")
  }

  @Test func theSocketsPermissionsDecideFirst() async throws {
    let instance = try Instance(listen: "<ncs-local-ipc><enabled>true</enabled><path>./ipc</path></ncs-local-ipc>")
    chmod(instance.path, 0o755)
    try instance.write("cdb/aaa.xml", Self.users)
    let (_, log) = try await instance.withLaunched { _ in
      let result = try await run("ncs", "--status", as: Self.known, on: instance)
      #expect(
        result.code == 2 && result.errors.contains("no permission to use the socket: the socket file (mode 0600, uid 0"),
        "\(result.errors)")
      chmod(instance.path, 0o700)
      let outside = try await run("ncs", "--status", as: Self.known, on: instance)
      #expect(outside.code == 126 || outside.errors.contains("the directory \(instance.path) (mode 0700"), "\(outside.errors)")
      chmod(instance.path, 0o755)
    }
    #expect(!log.contains("LOCAL_IPC_ACCESS_DENIED"))
  }

  @Test func aFolderInWhichOthersCouldReplaceTheSocket() async throws {
    let instance = try Instance(listen: "<ncs-local-ipc><enabled>true</enabled><path>./open/ipc</path></ncs-local-ipc>")
    mkdir(instance.path + "/open", 0o755)
    chmod(instance.path + "/open", 0o777)
    var result = try await instance.tool("ncs", ["--cd", instance.path, "-c", "ncs.conf", "--foreground"])
    #expect(result.code == 20 && result.errors.contains("mode 0777"), "\(result.errors)")
    chmod(instance.path + "/open", 0o755)
    chown(instance.path + "/open", Self.stranger, 0)
    result = try await instance.tool("ncs", ["--cd", instance.path, "-c", "ncs.conf", "--foreground"])
    #expect(result.code == 20 && result.errors.contains("belongs to uid \(Self.stranger)"), "\(result.errors)")
    // As in /tmp: everybody may write, nobody may replace what is another's.
    chown(instance.path + "/open", 0, 0)
    chmod(instance.path + "/open", 0o1777)
    _ = try await instance.launch().stop()
  }
}
