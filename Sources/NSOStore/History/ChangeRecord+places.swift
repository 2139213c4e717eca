extension ChangeRecord {
  /// Where a record lies that past changes set.
  public enum Place {
    case node(TreePath)
    /// An attribute of a node, or the order of a list.
    case beside(TreePath)
    /// The schema has no such node; the path leads to the last one on the way that it has.
    case unknown(below: TreePath)
  }

  /// Calls `body` with every record that a piece sets.
  public static func forEachSet(
    in piece: UnsafeRawBufferPointer, _ layout: TreeLayout,
    _ body: (Place, _ value: UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    var reader = ChangeRecordReader(piece)
    while let kind = try reader.next() {
      guard case .put = kind, reader.key != AttributeKeys.mark else { continue }
      let place: Place =
        reader.key.withUnsafeBytes { key in
          switch layout.kind(of: key) {
          case .node(let path): .node(path)
          case .attribute(let path, _), .order(let path), .place(let path, _): .beside(path)
          case .unknown(let path): .unknown(below: path)
          }
        }
      try body(place, reader.second)
    }
  }
}
