import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import TestSupport
import Testing

/// No frame makes a decoder trap, whatever is in it.
@Suite struct MessagePropertyTests {
  /// All frames of the vector files, as they are on the wire after the length.
  private static func frames(fromClient only: Bool = false) throws -> [(client: UInt8?, bytes: [UInt8])] {
    try ["maapi", "cdb", "values", "transport", "schema"].flatMap { file in
      try Vector.load(file).flatMap { vector in
        vector.frames.filter { $0.kind == "frame" && (!only || $0.isFromClient) }.map { (vector.clientID, hexBytes($0.hex)) }
      }
    }
  }

  private func decodeAll(_ bytes: [UInt8]) {
    let frame = ByteBuffer(bytes: bytes)
    if let call = try? MAAPICall(frame) {
      var again = ByteBuffer()
      call.write(into: &again)
    }
    if let call = try? CDBCall(frame) {
      var again = ByteBuffer()
      call.write(into: &again)
    }
    if case .success(_, let term?)? = try? ReplyFrame(frame) {
      for shape in Self.shapes {
        guard let reply = try? Reply(shape, term) else { continue }
        var again = ByteBuffer()
        reply.write(op: 1, into: &again)
      }
    }
    if let item = try? IterationItem(frame) {
      var again = ByteBuffer()
      item.write(into: &again)
    }
    _ = try? XPathItem(frame)
    _ = try? SubscriptionEvent(frame)
    _ = try? StreamOpening(frame)
    _ = try? BareReply(frame)
    _ = IterationAnswer(frame)
    if let items = try? SchemaItem.items(in: frame) {
      var loader = ClientSchema.Loader()
      _ = try? loader.add(items)
      var again = ByteBuffer()
      SchemaItem.write(items, into: &again)
    }
  }

  private static let shapes: [ReplyShape] = [
    .bool, .integer, .integers, .text, .value, .values, .valueArrays, .tagged, .tag, .attributes, .path, .optionalTagged,
    .entry,
    .objects, .userSession, .groups, .identification, .rollbackID, .rollbacks, .history, .phase, .transactionID, .compaction,
    .term,
  ]

  @Test func damagedFramesDoNotTrap() throws {
    var random = SeededGenerator(seed: 21)
    for (_, bytes) in try Self.frames() {
      for _ in 0..<4 { decodeAll(random.mutated(bytes)) }
    }
  }

  @Test func randomFramesDoNotTrap() {
    var random = SeededGenerator(seed: 22)
    for _ in 0..<5000 {
      let op = (random.number(0...420) as UInt32).bigEndian
      let head = withUnsafeBytes(of: op) { Array($0) } + (Bool.random(using: &random) ? [0, 0, 0, 7] : [])
      decodeAll(head + [131] + random.bytes(0..<40))
      decodeAll([131] + Array(EncodedTerm(random.value()).bytes.readableBytesView))
    }
  }

  /// A part of a request is refused, unless it happens to be a whole request itself.
  @Test func partsOfRequestsAreRefused() throws {
    for (client, bytes) in try Self.frames(fromClient: true) where bytes.count > 8 && bytes.first != 131 {
      guard let whole = try? MAAPICall(ByteBuffer(bytes: bytes)), client == 7, whole.request.operation != nil else { continue }
      if case .unknown = whole.request { continue }
      for count in 1..<bytes.count {
        guard let part = try? MAAPICall(ByteBuffer(bytes: bytes[..<count])) else { continue }
        var again = ByteBuffer()
        part.write(into: &again)
        #expect(Array(again.readableBytesView) == Array(bytes[..<count]), "\(part)")
      }
    }
  }

  @Test func everyBeginningOfAFrameIsIncomplete() throws {
    var decoder = FrameDecoder()
    for (_, bytes) in try Self.frames() {
      var stream = ByteBuffer()
      stream.writeFrame(ByteBuffer(bytes: bytes))
      for count in Set([0, 1, 2, 3, 4, stream.readableBytes / 2, stream.readableBytes - 1]) where count < stream.readableBytes {
        var part = stream.getSlice(at: 0, length: count) ?? ByteBuffer()
        #expect(try decoder.decode(buffer: &part) == nil)
        #expect(part.readableBytes == count)
      }
      let whole = stream
      var rest = stream
      rest.writeImmutableBuffer(whole)
      #expect(try decoder.decode(buffer: &rest) == ByteBuffer(bytes: bytes))
      #expect(rest == whole)
    }
  }
}
