/// What CLI sessions go by, from `ncs.conf` (`/ncs-config/cli`, protocol part 08, section 7).
public struct CLISettings: Hashable, Sendable {
  /// Whether there are CLI sessions at all.
  public var isEnabled = true
  /// `j` or `c`: where the program that shows the CLI asks for none.
  public var style = "j"
  /// Prompts of operational and of configure mode; escapes as in protocol part 08, section 9.9.
  public var prompt1 = "\\u@\\h\\M> "
  public var prompt2 = "\\u@\\h\\M% "
  /// Where `\h` cuts the name of the host.
  public var hostDelimiter = "."
  /// Text at the start of a session.
  public var banner = ""
  /// Seconds without input after which a session ends; 0: never.
  public var idleTimeout: Int64 = 1800
  /// Leafs at their defaults are shown.
  public var showsDefaults = false
  /// How many completions are listed at most.
  public var completionLimit = 100
  /// What stands in front of a command where access rules look at it (`mode-info-in-aaa`).
  public enum ModeInformation: Hashable, Sendable { case none, mode, path }
  public var modeInformation = ModeInformation.none
  /// The longest history that a session remembers.
  public var historyLimit = 1000

  public init() {}
}

/// What the program that shows a session says of itself when it opens it.
public struct CLIOpening: Hashable, Sendable {
  /// `j`, `c`, or empty for that of the configuration.
  public var style: String
  /// The name of the host for prompts.
  public var host: String
  /// Somebody types: there are prompts, questions and status lines.
  public var isInteractive: Bool
  public var width: Int
  public var height: Int
  /// Authorization is off (`--noaaa`).
  public var withoutAuthorization: Bool
  /// The program may act for every user; else for its own only.
  public var isTrusted = true

  public init(
    style: String = "", host: String = "", isInteractive: Bool = false, width: Int = 80, height: Int = 24,
    withoutAuthorization: Bool = false
  ) {
    self.style = style
    self.host = host
    self.isInteractive = isInteractive
    self.width = width
    self.height = height
    self.withoutAuthorization = withoutAuthorization
  }
}

/// A command line that is not understood, and where.
struct SyntaxError: Error {
  /// In bytes of the line.
  var offset: Int
  var message: String
  /// What could stand there.
  var alternatives: [String] = []
}

/// A command that was understood and failed: the whole text, as it is shown.
struct CommandFailure: Error {
  var text: String
}

/// How much the commands of a session show, and how.
struct CLIParameters: Sendable {
  /// Names, what they mean, and their values.
  static let known: [(name: String, help: String)] = [
    ("autowizard", "ask for mandatory leafs of new entries (has no effect yet)"),
    ("complete-on-space", "complete words when space is typed"),
    ("display-level", "depth of what is shown (has no effect yet)"), ("history", "how many commands are remembered"),
    ("idle-timeout", "seconds without input after which the session ends; 0: never"),
    ("paginate", "stop when the screen is full"), ("screen-length", "lines of the screen; 0: no pages"),
    ("screen-width", "columns of the screen; 0: any number"), ("show-defaults", "show leafs that have their default value"),
  ]

  private(set) var values: [String: String]

  init(_ settings: CLISettings, _ opening: CLIOpening) {
    values = [
      "autowizard": "false", "complete-on-space": "false", "display-level": "99999", "history": "\(settings.historyLimit)",
      "idle-timeout": "\(settings.idleTimeout)", "paginate": opening.isInteractive ? "true" : "false",
      "screen-length": "\(opening.height)", "screen-width": "\(opening.width)",
      "show-defaults": settings.showsDefaults ? "true" : "false",
    ]
  }

  func flag(_ name: String) -> Bool { values[name] == "true" }
  func number(_ name: String) -> Int { values[name].flatMap { Int($0) } ?? 0 }

  /// - Returns: what is wrong; nil when it is set.
  mutating func set(_ name: String, _ value: String) -> String? {
    guard let old = values[name] else {
      return "there is no parameter \(name); known are \(Self.known.map(\.name).joined(separator: ", "))"
    }
    if old == "true" || old == "false" {
      guard value == "true" || value == "false" else { return "\(name) is true or false" }
    } else {
      guard let number = Int(value), (0...1_000_000_000).contains(number) else { return "\(name) is a number from 0 on" }
    }
    values[name] = value
    return nil
  }
}
