public import NSOSchema

/// What kind of record a key names, as far as the schema knows it.
enum RecordKind {
  /// The record of a node: leaf, presence container, entry.
  case node(TreePath)
  case attribute(of: TreePath, number: UInt32)
  /// An order record of a list.
  case order(list: TreePath)
  /// The place of an entry: list and entry key.
  case place(list: TreePath, entryKey: [UInt8])
  /// A node that this schema does not have, or not in this form, or damage: the part of the key that is known.
  case unknown(known: TreePath)
}

/// One step of a path: a node, or an entry of a list or leaf-list together with its node.
public struct TreeStep: Hashable, Sendable {
  public let node: NodeID
  /// Bytes of the key up to the node.
  public let nodeEnd: Int
  /// Bytes of the key up to the entry's keys; nil when it is no entry.
  public let entryEnd: Int?
}

extension TreeLayout {
  /// The steps of a key from the root on, as far as this schema knows them; `end` is where they end.
  func steps(
    of key: UnsafeRawBufferPointer
  ) -> (steps: [TreeStep], end: Int) {
    var steps: [TreeStep] = []
    var node: NodeID?
    var offset = 0
    while let (number, nodeEnd) = KeyForm.node(key, at: offset), let child = child(of: node, number: number) {
      let entryEnd = traits(child).contains(.list) ? KeyForm.entryEnd(key, from: nodeEnd) : nil
      steps.append(TreeStep(node: child, nodeEnd: nodeEnd, entryEnd: entryEnd))
      node = child
      offset = entryEnd ?? nodeEnd
    }
    return (steps, offset)
  }

  /// The steps of a path, root first.
  public func steps(of path: TreePath) -> [TreeStep] { path.bytes.withUnsafeBytes { steps(of: $0).steps } }

  /// The path made of the first bytes of a key that end with `step`.
  func path(_ step: TreeStep?, of key: UnsafeRawBufferPointer) -> TreePath {
    guard let step else { return .root }
    return TreePath(
      bytes: Array(key[..<(step.entryEnd ?? step.nodeEnd)]), node: step.node,
      entryStart: step.entryEnd == nil ? nil : step.nodeEnd, traits: traits(step.node))
  }

  /// The path with these bytes, as `TreePath.bytes` has them; nil when this schema has no such node, or it is no path.
  public func path(_ bytes: [UInt8]) -> TreePath? {
    bytes.withUnsafeBytes { key in
      let (steps, end) = steps(of: key)
      return end == key.count ? path(steps.last, of: key) : nil
    }
  }

  /// The deepest node that any key of the store leads to or through: of a leaf or entry its own, of an attribute or of a place in an order
  /// the node or list that it belongs to.
  public func place(ofKey key: [UInt8]) -> TreePath {
    key.withUnsafeBytes { key in path(steps(of: key).steps.last, of: key) }
  }

  /// The paths on the way from the top to `path`, itself included. For an entry there is one: the entry, not its list.
  public func lineage(of path: TreePath) -> [TreePath] {
    path.bytes.withUnsafeBytes { key in steps(of: key).steps.map { self.path($0, of: key) } }
  }

  func kind(of key: UnsafeRawBufferPointer) -> RecordKind {
    let (steps, end) = steps(of: key)
    let known = path(steps.last, of: key)
    guard end < key.count else { return known.mayHaveRecord ? .node(known) : .unknown(known: known) }
    switch key[end] {
    case KeyForm.attribute where key.count == end + 5:
      return .attribute(of: known, number: UInt32(bigEndian: key.loadUnaligned(fromByteOffset: end + 1, as: UInt32.self)))
    case KeyForm.order where known.isWholeList && key.count > end + 9: return .order(list: known)
    case KeyForm.place where known.isWholeList && KeyForm.entryEnd(key, from: end + 1) == key.count:
      return .place(list: known, entryKey: Array(key[(end + 1)...]))
    default: return .unknown(known: known)
    }
  }
}

/// The key of an entry in the store's form.
public enum EntryKey {
  /// One of its values, in that form; nil when it does not have that many.
  public static func value(_ index: Int, of key: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    key.withUnsafeBytes { bytes -> ArraySlice<UInt8>? in
      var start = 0
      for place in 0...max(0, index) {
        guard KeyForm.isValue(bytes, at: start), let end = KeyEncoder.valueEnd(bytes, at: start), end <= bytes.count else {
          return nil
        }
        if place == index { return key[(key.startIndex + start)..<(key.startIndex + end)] }
        start = end
      }
      return nil
    }
  }
}
