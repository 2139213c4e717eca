import Glibc

/// A directory with a daemon's configuration, models and data, and the means to run the daemon and the tools on it. Its daemon
/// listens on a Unix socket of its own. When the instance goes away, so do its processes and files.
final class Instance: Sendable {
  let path: String

  /// The folder of the programs under test: where the tests themselves were built.
  static let programs: String = {
    guard let executable = realpath("/proc/self/exe", nil) else { return "." }
    defer { free(executable) }
    let path = String(cString: executable)
    return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }()

  /// The top folder of the project.
  static let project: String = {
    // <project>/Tests/EndToEndTests/Support/Instance.swift
    #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
  }()

  static let model = """
    module small {
      yang-version 1.1; namespace "urn:small"; prefix s;
      container top {
        leaf name { type string { length "1..8"; } }
        leaf mtu { type uint16 { range "68..9216"; } default 1500; }
        list item { key id; leaf id { type uint32; } leaf text { type string; } }
      }
    }
    """

  /// - Parameters:
  ///   - settings: elements of `ncs.conf` besides the directories, the socket and the log.
  ///   - listen: the elements that say where to listen; a Unix socket in the directory without.
  init(settings: String = "", listen: String? = nil, model: String = Instance.model) throws {
    var template = Array("/tmp/ncs-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw ChildProcess.Failure(description: "mkdtemp: \(errno)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try write("yang/small.yang", model)
    let unix = "<ncs-local-ipc><enabled>true</enabled><path>\(path)/ipc</path></ncs-local-ipc>"
    try write(
      "ncs.conf",
      """
      <ncs-config xmlns="http://tail-f.com/yang/tailf-ncs-config/1.0">
        <load-path><dir>./yang</dir></load-path>
        <state-dir>./state</state-dir>
        <cdb><db-dir>./cdb</db-dir></cdb>
        <logs><ncs-log><file><name>./logs/ncs.log</name><enabled>true</enabled></file></ncs-log></logs>
        \(listen ?? unix)
        \(settings)
      </ncs-config>
      """)
  }

  deinit {
    // A daemon in the background that a failed test has left.
    if let pid = try? daemonPid() { kill(pid, SIGKILL) }
    Self.remove(path)
  }

  /// The environment of every program: nothing of the test's own but what programs need to run.
  var environment: [String: String] {
    var result = ["NCS_IPC_PATH": path + "/ipc", "TMPDIR": path]
    for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "NSO_YANG_DIR"] {
      if let value = getenv(name) { result[name] = String(cString: value) }
    }
    return result
  }

  // MARK: Programs

  /// Runs a tool to its end.
  @discardableResult
  func run(_ program: String, _ arguments: String..., with extra: [String: String?] = [:], input: String = "") async throws
    -> ChildProcess.Result
  {
    try await run(program, arguments: arguments, with: extra, input: input)
  }

  /// - Parameter directory: where it runs; that of the tests without.
  @discardableResult
  func run(
    _ program: String, arguments: [String], with extra: [String: String?] = [:], input: String = "", in directory: String? = nil
  ) async throws -> ChildProcess.Result {
    let program = Self.programs + "/" + program
    guard let directory else {
      return try await ChildProcess.run(program, arguments, environment: environment(extra), input: input)
    }
    return try await ChildProcess.run(
      "/usr/bin/env", ["-C", directory, program] + arguments, environment: environment(extra), input: input)
  }

  /// Starts a daemon in the foreground and waits until its log says that it has started.
  func startDaemon(_ arguments: String..., until symbol: String = "STARTED", with extra: [String: String?] = [:]) async throws
    -> ChildProcess
  {
    // The end of standard input stops it, also when the tests are killed.
    let daemon = try ChildProcess(
      Self.programs + "/ncs", ["--cd", path, "-c", "ncs.conf", "--foreground", "-v", "--stop-on-eof"] + arguments,
      environment: environment(extra), keepsInput: true)
    do {
      _ = try await daemon.output(until: " \(symbol)")
    } catch {
      daemon.signal(SIGKILL)
      throw error
    }
    return daemon
  }

  /// Runs `body` with a daemon in the foreground, which is stopped afterwards.
  func withDaemon<Value>(_ arguments: String..., body: (ChildProcess) async throws -> Value) async throws -> Value {
    let daemon = try await startDaemon()
    do {
      let value = try await body(daemon)
      daemon.endInput()
      _ = try await daemon.finish()
      return value
    } catch {
      daemon.signal(SIGKILL)
      throw error
    }
  }

  private func environment(_ extra: [String: String?]) -> [String: String] {
    var result = environment
    for (name, value) in extra { result[name] = value }
    return result
  }

  /// The process id that the daemon has written.
  func daemonPid() throws -> pid_t {
    guard let pid = pid_t(try read("state/ncs.pid").split(separator: "\n").first ?? "") else {
      throw ChildProcess.Failure(description: "no process id")
    }
    return pid
  }

  // MARK: Files

  @discardableResult
  func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
    let file = path + "/" + name
    var folder = path
    for part in name.split(separator: "/").dropLast() {
      folder += "/" + part
      mkdir(folder, 0o755)
    }
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ChildProcess.Failure(description: "\(file): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fchmod(descriptor, mode) == 0 else {
      throw ChildProcess.Failure(description: "\(file): \(String(cString: strerror(errno)))")
    }
    return file
  }

  /// - Parameter folder: the instance's own without.
  func read(_ name: String, in folder: String? = nil) throws -> String {
    let descriptor = open((folder ?? path) + "/" + name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ChildProcess.Failure(description: "\(name): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = Glibc.read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }

  func exists(_ name: String) -> Bool { access(path + "/" + name, F_OK) == 0 }

  private static func remove(_ path: String) {
    if let handle = opendir(path) {
      while let entry = readdir(handle) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard name != ".", name != ".." else { continue }
        let inner = path + "/" + name
        if unlink(inner) != 0 { remove(inner) }
      }
      closedir(handle)
    }
    rmdir(path)
  }
}
