public import NSOSchema

/// An expression, parsed once: XPath 1.0 with the functions of YANG 1.1 (RFC 7950, sections 6.4 and 10). Immutable, and
/// usable from all threads. Names are resolved to namespaces; after ``bound(to:at:)`` also to schema nodes.
///
/// The attribute and namespace axes are refused: YANG data has neither.
public struct XPath: Sendable {
  /// The expression as written.
  public let source: String
  public let namespaces: XPathNamespaces
  public let limits: XPathLimits
  let namespacesHash: Int
  let syntax: Syntax
  let stepCount: Int
  /// For each step, the schema nodes it finds below those it can start from; empty before binding.
  var resolutions: [StepResolution] = []

  /// Parses an expression.
  /// - Throws: what is wrong and where.
  public init(
    _ source: String, namespaces: XPathNamespaces = XPathNamespaces(), limits: XPathLimits = .standard
  ) throws(XPathError) {
    let (syntax, stepCount) = try Parser.parse(source, namespaces: namespaces, limits: limits)
    self.init(source: source, namespaces: namespaces, limits: limits, syntax: syntax, stepCount: stepCount)
  }

  /// Parses an expression of a module.
  public init(_ expression: XPathExpression, limits: XPathLimits = .standard) throws(XPathError) {
    try self.init(expression.text, namespaces: XPathNamespaces(expression.prefixes), limits: limits)
  }

  init(source: String, namespaces: XPathNamespaces, limits: XPathLimits, syntax: Syntax, stepCount: Int) {
    self.source = source
    self.namespaces = namespaces
    namespacesHash = namespaces.hashValue
    self.limits = limits
    self.syntax = syntax
    self.stepCount = stepCount
  }

  /// Whether the value is a node-set; nil when only evaluation can tell (a variable).
  public var isNodeSet: Bool? {
    switch syntax.type {
    case .nodeSet: true
    case .unknown: nil
    default: false
    }
  }
}

extension XPath {
  /// The names of the variables that it uses, in the order of their first use.
  public var variables: [String] {
    var names: [String] = []
    syntax.addVariables(to: &names)
    return names
  }
}

extension XPath: CustomStringConvertible {
  public var description: String { source }
}

extension XPathNamespaces {
  /// As in a module: its prefixes, and names without prefix in the namespace of the node that has the expression.
  public init(_ prefixes: PrefixMap) {
    self.init(prefixes: prefixes.namespaces, unprefixed: .namespace(prefixes.defaultNamespace))
  }

  /// For what people and clients type: prefixes and names of all modules of a schema, prefixes used by more than one
  /// module left out; names without prefix mean a node of any module.
  public init(_ schema: Schema) {
    var prefixes: [String: String] = [:]
    for module in schema.modules where schema.module(prefix: module.prefix) != nil {
      prefixes[module.prefix] = module.namespace
    }
    for module in schema.modules { prefixes[module.name] = module.namespace }
    self.init(prefixes: prefixes, unprefixed: .any)
  }
}

/// What a step finds on the child axis: below a schema node (nil: at the top), which schema nodes.
struct StepResolution: Sendable {
  var entries: [(parent: NodeID?, children: [NodeID])] = []

  func children(of parent: NodeID?) -> [NodeID]? {
    for entry in entries where entry.parent == parent { return entry.children }
    return nil
  }
}
