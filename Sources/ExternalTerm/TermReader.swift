/// A cursor over the bytes of a term: no tree, no allocation, every length checked against the bytes that are there.
///
/// Lists of bytes (tag 107) read like any list: after `readListHeader` each element is read with `readInteger`. A reader is
/// only good while the bytes it was made from are, so it must not leave the closure that it was given to. Values that do
/// have to be kept are taken with `EncodedTerm`.
public struct TermReader {
  /// The nesting that is accepted; the protocol's own terms stay below 20 (protocol part 01, section 10.3).
  public static var maximumDepth: Int { 256 }

  let bytes: UnsafeRawBufferPointer
  /// The place of the next byte, counted from the start of the bytes.
  public internal(set) var offset: Int
  /// How many elements of a byte list are still to come; they have no tags of their own.
  var pendingBytes = 0

  /// A reader of terms without version byte.
  public init(_ bytes: UnsafeRawBufferPointer, offset: Int = 0) {
    self.bytes = bytes
    self.offset = min(max(0, offset), bytes.count)
  }

  /// Bytes not read yet.
  public var remaining: Int { bytes.count - offset }

  public var isAtEnd: Bool { remaining == 0 }

  public func error(_ reason: TermError.Reason) -> TermError { TermError(reason, at: offset) }

  // MARK: What is next

  /// The version byte 131 that stands before every outer term.
  public mutating func readVersion() throws(TermError) {
    let start = offset
    let version = try readByte()
    guard version == TermTag.version else { throw TermError(.version(version), at: start) }
  }

  public func peekKind() throws(TermError) -> TermKind {
    let tag = try peekTag()
    guard let kind = TermTag.kind(tag) else { throw error(.tag(tag)) }
    return kind
  }

  func peekTag() throws(TermError) -> UInt8 {
    if pendingBytes > 0 { return TermTag.smallInteger }
    guard offset < bytes.count else { throw error(.endOfBytes) }
    return bytes[offset]
  }

  mutating func readTag() throws(TermError) -> UInt8 {
    if pendingBytes > 0 {
      pendingBytes -= 1
      return TermTag.smallInteger
    }
    return try readByte()
  }

  // MARK: Integers and floats

  /// An integer that `T` holds; any encoding of it, zero padding included.
  @inlinable
  public mutating func readInteger<T: FixedWidthInteger>(as type: T.Type = T.self) throws(TermError) -> T {
    let start = offset
    let (isNegative, magnitude) = try readSmallInteger()
    let value: T?
    if !isNegative {
      value = T(exactly: magnitude)
    } else if magnitude <= 1 << 63 {
      value = T(exactly: Int64(truncatingIfNeeded: 0 &- magnitude))
    } else {
      value = nil
    }
    guard let value else { throw TermError(.range("\(T.min)...\(T.max)"), at: start) }
    return value
  }

  /// An integer of any size.
  public mutating func readBigInteger() throws(TermError) -> BigInteger {
    let start = offset
    let tag = try peekTag()
    switch tag {
    case TermTag.smallBig, TermTag.largeBig:
      let (isNegative, magnitude) = try readBigBytes()
      return BigInteger(isNegative: isNegative, magnitude: magnitude)
    case TermTag.smallInteger, TermTag.integer:
      let (isNegative, magnitude) = try readSmallInteger()
      return BigInteger(isNegative: isNegative, magnitude: BigInteger(magnitude).magnitude)
    default: throw TermError(.expected("an integer"), at: start)
    }
  }

  /// Sign and magnitude of an integer of at most 64 bits.
  @usableFromInline
  mutating func readSmallInteger() throws(TermError) -> (isNegative: Bool, magnitude: UInt64) {
    let start = offset
    switch try peekTag() {
    case TermTag.smallInteger:
      _ = try readTag()
      return (false, UInt64(try readByte()))
    case TermTag.integer:
      _ = try readTag()
      let value = Int32(truncatingIfNeeded: try readLength(4))
      return (value < 0, UInt64(value.magnitude))
    case TermTag.smallBig, TermTag.largeBig:
      let (isNegative, digits) = try readBigBytes()
      var magnitude: UInt64 = 0
      for (index, byte) in digits.enumerated() where byte != 0 {
        guard index < 8 else { throw TermError(.range("64 bits"), at: start) }
        magnitude |= UInt64(byte) << UInt64(8 * index)
      }
      return (isNegative && magnitude != 0, magnitude)
    case let tag:
      throw TermTag.kind(tag) == nil ? error(.tag(tag)) : error(.expected("an integer"))
    }
  }

  private mutating func readBigBytes() throws(TermError) -> (isNegative: Bool, magnitude: UnsafeRawBufferPointer) {
    let tag = try readTag()
    let count = try readLength(tag == TermTag.smallBig ? 1 : 4)
    let sign = try readByte()
    guard sign <= 1 else { throw error(.content("an integer with sign byte \(sign)")) }
    return (sign == 1, try readBytes(count))
  }

