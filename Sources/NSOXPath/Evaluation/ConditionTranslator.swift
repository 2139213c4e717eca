internal import NSOModel
public import NSOSchema

/// Makes conditions on entries out of expressions that have the entry as context node. What cannot be said is left out, to that side
/// which is safe: a condition is met by every entry that the expression is true for, and in a negation the other way round.
struct ConditionTranslator<Tree: XPathTree> {
  /// A part of an expression; exact, or wider (narrower in a negation) than what it says.
  struct Part {
    enum Meaning {
      case constant(Bool)
      case condition(EntryCondition)
    }

    var meaning: Meaning
    var isExact = true

    static func condition(_ condition: EntryCondition, isExact: Bool = true) -> Part {
      Part(meaning: .condition(condition), isExact: isExact)
    }
  }

  let evaluator: XPathEvaluator<Tree>
  let list: NodeID
  /// The nodes below the list of which whoever has it knows.
  let knows: (NodeID) -> Bool
  /// What values are taken from that do not depend on the entry.
  let frame: XPathEvaluator<Tree>.Frame
  /// In the expression current() is the entry.
  let currentIsEntry: Bool

  private var schema: Schema { evaluator.schema }
  private static var valueLimit: Int { 16 }

  /// - Parameter wider: the part may hold for more; else for less.
  func part(_ syntax: Syntax, wider: Bool) throws -> Part {
    let unknown = Part(meaning: .constant(wider), isExact: false)
    switch syntax {
    case .and(let parts): return try combined(parts, wider: wider, neutral: true)
    case .or(let parts): return try combined(parts, wider: wider, neutral: false)
    case .literal(let text): return Part(meaning: .constant(!text.isEmpty))
    case .comparison(let comparison, let a, let b): return try compared(comparison, a, b, wider: wider) ?? unknown
    case .path, .union:
      guard syntax.type == .nodeSet else { break }
      if case .union(let parts) = syntax { return try combined(parts, wider: wider, neutral: false) }
      guard let path = nodes(syntax) else { return unknown }
      return existing(path, wider: wider) ?? unknown
    case .call(let call):
      switch call.function {
      case .true: return Part(meaning: .constant(true))
      case .false: return Part(meaning: .constant(false))
      case .boolean: return try part(call.arguments[0], wider: wider)
      case .not:
        let inner = try part(call.arguments[0], wider: !wider)
        switch inner.meaning {
        case .constant(let holds): return Part(meaning: .constant(!holds), isExact: inner.isExact)
        case .condition(let condition): return .condition(.not(condition), isExact: inner.isExact)
        }
      case .startsWith, .reMatch: return try matched(call, wider: wider) ?? unknown
      case .derivedFrom, .derivedFromOrSelf: return derived(call, wider: wider) ?? unknown
      default: return unknown
      }
    default: break
    }
    return unknown
  }

  /// `neutral`: what adds nothing: true in `and`, false in `or`.
  private func combined(_ syntax: [Syntax], wider: Bool, neutral: Bool) throws -> Part {
    var conditions: [EntryCondition] = []
    var isExact = true
    for item in syntax {
      let part = try part(item, wider: wider)
      isExact = isExact && part.isExact
      switch part.meaning {
      case .constant(neutral): continue
      case .constant: return part
      case .condition(let condition): conditions.append(condition)
      }
    }
    guard let first = conditions.first else { return Part(meaning: .constant(neutral), isExact: isExact) }
    guard conditions.count > 1 else { return .condition(first, isExact: isExact) }
    return .condition(neutral ? .all(conditions) : .any(conditions), isExact: isExact)
  }

  // MARK: Nodes

  /// The nodes that a path leads through from the entry; nil where it is no plain path down, or leads through a list.
  private func nodes(_ syntax: Syntax) -> [NodeID]? {
    guard case .path(let path) = syntax, case .context = path.start, path.startPredicates.isEmpty else { return nil }
    var line: [NodeID] = []
    for step in path.steps {
      if step.axis == .self, step.test == .anyNode, step.predicates.isEmpty { continue }
      guard step.axis == .child, step.predicates.isEmpty, case .name(let test) = step.test, let local = test.local else {
        return nil
      }
      if let last = line.last, schema[last].kind != .container { return nil }
      let found = schema[line.last ?? list].children.filter { child in
        test.matches(namespace: schema[child].name.namespace, local: schema[child].name.name)
      }
      guard found.count == 1, let child = found.first, schema[child].name.name == local, knows(child) else { return nil }
      line.append(child)
    }
    return line.isEmpty ? nil : line
  }

  /// The path to a leaf.
  private func leaf(_ syntax: Syntax) -> (path: [NodeID], leaf: SchemaNode, type: SchemaType)? {
    guard let path = nodes(syntax), let last = path.last, schema[last].kind == .leaf, let type = schema[last].type else {
      return nil
    }
    return (path, schema[last], type.valueType)
  }

