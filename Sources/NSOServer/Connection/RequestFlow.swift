/// Keeps the requests of one connection strictly serial (protocol part 01, section 1) and knows when a connection may
/// close: a value without input and output. At most one thing is under way; frames are taken only in between.
struct RequestFlow: Sendable {
  /// Names one wait for an answer from elsewhere; an answer with an old ticket is dropped.
  struct Ticket: Sendable, Equatable {
    fileprivate var number: UInt64
  }

  enum State: Sendable, Equatable {
    /// The next frame may be taken.
    case ready
    /// A request is worked on elsewhere.
    case waiting(Ticket)
    /// As `waiting`, and the answer comes only with the end of the daemon.
    case waitingForStop(Ticket)
    /// Several frames or raw bytes are being sent as fast as the peer reads.
    case sending
    case closed
  }

  enum AfterQuiesce: Sendable, Equatable {
    /// Nothing is under way: close now.
    case closeNow
    /// Close when what is under way has ended.
    case closeLater
    /// Stay to the very end.
    case stay
  }

  private(set) var state = State.ready
  private(set) var isQuiescing = false
  private var tickets: UInt64 = 0

  var mayTakeFrame: Bool { state == .ready && !isQuiescing }

  /// True when what was under way has ended and the connection is to close.
  var shouldCloseNow: Bool { isQuiescing && state == .ready }

  /// True while a request or stream is under way.
  var isBusy: Bool { state != .ready && state != .closed }

  /// A ticket for an answer that will come from elsewhere. It counts from `wait(for:)` on.
  mutating func makeTicket() -> Ticket {
    tickets &+= 1
    return Ticket(number: tickets)
  }

  /// The request waits for the newest ticket's answer.
  mutating func wait(untilStop: Bool = false) {
    guard state != .closed else { return }
    let ticket = Ticket(number: tickets)
    state = untilStop ? .waitingForStop(ticket) : .waiting(ticket)
  }

  /// An answer has come. False: nobody waits for it any more.
  mutating func answered(_ ticket: Ticket) -> Bool {
    guard state == .waiting(ticket) || state == .waitingForStop(ticket) else { return false }
    state = .ready
    return true
  }

  mutating func beginSending() {
    guard state != .closed else { return }
    state = .sending
  }

  mutating func endSending() {
    guard state == .sending else { return }
    state = .ready
  }

  /// The server stops: take nothing new.
  mutating func quiesce() -> AfterQuiesce {
    isQuiescing = true
    switch state {
    case .ready, .closed: return .closeNow
    case .waitingForStop: return .stay
    case .waiting, .sending: return .closeLater
    }
  }

  mutating func close() { state = .closed }
}
