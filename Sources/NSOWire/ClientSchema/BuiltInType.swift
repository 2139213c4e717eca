public import NSOModel

/// A built-in type of the schema stream (protocol part 07, section 7).
public enum BuiltInType: Hashable, Sendable {
  /// White space is kept.
  case string
  case normalizedString
  /// Strings whose white space is collapsed.
  case token
  case boolean
  /// Type number, and the range when it is narrower than the type's.
  case signed(Int, ClosedRange<Int64>)
  case unsigned(Int, ClosedRange<UInt64>)
  case double
  /// A double without exponent.
  case decimal
  case decimal64
  case base64
  /// A text of hexadecimal digits.
  case hexValue
  case special(SpecialForm)
  /// Any of several forms, in this order.
  case either([BuiltInType])
  case identityref
  /// A string without the restrictions of XML tokens: digests and encrypted strings in their stored form.
  case stored
  indirect case listOf(BuiltInType, atLeastOne: Bool)

  /// Where the reference client keeps them; in the stream they come with an empty namespace.
  static let namespaces: Set<String> = ["", "http://www.w3.org/2001/XMLSchema", "http://tail-f.com/ns/confd/1.0"]

  /// Nil for names that are not known, and for those whose conversion the protocol leaves out.
  init?(_ name: String) {
    guard let type = Self.byName[name] else { return nil }
    self = type
  }

  private static let byName: [String: BuiltInType] = {
    let ipv4: BuiltInType = .special(.ipv4Address)
    let ipv6: BuiltInType = .special(.ipv6Address)
    var names: [String: BuiltInType] = [
      "string": .string, "normalizedString": .normalizedString, "boolean": .boolean,
      "integer": .signed(9, .min ... .max), "nonPositiveInteger": .signed(9, .min...0),
      "negativeInteger": .signed(9, .min ... -1),
      "nonNegativeInteger": .unsigned(13, .min ... .max), "positiveInteger": .unsigned(13, 1 ... .max),
      "Counter32": .unsigned(12, 0...UInt64(UInt32.max)), "Gauge32": .unsigned(12, 0...UInt64(UInt32.max)),
      "Counter64": .unsigned(13, .min ... .max), "inetPortNumber": .unsigned(11, 0...65535),
      "float": .double, "double": .double, "decimal": .decimal, "decimal64": .decimal64,
      "hexBinary": .special(.hexBinary), "base64Binary": .base64, "binary": .base64,
      "hexString": .special(.hexString), "hexValue": .hexValue,
      "dottedQuad": .special(.dottedQuad), "oid": .special(.objectIdentifier), "size": .special(.size),
      "inetAddressIPv4": ipv4, "inetAddressIPv6": ipv6, "inetAddressIP": .either([ipv4, ipv6]), "inetAddressDNS": .token,
      "inetAddress": .either([ipv4, ipv6, .token]), "identityref": .identityref,
      "ipv4Prefix": .special(.ipv4Prefix), "ipv6Prefix": .special(.ipv6Prefix),
      "ipPrefix": .either([.special(.ipv4Prefix), .special(.ipv6Prefix)]),
      "ipv4AddressAndPrefixLength": .special(.ipv4AndPrefixLength),
      "ipv6AddressAndPrefixLength": .special(.ipv6AndPrefixLength),
      "ipAddressAndPrefixLength": .either([.special(.ipv4AndPrefixLength), .special(.ipv6AndPrefixLength)]),
      "dateTime": .special(.dateTime), "date": .special(.date), "time": .special(.time), "duration": .special(.duration),
      "NMTOKENS": .listOf(.token, atLeastOne: true), "NMTOKEN_LIST": .listOf(.token, atLeastOne: false),
    ]
    for name in ["token", "anyURI", "NOTATION", "language", "NMTOKEN"] { names[name] = .token }
    for name in ["hexList", "hex-list"] { names[name] = .special(.hexList) }
    for name in ["octetList", "octet-list"] { names[name] = .special(.octetList) }
    for (name, alias, number, bits) in [
      ("byte", "int8", 6, 8), ("short", "int16", 7, 16), ("int", "int32", 8, 32), ("long", "int64", 9, 64),
    ] {
      let limit = Int64(1) << Int64(bits - 1)
      let range = bits == 64 ? Int64.min...Int64.max : -limit...(limit - 1)
      names[name] = .signed(number, range)
      names[alias] = .signed(number, range)
      let wide: ClosedRange<UInt64> = 0...(bits == 64 ? .max : 1 << UInt64(bits) - 1)
      names["unsigned" + name.prefix(1).uppercased() + name.dropFirst()] = .unsigned(number + 4, wide)
      names["u" + alias] = .unsigned(number + 4, wide)
    }
    for name in [
      "MD5DigestString", "md5-digest-string", "SHA256DigestString", "sha-256-digest-string", "SHA512DigestString",
      "sha-512-digest-string", "cryptHash", "DES3CBCIVEncryptedString", "des3-cbc-encrypted-string",
      "AESCFB128IVEncryptedString",
      "aes-cfb-128-encrypted-string", "AES256CFB128IVEncryptedString", "aes-256-cfb-128-encrypted-string",
    ] {
      names[name] = .stored
    }
    return names
  }()

  /// The type of the entries, for built-in lists.
  var listItem: BuiltInType? {
    guard case .listOf(let item, _) = self else { return nil }
    return item
  }

  var whiteSpace: SchemaItem.Facet.WhiteSpace {
    switch self {
    case .string: .preserve
    case .normalizedString: .replace
    default: .collapse
    }
  }

