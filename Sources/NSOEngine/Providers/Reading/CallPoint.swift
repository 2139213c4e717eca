import ExternalTerm
import NSOModel
public import NSOSchema
import NSOTerms
public import NSOWire

/// A `tailf:callpoint` of the model: which data provider is asked for the data of a node and below.
public struct CallPoint: Hashable, Sendable {
  public var name: String
  public var opaque: String?
  /// The node that has the statement.
  public var node: NodeID
  /// The provider serves configuration, or operational data, below the node.
  public var servesConfiguration: Bool
  public var servesState: Bool
  public var isTransform: Bool
  /// What a hook watches; nil: no such hook.
  public var setHook: HookExtent?
  public var transactionHook: HookExtent?
  /// How a transaction hook is called; nil: the model does not say.
  public var invocation: HookInvocation?

  /// It watches what is stored elsewhere.
  public var isHook: Bool { setHook != nil || transactionHook != nil }

  /// Nil where the node has no callpoint, or one that the daemon serves itself.
  public init?(of node: SchemaNode) {
    guard let statement = node.extensions.first("callpoint"), let name = statement.argument,
      statement.substatements.first("internal") == nil
    else { return nil }
    let parts = statement.substatements
    func flag(_ name: String) -> Bool? { parts.first(name)?.argument.map { $0 == "true" } }
    self.name = name
    self.node = node.id
    opaque = parts.first("opaque")?.argument
    setHook = parts.first("set-hook").map { HookExtent($0.argument) }
    transactionHook = parts.first("transaction-hook").map { HookExtent($0.argument) }
    let mode = parts.first("transaction-hook")?.substatements.first("invocation-mode") ?? parts.first("invocation-mode")
    invocation = mode?.argument.flatMap(HookInvocation.init(rawValue:))
    isTransform = flag("transform") ?? false
    let isHook = setHook != nil || transactionHook != nil
    // A statement for the one kind of data leaves the other kind to the database.
    servesConfiguration = !isHook && (flag("config") ?? (flag("operational") != true))
    servesState = !isHook && (flag("operational") ?? (flag("config") != true))
  }

  /// The one hook that it is.
  func asHook(set isSetHook: Bool) -> CallPoint {
    var point = self
    if isSetHook { point.transactionHook = nil } else { point.setHook = nil }
    return point
  }

  /// As it stands in requests.
  public var point: PointName { PointName(name, opaque: opaque.map { EncodedTerm(Term.atom($0)) }) }
}

/// Which nodes a hook watches.
public enum HookExtent: String, Hashable, Sendable {
  /// The node that has the statement, and none below.
  case node
  /// That node and what is below it, but for lists in it.
  case object
  /// All that is below it.
  case subtree

  /// What a model says; a word that is not known counts as `node`.
  init(_ argument: String?) { self = argument.flatMap(Self.init(rawValue:)) ?? .node }
}

/// How a transaction hook is called (`tailf:invocation-mode`).
public enum HookInvocation: String, Hashable, Sendable {
  /// With each change.
  case perObject = "per-object"
  /// Once for a transaction: WRITE_ALL.
  case perTransaction = "per-transaction"
}
