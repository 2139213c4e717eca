public import NSOModel
import Synchronization

/// The terminal of a user session: what it has still to show, and what its user has still to answer. Safe to use from any thread.
public final class Terminal: Sendable {
  private struct Question {
    var choices: [String]
    var event: TerminalEvent
    var answer: @Sendable (Result<String, NSOError>) -> Void
  }

  private struct State {
    var events: [TerminalEvent] = []
    /// The texts of `events`, in bytes.
    var size = 0
    var questions: [Int64: Question] = [:]
    var last: Int64 = 0
    var waiter: (@Sendable (Result<TerminalEvent, NSOError>) -> Void)?
    /// Who waits for room to say more.
    var writers: [CheckedContinuation<Void, Never>] = []
    var isClosed = false
    /// Takes back what was to be done at the end of the session.
    var sessionEnding: UInt64?
  }

  /// Events that wait to be fetched, and the bytes of their texts; what comes beyond is dropped (protocol part 04, SYS_MESSAGE).
  private static let limit = 1000
  private static let sizeLimit = 1 << 20
  /// With more than this waiting, whoever can wait does.
  private static let roomLimit = 128 << 10

  public let session: UserSession
  private let state = Mutex(State())

  init(_ session: UserSession) { self.session = session }

  /// Adds something to show. False: it was dropped because too much waits already.
  @discardableResult
  public func post(_ event: TerminalEvent) -> Bool {
    let outcome: (isKept: Bool, waiter: (@Sendable (Result<TerminalEvent, NSOError>) -> Void)?) = state.withLock { state in
      guard !state.isClosed else { return (false, nil) }
      if let waiter = state.waiter {
        state.waiter = nil
        return (true, waiter)
      }
      guard state.events.count < Self.limit, event.size <= Self.sizeLimit - state.size else { return (false, nil) }
      state.size += event.size
      if case .priority = event {
        // Before what is not urgent, after what is.
        let place = state.events.firstIndex { if case .priority = $0 { false } else { true } }
        state.events.insert(event, at: place ?? state.events.endIndex)
      } else {
        state.events.append(event)
      }
      return (true, nil)
    }
    outcome.waiter?(.success(event))
    return outcome.isKept
  }

  /// As ``post(_:)``, for output of any length: waits while the terminal has enough to show.
  /// - Throws: ABORTED when the terminal is gone, RESOURCE_DENIED for a single event that it can never take.
  public func send(_ event: TerminalEvent) async throws(NSOError) {
    guard event.size <= Self.sizeLimit else {
      throw NSOError(.resourceDenied, "a terminal takes at most \(Self.sizeLimit) bytes at a time, this has \(event.size)")
    }
    while true {
      let outcome: Bool? = state.withLock { state in
        if state.isClosed { return false }
        return state.waiter != nil || (state.size < Self.roomLimit && state.events.count < Self.limit / 2) ? true : nil
      }
      switch outcome {
      case true?:
        guard post(event) else { continue }
        return
      case false?: throw gone
      case nil:
        await withCheckedContinuation { continuation in
          let goesOn = state.withLock { state in
            if state.isClosed || state.waiter != nil || state.size < Self.roomLimit && state.events.count < Self.limit / 2 {
              return true
            }
            state.writers.append(continuation)
            return false
          }
          if goesOn { continuation.resume() }
        }
      }
    }
  }

