import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

/// The exchanges of `transport.jsonl`.
@Suite struct TransportVectorTests {
  let vectors: [Vector]

  init() throws { vectors = try Vector.load("transport") }

  private func group(_ name: String) -> [Vector] { vectors.filter { $0.id.hasPrefix("transport/\(name)/") } }

  @Test func everyGroupIsChecked() {
    let groups = ["hello", "hello_reply", "access", "framing", "error", "etf", "bare"]
    #expect(vectors.count == groups.map { group($0).count }.reduce(0, +))
  }

  @Test func requestsAndReplies() {
    for vector in group("framing") + group("error") {
      var check = ExchangeCheck(vector)
      verdict(vector) { try check.run() }
    }
  }

  @Test func termsThatAreSent() {
    for vector in group("etf") where vector.id.contains("/sent/") {
      var check = ExchangeCheck(vector)
      verdict(vector) {
        try check.run()
        // The term itself, and its description, are what the vector says.
        guard let frame = vector.frames.first, let text = frame.term else { throw CheckFailure("no term") }
        let term = try Term(encoded: frame.bytes.getSlice(at: 8, length: frame.bytes.readableBytes - 8) ?? ByteBuffer())
        try expect(term.description == text, "described as \(term)")
        try expect(hexText(term.encoded) == frame.hex.dropFirst(16), "encoded again it is \(hexText(term.encoded))")
      }
    }
  }

  @Test func termsThatAreAccepted() {
    for vector in group("etf") where vector.id.contains("/accepted/") {
      verdict(vector) {
        guard let frame = vector.frames.last, let text = frame.term, let result = vector.client_result else {
          throw CheckFailure("no reply")
        }
        guard case .success(166, let payload?) = try ReplyFrame(frame.bytes) else { throw CheckFailure("no value") }
        let term = try Term(encoded: payload)
        try expect(term.description == text && "{'ok', \(term)}" == result, "read as \(term)")
        guard case .value(let value) = try Reply(.value, payload) else { throw CheckFailure("no value") }
        try expect(EncodedTerm(value) == EncodedTerm(term), "as a value \(value)")
      }
    }
  }

  @Test func bareReplies() {
    for vector in group("bare") {
      verdict(vector) {
        for frame in vector.frames where frame.kind == "frame" && frame.isBareTerm {
          let term = try Term(encoded: frame.bytes)
          try expect(term.description == frame.term, "read as \(term)")
          try expect(hexText(term.encoded) == frame.hex, "encoded again it is \(hexText(term.encoded))")
          guard !frame.isFromClient, case .failure(let error) = try BareReply(frame.bytes) else { continue }
          let text = "{'error', {\(error.code.rawValue), bin \"\(error.message)\"}}"
          try expect(text == vector.client_result, "an error \(text)")
          var written = ByteBuffer()
          written.writeBareError(error)
          try expect(hexText(written) == frame.hex, "encoded again it is \(hexText(written))")
        }
      }
    }
  }

  @Test func hello() {
    for vector in group("hello") + group("hello_reply") {
      verdict(vector) {
        for frame in vector.frames where frame.kind == "hello" {
          var bytes = frame.bytes
          var written = ByteBuffer()
          if frame.isFromClient {
            guard let hello = ClientHello(from: &bytes) else { throw CheckFailure("no hello") }
            try expect(hello.version == 82 && hello.library == 0x0802_0500, "\(hello)")
            try expect(ClientID.all.contains(hello.client), "client id \(hello.client)")
            hello.write(into: &written)
          } else if frame.bytes.readableBytes < HelloReply.length {
            try expect(HelloReply(from: &bytes) == nil && bytes == frame.bytes, "half a reply was taken")
            continue
          } else {
            guard let reply = HelloReply(from: &bytes) else { throw CheckFailure("no reply") }
            try expect(reply.isAccepted == frame.hex.hasPrefix("00"), "\(reply)")
            reply.write(into: &written)
          }
          try expect(hexText(written) == frame.hex, "encoded again it is \(hexText(written))")
        }
        // What follows the hello is raw for CDB and HA, and terms for the others.
        for frame in vector.frames where frame.kind == "frame" && frame.isFromClient {
          if vector.clientID == 5 {
            var written = ByteBuffer()
            try CDBCall(frame.bytes).write(into: &written)
            try expect(hexText(written) == frame.hex, "encoded again it is \(hexText(written))")
          } else if frame.isBareTerm {
            try expect(hexText(try Term(encoded: frame.bytes).encoded) == frame.hex, "not the same term again")
          }
        }
      }
    }
  }

  @Test func accessCheck() {
    for vector in group("access") {
      verdict(vector) { try check(access: vector) }
    }
  }

  private func check(access vector: Vector) throws {
    var offered: AccessChallenge?
    var outcome: String?
    for frame in vector.frames {
      var bytes = frame.bytes
      switch (frame.kind, frame.isFromClient) {
      case ("access", false) where frame.hex.count == 34:
        guard case .challenge(let challenge) = AccessChallenge.read(from: &bytes) else { throw CheckFailure("no challenge") }
        var written = ByteBuffer()
        challenge.write(into: &written)
        try expect(hexText(written) == frame.hex, "challenge written as \(hexText(written))")
        offered = challenge
      case ("access", false):
        try expect((bytes.readInteger(as: UInt8.self) == AccessCheck.accepted) == (vector.expect == "accepted"), "verdict")
      case ("access", true):
        guard case .answer(let answer) = AccessAnswer.read(from: &bytes), let challenge = offered else {
          throw CheckFailure("no answer")
        }
        // The digest is that of the vector, with whatever secret the client had.
        try expect(answer.digest == hexBytes(vector.md5_hex ?? ""), "digest \(answer.digest)")
        let secret = try AccessSecret(fileContent: hexBytes(vector.secret_file_hex ?? ""))
        outcome = secret.verify(answer, to: challenge) ? "accepted" : "rejected"
        if outcome == "accepted" {
          try expect(secret.answer(to: challenge) == answer, "our answer differs")
        }
      case ("hello", true) where offered != nil && outcome == nil:
        guard case .notAnAnswer = AccessAnswer.read(from: &bytes) else { throw CheckFailure("a hello taken for an answer") }
        outcome = "rejected"
      default: break
      }
    }
    if let wanted = vector.expect, let outcome { try expect(outcome == wanted, "\(outcome), not \(wanted)") }
  }
}
