public import NSOModel

/// The type of a leaf, leaf-list or union member with all its restrictions, those of the named types it is derived from
/// included. The operations on values are methods of `Schema`: `check`, `parse` and `text`.
public final class SchemaType: Sendable {
  public indirect enum Kind: Sendable {
    case string(StringRules)
    /// Length counts octets.
    case binary(length: Ranges<UInt64>?)
    case boolean
    case empty
    case signed(SignedWidth, range: Ranges<Int64>?)
    case unsigned(UnsignedWidth, range: Ranges<UInt64>?)
    /// Bounds are scaled by the fraction digits.
    case decimal64(fractionDigits: UInt8, range: Ranges<Int64>?)
    case enumeration(EnumerationRules)
    case bits(BitsRules)
    case identityref(IdentityRules)
    case instanceIdentifier(requireInstance: Bool)
    case leafref(LeafrefRules)
    /// Members in order; none is itself a union of one.
    case union([SchemaType])
    /// A published named type whose values have a form of their own (protocol part 02, section 4). The rules are what
    /// the named types derived from it add, checked on the text form.
    case special(SpecialForm, StringRules)
  }

  public enum SignedWidth: Int, Hashable, Sendable { case int8 = 6, int16, int32, int64 }
  public enum UnsignedWidth: Int, Hashable, Sendable { case uint8 = 10, uint16, uint32, uint64 }

  public let kind: Kind
  /// The named types it is derived from, the nearest first; empty for a built-in type used directly. The first is the
  /// name in the type statement.
  public let typedefs: [QName]
  /// True when the type statement restricts the named type further, so that `typedefs.first` alone does not say it all.
  public let isRestricted: Bool
  /// Default and units are those of the node; see `SchemaNode`.
  public let extensions: [ExtensionStatement]

  init(_ kind: Kind, typedefs: [QName] = [], isRestricted: Bool = false, extensions: [ExtensionStatement] = []) {
    self.kind = kind
    self.typedefs = typedefs
    self.isRestricted = isRestricted
    self.extensions = extensions
  }
}

extension SchemaType {
  /// The type number N of the values (protocol part 02, section 2); 35 for a union, that of the target for a leafref,
  /// 53 for empty.
  public var typeNumber: Int {
    switch kind {
    case .string: 5
    case .binary: 39
    case .boolean: 17
    case .empty: 53
    case .signed(let width, _): width.rawValue
    case .unsigned(let width, _): width.rawValue
    case .decimal64: 43
    case .enumeration: 28
    case .bits(let rules): rules.typeNumber
    case .identityref: 44
    case .instanceIdentifier: 34
    case .leafref(let rules): rules.targetType.typeNumber
    case .union: 35
    case .special(let form, _): form.typeNumber
    }
  }

  /// The type that values have: itself, or for a leafref the type at the end of the chain of references.
  public var valueType: SchemaType {
    if case .leafref(let rules) = kind { return rules.targetType.valueType }
    return self
  }

  /// Whether values can be instance-identifiers, so that the schema is needed to read them.
  var mayHoldPath: Bool {
    switch kind {
    case .instanceIdentifier: true
    case .union(let members): members.contains { $0.mayHoldPath }
    case .leafref(let rules): rules.targetType.mayHoldPath
    default: false
    }
  }
}
