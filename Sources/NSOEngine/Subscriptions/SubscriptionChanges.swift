public import NSOModel
import NSOSchema
import NSOStore

/// What an event tells its subscribers: the changes of a commit, or of a write of operational data, or everything there is as
/// if it had just been made (protocol part 03, section 8.1).
public struct SubscriptionChanges: Sendable {
  enum Source: Sendable {
    /// Made by a commit: the data before and after it, and what it changed of the configuration before.
    case commit(before: TreeView, after: TreeView, changes: Overlay)
    /// All configuration, as created.
    case everything(TreeView)
    /// All operational data, as created.
    case everythingOperational(TreeView)
    /// Collected when they were made, with old values and whole leaf-lists.
    case collected([DataDifference])
  }

  /// How changes are told.
  public struct Options: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Old values of leafs, where they are known.
    public static let previousValues = Options(rawValue: 1)
    /// A deleted entry or presence container above the point is told; without it the point has no changes then.
    public static let ancestorDelete = Options(rawValue: 2)
    /// The inverse of the changes: what takes them back.
    public static let reverse = Options(rawValue: 4)
    /// Leafs before other nodes on each level.
    public static let leafsFirst = Options(rawValue: 8)
    public static let leafsLast = Options(rawValue: 16)
    /// Nodes in the order of the schema. Without it the order is that of the data, which differs where a schema has got nodes in between.
    public static let schemaOrder = Options(rawValue: 32)
  }

  /// The schema in which they are told.
  public let model: DataModel
  let source: Source

  init(_ attempt: CommitAttempt) {
    model = attempt.model
    source = .commit(before: attempt.before, after: attempt.after, changes: attempt.changes)
  }

  /// Of a commit of the past, to be told again.
  init(_ commit: PastCommit) {
    model = commit.before.model
    source = .commit(before: commit.before, after: commit.after, changes: commit.changes)
  }

  /// All configuration of a view as if it had just been created.
  init(everythingIn view: TreeView) {
    model = view.model
    source = .everything(view)
  }

  /// All operational data of a view as if it had just been created.
  init(everythingOperationalIn view: TreeView) {
    model = view.model
    source = .everythingOperational(view)
  }

  init(collected differences: [DataDifference], _ model: DataModel) {
    self.model = model
    source = .collected(differences)
  }

  /// The data after the change; nil where only the changes themselves were kept.
  var after: TreeView? {
    switch source {
    case .commit(_, let after, _): after
    case .everything(let view): view
    case .everythingOperational, .collected: nil
    }
  }

  /// The changes at and below a point, in the order of the data. Takes time in proportion to their number; in reverse, to the data
  /// there.
  public func items(of pattern: SubscriptionPattern, _ options: Options = []) throws(NSOError) -> [DataDifference] {
    var items = try differences(of: pattern, options)
    if !options.contains(.previousValues) { for index in items.indices { items[index].change.dropOldValue() } }
    if !options.isDisjoint(with: [.leafsFirst, .leafsLast, .schemaOrder]) { items = ordered(items, options) }
    return items
  }

  private func differences(of pattern: SubscriptionPattern, _ options: Options) throws(NSOError) -> [DataDifference] {
    let found: [DataDifference]
    switch source {
    case .commit(let old, let new, let changes):
      let isReverse = options.contains(.reverse)
      let (before, after) = isReverse ? (new, old) : (old, new)
      if let gone = try deletedAncestor(of: pattern.fixed, before, after) {
        guard options.contains(.ancestorDelete) else { return [] }
        return [try deletion(gone, before)]
      }
      let raw =
        isReverse
        ? try DataDifference.between(before.configuration, after.configuration, below: pattern.fixed, .oldValues, model)
        : try DataDifference.all(of: changes, below: pattern.fixed, .oldValues, model)
      found = try Self.joiningLeafLists(raw, before, after)
    case .everything(let view):
      let nothing = EmptyTree()
      let empty = TreeView(model, configuration: nothing, operational: nothing, persistentOperational: nothing)
      found = try Self.joiningLeafLists(
        try DataDifference.between(nothing, view.configuration, below: pattern.fixed, [], model), empty, view)
    case .everythingOperational(let view):
      let nothing = EmptyTree()
      let empty = TreeView(model, configuration: nothing, operational: nothing, persistentOperational: nothing)
      var all: [DataDifference] = []
      for tree in [view.operational, view.persistentOperational] {
        all += try DataDifference.between(
          nothing, tree, below: pattern.fixed, [], model, keysFrom: view.configuration)
      }
      found = try Self.joiningLeafLists(all, empty, view)
    case .collected(let differences):
      guard !options.contains(.reverse) else {
        throw NSOError(.unavailable, "these changes cannot be shown in reverse: they were kept without the data around them")
      }
      found = differences
    }
    return found.filter { item in
      guard let path = model.layout.path(item.key) else { return false }
      let steps = model.layout.steps(of: path)
      if pattern.covers(path, steps, model) { return true }
      guard options.contains(.ancestorDelete), case .deleted = item.change else { return false }
      return pattern.lies(below: path, steps, model)
    }
  }

  // MARK: Deleted from above

  /// The outermost entry or presence container above a place that is there before and not after.
  private func deletedAncestor(
    of place: Location, _ before: TreeView, _ after: TreeView
  ) throws(NSOError) -> TreePath? {
    for step in model.layout.steps(of: place.path) {
      let end = step.entryEnd ?? step.nodeEnd
      guard end < place.path.bytes.count, step.entryEnd != nil || model[step.node].flags.contains(.presence) else { continue }
      guard let path = model.layout.path(Array(place.path.bytes[..<end])) else { continue }
      let isGone = try storeErrors { () throws(StoreError) in
        guard try before.configuration.untracked.exists(path) else { return false }
        return try !after.configuration.untracked.exists(path)
      }
      if isGone { return path }
    }
    return nil
  }

  private func deletion(_ path: TreePath, _ before: TreeView) throws(NSOError) -> DataDifference {
    let parent = model.layout.steps(of: path).dropLast().last.map { $0.entryEnd ?? $0.nodeEnd } ?? 0
    return DataDifference(
      path: try before.keypath(path), change: .deleted(old: nil), key: path.bytes, parentKey: Array(path.bytes[..<parent]))
  }

  // MARK: Leaf-lists

  /// Subscribers see a leaf-list as one value (part 03, section 8.1), where others see its entries.
  static func joiningLeafLists(
    _ items: [DataDifference], _ before: TreeView, _ after: TreeView
  ) throws(NSOError) -> [DataDifference] {
    let model = after.model
    var told: Set<[UInt8]> = []
    var joined: [DataDifference] = []
    joined.reserveCapacity(items.count)
    for item in items {
      guard let path = model.layout.path(item.key), let node = path.node, model[node].kind == .leafList else {
        joined.append(item)
        continue
      }
      let list = path.withoutEntryKey
      guard told.insert(list.bytes).inserted else { continue }
      var place = item.path
      if case .keys? = place.elements.last { place.elements.removeLast() }
      let old = try before.leafListValue(list, node)
      let new = try after.leafListValue(list, node)
      let change: DataDifference.Change
      if let new {
        change = .valueSet(old: old, new: new)
      } else if model.defaultBytes(node) != nil {
        change = .valueSet(old: old, new: .defaultInEffect)
      } else {
        change = .deleted(old: old)
      }
      joined.append(DataDifference(path: place, change: change, key: list.bytes, parentKey: item.parentKey))
    }
    return joined
  }

  // MARK: Order

  /// Blocks of an item and what is below it, on every level; within what `options` do not say the order stays.
  private func ordered(_ items: [DataDifference], _ options: Options) -> [DataDifference] {
    struct Block {
      var rank: Int
      var node: Int32
      var place: Int
      var items: [DataDifference]
    }
    var blocks: [Block] = []
    var index = items.startIndex
    while index < items.endIndex {
      let head = items[index]
      let rest = items[(index + 1)...]
      // A created, or changed, entry that was moved has two items.
      let end = rest.firstIndex { !$0.key.starts(with: head.key) } ?? items.endIndex
      let below = rest[..<end]
      let same = below.prefix { $0.key == head.key }
      let node = model.layout.path(head.key)?.node
      let isLeaf = node.map { model[$0].kind == .leaf || model[$0].kind == .leafList } ?? false
      var rank = 0
      if options.contains(.leafsFirst) { rank = isLeaf ? 0 : 1 } else if options.contains(.leafsLast) { rank = isLeaf ? 1 : 0 }
      blocks.append(
        Block(
          rank: rank, node: options.contains(.schemaOrder) ? node?.rawValue ?? 0 : 0, place: blocks.count,
          items: [head] + same + ordered(Array(below[same.endIndex...]), options)))
      index = end
    }
    return blocks.sorted { ($0.rank, $0.node, $0.place) < ($1.rank, $1.node, $1.place) }.flatMap(\.items)
  }
}

