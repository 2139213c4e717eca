import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import TestSupport
import Testing

/// Protocol part 05: every frame, in both directions, is a typed message that goes out again as the same bytes.
@Suite struct DataProviderVectorTests {
  @Test func exchanges() throws {
    let vectors = try Vector.load("data-provider")
    #expect(vectors.count == 356)
    var frames = 0
    var results = 0
    for vector in vectors {
      var exchange = Exchange()
      verdict(vector) {
        for (index, frame) in vector.frames.enumerated() where frame.kind == "frame" {
          do {
            try exchange.check(frame)
          } catch {
            throw CheckFailure("frame \(index) (\(frame.dir) \(frame.term ?? frame.hex)): \(error)")
          }
        }
      }
      frames += exchange.frames
      results += exchange.results
    }
    #expect(frames > 640 && results > 150, "\(frames) frames, \(results) answers of callbacks")
  }

  private struct Exchange {
    /// The callbacks that were asked for, by query.
    var asked: [Int64: CallbackType] = [:]
    var frames = 0
    var results = 0

    mutating func check(_ frame: Vector.Frame) throws {
      var written = ByteBuffer()
      if frame.isFromClient {
        let message = try ProviderMessage(frame.bytes)
        try check(message, frame)
        message.write(into: &written)
      } else {
        let message = try DaemonMessage(frame.bytes)
        if case .request(let request) = message {
          try expect(request.operation.rawValue == UInt32(frame.op ?? 0), "op \(request.operation)")
          if case .callback(let callback) = request.body { asked[request.query] = callback.call.type }
        }
        message.write(into: &written)
      }
      try expect(hexText(written) == frame.hex, "encoded again it is \(hexText(written))")
      let start = frame.isBareTerm ? 0 : 4
      if let text = frame.term, let wanted = TermNotation.parse(text),
        let payload = frame.bytes.getSlice(at: start, length: frame.bytes.readableBytes - start)
      {
        let term = try Term(encoded: payload)
        try expect(term == wanted, "the term is \(term), not \(text)")
      }
      frames += 1
    }

    private mutating func check(_ message: ProviderMessage, _ frame: Vector.Frame) throws {
      if case .stream = message { try expect(!frame.isBareTerm, "no prefix") }
      guard case .reply(let reply) = message else { return }
      try expect(reply.operation.rawValue == UInt32(frame.op ?? 0), "op \(reply.operation)")
      guard case .result(let term) = reply.content else { return }
      guard let type = asked[reply.query] else { throw CheckFailure("an answer to nothing") }
      let result = try CallbackResult(term, for: type)
      if case .other = result { throw CheckFailure("no typed answer of \(type)") }
      let again = EncodedTerm { result.write(into: &$0) }
      try expect(again == term, "encoded again the answer is \(again), not \(term)")
      results += 1
    }
  }

  /// Forms that no vector has.
  @Test func messagesWithoutVectors() throws {
    let path: Keypath = [.tag(NSOModel.Tag("servers", in: "urn:x")), .tag("server")]
    let range = RangeRegistration(
      ProviderRegistration(.data, "cp", mask: DataCallbacks.getElem.rawValue, index: 4), lower: [.string("a")],
      upper: [.string("m")], keyCount: 1, path: path)
    for message: ProviderMessage in [.registerRange(instance: 7, range), .databaseCallbacks(instance: 7, [.lock, .unlock])] {
      var buffer = ByteBuffer()
      message.write(into: &buffer)
      #expect(try ProviderMessage(buffer) == message)
    }
    let filter = ListFilter.or(.compare(.less, ["a", "b"], .string("1")), .not(.exists(["c"])))
    let request = ProviderRequest(
      query: 1 << 40, instance: 7,
      .callback(
        CallbackRequest(
          handle: 3, point: PointName("cp", opaque: EncodedTerm(.string("o"))), index: 1,
          context: CallContext(session: 11, data: [.init("k", EncodedTerm(.string("v")))], hidesInactive: true),
          .findNextObject(FindRequest(path, keys: [.int8(1)], includesSame: true, traversal: 3, filter: .filter(filter))))))
    var buffer = ByteBuffer()
    DaemonMessage.request(request).write(into: &buffer)
    #expect(try DaemonMessage(buffer) == .request(request))
  }

  /// Nothing that comes from outside makes a decoder trap.
  @Test func damagedFramesDoNotTrap() throws {
    var random = SeededGenerator(seed: 51)
    for vector in try Vector.load("data-provider") {
      for frame in vector.frames where frame.kind == "frame" {
        for _ in 0..<4 {
          let bytes = ByteBuffer(bytes: random.mutated(hexBytes(frame.hex)))
          _ = try? DaemonMessage(bytes)
          guard case .reply(let reply)? = try? ProviderMessage(bytes), case .result(let term) = reply.content else { continue }
          for type in CallbackType.allCases { _ = try? CallbackResult(term, for: type) }
        }
      }
    }
  }
}
