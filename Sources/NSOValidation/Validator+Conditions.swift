internal import NSOModel
internal import NSOSchema
public import NSOXPath

extension Validator {
  /// Applies the `when` conditions that the changes may have altered, and those that the removals alter in turn.
  /// - Returns: all changes: those given, the removals, and defaults that have come or gone.
  func applyConditions(_ changes: [Change]) throws -> [Change] {
    var touched: Set<Node> = []
    return try applyConditions(changes + implicitChanges(of: changes, &touched), &touched)
  }

  /// Applies all `when` conditions, whatever has changed.
  func applyAllConditions(below start: Node) throws {
    var touched: Set<Node> = []
    var found: [Change] = []
    for constraint in index.constraints {
      guard case .when = constraint.kind else { continue }
      var sites: [Node] = []
      try forEachSite(of: constraint, below: start, filter: nil) { sites.append($0) }
      for site in sites { found += try applyCondition(constraint, at: site, &touched) }
    }
    _ = try applyConditions(found.filter { $0.kinds == .deleted }, &touched)
  }

  /// - Returns: the changes and those that follow from them.
  private func applyConditions(_ changes: [Change], _ touched: inout Set<Node>) throws -> [Change] {
    var all = changes
    var next = changes
    while !next.isEmpty {
      shared.removeAll()
      conditions.forget()
      let sites = try concerned(by: next) { if case .when = $0.kind { true } else { false } }
      next = []
      for (constraint, nodes) in sites {
        for node in nodes { next += try applyCondition(index.constraints[constraint], at: node, &touched) }
      }
      next += implicitChanges(of: next, &touched)
      all += next
    }
    shared.removeAll()
    conditions.forget()
    return all
  }

  /// Removes what one condition does not allow below a site.
  /// - Returns: what changed by it.
  private func applyCondition(_ constraint: Constraint, at site: Node, _ touched: inout Set<Node>) throws -> [Change] {
    guard case .when = constraint.kind else { return [] }
    guard !isRemoved(site) else { return [] }
    outcome.checks += 1
    let id = constraint.node
    if try holds(constraint, at: site) {
      // Something may be there by default now, or may be missing.
      guard comesByItself(schema[id]) else { return [] }
      let node = tree.imagined(id, in: site)
      return touched.insert(node).inserted ? [Change(node, [.created, .deleted, .modified])] : []
    }
    var gone: [Node] = []
    if try tree.isSet(id, in: site) {
      let place = tree.storage.place(of: id, in: site.place)
      switch schema[id].kind {
      case .list, .leafList:
        _ = try tree.storage.forEachEntry(of: id, at: place, keys: []) { entry, keys in
          gone.append(try tree.imagined(id, keys: keys, in: site))
          return true
        }
      default: gone = [tree.imagined(id, in: site)]
      }
    }
    var changes: [Change] = []
    for node in gone {
      // A container without presence is nothing of its own: what is in it goes.
      changes += try stored(node, in: tree).map { Change($0, [.deleted]) }
      try tree.storage.remove(node.place, of: id)
      outcome.removed.append(node)
      removed.insert(node)
      shared.removeAll()
      conditions.forget()
    }
    if comesByItself(schema[id]) {
      let node = tree.imagined(id, in: site)
      if touched.insert(node).inserted { changes.append(Change(node, [.created, .deleted, .modified])) }
    }
    return changes
  }

  /// Whether a condition holds at its site. One that cannot be evaluated is a failure and does not remove anything.
  func holds(_ constraint: Constraint, at site: Node) throws -> Bool {
    guard case .when(let xpath, let context) = constraint.kind else { return true }
    return try evaluate(constraint, xpath, at: site) {
      context == .parent ? site : tree.imagined(constraint.node, in: site)
    }
  }

  /// An expression at a site, evaluated once for all sites that share its outcome.
  func evaluate(_ constraint: Constraint, _ xpath: XPath, at site: Node, _ context: () -> Node) throws -> Bool {
    guard let ancestor = constraint.shared else { return try test(xpath, at: context()) }
    var node = site
    while node.schemaNode != ancestor, let parent = node.parent { node = parent }
    let key = SharedKey(constraint: constraint.id, ancestor: node)
    if let known = shared[key] { return known }
    let result = try test(xpath, at: context())
    shared[key] = result
    return result
  }

  private func test(_ xpath: XPath, at node: Node) throws -> Bool {
    do {
      return try evaluator.test(xpath, at: node)
    } catch let error as XPathError {
      var failure = error.nsoError
      failure.message = "\(schema.text(of: node.keypath(schema))): \(failure.message)"
      _ = fail(node, failure)
      return true
    }
  }

  /// Whether a node, or something in it, can be there without being stored, or can be missing.
  private func comesByItself(_ node: SchemaNode) -> Bool {
    node.flags.contains(.defaultsInside) || !node.defaults.isEmpty || node.isMandatory || node.minElements > 0
      || node.flags.contains(.mandatoryInside) || node.kind == .container && !node.isPresence || node.caseReference != nil
  }

  /// Defaults that come or go because a case was chosen or left.
  private func implicitChanges(of changes: [Change], _ touched: inout Set<Node>) -> [Change] {
    var found: [Change] = []
    for change in changes where !change.kinds.isDisjoint(with: [.created, .deleted]) {
      guard let id = change.node.schemaNode else { continue }
      for other in index.defaultsTouched(by: id) {
        guard let parent = ancestor(of: change.node, schema[other].parent) else { continue }
        let node = tree.imagined(other, in: parent)
        if touched.insert(node).inserted { found.append(Change(node, [.created, .deleted, .modified])) }
      }
    }
    return found
  }

  /// The nodes that stand for a change: the node itself; for a container without presence, or a list as a whole, what was
  /// in it, or is if nothing was deleted.
  public func stored(_ node: Node, _ kinds: ChangeKinds) throws -> [Node] {
    try stored(node, in: kinds == .deleted ? oldTree : tree)
  }

  private func stored(_ node: Node, in tree: AccessibleTree<Storage>) throws -> [Node] {
    guard let id = node.schemaNode else { return [] }
    if schema[id].kind == .list || schema[id].kind == .leafList, node.keys.isEmpty, let parent = node.parent {
      var found: [Node] = []
      _ = try tree.storage.forEachEntry(of: id, at: node.place, keys: []) { _, keys in
        found.append(try tree.imagined(id, keys: keys, in: parent))
        return true
      }
      return found
    }
    guard schema[id].kind == .container, !schema[id].isPresence else { return [node] }
    var found: [Node] = []
    for child in schema[id].children where try tree.isSet(child, in: node) {
      found += try stored(tree.imagined(child, in: node), in: tree)
    }
    return found
  }

  /// The ancestor of a node, or the node itself, that is an instance of `id`; nil: the root.
  func ancestor(of node: Node, _ id: NodeID?) -> Node? {
    var next: Node? = node
    while let current = next {
      if current.schemaNode == id { return current }
      next = current.parent
    }
    return nil
  }
}
