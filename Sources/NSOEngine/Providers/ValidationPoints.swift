import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// The validation points of a schema (`tailf:validate`), in the order in which they are asked: by priority, then as written.
struct ValidationPoints: Sendable {
  struct Point: Sendable {
    var node: NodeID
    var name: String
    var opaque: String?
    var priority: Int
    /// Once for the whole list instead of for each entry.
    var isForList: Bool
    /// Where a change sets it off; nil: every change does.
    var dependencies: [NodeID]?
  }

  let points: [Point]

  init(_ schema: Schema) {
    var points: [Point] = []
    for node in schema.nodes where node.isConfig && !node.extensions.isEmpty {
      for statement in node.extensions.all("validate") {
        guard let name = statement.argument else { continue }
        func argument(_ keyword: String) -> String? { statement.substatements.first { $0.name == keyword }?.argument }
        let paths = statement.substatements.filter { $0.name == "dependency" }.compactMap(\.argument)
        let targets = paths.map { Self.target(of: $0, from: node.id, schema) }
        points.append(
          Point(
            node: node.id, name: name, opaque: argument("opaque"), priority: argument("priority").flatMap { Int($0) } ?? 0,
            isForList: node.kind == .list && argument("call-once") == "true",
            // One that is not understood counts as "every change".
            dependencies: targets.isEmpty || targets.contains(nil) ? nil : targets.compactMap { $0 }))
      }
    }
    // Stable: those of one priority stay as written.
    self.points = points.enumerated().sorted { ($0.element.priority, $0.offset) < ($1.element.priority, $1.offset) }
      .map(\.element)
  }

  /// The schema node that a dependency leads to: a path of names, `.` and `..`, absolute or from the node.
  private static func target(of path: String, from start: NodeID, _ schema: Schema) -> NodeID? {
    var node: NodeID? = path.hasPrefix("/") ? nil : start
    for step in path.split(separator: "/", omittingEmptySubsequences: true) {
      switch step {
      case ".": continue
      case "..":
        guard let current = node else { return nil }
        node = schema[current].parent
      default:
        let parts = step.split(separator: ":", maxSplits: 1)
        let module = parts.count == 2 ? schema.module(prefix: String(parts[0])) ?? schema.module(name: String(parts[0])) : nil
        if parts.count == 2, module == nil { return nil }
        guard let name = parts.last,
          let next = schema.child(of: node, namespace: module?.namespace, name: String(name))
        else { return nil }
        node = next
      }
    }
    return node
  }

  /// One call of a point.
  struct Call: Sendable {
    var point: Point
    var path: Keypath
    var value: Value
  }

  /// How many calls are made ready at a time.
  private static var partSize: Int { 256 }

  /// Calls `body` with what has to be asked for a change, in order and in parts, so that points that concern every entry of a large
  /// list take no more memory than others. `body` may wait.
  func forEachPart(
    of attempt: CommitAttempt, _ body: ([Call]) throws(NSOError) -> Void
  ) throws(NSOError) {
    guard !points.isEmpty else { return }
    let model = attempt.model
    var changes: [DataDifference] = []
    if points.contains(where: { $0.dependencies != nil }) {
      changes = try attempt.differences(below: .root, .deletedContents) + attempt.differencesAtProviders()
    }
    var part: [Call] = []
    do {
      let tree = attempt.after.accessibleTree()
      for point in points {
        var starts: [Keypath] = [.root]
        if let dependencies = point.dependencies {
          starts = Self.starts(for: point.node, dependencies, changes, model.schema)
        }
        for start in starts {
          try Self.collect(point, start, tree, model.schema) { call in
            part.append(call)
            guard part.count >= Self.partSize else { return }
            try body(part)
            part.removeAll(keepingCapacity: true)
          }
        }
      }
    } catch {
      throw NSOError(validation: error)
    }
    if !part.isEmpty { try body(part) }
  }

