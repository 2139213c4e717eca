import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Messages to users, and questions to the user of a session that has a terminal (protocol part 04, section 4.10). A terminal
/// is a client that offers itself as one for its session.
extension MAAPIConnection {
  /// Nil: another kind of request.
  func terminals(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .userMessage(let to, let message, let from):
      let sender = if case .user(let user, _) = connection.decision { user } else { from }
      let time = utcText(engine.configuration.clock().seconds)
      try send(.message("Message from \(sender) at \(time):\n\(message)\n"), to: to)
    // Their text is the sender's alone: it could say that it is from somebody else.
    case .sysMessage(let to, let message):
      try requireTrust("send a message of the system")
      try send(.message(message), to: to)
    case .prioMessage(let to, let message):
      try requireTrust("send a priority message")
      try send(.priority(message), to: to)
    case .cliWrite(let id, let text): _ = try terminal(of: id, "write to").post(.write(text))
    case .cliPrompt(let request):
      let terminal = try terminal(of: request.session, "ask")
      let choices: [String] =
        switch request.choice {
        case .any: []
        case .one(let choice): [choice]
        case .several(let choices): choices
        }
      return ask(terminal, op, request.timeout) { answer in
        terminal.ask(request.prompt, choices: choices, echo: request.echo || !choices.isEmpty, answer)
      }
    case .cliReadEOF(let id, let echo, let timeout):
      let terminal = try terminal(of: id, "read from")
      return ask(terminal, op, timeout) { answer in terminal.read(echo: echo, answer) }
    case .terminalOpen:
      let session = try requireSession()
      // One for each connection: that of a session it worked in before goes.
      if let terminal, terminal.session !== session {
        engine.terminals.close(terminal)
        self.terminal = nil
      }
      terminal = try engine.terminals.open(session)
    case .terminalNext: return try nextEvent(op)
    case .terminalAnswer(let id, let text): try ownTerminal().answer(id, text)
    default: return nil
    }
    out.writeDone(op)
    return .done
  }

  private func send(_ event: TerminalEvent, to: String) throws(NSOError) {
    for terminal in try engine.terminals.receivers(to) { terminal.post(event) }
  }

  private func terminal(of id: UserSessionID, _ what: String) throws(NSOError) -> Terminal {
    let session = try engine.sessions.session(id)
    try requireRights(over: session, "\(what) the user of session \(id)")
    return try engine.terminals.terminal(of: session)
  }

  /// The terminal that this connection is; for the commands of a CLI, that of its session, whose connection waits for the next event.
  private func ownTerminal() throws(NSOError) -> Terminal {
    if terminal == nil, cli != nil { return try engine.terminals.terminal(of: try requireSession()) }
    guard let terminal else { throw NSOError(.badState, "this connection is no terminal: ask for it with TERMINAL_OPEN") }
    return terminal
  }

  private func ask(
    _ terminal: Terminal, _ op: UInt32, _ timeout: PromptTimeout,
    _ put: (@escaping @Sendable (Result<String, NSOError>) -> Void) -> Int64
  ) -> FrameOutcome {
    let later = connection.later { (result: Result<String, NSOError>, out) in
      self.question?.timer?.cancel()
      self.question = nil
      switch result {
      case .success(let text): out.writeReply(.text(text), to: op)
      case .failure(let error): out.writeFailure(op: op, error)
      }
      return .done
    }
    let id = put { later.deliver($0) }
    var timer: Task<Void, any Error>?
    if case .milliseconds(let time) = timeout {
      let user = terminal.session.summary
      timer = Task {
        // More than a clock can count is for ever.
        try await Task.sleep(for: .milliseconds(min(max(0, time), 1 << 41)))
        terminal.withdraw(id, NSOError(.timeout, "\(user) did not answer within \(time) ms"))
      }
    }
    question = (terminal, id, timer)
    return .later
  }

  private func nextEvent(_ op: UInt32) throws(NSOError) -> FrameOutcome {
    let terminal = try ownTerminal()
    let later = connection.later { (result: Result<TerminalEvent, NSOError>, out) in
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let event = try result.get()
        out.writeTermVersion()
        event.write(into: &out)
      }
      return .done
    }
    try terminal.next { later.deliver($0) }
    return .later
  }

  /// The connection is gone: nobody waits for an answer any more, and its session has no terminal.
  func closeTerminal() {
    question?.timer?.cancel()
    if let question { question.terminal.withdraw(question.id, NSOError(.aborted, "whoever asked is gone")) }
    question = nil
    if let terminal { engine.terminals.close(terminal) }
    terminal = nil
  }
}
