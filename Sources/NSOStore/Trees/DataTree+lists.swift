extension DataTree {
  public func nextEntry(
    in list: TreePath, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    try nextRecordedEntry(in: list, &position, body)
  }

  public func forEachEntry(
    in list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    try forEachRecordedEntry(in: list, body)
  }

  public func count(of list: TreePath, limit: Int) throws(StoreError) -> Int { try countRecords(of: list, limit: limit) }

  /// The number of entries of `list`. Takes time proportional to it.
  public func count(of list: TreePath) throws(StoreError) -> Int { try count(of: list, limit: .max) }

  /// By the records.
  func nextRecordedEntry(
    in list: TreePath, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    if list.isOrderedByUser { return try nextOrderedEntry(in: list, &position, body) }
    let cursor = try makeCursor(in: ListKeys.entries(list))
    var more: Bool
    switch position.stand {
    case .start: more = try cursor.first()
    case .atOrAfter: more = try cursor.seek(list.bytes + position.entryKey)
    case .after:
      guard let bound = KeyRange.upperBound(of: list.bytes + position.entryKey) else { return false }
      more = try cursor.seek(bound)
    }
    while more {
      let key = cursor.key
      guard let end = KeyForm.entryEnd(key, from: list.bytes.count) else { return false }
      if end == key.count {
        position = .after(Array(key.suffix(from: list.bytes.count)))
        body(cursor.value)
        return true
      }
      // Something below an entry that is not there.
      guard let bound = KeyRange.upperBound(of: Array(key[..<end])) else { return false }
      more = try cursor.seek(bound)
    }
    return false
  }

  /// By the records.
  func forEachRecordedEntry(
    in list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    if list.isOrderedByUser { return try forEachOrderedEntry(in: list, body) }
    try forEachEntryByKey(in: list, body)
  }

  /// In the order of keys, whatever the list's own order is.
  func forEachEntryByKey(
    in list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    let cursor = try makeCursor(in: ListKeys.entries(list))
    let start = list.bytes.count
    var more = try cursor.first()
    var entry: [UInt8] = []
    while more {
      let key = cursor.key
      guard let end = KeyForm.entryEnd(key, from: start) else { return }
      entry.removeAll(keepingCapacity: true)
      entry.append(contentsOf: key[..<end])
      if end == key.count, !body(key.suffix(from: start), cursor.value) { return }
      // Small entries are stepped over, large ones jumped over.
      var steps = 0
      more = try cursor.next()
      while more, steps < 8, entry.withUnsafeBytes({ cursor.key.hasPrefix($0) }) {
        more = try cursor.next()
        steps += 1
      }
      if steps == 8, more, entry.withUnsafeBytes({ cursor.key.hasPrefix($0) }) {
        guard let bound = KeyRange.upperBound(of: entry) else { return }
        more = try cursor.seek(bound)
      }
    }
  }

  func countRecords(of list: TreePath, limit: Int) throws(StoreError) -> Int {
    var count = 0
    guard limit > 0 else { return 0 }
    try forEachEntryByKey(in: list) { _, _ in
      count += 1
      return count < limit
    }
    return count
  }

  /// The keys of the entry that has `index` entries before it, in the store's form; nil when there are not that many. Takes time
  /// proportional to `index`.
  public func entryKey(at index: Int, in list: TreePath) throws(StoreError) -> [UInt8]? {
    var found: [UInt8]?
    var left = index
    guard index >= 0 else { return nil }
    try forEachEntry(in: list) { key, _ in
      if left == 0 { found = Array(key) }
      left -= 1
      return found == nil
    }
    return found
  }

  /// How many entries of `list` come before the one with these keys, which is counted by its order even when it is not there (ordered
  /// by user: nil then). Takes time proportional to the result.
  public func index(of entryKey: [UInt8], in list: TreePath) throws(StoreError) -> Int? {
    var count = 0
    var isFound = !list.isOrderedByUser
    try forEachEntry(in: list) { key, _ in
      let order = entryKey.withUnsafeBytes { compareBytes(key, $0) }
      if order == 0 { isFound = true }
      if order == 0 || (!list.isOrderedByUser && order > 0) { return false }
      count += 1
      return true
    }
    return isFound ? count : nil
  }
}

/// The keys that a list has besides those of its entries.
enum ListKeys {
  static func entries(_ list: TreePath) -> KeyRange {
    KeyRange(lower: list.bytes + [KeyForm.firstValue], upper: list.bytes + [KeyForm.endOfValues])
  }

  static func order(_ list: TreePath) -> KeyRange {
    KeyRange(lower: list.bytes + [KeyForm.order], upper: list.bytes + [KeyForm.order + 1])
  }

  static func orderKey(_ list: TreePath, _ place: UInt64, _ entryKey: [UInt8]) -> [UInt8] {
    var key = list.bytes
    key.reserveCapacity(key.count + 9 + entryKey.count)
    key.append(KeyForm.order)
    KeyEncoder.append(place, to: &key)
    key.append(contentsOf: entryKey)
    return key
  }

  static func placeKey(_ list: TreePath, _ entryKey: [UInt8]) -> [UInt8] {
    var key = list.bytes
    key.reserveCapacity(key.count + 1 + entryKey.count)
    key.append(KeyForm.place)
    key.append(contentsOf: entryKey)
    return key
  }

  /// Place and entry key of an order record.
  static func parseOrder(_ key: UnsafeRawBufferPointer, _ list: TreePath) -> (place: UInt64, entryKey: [UInt8])? {
    let start = list.bytes.count + 1
    guard key.count > start + 8 else { return nil }
    let place = UInt64(bigEndian: key.loadUnaligned(fromByteOffset: start, as: UInt64.self))
    return (place, Array(key[(start + 8)...]))
  }

  static func parsePlace(_ value: UnsafeRawBufferPointer) -> UInt64? {
    value.count == 8 ? UInt64(bigEndian: value.loadUnaligned(as: UInt64.self)) : nil
  }
}
