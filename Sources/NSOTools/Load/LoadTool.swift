import NIOCore
import NSOClient
import NSOModel
import NSOWire

/// The program `ncs_load` (protocol part 08, section 5).
public struct LoadTool: Sendable {
  private let settings: LoadSettings
  private let io: ToolIO
  private let client: NSOClient

  /// Runs the program.
  /// - Parameter arguments: the command line without the program's name.
  /// - Returns: the exit code.
  public static func main(arguments: [String]) async -> Int32 { await run(arguments, .process("ncs_load")) }

  static func run(_ arguments: [String], _ io: ToolIO) async -> Int32 {
    await io.exitCode {
      let settings = try LoadSettings(arguments: arguments)
      if settings.wantsHelp {
        _ = io.writeOutput(ByteBuffer(string: LoadSettings.options.help))
        return ToolExit.success
      }
      try await LoadTool(settings: settings, io: io, client: try settings.connection.client(io)).run()
      return ToolExit.success
    }
  }

  private func run() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let work: @Sendable (Progress) async throws -> Void = { progress in
      try await client.withMAAPI { maapi in
        try await withTransaction(maapi, progress) { transaction in
          if settings.isLoad {
            try await load(transaction, progress)
          } else {
            try await save(transaction, progress)
          }
        }
      }
    }
    // A saved document that goes to the terminal shows itself how far it is.
    let isOnTerminal = !settings.isLoad && settings.files.allSatisfy { $0 == "-" } && isTerminal(standardOutput: true)
    try await withProgress(on: isOnTerminal ? nil : io.terminal, work)
    if settings.showTime {
      let time = (clock.now - start).components
      io.writeError("elapsed: \(time.seconds).\(String(1000 + time.attoseconds / 1_000_000_000_000_000).dropFirst()) s\n")
    }
  }

  /// The transaction to work in: that of the caller where the environment names one, the init transaction with `-i`, else one of
  /// our own, which is committed at the end of a load.
  private func withTransaction(
    _ maapi: MAAPI, _ progress: Progress, _ body: (Transaction) async throws -> Void
  ) async throws {
    if let attached = try attachedTransaction() {
      return try await maapi.withAttached(to: attached.handle, session: attached.session, body)
    }
    try await settings.connection.startSession(maapi)
    let isOperational = settings.isLoad && settings.onlyOperational
    let mode: TransactionMode = settings.isLoad ? .readWrite : .read
    let transaction = try await maapi.startTransaction(isOperational ? .operational : .running, mode)
    // The end of the connection ends the transaction, too.
    try await body(transaction)
    if mode == .readWrite {
      progress.begin("committing")
      try await transaction.apply(flags: settings.commitFlags)
    }
    try await transaction.finish()
  }

  private func attachedTransaction() throws -> (handle: TransactionHandle, session: UserSessionID)? {
    if settings.attachInit { return (.initTransaction, -2) }
    guard let handle = io.environment["NCS_MAAPI_THANDLE"], let session = io.environment["NCS_MAAPI_USID"] else { return nil }
    guard let handle = Int32(handle), let session = Int32(session) else {
      throw ToolError(
        "NCS_MAAPI_THANDLE=\(handle) and NCS_MAAPI_USID=\(session) must both be numbers; unset them to work in an own transaction"
      )
    }
    return (TransactionHandle(handle), session)
  }

  // MARK: Saving

  private func save(_ transaction: Transaction, _ progress: Progress) async throws {
    let name = settings.files.first.flatMap { $0 == "-" ? nil : $0 }
    progress.begin("saving " + (name ?? "to standard output"))
    let sink = try name.map { try OutputFile(path: $0) }
    let place: any PathConvertible
    if let filter = settings.xpath { place = filter } else { place = try await self.path() ?? .root }
    try await save(transaction, below: place, to: sink, progress)
    try sink?.close()
  }

  private func save(
    _ transaction: Transaction, below place: some PathConvertible, to sink: OutputFile?, _ progress: Progress
  ) async throws {
    var last: UInt8?
    try await transaction.save(settings.flags, below: place) { bytes in
      for try await chunk in bytes {
        if let sink {
          try sink.write(chunk)
        } else {
          let problem = io.writeOutput(chunk)
          guard problem == 0 else { throw ToolError("standard output: \(systemErrorText(problem))") }
        }
        progress.advance(by: chunk.readableBytes)
        last = chunk.readableBytesView.last ?? last
      }
    }
    // For people; a file gets exactly what the daemon sent.
    if sink == nil, isTerminal(standardOutput: true), last != UInt8(ascii: "\n") { io.print("") }
  }

  /// The path of `-p`, resolved with the daemon's schema; nil without.
  private func path() async throws -> Keypath? {
    guard let text = settings.path else { return nil }
    return try await client.loadSchema().keypath(text)
  }

  // MARK: Loading

  private func load(_ transaction: Transaction, _ progress: Progress) async throws {
    if settings.deleteAll { try await transaction.deleteAll() }
    if let path = try await path() {
      do {
        try await transaction.delete(path)
      } catch let error as NSOError where error.code == .noExists {
        // Nothing there is what was wanted.
      }
    }
    let files = settings.files.isEmpty ? ["-"] : settings.files
    for (index, file) in files.enumerated() {
      let flags = settings.flags(forFile: index)
      do {
        if file == "-" {
          try await loadStandardInput(transaction, flags, progress)
        } else {
          progress.begin("loading " + file)
          try await transaction.load(flags, file: try absolutePath(file))
        }
      } catch let error as NSOError {
        throw ToolError("\(file == "-" ? "standard input" : file): \(describe(error))")
      }
    }
  }

  private func loadStandardInput(_ transaction: Transaction, _ flags: ConfigFlags, _ progress: Progress) async throws {
    let input = InputFile.standardInput
    progress.begin("loading standard input", total: input.size)
    try await transaction.load(flags) { stream in
      while let chunk = try await input.read() {
        try await stream.write(chunk)
        progress.advance(by: chunk.readableBytes)
      }
    }
  }
}

