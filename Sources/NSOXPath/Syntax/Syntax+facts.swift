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

  /// Adds the names of the variables in it, in the order of their first use.
  func addVariables(to names: inout [String]) {
    switch self {
    case .literal, .number: break
    case .variable(let name, _): if !names.contains(name) { names.append(name) }
    case .or(let parts), .and(let parts), .union(let parts): for part in parts { part.addVariables(to: &names) }
    case .comparison(_, let a, let b), .arithmetic(_, let a, let b):
      a.addVariables(to: &names)
      b.addVariables(to: &names)
    case .negation(let operand): operand.addVariables(to: &names)
    case .call(let call): for argument in call.arguments { argument.addVariables(to: &names) }
    case .path(let path):
      if case .expression(let start) = path.start { start.addVariables(to: &names) }
      for predicate in path.startPredicates { predicate.expression.addVariables(to: &names) }
      for step in path.steps { for predicate in step.predicates { predicate.expression.addVariables(to: &names) } }
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
