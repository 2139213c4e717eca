internal import NSOModel

extension ValueError {
  static func wrongForm(_ value: Value, _ type: SchemaType) -> ValueError {
    ValueError("\(value.shown) is not a value of the type, which is \(type.words)")
  }

  static func badText(_ text: String, _ type: SchemaType) -> ValueError {
    ValueError("\(shown(text)) is not \(type.words)")
  }

  static func unknownEnum(_ text: String, _ rules: EnumerationRules) -> ValueError {
    ValueError("\(shown(text)) is not one of \(few(rules.items.map(\.name)))")
  }

  static func unknownBit(_ text: String, _ rules: BitsRules) -> ValueError {
    ValueError("\(shown(text)) is not one of the bits \(few(rules.items.map(\.name)))")
  }

  static func notDerived(_ name: String, _ rules: IdentityRules, _ schema: Schema?) -> ValueError {
    let bases = rules.bases.map { base in
      (schema?.module(namespace: base.namespace)?.prefix).map { "\($0):\(base.name)" } ?? base.name
    }
    return ValueError(
      "\(name) is not an identity derived from \(bases.joined(separator: " and ")); allowed are"
        + " \(few(rules.allowed.map { "\($0.modulePrefix):\($0.name.name)" }))")
  }

  /// Not more names than people read.
  private static func few(_ names: [String]) -> String {
    names.isEmpty
      ? "none" : names.prefix(12).joined(separator: ", ") + (names.count > 12 ? " and \(names.count - 12) more" : "")
  }
}

extension Value {
  /// As it stands in error messages.
  var shown: String {
    let text = plainText
    return text.count > 64 ? "\(text.prefix(61))..." : text.isEmpty ? "an empty value" : text
  }
}

extension SchemaType {
  /// What values are, in words: for error texts.
  var words: String {
    switch kind {
    case .string: "a string"
    case .binary: "base64"
    case .boolean: "true or false"
    case .empty: "empty"
    case .signed(let width, let range): "an \(width)" + (range.map { " in the range \($0.words)" } ?? "")
    case .unsigned(let width, let range): "a \(width)" + (range.map { " in the range \($0.words)" } ?? "")
    case .decimal64(let digits, _): "a decimal number with at most \(digits) decimals"
    case .enumeration: "an enumeration"
    case .bits: "a set of bits"
    case .identityref: "an identity"
    case .instanceIdentifier: "a path"
    case .leafref(let rules): rules.targetType.words
    case .union(let members): members.map(\.words).joined(separator: " or ")
    case .special(let form, _): form.words
    }
  }
}

extension SpecialForm {
  var words: String {
    switch self {
    case .ipv4Address: "an IPv4 address (without zone)"
    case .ipv6Address: "an IPv6 address (without zone)"
    case .ipv4Prefix: "an IPv4 prefix (address/length)"
    case .ipv6Prefix: "an IPv6 prefix (address/length)"
    case .ipv4AndPrefixLength: "an IPv4 address and prefix length (address/length)"
    case .ipv6AndPrefixLength: "an IPv6 address and prefix length (address/length)"
    case .dateTime: "a date and time (2024-01-02T03:04:05Z)"
    case .date: "a date (2024-01-02)"
    case .time: "a time (03:04:05)"
    case .duration: "a duration (P1DT2H)"
    case .objectIdentifier: "an object identifier (1.3.6.1)"
    case .dottedQuad: "a dotted quad (192.0.2.1)"
    case .hexString, .hexList: "octets in hexadecimal (de:ad:be:ef)"
    case .physicalAddress(let count): count.map { "\($0) octets in hexadecimal (00:11:22:...)" } ?? "octets in hexadecimal"
    case .octetList: "octets in decimal (192.0.2.7)"
    case .size: "a size (S1G2M3K4B)"
    case .double: "a number"
    case .qname: "a name with optional prefix"
    case .hexBinary: "hexadecimal digits"
    }
  }
}
