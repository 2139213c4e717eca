public import NSODocument
import NSOModel
import NSOSchema
import NSOStore

/// A subtree filter (RFC 6241, section 6), resolved against a schema: what of the data is selected.
public struct SubtreeFilter: Sendable, Hashable {
  /// One element of the filter.
  struct Element: Sendable, Hashable {
    var node: NodeID
    var kind: Kind
    var children: [Element] = []

    /// It has all below it selected.
    var selectsAll: Bool { kind == .selection || kind == .containment && children.allSatisfy(\.isMatch) && !hasUnknown }
    var isMatch: Bool { if case .match = kind { true } else { false } }
    /// Elements in it that no module defines there, which select nothing.
    var hasUnknown = false
    /// One of these has a text, which nothing can match.
    var hasUnknownMatch = false
  }

  enum Kind: Sendable, Hashable {
    case containment, selection
    /// A leaf that must have this value; nil: a text that the leaf cannot have.
    case match(Value?)
  }

  var elements: [Element]

  /// - Parameter elements: what is inside of the filter.
  public init(_ elements: [DocumentTree], _ model: DataModel) {
    self.elements = elements.flatMap { Self.resolve($0, in: nil, model) }
  }

  /// What an element can mean: nothing where no module defines it there, several nodes where it has no namespace.
  private static func resolve(_ tree: DocumentTree, in parent: NodeID?, _ model: DataModel) -> [Element] {
    // Nodes of data have no attributes that an attribute match expression could match.
    guard tree.element.attributes.isEmpty else { return [] }
    let schema = model.schema
    var nodes: [NodeID]
    switch tree.name.space {
    case .namespace(let uri): nodes = schema.child(of: parent, namespace: uri, name: tree.name.local).map { [$0] } ?? []
    case .none, .module:
      let children = parent.map { schema[$0].children } ?? schema.roots
      nodes = children.filter { schema[$0].name.name == tree.name.local }
    }
    nodes = nodes.filter { model.layout.isStored($0) }
    return nodes.map { node in
      let kind = schema[node].kind
      let text = tree.trimmedText
      guard kind == .leaf || kind == .leafList else {
        guard !tree.children.isEmpty else { return Element(node: node, kind: .selection) }
        var element = Element(node: node, kind: .containment)
        for child in tree.children {
          let found = resolve(child, in: node, model)
          if found.isEmpty {
            element.hasUnknown = true
            if child.children.isEmpty, !child.trimmedText.isEmpty { element.hasUnknownMatch = true }
          }
          element.children += found
        }
        return element
      }
      guard tree.children.isEmpty else { return Element(node: node, kind: .match(nil)) }
      guard !text.isEmpty else { return Element(node: node, kind: .selection) }
      let resolver: PrefixResolver =
        switch tree.element.names {
        case .moduleNames: .schema
        case .prefixes(let scope): .map { scope.namespace(for: $0 ?? "") }
        }
      let value = schema[node].type.flatMap { try? schema.parse(text, as: $0, prefixes: resolver) }
      return Element(node: node, kind: .match(value))
    }
  }

  // MARK: On the way through the data

  /// What a filter asks for below one node, which is what any of its elements asks for.
  struct Level: Sendable {
    var elements: [Element]

    /// What is asked for of a child node; empty: nothing.
    func below(_ child: NodeID) -> [Element] {
      elements.flatMap { $0.children.filter { $0.node == child } }
    }

    /// The node itself is asked for, not only something in it: a key, or a leaf that matched.
    func showsEntry(_ model: DataModel) -> Bool {
      elements.contains { element in element.children.contains { model[$0.node].isKey } }
    }
  }

  /// What is asked for at the top.
  func top(_ view: TreeView, withDefaults: Bool) throws(NSOError) -> Level {
    // A leaf at the top that must have a value selects nothing besides.
    let root = Element(node: NodeID(rawValue: -1), kind: .containment, children: elements, hasUnknown: true)
    return try Self.level([root], at: .root, view, withDefaults: withDefaults) ?? Level(elements: [])
  }

  /// The elements whose content match expressions hold in a container, or list entry.
  /// - Returns: nil when one of them selects everything there.
  static func level(
    _ elements: [Element], at place: Location, _ view: TreeView, withDefaults: Bool
  ) throws(NSOError) -> Level? {
    var holding: [Element] = []
    for element in elements {
      guard try holds(element, at: place, view, withDefaults: withDefaults) else { continue }
      if element.selectsAll { return nil }
      holding.append(element)
    }
    return Level(elements: holding)
  }

  private static func holds(
    _ element: Element, at place: Location, _ view: TreeView, withDefaults: Bool
  ) throws(NSOError) -> Bool {
    guard !element.hasUnknownMatch else { return false }
    for child in element.children {
      guard case .match(let wanted) = child.kind else { continue }
      guard let wanted else { return false }
      let leaf = place.child(child.node, view.model)
      let facts = view.model[child.node]
      if facts.kind == .leafList {
        guard case .list(let values)? = try view.value(leaf), values.contains(wanted) else { return false }
      } else {
        if !withDefaults, !facts.isKey, try !view.isSet(leaf) { return false }
        guard try view.value(leaf) == wanted else { return false }
      }
    }
    return true
  }

  /// The keys of the only entry that can satisfy the elements; nil when they do not say.
  static func keys(of list: NodeID, _ elements: [Element], _ model: DataModel) -> [Value]? {
    guard elements.count == 1, let element = elements.first else { return nil }
    var keys: [Value] = []
    for key in model.schema[list].keys {
      let wanted = element.children.first { $0.node == key && $0.isMatch }
      guard case .match(let value?)? = wanted?.kind else { return nil }
      keys.append(value)
    }
    return keys.isEmpty ? nil : keys
  }
}
