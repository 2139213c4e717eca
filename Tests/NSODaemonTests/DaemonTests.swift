import Glibc
import NSOEngine
import NSOModel
import NSOServer
import Synchronization
import Testing

@testable import NSODaemon

/// The daemon inside this process: what it puts together and how it comes apart.
@Suite struct DaemonTests {
  static let model = """
    module small {
      yang-version 1.1; namespace "urn:small"; prefix s;
      container top { leaf name { type string; } leaf-list tag { type string; } }
    }
    """

  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func options(
    _ settings: String = "", initialData: [String: String] = [:], phase0: Bool = false,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> Daemon.Options {
    let path = folder.path
    try folder.write("yang/small.yang", Self.model)
    for (name, text) in initialData { try folder.write("cdb/" + name, text) }
    let file = try folder.write(
      "ncs.conf",
      """
      <ncs-config xmlns="http://tail-f.com/yang/tailf-ncs-config/1.0">
        <load-path><dir>\(path)/yang</dir></load-path><state-dir>\(path)/state</state-dir><cdb><db-dir>\(path)/cdb</db-dir></cdb>
        \(settings)
      </ncs-config>
      """)
    return Daemon.Options(
      source: .init(file: file, environment: ["NCS_IPC_PATH": path + "/ipc"]), stopsInPhase0: phase0, threads: 1, warn: warn)
  }

  private func withDaemon(_ options: Daemon.Options, _ body: (Daemon) async throws -> Void) async throws {
    let daemon = try await Daemon.start(options)
    do {
      try await body(daemon)
      daemon.stop(because: "test")
      await daemon.stopped()
    } catch {
      daemon.stop(because: "test")
      await daemon.stopped()
      throw error
    }
  }

  private func leaf(_ name: String, _ daemon: Daemon) throws -> Value? {
    var builder = LocationBuilder(daemon.engine.model)
    try builder.child(Tag("top", in: "urn:small"))
    try builder.child(Tag(name))
    return try daemon.engine.currentView().value(builder.location)
  }

  @Test func initialDataIsLoadedOnceInOrderOfName() async throws {
    let data = [
      "b.xml": "<top xmlns=\"urn:small\"><name>second</name></top>",
      "a.xml": "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><top xmlns=\"urn:small\"><name>first</name></top></config>",
      "c.txt": "<bad",
    ]
    try await withDaemon(options(initialData: data)) { daemon in
      let name = try leaf("name", daemon)
      #expect(name == .string("second"))
    }
    // The second start finds a database: the files are not looked at again.
    try await withDaemon(options(initialData: ["b.xml": "<bad"])) { daemon in
      let name = try leaf("name", daemon)
      #expect(name == .string("second"))
    }
  }

  @Test func startPhasesFromOutside() async throws {
    try await withDaemon(options(phase0: true)) { daemon in
      #expect(daemon.engine.phases.phase == .phase0)
      await #expect(throws: NSOError.self) { try await daemon.start(phase: 2) }
      await #expect(throws: NSOError.self) { try await daemon.start(phase: 3) }
      try await daemon.start(phase: 1)
      #expect(daemon.engine.phases.phase == .phase1)
      try await daemon.start(phase: 1)
      try await daemon.start(phase: 2)
      #expect(daemon.engine.phases.phase == .started)
      #expect(await daemon.statusText().hasPrefix("status: started\n"))
    }
  }

  @Test func templatesBesideTheModules() async throws {
    func template(_ name: String) -> String {
      "<config-template xmlns=\"http://tail-f.com/ns/config/1.0\"><top xmlns=\"urn:small\"><name>\(name)</name></top></config-template>"
    }
    let options = try options()
    try folder.write("templates/one.xml", template("one"))
    try folder.write("templates/sub/two.xml", template("two"))
    try folder.write("yang/templates/three.xml", template("three"))
    try folder.write(
      "templates/bad.xml", "<config-template xmlns=\"http://tail-f.com/ns/config/1.0\">\n<zzz/></config-template>")
    try folder.write("templates/.hidden.xml", "<")
    try folder.write("templates/notes.txt", "<")
    try await withDaemon(options) { daemon in
      #expect(daemon.engine.templates.names == ["one", "sub/two", "three"])
      let status = await daemon.statusText()
      #expect(
        status.contains("  sub/two  ") && status.contains("bad  FAULTY, ") && status.contains("bad.xml:2: unknown element zzz"))
      let before = daemon.engine.templates.entries.count
      #expect(before == 4)
      // They are read again with the settings.
      try folder.write("templates/bad.xml", template("good"))
      try folder.write("templates/sub/four.xml", template("four"))
      try await daemon.reload()
      #expect(daemon.engine.templates.names == ["bad", "one", "sub/four", "sub/two", "three"])
    }
  }

