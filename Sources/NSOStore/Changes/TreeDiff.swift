/// Differences between trees, in the order of keys: a node before what is below it, entries of a list side by side in key order.
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
  let old: any DataTree
  let new: any DataTree
  let layout: TreeLayout
  let showsDeletedContents: Bool
  /// The list whose order changed, and the entries moved in it that were not shown yet, in key order, the last first.
  private var list: TreePath?
  private var moves: [UserOrderMoves.Move] = []
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
    showMoves(before: key, body)
    if isStopped { return .stop }
    switch layout.kind(of: key) {
    case .node(let path): return showNode(path, key, old, new, body)
    case .attribute(let path, let number):
      return show(TreeChange(kind: .attribute(number: number), path: path, old: old, new: new), body) == .stop ? .stop : .goOn
    case .place(let list, _):
      if self.list?.bytes != list.bytes {
        self.list = list
        moves = try UserOrderMoves.find(in: list, old: self.old, new: self.new).reversed()
      }
      return .goOn
    case .order: return .goOn
    case .unknown: return .goOn
    }
  }

  private mutating func showNode(
    _ path: TreePath, _ key: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer?, _ new: UnsafeRawBufferPointer?,
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

  /// Shows the moves of entries that come before `key`; that of an entry with a change of its own comes right after that one.
  private mutating func showMoves(before key: UnsafeRawBufferPointer?, _ body: (TreeChange) -> TreeChangeStep) {
    guard let list else { return }
    while let move = moves.last, !isStopped {
      let entry = list.bytes + move.entryKey
      if let key, entry.withUnsafeBytes({ compareBytes($0, key) >= 0 }) { return }
      moves.removeLast()
      guard let path = layout.path(entry) else { continue }
      _ = show(TreeChange(kind: .moved(after: move.after), path: path, old: nil, new: nil), body)
    }
    if key.map({ key in list.bytes.withUnsafeBytes { !key.hasPrefix($0) } }) ?? true { self.list = nil }
  }

  mutating func finish(_ body: (TreeChange) -> TreeChangeStep) {
    if !isStopped { showMoves(before: nil, body) }
  }
}
