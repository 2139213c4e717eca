import NSOEngine
import NSOModel

/// The words of a command that were not taken yet.
struct Arguments {
  var words: ArraySlice<TextWord>
  /// Where the line ends, for what is missing.
  let end: Int

  var isEmpty: Bool { words.isEmpty }

  /// The next word must be one of these, or the beginning of one only.
  mutating func keyword(_ known: [CommandTable.Word]) throws -> String {
    guard let word = words.first else {
      throw SyntaxError(offset: end, message: "incomplete command", alternatives: known.map(\.name))
    }
    let name = try Self.choose(word, known.map(\.name), "unknown argument")
    words.removeFirst()
    return name
  }

  static func choose(_ word: TextWord, _ names: [String], _ what: String) throws -> String {
    if names.contains(word.text) { return word.text }
    let fitting = word.isQuoted ? [] : names.filter { $0.hasPrefix(word.text) }
    if fitting.count == 1 { return fitting[0] }
    throw SyntaxError(
      offset: word.range.lowerBound, message: fitting.isEmpty ? what : "\"\(word.text)\" is ambiguous",
      alternatives: fitting.isEmpty ? names : fitting)
  }

  /// Any word.
  mutating func word(_ what: String) throws -> String {
    guard let word = words.popFirst() else { throw SyntaxError(offset: end, message: "\(what) is missing") }
    guard word.kind == .word else { throw SyntaxError(offset: word.range.lowerBound, message: "\(what) is expected") }
    return word.text
  }

  /// All that is left, as one text.
  mutating func text() -> String {
    defer { words = [] }
    return words.map(\.text).joined(separator: " ")
  }

  func requireEnd() throws {
    guard let word = words.first else { return }
    throw SyntaxError(offset: word.range.lowerBound, message: "too many words")
  }
}

/// What the pipes behind a command ask for.
struct Pipes {
  var filters: [LineFilter] = []
  var format: DocumentFormat?
  var isCompare = false
  var withDefaults = false
  var tables: StatusPrinter.TableUse = .fitting
  var isPaged = true
  var file: (path: String, isAppended: Bool)?

  init(_ pipes: [Arguments]) throws {
    for var pipe in pipes {
      let name = try pipe.keyword(CommandTable.pipes)
      switch name {
      case "match", "include":
        var context = 0
        if pipe.words.first?.text == "-c", let number = pipe.words.dropFirst().first.flatMap({ Int($0.text) }) {
          context = min(max(0, number), 1000)
          pipe.words = pipe.words.dropFirst(2)
        }
        filters.append(LineFilter(.include(try Self.pattern(&pipe), context: context)))
      case "except", "exclude": filters.append(LineFilter(.exclude(try Self.pattern(&pipe))))
      case "begin": filters.append(LineFilter(.begin(try Self.pattern(&pipe))))
      case "until": filters.append(LineFilter(.until(try Self.pattern(&pipe))))
      case "count": filters.append(LineFilter(.count))
      case "linnum": filters.append(LineFilter(.number))
      case "compare":
        isCompare = true
        if pipe.words.first?.text == "running" { pipe.words.removeFirst() }
      case "details": withDefaults = true
      case "display":
        switch try pipe.keyword(CommandTable.displays) {
        case "xml": format = .xmlPretty
        case "json": format = .jsonPretty
        case "set": format = .setCommands
        case "keypath": format = .keypaths
        default: format = .curly
        }
      case "more": isPaged = true
      case "nomore": isPaged = false
      case "tab": tables = .always
      case "notab": tables = .never
      default: file = (try pipe.word("the name of a file"), name == "append")
      }
      try pipe.requireEnd()
    }
  }

  private static func pattern(_ pipe: inout Arguments) throws -> LinePattern {
    let offset = pipe.words.first?.range.lowerBound ?? pipe.end
    let text = try pipe.word("a pattern")
    do throws(LinePattern.Fault) { return try LinePattern(text) } catch {
      throw SyntaxError(offset: offset, message: "the pattern \(text): \(error.message)")
    }
  }
}
