public import NSOModel

extension Schema {
  /// Which side of an action or rpc a name is looked for on.
  public enum Direction: Hashable, Sendable { case input, output }

  /// The child `name` of `parent` (nil: top level), of any kind: data, action, notification. Compares bytes, allocates
  /// nothing. Without namespace it is the child in the parent's namespace, else the only child of that name. Input and
  /// output of an action may have the same names: the input's is taken unless `direction` says otherwise.
  public func child(
    of parent: NodeID?, namespace: UnsafeRawBufferPointer?, name: UnsafeRawBufferPointer, direction: Direction? = nil
  ) -> NodeID? {
    var found: Int32 = -1
    var ambiguous = false
    let wanted = namespace == nil ? parent.map { table.module(of: $0) } : nil
    table.forEach(name, of: parent?.rawValue ?? -1) { node, module in
      if let direction, !nodes[Int(node)].flags.contains(direction == .input ? .input : .output) { return true }
      if let namespace {
        guard equal(namespace, namespaceBytes[Int(module)]) else { return true }
        found = node
        return false
      }
      if module == wanted {
        found = node
        ambiguous = false
        return false
      }
      ambiguous = found >= 0
      if found < 0 { found = node }
      return true
    }
    return found >= 0 && !ambiguous ? NodeID(rawValue: found) : nil
  }

  /// As the byte form.
  public func child(of parent: NodeID?, namespace: String? = nil, name: String, direction: Direction? = nil) -> NodeID? {
    var name = name
    guard var namespace else {
      return name.withUTF8 {
        child(of: parent, namespace: nil, name: UnsafeRawBufferPointer($0), direction: direction)
      }
    }
    return name.withUTF8 { name in
      namespace.withUTF8 { namespace in
        child(
          of: parent, namespace: UnsafeRawBufferPointer(namespace), name: UnsafeRawBufferPointer(name), direction: direction)
      }
    }
  }

  /// The child of a tag as it stands in keypaths: URI or nothing as namespace.
  public func child(of parent: NodeID?, _ tag: Tag, direction: Direction? = nil) -> NodeID? {
    child(of: parent, namespace: tag.namespace, name: tag.name, direction: direction)
  }

  @inline(__always)
  private func equal(_ bytes: UnsafeRawBufferPointer, _ known: ContiguousArray<UInt8>) -> Bool {
    guard bytes.count == known.count else { return false }
    return known.withUnsafeBytes { known in
      for index in 0..<bytes.count where known[index] != bytes[index] { return false }
      return true
    }
  }

  /// The node and its ancestors, the top one first.
  public func lineage(of id: NodeID) -> [NodeID] {
    var line = [id]
    var next = self[id].parent
    while let parent = next {
      line.append(parent)
      next = self[parent].parent
    }
    return line.reversed()
  }

  /// The tag of a node in keypaths: with its namespace at the top and where it differs from the parent's
  /// (protocol part 02, section 5.2).
  public func tag(of id: NodeID) -> Tag {
    let node = self[id]
    if let parent = node.parent, self[parent].module == node.module { return Tag(node.name.name) }
    return Tag(node.name)
  }

  /// The schema path with prefixes where the module changes: `/ex:top/server/port`.
  public func path(of id: NodeID) -> String {
    var text = ""
    var module: ModuleID?
    for step in lineage(of: id) {
      let node = self[step]
      text += "/"
      if node.module != module { text += self[node.module].prefix + ":" }
      text += node.name.name
      module = node.module
    }
    return text
  }
}
