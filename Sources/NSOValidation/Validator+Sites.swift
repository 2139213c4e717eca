internal import NSOModel
internal import NSOSchema
internal import NSOXPath

extension Validator {
  /// Only sites where a leaf nearby has one of some values are concerned.
  struct SiteFilter {
    var leaf: NodeID
    var holder: NodeID?
    var texts: Set<String>
  }

  /// What to look through for sites: the instances of a constraint's site below a node, with or without a filter.
  private struct Search: Hashable {
    var constraint: Int
    var start: Node
    var leaf: NodeID?
    var holder: NodeID?
  }

  /// The sites at which the constraints that pass `include` have to be checked after changes, each site once, ordered by
  /// constraint.
  func concerned(
    by changes: [Change], _ include: (Constraint) -> Bool
  ) throws -> [(constraint: Int, nodes: [Node])] {
    // Sites inside what has changed are found at once. All other searches are collected first, so that a list is not looked
    // through once for each change.
    let sites = SiteCollector<Node>(index.constraints.count)
    var searches: [Search: Set<String>] = [:]
    var order: [Search] = []
    func add(_ search: Search, _ texts: Set<String>) {
      if searches[search] == nil { order.append(search) }
      searches[search, default: []].formUnion(texts)
    }
    var anyDeletion = false
    var inside: Set<Int> = []
    for change in changes {
      if change.kinds.contains(.deleted) { anyDeletion = true }
      inside.removeAll(keepingCapacity: true)
      try forEachTrigger(change) { trigger, start in
        let constraint = index.constraints[trigger.constraint]
        guard include(constraint) else { return }
        if start === change.node {
          guard inside.insert(constraint.id).inserted else { return }
          try forEachSite(of: constraint, below: start, filter: nil) { sites.add($0, constraint.id) }
        } else if let correlation = bestCorrelation(trigger) {
          let texts = try self.texts(of: correlation.subject, trigger.node, change)
          add(Search(constraint: constraint.id, start: start, leaf: correlation.leaf, holder: correlation.holder), texts)
        } else {
          add(Search(constraint: constraint.id, start: start), [])
        }
      }
    }
    if !changes.isEmpty {
      for constraint in index.unboundedConstraints where include(constraint) {
        add(Search(constraint: constraint.id, start: tree.root), [])
      }
    }
    if anyDeletion {
      for constraint in index.instanceIdentifierConstraints where include(constraint) {
        add(Search(constraint: constraint.id, start: tree.root), [])
      }
    }
    for search in order {
      if search.leaf != nil, searches[Search(constraint: search.constraint, start: search.start)] != nil { continue }
      let filter = search.leaf.map { SiteFilter(leaf: $0, holder: search.holder, texts: searches[search] ?? []) }
      try forEachSite(of: index.constraints[search.constraint], below: search.start, filter: filter) {
        sites.add($0, search.constraint)
      }
    }
    return sites.all
  }

  /// What a change sets off, each time with the node below which the sites are.
  private func forEachTrigger(_ change: Change, _ body: (ConstraintTrigger, Node) throws -> Void) throws {
    guard let id = change.node.schemaNode else { return }
    let node = schema[id]
    let isWhole = !change.kinds.isDisjoint(with: [.created, .deleted]) && node.kind != .leaf && node.kind != .leafList
    let isGone = change.kinds.isSubset(of: [.deleted])
    for trigger in index.triggers(of: id, withSubtree: isWhole) where !trigger.changes.isDisjoint(with: change.kinds) {
      if let anchor = trigger.anchor, anchor > id || anchor == id && isGone {
        // The sites are inside what has changed; when that is gone, so are they.
        if !isGone { try body(trigger, change.node) }
      } else if let start = ancestor(of: change.node, trigger.anchor) {
        try body(trigger, start)
      }
    }
  }

  /// The one condition on sites that narrows the search most: the others only make it a little smaller.
  private func bestCorrelation(_ trigger: ConstraintTrigger) -> XPathReads.Correlation? {
    trigger.correlations.first { schema[$0.leaf].isKey } ?? trigger.correlations.first
  }

  /// The values that the subject of a correlation had before or has after a change.
  private func texts(of subject: XPathReads.Correlation.Subject, _ read: NodeID, _ change: Change) throws -> Set<String> {
    let target: NodeID
    switch subject {
    case .key(let list, let place):
      guard schema[list].keys.indices.contains(place) else { return [] }
      if let entry = ancestor(of: change.node, list) {
        guard let type = schema[schema[list].keys[place]].type, entry.keys.indices.contains(place) else { return [] }
        return [schema.text(of: entry.keys[place], as: type) ?? entry.keys[place].plainText]
      }
      target = schema[list].keys[place]
    case .value: target = read
    }
    var texts: Set<String> = []
    for tree in [oldTree, self.tree] {
      try forEachInstance(of: target, below: change.node, tree) { texts.insert(try tree.text(of: $0)) }
    }
    return texts
  }

