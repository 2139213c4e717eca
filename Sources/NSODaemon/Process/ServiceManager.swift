import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The service manager that started this process, as systemd documents it in sd_notify(3) and sd_listen_fds(3): it hands over
/// sockets, is told how far the daemon is, and wants signs of life. Without one everything here does nothing.
public struct ServiceManager: Sendable {
  /// Where messages go; `nil`: nobody listens.
  private let socket: String?
  /// How long it waits for a sign of life before it ends the process; `nil`: it does not watch.
  public let watchdog: Duration?
  /// Sockets that it has bound for this process.
  public let sockets: [Int32]

  /// The first descriptor that is handed over.
  private static let firstSocket: Int32 = 3
  /// More are not believed.
  private static let mostSockets: Int32 = 64

  /// - Parameters:
  ///   - environment: with `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`, `LISTEN_FDS` and `LISTEN_PID`.
  ///   - process: this process, for tests. What is meant for another one is left alone.
  public init(environment: [String: String], process: Int32? = nil) {
    let process = process ?? getpid()
    func isForUs(_ name: String) -> Bool? { environment[name].map { Int32($0) == process } }
    socket = environment["NOTIFY_SOCKET"].flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
    if isForUs("WATCHDOG_PID") ?? true, let time = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), time > 0 {
      watchdog = .microseconds(time)
    } else {
      watchdog = nil
    }
    if isForUs("LISTEN_PID") == true, let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0 {
      sockets = Array(Self.firstSocket..<Self.firstSocket + min(count, Self.mostSockets))
    } else {
      sockets = []
    }
  }

  /// Programs that the daemon runs must neither get the sockets nor speak in its name. Before other threads are started.
  public func takeOver() {
    for descriptor in sockets { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] {
      unsetenv(name)
    }
  }

  /// What can be told.
  public enum Event: Hashable, Sendable {
    /// Started, or done with reloading.
    case ready
    case reloading
    case stopping
    case alive

    var text: String {
      switch self {
      case .ready: "READY=1\nSTATUS=started\nMAINPID=\(getpid())"
      case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Self.monotonicMicroseconds)\nSTATUS=reading the configuration again"
      case .stopping: "STOPPING=1\nSTATUS=stopping"
      case .alive: "WATCHDOG=1"
      }
    }

    private static var monotonicMicroseconds: Int64 {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000
    }
  }

  /// Sends one message.
  /// - Returns: why it could not be sent; `nil` for success, and where nobody listens.
  @discardableResult
  public func tell(_ event: Event) -> String? {
    guard let path = socket else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return "NOTIFY_SOCKET is too long" }
    // An abstract name begins with a NUL.
    if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t((MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2) + bytes.count)
    #if os(Linux)
      let descriptor = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    #else
      let descriptor = Darwin.socket(AF_UNIX, SOCK_DGRAM, 0)
    #endif
    guard descriptor >= 0 else { return String(cString: strerror(errno)) }
    defer { close(descriptor) }
    let text = Array(event.text.utf8)
    let sent = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, text, text.count, CInt(MSG_NOSIGNAL), $0, length)
      }
    }
    return sent == text.count ? nil : "\(path): \(String(cString: strerror(errno)))"
  }
}
