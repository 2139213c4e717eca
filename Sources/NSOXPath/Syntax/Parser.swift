/// Makes the compiled form of an expression: grammar of XPath 1.0, section 3, by recursive descent.
struct Parser {
  let source: String
  let namespaces: XPathNamespaces
  let limits: XPathLimits
  private let tokens: [Token]
  private var index = 0
  /// How deep the parser is in the expression.
  var depth = 0
  /// Number of the next step.
  var stepCount = 0

  static func parse(
    _ source: String, namespaces: XPathNamespaces, limits: XPathLimits
  ) throws(XPathError) -> (syntax: Syntax, stepCount: Int) {
    var parser = Parser(
      source: source, namespaces: namespaces, limits: limits, tokens: try Lexer.tokens(of: source, limits: limits))
    let syntax = try parser.expression()
    guard case .end = parser.peek else { throw parser.unexpected("an operator or the end") }
    return (syntax, parser.stepCount)
  }

  private init(source: String, namespaces: XPathNamespaces, limits: XPathLimits, tokens: [Token]) {
    self.source = source
    self.namespaces = namespaces
    self.limits = limits
    self.tokens = tokens
  }

  // MARK: Tokens

  /// The kind of the next token. There always is one: the last is `.end` and is never passed.
  var peek: Token.Kind { tokens[index].kind }

  var offset: Int { tokens[index].offset }

  mutating func advance() { if index + 1 < tokens.count { index += 1 } }

  mutating func accept(_ kind: Token.Kind) -> Bool {
    guard peek == kind else { return false }
    advance()
    return true
  }

  mutating func expect(_ kind: Token.Kind) throws(XPathError) {
    guard accept(kind) else { throw unexpected(kind.description) }
  }

  func unexpected(_ expected: String) -> XPathError {
    failure(.syntax(expected: expected, found: peek.description), at: offset)
  }

  func failure(_ reason: XPathError.Reason, at offset: Int? = nil) -> XPathError {
    XPathError(reason, expression: source, offset: offset)
  }

  // MARK: Operators

  /// Counts one level of nesting, the bound on recursion here and in evaluation.
  mutating func nest() throws(XPathError) {
    depth += 1
    guard depth <= limits.depth else {
      throw failure(.tooLarge(what: "the expression is nested too deeply", limit: limits.depth), at: offset)
    }
  }

  /// `Expr`: what may stand alone, in parentheses, in a predicate and as an argument.
  mutating func expression() throws(XPathError) -> Syntax {
    try nest()
    defer { depth -= 1 }
    var parts = [try conjunction()]
    while accept(.or) { parts.append(try conjunction()) }
    return parts.count == 1 ? parts[0] : .or(parts)
  }

  private mutating func conjunction() throws(XPathError) -> Syntax {
    var parts = [try chain(0)]
    while accept(.and) { parts.append(try chain(0)) }
    return parts.count == 1 ? parts[0] : .and(parts)
  }

  private enum BinaryOperator {
    case comparison(Comparison)
    case arithmetic(Arithmetic)
  }

  /// The operator at the front if it binds as `level` says: 0 equality, 1 relation, 2 sum, 3 product.
  private func binaryOperator(_ level: Int) -> BinaryOperator? {
    switch (level, peek) {
    case (0, .equal): .comparison(.equal)
    case (0, .notEqual): .comparison(.notEqual)
    case (1, .less): .comparison(.less)
    case (1, .lessOrEqual): .comparison(.lessOrEqual)
    case (1, .greater): .comparison(.greater)
    case (1, .greaterOrEqual): .comparison(.greaterOrEqual)
    case (2, .plus): .arithmetic(.add)
    case (2, .minus): .arithmetic(.subtract)
    case (3, .multiply): .arithmetic(.multiply)
    case (3, .div): .arithmetic(.divide)
    case (3, .mod): .arithmetic(.modulo)
    default: nil
    }
  }

