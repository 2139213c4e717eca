/// A sorted map from byte strings to byte strings or to "no value", in memory. A value type: copies share all entries, and a
/// change copies the chunk it falls into. Finding is O(log n); inserting is O(log n) plus the split of a chunk now and then.
/// Memory is the bytes held and some 40 per entry.
struct ByteMap: Sendable {
  /// The place of an entry. Valid until the map changes.
  struct Position: Hashable {
    var chunk: Int
    var slot: Int
  }

  private var chunks: ContiguousArray<ByteMapChunk> = []
  private(set) var count = 0

  init() {}

  var isEmpty: Bool { count == 0 }

  // MARK: Finding

  /// The last chunk whose first key is not after `key`, or the first chunk. Only when there is one.
  private func chunkIndex(_ key: UnsafeRawBufferPointer) -> Int {
    var low = 0
    var high = chunks.count
    while low < high {
      let middle = (low &+ high) >> 1
      if compareBytes(chunks[middle].key(0), key) <= 0 { low = middle &+ 1 } else { high = middle }
    }
    return max(0, low - 1)
  }

  func find(_ key: UnsafeRawBufferPointer) -> Position? {
    guard !chunks.isEmpty else { return nil }
    let chunk = chunkIndex(key)
    let (slot, found) = chunks[chunk].find(key)
    return found ? Position(chunk: chunk, slot: slot) : nil
  }

  /// The first entry at or after `key`.
  func lowerBound(_ key: UnsafeRawBufferPointer) -> Position? {
    guard !chunks.isEmpty else { return nil }
    let chunk = chunkIndex(key)
    return normalized(Position(chunk: chunk, slot: chunks[chunk].find(key).index))
  }

  /// The last entry before `key`; without key the last of all.
  func before(_ key: UnsafeRawBufferPointer?) -> Position? {
    guard !chunks.isEmpty else { return nil }
    guard let key else { return Position(chunk: chunks.count - 1, slot: chunks[chunks.count - 1].count - 1) }
    let chunk = chunkIndex(key)
    let slot = chunks[chunk].find(key).index
    if slot > 0 { return Position(chunk: chunk, slot: slot - 1) }
    return chunk > 0 ? Position(chunk: chunk - 1, slot: chunks[chunk - 1].count - 1) : nil
  }

  /// The last entry at or before `key`.
  func floor(_ key: UnsafeRawBufferPointer) -> Position? { find(key) ?? before(key) }

  var first: Position? { chunks.isEmpty ? nil : Position(chunk: 0, slot: 0) }

  func after(_ position: Position) -> Position? {
    normalized(Position(chunk: position.chunk, slot: position.slot + 1))
  }

  private func normalized(_ position: Position) -> Position? {
    guard position.chunk < chunks.count else { return nil }
    if position.slot < chunks[position.chunk].count { return position }
    return position.chunk + 1 < chunks.count ? Position(chunk: position.chunk + 1, slot: 0) : nil
  }

  /// The bytes stay valid as long as this map, or a copy of it, is held and not changed.
  func key(_ position: Position) -> UnsafeRawBufferPointer { chunks[position.chunk].key(position.slot) }

  /// As `key`; nil is "no value".
  func value(_ position: Position) -> UnsafeRawBufferPointer? { chunks[position.chunk].value(position.slot) }

  // MARK: Changing

  private mutating func makeUnique(_ chunk: Int) {
    if !isKnownUniquelyReferenced(&chunks[chunk]) { chunks[chunk] = chunks[chunk].copy() }
  }

  /// `key` and `value` must not point into this map.
  mutating func set(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) {
    guard !chunks.isEmpty else {
      let chunk = ByteMapChunk(heapCapacity: 1024)
      chunk.insert(0, key, value)
      chunks.append(chunk)
      count = 1
      return
    }
    var chunk = chunkIndex(key)
    var (slot, found) = chunks[chunk].find(key)
    makeUnique(chunk)
    if found { return chunks[chunk].replaceValue(slot, value) }
    if chunks[chunk].isFull {
      // What comes in order fills chunks to the brim; else they are halved.
      if slot == chunks[chunk].count {
        chunks.insert(ByteMapChunk(heapCapacity: 4096), at: chunk + 1)
        chunk += 1
        slot = 0
      } else {
        let middle = max(1, chunks[chunk].count / 2)
        chunks.insert(chunks[chunk].split(at: middle), at: chunk + 1)
        if slot > middle {
          chunk += 1
          slot -= middle
        }
      }
    }
    chunks[chunk].insert(slot, key, value)
    count += 1
  }

  mutating func set(_ key: [UInt8], _ value: [UInt8]?) {
    key.withUnsafeBytes { key in
      guard let value else { return set(key, UnsafeRawBufferPointer?.none) }
      value.withUnsafeBytes { set(key, $0) }
    }
  }

  mutating func remove(_ key: UnsafeRawBufferPointer) {
    guard let position = find(key) else { return }
    makeUnique(position.chunk)
    chunks[position.chunk].remove(position.slot..<(position.slot + 1))
    if chunks[position.chunk].count == 0 { chunks.remove(at: position.chunk) }
    count -= 1
  }

  /// Removes all entries of `range`.
  mutating func remove(_ range: KeyRange) {
    guard let start = range.lower.withUnsafeBytes({ lowerBound($0) }) else { return }
    let stop = range.upper.flatMap { $0.withUnsafeBytes { lowerBound($0) } }
    if let stop, stop.chunk == start.chunk {
      guard start.slot < stop.slot else { return }
      makeUnique(start.chunk)
      chunks[start.chunk].remove(start.slot..<stop.slot)
      count -= stop.slot - start.slot
      if chunks[start.chunk].count == 0 { chunks.remove(at: start.chunk) }
      return
    }
    if let stop {
      guard start.chunk < stop.chunk else { return }
      if stop.slot > 0 {
        makeUnique(stop.chunk)
        chunks[stop.chunk].remove(0..<stop.slot)
        count -= stop.slot
      }
    }
    let whole = (start.chunk + (start.slot > 0 ? 1 : 0))..<(stop?.chunk ?? chunks.count)
    for chunk in whole { count -= chunks[chunk].count }
    if start.slot > 0 {
      makeUnique(start.chunk)
      count -= chunks[start.chunk].count - start.slot
      chunks[start.chunk].remove(start.slot..<chunks[start.chunk].count)
    }
    chunks.removeSubrange(whole)
  }
}
