public import NSOSchema

/// From schema nodes to the constraints that a change of their instances can break: made once for a schema, so that
/// validating a change costs what the change costs, not what the data costs.
///
/// Only configuration is validated, so constraints of other nodes are not in it; the content of an action, rpc or notification
/// has an index of its own.
public final class ConstraintIndex: Sendable {
  public let schema: Schema
  /// Compiled leafref paths, for evaluation.
  public let references: LeafrefPaths
  public let constraints: [Constraint]
  /// Constraints that could not be compiled, with the schema path of their node. They are not checked.
  public let errors: [(path: String, error: XPathError)]
  /// Steps of expressions that no data can match: probably slips in a module. Schema path, expression, offset.
  public let warnings: [(path: String, expression: String, offset: Int)]

  /// Ascending by node.
  private let triggers: [ConstraintTrigger]
  /// For each node, its `when` constraints.
  private let whensByNode: [NodeID: [Int]]
  /// Nodes that have a `when` condition or that one depends on, ascending.
  private let conditionNodes: [NodeID]
  private let instanceIdentifiers: [Int]
  private let readingAnything: [Int]
  private let defaultsTouched: [NodeID: [NodeID]]

  /// The rules of the configuration.
  /// - Parameter trace: is told of evaluations.
  public convenience init(_ schema: Schema, trace: XPathTrace = XPathTrace()) {
    var builder = ConstraintIndexBuilder(schema, trace: trace)
    builder.build()
    self.init(builder)
  }

  /// The rules of what an action or rpc takes or gives, or of a notification.
  /// - Parameters:
  ///   - side: ``SchemaNode/Flags/input``, ``SchemaNode/Flags/output`` or ``SchemaNode/Flags/inNotification``.
  ///   - isKnown: what can be read; expressions and references that may read anything else are left out. Nil: everything.
  public convenience init(
    _ schema: Schema, contentOf operation: NodeID, _ side: SchemaNode.Flags, trace: XPathTrace = XPathTrace(),
    reading isKnown: ((NodeID) -> Bool)? = nil
  ) {
    var builder = ConstraintIndexBuilder(schema, trace: trace, reading: isKnown)
    builder.build(contentOf: operation, side)
    self.init(builder)
  }

  private init(_ builder: ConstraintIndexBuilder) {
    schema = builder.schema
    references = builder.references
    constraints = builder.constraints
    errors = builder.errors
    warnings = builder.warnings
    triggers = builder.triggers.sorted { $0.node < $1.node }
    var whens: [NodeID: [Int]] = [:]
    var identifiers: [Int] = []
    for constraint in constraints {
      switch constraint.kind {
      case .when: whens[constraint.node, default: []].append(constraint.id)
      case .instanceIdentifier: identifiers.append(constraint.id)
      default: break
      }
    }
    whensByNode = whens
    let all = constraints
    conditionNodes = Set(
      triggers.lazy.filter { if case .when = all[$0.constraint].kind { true } else { false } }.map(\.node)
    ).union(whens.keys).sorted()
    instanceIdentifiers = identifiers
    readingAnything = builder.readingAnything
    defaultsTouched = builder.defaultsTouched
  }

  /// What a change of an instance of `node` sets off. A created or deleted list entry or presence container takes all
  /// below it along (`withSubtree`).
  public func triggers(of node: NodeID, withSubtree: Bool) -> ArraySlice<ConstraintTrigger> {
    let end = withSubtree ? schema[node].subtreeEnd : NodeID(rawValue: node.rawValue &+ 1)
    return triggers[firstTrigger(from: node)..<firstTrigger(from: end)]
  }

  /// The number of triggers: a measure of the size of the index.
  public var triggerCount: Int { triggers.count }

  private func firstTrigger(from node: NodeID) -> Int {
    var low = 0
    var high = triggers.count
    while low < high {
      let middle = (low + high) / 2
      if triggers[middle].node < node { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The `when` conditions that hold directly for a node, not counting those of its ancestors.
  public func whens(of node: NodeID) -> [Constraint] { (whensByNode[node] ?? []).map { constraints[$0] } }

  /// Whether writing an instance of `node`, or of what is in it, has to do with a `when` condition: it has one, or one
  /// depends on it.
  public func concernsConditions(_ node: NodeID) -> Bool {
    var low = 0
    var high = conditionNodes.count
    while low < high {
      let middle = (low + high) / 2
      if conditionNodes[middle] < node { low = middle + 1 } else { high = middle }
    }
    return low < conditionNodes.count && conditionNodes[low] < schema[node].subtreeEnd
  }

  /// Constraints of instance-identifiers: any deletion may break them.
  public var instanceIdentifierConstraints: [Constraint] { instanceIdentifiers.map { constraints[$0] } }

  /// Constraints that may read anything at all, through the target of an instance-identifier: every change sets them off.
  public var unboundedConstraints: [Constraint] { readingAnything.map { constraints[$0] } }

  /// Nodes whose defaults may come or go when an instance of `node`, which is in a choice, is created or deleted. They
  /// have the same parent as the outermost choice.
  public func defaultsTouched(by node: NodeID) -> [NodeID] { defaultsTouched[node] ?? [] }
}
