import NIOCore
import NIOPosix
import NSOModel
import NSOWire
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One address that the server listens on.
final class Listener: Sendable {
  /// As asked for, with the port that the system chose where that was 0.
  let address: ListenAddress
  /// What guards it besides the access check, in words; empty or with a comma at the end.
  let protection: String
  private let channel: any Channel
  /// Takes the socket file away.
  private let cleanUp: Mutex<(@Sendable () -> Void)?>

  private init(
    address: ListenAddress, protection: String, channel: any Channel, cleanUp: (@Sendable () -> Void)? = nil
  ) {
    self.address = address
    self.protection = protection
    self.channel = channel
    self.cleanUp = Mutex(cleanUp)
  }

  /// Stops accepting. Connections that were accepted stay.
  func close() async {
    try? await channel.close()
    cleanUp.withLock { cleanUp in
      cleanUp?()
      cleanUp = nil
    }
  }

  static func open(
    _ address: ListenAddress, core: ServerCore, group: any EventLoopGroup
  ) async throws(ListenError) -> Listener {
    switch address {
    case .tcp(let ip, let port):
      let channel = try await bind(address, core) {
        try await bootstrap(address, core, group, isTCP: true).bind(host: "\(ip)", port: Int(port)).get()
      }
      let bound = channel.localAddress?.port.flatMap { UInt16(exactly: $0) } ?? port
      return Listener(address: .tcp(ip, port: bound), protection: "", channel: channel)
    case .unix(let path):
      let configuration = core.configuration
      let socket = try UnixListenerSocket(
        path: path, permissions: configuration.unixSocketPermissions, folderPermissions: configuration.unixFolderPermissions,
        instanceName: configuration.instanceName)
      let descriptor = socket.descriptor
      let channel: any Channel
      do throws(ListenError) {
        channel = try await adopt(descriptor, address, core, group, isTCP: false)
      } catch {
        socket.remove()
        throw error
      }
      let box = Mutex<UnixListenerSocket?>(socket)
      let mode = String(configuration.unixSocketPermissions, radix: 8)
      return Listener(
        address: address, protection: "mode 0\(mode), \(userCheck(core))", channel: channel,
        cleanUp: {
          if let socket = box.withLock({ $0.take() }) { socket.remove() }
        })
    case .inherited(let descriptor):
      let isTCP = domain(of: descriptor) != AF_UNIX
      let channel = try await adopt(descriptor, address, core, group, isTCP: isTCP)
      return Listener(
        address: name(of: channel) ?? address, protection: "handed over, " + (isTCP ? "" : userCheck(core)), channel: channel)
    }
  }

  private static func userCheck(_ core: ServerCore) -> String {
    core.configuration.localPeerCheck == nil ? "" : "user check, "
  }

  /// The address that an inherited socket is bound to, so that the status and the warnings say where it listens.
  private static func name(of channel: any Channel) -> ListenAddress? {
    guard let local = channel.localAddress else { return nil }
    if let path = local.pathname { return path.isEmpty ? nil : .unix(path: path) }
    guard let ip = local.ipAddress.flatMap({ IPAddress($0) }), let port = local.port.flatMap({ UInt16(exactly: $0) }) else {
      return nil
    }
    return .tcp(ip, port: port)
  }

  /// Whom a connection is from. A peer on a Unix socket that the system does not name is no one.
  private static func decide(_ peer: PeerIdentity, isTCP: Bool, _ core: ServerCore) -> LocalPeerDecision {
    guard !isTCP, let check = core.configuration.localPeerCheck else { return .trusted }
    guard let credentials = peer.credentials else {
      return .denied(reason: "the system does not tell which user the process at the other end belongs to")
    }
    return check(credentials)
  }

  /// Listens on a socket that is bound.
  private static func adopt(
    _ descriptor: CInt, _ address: ListenAddress, _ core: ServerCore, _ group: any EventLoopGroup, isTCP: Bool
  ) async throws(ListenError) -> any Channel {
    let channel = try await bind(address, core) {
      try await bootstrap(address, core, group, isTCP: isTCP).withBoundSocket(descriptor).get()
    }
    // The bootstrap listens with a backlog of its own; the system takes the later one.
    if listen(descriptor, core.configuration.backlog) != 0 {
      let reason = errorText(errno)
      try? await channel.close()
      throw ListenError(address, .system(operation: "listen", reason: reason))
    }
    return channel
  }

  private static func bind(
    _ address: ListenAddress, _ core: ServerCore, _ body: () async throws -> any Channel
  ) async throws(ListenError) -> any Channel {
    do {
      return try await body()
    } catch {
      throw ListenError(address, cause(of: error, address))
    }
  }

  private static func cause(of error: any Error, _ address: ListenAddress) -> ListenError.Cause {
    guard let error = error as? IOError else { return .system(operation: "listen", reason: "\(error)") }
    switch error.errnoCode {
    case EADDRINUSE:
      guard case .tcp(let ip, let port) = address else { return .inUse(holder: nil) }
      return .inUse(
        holder: SocketHolder.listener(at: ip, port: port).map {
          SocketHolder.describe(process: $0, name: SocketHolder.instanceName(of: $0))
        })
    case EADDRNOTAVAIL: return .addressNotAvailable
    case EACCES, EPERM: return .permissionDenied("bind")
    default: return .system(operation: "listen", reason: errorText(error.errnoCode))
    }
  }

  private static func bootstrap(
    _ address: ListenAddress, _ core: ServerCore, _ group: any EventLoopGroup, isTCP: Bool
  ) -> ServerBootstrap {
    let place = "\(address)"
    var bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: core.configuration.backlog)
      .serverChannelInitializer { [logger = core.logger] channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptFailures(place: place, logger: logger))
        }
      }
      .childChannelInitializer { channel in
        PeerLookup.identity(of: channel, isTCP: isTCP).flatMapThrowing { peer in
          let decision = decide(peer, isTCP: isTCP, core)
          let connection = IPCConnection(
            server: core, eventLoop: channel.eventLoop, peer: peer, decision: decision, place: place)
          try channel.pipeline.syncOperations.addHandler(connection)
        }
      }
    if isTCP {
      bootstrap =
        bootstrap
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      for (option, value) in Keepalive.options { bootstrap = bootstrap.childChannelOption(option, value: value) }
      if case .tcp(.v6, _) = address {
        // An IPv6 address is what it says, so that the IPv4 one of the same port stays free for its own listener.
        bootstrap = bootstrap.serverChannelOption(
          ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
      }
    }
    return bootstrap
  }

  private static func domain(of descriptor: CInt) -> CInt {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    return result == 0 ? CInt(address.ss_family) : AF_UNSPEC
  }
}
