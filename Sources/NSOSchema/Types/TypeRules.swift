public import NSOModel

/// Allowed ranges, ascending, with the module's own error text.
public struct Ranges<Bound: FixedWidthInteger & Sendable>: Sendable {
  public let parts: [ClosedRange<Bound>]
  public let errorMessage: String?
  public let errorAppTag: String?

  public init(_ parts: [ClosedRange<Bound>], errorMessage: String? = nil, errorAppTag: String? = nil) {
    self.parts = parts
    self.errorMessage = errorMessage
    self.errorAppTag = errorAppTag
  }

  public func contains(_ value: Bound) -> Bool { parts.contains { $0.contains(value) } }
}

/// Restrictions of a string.
public struct StringRules: Sendable {
  /// Counts characters (Unicode scalars).
  public let length: Ranges<UInt64>?
  /// All must hold, from the base type outwards.
  public let patterns: [Pattern]

  public init(length: Ranges<UInt64>? = nil, patterns: [Pattern] = []) {
    self.length = length
    self.patterns = patterns
  }

  public var isEmpty: Bool { length == nil && patterns.isEmpty }
}

/// Labels and values of an enumeration, in schema order.
public struct EnumerationRules: Sendable {
  public struct Item: Sendable {
    public let name: String
    public let value: Int32
    public let status: SchemaStatus
    public let description: String?
    public let extensions: [ExtensionStatement]
  }

  public let items: [Item]
  let byName: [String: Int32]
  let byValue: [Int32: Int]

  init(_ items: [Item]) {
    self.items = items
    byName = Dictionary(items.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    byValue = Dictionary(items.enumerated().map { ($1.value, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public func value(_ name: String) -> Int32? { byName[name] }
  public func name(_ value: Int32) -> String? { byValue[value].map { items[$0].name } }
}

/// Names and positions of bits, ascending by position.
public struct BitsRules: Sendable {
  public struct Item: Sendable {
    public let name: String
    public let position: UInt32
    public let status: SchemaStatus
    public let description: String?
  }

  public let items: [Item]
  let byName: [String: UInt32]

  init(_ items: [Item]) {
    self.items = items.sorted { $0.position < $1.position }
    byName = Dictionary(items.map { ($0.name, $0.position) }, uniquingKeysWith: { first, _ in first })
  }

  /// 29, 30 or 50 by the highest position of the type (protocol part 02, section 3.8).
  public var typeNumber: Int {
    switch items.last?.position ?? 0 {
    case ..<32: 29
    case ..<64: 30
    default: 50
    }
  }

  /// Octets of a value of number 50.
  public var byteCount: Int { Int(items.last?.position ?? 0) / 8 + 1 }

  public func position(_ name: String) -> UInt32? { byName[name] }
}

/// What an identityref may hold.
public struct IdentityRules: Sendable {
  public let bases: [QName]
  /// All identities derived from every base, by module and then as written.
  public let allowed: [Identity]
  let byHash: [IdentityHash: Int]
  let byName: [String: [Int]]

  init(bases: [QName], allowed: [Identity]) {
    self.bases = bases
    self.allowed = allowed
    byHash = Dictionary(allowed.enumerated().map { ($1.hash, $0) }, uniquingKeysWith: { first, _ in first })
    byName = Dictionary(grouping: allowed.indices, by: { allowed[$0].name.name })
  }

  public func identity(_ hash: IdentityHash) -> Identity? { byHash[hash].map { allowed[$0] } }
}

/// A leafref.
public struct LeafrefRules: Sendable {
  public let path: XPathExpression
  public let requireInstance: Bool
  /// The leaf or leaf-list referred to.
  public let target: NodeID?
  /// The type of the target.
  public let targetType: SchemaType
}
