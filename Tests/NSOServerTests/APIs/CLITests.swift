import ExternalTerm
import Glibc
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// CLI sessions over the wire: one connection for commands, one for the terminal.
@Suite struct CLITests {
  /// What a command shows, and how it ends.
  struct Shown: Equatable {
    var text: String
    var status: Int64

    init(_ text: String, _ status: Int64) {
      self.text = text
      self.status = status
    }
  }

  /// A CLI session.
  struct Shell {
    let commands: WireClient
    let terminal: WireClient
    let id: Int32

    init(_ daemon: TestDaemon, _ user: String = "anna", isInteractive: Bool = false) throws {
      commands = try daemon.session(user, context: "cli")
      id = Int32(truncatingIfNeeded: try commands.integer(.getMyUserSession))
      terminal = try daemon.connect()
      try terminal.done(.setUserSession(id))
      try terminal.done(.terminalOpen)
      try commands.done(.cli(.open(CLIOpen(style: "j", host: "box", isInteractive: isInteractive))))
      _ = try output()
    }

    func event() throws -> TerminalEvent {
      guard case .term(let term) = try terminal.call(.terminalNext) else { throw NSOError(.internal, "another kind of reply") }
      return try TerminalEvent(term)
    }

    /// What is shown up to the next prompt.
    func output() throws -> Shown {
      var text = ""
      while true {
        switch try event() {
        case .output(let piece, _), .write(let piece): text += piece
        case .ready(let status, _): return Shown(text, status)
        case .end(let code, let words): return Shown(text + words, 1000 + code)
        case let other: text += "\(other)"
        }
      }
    }

    /// Runs a command.
    func run(_ line: String) throws -> Shown {
      try commands.done(.cli(.execute(line)))
      return try output()
    }

    func complete(_ line: String) throws -> CLICompletion {
      guard case .term(let term) = try commands.call(.cli(.complete(line, character: 9))) else {
        throw NSOError(.internal, "another kind of reply")
      }
      return try CLICompletion(term)
    }
  }

  @Test func `commands change the configuration`() async throws {
    try await TestDaemon.run { daemon in
      let shell = try Shell(daemon)
      #expect(try shell.run("configure") == Shown("", 0))
      #expect(try shell.run("set plant site west title \"The west\"") == Shown("", 0))
      #expect(try shell.run("show plant site west").text.contains("title \"The west\";\n"))
      #expect(try shell.run("commit comment x") == Shown("Commit complete.\n", 0))
      let reader = try daemon.session()
      let handle = try reader.start()
      #expect(try reader.integer(.exists(Keypath.site("west").wire), handle) == 1)
      // Edit levels.
      #expect(try shell.run("edit plant site west") == Shown("", 0))
      #expect(try shell.run("set title West") == Shown("", 0))
      #expect(try shell.run("show title") == Shown("title West;\n", 0))
      #expect(try shell.run("up") == Shown("", 0))
      #expect(try shell.run("rename site west to east") == Shown("", 0))
      #expect(try shell.run("top show plant | display set").text.contains("set plant site east title West\n"))
      #expect(try shell.run("compare").text.contains("east"))
      #expect(try shell.run("revert") == Shown("", 0))
      #expect(try shell.run("commit") == Shown("No modifications to commit.\n", 0))
      #expect(try shell.run("quit").status == 0)
      #expect(try shell.run("exit").status == 1000)
    }
  }

  @Test func `questions are answered on the connection of the commands`() async throws {
    try await TestDaemon.run { daemon in
      let shell = try Shell(daemon, isInteractive: true)
      #expect(try shell.run("configure").text.contains("Entering configuration mode private\n[ok]["))
      #expect(try shell.run("set plant site west title x").status == 0)
      for (answer, end) in [("no", "Aborted: by user\n[error]["), ("y", "[ok][")] {
        try shell.commands.done(.cli(.execute("exit")))
        var next = try shell.event()
        if case .output = next { next = try shell.event() }
        guard case .prompt(let id, let text, ["yes", "no"], true) = next else { throw NSOError(.internal, "\(next)") }
        #expect(text.contains("uncommitted changes"))
        shell.terminal.send(.terminalNext)
        try shell.commands.done(.terminalAnswer(id, answer))
        guard case .term(let term) = try shell.terminal.reply(MAAPIOperation.terminalNext.rawValue, .term),
          case .output(let shown, _) = try TerminalEvent(term)
        else { throw NSOError(.internal, "another event") }
        let rest = try shell.output().text
        #expect((shown + rest).contains(end))
      }
    }
  }

  @Test func `faults are shown with their place`() async throws {
    try await TestDaemon.run { daemon in
      let shell = try Shell(daemon)
      let unknown = try shell.run("  frob x")
      #expect(unknown.status == 1 && unknown.text.hasPrefix("--^\nsyntax error: unknown command"))
      #expect(try shell.run("show \"x").text.contains("not closed"))
      #expect(try shell.run("set paginate maybe").text.hasPrefix("-------------^\n"))
      _ = try shell.run("configure")
      let missing = try shell.run("set plant site west title")
      #expect(missing.status == 1 && missing.text.contains("^\nsyntax error: the value of title is missing"))
      #expect(try shell.run("delete plant site nowhere").text.contains("Error: "))
      #expect(try shell.run("show plant | frob").text.contains("unknown argument"))
      #expect(try shell.run("show plant | match (").text.contains("pattern"))
    }
  }

