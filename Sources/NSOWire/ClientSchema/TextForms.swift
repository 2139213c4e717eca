#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The SMIv2 display hint of a binary, for example `1x:` (RFC 2579, section 3.1): how many octets make a number, its base,
/// and what stands between.
struct DisplayHint {
  private enum Base: Character {
    case decimal = "d"
    case hexadecimal = "x"
    case octal = "o"
    case ascii = "a"
    case utf8 = "t"

    var radix: Int {
      switch self {
      case .hexadecimal: 16
      case .octal: 8
      case .decimal, .ascii, .utf8: 10
      }
    }
  }

  private struct Part {
    var length: Int
    var base: Base
    var separator: Character?
  }

  private var parts: [Part] = []

  /// Nil for what is no hint. Repetition by a count in the data (`*`) is not known.
  init?(_ text: String) {
    var rest = text[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      guard let length = Int(digits), (1...255).contains(length), let base = rest.popFirst().flatMap(Base.init(rawValue:))
      else {
        return nil
      }
      var part = Part(length: length, base: base, separator: nil)
      if let next = rest.first, !next.isNumber, next != "*" {
        part.separator = next
        rest.removeFirst()
      }
      parts.append(part)
    }
    guard !parts.isEmpty else { return nil }
  }

  /// The last part repeats as long as there are octets.
  private func part(_ index: Int) -> Part { parts[min(index, parts.count - 1)] }

  func text(_ octets: [UInt8]) -> String? {
    var text = ""
    var rest = octets[...]
    var index = 0
    while !rest.isEmpty {
      let part = part(index)
      index += 1
      let group = rest.prefix(part.length)
      rest = rest.dropFirst(group.count)
      switch part.base {
      case .ascii, .utf8:
        guard let piece = String(validating: group, as: UTF8.self) else { return nil }
        text += piece
      case .decimal, .hexadecimal, .octal:
        guard group.count <= 8 else { return nil }
        text += String(group.reduce(0) { $0 << 8 | UInt64($1) }, radix: part.base.radix, uppercase: true)
      }
      if !rest.isEmpty, let separator = part.separator { text.append(separator) }
    }
    return text
  }

  func octets(_ text: String) -> [UInt8]? {
    var octets: [UInt8] = []
    var rest = text[...]
    var index = 0
    while !rest.isEmpty {
      let part = part(index)
      index += 1
      switch part.base {
      case .ascii, .utf8:
        var piece = rest.prefix { $0 != part.separator }
        while piece.utf8.count > part.length { piece.removeLast() }
        guard !piece.isEmpty else { return nil }
        octets += Array(piece.utf8)
        rest = rest.dropFirst(piece.count)
      case .decimal, .hexadecimal, .octal:
        // Without separator a number takes the digits that its octets can have.
        let widest = part.separator == nil ? part.length * 2 : Int.max
        let piece = rest.prefix { $0.isHexDigit && $0.isASCII }.prefix(widest)
        guard part.length <= 8, !piece.isEmpty, let number = UInt64(piece, radix: part.base.radix) else { return nil }
        guard part.length == 8 || number >> UInt64(8 * part.length) == 0 else { return nil }
        octets += (0..<part.length).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
        rest = rest.dropFirst(piece.count)
      }
      if !rest.isEmpty, let separator = part.separator {
        guard rest.popFirst() == separator, !rest.isEmpty else { return nil }
      }
    }
    return octets
  }
}

/// Texts of floats as the built-in types have them.
enum FloatText {
  /// 16 significant digits, as `printf` writes with `%#.16g`.
  static func significant(_ number: Double) -> String {
    var bytes = [CChar](repeating: 0, count: 64)
    let count = withVaList([number]) { vsnprintf(&bytes, bytes.count, "%#.16g", $0) }
    return String(decoding: bytes.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// No exponent, at least one decimal.
  static func plain(_ number: Double) -> String {
    let text = number.description
    guard let mark = text.firstIndex(of: "e"), let exponent = Int(text[text.index(after: mark)...]) else { return text }
    let isNegative = text.hasPrefix("-")
    let mantissa = text[..<mark].drop { $0 == "-" }
    let whole = mantissa.prefix { $0 != "." }
    let fraction = mantissa.dropFirst(whole.count + 1)
    var digits = String(whole + fraction)
    var point = whole.count + exponent
    if point <= 0 {
      digits = String(repeating: "0", count: 1 - point) + digits
      point = 1
    }
    if point >= digits.count { digits += String(repeating: "0", count: point + 1 - digits.count) }
    return (isNegative ? "-" : "") + digits.prefix(point) + "." + digits.dropFirst(point)
  }
}
