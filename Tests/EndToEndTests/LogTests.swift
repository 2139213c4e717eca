import Glibc
import NSOClient
import NSOModel
import NSOWire
import Testing

/// The logs of the real daemon: programs that get them, and that no secret is in any.
@Suite struct LogTests {
  /// All logs, as much as they tell. `logs` is one element, into which goes what every instance has.
  private static func instance(_ logs: String, _ settings: String = "", model: String = Instance.model) throws -> Instance {
    let instance = try Instance(settings: settings, model: model)
    try instance.write(
      "ncs.conf",
      try instance.read("ncs.conf").replacing(
        "<logs><ncs-log><file><name>./logs/ncs.log</name><enabled>true</enabled></file></ncs-log></logs>",
        with: "<logs>\(logs)</logs>"))
    return instance
  }

  private static func file(_ name: String, _ more: String = "") -> String {
    "<\(name)><file><name>./logs/\(name)</name><enabled>true</enabled></file>\(more)</\(name)>"
  }

  // MARK: Programs

  /// Writes what it gets into a file of the log's name; its arguments come first.
  private static let program = """
    #!/bin/sh
    echo "$@" >> got/$4
    exec cat >> got/$4
    """

  private static func external(_ command: String, _ restart: String = "") -> String {
    "<external><enabled>true</enabled><command>\(command)</command>\(restart)</external>"
      + "<ext-log><enabled>true</enabled><filename>./logs/ext.log</filename><level>7</level></ext-log>"
  }

  private static let toProgram = "<external><enabled>true</enabled></external>"

