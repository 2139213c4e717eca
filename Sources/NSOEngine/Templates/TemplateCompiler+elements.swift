import NSOModel
import NSOSchema
import NSOXPath

/// Elements of a template: nodes of the schema.
extension TemplateCompiler {
  mutating func element(
    _ name: String, _ attributes: [(name: String, value: String)], _ children: [TemplateMarkup], _ place: TemplatePlace,
    _ outer: Scope
  ) throws(TemplateFault) -> TemplateElement {
    var scope = outer
    declare(attributes, in: &scope)
    let node = try find(name, scope, place)
    scope.parent = node
    let facts = model[node]
    let marks = try marks(attributes, node, scope, place)
    var keys: [TemplateElement.KeyStep] = []
    var body: [TemplateStep] = []
    var text = TemplateText()
    switch facts.kind {
    case .leaf, .leafList:
      text = try value(children, node, scope, place)
      guard facts.flags.contains(.empty), text.single == nil, !text.isBlank else { break }
      throw TemplateFault(place, "\(self.name(of: node)) is of type empty and takes no text")
    case .container: body = try steps(children, scope)
    case .list: (keys, body) = try entry(children, node, marks.tag, scope, place)
    default: throw TemplateFault(place, "\(self.name(of: node)) is a \(facts.kind.text), which templates cannot write")
    }
    let prefixes = scope.prefixes
    let schema = model.schema
    return TemplateElement(
      node: node, place: place, tag: marks.tag, forEach: marks.forEach, when: marks.when, insert: marks.insert, keys: keys,
      text: text, body: body,
      prefixes: .map { prefix in
        guard let prefix else { return nil }
        return prefixes[prefix] ?? schema.module(prefix: prefix)?.namespace ?? schema.module(name: prefix)?.namespace
      })
  }

  // MARK: Names

  private func find(_ name: String, _ scope: Scope, _ place: TemplatePlace) throws(TemplateFault) -> NodeID {
    let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let prefix = parts.count == 2 ? parts[0] : ""
    guard let namespace = scope.prefixes[prefix] ?? (prefix.isEmpty ? "" : nil) else {
      throw TemplateFault(place, "the prefix of element \(name) is not declared")
    }
    let local = parts.last ?? name
    guard let id = model.schema.child(of: scope.parent, namespace: namespace, name: local),
      model.schema[id].flags.isDisjoint(with: [.input, .output, .inNotification])
    else {
      let hint =
        namespace.hasPrefix("http://tail-f.com/ns/ncs")
        ? "; configuration of devices and services is not supported"
        : namespace == Self.namespace
          ? "; give it the namespace of its module with xmlns" : "; no loaded YANG module defines it there"
      throw TemplateFault(
        place,
        "unknown element \(local) (namespace \(namespace.isEmpty ? "none" : namespace)) in \(self.name(of: scope.parent))\(hint)"
      )
    }
    switch model[id].kind {
    case .action, .rpc, .notification:
      throw TemplateFault(place, "\(self.name(of: id)) is a \(model[id].kind.text), not configuration")
    default: break
    }
    guard model[id].isConfiguration else {
      throw TemplateFault(place, "\(self.name(of: id)) is operational data: templates write configuration only")
    }
    return id
  }

  // MARK: Attributes

  private struct Marks {
    var tag: TemplateTag?
    var forEach: XPath?
    var when: XPath?
    var insert: TemplateInsert?
  }

  private mutating func marks(
    _ attributes: [(name: String, value: String)], _ node: NodeID, _ scope: Scope, _ place: TemplatePlace
  ) throws(TemplateFault) -> Marks {
    var marks = Marks()
    var texts: [String: String] = [:]
    for (name, value) in attributes where !Self.isDeclaration(name) {
      guard ["tags", "foreach", "when", "insert", "value", "guard"].contains(name) else {
        throw TemplateFault(
          place, "attribute \(name) of \(self.name(of: node)) is not known; known are tags, foreach, when, insert, value, guard"
        )
      }
      texts[name] = value
    }
    if model[node].isKey, let name = texts.keys.sorted().first(where: { $0 != "tags" }) {
      throw TemplateFault(place, "\(self.name(of: node)) is a key: attribute \(name) belongs to the list")
    }
    if let text = texts["tags"] {
      guard let tag = TemplateTag(rawValue: text.trimmed) else {
        throw TemplateFault(place, "tags=\"\(text.shortened)\" is none of merge, replace, create, nocreate, delete")
      }
      marks.tag = tag
    }
    // A loop comes first: conditions are evaluated for each of its nodes.
    if let text = texts["foreach"] { marks.forEach = try nodeSet(text, "foreach", scope, place) }
    if let text = texts["when"] { marks.when = try expression(text, "when", scope, place) }
    marks.insert = try insert(texts, node, scope, place)
    return marks
  }

