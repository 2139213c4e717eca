internal import Synchronization

/// What a transaction has looked at: keys and ranges, those included where it found nothing. A value.
public struct ReadSet: Sendable {
  /// Above this many separate ranges neighbours are joined, so that memory stays bounded. What lies between counts as read then, which
  /// may report a conflict that is none, and never misses one.
  static let limit = 1 << 16

  private(set) var ranges = ByteRangeSet()

  public init() {}

  public var isEmpty: Bool { ranges.isEmpty }
  /// Separate keys and ranges held.
  public var count: Int { ranges.count }

  public mutating func insert(_ range: KeyRange) {
    ranges.insert(range)
    if ranges.count > Self.limit { coarsen() }
  }

  public mutating func insert(_ other: ReadSet) {
    for range in other.ranges.ranges { insert(range) }
  }

  /// Joins each range with the one after it.
  private mutating func coarsen() {
    let all = ranges.ranges
    var joined = ByteRangeSet()
    var index = 0
    while index < all.count {
      let last = min(index + 1, all.count - 1)
      joined.insert(KeyRange(lower: all[index].lower, upper: all[last].upper))
      index += 2
    }
    ranges = joined
  }

  /// The first key of `range` that was read.
  func firstRead(_ lower: UnsafeRawBufferPointer, _ upper: UnsafeRawBufferPointer?) -> [UInt8]? {
    ranges.firstCommonKey(lower: lower, upper: upper).map { Array($0) }
  }

  func contains(_ key: UnsafeRawBufferPointer) -> Bool { ranges.contains(key) }
}

/// Notes what is read through the `TrackedTree`s made with it. May be used from several threads.
public final class ReadRecorder: Sendable {
  private let state = Mutex(ReadSet())

  public init() {}

  /// What was read so far.
  public var reads: ReadSet { state.withLock { $0 } }

  public func note(_ range: KeyRange) { state.withLock { $0.insert(range) } }

  /// Forgets everything, for a transaction that is reverted.
  public func removeAll() { state.withLock { $0 = ReadSet() } }

  func note(key: UnsafeRawBufferPointer) {
    state.withLock { reads in
      if !reads.contains(key) { reads.insert(.point(Array(key))) }
    }
  }
}

/// A tree that notes what is read of it. Lay the transaction's overlay over it: what the overlay answers by itself is not noted, and
/// neither is what the overlay looks at for its own purposes.
public struct TrackedTree: DataTree {
  private let tree: any DataTree
  private let recorder: ReadRecorder

  public init(_ tree: any DataTree, _ recorder: ReadRecorder) {
    self.tree = tree
    self.recorder = recorder
  }

  public var untracked: any DataTree { tree.untracked }

  public func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) -> Bool {
    recorder.note(key: key)
    return try tree.read(key, body)
  }

  public func makeCursor(in range: KeyRange) throws(StoreError) -> any TreeCursor {
    TrackedCursor(try tree.makeCursor(in: range), recorder, range)
  }
}

/// Notes the ranges it walks over when it changes direction or goes.
private final class TrackedCursor: TreeCursor {
  private let cursor: any TreeCursor
  private let recorder: ReadRecorder
  private let range: KeyRange
  /// Where the walk that was not noted yet began, and whether it reached the end of the range.
  private var start: [UInt8]?
  private var isAtEnd = false

  init(_ cursor: any TreeCursor, _ recorder: ReadRecorder, _ range: KeyRange) {
    self.cursor = cursor
    self.recorder = recorder
    self.range = range
  }

  deinit { noteWalk() }

  var key: UnsafeRawBufferPointer { cursor.key }
  var value: UnsafeRawBufferPointer { cursor.value }

  private func noteWalk() {
    guard let start else { return }
    self.start = nil
    recorder.note(KeyRange(lower: start, upper: isAtEnd ? range.upper : Array(cursor.key) + [0]))
  }

  func seek(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    noteWalk()
    let from = Array(key)
    start = from.lexicographicallyPrecedes(range.lower) ? range.lower : from
    isAtEnd = true
    isAtEnd = try !cursor.seek(key)
    return !isAtEnd
  }

  func next() throws(StoreError) -> Bool {
    isAtEnd = try !cursor.next()
    return !isAtEnd
  }

  func seekBefore(_ key: UnsafeRawBufferPointer?) throws(StoreError) -> Bool {
    noteWalk()
    var upper = key.map { Array($0) }
    if let end = range.upper, upper.map({ end.lexicographicallyPrecedes($0) }) ?? true { upper = end }
    let isFound = try cursor.seekBefore(key)
    recorder.note(KeyRange(lower: isFound ? Array(cursor.key) : range.lower, upper: upper))
    start = isFound ? Array(cursor.key) : nil
    isAtEnd = false
    return isFound
  }
}
