public import Logging
public import NIOCore
import NIOPosix
public import NSOEngine
import NSOModel
import NSOWire

extension IPCServer {
  /// A server that lets its clients work on `engine`.
  /// - Parameters:
  ///   - control: what clients may ask of the daemon as a whole; nil: such requests are refused.
  ///   - group: the event loops that carry the connections.
  public convenience init(
    configuration: IPCServerConfiguration, engine: Engine, control: (any DaemonControl)? = nil, group: any EventLoopGroup,
    logger: Logger
  ) {
    let services = Services(
      engine: engine, control: control, streams: StreamRegistry(), schemas: SchemaStreamCache(), pool: .singleton,
      streamTimeLimit: configuration.streamTimeLimit)
    self.init(
      core: ServerCore(configuration: configuration, logger: logger) { connection, hello in
        Self.makeAPI(connection, hello, services)
      }, group: group)
  }

  private static func makeAPI(
    _ connection: IPCConnection, _ hello: ClientHello, _ services: Services
  ) -> any APIConnection {
    switch hello.client {
    case .maapi: return MAAPIConnection(connection, services)
    case .stream: return StreamConnection(connection, services, timeLimit: services.streamTimeLimit)
    case .cdb:
      guard case .trusted = connection.decision else {
        return UnservedAPI(
          hello.client, hasOperations: true,
          NSOError(.accessDenied, "\(connection.peer) may use MAAPI only: CDB knows no users, so it is for trusted peers"))
      }
      return CDBConnection(connection, services)
    case .dataProvider:
      guard case .trusted = connection.decision else {
        return UnservedAPI(
          hello.client, NSOError(.accessDenied, "\(connection.peer) may use MAAPI only: data providers are for trusted peers"))
      }
      return ProviderConnection(connection, services)
    default:
      return UnservedAPI(hello.client, NSOError(.notImplemented, "\(hello.client) connections are not supported yet"))
    }
  }
}
