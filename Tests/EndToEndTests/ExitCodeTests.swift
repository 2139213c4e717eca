import Glibc
import Testing

/// Every documented way to fail at start (protocol part 08, section 2.6): the exit code, and a message that names the cause.
/// In the background too, where the command that returns is not the process that failed.
@Suite(.serialized) struct ExitCodeTests {
  private func expect(
    _ code: Int32, _ words: String..., on instance: Instance, with extra: [String: String?] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    for arguments in [["--foreground"], []] {
      let command = try ChildProcess(
        Instance.programs + "/ncs", ["--cd", instance.path, "-c", "ncs.conf"] + arguments,
        environment: instance.environment.merging(extra.compactMapValues { $0 }) { $1 })
      let result = try await command.finish()
      #expect(result.code == code, "\(result.errors)", sourceLocation: sourceLocation)
      for word in words { #expect(result.errors.contains(word), "\(result.errors)", sourceLocation: sourceLocation) }
      try await command.gone()
      #expect(!instance.exists("state/ncs.pid"), sourceLocation: sourceLocation)
    }
  }

  @Test func aFaultyConfigurationFile() async throws {
    try await expect(21, "ncs.conf:7", "bogus", on: Instance(settings: "<bogus/>"))
    let instance = try Instance()
    try instance.write("ncs.conf", "<ncs-config")
    try await expect(21, "ncs.conf:1", on: instance)
    unlink(instance.path + "/ncs.conf")
    try await expect(21, "ncs.conf", "No such file", on: instance)
  }

  /// Without `-c` the file here is meant, also where it cannot be read.
  @Test func aConfigurationFileThatCannotBeRead() async throws {
    let instance = try Instance()
    unlink(instance.path + "/ncs.conf")
    symlink("/nonexistent/ncs.conf", instance.path + "/ncs.conf")
    let dangling = try await instance.run("ncs", "--cd", instance.path, "--foreground")
    #expect(dangling.code == 21 && dangling.errors.contains("there is no configuration file"), "\(dangling.errors)")
    unlink(instance.path + "/ncs.conf")
    mkdir(instance.path + "/ncs.conf", 0o755)
    let directory = try await instance.run("ncs", "--cd", instance.path, "--foreground")
    #expect(directory.code == 21 && directory.errors.contains("Is a directory"), "\(directory.errors)")
  }

  @Test func aStateDirectoryThatCannotBeMade() async throws {
    let instance = try Instance()
    try instance.write("state", "a file")
    try await expect(22, "state-dir", on: instance)
  }

  @Test func aSecretThatOthersCanRead() async throws {
    let instance = try Instance(
      settings: "<ncs-ipc-access-check><enabled>true</enabled><filename>./secret</filename></ncs-ipc-access-check>")
    try instance.write("secret", "x", mode: 0o644)
    try await expect(21, "mode 0644", "0400", on: instance)
  }

  @Test func keysThatTheDatabaseNeedsAreMissing() async throws {
    let instance = try Instance(
      settings: "<encrypted-strings><AESCFB128><key>\(String(repeating: "1", count: 32))</key></AESCFB128></encrypted-strings>")
    try await instance.withDaemon { _ in }
    let conf = try instance.read("ncs.conf")
    let start = try #require(conf.firstRange(of: "<encrypted-strings>"))
    let end = try #require(conf.firstRange(of: "</encrypted-strings>"))
    try instance.write("ncs.conf", String(conf[..<start.lowerBound]) + String(conf[end.upperBound...]))
    try await expect(21, "encrypted-strings", "generation -1", on: instance)
    try instance.write("ncs.conf", conf)
    try await instance.withDaemon { _ in }
  }

  @Test func aDatabaseThatWasEmptied() async throws {
    let instance = try Instance()
    try await instance.withDaemon { _ in }
    #expect(truncate(instance.path + "/cdb/config.db/data.mdb", 0) == 0)
    try await expect(15, "config.db/data.mdb is empty", on: instance)
  }

  @Test(arguments: ["connect-timeout", "new-session-timeout", "query-timeout", "action-timeout"])
  func aLimitOfNoTime(name: String) async throws {
    try await expect(21, name, "PT30S", on: Instance(settings: "<api><\(name)>PT0S</\(name)></api>"))
  }

  @Test func aModuleThatDoesNotParse() async throws {
    try await expect(22, "small.yang:3", on: Instance(model: "module small {\n  namespace \"urn:s\"; prefix s;\n  bogus x;\n}"))
  }

  @Test func aFaultyInitialDataFile() async throws {
    let instance = try Instance()
    try instance.write(
      "cdb/init.xml", "<config xmlns=\"http://tail-f.com/ns/config/1.0\">\n<top xmlns=\"urn:small\"><mtu>1</mtu></top></config>"
    )
    try await expect(10, "init.xml", "line 2", on: instance)
    try instance.write("cdb/init.xml", "<config")
    try await expect(10, "init.xml", on: instance)
    // Nothing of it stayed: with a good file the daemon starts.
    try instance.write("cdb/init.xml", "<top xmlns=\"urn:small\"><mtu>1400</mtu></top>")
    try await instance.withDaemon { _ in }
  }

  @Test func anAddressThatIsTaken() async throws {
    let instance = try Instance()
    try await instance.withDaemon { _ in
      let other = try Instance(
        listen: "<ncs-local-ipc><enabled>true</enabled><path>\(instance.path)/ipc</path></ncs-local-ipc>")
      try await expect(20, "\(instance.path)/ipc", on: other, with: ["NCS_IPC_PATH": instance.path + "/ipc"])
    }
  }

  @Test func aDatabaseThatIsTaken() async throws {
    let instance = try Instance()
    let daemon = try await instance.startDaemon()
    let result = try await instance.run(
      "ncs", "--cd", instance.path, "-c", "ncs.conf", "--foreground", with: ["NCS_IPC_PATH": instance.path + "/other"])
    #expect(result.code == 16)
    #expect(result.errors.contains("\(daemon.pid)"), "\(result.errors)")
    #expect(try instance.daemonPid() == daemon.pid)
    daemon.endInput()
    _ = try await daemon.finish()
  }

  @Test func aDatabaseThatIsNone() async throws {
    let instance = try Instance()
    try instance.write("cdb/config.db/data.mdb", String(repeating: "not a database ", count: 1000))
    try await expect(15, "config.db", on: instance)
  }

  @Test func aDatabaseOfANewerRelease() async throws {
    let instance = try Instance()
    try await instance.withDaemon { _ in }
    try Self.replace("swift-nso store 1", with: "swift-nso store 9", in: instance.path + "/cdb/config.db/data.mdb")
    try await expect(13, "config.db", "format 9", "newer release", on: instance)
    // Nothing was changed: the release that wrote it goes on with it.
    try Self.replace("swift-nso store 9", with: "swift-nso store 1", in: instance.path + "/cdb/config.db/data.mdb")
    try await instance.withDaemon { _ in }
  }

  /// Replaces every occurrence of a text of the same length in a file.
  private static func replace(_ old: String, with new: String, in file: String) throws {
    let descriptor = open(file, O_RDWR)
    guard descriptor >= 0 else { throw ChildProcess.Failure(description: "\(file): errno \(errno)") }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    var bytes = [UInt8](repeating: 0, count: size)
    #expect(pread(descriptor, &bytes, size, 0) == size)
    let (pattern, replacement) = (Array(old.utf8), Array(new.utf8))
    var found = 0
    for offset in 0...(size - pattern.count) where bytes[offset] == pattern[0] {
      guard bytes[offset..<(offset + pattern.count)].elementsEqual(pattern) else { continue }
      #expect(pwrite(descriptor, replacement, replacement.count, off_t(offset)) == replacement.count)
      found += 1
    }
    #expect(found > 0)
  }

  @Test func aDirectoryThatIsNone() async throws {
    let instance = try Instance()
    try instance.write("cdb", "a file")
    try await expect(16, "cdb", on: instance)
  }

  @Test func aCommandLineThatCannotBeUnderstood() async throws {
    let instance = try Instance()
    for arguments in ["--bogus", "-v", "--status --stop"] {
      let result = try await ChildProcess.run(
        Instance.programs + "/ncs", arguments.split(separator: " ").map(String.init), environment: instance.environment)
      #expect(result.code == 1)
      #expect(result.errors.hasPrefix("ncs: "))
    }
  }

  @Test func noDaemonToTalkTo() async throws {
    let instance = try Instance()
    for arguments in [["--status"], ["--stop"], ["--wait-started", "0"]] {
      let result = try await ChildProcess.run(Instance.programs + "/ncs", arguments, environment: instance.environment)
      #expect(result.code == 2, "\(arguments)")
      #expect(result.errors.contains(instance.path + "/ipc"), "\(result.errors)")
    }
  }
}
