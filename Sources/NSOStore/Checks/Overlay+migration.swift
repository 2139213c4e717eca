public import NSOSchema

/// A record that the next schema has a node for, while a tree is brought in line with that schema.
public struct MigratingRecord {
  /// Its node, in the layout of the next schema. Of an attribute: what it belongs to.
  public let path: TreePath
  public let isAttribute: Bool
  /// Valid during the call.
  public let value: UnsafeRawBufferPointer
}

/// What becomes of a record when the schema changes.
public enum MigrationVerdict {
  case keep
  case replace([UInt8])
  /// With all that is below.
  case remove
  /// The same in another place of its list or leaf-list: only for what has nothing below.
  case move(TreePath, [UInt8])
}

extension Overlay {
  /// Brings what this overlay lies over in line with another schema; only what has to be changed is changed. The overlay must be
  /// empty. Looks at every record, so it takes time in proportion to the tree.
  /// - Parameters:
  ///   - decide: called with each record that the next schema has a node for, parents first.
  ///   - lost: called with the key of each record that goes: because it was decided so, or because the next schema has no
  ///     such node. What is below a record that goes is lost too.
  public mutating func migrate(
    to layout: TreeLayout, decide: (MigratingRecord) -> MigrationVerdict, lost: ([UInt8]) -> Void
  ) throws(StoreError) {
    let cursor = try base.untracked.makeCursor(in: .all)
    /// Everything below it is gone.
    var gone: [UInt8]?
    /// Containers that have got presence since, and were made for what is in them.
    var containers: Set<[UInt8]> = []
    var more = try cursor.first()
    while more {
      let key = Array(cursor.key)
      if let top = gone, key.starts(with: top) {
        lost(key)
        more = try cursor.next()
        continue
      }
      gone = nil
      switch layout.kind(of: cursor.key) {
      case .unknown:
        lost(key)
        try delete(key)
      case .order, .place: break
      case .attribute(let path, _):
        guard case .remove = decide(MigratingRecord(path: path, isAttribute: true, value: cursor.value)) else { break }
        lost(key)
        try delete(key)
      case .node(let path):
        switch decide(MigratingRecord(path: path, isAttribute: false, value: cursor.value)) {
        case .keep: try makePresence(above: path, layout, &containers)
        case .replace(let value):
          set(path, value)
          try makePresence(above: path, layout, &containers)
        case .remove:
          lost(key)
          gone = key
          try delete(path)
        case .move(let target, let value):
          try delete(path)
          try createEntry(target, value)
          try makePresence(above: target, layout, &containers)
        }
      }
      more = try cursor.next()
    }
    try repairUserOrder(layout)
  }

  /// Deletes one record by its key, whatever the schema; what lies below it stays.
  public mutating func deleteRecord(_ key: [UInt8]) throws(StoreError) { try delete(key) }

  /// Containers around a record that were there by themselves and now have presence.
  private mutating func makePresence(
    above path: TreePath, _ layout: TreeLayout, _ made: inout Set<[UInt8]>
  ) throws(StoreError) {
    for step in layout.steps(of: path).dropLast() where layout.traits(step.node).contains(.presence) {
      let key = Array(path.bytes[..<step.nodeEnd])
      guard made.insert(key).inserted else { continue }
      if try !withBytes(key, { key throws(StoreError) in try contains(key) }) { put(key, []) }
    }
  }
}

extension TreeLayout {
  /// The node that the key of a record belongs to, or the last one on the way that this schema has.
  public func node(ofKey key: [UInt8]) -> NodeID? { key.withUnsafeBytes { steps(of: $0).steps.last?.node } }
}
