public import NSOModel

/// A word of a command line or of a configuration text, and where it stands.
public struct TextWord: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case word, openBrace, closeBrace, openBracket, closeBracket, semicolon, pipe
  }

  public var kind: Kind
  /// Without quotes and escapes.
  public var text: String
  /// In bytes of the whole text.
  public var range: Range<Int>
  /// Some of it stood in quotes: it is a value, whatever it looks like.
  public var isQuoted = false
  /// The text ended inside of a quote.
  public var isUnfinished = false

  public init(_ kind: Kind, _ text: String, _ range: Range<Int>) {
    self.kind = kind
    self.text = text
    self.range = range
  }
}

/// Splits a command line or a configuration text into words: blanks separate them, double quotes keep blanks (`\"`, `\\`, `\n`, `\t`, `\r`
/// and three octal digits inside), `{ }`, `[ ]` and `;` are words of their own (protocol part 08, section 9.5).
public struct TextWords: Sendable {
  public struct Options: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// `|` begins a pipe; behind the first one only quotes mean something.
    public static let pipes = Options(rawValue: 1)
    /// `/* ... */`, and `#` at the beginning of a word to the end of the line, are passed over.
    public static let comments = Options(rawValue: 2)
    /// A quote that is not closed is no error.
    public static let unfinished = Options(rawValue: 4)
  }

  private let bytes: [UInt8]
  private let options: Options
  private var offset = 0
  private var brackets = 0
  private var braces = 0
  private var isInPipe = false

  public init(_ text: String, _ options: Options = []) {
    bytes = Array(text.utf8)
    self.options = options
  }

  public static func all(_ text: String, _ options: Options = []) throws(NSOError) -> [TextWord] {
    var scanner = TextWords(text, options)
    var words: [TextWord] = []
    while let word = try scanner.next() { words.append(word) }
    return words
  }

  /// The next word; nil at the end.
  /// - Throws: BADTYPE for a quote or comment that is not closed.
  public mutating func next() throws(NSOError) -> TextWord? {
    try skipBlanks()
    guard offset < bytes.count else { return nil }
    let start = offset
    if let kind = punctuation(bytes[offset]) {
      offset += 1
      return TextWord(kind, String(decoding: bytes[start..<offset], as: UTF8.self), start..<offset)
    }
    var text: [UInt8] = []
    var word = TextWord(.word, "", start..<start)
    scan: while offset < bytes.count {
      let byte = bytes[offset]
      switch byte {
      case UInt8(ascii: "\""):
        word.isQuoted = true
        offset += 1
        guard try quoted(&text, from: start) else {
          word.isUnfinished = true
          break scan
        }
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): break scan
      case UInt8(ascii: ";") where !isInPipe: break scan
      case UInt8(ascii: "]") where brackets > 0 && !isInPipe: break scan
      case UInt8(ascii: "}") where braces > 0 && !isInPipe: break scan
      case UInt8(ascii: "\\") where offset + 1 < bytes.count && Self.isSpecial(bytes[offset + 1]):
        text.append(bytes[offset + 1])
        word.isQuoted = true
        offset += 2
      default:
        text.append(byte)
        offset += 1
      }
    }
    word.text = String(decoding: text, as: UTF8.self)
    word.range = start..<offset
    return word
  }

  private mutating func punctuation(_ byte: UInt8) -> TextWord.Kind? {
    if byte == UInt8(ascii: "|"), options.contains(.pipes) {
      isInPipe = true
      return .pipe
    }
    guard !isInPipe else { return nil }
    switch byte {
    case UInt8(ascii: "{"):
      braces += 1
      return .openBrace
    case UInt8(ascii: "}"):
      braces = max(0, braces - 1)
      return .closeBrace
    case UInt8(ascii: "["):
      brackets += 1
      return .openBracket
    case UInt8(ascii: "]"):
      brackets = max(0, brackets - 1)
      return .closeBracket
    case UInt8(ascii: ";"): return .semicolon
    default: return nil
    }
  }

  /// Characters that a backslash takes their meaning from.
  private static func isSpecial(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: ";"), UInt8(ascii: "{"), UInt8(ascii: "}"),
      UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "|"):
      true
    default: false
    }
  }

  /// What stands in quotes. False: the text ends before they are closed.
  private mutating func quoted(_ text: inout [UInt8], from start: Int) throws(NSOError) -> Bool {
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""): return true
      case UInt8(ascii: "\\"):
        guard offset < bytes.count else { break }
        switch bytes[offset] {
        case UInt8(ascii: "n"): text.append(UInt8(ascii: "\n"))
        case UInt8(ascii: "t"): text.append(UInt8(ascii: "\t"))
        case UInt8(ascii: "r"): text.append(UInt8(ascii: "\r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(bytes[offset])
        default:
          if let code = octal() {
            text.append(code)
            offset += 2
          } else {
            text += [byte, bytes[offset]]
          }
        }
        offset += 1
      default: text.append(byte)
      }
    }
    guard options.contains(.unfinished) else {
      throw NSOError(.badType, "the quote at position \(start + 1) is not closed")
    }
    return false
  }

  private func octal() -> UInt8? {
    guard offset + 2 < bytes.count else { return nil }
    var code = 0
    for byte in bytes[offset...(offset + 2)] {
      guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) else { return nil }
      code = code * 8 + Int(byte - UInt8(ascii: "0"))
    }
    return UInt8(exactly: code)
  }

  private mutating func skipBlanks() throws(NSOError) {
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): offset += 1
      case UInt8(ascii: "#") where options.contains(.comments):
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
      case UInt8(ascii: "/")
      where options.contains(.comments) && offset + 1 < bytes.count && bytes[offset + 1] == UInt8(ascii: "*"):
        let start = offset
        offset += 2
        while offset + 1 < bytes.count, bytes[offset] != UInt8(ascii: "*") || bytes[offset + 1] != UInt8(ascii: "/") {
          offset += 1
        }
        guard offset + 1 < bytes.count else {
          throw NSOError(.badType, "the comment at position \(start + 1) is not closed")
        }
        offset += 2
      default: return
      }
    }
  }
}
