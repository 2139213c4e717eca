public import NSOModel
import NSOWire

/// What is to be completed, for a data provider (protocol part 05, section 10, CALL_ACTION_COMPLETION).
public struct CompletionQuery: Sendable {
  public var point: String
  /// What was typed of the word.
  public var token: String
  /// Tab (9), space (32) or `?` (63).
  public var character: Int32
  /// The leaf; the root where there is none.
  public var path: Keypath
  public var commandPath: String
  /// What the model says besides the point.
  public var id: String?

  public init(point: String, token: String, character: Int32, path: Keypath, commandPath: String, id: String?) {
    self.point = point
    self.token = token
    self.character = character
    self.path = path
    self.commandPath = commandPath
    self.id = id
  }
}

/// One line of what a provider completes.
public enum CompletionLine: Hashable, Sendable {
  case completion(String, help: String)
  /// Shown, but no completion.
  case information(String)
  /// What the type of the leaf offers.
  case byType
}

extension Engine {
  /// Asks the data provider of an action point for completions.
  /// - Throws: EXTERNAL when nobody serves the point, or has no completions for it.
  public func completions(_ query: CompletionQuery, session: UserSession) async throws(NSOError) -> [CompletionLine] {
    let call = CompletionCall(
      style: 0x4A, token: query.token, completionCharacter: query.character, path: query.path,
      commandPath: query.commandPath, id: query.id, simpleType: nil)
    let result = try await providerActions.ask(
      .completion(call), query.point, at: query.path, for: session, handle: -1, needing: .completion,
      "completion of \(query.commandPath)")
    guard case .completions(let lines) = result else { return [] }
    var all: [CompletionLine] = []
    for line in lines ?? [.byDefault] {
      switch line {
      case .alternative(let text): all.append(.completion(text.text, help: ""))
      case .description(let text):
        // Describes the one in front of it.
        if case .completion(let name, _)? = all.last { all[all.count - 1] = .completion(name, help: text.text) }
      case .info(let text): all.append(.information(text.text))
      case .byDefault: all.append(.byType)
      }
    }
    return all
  }

  /// Runs a command of the CLI that a data provider has (protocol part 05, section 10, CALL_ACTION_COMMAND).
  /// - Returns: what it prints, in pieces.
  public func command(
    _ name: String, _ arguments: [String], at point: String, session: UserSession, transaction: Transaction?
  ) async throws(NSOError) -> [String] {
    let result = try await providerActions.ask(
      .command(name: name, path: name, arguments: [name] + arguments), point, at: .root, for: session,
      handle: transaction?.handle ?? -1, needing: .command, "command \(name)")
    guard case .commandOutput(let pieces) = result else { return [] }
    return pieces ?? []
  }
}
