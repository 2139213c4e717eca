/// What prefixes and names without a prefix mean where an expression stands (RFC 7950, section 6.4.1).
public struct XPathNamespaces: Hashable, Sendable {
  /// What a name without a prefix means in a node test.
  public enum Unprefixed: Hashable, Sendable {
    /// The namespace of the current node's module, as in a YANG module.
    case namespace(String)
    /// A node of that name in whatever namespace, as in what a user types.
    case any
  }

  /// Prefix to namespace URI: the module's own prefix and those of its imports.
  public var prefixes: [String: String]
  public var unprefixed: Unprefixed

  public init(prefixes: [String: String] = [:], unprefixed: Unprefixed = .any) {
    self.prefixes = prefixes
    self.unprefixed = unprefixed
  }
}
