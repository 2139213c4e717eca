/// A set of keys given by ranges. Ranges that overlap or touch become one, so its size is that of its description.
struct ByteRangeSet: Sendable {
  /// Lower bound to upper bound; no value: no upper bound.
  private(set) var map = ByteMap()

  init() {}

  var isEmpty: Bool { map.isEmpty }
  /// The number of separate ranges.
  var count: Int { map.count }

  private func upper(_ position: ByteMap.Position) -> UnsafeRawBufferPointer? { map.value(position) }

  /// The range that contains `key`: its bounds, valid as long as the set is not changed.
  func range(
    containing key: UnsafeRawBufferPointer
  ) -> (lower: UnsafeRawBufferPointer, upper: UnsafeRawBufferPointer?)? {
    guard !map.isEmpty, let position = map.floor(key) else { return nil }
    guard let upper = map.value(position) else { return (map.key(position), nil) }
    return compareBytes(key, upper) < 0 ? (map.key(position), upper) : nil
  }

  func contains(_ key: UnsafeRawBufferPointer) -> Bool { range(containing: key) != nil }

  /// True when every key of `range` is in the set.
  func contains(_ range: KeyRange) -> Bool {
    range.lower.withUnsafeBytes { lower in
      guard let found = self.range(containing: lower) else { return false }
      guard let end = found.upper else { return true }
      return range.upper?.withUnsafeBytes { compareBytes($0, end) <= 0 } ?? false
    }
  }

  /// The first key at or after `lower` and below `upper` that is in the set.
  func firstCommonKey(
    lower: UnsafeRawBufferPointer, upper: UnsafeRawBufferPointer?
  ) -> UnsafeRawBufferPointer? {
    if let upper, compareBytes(lower, upper) >= 0 { return nil }
    if contains(lower) { return lower }
    guard let position = map.lowerBound(lower) else { return nil }
    let start = map.key(position)
    if let upper, compareBytes(start, upper) >= 0 { return nil }
    return start
  }

  mutating func insert(_ range: KeyRange) {
    guard !range.isEmpty, !contains(range) else { return }
    var lower = range.lower
    var upper = range.upper
    // The range before, when it reaches up to this one.
    if let position = lower.withUnsafeBytes({ map.floor($0) }) {
      if let end = map.value(position) {
        if lower.withUnsafeBytes({ compareBytes(end, $0) >= 0 }) {
          lower = Array(map.key(position))
          if let new = upper, new.withUnsafeBytes({ compareBytes(end, $0) > 0 }) { upper = Array(end) }
        }
      } else {
        return
      }
    }
    // Those that begin inside or right at the end: the last of them may reach further.
    if let end = upper {
      let beyond = end + [0]
      if let position = beyond.withUnsafeBytes({ map.before($0) }),
        lower.withUnsafeBytes({ compareBytes(map.key(position), $0) >= 0 })
      {
        if let reach = map.value(position) {
          if end.withUnsafeBytes({ compareBytes(reach, $0) > 0 }) { upper = Array(reach) }
        } else {
          upper = nil
        }
      }
      map.remove(KeyRange(lower: lower, upper: beyond))
    } else {
      map.remove(KeyRange(lower: lower, upper: nil))
    }
    map.set(lower, upper)
  }

  /// Takes the keys of `range` out.
  mutating func remove(_ range: KeyRange) {
    guard !range.isEmpty, !map.isEmpty else { return }
    // The range that begins before and reaches into it keeps its beginning, and its end when it reaches beyond.
    if let position = range.lower.withUnsafeBytes({ map.before($0) }) {
      let start = Array(map.key(position))
      let end = map.value(position).map { Array($0) }
      if end.map({ range.lower.lexicographicallyPrecedes($0) }) ?? true {
        map.set(start, range.lower)
        if let upper = range.upper, end.map({ upper.lexicographicallyPrecedes($0) }) ?? true { map.set(upper, end) }
      }
    }
    // The last that begins inside may reach beyond.
    guard let upper = range.upper else { return map.remove(range) }
    if let position = upper.withUnsafeBytes({ map.before($0) }),
      range.lower.withUnsafeBytes({ compareBytes(map.key(position), $0) >= 0 })
    {
      let end = map.value(position).map { Array($0) }
      if end.map({ upper.lexicographicallyPrecedes($0) }) ?? true { map.set(upper, end) }
    }
    map.remove(range)
  }

  /// Calls `body` with each range in order, until it returns false.
  func forEach(_ body: (_ lower: UnsafeRawBufferPointer, _ upper: UnsafeRawBufferPointer?) -> Bool) {
    var position = map.first
    while let current = position {
      guard body(map.key(current), map.value(current)) else { return }
      position = map.after(current)
    }
  }

  var ranges: [KeyRange] {
    var all: [KeyRange] = []
    forEach { lower, upper in
      all.append(KeyRange(lower: Array(lower), upper: upper.map { Array($0) }))
      return true
    }
    return all
  }
}
