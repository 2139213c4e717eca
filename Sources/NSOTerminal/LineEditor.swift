/// A line that is being typed: keys in, what to do out (protocol part 08, section 9.9). Knows no terminal.
public struct LineEditor: Sendable {
  /// What a key asks for.
  public enum Action: Hashable, Sendable {
    /// The line looks different now.
    case redraw
    /// The line is complete.
    case submit(String)
    /// Complete what is in front of the cursor; the key was tab or `?`.
    case complete(Character)
    /// Ctrl-C.
    case interrupt
    /// Ctrl-D on an empty line.
    case endOfInput
    case clearScreen
  }

  static let clearToEndOfLine = "\u{1B}[K"

  private(set) var characters: [Character] = []
  private(set) var cursor = 0
  private(set) var history: [String] = []
  private let historyLimit: Int
  /// The entry of the history that is shown; nil: the new line.
  private var place: Int?
  /// The new line, while an entry of the history is shown.
  private var draft = ""
  private var killed: [Character] = []
  /// Bytes of an escape sequence, or of a character, that is not complete.
  private var escape: [UInt8] = []
  private var partial: [UInt8] = []
  private var takesNextLiterally = false
  /// The line is a secret, or an answer: no history, no completion.
  public var isPlain = false
  private static let limit = 100_000

  public init(historyLimit: Int = 1000) { self.historyLimit = historyLimit }

  public var text: String { String(characters) }

  /// The part in front of the cursor.
  public var beforeCursor: String { String(characters[..<cursor]) }

  public mutating func clear() {
    characters = []
    cursor = 0
    place = nil
  }

  /// Puts a completion in the place of what stands between an offset in bytes and the cursor.
  public mutating func replace(from start: Int, with text: String) {
    let kept = String(decoding: Array(beforeCursor.utf8).prefix(max(0, start)), as: UTF8.self)
    let rest = characters[cursor...]
    characters = Array(kept + text) + rest
    cursor = characters.count - rest.count
  }

  public mutating func remember(_ line: String) {
    place = nil
    guard !line.isEmpty, line != history.last else { return }
    history.append(line)
    if history.count > historyLimit { history.removeFirst() }
  }

  /// A key, or a part of one.
  public mutating func feed(_ byte: UInt8) -> Action? {
    if takesNextLiterally {
      takesNextLiterally = false
      insert(Character(Unicode.Scalar(byte)))
      return .redraw
    }
    if !escape.isEmpty { return feedEscape(byte) }
    switch byte {
    case 1: cursor = 0
    case 2: cursor = max(0, cursor - 1)
    case 3:
      clear()
      return .interrupt
    case 4:
      if characters.isEmpty { return .endOfInput }
      if cursor < characters.count { characters.remove(at: cursor) }
    case 5: cursor = characters.count
    case 6: cursor = min(characters.count, cursor + 1)
    case 8, 127: if cursor > 0 { cursor -= 1; characters.remove(at: cursor) }
    case 9: return isPlain ? nil : .complete("\t")
    case 10, 13:
      let line = text
      clear()
      return .submit(line)
    case 11: kill(cursor..<characters.count)
    case 12: return .clearScreen
    case 14: showHistory(1)
    case 16: showHistory(-1)
    case 20: transpose()
    case 21, 24: kill(0..<characters.count)
    case 22: takesNextLiterally = true
    case 23: kill(wordStart..<cursor)
    case 25:
      characters.insert(contentsOf: killed, at: cursor)
      cursor += killed.count
    case 27:
      escape = [27]
      return nil
    case UInt8(ascii: "?") where !isPlain && !isInQuotes: return .complete("?")
    case 0..<32: return nil
    case 128...:
      partial.append(byte)
      guard let text = String(validating: partial, as: UTF8.self) else {
        if partial.count >= 4 { partial = [] }
        return nil
      }
      partial = []
      for character in text { insert(character) }
    default: insert(Character(Unicode.Scalar(byte)))
    }
    return .redraw
  }

