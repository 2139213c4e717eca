public import NSOSchema

/// One rule of the schema that validation checks, compiled.
public struct Constraint: Sendable {
  public enum Kind: Sendable {
    /// `must`: the expression is true (RFC 7950, section 7.5.3).
    case must(XPath, Must)
    /// `when`: the node is there only while the expression is true (section 7.21.5).
    case when(XPath, WhenContext)
    /// A leafref with require-instance, alone or in a union (section 9.9).
    case leafref([LeafrefPath])
    /// An instance-identifier with require-instance, alone or in a union (section 9.13).
    case instanceIdentifier
    /// The leafs of one `unique` of a list (section 7.8.3).
    case unique([NodeID])
    /// A mandatory leaf or anydata (section 7.6.5).
    case mandatory
    /// A mandatory choice (section 7.9.4).
    case mandatoryChoice(ChoiceID)
    /// `min-elements` (section 7.7.5).
    case minElements(UInt32)
    /// `max-elements` (section 7.7.6).
    case maxElements(UInt32)
  }

  /// The context node of a `when` expression.
  public enum WhenContext: Hashable, Sendable {
    /// The parent of the node: conditions of a choice, case, uses or augment around it.
    case parent
    /// The node itself, real or imagined. Which entry of a list makes no difference: libyang refuses conditions that look
    /// at the node they are for, so one check serves all entries below one parent.
    case instance
  }

  /// Its place in ``ConstraintIndex/constraints``.
  public let id: Int
  /// The node that has it; for a mandatory choice some node of the choice.
  public let node: NodeID
  /// The schema node at whose instances it is checked, nil for the root: the node itself for must, leafref and
  /// instance-identifier, the parent of the node for all others.
  public let site: NodeID?
  public let kind: Kind
  /// When the outcome is the same for all sites below one instance of this ancestor of the site (nil: the root).
  public let shared: NodeID??
}

/// What has happened to a node.
public struct ChangeKinds: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A list entry, leaf-list entry, leaf or presence container is new.
  public static let created = ChangeKinds(rawValue: 1)
  /// It is gone, with all below it.
  public static let deleted = ChangeKinds(rawValue: 2)
  /// A leaf has another value.
  public static let modified = ChangeKinds(rawValue: 4)
  /// An entry of a list ordered by the user has another place.
  public static let moved = ChangeKinds(rawValue: 8)
  public static let any: ChangeKinds = [.created, .deleted, .modified, .moved]
}

/// That a constraint must be checked again when instances of a node change, and at which sites.
public struct ConstraintTrigger: Sendable {
  /// The constraint's place in ``ConstraintIndex/constraints``.
  public let constraint: Int
  /// The node whose changes matter.
  public let node: NodeID
  /// The kinds of change that matter.
  public let changes: ChangeKinds
  /// Ancestor of `node` and of the constraint's site, or one of them: the sites that may be concerned are below the same
  /// instance of it as the change. nil: the root, all sites may be.
  public let anchor: NodeID?
  /// Further conditions on the sites.
  public let correlations: [XPathReads.Correlation]
}
