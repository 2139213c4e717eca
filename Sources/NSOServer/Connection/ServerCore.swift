import Logging
import NIOCore
import NSOWire
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What every connection of one server shares. Immutable, apart from the registry.
final class ServerCore: Sendable {
  let configuration: IPCServerConfiguration
  private let admissionRules: Mutex<IPCServer.AdmissionRules>
  let logger: Logger
  let registry: ConnectionRegistry
  /// Seconds since 1970-01-01 UTC.
  let clock: @Sendable () -> Int64
  /// Draws the challenge of a connection; tests put known ones here.
  let challenge: @Sendable () -> AccessChallenge
  /// Makes the API of a connection that has finished connecting, on its event loop.
  let makeAPI: @Sendable (IPCConnection, ClientHello) -> any APIConnection

  init(
    configuration: IPCServerConfiguration, logger: Logger,
    clock: @escaping @Sendable () -> Int64 = ServerCore.systemClock,
    challenge: @escaping @Sendable () -> AccessChallenge = { AccessChallenge() },
    makeAPI: @escaping @Sendable (IPCConnection, ClientHello) -> any APIConnection
  ) {
    self.configuration = configuration
    admissionRules = Mutex(IPCServer.AdmissionRules(configuration))
    self.logger = logger
    self.clock = clock
    self.challenge = challenge
    self.makeAPI = makeAPI
    registry = ConnectionRegistry(unfinishedLimit: configuration.unfinishedConnections)
  }

  var handshakeSettings: Handshake.Settings {
    Handshake.Settings(
      versions: configuration.protocolVersions, daemonVersion: configuration.daemonVersion,
      maxDepth: configuration.maxDepth, maxKeys: configuration.maxKeys)
  }

  /// What holds for connections that are made now.
  var admission: IPCServer.AdmissionRules {
    get { admissionRules.withLock { $0 } }
    set { admissionRules.withLock { $0 = newValue } }
  }

  /// The access check of a new connection, when there is one.
  func accessCheck() -> Handshake.Check? {
    admission.accessSecret.map { Handshake.Check(challenge: challenge(), secret: $0) }
  }

  static let systemClock: @Sendable () -> Int64 = { Int64(time(nil)) }
}
