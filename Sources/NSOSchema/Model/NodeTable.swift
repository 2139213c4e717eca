/// Finds a child by parent and name bytes without allocating: one open-addressing table for the whole schema.
struct NodeTable: Sendable {
  struct Record: Sendable {
    var nameStart: UInt32
    var nameCount: UInt16
    var module: UInt16
    var parent: Int32
  }

  private var records: ContiguousArray<Record> = []
  private var names: ContiguousArray<UInt8> = []
  private var slots: ContiguousArray<Int32> = []
  private var mask = 0

  init() {}

  /// Nodes in the order of their ids.
  init(count: Int, _ node: (Int) -> (name: String, module: ModuleID, parent: NodeID?)) {
    var size = 16
    while size < count * 2 { size *= 2 }
    mask = size - 1
    slots = ContiguousArray(repeating: -1, count: size)
    records.reserveCapacity(count)
    var known: [String: UInt32] = [:]
    for index in 0..<count {
      var (name, module, parent) = node(index)
      let start: UInt32
      if let seen = known[name] {
        start = seen
      } else {
        start = UInt32(truncatingIfNeeded: names.count)
        names.append(contentsOf: name.utf8)
        known[name] = start
      }
      let owner = parent?.rawValue ?? -1
      records.append(
        Record(
          nameStart: start, nameCount: UInt16(truncatingIfNeeded: name.utf8.count), module: module.rawValue, parent: owner))
      var slot = name.withUTF8 { Self.hash(UnsafeRawBufferPointer($0), owner) } & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(truncatingIfNeeded: index)
    }
  }

  func module(of node: NodeID) -> UInt16 { records[node.index].module }

  /// Calls `visit` with each node `name` of `parent` (-1: top level), in schema order, until it returns false.
  @inline(__always)
  func forEach(_ name: UnsafeRawBufferPointer, of parent: Int32, _ visit: (_ node: Int32, _ module: UInt16) -> Bool) {
    guard !slots.isEmpty else { return }
    var slot = Self.hash(name, parent) & mask
    while true {
      let index = slots[slot]
      guard index >= 0 else { return }
      let record = records[Int(index)]
      if record.parent == parent, Int(record.nameCount) == name.count, equal(name, Int(record.nameStart)) {
        guard visit(index, record.module) else { return }
      }
      slot = (slot + 1) & mask
    }
  }

  @inline(__always)
  private func equal(_ name: UnsafeRawBufferPointer, _ start: Int) -> Bool {
    names.withUnsafeBytes { bytes in
      for index in 0..<name.count where bytes[start + index] != name[index] { return false }
      return true
    }
  }

  @inline(__always)
  private static func hash(_ name: UnsafeRawBufferPointer, _ parent: Int32) -> Int {
    var hash = UInt64(truncatingIfNeeded: parent &+ 1) &* 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while name.count - offset >= 8 {
      hash = (hash ^ name.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x2545_F491_4F6C_DD1D
      hash ^= hash >> 29
      offset += 8
    }
    var last: UInt64 = UInt64(truncatingIfNeeded: name.count) << 56
    var shift: UInt64 = 0
    while offset < name.count {
      last |= UInt64(name[offset]) << shift
      shift += 8
      offset += 1
    }
    hash = (hash ^ last) &* 0x2545_F491_4F6C_DD1D
    return Int(truncatingIfNeeded: (hash ^ (hash >> 32)) & 0x7FFF_FFFF)
  }
}
