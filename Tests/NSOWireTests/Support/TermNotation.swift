import ExternalTerm

/// Reads the notation of the vector files: `{a, b}`, `[a, b | c]`, `'x'`, `true`, `bin "…"`, and the variants of single
/// files: `"…"` for a binary, `string "…"` and `chars "…"` for a list of characters, `bin hex:…`, `atom 'x'`.
struct TermNotation {
  private var text: Substring
  private init(_ text: String) { self.text = text[...] }

  /// Nil when the text is a description instead of a term.
  static func parse(_ text: String) -> Term? {
    var parser = TermNotation(text)
    guard let term = parser.term() else { return nil }
    parser.blanks()
    return parser.text.isEmpty ? term : nil
  }

  private mutating func blanks() { text = text.drop { $0 == " " || $0 == "\n" } }

  private mutating func take(_ token: String) -> Bool {
    guard text.hasPrefix(token) else { return false }
    text = text.dropFirst(token.count)
    return true
  }

  private mutating func term() -> Term? {
    blanks()
    if take("{") { return elements(until: "}")?.0.tupled }
    if take("[") {
      guard let (elements, tail) = elements(until: "]") else { return nil }
      return tail.map { .improperList(elements, tail: $0) } ?? .list(elements)
    }
    if take("#{") {
      var pairs: [Term.Pair] = []
      while !take("}") {
        guard let key = term() else { return nil }
        blanks()
        guard take("=>"), let value = term() else { return nil }
        pairs.append(Term.Pair(key, value))
        blanks()
        _ = take(",")
      }
      return .map(pairs)
    }
    _ = take("atom ")
    if take("'") { return quoted("'").map { .atom(String(decoding: $0, as: UTF8.self)) } }
    if take("true") { return .bool(true) }
    if take("false") { return .bool(false) }
    if take("bin hex:") {
      let digits = text.prefix { $0.isHexDigit }
      text = text.dropFirst(digits.count)
      return .binary(hexBytes(String(digits)))
    }
    if take("bits(") {
      guard let close = text.firstIndex(of: "<") else { return nil }
      text = text[close...].dropFirst(2)
      guard let end = text.firstIndex(of: ">") else { return nil }
      let parts = text[..<end].split(separator: ",").map { $0.split(separator: ":").compactMap { UInt8($0) } }
      text = text[end...].dropFirst(2)
      guard let last = parts.last, let byte = last.first else { return nil }
      let bits = last.count > 1 ? last[1] : 8
      return .bitString(parts.dropLast().compactMap(\.first) + [byte << (8 - bits)], bitsInLast: bits)
    }
    if take("string \"") || take("chars \"") {
      return quoted("\"").map { bytes in
        .list(String(decoding: bytes, as: UTF8.self).unicodeScalars.map { .integer(Int64($0.value)) })
      }
    }
    if take("bin \"") || take("\"") { return quoted("\"").map { .binary($0) } }
    return number()
  }

  private mutating func elements(until close: String) -> ([Term], tail: Term?)? {
    var elements: [Term] = []
    while true {
      blanks()
      if take(close) { return (elements, nil) }
      guard let element = term() else { return nil }
      elements.append(element)
      blanks()
      if take("|") {
        guard let tail = term() else { return nil }
        blanks()
        return take(close) ? (elements, tail) : nil
      }
      guard take(",") || text.hasPrefix(close) else { return nil }
    }
  }

  private mutating func quoted(_ quote: Character) -> [UInt8]? {
    var bytes: [UInt8] = []
    while let character = text.popFirst() {
      if character == quote { return bytes }
      guard character == "\\" else {
        bytes += Array(String(character).utf8)
        continue
      }
      guard let escape = text.popFirst() else { return nil }
      switch escape {
      case "x":
        let digits = text.prefix(2)
        guard let byte = UInt8(digits, radix: 16) else { return nil }
        text = text.dropFirst(2)
        bytes.append(byte)
      case "0": bytes.append(0)
      case "n": bytes.append(10)
      case "r": bytes.append(13)
      case "t": bytes.append(9)
      default: bytes += Array(String(escape).utf8)
      }
    }
    return nil
  }

  private mutating func number() -> Term? {
    let digits = text.prefix { $0.isNumber || "+-.e".contains($0) }
    guard !digits.isEmpty else { return nil }
    text = text.dropFirst(digits.count)
    if digits.contains(".") { return Double(digits).map(Term.float) }
    if let small = Int64(digits) { return .integer(small) }
    if let wide = UInt64(digits) { return .bigInteger(BigInteger(wide)) }
    // The one larger number in the vectors is 2^64.
    return digits == "18446744073709551616"
      ? .bigInteger(BigInteger(isNegative: false, magnitude: [0, 0, 0, 0, 0, 0, 0, 0, 1])) : nil
  }
}

extension [Term] {
  fileprivate var tupled: Term { .tuple(self) }
}
