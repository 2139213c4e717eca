internal import CLMDB

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// An LMDB write transaction, begun and ended on the writer's thread.
struct WriteTransaction {
  private let environment: Environment
  private let handle: OpaquePointer

  init(_ environment: Environment) throws(StoreError) {
    var begun: OpaquePointer?
    let status = mdb_txn_begin(environment.handle, nil, 0, &begun)
    guard status == 0, let handle = begun else {
      throw storeError(status, "cannot write the store \(environment.path)")
    }
    self.environment = environment
    self.handle = handle
  }

  /// Not after `commit`, which ends the transaction even when it fails.
  func abort() { mdb_txn_abort(handle) }

  func commit() throws(StoreError) {
    let status = mdb_txn_commit(handle)
    // LMDB tells a write that was done in part as an input/output error; mostly the disk is full then.
    try check(status == EIO && Self.isFull(environment.path) ? ENOSPC : status)
  }

  private static func isFull(_ path: String) -> Bool {
    var facts = statvfs()
    guard statvfs(path, &facts) == 0 else { return false }
    return UInt64(facts.f_bavail) &* UInt64(facts.f_frsize) < 1 << 20
  }

  func setRevision(_ revision: Revision) throws(StoreError) {
    try setMeta(Environment.revisionKey, bigEndian(revision.rawValue))
  }

  /// Sets a record of the store's own.
  func setMeta(_ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
    try withBytes(key) { key throws(StoreError) in
      try withBytes(value) { value throws(StoreError) in try putStored(.meta, key, value) }
    }
  }

  func apply(_ batch: WriteBatch) throws(StoreError) {
    var failure: StoreError?
    batch.forEach { space, change in
      do throws(StoreError) {
        switch change {
        case .put(let key, let value): try put(space, key, value)
        case .delete(let key): try delete(space, key)
        case .deleteRange(let lower, let upper): try deleteRange(space, lower, upper)
        }
        return true
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
  }

  private func check(_ status: Int32) throws(StoreError) {
    guard status == 0 else { throw storeError(status, "cannot write the store \(environment.path)") }
  }

  /// Keys that users may not touch.
  private func checkKey(_ space: Space, _ key: UnsafeRawBufferPointer) throws(StoreError) {
    guard key.count > 0 else { throw StoreError(.badKey, "an empty key cannot be stored (space \(space))") }
    if space == .meta, key[0] == 0 {
      throw StoreError(.badKey, "keys of space meta that begin with 0 belong to the store itself")
    }
  }

  private func put(
    _ space: Space, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
  ) throws(StoreError) {
    try checkKey(space, key)
    guard LongKey.isLong(key) else { return try putStored(space, key, value) }
    try withBytes(LongKey.stored(key)) { stored throws(StoreError) in
      try withBytes(LongKey.storedValue(key, value)) { value throws(StoreError) in try putStored(space, stored, value) }
    }
  }

  private func putStored(
    _ space: Space, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
  ) throws(StoreError) {
    var key = MDB_val(key)
    var value = MDB_val(value)
    try check(mdb_put(handle, environment.database(space), &key, &value, 0))
  }

  private func delete(_ space: Space, _ key: UnsafeRawBufferPointer) throws(StoreError) {
    try checkKey(space, key)
    guard LongKey.isLong(key) else { return try deleteStored(space, key) }
    try withBytes(LongKey.stored(key)) { stored throws(StoreError) in try deleteStored(space, stored) }
  }

  private func deleteStored(_ space: Space, _ key: UnsafeRawBufferPointer) throws(StoreError) {
    var key = MDB_val(key)
    let status = mdb_del(handle, environment.database(space), &key, nil)
    if status != MDB_NOTFOUND { try check(status) }
  }

  private func deleteRange(
    _ space: Space, _ lower: UnsafeRawBufferPointer, _ upper: UnsafeRawBufferPointer?
  ) throws(StoreError) {
    if space == .meta, lower.first ?? 0 == 0 {
      return try withBytes([1]) { first throws(StoreError) in try deleteRecords(space, first, upper) }
    }
    if lower.isEmpty, upper == nil { return try check(mdb_drop(handle, environment.database(space), 0)) }
    try deleteRecords(space, lower, upper)
  }

  private func deleteRecords(
    _ space: Space, _ lower: UnsafeRawBufferPointer, _ upper: UnsafeRawBufferPointer?
  ) throws(StoreError) {
    var opened: OpaquePointer?
    try check(mdb_cursor_open(handle, environment.database(space), &opened))
    guard let cursor = opened else { return }
    defer { mdb_cursor_close(cursor) }
    // A group of long keys that `lower` may divide is visited from its first member on.
    let start = LongKey.isLong(lower) ? UnsafeRawBufferPointer(rebasing: lower[..<LongKey.limit]) : lower
    var key = MDB_val(start)
    var value = MDB_val()
    var status = mdb_cursor_get(cursor, &key, &value, start.isEmpty ? MDB_FIRST : MDB_SET_RANGE)
    while status == 0 {
      guard let low = LongKey.compare(key.bytes, value.bytes, with: lower) else { return try check(MDB_CORRUPTED) }
      if let upper {
        guard let high = LongKey.compare(key.bytes, value.bytes, with: upper) else { return try check(MDB_CORRUPTED) }
        if high >= 0 {
          // Beyond the end, unless the rest of the group has smaller keys.
          guard LongKey.isLong(upper), LongKey.isLong(key.bytes), key.bytes.hasPrefix(upper.prefix(of: LongKey.limit))
          else { return }
          status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
          continue
        }
      }
      if low >= 0 { try check(mdb_cursor_del(cursor, 0)) }
      // After a deletion LMDB goes to the record that took the deleted one's place.
      status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
    }
    if status != MDB_NOTFOUND { try check(status) }
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func prefix(of count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[..<Swift.min(count, self.count)])
  }
}
