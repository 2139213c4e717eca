public import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

extension TreeView {
  /// The nodes that a leafref or instance-identifier points to (protocol part 04, DEREF).
  /// - Throws: BADPATH where there is no reference, NOEXISTS when it is not set.
  public func targets(of leaf: Location) throws(NSOError) -> [Keypath] {
    guard let node = leaf.node, let type = model.schema[node].type, Self.isReference(model.schema[node], type) else {
      throw NSOError(.badPath, "\(leaf.text(model)) is neither a leafref nor an instance-identifier")
    }
    guard try exists(leaf) else { throw NSOError(.noExists, "\(leaf.text(model)) is not set") }
    return try nodes(XPathQuery("deref(.)", context: Keypath(leaf, model))).map(\.path)
  }

  private static func isReference(_ node: SchemaNode, _ type: SchemaType) -> Bool {
    if node.flags.contains(.leafref) { return true }
    if case .instanceIdentifier = type.valueType.kind { return true }
    return false
  }

  /// Whether a node is shown to users (protocol part 04, DO_DISPLAY): its `when` and `tailf:display-when` conditions hold, and those of
  /// all that it is in.
  /// - Throws: XPATH when a condition cannot be evaluated.
  public func isDisplayed(_ location: Location) throws(NSOError) -> Bool {
    if try isUnmet(location) { return false }
    guard let id = location.node else { return true }
    let schema = model.schema
    guard schema.lineage(of: id).contains(where: { schema[$0].extensions.first("display-when") != nil }) else { return true }
    do {
      let tree = accessibleTree()
      let namespaces = XPathNamespaces(schema)
      var next: InstanceNode<TreePath>? = try tree.imagined(at: Keypath(location, model))
      while let node = next, let id = node.schemaNode {
        if let condition = schema[id].extensions.first("display-when")?.argument {
          let xpath = try XPath(condition, namespaces: namespaces)
          guard try XPathEvaluator(tree, references: model.constraints.references).test(xpath, at: node) else { return false }
        }
        next = node.parent
      }
      return true
    } catch {
      throw NSOError(validation: error)
    }
  }
}

extension DataModel {
  /// The path of an instance that is given in XPath (protocol part 04, XPATH2HKP): absolute, with all keys.
  /// - Throws: BADPATH, BADTYPE.
  public func keypath(ofXPath text: String) throws(NSOError) -> Keypath {
    guard text.first(where: { !$0.isWhitespace }) == "/" else {
      throw NSOError(.badPath, "\(text) is no absolute path: it must begin with a slash")
    }
    let path = try schema.parsePath(text).keypath
    let location = try locate(path)
    if let node = location.node, schema[node].kind == .list, !location.isEntry {
      throw NSOError(.badPath, "\(text): the keys of \(schema.path(of: node)) are missing")
    }
    return path
  }

  /// The path that hashes of names, leaf first, stand for (protocol part 02, section 5.7): hashes of tags alone, or each followed by that
  /// of its namespace. Keys have no hashes.
  /// - Throws: BADPATH when no node has such a path.
  public func keypath(ofHashes hashes: [UInt32]) throws(NSOError) -> Keypath {
    let tags = hashes.reversed().map { (tag: $0, namespace: UInt32?.none) }
    if let path = keypath(tags) { return path }
    if hashes.count.isMultiple(of: 2) {
      let pairs = stride(from: 0, to: hashes.count, by: 2).reversed().map { (hashes[$0], UInt32?(hashes[$0 + 1])) }
      if let path = keypath(pairs) { return path }
    }
    throw NSOError(.badPath, "no node has a path of these \(hashes.count) hashes")
  }

  private func keypath(_ steps: [(tag: UInt32, namespace: UInt32?)]) -> Keypath? {
    var node: NodeID?
    var path = Keypath.root
    for step in steps {
      let children = node.map { schema[$0].children } ?? schema.roots
      let found = children.first { child in
        let name = schema[child].name
        return NameHash.hash(name.name) == step.tag
          && (step.namespace.map { $0 == NameHash.hash(name.namespace) } ?? true)
      }
      guard let found else { return nil }
      path.elements.append(.tag(schema.tag(of: found)))
      node = found
    }
    return path
  }
}
