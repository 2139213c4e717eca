import NIOCore
import NSOWire

/// The daemon's side of connecting (protocol part 01, sections 3 and 4) as a value without input and output: what
/// arrived goes in, what has to be done comes out. The same bytes in any pieces give the same actions.
///
/// Three kinds of impossible event: a call after `refuse` or `accept` is a mistake of ours and gives `wait`; bytes that
/// break the protocol give `refuse`; a time limit that passes just after the end is harmless and gives nil.
struct Handshake: Sendable {
  enum Step: String, Sendable, CustomStringConvertible {
    case accessCheck = "access check"
    case hello = "hello"

    var description: String { rawValue }
  }

  enum Action: Sendable, Equatable {
    /// More bytes are needed.
    case wait
    /// Send this; a new step, with a time limit of its own, has begun.
    case send([UInt8])
    /// Send this; frames follow.
    case accept(reply: [UInt8], ClientHello)
    /// Send this, if anything, and close.
    case refuse(reply: [UInt8], Refusal)
  }

  struct Settings: Sendable {
    var versions: ClosedRange<UInt16>
    var daemonVersion: UInt32
    var maxDepth: UInt8
    var maxKeys: UInt8
  }

  /// The access check of one connection: what was drawn for it, and the secret.
  struct Check: Sendable {
    var challenge: AccessChallenge
    var secret: AccessSecret
  }

  private let settings: Settings
  private let check: Check?
  /// The current step, or the one in which connecting ended.
  private(set) var step: Step
  private var isOver = false
  /// Bytes of the current step that have arrived but were not used up.
  private var arrived = 0

  init(settings: Settings, check: Check?) {
    self.settings = settings
    self.check = check
    step = check == nil ? .hello : .accessCheck
  }

  /// The connection stands.
  mutating func opened() -> Action {
    guard !isOver, step == .accessCheck, let check else { return .wait }
    return .send([AccessCheck.challengeByte] + check.challenge.random)
  }

  /// Bytes are in `buffer`; those that are used are taken out. After `send`, call again.
  mutating func received(_ buffer: inout ByteBuffer) -> Action {
    guard !isOver else { return .wait }
    arrived = buffer.readableBytes
    switch step {
    case .accessCheck: return accessCheck(&buffer)
    case .hello: return hello(&buffer)
    }
  }

  /// The limit of the current step has passed; nil when there is none any more.
  mutating func timeLimitPassed() -> Refusal? {
    guard !isOver else { return nil }
    isOver = true
    switch step {
    case .accessCheck: return .accessAnswerLate(arrived: arrived)
    case .hello: return .helloLate(arrived: arrived)
    }
  }

  /// The peer has closed; nil when it was connected.
  mutating func peerClosed() -> Refusal? {
    guard !isOver else { return nil }
    isOver = true
    return .closedByPeer(during: step, arrived: arrived, unasked: check == nil)
  }

  /// Connecting ends for another reason.
  mutating func abandon() { isOver = true }

  private mutating func accessCheck(_ buffer: inout ByteBuffer) -> Action {
    guard let check else { return .wait }
    switch AccessAnswer.read(from: &buffer) {
    case .incomplete: return .wait
    case .notAnAnswer(let byte):
      let isHello = ClientID.all.contains(ClientID(rawValue: byte))
      return refuse([AccessCheck.rejected], isHello ? .helloInsteadOfAccessAnswer : .accessAnswerMalformed(byte))
    case .answer(let answer):
      guard check.secret.verify(answer, to: check.challenge) else { return refuse([AccessCheck.rejected], .wrongSecret) }
      step = .hello
      arrived = 0
      return .send([AccessCheck.accepted])
    }
  }

  private mutating func hello(_ buffer: inout ByteBuffer) -> Action {
    guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return .wait }
    let version = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt16.self)
    let client = ClientID(rawValue: first)
    // What cannot become right any more is refused before the rest has come.
    guard ClientID.all.contains(client) else {
      return refuse(reply(1, version ?? settings.versions.upperBound), .unknownClient(first))
    }
    if let version, !settings.versions.contains(version) {
      let ours = min(max(version, settings.versions.lowerBound), settings.versions.upperBound)
      return refuse(reply(1, ours), .version(version, client, accepted: settings.versions))
    }
    guard let hello = ClientHello(from: &buffer) else { return .wait }
    isOver = true
    return .accept(reply: reply(0, hello.version), hello)
  }

  private mutating func refuse(_ reply: [UInt8], _ refusal: Refusal) -> Action {
    isOver = true
    return .refuse(reply: reply, refusal)
  }

  private func reply(_ status: UInt8, _ version: UInt16) -> [UInt8] {
    let reply = HelloReply(
      status: status, version: version, daemon: settings.daemonVersion, maxDepth: settings.maxDepth, maxKeys: settings.maxKeys)
    var buffer = ByteBuffer()
    reply.write(into: &buffer)
    return Array(buffer.readableBytesView)
  }
}
