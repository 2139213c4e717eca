/// A datastore by MAAPI's numbers (protocol part 04, section 7.4).
public enum DatabaseName: Int, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case none = 0
  case candidate = 1
  case running = 2
  case startup = 3
  case operational = 4
  case transaction = 5
  case preCommitRunning = 6
  case intended = 7

  public var description: String {
    switch self {
    case .none: "none"
    case .candidate: "candidate"
    case .running: "running"
    case .startup: "startup"
    case .operational: "operational"
    case .transaction: "transaction"
    case .preCommitRunning: "pre-commit-running"
    case .intended: "intended"
    }
  }
}

/// Whether a transaction may write.
public enum TransactionMode: Int, Hashable, Sendable {
  case read = 1
  case readWrite = 2
}

/// How a user reached the daemon (protocol part 04, section 7.4).
public enum SessionProtocol: Int, Hashable, Sendable {
  case unknown = 0
  case tcp = 1
  case ssh = 2
  case system = 3
  case console = 4
  case ssl = 5
  case http = 6
  case https = 7
  case udp = 8
  case tls = 9
}

/// An IP address of either family.
public enum IPAddress: Hashable, Sendable, CustomStringConvertible {
  case v4(IPv4Address)
  case v6(IPv6Address)

  public init?(_ text: some StringProtocol) {
    if let address = IPv4Address(text) {
      self = .v4(address)
    } else if let address = IPv6Address(text) {
      self = .v6(address)
    } else {
      return nil
    }
  }

  public var description: String {
    switch self {
    case .v4(let address): address.description
    case .v6(let address): address.description
    }
  }

  public static var loopback: IPAddress { .v4(IPv4Address(127, 0, 0, 1)) }

  /// True for 0.0.0.0 and ::, which stand for every address of the machine.
  public var isUnspecified: Bool {
    switch self {
    case .v4(let address): address.bits == 0
    case .v6(let address): address.high == 0 && address.low == 0
    }
  }

  /// True for 127.0.0.0/8 and ::1.
  public var isLoopback: Bool {
    switch self {
    case .v4(let address): address.bits >> 24 == 127
    case .v6(let address): address.high == 0 && address.low == 1
    }
  }
}
