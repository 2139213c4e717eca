extension Parser {
  /// `PathExpr`: a location path, or a primary expression with predicates and steps.
  mutating func path() throws(XPathError) -> Syntax {
    let start = offset
    // Steps are walked one inside the other.
    let before = depth
    defer { depth = before }
    if let primary = try primary() {
      var predicates: [Predicate] = []
      while case .leftBracket = peek { predicates.append(try predicate()) }
      let goesOn = peek == .slash || peek == .slashSlash
      guard goesOn || !predicates.isEmpty else { return primary }
      try requireNodeSet(primary, goesOn ? "a path" : "a predicate", at: start)
      var steps: [Step] = []
      if goesOn { try appendSteps(&steps) }
      return .path(finish(.expression(primary), predicates, steps))
    }
    var steps: [Step] = []
    switch peek {
    case .slash:
      advance()
      if startsStep {
        steps.append(try step())
        try appendSteps(&steps)
      }
      return .path(finish(.root, [], steps))
    case .slashSlash:
      try appendSteps(&steps)
      return .path(finish(.root, [], steps))
    default:
      guard startsStep else { throw unexpected("an expression") }
      steps.append(try step())
      try appendSteps(&steps)
      return .path(finish(.context, [], steps))
    }
  }

  private func finish(_ start: LocationPath.Start, _ predicates: [Predicate], _ steps: [Step]) -> LocationPath {
    let steps = simplified(steps)
    var isSingle = true
    if case .expression(let syntax) = start {
      isSingle = false
      if case .call(let call) = syntax, call.function == .current { isSingle = true }
    }
    var walk = WalkPlan(steps, isSingle: isSingle)
    // The order that sort-by() makes goes on below.
    if case .expression(.call(let call)) = start, call.function == .sortBy,
      steps.allSatisfy({ $0.axis == .child || $0.axis == .self })
    {
      walk.needsSort = false
    }
    return LocationPath(start: start, startPredicates: predicates, steps: steps, walk: walk)
  }

  /// Without `self::node()`, and with `//name` as one step where positions do not matter: it then meets each node once
  /// and can be guided by the schema.
  private func simplified(_ steps: [Step]) -> [Step] {
    var result: [Step] = []
    for step in steps {
      if step.axis == .self, step.test == .anyNode, step.predicates.isEmpty { continue }
      if step.axis == .child, let before = result.last, before.axis == .descendantOrSelf, before.test == .anyNode,
        before.predicates.isEmpty, !step.predicates.contains(where: \.isPositional)
      {
        var merged = step
        merged.axis = .descendant
        result[result.count - 1] = merged
        continue
      }
      result.append(step)
    }
    return result
  }

  private var startsStep: Bool {
    switch peek {
    case .dot, .dotDot, .at, .star, .name, .nodeType, .axis: true
    default: false
    }
  }

  /// `/` and `//` with their steps, as many as follow.
  private mutating func appendSteps(_ steps: inout [Step]) throws(XPathError) {
    while true {
      let start = offset
      if accept(.slashSlash) {
        steps.append(makeStep(.descendantOrSelf, .anyNode, [], at: start))
      } else if !accept(.slash) {
        return
      }
      guard startsStep else { throw unexpected("a step") }
      try nest()
      steps.append(try step())
    }
  }

  private mutating func makeStep(_ axis: Axis, _ test: NodeTest, _ predicates: [Predicate], at offset: Int) -> Step {
    defer { stepCount += 1 }
    return Step(
      axis: axis, test: test, predicates: predicates, equalities: KeyEquality.found(in: predicates), number: stepCount,
      offset: offset)
  }

  private mutating func step() throws(XPathError) -> Step {
    let start = offset
    // Abbreviated steps take no predicates (XPath 1.0, section 2.5).
    if accept(.dot) { return makeStep(.self, .anyNode, [], at: start) }
    if accept(.dotDot) { return makeStep(.parent, .anyNode, [], at: start) }
    let axis = try axis()
    let test = try nodeTest()
    var predicates: [Predicate] = []
    while case .leftBracket = peek { predicates.append(try predicate()) }
    return makeStep(axis, test, predicates, at: start)
  }

  private mutating func axis() throws(XPathError) -> Axis {
    let start = offset
    if case .at = peek { throw failure(.unsupported("YANG data has no attributes"), at: start) }
    guard case .axis(let name) = peek else { return .child }
    advance()
    try expect(.colonColon)
    if let axis = Axis(rawValue: name) { return axis }
    switch name {
    case "attribute": throw failure(.unsupported("YANG data has no attributes"), at: start)
    case "namespace": throw failure(.unsupported("YANG data has no namespace nodes"), at: start)
    default: throw failure(.syntax(expected: "the name of an axis", found: "\"\(name)\""), at: start)
    }
  }

  private mutating func nodeTest() throws(XPathError) -> NodeTest {
    let start = offset
    switch peek {
    case .star:
      advance()
      return .name(NameTest(namespace: nil, local: nil))
    case .name(let prefix, let local):
      advance()
      return .name(try nameTest(prefix, local, at: start))
    case .nodeType(let name):
      advance()
      try expect(.leftParenthesis)
      if name == "processing-instruction", case .literal = peek { advance() }
      try expect(.rightParenthesis)
      switch name {
      case "node": return .anyNode
      case "text": return .text
      default: return .nothing
      }
    default:
      throw unexpected("a node test")
    }
  }

  private func nameTest(_ prefix: String?, _ local: String?, at offset: Int) throws(XPathError) -> NameTest {
    if let prefix {
      guard let namespace = namespaces.prefixes[prefix] else { throw failure(.unknownPrefix(prefix), at: offset) }
      return NameTest(namespace: namespace, local: local)
    }
    if case .namespace(let namespace) = namespaces.unprefixed { return NameTest(namespace: namespace, local: local) }
    return NameTest(namespace: nil, local: local)
  }

  private mutating func predicate() throws(XPathError) -> Predicate {
    try expect(.leftBracket)
    let inner = try expression()
    try expect(.rightBracket)
    return Predicate(inner)
  }
}

