import NIOCore
import NSOClient
import NSOModel
import NSOWire

/// The program `ncs-maapi` (protocol part 08, section 6).
public struct MaapiTool: Sendable {
  private let settings: MaapiSettings
  private let io: ToolIO
  private let client: NSOClient

  /// Runs the program.
  /// - Parameter arguments: the command line without the program's name.
  /// - Returns: the exit code.
  public static func main(arguments: [String]) async -> Int32 { await run(arguments, .process("ncs-maapi")) }

  static func run(_ arguments: [String], _ io: ToolIO) async -> Int32 {
    await io.exitCode {
      var settings = try MaapiSettings(arguments: arguments)
      if settings.wantsHelp {
        _ = io.writeOutput(ByteBuffer(string: MaapiSettings.options.help))
        return ToolExit.success
      }
      if io.environment["NCS_MAAPI_DEBUG"] != nil { settings.connection.debug = 1 }
      let client = try settings.connection.client(io)
      return try await MaapiTool(settings: settings, io: io, client: client).run()
    }
  }

  private func run() async throws -> Int32 {
    try await client.withMAAPI { (maapi) async throws -> Int32 in
      let words = settings.operands
      switch settings.operation {
      case .message: try await maapi.sendMessage(words[1], to: words[0], from: words[2])
      case .priorityMessage: try await maapi.sendPriorityMessage(words[1], to: words[0])
      case .systemMessage: try await maapi.sendSystemMessage(words[1], to: words[0])
      case .commandsOfChanges:
        throw ToolError("--\(settings.operation.rawValue): changes as commands are not supported; see --keypath-diff")
      case .cliGet:
        let session = try callingSession()
        for word in words { io.print(try await maapi.parameter(word, ofCLI: session)) }
      case .cliSet:
        let session = try callingSession()
        for index in stride(from: 0, to: words.count, by: 2) {
          try await maapi.setParameter(words[index], to: words[index + 1], ofCLI: session)
        }
      case .command: try await maapi.runCommand(words.joined(separator: " "), inCLI: try callingSession())
      case .pathOfCommand:
        try await maapi.useUserSession(try callingSession())
        for word in words { io.print(try await maapi.path(ofCommand: word)) }
      default:
        let caller = try caller()
        return try await maapi.withAttached(to: caller.handle, session: caller.session) { (transaction) async throws in
          try await work(transaction)
        }
      }
      return ToolExit.success
    }
  }

  /// The session of whoever started the program.
  private func callingSession() throws -> UserSessionID {
    guard let session = io.environment["NCS_MAAPI_USID"].flatMap({ Int32($0) }) else {
      throw ToolError(
        "NCS_MAAPI_USID is not set: --\(settings.operation.rawValue) is about the CLI session that started this program")
    }
    return session
  }

  /// The transaction of whoever started the program.
  private func caller() throws -> (handle: TransactionHandle, session: UserSessionID) {
    guard let handle = io.environment["NCS_MAAPI_THANDLE"] else {
      throw ToolError(
        "NCS_MAAPI_THANDLE is not set: --\(settings.operation.rawValue) works in the transaction of the program that started this one"
      )
    }
    let session = io.environment["NCS_MAAPI_USID"] ?? "0"
    guard let handle = Int32(handle), let session = Int32(session) else {
      throw ToolError("NCS_MAAPI_THANDLE=\(handle) and NCS_MAAPI_USID=\(session) must both be numbers")
    }
    return (TransactionHandle(handle), session)
  }

  private func work(_ transaction: Transaction) async throws -> Int32 {
    let words = settings.operands
    let schema = try await client.loadSchema()
    switch settings.operation {
    case .get:
      for word in words {
        let path = try schema.keypath(word)
        io.print(schema.shownText(of: try await transaction.get(path), at: path))
      }
    case .set:
      for index in stride(from: 0, to: words.count, by: 2) {
        try await transaction.set(text: words[index + 1], at: schema.keypath(words[index]))
      }
    case .keys:
      for word in words {
        let list = try schema.keypath(word)
        for try await keys in transaction.entries(of: list) { io.print(schema.text(ofKeys: keys, of: list)) }
      }
    case .exists:
      for word in words where try await !transaction.exists(schema.keypath(word)) { return ToolExit.failure }
    case .delete:
      for word in words { try await transaction.delete(schema.keypath(word)) }
    case .create:
      for word in words { try await transaction.create(schema.keypath(word)) }
    case .insert:
      for word in words { try await transaction.insert(schema.keypath(word)) }
    case .revert: try await transaction.revert()
    case .commandOfPath:
      for word in words { io.print(try await transaction.command(for: schema.keypath(word))) }
    case .changes:
      let place = try words.first.map { try schema.keypath($0) } ?? .root
      try await transaction.iterateChanges(below: place, flags: .wantAttributes) { change in
        io.print("\(change.kind.word): \(schema.text(of: change.path))")
        return .recurse
      }
    default: break
    }
    return ToolExit.success
  }
}

extension IterationItem.Change {
  /// The word of the published tools.
  var word: String {
    switch self {
    case .created: "created"
    case .deleted: "deleted"
    case .modified: "modified"
    case .valueSet: "value set"
    case .movedAfter: "moved after"
    case .attributeSet: "attr set"
    }
  }
}
