/// What a session's terminal is asked to do (protocol part 04, section 4.10). Terminals are clients of this daemon that
/// show text and ask their user; how they do it is theirs.
public enum TerminalEvent: Hashable, Sendable {
  /// Show it as it is, at once.
  case write(String)
  /// Show it when what runs now has ended.
  case message(String)
  /// Show it at once, even in the middle of something.
  case priority(String)
  /// Ask for a line.
  /// - id: to answer with.
  /// - choices: what may be answered, or the beginning of it if that is enough; empty: anything.
  /// - echo: whether to show what is typed.
  case prompt(id: Int64, text: String, choices: [String], echo: Bool)
  /// Read lines until the end of input (ctrl-D).
  case read(id: Int64, echo: Bool)
  /// Whoever asked does not wait any longer.
  case cancelled(id: Int64)

  // MARK: For the program that shows the CLI (protocol part 08, section 3.1)

  /// Output of a command.
  /// - isPaged: stop when the screen is full, if there is one.
  case output(String, isPaged: Bool)
  /// The command has ended, and the next one may come: 0 for success, and how to ask for it.
  case ready(status: Int64, prompt: String)
  /// The session ends, with this exit code.
  case end(code: Int64, text: String)
  /// Write what follows as `fileData` to a file of the user's.
  case writeFile(path: String, isAppended: Bool)
  case fileData(String)
  /// The file is complete: answer with nothing, or with what went wrong.
  case endFile(id: Int64)
  /// Read a file of the user's: answer with `=` and its contents, or with what went wrong.
  case readFile(id: Int64, path: String)
}
