import Logging
public import NSOEngine
import NSOModel
import Synchronization

/// The NETCONF server of a daemon: serves sessions on whatever transports are given to it.
public final class NetconfService: Sendable {
  public let engine: Engine
  private let current: Mutex<NetconfSettings>

  public init(_ engine: Engine, _ settings: NetconfSettings = NetconfSettings()) {
    self.engine = engine
    current = Mutex(settings)
  }

  /// Those of sessions that begin from now on.
  public var settings: NetconfSettings {
    get { current.withLock { $0 } }
    set { current.withLock { $0 = newValue } }
  }

  /// Serves one session; returns when it has ended, with the transport closed and everything that belonged to the session free.
  public func serve(_ transport: some NetconfTransport, _ peer: NetconfPeer) async {
    defer { transport.close() }
    let session: UserSession
    do throws(NSOError) {
      session = try engine.sessions.start(
        UserSessionRequest(
          user: peer.user, groups: peer.groups, context: "netconf", address: peer.address, port: peer.port, proto: peer.proto))
    } catch {
      engine.log.notice("NETCONF: no session for \(peer.user) from \(peer.address): \(error.message)")
      return
    }
    let netconf = NetconfSession(engine, session, settings, transport)
    // Also when somebody ends the session.
    session.onEnd {
      transport.close()
      Task { await netconf.end("it was ended") }
    }
    let reason = await netconf.run()
    engine.sessions.end(session, because: reason)
  }
}
