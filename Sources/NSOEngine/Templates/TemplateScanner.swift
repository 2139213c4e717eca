/// Goes through the texts of a template: values, instructions, calls of macros.
struct TemplateScanner {
  private let bytes: [UInt8]
  private var index = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool { index >= bytes.count }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D }

  private static func isNameStart(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  private static func isNamePart(_ byte: UInt8) -> Bool {
    isNameStart(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
  }

  private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// What comes next, for messages.
  var excerpt: String { text(index..<min(bytes.count, index + 40)) }

  mutating func skipSpace() { while index < bytes.count, Self.isSpace(bytes[index]) { index += 1 } }

  mutating func accept(_ character: Unicode.Scalar) -> Bool {
    guard index < bytes.count, UInt32(bytes[index]) == character.value else { return false }
    index += 1
    return true
  }

  /// A name, after white space; nil and nothing but white space passed when there is none.
  mutating func name() -> String? {
    skipSpace()
    let start = index
    guard index < bytes.count, Self.isNameStart(bytes[index]) else { return nil }
    while index < bytes.count, Self.isNamePart(bytes[index]) { index += 1 }
    return text(start..<index)
  }

  /// The longest name here that is a parameter, a point or hyphen after it being no part of it; nil and nothing passed without one.
  mutating func parameter(among values: [String: String]) -> String? {
    let start = index
    guard index < bytes.count, Self.isNameStart(bytes[index]) else { return nil }
    var end = index
    while end < bytes.count, Self.isNamePart(bytes[end]) { end += 1 }
    while end > start {
      let name = text(start..<end)
      if values[name] != nil {
        index = end
        return name
      }
      guard let cut = bytes[start..<end].lastIndex(where: { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }) else { break }
      end = cut
    }
    return nil
  }

  /// Text between quotes of one kind; nil without a closing one.
  mutating func quoted() -> String? {
    guard index < bytes.count, bytes[index] == UInt8(ascii: "'") || bytes[index] == UInt8(ascii: "\"") else { return nil }
    guard let end = bytes[(index + 1)...].firstIndex(of: bytes[index]) else { return nil }
    defer { index = end + 1 }
    return text((index + 1)..<end)
  }

  /// Everything before the first byte that fits, or to the end.
  mutating func upTo(_ stops: (UInt8) -> Bool) -> String {
    let start = index
    while index < bytes.count, !stops(bytes[index]) { index += 1 }
    return text(start..<index)
  }

  /// An expression up to its closing brace, which is passed; braces in its literals do not count. Nil without one.
  mutating func expression() -> String? {
    let start = index
    var quote: UInt8?
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if let open = quote {
        if byte == open { quote = nil }
      } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = byte
      } else if byte == UInt8(ascii: "}") {
        return text(start..<(index - 1))
      }
    }
    return nil
  }

  /// The parts of the text between semicolons that stand outside of expressions.
  mutating func clauses() -> [String] {
    var clauses: [String] = []
    var start = index
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "{") {
        _ = expression()
      } else if byte == UInt8(ascii: ";") {
        clauses.append(text(start..<(index - 1)))
        start = index
      }
    }
    clauses.append(text(start..<bytes.count))
    return clauses
  }
}
