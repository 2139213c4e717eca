import NIOCore
import TestSupport
import Testing

@testable import NSONetconf

@Suite struct FramingTests {
  /// Feeds bytes in pieces of random sizes.
  private func decode(
    _ bytes: [UInt8], _ framing: Framing, limit: Int = 1 << 20, _ random: inout SeededGenerator
  ) throws(FramingError) -> [[UInt8]] {
    var decoder = FrameDecoder(limit: limit)
    decoder.framing = framing
    var messages: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = min(rest.count, Int.random(in: 1...max(1, min(64, rest.count)), using: &random))
      decoder.append(ByteBuffer(bytes: rest.prefix(count)))
      rest = rest.dropFirst(count)
      while let message = try decoder.next() { messages.append(message) }
    }
    return messages
  }

  @Test func findsMessagesInAnyPieces() throws {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<300 {
      var messages: [[UInt8]] = []
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        messages.append(
          (0..<Int.random(in: 1...200, using: &random)).map { _ in
            // Characters of the mark come often.
            [UInt8(ascii: "]"), UInt8(ascii: ">"), UInt8(ascii: "#"), 0x0A, UInt8(ascii: "x")].randomElement(using: &random)
              ?? 0
          })
      }
      var chunked: [UInt8] = []
      for message in messages {
        var rest = message[...]
        while !rest.isEmpty {
          let count = Int.random(in: 1...rest.count, using: &random)
          chunked += Array("\n#\(count)\n".utf8) + rest.prefix(count)
          rest = rest.dropFirst(count)
        }
        chunked += Array("\n##\n".utf8)
      }
      #expect(try decode(chunked, .chunked, &random) == messages)

      let mark = Array("]]>]]>".utf8)
      let marked = messages.map { message in message.filter { $0 != UInt8(ascii: ">") && $0 != 0x0A } + [UInt8(ascii: "y")] }
      #expect(try decode(marked.flatMap { $0 + mark }, .endOfMessage, &random) == marked)
    }
  }

  @Test func endMarkAfterPartOfItself() throws {
    var random = SeededGenerator(seed: 2)
    for text in ["a]]>]]]]>]]>", "a]]>]]]>]]>", "a]]]>]]>", "a]]>]>]]>]]>"] {
      let all = try decode(Array(text.utf8), .endOfMessage, &random)
      #expect(all.map { String(decoding: $0, as: UTF8.self) } == [String(text.dropLast(6))], "\(text)")
    }
  }

  @Test(arguments: [
    "x", "\nx", "\n#0\n", "\n#01\n", "\n#-1\n", "\n#1x\n", "\n#\n", "\n##\n", "\n#4294967296\n", "\n#99999999999999999999\n",
    "\n#4294967295\n", "\n#3\nabcx", "\n#3\nabc\n##x", "\n#2000000\n",
  ])
  func refusesWhatIsNoChunk(_ text: String) {
    var random = SeededGenerator(seed: 3)
    #expect(throws: FramingError.self) { try decode(Array(text.utf8), .chunked, &random) }
  }

  @Test func messagesHaveALimit() throws {
    var random = SeededGenerator(seed: 4)
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: 101)
    #expect(throws: FramingError.self) { try decode(long + Array("]]>]]>".utf8), .endOfMessage, limit: 100, &random) }
    #expect(throws: FramingError.self) { try decode([UInt8](repeating: 0x61, count: 200), .endOfMessage, limit: 100, &random) }
    #expect(throws: FramingError.self) {
      try decode(Array("\n#60\n".utf8) + long.prefix(60) + Array("\n#60\n".utf8), .chunked, limit: 100, &random)
    }
    #expect(try decode(long.dropLast() + Array("]]>]]>".utf8), .endOfMessage, limit: 100, &random).count == 1)
  }

  @Test func brokenBytesNeverTrap() throws {
    var random = SeededGenerator(seed: 5)
    let good = Array("\n#5\nhello\n#1\n!\n##\n\n#3\nabc\n##\n".utf8)
    for _ in 0..<2000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        default: bytes.insert(UInt8(ascii: "9"), at: index)
        }
        if bytes.isEmpty { break }
      }
      _ = try? decode(bytes, .chunked, &random)
      _ = try? decode(bytes, .endOfMessage, &random)
    }
  }

  @Test func brokenRequestsNeverTrap() throws {
    var random = SeededGenerator(seed: 6)
    let good = Array(
      #"<rpc message-id="1" xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><edit-config><target><running/></target><config><a xmlns="urn:n">x</a></config></edit-config></rpc>"#
        .utf8)
    for _ in 0..<2000 {
      var bytes = good
      for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
      if case .rpc(let request) = NetconfRequest.read(bytes) { try? request.forEachConfigEvent { _ in } }
    }
  }
}
