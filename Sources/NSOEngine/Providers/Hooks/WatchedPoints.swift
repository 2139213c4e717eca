import NSOModel
import NSOSchema
import NSOStore

/// Callpoints that have to be told of writes: hooks, and transforms, by where they lie in the schema.
struct WatchedPoints: Sendable {
  /// In the order of the schema, transforms last: what a hook adds to their data they are told together with the rest.
  let points: [CallPoint]
  private let numbers: [NodeID: [Int]]
  /// By node: it has one of them, or lies below one.
  private let within: ContiguousArray<Bool>
  private let above: Set<NodeID>
  /// What is watched may go because of a condition, or with its case of a choice, when something else is written.
  private let hasConditions: Bool

  /// Nil when there are none.
  init?(_ schema: Schema, _ facts: ContiguousArray<DataModel.Facts>, hooks: [CallPoint], transforms: [CallPoint]) {
    points = hooks + transforms.filter { facts[$0.node.index].isConfiguration }
    guard !points.isEmpty else { return nil }
    var numbers: [NodeID: [Int]] = [:]
    var above: Set<NodeID> = []
    for (number, point) in points.enumerated() {
      numbers[point.node, default: []].append(number)
      var next = schema[point.node].parent
      while let node = next {
        above.insert(node)
        next = schema[node].parent
      }
    }
    var within = ContiguousArray<Bool>(repeating: false, count: schema.nodes.count)
    // Parents come before their children.
    for node in schema.nodes {
      within[node.id.index] = numbers[node.id] != nil || node.parent.map { within[$0.index] } ?? false
    }
    hasConditions = schema.nodes.contains { node in
      let (node, facts) = (node.id, facts[node.id.index])
      let isAtOrAbove = numbers[node] != nil || above.contains(node)
      return isAtOrAbove && facts.isInCase || (isAtOrAbove || within[node.index]) && facts.hasCondition
    }
    self.numbers = numbers
    self.above = above
    self.within = within
  }

  /// Whether a write at a place can concern one of them; nil is the root.
  func concerns(_ node: NodeID?) -> Bool {
    guard let node, !hasConditions else { return true }
    return within[node.index] || above.contains(node)
  }

  /// What each of them, by its number, has to be told of changes. What was deleted together with what it was in is told too: its
  /// topmost nodes at a point. Reads what is deleted, so it may have to wait.
  /// - Parameter isTheirs: the changes are to data that providers have.
  func writes(
    of changes: Overlay, isTheirs: Bool, _ model: DataModel
  ) throws(NSOError) -> [Int: [ProviderWrite]] {
    var collectors: [Int: ProviderWrites] = [:]
    var removed: [Int: TreePath] = [:]
    var failure: NSOError?
    do throws(StoreError) {
      try TreeDiff(changes, layout: model.layout).forEach(includingDeletedContents: true) { change in
        let isGone = change.new == nil
        for number in matches(change.path, isTheirs: isTheirs, model) {
          // It is told that all of this is gone.
          if isGone, let last = removed[number], change.path.bytes.starts(with: last.bytes) { continue }
          if case .deleted = change.kind { removed[number] = change.path }
          do throws(NSOError) {
            try collectors[number, default: ProviderWrites(model: model)].add(change)
          } catch {
            failure = error
            return .stop
          }
        }
        // Nothing that is gone with it is watched by itself.
        if case .deleted = change.kind, let node = change.path.node, !above.contains(node) { return .skipBelow }
        return .goOn
      }
    } catch {
      throw NSOError(store: error)
    }
    if let failure { throw failure }
    var writes: [Int: [ProviderWrite]] = [:]
    for (number, collector) in collectors { writes[number] = try Self.withoutAppending(collector.writes, changes) }
    return writes
  }

  /// The numbers of those that watch a place.
  private func matches(_ path: TreePath, isTheirs: Bool, _ model: DataModel) -> [Int] {
    guard let node = path.node, within[node.index] else { return [] }
    let steps = model.layout.steps(of: path)
    var found: [Int] = []
    for (index, step) in steps.enumerated() {
      for number in numbers[step.node] ?? [] {
        let point = points[number]
        if point.isTransform {
          if isTheirs, model.callpoint(of: node)?.node == point.node { found.append(number) }
          continue
        }
        switch point.setHook ?? point.transactionHook ?? .node {
        case .subtree: found.append(number)
        case .object:
          if steps[(index + 1)...].allSatisfy({ model[$0.node].kind != .list }) { found.append(number) }
        case .node: if index == steps.count - 1 { found.append(number) }
        }
      }
    }
    return found
  }

  /// New entries of lists ordered by user are at the end when they are created: only another place has to be told.
  private static func withoutAppending(
    _ writes: [ProviderWrite], _ tree: Overlay
  ) throws(NSOError) -> [ProviderWrite] {
    func isMove(_ write: ProviderWrite) -> Bool { if case .move = write.kind { true } else { false } }
    guard writes.contains(where: isMove) else { return writes }
    var created: Set<[UInt8]> = []
    for write in writes { if case .create = write.kind { created.insert(write.path.bytes) } }
    var kept: [ProviderWrite] = []
    /// The list of a move that was left out, and what its entry comes after.
    var follower: (list: TreePath, after: [Value])?
    for write in writes.reversed() {
      guard case .move(let after) = write.kind, created.contains(write.path.bytes), let key = write.path.entryKey else {
        kept.append(write)
        follower = nil
        continue
      }
      let list = write.path.withoutEntryKey
      let isLast: Bool
      if let follower, follower.list == list {
        isLast = KeyDecoder.values(of: key) == follower.after
      } else {
        isLast = try storeErrors { () throws(StoreError) in
          var position = ListPosition.after(key)
          return try !tree.nextEntry(in: list, &position) { _ in }
        }
      }
      follower = isLast ? (list, after) : nil
      if !isLast { kept.append(write) }
    }
    return kept.reversed()
  }
}