  /// As ``ask(_:choices:echo:_:)``, for whoever has a task to wait with; withdrawn when that is cancelled.
  /// - Throws: EOF at the end of input, ABORTED when the terminal or the task goes.
  public func asking(
    _ put: @Sendable (Terminal, @escaping @Sendable (Result<String, NSOError>) -> Void) -> Int64
  ) async throws(NSOError) -> String {
    let id = Mutex<Int64>(0)
    let result: Result<String, NSOError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let made = put(self) { continuation.resume(returning: $0) }
        id.withLock { $0 = made }
        if Task.isCancelled { withdraw(made, NSOError(.aborted, "interrupted")) }
      }
    } onCancel: {
      let made = id.withLock { $0 }
      if made != 0 { withdraw(made, NSOError(.aborted, "interrupted")) }
    }
    return try result.get()
  }

  /// Has the program behind the terminal confirm that a file is complete; see ``TerminalEvent/endFile(id:)``.
  public func endFile(_ answer: @escaping @Sendable (Result<String, NSOError>) -> Void) -> Int64 {
    put([], answer) { .endFile(id: $0) }
  }

  /// Has it read a file; see ``TerminalEvent/readFile(id:path:)``.
  public func readFile(_ path: String, _ answer: @escaping @Sendable (Result<String, NSOError>) -> Void) -> Int64 {
    put([], answer) { .readFile(id: $0, path: path) }
  }

  /// Asks the user. `answer` is called once: with what was typed, with EOF at the end of input, ABORTED when the terminal goes.
  /// - Parameter choices: the answer is one of these, or empty.
  /// - Returns: for ``withdraw(_:_:)``.
  public func ask(
    _ text: String, choices: [String], echo: Bool, _ answer: @escaping @Sendable (Result<String, NSOError>) -> Void
  ) -> Int64 {
    put(choices, answer) { .prompt(id: $0, text: text, choices: choices, echo: echo) }
  }

  /// As ``ask(_:choices:echo:_:)``, for everything up to the end of input.
  public func read(echo: Bool, _ answer: @escaping @Sendable (Result<String, NSOError>) -> Void) -> Int64 {
    put([], answer) { .read(id: $0, echo: echo) }
  }

  private func put(
    _ choices: [String], _ answer: @escaping @Sendable (Result<String, NSOError>) -> Void, _ make: (Int64) -> TerminalEvent
  ) -> Int64 {
    let made: (id: Int64, event: TerminalEvent)? = state.withLock { state in
      guard !state.isClosed else { return nil }
      state.last += 1
      let event = make(state.last)
      state.questions[state.last] = Question(choices: choices, event: event, answer: answer)
      return (state.last, event)
    }
    guard let (id, event) = made else {
      answer(.failure(gone))
      return 0
    }
    if !post(event) { withdraw(id, crowded) }
    return id
  }

  /// Ends a question with an error, and tells the terminal.
  public func withdraw(_ id: Int64, _ error: NSOError) {
    let question = state.withLock { $0.questions.removeValue(forKey: id) }
    guard let question else { return }
    post(.cancelled(id: id))
    question.answer(.failure(error))
  }

  /// What the user typed; nil: the end of input. A wrong choice is asked for again.
  /// - Throws: NOEXISTS when nobody waits for the answer.
  public func answer(_ id: Int64, _ text: String?) throws(NSOError) {
    let question = state.withLock { $0.questions[id] }
    guard let question else {
      throw NSOError(.noExists, "nobody waits for an answer to question \(id); it may have been withdrawn")
    }
    guard let text else { return finish(id, .failure(NSOError(.endOfFile, "\(session.summary): the user ended the input"))) }
    guard !question.choices.isEmpty, !text.isEmpty else { return finish(id, .success(text)) }
    let fitting = question.choices.filter { $0.hasPrefix(text) }
    if question.choices.contains(text) { return finish(id, .success(text)) }
    guard fitting.count == 1 else {
      if !post(question.event) { withdraw(id, crowded) }
      return
    }
    finish(id, .success(fitting[0]))
  }

  private func finish(_ id: Int64, _ result: Result<String, NSOError>) {
    state.withLock { $0.questions.removeValue(forKey: id) }?.answer(result)
  }

  /// Calls `body` with the next event, when there is one; with ABORTED when the terminal is closed. One may wait at a time.
  /// - Throws: BADSTATE while another one waits.
  public func next(_ body: @escaping @Sendable (Result<TerminalEvent, NSOError>) -> Void) throws(NSOError) {
    enum Outcome { case event(TerminalEvent), waits, busy, closed }
    let (outcome, writers): (Outcome, [CheckedContinuation<Void, Never>]) = state.withLock { state in
      if state.isClosed { return (.closed, []) }
      if !state.events.isEmpty {
        let event = state.events.removeFirst()
        state.size -= event.size
        guard state.size < Self.roomLimit / 2, !state.writers.isEmpty else { return (.event(event), []) }
        defer { state.writers = [] }
        return (.event(event), state.writers)
      }
      guard state.waiter == nil else { return (.busy, []) }
      state.waiter = body
      defer { state.writers = [] }
      return (.waits, state.writers)
    }
    for writer in writers { writer.resume() }
    switch outcome {
    case .event(let event): body(.success(event))
    case .waits: return
    case .closed: body(.failure(gone))
    case .busy: throw NSOError(.badState, "\(session.summary): the next event is waited for already")
    }
  }

  /// The end: whoever waits for an answer, or for events, gets ABORTED.
  func close() {
    let (questions, waiter, sessionEnding, writers) = state.withLock { state in
      defer {
        state.isClosed = true
        state.questions = [:]
        state.events = []
        state.size = 0
        state.waiter = nil
        state.writers = []
        state.sessionEnding = nil
      }
      return (state.questions.values.map(\.answer), state.waiter, state.sessionEnding, state.writers)
    }
    for writer in writers { writer.resume() }
    if let sessionEnding { session.forget(ending: sessionEnding) }
    for answer in questions { answer(.failure(gone)) }
    waiter?(.failure(gone))
  }

  /// The session tells of its end; not any longer when the terminal is closed before.
  func endsWithSession(_ token: UInt64) {
    let isClosed = state.withLock { state in
      if !state.isClosed { state.sessionEnding = token }
      return state.isClosed
    }
    if isClosed { session.forget(ending: token) }
  }

  private var crowded: NSOError { NSOError(.resourceDenied, "\(session.summary): too much waits to be shown already") }

  /// Nobody shows anything any more.
  public var isClosed: Bool { state.withLock { $0.isClosed } }

  private var gone: NSOError { NSOError(.aborted, "the terminal of \(session.summary) is gone") }
}

