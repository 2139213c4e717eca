public import NSOModel
import NSOStore
import Synchronization

/// A commit of the past.
public struct PastCommit: Sendable {
  public let entry: HistoryEntry
  /// The data before and after it. Operational data is that of now.
  public let before: TreeView
  public let after: TreeView
  /// What it changed, over the configuration of ``before``.
  let changes: Overlay

  /// What it changed at and below a place, in the order of the data.
  public func differences(
    below place: Location = .root, _ options: DataDifference.Options = []
  ) throws(NSOError) -> [DataDifference] {
    try DataDifference.all(of: changes, below: place, options, before.model)
  }
}

extension Engine {
  /// The data with the configuration as it was at a revision of running (``History/revision``); operational data is that of now.
  /// - Throws: NOEXISTS when the history does not reach back that far, also where what was made with other modules means something else now.
  public func view(at revision: UInt64) throws(NSOError) -> TreeView {
    let snapshot = try storeErrors { () throws(StoreError) in try stores.durable.snapshot() }
    return try view(of: try history.tree(at: revision, model, snapshot), snapshot)
  }

  /// The changes from one revision of running to another, either way, as an overlay over the older, or newer, one.
  func changes(from old: UInt64, to new: UInt64, _ snapshot: Snapshot) throws(NSOError) -> Overlay {
    let later = try history.tree(at: max(old, new), model, snapshot)
    var earlier = Overlay(later)
    try history.check(min(old, new), snapshot)
    try history.requireUnderstood(from: max(old, new), backTo: min(old, new), model, snapshot)
    return try storeErrors { () throws(StoreError) in
      try History.goBack(from: max(old, new), to: min(old, new), &earlier, snapshot)
      guard old < new else { return earlier }
      var changes = Overlay(earlier)
      try changes.apply(earlier.reversal())
      return changes
    }
  }

  /// What differs between two revisions of running: what has to be done to `old` to make `new` of it. Takes time in proportion to the
  /// commits between the older one and now.
  /// - Throws: NOEXISTS when the history does not reach back that far.
  public func differences(
    from old: UInt64, to new: UInt64, below place: Location = .root, _ options: DataDifference.Options = []
  ) throws(NSOError) -> [DataDifference] {
    let snapshot = try storeErrors { () throws(StoreError) in try stores.durable.snapshot() }
    return try DataDifference.all(of: changes(from: old, to: new, snapshot), below: place, options, model)
  }

  /// What a commit changed, with the data before and after it; for those who tell of it again.
  /// - Throws: NOEXISTS when it is not kept (any more).
  public func pastCommit(_ id: TransactionID) throws(NSOError) -> PastCommit {
    try pastCommit(try history.entry(of: id))
  }

  func pastCommit(_ entry: HistoryEntry) throws(NSOError) -> PastCommit {
    let snapshot = try storeErrors { () throws(StoreError) in try stores.durable.snapshot() }
    let changes = try changes(from: entry.revision - 1, to: entry.revision, snapshot)
    return PastCommit(
      entry: entry, before: try view(of: changes.base, snapshot), after: try view(of: changes, snapshot), changes: changes)
  }

  private func view(of configuration: any DataTree, _ snapshot: Snapshot) throws(NSOError) -> TreeView {
    let volatile = try storeErrors { () throws(StoreError) in try stores.volatile.snapshot() }
    return TreeView(
      model, configuration: configuration, operational: volatile.tree(.operational),
      persistentOperational: snapshot.tree(.persistentOperational))
  }

  /// Starts a read transaction on running as it was at a revision. With `old`, its changes (``DataDifference``, DIFF_ITER) are those
  /// from that revision on.
  /// - Throws: NOEXISTS when the history does not reach back that far, BADSTATE, TOOMANYTRANS.
  public func startTransaction(
    _ session: UserSession, at revision: UInt64, comparedTo old: UInt64? = nil
  ) throws(NSOError) -> Transaction {
    let transaction = try startTransaction(session, on: .running, .read)
    do throws(NSOError) {
      let snapshot = transaction.snapshot
      let configuration: Overlay
      if let old {
        configuration = try changes(from: old, to: revision, snapshot)
      } else {
        configuration = Overlay(try history.tree(at: revision, model, snapshot))
      }
      transaction.state.withLock { $0.editor.configuration = configuration }
      return transaction
    } catch {
      finish(transaction)
      throw error
    }
  }
}
