public import NSOModel

/// One place where the daemon waits for clients.
public enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// Port 0 lets the system choose; the status says which.
  case tcp(IPAddress, port: UInt16)
  /// A Unix-domain stream socket. The parent folder is created when it is missing, a stale socket file is replaced.
  case unix(path: String)
  /// A stream socket that is already bound, as socket activation hands it over. It is never unlinked.
  case inherited(descriptor: CInt)

  public var description: String {
    switch self {
    case .tcp(.v4(let address), let port): "\(address):\(port)"
    case .tcp(.v6(let address), let port): "[\(address)]:\(port)"
    case .unix(let path): path
    case .inherited(let descriptor): "inherited socket \(descriptor)"
    }
  }

  /// True where every user of another machine may try: TCP on anything but loopback.
  public var isExposed: Bool {
    if case .tcp(let address, _) = self { !address.isLoopback } else { false }
  }
}
