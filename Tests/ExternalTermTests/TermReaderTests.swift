import ExternalTerm
import NIOCore
import Testing

/// What is taken and what is refused (protocol part 01, section 10).
@Suite struct TermReaderTests {
  private func read(_ bytes: [UInt8]) throws -> Term { try Term(encoded: ByteBuffer(bytes: [131] + bytes)) }

  private func reason(_ bytes: [UInt8]) -> TermError.Reason? {
    do {
      _ = try read(bytes)
      return nil
    } catch let error as TermError {
      return error.reason
    } catch {
      return nil
    }
  }

  @Test func anotherVersionIsRefused() {
    #expect(throws: TermError(.version(130), at: 0)) { try Term(encoded: ByteBuffer(bytes: [130, 97, 1])) }
    #expect(throws: TermError(.endOfBytes, at: 0)) { try Term(encoded: ByteBuffer()) }
  }

  @Test(arguments: [88, 89, 90, 101, 102, 103, 112, 113, 114, 117, 120, 0, 255, 130] as [UInt8])
  func otherTagsAreRefused(_ tag: UInt8) {
    #expect(reason([tag, 0, 0, 0, 0, 0, 0, 0, 0]) == .tag(tag))
  }

  @Test func lengthsBeyondTheBytesAreRefusedBeforeMemoryIsReserved() {
    for bytes: [UInt8] in [
      [108, 255, 255, 255, 255, 97, 1], [105, 255, 255, 255, 255, 97, 1], [109, 255, 255, 255, 255, 1], [107, 255, 255, 1],
      [116, 255, 255, 255, 255, 97, 1], [111, 255, 255, 255, 255, 0, 1], [100, 255, 255, 65], [77, 255, 255, 255, 255, 8, 1],
      [104, 3, 97, 1],
    ] {
      #expect(reason(bytes) == .endOfBytes, "\(bytes)")
    }
  }

  @Test func nestingHasALimit() throws {
    func nested(_ depth: Int) -> [UInt8] { Array(repeating: [104, 1], count: depth - 1).flatMap { $0 } + [106] }
    #expect(throws: Never.self) { try read(nested(256)) }
    #expect(reason(nested(257)) == .tooDeep)
    #expect(reason(nested(100_000)) == .tooDeep)
    #expect(throws: TermError.self) { try nested(257).withTermReader { (reader) throws(TermError) in try reader.skip() } }
    // Lists that nest in their tails count too.
    #expect(reason(Array(repeating: [108, 0, 0, 0, 1, 97, 1], count: 100_000).flatMap { $0 } + [106]) == .tooDeep)
  }