  private func existing(_ path: [NodeID], wider: Bool) -> Part? {
    guard let last = path.last else { return nil }
    let node = schema[last]
    switch node.kind {
    case .leaf where node.isKey: return Part(meaning: .constant(true))
    case .leaf where node.defaultValue != nil, .leafList where !node.defaults.isEmpty:
      return wider ? nil : .condition(.exists(path), isExact: false)
    case .leaf, .leafList, .list: return .condition(.exists(path))
    // Whether one counts that has nothing in it is not told.
    case .container where node.isPresence: return wider ? nil : .condition(.exists(path), isExact: false)
    default: return nil
    }
  }

  /// A condition on the value of a leaf. Whoever has the entry may not know of the leaf's default.
  /// - Parameter holdsWithout: whether the expression is true for an entry that has no value there.
  private func onValue(_ condition: EntryCondition, of path: [NodeID], holdsWithout: Bool, wider: Bool) -> Part {
    guard holdsWithout else { return .condition(condition) }
    guard wider else { return .condition(condition, isExact: false) }
    let isPlain =
      path.count == 1
      && path.allSatisfy { schema[$0].caseReference == nil && !schema[$0].flags.contains(.hasWhen) }
    return .condition(.any([condition, .not(.exists(path))]), isExact: isPlain)
  }

  // MARK: Comparisons

  private func compared(_ comparison: Comparison, _ a: Syntax, _ b: Syntax, wider: Bool) throws -> Part? {
    if let leaf = leaf(a) { return try compared(comparison, leaf.path, leaf.leaf, leaf.type, b, wider: wider) }
    if let leaf = leaf(b) { return try compared(comparison.mirrored, leaf.path, leaf.leaf, leaf.type, a, wider: wider) }
    return nil
  }

  private func compared(
    _ comparison: Comparison, _ path: [NodeID], _ leaf: SchemaNode, _ type: SchemaType, _ other: Syntax, wider: Bool
  ) throws -> Part? {
    guard let value = try independent(other) else { return nil }
    switch value {
    case .boolean: return nil
    case .number(let number):
      return numeric(comparison, path, leaf, type, number, wider: wider)
    case .string(let text):
      guard comparison.isEquality else {
        return numeric(comparison, path, leaf, type, XPathNumber.parse(text), wider: wider)
      }
      return textual(comparison, path, leaf, type, text, wider: wider)
    case .nodeSet(let items):
      guard !items.isEmpty else { return Part(meaning: .constant(false)) }
      guard items.count == 1 || (comparison == .equal && items.count <= Self.valueLimit) else { return nil }
      var parts: [Part] = []
      for item in items {
        let text = try evaluator.stringValue(item)
        let part =
          comparison.isEquality
          ? textual(comparison, path, leaf, type, text, wider: wider)
          : numeric(comparison, path, leaf, type, XPathNumber.parse(text), wider: wider)
        guard let part else { return nil }
        parts.append(part)
      }
      guard parts.count > 1 else { return parts.first }
      let conditions = parts.compactMap { part -> EntryCondition? in
        if case .condition(let condition) = part.meaning { condition } else { nil }
      }
      guard conditions.count == parts.count else { return nil }
      return .condition(.any(conditions), isExact: parts.allSatisfy(\.isExact))
    }
  }

  /// The value of an expression that is the same for all entries; nil for others.
  private func independent(_ syntax: Syntax) throws -> XPathEvaluator<Tree>.Value? {
    guard syntax.uses.isSubset(of: currentIsEntry ? [] : .current) else { return nil }
    return try evaluator.value(syntax, frame)
  }

  private func textual(
    _ comparison: Comparison, _ path: [NodeID], _ leaf: SchemaNode, _ type: SchemaType, _ text: String, wider: Bool
  ) -> Part? {
    let wanted: String
    switch type.kind {
    case .string, .boolean, .enumeration: wanted = text
    case .empty, .instanceIdentifier, .leafref: return nil
    default:
      guard let canonical = evaluator.canonical(text, type) else { return nil }
      // A text that is a value of one member may stand for a value of another as it is.
      if case .union = type.kind, !canonical.utf8.elementsEqual(text.utf8) { return nil }
      wanted = canonical
    }
    let condition = EntryCondition.compares(path, comparison.ofEntries, wanted)
    guard let value = leaf.defaultValue else { return .condition(condition) }
    let isEqual = (schema.text(of: value, as: type) ?? value.plainText).utf8.elementsEqual(wanted.utf8)
    return onValue(condition, of: path, holdsWithout: isEqual == (comparison == .equal), wider: wider)
  }

  private func numeric(
    _ comparison: Comparison, _ path: [NodeID], _ leaf: SchemaNode, _ type: SchemaType, _ number: Double, wider: Bool
  ) -> Part? {
    guard let wanted = Self.text(number, as: type) else { return nil }
    let condition = EntryCondition.compares(path, comparison.ofEntries, wanted)
    guard let value = leaf.defaultValue else { return .condition(condition) }
    let holds = comparison.holds(XPathNumber.parse(schema.text(of: value, as: type) ?? value.plainText), number)
    return onValue(condition, of: path, holdsWithout: holds, wider: wider)
  }

