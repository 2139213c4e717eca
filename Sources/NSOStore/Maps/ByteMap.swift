/// A sorted map from byte strings to byte strings or to "no value", in memory: a tree of three levels, of which the lowest (`ByteMapChunk`)
/// holds the entries. A value type: copies share everything, and a change copies only the chunk and the branch it falls into, so
/// that a copy taken before each change costs little. Memory is the bytes held and some 40 per entry.
struct ByteMap: Sendable {
  /// The place of an entry. Valid until the map changes.
  struct Position: Hashable {
    var branch: Int
    var chunk: Int
    var slot: Int
  }

  /// Neighbouring chunks.
  private final class Branch: @unchecked Sendable {
    // Changed only while exactly one map refers to it, as chunks are.
    static let capacity = 128
    var chunks: ContiguousArray<ByteMapChunk>

    init(_ chunks: ContiguousArray<ByteMapChunk>) { self.chunks = chunks }
  }

  private var branches: ContiguousArray<Branch> = []
  private(set) var count = 0

  init() {}

  /// Of all keys and values.
  var byteCount: Int {
    branches.reduce(0) { sum, branch in branch.chunks.reduce(sum) { $0 + $1.liveBytes } }
  }

  var isEmpty: Bool { count == 0 }

  // MARK: Finding

  /// The last branch, and in it the last chunk, whose first key is not after `key`; the first ones when there is none. Only when the map is
  /// not empty.
  private func locate(_ key: UnsafeRawBufferPointer) -> (branch: Int, chunk: Int) {
    var low = 0
    var high = branches.count
    while low < high {
      let middle = (low &+ high) >> 1
      if compareBytes(branches[middle].chunks[0].key(0), key) <= 0 { low = middle &+ 1 } else { high = middle }
    }
    let branch = max(0, low - 1)
    let chunks = branches[branch].chunks
    low = 0
    high = chunks.count
    while low < high {
      let middle = (low &+ high) >> 1
      if compareBytes(chunks[middle].key(0), key) <= 0 { low = middle &+ 1 } else { high = middle }
    }
    return (branch, max(0, low - 1))
  }

  func find(_ key: UnsafeRawBufferPointer) -> Position? {
    guard !branches.isEmpty else { return nil }
    let (branch, chunk) = locate(key)
    let (slot, found) = branches[branch].chunks[chunk].find(key)
    return found ? Position(branch: branch, chunk: chunk, slot: slot) : nil
  }

  /// The first entry at or after `key`.
  func lowerBound(_ key: UnsafeRawBufferPointer) -> Position? {
    guard !branches.isEmpty else { return nil }
    let (branch, chunk) = locate(key)
    return normalized(Position(branch: branch, chunk: chunk, slot: branches[branch].chunks[chunk].find(key).index))
  }

  /// The last entry before `key`; without key the last of all.
  func before(_ key: UnsafeRawBufferPointer?) -> Position? {
    guard !branches.isEmpty else { return nil }
    guard let key else { return last(inBranch: branches.count - 1) }
    let (branch, chunk) = locate(key)
    let slot = branches[branch].chunks[chunk].find(key).index
    if slot > 0 { return Position(branch: branch, chunk: chunk, slot: slot - 1) }
    if chunk > 0 { return Position(branch: branch, chunk: chunk - 1, slot: branches[branch].chunks[chunk - 1].count - 1) }
    return branch > 0 ? last(inBranch: branch - 1) : nil
  }

  private func last(inBranch branch: Int) -> Position {
    let chunks = branches[branch].chunks
    return Position(branch: branch, chunk: chunks.count - 1, slot: chunks[chunks.count - 1].count - 1)
  }

  /// The last entry at or before `key`.
  func floor(_ key: UnsafeRawBufferPointer) -> Position? { find(key) ?? before(key) }

  var first: Position? { branches.isEmpty ? nil : Position(branch: 0, chunk: 0, slot: 0) }

  func after(_ position: Position) -> Position? {
    normalized(Position(branch: position.branch, chunk: position.chunk, slot: position.slot + 1))
  }

  private func normalized(_ position: Position) -> Position? {
    guard position.branch < branches.count else { return nil }
    let chunks = branches[position.branch].chunks
    if position.slot < chunks[position.chunk].count { return position }
    if position.chunk + 1 < chunks.count { return Position(branch: position.branch, chunk: position.chunk + 1, slot: 0) }
    return position.branch + 1 < branches.count ? Position(branch: position.branch + 1, chunk: 0, slot: 0) : nil
  }

  /// The bytes stay valid as long as this map, or a copy of it, is held and not changed.
  func key(_ position: Position) -> UnsafeRawBufferPointer {
    branches[position.branch].chunks[position.chunk].key(position.slot)
  }

  /// As `key`; nil is "no value".
  func value(_ position: Position) -> UnsafeRawBufferPointer? {
    branches[position.branch].chunks[position.chunk].value(position.slot)
  }

  // MARK: Changing

  private mutating func makeUnique(branch: Int) {
    if !isKnownUniquelyReferenced(&branches[branch]) { branches[branch] = Branch(branches[branch].chunks) }
  }

  private mutating func makeUnique(_ branch: Int, _ chunk: Int) {
    makeUnique(branch: branch)
    if !isKnownUniquelyReferenced(&branches[branch].chunks[chunk]) {
      branches[branch].chunks[chunk] = branches[branch].chunks[chunk].copy()
    }
  }