  /// Operators of one level and those that bind more tightly, grouped from the left.
  private mutating func chain(_ level: Int) throws(XPathError) -> Syntax {
    guard level < 4 else { return try unary() }
    var left = try chain(level + 1)
    let before = depth
    defer { depth = before }
    while let found = binaryOperator(level) {
      // A chain is a tree as deep as it is long.
      try nest()
      advance()
      let right = try chain(level + 1)
      switch found {
      case .comparison(let comparison): left = .comparison(comparison, left, right)
      case .arithmetic(let arithmetic): left = .arithmetic(arithmetic, left, right)
      }
    }
    return left
  }

  private mutating func unary() throws(XPathError) -> Syntax {
    var signs = 0
    while accept(.minus) { signs += 1 }
    let operand = try unions()
    if signs == 0 { return operand }
    return signs % 2 == 1 ? .negation(operand) : .negation(.negation(operand))
  }

  private mutating func unions() throws(XPathError) -> Syntax {
    let start = offset
    let first = try path()
    guard case .bar = peek else { return first }
    try requireNodeSet(first, "\"|\"", at: start)
    var parts = [first]
    while accept(.bar) {
      let start = offset
      let part = try path()
      try requireNodeSet(part, "\"|\"", at: start)
      parts.append(part)
    }
    return .union(parts)
  }

  func requireNodeSet(_ syntax: Syntax, _ place: String, at offset: Int) throws(XPathError) {
    switch syntax.type {
    case .nodeSet, .unknown: return
    case let other: throw failure(.type(expected: "a node-set", found: other.name, in: place), at: offset)
    }
  }

  // MARK: Primary expressions

  /// `FilterExpr` without its predicates, nil when a location path stands here.
  mutating func primary() throws(XPathError) -> Syntax? {
    let start = offset
    switch peek {
    case .leftParenthesis:
      advance()
      let inner = try expression()
      try expect(.rightParenthesis)
      return inner
    case .literal(let text):
      advance()
      return .literal(text)
    case .number(let number):
      advance()
      return .number(number)
    case .variable(let name):
      advance()
      return .variable(name, offset: start)
    case .function(let prefix, let local):
      advance()
      return try call(prefix: prefix, local: local, at: start)
    default:
      return nil
    }
  }

  private mutating func call(prefix: String?, local: String, at start: Int) throws(XPathError) -> Syntax {
    let name = prefix.map { "\($0):\(local)" } ?? local
    guard prefix == nil, let function = XPathFunction(rawValue: local) else {
      throw failure(.unknownFunction(name), at: start)
    }
    try expect(.leftParenthesis)
    var arguments: [Syntax] = []
    if !accept(.rightParenthesis) {
      repeat {
        let place = offset
        let argument = try expression()
        if arguments.isEmpty, function.needsNodeSet { try requireNodeSet(argument, "\(name)()", at: place) }
        arguments.append(argument)
      } while accept(.comma)
      try expect(.rightParenthesis)
    }
    guard function.argumentCounts.contains(arguments.count) else {
      throw failure(
        .argumentCount(function: name, expected: function.argumentCountText, found: arguments.count), at: start)
    }
    var call = FunctionCall(function: function, arguments: arguments, offset: start)
    if arguments.count == 2, case .literal(let text) = arguments[1] {
      switch function {
      case .reMatch:
        do { call.pattern = try XSDPattern(text) } catch { throw failure(.badPattern(text, error.message), at: start) }
      case .derivedFrom, .derivedFromOrSelf:
        call.identity = try namespaces.identity(text) { reason in failure(reason, at: start) }
      default: break
      }
    }
    return .call(call)
  }
}

extension XPathNamespaces {
  /// The identity that a text names; `fail` makes the error for a prefix that is not known.
  func identity(_ text: String, _ fail: (XPathError.Reason) -> XPathError) throws(XPathError) -> IdentityName {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    if parts.count == 2 {
      guard let namespace = prefixes[parts[0]] else { throw fail(.unknownPrefix(parts[0])) }
      return IdentityName(namespace: namespace, name: parts[1])
    }
    if case .namespace(let namespace) = unprefixed { return IdentityName(namespace: namespace, name: text) }
    return IdentityName(namespace: nil, name: text)
  }
}
