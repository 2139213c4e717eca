/// The compiled form of an expression: immutable, names resolved to namespaces, types of arguments checked.
///
/// `or`, `and` and unions are flat so that long chains do not make deep trees.
indirect enum Syntax: Sendable {
  case literal(String)
  case number(Double)
  case variable(String, offset: Int)
  case or([Syntax])
  case and([Syntax])
  case comparison(Comparison, Syntax, Syntax)
  case arithmetic(Arithmetic, Syntax, Syntax)
  case negation(Syntax)
  case union([Syntax])
  case call(FunctionCall)
  case path(LocationPath)
}

enum Comparison: Sendable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

  /// The comparison with its sides exchanged.
  var mirrored: Comparison {
    switch self {
    case .equal, .notEqual: self
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    }
  }

  func holds(_ a: Double, _ b: Double) -> Bool {
    switch self {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }

  /// For `equal` and `notEqual`, the only ones that look at texts or booleans.
  func holds<T: Equatable>(_ a: T, _ b: T) -> Bool { self == .equal ? a == b : a != b }

  var isEquality: Bool { self == .equal || self == .notEqual }
}

enum Arithmetic: Sendable {
  case add, subtract, multiply, divide, modulo

  func result(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .modulo: a.truncatingRemainder(dividingBy: b)
    }
  }
}

struct FunctionCall: Sendable {
  var function: XPathFunction
  var arguments: [Syntax]
  /// For `re-match` with a literal pattern.
  var pattern: XSDPattern?
  /// For `derived-from` and `derived-from-or-self` with a literal identity.
  var identity: IdentityName?
  var offset: Int
}

/// An identity as an expression names it: the namespace of its prefix, or that of the expression's module.
struct IdentityName: Hashable, Sendable {
  /// nil: the identity's name is looked for in all modules.
  var namespace: String?
  var name: String
}

/// A location path, or an expression with predicates and steps after it.
struct LocationPath: Sendable {
  enum Start: Sendable {
    /// The context node: a relative path.
    case context
    /// The root: an absolute path.
    case root
    /// A node-set, or any expression that only has parentheses around it and predicates after it.
    case expression(Syntax)
  }

  var start: Start
  /// Predicates right after a start expression; they see its nodes in document order.
  var startPredicates: [Predicate] = []
  var steps: [Step]
  /// How the nodes come out when the steps are walked depth first.
  var walk: WalkPlan
}

/// What has to be done to the nodes that a depth-first walk of a path's steps meets, so that they become a node-set in
/// document order, and so that a path such as `*/../*/../*` does not visit the same nodes over and over.
struct WalkPlan: Hashable, Sendable {
  /// Numbers (places in the path) of the steps after which nodes may have come twice: duplicates go out there.
  var merges: [Int] = []
  /// Whether the result must be sorted.
  var needsSort = false
}

struct Step: Sendable {
  var axis: Axis
  var test: NodeTest
  var predicates: [Predicate]
  /// Conditions `child = value` in the leading predicates that the nodes must meet and that do not depend on
  /// anything in the step: a list entry whose keys they give is looked up instead of searched.
  var equalities: [KeyEquality]
  /// Number of the step in the whole expression, from 0.
  var number: Int
  var offset: Int
}

/// `name = value` or `. = value` in a predicate.
struct KeyEquality: Sendable {
  /// The child that is compared; nil for the node itself.
  var child: NameTest?
  var value: Syntax
}

struct Predicate: Sendable {
  enum Kind: Sendable {
    /// The value counts as a boolean.
    case condition
    /// The value is a number: the position wanted.
    case position
    /// Known only when evaluated (a variable).
    case unknown
  }

  var expression: Syntax
  var kind: Kind
  /// Whether it looks at position() or last(), or is a position itself.
  var isPositional: Bool
  /// Whether it needs to know how many nodes there are.
  var usesLast: Bool
}

enum Axis: String, Sendable, CaseIterable {
  case child, parent, `self`, ancestor, descendant, following, preceding
  case ancestorOrSelf = "ancestor-or-self"
  case descendantOrSelf = "descendant-or-self"
  case followingSibling = "following-sibling"
  case precedingSibling = "preceding-sibling"

  /// Whether positions count backwards in document order.
  var isReverse: Bool {
    switch self {
    case .parent, .ancestor, .ancestorOrSelf, .preceding, .precedingSibling: true
    default: false
    }
  }
}

enum NodeTest: Hashable, Sendable {
  case name(NameTest)
  /// `node()`
  case anyNode
  /// `text()`
  case text
  /// `comment()` and `processing-instruction()`: YANG data has none.
  case nothing
}

/// A name in a node test, its prefix resolved.
struct NameTest: Hashable, Sendable {
  /// nil: any namespace.
  var namespace: String?
  /// nil: any name (`*`, `prefix:*`).
  var local: String?

  func matches(namespace other: String, local otherLocal: String) -> Bool {
    (local == nil || local == otherLocal) && (namespace == nil || namespace == other)
  }
}
