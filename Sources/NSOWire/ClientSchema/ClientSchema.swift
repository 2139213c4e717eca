public import NSOModel

/// The schema as a client loads it from the daemon (protocol part 07): nodes to look up, and types that convert between text
/// and values. Immutable; a new load makes a new one.
public final class ClientSchema: Sendable {
  public typealias Node = SchemaItem.Node

  /// In the order in which they were sent.
  public let namespaces: [SchemaItem.Namespace]
  private let nodes: [NodeKey: Node]
  private let types: [TypeName: SchemaItem.TypeDefinition]
  /// Namespaces that have a top node of this name.
  private let tops: [String: [String]]

  struct NodeKey: Hashable {
    var namespace: String
    var path: [Tag]
  }

  struct TypeName: Hashable {
    var namespace: String
    var name: String
  }

  fileprivate init(
    namespaces: [SchemaItem.Namespace], nodes: [NodeKey: Node], types: [TypeName: SchemaItem.TypeDefinition],
    tops: [String: [String]]
  ) {
    self.namespaces = namespaces
    self.nodes = nodes
    self.types = types
    self.tops = tops
  }

  /// No namespace at all.
  public static let empty = ClientSchema(namespaces: [], nodes: [:], types: [:], tops: [:])
}

extension ClientSchema {
  /// Takes the stream item by item; the schema is there only when the stream is complete.
  public struct Loader: Sendable {
    private var namespaces: [SchemaItem.Namespace] = []
    private var nodes: [NodeKey: Node] = [:]
    private var types: [TypeName: SchemaItem.TypeDefinition] = [:]
    private var tops: [String: [String]] = [:]
    /// The namespace being sent.
    private var current: String?

    public init() {}

    /// Takes items in the order of the stream.
    ///
    /// - Returns: the schema, once the end of the stream is among them; nil before. What follows the end is ignored.
    /// - Throws: INTERNAL when the stream breaks its grammar.
    public mutating func add(_ items: some Sequence<SchemaItem>) throws(NSOError) -> ClientSchema? {
      for item in items {
        switch item {
        case .namespace(let namespace):
          guard current == nil else { throw Self.broken("namespace \(namespace.uri) inside another one") }
          namespaces.append(namespace)
          current = namespace.uri
        case .type(let type):
          guard let current else { throw Self.broken("type \(type.name) outside any namespace") }
          types[TypeName(namespace: current, name: type.name)] = type
        case .node(let node):
          guard let current, let top = node.path.first else {
            throw Self.broken("a node outside any namespace, or without path")
          }
          nodes[NodeKey(namespace: current, path: node.path)] = node
          if node.path.count == 1 { tops[top.name, default: []].append(current) }
        case .endOfNamespace:
          guard current != nil else { throw Self.broken("the end of a namespace that did not begin") }
          current = nil
        case .endOfSchema:
          guard current == nil else { throw Self.broken("the end inside a namespace") }
          return ClientSchema(namespaces: namespaces, nodes: nodes, types: types, tops: tops)
        }
      }
      return nil
    }

    private static func broken(_ what: String) -> NSOError { NSOError(.internal, "The schema stream holds \(what).") }
  }
}

// MARK: - Looking up

extension ClientSchema {
  public func namespace(uri: String) -> SchemaItem.Namespace? { namespaces.first { $0.uri == uri } }

  public func namespace(prefix: String) -> SchemaItem.Namespace? { namespaces.first { $0.prefix == prefix } }

  /// A node by its path, root first: the top plain, others qualified where the namespace changes.
  public func node(_ path: [Tag], in namespace: String) -> Node? {
    nodes[NodeKey(namespace: namespace, path: path)]
  }

  /// The nodes at the top of the tree, by namespace in the order of the stream and by name.
  public var topNodes: [Tag] {
    namespaces.flatMap { namespace in
      tops.filter { $0.value.contains(namespace.uri) }.keys.sorted().map { Tag($0, in: namespace.uri) }
    }
  }

  /// The namespace that a path begins in: that of its first element, or the only one with such a top node.
  public func namespace(of path: Keypath) -> String? {
    guard case .tag(let top)? = path.elements.first else { return nil }
    if let namespace = top.namespace { return namespace }
    guard let candidates = tops[top.name], candidates.count == 1 else { return nil }
    return candidates.first
  }

