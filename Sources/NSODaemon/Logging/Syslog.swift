import Logging

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Sends records to the system's log, without waiting: what the system's log does not take at once is lost there (a file, if there is
/// one, has it all). One datagram for each record, in the form of RFC 3164 without the host, as on any Unix.
///
/// Used from one queue only.
public final class Syslog {
  /// Where the records go, and as what.
  public struct Target: Hashable, Sendable {
    /// Number of the facility, 0 to 23.
    public var facility: Int
    /// The socket of the system's log.
    public var socket: String

    public init(facility: Int, socket: String = "/dev/log") {
      self.facility = facility
      self.socket = socket
    }
  }

  private let target: Target
  private var descriptor: Int32?
  /// Seconds since start of the system, before which no connection is tried again.
  private var nextTry = 0

  init(_ target: Target) { self.target = target }

  deinit { if let descriptor { close(descriptor) } }

  /// The number of a facility by its name or number (protocol part 08, section 7.2).
  static func facility(_ text: String) -> Int? {
    switch text {
    case "daemon": 3
    case "authpriv": 10
    case _ where text.hasPrefix("local") && text.utf8.count == 6: text.last?.wholeNumberValue.flatMap { $0 < 8 ? 16 + $0 : nil }
    default: Int(text).flatMap { (0..<24).contains($0) ? $0 : nil }
    }
  }

  /// - Parameter text: the record without time and host.
  func send(level: Logger.Level, program: String, _ text: some Sequence<UInt8>) {
    var record = Array("<\(target.facility * 8 + level.priority)>\(LogClock.syslogTime()) \(program)[\(getpid())]: ".utf8)
    record += text
    // Longer datagrams are not taken everywhere.
    if record.count > 8192 { record.removeLast(record.count - 8192) }
    for _ in 0..<2 {
      guard let descriptor = connected() else { return }
      if Self.send(descriptor, record) || errno == EAGAIN || errno == ENOBUFS { return }
      // The system's log was restarted: once more on a new socket.
      close(descriptor)
      self.descriptor = nil
    }
  }

  private static func send(_ descriptor: Int32, _ record: [UInt8]) -> Bool {
    #if canImport(Darwin)
      let flags = Int32(MSG_DONTWAIT)
    #else
      let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    #endif
    return sendBytes(descriptor, record, flags) == record.count
  }

  private func connected() -> Int32? {
    if let descriptor { return descriptor }
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    guard now.tv_sec >= nextTry else { return nil }
    nextTry = now.tv_sec + 1
    var address = sockaddr_un()
    let path = Array(target.socket.utf8)
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    #if canImport(Darwin)
      let kind = SOCK_DGRAM
    #else
      let kind = Int32(SOCK_DGRAM.rawValue)
    #endif
    let socket = makeSocket(kind)
    guard socket >= 0 else { return nil }
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    let status = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else {
      close(socket)
      return nil
    }
    nextTry = 0
    descriptor = socket
    return socket
  }
}

/// send(2) and socket(2), whose names are used here for other things.
private func sendBytes(_ descriptor: Int32, _ bytes: [UInt8], _ flags: Int32) -> Int {
  send(descriptor, bytes, bytes.count, flags)
}
private func makeSocket(_ kind: Int32) -> Int32 { socket(AF_UNIX, kind, 0) }
