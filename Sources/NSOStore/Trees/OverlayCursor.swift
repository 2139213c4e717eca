/// The records of an overlay's base and its changes as one sequence.
final class OverlayCursor: TreeCursor {
  private enum Source { case none, base, changes }

  private let base: any TreeCursor
  private let changes: ByteMap
  private let deleted: ByteRangeSet
  private let range: KeyRange
  /// Whether the base's cursor is at a record.
  private var isBaseValid = false
  private var position: ByteMap.Position?
  private var source = Source.none

  init(_ base: any TreeCursor, _ changes: ByteMap, _ deleted: ByteRangeSet, _ range: KeyRange) {
    self.base = base
    self.changes = changes
    self.deleted = deleted
    self.range = range
  }

  var key: UnsafeRawBufferPointer {
    switch source {
    case .base: base.key
    case .changes: position.map { changes.key($0) } ?? UnsafeRawBufferPointer(start: nil, count: 0)
    case .none: UnsafeRawBufferPointer(start: nil, count: 0)
    }
  }

  var value: UnsafeRawBufferPointer {
    switch source {
    case .base: base.value
    case .changes: position.flatMap { changes.value($0) } ?? UnsafeRawBufferPointer(start: nil, count: 0)
    case .none: UnsafeRawBufferPointer(start: nil, count: 0)
    }
  }

  func seek(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    isBaseValid = try base.seek(key)
    position = range.lower.withUnsafeBytes { lower in
      inRange(changes.lowerBound(compareBytes(key, lower) < 0 ? lower : key))
    }
    return try settle()
  }

  func next() throws(StoreError) -> Bool {
    switch source {
    case .none: return false
    case .base: isBaseValid = try base.next()
    case .changes:
      guard let current = position else { return false }
      if isBaseValid, equalBytes(base.key, changes.key(current)) { isBaseValid = try base.next() }
      position = inRange(changes.after(current))
    }
    return try settle()
  }

  private func inRange(_ position: ByteMap.Position?) -> ByteMap.Position? {
    guard let position, let upper = range.upper else { return position }
    return upper.withUnsafeBytes { compareBytes(changes.key(position), $0) < 0 } ? position : nil
  }

  /// Goes on, from wherever the two are, to the first record that shows.
  private func settle() throws(StoreError) -> Bool {
    while true {
      if isBaseValid {
        let order = position.map { compareBytes(base.key, changes.key($0)) } ?? -1
        if order < 0 {
          guard let hidden = deleted.range(containing: base.key) else {
            source = .base
            return true
          }
          if let upper = hidden.upper { isBaseValid = try base.seek(upper) } else { isBaseValid = false }
          continue
        }
        if order == 0, let current = position, changes.value(current) == nil {
          isBaseValid = try base.next()
          position = inRange(changes.after(current))
          continue
        }
      }
      guard let current = position else {
        source = .none
        return false
      }
      if changes.value(current) != nil {
        source = .changes
        return true
      }
      position = inRange(changes.after(current))
    }
  }

  func seekBefore(_ key: UnsafeRawBufferPointer?) throws(StoreError) -> Bool {
    var limit = key.map { Array($0) }
    if let upper = range.upper, limit.map({ upper.lexicographicallyPrecedes($0) }) ?? true { limit = upper }
    var baseLimit = limit
    var changesLimit = limit
    while true {
      let isFound = try before(baseLimit)
      let change = changesLimit.map { $0.withUnsafeBytes { changes.before($0) } } ?? changes.before(nil)
      let changed = change.flatMap { change in
        range.lower.withUnsafeBytes { compareBytes(changes.key(change), $0) >= 0 } ? change : nil
      }
      guard isFound || changed != nil else {
        source = .none
        return false
      }
      if let changed, !isFound || compareBytes(changes.key(changed), base.key) >= 0 {
        let key = Array(changes.key(changed))
        if changes.value(changed) != nil { return try seek(key) }
        changesLimit = key
        if isFound, key.withUnsafeBytes({ equalBytes(base.key, $0) }) { baseLimit = key }
        continue
      }
      guard let hidden = deleted.range(containing: base.key) else { return try seek(Array(base.key)) }
      baseLimit = Array(hidden.lower)
    }
  }

  private func before(_ key: [UInt8]?) throws(StoreError) -> Bool {
    guard let key else { return try base.seekBefore(nil) }
    return try withBytes(key) { key throws(StoreError) in try base.seekBefore(key) }
  }
}