  /// A number as a value of a type, where comparing such values gives the same as comparing numbers of XPath; else nil.
  private static func text(_ number: Double, as type: SchemaType) -> String? {
    guard number.isFinite else { return nil }
    let text = XPathNumber.text(number)
    switch type.kind {
    case .signed(let width, _):
      let limit: Double = width == .int8 ? 0x1p7 : width == .int16 ? 0x1p15 : width == .int32 ? 0x1p31 : 0x1p53
      return number == number.rounded() && number >= -limit && number < limit ? text : nil
    case .unsigned(let width, _):
      let limit: Double = width == .uint8 ? 0x1p8 : width == .uint16 ? 0x1p16 : width == .uint32 ? 0x1p32 : 0x1p53
      return number == number.rounded() && number >= 0 && number < limit ? text : nil
    case .decimal64(let digits, _):
      // So few digits that different decimal numbers are different numbers of XPath.
      var scaled = number.magnitude
      for _ in 0..<digits { scaled *= 10 }
      guard scaled < 1e15 else { return nil }
      guard let point = text.utf8.firstIndex(of: UInt8(ascii: ".")) else { return text + ".0" }
      return text.utf8.distance(from: point, to: text.utf8.endIndex) - 1 <= Int(digits) ? text : nil
    default: return nil
    }
  }

  // MARK: Functions

  private func matched(_ call: FunctionCall, wider: Bool) throws -> Part? {
    guard let leaf = leaf(call.arguments[0]), case .string = leaf.type.kind,
      case .string(let text)? = try independent(call.arguments[1])
    else { return nil }
    // Without a value the text is empty.
    var without = ""
    if case .string(let value)? = leaf.leaf.defaultValue { without = value }
    if call.function == .startsWith {
      let holds = without.utf8.starts(with: text.utf8)
      return onValue(.startsWith(leaf.path, text), of: leaf.path, holdsWithout: holds, wider: wider)
    }
    guard let pattern = call.pattern else { return nil }
    let holds = try pattern.matches(without) { try evaluator.charge($0) }
    return onValue(.matches(leaf.path, text), of: leaf.path, holdsWithout: holds, wider: wider)
  }

  private func derived(_ call: FunctionCall, wider: Bool) -> Part? {
    guard let leaf = leaf(call.arguments[0]), case .identityref = leaf.type.kind, let name = call.identity else { return nil }
    let found = schema.identities.filter { name.matches($0.name) }
    guard found.count == 1, let identity = found.first else { return nil }
    let orSelf = call.function == .derivedFromOrSelf
    let condition = EntryCondition.derives(leaf.path, from: IdentityHash(identity.name), orSelf: orSelf)
    // A leaf with a default may as well have one that counts.
    return onValue(condition, of: leaf.path, holdsWithout: leaf.leaf.defaultValue != nil, wider: wider)
      .inexact(if: leaf.leaf.defaultValue != nil)
  }
}

extension ConditionTranslator.Part {
  fileprivate func inexact(if isSo: Bool) -> Self { Self(meaning: meaning, isExact: isExact && !isSo) }

  /// What can be told of it; nil for nothing.
  var hint: EntryHint? {
    if case .condition(let condition) = meaning { EntryHint(condition, isExact: isExact) } else { nil }
  }
}

extension XPathEvaluator {
  /// What can be told of an expression, that has an entry as context node, to whoever has the entries of a list.
  /// - Parameter knows: the nodes below the list of which they know.
  public func hint(_ xpath: XPath, on list: NodeID, knows: @escaping (NodeID) -> Bool) throws -> EntryHint? {
    try run(xpath, at: tree.root) { frame in
      let translator = ConditionTranslator(
        evaluator: self, list: list, knows: knows, frame: frame, currentIsEntry: true)
      return try translator.part(xpath.syntax, wider: true).hint
    }
  }

  /// As for an expression, for the predicates of a step that come before any that counts positions.
  func hint(_ predicates: ArraySlice<Predicate>, on list: NodeID, in parent: Node, knows: @escaping (NodeID) -> Bool) throws
    -> EntryHint?
  {
    let translator = ConditionTranslator(
      evaluator: self, list: list, knows: knows, frame: Frame(item: Item(parent), position: 1, size: 1), currentIsEntry: false)
    return try translator.part(.and(predicates.map(\.expression)), wider: true).hint
  }
}

extension Step {
  /// The predicates that look at each node by itself, before any that counts positions.
  var plainPredicates: ArraySlice<Predicate> {
    predicates.prefix { predicate in
      if case .condition = predicate.kind { !predicate.isPositional } else { false }
    }
  }
}
