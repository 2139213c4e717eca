public import NSOModel
public import NSOSchema

/// The data that expressions are evaluated over, as YANG sees it (RFC 7950, section 6.4.1): the root, and below it
/// instances of schema nodes. Leafs whose default is in use, and containers without presence below nodes that exist,
/// are there like any other. The keys of a list entry are its first children.
///
/// Document order is schema order (the order of `NodeID`), and within a list or leaf-list the order of its entries.
///
/// Nodes are objects, so that an adapter can keep what it knows of a node (its place in the store, its value) in it.
/// Equal nodes stand for the same instance.
public protocol XPathTree<Node> {
  associatedtype Node: AnyObject & Hashable

  var schema: Schema { get }

  /// The node above all top-level nodes. It has no name and no schema node.
  var root: Node { get }

  /// The schema node of an instance; nil for the root.
  func schemaNode(of node: Node) -> NodeID?

  /// The node above; nil for the root.
  func parent(of node: Node) -> Node?

  /// The schema nodes that a node of a schema node can have below it; nil is the root.
  func children(of schemaNode: NodeID?) -> [NodeID]

  /// Calls `body` with the instances of `child`, a schema child of the schema node of `parent`: at most one for a
  /// container or leaf, the entries of a list or leaf-list in order.
  ///
  /// `keys` are texts of the first key leafs of the list, or the one value of the leaf-list: only entries with
  /// these are visited, by lookup. A text that is not a value of the key's type finds nothing. Always empty for other
  /// nodes.
  ///
  /// `body` returns false to stop; so does this function then.
  func forEachInstance(
    of child: NodeID, in parent: Node, keys: [String], _ body: (Node) throws -> Bool
  ) throws -> Bool

  /// Whether those who have the entries of a list want to be told what is looked for: of which nodes below it they know. Nil: no.
  func hintedNodes(of list: NodeID, in parent: Node) -> ((NodeID) -> Bool)?

  /// As without hint; entries that the hint does not hold for may be left out.
  func forEachInstance(
    of child: NodeID, in parent: Node, keys: [String], hint: EntryHint, _ body: (Node) throws -> Bool
  ) throws -> Bool

  /// A node that came with a hint which is exact: whoever has it promises that the hint holds for it.
  func meetsHint(_ node: Node) -> Bool

  /// The value of a leaf or leaf-list entry, the default where it is in use; nil for nodes that have none.
  func value(of node: Node) throws -> Value?

  /// The value of a leaf or leaf-list entry in canonical form; empty for all other nodes, and for a node that a
  /// `when` expression only imagines.
  func text(of node: Node) throws -> String

  /// Where an instance is, for people.
  func path(of node: Node) -> String

  /// Whether `a` comes before `b`, two entries of one list or leaf-list below the same node.
  func isEntry(_ a: Node, before b: Node) throws -> Bool

  /// The instance that the value of an instance-identifier leaf points to; nil when there is none.
  func target(ofInstanceIdentifier node: Node) throws -> Node?
}

extension XPathTree {
  public func hintedNodes(of list: NodeID, in parent: Node) -> ((NodeID) -> Bool)? { nil }

  public func forEachInstance(
    of child: NodeID, in parent: Node, keys: [String], hint: EntryHint, _ body: (Node) throws -> Bool
  ) throws -> Bool {
    try forEachInstance(of: child, in: parent, keys: keys, body)
  }

  public func meetsHint(_ node: Node) -> Bool { false }

  /// Those of data: no actions, no notifications.
  public func children(of schemaNode: NodeID?) -> [NodeID] { schemaNode.map { schema[$0].children } ?? schema.roots }
}

/// What an evaluation read, for tracking what its result depends on.
public enum XPathRead<Node> {
  /// Which instances of a schema node are below a node; only those with the given first keys, if any.
  case instances(of: NodeID, in: Node, keys: [String])
  /// The value of a node.
  case value(Node)
}
