/// Cuts an expression into tokens (XPath 1.0, section 3.7).
struct Lexer {
  private let source: String
  private let bytes: [UInt8]
  private let limits: XPathLimits
  private var position = 0
  private var tokens: [Token] = []

  /// The tokens of `source`, the last of them `.end`.
  static func tokens(of source: String, limits: XPathLimits) throws(XPathError) -> [Token] {
    guard source.utf8.count <= limits.sourceBytes else {
      throw XPathError(.tooLarge(what: "the expression is too long (bytes)", limit: limits.sourceBytes), expression: source)
    }
    var lexer = Lexer(source: source, limits: limits)
    try lexer.run()
    return lexer.tokens
  }

  private init(source: String, limits: XPathLimits) {
    self.source = source
    self.limits = limits
    bytes = Array(source.utf8)
  }

  private func byte(_ ahead: Int = 0) -> UInt8 {
    let index = position &+ ahead
    return index < bytes.count ? bytes[index] : 0
  }

  private mutating func run() throws(XPathError) {
    while true {
      skipSpace()
      guard tokens.count < limits.tokens else {
        throw XPathError(.tooLarge(what: "too many tokens", limit: limits.tokens), expression: source, offset: position)
      }
      let start = position
      guard start < bytes.count else {
        tokens.append(Token(kind: .end, offset: start))
        return
      }
      tokens.append(Token(kind: try next(), offset: start))
    }
  }

