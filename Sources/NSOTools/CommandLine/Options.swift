/// A command line that cannot be understood: what is wrong with it, for people.
public struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// The options of one program, in one table from which both the parser and `--help` are made.
///
/// The published tools are used with clustered and glued short options (`-lmu admin`, `-Fp`, `-ddu admin`, `-uadmin`), so
/// the rules are those of getopt: letters behind one dash are options until one takes a value, which is the rest of the
/// word or the next word; `--name value` and `--name=value`; options and operands may be mixed; `--` ends the options and
/// `-` alone is an operand.
struct Options<Settings: Sendable>: Sendable {
  struct Option: Sendable {
    /// How a value follows the option.
    enum Argument: Sendable {
      case none
      case required(String)
      /// Only for long options: the next word is taken if it satisfies the test.
      case optional(String, @Sendable (String) -> Bool)
    }

    var short: Character?
    var long: String?
    var argument: Argument
    var help: String
    var apply: @Sendable (inout Settings, String) throws(UsageError) -> Void

    /// An option without a value.
    static func flag(
      _ short: Character?, _ long: String? = nil, _ help: String, apply: @escaping @Sendable (inout Settings) -> Void
    ) -> Option {
      Option(short: short, long: long, argument: .none, help: help) { settings, _ throws(UsageError) in apply(&settings) }
    }

    /// An option with a value; `name` stands for the value in the help.
    static func value(
      _ short: Character?, _ long: String? = nil, _ name: String, _ help: String,
      apply: @escaping @Sendable (inout Settings, String) throws(UsageError) -> Void
    ) -> Option {
      Option(short: short, long: long, argument: .required(name), help: help, apply: apply)
    }
  }

  /// Options that belong together under a heading of the help.
  struct Group: Sendable {
    var title: String
    var options: [Option]
  }

  var program: String
  var summary: String
  /// One line per way to call the program, without its name.
  var synopsis: [String]
  var groups: [Group]
  /// Text after the options: environment, exit codes, examples.
  var notes: String = ""

  private var all: [Option] { groups.flatMap(\.options) }

  /// Applies all options to `settings`.
  /// - Returns: the operands in order.
  func parse(_ arguments: some Sequence<String>, into settings: inout Settings) throws(UsageError) -> [String] {
    var operands: [String] = []
    var words = ArraySlice(Array(arguments))
    while let word = words.popFirst() {
      if word == "--" {
        operands += words
        break
      } else if word.hasPrefix("--") {
        try parseLong(word.dropFirst(2), rest: &words, into: &settings)
      } else if word.hasPrefix("-"), word.count > 1 {
        try parseCluster(word.dropFirst(), rest: &words, into: &settings)
      } else {
        operands.append(word)
      }
    }
    return operands
  }

  private func parseLong(
    _ text: Substring, rest: inout ArraySlice<String>, into settings: inout Settings
  ) throws(UsageError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.first.map(String.init) ?? ""
    let glued = parts.count > 1 ? String(parts[1]) : nil
    guard let option = all.first(where: { $0.long == name }) else { throw unknown("--\(name)") }
    switch option.argument {
    case .none:
      guard glued == nil else { throw UsageError("option --\(name) takes no value") }
      try option.apply(&settings, "")
    case .required(let placeholder):
      guard let value = glued ?? rest.popFirst() else { throw missing("--\(name)", placeholder) }
      try option.apply(&settings, value)
    case .optional(_, let fits):
      if let glued {
        try option.apply(&settings, glued)
      } else if let next = rest.first, fits(next) {
        rest.removeFirst()
        try option.apply(&settings, next)
      } else {
        try option.apply(&settings, "")
      }
    }
  }

  private func parseCluster(
    _ cluster: Substring, rest: inout ArraySlice<String>, into settings: inout Settings
  ) throws(UsageError) {
    var letters = cluster
    while let letter = letters.popFirst() {
      guard let option = all.first(where: { $0.short == letter }) else { throw unknown("-\(letter)") }
      guard case .required(let placeholder) = option.argument else {
        try option.apply(&settings, "")
        continue
      }
      guard let value = letters.isEmpty ? rest.popFirst() : String(letters) else { throw missing("-\(letter)", placeholder) }
      try option.apply(&settings, value)
      return
    }
  }

  private func unknown(_ option: String) -> UsageError {
    UsageError("unknown option \(option); \(program) --help lists them")
  }

  private func missing(_ option: String, _ placeholder: String) -> UsageError {
    UsageError("option \(option) needs a value: \(option) \(placeholder)")
  }
}

extension Options {
  /// The text of `--help`.
  var help: String {
    var lines = synopsis.enumerated().map { index, line in (index == 0 ? "usage: " : "       ") + program + " " + line }
    lines += ["", summary]
    for group in groups {
      lines += ["", group.title + ":"]
      for option in group.options { lines += Self.helpLines(left: option.label, right: option.help) }
    }
    if !notes.isEmpty { lines += ["", notes] }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Two columns, the right one wrapped.
  static func helpLines(left: String, right: String, column: Int = 26, width: Int = 100) -> [String] {
    var lines: [String] = []
    var line = "  " + left
    if line.count > column - 2 {
      lines.append(line)
      line = ""
    }
    line += String(repeating: " ", count: max(0, column - line.count))
    for word in right.split(separator: " ") {
      if line.count + word.count + 1 > width, line.count > column {
        lines.append(line)
        line = String(repeating: " ", count: column)
      }
      if line.count > column { line += " " }
      line += word
    }
    lines.append(line)
    return lines
  }
}

extension Options.Option {
  /// `-u, --user USER`.
  var label: String {
    var label = [short.map { "-\($0)" }, long.map { "--\($0)" }].compactMap { $0 }.joined(separator: ", ")
    switch argument {
    case .none: break
    case .required(let name): label += " \(name)"
    case .optional(let name, _): label += " [\(name)]"
    }
    return label
  }
}
