/// How a key of a tree is put together (kept on disk: changes need a new format version).
///
/// A key is a sequence of steps, root first. The first byte of a step says what it is, and every step tells its own end, so
/// that no step is the beginning of another one and a subtree is exactly the keys that begin with its root's key:
///
/// | First byte | Step |
/// |---|---|
/// | `01` | attribute of the node so far: number (4 bytes, big-endian). Ends the key. |
/// | `02` | order of an ordered-by user list: place (8 bytes, big-endian), then the entry's key values. Ends the key. |
/// | `03` | place of an entry of such a list: the entry's key values; the value is the place. Ends the key. |
/// | `10`...`3F` | a key value of a list entry, or the value of a leaf-list entry: see `KeyEncoder` |
/// | `40`...`BF` | a node with number 0...127 below its parent |
/// | `C0`...`EF` | a node with number 128...12415: one more byte |
/// | `F0`...`FE` | a node with number 12416...995455: two more bytes |
///
/// Records: a leaf has one with its value, a presence container an empty one, an entry of a list or leaf-list one with what the
/// engine keeps for it. Other containers and lists have none.
enum KeyForm {
  static let attribute: UInt8 = 0x01
  static let order: UInt8 = 0x02
  static let place: UInt8 = 0x03
  static let firstValue: UInt8 = 0x10
  /// One past the last.
  static let endOfValues: UInt8 = 0x40

  static let oneByteNodes = 0x80
  static let twoByteNodes = 0x30 * 0x100
  static let threeByteNodes = 0x0F * 0x1_0000
  static var maximumNodes: Int { oneByteNodes + twoByteNodes + threeByteNodes }

  /// The step of a node with this number below its parent; nil beyond `maximumNodes`.
  static func nodeStep(_ number: Int) -> [UInt8]? {
    guard number >= 0 else { return nil }
    if number < oneByteNodes { return [UInt8(0x40 + number)] }
    var rest = number - oneByteNodes
    if rest < twoByteNodes { return [UInt8(0xC0 + rest >> 8), UInt8(rest & 0xFF)] }
    rest -= twoByteNodes
    guard rest < threeByteNodes else { return nil }
    return [UInt8(0xF0 + rest >> 16), UInt8(rest >> 8 & 0xFF), UInt8(rest & 0xFF)]
  }

  /// The node number of the step at `offset`, and where the step ends; nil when no node step is there.
  static func node(_ key: UnsafeRawBufferPointer, at offset: Int) -> (number: Int, end: Int)? {
    guard offset < key.count else { return nil }
    let first = key[offset]
    switch first {
    case 0x40..<0xC0: return (Int(first) - 0x40, offset + 1)
    case 0xC0..<0xF0:
      guard key.count - offset >= 2 else { return nil }
      return (oneByteNodes + (Int(first) - 0xC0) << 8 + Int(key[offset + 1]), offset + 2)
    case 0xF0..<0xFF:
      guard key.count - offset >= 3 else { return nil }
      let rest = (Int(first) - 0xF0) << 16 + Int(key[offset + 1]) << 8 + Int(key[offset + 2])
      return (oneByteNodes + twoByteNodes + rest, offset + 3)
    default: return nil
    }
  }

  /// True when a key value begins at `offset`.
  @inline(__always)
  static func isValue(_ key: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    offset < key.count && key[offset] >= firstValue && key[offset] < endOfValues
  }

  /// Where the key values of an entry that begin at `offset` end; nil when they are not whole, or there are none.
  static func entryEnd(_ key: UnsafeRawBufferPointer, from offset: Int) -> Int? {
    guard isValue(key, at: offset) else { return nil }
    var end = offset
    while isValue(key, at: end) {
      guard let next = KeyEncoder.valueEnd(key, at: end) else { return nil }
      end = next
    }
    return end
  }
}
