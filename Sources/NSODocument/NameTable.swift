/// Every name of a document once: parsing a hundred thousand list entries makes each name's strings a single time.
struct NameTable {
  /// A number for a name, small and dense in the order of first appearance.
  typealias ID = Int32

  private struct Slot {
    var hash: UInt64
    var start: Int
    var count: Int
  }

  private var bytes: [UInt8] = []
  private var slots: [Slot] = []
  private var names: [DocumentName] = []
  /// Open addressing over `slots`; -1 is free. The length is a power of two.
  private var buckets = [ID](repeating: -1, count: 256)
  private let limit: Int

  init(limit: Int) { self.limit = max(1, min(limit, 1 << 24)) }

  subscript(id: ID) -> DocumentName { names[Int(id)] }

  /// The number of the name spelled by `spelling`; `make` gives the name when it is new.
  /// - Returns: `nil` when the table is full, or when `make` refuses the spelling.
  mutating func id(_ spelling: UnsafeBufferPointer<UInt8>, make: (UnsafeBufferPointer<UInt8>) -> DocumentName?) -> ID? {
    let hash = Self.hash(spelling)
    var index = Int(truncatingIfNeeded: hash) & (buckets.count &- 1)
    while buckets[index] >= 0 {
      let slot = slots[Int(buckets[index])]
      if slot.hash == hash, slot.count == spelling.count, matches(slot, spelling) { return buckets[index] }
      index = (index &+ 1) & (buckets.count &- 1)
    }
    guard slots.count < limit, let name = make(spelling) else { return nil }
    let id = ID(slots.count)
    slots.append(Slot(hash: hash, start: bytes.count, count: spelling.count))
    bytes.append(contentsOf: spelling)
    names.append(name)
    buckets[index] = id
    if slots.count * 2 > buckets.count { grow() }
    return id
  }

  var isFull: Bool { slots.count >= limit }

  private func matches(_ slot: Slot, _ spelling: UnsafeBufferPointer<UInt8>) -> Bool {
    bytes.withUnsafeBufferPointer { all in
      for i in 0..<slot.count where all[slot.start + i] != spelling[i] { return false }
      return true
    }
  }

  private mutating func grow() {
    buckets = [ID](repeating: -1, count: buckets.count * 2)
    for (id, slot) in slots.enumerated() {
      var index = Int(truncatingIfNeeded: slot.hash) & (buckets.count - 1)
      while buckets[index] >= 0 { index = (index + 1) & (buckets.count - 1) }
      buckets[index] = ID(id)
    }
  }

  /// FNV-1a, folded so that the low bits used for the bucket depend on all of it.
  private static func hash(_ spelling: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in spelling { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return hash ^ (hash >> 32)
  }
}
