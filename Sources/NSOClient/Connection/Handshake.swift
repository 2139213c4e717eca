import NIOCore
import NSOWire

/// The client's side of the access check and the hello, as a value without input and output (protocol part 01, sections 3
/// and 4).
struct Handshake: Sendable {
  enum Action: Hashable, Sendable {
    /// More bytes are needed.
    case wait
    /// The next step has begun with these bytes.
    case send(ByteBuffer)
    case done(HelloReply)
  }

  /// Why it cannot go on.
  struct Failure: Error, Hashable, Sendable {
    var code: ConnectionError.Code
    var reason: String
    /// The daemon closed the connection without a word.
    var isClose: Bool

    init(_ code: ConnectionError.Code, _ reason: String, isClose: Bool = false) {
      self.code = code
      self.reason = reason
      self.isClose = isClose
    }
  }

  private enum State {
    case fresh
    case challenge(AccessSecret)
    case verdict
    case hello
    case done
  }

  private let hello: ClientHello
  private let secret: AccessSecret?
  private var state = State.fresh

  init(hello: ClientHello, secret: AccessSecret?) {
    self.hello = hello
    self.secret = secret
  }

  var hasBegun: Bool { if case .fresh = state { false } else { true } }

  var step: ConnectionError.Step {
    switch state {
    case .fresh: .connect
    case .challenge: .challenge
    case .verdict: .verdict
    case .hello: .hello
    case .done: .conversation
    }
  }

  /// The connection is there.
  /// - Returns: the bytes to begin with; nil where the daemon speaks first.
  mutating func begin() -> ByteBuffer? {
    guard let secret else { return sendHello() }
    state = .challenge(secret)
    return nil
  }

  /// Bytes have come. To be called again until it answers `.wait` or `.done`.
  mutating func received(_ bytes: inout ByteBuffer) throws(Failure) -> Action {
    switch state {
    case .fresh, .done: return .wait
    case .challenge(let secret): return try answerChallenge(&bytes, secret)
    case .verdict: return try readVerdict(&bytes)
    case .hello: return try readHello(&bytes)
    }
  }

  private mutating func answerChallenge(_ bytes: inout ByteBuffer, _ secret: AccessSecret) throws(Failure) -> Action {
    switch AccessChallenge.read(from: &bytes) {
    case .incomplete: return .wait
    case .notAChallenge(let byte):
      throw Failure(.protocolViolation, "the peer began with byte \(byte), which is no challenge; is this really the daemon?")
    case .challenge(let challenge):
      state = .verdict
      var answer = ByteBuffer()
      secret.answer(to: challenge).write(into: &answer)
      return .send(answer)
    }
  }

  private mutating func readVerdict(_ bytes: inout ByteBuffer) throws(Failure) -> Action {
    guard let verdict: UInt8 = bytes.readInteger() else { return .wait }
    guard verdict == AccessCheck.accepted else { throw Self.wrongSecret }
    return .send(sendHello())
  }

  private mutating func readHello(_ bytes: inout ByteBuffer) throws(Failure) -> Action {
    if secret == nil, bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == AccessCheck.challengeByte {
      throw Self.secretRequired
    }
    guard let reply = HelloReply(from: &bytes) else { return .wait }
    switch reply.status {
    case 0:
      state = .done
      return .done(reply)
    case 1:
      throw Failure(
        .versionRejected,
        "the daemon refused protocol version \(hello.version); it speaks version \(reply.version). Set the version of this client"
      )
    default:
      throw Failure(.protocolViolation, "the peer answered the hello with status \(reply.status); is this really the daemon?")
    }
  }

  private mutating func sendHello() -> ByteBuffer {
    state = .hello
    var bytes = ByteBuffer()
    hello.write(into: &bytes)
    return bytes
  }
}

// MARK: - Silence and goodbye have meanings too

extension Handshake {
  /// The peer closed the connection during the current step.
  var closedByPeer: Failure {
    switch state {
    case .fresh, .done: Failure(.closed, "the daemon closed the connection")
    case .challenge: Self.secretNotExpected("the daemon closed the connection without a challenge", isClose: true)
    case .verdict: Self.wrongSecret
    case .hello: Failure(.closed, "the daemon closed the connection during the hello; its log says why", isClose: true)
    }
  }

  /// The time limit of the current step has passed.
  var timedOut: Failure {
    switch state {
    case .fresh, .done: Failure(.timedOut, "the daemon did not answer in time")
    case .challenge: Self.secretNotExpected("the daemon sent no challenge in time")
    case .verdict: Failure(.timedOut, "the daemon gave no verdict on the secret in time")
    case .hello:
      Failure(
        .timedOut, "the daemon did not answer the hello in time: it hangs, is overloaded, or something else listens there")
    }
  }

  private static var wrongSecret: Failure {
    Failure(
      .secretRejected,
      "the daemon did not accept the secret: both sides must have the same bytes in their files, the newline at the end included"
    )
  }

  private static var secretRequired: Failure {
    Failure(.secretRequired, "the daemon asks for the shared secret: name its file with the option or in NCS_IPC_ACCESS_FILE")
  }

  private static func secretNotExpected(_ what: String, isClose: Bool = false) -> Failure {
    Failure(
      .secretNotExpected, "\(what): it probably does not check access, then connect without the secret file", isClose: isClose)
  }
}