  private mutating func insert(
    _ texts: [String: String], _ node: NodeID, _ scope: Scope, _ place: TemplatePlace
  ) throws(TemplateFault) -> TemplateInsert? {
    guard let text = texts["insert"] else {
      if let name = ["value", "guard"].first(where: { texts[$0] != nil }) {
        throw TemplateFault(place, "attribute \(name) needs the attribute insert beside it")
      }
      return nil
    }
    guard model.schema[node].isOrderedByUser else {
      throw TemplateFault(place, "insert: \(name(of: node)) is no list or leaf-list ordered by user")
    }
    guard let position = TemplateInsert.Place(rawValue: text.trimmed) else {
      throw TemplateFault(place, "insert=\"\(text.shortened)\" is none of first, last, before, after")
    }
    let needsAnchor = position == .before || position == .after
    guard needsAnchor == (texts["value"] != nil) else {
      throw TemplateFault(
        place,
        needsAnchor
          ? "insert=\"\(position.rawValue)\" needs the attribute value, which names an entry"
          : "insert=\"\(position.rawValue)\" takes no attribute value")
    }
    var insert = TemplateInsert(place: position)
    if let text = texts["value"] { insert.anchor = try self.text(text, scope, place) }
    if let text = texts["guard"] { insert.guarding = try self.text(text, scope, place) }
    return insert
  }

  // MARK: Content

  /// The value of a leaf: text only.
  private mutating func value(
    _ children: [TemplateMarkup], _ node: NodeID, _ scope: Scope, _ place: TemplatePlace
  ) throws(TemplateFault) -> TemplateText {
    var text = ""
    for child in children {
      switch child {
      case .text(let piece, _): text += piece
      case .element(let name, _, _, let place):
        throw TemplateFault(place, "\(self.name(of: node)) is a \(model[node].kind.text) and cannot hold element \(name)")
      case .instruction(let name, _, let place):
        throw TemplateFault(
          place, "\(self.name(of: node)) is a \(model[node].kind.text): put the instruction \(name) around the whole element")
      }
    }
    return try self.text(text, scope, place)
  }

  /// A list entry: its keys, wherever they stand in it, and the rest.
  private mutating func entry(
    _ children: [TemplateMarkup], _ list: NodeID, _ tag: TemplateTag?, _ scope: Scope, _ place: TemplatePlace
  ) throws(TemplateFault) -> (keys: [TemplateElement.KeyStep], body: [TemplateStep]) {
    let names = model.schema[list].keys
    guard !names.isEmpty else { throw TemplateFault(place, "\(name(of: list)) has no keys: templates cannot write it") }
    // Keys are found by their names in the content; the rest keeps its order.
    var keys: [(child: Int, node: NodeID, index: Int)] = []
    var missing = Set(names)
    for (number, child) in children.enumerated() {
      guard case .element(let name, let attributes, _, let place) = child else { continue }
      var inner = scope
      declare(attributes, in: &inner)
      guard let node = try? find(name, inner, place), let index = names.firstIndex(of: node) else { continue }
      guard missing.remove(node) != nil else { throw TemplateFault(place, "\(self.name(of: node)) is given twice") }
      keys.append((number, node, index))
    }
    if keys.isEmpty, tag == .delete { return ([], []) }
    guard missing.isEmpty else {
      let text = names.filter { missing.contains($0) }.map { model.schema[$0].name.name }.joined(separator: ", ")
      throw TemplateFault(
        place, "\(name(of: list)): the key \(text) is missing; keys have to stand right in the list's element")
    }
    let last = keys.last?.child ?? 0
    var steps: [TemplateElement.KeyStep] = []
    var rest: [TemplateMarkup] = []
    makeBlock()
    defer { endBlock() }
    for (number, child) in children.enumerated() {
      if let key = keys.first(where: { $0.child == number }), case .element(_, let attributes, let content, let place) = child {
        var inner = scope
        declare(attributes, in: &inner)
        inner.parent = key.node
        _ = try marks(attributes, key.node, inner, place)
        steps.append(.key(index: key.index, try value(content, key.node, inner, place), place))
      } else if number < last, case .instruction(let name, _, _) = child, Self.areForKeys.contains(name) {
        for step in try self.steps(inSameBlock: child, scope) { steps.append(.instruction(step)) }
      } else {
        rest.append(child)
      }
    }
    return (steps, tag == .delete ? [] : try self.steps(rest, scope))
  }

  /// Instructions that matter for the keys after them.
  private static let areForKeys: Set<String> = [
    "set", "set-root-node", "set-context-node", "save-context", "switch-context",
  ]
}
