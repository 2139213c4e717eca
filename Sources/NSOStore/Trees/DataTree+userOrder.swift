/// Lists ordered by user. Beside its record an entry has a place (a number) and an order record, whose key is place and entry key; so
/// that walking the order records is walking the entries in order. An order record counts only while the entry is there and has that
/// place: two transactions that moved the same entry at the same time cannot make it appear twice.
extension DataTree {
  /// The place of an entry; nil when it has none.
  func place(of entryKey: [UInt8], in list: TreePath) throws(StoreError) -> UInt64? {
    var place: UInt64?
    _ = try withBytes(ListKeys.placeKey(list, entryKey)) { key throws(StoreError) in
      try read(key) { place = ListKeys.parsePlace($0) }
    }
    return place
  }

  /// Whether an order record counts; calls `body` with the entry's record if so.
  private func readOrdered(
    _ list: TreePath, _ place: UInt64, _ entryKey: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    guard try self.place(of: entryKey, in: list) == place else { return false }
    return try withBytes(list.bytes + entryKey) { key throws(StoreError) in try read(key, body) }
  }

  func forEachOrderedEntry(
    in list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    try forEachPlace(in: list) { _, entryKey, record in entryKey.withUnsafeBytes { body($0, record) } }
  }

  /// Calls `body` with each entry in the user's order and its place, until it returns false.
  func forEachPlace(
    in list: TreePath, _ body: (_ place: UInt64, _ entryKey: [UInt8], _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    let cursor = try makeCursor(in: ListKeys.order(list))
    var more = try cursor.first()
    var goOn = true
    while more, goOn {
      if let (place, entryKey) = ListKeys.parseOrder(cursor.key, list) {
        _ = try readOrdered(list, place, entryKey) { record in goOn = body(place, entryKey, record) }
      }
      if goOn { more = try cursor.next() }
    }
  }

  func nextOrderedEntry(
    in list: TreePath, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    let cursor = try makeCursor(in: ListKeys.order(list))
    var more: Bool
    var prefix: [UInt8] = []
    switch position.stand {
    case .start: more = try cursor.first()
    case .atOrAfter:
      prefix = position.entryKey
      more = try cursor.first()
    case .after:
      if let place = try place(of: position.entryKey, in: list) {
        more = try cursor.seek(ListKeys.orderKey(list, place, position.entryKey) + [0])
      } else if let following = position.following, let place = try place(of: following, in: list) {
        more = try cursor.seek(ListKeys.orderKey(list, place, following))
      } else if let place = position.place {
        more = try cursor.seek(ListKeys.orderKey(list, place, position.entryKey))
      } else {
        return false
      }
    }
    while more {
      if let (place, entryKey) = ListKeys.parseOrder(cursor.key, list), entryKey.starts(with: prefix),
        try readOrdered(list, place, entryKey, body)
      {
        position = .after(entryKey)
        position.place = place
        more = try cursor.next()
        while more, position.following == nil {
          if let (place, next) = ListKeys.parseOrder(cursor.key, list), try readOrdered(list, place, next, { _ in }) {
            position.following = next
          } else {
            more = try cursor.next()
          }
        }
        return true
      }
      more = try cursor.next()
    }
    return false
  }
}