  /// A float; both encodings. Numbers only, as the format's own runtime has it.
  public mutating func readFloat() throws(TermError) -> Double {
    let start = offset
    let value: Double?
    switch try readTag() {
    case TermTag.float:
      value = Double(bitPattern: try readBytes(8).reduce(0) { $0 << 8 | UInt64($1) })
    case TermTag.floatText:
      let text = try readBytes(31)
      value = Double(String(decoding: text.prefix { $0 != 0 }, as: UTF8.self))
    default: throw TermError(.expected("a float"), at: start)
    }
    guard let value, value.isFinite else { throw TermError(.content("a float that is no number"), at: start) }
    return value
  }

  // MARK: Atoms and binaries

  /// The bytes of an atom as they are in the buffer.
  public mutating func readAtomBytes() throws(TermError) -> AtomBytes {
    let start = offset
    let tag = try peekTag()
    let widths: (length: Int, isLatin1: Bool)
    switch tag {
    case TermTag.atom: widths = (2, true)
    case TermTag.smallAtom: widths = (1, true)
    case TermTag.atomUTF8: widths = (2, false)
    case TermTag.smallAtomUTF8: widths = (1, false)
    default: throw TermError(.expected("an atom"), at: start)
    }
    _ = try readTag()
    let atom = AtomBytes(bytes: try readBytes(try readLength(widths.length)), isLatin1: widths.isLatin1)
    // An atom has at most 255 characters of up to four bytes.
    guard atom.bytes.count <= 255 || atom.characterCount <= 255 else {
      throw TermError(.content("an atom of more than 255 characters"), at: start)
    }
    return atom
  }

  public mutating func readAtom() throws(TermError) -> String {
    let start = offset
    guard let text = try readAtomBytes().string else { throw TermError(.encoding, at: start) }
    return text
  }

  public mutating func readBinaryBytes() throws(TermError) -> UnsafeRawBufferPointer {
    guard try peekTag() == TermTag.binary else { throw error(.expected("a binary")) }
    _ = try readTag()
    return try readBytes(try readLength(4))
  }

  public mutating func readBinary() throws(TermError) -> [UInt8] { Array(try readBinaryBytes()) }

  /// A bit string: its bytes, and how many bits (1...8) of the last one count.
  public mutating func readBitString() throws(TermError) -> (bytes: UnsafeRawBufferPointer, bitsInLast: UInt8) {
    guard try peekTag() == TermTag.bitString else { throw error(.expected("a bit string")) }
    _ = try readTag()
    let count = try readLength(4)
    let bits = try readByte()
    guard count == 0 ? bits == 0 : (1...8).contains(bits) else { throw error(.content("a bit string with \(bits) bits")) }
    return (try readBytes(count), bits)
  }

  // MARK: Tuples, lists, maps

  /// The arity of a tuple; its elements follow.
  public mutating func readTupleHeader() throws(TermError) -> Int {
    let start = offset
    let arity: Int
    switch try peekTag() {
    case TermTag.smallTuple:
      _ = try readTag()
      arity = try readLength(1)
    case TermTag.largeTuple:
      _ = try readTag()
      arity = try readLength(4)
    default: throw TermError(.expected("a tuple"), at: start)
    }
    // Every element takes a byte at least, so a count beyond the bytes is a lie.
    guard arity <= remaining else { throw TermError(.endOfBytes, at: start) }
    return arity
  }

  /// A tuple of exactly this arity.
  public mutating func readTupleHeader(arity: Int) throws(TermError) {
    let start = offset
    guard try peekKind() == .tuple, try readTupleHeader() == arity else {
      throw TermError(.expected("a tuple of \(arity)"), at: start)
    }
  }

  /// The head of a list: read `count` elements, then `readListEnd`.
  public struct ListHeader: Sendable {
    public let count: Int
    /// False for the empty list and for a list of bytes, which have no tail in the bytes.
    let hasTail: Bool
    public var isEmpty: Bool { count == 0 }
  }

  public mutating func readListHeader() throws(TermError) -> ListHeader {
    let start = offset
    let tag = try peekTag()
    switch tag {
    case TermTag.empty:
      _ = try readTag()
      return ListHeader(count: 0, hasTail: false)
    case TermTag.bytes:
      _ = try readTag()
      let count = try readLength(2)
      guard count <= remaining else { throw TermError(.endOfBytes, at: start) }
      pendingBytes = count
      return ListHeader(count: count, hasTail: false)
    case TermTag.list:
      _ = try readTag()
      let count = try readLength(4)
      guard count < remaining else { throw TermError(.endOfBytes, at: start) }
      return ListHeader(count: count, hasTail: true)
    default: throw TermTag.kind(tag) == nil ? error(.tag(tag)) : error(.expected("a list"))
    }
  }

