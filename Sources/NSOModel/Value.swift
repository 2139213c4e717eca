/// A data value in the form in which it travels: the primitive type, not the YANG type (protocol part 02, section 2).
/// The number after each case is the type number N.
public enum Value: Hashable, Sendable {
  /// 5: text, UTF-8.
  case string(String)
  case int8(Int8)  // 6
  case int16(Int16)  // 7
  case int32(Int32)  // 8
  case int64(Int64)  // 9
  case uint8(UInt8)  // 10
  case uint16(UInt16)  // 11
  case uint32(UInt32)  // 12
  case uint64(UInt64)  // 13
  case double(Double)  // 14
  case ipv4(IPv4Address)  // 15
  case ipv6(IPv6Address)  // 16
  case bool(Bool)  // 17
  /// 18: xs:QName, prefix and local name.
  case qname(prefix: String, name: String)
  case dateTime(DateTime)  // 19
  case date(DateOnly)  // 20
  case time(TimeOnly)  // 23
  case duration(DurationParts)  // 27
  /// 28: the YANG value of the enum.
  case enumeration(Int32)
  /// 29: bits, highest position of the type below 32.
  case bits32(UInt32)
  /// 30: bits, highest position of the type 32...63.
  case bits64(UInt64)
  /// 50: bits with a position above 63, little-endian bytes, lowest bit first.
  case bitsBig([UInt8])
  /// 31: leaf-list.
  case list([Value])
  /// 34: instance-identifier; root first here, leaf first on the wire.
  case instanceIdentifier(Keypath)
  case oid([UInt32])  // 38
  case binary([UInt8])  // 39
  case ipv4Prefix(IPv4Address, UInt8)  // 40
  case ipv6Prefix(IPv6Address, UInt8)  // 41
  case decimal64(Decimal64)  // 43
  case identityref(IdentityHash)  // 44
  case dottedQuad(IPv4Address)  // 46
  case hexString([UInt8])  // 47
  case ipv4AndPrefixLength(IPv4Address, UInt8)  // 48
  case ipv6AndPrefixLength(IPv6Address, UInt8)  // 49
  /// 53: type empty in a union or as list key.
  case empty

  // Markers: no data, only a place in a list of values or a reply.

  /// 2: a node or case name, or the presence of a node without value.
  case tag(Tag)
  /// 1: no value.
  case notFound
  /// 42: no value is set, the default is in effect.
  case defaultInEffect
}

extension Value {
  /// The type number N of protocol part 02, section 2.
  public var typeNumber: Int {
    switch self {
    case .notFound: 1
    case .tag: 2
    case .string: 5
    case .int8: 6
    case .int16: 7
    case .int32: 8
    case .int64: 9
    case .uint8: 10
    case .uint16: 11
    case .uint32: 12
    case .uint64: 13
    case .double: 14
    case .ipv4: 15
    case .ipv6: 16
    case .bool: 17
    case .qname: 18
    case .dateTime: 19
    case .date: 20
    case .time: 23
    case .duration: 27
    case .enumeration: 28
    case .bits32: 29
    case .bits64: 30
    case .list: 31
    case .instanceIdentifier: 34
    case .oid: 38
    case .binary: 39
    case .ipv4Prefix: 40
    case .ipv6Prefix: 41
    case .defaultInEffect: 42
    case .decimal64: 43
    case .identityref: 44
    case .dottedQuad: 46
    case .hexString: 47
    case .ipv4AndPrefixLength: 48
    case .ipv6AndPrefixLength: 49
    case .bitsBig: 50
    case .empty: 53
    }
  }
}
