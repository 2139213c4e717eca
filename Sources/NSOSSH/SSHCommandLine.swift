public import NSOCLI
public import NSOEngine
import NSOModel
import NSOTerminal
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The CLI in a channel: typed at a terminal, as a script, or one command.
public struct SSHCommandLine: SSHService {
  private let engine: Engine
  private let service: CLIService

  public init(_ engine: Engine, _ service: CLIService) {
    self.engine = engine
    self.service = service
  }

  public var context: String { "cli" }

  public func accepts(_ start: SSHChannel.Start) -> Bool {
    if case .subsystem = start { false } else { true }
  }

  public func serve(_ channel: SSHChannel) async -> Int32 {
    do throws(NSOError) {
      return try await serveCLI(channel)
    } catch {
      try? await channel.writeError("The session cannot begin: \(error.message.isEmpty ? "\(error.code)" : error.message)\n")
      return 1
    }
  }

  private func serveCLI(_ channel: SSHChannel) async throws(NSOError) -> Int32 {
    let peer = channel.peer
    let session = try engine.sessions.start(
      UserSessionRequest(
        user: peer.user, groups: try engine.groups(of: peer.user), context: context, address: peer.origin.address,
        port: peer.origin.port, proto: peer.origin.proto))
    // Its transactions and locks go at once with the connection, whatever is carried out.
    let engine = engine
    channel.onClose { engine.sessions.end(session, because: "its SSH channel was closed") }
    defer { engine.sessions.end(session, because: "the user has left") }
    let isTyped = channel.hasTerminal && channel.start == .shell
    let size = channel.size
    var opening = CLIOpening(
      host: Self.host, isInteractive: isTyped, width: size?.width ?? (isTyped ? 80 : 0),
      height: size?.height ?? (isTyped ? 24 : 0))
    opening.isTrusted = false
    let terminal = try engine.terminals.open(session)
    let cli = try service.open(session, opening)
    let port = LocalCommandLine(cli, terminal, channel)
    channel.onInterrupt { Task { await cli.interrupt() } }
    await cli.begin()
    let screen = SSHScreen(channel: channel)
    do {
      switch channel.start {
      case .shell where isTyped:
        var conversation = CLIConversation(port, screen, keys: SSHInput(channel: channel))
        return try await conversation.run()
      case .exec(let command):
        var script = CLIScript(
          port, screen, input: SSHCommandText(command), stopsOnError: true, answers: SSHInput(channel: channel))
        return try await script.run() == 0 ? 0 : 1
      case .shell, .subsystem:
        var script = CLIScript(port, screen, input: SSHInput(channel: channel), stopsOnError: false)
        return try await script.run()
      }
    } catch let error as NSOError {
      throw error
    } catch {
      throw NSOError(.external, "\(error)")
    }
  }

  private static var host: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// A CLI session of this process.
private final class LocalCommandLine: CommandLinePort {
  private let cli: CLISession
  private let terminal: Terminal
  private let channel: SSHChannel
  /// It ends by itself: that the session does is no news then.
  private let isOver = Mutex(false)

  init(_ cli: CLISession, _ terminal: Terminal, _ channel: SSHChannel) {
    self.cli = cli
    self.terminal = terminal
    self.channel = channel
  }

  func next() async throws -> CommandLineEvent {
    while true {
      let event: TerminalEvent
      do throws(NSOError) { event = try await nextEvent() } catch {
        if isOver.withLock({ $0 }) { return .end(code: 2) }
        try? await channel.writeError((channel.hasTerminal ? "\n" : "") + "The session was ended\n")
        return .end(code: 2)
      }
      switch event {
      case .output(let text, let isPaged): return .output(text, isPaged: isPaged)
      case .write(let text): return .output(text, isPaged: false)
      case .priority(let text), .message(let text): return .output("\n\(text)", isPaged: false)
      case .ready(let status, let prompt): return .ready(status: status, prompt: prompt)
      case .end(let code, let text):
        if !text.isEmpty { await SSHScreen(channel: channel).show("\n" + text) }
        return .end(code: Int32(clamping: code))
      case .prompt(let id, let text, _, let echo): return .prompt(id: id, text: text, echo: echo)
      case .read(let id, let echo): return .read(id: id, echo: echo)
      case .cancelled(let id): return .cancelled(id: id)
      // The user's files are on another machine, and the daemon's are not the user's.
      case .writeFile, .fileData: continue
      case .endFile(let id):
        try await answer(id, "files cannot be written over SSH: have ssh itself write the output to a file of yours")
      case .readFile(let id, _):
        try await answer(id, "files cannot be read over SSH: use load ... terminal, and give the text as input")
      }
    }
  }

  private func nextEvent() async throws(NSOError) -> TerminalEvent {
    let result: Result<TerminalEvent, NSOError> = await withCheckedContinuation { continuation in
      do throws(NSOError) {
        try terminal.next { continuation.resume(returning: $0) }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()
  }

  func execute(_ line: String) async throws { try await cli.execute(line) }
  func interrupt() async throws { await cli.interrupt() }

  func complete(_ line: String, _ key: Character) async throws -> LineCompletion {
    let found = await cli.complete(line, character: key == "\t" ? 9 : 63)
    let width = try await cli.parameter("screen-width")
    return LineCompletion(
      start: found.start, replacement: found.replacement, isUnique: found.isUnique, text: found.text(width: Int(width) ?? 0))
  }

  func resize(to size: ScreenSize) async throws {
    try await cli.setParameter("screen-width", "\(size.width)")
    try await cli.setParameter("screen-length", "\(size.height)")
  }

  /// Whoever asked may have given up meanwhile.
  func answer(_ id: Int64, _ text: String?) async throws {
    do throws(NSOError) { try terminal.answer(id, text) } catch {
      guard error.code == .noExists else { throw error }
    }
  }

  func finish() async { isOver.withLock { $0 = true } }
}

/// What the client shows: with a terminal lines end as one wants them.
private struct SSHScreen: CommandLineScreen {
  let channel: SSHChannel

  func show(_ text: String) async {
    var bytes = Array(text.utf8)
    if channel.hasTerminal, bytes.contains(10) { bytes = bytes.flatMap { $0 == 10 ? [13, 10] : [$0] } }
    // Nobody sees it any more: the session ends as well.
    try? await channel.write(bytes)
  }

  var size: ScreenSize? { channel.size }
}

private struct SSHInput: CommandLineInput {
  let channel: SSHChannel
  var name: String { "the input of the SSH channel" }

  func nextBytes() async throws -> [UInt8]? { await channel.read() }
}

/// The command that a client had carried out: once.
private final class SSHCommandText: CommandLineInput {
  private let text: Mutex<[UInt8]?>
  var name: String { "the command" }

  init(_ text: String) { self.text = Mutex(Array(text.utf8)) }

  func nextBytes() async throws -> [UInt8]? {
    text.withLock { text in
      defer { text = nil }
      return text
    }
  }
}
