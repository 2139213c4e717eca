public import NSOModel
public import NSOSchema

/// Stored data as XPath sees it (RFC 7950, section 6.4.1): with the defaults that are in use, the containers without
/// presence, and the key leafs of entries.
///
/// It remembers values in the nodes it hands out, so do not keep nodes across changes of the storage.
public final class AccessibleTree<Storage: InstanceStorage>: XPathTree {
  public typealias Node = InstanceNode<Storage.Place>

  public var storage: Storage
  public let schema: Schema
  public let root: Node
  /// Whether the `when` conditions of a node hold below a parent. Asked for nodes that are only there by default; nil
  /// takes all for true.
  public var isApplicable: ((NodeID, Node) throws -> Bool)?
  /// Whether what a node has by default may be seen at a place; nil: all of it.
  public var isShown: ((NodeID, Storage.Place) -> Bool)?

  public init(_ storage: Storage) {
    self.storage = storage
    schema = storage.schema
    root = Node(nil, in: nil, at: storage.rootPlace)
  }

  public func schemaNode(of node: Node) -> NodeID? { node.schemaNode }

  public func parent(of node: Node) -> Node? { node.parent }

  public func path(of node: Node) -> String { schema.text(of: node.keypath(schema)) }

  // MARK: Instances

  public func forEachInstance(
    of child: NodeID, in parent: Node, keys: [String], _ body: (Node) throws -> Bool
  ) throws -> Bool {
    guard let values = values(keys, of: child) else { return true }
    return try forEachInstance(of: child, in: parent, keyValues: values, body)
  }

  /// The key values that texts stand for; nil when one is no value of its type.
  private func values(_ keys: [String], of child: NodeID) -> [Value]? {
    guard !keys.isEmpty else { return [] }
    var values: [Value] = []
    let node = schema[child]
    let types = node.kind == .list ? node.keys.map { schema[$0].type } : [node.type]
    for (text, type) in zip(keys, types) {
      guard let type, let value = try? schema.parse(text, as: type) else { return nil }
      values.append(value)
    }
    return values
  }

  public func hintedNodes(of list: NodeID, in parent: Node) -> ((NodeID) -> Bool)? {
    storage.hintedNodes(of: list, at: storage.place(of: list, in: parent.place))
  }

  public func meetsHint(_ node: Node) -> Bool { node.meetsHint }

  public func forEachInstance(
    of child: NodeID, in parent: Node, keys: [String], hint: EntryHint, _ body: (Node) throws -> Bool
  ) throws -> Bool {
    guard schema[child].kind == .list else { return try forEachInstance(of: child, in: parent, keys: keys, body) }
    guard let values = values(keys, of: child) else { return true }
    let place = storage.place(of: child, in: parent.place)
    return try storage.forEachEntry(of: child, at: place, keys: values, hint: hint) { entry, keys, isPromised in
      try body(Node(child, in: parent, at: entry, keys: keys, meetsHint: isPromised && hint.isExact))
    }
  }

  /// As with texts of keys.
  public func forEachInstance(
    of child: NodeID, in parent: Node, keyValues: [Value], _ body: (Node) throws -> Bool
  ) throws -> Bool {
    let node = schema[child]
    let place = storage.place(of: child, in: parent.place)
    switch node.kind {
    case .list:
      return try storage.forEachEntry(of: child, at: place, keys: keyValues) { entry, keys in
        try body(Node(child, in: parent, at: entry, keys: keys))
      }
    case .leafList:
      var isEmpty = true
      let wentOn = try storage.forEachEntry(of: child, at: place, keys: keyValues) { entry, keys in
        isEmpty = false
        return try body(Node(child, in: parent, at: entry, keys: keys, value: keys.first))
      }
      guard wentOn, isEmpty, !node.defaults.isEmpty, try keyValues.isEmpty || !storage.hasContent(place),
        try isDefaultInUse(node, in: parent)
      else { return wentOn }
      for value in node.defaults where keyValues.first.map({ $0 == value }) ?? true {
        guard try body(Node(child, in: parent, at: place, keys: [value], value: value, isDefault: true)) else { return false }
      }
      return true
    case .leaf:
      if node.isKey {
        guard let position = parent.schemaNode.flatMap({ schema[$0].keys.firstIndex(of: child) }),
          parent.keys.indices.contains(position)
        else { return true }
        return try body(Node(child, in: parent, at: place, value: parent.keys[position]))
      }
      if node.isEmptyLeaf { return try storage.isSet(place) ? body(Node(child, in: parent, at: place, value: .empty)) : true }
      if let value = try storage.value(of: child, at: place) {
        return try body(Node(child, in: parent, at: place, value: value))
      }
      guard let value = node.defaultValue, try isDefaultInUse(node, in: parent) else { return true }
      return try body(Node(child, in: parent, at: place, value: value, isDefault: true))
    case .container where !node.isPresence:
      if node.caseReference == nil, !node.flags.contains(.hasWhen) { return try body(Node(child, in: parent, at: place)) }
      guard try isDefaultInUse(node, in: parent) || (try storage.hasContent(place)) else { return true }
      return try body(Node(child, in: parent, at: place))
    case .container, .anydata, .anyxml:
      return try storage.isSet(place) ? body(Node(child, in: parent, at: place)) : true
    case .action, .rpc, .notification:
      return storage.isOperation(place) ? try body(Node(child, in: parent, at: place)) : true
    }
  }

  /// A node that stands for an instance of a child, whether or not there is one: the context node of a `when` expression.
  /// Without keys for a list or leaf-list.
  public func imagined(_ child: NodeID, in parent: Node) -> Node {
    Node(child, in: parent, at: storage.place(of: child, in: parent.place))
  }