extension LoadSettings {
  /// The bits of protocol part 04, section 6.1, without those about how to combine.
  var flags: ConfigFlags {
    var flags: ConfigFlags
    switch format {
    case .xml: flags = .xml
    // Pretty is a way to write; to read it is XML.
    case .prettyXML: flags = isLoad ? .xml : [.xml, .xmlPretty]
    case .json: flags = .json
    case .curly: flags = .cliJ
    case .cStyle: flags = .cliC
    case .iStyle: flags = .cliI
    case .turboC: flags = .turboC
    }
    switch hiding {
    case .asSession: break
    case .hideAll: flags.insert(.hideAll)
    case .unhideAll: flags.insert(.unhideAll)
    }
    if xpath != nil { flags.insert(.xpath) }
    if withDefaults { flags.insert(.withDefaults) }
    if showDefaults { flags.insert(.showDefaults) }
    if withOperational { flags.insert(.withOperational) }
    if onlyOperational { flags.insert(.operationalOnly) }
    if onlyCDB { flags.insert(.cdbOnly) }
    if serviceMeta { flags.insert(.withServiceMeta) }
    if isLax { flags.insert(.xmlLoadLax) }
    if autoCommit { flags.insert(.autocommit) }
    if continueOnError { flags.insert(.continueOnError) }
    return flags
  }

  /// Without `-m` and `-r` the first file begins with a deletion of everything, unless `-D` or `-p` has chosen what to delete; from
  /// the second on files are merged.
  func flags(forFile index: Int) -> ConfigFlags {
    switch merge {
    case .merge: flags.union(.merge)
    case .replace: flags.union(.replace)
    case .create: index > 0 || deleteAll || path != nil ? flags.union(.merge) : flags
    }
  }

  /// Flags of the commit (protocol part 04, section 7.2).
  var commitFlags: UInt64 { (withoutServices ? 8 : 0) | (withoutNetworking ? 16 : 0) }
}
