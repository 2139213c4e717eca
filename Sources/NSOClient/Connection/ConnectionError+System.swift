import NIOCore
import NIOPosix
import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ConnectionError {
  /// What the operating system or the network library reports, with the likely cause.
  init(_ error: any Error, during step: Step, _ endpoint: Endpoint) {
    switch error {
    case let error as ConnectionError:
      self = error
    case let error as IOError:
      self.init(errorNumber: error.errnoCode, during: step, endpoint)
    case ChannelError.connectTimeout(let amount):
      self.init(
        .timedOut, step, endpoint,
        "no connection within \(Self.seconds(amount.nanoseconds)) s; is the host up, and does a firewall drop the packets?")
    case let error as NIOConnectionError:
      self.init(error, endpoint)
    case SocketAddressError.unknown(let host, _):
      self.init(.unknownHost, step, endpoint, Self.noAddress(of: host))
    case SocketAddressError.unixDomainSocketPathTooLong:
      self.init(.badAddress, step, endpoint, "the path is too long for a Unix socket (about 100 bytes); use a shorter one")
    case let error as ChannelError where step == .conversation:
      self.init(.closed, step, endpoint, "the connection is closed (\(error))")
    default:
      self.init(step == .conversation ? .closed : .unreachable, step, endpoint, "\(error)")
    }
  }

  /// A host name with several addresses: the failure of the first that is not just "refused" tells most.
  private init(_ error: NIOConnectionError, _ endpoint: Endpoint) {
    guard !error.connectionErrors.isEmpty else {
      self.init(.unknownHost, .connect, endpoint, Self.noAddress(of: error.host))
      return
    }
    let failures = error.connectionErrors.map { ConnectionError($0.error, during: .connect, endpoint) }
    self = failures.first { $0.code != .nothingListens } ?? failures[0]
  }

  private init(errorNumber: CInt, during step: Step, _ endpoint: Endpoint) {
    let path: String? = if case .unix(let path) = endpoint.address { path } else { nil }
    switch errorNumber {
    case ECONNREFUSED:
      if let path, let kind = SocketFile(path).otherKind {
        // Linux says of any file that the connection is refused.
        self.init(.badAddress, step, endpoint, "this is \(kind), not a socket; give the path of the daemon's socket")
        return
      }
      self.init(
        .nothingListens, step, endpoint,
        path == nil
          ? "nothing listens there; is the daemon running, and is this its address?"
          : "the socket is there but nothing listens on it; the daemon is not running")
    case ENOENT, ENOTDIR:
      self.init(
        .nothingListens, step, endpoint,
        "there is no such socket; is the daemon running, and does it listen on this path?")
    case ENOTSOCK:
      self.init(.badAddress, step, endpoint, "the path exists but is not a socket")
    case EACCES, EPERM:
      self.init(
        .permissionDenied, step, endpoint,
        path == nil
          ? "the system forbids the connection (a firewall rule?)"
          : "no permission to use the socket: " + SocketFile(path ?? "").obstacle)
    case ETIMEDOUT:
      self.init(.timedOut, step, endpoint, "no answer; is the host up, and does a firewall drop the packets?")
    case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL, EAFNOSUPPORT:
      self.init(.unreachable, step, endpoint, "the network has no way there (\(Self.text(errorNumber)))")
    case ECONNRESET, EPIPE:
      self.init(
        .closed, step, endpoint,
        "the daemon closed the connection (\(Self.text(errorNumber)))" + Self.userHint(step, endpoint))
    case EAGAIN:
      self.init(.unreachable, step, endpoint, "the daemon's queue of new connections is full; try again")
    default:
      self.init(step == .conversation ? .closed : .unreachable, step, endpoint, Self.text(errorNumber))
    }
  }

  private static func noAddress(of host: String) -> String {
    "the host \(host) has no address, or the name service does not answer; check the name"
  }

  static func text(_ errorNumber: CInt) -> String {
    strerror(errorNumber).map { String(cString: $0) } ?? "error \(errorNumber)"
  }

  /// Seconds with at most one decimal.
  private static func seconds(_ nanoseconds: Int64) -> String {
    let tenths = nanoseconds / 100_000_000
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}
