internal import NSOModel
internal import NSOSchema
internal import NSOWire

/// The types that are sent with one namespace: its named types, and types without a name in YANG (restrictions in a leaf,
/// members of a union, lists), which get one from the place where they are first used. Equal definitions are sent once.
struct SchemaStreamTypes {
  private(set) var definitions: [SchemaItem.TypeDefinition] = []
  private let namespace: String
  private var named: [SchemaItem.TypeDefinition.Derivation: String] = [:]
  private var taken: Set<String> = []

  init(namespace: String) { self.namespace = namespace }

  // MARK: Named types

  mutating func add(_ typedefs: [SchemaTypedef]) {
    for typedef in typedefs { taken.insert(typedef.name.name) }
    for typedef in typedefs {
      let index = definitions.count
      guard let derivation = derivation(of: typedef.type, at: [typedef.name.name]) else { continue }
      definitions.insert(SchemaItem.TypeDefinition(typedef.name.name, derivation), at: index)
    }
  }

  // MARK: References

  /// - Parameter place: names of the nodes from the top to the one that uses the type.
  mutating func reference(to type: SchemaType, at place: [String]) -> SchemaItem.TypeReference? {
    if case .empty = type.kind { return nil }
    if let name = type.typedefs.first, !type.isRestricted { return reference(to: name) }
    let index = definitions.count
    guard let derivation = derivation(of: type, at: place) else { return nil }
    if case .restriction(let base, let facets) = derivation, facets.isEmpty { return base }
    return .local(self.name(for: derivation, at: place, index: index))
  }

  /// The type of a leaf-list.
  mutating func list(of item: SchemaType, at place: [String]) -> SchemaItem.TypeReference? {
    guard let item = reference(to: item, at: place + ["item"]) else { return nil }
    return .local(name(for: .list(item), at: place, index: definitions.count))
  }

  private func reference(to name: QName) -> SchemaItem.TypeReference {
    name.namespace == namespace ? .local(name.name) : .inNamespace(name.namespace, name.name)
  }

  /// The shortest end of the path that no other type has, at least two steps.
  ///
  /// - Parameter index: where the definition goes, in front of those of its own members.
  private mutating func name(
    for derivation: SchemaItem.TypeDefinition.Derivation, at place: [String], index: Int
  ) -> String {
    if let known = named[derivation] { return known }
    var length = 2
    var name = place.suffix(length).joined(separator: "/")
    while taken.contains(name) {
      length += 1
      name = place.suffix(length).joined(separator: "/") + (length > place.count ? "#\(length - place.count)" : "")
    }
    taken.insert(name)
    named[derivation] = name
    definitions.insert(SchemaItem.TypeDefinition(name, derivation), at: index)
    return name
  }

  // MARK: Derivations

  /// Nil for type empty, which has no form in the stream.
  private mutating func derivation(of type: SchemaType, at place: [String]) -> SchemaItem.TypeDefinition.Derivation? {
    if case .empty = type.kind { return nil }
    if let base = type.typedefs.first, !type.isRestricted { return .restriction(reference(to: base), []) }
    switch type.kind {
    case .string(let rules): return restriction("string", length(rules.length) + patterns(rules))
    case .binary(let length): return restriction("binary", self.length(length))
    case .boolean: return restriction("boolean", [])
    case .empty: return nil
    case .signed(let width, let range):
      return restriction("\(width)", self.range(range, max: width.bounds.upperBound) { Value(signed: $0, width) })
    case .unsigned(let width, let range):
      return restriction("\(width)", self.range(range, max: width.bounds.upperBound) { Value(unsigned: $0, width) })
    case .decimal64(let digits, let range):
      let facets = self.range(range, max: .max) { .decimal64(Decimal64(scaled: $0, digits: digits)) }
      return restriction("decimal64", [.fractionDigits(Int(digits))] + facets)
    case .enumeration(let rules): return restriction("string", rules.items.map { .label($0.name, $0.value) })
    case .bits(let rules): return bits(rules)
    case .identityref(let rules):
      let identities = rules.allowed.map {
        SchemaItem.Facet.Identity(prefix: $0.modulePrefix, name: $0.name.name, hash: $0.hash)
      }
      return restriction("identityref", [.identities(identities)])
    case .instanceIdentifier: return restriction("instance-identifier", [])
    case .leafref(let rules): return derivation(of: rules.targetType.valueType, at: place)
    case .union(let members):
      return .union(
        members.enumerated().compactMap { index, member in
          unionMember(member.valueType, at: place, number: index + 1)
        })
    // Lengths of these types are meant for the text, but clients would count octets.
    case .special(let form, let rules): return restriction(form.builtInName, patterns(rules))
    }
  }

