/// One lexical unit of an expression (XPath 1.0, section 3.7), with operator names already told apart from node names.
struct Token: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case leftParenthesis, rightParenthesis, leftBracket, rightBracket
    case dot, dotDot, at, comma, colonColon
    case slash, slashSlash, bar, plus, minus, star
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    case and, or, mod, div, multiply
    case literal(String)
    case number(Double)
    /// `$name` or `$prefix:name`.
    case variable(String)
    /// `name`, `prefix:name` or `prefix:*` (then `local` is nil).
    case name(prefix: String?, local: String?)
    /// A name that a `(` follows.
    case function(prefix: String?, local: String)
    /// `node`, `text`, `comment` or `processing-instruction` that a `(` follows.
    case nodeType(String)
    /// A name that `::` follows.
    case axis(String)
    case end
  }

  var kind: Kind
  /// Where it begins, in bytes.
  var offset: Int
}

extension Token.Kind: CustomStringConvertible {
  /// As it is named in error texts.
  var description: String {
    switch self {
    case .leftParenthesis: "\"(\""
    case .rightParenthesis: "\")\""
    case .leftBracket: "\"[\""
    case .rightBracket: "\"]\""
    case .dot: "\".\""
    case .dotDot: "\"..\""
    case .at: "\"@\""
    case .comma: "\",\""
    case .colonColon: "\"::\""
    case .slash: "\"/\""
    case .slashSlash: "\"//\""
    case .bar: "\"|\""
    case .plus: "\"+\""
    case .minus: "\"-\""
    case .star, .multiply: "\"*\""
    case .equal: "\"=\""
    case .notEqual: "\"!=\""
    case .less: "\"<\""
    case .lessOrEqual: "\"<=\""
    case .greater: "\">\""
    case .greaterOrEqual: "\">=\""
    case .and: "\"and\""
    case .or: "\"or\""
    case .mod: "\"mod\""
    case .div: "\"div\""
    case .literal: "a string"
    case .number: "a number"
    case .variable(let name): "variable $\(name)"
    case .name(let prefix, let local): "name \"\(prefix.map { $0 + ":" } ?? "")\(local ?? "*")\""
    case .function(let prefix, let local): "function \"\(prefix.map { $0 + ":" } ?? "")\(local)\""
    case .nodeType(let name): "node type \"\(name)\""
    case .axis(let name): "axis \"\(name)\""
    case .end: "the end"
    }
  }

  /// Whether an operator or an operand must follow: the rule that tells `*` and operator names from node names
  /// (XPath 1.0, section 3.7).
  var endsOperand: Bool {
    switch self {
    case .rightParenthesis, .rightBracket, .dot, .dotDot, .star, .literal, .number, .variable, .name: true
    default: false
    }
  }
}
