extension Syntax {
  /// The type of its value, as far as it is known before evaluation.
  var type: StaticType {
    switch self {
    case .literal: .string
    case .number, .arithmetic, .negation: .number
    case .or, .and, .comparison: .boolean
    case .variable: .unknown
    case .union: .nodeSet
    case .call(let call): call.function.resultType
    case .path(let path):
      if case .expression(let start) = path.start, path.steps.isEmpty, path.startPredicates.isEmpty {
        start.type
      } else {
        .nodeSet
      }
    }
  }

  /// Which parts of the evaluation context its value depends on, not counting what its own predicates see.
  var uses: ContextUse {
    switch self {
    case .literal, .number, .variable: []
    case .or(let parts), .and(let parts), .union(let parts): parts.reduce([]) { $0.union($1.uses) }
    case .comparison(_, let a, let b), .arithmetic(_, let a, let b): a.uses.union(b.uses)
    case .negation(let operand): operand.uses
    case .call(let call):
      switch call.function {
      case .position: .position
      case .last: .last
      case .current: .current
      case .lang: .node
      case let function where call.arguments.isEmpty && function.defaultsToContext: .node
      default: call.arguments.reduce([]) { $0.union($1.uses) }
      }
    case .path(let path): path.uses
    }
  }
}

extension LocationPath {
  var uses: ContextUse {
    var uses: ContextUse
    switch start {
    case .context: uses = .node
    case .root: uses = []
    case .expression(let expression): uses = expression.uses
    }
    // Inside predicates only current() still means the same.
    for predicate in startPredicates { uses.formUnion(predicate.expression.uses.intersection(.current)) }
    for step in steps {
      for predicate in step.predicates { uses.formUnion(predicate.expression.uses.intersection(.current)) }
    }
    return uses
  }
}

/// Parts of the evaluation context.
struct ContextUse: OptionSet, Sendable {
  let rawValue: UInt8

  /// The context node.
  static let node = ContextUse(rawValue: 1)
  static let position = ContextUse(rawValue: 2)
  static let last = ContextUse(rawValue: 4)
  /// The node that current() gives.
  static let current = ContextUse(rawValue: 8)
}
