public import NSOSchema
public import NSOXPath

/// Whether `when` conditions hold (RFC 7950, section 7.21.5). Remembers what it found, so use it only while the data does
/// not change, or tell it with ``forget()``.
public final class ConditionChecker<Storage: InstanceStorage> {
  public typealias Node = InstanceNode<Storage.Place>

  private struct Key: Hashable {
    var node: NodeID
    var parent: Node
  }

  /// Bound on the steps of all conditions together, and of whoever has the same; nil for none.
  public var budget: XPathBudget?
  private let index: ConstraintIndex
  // Not owned: the tree asks the checker, and may own it.
  private unowned let tree: AccessibleTree<Storage>
  private var known: [Key: Bool] = [:]
  /// Conditions being evaluated, for those that depend on each other in a circle.
  private var inProgress: Set<Key> = []

  public init(_ index: ConstraintIndex, _ tree: AccessibleTree<Storage>) {
    self.index = index
    self.tree = tree
  }

  /// The data has changed.
  public func forget() { known.removeAll() }

  /// Whether the conditions of a node hold below a parent, be the node there or not. Those of nodes above are not looked at.
  /// - Throws: ``XPathError`` when one cannot be evaluated, and what the storage throws.
  public func hold(for node: NodeID, in parent: Node) throws -> Bool {
    try failing(for: node, in: parent) == nil
  }

  /// The first condition of a node that does not hold below a parent.
  public func failing(for node: NodeID, in parent: Node) throws -> Constraint? {
    guard index.schema[node].flags.contains(.hasWhen) else { return nil }
    let key = Key(node: node, parent: parent)
    if known[key] == true { return nil }
    guard inProgress.insert(key).inserted else { return nil }
    defer { inProgress.remove(key) }
    let failing = try index.whens(of: node).first { try !holds($0, at: parent) }
    known[key] = failing == nil
    return failing
  }

  private func holds(_ constraint: Constraint, at parent: Node) throws -> Bool {
    guard case .when(let xpath, let context) = constraint.kind else { return true }
    let node = context == .parent ? parent : tree.imagined(constraint.node, in: parent)
    // An evaluator of its own: this may be asked for by one at work.
    let evaluator = XPathEvaluator(tree, references: index.references)
    evaluator.budget = budget
    return try evaluator.test(xpath, at: node)
  }
}
