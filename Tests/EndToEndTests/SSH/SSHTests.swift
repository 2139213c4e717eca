import CLibSSH
import Glibc
import NSOClient
import NSOModel
import TestSupport
import Testing

extension Router {
  /// An instance with host keys, and user ada, whose password is `xyzzy plugh`.
  /// - Parameter port: of the CLI; 0: the system chooses.
  static func withSSH(_ settings: String = "", port: UInt16 = 0, aaa: String = "", cli: String = "") throws -> Instance {
    let instance = try Router.instance(
      settings: """
        <aaa><ssh-server-key-dir>./ssh</ssh-server-key-dir>\(aaa)</aaa>
        <cli><ssh><ip>127.0.0.1</ip><port>\(port)</port>\(cli)</ssh></cli>
        <netconf-north-bound><transport><ssh><ip>127.0.0.1</ip><port>0</port></ssh></transport></netconf-north-bound>
        <logs><audit-log><enabled>true</enabled><file><name>./logs/audit.log</name><enabled>true</enabled></file></audit-log></logs>
        \(settings)
        """)
    try instance.write("keys/authorized_keys", "# nobody yet\n")
    try instance.write("ssh/README", "keys of the host\n")
    try SSHClient.makeKey(instance.path + "/ssh/ssh_host_ed25519_key")
    try instance.write(
      "cdb/users_init.xml",
      """
      <aaa xmlns="http://tail-f.com/ns/aaa/1.1"><authentication><users><user>
        <name>ada</name><uid>77</uid><gid>77</gid><password>$0$xyzzy plugh</password>
        <ssh_keydir>\(instance.path)/keys</ssh_keydir><homedir>/</homedir>
      </user></users></authentication></aaa>
      """)
    return instance
  }
}

extension Instance {
  /// Where the daemon serves the CLI over SSH, or `netconf`.
  func sshPort(_ service: String = "cli") async throws -> UInt16 {
    let status = try await run("ncs", "--status").output
    guard let place = status.firstRange(of: "\(service): 127.0.0.1 port "),
      let port = UInt16(status[place.upperBound...].prefix { $0.isNumber })
    else { throw ChildProcess.Failure(description: "no SSH listener in\n\(status)") }
    return port
  }

  /// A connection of ada's.
  func ssh() async throws -> SSHClient {
    let client = try await SSHClient.connect(sshPort())
    guard try await client.logIn("ada", password: "xyzzy plugh") else {
      throw ChildProcess.Failure(description: "the login was refused")
    }
    return client
  }
}