  /// A node that stands for an entry of a list or leaf-list, whether or not there is one.
  public func imagined(_ list: NodeID, keys: [Value], in parent: Node) throws -> Node {
    let place = storage.place(of: list, in: parent.place)
    let value = schema[list].kind == .leafList ? keys.first : nil
    return Node(list, in: parent, at: try storage.place(ofEntry: keys, of: list, at: place), keys: keys, value: value)
  }

  /// A node that stands for the instance at a path, whether or not there is one.
  /// - Throws: what the storage throws; BADPATH when the path does not fit the schema.
  public func imagined(at path: Keypath) throws -> Node {
    var node = root
    var index = 0
    let path = try schema.resolve(path).keypath
    while index < path.elements.count {
      guard case .tag(let tag) = path.elements[index], let child = schema.child(of: node.schemaNode, tag) else { break }
      index += 1
      if index < path.elements.count, case .keys(let keys) = path.elements[index] {
        node = try imagined(child, keys: keys, in: node)
        index += 1
      } else {
        node = imagined(child, in: node)
      }
    }
    return node
  }

  /// The instance at a path; nil when there is none, or the path does not lead to a single node.
  public func node(at path: Keypath) throws -> Node? {
    var node = root
    var index = 0
    while index < path.elements.count {
      guard case .tag(let tag) = path.elements[index], let child = schema.child(of: node.schemaNode, tag) else { return nil }
      index += 1
      var keys: [Value] = []
      if index < path.elements.count, case .keys(let values) = path.elements[index] {
        keys = values
        index += 1
      }
      var found: Node?
      _ = try forEachInstance(of: child, in: node, keyValues: keys) { instance in
        found = instance
        return false
      }
      let kind = schema[child].kind
      guard let found, kind != .list && kind != .leafList || found.keys == keys else { return nil }
      node = found
    }
    return node
  }

  // MARK: Values

  public func value(of node: Node) throws -> Value? { node.knownValue }

  public func text(of node: Node) throws -> String {
    if let text = node.knownText { return text }
    guard let value = node.knownValue, let type = node.schemaNode.flatMap({ schema[$0].type }) else { return "" }
    let text = schema.text(of: value, as: type) ?? value.plainText
    node.knownText = text
    return text
  }

  public func isEntry(_ a: Node, before b: Node) throws -> Bool {
    guard let list = a.schemaNode else { return false }
    if a.isDefault || b.isDefault {
      let defaults = schema[list].defaults
      let place = { (node: Node) in node.keys.first.flatMap { defaults.firstIndex(of: $0) } ?? 0 }
      return place(a) < place(b)
    }
    return try storage.isEntry(a.place, before: b.place, of: list)
  }

  public func target(ofInstanceIdentifier node: Node) throws -> Node? {
    guard case .instanceIdentifier(let path)? = node.knownValue else { return nil }
    return try self.node(at: path)
  }

  /// Whether something is stored for a node: a default or an empty container does not count.
  public func isStored(_ node: Node) throws -> Bool {
    guard !node.isDefault, let id = node.schemaNode else { return false }
    switch schema[id].kind {
    case .container where !schema[id].isPresence: return try storage.hasContent(node.place)
    case .leaf where schema[id].isKey: return true
    case .leaf, .container, .anydata, .anyxml: return try storage.isSet(node.place)
    case .list, .leafList: return !node.keys.isEmpty
    case .action, .rpc, .notification: return false
    }
  }

  // MARK: Defaults

  /// Whether what a node has by default is there: its conditions hold, and its case is chosen, or the default where none
  /// is (RFC 7950, sections 7.6.1 and 7.9.3).
  private func isDefaultInUse(_ node: SchemaNode, in parent: Node) throws -> Bool {
    if let isShown, !isShown(node.id, storage.place(of: node.id, in: parent.place)) { return false }
    if let reference = node.caseReference, try !isInEffect(reference, in: parent) { return false }
    guard node.flags.contains(.hasWhen), let isApplicable else { return true }
    return try isApplicable(node.id, parent)
  }

  /// Whether a case is chosen, or the default of a choice where no case is chosen; cases around it likewise.
  public func isInEffect(_ reference: CaseReference, in parent: Node) throws -> Bool {
    let choice = schema[reference.choice]
    if try isChosen(reference.choice, case: reference.index, in: parent) { return true }
    guard choice.defaultCase == reference.index else { return false }
    for index in choice.cases.indices where index != reference.index {
      if try isChosen(reference.choice, case: index, in: parent) { return false }
    }
    return try choice.caseReference.map { try isInEffect($0, in: parent) } ?? true
  }

  /// Whether something of a case is stored.
  public func isChosen(_ choice: ChoiceID, case index: Int, in parent: Node) throws -> Bool {
    for member in schema[choice].cases[index].members {
      switch member {
      case .node(let id):
        if try isSet(id, in: parent) { return true }
      case .choice(let inner):
        if try isChosen(inner, in: parent) { return true }
      }
    }
    return false
  }

  /// Whether something of a choice is stored.
  public func isChosen(_ choice: ChoiceID, in parent: Node) throws -> Bool {
    for index in schema[choice].cases.indices where try isChosen(choice, case: index, in: parent) { return true }
    return false
  }

  /// Whether an instance of a child is stored.
  public func isSet(_ child: NodeID, in parent: Node) throws -> Bool {
    let node = schema[child]
    let place = storage.place(of: child, in: parent.place)
    switch node.kind {
    case .leaf where !node.isKey: return try storage.isSet(place)
    case .container where node.isPresence: return try storage.isSet(place)
    case .anydata, .anyxml: return try storage.isSet(place)
    case .leaf: return true
    default: return try storage.hasContent(place)
    }
  }
}
