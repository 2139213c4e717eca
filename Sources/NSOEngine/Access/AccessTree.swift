import NSOSchema
import NSOStore

/// A tree without the records that a session may not read: what is hidden is as if it were not there.
final class AccessTree: DataTree {
  private let base: any DataTree
  private let table: AccessTable

  init(_ base: any DataTree, _ table: AccessTable) {
    self.base = base
    self.table = table
  }

  var untracked: any DataTree { AccessTree(base.untracked, table) }

  func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) -> Bool {
    guard Self.shows(key, table) else { return false }
    return try base.read(key, body)
  }

  func makeCursor(in range: KeyRange) throws(StoreError) -> any TreeCursor {
    AccessCursor(try base.makeCursor(in: range), table)
  }

  func hasContent(_ path: TreePath) throws(StoreError) -> Bool {
    guard table.shows(path), try base.hasContent(path) else { return false }
    if table.isOpen(path.node) { return true }
    return try makeCursor(in: path.subtree).first()
  }

  func nextEntry(
    in list: TreePath, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    guard table.shows(list) else { return false }
    while true {
      var record: [UInt8] = []
      guard try base.nextEntry(in: list, &position, { record = Array($0) }) else { return false }
      var entry = list
      entry.appendEntryKey(position.entryKey)
      if table.shows(entry) {
        record.withUnsafeBytes { body($0) }
        return true
      }
    }
  }

  func forEachEntry(
    in list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    guard table.shows(list) else { return }
    try base.forEachEntry(in: list) { key, record in
      var entry = list
      entry.appendEntryKey(key)
      return table.shows(entry) ? body(key, record) : true
    }
  }

  func count(of list: TreePath, limit: Int) throws(StoreError) -> Int {
    guard limit > 0 else { return 0 }
    var count = 0
    try forEachEntry(in: list) { _, _ in
      count += 1
      return count < limit
    }
    return count
  }

  /// Records beside those of nodes (attributes, the order of a list) are seen with what they belong to.
  static func shows(_ key: UnsafeRawBufferPointer, _ table: AccessTable) -> Bool {
    table.shows(table.model.layout.place(ofKey: Array(key)))
  }
}

private final class AccessCursor: TreeCursor {
  private let base: any TreeCursor
  private let table: AccessTable

  init(_ base: any TreeCursor, _ table: AccessTable) {
    self.base = base
    self.table = table
  }

  var key: UnsafeRawBufferPointer { base.key }
  var value: UnsafeRawBufferPointer { base.value }

  private func forward(_ found: Bool) throws(StoreError) -> Bool {
    var found = found
    while found, !AccessTree.shows(base.key, table) { found = try base.next() }
    return found
  }

  func seek(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool { try forward(base.seek(key)) }
  func next() throws(StoreError) -> Bool { try forward(base.next()) }

  func seekBefore(_ key: UnsafeRawBufferPointer?) throws(StoreError) -> Bool {
    var found = try base.seekBefore(key)
    while found, !AccessTree.shows(base.key, table) {
      let here = Array(base.key)
      let result: Result<Bool, StoreError> = here.withUnsafeBytes { bytes in
        do throws(StoreError) { return .success(try base.seekBefore(bytes)) } catch { return .failure(error) }
      }
      found = try result.get()
    }
    return found
  }
}
