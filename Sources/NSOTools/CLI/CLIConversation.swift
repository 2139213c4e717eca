import NIOCore
import NSOClient
import NSOWire

/// A user at a terminal.
struct CLIConversation {
  /// What happens: somebody typed, or the session has something to say.
  private enum Input: Sendable {
    case bytes([UInt8])
    case typingEnded
    case event(CLILink.Event)
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

  private let link: CLILink
  private let settings: CLIToolSettings
  private var editor = LineEditor()
  private var state = State.busy
  private var prompt = ""
  private var size = RawTerminal.size
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
  private static let aheadLimit = 64 << 10

  init(link: CLILink, settings: CLIToolSettings) {
    self.link = link
    self.settings = settings
  }

  mutating func run() async throws -> Int32 {
    guard let raw = RawTerminal() else {
      throw ToolError("standard input is no terminal that can be read character by character")
    }
    defer { raw.restore() }
    let inputs = AsyncStream<Input>.makeStream()
    let typing = Task {
      do {
        while let chunk = try await InputFile.standardInput.read(upTo: 4096) {
          inputs.continuation.yield(.bytes(Array(chunk.readableBytesView)))
        }
        inputs.continuation.yield(.typingEnded)
      } catch {
        inputs.continuation.yield(.failure(error))
      }
    }
    let listening = Task { [link, permits] in
      do {
        for await _ in permits.stream { inputs.continuation.yield(.event(try await link.next())) }
      } catch {
        inputs.continuation.yield(.failure(error))
      }
    }
    defer {
      typing.cancel()
      listening.cancel()
    }
    permits.continuation.yield()
    for await input in inputs.stream {
      switch input {
      case .bytes(let bytes): try await type(bytes)
      // The terminal has gone.
      case .typingEnded: exit = 2
      case .event(let event): try await take(event)
      case .failure(let error): throw error
      }
      if let exit {
        await link.finish()
        return exit
      }
    }
    return 2
  }

  // MARK: What the session says

  private mutating func take(_ event: CLILink.Event) async throws {
    switch event {
    case .output(let text, let isPaged):
      if case .typing = state { return interject(text) }
      if case .answering = state { return interject(text) }
      if !isDiscarding {
        guard isPaged, let size, size.height > 1 else {
          link.show(text)
          break
        }
        page(text[...])
        // The next event comes when the user wants it.
        if case .paging = state { return }
      }
    case .ready(_, let prompt):
      isDiscarding = false
      shownLines = 0
      self.prompt = prompt
      editor.isPlain = false
      state = .typing
      draw()
      permits.continuation.yield()
      let typed = ahead
      ahead = []
      return try await type(typed)
    case .prompt(let id, let text, let echo):
      prompt = text
      editor.isPlain = true
      editor.clear()
      state = .answering(id, echo: echo)
      draw()
    case .read(let id, let echo):
      prompt = ""
      editor.isPlain = true
      editor.clear()
      state = .reading(id, "", echo: echo)
    case .cancelled(let id):
      if case .answering(id, _) = state { endAnswer() }
      if case .reading(id, _, _) = state { endAnswer() }
    case .end(let code): exit = code
    }
    permits.continuation.yield()
  }

  private mutating func endAnswer() {
    link.show("\n")
    editor.clear()
    state = .busy
  }

  /// Something that comes while a line is typed.
  private mutating func interject(_ text: String) {
    link.show("\r" + Terminal.clearToEndOfLine + text + (text.hasSuffix("\n") ? "" : "\n"))
    draw()
    permits.continuation.yield()
  }

  private mutating func draw() {
    var echo = true
    if case .answering(_, let isEchoed) = state { echo = isEchoed }
    if case .reading(_, _, let isEchoed) = state { echo = isEchoed }
    link.show(editor.rendering(prompt: prompt, width: size?.width ?? 80, echo: echo))
  }

  // MARK: Pages

  private mutating func page(_ text: Substring) {
    let height = max(2, size?.height ?? 24) - 1
    var rest = text
    var shown = ""
    while !rest.isEmpty, shownLines < height {
      let end = rest.firstIndex(of: "\n").map { rest.index(after: $0) } ?? rest.endIndex
      shown += rest[..<end]
      if rest[..<end].hasSuffix("\n") { shownLines += 1 }
      rest = rest[end...]
    }
    link.show(shown)
    guard !rest.isEmpty else {
      state = .busy
      return
    }
    link.show("--More--")
    state = .paging(rest)
  }

  /// A key at the end of a page.
  private mutating func turn(_ byte: UInt8, _ rest: Substring) async throws {
    switch byte {
    case UInt8(ascii: "q"), UInt8(ascii: "Q"), 3:
      link.show("\r" + Terminal.clearToEndOfLine)
      isDiscarding = true
      state = .busy
      try await link.commands.interrupt()
    case 10, 13:
      shownLines -= 1
      goOn(rest)
    case UInt8(ascii: " "):
      shownLines = 0
      goOn(rest)
    default: return
    }
    if case .busy = state { permits.continuation.yield() }
  }

  private mutating func goOn(_ rest: Substring) {
    link.show("\r" + Terminal.clearToEndOfLine)
    page(rest)
  }

  // MARK: What the user types

  private mutating func type(_ bytes: [UInt8]) async throws {
    for (index, byte) in bytes.enumerated() {
      escapes = byte == settings.escapeCharacter ? escapes + 1 : 0
      if escapes == 3 {
        link.show("\nncs_cli: ended by the escape character\n")
        exit = 6
        return
      }
      switch state {
      case .busy:
        if byte == 3 {
          ahead = []
          isDiscarding = true
          link.show("^C\n")
          try await link.commands.interrupt()
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
    case .redraw: draw()
    case .clearScreen:
      link.show("\u{1B}[H\u{1B}[2J")
      draw()
    case .interrupt:
      link.show("^C\n")
      if case .answering(let id, _) = state {
        try await giveUp(id)
      } else if case .reading(let id, _, _) = state {
        try await giveUp(id)
      }
      if case .typing = state { draw() }
    case .endOfInput:
      switch state {
      case .answering(let id, _):
        endAnswer()
        try await link.answer(id, nil)
      case .reading(let id, let text, _):
        endAnswer()
        try await link.answer(id, text)
      default:
        link.show("exit\n")
        try await execute("exit")
      }
    case .complete(let key):
      guard case .typing = state else { return }
      try await complete(key)
    case .submit(let line):
      link.show("\n")
      switch state {
      case .answering(let id, _):
        state = .busy
        try await link.answer(id, line)
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
    try await link.answer(id, nil)
    try await link.commands.interrupt()
  }

  private mutating func execute(_ line: String) async throws {
    state = .busy
    let now = RawTerminal.size
    if let now, now != size ?? (0, 0) {
      size = now
      try await link.commands.setParameter("screen-width", to: "\(now.width)", ofCLI: link.session)
      try await link.commands.setParameter("screen-length", to: "\(now.height)", ofCLI: link.session)
    }
    try await link.commands.execute(line)
  }

  private mutating func complete(_ key: Character) async throws {
    let line = editor.beforeCursor
    let found = try await link.commands.complete(line, character: key == "\t" ? 9 : 63)
    if key == "\t" { editor.replace(from: found.start, with: found.replacement + (found.isUnique ? " " : "")) }
    if key == "?" || editor.beforeCursor == line { link.show("\n" + found.text) }
    draw()
  }
}
