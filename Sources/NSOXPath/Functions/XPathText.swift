/// The string functions (XPath 1.0, section 4.2). Characters are Unicode scalars.
enum XPathText {
  /// The first place of `part`, compared byte by byte.
  static func find(_ part: String, in text: String) -> Range<String.Index>? {
    guard !part.isEmpty else { return text.startIndex..<text.startIndex }
    let bytes = Array(text.utf8)
    let wanted = Array(part.utf8)
    guard wanted.count <= bytes.count else { return nil }
    // Where to go on after a mismatch (Knuth, Morris, Pratt), so that the time is that of reading both texts once.
    var borders = [0]
    var length = 0
    for index in wanted.indices.dropFirst() {
      while length > 0, wanted[index] != wanted[length] { length = borders[length - 1] }
      if wanted[index] == wanted[length] { length += 1 }
      borders.append(length)
    }
    length = 0
    for (index, byte) in bytes.enumerated() {
      while length > 0, byte != wanted[length] { length = borders[length - 1] }
      if byte == wanted[length] { length += 1 }
      if length == wanted.count {
        let start = text.utf8.index(text.startIndex, offsetBy: index + 1 - length)
        return start..<text.utf8.index(start, offsetBy: length)
      }
    }
    return nil
  }

  /// Without white space at the ends, and each run of it inside as one space.
  static func normalized(_ text: String) -> String {
    text.utf8.split(whereSeparator: Lexer.isSpace).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
  }

  /// Characters at positions from `start`, counted from 1; both numbers are rounded as XPath does.
  static func substring(_ text: String, from start: Double, length: Double?) -> String {
    let first = XPathNumber.round(start)
    let end = length.map { first + XPathNumber.round($0) } ?? .infinity
    var result = String.UnicodeScalarView()
    var position = 1.0
    for scalar in text.unicodeScalars {
      if position >= first, position < end { result.append(scalar) }
      position += 1
    }
    return String(result)
  }

  /// Each character of `from` replaced by that at the same place of `to`, or dropped when there is none.
  static func translate(_ text: String, _ from: String, _ to: String) -> String {
    let targets = Array(to.unicodeScalars)
    var map: [Unicode.Scalar: Unicode.Scalar?] = [:]
    for (index, scalar) in from.unicodeScalars.enumerated() where map[scalar] == nil {
      map[scalar] = .some(index < targets.count ? targets[index] : nil)
    }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch map[scalar] {
      case .some(.some(let target)): result.append(target)
      case .some(.none): continue
      case .none: result.append(scalar)
      }
    }
    return String(result)
  }
}