  @Test func statusNamesListenersModulesAndFiles() async throws {
    try await withDaemon(options()) { daemon in
      let status = await daemon.statusText()
      for word in [
        "\(folder.path)/ipc, mode 0600, user check, no access check", "small  urn:small", "\(folder.path)/ncs.conf",
        "config.db",
        "user sessions: none",
      ] {
        #expect(status.contains(word), "\(status)")
      }
      #expect(await daemon.listeners() == [.unix(path: folder.path + "/ipc")])
    }
  }

  /// Any variable can be the source of a key, whatever its name.
  @Test func aDumpHasNoSecretOfTheEnvironment() async throws {
    let key = String(repeating: "5e", count: 16)
    var options = try options("<encrypted-strings><AESCFB128><key>${NSO_KEY}</key></AESCFB128></encrypted-strings>")
    options.source.environment["NSO_KEY"] = key
    options.source.environment["NCS_OTHER_KEY"] = key
    try await withDaemon(options) { daemon in
      let dump = await daemon.dumpText()
      #expect(!dump.contains(key), "\(dump)")
      #expect(dump.contains("NCS_IPC_PATH=\(folder.path)/ipc") && dump.contains("key: (not shown)"), "\(dump)")
    }
  }

  @Test func anOpenPortIsTold() {
    let everywhere = ListenAddress.tcp(.v4(IPv4Address(0, 0, 0, 0)), port: 4569)
    #expect(Daemon.securityWarnings([everywhere], hasSecret: false).first?.contains("0.0.0.0:4569") == true)
    #expect(Daemon.securityWarnings([everywhere], hasSecret: true).isEmpty)
    #expect(Daemon.securityWarnings([.tcp(.loopback, port: 4569), .unix(path: "/tmp/x")], hasSecret: false).isEmpty)
  }

  @Test func weakFilesAndUsersAreTold() async throws {
    let key = "<encrypted-strings><AESCFB128><key>\(String(repeating: "1", count: 32))</key></AESCFB128></encrypted-strings>"
    let user =
      "<user><name>olga</name><uid>7</uid><gid>7</gid><password>$0$olga</password><ssh_keydir/><homedir>/</homedir><local_ipc_access>true</local_ipc_access></user>"
    let data = "<aaa xmlns=\"http://tail-f.com/ns/aaa/1.1\"><authentication><users>\(user)</users></authentication></aaa>"
    let told = Mutex<[String]>([])
    let mode = "<ncs-local-ipc><mode xmlns=\"urn:swift-nso:config\">0666</mode></ncs-local-ipc>"
    let weak = try options(key + mode, initialData: ["aaa.xml": data], warn: { text in told.withLock { $0.append(text) } })
    #expect(chmod(folder.path + "/cdb", 0o777) == 0 && chmod(folder.path + "/ncs.conf", 0o646) == 0)
    try await withDaemon(weak) { daemon in
      let status = await daemon.statusText()
      for text in [
        "everybody may write \(folder.path)/ncs.conf", "\(folder.path)/ncs.conf has keys or passwords in it",
        "everybody may write the folder \(folder.path)/cdb (cdb/db-dir)",
        "there are no access rules (the module ietf-netconf-acm is not loaded, or aaa/authorization/enabled is false): user olga, whom",
        "a user has a password that is tried first",
      ] {
        #expect(status.contains("warning: SECURITY: ") && status.contains(text), "\(text): \(status)")
        #expect(told.withLock { $0.contains { $0.contains(text) } }, "\(text)")
      }
    }
    // Keys of the environment are not in the file; what only some may do is no reason to warn.
    var strong = try options(
      "<encrypted-strings><AESCFB128><key>${KEY}</key></AESCFB128></encrypted-strings>",
      warn: { text in told.withLock { $0.append(text) } })
    strong.source.environment["KEY"] = String(repeating: "1", count: 32)
    #expect(chmod(folder.path + "/cdb", 0o755) == 0 && chmod(folder.path + "/ncs.conf", 0o644) == 0)
    told.withLock { $0 = [] }
    try await withDaemon(strong) { daemon in
      #expect(await !daemon.statusText().contains("keys or passwords"))
      #expect(told.withLock { $0.count } == 1, "\(told.withLock { $0 })")
    }
  }

