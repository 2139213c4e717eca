public import NSOModel

/// How a value is written as text where names of modules are part of it (identities, instance-identifiers).
public enum TextStyle: Sendable {
  /// `prefix:name` with the module's own prefix, always.
  case canonical
  /// RFC 7951: `module-name:name`.
  case json
  /// XML content: the closure gives the prefix that stands for a namespace in the document.
  case xml(prefix: @Sendable (_ namespace: String) -> String)
}

/// How prefixes in a text are understood.
public enum PrefixResolver: Sendable {
  /// Prefixes and names of modules of the schema; no prefix: any namespace where the name is unambiguous.
  case schema
  /// Prefix (nil for names without one) to namespace URI, as a module or document declares them. An unknown prefix is an
  /// error; when names without prefix have no namespace, they must be unambiguous.
  case map(@Sendable (_ prefix: String?) -> String?)
}

extension Schema {
  /// Checks a value against all restrictions of a type (protocol part 02, section 3; a daemon must check all values).
  ///
  /// - Returns: its canonical form: all octets of large bit sets, digits of decimal64, zero host bits of prefixes.
  public func check(_ value: Value, as type: SchemaType) throws(ValueError) -> Value {
    try TypeCoder(schema: self).check(value, as: type)
  }

  /// Reads the lexical form of a value (protocol part 07, section 6.2) and checks it. For a union it is the first member
  /// that fits.
  public func parse(_ text: String, as type: SchemaType, prefixes: PrefixResolver = .schema) throws(ValueError) -> Value {
    try TypeCoder(schema: self).parse(text, as: type, prefixes: prefixes)
  }

  /// The canonical lexical form of a value of the type; nil when the value is none.
  public func text(of value: Value, as type: SchemaType, style: TextStyle = .canonical) -> String? {
    TypeCoder(schema: self).text(of: value, as: type, style: style)
  }

  /// Checks the value of a leaf, or the list of a leaf-list entry by entry.
  public func check(_ value: Value, at node: SchemaNode) throws(ValueError) -> Value {
    guard let type = node.type else { throw ValueError("\(node.name.name) is no leaf and has no value") }
    guard node.kind == .leafList else { return try check(value, as: type) }
    guard case .list(let entries) = value else { throw ValueError("the value of the leaf-list \(node.name.name) is a list") }
    var checked: [Value] = []
    checked.reserveCapacity(entries.count)
    for entry in entries { checked.append(try check(entry, as: type)) }
    return .list(checked)
  }

  /// Reads the text of a leaf or of one entry of a leaf-list. Identities without prefix are of the node's own module first.
  public func parse(_ text: String, at node: SchemaNode, prefixes: PrefixResolver = .schema) throws(ValueError) -> Value {
    guard let type = node.type else { throw ValueError("\(node.name.name) is no leaf and has no value") }
    return try TypeCoder(schema: self, home: node.name.namespace).parse(text, as: type, prefixes: prefixes)
  }

  /// The names of the bits that are set, by position: bit sets are ordered by these (README, "Order of list entries").
  /// Nil when the value is no bit set of the type, or of a union member.
  public func bitNames(of value: Value, as type: SchemaType) -> [String]? {
    switch type.valueType.kind {
    case .bits(let rules): rules.names(of: value)
    case .union(let members): members.lazy.compactMap { self.bitNames(of: value, as: $0) }.first
    default: nil
    }
  }
}
