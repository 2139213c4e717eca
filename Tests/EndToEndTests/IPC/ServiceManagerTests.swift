import Glibc
import Testing

/// The daemon under a service manager that speaks as systemd does (sd_notify(3), sd_listen_fds(3)).
@Suite(.serialized) struct ServiceManagerTests {
  @Test func itTellsWhatItDoes() async throws {
    let instance = try Instance()
    let manager = try Listener(instance.path + "/notify")
    let daemon = try await instance.launch(
      with: ["NOTIFY_SOCKET": instance.path + "/notify", "WATCHDOG_USEC": "100000", "NCS_IPC_PATH": instance.path + "/ipc"])
    var text = try await manager.message { $0.contains("READY=1") }
    #expect(text.contains("MAINPID=\(daemon.process.pid)"))
    // Again and again.
    for _ in 0..<3 { _ = try await manager.message { $0 == "WATCHDOG=1" } }
    daemon.process.signal(SIGHUP)
    text = try await manager.message { $0.contains("RELOADING=1") }
    #expect(text.contains("MONOTONIC_USEC="))
    _ = try await manager.message { $0.contains("READY=1") }
    daemon.process.signal(SIGTERM)
    _ = try await manager.message { $0.contains("STOPPING=1") }
    let end = try await daemon.process.finish()
    #expect(end.code == 0, "\(end)")
  }

  @Test func anAbstractSocket() async throws {
    let instance = try Instance()
    let name = "@" + instance.path.dropFirst()
    let manager = try Listener(name)
    let daemon = try await instance.launch(with: ["NOTIFY_SOCKET": name, "NCS_IPC_PATH": instance.path + "/ipc"])
    _ = try await manager.message { $0.contains("READY=1") }
    _ = try await daemon.stop()
  }

  @Test func aManagerThatIsGoneDoesNoHarm() async throws {
    let instance = try Instance()
    let daemon = try await instance.launch(
      with: ["NOTIFY_SOCKET": instance.path + "/notify", "NCS_IPC_PATH": instance.path + "/ipc"])
    #expect(try await daemon.stop().contains("the service manager cannot be told"))
  }

  @Test func itListensOnTheSocketsThatItIsGiven() async throws {
    let instance = try Instance(listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    #expect(isBound)
    let port = UInt16(bigEndian: address.sin_port)
    let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\""
    let daemon = try await instance.launch(through: ["/usr/bin/env", "bash", "-c", script], handing: descriptor)
    #expect(try daemon.port() == port)
    #expect(daemon.log.contains("listening on 127.0.0.1:\(port), handed over, no access check"))
    let status = try await instance.tool("ncs", ["--status"], ["NCS_IPC_PORT": "\(port)"])
    #expect(status.code == 0 && status.output.contains("127.0.0.1:\(port), handed over"), "\(status.errors)")
    _ = try await daemon.stop()
  }

  @Test func whatIsMeantForOthersIsLeftAlone() async throws {
    let instance = try Instance(listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    let daemon = try await instance.launch(with: ["LISTEN_PID": "1", "LISTEN_FDS": "1"])
    #expect(!daemon.log.contains("handed over"))
    _ = try await daemon.stop()
  }

  /// The service manager's end.
  private final class Listener: Sendable {
    private let descriptor: Int32

    init(_ name: String) throws {
      descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      var bytes = Array(name.utf8)
      if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
      let descriptor = descriptor
      let length = socklen_t(2 + bytes.count)
      let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
      }
      guard result == 0 else { throw ChildProcess.Failure(description: "bind: \(String(cString: strerror(errno)))") }
      var limit = timeval(tv_sec: 60, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// The next message that is wanted; others are passed over.
    func message(_ isWanted: @escaping @Sendable (String) -> Bool) async throws -> String {
      try await offThread { [descriptor] in
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
          let count = recv(descriptor, &bytes, bytes.count, 0)
          guard count > 0 else { throw ChildProcess.Failure(description: "no such message within the time limit") }
          let text = String(decoding: bytes.prefix(count), as: UTF8.self)
          if isWanted(text) { return text }
        }
      }
    }
  }
}
