/// A tree of its own that shows another one with private changes: what a transaction sees. Setting and deleting cost O(log n) of the
/// changes, whatever the size of the base; memory grows with the changes only.
///
/// A value: a copy is made in constant time and shares everything until one of the two changes. So a copy is a savepoint, may be given
/// to another thread, and may be the base of another overlay (a transaction in a transaction). While a copy is held, each change copies
/// the part it falls into, once.
public struct Overlay: DataTree {
  /// What it lies over.
  public private(set) var base: any DataTree
  /// Set records; without value: deleted ones.
  private(set) var changes = ByteMap()
  /// Everything of the base in these ranges is deleted.
  private(set) var deleted = ByteRangeSet()

  public init(_ base: any DataTree) { self.base = base }

  /// Nothing was changed since it was made or reverted. (Setting a leaf to the value it has is a change.)
  public var isEmpty: Bool { changes.isEmpty && deleted.isEmpty }
  /// Changed records and deleted ranges held.
  public var changeCount: Int { changes.count + deleted.count }

  public func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) -> Bool {
    if let position = changes.find(key) {
      guard let value = changes.value(position) else { return false }
      withExtendedLifetime(changes) { body(value) }
      return true
    }
    if deleted.contains(key) { return false }
    return try base.read(key, body)
  }

  public func makeCursor(in range: KeyRange) throws(StoreError) -> any TreeCursor {
    let cursor = try base.makeCursor(in: range)
    return touches(range) ? OverlayCursor(cursor, changes, deleted, range) : cursor
  }

  public func hasContent(_ path: TreePath) throws(StoreError) -> Bool {
    touches(path.subtree) ? try !isEmpty(path.subtree) : try base.hasContent(path)
  }

  public func nextEntry(
    in list: TreePath, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    touches(list.subtree) ? try nextRecordedEntry(in: list, &position, body) : try base.nextEntry(in: list, &position, body)
  }

  public func forEachEntry(
    in list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    if touches(list.subtree) { try forEachRecordedEntry(in: list, body) } else { try base.forEachEntry(in: list, body) }
  }

  public func count(of list: TreePath, limit: Int) throws(StoreError) -> Int {
    touches(list.subtree) ? try countRecords(of: list, limit: limit) : try base.count(of: list, limit: limit)
  }

  /// Whether what the base has at a place that is no leaf was deleted: what is there then is new.
  public func isDeleted(_ path: TreePath) -> Bool { isDeleted(path.bytes) }

  /// As ``isDeleted(_:)``, for the key of a place in the store.
  public func isDeleted(_ key: [UInt8]) -> Bool { key.withUnsafeBytes { deleted.contains($0) } }

  public var untracked: any DataTree {
    var copy = self
    copy.base = base.untracked
    return copy
  }

  /// Whether anything in `range` was changed.
  public func touches(_ range: KeyRange) -> Bool {
    if isEmpty { return false }
    return range.lower.withUnsafeBytes { lower in
      let isBelowEnd = { (key: UnsafeRawBufferPointer) in
        range.upper?.withUnsafeBytes { compareBytes(key, $0) < 0 } ?? true
      }
      if let position = changes.lowerBound(lower), isBelowEnd(changes.key(position)) { return true }
      if deleted.contains(lower) { return true }
      if let position = deleted.map.lowerBound(lower), isBelowEnd(deleted.map.key(position)) { return true }
      return false
    }
  }

  // MARK: Changes of single keys

  /// Sets the record of `key`, which must not be empty.
  mutating func put(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    changes.set(key, value)
  }

  mutating func put(_ key: [UInt8], _ value: [UInt8]) {
    key.withUnsafeBytes { key in value.withUnsafeBytes { changes.set(key, $0) } }
  }

  mutating func delete(_ key: [UInt8]) throws(StoreError) {
    let hidden = key.withUnsafeBytes { deleted.contains($0) }
    let isThere = hidden ? false : try withBytes(key) { key throws(StoreError) in try base.untracked.contains(key) }
    key.withUnsafeBytes { key in
      if isThere { changes.set(key, nil) } else { changes.remove(key) }
    }
  }

  /// `isTerminal`: nothing but the first record of the range can be expected there, so one deleted record may do for the range. Where
  /// there may be more the whole range is noted even if the base has only one record now: another transaction may add some.
  mutating func delete(_ range: KeyRange, isTerminal: Bool = false) throws(StoreError) {
    changes.remove(range)
    guard !deleted.contains(range) else { return }
    let cursor = try base.untracked.makeCursor(in: range)
    guard try cursor.first() else { return }
    if isTerminal {
      let only = Array(cursor.key)
      if try !cursor.next() {
        only.withUnsafeBytes { only in
          if !deleted.contains(only) { changes.set(only, nil) }
        }
        return
      }
    }
    deleted.insert(range)
  }

  /// Deletes without looking whether there is anything: for changes that were made elsewhere.
  mutating func hide(_ range: KeyRange) {
    changes.remove(range)
    deleted.insert(range)
  }

  mutating func hide(_ key: UnsafeRawBufferPointer) { changes.set(key, nil) }

  // MARK: Taking back and handing on

  /// Takes all changes back.
  public mutating func removeAll() {
    changes = ByteMap()
    deleted = ByteRangeSet()
  }

  /// Takes back what was changed at and below `path`.
  public mutating func revert(_ path: TreePath) {
    changes.remove(path.subtree)
    deleted.remove(path.subtree)
  }

  /// Puts the changes over another base, for example a newer snapshot. They stay as they are: what others changed in the meantime shows
  /// wherever it was not changed here.
  public mutating func rebase(_ base: any DataTree) { self.base = base }

  /// Takes over the changes of an overlay that lies over this one (or over a copy of it).
  public mutating func absorb(_ other: Overlay) throws(StoreError) {
    for range in other.deleted.ranges { try delete(range) }
    var position = other.changes.first
    while let current = position {
      let key = other.changes.key(current)
      if let value = other.changes.value(current) { changes.set(key, value) } else { try delete(Array(key)) }
      position = other.changes.after(current)
    }
  }
}
