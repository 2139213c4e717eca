public import NSOModel

/// A keypath and the schema node it leads to.
public struct ResolvedPath: Hashable, Sendable {
  /// In canonical form: tags as short as can be, keys checked.
  public var keypath: Keypath
  /// The last node; nil for the root.
  public var node: NodeID?

  public init(keypath: Keypath, node: NodeID?) {
    self.keypath = keypath
    self.node = node
  }

  /// The root of the data tree.
  public static var root: ResolvedPath { ResolvedPath(keypath: .root, node: nil) }
}

extension Schema {
  /// Checks a keypath against the schema: names, number and values of keys. Keys may be left out at the end of the path
  /// (the list itself), not inside it.
  ///
  /// - Throws: BADPATH or BADTYPE with a text that names the element at fault.
  public func resolve(_ path: Keypath) throws(NSOError) -> ResolvedPath {
    var result = ResolvedPath(keypath: .root, node: nil)
    var open = false
    for element in path.elements {
      switch element {
      case .tag(let tag):
        if open { throw missingKeys(result) }
        guard let next = child(of: result.node, tag) else { throw unknown(tag.description, below: result.node) }
        result.node = next
        result.keypath.elements.append(.tag(self.tag(of: next)))
        open = self[next].kind == .list
      case .keys(let keys):
        let node = try keyed(result, at: element)
        if keys.isEmpty {
          result.keypath.elements.append(element)
        } else {
          result.keypath.elements.append(.keys(try check(keys: keys, of: node)))
        }
        open = false
      case .position:
        _ = try keyed(result, at: element)
        result.keypath.elements.append(element)
        open = false
      }
    }
    return result
  }

  /// Checks the keys of a list entry, or the value of a leaf-list entry.
  ///
  /// - Throws: BADPATH for a wrong number of keys, BADTYPE for a key that does not fit its type.
  public func check(keys: [Value], of node: SchemaNode) throws(NSOError) -> [Value] {
    let types = try keyTypes(of: node, count: keys.count)
    var checked: [Value] = []
    checked.reserveCapacity(keys.count)
    for (index, (key, type)) in zip(keys, types).enumerated() {
      do throws(ValueError) {
        checked.append(try check(key, as: type.type))
      } catch {
        throw badKey(error, type.name, index, node)
      }
    }
    return checked
  }

  /// Reads the keys of a list entry from their texts.
  public func parse(keys: [String], of node: SchemaNode, prefixes: PrefixResolver = .schema) throws(NSOError) -> [Value] {
    let types = try keyTypes(of: node, count: keys.count)
    var values: [Value] = []
    for (index, (key, type)) in zip(keys, types).enumerated() {
      do throws(ValueError) {
        values.append(try parse(key, as: type.type, prefixes: prefixes))
      } catch {
        throw badKey(error, type.name, index, node)
      }
    }
    return values
  }

  /// Names and types of the keys of a list; of a leaf-list its own; of a list without keys the pseudo key.
  func keyTypes(of node: SchemaNode, count: Int) throws(NSOError) -> [(name: String, type: SchemaType)] {
    var types: [(name: String, type: SchemaType)] = []
    switch node.kind {
    case .leafList: if let type = node.type { types = [(node.name.name, type)] }
    case .list where node.keys.isEmpty: types = [("position", Self.pseudoKey)]
    case .list:
      for key in node.keys {
        if let type = self[key].type { types.append((self[key].name.name, type)) }
      }
    default: throw NSOError(.badPath, "\(path(of: node.id)) is no list and has no keys")
    }
    guard types.count == count else {
      let names = types.map(\.name).joined(separator: " ")
      throw NSOError(
        .badPath, "\(path(of: node.id)) has \(types.count == 1 ? "1 key" : "\(types.count) keys") (\(names)), not \(count)")
    }
    return types
  }

  /// Lists without keys are addressed by one int64 (protocol part 02, section 5.3).
  private static let pseudoKey = SchemaType(.signed(.int64, range: nil))

  private func badKey(_ error: ValueError, _ name: String, _ index: Int, _ node: SchemaNode) -> NSOError {
    error.nsoError(at: "\(path(of: node.id)): key \(name)")
  }

  private func keyed(_ place: ResolvedPath, at element: Keypath.Element) throws(NSOError) -> SchemaNode {
    guard let id = place.node, case .tag = place.keypath.elements.last else {
      throw NSOError(.badPath, "keys without a list in front of them, after \(place.keypath)")
    }
    let node = self[id]
    guard node.kind == .list || node.kind == .leafList else {
      throw NSOError(.badPath, "\(path(of: id)) is no list and has no keys")
    }
    return node
  }

  private func missingKeys(_ place: ResolvedPath) -> NSOError {
    guard let id = place.node else { return NSOError(.badPath, "keys are missing") }
    let names = self[id].keys.map { self[$0].name.name }.joined(separator: " ")
    return NSOError(.badPath, "the path goes on behind the list \(path(of: id)) without its keys {\(names)}")
  }

  /// The error for a name that is not in the schema, with the nearest one that is.
  func unknown(_ name: String, below parent: NodeID?) -> NSOError {
    let local = name.split(separator: ":").last.map(String.init) ?? name
    let candidates = parent.map { self[$0].children + self[$0].actions + self[$0].notifications } ?? roots + rpcs
    let place = parent.map { path(of: $0) } ?? "/"
    var text = "no element \"\(name)\" below \(place)"
    if parent == nil { text = "no element \"\(name)\" at the top of the loaded modules" }
    if let near = nearest(local, among: candidates) { text += "; did you mean \(tag(of: near, for: parent))?" }
    return NSOError(.badPath, text)
  }

  private func tag(of id: NodeID, for parent: NodeID?) -> String {
    let node = self[id]
    if let parent, self[parent].module == node.module { return node.name.name }
    return "\(self[node.module].prefix):\(node.name.name)"
  }

  private func nearest(_ name: String, among candidates: [NodeID]) -> NodeID? {
    var best: (NodeID, Int)?
    for id in candidates {
      let distance = editDistance(Array(name.utf8), Array(self[id].name.name.utf8))
      if distance <= max(1, name.utf8.count / 3), distance < best?.1 ?? .max { best = (id, distance) }
    }
    return best?.0
  }
}

/// Letters to insert, delete, replace or swap between two names.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  guard a.count < 100, b.count < 100 else { return .max }
  var before: [Int] = []
  var last = Array(0...b.count)
  for row in 0..<a.count {
    var next = [row + 1]
    for column in 0..<b.count {
      var cost = min(last[column + 1] + 1, next[column] + 1, last[column] + (a[row] == b[column] ? 0 : 1))
      if row > 0, column > 0, a[row] == b[column - 1], a[row - 1] == b[column] { cost = min(cost, before[column - 1] + 1) }
      next.append(cost)
    }
    before = last
    last = next
  }
  return last[b.count]
}