/// The built-in SSH server, with the real daemon.
@Suite struct SSHTests {
  @Test func passwordsAndCommands() async throws {
    let instance = try Router.withSSH(cli: "<banner>Authorized use only\n</banner>")
    try await instance.withDaemon { _ in
      let port = try await instance.sshPort()
      let client = try await SSHClient.connect(port)
      #expect(try await client.banner().hasPrefix("Authorized use only"))
      #expect(try await !client.logIn("ada", password: "plugh"))
      #expect(try await !client.logIn("nobody", password: "xyzzy plugh"))
      #expect(try await client.logIn("ada", password: "xyzzy plugh"))

      let shown = try await client.run("show configuration system location")
      #expect(shown.code == 0 && shown.output == "location \"Room 12, rack 3\";\n" && shown.errors == "", "\(shown)")
      let failed = try await client.run("show nothing")
      #expect(failed.code == 1 && failed.output.contains("syntax error"), "\(failed)")
      // Several lines are a script that ends at the first failure; what asks for text gets the input.
      let several = try await client.run("configure\nset system location Attic\nset nothing 1\ncommit")
      #expect(several.code == 1, "\(several)")
      let loaded = try await client.run(
        "configure\nload merge terminal\ncommit", input: "system {\n location Cellar;\n}\n")
      #expect(loaded.code == 0 && loaded.output.contains("Commit complete."), "\(loaded)")
      #expect(try await instance.cmd("mget /r:system/location") == "Cellar\n")
      // The daemon's files are not the user's.
      let saved = try await client.run("show configuration | save /tmp/x-\(port)")
      #expect(saved.code == 1 && saved.output.contains("over SSH") && access("/tmp/x-\(port)", F_OK) != 0, "\(saved)")
      // A script.
      let script = try await client.run(nil, input: "configure\nset system location Roof\ncommit\nexit\nexit\n")
      #expect(script.code == 0 && script.output == "Commit complete.\n", "\(script)")
      #expect(try await !client.begin(subsystem: "sftp"))

      let status = try await instance.run("ncs", "--status").output
      #expect(status.contains("ada by password, from 127.0.0.1"), "\(status)")
    }
    let audit = try instance.read("logs/audit.log")
    for text in [
      "LOCAL_AUTH_FAIL_BADPASS", "LOCAL_AUTH_FAIL_NOUSER", "AUTH_LOGIN_FAIL", "AUTH_LOGIN_SUCCESS", "method password",
      "SESSION_CREATE context cli from 127.0.0.1:", "over ssh", "CLI_CMD 'show configuration system location'", "AUTH_LOGOUT",
    ] { #expect(audit.contains(text), "\(text) is missing in\n\(audit)") }
    #expect(!audit.contains("nobody") && !audit.contains("xyzzy"))
  }

  /// The subsystem of RFC 6242, on a port of its own.
  @Test func netconf() async throws {
    let instance = try Router.withSSH()
    let base = "urn:ietf:params:xml:ns:netconf:base:1.0"
    func rpc(_ text: String) -> String { "<rpc message-id=\"1\" xmlns=\"\(base)\">\(text)</rpc>]]>]]>" }
    let hello =
      "<hello xmlns=\"\(base)\"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>"
    try await instance.withDaemon { _ in
      func connect() async throws -> SSHClient {
        let client = try await SSHClient.connect(instance.sshPort("netconf"))
        guard try await client.logIn("ada", password: "xyzzy plugh") else { throw SSHClient.Failure(description: "no login") }
        return client
      }
      let client = try await connect()
      let edit = rpc(
        """
        <edit-config><target><running/></target><config><system xmlns="urn:swift-nso:example:router"><location>Loft</location></system>\
        </config></edit-config>
        """)
      let get = rpc(
        "<get-config><source><running/></source><filter><system xmlns=\"urn:swift-nso:example:router\"><location/></system></filter></get-config>"
      )
      let text = try await client.converse(subsystem: "netconf", hello + edit + get + rpc("<close-session/>"))
      #expect(text.ranges(of: "<ok/>").count == 2 && text.contains("<location>Loft</location>"), "\(text)")
      #expect(try await instance.cmd("mget /r:system/location") == "Loft\n")
      // The CLI is not on this port, nor NETCONF on that of the CLI.
      await #expect(throws: SSHClient.Failure.self) { _ = try await client.run("show configuration") }
      #expect(try await !instance.ssh().begin(subsystem: "netconf"))
      // The lock of a client that dies is free.
      let dying = try await connect()
      #expect(try await dying.begin(subsystem: "netconf"))
      dying.die()
      try await until("the session is gone") {
        try await !instance.run("ncs", "--status").output.contains("netconf, from")
      }
    }
    #expect(try instance.read("logs/audit.log").contains("SESSION_CREATE context netconf from 127.0.0.1:"))
  }

  @Test func publicKeys() async throws {
    let instance = try Router.withSSH()
    try await instance.withDaemon { _ in
      let port = try await instance.sshPort()
      for (name, type, bits) in [
        ("ed25519", SSH_KEYTYPE_ED25519, 0), ("ecdsa", SSH_KEYTYPE_ECDSA_P256, 256), ("rsa", SSH_KEYTYPE_RSA, 2048),
      ] {
        let file = "\(instance.path)/\(name)"
        try SSHClient.makeKey(file, type, bits: Int32(bits))
        let client = try await SSHClient.connect(port)
        #expect(try await !client.logIn("ada", keyFile: file))
        let line = try instance.read("\(name).pub").split(separator: " ").prefix(2).joined(separator: " ")
        // What an option forbids is not given.
        try instance.write("keys/authorized_keys", "from=\"192.0.2.1\" \(line) ada\n")
        #expect(try await !client.logIn("ada", keyFile: file))
        try instance.write("keys/authorized_keys", "# keys\n\(line) ada@home\n", mode: 0o666)
        #expect(try await !client.logIn("ada", keyFile: file))
        try instance.write("keys/authorized_keys", "# keys\n\(line) ada@home\n")
        #expect(try await client.logIn("ada", keyFile: file), "\(name)")
        #expect(try await client.run("show configuration system location").code == 0)
        // It is hers only.
        let other = try await SSHClient.connect(port)
        #expect(try await !other.logIn("admin", keyFile: file))
      }
      #expect(try instance.read("logs/audit.log").contains("method publickey"))
    }
  }

  @Test func triesTimesAndHostileBytes() async throws {
    let instance = try Router.withSSH(
      aaa: "<ssh-login-grace-time>PT8S</ssh-login-grace-time><ssh-max-auth-tries>2</ssh-max-auth-tries>")
    try await instance.withDaemon { _ in
      let port = try await instance.sshPort()
      let guesser = try await SSHClient.connect(port)
      #expect(try await !guesser.logIn("ada", password: "a"))
      // The last one is not always answered any more.
      _ = try? await guesser.logIn("ada", password: "b")
      await #expect(throws: (any Error).self) { _ = try await guesser.logIn("ada", password: "xyzzy plugh") }
      // Nobody who says nothing, or nonsense, or ends in the middle, stays or keeps others out.
      for bytes in [
        "", "SSH-2.0-x\r\n", "GET / HTTP/1.0\r\n\r\n", String(repeating: "x", count: 100_000),
        "SSH-2.0-x\r\n" + String(repeating: "\u{1}", count: 70_000), "SSH-1.0-old\r\n",
      ] {
        try await offThread {
          let raw = try RawConnection(port)
          raw.send(bytes)
          try raw.awaitEnd()
        }
      }
      // Strangers are dropped, and this one is quick enough.
      let client = try await instance.ssh()
      #expect(try await client.run("show configuration system location").code == 0)
    }
    let log = try instance.read("logs/ncs.log")
    #expect(log.contains("aaa/ssh-max-auth-tries") && log.contains("aaa/ssh-login-grace-time"), "\(log)")
  }

  @Test func atATerminal() async throws {
    let instance = try Router.withSSH()
    try await instance.withDaemon { _ in
      let client = try await instance.ssh()
      try await client.openShell()
      try await client.wait(for: "ada@")
      // Tab completes; ? lists; a line is edited.
      try await client.type("conf\t\r")
      try await client.wait(for: "% ")
      try await client.type("set sys loc Attix\u{7F}c\r")
      try await client.wait(for: "[ok]")
      try await client.type("set interfaces interface eth0 ?")
      try await client.wait(for: "Possible completions:")
      try await client.type("\u{3}")
      try await client.wait(for: "^C")
      // The history.
      try await client.type("show system location\r")
      #expect(try await client.wait(for: "[ok]").contains("location Attic;\r\n"))
      try await client.type("\u{1B}[A\r")
      #expect(try await client.wait(for: "[ok]").contains("location Attic;\r\n"))
      // A small window has pages; a larger one none.
      try await client.resize(80, 5)
      try await client.type("show\r")
      try await client.wait(for: "--More--")
      // Ctrl-C ends the command, and not the session.
      try await client.type("\u{3}")
      try await client.wait(for: "% ")
      try await client.type("commit\r")
      try await client.wait(for: "Commit complete.")
      try await client.type("exit\r\u{4}")
      #expect(try await client.end().code == 0)
      #expect(try await instance.cmd("mget /r:system/location") == "Attic\n")
    }
  }

  @Test func whoIsGoneHoldsNothing() async throws {
    let instance = try Router.withSSH()
    try await instance.withDaemon { _ in
      let client = try await instance.ssh()
      try await client.openShell()
      try await client.type("configure exclusive\r")
      try await client.wait(for: "% ")
      let busy = try await instance.run("ncs_cli", arguments: ["-u", "admin", "-s"], input: "configure exclusive\n")
      #expect(busy.code == 8, "\(busy)")
      client.die()
      try await until("the lock is free") { () async throws -> Bool in
        try await instance.run("ncs_cli", arguments: ["-u", "admin", "-s"], input: "configure exclusive\nexit\nexit\n").code
          == 0
      }
      try await until("the connection is gone") {
        try await instance.run("ncs", "--status").output.contains("SSH connections: none")
      }

      // Who is thrown out sees it.
      let other = try await instance.ssh()
      try await other.openShell()
      try await other.wait(for: "> ")
      let who = try await instance.cmd("who")
      let id = try #require(who.split(separator: "\n").first { $0.contains("ada") }?.split(separator: " ").first)
      _ = try await instance.cmd("kill \(id)")
      let end = try await other.end()
      #expect(end.code == 2 && end.text.contains("The session was ended"), "\(end)")
    }
  }

  @Test func stoppedWithSessions() async throws {
    let instance = try Router.withSSH()
    let daemon = try await instance.startDaemon()
    let client = try await instance.ssh()
    try await client.openShell()
    try await client.wait(for: "> ")
    let silent = try await SSHClient.connect(instance.sshPort())
    #expect(try await instance.run("ncs", "--stop").code == 0)
    #expect(try await daemon.finish().code == 0)
    try await client.closed()
    try await silent.closed()
  }

  @Test func portsAndReloads() async throws {
    let one = try Router.withSSH()
    try await one.withDaemon { _ in
      let port = try await one.sshPort()
      // A second instance with the same port says so.
      let two = try Router.withSSH(port: port)
      let refused = try await two.run(
        "ncs", arguments: ["--cd", two.path, "-c", "ncs.conf", "--foreground"])
      #expect(refused.code != 0, "\(refused)")
      #expect(refused.errors.contains("port \(port) (cli/ssh in ncs.conf)") && refused.errors.contains("choose another port"))
      // With another one it runs beside it.
      let text = try two.read("ncs.conf").replacing("<port>\(port)</port>", with: "<port>0</port>")
      try two.write("ncs.conf", text)
      try await two.withDaemon { _ in
        #expect(try await two.sshPort() != port)
        let client = try await two.ssh()
        #expect(try await client.run("show configuration system location").code == 0)
        // Switched off: nobody new, and who is there stays.
        try two.write("ncs.conf", text.replacing("<ssh><ip>", with: "<ssh><enabled>false</enabled><ip>"))
        #expect(try await two.run("ncs", "--reload").code == 0)
        let status = try await two.run("ncs", "--status").output
        #expect(status.contains("SSH listeners: none"), "\(status)")
        #expect(try await client.run("show configuration system location").code == 0)
        // On again; a port that is taken changes nothing.
        try two.write("ncs.conf", text)
        #expect(try await two.run("ncs", "--reload").code == 0)
        let again = try await two.sshPort()
        try two.write("ncs.conf", text.replacing("<port>0</port>", with: "<port>\(port)</port>"))
        let bad = try await two.run("ncs", "--reload")
        #expect(bad.code != 0 && bad.errors.contains("stay in force"), "\(bad)")
        #expect(try await two.sshPort() == again)
      }
      let client = try await one.ssh()
      #expect(try await client.run("show configuration system location").code == 0)
    }
  }

  @Test func offWhereNobodyAskedForIt() async throws {
    let plain = try Router.instance()
    try await plain.withDaemon { _ in
      let status = try await plain.run("ncs", "--status").output
      #expect(status.contains("SSH listeners: none"), "\(status)")
    }
    let log = try plain.read("logs/ncs.log")
    #expect(log.contains("SSH is off: aaa/ssh-server-key-dir is not set"))
    #expect(!log.split(separator: "\n").contains { $0.contains("SSH") && !$0.contains("INFO") && $0.contains("WARN") })
    // Asked for, without keys, or with one that others can read: it runs, and says what is missing.
    for (name, text) in [
      ("ssh/ssh_host_ed25519_key", "chmod 600"), ("", "ssh-keygen -q -t ed25519"),
    ] {
      let instance = try Router.withSSH()
      if name.isEmpty { unlink(instance.path + "/ssh/ssh_host_ed25519_key") } else { chmod(instance.path + "/" + name, 0o644) }
      let daemon = try await instance.startDaemon()
      daemon.endInput()
      let result = try await daemon.finish()
      #expect(result.code == 0 && result.errors.contains(text), "\(result.errors)")
      #expect(try instance.read("logs/ncs.log").contains("SSH_HOST_KEY_UNAVAILABLE"))
    }
  }
}

/// A TCP connection, for bytes that are no SSH.
private final class RawConnection {
  private let descriptor: Int32

  init(_ port: UInt16) throws {
    descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let descriptor = descriptor
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw ChildProcess.Failure(description: "connect: \(errno)") }
  }

  deinit { close(descriptor) }

  func send(_ text: String) {
    let bytes = Array(text.utf8)
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Waits until the server has closed it.
  func awaitEnd() throws {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      guard poll(&entry, 1, 60_000) == 1 else { throw ChildProcess.Failure(description: "the connection does not end") }
      if recv(descriptor, &buffer, buffer.count, 0) <= 0 { return }
    }
  }
}