  @Test func `completion knows names, keys and values`() async throws {
    try await TestDaemon.run { daemon in
      let shell = try Shell(daemon)
      #expect(
        try shell.complete("conf")
          == CLICompletion(
            start: 0, replacement: "configure", isUnique: true,
            text: "Possible completions:\n  configure - change the configuration\n"))
      _ = try shell.run("configure")
      _ = try shell.run("set plant site west title x")
      _ = try shell.run("set plant site \"wild one\" title x")
      #expect(try shell.complete("set pla").replacement == "plant")
      let keys = try shell.complete("set plant site w")
      #expect(keys.start == 15 && keys.replacement == "w" && keys.text.contains("west") && keys.text.contains("wild one"))
      #expect(try shell.complete("set plant site wi").replacement == "\"wild one\"")
      #expect(try shell.complete("show plant | dis").replacement == "display")
      #expect(try shell.complete("show plant | display ").text.contains("json"))
      #expect(try shell.complete("zz").replacement == "zz")
      #expect(try shell.complete("request s:dr").text.contains("s:drill"))
    }
  }

  @Test func `actions, parameters and others of the session`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.actions.setHandler(
        TestPerformer { invocation in
          [TaggedValue("found", .string("\(invocation.session.user) \(invocation.input.count)"))]
        }, at: "/p:plant/site/s:inspect")
      let shell = try Shell(daemon)
      _ = try shell.run("configure")
      _ = try shell.run("set plant site west title x")
      _ = try shell.run("commit and-quit")
      #expect(try shell.run("request plant site west inspect") == Shown("found \"anna 1\"\n", 0))
      #expect(try shell.run("who").text.contains("*\(shell.id)"))
      #expect(try shell.run("set screen-width 99") == Shown("", 0))
      #expect(try shell.run("show cli | match screen-width").text.contains("99"))
      // From another connection.
      let other = try daemon.session("root")
      #expect(try other.call(.cli(.get(shell.id, "screen-width"))) == .text("99"))
      try other.done(.cli(.set(shell.id, "screen-width", "120")))
      #expect(errorCode { try other.done(.cli(.set(shell.id, "screen-width", "x"))) } == .badType)
      #expect(errorCode { _ = try other.call(.cli(.get(shell.id, "nothing"))) } == .noExists)
      try other.done(.cli(.command(shell.id, "show cli | match screen-width", flags: 0, hiddenGroups: [])))
      guard case .output(let text, _) = try shell.event() else { throw NSOError(.internal, "another event") }
      #expect(text.contains("120"))
      #expect(errorCode { try other.done(.cli(.command(shell.id, "frob", flags: 0, hiddenGroups: []))) } == .cliCommand)
      let id = Int32(truncatingIfNeeded: try other.integer(.getMyUserSession))
      #expect(errorCode { try other.done(.cli(.command(id, "who", flags: 0, hiddenGroups: []))) } == .noExists)
      // Paths and commands.
      let handle = try other.start()
      #expect(
        try other.call(.cli(.commandOfPath(flags: 0, Keypath.site("west", .tag("title")).wire)), handle)
          == .text("set plant site west title x"))
      #expect(
        try other.call(.cli(.commandOfPath(flags: 2, Keypath.site("west").wire)), handle) == .text("delete plant site west"))
      guard case .term(let path) = try other.call(.cli(.path("set plant site west title x", inTransaction: false))) else {
        throw NSOError(.internal, "another reply")
      }
      #expect("\(try path.term())".contains("title"))
      #expect(errorCode { _ = try other.call(.cli(.path("set frob", inTransaction: true)), handle) } == .badPath)
    }
  }

  @Test func `a session ends with its connection, and its locks with it`() async throws {
    try await TestDaemon.run { daemon in
      let shell = try Shell(daemon)
      #expect(try shell.run("configure exclusive").status == 0)
      #expect(try shell.run("set plant site west title x").status == 0)
      let second = try Shell(daemon, "bob")
      #expect(try second.run("configure exclusive").text.contains("anna"))
      _ = shutdown(shell.commands.raw.descriptor, CInt(SHUT_RDWR))
      try daemon.until {
        daemon.engine.locks.all.isEmpty && !daemon.engine.sessions.all.contains { $0.user == "anna" }
      }
      #expect(try second.run("configure exclusive").status == 0)
      #expect(!daemon.engine.transactions.contains { $0.session.user == "anna" })
    }
  }

  @Test func `a long output waits for its reader`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      try client.commit { handle in
        let title = EncodedTerm(.string(String(repeating: "x", count: 100)))
        for number in 0..<3000 {
          try client.done(.create(Keypath.site("s\(number)").wire), handle)
          try client.done(.setElem(title, Keypath.site("s\(number)", .tag("title")).wire), handle)
        }
      }
      let shell = try Shell(daemon)
      try shell.commands.done(.cli(.execute("show configuration plant | display keypath")))
      // Nothing has been taken, and the session is as it was.
      #expect(errorCode { try shell.commands.done(.cli(.execute("who"))) } == .badState)
      let all = try shell.output()
      #expect(all.status == 0 && all.text.split(separator: "\n").count >= 3000)
      // The same, given up.
      try shell.commands.done(.cli(.execute("show configuration plant | display keypath")))
      try shell.commands.done(.cli(.interrupt))
      let part = try shell.output()
      #expect(part.text.contains("Aborted: interrupted") || part.status == 0)
      #expect(try shell.run("show configuration plant | display keypath | count").text.hasPrefix("Count: "))
    }
  }
}
