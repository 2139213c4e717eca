import NSOModel

/// What `ncs.conf` says of NETCONF (protocol part 08, section 7.2).
public struct NetconfSettings: Sendable, Hashable {
  /// `kill-session` may end sessions that are not NETCONF's, and `lock-denied` names them.
  public var extendedSessions = false
  /// A session without requests ends after so long; zero: never.
  public var idleTimeout = Duration.zero
  /// A client that takes nothing for so long is given up; zero: never.
  public var writeTimeout = Duration.zero
  /// The log also says how requests ended.
  public var logsReplies = false
  /// How long the client's hello may take.
  public var helloTimeout = Duration.seconds(60)
  /// For how long a connection in clear text that says nothing may still begin with a header.
  public var headerPatience = Duration.milliseconds(500)
  /// The most bytes of one message.
  public var messageLimit = 64 << 20

  public init() {}
}
