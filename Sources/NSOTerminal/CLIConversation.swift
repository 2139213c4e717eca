/// A user at a terminal: the keys, the line, pages, and the session behind it.
public struct CLIConversation {
  /// What happens: somebody typed, or the session has something to say.
  private enum Input: Sendable {
    case bytes([UInt8])
    case typingEnded
    case event(CommandLineEvent)
    case failure(any Error)
  }

  private enum State {
    /// A command is carried out.
    case busy
    /// The screen is full; what is still to be shown.
    case paging(Substring)
    case typing
    /// An answer is typed.
    case answering(Int64, echo: Bool)
    /// Lines up to ctrl-D are typed.
    case reading(Int64, String, echo: Bool)
  }

  private let port: any CommandLinePort
  private let screen: any CommandLineScreen
  private let keys: any CommandLineInput
  /// Typed three times in a row it ends the conversation.
  private let escapeCharacter: UInt8?
  private var editor = LineEditor()
  private var state = State.busy
  private var prompt = ""
  private var size: ScreenSize?
  /// Lines of paged output since the last stop.
  private var shownLines = 0
  /// The rest of a command's output is not wanted.
  private var isDiscarding = false
  private var escapes = 0
  /// What was typed while nobody asked for it.
  private var ahead: [UInt8] = []
  private var exit: Int32?
  /// Each lets one more event come.
  private let permits = AsyncStream<Void>.makeStream()
  /// Each lets more bytes come.
  private let wishes = AsyncStream<Void>.makeStream()
  private static let aheadLimit = 64 << 10

  public init(
    _ port: any CommandLinePort, _ screen: any CommandLineScreen, keys: any CommandLineInput, escapeCharacter: UInt8? = nil
  ) {
    self.port = port
    self.screen = screen
    self.keys = keys
    self.escapeCharacter = escapeCharacter
    size = screen.size
  }

  /// - Returns: the exit code.
  public mutating func run() async throws -> Int32 {
    let inputs = AsyncStream<Input>.makeStream()
    let typing = Task { [keys, wishes] in
      do {
        // Bytes are fetched when those of before are dealt with.
        for await _ in wishes.stream {
          guard let bytes = try await keys.nextBytes() else { break }
          inputs.continuation.yield(.bytes(bytes))
        }
        inputs.continuation.yield(.typingEnded)
      } catch {
        inputs.continuation.yield(.failure(error))
      }
    }
    let listening = Task { [port, permits] in
      do {
        for await _ in permits.stream { inputs.continuation.yield(.event(try await port.next())) }
      } catch {
        inputs.continuation.yield(.failure(error))
      }
    }
    defer {
      typing.cancel()
      listening.cancel()
    }
    permits.continuation.yield()
    wishes.continuation.yield()
    for await input in inputs.stream {
      switch input {
      case .bytes(let bytes):
        try await type(bytes)
        wishes.continuation.yield()
      // The terminal has gone.
      case .typingEnded: exit = 2
      case .event(let event): try await take(event)
      case .failure(let error): throw error
      }
      if let exit {
        await port.finish()
        return exit
      }
    }
    return 2
  }

  // MARK: What the session says

  private mutating func take(_ event: CommandLineEvent) async throws {
    switch event {
    case .output(let text, let isPaged):
      if case .typing = state { return await interject(text) }
      if case .answering = state { return await interject(text) }
      if !isDiscarding {
        guard isPaged, let size, size.height > 1 else {
          await screen.show(text)
          break
        }
        await page(text[...])
        // The next event comes when the user wants it.
        if case .paging = state { return }
      }
    case .ready(_, let prompt):
      isDiscarding = false
      shownLines = 0
      self.prompt = prompt
      editor.isPlain = false
      state = .typing
      await draw()
      permits.continuation.yield()
      let typed = ahead
      ahead = []
      return try await type(typed)
    case .prompt(let id, let text, let echo):
      prompt = text
      editor.isPlain = true
      editor.clear()
      state = .answering(id, echo: echo)
      await draw()
    case .read(let id, let echo):
      prompt = ""
      editor.isPlain = true
      editor.clear()
      state = .reading(id, "", echo: echo)
    case .cancelled(let id):
      if case .answering(id, _) = state { await endAnswer() }
      if case .reading(id, _, _) = state { await endAnswer() }
    case .end(let code): exit = code
    }
    permits.continuation.yield()
  }

  private mutating func endAnswer() async {
    await screen.show("\n")
    editor.clear()
    state = .busy
  }

  /// Something that comes while a line is typed.
  private mutating func interject(_ text: String) async {
    await screen.show("\r" + LineEditor.clearToEndOfLine + text + (text.hasSuffix("\n") ? "" : "\n"))
    await draw()
    permits.continuation.yield()
  }