  /// Where instances of a node are that changes of its dependencies concern: the paths down to the node that both have above
  /// them, each once, and none that lies in another.
  private static func starts(
    for node: NodeID, _ dependencies: [NodeID], _ changes: [DataDifference], _ schema: Schema
  ) -> [Keypath] {
    let line = schema.lineage(of: node)
    var seen: Set<Keypath> = []
    var starts: [Keypath] = []
    for dependency in dependencies {
      let other = schema.lineage(of: dependency)
      let shared = zip(line, other).prefix { $0 == $1 }.count
      for change in changes {
        guard let changed = schema.node(at: change.path) else { continue }
        // It is the dependency, or in it, or an entry or container around it that came or went.
        let isIn = changed >= dependency && changed < schema[dependency].subtreeEnd
        let isAround = other.contains(changed) && change.change != .modified
        guard isIn || isAround else { continue }
        let start = change.path.prefix(nodes: shared)
        if seen.insert(start).inserted { starts.append(start) }
      }
    }
    guard starts.count > 1 else { return starts }
    return starts.filter { start in
      !start.elements.indices.contains { seen.contains(Keypath(Array(start.elements[..<$0]))) }
    }
  }

  private static func collect(
    _ point: Point, _ start: Keypath, _ tree: AccessibleTree<StoreStorage>, _ schema: Schema, _ body: (Call) throws -> Void
  ) throws {
    guard let above = try start.isRoot ? tree.root : tree.node(at: start) else { return }
    var chain = schema.lineage(of: point.node)[...]
    if let node = above.schemaNode, let place = chain.firstIndex(of: node) { chain = chain[chain.index(after: place)...] }
    guard let last = chain.last else { return try body(call(point, above, tree)) }
    try descend(chain.dropLast(), above, tree) { parent in
      let isLeafList = schema[last].kind == .leafList
      guard point.isForList || isLeafList else {
        _ = try tree.forEachInstance(of: last, in: parent, keys: []) { node in
          try body(call(point, node, tree))
          return true
        }
        return
      }
      var values: [Value] = []
      _ = try tree.forEachInstance(of: last, in: parent, keys: []) { node in
        if isLeafList, let value = try tree.value(of: node) { values.append(value) }
        if !isLeafList { values.append(.notFound) }
        return isLeafList
      }
      guard !values.isEmpty else { return }
      let path = tree.imagined(last, in: parent).keypath(schema)
      try body(Call(point: point, path: path, value: isLeafList ? .list(values) : .notFound))
    }
  }

  private static func call(
    _ point: Point, _ node: InstanceNode<TreePath>, _ tree: AccessibleTree<StoreStorage>
  ) throws -> Call {
    Call(point: point, path: node.keypath(tree.schema), value: try tree.value(of: node) ?? .notFound)
  }

  private static func descend(
    _ chain: ArraySlice<NodeID>, _ node: InstanceNode<TreePath>, _ tree: AccessibleTree<StoreStorage>,
    _ body: (InstanceNode<TreePath>) throws -> Void
  ) throws {
    guard let next = chain.first else { return try body(node) }
    _ = try tree.forEachInstance(of: next, in: node, keys: []) { child in
      try descend(chain.dropFirst(), child, tree, body)
      return true
    }
  }
}

extension Schema {
  /// The node that a path leads to, whatever its keys.
  func node(at path: Keypath) -> NodeID? {
    var node: NodeID?
    for case .tag(let tag) in path.elements {
      guard let next = child(of: node, tag) else { return nil }
      node = next
    }
    return node
  }
}

extension Keypath {
  /// The path down to its n-th node, with the keys behind that.
  func prefix(nodes count: Int) -> Keypath {
    var kept: [Element] = []
    var nodes = 0
    for element in elements {
      if case .tag = element {
        guard nodes < count else { break }
        nodes += 1
      }
      kept.append(element)
    }
    return Keypath(kept)
  }
}
