import Glibc
import NSOWire

/// A daemon in the foreground that listens where its file says, and what it said while it started.
struct RunningDaemon {
  let process: ChildProcess
  let log: String

  /// Ports on which it listens: `127.0.0.1`, `[::1]`.
  func port(_ host: String = "127.0.0.1") throws -> UInt16 {
    guard let start = log.firstRange(of: "listening on \(host):")?.upperBound,
      let port = UInt16(log[start...].prefix { $0.isNumber })
    else { throw ChildProcess.Failure(description: "the daemon does not listen on \(host):\n\(log)") }
    return port
  }

  /// Ends it and returns all of its log.
  func stop() async throws -> String {
    process.endInput()
    let result = try await process.finish()
    guard result.code == 0 else { throw ChildProcess.Failure(description: "exit code \(result.code): \(result.errors)") }
    return log + result.output
  }
}

extension Instance {
  /// TCP over IPv4 and IPv6 on ports that the system chooses, and a Unix socket.
  static let everywhere = """
    <ncs-ipc-address><ip>127.0.0.1</ip><port>0</port></ncs-ipc-address><ncs-ipc-extra-listen-ip>::1</ncs-ipc-extra-listen-ip>
    <ncs-local-ipc><enabled>true</enabled><path>./run/a/ipc</path><with-tcp xmlns="urn:swift-nso:config">true</with-tcp></ncs-local-ipc>
    """

  /// The Unix socket of `everywhere`.
  var socket: String { path + "/run/a/ipc" }

  /// An instance that checks access; `secret` is what its file holds.
  static func checking(_ secret: String, listen: String = everywhere) throws -> Instance {
    let instance = try Instance(
      settings: """
        <ncs-ipc-access-check><enabled>true</enabled><filename>./secret</filename></ncs-ipc-access-check>
        <api><connect-timeout>PT3S</connect-timeout></api>
        """, listen: listen)
    try instance.write("secret", secret, mode: 0o400)
    return instance
  }

  /// What programs need to run, without any variable of the protocol, and `variables`.
  func variables(_ variables: [String: String] = [:]) -> [String: String] {
    environment.filter { !$0.key.hasPrefix("NCS_IPC") }.merging(variables) { $1 }
  }

  /// Runs a tool with exactly these variables of the protocol.
  func tool(
    _ program: String, _ arguments: [String], _ protocolVariables: [String: String] = [:], input: String = ""
  ) async throws -> ChildProcess.Result {
    try await ChildProcess.run(
      Self.programs + "/" + program, arguments, environment: variables(protocolVariables), input: input)
  }

  /// Starts a daemon that takes its addresses from its file.
  func launch(
    _ arguments: String..., until symbol: String = "STARTED", with extra: [String: String] = [:],
    through wrapper: [String] = [], handing descriptor: Int32? = nil
  ) async throws -> RunningDaemon {
    let words =
      wrapper + [Self.programs + "/ncs", "--cd", path, "-c", "ncs.conf", "--foreground", "-v", "--stop-on-eof"] + arguments
    let process = try ChildProcess(
      words[0], Array(words.dropFirst()), environment: variables(extra), keepsInput: true, handing: descriptor)
    do {
      return RunningDaemon(process: process, log: try await process.output(until: " \(symbol)"))
    } catch {
      process.signal(SIGKILL)
      throw error
    }
  }

  /// Runs `body` with such a daemon.
  func withLaunched<Value>(
    with extra: [String: String] = [:], _ body: (RunningDaemon) async throws -> Value
  ) async throws -> (value: Value, log: String) {
    let daemon = try await launch(with: extra)
    do {
      let value = try await body(daemon)
      return (value, try await daemon.stop())
    } catch {
      daemon.process.signal(SIGKILL)
      throw error
    }
  }

  /// A port on which nothing listens, held as long as the result lives.
  static func deadPort() throws -> DeadPort { try DeadPort() }
}

/// A TCP port that is bound, so that nobody gets it, and not listened on.
final class DeadPort: Sendable {
  let number: UInt16
  private let descriptor: Int32

  init() throws {
    descriptor = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
      }
    }
    guard result else { throw ChildProcess.Failure(description: "no port: \(String(cString: strerror(errno)))") }
    number = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(descriptor) }
}

/// A blocking socket to a daemon: tests say exactly which bytes go when.
final class RawSocket {
  enum Place {
    case unix(String)
    case tcp(UInt16)
  }

  private let descriptor: Int32

  init(_ place: Place) throws {
    switch place {
    case .unix(let path):
      descriptor = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
      try connect(&address)
    case .tcp(let port):
      descriptor = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      address.sin_port = port.bigEndian
      try connect(&address)
    }
    // For broken daemons; no test depends on it.
    var limit = timeval(tv_sec: 15, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  private func connect<Address>(_ address: inout Address) throws {
    let descriptor = descriptor
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard result == 0 else { throw ChildProcess.Failure(description: "connect: \(String(cString: strerror(errno)))") }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }

  /// Says that nothing more comes.
  func endSending() { shutdown(descriptor, CInt(SHUT_WR)) }

  /// So many bytes, or fewer when the daemon closes before.
  func receive(_ count: Int) -> [UInt8] {
    var all: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while all.count < count {
      let got = recv(descriptor, &piece, min(piece.count, count - all.count), 0)
      guard got > 0 else { break }
      all += piece.prefix(got)
    }
    return all
  }

  /// Waits for the daemon's end of the connection, whatever it still sends.
  func reachesEnd() -> Bool {
    var byte: UInt8 = 0
    while true {
      let got = recv(descriptor, &byte, 1, 0)
      if got <= 0 { return got == 0 || errno == ECONNRESET }
    }
  }

  static let hello: [UInt8] = [7, 0, 82, 8, 2, 5, 0, 0, 0]

  /// What a client with `secret` answers to the 17 bytes of a challenge.
  static func answer(_ challenge: [UInt8], secret: String) -> [UInt8] {
    [0x0C] + AccessCheck.digest(secret: Array(secret.utf8), challenge: Array(challenge.dropFirst()))
  }
}
