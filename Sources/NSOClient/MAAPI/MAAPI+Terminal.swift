public import NSOModel
public import NSOWire

// Questions to the user of a session that has a terminal (protocol part 04, section 4.10).

extension MAAPI {
  /// Writes to the terminal of a session.
  /// - Throws: `noExists` when the session has none.
  public func write(_ text: String, toTerminalOf session: UserSessionID) async throws {
    try await done(.cliWrite(session, text))
  }

  /// Asks the user of a session.
  /// - Returns: what was typed; with choices one of them, or nothing.
  /// - Throws: `noExists` when the session has no terminal, `eof` at the end of input, `timeout`.
  public func prompt(
    _ text: String, of session: UserSessionID, choices: [String] = [], echo: Bool = true, timeout: PromptTimeout = .infinity
  ) async throws -> String {
    try await self.text(
      .cliPrompt(CLIPrompt(session, text, choice: choices.isEmpty ? .any : .several(choices), echo: echo, timeout: timeout)))
  }

  /// Reads what the user of a session types, up to the end of input.
  /// - Throws: as ``prompt(_:of:choices:echo:timeout:)``.
  public func readInput(of session: UserSessionID, echo: Bool = true, timeout: PromptTimeout = .infinity) async throws -> String
  {
    try await text(.cliReadEOF(session, echo: echo, timeout: timeout))
  }

  // MARK: Being a terminal; understood by this project's daemon only

  /// Offers this connection as the terminal of its session: messages, and questions to its user, come to it from then on, until the
  /// connection closes or the session ends.
  /// - Throws: `alreadyExists` when the session has one.
  public func openTerminal() async throws { try await done(.terminalOpen) }

  /// Waits for the next thing to show or to ask. Other requests on this connection wait meanwhile.
  /// - Throws: `aborted` when the session ends.
  public func nextTerminalEvent() async throws -> TerminalEvent {
    guard case .term(let term) = try await reply(to: .terminalNext) else { throw ReplyMismatch() }
    return try TerminalEvent(term)
  }

  /// Answers a question; nil is the end of input.
  /// - Throws: `noExists` when nobody waits for the answer any more.
  public func answer(_ question: Int64, _ text: String?) async throws { try await done(.terminalAnswer(question, text)) }
}
