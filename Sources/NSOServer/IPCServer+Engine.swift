public import Logging
public import NIOCore
import NIOPosix
public import NSOCLI
public import NSOEngine
import NSOModel
import NSOWire

extension IPCServer {
  /// A server that lets its clients work on `engine`.
  /// - Parameters:
  ///   - control: what clients may ask of the daemon as a whole; nil: such requests are refused.
  ///   - cli: the CLI sessions; nil: with the settings that are there by default.
  ///   - group: the event loops that carry the connections.
  public convenience init(
    configuration: IPCServerConfiguration, engine: Engine, control: (any DaemonControl)? = nil,
    cli: CLIService? = nil, group: any EventLoopGroup, logger: Logger
  ) {
    let services = Services(
      engine: engine, cli: cli ?? CLIService(engine), control: control, streams: StreamRegistry(), schemas: SchemaStreamCache(),
      pool: .singleton,
      streamTimeLimit: configuration.streamTimeLimit)
    self.init(
      core: ServerCore(configuration: configuration, logger: logger) { connection, hello in
        Self.makeAPI(connection, hello, services)
      }, group: group)
  }

  private static func makeAPI(
    _ connection: IPCConnection, _ hello: ClientHello, _ services: Services
  ) -> any APIConnection {
    // Of the APIs only MAAPI knows users; what a stream does was asked for there. All others are for trusted peers, whatever is served.
    if connection.decision != .trusted, hello.client != .maapi, hello.client != .stream {
      return UnservedAPI(
        hello.client, hasOperations: hello.client == .cdb,
        services.engine.journal.refusal(
          Explanation(
            .access, .accessDenied, actor: "\(connection.peer) may use MAAPI only", action: "",
            rule: "\(hello.client) knows no users, so it is for trusted peers",
            remedy: "connect as root or the daemon's own user")))
    }
    switch hello.client {
    case .maapi: return MAAPIConnection(connection, services)
    case .stream: return StreamConnection(connection, services, timeLimit: services.streamTimeLimit)
    case .cdb: return CDBConnection(connection, services)
    case .dataProvider: return ProviderConnection(connection, services)
    case .events: return EventConnection(connection, services)
    case .ha: return HAConnection(connection, services)
    default:
      return UnservedAPI(hello.client, NSOError(.notImplemented, "\(hello.client) connections are not supported yet"))
    }
  }
}
