import NIOCore
import NSOWire
import Testing

@Suite struct AccessTests {
  @Test func theSecretEndsAtTheFirstNULAndKeepsItsNewline() throws {
    let challenge = try #require(AccessChallenge(random: [UInt8](0..<16)))
    let plain = try AccessSecret(fileContent: Array("abc".utf8))
    #expect(plain.verify(try AccessSecret(fileContent: Array("abc\0def\n".utf8)).answer(to: challenge), to: challenge))
    #expect(!plain.verify(try AccessSecret(fileContent: Array("abc\n".utf8)).answer(to: challenge), to: challenge))
  }

  @Test func uselessSecretsAreRefused() throws {
    #expect(throws: AccessSecret.Failure.empty) { try AccessSecret(fileContent: []) }
    #expect(throws: AccessSecret.Failure.empty) { try AccessSecret(fileContent: [0, 1]) }
    #expect(throws: AccessSecret.Failure.tooLong(1008)) { try AccessSecret(fileContent: [UInt8](repeating: 1, count: 1008)) }
    #expect(throws: Never.self) { try AccessSecret(fileContent: [UInt8](repeating: 1, count: 1007) + [0, 5]) }
  }

  @Test func theSecretIsNotPrinted() throws {
    let secret = try AccessSecret(fileContent: "open sesame".utf8)
    #expect("\(secret)" == "a secret of 11 bytes" && !String(reflecting: secret).contains("sesame"))
  }

  @Test func challengesAreFresh() {
    #expect(AccessChallenge() != AccessChallenge())
    #expect(AccessChallenge().random.count == 16)
    #expect(AccessChallenge(random: [1]) == nil)
  }

  @Test func halfMessagesWaitAndWrongOnesDoNot() {
    var buffer = ByteBuffer()
    #expect(AccessChallenge.read(from: &buffer) == .incomplete && AccessAnswer.read(from: &buffer) == .incomplete)
    var half = ByteBuffer(bytes: [0x0C, 1, 2])
    #expect(AccessAnswer.read(from: &half) == .incomplete && half.readableBytes == 3)
    #expect(AccessChallenge.read(from: &half) == .notAChallenge(0x0C))
    var hello = ByteBuffer(bytes: [7])
    #expect(AccessAnswer.read(from: &hello) == .notAnAnswer(7) && hello.readableBytes == 1)
  }

  @Test func wrongAnswersOfAnyLengthAreRefused() throws {
    let challenge = AccessChallenge()
    let secret = try AccessSecret(fileContent: [1])
    #expect(!secret.verify(AccessAnswer(digest: []), to: challenge))
    #expect(!secret.verify(AccessAnswer(digest: [UInt8](repeating: 0, count: 16)), to: challenge))
  }

  @Test func helloRepliesFollowTheClient() {
    for version in 82...87 as ClosedRange<UInt16> {
      let reply = HelloReply(to: ClientHello(client: .cdb, version: version), daemon: 0x0100_0000)
      #expect(reply.isAccepted && reply.version == version && reply.daemon == 0x0100_0000)
    }
    #expect(HelloReply(to: ClientHello(client: .cdb, version: 81), daemon: 0).status == 1)
    #expect(HelloReply(to: ClientHello(client: .cdb, version: 88), daemon: 0).version == 87)
    #expect(!HelloReply(to: ClientHello(client: ClientID(rawValue: 12)), daemon: 0).isAccepted)
  }
}
