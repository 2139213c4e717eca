public import Logging
public import NIOCore
import NIOPosix
import NSOEngine
public import NSOModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// NETCONF over TCP in clear text (protocol part 08, `netconf-north-bound/transport/tcp`): nobody is asked who he is.
public final class NetconfTCPServer: Sendable {
  /// Where to listen; port 0 lets the system choose.
  public struct Address: Hashable, Sendable, CustomStringConvertible {
    public var ip: IPAddress
    public var port: UInt16

    public init(_ ip: IPAddress, port: UInt16) {
      self.ip = ip
      self.port = port
    }

    public var description: String {
      if case .v6 = ip { "[\(ip)]:\(port)" } else { "\(ip):\(port)" }
    }
  }

  /// An address that cannot be listened on.
  public struct ListenError: Error, Sendable, CustomStringConvertible {
    public var address: Address
    public var reason: String

    public var description: String { "cannot listen for NETCONF on \(address): \(reason)" }
  }

  private struct State {
    var listeners: [(address: Address, channel: any Channel)] = []
    var connections: [ObjectIdentifier: ChannelTransport] = [:]
    var isStopped = false
    /// Goes on when no connection is left.
    var drained: CheckedContinuation<Void, Never>?
  }

  /// More connections are not taken at a time: each is a user session, which other ways to the daemon need as well.
  private static let connectionLimit = 256

  private let service: NetconfService
  private let group: any EventLoopGroup
  private let logger: Logger
  private let state = Mutex(State())

  public init(_ service: NetconfService, group: any EventLoopGroup, logger: Logger) {
    self.service = service
    self.group = group
    self.logger = logger
  }

  /// Listens on all addresses, or on none.
  public func listen(on addresses: [Address], keepalive: Bool) async throws(ListenError) {
    for address in addresses {
      do {
        let channel = try await bootstrap(address, keepalive).bind(host: "\(address.ip)", port: Int(address.port)).get()
        let port = channel.localAddress?.port.flatMap { UInt16(exactly: $0) } ?? address.port
        let bound = Address(address.ip, port: port)
        state.withLock { $0.listeners.append((bound, channel)) }
        logger.info(
          "NETCONF: listening on \(bound) (TCP, no authentication)",
          metadata: ["symbol": .stringConvertible(LogSymbol.listener)])
      } catch {
        await closeListeners()
        let reason = (error as? IOError).map {
          "\($0.errnoCode == EADDRINUSE ? "another process listens there already" : $0.description)"
        }
        throw ListenError(address: address, reason: reason ?? "\(error)")
      }
    }
  }

  /// Where it listens, with the ports that the system chose.
  public var addresses: [Address] { state.withLock { $0.listeners.map(\.address) } }

  private func closeListeners() async {
    let listeners = state.withLock { state in
      defer { state.listeners = [] }
      return state.listeners
    }
    for listener in listeners { try? await listener.channel.close() }
  }

  /// Takes no more connections, ends those that there are, and waits at most `limit` for what they have under way.
  public func stop(within limit: TimeAmount = .seconds(5)) async {
    await closeListeners()
    let connections = state.withLock { state in
      state.isStopped = true
      return Array(state.connections.values)
    }
    for connection in connections { connection.close() }
    await withCheckedContinuation { continuation in
      let isEmpty = state.withLock { state in
        guard !state.connections.isEmpty, state.drained == nil else { return true }
        state.drained = continuation
        return false
      }
      if isEmpty { return continuation.resume() }
      group.any().scheduleTask(in: limit) { [self] in takeDrained()?.resume() }
    }
  }

  private func takeDrained() -> CheckedContinuation<Void, Never>? {
    state.withLock { state in
      defer { state.drained = nil }
      return state.drained
    }
  }

  private func bootstrap(_ address: Address, _ keepalive: Bool) -> ServerBootstrap {
    var bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: keepalive ? 1 : 0)
      .childChannelInitializer { [weak self] channel in
        channel.eventLoop.makeCompletedFuture {
          let transport = try ChannelTransport.add(to: channel)
          guard let self else { return transport.close() }
          let remote = channel.remoteAddress
          let ip = remote?.ipAddress.flatMap { IPAddress($0) } ?? .loopback
          self.take(transport, Address(ip, port: remote?.port.flatMap { UInt16(exactly: $0) } ?? 0))
        }
      }
    if case .v6 = address.ip {
      bootstrap = bootstrap.serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
    }
    return bootstrap
  }

  private func take(_ transport: ChannelTransport, _ peer: Address) {
    let isTaken = state.withLock { state in
      guard !state.isStopped, state.connections.count < Self.connectionLimit else { return false }
      state.connections[ObjectIdentifier(transport)] = transport
      return true
    }
    guard isTaken else { return transport.close() }
    Task {
      await self.serve(transport, peer)
      let isEmpty = self.state.withLock { state in
        state.connections[ObjectIdentifier(transport)] = nil
        return state.connections.isEmpty
      }
      if isEmpty { self.takeDrained()?.resume() }
    }
  }

  private func serve(_ transport: ChannelTransport, _ peer: Address) async {
    let settings = service.settings
    let opening = TCPOpening(transport, patience: settings.headerPatience)
    let limit = settings.helloTimeout
    // For who begins a header and does not end it.
    let timer = Task {
      try await Task.sleep(for: limit)
      transport.close()
    }
    defer { timer.cancel() }
    do throws(TCPOpening.Malformed) {
      let header: TCPOpening.Header?
      switch try await opening.header() {
      case .header(let found): header = found
      case .none: header = nil
      case .over: return transport.close()
      }
      timer.cancel()
      let user = header?.user ?? TCPOpening.defaultUser
      let groups: [String]
      do throws(NSOError) { groups = try service.engine.groups(of: user) } catch {
        logger.notice("NETCONF: the groups of \(user) cannot be read: \(error.message); \(peer) is not served")
        return transport.close()
      }
      await service.serve(
        opening,
        NetconfPeer(user: user, groups: groups, address: header?.address ?? peer.ip, port: peer.port, proto: .tcp))
    } catch {
      service.engine.journal.record(.daemon, .netconfHeaderError, "\(peer): \(error.reason)")
      transport.close()
    }
  }
}
