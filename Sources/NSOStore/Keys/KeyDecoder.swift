public import NSOModel

/// From the form of list keys back to values, for entries that have no record here because a data provider keeps them. The forms
/// of values that hardly are keys (times, instance-identifiers, doubles) are not turned back.
public struct KeyDecoder {
  private let key: [UInt8]
  private var offset = 0

  /// The values of an entry's key; nil when one of them cannot be told from its form.
  public static func values(of entryKey: [UInt8]) -> [Value]? {
    var decoder = KeyDecoder(key: entryKey)
    var values: [Value] = []
    while decoder.offset < entryKey.count {
      guard let value = decoder.value() else { return nil }
      values.append(value)
    }
    return values
  }

  private init(key: [UInt8]) { self.key = key }

  private mutating func byte() -> UInt8? {
    guard offset < key.count else { return nil }
    defer { offset += 1 }
    return key[offset]
  }

  private mutating func number<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) -> T? {
    let count = T.bitWidth / 8
    guard key.count - offset >= count else { return nil }
    defer { offset += count }
    return key[offset..<offset + count].reduce(0) { $0 << 8 | T($1) }
  }

  /// A *number*: sign and magnitude, or complement of a negative one.
  private mutating func integer() -> Int128? {
    guard let head = byte() else { return nil }
    let isNegative = head < 0x80
    let count = isNegative ? 0x7F - Int(head) : Int(head) - 0x80
    guard count <= 15, key.count - offset >= count else { return nil }
    var magnitude: Int128 = 0
    for byte in key[offset..<offset + count] { magnitude = magnitude << 8 | Int128(isNegative ? ~byte : byte) }
    offset += count
    return isNegative ? ~magnitude : magnitude
  }

  private mutating func text() -> [UInt8]? {
    var bytes: [UInt8] = []
    while let next = byte() {
      switch next {
      case 0: return bytes
      case 1:
        guard let escaped = byte(), escaped > 0 else { return nil }
        bytes.append(escaped - 1)
      default: bytes.append(next)
      }
    }
    return nil
  }

  private mutating func address6() -> IPv6Address? {
    guard let high = number(UInt64.self), let low = number(UInt64.self) else { return nil }
    return IPv6Address(high: high, low: low)
  }

  private mutating func value() -> Value? {
    guard let tag = byte() else { return nil }
    switch tag {
    case KeyEncoder.TagByte.empty: return .empty
    case KeyEncoder.TagByte.bool: return byte().map { .bool($0 != 0) }
    case KeyEncoder.TagByte.integer:
      guard let number = integer(), let type = byte() else { return nil }
      return Self.integer(number, type)
    case KeyEncoder.TagByte.decimal:
      guard let number = integer(), let digits = byte(), digits <= 18 else { return nil }
      let divisor = (digits..<18).reduce(Int128(1)) { factor, _ in factor * 10 }
      return Int64(exactly: number / divisor).map { .decimal64(Decimal64(scaled: $0, digits: digits)) }
    case KeyEncoder.TagByte.enumeration: return integer().flatMap { Int32(exactly: $0) }.map(Value.enumeration)
    case KeyEncoder.TagByte.string: return text().flatMap { String(validating: $0, as: UTF8.self) }.map(Value.string)
    case KeyEncoder.TagByte.binary: return text().map(Value.binary)
    case KeyEncoder.TagByte.hexString: return text().map(Value.hexString)
    case KeyEncoder.TagByte.ipv4: return number(UInt32.self).map { .ipv4(IPv4Address(bits: $0)) }
    case KeyEncoder.TagByte.dottedQuad: return number(UInt32.self).map { .dottedQuad(IPv4Address(bits: $0)) }
    case KeyEncoder.TagByte.ipv6: return address6().map(Value.ipv6)
    case KeyEncoder.TagByte.ipv4Prefix, KeyEncoder.TagByte.ipv4AndPrefixLength:
      guard let bits = number(UInt32.self), let length = byte() else { return nil }
      let address = IPv4Address(bits: bits)
      return tag == KeyEncoder.TagByte.ipv4Prefix ? .ipv4Prefix(address, length) : .ipv4AndPrefixLength(address, length)
    case KeyEncoder.TagByte.ipv6Prefix, KeyEncoder.TagByte.ipv6AndPrefixLength:
      guard let address = address6(), let length = byte() else { return nil }
      return tag == KeyEncoder.TagByte.ipv6Prefix ? .ipv6Prefix(address, length) : .ipv6AndPrefixLength(address, length)
    case KeyEncoder.TagByte.oid:
      var numbers: [UInt32] = []
      while offset < key.count, key[offset] != 0 {
        guard let number = integer(), let part = UInt32(exactly: number) else { return nil }
        numbers.append(part)
      }
      return byte() == 0 ? .oid(numbers) : nil
    case KeyEncoder.TagByte.bits:
      guard text() != nil, let type = byte(), let octets = text() else { return nil }
      let bits = octets.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << UInt64(8 * $1.offset) }
      switch type {
      case 29: return UInt32(exactly: bits).map(Value.bits32)
      case 30: return .bits64(bits)
      default: return .bitsBig(octets)
      }
    case KeyEncoder.TagByte.identity:
      guard text() != nil, let namespace = number(UInt32.self), let name = number(UInt32.self) else { return nil }
      return .identityref(IdentityHash(namespace: namespace, name: name))
    default: return nil
    }
  }

  private static func integer(_ number: Int128, _ type: UInt8) -> Value? {
    switch type {
    case 6: Int8(exactly: number).map(Value.int8)
    case 7: Int16(exactly: number).map(Value.int16)
    case 8: Int32(exactly: number).map(Value.int32)
    case 9: Int64(exactly: number).map(Value.int64)
    case 10: UInt8(exactly: number).map(Value.uint8)
    case 11: UInt16(exactly: number).map(Value.uint16)
    case 12: UInt32(exactly: number).map(Value.uint32)
    case 13: UInt64(exactly: number).map(Value.uint64)
    default: nil
    }
  }
}
