public import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// A query that is answered in chunks (protocol part 04, QUERY_START): an expression finds nodes, others say what is told of each of
/// them, and in which order. It sees the data of the moment when it was started.
public struct DataQuery: Sendable {
  /// What is told of one node for one of the expressions.
  public enum Item: Sendable, Hashable {
    case text(String)
    case node(Location, Value?)
    /// The expression finds nothing there.
    case nothing
  }

  private let view: TreeView
  private let nodes: SelectedNodes
  private let selections: [XPath]
  private let asText: Bool

  /// Bytes of texts that a query is sorted by.
  private static let orderBytes = 256 << 20
  /// Steps of all expressions that are evaluated for one request together.
  private static let steps = 200_000_000

  /// How many nodes were found.
  public var count: Int { nodes.count }
  /// The schema that the nodes are of.
  public var model: DataModel { view.model }

  /// Evaluates the expression and the order; takes time in proportion to what they read.
  /// - Parameters:
  ///   - query: which nodes.
  ///   - selections: what is told of each, evaluated with it as context node; the node itself if there are none.
  ///   - order: expressions by whose values the nodes are sorted; those that are numbers everywhere as numbers.
  ///   - asText: the selections' values as text, else the first node of each.
  /// - Throws: XPATH for expressions that do not compile or cannot be evaluated, BADPATH, RESOURCE_DENIED.
  public init(
    _ query: XPathQuery, selections: [String], order: [String], asText: Bool, _ view: TreeView
  ) throws(NSOError) {
    self.view = view
    self.asText = asText
    let namespaces = XPathNamespaces(view.model.schema)
    func parse(_ text: String) throws(NSOError) -> XPath {
      do { return try XPath(text, namespaces: namespaces) } catch { throw error.nsoError }
    }
    var parsed: [XPath] = []
    for text in selections.isEmpty ? ["."] : selections { parsed.append(try parse(text)) }
    self.selections = parsed
    var sorting: [XPath] = []
    for text in order { sorting.append(try parse(text)) }
    var nodes = try view.select(query)
    if !sorting.isEmpty { nodes.reorder(try Self.order(nodes, sorting, view)) }
    self.nodes = nodes
  }

  /// What is told of up to `count` nodes from number `start` on, counted from 0.
  /// - Parameter textBytes: how long all texts may be together.
  /// - Throws: also RESOURCE_DENIED.
  public func results(from start: Int, count: Int, textBytes: Int = 512 << 20) throws(NSOError) -> [[Item]] {
    guard start < nodes.count else { return [] }
    do {
      let tree = view.accessibleTree()
      let evaluator = XPathEvaluator(tree, references: view.model.constraints.references)
      evaluator.budget = XPathBudget(Self.steps)
      var bytes = 0
      var results: [[Item]] = []
      for index in start..<min(nodes.count, start + count) {
        guard let node = try Self.node(nodes, index, tree, view.model) else { continue }
        results.append(
          try selections.map { selection in
            let item = try item(selection, evaluator, node)
            if case .text(let text) = item { bytes += text.utf8.count }
            guard bytes <= textBytes else {
              throw NSOError(
                .resourceDenied,
                "the texts of a chunk are longer than \(textBytes) bytes: start the query with smaller chunks")
            }
            return item
          })
      }
      return results
    } catch {
      throw NSOError(validation: error)
    }
  }

  private func item(
    _ xpath: XPath, _ evaluator: XPathEvaluator<AccessibleTree<StoreStorage>>, _ node: InstanceNode<TreePath>
  ) throws -> Item {
    if asText { return .text(try evaluator.string(xpath, at: node)) }
    var found: InstanceNode<TreePath>?
    try evaluator.forEachNode(xpath, at: node) { item in
      found = item.node
      return false
    }
    guard let found else { return .nothing }
    return .node(try view.model.locate(found.keypath(view.model.schema)), try evaluator.tree.value(of: found))
  }

  private static func node(
    _ nodes: SelectedNodes, _ index: Int, _ tree: AccessibleTree<StoreStorage>, _ model: DataModel
  ) throws -> InstanceNode<TreePath>? {
    try tree.node(at: Keypath(nodes.location(index), model))
  }

  private static func order(_ nodes: SelectedNodes, _ sorting: [XPath], _ view: TreeView) throws(NSOError) -> [Int] {
    do {
      let tree = view.accessibleTree()
      let evaluator = XPathEvaluator(tree, references: view.model.constraints.references)
      evaluator.budget = XPathBudget(Self.steps)
      var bytes = 0
      var texts: [[String]] = []
      for index in 0..<nodes.count {
        let node = try node(nodes, index, tree, view.model)
        texts.append(try sorting.map { xpath in try node.map { try evaluator.string(xpath, at: $0) } ?? "" })
        bytes += texts[index].reduce(0) { $0 + $1.utf8.count }
        guard bytes <= Self.orderBytes else {
          throw NSOError(
            .resourceDenied, "the texts that the query is to be sorted by are longer than \(Self.orderBytes) bytes")
        }
      }
      let numbers = sorting.indices.map { column in texts.allSatisfy { Double($0[column]) != nil } }
      return nodes.indices.sorted { a, b in
        for column in sorting.indices where texts[a][column] != texts[b][column] {
          if numbers[column], let x = Double(texts[a][column]), let y = Double(texts[b][column]) { return x < y }
          return texts[a][column] < texts[b][column]
        }
        return a < b
      }
    } catch {
      throw NSOError(validation: error)
    }
  }
}

extension SelectedNodes {
  fileprivate var indices: Range<Int> { 0..<count }
}
