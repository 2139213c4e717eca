import Glibc
import NIOCore
import NSOClient
import NSOWire

/// A daemon of the bench's own in a temporary folder, on a Unix socket.
final class BenchDaemon {
  let folder: String
  let socket: String
  private var child: Child?

  /// - Parameter cpu: the CPU that all its threads are pinned to.
  init(ncs: String, modules: [String], yang: String, cpu: Int) throws {
    var template = Array("/tmp/ncs-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw BenchError("mkdtemp: errno \(errno)") }
    folder = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    socket = folder + "/ipc"
    mkdir(folder + "/load", 0o755)
    mkdir(folder + "/db", 0o755)
    for module in modules { symlink("\(yang)/\(module).yang", "\(folder)/load/\(module).yang") }
    let configuration = """
      <ncs-config xmlns="http://tail-f.com/yang/tailf-ncs-config/1.0">
        <load-path><dir>\(folder)/load</dir></load-path>
        <state-dir>\(folder)/state</state-dir>
        <cdb><db-dir>\(folder)/db</db-dir></cdb>
        <ncs-local-ipc><enabled>true</enabled><path>\(socket)</path></ncs-local-ipc>
      </ncs-config>
      """
    guard let file = fopen(folder + "/ncs.conf", "w") else { throw BenchError("cannot write \(folder)/ncs.conf") }
    fputs(configuration, file)
    fclose(file)
    let child = try Child(
      ["taskset", "-c", String(cpu), ncs, "-c", folder + "/ncs.conf", "--cd", folder, "--foreground", "--stop-on-eof"])
    self.child = child
    try child.awaitSocket(socket)
  }

  func stop() {
    child?.stop()
    child = nil
    _ = try? Child(["rm", "-rf", folder]).wait()
  }

  /// Loads `count` interfaces in one transaction.
  func load(_ count: Int) async throws {
    let client = NSOClient(endpoint: Endpoint(.unix(path: socket)))
    try await client.withMAAPI { maapi in
      try await maapi.startUserSession(user: "bench")
      try await maapi.withTransaction(.running, .readWrite) { transaction in
        try await transaction.load([.xml, .merge], ByteBuffer(string: Leaf.document(0..<count)))
      }
    }
  }
}

/// A child process with a pipe as its standard input, which ends it.
final class Child {
  private let pid: pid_t
  private let input: Int32
  private var isOver = false

  init(_ command: [String]) throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw BenchError("pipe: errno \(errno)") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
    posix_spawn_file_actions_addclose(&actions, ends[1])
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var pid: pid_t = 0
    let status = posix_spawnp(&pid, command[0], &actions, nil, &arguments, environ)
    posix_spawn_file_actions_destroy(&actions)
    for argument in arguments { free(argument) }
    close(ends[0])
    guard status == 0 else { throw BenchError("cannot start \(command[0]): \(String(cString: strerror(status)))") }
    self.pid = pid
    input = ends[1]
    _ = fcntl(input, F_SETFD, FD_CLOEXEC)
  }

  /// Waits, at most a minute, until something listens at `path`.
  func awaitSocket(_ path: String) throws {
    let end = now() + 60
    while now() < end {
      if (try? BlockingSocket(path: path)) != nil { return }
      var status: Int32 = 0
      guard waitpid(pid, &status, WNOHANG) == 0 else { throw BenchError("the process for \(path) ended with status \(status)") }
      usleep(2000)
    }
    throw BenchError("nothing listens on \(path) after a minute")
  }

  func wait() throws -> Int32 {
    close(input)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return status
  }

  func signal(_ number: Int32) { kill(pid, number) }

  func stop() {
    guard !isOver else { return }
    isOver = true
    _ = try? wait()
  }
}
