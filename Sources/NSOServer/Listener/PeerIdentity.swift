import NSOEngine
public import NSOModel

/// Who is at the other end of a connection, as far as the system can tell.
public struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
  public enum Endpoint: Hashable, Sendable {
    case tcp(IPAddress, port: UInt16)
    case unix
    /// Neither could be found out, for example because the peer has already gone.
    case unknown
  }

  /// The peer process when it connected (SO_PEERCRED): effective user and group, and its process id.
  public struct Credentials: Hashable, Sendable {
    public var uid: UInt32
    public var gid: UInt32
    public var pid: Int32

    public init(uid: UInt32, gid: UInt32, pid: Int32) {
      self.uid = uid
      self.gid = gid
      self.pid = pid
    }
  }

  public var endpoint: Endpoint
  /// Only on Unix sockets.
  public var credentials: Credentials?

  public init(endpoint: Endpoint, credentials: Credentials? = nil) {
    self.endpoint = endpoint
    self.credentials = credentials
  }

  /// The process at the other end: on Unix sockets the one that connected, on TCP whoever of this machine has the other end now.
  /// - Parameter port: our own.
  func clientProcess(at port: Int?) -> ClientProcess? {
    switch endpoint {
    case .unix:
      guard let process = credentials?.pid, process > 0 else { return nil }
      return ClientProcess(threadCount: SocketHolder.threadCount(of:)) { _ in process }
    case .tcp(let address, let remote):
      guard let port = port.flatMap({ UInt16(exactly: $0) }) else { return nil }
      return ClientProcess(threadCount: SocketHolder.threadCount(of:)) { moment in
        SocketTable.owner(of: address, port: remote, connectedTo: port, notBefore: moment)
      }
    case .unknown: return nil
    }
  }

  public var description: String {
    switch endpoint {
    case .tcp(let address, let port): ListenAddress.tcp(address, port: port).description
    case .unix:
      credentials.map { "uid \($0.uid) gid \($0.gid) process \($0.pid)" } ?? "a local process"
    case .unknown: "unknown peer"
    }
  }
}

/// What the daemon makes of a peer on a Unix socket (protocol part 08, section 8.1).
public enum LocalPeerDecision: Hashable, Sendable {
  /// May name any user and groups.
  case trusted
  /// Is this user, with these groups, whatever it says of itself.
  case user(String, groups: [String])
  /// Is closed; the reason goes to the log.
  case denied(reason: String)
}