  @Test func aReloadThatFailsChangesNothing() async throws {
    try await withDaemon(options()) { daemon in
      try folder.write("ncs.conf", "<bad/>")
      let error = await #expect(throws: NSOError.self) { try await daemon.reload() }
      #expect(error?.code == .badConfig)
      #expect(await daemon.statusText().contains("needs a restart") == false)
      _ = try options("<ncs-local-ipc><mode xmlns=\"urn:swift-nso:config\">0660</mode></ncs-local-ipc>")
      try await daemon.reload()
      #expect(await daemon.statusText().contains("needs a restart: ncs-local-ipc/mode"))
    }
  }

  /// Secrets and logs are prepared before either is put in force.
  @Test func aReloadWhoseLogCannotBeOpenedChangesNoSecrets() async throws {
    let crypt = "<crypt-hash><algorithm>md5</algorithm></crypt-hash>"
    try await withDaemon(options()) { daemon in
      _ = try options(crypt + "<logs><error-log><enabled>true</enabled><filename>\(folder.path)</filename></error-log></logs>")
      let error = await #expect(throws: NSOError.self) { try await daemon.reload() }
      #expect(error?.message.contains("cannot write the log file \(folder.path)") == true)
      #expect("\(daemon.engine.secrets.settings.hash)" == "sha512")
      // The other way round.
      _ = try options(
        "<encrypted-strings><key-rotation><generation>1</generation><AESCFB128><key>\(String(repeating: "1", count: 32))</key></AESCFB128>"
          + "<AES256CFB128><key>\(String(repeating: "1", count: 64))</key></AES256CFB128></key-rotation></encrypted-strings>")
      try await daemon.reload()
      _ = try options("<logs><error-log><enabled>true</enabled><filename>\(folder.path)/e.log</filename></error-log></logs>")
      let missing = await #expect(throws: NSOError.self) { try await daemon.reload() }
      #expect(missing?.message.contains("generation 1") == true)
      daemon.log.record(.internalError, "for the error log")
      daemon.log.flush()
      #expect(try folder.read("e.log").isEmpty)
    }
  }

  @Test func reloadsAreDoneOneAfterTheOther() async throws {
    try await withDaemon(
      options("<logs><ncs-log><file><enabled>true</enabled><name>\(folder.path)/n.log</name></file></ncs-log></logs>")
    ) {
      daemon in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 { group.addTask { try await daemon.reload() } }
        try await group.waitForAll()
      }
      daemon.log.flush()
      let symbols = try folder.read("n.log").matches(of: /: (DAEMON_RELOAD|RELOAD|REOPEN_LOGS)\b/).map { String($0.1) }
      let reloads = symbols.drop { $0 == "REOPEN_LOGS" }
      #expect(symbols.count == 16, "\(symbols)")
      for (number, symbol) in reloads.enumerated() {
        #expect((symbol == "REOPEN_LOGS") == !number.isMultiple(of: 2), "\(symbols)")
      }
    }
  }

  @Test func localUsersByUID() async throws {
    func user(_ name: String, _ uid: Int, _ access: String?) -> String {
      "<user><name>\(name)</name><uid>\(uid)</uid><gid>1</gid><password/><ssh_keydir/><homedir>/</homedir>"
        + (access.map { "<local_ipc_access>\($0)</local_ipc_access>" } ?? "") + "</user>"
    }
    let users =
      user("yes", 1001, "true") + user("no", 1002, "false") + user("unsaid", 1003, nil) + user("one", 1004, "true")
      + user("other", 1004, "false") + user("two", 1005, "true") + user("twin", 1005, "true")
    let data = "<aaa xmlns=\"http://tail-f.com/ns/aaa/1.1\"><authentication><users>\(users)</users></authentication></aaa>"
    try await withDaemon(options(initialData: ["aaa.xml": data])) { daemon in
      let local = LocalUsers(daemon.engine, ownUID: 999)
      func decide(_ uid: UInt32) -> LocalPeerDecision { local.decide(.init(uid: uid, gid: 1, pid: 1)) }
      #expect(decide(0) == .trusted)
      #expect(decide(999) == .trusted)
      #expect(decide(1001) == .user("yes", groups: []))
      #expect(decide(1004) == .user("one", groups: []))
      for (uid, word) in [(1000, "1000"), (1002, "no"), (1003, "unsaid"), (1005, "twin")] as [(UInt32, String)] {
        guard case .denied(let reason) = decide(uid) else {
          Issue.record("uid \(uid) is not denied")
          continue
        }
        #expect(reason.contains(word))
      }
    }
  }
}