  /// The node that a path leads to; keys and positions do not matter, and tags may say more namespaces than they need.
  public func node(at path: Keypath) -> Node? {
    guard let namespace = namespace(of: path) else { return nil }
    var tags: [Tag] = []
    var inherited = namespace
    for case .tag(let tag) in path.elements {
      let own = tag.namespace ?? inherited
      tags.append(Tag(tag.name, in: tags.isEmpty || own == inherited ? nil : own))
      inherited = own
    }
    return node(tags, in: namespace)
  }

  /// Data children in schema order, those of all cases among them.
  public func children(of node: Node) -> [Tag] { Self.flattened(node.children) }

  private static func flattened(_ children: [SchemaItem.Child]) -> [Tag] {
    children.flatMap { child in
      switch child {
      case .node(let tag): [tag]
      case .choice(let choice): choice.cases.flatMap { flattened($0.children) }
      }
    }
  }

  /// The type of a leaf or leaf-list.
  ///
  /// - Parameter namespace: the one that the node's path begins in.
  /// - Throws: BADTYPE for nodes without type, and for types that were not sent.
  public func type(of node: Node, in namespace: String) throws(NSOError) -> ClientType {
    guard let reference = node.type else {
      throw NSOError(.badType, "\(node.path.last?.name ?? "The node") has no value, so no text can be one.")
    }
    return try type(reference, in: namespace)
  }

  /// A type by reference.
  public func type(_ reference: SchemaItem.TypeReference, in namespace: String) throws(NSOError) -> ClientType {
    try resolve(reference, in: namespace, facets: [], depth: 0)
  }

  /// Follows the derivations to a built-in type and collects the facets, the innermost restriction first.
  private func resolve(
    _ reference: SchemaItem.TypeReference, in namespace: String, facets: [[SchemaItem.Facet]], depth: Int
  ) throws(NSOError) -> ClientType {
    guard depth < 64 else { throw NSOError(.badType, "Type \(reference) is derived from itself.") }
    let name: TypeName
    switch reference {
    case .local(let local): name = TypeName(namespace: namespace, name: local)
    case .inNamespace(let other, let local): name = TypeName(namespace: other, name: local)
    case .builtIn(let local): name = TypeName(namespace: "", name: local)
    }
    guard let definition = types[name] else {
      guard BuiltInType.namespaces.contains(name.namespace), let builtIn = BuiltInType(name.name) else {
        throw NSOError(.badType, "Type \(name.name) of namespace \"\(name.namespace)\" is not in the schema.")
      }
      return builtIn.listItem.map { .list(.atomic($0, []), facets) } ?? .atomic(builtIn, facets)
    }
    if case .userDefined(let point) = definition.kind {
      throw NSOError(.badType, "Type \(name.name) is converted by callbacks (type point \(point)), which this client has not.")
    }
    switch definition.derivation {
    case .restriction(let base, let own):
      return try resolve(base, in: name.namespace, facets: [own] + facets, depth: depth + 1)
    case .list(let item):
      return .list(try resolve(item, in: name.namespace, facets: [], depth: depth + 1), facets)
    case .union(let members):
      var types: [ClientType] = []
      for member in members { types.append(try resolve(member, in: name.namespace, facets: [], depth: depth + 1)) }
      return .union(types)
    case .bits(let bits, let size): return .bits(bits, size: size)
    case .undefined: throw NSOError(.badType, "Type \(name.name) has no definition.")
    }
  }

  /// A value of a leaf or leaf-list from its text.
  public func value(_ text: String, at path: Keypath) throws(NSOError) -> Value {
    let (node, namespace) = try known(path)
    return try type(of: node, in: namespace).value(from: text)
  }

  /// The text of a leaf's or leaf-list's value.
  public func text(of value: Value, at path: Keypath) throws(NSOError) -> String {
    let (node, namespace) = try known(path)
    return try type(of: node, in: namespace).text(of: value)
  }

  private func known(_ path: Keypath) throws(NSOError) -> (Node, namespace: String) {
    guard let namespace = namespace(of: path), let node = node(at: path) else {
      throw NSOError(.badPath, "\(path) leads to no node of the schema.")
    }
    return (node, namespace)
  }
}
