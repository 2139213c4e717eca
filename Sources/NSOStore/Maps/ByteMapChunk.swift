/// Up to `capacity` neighbouring entries of a `ByteMap`: sorted slots that point into one block of bytes. Memory is held by
/// hand so that pointers to keys and values stay valid for as long as nobody changes the chunk.
final class ByteMapChunk: @unchecked Sendable {
  // A chunk is changed only while exactly one map refers to it, which `ByteMap` checks; shared chunks are only read.
  /// Where an entry lies. In 32 bits each, since there may be millions: frames and documents, which all entries come from, have bounds far
  /// below that.
  struct Slot {
    private var start: UInt32
    private var keySize: UInt32
    private var valueSize: Int32

    init(offset: Int, keyCount: Int, valueCount: Int) {
      start = UInt32(truncatingIfNeeded: offset)
      keySize = UInt32(truncatingIfNeeded: keyCount)
      valueSize = Int32(truncatingIfNeeded: valueCount)
    }

    var offset: Int {
      get { Int(start) }
      set { start = UInt32(truncatingIfNeeded: newValue) }
    }
    var keyCount: Int { Int(keySize) }
    /// -1: the entry has no value.
    var valueCount: Int {
      get { Int(valueSize) }
      set { valueSize = Int32(truncatingIfNeeded: newValue) }
    }
  }

  static let capacity = 64
  /// A chunk with more bytes than this is split, as long as it has two entries.
  static let byteLimit = 1 << 16

  let slots: UnsafeMutablePointer<Slot>
  private(set) var count = 0
  private var heap: UnsafeMutableRawPointer
  private var heapCapacity: Int
  private(set) var heapUsed = 0
  /// Bytes that no slot points to any more.
  private var heapWasted = 0

  init(heapCapacity: Int) {
    slots = .allocate(capacity: Self.capacity)
    self.heapCapacity = max(256, heapCapacity)
    heap = .allocate(byteCount: self.heapCapacity, alignment: 1)
  }

  deinit {
    slots.deallocate()
    heap.deallocate()
  }

  /// Of the keys and values that are in it.
  var liveBytes: Int { heapUsed - heapWasted }

  /// Whether it has to be split before a value in it grows.
  func isTooLarge(toReplace index: Int, by value: UnsafeRawBufferPointer?) -> Bool {
    count > 1 && liveBytes > Self.byteLimit && (value?.count ?? 0) > max(0, slots[index].valueCount)
  }

  var isFull: Bool { count >= Self.capacity || (liveBytes > Self.byteLimit && count > 1) }

  @inline(__always)
  func key(_ index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: heap + slots[index].offset, count: slots[index].keyCount)
  }

  @inline(__always)
  func value(_ index: Int) -> UnsafeRawBufferPointer? {
    let slot = slots[index]
    guard slot.valueCount >= 0 else { return nil }
    return UnsafeRawBufferPointer(start: heap + slot.offset + slot.keyCount, count: slot.valueCount)
  }

  /// The first slot whose key is not before `key`, and whether it has just this key.
  func find(_ key: UnsafeRawBufferPointer) -> (index: Int, found: Bool) {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) >> 1
      let order = compareBytes(self.key(middle), key)
      if order == 0 { return (middle, true) }
      if order < 0 { low = middle &+ 1 } else { high = middle }
    }
    return (low, false)
  }

  /// Only when not full.
  func insert(_ index: Int, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) {
    let offset = store(key, value)
    (slots + index + 1).update(from: slots + index, count: count - index)
    (slots + index).initialize(to: Slot(offset: offset, keyCount: key.count, valueCount: value?.count ?? -1))
    count += 1
  }

  func replaceValue(_ index: Int, _ value: UnsafeRawBufferPointer?) {
    let slot = slots[index]
    let old = max(0, slot.valueCount)
    let new = value?.count ?? 0
    if new <= old {
      if let value, let base = value.baseAddress { (heap + slot.offset + slot.keyCount).copyMemory(from: base, byteCount: new) }
      heapWasted += old - new
      slots[index].valueCount = value?.count ?? -1
      return
    }
    // The key moves along; its bytes are read from the old block, which `store` frees only after the copy.
    let offset = store(key(index), value)
    heapWasted += slot.keyCount + old
    slots[index] = Slot(offset: offset, keyCount: slot.keyCount, valueCount: value?.count ?? -1)
  }

  func remove(_ range: Range<Int>) {
    for index in range { heapWasted += slots[index].keyCount + max(0, slots[index].valueCount) }
    (slots + range.lowerBound).update(from: slots + range.upperBound, count: count - range.upperBound)
    count -= range.count
  }

  /// Moves the entries from `index` on to a new chunk.
  func split(at index: Int) -> ByteMapChunk {
    let other = ByteMapChunk(heapCapacity: byteCount(index..<count))
    for slot in index..<count { other.insert(other.count, key(slot), value(slot)) }
    remove(index..<count)
    // What moved would be carried along for as long as nothing is added here.
    rebuild(for: 0).deallocate()
    return other
  }

  func copy() -> ByteMapChunk {
    let other = ByteMapChunk(heapCapacity: heapUsed + 256)
    (other.slots).update(from: slots, count: count)
    other.heap.copyMemory(from: heap, byteCount: heapUsed)
    other.count = count
    other.heapUsed = heapUsed
    other.heapWasted = heapWasted
    return other
  }

  private func byteCount(_ range: Range<Int>) -> Int {
    var sum = 0
    for index in range { sum += slots[index].keyCount + max(0, slots[index].valueCount) }
    return sum
  }

  /// Appends key and value to the block and returns where.
  private func store(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) -> Int {
    let needed = key.count + (value?.count ?? 0)
    var outdated: UnsafeMutableRawPointer?
    if heapCapacity - heapUsed < needed { outdated = rebuild(for: needed) }
    let offset = heapUsed
    if let base = key.baseAddress { (heap + offset).copyMemory(from: base, byteCount: key.count) }
    if let value, let base = value.baseAddress {
      (heap + offset + key.count).copyMemory(from: base, byteCount: value.count)
    }
    heapUsed += needed
    outdated?.deallocate()
    return offset
  }

  /// A new block without what is wasted and with room for `needed` bytes; returns the old one.
  private func rebuild(for needed: Int) -> UnsafeMutableRawPointer {
    // Chunks are many, and most do not grow any more: little is kept in reserve.
    let capacity = max(256, liveBytes + needed + (liveBytes + needed) / 4)
    let block = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
    var used = 0
    for index in 0..<count {
      let slot = slots[index]
      let size = slot.keyCount + max(0, slot.valueCount)
      (block + used).copyMemory(from: heap + slot.offset, byteCount: size)
      slots[index].offset = used
      used += size
    }
    let old = heap
    heap = block
    heapCapacity = capacity
    heapUsed = used
    heapWasted = 0
    return old
  }
}
