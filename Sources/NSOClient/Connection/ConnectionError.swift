import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A connection to the daemon could not be made, or broke: what was tried, where that came from, and the likely cause.
///
/// Refusals by the daemon to single requests are `NSOError` instead.
public struct ConnectionError: Error, Hashable, Sendable {
  /// The kind of failure; more may be added.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case nothingListens, permissionDenied, unreachable, unknownHost, badAddress, secretUnusable, secretRequired
      case secretNotExpected, secretRejected, versionRejected, protocolViolation, timedOut, closed
    }
    private var kind: Kind

    /// Nothing listens at the address, or the socket file is not there.
    public static var nothingListens: Code { Code(kind: .nothingListens) }
    /// The operating system forbids to use the socket's path.
    public static var permissionDenied: Code { Code(kind: .permissionDenied) }
    /// The network has no way to the address.
    public static var unreachable: Code { Code(kind: .unreachable) }
    /// The host name has no address.
    public static var unknownHost: Code { Code(kind: .unknownHost) }
    /// The address itself makes no sense.
    public static var badAddress: Code { Code(kind: .badAddress) }
    /// The file with the shared secret cannot be read, is empty, or too long.
    public static var secretUnusable: Code { Code(kind: .secretUnusable) }
    /// The daemon checks access and this client has no secret.
    public static var secretRequired: Code { Code(kind: .secretRequired) }
    /// This client has a secret and the daemon does not ask for it.
    public static var secretNotExpected: Code { Code(kind: .secretNotExpected) }
    /// The daemon did not accept the secret.
    public static var secretRejected: Code { Code(kind: .secretRejected) }
    /// The daemon does not speak the protocol version of this client.
    public static var versionRejected: Code { Code(kind: .versionRejected) }
    /// The peer sent something that the protocol does not know.
    public static var protocolViolation: Code { Code(kind: .protocolViolation) }
    /// A step of connecting took too long.
    public static var timedOut: Code { Code(kind: .timedOut) }
    /// The connection is closed.
    public static var closed: Code { Code(kind: .closed) }

    public var description: String { kind.rawValue }
  }

  /// How far the connection had come.
  public enum Step: String, Hashable, Sendable {
    /// Before anything was sent: address, secret file.
    case preparation
    /// The operating system's connect.
    case connect
    /// Waiting for the daemon's challenge in the access check.
    case challenge
    /// Waiting for the daemon's verdict in the access check.
    case verdict
    /// Waiting for the hello reply.
    case hello
    /// After the hello.
    case conversation
  }

  public var code: Code
  public var step: Step
  /// What was tried, and where it came from.
  public var endpoint: Endpoint
  /// What happened, and what to do about it.
  public var reason: String

  public init(_ code: Code, _ step: Step, _ endpoint: Endpoint, _ reason: String) {
    self.code = code
    self.step = step
    self.endpoint = endpoint
    self.reason = reason
  }

  init(_ failure: Handshake.Failure, _ step: Step, _ endpoint: Endpoint) {
    var reason = failure.reason
    if failure.code == .secretRejected || failure.code == .secretNotExpected, let file = endpoint.secretFile {
      reason += " (the secret is that of \(file), \(endpoint.secretSource))"
    }
    if failure.isClose { reason += Self.userHint(step, endpoint) }
    self.init(failure.code, step, endpoint, reason)
  }
}

extension ConnectionError {
  /// What else a close without a word may mean on a Unix socket (protocol part 08, section 8.1); empty elsewhere.
  static func userHint(_ step: Step, _ endpoint: Endpoint) -> String {
    guard step == .hello || step == .challenge, case .unix = endpoint.address else { return "" }
    return ". A daemon closes its Unix socket for users that it does not know: uid \(geteuid()) needs an entry with "
      + "local_ipc_access true in /aaa/authentication/users, unless it is root or the daemon's own user"
  }
}

extension ConnectionError: CustomStringConvertible {
  /// For example `127.0.0.1:4569 (default): nothing listens there; ...`.
  public var description: String { "\(endpoint): \(reason)" }
}
