extension Overlay {
  /// What takes the changes back: carried out on this tree it gives the base again. Takes time and space in proportion to what
  /// was changed. What was made in a place where nothing was is taken back as a whole, however much it is.
  public func reversal() throws(StoreError) -> ChangeRecord {
    var record = ChangeRecord()
    let base = base.untracked
    var made = MadeSubtrees(base)
    try RecordChanges.of(self, in: .all) { key, old, _ throws(StoreError) in
      if let old {
        record.add(.put, key, old)
      } else {
        switch try made.around(key) {
        case .known: break
        case .subtree(let range): record.add(range)
        case .alone: record.add(.delete, key)
        }
      }
      return .goOn
    }
    return record
  }

  /// The changes themselves.
  public func record() -> ChangeRecord {
    var record = ChangeRecord()
    for range in deleted.ranges { record.add(range) }
    var position = changes.first
    while let place = position {
      if let value = changes.value(place) {
        record.add(.put, changes.key(place), value)
      } else {
        record.add(.delete, changes.key(place))
      }
      position = changes.after(place)
    }
    return record
  }

  /// Carries out what pieces of a `ChangeRecord` say.
  public mutating func apply(_ piece: UnsafeRawBufferPointer) throws(StoreError) {
    var reader = ChangeRecordReader(piece)
    while let kind = try reader.next() {
      switch kind {
      case .delete: try delete(reader.key)
      case .put: reader.key.withUnsafeBytes { put($0, reader.second) }
      case .deleteRange: try delete(KeyRange(lower: reader.key, upper: Array(reader.second)))
      case .deleteFrom: try delete(KeyRange(lower: reader.key, upper: nil))
      }
    }
  }

  /// Carries out a whole record.
  public mutating func apply(_ record: ChangeRecord) throws(StoreError) {
    for piece in record.pieces {
      try withBytes(piece) { bytes throws(StoreError) in try apply(bytes) }
    }
  }

  /// The first key at which the tree differs from its base and that is in one of the ranges. Takes time in proportion to what was
  /// changed.
  public func firstChange(in ranges: KeyRanges) throws(StoreError) -> [UInt8]? {
    guard !isEmpty, !ranges.isEmpty else { return nil }
    var found: [UInt8]?
    try RecordChanges.of(self, in: .all) { key, _, _ in
      guard ranges.contents.contains(key) else { return .goOn }
      found = Array(key)
      return .stop
    }
    return found
  }

  /// The keys and ranges that were changed, one after the other.
  public var touched: [KeyRange] {
    var ranges = deleted.ranges
    var position = changes.first
    while let place = position {
      ranges.append(.point(Array(changes.key(place))))
      position = changes.after(place)
    }
    return ranges
  }

  /// Sets the record of a node's attribute (`TreePath.attributeKey`); nil removes it.
  public mutating func setAttributeRecord(_ key: [UInt8], _ record: [UInt8]?) throws(StoreError) {
    if let record { put(key, record) } else { try delete(key) }
  }

  /// Whether anything differs from the base.
  public var hasDifference: Bool {
    get throws(StoreError) {
      var isFound = false
      try RecordChanges.of(self, in: .all) { _, _, _ in
        isFound = true
        return .stop
      }
      return isFound
    }
  }
}

/// Finds the largest subtrees that were empty before, among keys that come in order.
private struct MadeSubtrees {
  enum Place {
    /// It lies in the subtree that was told last.
    case known
    case subtree(KeyRange)
    case alone
  }

  private let base: any DataTree
  private var last: [UInt8] = []
  /// The subtrees around the last key that had something in them: the lengths of their keys.
  private var filled: [Int] = []
  private var lastFilled: [UInt8] = []

  init(_ base: any DataTree) { self.base = base }

  mutating func around(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Place {
    if !last.isEmpty, last.withUnsafeBytes({ key.hasPrefix($0) }) { return .known }
    last.removeAll(keepingCapacity: true)
    filled.removeAll { length in
      key.count < length || !lastFilled.withUnsafeBytes { key.hasPrefix(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
    }
    lastFilled = Array(key)
    var offset = 0
    while let end = KeyForm.node(key, at: offset)?.end {
      // The node, and where it is a list, the entry.
      for end in [end, KeyForm.entryEnd(key, from: end)].compactMap(\.self) {
        offset = end
        if filled.contains(end) { continue }
        let prefix = Array(key[..<end])
        let range = KeyRange.prefix(prefix)
        if try base.isEmpty(range) {
          last = prefix
          return .subtree(range)
        }
        filled.append(end)
      }
    }
    return .alone
  }
}

/// A set of keys given by ranges, for looking up: what somebody has locked.
public struct KeyRanges: Sendable {
  private(set) var contents = ByteRangeSet()

  public init() {}

  public init(_ ranges: some Sequence<KeyRange>) {
    for range in ranges { contents.insert(range) }
  }

  public var isEmpty: Bool { contents.isEmpty }
  /// How many separate ranges there are.
  public var count: Int { contents.count }

  public mutating func insert(_ range: KeyRange) { contents.insert(range) }

  public mutating func insert(_ other: KeyRanges) {
    for range in other.contents.ranges { contents.insert(range) }
  }

  /// The first key that is in both.
  public func firstCommonKey(with other: KeyRanges) -> [UInt8]? {
    var found: [UInt8]?
    let (small, large) = count <= other.count ? (contents, other.contents) : (other.contents, contents)
    small.forEach { lower, upper in
      found = large.firstCommonKey(lower: lower, upper: upper).map { Array($0) }
      return found == nil
    }
    return found
  }
}

extension Snapshot {
  /// What makes the records of one space those of another. Looks at everything.
  public func copy(from source: Space, to target: Space) throws(StoreError) -> WriteBatch {
    var batch = WriteBatch()
    try RecordChanges.between(tree(target), tree(source), in: .all) { key, _, new in
      if let new { batch.put(target, key, new) } else { batch.delete(target, key) }
      return .goOn
    }
    return batch
  }

  /// What has to be changed of one space to have the records of another. Looks at everything.
  public func changes(of space: Space, to other: Space) throws(StoreError) -> Overlay {
    var overlay = Overlay(tree(space))
    try RecordChanges.between(tree(space), tree(other), in: .all) { key, _, new throws(StoreError) in
      if let new { overlay.put(key, new) } else { overlay.hide(key) }
      return .goOn
    }
    return overlay
  }
}
