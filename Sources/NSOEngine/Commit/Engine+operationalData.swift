import Logging
import NSOModel
import NSOStore

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
    guard !deleted.isEmpty || !attempt.moves.isEmpty else { return result }
    let volatile = try stores.volatile.snapshot().tree(.operational)
    let persistent = current.tree(.persistentOperational)
    for range in deleted {
      if try !persistent.isEmpty(range) { result.persistentOrphans.append(range) }
      if try !volatile.isEmpty(range) { result.volatileOrphans.append(range) }
    }
    result.persistent = try Self.moved(persistent, attempt)
    result.volatile = try Self.moved(volatile, attempt)
    return result
  }

  /// A tree of operational data after what was moved, as changes over it. Nil: nothing of it was.
  private static func moved(_ tree: some DataTree, _ attempt: CommitAttempt) throws(StoreError) -> Overlay? {
    let configuration = attempt.after.configuration.untracked
    var overlay = Overlay(tree)
    for move in attempt.moves.moves {
      // What a condition took away afterwards is not there.
      let isThere = try configuration.hasRecord(move.place)
      try overlay.replaceContents(below: move.place, with: isThere ? move.origin : nil, of: tree)
    }
    return overlay.isEmpty ? nil : overlay
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
