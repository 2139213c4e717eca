import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@Suite struct FrameTests {
  @Test func tooLongFramesAreRefusedBeforeTheyArrive() throws {
    var decoder = FrameDecoder(limit: 10)
    var stream = ByteBuffer(bytes: [0, 0, 0, 11])
    #expect(throws: FrameDecoder.TooLong(length: 11, limit: 10)) { try decoder.decode(buffer: &stream) }
    var fitting = ByteBuffer(bytes: [0, 0, 0, 10] + [UInt8](repeating: 7, count: 10))
    #expect(try decoder.decode(buffer: &fitting)?.readableBytes == 10)
    var huge = ByteBuffer(bytes: [255, 255, 255, 255])
    var usual = FrameDecoder()
    #expect(throws: FrameDecoder.TooLong.self) { try usual.decode(buffer: &huge) }
  }

  @Test func emptyFramesAreFrames() throws {
    var decoder = FrameDecoder()
    var stream = ByteBuffer(bytes: [0, 0, 0, 0, 0, 0, 0, 1, 9])
    #expect(try decoder.decode(buffer: &stream) == ByteBuffer())
    #expect(try decoder.decodeLast(buffer: &stream, seenEOF: true) == ByteBuffer(bytes: [9]))
    #expect(try decoder.decodeLast(buffer: &stream, seenEOF: true) == nil)
  }

  @Test func framesArePutTogetherByteByByte() throws {
    var sent = ByteBuffer()
    for payload in [[1, 2, 3], [], [4]] as [[UInt8]] { sent.writeFrame(ByteBuffer(bytes: payload)) }
    let processor = NIOSingleStepByteToMessageProcessor(FrameDecoder())
    var received: [ByteBuffer] = []
    for byte in sent.readableBytesView {
      try processor.process(buffer: ByteBuffer(bytes: [byte])) { received.append($0) }
    }
    try processor.finishProcessing(seenEOF: true) { received.append($0) }
    #expect(received == [ByteBuffer(bytes: [1, 2, 3]), ByteBuffer(), ByteBuffer(bytes: [4])])
  }

  @Test func errorsTravel() throws {
    let errors = [
      NSOError(.noExists, ""), NSOError(.badPath, "no such leaf"), NSOError(.external, "no", appTag: "my-tag"),
      NSOError(.external, "", appTag: NSOModel.Tag("t", in: "urn:x")), NSOError(.validationWarning, "/a\0low\0"),
    ]
    for error in errors {
      var buffer = ByteBuffer()
      buffer.writeReply(op: 166, error: error)
      #expect(try ReplyFrame(buffer) == .failure(op: 166, error))
    }
    var buffer = ByteBuffer()
    buffer.writeReply(op: 1, error: NSOError(.internal, "a\0b"))
    #expect(try ReplyFrame(buffer) == .failure(op: 1, NSOError(.internal, "a b")))
    // Whatever the peer's text is encoded in, the error gets through.
    let latin = ByteBuffer(bytes: [0x80, 0, 0, 1, 0, 0, 0, 8, 131, 109, 0, 0, 0, 2, 0xE5, 0])
    #expect(try ReplyFrame(latin) == .failure(op: 1, NSOError(.badPath, "\u{FFFD}")))
  }

  @Test func rawValuesGoOutAsTheyAre() throws {
    let value: [UInt8] = [104, 2, 97, 11, 97, 80]
    var buffer = ByteBuffer()
    buffer.writeReply(op: 4, rawValue: value)
    var pointed = ByteBuffer()
    value.withUnsafeBytes { pointed.writeReply(op: 4, rawValue: $0) }
    #expect(buffer == pointed)
    guard case .success(4, let term?) = try ReplyFrame(buffer) else { throw CheckFailure("no success") }
    #expect(try Reply(.value, term) == .value(.uint16(80)))
  }

  @Test func repliesOfTheWrongShapeAreRefused() throws {
    #expect(throws: TermError.self) { try Reply(.value, nil) }
    #expect(throws: TermError.self) { try Reply(.done, Term.integer(1).encoded) }
    #expect(throws: TermError.self) { try Reply(.integer, Term.atom("x").encoded) }
    #expect(try Reply(.optionalTagged, nil) == .done)
    #expect(try Reply(.bool, Term.bool(true).encoded) == .bool(true))
    // Bytes after the term are ignored, as the reference client does.
    #expect(try Reply(.integer, ByteBuffer(bytes: [131, 97, 5, 0, 0])) == .integer(5))
  }

  @Test func streamOpeningsInEveryForm() throws {
    let opening = StreamOpening(id: 7, flags: 1)
    var buffer = ByteBuffer()
    opening.write(into: &buffer)
    #expect(try StreamOpening(buffer) == opening)
    #expect(try StreamOpening(ByteBuffer(bytes: [0, 0, 0, 7])) == StreamOpening(id: 7))
    #expect(try StreamOpening(Term.integer(7).encoded) == StreamOpening(id: 7))
    #expect(try StreamOpening(Term.tuple([.integer(7), .integer(1)]).encoded) == opening)
    for bytes in [[], [0, 0, 0], [0, 0, 0, 7, 0, 0, 0, 0, 0]] as [[UInt8]] {
      #expect(throws: DecodeError.self) { try StreamOpening(ByteBuffer(bytes: bytes)) }
    }
  }

  @Test func errorsSayWhatAndWhere() {
    // GET_ELEM with a path that is a float.
    let frame = ByteBuffer(bytes: [0, 0, 0, 166, 0, 0, 0, 7, 131, 70, 0, 0, 0, 0, 0, 0, 0, 0])
    do {
      _ = try MAAPICall(frame)
      Issue.record("no error")
    } catch {
      #expect(
        error.description == "MAAPI GET_ELEM (166): expected a path (at byte 9); bytes 000000a60000000783>460000000000000000")
      #expect(!error.isFatal && error.reply.code == .protocolUsage)
    }
    do {
      _ = try CDBCall(ByteBuffer(bytes: [0, 0, 0, 4, 130, 106]))
      Issue.record("no error")
    } catch {
      #expect(error.isFatal && error.message == "CDB OP_GET (4)")
    }
  }

  @Test func relativePathsAndMissingHandles() throws {
    let relative = try CDBCall(ByteBuffer(bytes: [0x80, 0, 0, 4, 131, 106]))
    #expect(relative == CDBCall(.get(.root), isRelative: true))
    // A client without handle leaves the field out; the daemon can tell by the term's first byte.
    let without = try MAAPICall(ByteBuffer(bytes: [0, 0, 0, 166, 131, 106]))
    #expect(without == MAAPICall(.getElem(.root)))
    let minusOne = try MAAPICall(ByteBuffer(bytes: [0, 0, 0, 183, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 0]))
    #expect(minusOne == MAAPICall(.diffIterate([])))
  }

  @Test func unknownOperationsAreLeftToTheCaller() throws {
    let unknown = ByteBuffer(bytes: [0, 0, 3, 0x30, 1, 2, 3])
    #expect(try MAAPICall(unknown).request == .unknown(op: 816, payload: ByteBuffer(bytes: [1, 2, 3])))
    #expect(try CDBCall(unknown).request == .unknown(op: 816, payload: ByteBuffer(bytes: [1, 2, 3])))
    // Known by number only: no message, and nothing is said about what follows.
    #expect(try MAAPICall(ByteBuffer(bytes: [0, 0, 0, 129, 9])).request == .unknown(op: 129, payload: ByteBuffer(bytes: [9])))
    #expect(try CDBCall(ByteBuffer(bytes: [0, 0, 0, 11])).request == .unknown(op: 11, payload: ByteBuffer()))
  }
}
