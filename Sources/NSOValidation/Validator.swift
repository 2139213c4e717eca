internal import NSOModel
internal import NSOSchema
public import NSOXPath

/// Checks data against the rules of its schema (RFC 7950, section 8.1): those that a change can break, or all.
///
/// Types, ranges, patterns and keys are checked when values are written, not here. One validator serves one validation.
public final class Validator<Storage: MutableInstanceStorage> {
  public typealias Node = InstanceNode<Storage.Place>
  public typealias Change = DataChange<Storage.Place>

  public let index: ConstraintIndex
  /// The data to be checked. `when` conditions may remove some of it.
  public let tree: AccessibleTree<Storage>
  /// The data before the change; the same as `tree` when there is none.
  let oldTree: AccessibleTree<Storage>
  let schema: Schema
  let evaluator: XPathEvaluator<AccessibleTree<Storage>>
  let failureLimit: Int
  var outcome = ValidationOutcome<Node>()
  /// What `when` conditions have removed.
  var removed: Set<Node> = []
  /// Outcomes of expressions that are the same for many sites.
  var shared: [SharedKey: Bool] = [:]
  /// Whether the conditions of nodes that are only there by default hold.
  let conditions: ConditionChecker<Storage>

  struct SharedKey: Hashable {
    var constraint: Int
    var ancestor: Node
  }

  /// - Parameters:
  ///   - old: the data before the change.
  ///   - new: the data to be checked.
  ///   - failureLimit: after so many failures it stops.
  ///   - stepLimit: bound on the work of all expressions together, see ``XPathLimits/steps``; beyond it they fail with code XPATH.
  public init(
    _ index: ConstraintIndex, old: Storage, new: Storage, failureLimit: Int = 1, stepLimit: Int = 2_000_000_000
  ) {
    self.index = index
    self.failureLimit = failureLimit
    schema = index.schema
    tree = AccessibleTree(new)
    oldTree = AccessibleTree(old)
    evaluator = XPathEvaluator(tree, references: index.references)
    evaluator.budget = XPathBudget(stepLimit)
    conditions = ConditionChecker(index, tree)
    tree.isApplicable = { [conditions] node, parent in try conditions.hold(for: node, in: parent) }
  }

  /// Checks what the changes can break.
  ///
  /// First, `when` conditions: what they no longer allow is removed from the storage, and counts as changed. Then all
  /// other rules, in schema order.
  /// - Throws: what the storage throws. An expression that cannot be evaluated is a failure, with code XPATH.
  public func validate(_ changes: [Change]) throws -> ValidationOutcome<Node> {
    let all = try applyConditions(changes)
    let sites = try concerned(by: all) { if case .when = $0.kind { false } else { true } }
    for (constraint, nodes) in sites {
      for node in nodes where try !check(index.constraints[constraint], at: node) { return outcome }
    }
    return outcome
  }

  /// Only removes what `when` conditions no longer allow after the changes.
  /// - Returns: what was removed.
  public func applyConditions(after changes: [Change]) throws -> [Node] {
    _ = try applyConditions(changes)
    return outcome.removed
  }

  /// Checks everything, whatever has changed.
  /// - Parameter start: the node at or below which all sites of the index are; the root when nil. For the content of an
  ///   operation it is the operation.
  public func validateAll(below start: Node? = nil) throws -> ValidationOutcome<Node> {
    let start = start ?? tree.root
    try applyAllConditions(below: start)
    for constraint in index.constraints {
      if case .when = constraint.kind { continue }
      var goesOn = true
      try forEachSite(of: constraint, below: start, filter: nil) { site in
        if goesOn { goesOn = try check(constraint, at: site) }
      }
      if !goesOn { return outcome }
    }
    return outcome
  }

  /// Notes a failure; false when that was the last one wanted.
  func fail(_ node: Node, _ error: NSOError) -> Bool {
    outcome.failures.append(ValidationFailure(path: node.keypath(schema), error: error))
    return outcome.failures.count < failureLimit
  }
}
