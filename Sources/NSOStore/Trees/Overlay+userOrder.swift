extension Overlay {
  /// The distance between the places of entries that are appended.
  private static let gap: UInt64 = 1 << 32
  private static let middle: UInt64 = 1 << 63

  private struct Neighbour {
    var place: UInt64
    var entryKey: [UInt8]
  }

  /// Gives an entry that has no place one.
  mutating func insert(_ entryKey: [UInt8], in list: TreePath, at place: EntryPlace) throws(StoreError) -> Bool {
    guard let (before, after) = try neighbours(of: place, in: list) else { return false }
    if let number = Self.number(between: before?.place, and: after?.place) {
      setPlace(number, entryKey, list)
      return true
    }
    try makeRoom(for: entryKey, between: before, and: after, in: list)
    return true
  }

  mutating func move(_ entryKey: [UInt8], in list: TreePath, to place: EntryPlace) throws(StoreError) -> Bool {
    switch place {
    case .before(let anchor), .after(let anchor):
      guard try self.place(of: anchor, in: list) != nil else { return false }
      if anchor == entryKey { return true }
    case .first, .last: break
    }
    try withdraw(entryKey, in: list)
    return try insert(entryKey, in: list, at: place)
  }

  /// Takes an entry's place away.
  mutating func withdraw(_ entryKey: [UInt8], in list: TreePath) throws(StoreError) {
    guard let place = try place(of: entryKey, in: list) else { return }
    try delete(ListKeys.orderKey(list, place, entryKey))
    try delete(ListKeys.placeKey(list, entryKey))
  }

  private mutating func setPlace(_ place: UInt64, _ entryKey: [UInt8], _ list: TreePath) {
    put(ListKeys.orderKey(list, place, entryKey), [])
    put(ListKeys.placeKey(list, entryKey), bigEndian(place))
  }

  /// A place with room on both sides; nil when there is none.
  private static func number(between before: UInt64?, and after: UInt64?) -> UInt64? {
    switch (before, after) {
    case (nil, nil): return middle
    case (let before?, nil):
      let (place, overflow) = before.addingReportingOverflow(gap)
      return overflow ? nil : place
    case (nil, let after?):
      let (place, overflow) = after.subtractingReportingOverflow(gap)
      return overflow ? nil : place
    case (let before?, let after?):
      guard before < after, after - before > 1 else { return nil }
      return before + (after - before) / 2
    }
  }

  /// The entries between which `place` lies; nil when the entry it names is not there. What lies at the ends or beside the named entry
  /// is looked at without noting it: others may append at the same time.
  private func neighbours(
    of place: EntryPlace, in list: TreePath
  ) throws(StoreError) -> (before: Neighbour?, after: Neighbour?)? {
    let cursor = try untracked.makeCursor(in: ListKeys.order(list))
    switch place {
    case .first: return (nil, try cursor.first() ? Self.neighbour(cursor, list) : nil)
    case .last: return (try cursor.seekBefore(nil) ? Self.neighbour(cursor, list) : nil, nil)
    case .before(let anchor):
      guard let number = try self.place(of: anchor, in: list) else { return nil }
      let isFound = try withBytes(ListKeys.orderKey(list, number, anchor)) { key throws(StoreError) in
        try cursor.seekBefore(key)
      }
      return (isFound ? Self.neighbour(cursor, list) : nil, Neighbour(place: number, entryKey: anchor))
    case .after(let anchor):
      guard let number = try self.place(of: anchor, in: list) else { return nil }
      let isFound = try cursor.seek(ListKeys.orderKey(list, number, anchor) + [0])
      return (Neighbour(place: number, entryKey: anchor), isFound ? Self.neighbour(cursor, list) : nil)
    }
  }

  private static func neighbour(_ cursor: any TreeCursor, _ list: TreePath) -> Neighbour? {
    ListKeys.parseOrder(cursor.key, list).map { Neighbour(place: $0.place, entryKey: $0.entryKey) }
  }

  /// Spreads the entries around the gap, as many as it takes to have room again, and puts the new one among them.
  private mutating func makeRoom(
    for entryKey: [UInt8], between before: Neighbour?, and after: Neighbour?, in list: TreePath
  ) throws(StoreError) {
    var reach = 8
    while true {
      let left = try entries(from: before, reach: reach, forward: false, in: list)
      let right = try entries(from: after, reach: reach, forward: true, in: list)
      let isWhole = left.count < reach && right.count < reach
      // The outermost ones stay, unless everything is spread.
      let low = left.count < reach ? 0 : left[left.count - 1].place
      let high = right.count < reach ? UInt64.max : right[right.count - 1].place
      let inner = left.prefix(left.count < reach ? left.count : reach - 1).reversed() as [Neighbour]
      let outer = Array(right.prefix(right.count < reach ? right.count : reach - 1))
      let step = high > low ? (high - low) / UInt64(inner.count + outer.count + 2) : 0
      guard step >= 1 << 16 || isWhole else {
        reach *= 2
        continue
      }
      for moved in inner + outer { try withdraw(moved.entryKey, in: list) }
      var place = low
      for key in inner.map(\.entryKey) + [entryKey] + outer.map(\.entryKey) {
        place += step
        setPlace(place, key, list)
      }
      return
    }
  }

  /// Up to `reach` entries in order from `start` on, itself included, forward or backward. Noted as read: if another transaction moves or
  /// deletes one of them at the same time, the two conflict.
  private func entries(
    from start: Neighbour?, reach: Int, forward: Bool, in list: TreePath
  ) throws(StoreError) -> [Neighbour] {
    guard let start else { return [] }
    let cursor = try makeCursor(in: ListKeys.order(list))
    var found: [Neighbour] = []
    var more = try cursor.seek(ListKeys.orderKey(list, start.place, start.entryKey))
    while more, found.count < reach {
      if let neighbour = Self.neighbour(cursor, list), try place(of: neighbour.entryKey, in: list) == neighbour.place {
        found.append(neighbour)
      }
      if forward {
        more = try cursor.next()
      } else {
        more = try withBytes(Array(cursor.key)) { key throws(StoreError) in try cursor.seekBefore(key) }
      }
    }
    return found
  }
}