  /// Members without a name are called after the union and their place in it: `top/limit/2`.
  private mutating func unionMember(_ type: SchemaType, at place: [String], number: Int) -> SchemaItem.TypeReference? {
    reference(to: type, at: [place.suffix(2).joined(separator: "/"), "\(number)"])
  }

  private func restriction(
    _ builtIn: String, _ facets: [SchemaItem.Facet]
  ) -> SchemaItem.TypeDefinition.Derivation { .restriction(.builtIn(builtIn), facets) }

  private func bits(_ rules: BitsRules) -> SchemaItem.TypeDefinition.Derivation {
    let size =
      switch rules.typeNumber {
      case 29: 32
      case 30: 64
      default: rules.byteCount * 8
      }
    return .bits(rules.items.map { SchemaItem.TypeDefinition.Bit(Int($0.position), $0.name) }, size: size)
  }

  // MARK: Facets

  /// Forbidden patterns are left out: a client that checks patterns would take them for required ones.
  private func patterns(_ rules: StringRules) -> [SchemaItem.Facet] {
    rules.patterns.filter { !$0.isInverted }.map { .pattern($0.expression) }
  }

  private func length(_ ranges: Ranges<UInt64>?) -> [SchemaItem.Facet] {
    guard let ranges, !ranges.parts.isEmpty else { return [] }
    return [
      .length(
        ranges.parts.map { part in
          let low = Int64(clamping: part.lowerBound)
          if part.lowerBound == part.upperBound { return .single(low) }
          return .between(low, Int64(exactly: part.upperBound))
        })
    ]
  }

  private func range<Bound>(_ ranges: Ranges<Bound>?, max: Bound, _ value: (Bound) -> Value?) -> [SchemaItem.Facet] {
    guard let ranges, !ranges.parts.isEmpty else { return [] }
    return [
      .range(
        ranges.parts.map { part in
          if part.lowerBound == part.upperBound, let single = value(part.lowerBound) { return .single(single) }
          return .between(value(part.lowerBound), part.upperBound == max ? nil : value(part.upperBound))
        })
    ]
  }
}

extension SchemaType.SignedWidth {
  fileprivate var bounds: ClosedRange<Int64> {
    switch self {
    case .int8: Int64(Int8.min)...Int64(Int8.max)
    case .int16: Int64(Int16.min)...Int64(Int16.max)
    case .int32: Int64(Int32.min)...Int64(Int32.max)
    case .int64: Int64.min...Int64.max
    }
  }
}

extension SchemaType.UnsignedWidth {
  fileprivate var bounds: ClosedRange<UInt64> {
    switch self {
    case .uint8: 0...UInt64(UInt8.max)
    case .uint16: 0...UInt64(UInt16.max)
    case .uint32: 0...UInt64(UInt32.max)
    case .uint64: 0...UInt64.max
    }
  }
}

extension Value {
  fileprivate init?(signed number: Int64, _ width: SchemaType.SignedWidth) {
    switch width {
    case .int8: self = .int8(Int8(clamping: number))
    case .int16: self = .int16(Int16(clamping: number))
    case .int32: self = .int32(Int32(clamping: number))
    case .int64: self = .int64(number)
    }
  }

  fileprivate init?(unsigned number: UInt64, _ width: SchemaType.UnsignedWidth) {
    switch width {
    case .uint8: self = .uint8(UInt8(clamping: number))
    case .uint16: self = .uint16(UInt16(clamping: number))
    case .uint32: self = .uint32(UInt32(clamping: number))
    case .uint64: self = .uint64(number)
    }
  }
}

extension SpecialForm {
  /// The built-in type of the stream with this value form (protocol part 07, section 7).
  fileprivate var builtInName: String {
    switch self {
    case .ipv4Address: "inetAddressIPv4"
    case .ipv6Address: "inetAddressIPv6"
    case .ipv4Prefix: "ipv4Prefix"
    case .ipv6Prefix: "ipv6Prefix"
    case .ipv4AndPrefixLength: "ipv4AddressAndPrefixLength"
    case .ipv6AndPrefixLength: "ipv6AddressAndPrefixLength"
    case .dateTime: "dateTime"
    case .date: "date"
    case .time: "time"
    case .duration: "duration"
    case .objectIdentifier: "oid"
    case .dottedQuad: "dottedQuad"
    case .hexString: "hexString"
    case .hexList, .physicalAddress: "hexList"
    case .octetList: "octetList"
    case .size: "size"
    case .double: "double"
    case .qname: "QName"
    case .hexBinary: "hexBinary"
    }
  }
}
