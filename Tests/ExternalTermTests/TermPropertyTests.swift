import ExternalTerm
import NIOCore
import TestSupport
import Testing

/// What holds for every term, and for every sequence of bytes.
@Suite struct TermPropertyTests {
  @Test func everyTermComesBack() throws {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<3000 {
      let term = random.term()
      let encoded = term.encoded
      let again = try Term(encoded: encoded)
      #expect(again == term)
      #expect(again.encoded == encoded)
      let kept = EncodedTerm(term)
      #expect(try kept.term() == term)
      #expect(kept.detached() == kept)
      #expect(!term.description.isEmpty)
    }
  }

  @Test func everyBeginningIsTooShort() {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<200 {
      let bytes = Array(random.term().encoded.readableBytesView)
      for count in 0..<bytes.count {
        #expect(throws: TermError.self) { try Term(encoded: ByteBuffer(bytes: bytes[..<count])) }
      }
    }
  }

  @Test func nothingTrapsAndSkippingAgreesWithReading() {
    var random = SeededGenerator(seed: 3)
    for round in 0..<20000 {
      var bytes = round.isMultiple(of: 4) ? random.bytes(0..<60) : Array(random.term().encoded.readableBytesView.dropFirst())
      for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
      }
      let skipped = try? bytes.withTermReader { (reader) throws(TermError) in
        try reader.skip()
        return reader.offset
      }
      let read = try? bytes.withTermReader { (reader) throws(TermError) in
        _ = try Term.read(from: &reader)
        return reader.offset
      }
      // Reading also refuses atoms that are not UTF-8.
      if let read { #expect(read == skipped) }
      _ = try? Term(encoded: ByteBuffer(bytes: [131] + bytes))
    }
  }
}
