internal import NSOModel
internal import NSOSchema

extension XPathEvaluator {
  /// Comparisons (XPath 1.0, section 3.4). With a node-set they ask whether some node makes them true, and stop at the
  /// first.
  func compare(_ comparison: Comparison, _ a: Syntax, _ b: Syntax, _ frame: Frame) throws -> Bool {
    switch (a.type, b.type) {
    case (.unknown, _), (_, .unknown):
      return try compare(comparison, value(a, frame), value(b, frame))
    case (.nodeSet, .nodeSet):
      return try compareNodeSets(comparison, a, .nodeSet(nodes(b, frame)), frame)
    case (.nodeSet, _):
      return try compareNodeSets(comparison, a, value(b, frame), frame)
    case (_, .nodeSet):
      return try compareNodeSets(comparison.mirrored, b, value(a, frame), frame)
    default:
      return try compare(comparison, value(a, frame), value(b, frame))
    }
  }

  /// A node-set, walked only as far as needed, with a value.
  private func compareNodeSets(_ comparison: Comparison, _ a: Syntax, _ b: Value, _ frame: Frame) throws -> Bool {
    if case .boolean(let flag) = b { return compare(comparison, try boolean(a, frame), flag) }
    let other = try Operand(b, comparison, self)
    return try !forEach(a, frame, ordered: false, in: "a comparison") { try !holds(comparison, $0, other) }
  }

  private func compare(_ comparison: Comparison, _ a: Bool, _ b: Bool) -> Bool {
    comparison.isEquality ? comparison.holds(a, b) : comparison.holds(a ? 1.0 : 0.0, b ? 1.0 : 0.0)
  }

  private func compare(_ comparison: Comparison, _ a: Value, _ b: Value) throws -> Bool {
    switch (a, b) {
    case (.nodeSet(let items), .boolean(let flag)): return compare(comparison, !items.isEmpty, flag)
    case (.boolean(let flag), .nodeSet(let items)): return compare(comparison, flag, !items.isEmpty)
    case (.nodeSet(let items), _):
      let other = try Operand(b, comparison, self)
      return try items.contains { try holds(comparison, $0, other) }
    case (_, .nodeSet(let items)):
      let other = try Operand(a, comparison.mirrored, self)
      return try items.contains { try holds(comparison.mirrored, $0, other) }
    default: break
    }
    guard comparison.isEquality else { return comparison.holds(try number(a), try number(b)) }
    switch (a, b) {
    case (.boolean, _), (_, .boolean): return comparison.holds(boolean(a), boolean(b))
    case (.number, _), (_, .number): return comparison.holds(try number(a), try number(b))
    default: return comparison.holds(try string(a), try string(b))
    }
  }

  /// The other side of a comparison with a node, made ready once.
  private enum Operand {
    case number(Double)
    case text(String)
    /// Texts of a node-set, for `=` and `!=`.
    case texts(Set<String>)
    /// The least and the greatest number of a node-set, for the rest; nil when it has no numbers.
    case numbers(ClosedRange<Double>?)

    init(_ value: Value, _ comparison: Comparison, _ evaluator: XPathEvaluator) throws {
      switch value {
      case .number(let number): self = .number(number)
      case .boolean(let flag): self = .number(flag ? 1 : 0)
      case .string(let text): self = comparison.isEquality ? .text(text) : .number(XPathNumber.parse(text))
      case .nodeSet(let items) where comparison.isEquality:
        var texts = Set<String>(minimumCapacity: items.count)
        for item in items { texts.insert(try evaluator.stringValue(item)) }
        self = .texts(texts)
      case .nodeSet(let items):
        var range: ClosedRange<Double>?
        for item in items {
          let number = XPathNumber.parse(try evaluator.stringValue(item))
          guard !number.isNaN else { continue }
          range = range.map { min($0.lowerBound, number)...max($0.upperBound, number) } ?? number...number
        }
        self = .numbers(range)
      }
    }
  }