  private mutating func feedEscape(_ byte: UInt8) -> Action? {
    escape.append(byte)
    if escape.count == 2 {
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "O"): return nil
      case UInt8(ascii: "b"): cursor = wordStart
      case UInt8(ascii: "f"): cursor = wordEnd
      case UInt8(ascii: "d"): kill(cursor..<wordEnd)
      case 8, 127: kill(wordStart..<cursor)
      case UInt8(ascii: "q"): takesNextLiterally = true
      case UInt8(ascii: "c"): change { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }
      case UInt8(ascii: "l"): change { $0.lowercased() }
      case UInt8(ascii: "u"): change { $0.uppercased() }
      default: break
      }
      escape = []
      return .redraw
    }
    guard byte >= 0x40, byte <= 0x7E else {
      if escape.count > 12 { escape = [] }
      return nil
    }
    let sequence = String(decoding: escape.dropFirst(2), as: UTF8.self)
    escape = []
    switch sequence {
    case "A": showHistory(-1)
    case "B": showHistory(1)
    case "C": cursor = min(characters.count, cursor + 1)
    case "D": cursor = max(0, cursor - 1)
    case "H", "1~", "7~": cursor = 0
    case "F", "4~", "8~": cursor = characters.count
    case "3~": if cursor < characters.count { characters.remove(at: cursor) }
    case "1;5C", "5C": cursor = wordEnd
    case "1;5D", "5D": cursor = wordStart
    default: return nil
    }
    return .redraw
  }

  private mutating func insert(_ character: Character) {
    guard characters.count < Self.limit else { return }
    characters.insert(character, at: cursor)
    cursor += 1
  }

  private mutating func kill(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    killed = Array(characters[range])
    characters.removeSubrange(range)
    cursor = range.lowerBound
  }

  private mutating func transpose() {
    guard cursor > 0, characters.count > 1 else { return }
    if cursor == characters.count { cursor -= 1 }
    characters.swapAt(cursor - 1, cursor)
    cursor += 1
  }

  private mutating func change(_ body: (String) -> String) {
    let end = wordEnd
    let changed = Array(body(String(characters[cursor..<end])))
    characters.replaceSubrange(cursor..<end, with: changed)
    cursor += changed.count
  }

  private var wordStart: Int {
    var index = cursor
    while index > 0, characters[index - 1] == " " { index -= 1 }
    while index > 0, characters[index - 1] != " " { index -= 1 }
    return index
  }

  private var wordEnd: Int {
    var index = cursor
    while index < characters.count, characters[index] == " " { index += 1 }
    while index < characters.count, characters[index] != " " { index += 1 }
    return index
  }

  /// An odd number of quotes stands in front of the cursor.
  private var isInQuotes: Bool {
    var isOpen = false
    var isEscaped = false
    for character in characters[..<cursor] {
      if isEscaped {
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "\"" {
        isOpen.toggle()
      }
    }
    return isOpen
  }

  private mutating func showHistory(_ step: Int) {
    guard !isPlain else { return }
    let next = (place ?? history.count) + step
    guard next >= 0, next <= history.count else { return }
    if place == nil { draft = text }
    place = next == history.count ? nil : next
    characters = Array(place.map { history[$0] } ?? draft)
    cursor = characters.count
  }

  /// What shows the line behind its prompt: goes to the start of the screen line, writes, and puts the cursor where it is. Of a line that is
  /// longer than the screen the part around the cursor is shown.
  public func rendering(prompt: String, width: Int, echo: Bool = true) -> String {
    let room = max(10, width - prompt.count - 1)
    let start = cursor > room ? cursor - room : 0
    let end = min(characters.count, start + room)
    let shown = echo ? String(characters[start..<end]) : String(repeating: "*", count: end - start)
    let back = end - cursor
    return "\r" + prompt + shown + Self.clearToEndOfLine + (back > 0 ? "\u{1B}[\(back)D" : "")
  }
}
