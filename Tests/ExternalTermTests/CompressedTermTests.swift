import ExternalTerm
import NIOCore
import Testing

@Suite struct CompressedTermTests {
  /// A binary of 64 letters a.
  private let packed: [UInt8] = [
    131, 80, 0, 0, 0, 0x45, 0x78, 0x9c, 0xcb, 0x65, 0x60, 0x60, 0x70, 0x48, 0xa4, 0x10, 0x00, 0x00, 0x42, 0x33, 0x18, 0xee,
  ]

  @Test func unpacks() throws {
    #expect(try Term(encoded: ByteBuffer(bytes: packed)) == .text(String(repeating: "a", count: 64)))
  }

  @Test func termsThatAreNotCompressedStayAsTheyAre() throws {
    let plain = ByteBuffer(bytes: [131, 97, 1])
    #expect(try plain.uncompressedTerm() == plain)
    #expect(try ByteBuffer().uncompressedTerm() == ByteBuffer())
  }

  @Test func theLimitHoldsBeforeMemoryIsReserved() {
    #expect(throws: TermError(.content("a compressed term of 69 bytes, limit 68"), at: 2)) {
      try Term(encoded: ByteBuffer(bytes: packed), compressionLimit: 68)
    }
    // A promise of 4 GiB in 16 bytes cannot be kept.
    var liar = packed
    liar.replaceSubrange(2..<6, with: [255, 255, 255, 255])
    #expect(throws: TermError.self) { try Term(encoded: ByteBuffer(bytes: liar), compressionLimit: .max) }
  }

  @Test func damageIsRefused() {
    for index in 2..<packed.count {
      var damaged = packed
      damaged[index] ^= 0x55
      #expect(throws: TermError.self) { try Term(encoded: ByteBuffer(bytes: damaged)) }
    }
    for count in 1..<packed.count {
      #expect(throws: TermError.self) { try Term(encoded: ByteBuffer(bytes: packed[..<count])) }
    }
  }
}
