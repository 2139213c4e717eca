import Logging
import NSOModel
import NSOStore

/// A list entry of the configuration that got other keys in a transaction.
struct EntryRename: Sendable {
  var from: TreePath
  var to: TreePath
}

/// Operational data below entries of the configuration that a commit takes away, or gives other keys.
struct OperationalFollowUp: Sendable {
  /// Data of entries that are gone.
  var persistentOrphans: [KeyRange] = []
  var volatileOrphans: [KeyRange] = []
  /// Data of entries that have other keys.
  var persistent: Overlay?
  var volatile: Overlay?

  /// What has to be durable together with the configuration.
  func addPersistent(to batch: inout WriteBatch) throws(StoreError) {
    for range in persistentOrphans { batch.delete(.persistentOperational, range) }
    try persistent?.add(to: &batch, .persistentOperational)
  }
}

extension Engine {
  /// Operational data below configuration that a commit deletes goes with the entry that it described, and moves with one that was renamed.
  func operationalFollowUp(of attempt: CommitAttempt, _ current: Snapshot) throws(StoreError) -> OperationalFollowUp {
    var deleted: [KeyRange] = []
    attempt.batch.forEach { space, operation in
      guard space == .running else { return true }
      switch operation {
      case .put: break
      case .delete(let key): deleted.append(.prefix(Array(key)))
      case .deleteRange(let lower, let upper): deleted.append(KeyRange(lower: Array(lower), upper: upper.map { Array($0) }))
      }
      return true
    }
    var result = OperationalFollowUp()
    guard !deleted.isEmpty else { return result }
    let volatile = try stores.volatile.snapshot().tree(.operational)
    let persistent = current.tree(.persistentOperational)
    for range in deleted {
      if try !persistent.isEmpty(range) { result.persistentOrphans.append(range) }
      if try !volatile.isEmpty(range) { result.volatileOrphans.append(range) }
    }
    guard !attempt.renames.isEmpty else { return result }
    if !result.persistentOrphans.isEmpty { result.persistent = try Self.renamed(persistent, attempt) }
    if !result.volatileOrphans.isEmpty { result.volatile = try Self.renamed(volatile, attempt) }
    return result
  }

  /// A tree of operational data after what was renamed, as changes over it.
  private static func renamed(_ tree: some DataTree, _ attempt: CommitAttempt) throws(StoreError) -> Overlay {
    var overlay = Overlay(tree)
    // One after the other, as they were made: an entry may have been renamed twice, or lie in one that was.
    for rename in attempt.renames {
      let before = overlay
      try overlay.delete(rename.to)
      try overlay.copyContents(of: rename.from, in: before, to: rename.to)
      try overlay.delete(rename.from)
    }
    // What was deleted afterwards.
    let configuration = attempt.after.configuration.untracked
    for rename in attempt.renames where try !configuration.exists(rename.to) { try overlay.delete(rename.to) }
    return overlay
  }

  /// The part of it that is not durable. The commit has taken place: a failure here cannot undo it.
  func storeVolatile(_ followUp: OperationalFollowUp) async {
    var batch = WriteBatch()
    for range in followUp.volatileOrphans { batch.delete(.operational, range) }
    do throws(StoreError) {
      try followUp.volatile?.add(to: &batch, .operational)
      guard !batch.isEmpty else { return }
      _ = try await stores.volatile.commit(batch)
    } catch {
      log.error(
        "operational data of deleted or renamed configuration could not be removed or moved: \(error); it shows until it is written or the daemon restarts"
      )
    }
  }
}
