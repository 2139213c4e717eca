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
  /// The level of a hook: `node`, `subtree`, `object` ...; nil: no such hook.
  public var setHook: String?
  public var transactionHook: String?

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
    setHook = parts.first("set-hook").map { $0.argument ?? "node" }
    transactionHook = parts.first("transaction-hook").map { $0.argument ?? "node" }
    isTransform = flag("transform") ?? false
    let isHook = setHook != nil || transactionHook != nil
    // A statement for the one kind of data leaves the other kind to the database.
    servesConfiguration = !isHook && (flag("config") ?? (flag("operational") != true))
    servesState = !isHook && (flag("operational") ?? (flag("config") != true))
  }

  /// As it stands in requests.
  public var point: PointName { PointName(name, opaque: opaque.map { EncodedTerm(Term.atom($0)) }) }
}
