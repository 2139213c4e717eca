internal import NSOModel
internal import NSOSchema

/// Where in the schema the nodes are that a name test can match, so that a walk of all descendants leaves out subtrees
/// without any.
struct DescendantGuide {
  /// Ascending.
  private var matching: [NodeID]

  init(_ test: NameTest, _ schema: Schema) {
    matching = schema.nodes.filter { test.matches(namespace: $0.name.namespace, local: $0.name.name) }.map(\.id)
  }

  /// Whether there is one below a schema node.
  func hasMatch(below node: SchemaNode) -> Bool {
    var low = 0
    var high = matching.count
    while low < high {
      let middle = (low + high) / 2
      if matching[middle] > node.id { high = middle } else { low = middle + 1 }
    }
    return low < matching.count && matching[low] < node.subtreeEnd
  }
}

extension XPathEvaluator {
  /// The nodes on an axis that pass the node test, in the order of the axis.
  func forEachOnAxis(_ step: Step, _ item: Item, _ body: (Item) throws -> Bool) throws -> Bool {
    switch step.axis {
    case .child: return try forEachChild(step, item, body)
    case .self: return try offer(item, step.test, body)
    case .parent:
      guard let parent = parent(item) else { return true }
      return try offer(parent, step.test, body)
    case .ancestor, .ancestorOrSelf:
      var next: Item? = step.axis == .ancestor ? parent(item) : item
      while let node = next {
        guard try offer(node, step.test, body) else { return false }
        next = parent(node)
      }
      return true
    case .descendant, .descendantOrSelf:
      if step.axis == .descendantOrSelf, try !offer(item, step.test, body) { return false }
      return item.isText ? true : try forEachDescendant(step, item.node, body)
    case .followingSibling:
      return try item.isText || forEachFollowingSibling(item.node) { try offer(Item($0), step.test, body) }
    case .precedingSibling:
      return try item.isText || forEachPrecedingSibling(item.node) { try offer(Item($0), step.test, body) }
    case .following:
      return try forEachLine(item.node) { node in
        try forEachFollowingSibling(node) { sibling in
          guard try offer(Item(sibling), step.test, body) else { return false }
          return try forEachDescendant(step, sibling, body)
        }
      }
    case .preceding:
      return try forEachLine(item.node) { node in
        try forEachPrecedingSibling(node) { sibling in
          var subtree = [Item(sibling)]
          _ = try forEachDescendant(Step.anything, sibling) { item in
            subtree.append(item)
            return true
          }
          for item in subtree.reversed() where try !offer(item, step.test, body) { return false }
          return true
        }
      }
    }
  }

  /// Calls `body` if the node passes the test.
  private func offer(_ item: Item, _ test: NodeTest, _ body: (Item) throws -> Bool) throws -> Bool {
    try charge()
    switch test {
    case .anyNode: return try body(item)
    case .text: return item.isText ? try body(item) : true
    case .nothing: return true
    case .name(let name):
      guard !item.isText, let id = tree.schemaNode(of: item.node) else { return true }
      let qname = schema[id].name
      return name.matches(namespace: qname.namespace, local: qname.name) ? try body(item) : true
    }
  }

  private func parent(_ item: Item) -> Item? {
    item.isText ? Item(item.node) : parent(of: item.node).map { Item($0) }
  }

  /// The node above, as far as expressions see it.
  private func parent(of node: Node) -> Node? {
    if let scopeRoot, scopeRoot == node { return nil }
    return tree.parent(of: node)
  }

  /// The node and its ancestors, from the node up.
  private func forEachLine(_ node: Node, _ body: (Node) throws -> Bool) throws -> Bool {
    var next: Node? = node
    while let node = next {
      guard try body(node) else { return false }
      next = parent(of: node)
    }
    return true
  }

  // MARK: Children

  private func forEachChild(_ step: Step, _ item: Item, _ body: (Item) throws -> Bool) throws -> Bool {
    guard !item.isText else { return true }
    let id = tree.schemaNode(of: item.node)
    if let id, schema[id].kind == .leaf || schema[id].kind == .leafList {
      return try offerText(item.node, step.test, body)
    }
    guard case .name(let test) = step.test else {
      guard case .anyNode = step.test else { return true }
      for child in children(of: id) where try !forEachInstance(child, item.node, nil, body) { return false }
      return true
    }
    if let expression, step.number < expression.resolutions.count,
      let children = expression.resolutions[step.number].children(of: id)
    {
      for child in children where try !forEachInstance(child, item.node, step, body) { return false }
      return true
    }
    if let namespace = test.namespace, let local = test.local {
      guard let child = schema.child(of: id, namespace: namespace, name: local) else { return true }
      return try forEachInstance(child, item.node, step, body)
    }
    for child in children(of: id) {
      let name = schema[child].name
      guard test.matches(namespace: name.namespace, local: name.name) else { continue }
      guard try forEachInstance(child, item.node, step, body) else { return false }
    }
    return true
  }

  /// The text inside a leaf, if the test lets it through.
  private func offerText(_ leaf: Node, _ test: NodeTest, _ body: (Item) throws -> Bool) throws -> Bool {
    switch test {
    case .text, .anyNode: return try text(leaf).isEmpty ? true : body(Item(leaf, isText: true))
    case .name, .nothing: return true
    }
  }

  /// Schema children that data can have: nil is the root.
  func children(of id: NodeID?) -> [NodeID] { tree.children(of: id) }