  /// The instances of a schema node at or below a node of either tree.
  private func forEachInstance(
    of target: NodeID, below node: Node, _ tree: AccessibleTree<Storage>, _ body: (Node) throws -> Void
  ) throws {
    guard node.schemaNode == target, let parent = node.parent else {
      return try descend(chain(to: target, below: node)[...], from: node, tree, body)
    }
    // The node of a change only says where; what is there the tree says.
    _ = try tree.forEachInstance(of: target, in: parent, keyValues: node.keys) { instance in
      try body(instance)
      return true
    }
  }

  /// Whether a node lies in what was removed.
  func isRemoved(_ node: Node) -> Bool {
    guard !removed.isEmpty else { return false }
    var next: Node? = node
    while let current = next {
      if removed.contains(current) { return true }
      next = current.parent
    }
    return false
  }

  private func descend(
    _ chain: ArraySlice<NodeID>, from node: Node, _ tree: AccessibleTree<Storage>, _ body: (Node) throws -> Void
  ) throws {
    guard let next = chain.first else { return try body(node) }
    _ = try tree.forEachInstance(of: next, in: node, keys: []) { child in
      try descend(chain.dropFirst(), from: child, tree, body)
      return true
    }
  }

  /// The schema nodes from below `node` to `target`.
  private func chain(to target: NodeID?, below node: Node) -> [NodeID] {
    var line: [NodeID] = []
    var next = target
    while let id = next, id != node.schemaNode {
      line.append(id)
      next = schema[id].parent
    }
    return line.reversed()
  }

  // MARK: Sites

  /// Calls `body` with the instances of a constraint's site at or below a node.
  func forEachSite(
    of constraint: Constraint, below start: Node, filter: SiteFilter?, _ body: (Node) throws -> Void
  ) throws {
    guard let site = constraint.site else { return try body(tree.root) }
    guard !isRemoved(start) else { return }
    guard let filter else {
      guard start.schemaNode == site else { return try descend(chain(to: site, below: start)[...], from: start, tree, body) }
      return try forEachInstance(of: site, below: start, tree, body)
    }
    // Where the leaf's holder lies above the start, there is one value for all sites.
    let chain = chain(to: site, below: start)
    if !chain.contains(where: { $0 == filter.holder }) {
      guard let holder = ancestor(of: start, filter.holder), try matches(filter, at: holder) else { return }
      return try descend(chain[...], from: start, tree, body)
    }
    try descend(chain[...], from: start, filter, body)
  }

  private func descend(
    _ chain: ArraySlice<NodeID>, from node: Node, _ filter: SiteFilter, _ body: (Node) throws -> Void
  ) throws {
    guard let next = chain.first else { return try body(node) }
    let rest = chain.dropFirst()
    let goOn: (Node) throws -> Bool = { [self] child in
      if next == filter.holder, try !matches(filter, at: child) { return true }
      try descend(rest, from: child, filter, body)
      return true
    }
    if schema[next].kind == .list, schema[next].keys.first == filter.leaf {
      for text in filter.texts.sorted() { _ = try tree.forEachInstance(of: next, in: node, keys: [text], goOn) }
    } else if schema[next].kind == .leafList, next == filter.leaf {
      for text in filter.texts.sorted() { _ = try tree.forEachInstance(of: next, in: node, keys: [text], goOn) }
    } else {
      _ = try tree.forEachInstance(of: next, in: node, keys: [], goOn)
    }
  }

  /// Whether the leaf of a filter has one of the values at an instance of its holder.
  private func matches(_ filter: SiteFilter, at holder: Node) throws -> Bool {
    if filter.leaf == filter.holder { return filter.texts.contains(try tree.text(of: holder)) }
    var found = false
    try descend(chain(to: filter.leaf, below: holder)[...], from: holder, tree) { leaf in
      if filter.texts.contains(try tree.text(of: leaf)) { found = true }
    }
    return found
  }
}

/// Sites by constraint, each once.
private final class SiteCollector<Node: AnyObject & Hashable> {
  private var nodes: [[Node]]
  private var seen: [Set<Node>]

  init(_ constraints: Int) {
    nodes = Array(repeating: [], count: constraints)
    seen = Array(repeating: [], count: constraints)
  }

  func add(_ node: Node, _ constraint: Int) {
    if seen[constraint].insert(node).inserted { nodes[constraint].append(node) }
  }

  var all: [(constraint: Int, nodes: [Node])] {
    nodes.enumerated().filter { !$1.isEmpty }.map { ($0, $1) }
  }
}
