/// Numbers and their text (XPath 1.0, sections 3.5, 4.2 and 4.4).
enum XPathNumber {
  /// The number that a text stands for: white space, an optional minus sign, digits with at most one point, white
  /// space; everything else is not a number.
  static func parse(_ text: String) -> Double {
    var bytes = Array(text.utf8)[...]
    while let first = bytes.first, Lexer.isSpace(first) { bytes.removeFirst() }
    while let last = bytes.last, Lexer.isSpace(last) { bytes.removeLast() }
    var rest = bytes
    if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    var digits = 0
    var points = 0
    for byte in rest {
      if (0x30...0x39).contains(byte) {
        digits += 1
      } else if byte == UInt8(ascii: ".") {
        points += 1
      } else {
        return .nan
      }
    }
    guard digits > 0, points <= 1 else { return .nan }
    return Double(String(decoding: bytes, as: UTF8.self)) ?? .nan
  }

  /// The text of a number: no exponent, no plus sign, no decimal point for integers.
  static func text(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
    if number == 0 { return "0" }
    if number.magnitude < 1e15, let integer = Int64(exactly: number) { return String(integer) }
    // The shortest digits that give the number back, then the exponent written out.
    let shortest = number.magnitude.description
    let parts = shortest.split(separator: "e", maxSplits: 1)
    let exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
    let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    var digits = Array(mantissa[0].utf8) + (mantissa.count == 2 && mantissa[1] != "0" ? Array(mantissa[1].utf8) : [])
    var point = mantissa[0].utf8.count + exponent
    let zero = UInt8(ascii: "0")
    if point <= 0 {
      digits.insert(contentsOf: repeatElement(zero, count: 1 - point), at: 0)
      point = 1
    } else if point > digits.count {
      digits.append(contentsOf: repeatElement(zero, count: point - digits.count))
    }
    let whole = digits[..<point].drop { $0 == zero }
    var fraction = digits[point...]
    while fraction.last == zero { fraction.removeLast() }
    let wholeText = whole.isEmpty ? "0" : String(decoding: whole, as: UTF8.self)
    return (number < 0 ? "-" : "") + wholeText + (fraction.isEmpty ? "" : "." + String(decoding: fraction, as: UTF8.self))
  }

  /// round() of XPath: halves go up, -0.5...-0 gives -0.
  static func round(_ number: Double) -> Double {
    guard number.isFinite, number.magnitude < 0x1p52 else { return number }
    if number < 0, number >= -0.5 { return -0.0 }
    let below = number.rounded(.down)
    return number - below >= 0.5 ? below + 1 : below
  }
}
