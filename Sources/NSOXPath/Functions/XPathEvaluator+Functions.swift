internal import NSOModel
internal import NSOSchema

extension XPathEvaluator {
  /// A function call. Counts and types of arguments were checked when the expression was parsed.
  func call(_ call: FunctionCall, _ frame: Frame) throws -> Value {
    try charge()
    let arguments = call.arguments
    switch call.function {
    case .true: return .boolean(true)
    case .false: return .boolean(false)
    case .not: return .boolean(try !boolean(arguments[0], frame))
    case .boolean: return .boolean(try boolean(arguments[0], frame))
    // There is no xml:lang in YANG data.
    case .lang:
      _ = try string(arguments[0], frame)
      return .boolean(false)

    case .last: return .number(Double(frame.size))
    case .position: return .number(Double(frame.position))
    case .count: return .number(Double(try nodes(arguments[0], frame).count))
    // YANG data has no DTD, so no node has an ID.
    case .id:
      _ = try value(arguments[0], frame)
      return .nodeSet([])
    case .current: return .nodeSet([current])
    case .name: return .string(try named(call, frame) { "\(schema[$0.module].prefix):\($0.name.name)" })
    case .localName: return .string(try named(call, frame) { $0.name.name })
    case .namespaceURI: return .string(try named(call, frame) { $0.name.namespace })

    case .number:
      return .number(try arguments.first.map { try number($0, frame) } ?? XPathNumber.parse(stringValue(frame.item)))
    case .sum:
      var sum = 0.0
      for item in try nodes(arguments[0], frame) { sum += XPathNumber.parse(try stringValue(item)) }
      return .number(sum)
    case .floor: return .number(try number(arguments[0], frame).rounded(.down))
    case .ceiling: return .number(try number(arguments[0], frame).rounded(.up))
    case .round: return .number(XPathNumber.round(try number(arguments[0], frame)))

    case .string, .stringLength, .normalizeSpace, .concat, .contains, .startsWith, .substring, .substringBefore,
      .substringAfter,
      .translate:
      return try textFunction(call, frame)
    case .deref, .reMatch, .derivedFrom, .derivedFromOrSelf, .enumValue, .bitIsSet:
      return try yangFunction(call, frame)
    case .stringCompare, .compare, .min, .max, .avg, .band, .bor, .bxor, .bnot: return .number(try orderFunction(call, frame))
    case .sortBy: return .nodeSet(try sortedByIndex(call, frame))
    }
  }

  /// Something of the name of the first node of the argument, or of the context node; empty where there is no name.
  private func named(_ call: FunctionCall, _ frame: Frame, _ part: (SchemaNode) -> String) throws -> String {
    let item = try call.arguments.first.map { try first($0, frame) } ?? frame.item
    guard let item, !item.isText, let id = tree.schemaNode(of: item.node) else { return "" }
    return part(schema[id])
  }

  /// The first node of a node-set in document order.
  func first(_ syntax: Syntax, _ frame: Frame) throws -> Item? {
    var result: Item?
    _ = try forEach(syntax, frame, ordered: true, in: "the argument") { item in
      result = item
      return false
    }
    return result
  }

  // MARK: Texts

  /// Counts handling a text against the limit of steps.
  private func charged(_ text: String) throws -> String {
    try charge(text.utf8.count >> 6)
    return text
  }

  private func textFunction(_ call: FunctionCall, _ frame: Frame) throws -> Value {
    if call.function == .concat {
      var text = ""
      for argument in call.arguments { try append(string(argument, frame), to: &text) }
      return .string(text)
    }
    var texts: [String] = []
    for argument in call.function == .substring ? call.arguments.prefix(1) : call.arguments[...] {
      texts.append(try charged(string(argument, frame)))
    }
    if texts.isEmpty { texts.append(try stringValue(frame.item)) }
    switch call.function {
    case .stringLength: return .number(Double(texts[0].unicodeScalars.count))
    case .normalizeSpace: return .string(XPathText.normalized(texts[0]))
    case .contains: return .boolean(XPathText.find(texts[1], in: texts[0]) != nil)
    case .startsWith: return .boolean(texts[0].utf8.starts(with: texts[1].utf8))
    case .substringBefore:
      return .string(XPathText.find(texts[1], in: texts[0]).map { String(texts[0][..<$0.lowerBound]) } ?? "")
    case .substringAfter:
      return .string(XPathText.find(texts[1], in: texts[0]).map { String(texts[0][$0.upperBound...]) } ?? "")
    case .substring:
      let start = try number(call.arguments[1], frame)
      let length = call.arguments.count > 2 ? try number(call.arguments[2], frame) : nil
      return .string(XPathText.substring(texts[0], from: start, length: length))
    case .translate: return .string(XPathText.translate(texts[0], texts[1], texts[2]))
    default: return .string(texts[0])
    }
  }

