import NIOCore
import NSOClient
import NSOModel
import NSOTerminal
import NSOWire

/// The program `ncs_cli` (protocol part 08, section 3): shows a CLI session of the daemon, and lets its user type.
public struct CLITool: Sendable {
  /// Runs the program.
  /// - Parameter arguments: the command line without the program's name.
  /// - Returns: the exit code.
  public static func main(arguments: [String]) async -> Int32 { await run(arguments, .process("ncs_cli")) }

  static func run(_ arguments: [String], _ io: ToolIO) async -> Int32 {
    await io.exitCode {
      var settings = try CLIToolSettings(arguments: arguments)
      if settings.wantsHelp {
        _ = io.writeOutput(ByteBuffer(string: CLIToolSettings.options.help))
        return ToolExit.success
      }
      if settings.isVerbose { settings.connection.debug = 1 }
      return try await CLITool(settings: settings, io: io).run()
    }
  }

  private let settings: CLIToolSettings
  private let io: ToolIO

  private func run() async throws -> Int32 {
    let input = try script()
    let typesItself = settings.operands.isEmpty && isTerminal(standardOutput: false)
    let isInteractive = settings.isInteractive ?? typesItself
    let client = try settings.connection.client(io)
    return try await client.withMAAPI { (commands) async throws -> Int32 in
      try await startSession(commands)
      let id = try await commands.currentUserSession()
      return try await client.withMAAPI { (terminal) async throws -> Int32 in
        try await terminal.useUserSession(id)
        try await terminal.openTerminal()
        let size = RawTerminal.size
        try await commands.openCLI(
          CLIOpen(
            style: settings.style, host: settings.host ?? CLIUser.host, isInteractive: isInteractive,
            width: size?.width ?? 80, height: size?.height ?? 24, withoutAuthorization: settings.withoutAuthorization,
            opaque: settings.opaque ?? io.environment["NCS_CLI_OPAQUE"] ?? ""))
        try CLIUser.take(uid: settings.uid, gid: settings.gid, gids: settings.gids)
        let link = CLILink(commands: commands, terminal: terminal, session: id, io: io, directory: settings.directory)
        let screen = ToolScreen(io: io)
        if isInteractive, typesItself {
          guard let raw = RawTerminal() else {
            throw ToolError("standard input is no terminal that can be read character by character")
          }
          defer { raw.restore() }
          var conversation = CLIConversation(
            link, screen, keys: InputFile.standardInput, escapeCharacter: settings.escapeCharacter)
          return try await conversation.run()
        }
        var script = CLIScript(link, screen, input: input, stopsOnError: settings.stopsOnError, isEchoed: isInteractive)
        return try await script.run()
      }
    }
  }

  /// Where commands come from when nobody types them.
  private func script() throws -> InputFile {
    guard let path = settings.operands.first else { return .standardInput }
    return try InputFile.opening(path)
  }

  private func startSession(_ maapi: MAAPI) async throws {
    let ssh = CLIUser.ssh(io.environment)
    let source = try settings.source.map { (text) throws(UsageError) in try CLIUser.source(text) } ?? ssh
    let proto: SessionProtocol =
      switch settings.proto ?? (ssh == nil ? "console" : "ssh") {
      case "ssh": .ssh
      case "tcp": .tcp
      default: .console
      }
    let groups = settings.groups.map { $0.split(separator: ",").map(String.init) }
    let user = settings.connection.user ?? CLIUser.name
    try await maapi.startUserSession(
      user: user, groups: groups ?? (settings.connection.user == nil || user == CLIUser.name ? CLIUser.groups : []),
      context: "cli", from: source?.0 ?? .loopback, port: source?.1 ?? 0, over: proto)
  }
}

/// The connections of the program, and what comes at the terminal.
actor CLILink: CommandLinePort {
  nonisolated let commands: MAAPI
  private let terminal: MAAPI
  nonisolated let session: UserSessionID
  nonisolated let io: ToolIO
  private var files: CLIFiles
  /// The program ends by itself: what the daemon says of that is no news.
  private var isOver = false

  init(commands: MAAPI, terminal: MAAPI, session: UserSessionID, io: ToolIO, directory: String?) {
    self.commands = commands
    self.terminal = terminal
    self.session = session
    self.io = io
    files = CLIFiles(directory: directory)
  }

  /// Waits for the next one.
  func next() async throws -> CommandLineEvent {
    while true {
      let event: TerminalEvent
      do {
        event = try await terminal.nextTerminalEvent()
      } catch  where isOver || error is CancellationError {
        throw CancellationError()
      } catch let error as NSOError where error.code == .aborted {
        io.writeError("ncs_cli: the session was ended\n")
        return .end(code: 2)
      } catch {
        io.complain("the daemon has closed the connection: \(describe(error))")
        return .end(code: 7)
      }
      switch event {
      case .output(let text, let isPaged): return .output(text, isPaged: isPaged)
      case .write(let text): return .output(text, isPaged: false)
      case .priority(let text): return .output("\n\(text)", isPaged: false)
      case .message(let text): return .output("\n\(text)", isPaged: false)
      case .ready(let status, let prompt): return .ready(status: status, prompt: prompt)
      case .end(let code, let text):
        if !text.isEmpty { await ToolScreen(io: io).show("\n" + text) }
        return .end(code: Int32(clamping: code))
      case .prompt(let id, let text, _, let echo): return .prompt(id: id, text: text, echo: echo)
      case .read(let id, let echo): return .read(id: id, echo: echo)
      case .cancelled(let id): return .cancelled(id: id)
      case .writeFile(let path, let isAppended): files.begin(path, isAppended: isAppended)
      case .fileData(let text): files.write(text)
      case .endFile(let id): try await answer(id, files.end())
      case .readFile(let id, let path): try await answer(id, await files.contents(of: path))
      }
    }
  }

  func finish() { isOver = true }

  func execute(_ line: String) async throws { try await commands.execute(line) }

  func interrupt() async throws { try await commands.interrupt() }

  func complete(_ line: String, _ key: Character) async throws -> LineCompletion {
    let found = try await commands.complete(line, character: key == "\t" ? 9 : 63)
    return LineCompletion(start: found.start, replacement: found.replacement, isUnique: found.isUnique, text: found.text)
  }

  func resize(to size: ScreenSize) async throws {
    try await commands.setParameter("screen-width", to: "\(size.width)", ofCLI: session)
    try await commands.setParameter("screen-length", to: "\(size.height)", ofCLI: session)
  }

  /// Whoever asked may have given up meanwhile.
  func answer(_ id: Int64, _ text: String?) async throws {
    // The other connection may be waiting for the next event.
    do { try await commands.answer(id, text) } catch let error as NSOError where error.code == .noExists { return }
  }
}

/// Standard output.
private struct ToolScreen: CommandLineScreen {
  let io: ToolIO

  func show(_ text: String) async { _ = io.writeOutput(ByteBuffer(string: text)) }

  var size: ScreenSize? { RawTerminal.size.map { ScreenSize(width: $0.width, height: $0.height) } }
}

extension InputFile: CommandLineInput {
  func nextBytes() async throws -> [UInt8]? { try await read(upTo: 1 << 16).map { Array($0.readableBytesView) } }
}
