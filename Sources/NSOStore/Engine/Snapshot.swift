internal import CLMDB
internal import Synchronization

/// The state of a store at one revision, for as long as somebody holds it. Readers share one object per revision; none
/// of them ever waits for a commit or makes one wait. Held for long, it keeps the pages of its revision from being used again.
public final class Snapshot: Sendable {
  /// A read transaction. LMDB lets several threads use one when they take turns, which the mutex around it sees to.
  struct Transaction: @unchecked Sendable {
    let handle: OpaquePointer
  }

  let environment: Environment
  let transaction: Mutex<Transaction>
  private let registry: SnapshotRegistry
  private let ticket: UInt64
  public let revision: Revision

  init(_ environment: Environment, _ registry: SnapshotRegistry) throws(StoreError) {
    environment.snapshotBegins()
    var begun: OpaquePointer?
    let status = mdb_txn_begin(environment.handle, nil, UInt32(MDB_RDONLY), &begun)
    guard status == 0, let handle = begun else {
      environment.snapshotEnded()
      throw storeError(status, "cannot read the store \(environment.path)")
    }
    var value = MDB_val()
    let found = Environment.revisionKey.withUnsafeBytes { key in
      var key = MDB_val(key)
      return mdb_get(handle, environment.database(.meta), &key, &value)
    }
    guard found == 0, value.mv_size == 8 else {
      mdb_txn_abort(handle)
      environment.snapshotEnded()
      throw storeError(found == 0 ? MDB_CORRUPTED : found, "cannot read the revision of the store \(environment.path)")
    }
    self.environment = environment
    self.registry = registry
    revision = Revision(rawValue: UInt64(bigEndian: value.bytes.loadUnaligned(as: UInt64.self)))
    transaction = Mutex(Transaction(handle: handle))
    ticket = registry.add(revision)
  }

  deinit {
    transaction.withLock { mdb_txn_abort($0.handle) }
    registry.remove(ticket)
    environment.snapshotEnded()
  }

  /// The value of `key`, without copying: the bytes stay valid as long as this object is held.
  @usableFromInline
  func find(_ space: Space, _ key: UnsafeRawBufferPointer) throws(StoreError) -> UnsafeRawBufferPointer? {
    guard key.count > 0 else { return nil }
    guard !LongKey.isLong(key) else { return try findLong(space, key) }
    return try findStored(space, key)
  }

  private func findStored(_ space: Space, _ key: UnsafeRawBufferPointer) throws(StoreError) -> UnsafeRawBufferPointer? {
    var name = MDB_val(key)
    var value = MDB_val()
    let database = environment.database(space)
    let status = transaction.withLock { mdb_get($0.handle, database, &name, &value) }
    if status == 0 { return value.bytes }
    if status == MDB_NOTFOUND { return nil }
    throw storeError(status, "cannot read space \(space) of the store \(environment.path)")
  }

  private func findLong(_ space: Space, _ key: UnsafeRawBufferPointer) throws(StoreError) -> UnsafeRawBufferPointer? {
    let stored = try withBytes(LongKey.stored(key)) { name throws(StoreError) in try findStored(space, name) }
    guard let stored else { return nil }
    guard let (rest, value) = LongKey.split(stored) else {
      throw storeError(MDB_CORRUPTED, "cannot read space \(space) of the store \(environment.path)")
    }
    return equalBytes(rest, key.suffix(from: LongKey.limit)) ? value : nil
  }

  /// Calls `body` with the value of `key` and returns its result; nil when there is no such key. Nothing is copied; the bytes
  /// must not be kept beyond the call.
  @inlinable
  public func get<R>(
    _ space: Space, _ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> R
  ) throws(StoreError) -> R? {
    guard let bytes = try find(space, key) else { return nil }
    return withExtendedLifetime(self) { body(bytes) }
  }

  /// A copy of the value of `key`.
  public func get(_ space: Space, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
    try withBytes(key) { key throws(StoreError) in try get(space, key) { Array($0) } }
  }

  public func contains(_ space: Space, _ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    try find(space, key) != nil
  }

  public func contains(_ space: Space, _ key: [UInt8]) throws(StoreError) -> Bool {
    try withBytes(key) { key throws(StoreError) in try find(space, key) != nil }
  }

  public func makeCursor(_ space: Space, in range: KeyRange = .all) throws(StoreError) -> any TreeCursor {
    try SnapshotCursor(self, space, range)
  }

  /// Calls `body` with the records of `range` in key order until it returns false.
  public func scan(
    _ space: Space, _ range: KeyRange = .all, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    let cursor = try SnapshotCursor(self, space, range)
    var more = try cursor.first()
    while more, body(cursor.key, cursor.value) { more = try cursor.next() }
  }

  /// The number of records in `range`, but no more than `limit`.
  public func count(_ space: Space, _ range: KeyRange = .all, limit: Int = .max) throws(StoreError) -> Int {
    if range == .all, limit == .max { return try records(space) }
    var count = 0
    guard limit > 0 else { return 0 }
    try scan(space, range) { _, _ in
      count += 1
      return count < limit
    }
    return count
  }

  /// The last record of `range`.
  public func last<R>(
    _ space: Space, _ range: KeyRange = .all, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> R
  ) throws(StoreError) -> R? {
    let cursor = try SnapshotCursor(self, space, range)
    guard try cursor.seekBefore(nil) else { return nil }
    return body(cursor.key, cursor.value)
  }

  /// The number of records of a space, kept by LMDB.
  private func records(_ space: Space) throws(StoreError) -> Int {
    var facts = MDB_stat()
    let database = environment.database(space)
    let status = transaction.withLock { mdb_stat($0.handle, database, &facts) }
    guard status == 0 else { throw storeError(status, "cannot read space \(space) of the store \(environment.path)") }
    return Int(clamping: facts.ms_entries)
  }
}
