import NSOModel
public import NSOWire

/// One connection of a client of the data provider API, as far as the registry minds: control or worker. Sending never waits.
public protocol ProviderSocket: Sendable {
  /// Of this connection alone, as long as the daemon runs.
  var id: UInt64 { get }
  /// Puts a message on its way; after messages that were given before.
  func send(_ message: DaemonMessage)
  /// Closes the connection at once. The reason is for the log.
  func close(_ reason: String)
}

/// How long the daemon waits for data providers (`ncs.conf`; protocol part 05, section 16).
public struct ProviderLimits: Hashable, Sendable {
  /// For the first message after connecting, and for a worker that was named but has not introduced itself.
  public var connect: Duration = .seconds(60)
  /// For answers on a control socket.
  public var newSession: Duration = .seconds(30)
  /// For answers on a worker socket.
  public var query: Duration = .seconds(120)
  /// For answers of actions.
  public var action: Duration = .seconds(240)
  /// How long values of whole objects serve reads of single leafs.
  public var objectCache: Duration = .seconds(2)

  public init() {}
}

extension NSOError {
  /// How a failed callback reaches whoever asked (protocol part 05, section 2.2). What the provider says is passed on as it is;
  /// where it says nothing, `about` tells what was asked of whom.
  init(_ failure: CallbackFailure, about: () -> String) {
    switch failure {
    case .other: self.init(.external, "\(about()) failed in a way that this daemon does not know")
    case .reason(let reason):
      var text = ProviderText.cut(reason.text ?? "")
      if reason.code == .applicationInternal { text = "\(about()) failed inside of the provider; its text is in the log" }
      if text.isEmpty { text = "\(about()) failed: \(reason.code.rawValue)" }
      self.init(reason.code.errorCode, text, appTag: reason.appTag)
    }
  }
}

extension UserSessionInfo {
  /// A session as data providers see it.
  public init(_ session: UserSession) {
    self.init(
      id: session.id, user: session.user, context: session.context, sessionProtocol: session.request.proto,
      address: session.request.address, port: Int(session.request.port), loginTime: session.loginTime)
  }
}