  @Test func integersOfEveryFormAndWidth() throws {
    func integer<T: FixedWidthInteger>(_ bytes: [UInt8], as type: T.Type) throws -> T {
      try bytes.withTermReader { (reader) throws(TermError) in try reader.readInteger(as: type) }
    }
    #expect(try integer([97, 255], as: UInt8.self) == 255)
    #expect(throws: TermError(.range("-128...127"), at: 0)) { try integer([97, 255], as: Int8.self) }
    #expect(try integer([98, 255, 255, 255, 128], as: Int8.self) == -128)
    #expect(try integer([98, 128, 0, 0, 0], as: Int32.self) == .min)
    #expect(throws: TermError.self) { try integer([98, 255, 255, 255, 255], as: UInt64.self) }
    #expect(try integer([110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128], as: Int64.self) == .min)
    #expect(throws: TermError.self) { try integer([110, 8, 1, 1, 0, 0, 0, 0, 0, 0, 128], as: Int64.self) }
    #expect(try integer([110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255], as: UInt64.self) == .max)
    #expect(try integer([110, 12, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], as: UInt8.self) == 5)
    #expect(throws: TermError(.range("64 bits"), at: 0)) {
      try integer([110, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], as: UInt64.self)
    }
    // Minus zero is zero.
    #expect(try integer([110, 1, 1, 0], as: UInt8.self) == 0)
    #expect(try read([110, 1, 1, 0]) == .integer(0))
    #expect(reason([110, 1, 7, 1]) == .content("an integer with sign byte 7"))
    #expect(try read([110, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]).description == "-18446744073709551616")
  }

  @Test func writtenIntegersAreTheShortest() {
    func hex(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
      var buffer = ByteBuffer()
      write(&buffer)
      return Array(buffer.readableBytesView)
    }
    #expect(hex { $0.writeTermInteger(255) } == [97, 255])
    #expect(hex { $0.writeTermInteger(-1) } == [98, 255, 255, 255, 255])
    #expect(hex { $0.writeTermInteger(Int64.min) } == [110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128])
    #expect(hex { $0.writeTermInteger(UInt32.max) } == [110, 4, 0, 255, 255, 255, 255])
    #expect(hex { $0.writeTermInteger(Int64(1) << 40) } == [110, 6, 0, 0, 0, 0, 0, 0, 1])
    #expect(hex { $0.writeTermInteger(UInt128.max) }.prefix(3) == [110, 16, 0])
    #expect(hex { $0.writeTermIntegers([1, 2]) } == [107, 0, 2, 1, 2])
    #expect(hex { $0.writeTermIntegers([1, 256]) } == [108, 0, 0, 0, 2, 97, 1, 98, 0, 0, 1, 0, 106])
    #expect(hex { $0.writeTermIntegers([Int]()) } == [106])
    #expect(hex { $0.writeTermIntegers([UInt8](repeating: 1, count: 65536)) }.first == 108)
  }

  @Test func byteListsReadLikeLists() throws {
    let bytes: [UInt8] = [104, 2, 107, 0, 3, 1, 2, 255, 97, 9]
    try bytes.withTermReader { (reader) throws(TermError) in
      try reader.readTupleHeader(arity: 2)
      var numbers: [Int] = []
      try reader.forEachElement { (reader) throws(TermError) in
        let isInteger = try reader.peekKind() == .integer
        numbers.append(isInteger ? try reader.readInteger() : -1)
      }
      let last: Int = try reader.readInteger()
      #expect(numbers == [1, 2, 255] && last == 9)
      try reader.expectEnd()
    }
    try bytes.withTermReader { (reader) throws(TermError) in
      try reader.readTupleHeader(arity: 2)
      let header = try reader.readListHeader()
      for _ in 0..<header.count { try reader.skip() }
      try reader.readListEnd(header)
      let last: Int = try reader.readInteger()
      #expect(last == 9)
    }
  }

  @Test func atomsInEveryForm() throws {
    for bytes: [UInt8] in [[100, 0, 1, 0xE5], [115, 1, 0xE5], [118, 0, 2, 0xC3, 0xA5], [119, 2, 0xC3, 0xA5]] {
      #expect(try read(bytes) == .atom("å"))
    }
    #expect(reason([119, 1, 0xE5]) == .encoding)
    // At most 255 characters, however many bytes they take.
    #expect(
      try read([118, 3, 252] + Array(repeating: [0xF0, 0x9F, 0x98, 0x80], count: 255).flatMap { $0 }).description.count > 0)
    #expect(
      reason([118, 4, 0] + Array(repeating: [0xF0, 0x9F, 0x98, 0x80], count: 256).flatMap { $0 })
        == .content("an atom of more than 255 characters"))
    #expect(reason([100, 1, 0] + Array(repeating: 65, count: 256)) == .content("an atom of more than 255 characters"))
    // Longer text cannot be an atom, and goes out as a binary, which counts as a name too.
    #expect(Term.atom(String(repeating: "x", count: 256)).encoded.getInteger(at: 1, as: UInt8.self) == 109)
    let name = try [UInt8]([100, 0, 2, 110, 115]).withTermReader { (reader) throws(TermError) in
      let atom = try reader.readAtomBytes()
      return (atom.equals("ns"), atom.equals("n"), atom.equals("nsx"))
    }
    #expect(name == (true, false, false))
  }

  @Test func floatsAreNumbers() {
    #expect(reason([70, 0x7F, 0xF0, 0, 0, 0, 0, 0, 0]) == .content("a float that is no number"))
    #expect(reason([99] + Array("nan".utf8) + Array(repeating: 0, count: 28)) == .content("a float that is no number"))
    #expect(reason([99] + Array("1e999".utf8) + Array(repeating: 0, count: 26)) == .content("a float that is no number"))
    #expect(Term.float(.infinity).encoded == Term.float(0).encoded)
  }

  @Test func floatsAreDescribedShortest() {
    let texts: [(Double, String)] = [
      (0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (100, "100.0"), (1000, "1.0e3"), (-1500, "-1500.0"), (1_230_000, "1.23e6"),
      (1e300, "1.0e300"), (0.1, "0.1"), (1e-7, "1.0e-7"), (123456.5, "123456.5"),
    ]
    for (number, text) in texts { #expect(Term.float(number).description == text) }
  }

  @Test func bytesAfterTheTermAreRefused() { #expect(reason([97, 1, 0]) == .trailing(1)) }

  @Test func keptTermsAreSlices() throws {
    let buffer = ByteBuffer(bytes: [131, 104, 2, 97, 1, 107, 0, 2, 7, 8])
    let parts = try buffer.withTermReader { (reader) throws(TermError) in
      try reader.readVersion()
      try reader.readTupleHeader(arity: 2)
      let first = try EncodedTerm(from: &reader, in: buffer)
      var inside = reader
      _ = try inside.readListHeader()
      // An element of a byte list has no tag in the bytes, but is a term like any other.
      return (first, try EncodedTerm(from: &inside, in: buffer), try EncodedTerm(from: &reader, in: buffer))
    }
    #expect(parts.0 == EncodedTerm(.integer(1)))
    #expect(parts.1 == EncodedTerm(.integer(7)))
    #expect(parts.2.description == "[7, 8]")
    #expect(throws: TermError.self) { try EncodedTerm(bytes: ByteBuffer(bytes: [97, 1, 1])) }
  }
}