extension Predicate {
  init(_ expression: Syntax) {
    let uses = expression.uses
    let kind: Kind =
      switch expression.type {
      case .number: .position
      case .unknown: .unknown
      case .nodeSet, .string, .boolean: .condition
      }
    self.init(
      expression: expression, kind: kind,
      isPositional: kind != .condition || uses.contains(.position) || uses.contains(.last), usesLast: uses.contains(.last))
  }
}

extension KeyEquality {
  /// The conditions `child = value` that all nodes must meet which pass these predicates.
  static func found(in predicates: [Predicate]) -> [KeyEquality] {
    var equalities: [KeyEquality] = []
    for predicate in predicates {
      // Positions count the nodes that passed the predicates before, so nothing after this one may come first.
      guard !predicate.isPositional else { break }
      collect(predicate.expression, &equalities)
    }
    return equalities
  }

  private static func collect(_ condition: Syntax, _ equalities: inout [KeyEquality]) {
    switch condition {
    case .and(let parts):
      for part in parts { collect(part, &equalities) }
    case .comparison(.equal, let a, let b):
      if let equality = KeyEquality(a, b) ?? KeyEquality(b, a) { equalities.append(equality) }
    default: break
    }
  }

  private init?(_ side: Syntax, _ value: Syntax) {
    guard value.type != .boolean, value.uses.isSubset(of: .current), case .path(let path) = side, case .context = path.start
    else { return nil }
    switch path.steps.count {
    case 0: self.init(child: nil, value: value)
    case 1:
      let step = path.steps[0]
      guard step.axis == .child, step.predicates.isEmpty, case .name(let test) = step.test, test.local != nil else {
        return nil
      }
      self.init(child: test, value: value)
    default: return nil
    }
  }
}
