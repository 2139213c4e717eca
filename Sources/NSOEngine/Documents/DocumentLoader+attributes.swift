import NSODocument
import NSOModel
import NSOSchema
import NSOStore

/// What documents say beside the data: operations (RFC 6241, section 7.2), places in lists (RFC 7950, sections 7.7.9 and 7.8.6),
/// attributes of nodes.
extension DocumentLoader {
  /// An annotation in JSON of a member beside it.
  struct LateMetadata {
    /// How many frames are open around both.
    var depth: Int
    var name: DocumentName
    /// The item of a leaf-list.
    var index: Int?
    var attributes: [Attribute]
  }

  /// The entries of one leaf-list as they came.
  struct LeafListItems {
    var depth: Int
    var node: NodeID
    var entries: [Location]
  }

  mutating func marks(
    of element: DocumentElement, _ node: NodeID, _ inherited: Operation, _ editor: TreeEditor
  ) throws(NSOError) -> Marks {
    var marks = Marks(operation: inherited)
    guard !element.attributes.isEmpty else { return marks }
    var insert: String?
    var anchor: String?
    for attribute in element.attributes {
      let text = attribute.value.lexical
      switch (attribute.name.space, attribute.name.local) {
      case (.namespace(Self.netconf), "operation"):
        guard let known = Operation(rawValue: text), options.edit == nil || known != .none else {
          fault = .badAttribute("operation", element: element.name)
          throw NSOError(.badConfig, "\(element.name): operation \(text) is none of merge, replace, create, delete, remove")
        }
        marks.operation = known
      case (.namespace(Self.yang), "insert"): insert = text
      case (.namespace(Self.defaultNamespace), "default"): marks.isDefault = text == "true" || text == "1"
      case (.namespace(Self.yang), "key"), (.namespace(Self.yang), "value"): anchor = text
      case (.namespace(Self.ownNamespace), AttributeRule.removal):
        marks.removedAttributes += try text.split(whereSeparator: \.isWhitespace).map { (word) throws(NSOError) in
          guard let rule = AttributeRule.all.first(where: { $0.name == word }) else {
            throw NSOError(.badConfig, "\(element.name): attribute \(word), which is to be removed, is not known")
          }
          return rule.number
        }
      default:
        if let rule = AttributeRule.named(attribute.name) {
          marks.attributes.append(try self.attribute(attribute.value, rule, element.names))
        } else if !options.lax {
          fault = .unknownAttribute(attribute.name, element: element.name)
          throw NSOError(
            .badConfig,
            "\(element.name): attribute \(attribute.name) is not known; leave it out, or have what is unknown ignored (ncs_load -x)"
          )
        }
      }
    }
    marks.isPlaced = insert != nil
    if marks.isPlaced, options.edit != nil, !model.schema[node].isOrderedByUser {
      fault = .badAttribute("insert", element: element.name)
      throw NSOError(.badConfig, "\(element.name): insert is for lists that are ordered by user")
    }
    switch insert {
    case nil, "last": break
    case "first": marks.insert = .first
    case "before": marks.insert = .before(try keys(anchor, of: node, element, editor))
    case "after": marks.insert = .after(try keys(anchor, of: node, element, editor))
    case let other?:
      fault = .badAttribute("insert", element: element.name)
      throw NSOError(.badConfig, "\(element.name): insert=\"\(other)\" is none of first, last, before, after")
    }
    return marks
  }

  /// The keys of the entry that another one is to stand beside: of a list as predicates, of a leaf-list the value.
  private mutating func keys(
    _ anchor: String?, of node: NodeID, _ element: DocumentElement, _ editor: TreeEditor
  ) throws(NSOError) -> [Value] {
    guard let anchor else {
      fault = .missingAttribute(model[node].kind == .list ? "key" : "value", element: element.name)
      throw NSOError(.badConfig, "\(element.name): insert before or after needs the attribute key, or value in a leaf-list")
    }
    let list = model.schema[node]
    let place = Location.root
    if list.kind == .leafList { return [try editor.parse(anchor, node, place, resolver(element.names))] }
    // Until all of it is understood.
    fault = .badAttribute("key", element: element.name)
    guard list.kind == .list, case .named(let named)? = try StringPath("/entry" + anchor).steps.first?.keys else {
      throw NSOError(.badConfig, "\(element.name): key=\"\(anchor)\" does not name an entry; write [name='value'] for each key")
    }
    var keys: [Value] = []
    for key in list.keys {
      let name = model.schema[key].name.name
      guard let text = named.first(where: { $0.name == name })?.value else {
        throw NSOError(.badConfig, "\(element.name): key=\"\(anchor)\" lacks \(name)")
      }
      keys.append(try editor.parse(text, key, place, resolver(element.names)))
    }
    fault = nil
    return keys
  }