  /// The end of a list whose elements were all read; a tail other than the empty list is refused.
  public mutating func readListEnd(_ header: ListHeader) throws(TermError) {
    guard header.hasTail else { return }
    guard try peekTag() == TermTag.empty else { throw error(.expected("the end of a proper list")) }
    offset += 1
  }

  /// Calls `body` for each element of a proper list.
  @inlinable
  public mutating func forEachElement(_ body: (inout TermReader) throws(TermError) -> Void) throws(TermError) {
    let header = try readListHeader()
    for _ in 0..<header.count { try body(&self) }
    try readListEnd(header)
  }

  /// The elements of a proper list, read one by one.
  @inlinable
  public mutating func readList<T>(_ element: (inout TermReader) throws(TermError) -> T) throws(TermError) -> [T] {
    let header = try readListHeader()
    var elements: [T] = []
    // A count says little about memory until the bytes have been seen: reserve a bounded part of it.
    elements.reserveCapacity(min(header.count, 1024))
    for _ in 0..<header.count { elements.append(try element(&self)) }
    try readListEnd(header)
    return elements
  }

  /// The number of pairs of a map; key and value of each follow.
  public mutating func readMapHeader() throws(TermError) -> Int {
    guard try peekTag() == TermTag.map else { throw error(.expected("a map")) }
    _ = try readTag()
    let count = try readLength(4)
    guard count <= remaining / 2 else { throw error(.endOfBytes) }
    return count
  }

  // MARK: Whole terms

  /// Goes past one term of any kind, checking all of it.
  public mutating func skip() throws(TermError) { try skip(depth: 1) }

  private mutating func skip(depth: Int) throws(TermError) {
    guard depth <= Self.maximumDepth else { throw error(.tooDeep) }
    let tag = try peekTag()
    switch TermTag.kind(tag) {
    case .integer?:
      if tag == TermTag.smallInteger {
        _ = try readTag()
        _ = try readByte()
      } else if tag == TermTag.integer {
        _ = try readTag()
        _ = try readBytes(4)
      } else {
        _ = try readBigBytes()
      }
    case .float?: _ = try readFloat()
    case .atom?: _ = try readAtomBytes()
    case .binary?: _ = try readBinaryBytes()
    case .bitString?: _ = try readBitString()
    case .tuple?:
      for _ in 0..<(try readTupleHeader()) { try skip(depth: depth + 1) }
    case .list?:
      let header = try readListHeader()
      if !header.hasTail {
        offset += pendingBytes
        pendingBytes = 0
        return
      }
      for _ in 0..<header.count { try skip(depth: depth + 1) }
      try skip(depth: depth + 1)
    case .map?:
      for _ in 0..<2 * (try readMapHeader()) { try skip(depth: depth + 1) }
    case nil: throw error(.tag(tag))
    }
  }

  /// The bytes of one whole term, without version byte, and past it.
  public mutating func readTermBytes() throws(TermError) -> UnsafeRawBufferPointer {
    let start = offset
    guard pendingBytes == 0 else { throw error(.expected("a term with a tag of its own")) }
    try skip()
    return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
  }

  /// Complains about bytes after the term.
  public func expectEnd() throws(TermError) {
    guard isAtEnd else { throw error(.trailing(remaining)) }
  }

  // MARK: Bytes

  mutating func readByte() throws(TermError) -> UInt8 {
    guard offset < bytes.count else { throw error(.endOfBytes) }
    defer { offset += 1 }
    return bytes[offset]
  }

  /// A big-endian number of 1, 2 or 4 bytes.
  mutating func readLength(_ width: Int) throws(TermError) -> Int {
    guard width <= remaining else { throw error(.endOfBytes) }
    var length = 0
    for index in offset..<offset + width { length = length << 8 | Int(bytes[index]) }
    offset += width
    return length
  }

  mutating func readBytes(_ count: Int) throws(TermError) -> UnsafeRawBufferPointer {
    guard count <= remaining else { throw error(.endOfBytes) }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }
}

/// An atom as it lies in the buffer. Good only as long as the reader it came from.
public struct AtomBytes {
  public let bytes: UnsafeRawBufferPointer
  /// One byte per character (tags 100 and 115) instead of UTF-8. For ASCII, which nearly all names are, the same.
  public let isLatin1: Bool

  /// True when the bytes are UTF-8 as they are.
  public var isPlain: Bool { !isLatin1 || bytes.allSatisfy { $0 < 0x80 } }

  var characterCount: Int { isLatin1 ? bytes.count : bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }

  /// Compares with ASCII text.
  public func equals(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard count == bytes.count else { return false }
    return UnsafeRawBufferPointer(start: text.utf8Start, count: count).elementsEqual(bytes)
  }

  /// The text; nil when it claims to be UTF-8 and is not.
  public var string: String? {
    isPlain ? String(validating: bytes, as: UTF8.self) : String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }
}
