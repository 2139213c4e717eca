import NSOModel

/// Where the daemon listens, or is looked for.
public enum IPCAddress: Hashable, Sendable, CustomStringConvertible {
  /// A host name or address.
  case tcp(host: String, port: Int)
  /// The path of a Unix socket.
  case unix(path: String)

  public static var defaultPort: Int { 4569 }
  public static var defaultHost: String { "127.0.0.1" }
  public static var `default`: IPCAddress { .tcp(host: defaultHost, port: defaultPort) }

  /// True when only this machine can reach it.
  public var isLocal: Bool {
    switch self {
    case .unix: true
    case .tcp(let host, _): IPAddress(host)?.isLoopback ?? (host == "localhost")
    }
  }

  /// `127.0.0.1:4569`, `[::1]:4569`, `/run/nso/ipc`.
  public var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }
}
