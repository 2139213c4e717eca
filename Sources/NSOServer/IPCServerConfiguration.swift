public import NIOCore
public import NSOWire

/// How the daemon serves IPC clients.
public struct IPCServerConfiguration: Sendable {
  /// Where to listen; several at once are fine.
  public var listeners: [ListenAddress]
  /// Connections that the system may hold before they are accepted (`ncs-ipc-listen-backlog`).
  public var backlog: Int32 = 128
  /// The shared secret of the access check; nil: no check. It holds for TCP and Unix sockets alike (protocol part 01,
  /// section 3).
  public var accessSecret: AccessSecret?
  /// Permission bits of the Unix socket file.
  public var unixSocketPermissions: UInt16 = 0o600
  /// Permission bits of the Unix socket's folder, where it has to be made.
  public var unixFolderPermissions: UInt16 = 0o755
  /// What the daemon is called; told to others that want the same Unix socket.
  public var instanceName = ""
  /// Looks at each peer on a Unix socket; nil: whoever may open the socket file is trusted. Called on an event loop, so
  /// it must not block.
  public var localPeerCheck: (@Sendable (PeerIdentity.Credentials) -> LocalPeerDecision)?
  /// How long the answer to the access check may take.
  public var accessCheckTimeLimit: TimeAmount = .seconds(10)
  /// How long the hello may take.
  public var helloTimeLimit: TimeAmount = .seconds(10)
  /// How long a stream connection may wait with its first frame, and how long a stream waits for its connection
  /// (protocol part 04, section 6).
  public var streamTimeLimit: TimeAmount = .seconds(10)
  /// How many connections may be between accept and the end of the hello for longer than a second. One more, and the oldest is
  /// closed. In a burst eight times as many are taken.
  public var unfinishedConnections = 64
  /// The longest frame that is accepted, in bytes.
  public var frameLimit = FrameDecoder.defaultLimit
  /// Protocol versions that are accepted; the answer carries the client's own.
  public var protocolVersions: ClosedRange<UInt16> = ProtocolVersion.accepted
  /// One byte per component, as in the hello: 8.2.5.0.
  public var daemonVersion: UInt32 = ProtocolVersion.library
  /// Told in the hello: elements of the longest path, keys of the widest list of the data model.
  public var maxDepth: UInt8 = 20
  public var maxKeys: UInt8 = 9

  public init(listeners: [ListenAddress]) {
    self.listeners = listeners
  }
}
