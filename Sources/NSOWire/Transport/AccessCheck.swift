import Crypto
public import NIOCore

/// The proof before the hello that a client knows the shared secret (protocol part 01, section 3).
public enum AccessCheck {
  public static var challengeByte: UInt8 { 0x0B }
  public static var answerByte: UInt8 { 0x0C }
  public static var accepted: UInt8 { 0 }
  public static var rejected: UInt8 { 1 }
  /// Bytes of a challenge, and of an answer, with the leading byte.
  public static var messageLength: Int { 17 }

  /// MD5 of the secret followed by the challenge; the protocol fixed the function long ago.
  public static func digest(secret: [UInt8], challenge: [UInt8]) -> [UInt8] {
    var hash = Insecure.MD5()
    hash.update(data: secret)
    hash.update(data: challenge)
    return Array(hash.finalize())
  }
}

/// The shared secret, from the content of its file.
public struct AccessSecret: Hashable, Sendable, CustomStringConvertible {
  private let bytes: [UInt8]

  /// Never the secret itself: texts end in logs.
  public var description: String { "a secret of \(bytes.count) bytes" }

  /// The longest secret that C clients can use.
  public static var maximumLength: Int { 1007 }

  public enum Failure: Error, Hashable, CustomStringConvertible {
    case empty
    case tooLong(Int)

    public var description: String {
      switch self {
      case .empty:
        "the access secret is empty; write a secret of 1 to \(AccessSecret.maximumLength) bytes into the file"
      case .tooLong(let count):
        "the access secret has \(count) bytes, clients use at most \(AccessSecret.maximumLength); shorten it"
      }
    }
  }

  /// Everything before the first NUL byte counts; nothing is trimmed, a newline at the end is part of the secret.
  public init(fileContent: some Sequence<UInt8>) throws(Failure) {
    let bytes = Array(fileContent.prefix { $0 != 0 })
    guard !bytes.isEmpty else { throw .empty }
    guard bytes.count <= Self.maximumLength else { throw .tooLong(bytes.count) }
    self.bytes = bytes
  }

  public func answer(to challenge: AccessChallenge) -> AccessAnswer {
    AccessAnswer(digest: AccessCheck.digest(secret: bytes, challenge: challenge.random))
  }

  /// Whether the answer proves the secret; takes the same time whatever the answer.
  public func verify(_ answer: AccessAnswer, to challenge: AccessChallenge) -> Bool {
    let wanted = AccessCheck.digest(secret: bytes, challenge: challenge.random)
    guard answer.digest.count == wanted.count else { return false }
    return zip(answer.digest, wanted).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

/// Daemon to client: the first 17 bytes of a connection.
public struct AccessChallenge: Hashable, Sendable {
  public let random: [UInt8]

  /// Fresh random bytes; `SystemRandomNumberGenerator` is the kernel's cryptographic source.
  public init() {
    var generator = SystemRandomNumberGenerator()
    random = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// Exactly 16 bytes; nil otherwise.
  public init?(random: [UInt8]) {
    guard random.count == 16 else { return nil }
    self.random = random
  }

  /// The state of reading the first bytes from a daemon.
  public enum Reading: Hashable, Sendable {
    case incomplete
    case challenge(AccessChallenge)
    /// The first byte is no challenge: this daemon does not check, or something else listens there.
    case notAChallenge(UInt8)
  }

  public static func read(from buffer: inout ByteBuffer) -> Reading {
    guard let first: UInt8 = buffer.getInteger(at: buffer.readerIndex) else { return .incomplete }
    guard first == AccessCheck.challengeByte else { return .notAChallenge(first) }
    guard buffer.readableBytes >= AccessCheck.messageLength,
      let bytes = buffer.readBytes(length: AccessCheck.messageLength),
      let challenge = AccessChallenge(random: Array(bytes.dropFirst()))
    else { return .incomplete }
    return .challenge(challenge)
  }

  public func write(into buffer: inout ByteBuffer) {
    buffer.writeInteger(AccessCheck.challengeByte)
    buffer.writeBytes(random)
  }
}

/// Client to daemon: 17 bytes.
public struct AccessAnswer: Hashable, Sendable {
  public let digest: [UInt8]

  public init(digest: [UInt8]) { self.digest = digest }

  public enum Reading: Hashable, Sendable {
    case incomplete
    case answer(AccessAnswer)
    /// The first byte is not 12, for example a hello from a client that has no secret. Do not wait for more.
    case notAnAnswer(UInt8)
  }

  public static func read(from buffer: inout ByteBuffer) -> Reading {
    guard let first: UInt8 = buffer.getInteger(at: buffer.readerIndex) else { return .incomplete }
    guard first == AccessCheck.answerByte else { return .notAnAnswer(first) }
    guard buffer.readableBytes >= AccessCheck.messageLength, let bytes = buffer.readBytes(length: AccessCheck.messageLength)
    else { return .incomplete }
    return .answer(AccessAnswer(digest: Array(bytes.dropFirst())))
  }

  public func write(into buffer: inout ByteBuffer) {
    buffer.writeInteger(AccessCheck.answerByte)
    buffer.writeBytes(digest)
  }
}