  @Test func `programs get the lines of their logs`() async throws {
    let logs =
      Self.file("ncs-log", Self.toProgram) + Self.file("audit-log", Self.toProgram) + Self.file("developer-log")
      + Self.external("./filter")
    let instance = try Self.instance(logs)
    try instance.write("filter", Self.program.replacing("$4", with: "$3"), mode: 0o755)
    try instance.write("got/none", "")
    let daemon = try await instance.startDaemon()
    #expect(try await instance.run("ncs_cmd", "-u", "anna", "-x", "cli", "-c", "mset /s:top/name tom").code == 0)
    // One that was ended is started again, and misses nothing that comes then.
    let started = /filter \(audit-log\) is started: process (\d+)/
    // Programs are started beside everything else.
    for _ in 0..<3000 {
      if try instance.read("logs/ext.log").contains(started) { break }
      _ = try await instance.run("ncs", "--status")
    }
    let pid = try #require(try instance.read("logs/ext.log").firstMatch(of: started)?.1)
    kill(try #require(pid_t(pid)), SIGKILL)
    #expect(try await instance.run("ncs_cmd", "-u", "carl", "-x", "cli", "-c", "mset /s:top/name carl").code == 0)
    daemon.endInput()
    _ = try await daemon.finish()
    try await daemon.gone()
    #expect(!instance.exists("got/developer-log"))
    var got = try instance.read("got/ncs-log").split(separator: "\n")
    #expect(got.removeFirst() == "1 log ncs-log system raw")
    #expect(got == (try instance.read("logs/ncs-log").split(separator: "\n")))
    let audit = try instance.read("got/audit-log")
    #expect(audit.components(of: "1 log audit-log system raw\n") == 2 && audit.contains("user: carl/"))
    #expect(try instance.read("logs/ext.log").contains("by signal 9"))
  }

  /// Who starts a daemon and reads its output to the end does not wait for programs that the daemon runs.
  @Test(.timeLimit(.minutes(10))) func `programs do not keep the output of the start`() async throws {
    let instance = try Self.instance(Self.file("ncs-log", Self.toProgram) + Self.external("./filter"))
    try instance.write("filter", "#!/bin/sh\ncat > /dev/null\n", mode: 0o755)
    let ncs = Instance.programs + "/ncs"
    let start = try ChildProcess(
      "/bin/sh", ["-c", "out=$(\(ncs) --cd '\(instance.path)' -c ncs.conf 2>&1); echo started"],
      environment: instance.environment.merging(["PATH": "/usr/bin:/bin"]) { $1 })
    #expect(try await start.finish().output.contains("started"))
    let pid = try instance.daemonPid()
    // Programs that rotate logs send it.
    #expect(rename(instance.path + "/logs/ncs-log", instance.path + "/logs/old") == 0 && kill(pid, SIGUSR1) == 0)
    for _ in 0..<3000 where !instance.exists("logs/ncs-log") { _ = try await instance.run("ncs", "--status") }
    #expect(instance.exists("logs/ncs-log"))
    #expect(kill(pid, SIGUSR2) == 0)
    #expect(try await instance.run("ncs", "--status").code == 0)
    let lost = try ChildProcess(
      "/bin/sh",
      ["-c", "\(ncs) --status > /dev/full; echo $?; \(Instance.programs)/ncs_cmd -c get_phase > /dev/full; echo $?"],
      environment: instance.environment.merging(["PATH": "/usr/bin:/bin"]) { $1 })
    let result = try await lost.finish()
    #expect(result.output == "1\n1\n" && result.errors.contains("No space left"), "\(result)")
    #expect(try await instance.run("ncs", "--stop").code == 0)
  }

  @Test func `a program that cannot stay is given up until the next reload`() async throws {
    let restart = "<restart><max-attempts>2</max-attempts><delay>PT0S</delay></restart>"
    let instance = try Self.instance(
      Self.file("ncs-log") + Self.file("audit-log", Self.toProgram) + Self.external("./filter", restart))
    try instance.write("filter", "#!/bin/sh\nexit 3\n", mode: 0o755)
    try await instance.withDaemon { (_) async throws -> Void in
      func write(until text: String) async throws {
        for number in 0..<500 {
          #expect(
            try await instance.run("ncs_cmd", "-u", "anna", "-x", "cli", "-c", "mset /s:top/mtu \(1000 + number)").code == 0)
          if try instance.read("logs/ncs-log").contains(text) { return }
        }
        Issue.record("\(text) is not in the log")
      }
      try await write(until: "has ended 2 times within 30.0 seconds: it is not started again before the next reload")
      try instance.write("got/none", "")
      try instance.write("filter", Self.program.replacing("$4", with: "$3"), mode: 0o755)
      #expect(try await instance.run("ncs", "--reload").code == 0)
      #expect(try await instance.run("ncs_cmd", "-u", "bob", "-x", "cli", "-c", "mset /s:top/name bob").code == 0)
    }
    #expect(try instance.read("logs/ext.log").contains("with exit code 3"))
    let missing = try Self.instance(Self.external("./nosuch"))
    let result = try await missing.run("ncs", "--cd", missing.path, "-c", "ncs.conf", "--foreground")
    #expect(result.code == 21 && result.errors.contains("./nosuch is no file that the daemon may execute"), "\(result.errors)")
    let alone = try Self.instance(Self.file("ncs-log", Self.toProgram))
    try await alone.withDaemon { _ in }
    #expect(
      try alone.read("logs/ncs-log").contains("external/enabled of ncs-log has no effect: logs/external/enabled is not true"))
  }

  // MARK: Secrets

  private static let vault = """
    module small {
      yang-version 1.1; namespace "urn:small"; prefix s;
      import tailf-common { prefix tailf; }
      import iana-crypt-hash { prefix ianach; }
      container top {
        leaf md5 { type tailf:md5-digest-string; }
        leaf sha256 { type tailf:sha-256-digest-string; }
        leaf sha512 { type tailf:sha-512-digest-string; }
        leaf hash { type ianach:crypt-hash; }
        leaf aes128 { type tailf:aes-cfb-128-encrypted-string; }
        leaf aes256 { type tailf:aes-256-cfb-128-encrypted-string; }
        leaf des3 { type tailf:des3-cbc-encrypted-string; }
        leaf other { type string { length "1..5"; } }
        leaf must { type string; must ". = 'no'" { error-message "not this"; } }
        list login { key name; leaf name { type string; } leaf password { type tailf:aes-256-cfb-128-encrypted-string; } }
      }
    }
    """

  @Test func `no secret is in any log, event or trace`() async throws {
    let logs =
      ["ncs-log", "developer-log", "audit-log", "netconf-log", "upgrade-log"].map { Self.file($0) }.joined()
        + """
        <developer-log-level>trace</developer-log-level><audit-log-commit>true</audit-log-commit>
        <audit-log-commit-defaults>true</audit-log-commit-defaults>
        <error-log><enabled>true</enabled><filename>./logs/error-log</filename></error-log>
        <transaction-error-log><enabled>true</enabled><filename>./logs/failed-log</filename></transaction-error-log>
        <xpath-trace-log><enabled>true</enabled><filename>./logs/xpath-log</filename></xpath-trace-log>
        <progress-trace><enabled>true</enabled><dir>./logs</dir><verbosity xmlns="urn:swift-nso:config">debug</verbosity></progress-trace>
        """
    let keys =
      "<encrypted-strings><AESCFB128><key>\(String(repeating: "5e", count: 16))</key></AESCFB128>"
      + "<AES256CFB128><key>\(String(repeating: "5e", count: 32))</key></AES256CFB128></encrypted-strings>"
    let instance = try Self.instance(logs, keys, model: Self.vault)
    let daemon = try await instance.startDaemon()
    let listener = try ChildProcess(
      Instance.programs + "/ncs_cmd", ["-c", "listen json all verbosity=3 heartbeat=1000"], environment: instance.environment)
    _ = try await listener.output(until: "heartbeat")
    var secrets = ["xyzzy"]
    func command(_ text: String, code: Int32 = 0) async throws {
      let result = try await instance.run("ncs_cmd", "-u", "anna", "-x", "cli", "-c", text)
      #expect(result.code == code, "\(text): \(result.errors)")
      // Errors of secrets do not repeat them either; those of other leafs may.
      if !text.contains("/other"), !text.contains("/must") { #expect(!result.errors.contains("xyzzy"), "\(result.errors)") }
    }
    let names = ["md5", "sha256", "sha512", "hash", "aes128", "aes256"]
    try await command(names.map { "mset /s:top/\($0) '$0$xyzzy'" }.joined(separator: "; "))
    try await command("mset /s:top/des3 '$7$xyzzyxyzzyxyzzyxyzzyxyzzyxyzzyxy'")
    try await command("mcreate /s:top/login{a}; mset /s:top/login{a}/password '$0$xyzzy'")
    let user = "/aaa:aaa/authentication/users/user{ada}"
    try await command(
      "mcreate \(user); mset \(user)/uid 77; mset \(user)/gid 77; mset \(user)/password '$0$xyzzy'; mset \(user)/ssh_keydir ''; mset \(user)/homedir /"
    )
    // What is stored, is a secret too.
    for path in (names + ["des3", "login{a}/password"]).map({ "/s:top/" + $0 }) + [user + "/password"] {
      let stored = try await instance.run("ncs_cmd", "-c", "mget \(path)").output.split(separator: "\n").first.map(String.init)
      secrets.append(try #require(stored))
    }
    // Refusals of every kind.
    try await command("mset /s:top/aes128 xyzzy", code: 1)
    try await command("mset /s:top/sha256 '$5$xyzzy'", code: 1)
    try await command("mset /s:top/des3 '$0$xyzzy'", code: 1)
    try await command("mset /s:top/other xyzzyxyzzy", code: 1)
    try await command("mset /s:top/must xyzzy", code: 1)
    try await command("maapi_lock; mset /s:top/aes256 '$0$xyzzy'; fail", code: 1)
    let client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
    try await client.withMAAPI { maapi in
      try await maapi.authenticate(user: "ada", password: "xyzzy")
      await #expect(throws: NSOError.self) { try await maapi.authenticate(user: "ada", password: "xyzzy2") }
      await #expect(throws: NSOError.self) { try await maapi.authenticate(user: "xyzzy", password: "xyzzy") }
    }
    // Documents, saved and loaded, and the difference as a dry run.
    let saved = try await instance.run("ncs_load", "-Fp").output
    try instance.write("saved.xml", saved.replacing("<name>a</name>", with: "<name>b</name>"))
    #expect(try await instance.run("ncs_load", "-lm", instance.path + "/saved.xml").code == 0)
    #expect(try await instance.run("ncs_cmd", "-c", "mset /s:top/aes128 '$0$xyzzy3'; mdiff").code == 0)
    #expect(try await instance.run("ncs", "--debug-dump", instance.path + "/logs/dump").code == 0)
    _ = try await instance.run("ncs", "--reload")
    daemon.endInput()
    let terminal = try await daemon.finish().output
    let events = try await listener.finish().output
    try instance.write("logs/terminal", terminal)
    try instance.write("logs/events", events)
    #expect(events.contains("\"event\":\"progress\"") && events.contains("COMMIT_INFO"))
    for name in [
      "ncs-log", "developer-log", "audit-log", "netconf-log", "upgrade-log", "error-log", "failed-log", "xpath-log",
      "progress-trace.csv", "dump", "terminal", "events",
    ] {
      for line in try instance.read("logs/" + name).split(separator: "\n") {
        for secret in secrets + [String(repeating: "5e", count: 16)] where line.contains(secret) {
          Issue.record("\(name) has a secret: \(line)")
        }
      }
    }
    let evaluations = try instance.read("logs/xpath-log")
    let first = #/xpath: (\d+) evaluate "\. = 'no'" at /s:top/must/#
    let number = try #require(evaluations.firstMatch(of: first)?.1, "\(evaluations.suffix(2000))")
    #expect(evaluations.contains("xpath: \(number) read the value of /s:top/must\n"))
    #expect(evaluations.contains("xpath: \(number) false after "))
    let audit = try instance.read("logs/audit-log")
    for text in [
      "user: ada/0 LOCAL_AUTH_SUCCESS", "user: ada/0 LOCAL_AUTH_FAIL_BADPASS", "user: [withheld]/0 LOCAL_AUTH_FAIL_NOUSER",
      "COMMIT_INFO /s:top/aes128 set",
    ] { #expect(audit.contains(text), "\(text)") }
  }
}
