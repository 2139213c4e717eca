public import NSOModel

/// A type with all that it is derived from, ready to convert (protocol part 07, section 6).
public indirect enum ClientType: Hashable, Sendable {
  /// A built-in type and the facets of each restriction, the innermost first.
  case atomic(BuiltInType, [[SchemaItem.Facet]])
  case list(ClientType, [[SchemaItem.Facet]])
  /// The first member that fits.
  case union([ClientType])
  case bits([SchemaItem.TypeDefinition.Bit], size: Int)
}

// MARK: - Text to value

extension ClientType {
  /// - Throws: BADTYPE for text that is no value of the type.
  public func value(from text: String) throws(NSOError) -> Value {
    guard let value = parse(text) else { throw NSOError(.badType, "\"\(text)\" is no value of the type.") }
    return value
  }

  private func parse(_ text: String) -> Value? {
    switch self {
    case .atomic(let builtIn, let restrictions): return Self.parse(text, builtIn, restrictions)
    case .list(let item, let restrictions):
      var values: [Value] = []
      for piece in WhiteSpace.words(text) {
        guard let value = item.parse(piece) else { return nil }
        values.append(value)
      }
      var subject = FacetSubject(text: WhiteSpace.collapsed(text), value: .list(values))
      return subject.check(restrictions, allowed: .list) ? subject.value : nil
    case .union(let members):
      for member in members {
        if let value = member.parse(text) { return value }
      }
      return nil
    case .bits(let bits, let size):
      var positions: [Int] = []
      for piece in WhiteSpace.words(text) {
        guard let bit = bits.first(where: { $0.label.text == piece }) else { return nil }
        positions.append(bit.position)
      }
      return BitSet.value(positions, size: size)
    }
  }

  private static func parse(_ text: String, _ builtIn: BuiltInType, _ restrictions: [[SchemaItem.Facet]]) -> Value? {
    let text =
      switch builtIn.whiteSpace {
      case .preserve: text
      case .replace: WhiteSpace.replaced(text)
      case .collapse: WhiteSpace.collapsed(text)
      }
    guard let value = builtIn.value(text, facets: restrictions.joined()) else { return nil }
    var subject = FacetSubject(text: text, value: value)
    return subject.check(restrictions, allowed: builtIn.facets) ? subject.value : nil
  }

  /// Whether the value prints and reads back as itself; floats always do (section 6.5).
  public func accepts(_ value: Value) -> Bool {
    guard let text = print(value), let again = parse(text) else { return false }
    if case .double = value, case .double = again { return true }
    return again == value
  }
}

// MARK: - Value to text

extension ClientType {
  /// - Throws: BADTYPE for a value of another form.
  public func text(of value: Value) throws(NSOError) -> String {
    guard let text = print(value) else { throw NSOError(.badType, "\(value.plainText) is no value of the type.") }
    return text
  }

  private func print(_ value: Value) -> String? {
    switch self {
    case .atomic(let builtIn, let restrictions):
      for case .enumeration(let label, let number) in restrictions.joined() where value == .enumeration(number) {
        return label.text
      }
      return builtIn.text(of: value, facets: restrictions.joined())
    case .list(let item, _):
      guard case .list(let values) = value else { return nil }
      var texts: [String] = []
      for value in values {
        guard let text = item.print(value) else { return nil }
        texts.append(text)
      }
      return texts.joined(separator: " ")
    case .union(let members):
      for member in members {
        if let text = member.print(value) { return text }
      }
      return nil
    case .bits(let bits, let size):
      guard var positions = BitSet.positions(value, size: size) else { return nil }
      let labels = bits.filter { positions.remove($0.position) != nil }.map(\.label.text)
      return positions.isEmpty ? labels.joined(separator: " ") : nil
    }
  }
}

/// Values of bits types by the size of the type (protocol part 02, section 3.8).
enum BitSet {
  static func value(_ positions: [Int], size: Int) -> Value? {
    guard positions.allSatisfy({ (0..<max(size, 32)).contains($0) }) else { return nil }
    if size <= 32 { return .bits32(positions.reduce(0) { $0 | 1 << UInt32($1) }) }
    if size <= 64 { return .bits64(positions.reduce(0) { $0 | 1 << UInt64($1) }) }
    var bytes = [UInt8](repeating: 0, count: (size + 7) / 8)
    for position in positions { bytes[position / 8] |= 1 << UInt8(position % 8) }
    return .bitsBig(bytes)
  }

  /// Nil when the value is not of the form for this size.
  static func positions(_ value: Value, size: Int) -> Set<Int>? {
    switch value {
    case .bits32(let mask) where size <= 32: Set((0..<32).filter { mask >> UInt32($0) & 1 == 1 })
    case .bits64(let mask) where size > 32 && size <= 64: Set((0..<64).filter { mask >> UInt64($0) & 1 == 1 })
    case .bitsBig(let bytes) where size > 64 && bytes.count * 8 == size:
      Set((0..<size).filter { bytes[$0 / 8] >> UInt8($0 % 8) & 1 == 1 })
    default: nil
    }
  }
}

/// White space of XML Schema: blank, tab, line feed, carriage return.
enum WhiteSpace {
  static func isBlank(_ scalar: Unicode.Scalar) -> Bool { [" ", "\t", "\n", "\r"].contains(scalar) }

  static func words(_ text: String) -> [String] {
    text[...].unicodeScalars.split(whereSeparator: isBlank).map { String($0) }
  }

  /// Ends trimmed, runs of white space one blank.
  static func collapsed(_ text: String) -> String { words(text).joined(separator: " ") }

  static func replaced(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { isBlank($0) ? " " : $0 }))
  }
}
