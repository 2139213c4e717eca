/// The server at one moment, for `ncs --status`.
public struct IPCServerStatus: Sendable {
  public struct Listener: Sendable {
    /// With the port that the system chose, where 0 was asked for.
    public var address: ListenAddress
    /// True when clients must prove that they know the secret.
    public var accessCheck: Bool
    /// What guards it, in words: `mode 660, user check, no access check`.
    public var protection: String
    /// TCP beyond loopback without the access check.
    public var isUnprotected: Bool
  }

  public struct Connection: Sendable {
    /// Counts up from 1 over the life of the server; the number in log lines.
    public var id: UInt64
    public var peer: PeerIdentity
    /// `access check`, `hello`, or the name of the API.
    public var stage: String
    /// What the client calls itself, where the API has it.
    public var clientName: String?
    public var protocolVersion: UInt16?
    /// Seconds since 1970-01-01 UTC.
    public var since: Int64
    public var requests: UInt64
    /// True while a request is being worked on elsewhere.
    public var isBusy: Bool
  }

  public var listeners: [Listener]
  /// Sorted by id.
  public var connections: [Connection]
  public var accepted: UInt64
  public var refused: UInt64
}