  private mutating func skipSpace() {
    while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private mutating func take(_ length: Int, _ kind: Token.Kind) -> Token.Kind {
    position += length
    return kind
  }

  private mutating func next() throws(XPathError) -> Token.Kind {
    switch byte() {
    case UInt8(ascii: "("): return take(1, .leftParenthesis)
    case UInt8(ascii: ")"): return take(1, .rightParenthesis)
    case UInt8(ascii: "["): return take(1, .leftBracket)
    case UInt8(ascii: "]"): return take(1, .rightBracket)
    case UInt8(ascii: "@"): return take(1, .at)
    case UInt8(ascii: ","): return take(1, .comma)
    case UInt8(ascii: "|"): return take(1, .bar)
    case UInt8(ascii: "+"): return take(1, .plus)
    case UInt8(ascii: "-"): return take(1, .minus)
    case UInt8(ascii: "="): return take(1, .equal)
    case UInt8(ascii: "/"): return byte(1) == UInt8(ascii: "/") ? take(2, .slashSlash) : take(1, .slash)
    case UInt8(ascii: "<"): return byte(1) == UInt8(ascii: "=") ? take(2, .lessOrEqual) : take(1, .less)
    case UInt8(ascii: ">"): return byte(1) == UInt8(ascii: "=") ? take(2, .greaterOrEqual) : take(1, .greater)
    case UInt8(ascii: "*"): return take(1, operatorExpected ? .multiply : .star)
    case UInt8(ascii: ":") where byte(1) == UInt8(ascii: ":"): return take(2, .colonColon)
    case UInt8(ascii: "!"):
      guard byte(1) == UInt8(ascii: "=") else { throw error(expected: "\"!=\"", at: position) }
      return take(2, .notEqual)
    case UInt8(ascii: "."):
      if Self.isDigit(byte(1)) { return number() }
      return byte(1) == UInt8(ascii: ".") ? take(2, .dotDot) : take(1, .dot)
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return try literal()
    case UInt8(ascii: "$"): return try variable()
    case let digit where Self.isDigit(digit): return number()
    default: return try name()
    }
  }

  /// True when the token before can only be followed by an operator.
  private var operatorExpected: Bool { tokens.last?.kind.endsOperand ?? false }

  private func error(expected: String, at offset: Int) -> XPathError {
    var found = "the end"
    if offset < bytes.count {
      let index = source.utf8.index(source.utf8.startIndex, offsetBy: offset)
      found = "\"\(source.unicodeScalars[index])\""
    }
    return XPathError(.syntax(expected: expected, found: found), expression: source, offset: offset)
  }

  private mutating func literal() throws(XPathError) -> Token.Kind {
    let quote = byte()
    let start = position + 1
    guard let end = bytes[start...].firstIndex(of: quote) else { throw error(expected: "a closing quote", at: bytes.count) }
    position = end + 1
    return .literal(String(decoding: bytes[start..<end], as: UTF8.self))
  }

  private mutating func number() -> Token.Kind {
    let start = position
    while Self.isDigit(byte()) { position += 1 }
    if byte() == UInt8(ascii: ".") {
      position += 1
      while Self.isDigit(byte()) { position += 1 }
    }
    return .number(XPathNumber.parse(String(decoding: bytes[start..<position], as: UTF8.self)))
  }

  private mutating func variable() throws(XPathError) -> Token.Kind {
    position += 1
    guard let first = ncName() else { throw error(expected: "a variable name", at: position) }
    guard byte() == UInt8(ascii: ":"), byte(1) != UInt8(ascii: ":") else { return .variable(first) }
    position += 1
    guard let local = ncName() else { throw error(expected: "a name after the prefix", at: position) }
    return .variable("\(first):\(local)")
  }

  /// A name in whatever role: operator, function, node type, axis or node.
  private mutating func name() throws(XPathError) -> Token.Kind {
    guard let first = ncName() else { throw error(expected: "an expression", at: position) }
    if operatorExpected {
      switch first {
      case "and": return .and
      case "or": return .or
      case "mod": return .mod
      case "div": return .div
      default: throw error(expected: "an operator", at: position - first.utf8.count)
      }
    }
    if byte() == UInt8(ascii: ":"), byte(1) != UInt8(ascii: ":") {
      position += 1
      if byte() == UInt8(ascii: "*") { return take(1, .name(prefix: first, local: nil)) }
      guard let local = ncName() else { throw error(expected: "a name or \"*\" after the prefix", at: position) }
      return follows("(") ? .function(prefix: first, local: local) : .name(prefix: first, local: local)
    }
    if follows("::") { return .axis(first) }
    guard follows("(") else { return .name(prefix: nil, local: first) }
    switch first {
    case "node", "text", "comment", "processing-instruction": return .nodeType(first)
    default: return .function(prefix: nil, local: first)
    }
  }

  /// Whether `text` comes next, after white space.
  private func follows(_ text: StaticString) -> Bool {
    var index = position
    while index < bytes.count, Self.isSpace(bytes[index]) { index += 1 }
    return text.withUTF8Buffer { bytes[index...].starts(with: $0) }
  }

  /// An XML name without colon; nil and nothing consumed when there is none.
  private mutating func ncName() -> String? {
    let start = position
    while let (scalar, length) = scalar(at: position),
      position == start ? NameCharacters.isStart(scalar) : NameCharacters.isPart(scalar)
    {
      position += length
    }
    return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
  }

  /// The character at an offset and its length in bytes. The bytes are those of a String, so they are valid UTF-8.
  private func scalar(at index: Int) -> (Unicode.Scalar, Int)? {
    guard index < bytes.count else { return nil }
    let first = bytes[index]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
    var bits = UInt32(first) & (length == 4 ? 0x07 : length == 3 ? 0x0F : 0x1F)
    for byte in bytes[(index + 1)...].prefix(length - 1) { bits = bits << 6 | UInt32(byte & 0x3F) }
    return Unicode.Scalar(bits).map { ($0, length) }
  }
}

/// The characters of names (Namespaces in XML 1.0, NCName; XML 1.0, fifth edition).
enum NameCharacters {
  static func isStart(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x41...0x5A, 0x61...0x7A, 0x5F: true
    case 0xC0...0xD6, 0xD8...0xF6, 0xF8...0x2FF, 0x370...0x37D, 0x37F...0x1FFF, 0x200C...0x200D, 0x2070...0x218F: true
    case 0x2C00...0x2FEF, 0x3001...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFFD, 0x10000...0xEFFFF: true
    default: false
    }
  }

  static func isPart(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x30...0x39, 0x2D, 0x2E, 0xB7, 0x300...0x36F, 0x203F...0x2040: true
    default: isStart(scalar)
    }
  }
}
