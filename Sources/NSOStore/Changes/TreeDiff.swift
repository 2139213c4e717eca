/// Differences between trees, in the order of keys: a node before what is below it, entries of a list side by side in key order. The
/// moves in a list ordered by user follow after everything else in the list, in the list's new order: whoever carries out all changes one
/// after the other has the new tree. (They are not shown when only what is below one entry is asked for.)
/// Containers without presence and lists have no change of their own. Nodes that the layout's schema does not have are passed over.
public struct TreeDiff {
  private enum Source {
    case overlay(Overlay)
    case trees(any DataTree, any DataTree)
  }

  private let source: Source
  private let layout: TreeLayout

  /// What `overlay` changed of its base. Takes time proportional to what it touched.
  public init(_ overlay: Overlay, layout: TreeLayout) {
    source = .overlay(overlay)
    self.layout = layout
  }

  /// What has to be done to `old` to make `new` of it. Looks at everything.
  public init(from old: any DataTree, to new: any DataTree, layout: TreeLayout) {
    source = .trees(old.untracked, new.untracked)
    self.layout = layout
  }

  private var old: any DataTree {
    switch source {
    case .overlay(let overlay): overlay.base.untracked
    case .trees(let old, _): old
    }
  }

  private var new: any DataTree {
    switch source {
    case .overlay(let overlay): overlay.untracked
    case .trees(_, let new): new
    }
  }

  /// True when there is no difference at or below `path`.
  public func isEmpty(below path: TreePath = .root) throws(StoreError) -> Bool {
    var isEmpty = true
    try forEach(below: path) { _ in
      isEmpty = false
      return .stop
    }
    return isEmpty
  }

  /// Shows each difference at or below `path`. What was below a deleted entry or presence container is shown only when
  /// `includingDeletedContents`, after it.
  public func forEach(
    below path: TreePath = .root, includingDeletedContents: Bool = false, _ body: (TreeChange) -> TreeChangeStep
  ) throws(StoreError) {
    var stream = ChangeStream(old: old, new: new, layout: layout, showsDeletedContents: includingDeletedContents)
    let show: RecordChangeBody = { key, old, new throws(StoreError) in try stream.take(key, old, new, body) }
    switch source {
    case .overlay(let overlay): try RecordChanges.of(overlay, in: path.subtree, show)
    case .trees(let old, let new): try RecordChanges.between(old, new, in: path.subtree, show)
    }
    stream.finish(body)
  }
}

/// Makes changes of nodes out of changes of records.
private struct ChangeStream {
  private struct OrderedList {
    var list: TreePath
    var moves: [UserOrderMoves.Move]
  }

  let old: any DataTree
  let new: any DataTree
  let layout: TreeLayout
  let showsDeletedContents: Bool
  /// The lists around the current record whose order changed, the outermost first.
  private var lists: [OrderedList] = []
  private var isStopped = false

  init(old: any DataTree, new: any DataTree, layout: TreeLayout, showsDeletedContents: Bool) {
    self.old = old
    self.new = new
    self.layout = layout
    self.showsDeletedContents = showsDeletedContents
  }

  mutating func take(
    _ key: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer?, _ new: UnsafeRawBufferPointer?,
    _ body: (TreeChange) -> TreeChangeStep
  ) throws(StoreError) -> DiffStep {
    leaveLists(for: key, body)
    if isStopped { return .stop }
    switch layout.kind(of: key) {
    case .node(let path): return showNode(path, old, new, body)
    case .attribute(let path, let number):
      return show(TreeChange(kind: .attribute(number: number), path: path, old: old, new: new), body) == .stop ? .stop : .goOn
    case .place(let list, _):
      if list.isOrderedByUser, lists.last?.list != list {
        lists.append(OrderedList(list: list, moves: try UserOrderMoves.find(in: list, old: self.old, new: self.new)))
      }
      return .goOn
    case .order, .unknown: return .goOn
    }
  }

  private mutating func showNode(
    _ path: TreePath, _ old: UnsafeRawBufferPointer?, _ new: UnsafeRawBufferPointer?,
    _ body: (TreeChange) -> TreeChangeStep
  ) -> DiffStep {
    let isLeaf = path.isTerminal && !path.isEntry
    // What is kept for an entry may get another form without anything having changed.
    if !isLeaf, old != nil, new != nil { return .goOn }
    let kind: TreeChange.Kind = isLeaf ? (new == nil ? .unset : .set) : (new == nil ? .deleted : .created)
    let step = show(TreeChange(kind: kind, path: path, old: old, new: new), body)
    if step == .goOn, new == nil, !isLeaf, !showsDeletedContents { return .skipBelow }
    return step
  }

  private mutating func show(_ change: TreeChange, _ body: (TreeChange) -> TreeChangeStep) -> DiffStep {
    switch body(change) {
    case .goOn: return .goOn
    case .skipBelow: return .skipBelow
    case .stop:
      isStopped = true
      return .stop
    }
  }

  /// Shows the moves of the lists that `key` is not in.
  private mutating func leaveLists(for key: UnsafeRawBufferPointer?, _ body: (TreeChange) -> TreeChangeStep) {
    while let last = lists.last, !isStopped {
      if let key, last.list.bytes.withUnsafeBytes({ key.hasPrefix($0) }) { return }
      lists.removeLast()
      for move in last.moves where !isStopped {
        var path = last.list
        path.appendEntryKey(move.entryKey)
        _ = show(TreeChange(kind: .moved(after: move.after), path: path, old: nil, new: nil), body)
      }
    }
  }

  mutating func finish(_ body: (TreeChange) -> TreeChangeStep) { leaveLists(for: nil, body) }
}
