import NIOCore

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

  /// A drawn challenge and the one answer that is right.
  struct Challenge: Sendable {
    var bytes: [UInt8]
    var answer: [UInt8]
  }

  static let challengeLength = 16
  private static let challengeByte: UInt8 = 0x0B
  private static let answerByte: UInt8 = 0x0C

  private let settings: Settings
  private let challenge: Challenge?
  /// The current step, or the one in which connecting ended.
  private(set) var step: Step
  private var isOver = false
  /// Bytes of the current step that have arrived but were not used up.
  private var arrived = 0

  init(settings: Settings, challenge: Challenge?) {
    self.settings = settings
    self.challenge = challenge
    step = challenge == nil ? .hello : .accessCheck
  }

  /// The connection stands.
  mutating func opened() -> Action {
    guard !isOver, step == .accessCheck, let challenge else { return .wait }
    return .send([Self.challengeByte] + challenge.bytes)
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
    return .closedByPeer(during: step, arrived: arrived)
  }

  /// Connecting ends for another reason.
  mutating func abandon() { isOver = true }

  private mutating func accessCheck(_ buffer: inout ByteBuffer) -> Action {
    guard let challenge else { return .wait }
    guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return .wait }
    guard first == Self.answerByte else {
      return refuse([1], ClientID(rawValue: first) == nil ? .accessAnswerMalformed(first) : .helloInsteadOfAccessAnswer)
    }
    guard buffer.readableBytes >= 1 + Self.challengeLength else { return .wait }
    buffer.moveReaderIndex(forwardBy: 1)
    let answer = buffer.readBytes(length: Self.challengeLength) ?? []
    guard Self.equalInConstantTime(answer, challenge.answer) else { return refuse([1], .wrongSecret) }
    step = .hello
    arrived = 0
    return .send([0])
  }

  private mutating func hello(_ buffer: inout ByteBuffer) -> Action {
    guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return .wait }
    let version = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt16.self)
    guard let client = ClientID(rawValue: first) else {
      return refuse(reply(status: 1, version: version ?? settings.versions.upperBound), .unknownClient(first))
    }
    guard let version else { return .wait }
    guard settings.versions.contains(version) else {
      let ours = min(max(version, settings.versions.lowerBound), settings.versions.upperBound)
      return refuse(reply(status: 1, version: ours), .version(version, client, accepted: settings.versions))
    }
    guard buffer.readableBytes >= ClientHello.length else { return .wait }
    buffer.moveReaderIndex(forwardBy: 3)
    guard let library = buffer.readInteger(as: UInt32.self), let depth = buffer.readInteger(as: UInt8.self),
      let keys = buffer.readInteger(as: UInt8.self)
    else { return .wait }
    isOver = true
    let hello = ClientHello(
      client: client, version: version, library: library, maxDepth: depth, maxKeys: keys)
    return .accept(reply: reply(status: 0, version: version), hello)
  }

  private mutating func refuse(_ reply: [UInt8], _ refusal: Refusal) -> Action {
    isOver = true
    return .refuse(reply: reply, refusal)
  }

  private func reply(status: UInt8, version: UInt16) -> [UInt8] {
    let daemon = settings.daemonVersion
    return [
      status, UInt8(version >> 8), UInt8(version & 255), UInt8(daemon >> 24), UInt8(daemon >> 16 & 255),
      UInt8(daemon >> 8 & 255), UInt8(daemon & 255), settings.maxDepth, settings.maxKeys,
    ]
  }

  /// Looks at every byte whatever the first ones are.
  static func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
