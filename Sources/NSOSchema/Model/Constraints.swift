/// The meaning of prefixes in an XPath expression or path of a module.
public final class PrefixMap: Sendable {
  /// Prefix to namespace URI.
  public let namespaces: [String: String]
  /// The namespace of names without prefix: that of the module in which the expression applies.
  public let defaultNamespace: String

  public init(namespaces: [String: String], defaultNamespace: String) {
    self.namespaces = namespaces
    self.defaultNamespace = defaultNamespace
  }

  /// The namespace of `prefix`, of names without prefix for nil; nil when the prefix is not known.
  public func namespace(of prefix: String?) -> String? {
    guard let prefix else { return defaultNamespace }
    return namespaces[prefix]
  }
}

/// An XPath expression as written in a module, with what is needed to understand its names.
public struct XPathExpression: Sendable, CustomStringConvertible {
  public let text: String
  public let prefixes: PrefixMap

  public init(_ text: String, prefixes: PrefixMap) {
    self.text = text
    self.prefixes = prefixes
  }

  public var description: String { text }
}

/// A `must` statement.
public struct Must: Sendable {
  public let expression: XPathExpression
  public let errorMessage: String?
  public let errorAppTag: String?
}

/// A `when` statement. A node has its own and those it takes from a choice, case, `uses` or `augment` around it.
public struct When: Sendable {
  /// The node whose instance is the context of the expression.
  public enum Context: Hashable, Sendable {
    /// The node that has the statement.
    case node(NodeID)
    /// The root of the data tree.
    case root
  }

  public let expression: XPathExpression
  public let context: Context
}

/// `status` of a definition.
public enum SchemaStatus: UInt8, Hashable, Sendable {
  case current, deprecated, obsolete
}
