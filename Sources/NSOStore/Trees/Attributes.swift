public import NSOModel

/// Attributes of nodes (protocol part 02, section 8): records of their own beside the node's, so that they go with it. A mark at
/// the root says that the tree has, or had, attributes: without it nobody has to look for any.
enum AttributeKeys {
  /// No attribute has this number.
  static let mark: [UInt8] = [KeyForm.attribute, 0xFF, 0xFF, 0xFF, 0xFF]

  static func range(of path: TreePath) -> KeyRange {
    KeyRange(lower: path.bytes + [KeyForm.attribute], upper: path.bytes + [KeyForm.attribute + 1])
  }
}

extension TreePath {
  /// The node and the number of the attribute that a key is the record of, if it can be one; the root's is the mark of trees that
  /// have attributes.
  public static func attribute(_ key: UnsafeRawBufferPointer) -> (place: [UInt8], number: AttributeNumber)? {
    guard key.count >= 5, key[key.count - 5] == KeyForm.attribute else { return nil }
    let number = key.loadUnaligned(fromByteOffset: key.count - 4, as: UInt32.self)
    return (Array(key.prefix(key.count - 5)), AttributeNumber(rawValue: UInt32(bigEndian: number)))
  }
}

extension KeyRange {
  /// The place whose attributes are all that lies in the range; nil for other ranges.
  public var placeOfAttributes: [UInt8]? {
    guard lower.last == KeyForm.attribute, upper == Array(lower.dropLast()) + [KeyForm.attribute + 1] else { return nil }
    return Array(lower.dropLast())
  }
}

extension DataTree {
  /// False: no node of this tree has an attribute.
  public func usesAttributes() throws(StoreError) -> Bool {
    try withBytes(AttributeKeys.mark) { key throws(StoreError) in try untracked.contains(key) }
  }

  /// Calls `body` with number and value of each attribute of the node at `path`, in the order of numbers.
  public func forEachAttribute(
    of path: TreePath, _ body: (AttributeNumber, UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) {
    guard !path.isRoot else { return }
    let cursor = try makeCursor(in: AttributeKeys.range(of: path))
    var more = try cursor.first()
    while more {
      let key = cursor.key
      if key.count == path.bytes.count + 5 {
        let number = key.loadUnaligned(fromByteOffset: path.bytes.count + 1, as: UInt32.self)
        body(AttributeNumber(rawValue: UInt32(bigEndian: number)), cursor.value)
      }
      more = try cursor.next()
    }
  }

  /// The paths of all nodes with this attribute, in key order. Looks at every record.
  public func nodes(with number: AttributeNumber, _ layout: TreeLayout) throws(StoreError) -> [TreePath] {
    guard try usesAttributes() else { return [] }
    let ending = TreePath.root.attributeKey(number)
    var found: [TreePath] = []
    let cursor = try makeCursor(in: .all)
    var more = try cursor.first()
    while more {
      let key = cursor.key
      if key.count > ending.count, key.suffix(ending.count).elementsEqual(ending),
        case .attribute(let path, _) = layout.kind(of: key), !path.isRoot
      {
        found.append(path)
      }
      more = try cursor.next()
    }
    return found
  }
}

extension Overlay {
  /// Sets an attribute of the node at `path`, or with nil takes it away. Whether the node is there is the caller's to know.
  public mutating func setAttribute(
    _ number: AttributeNumber, of path: TreePath, to value: [UInt8]?
  ) throws(StoreError) {
    guard !path.isRoot else { return }
    let key = path.attributeKey(number)
    guard let value else { return try delete(key) }
    put(key, value)
    put(AttributeKeys.mark, [])
  }
}
