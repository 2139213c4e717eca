import NSOModel
import NSOSchema
import NSOStore
import NSOValidation
import NSOXPath

/// Makes the changes of a transaction out of the differences that the store shows.
struct ChangedNodes {
  typealias Node = InstanceNode<TreePath>
  typealias Change = DataChange<TreePath>

  private let model: DataModel
  private let tree: AccessibleTree<StoreStorage>
  private let overlay: Overlay
  /// The nodes on the way to the last change, with the ends of their keys: the next change is near.
  private var line: [(end: Int, node: Node)] = []
  private var lastKey: [UInt8] = []

  init(_ model: DataModel, _ tree: AccessibleTree<StoreStorage>, _ overlay: Overlay) {
    self.model = model
    self.tree = tree
    self.overlay = overlay
  }

  /// All changes of configuration. What is below a deleted entry has no change of its own; neither has what is below a
  /// new one, except for what has to be looked at by itself.
  static func all(
    of overlay: Overlay, _ model: DataModel, _ tree: AccessibleTree<StoreStorage>
  ) throws -> [Change] {
    var nodes = ChangedNodes(model, tree, overlay)
    var changes: [Change] = []
    var failure: (any Error)?
    try TreeDiff(overlay, layout: model.layout).forEach { change in
      do {
        if let kinds = kinds(change), let node = try nodes.node(at: change.path) { changes.append(Change(node, kinds)) }
      } catch {
        failure = error
        return .stop
      }
      if case .created = change.kind { return .skipBelow }
      return .goOn
    }
    if let failure { throw failure }
    return changes
  }

  private static func kinds(_ change: TreeChange) -> ChangeKinds? {
    switch change.kind {
    case .created: .created
    case .deleted, .unset: .deleted
    case .set: change.old == nil ? .created : .modified
    case .moved: .moved
    case .attribute: nil
    }
  }

  private mutating func node(at path: TreePath) throws -> Node? {
    let steps = model.layout.steps(of: path)
    // Keep the part of the line that this path shares.
    var shared = 0
    let common = zip(lastKey, path.bytes).prefix { $0 == $1 }.count
    while shared < line.count, shared < steps.count, line[shared].end <= common,
      line[shared].end == steps[shared].entryEnd ?? steps[shared].nodeEnd
    {
      shared += 1
    }
    line.removeSubrange(shared...)
    lastKey = path.bytes
    for step in steps[shared...] {
      let parent = line.last?.node ?? tree.root
      guard let end = step.entryEnd else {
        line.append((step.nodeEnd, tree.imagined(step.node, in: parent)))
        continue
      }
      guard let keys = try keys(of: step.node, at: Array(path.bytes[..<end])) else { return nil }
      line.append((end, try tree.imagined(step.node, keys: keys, in: parent)))
    }
    return line.last?.node
  }

  /// The keys of an entry that is there, or was.
  private func keys(of list: NodeID, at bytes: [UInt8]) throws -> [Value]? {
    guard let path = model.layout.path(bytes) else { return nil }
    let isList = model.schema[list].kind == .list
    let read: (UnsafeRawBufferPointer) -> Result<[Value], any Error> = { record in
      Result { isList ? try decodedKeys(record) : [try decoded(record)] }
    }
    return try (overlay.untracked.get(path, read) ?? overlay.base.untracked.get(path, read))?.get()
  }
}