  /// The instances of a schema child, by lookup where the conditions of a step give keys.
  private func forEachInstance(
    _ child: NodeID, _ parent: Node, _ step: Step?, _ body: (Item) throws -> Bool
  ) throws -> Bool {
    // Paths of references have keys without predicates.
    guard let step, !step.predicates.isEmpty || !step.equalities.isEmpty else {
      return try read(child, parent, []) { try body(Item($0)) }
    }
    guard !step.equalities.isEmpty, let combinations = try keys(of: schema[child], step.equalities, parent) else {
      return try read(child, parent, [], try hint(step, child, parent)) { try body(Item($0)) }
    }
    if let only = combinations.first, combinations.count == 1 {
      let hint = only.count < schema[child].keys.count ? try hint(step, child, parent) : nil
      return try read(child, parent, only, hint) { try body(Item($0)) }
    }
    var found: [Item] = []
    for keys in combinations {
      _ = try read(child, parent, keys) { node in
        found.append(Item(node))
        return true
      }
    }
    for item in try sorted(found) where try !body(item) { return false }
    return true
  }

  /// What those who have the entries of a list can be told of those that a step looks for.
  private func hint(_ step: Step, _ child: NodeID, _ parent: Node) throws -> EntryHint? {
    guard schema[child].kind == .list, let knows = tree.hintedNodes(of: child, in: parent) else { return nil }
    return try hint(step.plainPredicates, on: child, in: parent, knows: knows)
  }

  /// All reading of instances: counted, and told to the recorder.
  func read(
    _ child: NodeID, _ parent: Node, _ keys: [String], _ hint: EntryHint? = nil, _ body: (Node) throws -> Bool
  ) throws -> Bool {
    try charge()
    recorder?(.instances(of: child, in: parent, keys: keys))
    if tracing != nil { trace(.instances(of: child, in: parent, keys: keys)) }
    guard let hint else {
      return try tree.forEachInstance(of: child, in: parent, keys: keys) { node in
        try charge()
        return try body(node)
      }
    }
    return try tree.forEachInstance(of: child, in: parent, keys: keys, hint: hint) { node in
      try charge()
      return try body(node)
    }
  }

  // MARK: Descendants and siblings

  /// All nodes below a node that pass a step's test, in document order.
  private func forEachDescendant(_ step: Step, _ node: Node, _ body: (Item) throws -> Bool) throws -> Bool {
    switch step.test {
    case .nothing: return true
    case .anyNode, .text:
      if isLeaf(node) { return try offerText(node, step.test, body) }
      return try forEachNodeBelow(node) { node in
        if case .anyNode = step.test, try !body(Item(node)) { return false }
        return isLeaf(node) ? try offerText(node, step.test, body) : true
      }
    case .name(let test):
      let guide = guides[test] ?? DescendantGuide(test, schema)
      guides[test] = guide
      return try forEachMatch(step, test, guide, node, body)
    }
  }

  private func forEachMatch(
    _ step: Step, _ test: NameTest, _ guide: DescendantGuide, _ node: Node, _ body: (Item) throws -> Bool
  ) throws -> Bool {
    for child in children(of: tree.schemaNode(of: node)) {
      let schemaNode = schema[child]
      let goesDown = guide.hasMatch(below: schemaNode)
      let isMatch = test.matches(namespace: schemaNode.name.namespace, local: schemaNode.name.name)
      guard goesDown || isMatch else { continue }
      let wentOn = try forEachInstance(child, node, goesDown ? nil : step) { item in
        if isMatch, try !body(item) { return false }
        return goesDown ? try forEachMatch(step, test, guide, item.node, body) : true
      }
      guard wentOn else { return false }
    }
    return true
  }

  /// All instances below a node in document order.
  func forEachNodeBelow(_ node: Node, _ body: (Node) throws -> Bool) throws -> Bool {
    for child in children(of: tree.schemaNode(of: node)) {
      let wentOn = try read(child, node, []) { node in
        guard try body(node) else { return false }
        return try forEachNodeBelow(node, body)
      }
      guard wentOn else { return false }
    }
    return true
  }

  private func forEachFollowingSibling(_ node: Node, _ body: (Node) throws -> Bool) throws -> Bool {
    guard let parent = parent(of: node), let id = tree.schemaNode(of: node) else { return true }
    for child in children(of: tree.schemaNode(of: parent)) where child >= id {
      var isPast = child != id
      let wentOn = try read(child, parent, []) { sibling in
        if isPast { return try body(sibling) }
        isPast = sibling == node
        return true
      }
      guard wentOn else { return false }
    }
    return true
  }

  /// From the nearest to the first.
  private func forEachPrecedingSibling(_ node: Node, _ body: (Node) throws -> Bool) throws -> Bool {
    guard let parent = parent(of: node), let id = tree.schemaNode(of: node) else { return true }
    for child in children(of: tree.schemaNode(of: parent)).reversed() where child <= id {
      var before: [Node] = []
      _ = try read(child, parent, []) { sibling in
        guard sibling != node else { return false }
        before.append(sibling)
        return true
      }
      for sibling in before.reversed() where try !body(sibling) { return false }
    }
    return true
  }
}

extension Step {
  /// `descendant::node()`, for walks that take everything.
  static let anything = Step(axis: .descendant, test: .anyNode, predicates: [], equalities: [], number: .max, offset: 0)
}
