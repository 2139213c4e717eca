/// The first statements of a YANG file, read without the library: whether it is a module at all, its name and its newest
/// revision.
struct ModuleHeader {
  var isSubmodule: Bool
  var name: String
  var revision: String?

  /// Nil when the text does not begin with `module NAME {` or `submodule NAME {`: the library then says what is wrong.
  init?(_ text: [CChar]) {
    var scanner = YANGScanner(text)
    guard let keyword = scanner.next(), keyword.text == "module" || keyword.text == "submodule",
      let name = scanner.next(), let brace = scanner.next(), brace.kind == .open
    else { return nil }
    isSubmodule = keyword.text == "submodule"
    self.name = name.text
    revision = nil
    var depth = 1
    var expectsKeyword = true
    while depth > 0, let token = scanner.next() {
      switch token.kind {
      case .open:
        depth += 1
        expectsKeyword = true
      case .close:
        depth -= 1
        expectsKeyword = true
      case .end: expectsKeyword = true
      case .text:
        guard expectsKeyword else { continue }
        expectsKeyword = false
        guard depth == 1 else { continue }
        switch token.text {
        case "revision":
          if let date = scanner.next(), date.kind == .text, date.text > revision ?? "" { revision = date.text }
        // Nothing after the revisions can be one.
        case "container", "list", "leaf", "leaf-list", "typedef", "grouping", "identity", "augment", "extension", "feature",
          "choice", "uses", "rpc", "notification", "deviation":
          return
        default: break
        }
      }
    }
  }
}

/// Splits YANG text into tokens: braces, semicolons, and words or quoted strings. Never fails: it serves to look up names
/// and lines, while the library judges the text.
struct YANGScanner {
  enum Kind { case open, close, end, text }

  struct Token {
    var kind: Kind
    var text: String
    var line: Int
  }

  private let bytes: [CChar]
  private var index = 0
  private(set) var line = 1

  init(_ bytes: [CChar]) { self.bytes = bytes }

  private func byte(_ offset: Int = 0) -> UInt8 {
    let place = index + offset
    return place < bytes.count ? UInt8(bitPattern: bytes[place]) : 0
  }

  mutating func next() -> Token? {
    skipBlanksAndComments()
    let start = line
    switch byte() {
    case 0: return nil
    case UInt8(ascii: "{"):
      index += 1
      return Token(kind: .open, text: "{", line: start)
    case UInt8(ascii: "}"):
      index += 1
      return Token(kind: .close, text: "}", line: start)
    case UInt8(ascii: ";"):
      index += 1
      return Token(kind: .end, text: ";", line: start)
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return Token(kind: .text, text: quoted(), line: start)
    default: return Token(kind: .text, text: word(), line: start)
    }
  }

  private mutating func skipBlanksAndComments() {
    while true {
      switch byte() {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): index += 1
      case UInt8(ascii: "\n"):
        index += 1
        line += 1
      case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "/"):
        while byte() != 0, byte() != UInt8(ascii: "\n") { index += 1 }
      case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "*"):
        index += 2
        while byte() != 0, !(byte() == UInt8(ascii: "*") && byte(1) == UInt8(ascii: "/")) {
          if byte() == UInt8(ascii: "\n") { line += 1 }
          index += 1
        }
        if byte() != 0 { index += 2 }
      // A byte order mark.
      case 0xEF where byte(1) == 0xBB && byte(2) == 0xBF: index += 3
      default: return
      }
    }
  }

  private mutating func word() -> String {
    let start = index
    while true {
      switch byte() {
      case 0, UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"), UInt8(ascii: "{"),
        UInt8(ascii: "}"), UInt8(ascii: ";"):
        return text(start..<index)
      default: index += 1
      }
    }
  }

  private mutating func quoted() -> String {
    let quote = byte()
    index += 1
    let start = index
    while byte() != 0, byte() != quote {
      if byte() == UInt8(ascii: "\n") { line += 1 }
      if quote == UInt8(ascii: "\""), byte() == UInt8(ascii: "\\"), byte(1) != 0 { index += 1 }
      index += 1
    }
    let end = index
    if byte() != 0 { index += 1 }
    return text(start..<end)
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: bytes[range].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