  private func attribute(
    _ scalar: DocumentScalar, _ rule: AttributeRule, _ names: NameContext
  ) throws(NSOError) -> Attribute {
    let value = try model.value(scalar, of: rule) { text in
      let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { return nil }
      let namespace: String? =
        switch names {
        case .moduleNames: model.schema.module(name: parts[0])?.namespace
        case .prefixes(let scope): scope.namespace(for: parts[0])
        }
      let identity = namespace.flatMap { model.schema.identity(QName(namespace: $0, name: parts[1])) }
      return identity.map { .identityref(IdentityHash($0.name)) }
    }
    return Attribute(rule.number, value)
  }

  func set(_ marks: Marks, of location: Location, _ editor: inout TreeEditor) throws(NSOError) {
    for number in marks.removedAttributes { try editor.setAttribute(number, to: nil, of: location) }
    try set(marks.attributes, of: location, &editor)
  }

  func set(_ attributes: [Attribute], of location: Location, _ editor: inout TreeEditor) throws(NSOError) {
    for attribute in attributes { try editor.setAttribute(attribute.number, to: attribute.value, of: location) }
  }

  // MARK: Annotations in JSON (RFC 7952, section 5.2)

  mutating func metadata(
    of target: MetadataTarget, _ annotations: [DocumentAttribute], _ editor: inout TreeEditor
  ) throws(NSOError) {
    if case .skipped? = frames.last { return }
    var attributes: [Attribute] = []
    for annotation in annotations {
      if let rule = AttributeRule.named(annotation.name) {
        attributes.append(try attribute(annotation.value, rule, .moduleNames))
      } else if !options.lax {
        throw NSOError(
          .badConfig,
          "\(place): annotation \(annotation.name) is not known; leave it out, or have what is unknown ignored (ncs_load -x)")
      }
    }
    switch target {
    case .enclosing:
      guard case .inside(let location, _)? = frames.last else {
        throw NSOError(.badConfig, "\(place): \"@\" stands outside of a container or list entry")
      }
      try set(attributes, of: location, &editor)
    case .member(let name):
      lateMetadata.append(LateMetadata(depth: frames.count, name: name, index: nil, attributes: attributes))
    case .item(let name, let index):
      lateMetadata.append(LateMetadata(depth: frames.count, name: name, index: index, attributes: attributes))
    }
  }

  /// Remembers an entry of a leaf-list for its annotations. The frame of the entry itself is closed already.
  mutating func note(item: Location, of node: NodeID) {
    if let last = items.last, last.depth == frames.count, last.node == node {
      items[items.count - 1].entries.append(item)
    } else {
      items.append(LeafListItems(depth: frames.count, node: node, entries: [item]))
    }
  }

  /// An object ends: everything in it is there now.
  mutating func closeLevel(_ editor: inout TreeEditor) throws(NSOError) {
    let depth = frames.count
    while let late = lateMetadata.last, late.depth == depth {
      lateMetadata.removeLast()
      try apply(late, &editor)
    }
    while let last = items.last, last.depth >= depth { items.removeLast() }
  }

  private func apply(_ late: LateMetadata, _ editor: inout TreeEditor) throws(NSOError) {
    var parent = base
    if case .inside(let location, _)? = frames.last { parent = location }
    guard let node = find(late.name, in: parent.node) else {
      if options.lax { return }
      throw NSOError(.badPath, "\(place): \"@\(late.name)\" annotates what is not in the schema")
    }
    switch (model[node].kind, late.index) {
    case (.leaf, nil): try set(late.attributes, of: parent.child(node, model), &editor)
    case (.leafList, let index?):
      guard let entries = items.first(where: { $0.depth == late.depth && $0.node == node })?.entries,
        entries.indices.contains(index)
      else {
        throw NSOError(.badConfig, "\(place): \"@\(late.name)\" has more annotations than there are entries")
      }
      try set(late.attributes, of: entries[index], &editor)
    default:
      throw NSOError(
        .badConfig, "\(place): \"@\(late.name)\" is for a leaf, or as an array for a leaf-list; use \"@\" inside of others")
    }
  }
}
