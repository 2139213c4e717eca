internal import CLMDB
internal import Synchronization

/// A cursor over one space of a snapshot, which puts groups of long keys (`LongKey`) into order as it meets them.
final class SnapshotCursor: TreeCursor {
  /// The long keys that share their first bytes, sorted.
  private struct Group {
    var prefix: [UInt8]
    var members: [(rest: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)]
  }

  private let snapshot: Snapshot
  private let space: Space
  private let range: KeyRange
  private let cursor: OpaquePointer
  private var storedKey = MDB_val()
  private var storedValue = MDB_val()
  private var group: Group?
  /// The place in `group`; nil when the cursor is at a key that is stored as it is.
  private var member: Int?
  /// The current key put together, when it is a long one.
  private var longKey: UnsafeMutableRawBufferPointer?

  private(set) var key = UnsafeRawBufferPointer(start: nil, count: 0)
  private(set) var value = UnsafeRawBufferPointer(start: nil, count: 0)

  init(_ snapshot: Snapshot, _ space: Space, _ range: KeyRange) throws(StoreError) {
    var opened: OpaquePointer?
    let database = snapshot.environment.database(space)
    let status = snapshot.transaction.withLock { mdb_cursor_open($0.handle, database, &opened) }
    guard status == 0, let cursor = opened else {
      throw storeError(status, "cannot read space \(space) of the store \(snapshot.environment.path)")
    }
    self.snapshot = snapshot
    self.space = space
    self.range = range
    self.cursor = cursor
  }

  deinit {
    snapshot.transaction.withLock { _ in mdb_cursor_close(cursor) }
    longKey?.deallocate()
  }

  func seek(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    let found = try withBytes(range.lower) { lower throws(StoreError) in
      try position(atOrAfter: compareBytes(key, lower) < 0 ? lower : key)
    }
    return found && isBelowUpper()
  }

  func next() throws(StoreError) -> Bool {
    try advance() && isBelowUpper()
  }

  func seekBefore(_ key: UnsafeRawBufferPointer?) throws(StoreError) -> Bool {
    let found: Bool
    if let upper = range.upper {
      found = try withBytes(upper) { upper throws(StoreError) in
        guard let key, compareBytes(key, upper) < 0 else { return try position(before: upper) }
        return try position(before: key)
      }
    } else {
      found = try position(before: key)
    }
    return found && range.lower.withUnsafeBytes { compareBytes(self.key, $0) >= 0 }
  }

  @inline(__always)
  private func isBelowUpper() -> Bool {
    guard let upper = range.upper else { return true }
    return upper.withUnsafeBytes { compareBytes(key, $0) < 0 }
  }

  // MARK: Positions among all keys of the space

  private func position(atOrAfter key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    if key.count == 0 { return try take(move(MDB_FIRST)) }
    guard LongKey.isLong(key) else { return try take(move(MDB_SET_RANGE, to: key)) }
    let group = try loadGroup(UnsafeRawBufferPointer(rebasing: key[..<LongKey.limit]))
    let index = Self.lowerBound(group, key.suffix(from: LongKey.limit))
    if index < group.members.count { return enter(group, index) }
    return try leaveGroup(group)
  }

  private func advance() throws(StoreError) -> Bool {
    guard let member, let group else { return try take(move(MDB_NEXT)) }
    if member + 1 < group.members.count { return enter(group, member + 1) }
    return try leaveGroup(group)
  }

  /// To the first key after a group.
  private func leaveGroup(_ group: Group) throws(StoreError) -> Bool {
    let end = group.prefix + [UInt8](repeating: 255, count: LongKey.storedCount - LongKey.limit + 1)
    return try withBytes(end) { end throws(StoreError) in try take(move(MDB_SET_RANGE, to: end)) }
  }

