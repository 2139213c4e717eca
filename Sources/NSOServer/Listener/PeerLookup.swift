import NIOCore
import NSOModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Asks the system who is at the other end of an accepted connection.
enum PeerLookup {
  static func identity(of channel: any Channel, isTCP: Bool) -> EventLoopFuture<PeerIdentity> {
    if isTCP { return channel.eventLoop.makeSucceededFuture(PeerIdentity(endpoint: endpoint(of: channel.remoteAddress))) }
    #if os(Linux)
      guard let options = channel as? any SocketOptionProvider else {
        return channel.eventLoop.makeSucceededFuture(PeerIdentity(endpoint: .unix))
      }
      let found: EventLoopFuture<KernelCredentials> = options.unsafeGetSocketOption(
        level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
      return found.map { PeerIdentity(endpoint: .unix, credentials: .init(uid: $0.uid, gid: $0.gid, pid: $0.pid)) }
    #else
      return channel.eventLoop.makeSucceededFuture(PeerIdentity(endpoint: .unix))
    #endif
  }

  private static func endpoint(of address: SocketAddress?) -> PeerIdentity.Endpoint {
    guard let text = address?.ipAddress, let ip = IPAddress(text), let port = address?.port.flatMap({ UInt16(exactly: $0) })
    else { return .unknown }
    return .tcp(ip, port: port)
  }
}

/// `struct ucred` of the Linux kernel, which its headers show to GNU programs only: process, user, group, 32 bits each.
struct KernelCredentials: Sendable {
  var pid: Int32 = 0
  var uid: UInt32 = 0
  var gid: UInt32 = 0
}
