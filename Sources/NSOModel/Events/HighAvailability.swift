/// Where a node of a cluster is (protocol part 06, section 4.2).
public enum HAAddress: Hashable, Sendable, CustomStringConvertible {
  case address(IPAddress)
  /// A host name or another text.
  case name(String)

  public var description: String {
    switch self {
    case .address(let address): "\(address)"
    case .name(let name): name
    }
  }
}

/// A node of a cluster.
public struct HANode: Hashable, Sendable {
  /// Normally a string.
  public var id: Value
  public var address: HAAddress

  public init(id: Value, address: HAAddress) {
    self.id = id
    self.address = address
  }
}

/// What the node is in its cluster (protocol part 06, section 8.2).
public enum HARole: Int, Hashable, Sendable, CustomStringConvertible {
  case none = 1
  case secondary = 2
  case primary = 3
  /// Older daemons only.
  case relay = 4

  public var description: String {
    switch self {
    case .none: "none"
    case .secondary: "secondary"
    case .primary: "primary"
    case .relay: "relay"
    }
  }
}

/// The answer to getstatus.
public struct HAStatus: Hashable, Sendable {
  public var role: HARole
  /// For a secondary its primary, for a primary its secondaries.
  public var nodes: [HANode]

  public init(_ role: HARole, nodes: [HANode] = []) {
    self.role = role
    self.nodes = nodes
  }
}

/// A change in the cluster (protocol part 06, section 5.6).
public enum HAInfo: Hashable, Sendable {
  /// This secondary lost its primary: HA_CLOSED or HA_NOTICK.
  case noPrimary(ErrorCode)
  case secondaryDied(HANode)
  case secondaryArrived(HANode)
  /// This secondary has its data; true when all of it was copied.
  case secondaryInitialized(copied: Bool)
  case isPrimary
  case isNone
  /// The outcome of a besecondary order that nobody waited for; nil: it worked.
  case beSecondaryResult(ErrorCode?)
}

/// An order to the node (protocol part 06, section 8.2).
public enum HAOrder: Hashable, Sendable {
  case bePrimary(node: Value)
  case beSecondary(node: Value, primary: HANode, waits: Bool)
  case beNone
  case getStatus
  case secondaryDead(node: Value)
  case beRelay

  /// The number that travels.
  public var number: Int {
    switch self {
    case .bePrimary: 1
    case .beSecondary: 2
    case .beNone: 3
    case .getStatus: 4
    case .secondaryDead: 5
    case .beRelay: 6
    }
  }

  /// For texts.
  public var name: String {
    switch self {
    case .bePrimary: "beprimary"
    case .beSecondary: "besecondary"
    case .beNone: "benone"
    case .getStatus: "getstatus"
    case .secondaryDead: "secondary_dead"
    case .beRelay: "berelay"
    }
  }
}