  /// `key` and `value` must not point into this map.
  mutating func set(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) {
    guard !branches.isEmpty else {
      let chunk = ByteMapChunk(heapCapacity: 1024)
      chunk.insert(0, key, value)
      branches.append(Branch([chunk]))
      count = 1
      return
    }
    var (branch, chunk) = locate(key)
    var (slot, found) = branches[branch].chunks[chunk].find(key)
    makeUnique(branch, chunk)
    if found {
      // Places in a chunk have 32 bits: large values do not come together in one when they are replaced, either.
      while branches[branch].chunks[chunk].isTooLarge(toReplace: slot, by: value) {
        split(&branch, &chunk, &slot)
        (branch, chunk) = locate(key)
        slot = branches[branch].chunks[chunk].find(key).index
      }
      return branches[branch].chunks[chunk].replaceValue(slot, value)
    }
    if branches[branch].chunks[chunk].isFull { split(&branch, &chunk, &slot) }
    branches[branch].chunks[chunk].insert(slot, key, value)
    count += 1
  }

  mutating func set(_ key: [UInt8], _ value: [UInt8]?) {
    key.withUnsafeBytes { key in
      guard let value else { return set(key, UnsafeRawBufferPointer?.none) }
      value.withUnsafeBytes { set(key, $0) }
    }
  }

  /// Makes room in a full chunk, which is not shared, and follows the place of the entry to be inserted. What comes in order fills
  /// chunks and branches to the brim; else they are halved.
  private mutating func split(_ branch: inout Int, _ chunk: inout Int, _ slot: inout Int) {
    let full = branches[branch].chunks[chunk]
    let isAppending = slot == full.count
    let middle = isAppending ? slot : max(1, full.count / 2)
    let other = isAppending ? ByteMapChunk(heapCapacity: 4096) : full.split(at: middle)
    if branches[branch].chunks.count < Branch.capacity {
      branches[branch].chunks.insert(other, at: chunk + 1)
    } else if isAppending, chunk + 1 == branches[branch].chunks.count {
      branches.insert(Branch([other]), at: branch + 1)
      (branch, chunk, slot) = (branch + 1, 0, 0)
      return
    } else {
      branches[branch].chunks.insert(other, at: chunk + 1)
      let half = Branch.capacity / 2
      branches.insert(Branch(ContiguousArray(branches[branch].chunks[half...])), at: branch + 1)
      branches[branch].chunks.removeSubrange(half...)
    }
    if isAppending || slot > middle {
      chunk += 1
      slot -= middle
    }
    if chunk >= branches[branch].chunks.count {
      chunk -= branches[branch].chunks.count
      branch += 1
    }
  }

  mutating func remove(_ key: UnsafeRawBufferPointer) {
    guard let position = find(key) else { return }
    removeSlots(position.slot..<(position.slot + 1), of: position.branch, position.chunk)
    removeEmpty(position.branch, position.chunk)
  }

  private mutating func removeSlots(_ slots: Range<Int>, of branch: Int, _ chunk: Int) {
    guard !slots.isEmpty else { return }
    makeUnique(branch, chunk)
    branches[branch].chunks[chunk].remove(slots)
    count -= slots.count
  }

  /// Takes a chunk that has become empty out, and its branch if that was the last one.
  private mutating func removeEmpty(_ branch: Int, _ chunk: Int) {
    guard branches[branch].chunks[chunk].count == 0 else { return }
    branches[branch].chunks.remove(at: chunk)
    if branches[branch].chunks.isEmpty { branches.remove(at: branch) }
  }

  /// Takes whole chunks out; their branch may become empty.
  private mutating func removeChunks(_ chunks: Range<Int>, of branch: Int) {
    guard !chunks.isEmpty else { return }
    makeUnique(branch: branch)
    for chunk in chunks { count -= branches[branch].chunks[chunk].count }
    branches[branch].chunks.removeSubrange(chunks)
  }

  /// Removes all entries of `range`.
  mutating func remove(_ range: KeyRange) {
    guard let start = range.lower.withUnsafeBytes({ lowerBound($0) }) else { return }
    let stop =
      range.upper.flatMap { $0.withUnsafeBytes { lowerBound($0) } } ?? Position(branch: branches.count, chunk: 0, slot: 0)
    if (start.branch, start.chunk) == (stop.branch, stop.chunk) {
      guard start.slot < stop.slot else { return }
      removeSlots(start.slot..<stop.slot, of: start.branch, start.chunk)
      return removeEmpty(start.branch, start.chunk)
    }
    guard (start.branch, start.chunk) < (stop.branch, stop.chunk) else { return }
    if stop.branch < branches.count { removeSlots(0..<stop.slot, of: stop.branch, stop.chunk) }
    if start.slot > 0 {
      removeSlots(start.slot..<branches[start.branch].chunks[start.chunk].count, of: start.branch, start.chunk)
    }
    let firstWhole = start.chunk + (start.slot > 0 ? 1 : 0)
    if start.branch == stop.branch { return removeChunks(firstWhole..<stop.chunk, of: start.branch) }
    if stop.branch < branches.count { removeChunks(0..<stop.chunk, of: stop.branch) }
    for branch in (start.branch + 1)..<stop.branch { count -= branches[branch].chunks.reduce(0) { $0 + $1.count } }
    removeChunks(firstWhole..<branches[start.branch].chunks.count, of: start.branch)
    let firstGone = branches[start.branch].chunks.isEmpty ? start.branch : start.branch + 1
    branches.removeSubrange(firstGone..<stop.branch)
  }
}
