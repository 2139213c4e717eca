/// What a session of the CLI has to say, and what whoever shows it has to deal with.
public enum CommandLineEvent: Sendable {
  /// Output of a command; paged: stop when the screen is full.
  case output(String, isPaged: Bool)
  /// The next command may come: 0 for success of the one before, and how to ask for it.
  case ready(status: Int64, prompt: String)
  /// The session is over.
  case end(code: Int32)
  /// A question is to be answered with a line.
  case prompt(id: Int64, text: String, echo: Bool)
  /// Lines up to the end of input are wanted.
  case read(id: Int64, echo: Bool)
  /// Whoever asked does not wait any longer.
  case cancelled(id: Int64)
}

/// What completes a line.
public struct LineCompletion: Sendable {
  /// In bytes: the part of the line that is replaced.
  public var start: Int
  public var replacement: String
  /// Nothing else fits, so that a blank may follow.
  public var isUnique: Bool
  /// All that fits, as it is shown.
  public var text: String

  public init(start: Int, replacement: String, isUnique: Bool, text: String) {
    self.start = start
    self.replacement = replacement
    self.isUnique = isUnique
    self.text = text
  }
}

/// A session of the CLI, wherever it is: in the daemon at the other end of a connection, or in this process.
public protocol CommandLinePort: Sendable {
  /// Waits for the next event; the end of the session is one.
  func next() async throws -> CommandLineEvent
  /// Begins to carry out a line; its end is an event.
  func execute(_ line: String) async throws
  /// Ends what is carried out, soon.
  func interrupt() async throws
  /// Completes the part of a line in front of the cursor; the key was tab or `?`.
  func complete(_ line: String, _ key: Character) async throws -> LineCompletion
  /// The screen has another size from now on.
  func resize(to size: ScreenSize) async throws
  /// Answers a question; nil: the user ended the input. A question that is gone is no error.
  func answer(_ id: Int64, _ text: String?) async throws
  /// Nobody shows the session any more.
  func finish() async
}

/// Columns and lines.
public struct ScreenSize: Hashable, Sendable {
  public var width: Int
  public var height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }
}

/// Where text is shown.
public protocol CommandLineScreen: Sendable {
  /// Returns when there is room for more.
  func show(_ text: String) async
  /// As it is now; nil where it is not known.
  var size: ScreenSize? { get }
}

/// Where bytes come from: what is typed, or a script.
public protocol CommandLineInput: Sendable {
  /// For messages.
  var name: String { get }
  /// The next ones; nil at the end.
  func nextBytes() async throws -> [UInt8]?
}

/// Input that cannot be used.
public struct CommandLineFault: Error, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}