  var facets: FacetSet {
    switch self {
    case .string, .normalizedString: .string
    case .token, .base64, .identityref, .special(.hexBinary): .token
    case .double, .special(.dateTime), .special(.date), .special(.time), .special(.duration): .float
    case .signed, .unsigned: .integer
    case .decimal, .decimal64: .decimal
    case .boolean: .boolean
    default: .other
    }
  }
}

// MARK: - Text forms

extension BuiltInType {
  /// The value of a text whose white space is in order; nil when it is none.
  ///
  /// - Parameter facets: those of all restrictions; a few of them are part of the text form.
  func value(_ text: String, facets: some Sequence<SchemaItem.Facet>) -> Value? {
    switch self {
    case .string, .normalizedString, .token, .stored: return .string(text)
    case .boolean:
      switch text {
      case "true", "1": return .bool(true)
      case "false", "0": return .bool(false)
      default: return nil
      }
    case .signed(let number, let range):
      guard text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 43 || $0 == 45 }), let value = Int64(text),
        range.contains(value)
      else { return nil }
      switch number {
      case 6: return .int8(Int8(truncatingIfNeeded: value))
      case 7: return .int16(Int16(truncatingIfNeeded: value))
      case 8: return .int32(Int32(truncatingIfNeeded: value))
      default: return .int64(value)
      }
    case .unsigned(let number, let range):
      guard text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 43 }), let value = UInt64(text), range.contains(value) else {
        return nil
      }
      switch number {
      case 10: return .uint8(UInt8(truncatingIfNeeded: value))
      case 11: return .uint16(UInt16(truncatingIfNeeded: value))
      case 12: return .uint32(UInt32(truncatingIfNeeded: value))
      default: return .uint64(value)
      }
    case .double: return SpecialForm.double.parse(text)
    case .decimal:
      guard !text.utf8.contains(where: { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }) else { return nil }
      return SpecialForm.double.parse(text)
    case .decimal64:
      for case .fractionDigits(let digits) in facets {
        guard let digits = UInt8(exactly: digits), (1...18).contains(digits) else { return nil }
        return Decimal64(text[...], fractionDigits: digits).map { .decimal64($0) }
      }
      return nil
    case .base64:
      for case .displayHint(let hint) in facets { return DisplayHint(hint)?.octets(text).map { .binary($0) } }
      return Base64.decode(text).map { .binary($0) }
    case .hexValue:
      return text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit } && !text.isEmpty ? .string(text) : nil
    case .special(.ipv4Prefix):
      // Host bits must be zero, which the form without that rule tells.
      guard case .ipv4Prefix(let address, let length)? = SpecialForm.ipv4Prefix.parse(text),
        SpecialForm.ipv4AndPrefixLength.parse(text) == .ipv4AndPrefixLength(address, length)
      else { return nil }
      return .ipv4Prefix(address, length)
    case .special(.ipv6Prefix):
      guard case .ipv6Prefix(let address, let length)? = SpecialForm.ipv6Prefix.parse(text),
        SpecialForm.ipv6AndPrefixLength.parse(text) == .ipv6AndPrefixLength(address, length)
      else { return nil }
      return .ipv6Prefix(address, length)
    case .special(let form): return form.parse(text)
    case .either(let forms):
      for form in forms {
        if let value = form.value(text, facets: facets) { return value }
      }
      return nil
    case .identityref: return Self.identity(text, facets)
    case .listOf: return nil
    }
  }

  /// `prefix:name`, or a name that only one identity has.
  private static func identity(_ text: String, _ facets: some Sequence<SchemaItem.Facet>) -> Value? {
    for case .identities(let identities) in facets {
      let fitting = identities.filter { text == "\($0.prefix):\($0.name)" || text == $0.name }
      return fitting.count == 1 ? fitting.first.map { .identityref($0.hash) } : nil
    }
    return nil
  }

  /// Nil for a value of another form.
  func text(of value: Value, facets: some Sequence<SchemaItem.Facet>) -> String? {
    switch (self, value) {
    case (.string, .string(let text)), (.normalizedString, .string(let text)), (.token, .string(let text)),
      (.stored, .string(let text)), (.hexValue, .string(let text)):
      return text
    case (.boolean, .bool): return value.plainText
    case (.signed, _), (.unsigned, _): return isOwnNumber(value) ? value.plainText : nil
    case (.double, .double(let number)): return FloatText.significant(number)
    case (.decimal, .double(let number)): return FloatText.plain(number)
    case (.decimal64, .decimal64(let number)):
      for case .fractionDigits(let digits) in facets { return Int(number.digits) == digits ? number.description : nil }
      return nil
    case (.base64, .binary(let bytes)):
      for case .displayHint(let hint) in facets { return DisplayHint(hint)?.text(bytes) }
      return Base64.encode(bytes)
    case (.special(.hexString), .hexString(let bytes)): return SpecialForm.hexList.text(of: .binary(bytes))
    case (.special(let form), _): return form.text(of: value)
    case (.either(let forms), _):
      for form in forms {
        if let text = form.text(of: value, facets: facets) { return text }
      }
      return nil
    case (.identityref, .identityref(let hash)):
      for case .identities(let identities) in facets {
        if let identity = identities.first(where: { $0.hash == hash }) { return "\(identity.prefix):\(identity.name)" }
      }
      return nil
    default: return nil
    }
  }

  private func isOwnNumber(_ value: Value) -> Bool {
    switch self {
    case .signed(let number, _), .unsigned(let number, _): value.typeNumber == number
    default: false
    }
  }
}
