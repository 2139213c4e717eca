public import NSOModel
public import NSOSchema
public import NSOStore

/// A place in the data tree, resolved against the schema: the path in the store, and the nearest list entry or presence
/// container above, without which nothing is here. Made by ``LocationBuilder``. A list is a location without keys, its
/// entries are locations with them.
public struct Location: Sendable, Hashable {
  public internal(set) var path: TreePath
  /// The nearest list entry or presence container above; nil when there is none.
  public internal(set) var anchorNode: NodeID?
  /// How many bytes of the path's key lead to it.
  var anchorLength = 0
  /// The key values on the way, in order: what texts show.
  public internal(set) var keys: [Value] = []

  /// The schema node; nil is the root.
  public var node: NodeID? { path.node }
  /// True when the path ends with the keys of a list entry, or the value of a leaf-list entry.
  public var isEntry: Bool { path.isEntry }

  public static var root: Location { Location(path: .root, anchorNode: nil) }

  /// The location of a child node. The caller knows that `id` is a child, and that a list here has its keys.
  public func child(_ id: NodeID, _ model: DataModel) -> Location {
    var location = self
    location.step(to: id, model)
    return location
  }

  mutating func step(to id: NodeID, _ model: DataModel) {
    if let node = path.node, model[node].isAnchor {
      anchorNode = node
      anchorLength = path.bytes.count
    }
    path.append(id, model.layout)
  }

  /// One entry of the list that this is, by its key in the store's form; `values` are the same keys, for texts.
  public func entry(key: UnsafeRawBufferPointer, _ values: [Value] = []) -> Location {
    var location = self
    location.path.appendEntryKey(key)
    location.keys += values
    return location
  }

  public func entry(key: [UInt8], _ values: [Value] = []) -> Location {
    key.withUnsafeBytes { entry(key: $0, values) }
  }

  /// The location of the node above (of an entry: of what holds its list), with the same anchor: good for going down again
  /// and for texts. Where it is an anchor itself, ask ``TreeView/anchorExists(_:)`` of the location below whether it exists.
  func parent(_ model: DataModel) -> Location? {
    guard let node = path.node else { return nil }
    guard model.schema[node].parent != nil else { return .root }
    var location = self
    let steps = model.layout.steps(of: path)
    let end = steps.dropLast().last.map { $0.entryEnd ?? $0.nodeEnd } ?? 0
    guard let path = model.layout.path(Array(path.bytes[..<end])) else { return nil }
    location.path = path
    if isEntry {
      let own = model.schema[node].kind == .list ? max(1, model.schema[node].keys.count) : 1
      location.keys.removeLast(min(own, location.keys.count))
    }
    return location
  }

  /// The path for people: `/if:interfaces/interface{eth0}/mtu`.
  public func text(_ model: DataModel) -> String {
    guard let node = path.node else { return "/" }
    return model.text(of: node, keys)
  }

  /// As `text`, of the list entry or presence container above.
  func anchorText(_ model: DataModel) -> String {
    guard let anchorNode else { return "/" }
    return model.text(of: anchorNode, keys)
  }
}

/// Builds a ``Location`` step by step, checking each against the schema. The same builder serves paths from the wire, from
/// documents and from text.
public struct LocationBuilder: Sendable {
  public let model: DataModel
  public private(set) var location: Location

  public init(_ model: DataModel) {
    self.model = model
    location = .root
    location.path.reserve(64)
  }

  /// Goes on from a place already resolved.
  public init(_ model: DataModel, from location: Location) {
    self.model = model
    self.location = location
  }

  /// Steps to a child node.
  /// - Throws: BADPATH when the node has no children, or is a list whose keys are missing.
  public mutating func child(_ id: NodeID) throws(NSOError) {
    if let node = location.node {
      let facts = model[node]
      switch facts.kind {
      case .list where !location.isEntry:
        throw NSOError(
          .badPath,
          "\(text): the keys of list \(model.schema[node].name.name) are missing before \(model.schema[id].name.name)")
      case .leafList where location.isEntry, .leaf:
        throw NSOError(.badPath, "\(text): there is nothing below a leaf")
      default: break
      }
    }
    guard model.layout.isStored(id) else {
      throw NSOError(.badPath, "\(model.schema.path(of: id)) is no data node: it cannot be read or written")
    }
    location.step(to: id, model)
  }

  @inline(__always)
  mutating func quickStep(to id: NodeID) { location.step(to: id, model) }

  /// The next key of a list entry, as bytes; see ``takesStringKeys(_:)``.
  @inline(__always)
  public mutating func quickKey(_ bytes: UnsafeRawBufferPointer) { location.path.appendKey(string: bytes) }

  /// Steps to a child node by name; without namespace it is the one in the parent's namespace, or the only one.
  /// - Throws: BADPATH, naming the element.
  public mutating func child(namespace: UnsafeRawBufferPointer?, name: UnsafeRawBufferPointer) throws(NSOError) {
    guard let id = model.schema.child(of: location.node, namespace: namespace, name: name) else {
      throw unknown(String(decoding: name, as: UTF8.self), namespace.map { String(decoding: $0, as: UTF8.self) })
    }
    try child(id)
  }

  public mutating func child(_ tag: Tag) throws(NSOError) {
    guard let id = model.schema.child(of: location.node, tag) else { throw unknown(tag.name, tag.namespace) }
    try child(id)
  }

