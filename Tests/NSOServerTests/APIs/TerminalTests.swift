import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

@Suite struct TerminalTests {
  private func event(_ client: WireClient) throws -> TerminalEvent {
    guard case .term(let term) = try client.call(.terminalNext) else { throw NSOError(.internal, "another kind of reply") }
    return try TerminalEvent(term)
  }

  @Test func `messages reach the sessions that have a terminal`() async throws {
    try await TestDaemon.run { daemon in
      let sender = try daemon.session("root")
      let user = try daemon.session("anna", context: "cli")
      let id = Int32(truncatingIfNeeded: try user.integer(.getMyUserSession))
      // A session without a terminal cannot be reached; nobody is no error for all.
      #expect(errorCode { try sender.done(.userMessage(to: "anna", message: "hello", from: "root")) } == .noExists)
      #expect(errorCode { try sender.done(.cliWrite(id, "x")) } == .noExists)
      #expect(errorCode { _ = try sender.call(.cliPrompt(CLIPrompt(id, "?"))) } == .noExists)
      try sender.done(.sysMessage(to: "all", message: "hello"))
      #expect(errorCode { _ = try user.call(.terminalNext) } == .badState)

      try user.done(.terminalOpen)
      #expect(errorCode { try user.done(.terminalOpen) } == .alreadyExists)
      try sender.done(.sysMessage(to: "all", message: "one"))
      try sender.done(.userMessage(to: "anna", message: "two", from: "root"))
      try sender.done(.cliWrite(id, "three"))
      try sender.done(.prioMessage(to: "\(id)", message: "first"))
      #expect(errorCode { try sender.done(.sysMessage(to: "bob", message: "x")) } == .noExists)
      #expect(try event(user) == .priority("first"))
      #expect(try event(user) == .message("one"))
      guard case .message(let text) = try event(user) else { throw NSOError(.internal, "another event") }
      #expect(text.hasPrefix("Message from root at ") && text.hasSuffix(":\ntwo\n"))
      #expect(try event(user) == .write("three"))

      // No more than a bounded number waits.
      for number in 0..<1100 { try sender.done(.sysMessage(to: "anna", message: "\(number)")) }
      for number in 0..<1000 { #expect(try event(user) == .message("\(number)")) }
      try sender.done(.sysMessage(to: "anna", message: "last"))
      #expect(try event(user) == .message("last"))
    }
  }

  @Test func `questions are answered, withdrawn and end with the session`() async throws {
    try await TestDaemon.run { daemon in
      let user = try daemon.session("anna", context: "cli")
      let id = Int32(truncatingIfNeeded: try user.integer(.getMyUserSession))
      try user.done(.terminalOpen)
      let asker = try daemon.connect()

      asker.send(.cliPrompt(CLIPrompt(id, "name: ")))
      guard case .prompt(let first, "name: ", [], true) = try event(user) else { throw NSOError(.internal, "another event") }
      try user.done(.terminalAnswer(first, "ada"))
      #expect(try asker.reply(MAAPIOperation.cliPrompt.rawValue, .text) == .text("ada"))
      #expect(errorCode { try user.done(.terminalAnswer(first, "again")) } == .noExists)

      // A unique beginning is enough, anything else is asked again.
      asker.send(.cliPrompt(CLIPrompt(id, "sure? ", choice: .several(["yes", "yesterday", "no"]), echo: false)))
      guard case .prompt(let second, _, let choices, true) = try event(user) else { throw NSOError(.internal, "another event") }
      #expect(choices == ["yes", "yesterday", "no"])
      try user.done(.terminalAnswer(second, "ye"))
      #expect(try event(user) == .prompt(id: second, text: "sure? ", choices: choices, echo: true))
      try user.done(.terminalAnswer(second, "n"))
      #expect(try asker.reply(MAAPIOperation.cliPrompt.rawValue, .text) == .text("no"))

      asker.send(.cliReadEOF(id, echo: false, timeout: .infinity))
      guard case .read(let third, false) = try event(user) else { throw NSOError(.internal, "another event") }
      try user.done(.terminalAnswer(third, "line 1\nline 2\n"))
      #expect(try asker.reply(MAAPIOperation.cliReadEof.rawValue, .text) == .text("line 1\nline 2\n"))

      asker.send(.cliPrompt(CLIPrompt(id, "more? ")))
      guard case .prompt(let fourth, _, _, _) = try event(user) else { throw NSOError(.internal, "another event") }
      try user.done(.terminalAnswer(fourth, nil))
      #expect(errorCode { _ = try asker.reply(MAAPIOperation.cliPrompt.rawValue, .text) } == .endOfFile)

      #expect(errorCode { _ = try asker.call(.cliPrompt(CLIPrompt(id, "quick! ", timeout: .milliseconds(1)))) } == .timeout)
      guard case .prompt(let fifth, _, _, _) = try event(user) else { throw NSOError(.internal, "another event") }
      #expect(try event(user) == .cancelled(id: fifth))
      do {
        let dying = try daemon.connect()
        dying.send(.cliPrompt(CLIPrompt(id, "gone? ")))
        guard case .prompt = try event(user) else { throw NSOError(.internal, "another event") }
      }
      guard case .cancelled = try event(user) else { throw NSOError(.internal, "another event") }

      asker.send(.cliPrompt(CLIPrompt(id, "last? ")))
      guard case .prompt = try event(user) else { throw NSOError(.internal, "another event") }
      try daemon.connect().done(.killUserSession(id))
      #expect(errorCode { _ = try asker.reply(MAAPIOperation.cliPrompt.rawValue, .text) } == .aborted)
      #expect(errorCode { try asker.done(.cliWrite(id, "x")) } == .noExists)
    }
  }
}
