/// Changes over another space that are kept in a space of their own, as those of the candidate over running. Set records lie under
/// their key; deleted ones under `00 01` and the key; deleted ranges under `00 02`, the length of the lower bound in four bytes, and both
/// bounds (ranges of different transactions may begin at the same key and overlap), with a byte 1, or 0 without upper bound. No key of a
/// tree begins with the byte 0. (`00 03` is kept by others, beside.)
extension Overlay {
  private static var deletedRecord: [UInt8] { [0, 1] }
  private static var deletedRange: [UInt8] { [0, 2] }

  private static func key(of range: KeyRange) -> [UInt8] {
    let length = withUnsafeBytes(of: UInt32(truncatingIfNeeded: range.lower.count).bigEndian) { Array($0) }
    return deletedRange + length + range.lower + (range.upper ?? [])
  }

  /// Nil: the record is damaged.
  private static func range(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> KeyRange? {
    let start = deletedRange.count + 4
    guard let hasUpper = value.first, key.count >= start else { return nil }
    let length = key[(start - 4)..<start].reduce(0) { $0 << 8 | Int($1) }
    guard key.count - start >= length else { return nil }
    let bounds = key.suffix(from: start)
    return KeyRange(lower: Array(bounds.prefix(length)), upper: hasUpper == 0 ? nil : Array(bounds.dropFirst(length)))
  }

  /// Adds what this overlay changes to the changes that `space` keeps. Every key and range that is touched is touched in
  /// `batch` as well, so that the commit log can tell who read it.
  public func addKept(to batch: inout WriteBatch, _ space: Space) {
    for range in deleted.ranges {
      let lower = range.lower.isEmpty ? [1] : range.lower
      batch.delete(space, KeyRange(lower: lower, upper: range.upper))
      batch.delete(
        space,
        KeyRange(
          lower: Self.deletedRecord + range.lower, upper: range.upper.map { Self.deletedRecord + $0 } ?? Self.deletedRange))
      batch.put(space, Self.key(of: range), [range.upper == nil ? 0 : 1])
    }
    var position = changes.first
    while let place = position {
      let key = changes.key(place)
      let mark = Self.deletedRecord + Array(key)
      if let value = changes.value(place) {
        batch.put(space, key, value)
        batch.delete(space, mark)
      } else {
        batch.delete(space, key)
        batch.put(space, mark, [])
      }
      position = changes.after(place)
    }
  }

  /// The changes that `space` keeps, over `base`.
  public init(keptIn space: Space, of snapshot: Snapshot, over base: any DataTree) throws(StoreError) {
    self.init(base)
    var failure: StoreError?
    var ranges: [KeyRange] = []
    try snapshot.scan(space, .prefix(Self.deletedRange)) { key, value in
      guard let range = Self.range(key: key, value: value) else {
        failure = StoreError(.corrupt, "a record of space \(space) is damaged; restore the database from a backup")
        return false
      }
      ranges.append(range)
      return true
    }
    if let failure { throw failure }
    for range in ranges { hide(range) }
    try snapshot.scan(space, .prefix(Self.deletedRecord)) { key, _ in
      hide(key.suffix(from: 2))
      return true
    }
    try snapshot.scan(space, KeyRange(lower: [1], upper: nil)) { key, value in
      put(key, value)
      return true
    }
  }

  /// Makes this overlay over a base that has changed keep what it shows below the keys that another change deletes from the base: what is
  /// set here in something that goes there would be left without what it is in.
  /// - Parameter commit: what is about to be done to the base.
  /// - Returns: what has to be set here; nil when nothing is concerned, which costs little.
  public func rescue(from commit: Overlay) throws(StoreError) -> Overlay? {
    guard !isEmpty else { return nil }
    var rescued = Overlay(untracked)
    for range in commit.deleted.ranges {
      guard hasChange(in: range) else { continue }
      let cursor = try base.untracked.makeCursor(in: range)
      var more = try cursor.first()
      while more {
        if changes.find(cursor.key) == nil, !deleted.contains(cursor.key) { rescued.put(cursor.key, cursor.value) }
        more = try cursor.next()
      }
    }
    return rescued.isEmpty ? nil : rescued
  }

  /// Whether a record in `range` is set here.
  private func hasChange(in range: KeyRange) -> Bool {
    var position = range.lower.withUnsafeBytes { changes.lowerBound($0) }
    while let place = position {
      let key = changes.key(place)
      guard range.upper?.withUnsafeBytes({ compareBytes(key, $0) < 0 }) ?? true else { return false }
      if changes.value(place) != nil { return true }
      position = changes.after(place)
    }
    return false
  }
}
