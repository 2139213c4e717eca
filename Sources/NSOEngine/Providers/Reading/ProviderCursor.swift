import NSOModel
import NSOSchema
import NSOStore

/// Walks the records of providers' data in the order of keys: what changes of a transaction are laid over. It does not go down
/// through lists that are in the database: what is below their entries is reached from there.
final class ProviderCursor: TreeCursor {
  private typealias Record = (key: [UInt8], value: [UInt8])

  private let tree: ProviderTree
  private let range: KeyRange
  /// Everything in the range lies at or below it.
  private let top: TreePath
  /// The current record, in memory of its own.
  private var keyBytes: UnsafeMutableRawBufferPointer
  private var valueBytes: UnsafeMutableRawBufferPointer

  init(_ tree: ProviderTree, _ range: KeyRange) {
    self.tree = tree
    self.range = range
    keyBytes = .allocate(byteCount: 0, alignment: 1)
    valueBytes = .allocate(byteCount: 0, alignment: 1)
    var bytes = range.lower
    var top = TreePath.root
    // The longest beginning of the range's lower end that is a place and holds all of the range.
    while !bytes.isEmpty {
      if let upper = range.upper, let path = tree.model.layout.path(bytes), let end = KeyRange.upperBound(of: bytes),
        !end.lexicographicallyPrecedes(upper)
      {
        top = path
        break
      }
      bytes.removeLast()
    }
    self.top = top
  }

  deinit {
    keyBytes.deallocate()
    valueBytes.deallocate()
  }

  var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(keyBytes) }
  var value: UnsafeRawBufferPointer { UnsafeRawBufferPointer(valueBytes) }

  private func show(_ record: Record?) -> Bool {
    guard let record else { return false }
    keyBytes.deallocate()
    valueBytes.deallocate()
    keyBytes = .allocate(byteCount: record.key.count, alignment: 1)
    keyBytes.copyBytes(from: record.key)
    valueBytes = .allocate(byteCount: record.value.count, alignment: 1)
    valueBytes.copyBytes(from: record.value)
    return true
  }

  func seek(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    let wanted = Array(key)
    return try show(first(from: wanted.lexicographicallyPrecedes(range.lower) ? range.lower : wanted))
  }

  func next() throws(StoreError) -> Bool { try show(first(from: Array(key) + [0])) }

  func seekBefore(_ key: UnsafeRawBufferPointer?) throws(StoreError) -> Bool {
    throw StoreError(refusal: NSOError(.notImplemented, "data of providers cannot be walked backwards"))
  }

  private func first(from key: [UInt8]) throws(StoreError) -> Record? {
    guard let record = try first(at: top, from: key) else { return nil }
    if let upper = range.upper, !record.key.lexicographicallyPrecedes(upper) { return nil }
    return record
  }

  /// The first record at or below a place that is not before `key`.
  private func first(at path: TreePath, from key: [UInt8]) throws(StoreError) -> Record? {
    let model = tree.model
    guard let node = path.node else { return try firstChild(of: path, model.schema.roots, from: key) }
    guard model.providerReach(node) != .none else { return nil }
    let isOurs = model[node].placement == .provider
    if path.isWholeList { return isOurs ? try firstEntry(of: path, node, from: key) : nil }
    if isOurs, !path.bytes.lexicographicallyPrecedes(key), let record = try tree.record(path, node) {
      return (path.bytes, record)
    }
    if model[node].kind == .leaf || model[node].kind == .leafList { return nil }
    // Without it nothing is in it.
    if isOurs, path.isEntry || model[node].flags.contains(.presence), try tree.record(path, node) == nil { return nil }
    return try firstChild(of: path, model.schema[node].children, from: key)
  }

  private func firstChild(of path: TreePath, _ children: [NodeID], from key: [UInt8]) throws(StoreError) -> Record? {
    let model = tree.model
    let paths = children.filter { model.layout.isStored($0) && model.providerReach($0) != .none && !model[$0].isKey }
      .map { path.appending($0, model.layout) }
      .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    for child in paths {
      if let end = KeyRange.upperBound(of: child.bytes), !key.lexicographicallyPrecedes(end) { continue }
      if let record = try first(at: child, from: key) { return record }
    }
    return nil
  }

  private func firstEntry(of list: TreePath, _ node: NodeID, from key: [UInt8]) throws(StoreError) -> Record? {
    if tree.model[node].kind == .leafList {
      let wanted = key.starts(with: list.bytes) ? Array(key.dropFirst(list.bytes.count)) : []
      guard let value = try tree.firstValue(of: list, from: wanted) else { return nil }
      var entry = list
      entry.appendEntryKey(value.key)
      return (entry.bytes, value.record)
    }
    var position = position(in: list, from: key)
    while true {
      var record: [UInt8] = []
      guard try tree.nextEntry(in: list, &position, { record = Array($0) }) else { return nil }
      var entry = list
      entry.appendEntryKey(position.entryKey)
      if !entry.bytes.lexicographicallyPrecedes(key) { return (entry.bytes, record) }
      if tree.model[node].kind == .list, key.starts(with: entry.bytes),
        let found = try firstChild(of: entry, tree.model.schema[node].children, from: key)
      {
        return found
      }
    }
  }

  /// Where in the list a walk has to begin that is to find a key: at the entry that the key names, or lies below.
  private func position(in list: TreePath, from key: [UInt8]) -> ListPosition {
    guard key.starts(with: list.bytes), key.count > list.bytes.count else { return .start }
    if let entry = tree.entryKey(of: key, in: list) { return .atOrAfter(entry) }
    // One beyond the last key below an entry: what `KeyRange.upperBound(of:)` made of it.
    var before = key
    if before[before.count - 1] > 0 { before[before.count - 1] -= 1 }
    return tree.entryKey(of: before, in: list).map(ListPosition.after) ?? .start
  }
}

extension ProviderTree {
  /// The entry of a list that a key names, or lies below.
  fileprivate func entryKey(of key: [UInt8], in list: TreePath) -> [UInt8]? {
    guard let node = list.node else { return nil }
    var end = key.count
    while end > list.bytes.count {
      if let path = model.layout.path(Array(key[..<end])), path.node == node, path.isEntry { return path.entryKey }
      end -= 1
    }
    return nil
  }
}