  private func holds(_ comparison: Comparison, _ item: Item, _ other: Operand) throws -> Bool {
    try charge()
    let text = try stringValue(item)
    switch other {
    case .number(let number): return comparison.holds(XPathNumber.parse(text), number)
    case .text(let wanted):
      let isEqual = text == wanted || canonical(wanted, for: item) == text
      return comparison == .equal ? isEqual : !isEqual
    case .texts(let texts):
      return comparison == .equal ? texts.contains(text) : texts.count > 1 || texts.first.map { $0 != text } ?? false
    case .numbers(let range):
      guard let range else { return false }
      let number = XPathNumber.parse(text)
      switch comparison {
      case .less, .lessOrEqual: return comparison.holds(number, range.upperBound)
      default: return comparison.holds(number, range.lowerBound)
      }
    }
  }

  // MARK: Texts as values of a type

  /// A text as a value of the leaf's type in canonical form, so that `type = 'p:ethernet'` means the identity whatever
  /// prefix the canonical form has, and `prefix = '2001:DB8::/32'` the prefix; nil when it is none or makes no difference.
  private func canonical(_ text: String, for item: Item) -> String? {
    guard !item.isText, let id = tree.schemaNode(of: item.node), let type = schema[id].type else { return nil }
    return canonical(text, type)
  }

  func canonical(_ text: String, _ type: SchemaType) -> String? {
    switch type.valueType.kind {
    case .string, .boolean, .enumeration, .empty: return nil
    default: break
    }
    let key = CanonicalKey(
      type: ObjectIdentifier(type), text: text, namespaces: expression?.namespaces,
      namespacesHash: expression?.namespacesHash ?? 0)
    if let known = canonicalTexts[key] { return known }
    guard let canonical = expression?.namespaces.canonical(text, type, schema) else { return nil }
    if canonicalTexts.count > 1000 { canonicalTexts.removeAll() }
    canonicalTexts[key] = canonical
    return canonical
  }

  /// Texts of the first keys of a list entry, or of the value of a leaf-list entry, that a step asks for: one
  /// combination for each set of values that may match. nil when the conditions give no key.
  func keys(of node: SchemaNode, _ equalities: [KeyEquality], _ parent: Node) throws -> [[String]]? {
    var combinations: [[String]] = [[]]
    let wanted: [(name: QName?, type: SchemaType?)] =
      node.kind == .leafList ? [(nil, node.type)] : node.keys.map { (schema[$0].name, schema[$0].type) }
    for key in wanted {
      guard let type = key.type, let equality = equalities.first(where: { $0.selects(key.name) }),
        let values = try keyTexts(equality.value, type, parent), combinations.count * values.count <= 1000
      else { break }
      combinations = combinations.flatMap { start in values.map { start + [$0] } }
    }
    return combinations.first?.isEmpty ?? false ? nil : combinations
  }

  /// The texts that a key must have to be equal to a value; nil when only comparing tells.
  private func keyTexts(_ syntax: Syntax, _ type: SchemaType, _ parent: Node) throws -> [String]? {
    switch try value(syntax, Frame(item: Item(parent), position: 1, size: 1)) {
    case .string(let text): return [canonical(text, type) ?? text]
    case .nodeSet(let items):
      guard items.count <= 1000 else { return nil }
      return Array(Set(try items.map { try stringValue($0) }))
    case .number(let number):
      // Only where one number has one text.
      guard number.magnitude < 0x1p53, number == number.rounded() else { return nil }
      switch type.valueType.kind {
      case .signed, .unsigned: return [XPathNumber.text(number)]
      default: return nil
      }
    case .boolean: return nil
    }
  }
}

extension KeyEquality {
  /// Whether it compares the child `name`, or the node itself for nil.
  fileprivate func selects(_ name: QName?) -> Bool {
    guard let name else { return child == nil }
    return child?.matches(namespace: name.namespace, local: name.name) ?? false
  }
}

/// What a text means depends on the type and the prefixes of the expression.
struct CanonicalKey: Hashable {
  var type: ObjectIdentifier
  var text: String
  var namespaces: XPathNamespaces?
  /// Of the namespaces, which are many.
  var namespacesHash: Int

  func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    hasher.combine(text)
    hasher.combine(namespacesHash)
  }
}
