extension Overlay {
  /// Copies everything below the node at `source`, its attributes included, to the node at `destination`, record by record: both must be
  /// of the same schema node. The records of the two nodes themselves are left as they are.
  public mutating func copyContents(
    of source: TreePath, in tree: any DataTree, to destination: TreePath
  ) throws(StoreError) {
    try copy(below: source.bytes, of: tree, to: destination.bytes)
  }

  /// As `copyContents`, for the keys of places in the store, instead of what is there; without `source` there is nothing afterwards.
  public mutating func replaceContents(
    below destination: [UInt8], with source: [UInt8]?, of tree: any DataTree
  ) throws(StoreError) {
    try delete(.prefix(destination))
    if let source { try copy(below: source, of: tree, to: destination) }
  }

  private mutating func copy(below source: [UInt8], of tree: any DataTree, to destination: [UInt8]) throws(StoreError) {
    let cursor = try tree.makeCursor(in: .prefix(source))
    var more = try cursor.first()
    var key = destination
    while more {
      if cursor.key.count > source.count {
        key.removeSubrange(destination.count...)
        key.append(contentsOf: cursor.key[source.count...])
        key.withUnsafeBytes { put($0, cursor.value) }
      }
      more = try cursor.next()
    }
  }

  /// Makes everything at and below `path` the same as in `other`. Only what differs is changed; all of it counts as read.
  public mutating func takeOver(_ other: any DataTree, below path: TreePath) throws(StoreError) {
    let before = self
    var changes: [(key: [UInt8], value: [UInt8]?)] = []
    try RecordChanges.between(before, other, in: path.subtree) { key, _, new throws(StoreError) in
      changes.append((Array(key), new.map { Array($0) }))
      return .goOn
    }
    for (key, value) in changes {
      if let value { put(key, value) } else { try delete(key) }
    }
    if !path.isRoot, try other.usesAttributes() { put(AttributeKeys.mark, []) }
  }
}