  private func position(before key: UnsafeRawBufferPointer?) throws(StoreError) -> Bool {
    guard let key else { return try takeLast(move(MDB_LAST)) }
    if key.count == 0 { return false }
    guard LongKey.isLong(key) else { return try takeLast(stepBefore(key)) }
    let prefix = UnsafeRawBufferPointer(rebasing: key[..<LongKey.limit])
    let group = try loadGroup(prefix)
    let index = Self.lowerBound(group, key.suffix(from: LongKey.limit))
    if index > 0 { return enter(group, index - 1) }
    return try withBytes(group.prefix + [0]) { start throws(StoreError) in try takeLast(stepBefore(start)) }
  }

  /// To the last stored key before `key`.
  private func stepBefore(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    try move(MDB_SET_RANGE, to: key) ? try move(MDB_PREV) : try move(MDB_LAST)
  }

  // MARK: Stored keys

  private func move(_ operation: MDB_cursor_op, to key: UnsafeRawBufferPointer? = nil) throws(StoreError) -> Bool {
    if let key { storedKey = MDB_val(key) }
    let status = snapshot.transaction.withLock { _ in mdb_cursor_get(cursor, &storedKey, &storedValue, operation) }
    if status == 0 { return true }
    if status == MDB_NOTFOUND { return false }
    throw storeError(status, "cannot read space \(space) of the store \(snapshot.environment.path)")
  }

  /// Makes the stored record the current one; the first of its group when it is a long key.
  @inline(__always)
  private func take(_ found: Bool) throws(StoreError) -> Bool {
    guard found else { return false }
    if storedKey.mv_size > LongKey.limit {
      return enter(try loadGroup(UnsafeRawBufferPointer(rebasing: storedKey.bytes[..<LongKey.limit])), 0)
    }
    member = nil
    key = storedKey.bytes
    value = storedValue.bytes
    return true
  }

  /// As `take`, but the last of the group.
  private func takeLast(_ found: Bool) throws(StoreError) -> Bool {
    guard found, storedKey.mv_size > LongKey.limit else { return try take(found) }
    let group = try loadGroup(UnsafeRawBufferPointer(rebasing: storedKey.bytes[..<LongKey.limit]))
    return enter(group, group.members.count - 1)
  }

  // MARK: Groups

  private func loadGroup(_ prefix: UnsafeRawBufferPointer) throws(StoreError) -> Group {
    if let group, group.prefix.withUnsafeBytes({ equalBytes($0, prefix) }) { return group }
    var loaded = Group(prefix: Array(prefix), members: [])
    var found = try withBytes(loaded.prefix + [0]) { start throws(StoreError) in try move(MDB_SET_RANGE, to: start) }
    while found, storedKey.mv_size > LongKey.limit,
      loaded.prefix.withUnsafeBytes({ storedKey.bytes.hasPrefix($0) })
    {
      guard let (rest, value) = LongKey.split(storedValue.bytes) else {
        throw storeError(MDB_CORRUPTED, "cannot read space \(space) of the store \(snapshot.environment.path)")
      }
      loaded.members.append((rest, value))
      found = try move(MDB_NEXT)
    }
    loaded.members.sort { compareBytes($0.rest, $1.rest) < 0 }
    group = loaded
    return loaded
  }

  private static func lowerBound(_ group: Group, _ rest: UnsafeRawBufferPointer) -> Int {
    var low = 0
    var high = group.members.count
    while low < high {
      let middle = (low + high) / 2
      if compareBytes(group.members[middle].rest, rest) < 0 { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func enter(_ group: Group, _ index: Int) -> Bool {
    guard group.members.indices.contains(index) else { return false }
    let (rest, bytes) = group.members[index]
    member = index
    value = bytes
    let count = LongKey.limit + rest.count
    if (longKey?.count ?? 0) < count {
      longKey?.deallocate()
      longKey = .allocate(byteCount: max(count, 1024), alignment: 8)
    }
    guard let longKey else { return false }
    longKey.copyBytes(from: group.prefix)
    UnsafeMutableRawBufferPointer(rebasing: longKey[LongKey.limit..<count]).copyMemory(from: rest)
    key = UnsafeRawBufferPointer(rebasing: longKey[..<count])
    return true
  }
}
