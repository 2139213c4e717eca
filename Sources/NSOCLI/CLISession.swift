import Logging
import NIOPosix
public import NSOEngine
public import NSOModel
import NSOSchema
import Synchronization

/// One CLI session: the commands of a user, one after the other, on the engine. Shows what it has to say at the terminal of its user
/// session, whose end is its end.
public actor CLISession {
  /// The changes that a user is about to make.
  struct Configuring {
    var transaction: Transaction
    /// The edit level.
    var base = Location.root
    var isExclusive: Bool
    /// What running was when the transaction began.
    var seen: TransactionID
  }

  let engine: Engine
  let session: UserSession
  let terminal: Terminal
  let settings: CLISettings
  let opening: CLIOpening
  var parameters: CLIParameters
  var configuring: Configuring?
  /// The commands of this session, the latest last, and when they were given.
  var history: [(time: Int64, line: String)] = []
  /// The command that is carried out.
  private var running: Task<Void, Never>?
  private var idle: Task<Void, any Error>?
  /// How often input came, so that an old wait for its absence knows that it is old.
  private var inputs: UInt64 = 0
  private var isOver = false

  /// - Throws: NOEXISTS when the session has no terminal, NOT_IMPLEMENTED for a style that there is not.
  public init(_ engine: Engine, _ session: UserSession, _ settings: CLISettings, _ opening: CLIOpening) throws(NSOError) {
    guard settings.isEnabled else {
      throw NSOError(.accessDenied, "the CLI is switched off (cli/enabled in ncs.conf)")
    }
    let style = opening.style.isEmpty ? settings.style : opening.style
    guard style.lowercased() == "j" else {
      throw NSOError(
        .notImplemented,
        "the CLI in style \(style.uppercased()) (Cisco-like) is not supported: use style J (ncs_cli -J, or cli/style j in ncs.conf)"
      )
    }
    self.engine = engine
    self.session = session
    self.settings = settings
    self.opening = opening
    terminal = try engine.terminals.terminal(of: session)
    parameters = CLIParameters(settings, opening)
  }

  /// The first prompt.
  public func begin() async {
    if opening.withoutAuthorization { engine.journal.audit(.noAuthorizationLogin, session) }
    if opening.isInteractive, !settings.banner.isEmpty {
      try? await terminal.send(.output(settings.banner + "\n", isPaged: false))
    }
    await ready(status: 0)
    watchIdleness()
  }

  // MARK: What the program in front asks for

  /// Carries out a line; its end is told at the terminal.
  /// - Throws: BADSTATE while another one is carried out.
  public func execute(_ line: String) throws(NSOError) {
    guard !isOver else { throw NSOError(.badState, "the CLI session has ended") }
    guard running == nil else { throw NSOError(.badState, "another command is being carried out: interrupt it, or wait") }
    inputs &+= 1
    idle?.cancel()
    running = Task { await self.perform(line) }
  }

  /// Ends the command that is carried out, soon.
  public func interrupt() {
    inputs &+= 1
    running?.cancel()
  }

  /// Whether a command is carried out.
  public var isBusy: Bool { running != nil }

  public func parameter(_ name: String) throws(NSOError) -> String {
    guard let value = parameters.values[name] else { throw NSOError(.noExists, "the CLI has no parameter \(name)") }
    return value
  }

  public func setParameter(_ name: String, _ value: String) throws(NSOError) {
    if let fault = parameters.set(name, value) { throw NSOError(.badType, fault) }
    if name == "idle-timeout" { watchIdleness() }
  }

  /// The user session has ended: what was begun goes with it.
  public func close() {
    isOver = true
    running?.cancel()
    idle?.cancel()
    endConfiguring()
  }

  // MARK: One line

  private func perform(_ line: String) async {
    let words = line.trimmed
    var status: Int64 = 0
    var exit: Int64?
    if !words.isEmpty, !words.hasPrefix("#"), !words.hasPrefix("!") {
      let shown = withoutSecrets(words)
      remember(shown)
      engine.journal.audit(.cliCommand, session, "'\(shown)'")
      let output = CommandOutput(terminal, isPaged: false)
      do {
        exit = try await run(line)
        engine.journal.audit(.cliCommandDone, session)
      } catch {
        status = 1
        engine.journal.audit(.cliCommandAborted, session)
        output.line(text(of: error, line))
        try? await output.finish()
      }
      if opening.isInteractive, exit == nil {
        let word = status == 0 ? "ok" : "error"
        output.line("[\(word)][\(localTime(engine.configuration.clock().seconds))]")
        try? await output.finish()
      }
    }
    running = nil
    guard !terminal.isClosed else { return close() }
    if let exit {
      isOver = true
      endConfiguring()
      try? await terminal.send(.end(code: exit, text: ""))
      return
    }
    await ready(status: status)
    watchIdleness()
  }

  /// Runs a command, for whoever wants its failure as an error; its output goes to `collector`, or to the terminal.
  public func runCommand(_ line: String) async throws(NSOError) {
    do {
      guard try await run(line) == nil else { return }
    } catch let error as NSOError where error.code == .aborted {
      throw error
    } catch {
      throw NSOError(.cliCommand, text(of: error, line))
    }
  }

  private func remember(_ line: String) {
    history.append((engine.configuration.clock().seconds, line))
    let limit = min(parameters.number("history"), settings.historyLimit)
    if history.count > limit { history.removeFirst(history.count - limit) }
  }

  /// An error as it is shown.
  func text(of error: any Error, _ line: String) -> String {
    switch error {
    case let error as SyntaxError:
      let indent = opening.isInteractive ? lastPrompt.count : 0
      let column = String(decoding: Array(line.utf8).prefix(error.offset), as: UTF8.self).count
      var text = String(repeating: "-", count: indent + column) + "^\nsyntax error: " + error.message
      if !error.alternatives.isEmpty {
        text += "\nPossible alternatives: " + error.alternatives.prefix(20).joined(separator: ", ")
      }
      return text
    case let failure as CommandFailure: return failure.text
    case let error as NSOError: return "Error: \(error.message.isEmpty ? error.code.description : error.message)"
    case is CancellationError: return "Aborted: interrupted"
    default: return "Error: \(error)"
    }
  }

  private var lastPrompt = ""

  private func ready(status: Int64) async {
    if opening.isInteractive, let configuring {
      let path = configuring.base.node == nil ? "" : " " + commandPath(configuring.base, configuring.transaction.model)
      try? await terminal.send(.output("\n[edit\(path)]\n", isPaged: false))
    }
    lastPrompt = prompt()
    try? await terminal.send(.ready(status: status, prompt: lastPrompt))
  }

  private func prompt() -> String {
    PromptText(
      user: session.user, host: opening.host, delimiter: settings.hostDelimiter, address: "\(session.request.address)",
      mode: configuring.map { mode in mode.base.node.map { mode.transaction.model.schema[$0].name.name } ?? "" } ?? ""
    ).text(configuring == nil ? settings.prompt1 : settings.prompt2, at: engine.configuration.clock().seconds)
  }

  // MARK: Idleness

  private func watchIdleness() {
    idle?.cancel()
    let limit = parameters.number("idle-timeout")
    guard limit > 0, !isOver else { return }
    let inputs = inputs
    idle = Task { [weak self] in
      try await Task.sleep(for: .seconds(limit))
      await self?.wasIdle(since: inputs)
    }
  }

  private func wasIdle(since number: UInt64) async {
    guard number == inputs, running == nil, !isOver else { return }
    isOver = true
    endConfiguring()
    try? await terminal.send(.end(code: 3, text: "Idle timeout: the session is closed\n"))
    // A program in front that does not go is not waited for.
    try? await Task.sleep(for: .seconds(2))
    engine.sessions.end(session, because: "idle for too long")
  }

  // MARK: Transactions

  /// What commands read: the changes that are about to be made, or the data as it is.
  func reading<R: Sendable>(
    _ body: @Sendable (Transaction) async throws -> R
  ) async throws -> R {
    if let configuring { return try await body(configuring.transaction) }
    let transaction = try engine.startTransaction(session, on: .running, .read)
    defer { engine.finish(transaction) }
    return try await body(transaction)
  }

  /// Runs what may take long, or has to wait for data of providers, on a thread that may be kept busy.
  func look<R: Sendable>(
    _ model: DataModel, _ body: @escaping @Sendable () throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    guard !model.hasProviders else { return try await ProviderWait.run(body) }
    let result: Result<R, NSOError> = await withCheckedContinuation { continuation in
      NIOThreadPool.singleton.submit { _ in
        do throws(NSOError) { continuation.resume(returning: .success(try body())) } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }

  func requireConfiguring() throws -> Configuring {
    guard let configuring else { throw CommandFailure(text: "Error: not in configure mode") }
    return configuring
  }

  /// Begins to configure, or begins anew where nothing was changed and running has moved on.
  func beginConfiguring(isExclusive: Bool, base: Location = .root) throws(NSOError) {
    let seen = engine.lastTransactionID
    let transaction = try engine.startTransaction(session, on: .running, .readWrite)
    configuring = Configuring(transaction: transaction, base: base, isExclusive: isExclusive, seen: seen)
  }

  func refresh() throws(NSOError) {
    guard let configuring, configuring.seen != engine.lastTransactionID, !configuring.transaction.hasChanges else { return }
    try restart(configuring)
  }

  /// A new transaction at the same edit level.
  func restart(_ old: Configuring) throws(NSOError) {
    engine.finish(old.transaction)
    let keypath = Keypath(old.base, old.transaction.model)
    configuring = nil
    do throws(NSOError) {
      try beginConfiguring(isExclusive: old.isExclusive)
    } catch {
      endExclusive(old)
      throw error
    }
    // In another model the place may be another one, or gone.
    if let model = configuring?.transaction.model, let base = try? model.locate(keypath) { configuring?.base = base }
  }

  func endConfiguring() {
    guard let old = configuring else { return }
    configuring = nil
    engine.finish(old.transaction)
    endExclusive(old)
  }

  private func endExclusive(_ old: Configuring) {
    guard old.isExclusive else { return }
    do throws(NSOError) { try engine.locks.unlock(.running, for: session) } catch {
      engine.log.debug("\(session.summary): the lock on running was gone already: \(error.message)")
    }
  }

  /// Asks for one of some answers; the first where nobody types.
  func ask(_ text: String, _ choices: [String], ifNobody answer: String) async throws -> String {
    guard opening.isInteractive else { return answer }
    return try await terminal.asking { terminal, body in terminal.ask(text, choices: choices, echo: true, body) }
  }
}

extension String {
  /// Without blanks at both ends.
  var trimmed: String {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
