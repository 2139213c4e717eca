/// What to do after a change was shown.
enum DiffStep {
  case goOn
  /// Nothing more of what begins with the current key.
  case skipBelow
  case stop
}

/// The records that differ between two trees, in key order. The bytes are valid during the call.
typealias RecordChangeBody = (
  _ key: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer?, _ new: UnsafeRawBufferPointer?
) throws(StoreError) -> DiffStep

enum RecordChanges {
  /// Compares all records of `range`.
  static func between(
    _ old: any DataTree, _ new: any DataTree, in range: KeyRange, _ body: RecordChangeBody
  ) throws(StoreError) {
    let a = try old.makeCursor(in: range)
    let b = try new.makeCursor(in: range)
    var hasA = try a.first()
    var hasB = try b.first()
    while hasA || hasB {
      let order = !hasA ? 1 : !hasB ? -1 : compareBytes(a.key, b.key)
      var step = DiffStep.goOn
      let key = order <= 0 ? a.key : b.key
      if order < 0 {
        step = try body(key, a.value, nil)
      } else if order > 0 {
        step = try body(key, nil, b.value)
      } else if !equalBytes(a.value, b.value) {
        step = try body(key, a.value, b.value)
      }
      switch step {
      case .stop: return
      case .goOn:
        if order <= 0 { hasA = try a.next() }
        if order >= 0 { hasB = try b.next() }
      case .skipBelow:
        guard let bound = KeyRange.upperBound(of: Array(key)) else { return }
        if hasA { hasA = try a.seek(bound) }
        if hasB { hasB = try b.seek(bound) }
      }
    }
  }

  /// What `overlay` changed of its base, in `range`. Looks only at what it touched.
  static func of(_ overlay: Overlay, in range: KeyRange, _ body: RecordChangeBody) throws(StoreError) {
    let base = overlay.base.untracked
    var position = range.lower.withUnsafeBytes { overlay.changes.lowerBound($0) }
    var hidden = try DeletedRecords(base, overlay.deleted, range)
    while true {
      if let current = position, let upper = range.upper,
        upper.withUnsafeBytes({ compareBytes(overlay.changes.key(current), $0) >= 0 })
      {
        position = nil
      }
      guard position != nil || hidden.isValid else { return }
      let order =
        position.map { position in hidden.isValid ? compareBytes(overlay.changes.key(position), hidden.key) : -1 } ?? 1
      var step = DiffStep.goOn
      let key = order <= 0 ? position.map { overlay.changes.key($0) } ?? hidden.key : hidden.key
      if order > 0 {
        step = try body(key, hidden.value, nil)
      } else if let current = position {
        step = try show(key, overlay.changes.value(current), base, body)
      }
      switch step {
      case .stop: return
      case .goOn:
        if order <= 0 { position = position.flatMap { overlay.changes.after($0) } }
        if order >= 0 { try hidden.next() }
      case .skipBelow:
        guard let bound = KeyRange.upperBound(of: Array(key)) else { return }
        position = bound.withUnsafeBytes { overlay.changes.lowerBound($0) }
        try hidden.seek(bound)
      }
    }
  }

  private static func show(
    _ key: UnsafeRawBufferPointer, _ new: UnsafeRawBufferPointer?, _ base: any DataTree, _ body: RecordChangeBody
  ) throws(StoreError) -> DiffStep {
    // A cursor keeps the old value where it is while `body` looks at it.
    let cursor = try base.makeCursor(in: .point(Array(key)))
    let old = try cursor.first() ? cursor.value : nil
    if let old, let new, equalBytes(old, new) { return .goOn }
    if old == nil, new == nil { return .goOn }
    return try body(key, old, new)
  }
}

/// The base's records that lie in deleted ranges.
private struct DeletedRecords {
  private let base: any DataTree
  private var ranges: ArraySlice<KeyRange>
  private var cursor: (any TreeCursor)?
  private(set) var isValid = false

  init(_ base: any DataTree, _ deleted: ByteRangeSet, _ range: KeyRange) throws(StoreError) {
    self.base = base
    ranges = deleted.ranges.compactMap { $0.intersection(range) }[...]
    try openNext()
  }

  var key: UnsafeRawBufferPointer { cursor?.key ?? UnsafeRawBufferPointer(start: nil, count: 0) }
  var value: UnsafeRawBufferPointer { cursor?.value ?? UnsafeRawBufferPointer(start: nil, count: 0) }

  private mutating func openNext() throws(StoreError) {
    isValid = false
    while !isValid, let range = ranges.popFirst() {
      let cursor = try base.makeCursor(in: range)
      self.cursor = cursor
      isValid = try cursor.first()
    }
  }

  mutating func next() throws(StoreError) {
    guard isValid, let cursor else { return }
    isValid = try cursor.next()
    if !isValid { try openNext() }
  }

  mutating func seek(_ key: [UInt8]) throws(StoreError) {
    guard isValid, let cursor else { return }
    if key.withUnsafeBytes({ compareBytes(cursor.key, $0) >= 0 }) { return }
    isValid = try cursor.seek(key)
    while !isValid {
      try openNext()
      guard isValid, let opened = self.cursor else { return }
      isValid = try opened.seek(key)
    }
  }
}

extension KeyRange {
  /// The keys in both; nil when there are none.
  func intersection(_ other: KeyRange) -> KeyRange? {
    let lower = self.lower.lexicographicallyPrecedes(other.lower) ? other.lower : self.lower
    let upper: [UInt8]? =
      if let a = self.upper, let b = other.upper {
        a.lexicographicallyPrecedes(b) ? a : b
      } else {
        self.upper ?? other.upper
      }
    let both = KeyRange(lower: lower, upper: upper)
    return both.isEmpty ? nil : both
  }
}
