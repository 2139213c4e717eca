import NIOCore
import NSOWire
import Testing

@testable import NSOClient

/// The client's half of the handshake as a value: each step, each wrong byte, bytes one at a time.
@Suite struct HandshakeTests {
  let secret: AccessSecret

  init() throws { secret = try AccessSecret(fileContent: Array("secret\n".utf8)) }

  private func hello() -> ByteBuffer {
    var bytes = ByteBuffer()
    ClientHello(client: .maapi).write(into: &bytes)
    return bytes
  }

  private func reply(status: UInt8) -> ByteBuffer {
    var bytes = ByteBuffer()
    HelloReply(status: status, version: 87, daemon: 0x0807_0000, maxDepth: 20, maxKeys: 9).write(into: &bytes)
    return bytes
  }

  @Test func withoutSecretTheClientSpeaksFirst() throws {
    var handshake = Handshake(hello: ClientHello(client: .maapi), secret: nil)
    #expect(handshake.step == .connect)
    #expect(handshake.begin() == hello())
    #expect(handshake.step == .hello)
    var bytes = reply(status: 0)
    guard case .done(let daemon) = try handshake.received(&bytes) else {
      Issue.record("not done")
      return
    }
    #expect(daemon.version == 87)
    #expect(bytes.readableBytes == 0)
  }

  @Test func withSecretByteByByte() throws {
    var handshake = Handshake(hello: ClientHello(client: .cdb), secret: secret)
    #expect(handshake.begin() == nil)
    let challenge = AccessChallenge()
    var stream = ByteBuffer()
    challenge.write(into: &stream)
    stream.writeInteger(AccessCheck.accepted)
    stream.writeImmutableBuffer(reply(status: 0))
    var pending = ByteBuffer()
    var sent: [ByteBuffer] = []
    var isDone = false
    while let byte: UInt8 = stream.readInteger() {
      pending.writeInteger(byte)
      loop: while true {
        switch try handshake.received(&pending) {
        case .wait: break loop
        case .send(let bytes): sent.append(bytes)
        case .done:
          isDone = true
          break loop
        }
      }
    }
    #expect(isDone)
    var answer = ByteBuffer()
    secret.answer(to: challenge).write(into: &answer)
    var hello = ByteBuffer()
    ClientHello(client: .cdb).write(into: &hello)
    #expect(sent == [answer, hello])
  }

  @Test(arguments: [UInt8(1), 2, 11, 0x83, 255])
  func refusedHello(status: UInt8) throws {
    var handshake = Handshake(hello: ClientHello(client: .maapi), secret: nil)
    _ = handshake.begin()
    var bytes = reply(status: status)
    let code: ConnectionError.Code = status == 1 ? .versionRejected : status == 11 ? .secretRequired : .protocolViolation
    #expect { try handshake.received(&bytes) } throws: { ($0 as? Handshake.Failure)?.code == code }
  }

  /// A daemon that checks access sends its challenge; its first byte is enough to know.
  @Test func challengeInsteadOfHelloReply() throws {
    var handshake = Handshake(hello: ClientHello(client: .maapi), secret: nil)
    _ = handshake.begin()
    var bytes = ByteBuffer(bytes: [AccessCheck.challengeByte])
    #expect { try handshake.received(&bytes) } throws: { ($0 as? Handshake.Failure)?.code == .secretRequired }
  }

  @Test func notAChallenge() throws {
    var handshake = Handshake(hello: ClientHello(client: .maapi), secret: secret)
    _ = handshake.begin()
    var bytes = ByteBuffer(bytes: Array("SSH-2.0".utf8))
    #expect { try handshake.received(&bytes) } throws: { ($0 as? Handshake.Failure)?.code == .protocolViolation }
  }

  @Test func wrongVerdictAndSilence() throws {
    var handshake = Handshake(hello: ClientHello(client: .maapi), secret: secret)
    #expect(handshake.closedByPeer.code == .closed)
    _ = handshake.begin()
    #expect(handshake.closedByPeer.code == .secretNotExpected)
    #expect(handshake.timedOut.code == .secretNotExpected)
    var challenge = ByteBuffer()
    AccessChallenge().write(into: &challenge)
    _ = try handshake.received(&challenge)
    #expect(handshake.step == .verdict)
    #expect(handshake.closedByPeer.code == .secretRejected)
    #expect(handshake.timedOut.code == .timedOut)
    var bytes = ByteBuffer(bytes: [1])
    #expect { try handshake.received(&bytes) } throws: { ($0 as? Handshake.Failure)?.code == .secretRejected }
  }
}