extension DataDifference.Change {
  fileprivate mutating func dropOldValue() {
    switch self {
    case .deleted: self = .deleted(old: nil)
    case .valueSet(_, let new): self = .valueSet(old: nil, new: new)
    case .created, .modified, .movedAfter, .attributeSet: break
    }
  }
}

extension TreeView {
  /// The set entries of a leaf-list; nil when there are none.
  fileprivate func leafListValue(_ list: TreePath, _ node: NodeID) throws(NSOError) -> Value? {
    let tree = try tree(of: node).untracked
    var values: [Value] = []
    var failure: NSOError?
    try storeErrors { () throws(StoreError) in
      try tree.forEachEntry(in: list) { _, record in
        do throws(NSOError) {
          values.append(try decoded(record))
          return true
        } catch {
          failure = error
          return false
        }
      }
    }
    if let failure { throw failure }
    return values.isEmpty ? nil : .list(values)
  }

  /// The path of a place in the tree with the keys of the entries on the way, which must be there.
  func keypath(_ path: TreePath) throws(NSOError) -> Keypath {
    var result = Keypath()
    var module: ModuleID?
    for step in model.layout.steps(of: path) {
      let node = model.schema[step.node]
      result.elements.append(.tag(node.module == module ? Tag(node.name.name) : Tag(node.name)))
      module = node.module
      guard let end = step.entryEnd, let entry = model.layout.path(Array(path.bytes[..<end])) else { continue }
      result.elements.append(.keys(try keys(ofEntry: entry, step.node)))
    }
    return result
  }

  private func keys(ofEntry entry: TreePath, _ node: NodeID) throws(NSOError) -> [Value] {
    let isList = model[node].kind == .list
    let tree = try tree(of: node).untracked
    let record = try storeErrors { () throws(StoreError) in try tree.bytes(entry) }
    guard let record else { return [] }
    let result: Result<[Value], NSOError> = record.withUnsafeBytes { bytes in
      do throws(NSOError) { return .success(isList ? try decodedKeys(bytes) : [try decoded(bytes)]) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