  /// Steps to one entry of the list, or leaf-list, that was reached.
  /// - Parameter keys: the key values in schema order; each is checked and made canonical.
  /// - Returns: the canonical key values.
  /// - Throws: BADPATH for a wrong number of keys or at a node without keys, BADTYPE for a key that does not fit.
  @discardableResult
  public mutating func entry(_ keys: [Value]) throws(NSOError) -> [Value] {
    guard let node = location.node, !location.isEntry else {
      throw NSOError(.badPath, "\(text): keys {\(keys.map(\.plainText).joined(separator: " "))} stand where no list is")
    }
    let schemaNode = model.schema[node]
    var canonical: [Value] = []
    canonical.reserveCapacity(keys.count)
    switch schemaNode.kind {
    case .list where schemaNode.isKeyless:
      guard keys.count == 1, case .int64 = keys[0] else {
        throw NSOError(.badPath, "\(text): a list without keys is addressed with one int64 number")
      }
      canonical = keys
      try append(keys[0], nil)
    case .list:
      guard keys.count == schemaNode.keys.count else {
        throw NSOError(
          .badPath,
          "\(text): list \(schemaNode.name.name) has \(schemaNode.keys.count) keys (\(schemaNode.keys.map { model.schema[$0].name.name }.joined(separator: " "))), the path gives \(keys.count)"
        )
      }
      for (value, key) in zip(keys, schemaNode.keys) {
        canonical.append(try append(value, of: key))
      }
    case .leafList:
      guard keys.count == 1 else {
        throw NSOError(.badPath, "\(text): an entry of a leaf-list is addressed with one value, the path gives \(keys.count)")
      }
      canonical.append(try append(keys[0], of: node))
    default:
      throw NSOError(.badPath, "\(text): keys {\(keys.map(\.plainText).joined(separator: " "))} stand where no list is")
    }
    location.keys += canonical
    return canonical
  }

  private mutating func append(_ value: Value, of node: NodeID) throws(NSOError) -> Value {
    guard let type = model.schema[node].type else {
      throw NSOError(.internal, "\(text): key \(model.schema[node].name.name) has no type")
    }
    let canonical: Value
    do {
      canonical = try model.schema.check(value, as: type)
    } catch {
      throw error.nsoError(at: "\(text), key \(model.schema[node].name.name)")
    }
    try append(canonical, type)
    return canonical
  }

  private mutating func append(_ value: Value, _ type: SchemaType?) throws(NSOError) {
    do {
      try location.path.appendKey(value, type: type, schema: model.schema)
    } catch {
      throw NSOError(.badType, "\(text): \(error)")
    }
  }

  /// What has been resolved so far, for error texts.
  public var text: String {
    location.text(model)
  }

  private func unknown(_ name: String, _ namespace: String?) -> NSOError {
    let place = location.node == nil ? "at the top" : "below \(text)"
    // Names of any length come from outside.
    let known = name.count > 200 ? "\(name.prefix(200))... (\(name.count) characters)" : name
    let shown = namespace.map { "\(known) (namespace \($0.prefix(200)))" } ?? known
    let children = location.node.map { model.schema[$0].children } ?? model.schema.roots
    let names = children.map { model.schema[$0].name.name }
    let near = names.count <= 12 && !names.isEmpty ? "; known there: \(names.joined(separator: ", "))" : ""
    if namespace == nil, location.node == nil, names.filter({ $0 == name }).count > 1 {
      return NSOError(.badPath, "/\(name) exists in several modules: give the namespace or prefix")
    }
    return NSOError(.badPath, "unknown element \(shown) \(place)\(near)")
  }
}

extension DataModel {
  /// The path of a node with the keys on the way, as many as there are.
  func text(of node: NodeID, _ keys: [Value]) -> String {
    var text = ""
    var rest = keys[...]
    var module: ModuleID?
    for step in schema.lineage(of: node) {
      let node = schema[step]
      text += "/"
      if node.module != module { text += schema[node.module].prefix + ":" }
      text += node.name.name
      module = node.module
      let count = node.kind == .list ? max(1, node.keys.count) : node.kind == .leafList ? 1 : 0
      guard count > 0, !rest.isEmpty else { continue }
      let types = node.kind == .list ? node.keys.map { schema[$0].type } : [node.type]
      let shown = rest.prefix(count).enumerated().map { index, value in
        let type = types.indices.contains(index) ? types[index] : nil
        return type.flatMap { schema.text(of: value, as: $0) } ?? value.plainText
      }
      text += "{" + shown.map { StringPath.quoted(key: $0) }.joined(separator: " ") + "}"
      rest = rest.dropFirst(count)
    }
    return text
  }

  /// Resolves a path of names and keys.
  /// - Throws: BADPATH or BADTYPE, naming the element. Positions are resolved by whoever has the data.
  public func locate(_ path: Keypath) throws(NSOError) -> Location {
    var builder = LocationBuilder(self)
    for element in path.elements {
      switch element {
      case .tag(let tag): try builder.child(tag)
      case .keys(let keys): try builder.entry(keys)
      case .position:
        throw NSOError(.badPath, "\(builder.text): entries by position are for CDB sessions only")
      }
    }
    return builder.location
  }
}
