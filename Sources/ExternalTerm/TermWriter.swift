public import NIOCore

/// Writing of terms, in the form that the reference client sends (protocol part 01, section 10.3).
extension ByteBuffer {
  /// The byte 131 before every outer term.
  public mutating func writeTermVersion() { writeInteger(TermTag.version) }

  /// The shortest form of an integer.
  @inlinable
  public mutating func writeTermInteger(_ value: some FixedWidthInteger) {
    if let value = Int64(exactly: value) {
      writeTermSigned(value)
    } else if let value = UInt64(exactly: value) {
      writeBig(isNegative: false, magnitude: value)
    } else {
      writeTermBigInteger(BigInteger(isNegative: value < 0, magnitude: value.magnitude.littleEndianBytes))
    }
  }

  @usableFromInline
  mutating func writeTermSigned(_ value: Int64) {
    if let small = UInt8(exactly: value) {
      writeMultipleIntegers(TermTag.smallInteger, small)
    } else if let medium = Int32(exactly: value) {
      writeMultipleIntegers(TermTag.integer, medium)
    } else {
      writeBig(isNegative: value < 0, magnitude: value.magnitude)
    }
  }

  @usableFromInline
  mutating func writeBig(isNegative: Bool, magnitude: UInt64) {
    let count = UInt8(truncatingIfNeeded: (71 - magnitude.leadingZeroBitCount) / 8)
    writeMultipleIntegers(TermTag.smallBig, count, isNegative ? 1 as UInt8 : 0)
    var rest = magnitude
    for _ in 0..<count {
      writeInteger(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  public mutating func writeTermBigInteger(_ value: BigInteger) {
    if let small = value.int64 { return writeTermInteger(small) }
    let sign: UInt8 = value.isNegative ? 1 : 0
    if let count = UInt8(exactly: value.magnitude.count) {
      writeMultipleIntegers(TermTag.smallBig, count, sign)
    } else {
      writeMultipleIntegers(TermTag.largeBig, UInt32(truncatingIfNeeded: value.magnitude.count), sign)
    }
    writeBytes(value.magnitude)
  }

  /// A float. The format has no infinities and no NaN; those are written as 0.0.
  public mutating func writeTermFloat(_ value: Double) {
    writeMultipleIntegers(TermTag.float, value.isFinite ? value.bitPattern : 0)
  }

  /// An atom: Latin-1 where that has all its characters, else UTF-8. A text of more than 255 characters cannot be an atom
  /// and is written as a binary, which every receiver of names takes too.
  public mutating func writeTermAtom(_ text: String) {
    var text = text
    let isASCII = text.withUTF8 { utf8 in
      guard utf8.count <= 255, utf8.allSatisfy({ $0 < 0x80 }) else { return false }
      writeMultipleIntegers(TermTag.atom, UInt16(truncatingIfNeeded: utf8.count))
      writeBytes(utf8)
      return true
    }
    if isASCII { return }
    let scalars = text.unicodeScalars
    guard scalars.count <= 255 else { return writeTermBinary(text) }
    if scalars.allSatisfy({ $0.value < 0x100 }) {
      writeMultipleIntegers(TermTag.atom, UInt16(truncatingIfNeeded: scalars.count))
      for scalar in scalars { writeInteger(UInt8(truncatingIfNeeded: scalar.value)) }
    } else {
      writeTermUTF8Atom(text)
    }
  }

  /// An atom in UTF-8 whatever its characters, at most 255 of them.
  public mutating func writeTermUTF8Atom(_ text: String) {
    let count = text.utf8.count
    if let short = UInt8(exactly: count) {
      writeMultipleIntegers(TermTag.smallAtomUTF8, short)
    } else if text.unicodeScalars.count <= 255 {
      writeMultipleIntegers(TermTag.atomUTF8, UInt16(truncatingIfNeeded: count))
    } else {
      return writeTermBinary(text)
    }
    writeString(text)
  }

  /// An atom that is known to be short ASCII.
  public mutating func writeTermAtom(_ text: StaticString) {
    writeMultipleIntegers(TermTag.atom, UInt16(truncatingIfNeeded: text.utf8CodeUnitCount))
    writeStaticString(text)
  }

  /// `true` or `false`.
  public mutating func writeTermBool(_ value: Bool) { writeTermAtom(value ? "true" as StaticString : "false") }

  public mutating func writeTermBinary(_ bytes: [UInt8]) {
    writeMultipleIntegers(TermTag.binary, UInt32(truncatingIfNeeded: bytes.count))
    writeBytes(bytes)
  }

  public mutating func writeTermBinary(_ bytes: UnsafeRawBufferPointer) {
    writeMultipleIntegers(TermTag.binary, UInt32(truncatingIfNeeded: bytes.count))
    writeBytes(bytes)
  }

  /// Text as a binary, without terminator.
  public mutating func writeTermBinary(_ text: String) {
    writeMultipleIntegers(TermTag.binary, UInt32(truncatingIfNeeded: text.utf8.count))
    writeString(text)
  }

  /// A bit string of whole bytes and `bitsInLast` (1...8) bits of the last one. Part of the format, not of the protocol.
  public mutating func writeTermBitString(_ bytes: [UInt8], bitsInLast: UInt8) {
    writeMultipleIntegers(TermTag.bitString, UInt32(truncatingIfNeeded: bytes.count), bytes.isEmpty ? 0 : bitsInLast)
    writeBytes(bytes)
  }

  /// The head of a tuple; write as many elements.
  public mutating func writeTermTuple(arity: Int) {
    if let small = UInt8(exactly: arity) {
      writeMultipleIntegers(TermTag.smallTuple, small)
    } else {
      writeMultipleIntegers(TermTag.largeTuple, UInt32(truncatingIfNeeded: arity))
    }
  }

  /// The head of a list of terms, at least one of which is no integer 0...255. Write as many elements and `writeTermListEnd`.
  public mutating func writeTermListHeader(count: Int) {
    if count == 0 {
      writeInteger(TermTag.empty)
    } else {
      writeMultipleIntegers(TermTag.list, UInt32(truncatingIfNeeded: count))
    }
  }

  /// The end of a proper list with that many elements.
  public mutating func writeTermListEnd(count: Int) {
    if count != 0 { writeInteger(TermTag.empty) }
  }

  /// A proper list of terms that are not all integers 0...255.
  @inlinable
  public mutating func writeTermList<C: Collection>(_ elements: C, _ write: (inout ByteBuffer, C.Element) -> Void) {
    writeTermListHeader(count: elements.count)
    for element in elements { write(&self, element) }
    writeTermListEnd(count: elements.count)
  }

  /// A list of integers: the byte-list form (tag 107) when all are 0...255, as the format's own runtime sends it.
  @inlinable
  public mutating func writeTermIntegers<T: FixedWidthInteger>(_ values: some Collection<T>) {
    if !values.isEmpty, values.count <= 65535, values.allSatisfy({ UInt8(exactly: $0) != nil }) {
      writeByteListHeader(count: values.count)
      for value in values { writeInteger(UInt8(truncatingIfNeeded: value)) }
    } else {
      writeTermList(values) { $0.writeTermInteger($1) }
    }
  }

  @usableFromInline
  mutating func writeByteListHeader(count: Int) {
    writeMultipleIntegers(TermTag.bytes, UInt16(truncatingIfNeeded: count))
  }

  /// Text as a list of its characters' codes.
  public mutating func writeTermCharacters(_ text: String) { writeTermIntegers(text.unicodeScalars.map(\.value)) }
}

extension FixedWidthInteger {
  @usableFromInline
  var littleEndianBytes: [UInt8] {
    (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) }
  }
}
