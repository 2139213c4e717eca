import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// The trees of the store as validation and XPath read them. Data of providers is not there.
struct StoreStorage: MutableInstanceStorage {
  typealias Place = TreePath

  let model: DataModel
  /// What may be removed from: a transaction's changes over running.
  private(set) var configuration: Overlay
  /// Where operational data is read from; nil leaves it out.
  private let state: TreeView?
  /// Configuration, or all data, of providers.
  private(set) var provider: (any DataTree)?

  /// Configuration only.
  init(_ model: DataModel, configuration: Overlay, provider: (any DataTree)? = nil) {
    self.model = model
    self.configuration = configuration
    self.provider = provider
    state = nil
  }

  /// Everything that a view shows.
  init(_ view: TreeView) {
    model = view.model
    configuration = Overlay(view.configuration)
    provider = view.provider
    state = view
  }

  var schema: Schema { model.schema }
  var rootPlace: TreePath { .root }

  /// The tree that holds a node's records; nil for what is not read here.
  private func tree(of node: NodeID?) -> (any DataTree)? {
    guard let node else { return configuration }
    switch model[node].placement {
    case .configuration: return configuration
    case .operational: return state?.operational
    case .persistentOperational: return state?.persistentOperational
    case .provider: return state != nil || model[node].isConfiguration ? provider : nil
    case .none: return nil
    }
  }

  func place(of child: NodeID, in parent: TreePath) -> TreePath {
    model.layout.isStored(child) ? parent.appending(child, model.layout) : parent
  }

  func place(ofEntry keys: [Value], of list: NodeID, at place: TreePath) throws -> TreePath {
    var path = place
    let node = schema[list]
    let types = node.kind == .list ? node.keys.map { schema[$0].type } : [node.type]
    for (index, key) in keys.enumerated() {
      try path.appendKey(key, type: types.indices.contains(index) ? types[index] : nil, schema: schema)
    }
    return path
  }

  func isSet(_ place: TreePath) throws -> Bool { try tree(of: place.node)?.exists(place) ?? false }

  func hasContent(_ place: TreePath) throws -> Bool {
    if try tree(of: place.node)?.hasContent(place) ?? false { return true }
    guard let node = place.node, schema[node].kind == .container else { return false }
    if let provider, model.providerReach(node) != .none, try provider.hasContent(place) { return true }
    guard let state else { return false }
    return try state.operational.hasContent(place) || state.persistentOperational.hasContent(place)
  }

  func value(of leaf: NodeID, at place: TreePath) throws -> Value? {
    guard let tree = tree(of: leaf) else { return nil }
    return try tree.get(place) { bytes in Result { try decoded(bytes) } }?.get()
  }

  func forEachEntry(
    of list: NodeID, at place: TreePath, keys: [Value], _ body: (TreePath, [Value]) throws -> Bool
  ) throws -> Bool {
    guard let tree = tree(of: list) else { return true }
    let isList = schema[list].kind == .list
    guard keys.count < (isList ? max(1, schema[list].keys.count) : 1) else {
      let path = try self.place(ofEntry: keys, of: list, at: place)
      return try tree.exists(path) ? body(path, keys) : true
    }
    let prefix = keys.isEmpty ? [] : try self.place(ofEntry: keys, of: list, at: place).entryKey ?? []
    var failure: (any Error)?
    var wentOn = true
    /// One entry; false at the end.
    func visit(_ key: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool {
      do {
        var path = place
        path.appendEntryKey(key)
        wentOn = try body(path, isList ? decodedKeys(record) : [decoded(record)])
      } catch {
        failure = error
      }
      return wentOn && failure == nil
    }
    if prefix.isEmpty {
      try tree.forEachEntry(in: place, visit)
    } else {
      var position = ListPosition.atOrAfter(prefix)
      var goesOn = true
      while goesOn {
        var record: [UInt8] = []
        guard try tree.nextEntry(in: place, &position, { record = Array($0) }) else { break }
        guard position.entryKey.starts(with: prefix) else {
          if place.isOrderedByUser { continue }
          break
        }
        goesOn = position.entryKey.withUnsafeBytes { key in record.withUnsafeBytes { visit(key, $0) } }
      }
    }
    if let failure { throw failure }
    return wentOn
  }

  /// The data of providers itself, where a list is theirs and nothing was changed there.
  func unchangedProvider(of list: NodeID, at place: TreePath) -> ProviderTree? {
    guard model[list].placement == .provider, let tree = tree(of: list) else { return nil }
    return ProviderTree.unchanged(tree, below: place)
  }

  func hintedNodes(of list: NodeID, at place: TreePath) -> ((NodeID) -> Bool)? {
    unchangedProvider(of: list, at: place)?.hintedNodes(of: list)
  }

  func forEachEntry(
    of list: NodeID, at place: TreePath, keys: [Value], hint: EntryHint, _ body: (TreePath, [Value], Bool) throws -> Bool
  ) throws -> Bool {
    guard keys.count < schema[list].keys.count, let provider = unchangedProvider(of: list, at: place) else {
      return try forEachEntry(of: list, at: place, keys: keys) { try body($0, $1, false) }
    }
    let filter = provider.filter(hint.condition, of: list)
    let prefix = keys.isEmpty ? [] : try self.place(ofEntry: keys, of: list, at: place).entryKey ?? []
    var position = prefix.isEmpty ? ListPosition.start : .atOrAfter(prefix)
    while true {
      var record: [UInt8] = []
      guard let isPromised = try provider.nextEntry(in: place, filter, &position, { record = Array($0) }),
        position.entryKey.starts(with: prefix)
      else { return true }
      var path = place
      path.appendEntryKey(position.entryKey)
      guard try body(path, record.withUnsafeBytes { try decodedKeys($0) }, isPromised) else { return false }
    }
  }

  func count(of list: NodeID, at place: TreePath, limit: Int) throws -> Int {
    try tree(of: list)?.count(of: place, limit: limit) ?? 0
  }

  func isEntry(_ a: TreePath, before b: TreePath, of list: NodeID) throws -> Bool {
    guard a.isOrderedByUser, let tree = tree(of: list), let first = a.entryKey, let second = b.entryKey else {
      return a.bytes.lexicographicallyPrecedes(b.bytes)
    }
    let place = a.withoutEntryKey
    guard let x = try tree.index(of: first, in: place), let y = try tree.index(of: second, in: place) else { return false }
    return x < y
  }

  mutating func remove(_ place: TreePath, of node: NodeID) throws {
    guard model[node].placement == .configuration else { return }
    try configuration.delete(place)
  }
}