  // MARK: YANG 1.1

  private func yangFunction(_ call: FunctionCall, _ frame: Frame) throws -> Value {
    let arguments = call.arguments
    switch call.function {
    case .deref:
      guard let item = try first(arguments[0], frame), !item.isText else { return .nodeSet([]) }
      return .nodeSet(try targets(of: item.node).map { Item($0) })
    case .reMatch:
      let text = try string(arguments[0], frame)
      let pattern = try call.pattern ?? self.pattern(string(arguments[1], frame), at: call.offset)
      return .boolean(try pattern.matches(text) { try charge($0) })
    case .derivedFrom, .derivedFromOrSelf:
      let wanted = try call.identity ?? identity(named: string(arguments[1], frame), at: call.offset)
      let found = try !forEach(arguments[0], frame, ordered: false, in: "\(call.function.rawValue)()") { item in
        guard !item.isText, case .identityref(let hash)? = try value(of: item.node), let identity = schema.identity(hash)
        else { return true }
        if call.function == .derivedFromOrSelf, wanted.matches(identity.name) { return false }
        return !identity.ancestors.contains { wanted.matches($0) }
      }
      return .boolean(found)
    case .enumValue:
      guard let item = try first(arguments[0], frame), !item.isText, case .enumeration(let number)? = try value(of: item.node)
      else { return .number(.nan) }
      return .number(Double(number))
    default:
      let name = try string(arguments[1], frame)
      guard let item = try first(arguments[0], frame), !item.isText else { return .boolean(false) }
      return .boolean(try holdsBits(item.node) && text(item.node).split(separator: " ").contains { $0 == name })
    }
  }

  func value(of node: Node) throws -> NSOModel.Value? {
    try charge()
    recorder?(.value(node))
    return try tree.value(of: node)
  }

  private func holdsBits(_ node: Node) throws -> Bool {
    switch try value(of: node) {
    case .bits32?, .bits64?, .bitsBig?: true
    default: false
    }
  }

  private func pattern(_ text: String, at offset: Int) throws -> XSDPattern {
    if let known = patterns[text] { return known }
    do {
      let pattern = try XSDPattern(text)
      try charge(pattern.program.count)
      if patterns.count > 100 { patterns.removeAll() }
      patterns[text] = pattern
      return pattern
    } catch let error as XSDPattern.Failure {
      throw failure(.badPattern(text, error.message), at: offset)
    }
  }

  private func identity(named text: String, at offset: Int) throws -> IdentityName {
    let namespaces = expression?.namespaces ?? XPathNamespaces()
    return try namespaces.identity(text) { failure($0, at: offset) }
  }

  /// What a leafref or instance-identifier refers to (RFC 7950, section 10.3.1); nothing for other nodes.
  func targets(of node: Node) throws -> [Node] {
    guard let id = tree.schemaNode(of: node), let type = schema[id].type else { return [] }
    recorder?(.value(node))
    if case .instanceIdentifier? = try tree.value(of: node) {
      return try tree.target(ofInstanceIdentifier: node).map { [$0] } ?? []
    }
    let rules = type.leafrefs
    guard !rules.isEmpty else { return [] }
    let text = try text(node)
    var found: [Node] = []
    for rule in rules where found.isEmpty {
      _ = try forEachTarget(of: references.path(rule.path), holding: text, from: node) { target in
        found.append(target)
        return true
      }
    }
    return found
  }

  /// The nodes at the end of a leafref's path, seen from a leaf, that have a value.
  public func forEachTarget(
    of path: LeafrefPath, holding text: String, from node: Node, _ body: (Node) throws -> Bool
  ) throws -> Bool {
    let outer = (variables, scopeRoot)
    variables = [LeafrefPath.variable: .string(text)]
    // A reference may lead out of the part that expressions see.
    scopeRoot = nil
    defer { (variables, scopeRoot) = outer }
    guard let outer = expression else {
      return try run(path.lookup, at: node) { frame in
        try forEach(path.lookup.syntax, frame, ordered: true, in: "path") { try body($0.node) }
      }
    }
    // Within another evaluation it is part of that one's work.
    let outerCurrent = current
    expression = path.lookup
    current = Item(node)
    defer {
      expression = outer
      current = outerCurrent
    }
    return try forEach(path.lookup.syntax, Frame(item: current, position: 1, size: 1), ordered: true, in: "path") { item in
      try body(item.node)
    }
  }
}

extension IdentityName {
  func matches(_ other: QName) -> Bool { name == other.name && (namespace == nil || namespace == other.namespace) }
}

extension SchemaType {
  /// The leafref itself, or those among the members of a union.
  var leafrefs: [LeafrefRules] {
    switch kind {
    case .leafref(let rules): [rules]
    case .union(let members): members.flatMap(\.leafrefs)
    default: []
    }
  }
}
