public import NSOModel

/// The form of list keys in the store: sorted byte by byte they are in the order that protocol/README.md asks for (integers,
/// decimals and enums by value, strings and binaries by bytes, booleans false first, addresses by number with IPv4 before IPv6,
/// identities and bits by name). Different values have different forms, and no form is the beginning of another. They need
/// not be turned back into values: the record of an entry holds its keys.
///
/// A form is a tag byte and a body:
/// - *text* (strings, binaries): the bytes, `00` as `01 01` and `01` as `01 02`, ended by `00`;
/// - *number*: `80 + n` and the n bytes of the number without leading zeros, or for negative ones `7F - n` and the n bytes of
///   the number's complement, complemented.
public enum KeyEncoder {
  enum TagByte {
    static let empty: UInt8 = 0x10
    static let bool: UInt8 = 0x11
    /// *number*, type number.
    static let integer: UInt8 = 0x12
    /// *number* scaled to 18 digits, digits.
    static let decimal: UInt8 = 0x13
    /// 8 bytes.
    static let double: UInt8 = 0x14
    /// *number*.
    static let enumeration: UInt8 = 0x15
    /// *text*.
    static let string: UInt8 = 0x16
    static let ipv4: UInt8 = 0x17
    static let ipv6: UInt8 = 0x18
    static let ipv4Prefix: UInt8 = 0x19
    static let ipv6Prefix: UInt8 = 0x1A
    static let ipv4AndPrefixLength: UInt8 = 0x1B
    static let ipv6AndPrefixLength: UInt8 = 0x1C
    static let dottedQuad: UInt8 = 0x1D
    /// *text*.
    static let binary: UInt8 = 0x1E
    /// *text*.
    static let hexString: UInt8 = 0x1F
    /// *number*s, ended by `00`.
    static let oid: UInt8 = 0x20
    /// Names as *text*, type number, little-endian bytes as *text*.
    static let bits: UInt8 = 0x21
    /// Name as *text*, two hashes.
    static let identity: UInt8 = 0x22
    /// *text* of a form of its own.
    static let instance: UInt8 = 0x23
    /// Two *text*s.
    static let qname: UInt8 = 0x24
    /// 4 + 1 + 1, 1 + 1 + 1 + 4, 3 bytes.
    static let dateTime: UInt8 = 0x25
    static let date: UInt8 = 0x26
    static let time: UInt8 = 0x27
    static let duration: UInt8 = 0x28
  }

  // MARK: Forms that need no schema, straight from bytes and numbers

  public static func appendString(_ text: UnsafeRawBufferPointer, to key: inout [UInt8]) {
    key.append(TagByte.string)
    appendText(text, to: &key)
  }

  public static func appendBinary(_ octets: UnsafeRawBufferPointer, to key: inout [UInt8]) {
    key.append(TagByte.binary)
    appendText(octets, to: &key)
  }

  /// An integer of any of the types 6...13; `typeNumber` as in protocol part 02, section 2.
  public static func appendInteger(_ number: Int64, typeNumber: Int, to key: inout [UInt8]) {
    key.append(TagByte.integer)
    if number >= 0 {
      appendMagnitude(UInt64(bitPattern: number), to: &key)
    } else {
      appendNegative(UInt64(bitPattern: ~number), to: &key)
    }
    key.append(UInt8(truncatingIfNeeded: typeNumber))
  }

  public static func appendInteger(_ number: UInt64, typeNumber: Int, to key: inout [UInt8]) {
    key.append(TagByte.integer)
    appendMagnitude(number, to: &key)
    key.append(UInt8(truncatingIfNeeded: typeNumber))
  }

  public static func appendEnumeration(_ number: Int32, to key: inout [UInt8]) {
    key.append(TagByte.enumeration)
    if number >= 0 {
      appendMagnitude(UInt64(number), to: &key)
    } else {
      appendNegative(UInt64(UInt32(bitPattern: ~number)), to: &key)
    }
  }

  public static func appendBool(_ flag: Bool, to key: inout [UInt8]) {
    key.append(TagByte.bool)
    key.append(flag ? 1 : 0)
  }

  public static func appendIPv4(_ address: IPv4Address, to key: inout [UInt8]) {
    key.append(TagByte.ipv4)
    append(address.bits, to: &key)
  }

  public static func appendIPv6(_ address: IPv6Address, to key: inout [UInt8]) {
    key.append(TagByte.ipv6)
    append(address, to: &key)
  }

