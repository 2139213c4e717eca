internal import NSOModel
public import NSOSchema
public import NSOXPath

/// Modules with data, and expressions evaluated over them.
public final class Fixture {
  public typealias Tree = AccessibleTree<MemoryStorage>

  public let schema: Schema
  public let tree: Tree
  public let evaluator: XPathEvaluator<Tree>
  public let namespaces: XPathNamespaces

  public init(_ modules: [String], _ xml: String = "") throws {
    schema = modules.isEmpty ? .empty : try ModuleSet(modules).schema()
    tree = Tree(try MemoryStorage(schema, xml: xml))
    evaluator = XPathEvaluator(tree)
    namespaces = XPathNamespaces(schema)
  }

  /// Without schema and data.
  public convenience init() throws { try self.init([]) }

  public func xpath(_ source: String) throws -> XPath { try XPath(source, namespaces: namespaces) }

  /// The first node of a node-set.
  public func node(_ path: String) throws -> Tree.Node {
    var found: Tree.Node?
    try evaluator.forEachNode(xpath(path), at: tree.root) { item in
      found = item.node
      return false
    }
    guard let found else { throw DataError(description: "nothing at \(path)") }
    return found
  }

  public func string(_ source: String, at context: String = "/") throws -> String {
    try evaluator.string(xpath(source), at: node(context))
  }

  public func number(_ source: String, at context: String = "/") throws -> Double {
    try evaluator.number(xpath(source), at: node(context))
  }

  public func test(_ source: String, at context: String = "/") throws -> Bool {
    try evaluator.test(xpath(source), at: node(context))
  }

  /// The paths of the nodes of a node-set in short form: names and keys, text nodes as `text()`.
  public func nodes(_ source: String, at context: String = "/") throws -> [String] {
    var found: [String] = []
    try evaluator.forEachNode(xpath(source), at: node(context)) { item in
      found.append(path(item.node) + (item.isText ? "/text()" : ""))
      return true
    }
    return found
  }

  /// Names and keys without namespaces.
  public func path(_ node: Tree.Node) -> String {
    var text = ""
    for element in node.keypath(schema).elements {
      switch element {
      case .tag(let tag): text += "/" + tag.name
      case .keys(let keys): text += "{" + keys.map(\.plainText).joined(separator: " ") + "}"
      case .position(let place): text += "[\(place)]"
      }
    }
    return text.isEmpty ? "/" : text
  }
}
