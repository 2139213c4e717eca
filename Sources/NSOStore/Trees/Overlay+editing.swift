/// Where an entry of a list ordered by user goes. Entry keys are in the store's form (`TreePath.entryKey`).
public enum EntryPlace: Hashable, Sendable {
  case first, last
  case before([UInt8])
  case after([UInt8])
}

extension Overlay {
  /// Sets a leaf, or makes a presence container (with an empty value). Whether the node may be there is the caller's to know.
  public mutating func set(_ path: TreePath, _ value: UnsafeRawBufferPointer) {
    guard !path.isRoot else { return }
    path.bytes.withUnsafeBytes { put($0, value) }
  }

  public mutating func set(_ path: TreePath, _ value: [UInt8]) {
    value.withUnsafeBytes { set(path, $0) }
  }

  /// Makes an entry of a list or leaf-list with its record, or gives an existing one a new record. In a list ordered by user a new entry
  /// goes to `place`, an existing one stays where it is. False, with nothing changed, when the entry that `place` names is not there.
  @discardableResult
  public mutating func createEntry(
    _ path: TreePath, _ record: [UInt8], at place: EntryPlace = .last
  ) throws(StoreError) -> Bool {
    guard let entryKey = path.entryKey else { return false }
    if path.isOrderedByUser, try self.place(of: entryKey, in: path.withoutEntryKey) == nil {
      guard try insert(entryKey, in: path.withoutEntryKey, at: place) else { return false }
    }
    set(path, record)
    return true
  }

  /// Moves an entry of a list ordered by user. False, with nothing changed, when it or the entry that `place` names is not there.
  public mutating func moveEntry(_ path: TreePath, to place: EntryPlace) throws(StoreError) -> Bool {
    guard let entryKey = path.entryKey, path.isOrderedByUser, try exists(path) else { return false }
    return try move(entryKey, in: path.withoutEntryKey, to: place)
  }

  /// Deletes what is at and below `path`: a leaf, a container, an entry, all entries of a list, everything. Deleting what is not there
  /// changes nothing.
  public mutating func delete(_ path: TreePath) throws(StoreError) {
    if let entryKey = path.entryKey, path.isOrderedByUser {
      try withdraw(entryKey, in: path.withoutEntryKey)
    }
    try delete(path.subtree, isTerminal: path.isTerminal)
  }
}
