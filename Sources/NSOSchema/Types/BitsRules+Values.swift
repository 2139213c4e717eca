internal import NSOModel

extension BitsRules {
  /// The value with these positions set.
  func value(_ positions: some Sequence<UInt32>) -> Value {
    switch typeNumber {
    case 29: return .bits32(positions.reduce(0) { $0 | 1 << $1 })
    case 30: return .bits64(positions.reduce(0) { $0 | 1 << UInt64($1) })
    default:
      var bytes = [UInt8](repeating: 0, count: byteCount)
      for position in positions where Int(position) / 8 < bytes.count { bytes[Int(position) / 8] |= 1 << UInt8(position % 8) }
      return .bitsBig(bytes)
    }
  }

  func parse(_ text: String) throws(ValueError) -> Value {
    var positions: [UInt32] = []
    for name in text.utf8.split(whereSeparator: { $0 == 32 || (9...13).contains($0) }) {
      let name = String(Substring(name))
      guard let position = position(name) else { throw .unknownBit(name, self) }
      guard !positions.contains(position) else { throw ValueError("the bit \(shown(name)) is given twice") }
      positions.append(position)
    }
    return value(positions)
  }

  /// Octets may be left out at the end; the canonical form has all (protocol part 02, section 3.8).
  func check(_ value: Value, _ type: SchemaType) throws(ValueError) -> Value {
    guard value.typeNumber == typeNumber, let set = positions(of: value) else { throw .wrongForm(value, type) }
    for position in set where !items.contains(where: { $0.position == position }) {
      throw ValueError("bit \(position) is not defined in the type")
    }
    return self.value(set)
  }

  /// Names of the bits that are set, by position; nil when the value has other bits or another form.
  func names(of value: Value) -> [String]? {
    guard value.typeNumber == typeNumber, let set = positions(of: value) else { return nil }
    var names: [String] = []
    for position in set {
      guard let item = items.first(where: { $0.position == position }) else { return nil }
      names.append(item.name)
    }
    return names
  }

  private func positions(of value: Value) -> [UInt32]? {
    switch value {
    case .bits32(let mask): (0..<32).filter { mask >> $0 & 1 == 1 }
    case .bits64(let mask): (0..<64).filter { mask >> UInt64($0) & 1 == 1 }
    case .bitsBig(let bytes):
      bytes.count <= byteCount
        ? bytes.indices.flatMap { index in (0..<8).filter { bytes[index] >> $0 & 1 == 1 }.map { UInt32(index * 8 + $0) } } : nil
    default: nil
    }
  }
}
