import Logging
import NIOCore
import NIOPosix
import NSOModel
import NSOWire

/// Makes connections: operating system, access check, hello.
struct Connector: Sendable {
  var endpoint: Endpoint
  var version: UInt16
  var library: UInt32
  var limits: ConnectionLimits
  var group: any EventLoopGroup
  var logger: Logger

  /// What comes out of a channel's initializer.
  private struct Prepared: Sendable {
    var handler: NIOLoopBound<ConnectionHandler>
    var ready: EventLoopFuture<HelloReply>
    var channel: any Channel
  }

  /// - Throws: `ConnectionError`, or `CancellationError`.
  func connect(_ client: ClientID) async throws -> Connection {
    let secret = try endpoint.secretFile.map { path in
      do throws(AccessSecret.FileFailure) {
        return try AccessSecret(file: path)
      } catch {
        throw ConnectionError(
          .secretUnusable, .preparation, endpoint, "secret file \(path) (\(endpoint.secretSource)): \(error)")
      }
    }
    let handshake = Handshake(hello: ClientHello(client: client, version: version, library: library), secret: secret)
    let prepared = try await open(handshake)
    let hello = try await withTaskCancellationHandler {
      try await prepared.ready.get()
    } onCancel: {
      prepared.channel.close(promise: nil)
    }
    logger.debug(
      "connected",
      metadata: ["address": "\(endpoint)", "api": "\(client)", "daemon-protocol": "\(hello.version)"])
    return Connection(
      channel: prepared.channel, handler: prepared.handler, endpoint: endpoint, daemon: hello, logger: logger)
  }

  private func open(_ handshake: Handshake) async throws -> Prepared {
    var bootstrap = ClientBootstrap(group: group).connectTimeout(TimeAmount(limits.connect))
    // The handler must be there before the first byte is. A host with several addresses makes several channels.
    let initialize: @Sendable (any Channel) -> EventLoopFuture<Prepared> = { [endpoint, limits] channel in
      channel.eventLoop.makeCompletedFuture {
        let ready = channel.eventLoop.makePromise(of: HelloReply.self)
        let handler = ConnectionHandler(handshake: handshake, endpoint: endpoint, limits: limits, ready: ready)
        try channel.pipeline.syncOperations.addHandler(handler)
        return Prepared(
          handler: NIOLoopBound(handler, eventLoop: channel.eventLoop), ready: ready.futureResult, channel: channel)
      }
    }
    do {
      switch endpoint.address {
      case .unix(let path):
        return try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: initialize)
      case .tcp(let host, let port):
        for (option, value) in Keepalive.options { bootstrap = bootstrap.channelOption(option, value: value) }
        if let literal = try? SocketAddress(ipAddress: host, port: Int(port)) {
          return try await bootstrap.connect(to: literal, channelInitializer: initialize)
        }
        return try await bootstrap.connect(host: host, port: Int(port), channelInitializer: initialize)
      }
    } catch {
      throw ConnectionError(error, during: .connect, endpoint)
    }
  }
}
