public import NSOSchema

extension TreePath {
  /// The path of the node above; of an entry, of what holds its list. Only good to go down again: where `above` is a list, the
  /// result leads into one of its entries but does not know where the keys begin.
  public func holder(_ layout: TreeLayout, above: NodeID) -> TreePath {
    guard let node else { return self }
    let count = listCount - Int(truncatingIfNeeded: layout.step(node) >> 24 & 0xFF)
    return TreePath(
      bytes: Array(bytes[..<max(0, count)]), node: above, entryStart: -1, isList: TreeLayout.isList(layout.step(above)),
      isOrderedByUser: TreeLayout.isOrderedByUser(layout.step(above)))
  }
}
