import NIOCore
import NSOWire
import Testing

@testable import NSOServer

/// What a handshake says to a sequence of bytes, whatever the pieces they come in.
private struct Run: Equatable {
  var sent: [UInt8] = []
  var hello: ClientHello?
  var refusal: Refusal?
  /// Bytes that were not used up.
  var left = 0
}

private let settings = Handshake.Settings(versions: 82...87, daemonVersion: 0x0802_0500, maxDepth: 20, maxKeys: 9)

private func run(_ bytes: [UInt8], check: Handshake.Check?, cuts: Set<Int> = []) -> Run {
  var handshake = Handshake(settings: settings, check: check)
  var run = Run()
  var buffer = ByteBuffer()
  func perform(_ action: Handshake.Action) -> Bool {
    switch action {
    case .wait: return false
    case .send(let bytes): run.sent += bytes
    case .accept(let reply, let hello):
      run.sent += reply
      run.hello = hello
      return false
    case .refuse(let reply, let refusal):
      run.sent += reply
      run.refusal = refusal
      return false
    }
    return true
  }
  _ = perform(handshake.opened())
  for (index, byte) in bytes.enumerated() {
    buffer.writeInteger(byte)
    guard cuts.contains(index + 1) || index == bytes.count - 1 else { continue }
    while run.hello == nil, run.refusal == nil, perform(handshake.received(&buffer)) {}
  }
  run.left = buffer.readableBytes
  return run
}

