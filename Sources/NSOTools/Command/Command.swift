/// One sub-command of `ncs_cmd`: parser, help and execution come from the same entry.
struct Command: Sendable {
  /// What a command does with the MAAPI transaction.
  enum Transaction: Sendable {
    case none
    case reads
    case writes
    /// Writes in it unless the operational store was chosen, which is written through CDB.
    case writesConfiguration
  }

  /// The name, and other spellings. Hyphens and underscores are the same.
  var names: [String]
  /// The words after the name, for example `PATH VALUE`; square brackets for what may be left out, dots for repetition.
  var arguments: String
  var purpose: String
  var transaction = Transaction.none
  var run: @Sendable (isolated CommandRun, [String]) async throws -> Void

  var name: String { names[0] }

  /// How many words it takes, from `arguments`.
  private var count: ClosedRange<Int> {
    let words = arguments.split(separator: " ")
    let least = words.filter { !$0.hasPrefix("[") && !$0.hasSuffix("]") }.count
    return least...(arguments.contains("...") ? Int.max : words.count)
  }

  /// - Throws: `UsageError` when there are too few or too many words.
  func check(_ words: [String]) throws(UsageError) {
    guard count.contains(words.count) else {
      throw UsageError("\(name): \(words.count) words do not fit; usage: \(usage)")
    }
  }

  var usage: String { arguments.isEmpty ? name : "\(name) \(arguments)" }

  /// The text of `-h COMMAND`.
  var help: String {
    var lines = ["usage: " + usage, ""]
    lines += Options<Int>.helpLines(left: "", right: purpose, column: 2)
    if names.count > 1 { lines += ["", "Also: " + names.dropFirst().joined(separator: ", ")] }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Command {
  static let all: [Command] =
    dataCommands + walkCommands + templateCommands + actionCommands + transactionCommands + datastoreCommands + historyCommands
    + sessionCommands
    + daemonCommands + upgradeCommands + eventCommands + messageCommands + subscriptionCommands + scriptCommands

  private static let byName: [String: Command] = Dictionary(
    all.flatMap { command in command.names.map { (canonical($0), command) } }, uniquingKeysWith: { first, _ in first })

  /// `wait_start` and `wait-start` are one name.
  private static func canonical(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

  static func named(_ name: String) -> Command? { byName[canonical(name)] }

  static func unknown(_ name: String) -> UsageError {
    UsageError("there is no command \(name); the commands are: " + all.map(\.name).joined(separator: " "))
  }

  /// Finds the commands of a script and checks their words, before anything is run.
  static func resolve(_ script: [ScriptCommand]) throws -> [(command: Command, call: ScriptCommand)] {
    try script.map { call in
      guard let command = named(call.words[0]) else { throw unknown(call.words[0]) }
      try command.check(Array(call.words.dropFirst()))
      return (command, call)
    }
  }

  /// The text of `-h commands`.
  static var list: String {
    all.flatMap { Options<Int>.helpLines(left: $0.usage, right: $0.purpose, column: 34) }.joined(separator: "\n") + "\n"
  }
}