  // MARK: Parts

  static func append(_ number: UInt32, to key: inout [UInt8]) {
    for shift in [24, 16, 8, 0] as [UInt32] { key.append(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  static func append(_ address: IPv6Address, to key: inout [UInt8]) {
    append(address.high, to: &key)
    append(address.low, to: &key)
  }

  static func append(_ number: UInt64, to key: inout [UInt8]) {
    append(UInt32(truncatingIfNeeded: number >> 32), to: &key)
    append(UInt32(truncatingIfNeeded: number), to: &key)
  }

  static func appendText(_ text: UnsafeRawBufferPointer, to key: inout [UInt8]) {
    var start = 0
    for index in 0..<text.count where text[index] <= 1 {
      key.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<index]))
      key.append(1)
      key.append(text[index] + 1)
      start = index + 1
    }
    key.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start...]))
    key.append(0)
  }

  static func appendText(_ text: String, to key: inout [UInt8]) {
    var text = text
    text.withUTF8 { appendText(UnsafeRawBufferPointer($0), to: &key) }
  }

  static func appendMagnitude(_ magnitude: some FixedWidthInteger & UnsignedInteger, to key: inout [UInt8]) {
    let count = (magnitude.bitWidth - magnitude.leadingZeroBitCount + 7) / 8
    key.append(0x80 + UInt8(truncatingIfNeeded: count))
    var shift = count * 8
    while shift > 0 {
      shift -= 8
      key.append(UInt8(truncatingIfNeeded: magnitude >> shift))
    }
  }

  /// `complement`: that of the negative number.
  static func appendNegative(_ complement: some FixedWidthInteger & UnsignedInteger, to key: inout [UInt8]) {
    let count = (complement.bitWidth - complement.leadingZeroBitCount + 7) / 8
    key.append(0x7F - UInt8(truncatingIfNeeded: count))
    var shift = count * 8
    while shift > 0 {
      shift -= 8
      key.append(~UInt8(truncatingIfNeeded: complement >> shift))
    }
  }

  // MARK: Ends

  /// Where the form that begins at `offset` ends; nil when none does.
  static func valueEnd(_ key: UnsafeRawBufferPointer, at offset: Int) -> Int? {
    guard offset < key.count else { return nil }
    let body = offset + 1
    let end: Int?
    switch key[offset] {
    case TagByte.empty: end = body
    case TagByte.bool: end = body + 1
    case TagByte.integer, TagByte.decimal: end = numberEnd(key, body).map { $0 + 1 }
    case TagByte.double: end = body + 8
    case TagByte.enumeration: end = numberEnd(key, body)
    case TagByte.string, TagByte.binary, TagByte.hexString, TagByte.instance: end = textEnd(key, body)
    case TagByte.ipv4, TagByte.dottedQuad: end = body + 4
    case TagByte.ipv6: end = body + 16
    case TagByte.ipv4Prefix, TagByte.ipv4AndPrefixLength: end = body + 5
    case TagByte.ipv6Prefix, TagByte.ipv6AndPrefixLength: end = body + 17
    case TagByte.oid:
      var at = body
      while at < key.count, key[at] != 0 {
        guard let next = numberEnd(key, at) else { return nil }
        at = next
      }
      end = at + 1
    case TagByte.bits: end = textEnd(key, body).flatMap { textEnd(key, $0 + 1) }
    case TagByte.identity: end = textEnd(key, body).map { $0 + 8 }
    case TagByte.qname: end = textEnd(key, body).flatMap { textEnd(key, $0) }
    case TagByte.dateTime: end = body + 16
    case TagByte.date: end = body + 9
    case TagByte.time: end = body + 10
    case TagByte.duration: end = body + 28
    default: end = nil
    }
    guard let end, end <= key.count else { return nil }
    return end
  }

  private static func numberEnd(_ key: UnsafeRawBufferPointer, _ offset: Int) -> Int? {
    guard offset < key.count else { return nil }
    let head = Int(key[offset])
    let count = head >= 0x80 ? head - 0x80 : 0x7F - head
    return count <= 16 ? offset + 1 + count : nil
  }

  private static func textEnd(_ key: UnsafeRawBufferPointer, _ offset: Int) -> Int? {
    var index = offset
    while index < key.count {
      if key[index] == 0 { return index + 1 }
      index += 1
    }
    return nil
  }
}
