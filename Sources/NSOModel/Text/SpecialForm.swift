/// Value forms of published named types (protocol part 02, section 4).
public enum SpecialForm: Hashable, Sendable {
  case ipv4Address, ipv6Address, ipv4Prefix, ipv6Prefix, ipv4AndPrefixLength, ipv6AndPrefixLength
  case dateTime, date, time, duration
  case objectIdentifier, dottedQuad, hexString
  /// Octets as `DE:AD`.
  case hexList
  /// Octets as `de:ad`; a mac-address has 6.
  case physicalAddress(count: Int?)
  /// Octets as `192.0.2.7`.
  case octetList
  /// `S2G3M4K5B`.
  case size
  case double
  case qname
  case hexBinary

  public var typeNumber: Int {
    switch self {
    case .ipv4Address: 15
    case .ipv6Address: 16
    case .ipv4Prefix: 40
    case .ipv6Prefix: 41
    case .ipv4AndPrefixLength: 48
    case .ipv6AndPrefixLength: 49
    case .dateTime: 19
    case .date: 20
    case .time: 23
    case .duration: 27
    case .objectIdentifier: 38
    case .dottedQuad: 46
    case .hexString: 47
    case .hexList, .physicalAddress, .octetList, .hexBinary: 39
    case .size: 13
    case .double: 14
    case .qname: 18
    }
  }
}
