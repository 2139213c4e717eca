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
}
