import NSOModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A socket that clients connect to. Its descriptor stays valid, though nobody can connect any more after `close`, until the last
/// one who has it lets go: the number must not come to mean another file meanwhile.
struct ListeningSocket: Sendable {
  final class Descriptor: Sendable {
    let value: Int32

    init(_ value: Int32) { self.value = value }
    deinit { closeDescriptor(value) }
  }

  /// A client, with its socket.
  struct Accepted: Sendable {
    var descriptor: Int32
    var address: IPAddress
    var port: UInt16
    /// Where the system chooses the port, each service has its own.
    var service: String?
  }

  let listener: SSHSettings.Listener
  let descriptor: Descriptor
  /// The one that is listened at, where the system chose.
  let port: UInt16

  init(_ listener: SSHSettings.Listener) throws(SSHError) {
    func fault(_ what: String, _ number: Int32) -> SSHError {
      let remedy =
        number == EADDRINUSE
        ? "somebody listens there already; choose another port in \(listener.setting), or set \(listener.setting)/enabled to false"
        : "\(what): \(systemText(number)); see \(listener.setting)"
      return SSHError(.address, "cannot listen on \(listener) (\(listener.setting) in ncs.conf): \(remedy)")
    }
    self.listener = listener
    let family: Int32 = if case .v4 = listener.address { AF_INET } else { AF_INET6 }
    #if canImport(Darwin)
      let number = socket(family, SOCK_STREAM, 0)
    #else
      let number = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    guard number >= 0 else { throw fault("socket", errno) }
    descriptor = Descriptor(number)
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
    var one: Int32 = 1
    setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    if family == AF_INET6 {
      setsockopt(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, socklen_t(MemoryLayout<Int32>.size))
    }
    let bound = Self.withAddress(listener.address, listener.port) { bind(number, $0, $1) }
    guard bound == 0 else { throw fault("bind", errno) }
    guard listen(number, 64) == 0 else { throw fault("listen", errno) }
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let named = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
    }
    port = named == 0 ? Self.peer(storage)?.1 ?? listener.port : listener.port
  }

  private init(_ other: ListeningSocket, _ listener: SSHSettings.Listener) {
    self.listener = listener
    descriptor = other.descriptor
    port = other.port
  }

  /// The same socket, for another service.
  func serving(_ listener: SSHSettings.Listener) -> ListeningSocket { ListeningSocket(self, listener) }

  /// Nobody can connect any more.
  func close() { _ = shutdown(descriptor.value, Int32(SHUT_RDWR)) }

  /// Nil: nobody is waiting.
  func accept() throws(SSHError) -> Accepted? {
    while true {
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let number = withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { acceptConnection(descriptor.value, $0, &length) }
      }
      guard number >= 0 else {
        switch errno {
        case EINTR, ECONNABORTED: continue
        // It was closed, or somebody changed his mind.
        case EAGAIN, EINVAL, EBADF: return nil
        case let problem: throw SSHError(.system, "a connection cannot be accepted: \(systemText(problem))")
        }
      }
      guard let (address, port) = Self.peer(storage) else {
        closeDescriptor(number)
        continue
      }
      _ = fcntl(number, F_SETFD, FD_CLOEXEC)
      // Not inherited. A peer that reads nothing must not hold up the thread of its connection, and with it all time limits.
      _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
      var one: Int32 = 1
      setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
      setsockopt(number, SOL_SOCKET, SO_KEEPALIVE, &one, socklen_t(MemoryLayout<Int32>.size))
      return Accepted(descriptor: number, address: address, port: port)
    }
  }

  private static func withAddress(
    _ address: IPAddress, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    func with<Address>(_ value: inout Address) -> Int32 {
      withUnsafePointer(to: &value) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Address>.size)) }
      }
    }
    switch address {
    case .v4(let ip):
      var value = sockaddr_in()
      value.sin_family = sa_family_t(AF_INET)
      value.sin_port = port.bigEndian
      value.sin_addr.s_addr = ip.bits.bigEndian
      return with(&value)
    case .v6(let ip):
      var value = sockaddr_in6()
      value.sin6_family = sa_family_t(AF_INET6)
      value.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &value.sin6_addr) { bytes in
        bytes.storeBytes(of: ip.high.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      return with(&value)
    }
  }

  private static func peer(_ storage: sockaddr_storage) -> (IPAddress, UInt16)? {
    var storage = storage
    return withUnsafeMutablePointer(to: &storage) { pointer in
      switch Int32(pointer.pointee.ss_family) {
      case AF_INET:
        return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { value in
          let bits = UInt32(bigEndian: value.pointee.sin_addr.s_addr)
          let parts = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> UInt32($0)) }
          return (.v4(IPv4Address(parts[0], parts[1], parts[2], parts[3])), UInt16(bigEndian: value.pointee.sin_port))
        }
      case AF_INET6:
        return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { value in
          let (high, low) = withUnsafeBytes(of: value.pointee.sin6_addr) {
            (
              UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
              UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
          }
          return (.v6(IPv6Address(high: high, low: low)), UInt16(bigEndian: value.pointee.sin6_port))
        }
      default: return nil
      }
    }
  }
}

/// The method of the same name hides the function.
private func acceptConnection(
  _ descriptor: Int32, _ address: UnsafeMutablePointer<sockaddr>, _ length: UnsafeMutablePointer<socklen_t>
) -> Int32 { accept(descriptor, address, length) }

extension SSHSettings.Listener {
  struct Place: Hashable {
    var address: IPAddress
    var port: UInt16
    /// Where the system chooses the port, each service has its own.
    var service: String?
  }

  /// Where it is, whatever is served.
  var place: Place { Place(address: address, port: port, service: port == 0 ? service : nil) }
}
