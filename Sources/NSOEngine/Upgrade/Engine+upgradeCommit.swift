import Logging
import NSOModel
import NSOStore
import Synchronization

/// What an upgrade of the schema makes of running, as those who take part in commits see it. They see it twice: with the old schema what
/// goes because the new one has no place for it, with the new schema everything else.
struct UpgradeCommit: Sendable {
  struct Part: Sendable {
    var attempt: CommitAttempt
    /// Who has prepared, in order.
    var participants: [any CommitParticipant]
  }

  var parts: [Part] = []
  var result: CommitResult

  var participants: [(attempt: CommitAttempt, participant: any CommitParticipant)] {
    parts.flatMap { part in part.participants.map { (part.attempt, $0) } }
  }
}

extension Engine {
  /// The handle under which subscribers are told of what an upgrade drops; no transaction can be found under it.
  private static let dropNumber: Int32 = -3

  /// Checks the data once more, has everybody prepare, and writes all in one durable commit.
  func store(_ work: SchemaUpgrade.Work) async throws(NSOError) -> UpgradeCommit {
    let transaction = work.transaction
    var editor = try transaction.begin(from: .read)
    try work.migration.requireFit(editor.configuration)
    if let failure = try editor.validateEverything(limit: 1).failures.first { throw failure }
    transaction.label = "upgrade"
    transaction.state.withLock { [editor] in $0.editor = editor }
    let current = try storeErrors { () throws(StoreError) in try stores.durable.snapshot() }
    let attempt = try storeErrors { () throws(StoreError) in
      try CommitAttempt(transaction, preparing: editor, over: current)
    }
    var commit = UpgradeCommit(result: CommitResult(id: nextTransactionID(), revision: current.revision))
    do throws(NSOError) {
      try await askValidationPoints(transaction, editor)
      if let drop = try droppedByUpgrade(work, current) { try await prepare(drop, [subscriptionParticipant], &commit) }
      if !attempt.isEmpty {
        // The upgrade has its own ways with the past and the candidate.
        try await prepare(attempt, participants.all.filter { !($0 is History || $0 is Candidate) }, &commit)
      }
      try await storeDurably(work, attempt, &commit)
    } catch {
      for (attempt, participant) in commit.participants.reversed() { await participant.abort(attempt, error) }
      for participant in participants.all { participant.refused(transaction, Refusal(error: error)) }
      throw error
    }
    await storeOperational(work)
    return commit
  }

  /// What the upgrade changes of validated data is asked of those who validate it; who is not there refuses the upgrade (public manual, "New
  /// Validation Points").
  private func askValidationPoints(_ transaction: Transaction, _ editor: TreeEditor) async throws(NSOError) {
    let attempt = CommitAttempt(transaction, validating: editor, for: .apply)
    for participant in participants.all where participant is ProviderValidation { try await participant.validate(attempt) }
  }

  private func prepare(
    _ attempt: CommitAttempt, _ participants: [any CommitParticipant], _ commit: inout UpgradeCommit
  ) async throws(NSOError) {
    commit.parts.append(UpgradeCommit.Part(attempt: attempt, participants: []))
    for participant in participants {
      try await participant.prepare(attempt)
      commit.parts[commit.parts.count - 1].participants.append(participant)
    }
  }

  /// What the new schema has no place for, as changes that the old one understands; nil when there is nobody to tell of it, or nothing.
  private func droppedByUpgrade(_ work: SchemaUpgrade.Work, _ current: Snapshot) throws(NSOError) -> CommitAttempt? {
    let keys = work.migration.droppedFromRunning
    guard !keys.isEmpty, subscriptions.isConcerned else { return nil }
    let old = work.migration.old
    return try storeErrors { () throws(StoreError) in
      var changes = Overlay(current.tree(.running))
      for key in keys { try changes.deleteRecord(key) }
      try changes.repairUserOrder(old.layout)
      let editor = TreeEditor(
        old, target: .configuration, configuration: changes,
        operational: Overlay(try stores.volatile.snapshot().tree(.operational)),
        persistentOperational: Overlay(current.tree(.persistentOperational)))
      let transaction = Transaction(
        handle: Self.dropNumber, database: .running, mode: .readWrite, session: work.transaction.session,
        startTime: work.transaction.startTime, snapshot: current, recorder: nil, backend: .datastore, editor: editor)
      return try CommitAttempt(transaction, preparing: editor, over: current)
    }
  }

  private func storeDurably(
    _ work: SchemaUpgrade.Work, _ attempt: CommitAttempt, _ commit: inout UpgradeCommit
  ) async throws(NSOError) {
    var batch = work.names
    let changesRunning = !attempt.batch.isEmpty
    do throws(StoreError) {
      try attempt.changes.add(to: &batch, .running)
      try work.startup.add(to: &batch, .startup)
      // What is pending makes no difference, else there were no upgrade.
      candidate.addRemoval(to: &batch)
      try work.persistentOperational.add(to: &batch, .persistentOperational)
    } catch {
      throw NSOError(store: error)
    }
    if changesRunning { commit.result.id.write(to: &batch) }
    let last = history.cut(changingRunning: changesRunning, &batch)
    for (attempt, participant) in commit.participants {
      try participant.addRecords(of: attempt, commit.result.id, to: &batch)
    }
    let start = ReplayRecord.Start(revision: last, id: changesRunning ? commit.result.id : lastTransactionID)
    replay.addUpgrade(work.model, start, to: &batch)
    commit.result.revision = try await storeErrors { [batch] () async throws(StoreError) in
      try await stores.durable.commit(batch)
    }
    candidate.clear(commit.result.revision)
    if changesRunning { didCommit(commit.result.id) }
    replay.didUpgrade(work.model, start)
    history.didCut(at: last, work.transaction, commit.result.revision)
    for (attempt, participant) in commit.participants { participant.becameDurable(attempt, commit.result) }
  }

  private func storeOperational(_ work: SchemaUpgrade.Work) async {
    do throws(StoreError) {
      if !work.operational.isEmpty { _ = try await stores.volatile.commit(work.operational.batch(for: .operational)) }
    } catch {
      // What was committed stands; operational data that the schema does not know is not seen.
      log.error("operational data could not be brought in line with the new schema: \(error)")
    }
  }

  /// The new schema is in use: others may write with it, and look at what is new, while those concerned are told.
  func tell(_ commit: UpgradeCommit) async {
    for (attempt, participant) in commit.participants { await participant.commit(attempt, commit.result) }
  }
}
