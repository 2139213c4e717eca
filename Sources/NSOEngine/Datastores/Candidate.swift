import NSOModel
import NSOStore
import Synchronization

/// The candidate datastore: changes over running that all sessions share, kept in the durable store. What it does not change is as running
/// has it, at any time; so it costs what the changes cost, and a commit of it is a commit of the changes.
final class Candidate: Sendable {
  private struct State {
    /// Over no base; ``Candidate/over(_:)`` puts them over running.
    var changes = Overlay(EmptyTree())
    /// Entries that have other keys than in running.
    var moves: EntryMoves
    /// The revision of the database at which they were changed last.
    var revision: Revision
    /// The transactions on running that carry a commit of the candidate, by handle.
    var commits: [Int32: (step: ConfirmedCommits.Step, keepsCandidate: Bool)] = [:]
    /// What an ordinary commit to running makes necessary here, while it is under way.
    var rescued: Overlay?
  }

  let gate = CommitGate()
  private let state: Mutex<State>
  private let confirmed: ConfirmedCommits

  init(_ store: Store, _ layout: TreeLayout, _ confirmed: ConfirmedCommits) throws(StoreError) {
    self.confirmed = confirmed
    let snapshot = try store.snapshot()
    var changes = try Overlay(keptIn: .candidate, of: snapshot, over: snapshot.tree(.running))
    // The schema may have become another one while the daemon was down.
    if !changes.isEmpty { try changes.repairUserOrder(layout) }
    changes.rebase(EmptyTree())
    let moves = try EntryMoves(keptIn: .candidate, of: snapshot)
    state = Mutex(State(changes: changes, moves: moves, revision: snapshot.revision))
  }

  /// The changes, and the revision of the database that they are of. To be asked before the snapshot is taken that they are laid over: a
  /// commit of the candidate may come between, which makes them superfluous, but never wrong.
  var changes: (overlay: Overlay, revision: Revision) { state.withLock { ($0.changes, $0.revision) } }

  var moves: EntryMoves { state.withLock { $0.moves } }

  /// Entries that have other keys than in running, after a transaction on the candidate.
  func moves(after editor: TreeEditor) -> EntryMoves {
    state.withLock { state in
      var moves = state.moves
      moves.append(editor.moves) { [changes = state.changes] in changes.isDeleted($0) }
      return moves
    }
  }

  func over(_ snapshot: Snapshot) -> Overlay {
    var overlay = changes.overlay
    overlay.rebase(snapshot.tree(.running))
    return overlay
  }

  /// Takes over what a transaction on the candidate has made durable. Whoever changes the candidate holds its gate and running's, for
  /// reading at least, or is the committer to running: so nothing comes between the steps.
  func absorb(
    _ overlay: Overlay, _ moves: EntryMoves, _ running: Snapshot, _ revision: Revision
  ) throws(StoreError) {
    var changes = over(running)
    try changes.absorb(overlay)
    changes.rebase(EmptyTree())
    state.withLock { [changes] state in
      state.changes = changes
      state.moves = moves
      state.revision = max(state.revision, revision)
    }
  }

  /// Everything was made part of running, or given up.
  func clear(_ revision: Revision) {
    state.withLock { state in
      state.changes = Overlay(EmptyTree())
      state.moves.removeAll()
      state.revision = max(state.revision, revision)
    }
  }

  /// Removes what is kept. Only what is there is touched: whoever read something else of the candidate is not disturbed.
  func addRemoval(to batch: inout WriteBatch) {
    for range in state.withLock({ $0.changes.touched }) { batch.delete(.candidate, range) }
    batch.delete(.candidate, KeyRange(lower: [0], upper: [1]))
  }

  /// A transaction on running carries the commit of the candidate, or (`keepsCandidate`) only ends a confirmed commit.
  func begin(_ transaction: Transaction, _ step: ConfirmedCommits.Step, keepsCandidate: Bool = false) {
    state.withLock { $0.commits[transaction.handle] = (step, keepsCandidate) }
    // One that has a base prolongs the one before it.
    transaction.state.withLock { state in
      switch step {
      case .none: break
      case .confirm, .goBack: state.settlesConfirmedCommit = true
      case .start(_, _, _, let base, _): state.commitFlags = base == nil ? .confirmed : [.confirmed, .extended]
      }
    }
  }

  func end(_ transaction: Transaction) { _ = state.withLock { $0.commits.removeValue(forKey: transaction.handle) } }

  private func step(of transaction: Transaction) -> (step: ConfirmedCommits.Step, keepsCandidate: Bool)? {
    state.withLock { $0.commits.isEmpty ? nil : $0.commits[transaction.handle] }
  }
}

extension Candidate: CommitParticipant {
  var name: String { "candidate" }

  func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError) {
    if let (step, keepsCandidate) = step(of: attempt.transaction) {
      confirmed.add(step, to: &batch)
      guard keepsCandidate else { return addRemoval(to: &batch) }
    }
    let changes = changes.overlay
    guard !changes.isEmpty else { return }
    // What was changed here in an entry that goes in running keeps the entry here.
    let rescued = try storeErrors { () throws(StoreError) in
      var candidate = changes
      candidate.rebase(attempt.changes.base)
      return try candidate.rescue(from: attempt.changes)
    }
    rescued?.addKept(to: &batch, .candidate)
    state.withLock { $0.rescued = rescued }
  }

  func becameDurable(_ attempt: CommitAttempt, _ result: CommitResult) {
    if let (step, keepsCandidate) = step(of: attempt.transaction) {
      confirmed.done(step)
      guard keepsCandidate else { return clear(result.revision) }
    }
    state.withLock { state in
      guard let rescued = state.rescued else { return }
      state.rescued = nil
      // Only records that are set: nothing is looked up in the base.
      guard (try? state.changes.absorb(rescued)) != nil else { return }
      state.revision = max(state.revision, result.revision)
    }
  }

  func abort(_ attempt: CommitAttempt, _ cause: NSOError) async {
    if step(of: attempt.transaction) != nil { confirmed.giveUp() }
    state.withLock { $0.rescued = nil }
  }
}
