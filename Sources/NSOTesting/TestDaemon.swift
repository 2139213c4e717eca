public import NSOClient
public import NSODaemon
import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A daemon inside a test process, on a Unix socket of its own, with models and data given in code. Nothing of it is left
/// afterwards. Any number may run at the same time.
///
/// ```swift
/// try await TestDaemon.run(modules: [model]) { daemon in
///   try await daemon.client.withMAAPI { maapi in
///     try await maapi.startUserSession(user: "admin", context: "system")
///     ...
///   }
/// }
/// ```
public struct TestDaemon: Sendable {
  /// A client of the daemon.
  public let client: NSOClient
  /// The daemon itself.
  public let daemon: Daemon
  /// The path of its socket, for programs that are tested with it: they find it through `NCS_IPC_PATH`.
  public let socketPath: String
  /// The directory of everything it keeps; removed at the end.
  public let directory: String

  /// The directory cannot be made or written.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    public var description: String
  }

  /// Starts a daemon, runs `body`, and stops the daemon.
  /// - Parameters:
  ///   - modules: the texts of YANG modules. Standard modules that they import are found as `NSO_YANG_DIR` and the
  ///     package's `var/yang` say.
  ///   - loadPath: directories with more modules; all modules there are loaded.
  ///   - initialData: an XML document, or several elements one after another.
  ///   - settings: elements of `ncs.conf`.
  /// - Throws: `StartFailure` when the daemon does not start; `Failure`; whatever `body` throws.
  public static func run<Value>(
    modules: [String] = [], loadPath: [String] = [], initialData: String? = nil, settings: String = "",
    _ body: (TestDaemon) async throws -> Value
  ) async throws -> Value {
    let directory = try makeDirectory()
    defer { remove(directory) }
    for (index, text) in modules.enumerated() { try write(text, to: "\(directory)/yang/module\(index).yang") }
    if let initialData { try write(initialData, to: "\(directory)/cdb/initial.xml") }
    let socketPath = directory + "/ipc"
    try write(
      """
      <ncs-config xmlns="http://tail-f.com/yang/tailf-ncs-config/1.0">
      <load-path><dir>\(directory)/yang</dir></load-path><state-dir>\(directory)/state</state-dir>
      <cdb><db-dir>\(directory)/cdb</db-dir></cdb>
      <ncs-local-ipc><enabled>true</enabled><path>\(socketPath)</path></ncs-local-ipc>
      \(settings)
      </ncs-config>
      """, to: directory + "/ncs.conf")
    // The process's own variables could send the daemon elsewhere; only where modules are is taken from them.
    var environment: [String: String] = [:]
    for name in ["NSO_YANG_DIR", "NCS_DIR"] {
      if let value = getenv(name) { environment[name] = String(cString: value) }
    }
    let source = DaemonConfiguration.Source(
      file: directory + "/ncs.conf", addedLoadPath: loadPath, environment: environment)
    let daemon = try await Daemon.start(Daemon.Options(source: source, threads: 1))
    let test = TestDaemon(
      client: NSOClient(endpoint: Endpoint(.unix(path: socketPath))), daemon: daemon, socketPath: socketPath,
      directory: directory)
    do {
      let value = try await body(test)
      await daemon.end()
      return value
    } catch {
      await daemon.end()
      throw error
    }
  }

  private static func makeDirectory() throws(Failure) -> String {
    // Short: the path of a Unix socket has at most 107 bytes.
    var template = Array("/tmp/nso-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(description: "/tmp: \(String(cString: strerror(errno)))") }
    let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    for name in ["yang", "cdb", "state"] { mkdir("\(directory)/\(name)", 0o755) }
    return directory
  }

  private static func write(_ text: String, to path: String) throws(Failure) {
    guard let file = fopen(path, "w") else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
    let count = fputs(text, file)
    guard fclose(file) == 0, count >= 0 else { throw Failure(description: "\(path): cannot be written") }
  }

  private static func remove(_ path: String) {
    if let handle = opendir(path) {
      while let entry = readdir(handle) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
            String(cString: $0)
          }
        }
        guard name != ".", name != ".." else { continue }
        if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
      }
      closedir(handle)
    }
    rmdir(path)
  }
}

extension Daemon {
  fileprivate func end() async {
    stop(because: "the test is over")
    await stopped()
  }
}