extension TerminalEvent {
  /// The bytes of its texts.
  fileprivate var size: Int {
    switch self {
    case .write(let text), .message(let text), .priority(let text): text.utf8.count
    case .prompt(_, let text, let choices, _): choices.reduce(text.utf8.count) { $0 + $1.utf8.count }
    case .output(let text, _), .ready(_, let text), .end(_, let text), .writeFile(let text, _), .fileData(let text),
      .readFile(_, let text):
      text.utf8.count
    case .read, .cancelled, .endFile: 0
    }
  }
}

/// The terminals by session.
public final class TerminalRegistry: Sendable {
  private let terminals = Mutex<[Int32: Terminal]>([:])

  /// Gives a session a terminal, until one of them ends.
  /// - Throws: ALREADY_EXISTS when it has one.
  public func open(_ session: UserSession) throws(NSOError) -> Terminal {
    let terminal = Terminal(session)
    let isFree = terminals.withLock { terminals in
      guard terminals[session.id] == nil else { return false }
      terminals[session.id] = terminal
      return true
    }
    guard isFree else { throw NSOError(.alreadyExists, "\(session.summary) has a terminal already") }
    let token = session.onEnd { [weak self, weak terminal] in
      if let terminal { self?.close(terminal) }
    }
    if let token { terminal.endsWithSession(token) }
    return terminal
  }

  public func close(_ terminal: Terminal) {
    terminals.withLock { terminals in
      if terminals[terminal.session.id] === terminal { terminals[terminal.session.id] = nil }
    }
    terminal.close()
  }

  /// - Throws: NOEXISTS for a session without a terminal (protocol part 04, section 4.10).
  public func terminal(of session: UserSession) throws(NSOError) -> Terminal {
    guard let terminal = terminals.withLock({ $0[session.id] }) else {
      throw NSOError(
        .noExists, "\(session.summary) has no terminal: only sessions whose client shows text can be written to and asked")
    }
    return terminal
  }

  /// Whom a message goes to (protocol part 04, USER_MESSAGE): a user name, a session's number, or `all`.
  /// - Throws: NOEXISTS when nobody is there who could read it; `all` may be nobody.
  public func receivers(_ to: String) throws(NSOError) -> [Terminal] {
    let all = terminals.withLock { $0.values.sorted { $0.session.id < $1.session.id } }
    if to == "all" { return all }
    let found = all.filter { $0.session.user == to || String($0.session.id) == to }
    guard found.isEmpty else { return found }
    throw NSOError(.noExists, "no session with a terminal is known as \(to): give a user name, the number of a session, or all")
  }
}
