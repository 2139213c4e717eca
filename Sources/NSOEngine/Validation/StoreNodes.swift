import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// Makes nodes of a tree out of paths in the store. Paths in order are cheap: what they share with the one before is kept.
struct StoreNodes {
  typealias Node = InstanceNode<TreePath>

  let model: DataModel
  private let tree: AccessibleTree<StoreStorage>
  /// Where the keys of entries on the way are read from: the first that has the entry.
  private let sources: [any DataTree]
  /// The nodes on the way to the last path, with the ends of their keys.
  private var line: [(end: Int, node: Node)] = []
  private var lastKey: [UInt8] = []

  init(_ model: DataModel, _ tree: AccessibleTree<StoreStorage>, sources: [any DataTree]) {
    self.model = model
    self.tree = tree
    self.sources = sources
  }

  /// The node at a path, whether or not it is there; nil when an entry on the way is, and was, nowhere.
  mutating func node(at path: TreePath) throws -> Node? {
    let steps = model.layout.steps(of: path)
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
    return line.last?.node ?? tree.root
  }

  /// The keys of an entry.
  private func keys(of list: NodeID, at bytes: [UInt8]) throws -> [Value]? {
    guard let path = model.layout.path(bytes) else { return nil }
    let isList = model.schema[list].kind == .list
    for source in sources {
      let keys = try source.get(path) { record in
        Result<[Value], any Error> { isList ? try decodedKeys(record) : [try decoded(record)] }
      }
      if let keys { return try keys.get() }
    }
    return nil
  }
}