  private mutating func draw() async {
    // The window may have changed meanwhile.
    let width = (screen.size ?? size)?.width ?? 80
    var echo = true
    if case .answering(_, let isEchoed) = state { echo = isEchoed }
    if case .reading(_, _, let isEchoed) = state { echo = isEchoed }
    await screen.show(editor.rendering(prompt: prompt, width: width, echo: echo))
  }

  // MARK: Pages

  private mutating func page(_ text: Substring) async {
    let height = max(2, size?.height ?? 24) - 1
    var rest = text
    var shown = ""
    while !rest.isEmpty, shownLines < height {
      let end = rest.firstIndex(of: "\n").map { rest.index(after: $0) } ?? rest.endIndex
      shown += rest[..<end]
      if rest[..<end].hasSuffix("\n") { shownLines += 1 }
      rest = rest[end...]
    }
    await screen.show(shown)
    guard !rest.isEmpty else {
      state = .busy
      return
    }
    await screen.show("--More--")
    state = .paging(rest)
  }

  /// A key at the end of a page.
  private mutating func turn(_ byte: UInt8, _ rest: Substring) async throws {
    switch byte {
    case UInt8(ascii: "q"), UInt8(ascii: "Q"), 3:
      await screen.show("\r" + LineEditor.clearToEndOfLine)
      isDiscarding = true
      state = .busy
      try await port.interrupt()
    case 10, 13:
      shownLines -= 1
      await goOn(rest)
    case UInt8(ascii: " "):
      shownLines = 0
      await goOn(rest)
    default: return
    }
    if case .busy = state { permits.continuation.yield() }
  }

  private mutating func goOn(_ rest: Substring) async {
    await screen.show("\r" + LineEditor.clearToEndOfLine)
    await page(rest)
  }

  // MARK: What the user types

  private mutating func type(_ bytes: [UInt8]) async throws {
    for (index, byte) in bytes.enumerated() {
      escapes = byte == escapeCharacter ? escapes + 1 : 0
      if escapes == 3 {
        await screen.show("\nended by the escape character\n")
        exit = 6
        return
      }
      switch state {
      case .busy:
        if byte == 3 {
          ahead = []
          isDiscarding = true
          await screen.show("^C\n")
          try await port.interrupt()
        } else if ahead.count < Self.aheadLimit {
          ahead.append(byte)
        }
      case .paging(let rest): try await turn(byte, rest)
      case .typing, .answering, .reading:
        guard let action = editor.feed(byte) else { continue }
        try await perform(action)
        // What follows a line belongs to what comes after it.
        if case .busy = state, index + 1 < bytes.count {
          ahead += bytes[(index + 1)...].prefix(Self.aheadLimit)
          return
        }
      }
    }
  }

  private mutating func perform(_ action: LineEditor.Action) async throws {
    switch action {
    case .redraw: await draw()
    case .clearScreen:
      await screen.show("\u{1B}[H\u{1B}[2J")
      await draw()
    case .interrupt:
      await screen.show("^C\n")
      if case .answering(let id, _) = state {
        try await giveUp(id)
      } else if case .reading(let id, _, _) = state {
        try await giveUp(id)
      }
      if case .typing = state { await draw() }
    case .endOfInput:
      switch state {
      case .answering(let id, _):
        await endAnswer()
        try await port.answer(id, nil)
      case .reading(let id, let text, _):
        await endAnswer()
        try await port.answer(id, text)
      default:
        await screen.show("exit\n")
        try await execute("exit")
      }
    case .complete(let key):
      guard case .typing = state else { return }
      try await complete(key)
    case .submit(let line):
      await screen.show("\n")
      switch state {
      case .answering(let id, _):
        state = .busy
        try await port.answer(id, line)
      case .reading(let id, let text, let echo):
        guard text.utf8.count < 64 << 20 else { return try await giveUp(id) }
        state = .reading(id, text + line + "\n", echo: echo)
      default:
        editor.remember(line)
        try await execute(line)
      }
    }
  }

  /// The command that asked is given up.
  private mutating func giveUp(_ id: Int64) async throws {
    editor.clear()
    state = .busy
    try await port.answer(id, nil)
    try await port.interrupt()
  }

  private mutating func execute(_ line: String) async throws {
    state = .busy
    if let now = screen.size, now != size {
      size = now
      try await port.resize(to: now)
    }
    try await port.execute(line)
  }

  private mutating func complete(_ key: Character) async throws {
    let line = editor.beforeCursor
    let found = try await port.complete(line, key)
    if key == "\t" { editor.replace(from: found.start, with: found.replacement + (found.isUnique ? " " : "")) }
    if key == "?" || editor.beforeCursor == line { await screen.show("\n" + found.text) }
    await draw()
  }
}
