/// Ordered records of one tree: the running configuration at some revision, a transaction's view of it, operational data. All
/// other reads are made from these. A tree is a value: it does not change while you hold it.
public protocol DataTree: Sendable {
  /// Calls `body` with the value of exactly this key; false, without calling it, when there is none. The bytes must not be
  /// kept beyond the call.
  func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) -> Bool
  func makeCursor(in range: KeyRange) throws(StoreError) -> any TreeCursor
  /// The same tree without the noting of reads, for looking that nobody's result depends on.
  var untracked: any DataTree { get }

  // What follows is made from the above; trees that have shorter ways of their own take those.

  /// Whether there is anything at or below `path`.
  func hasContent(_ path: TreePath) throws(StoreError) -> Bool

  /// Goes to the next entry of `list` in its order (of keys, or the user's), calls `body` with its record and moves `position`
  /// to it; false at the end. When the entry at `position` is gone, it goes on with what came after it (ordered by user: with
  /// the entry that followed it when it was returned).
  func nextEntry(
    in list: TreePath, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool

  /// Calls `body` with keys (in the store's form) and record of each entry of `list`, in its order, until it returns false.
  func forEachEntry(
    in list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError)

  /// The number of entries of `list`, but no more than `limit`. Takes time proportional to the result.
  func count(of list: TreePath, limit: Int) throws(StoreError) -> Int
}

extension DataTree {
  public var untracked: any DataTree { self }

  public func contains(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    try read(key) { _ in }
  }

  /// Whether `range` has any record.
  public func isEmpty(_ range: KeyRange) throws(StoreError) -> Bool { try !makeCursor(in: range).first() }
}

// MARK: Records by path

extension DataTree {
  /// Calls `body` with the record at `path` (the value of a leaf, what is kept for a list entry, nothing for a presence
  /// container) and returns its result; nil when there is no record. Nothing is copied.
  @inlinable
  public func get<R>(_ path: TreePath, _ body: (UnsafeRawBufferPointer) -> R) throws(StoreError) -> R? {
    var result: R?
    _ = try withBytes(path.bytes) { key throws(StoreError) in try read(key) { result = body($0) } }
    return result
  }

  /// A copy of the record at `path`.
  public func bytes(_ path: TreePath) throws(StoreError) -> [UInt8]? { try get(path) { Array($0) } }

  /// Whether there is a record at `path`: a leaf is set, a presence container or list entry exists. Containers without presence
  /// and whole lists never have one, see `hasContent`.
  public func exists(_ path: TreePath) throws(StoreError) -> Bool {
    try withBytes(path.bytes) { key throws(StoreError) in try contains(key) }
  }

  /// Whether there is a record with exactly this key.
  public func hasRecord(_ key: [UInt8]) throws(StoreError) -> Bool {
    try withBytes(key) { key throws(StoreError) in try contains(key) }
  }

  public func hasContent(_ path: TreePath) throws(StoreError) -> Bool { try !isEmpty(path.subtree) }
}

/// One space of a snapshot as a tree.
public struct SnapshotTree: DataTree {
  public let snapshot: Snapshot
  public let space: Space

  public init(_ snapshot: Snapshot, _ space: Space) {
    self.snapshot = snapshot
    self.space = space
  }

  @inlinable
  public func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) -> Bool {
    guard let bytes = try snapshot.find(space, key) else { return false }
    withExtendedLifetime(snapshot) { body(bytes) }
    return true
  }

  public func makeCursor(in range: KeyRange) throws(StoreError) -> any TreeCursor {
    try snapshot.makeCursor(space, in: range)
  }
}

extension Snapshot {
  /// One space as a tree.
  public func tree(_ space: Space) -> SnapshotTree { SnapshotTree(self, space) }
}

/// A tree without records.
public struct EmptyTree: DataTree {
  public init() {}

  public func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) -> Bool { false }

  public func makeCursor(in range: KeyRange) throws(StoreError) -> any TreeCursor { EmptyCursor() }
}

private final class EmptyCursor: TreeCursor {
  func seek(_ key: UnsafeRawBufferPointer) -> Bool { false }
  func seekBefore(_ key: UnsafeRawBufferPointer?) -> Bool { false }
  func next() -> Bool { false }
  var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
  var value: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
