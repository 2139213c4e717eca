internal import NSOModel

extension SpecialForm {
  /// The value form of a published named type (protocol part 02, section 4); nil for types whose values have the form of
  /// their base type.
  static func named(_ name: String, module: String) -> SpecialForm? { published[module]?[name] }

  private static let published: [String: [String: SpecialForm]] = [
    "ietf-inet-types": [
      "ipv4-address": .ipv4Address, "ipv4-address-no-zone": .ipv4Address,
      "ipv6-address": .ipv6Address, "ipv6-address-no-zone": .ipv6Address,
      "ipv4-prefix": .ipv4Prefix, "ipv6-prefix": .ipv6Prefix,
    ],
    "ietf-yang-types": [
      "object-identifier": .objectIdentifier, "object-identifier-128": .objectIdentifier,
      "date-and-time": .dateTime,
      "phys-address": .physicalAddress(count: nil), "mac-address": .physicalAddress(count: 6),
      "hex-string": .hexString, "dotted-quad": .dottedQuad,
    ],
    "tailf-common": [
      "size": .size, "octet-list": .octetList, "hex-list": .hexList,
      "ipv4-address-and-prefix-length": .ipv4AndPrefixLength, "ipv6-address-and-prefix-length": .ipv6AndPrefixLength,
    ],
    "tailf-xsd-types": [
      "duration": .duration, "date": .date, "time": .time, "dateTime": .dateTime, "hexBinary": .hexBinary, "decimal": .double,
      "float": .double, "double": .double, "QName": .qname,
    ],
  ]
}
