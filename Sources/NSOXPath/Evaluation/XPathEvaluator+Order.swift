internal import NSOSchema

extension XPathEvaluator {
  /// Nodes in document order.
  func sorted(_ items: [Item]) throws -> [Item] {
    guard items.count > 1 else { return items }
    try charge(items.count * (items.count.bitWidth - items.count.leadingZeroBitCount))
    let lines = items.map { Line(nodes: lineage($0.node), isText: $0.isText, item: $0) }
    return try lines.sorted { try precedes($0, $1) }.map(\.item)
  }

  /// A node with its ancestors, the top one first.
  private struct Line {
    var nodes: [Node]
    var isText: Bool
    var item: Item
  }

  private func lineage(_ node: Node) -> [Node] {
    var line = [node]
    while let parent = line.last.flatMap({ tree.parent(of: $0) }) { line.append(parent) }
    return line.reversed()
  }

  private func precedes(_ a: Line, _ b: Line) throws -> Bool {
    for (x, y) in zip(a.nodes, b.nodes) where x != y {
      guard let xid = tree.schemaNode(of: x), let yid = tree.schemaNode(of: y) else { return false }
      return xid == yid ? try tree.isEntry(x, before: y) : xid < yid
    }
    return a.nodes.count == b.nodes.count ? !a.isText && b.isText : a.nodes.count < b.nodes.count
  }
}