private func check(secret: [UInt8], _ random: [UInt8]) throws -> Handshake.Check {
  Handshake.Check(
    challenge: try #require(AccessChallenge(random: random)), secret: try AccessSecret(fileContent: secret))
}

extension Handshake.Check {
  fileprivate var answer: [UInt8] { secret.answer(to: challenge).digest }
}

@Suite struct HandshakeTests {
  static let secret = Array("correct-horse".utf8)
  static let random = (0..<16).map { UInt8($0) }

  static func accessVectors() throws -> [Vector] {
    // The two without bytes from the client are about the client; a plain client with nothing scripted is the third.
    // An empty secret is refused at start, before any connection.
    try Vector.load("transport").filter {
      $0.id.hasPrefix("transport/access/") && !$0.frames.isEmpty && $0.id != "transport/access/ok_empty_file"
    }
  }

  static func helloVectors() throws -> [Vector] {
    try Vector.load("transport").filter { $0.id.hasPrefix("transport/hello/") }
  }

  @Test(arguments: try HandshakeTests.accessVectors())
  func `access vectors, in any pieces`(_ vector: Vector) throws {
    let fromClient = vector.frames.filter { $0.dir == "c2s" }.flatMap(\.bytes)
    let fromDaemon = vector.frames.filter { $0.dir == "s2c" }.flatMap(\.bytes)
    let random = Array(vector.frames[0].bytes.dropFirst())
    let expected = try check(secret: vector.secret_hex.map(hexBytes) ?? Self.secret, random)
    let whole = run(fromClient, check: expected)
    if vector.expect == "accepted" {
      #expect(whole.sent == fromDaemon)
      #expect(whole.hello?.version == 82)
      #expect(whole.refusal == nil)
    } else {
      #expect(whole.hello == nil)
      let helloFirst = vector.frames.contains { $0.dir == "c2s" && $0.kind == "hello" }
      #expect(whole.refusal == (helloFirst ? .helloInsteadOfAccessAnswer : .wrongSecret))
      // A rejection is one byte that is not zero.
      #expect(whole.sent == vector.frames[0].bytes + [1])
    }
    // Byte by byte, the same is said.
    var bytewise = run(fromClient, check: expected, cuts: Set(0...fromClient.count))
    bytewise.left = whole.left
    #expect(bytewise == whole)
  }

  @Test(arguments: try HandshakeTests.helloVectors())
  func `hello vectors, in any pieces`(_ vector: Vector) {
    for connection in Set(vector.frames.map { $0.conn ?? 0 }) {
      let frames = vector.frames.filter { ($0.conn ?? 0) == connection && $0.kind == "hello" }
      let fromClient = frames.filter { $0.dir == "c2s" }.flatMap(\.bytes)
      let fromDaemon = frames.filter { $0.dir == "s2c" }.flatMap(\.bytes)
      let whole = run(fromClient, check: nil)
      #expect(whole.sent == fromDaemon)
      #expect(whole.hello != nil)
      #expect(run(fromClient, check: nil, cuts: Set(0...fromClient.count)) == whole)
      for cut in 1..<fromClient.count {
        #expect(run(fromClient, check: nil, cuts: [cut]) == whole)
      }
    }
  }

  @Test func `the same secret lets a client in, and the hello may follow in the same bytes`() throws {
    let expected = try check(secret: Self.secret, Self.random)
    let hello: [UInt8] = [7, 0, 87, 8, 7, 0, 0, 20, 9]
    let result = run([0x0C] + expected.answer + hello + [1, 2, 3], check: expected)
    #expect(result.sent == [0x0B] + Self.random + [0] + [0, 0, 87, 8, 2, 5, 0, 20, 9])
    #expect(result.hello == ClientHello(client: .maapi, version: 87, library: 0x0807_0000, maxDepth: 20, maxKeys: 9))
    #expect(result.left == 3)
  }

  @Test func `one wrong byte anywhere in the answer is a wrong secret`() throws {
    let expected = try check(secret: Self.secret, Self.random)
    for index in 0..<16 {
      var answer = expected.answer
      answer[index] ^= 1
      #expect(run([0x0C] + answer, check: expected).refusal == .wrongSecret)
    }
  }

  @Test func `every first byte but 12 is refused at once in the access check`() throws {
    let expected = try check(secret: Self.secret, Self.random)
    for byte in UInt8.min ... .max where byte != 0x0C {
      let result = run([byte], check: expected)
      let isHello = [3, 5, 7, 8, 11, 17].contains(byte)
      #expect(result.refusal == (isHello ? .helloInsteadOfAccessAnswer : .accessAnswerMalformed(byte)))
      #expect(result.sent.last == 1)
    }
  }

  @Test func `versions 82 to 87 are accepted and answered with the client's own`() {
    for version in UInt8(80)...90 {
      let result = run([5, 0, version, 8, 2, 5, 0, 0, 0], check: nil)
      if (82...87).contains(version) {
        #expect(result.sent == [0, 0, version, 8, 2, 5, 0, 20, 9])
        #expect(result.hello?.client == .cdb)
      } else {
        #expect(result.sent == [1, 0, version < 82 ? 82 : 87, 8, 2, 5, 0, 20, 9])
        #expect(result.refusal == .version(UInt16(version), .cdb, accepted: 82...87))
      }
    }
  }

  @Test func `unknown client ids get status 1, at the first byte`() {
    for byte in UInt8.min ... .max where ![3, 5, 7, 8, 11, 17].contains(byte) {
      let whole = run([byte, 0, 83, 8, 2, 5, 0, 0, 0], check: nil)
      #expect(whole.sent == [1, 0, 83, 8, 2, 5, 0, 20, 9])
      #expect(whole.refusal == .unknownClient(byte))
      #expect(run([byte], check: nil).refusal == .unknownClient(byte))
    }
  }

  @Test func `every prefix waits, and its time limit and its end say how far the client came`() throws {
    let expected = try check(secret: Self.secret, Self.random)
    let bytes = [0x0C] + expected.answer + [7, 0, 82, 8, 2, 5, 0, 0, 0]
    for count in 0..<bytes.count {
      var handshake = Handshake(settings: settings, check: expected)
      _ = handshake.opened()
      var buffer = ByteBuffer(bytes: bytes.prefix(count))
      while case .send = handshake.received(&buffer) {}
      #expect(handshake.received(&buffer) == .wait)
      var late = handshake
      #expect(late.timeLimitPassed() == (count < 17 ? .accessAnswerLate(arrived: count) : .helloLate(arrived: count - 17)))
      #expect(late.timeLimitPassed() == nil)
      #expect(
        handshake.peerClosed()
          == .closedByPeer(
            during: count < 17 ? .accessCheck : .hello, arrived: count < 17 ? count : count - 17, unasked: false))
      #expect(handshake.peerClosed() == nil)
    }
  }

  @Test func `refusals name the remedy`() {
    #expect("\(Refusal.helloInsteadOfAccessAnswer)".contains("set NCS_IPC_ACCESS_FILE"))
    #expect("\(Refusal.wrongSecret)".contains("ncs-ipc-access-check/filename"))
    #expect("\(Refusal.helloLate(arrived: 0))".contains("unset NCS_IPC_ACCESS_FILE"))
    #expect("\(Refusal.version(99, .maapi, accepted: 82...87))".contains("version 99, accepted are 82 to 87"))
  }
}
