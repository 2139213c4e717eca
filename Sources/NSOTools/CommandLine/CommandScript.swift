/// One command of a script with its words.
struct ScriptCommand: Hashable, Sendable {
  var words: [String]
  /// Line of the first word, from 1.
  var line: Int
}

/// A script that cannot be split into commands.
struct ScriptError: Error, Hashable, Sendable, CustomStringConvertible {
  var line: Int
  var reason: String

  var description: String { "line \(line): \(reason)" }
}

/// Splits the small language of `ncs_cmd` into commands (protocol part 08, section 4): commands end at `;` or a newline, a word
/// that starts with `#` begins a comment, quotes and backslash work as in a shell word. In a word that starts with `/`, a
/// path, braces hold together what is between them, quotes included, so that `/route{10.0.0.0/8 192.0.2.1}` is one word.
enum CommandScript {
  static func parse(_ text: String) throws(ScriptError) -> [ScriptCommand] {
    var scanner = Scanner(text: text)
    return try scanner.commands()
  }

  private struct Scanner {
    private var rest: Substring
    private var line = 1
    private var finished: [ScriptCommand] = []
    private var words: [String] = []
    private var commandLine = 1

    init(text: String) { rest = text[...] }

    mutating func commands() throws(ScriptError) -> [ScriptCommand] {
      while let character = rest.first {
        switch character {
        case "\n", "\r\n":
          endCommand()
          take()
        case ";":
          endCommand()
          take()
        case " ", "\t", "\r":
          take()
        case "#":
          while let next = rest.first, !next.isNewline { take() }
        default:
          if words.isEmpty { commandLine = line }
          words.append(try word())
        }
      }
      endCommand()
      return finished
    }

    private mutating func endCommand() {
      if !words.isEmpty { finished.append(ScriptCommand(words: words, line: commandLine)) }
      words = []
    }

    @discardableResult
    private mutating func take() -> Character? {
      guard let character = rest.popFirst() else { return nil }
      if character.isNewline { line += 1 }
      return character
    }

    private mutating func word() throws(ScriptError) -> String {
      let isPath = rest.first == "/"
      var word = ""
      while let character = rest.first {
        switch character {
        case " ", "\t", "\r", "\n", "\r\n", ";":
          return word
        case "'":
          word += try quoted(by: "'", escapes: false)
        case "\"":
          word += try quoted(by: "\"", escapes: true)
        case "\\":
          take()
          guard let next = take() else { throw ScriptError(line: line, reason: "nothing follows the backslash at the end") }
          word.append(next)
        case "{" where isPath:
          word += try braces()
        default:
          word.append(character)
          take()
        }
      }
      return word
    }

    private mutating func quoted(by quote: Character, escapes: Bool) throws(ScriptError) -> String {
      let start = line
      take()
      var text = ""
      while let character = take() {
        if character == quote { return text }
        if escapes, character == "\\", let next = rest.first, next == "\"" || next == "\\" {
          text.append(next)
          take()
        } else {
          text.append(character)
        }
      }
      throw ScriptError(line: start, reason: "the quote \(quote) is not closed")
    }

    /// Everything to the closing brace, quotes and backslashes kept: the path's own rules read them.
    private mutating func braces() throws(ScriptError) -> String {
      let start = line
      var text = ""
      var inQuotes = false
      while let character = take() {
        text.append(character)
        switch character {
        case "\\":
          if let next = take() { text.append(next) }
        case "\"":
          inQuotes.toggle()
        case "}" where !inQuotes:
          return text
        default:
          break
        }
      }
      throw ScriptError(line: start, reason: "the brace { is not closed")
    }
  }
}
