extension Term: CustomStringConvertible {
  /// The notation of protocol part 01, section 12.
  public var description: String {
    switch self {
    case .integer(let value): return String(value)
    case .bigInteger(let value): return value.description
    case .float(let value): return Self.text(of: value)
    case .atom("true"): return "true"
    case .atom("false"): return "false"
    case .atom(let text): return "'\(text)'"
    case .tuple(let elements): return "{\(Self.joined(elements))}"
    case .list(let elements): return "[\(Self.joined(elements))]"
    case .improperList(let elements, let tail): return "[\(Self.joined(elements)) | \(tail)]"
    case .binary(let bytes): return "bin \"\(Self.text(of: bytes))\""
    case .bitString(let bytes, let bits):
      let count = max(0, bytes.count - 1) * 8 + Int(bits)
      let parts = bytes.enumerated().map { index, byte in
        index == bytes.count - 1 && bits < 8 ? "\(byte >> (8 - bits)):\(bits)" : "\(byte)"
      }
      return "bits(\(count)) <<\(parts.joined(separator: ","))>>"
    case .map(let pairs): return "#{\(pairs.map { "\($0.key) => \($0.value)" }.joined(separator: ", "))}"
    }
  }

  private static func joined(_ elements: [Term]) -> String { elements.map(\.description).joined(separator: ", ") }

  /// Shortest digits that give the same number back; an exponent where that is shorter.
  private static func text(of value: Double) -> String {
    let text = value.description
    guard let exponent = text.firstIndex(of: "e") else {
      // `1000.0` is longer than `1.0e3`.
      let digits = text.dropFirst(text.hasPrefix("-") ? 1 : 0).dropLast(2)
      guard text.hasSuffix(".0"), let last = digits.lastIndex(where: { $0 != "0" }) else { return text }
      let zeros = digits.distance(from: last, to: digits.endIndex) - 1
      guard zeros > 2, let first = digits.first else { return text }
      let rest = digits[...last].dropFirst()
      return "\(text.hasPrefix("-") ? "-" : "")\(first).\(rest.isEmpty ? "0" : rest)e\(digits.count - 1)"
    }
    let mantissa = text[..<exponent]
    // `e-07` and `e+16` are `e-7` and `e16` here.
    let sign = text[exponent...].dropFirst().hasPrefix("-") ? "-" : ""
    let power = sign + text[exponent...].dropFirst().drop { $0 == "+" || $0 == "-" || $0 == "0" }
    return "\(mantissa)\(mantissa.contains(".") ? "" : ".0")e\(power)"
  }

  private static func text(of bytes: [UInt8]) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return bytes.map { hexEscape(UInt32($0)) }.joined()
    }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += hexEscape(scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func hexEscape(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return "\\x" + (digits.count < 2 ? "0" : "") + digits
  }
}
