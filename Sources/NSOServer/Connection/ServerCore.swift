import Logging
import NIOCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What every connection of one server shares. Immutable, apart from the registry.
final class ServerCore: Sendable {
  let configuration: IPCServerConfiguration
  let logger: Logger
  let registry: ConnectionRegistry
  /// Seconds since 1970-01-01 UTC.
  let clock: @Sendable () -> Int64
  /// Random bytes for a challenge; tests put known ones here.
  let random: @Sendable () -> [UInt8]
  /// Makes the API of a connection that has finished connecting, on its event loop.
  let makeAPI: @Sendable (IPCConnection, ClientHello) -> any APIConnection

  init(
    configuration: IPCServerConfiguration, logger: Logger,
    clock: @escaping @Sendable () -> Int64 = ServerCore.systemClock,
    random: @escaping @Sendable () -> [UInt8] = ServerCore.systemRandom,
    makeAPI: @escaping @Sendable (IPCConnection, ClientHello) -> any APIConnection
  ) {
    self.configuration = configuration
    self.logger = logger
    self.clock = clock
    self.random = random
    self.makeAPI = makeAPI
    registry = ConnectionRegistry(unfinishedLimit: configuration.unfinishedConnections)
  }

  var handshakeSettings: Handshake.Settings {
    Handshake.Settings(
      versions: configuration.protocolVersions, daemonVersion: configuration.daemonVersion,
      maxDepth: configuration.maxDepth, maxKeys: configuration.maxKeys)
  }

  /// A fresh challenge, when the access check is on.
  func drawChallenge() -> Handshake.Challenge? {
    guard let secret = configuration.accessSecret else { return nil }
    let bytes = random()
    return Handshake.Challenge(bytes: bytes, answer: AccessAnswer.digest(secret: secret, challenge: bytes))
  }

  /// 16 bytes of the system's cryptographic generator.
  static let systemRandom: @Sendable () -> [UInt8] = {
    var generator = SystemRandomNumberGenerator()
    return (0..<Handshake.challengeLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  static let systemClock: @Sendable () -> Int64 = { Int64(time(nil)) }
}
