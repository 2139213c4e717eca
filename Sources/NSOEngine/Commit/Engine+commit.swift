import Logging
public import NSOModel
import NSOSchema
public import NSOStore
import NSOValidation
import Synchronization

/// What a commit made.
public struct CommitResult: Sendable, Hashable {
  public var id: TransactionID
  /// The revision of the database after it.
  public var revision: Revision
}

extension Engine {
  /// Validates, prepares and commits in one step (protocol part 04, APPLY_TRANS).
  /// - Parameter keepOpen: after a failed validation the changes are kept, else dropped; the state is READ in both cases.
  /// - Returns: nil when there was nothing to commit.
  /// - Throws: INUSE when another transaction or a lock is in the way for too long, TRANSACTION_CONFLICT, validation errors.
  @discardableResult
  public func apply(_ transaction: Transaction, keepOpen: Bool) async throws(NSOError) -> CommitResult? {
    guard transaction.mode == .readWrite else { return nil }
    var editor = try transaction.begin(from: .read)
    if case .transaction(let backend) = transaction.backend {
      return try await moveChanges(of: transaction, editor, to: backend)
    }
    var isChecked = false
    do throws(NSOError) {
      if editor.isEmpty {
        end(transaction, .committed)
        return nil
      }
      let result = try await traced("applying transaction", transaction) { () async throws(NSOError) in
        try await take(transaction)
        try await validatePhase(transaction, &editor, for: .apply)
        isChecked = true
        try await preparePhase(transaction, editor)
        return try await commitPhase(transaction, editor)
      }
      release(transaction)
      end(transaction, .committed)
      return result
    } catch {
      refuse(transaction, error, to: .read, dropChanges: !keepOpen && !isChecked)
      throw error
    }
  }

  /// Validates only (protocol part 04, VALIDATE_TRANS).
  /// - Parameters:
  ///   - unlock: true: state READ afterwards; false: state VALIDATE, and nobody else commits until this one ends.
  ///   - force: also on the candidate, which else is validated when it is committed.
  public func validate(_ transaction: Transaction, unlock: Bool, force: Bool = false) async throws(NSOError) {
    guard transaction.mode == .readWrite else { return }
    var editor = try transaction.begin(from: .read)
    do throws(NSOError) {
      if case .datastore = transaction.backend {
        try await take(transaction)
        if force, transaction.database == .candidate { try await validateCandidate(transaction.session, with: editor) }
      }
      try await validatePhase(transaction, &editor, for: unlock ? .test : .stepByStep)
    } catch {
      refuse(transaction, error, to: .read, isTest: unlock)
      throw error
    }
    if unlock {
      await validationEnded(transaction)
      release(transaction)
    }
    end(transaction, unlock ? .read : .validate)
  }

  /// The first phase of the two-phase commit (protocol part 04, PREPARE_TRANS). Only after a successful validation.
  public func prepare(_ transaction: Transaction) async throws(NSOError) {
    guard transaction.mode == .readWrite else { return }
    let editor = try transaction.begin(from: .validate)
    do throws(NSOError) {
      if case .datastore = transaction.backend { try await preparePhase(transaction, editor) }
    } catch {
      refuse(transaction, error, to: .read)
      throw error
    }
    end(transaction, .prepared)
  }

  /// The second phase: makes the changes permanent (protocol part 04, COMMIT_TRANS).
  @discardableResult
  public func commit(_ transaction: Transaction) async throws(NSOError) -> CommitResult? {
    guard transaction.mode == .readWrite else { return nil }
    let editor = try transaction.begin(from: .prepared)
    if case .transaction(let backend) = transaction.backend {
      return try await moveChanges(of: transaction, editor, to: backend)
    }
    do throws(NSOError) {
      let result = editor.isEmpty ? nil : try await commitPhase(transaction, editor)
      release(transaction)
      end(transaction, .committed)
      return result
    } catch {
      refuse(transaction, error, to: .aborted)
      throw error
    }
  }

  /// The second phase: gives up (protocol part 04, ABORT_TRANS).
  public func abort(_ transaction: Transaction) async throws(NSOError) {
    guard transaction.mode == .readWrite else { return }
    _ = try transaction.begin(from: .prepared)
    await abortPrepared(transaction, NSOError(.aborted, "\(transaction.session.summary) aborted \(transaction.summary)"))
    release(transaction)
    end(transaction, .aborted)
  }

  /// Notes why a transaction is refused, for the records of it.
  func refusal(_ transaction: Transaction, _ explanation: Explanation) -> NSOError {
    transaction.state.withLock { $0.explanation = explanation }
    return journal.refusal(explanation)
  }

  private func note(_ failure: ValidationFailure, of transaction: Transaction) {
    _ = refusal(
      transaction,
      Explanation(
        .validation, failure.error.code, actor: transaction.summary, action: "commit",
        path: transaction.model.schema.text(of: failure.path), rule: failure.error.message,
        remedy: "change the data there and apply it again"))
  }

  // MARK: Steps, each a span of the progress trace

  private func validatePhase(
    _ transaction: Transaction, _ editor: inout TreeEditor, for purpose: CommitAttempt.Purpose
  ) async throws(NSOError) {
    try await traced("validate", transaction) { () async throws(NSOError) in
      do throws(NSOError) {
        try await validate(transaction, &editor, for: purpose)
      } catch {
        await validationEnded(transaction)
        throw error
      }
    }
  }

  private func preparePhase(_ transaction: Transaction, _ editor: TreeEditor) async throws(NSOError) {
    try await traced("prepare", transaction) { () async throws(NSOError) in
      do throws(NSOError) {
        try await prepare(transaction, editor)
      } catch {
        await validationEnded(transaction)
        throw error
      }
    }
  }

  private func validationEnded(_ transaction: Transaction) async {
    guard transaction.isCommitToRunning, transaction.model.hasProviders else { return }
    for participant in participants.all { await participant.validationEnded(transaction) }
  }

  private func commitPhase(_ transaction: Transaction, _ editor: TreeEditor) async throws(NSOError) -> CommitResult? {
    try await traced("commit", transaction) { () async throws(NSOError) in try await store(transaction, editor) }
  }

  private func moveChanges(
    of transaction: Transaction, _ editor: TreeEditor, to backend: Transaction
  ) async throws(NSOError) -> CommitResult? {
    let move: @Sendable (inout TreeEditor) throws(NSOError) -> Void = { (target) throws(NSOError) in
      try storeErrors { () throws(StoreError) in
        target.written.noteAll()
        let before = target.configuration
        target.moves.append(editor.moves) { before.isDeleted($0) }
        try target.configuration.absorb(editor.configuration)
        try target.operational.absorb(editor.operational)
        try target.persistentOperational.absorb(editor.persistentOperational)
        if let changes = editor.provider { try target.provider?.absorb(changes) }
      }
    }
    do throws(NSOError) {
      // Hooks that were asked about each write (RUN_SET_HOOKS) are not asked again.
      if transaction.registry == nil, backend.asksHooks(at: .root, as: .owner) {
        try await backend.writeThroughHooks(as: .owner, move)
      } else {
        try backend.write(as: .owner, move)
      }
    } catch {
      end(transaction, .read)
      throw error
    }
    end(transaction, .committed)
    return nil
  }

  /// Waits, bounded, until this transaction may commit.
  private func take(_ transaction: Transaction) async throws(NSOError) {
    guard let gate = gate(of: transaction.database) else { return }
    do throws(NSOError) {
      try checkLocks(transaction)
      let owner: CommitGate.Owner
      if transaction.database == .running {
        owner = try await takeGate(
          Waiting(transaction.summary, transaction.session.request.process, startedAt: transaction.startTime))
      } else {
        owner = try await take(gate, .write, transaction.summary, "commit to \(transaction.database)")
      }
      transaction.state.withLock { $0.gate = owner }
      // The lock may have been taken while this one waited. From here on none is granted: see ``lock(_:for:)``.
      try checkLocks(transaction)
    } catch {
      // Who holds it is in the log already.
      transaction.state.withLock { $0.isRefusalNoted = true }
      throw error
    }
    try requireOpen(transaction)
  }

  /// Waits, bounded, for a gate.
  /// - Throws: INUSE, naming who is in the way.
  func take(
    _ gate: CommitGate, _ want: CommitGate.Want, _ who: String, _ what: String, limit: Duration? = nil
  ) async throws(NSOError) -> CommitGate.Owner {
    let owner = gate.owner(who, since: now)
    guard gate.tryTake(owner, want) != nil else { return owner }
    let limit = limit ?? .seconds(configuration.commitWait)
    var timer: Task<Void, any Error>?
    let taken = await withCheckedContinuation { continuation in
      gate.take(owner, want) { continuation.resume(returning: $0) }
      // Not before it waits: a wait that is given up before it begins would have no end.
      timer = Task {
        try await Task.sleep(for: limit)
        gate.giveUp(owner)
      }
    }
    timer?.cancel()
    guard taken else {
      throw blocked(who, what, after: limit.components.seconds, by: gate.blocker(of: want), "try again, or end that session")
    }
    return owner
  }

  /// The refusal of somebody who waited in vain for a place in the order of commits.
  func blocked(
    _ who: String, _ what: String, after wait: Int64, by blocker: CommitGate.Owner?, cause: String = "", _ remedy: String
  ) -> NSOError {
    journal.refusal(
      Explanation(
        .lock, .inUse, actor: who, action: what,
        rule: "after \(wait) s of waiting it is still held by \(blocker?.text ?? "others that came before")\(cause)",
        age: blocker.map { now - $0.since }, remedy: remedy))
  }

  /// A participant's refusal: the client gets its words as they are, the records say whose they are.
  private func refused(_ transaction: Transaction, by participant: any CommitParticipant, _ error: NSOError) -> NSOError {
    _ = refusal(
      transaction,
      Explanation(
        .participant, error.code, actor: transaction.summary, action: "commit",
        rule: "refused by \(participant.name): \(error.message)",
        remedy: "change what it objects to, or mend that program, and apply it again"))
    return error
  }

  /// The end of a step. A transaction that was finished meanwhile left its place in the commit order to this step.
  private func end(_ transaction: Transaction, _ phase: Transaction.Phase, dropChanges: Bool = false) {
    transaction.end(phase, dropChanges: dropChanges)
    guard transaction.phase == .finished else { return }
    // What had been prepared until then is taken back.
    guard transaction.state.withLock({ $0.prepared != nil }) else { return release(transaction) }
    Task {
      await abortPrepared(transaction, transaction.finished)
      release(transaction)
    }
  }

  /// The end of a step that failed; whoever had prepared was told.
  private func refuse(
    _ transaction: Transaction, _ error: NSOError, to phase: Transaction.Phase, dropChanges: Bool = false, isTest: Bool = false
  ) {
    release(transaction)
    end(transaction, phase, dropChanges: dropChanges)
    let refusal = transaction.state.withLock { state in
      defer { (state.explanation, state.isRefusalNoted) = (nil, false) }
      return Refusal(error: error, explanation: state.explanation, isNoted: state.isRefusalNoted, isTest: isTest)
    }
    guard transaction.isCommitToRunning else { return }
    for participant in participants.all { participant.refused(transaction, refusal) }
  }

  private func release(_ transaction: Transaction) {
    let owner = transaction.state.withLock { state in
      defer { state.gate = nil }
      return state.gate
    }
    if let owner { gate(of: transaction.database)?.release(owner) }
  }

  /// Hooks, then constraints between nodes (the types of values were checked when they were written), then validation
  /// points. What a `when` condition no longer allows leaves the transaction.
  private func validate(
    _ transaction: Transaction, _ editor: inout TreeEditor, for purpose: CommitAttempt.Purpose
  ) async throws(NSOError) {
    let participants = transaction.isCommitToRunning ? participants.all : []
    if !participants.isEmpty {
      transaction.beginCommitHooks()
      defer { transaction.endCommitHooks() }
      for participant in participants {
        try await traced(.hooks, participant, transaction) {
          () async throws(NSOError) in
          do throws(NSOError) { try await participant.completeChanges(of: transaction) } catch {
            throw refused(transaction, by: participant, error)
          }
        }
      }
      editor = transaction.state.withLock { $0.editor }
    }
    // The candidate is validated when it is committed.
    if transaction.database != .candidate {
      if transaction.model.hasProviders {
        // May have to look at data that providers have.
        editor = try await ProviderWait.retrying { [editor] () throws(NSOError) in
          var editor = editor
          try editor.validate { failure in self.note(failure, of: transaction) }
          return editor
        }
      } else {
        try editor.validate { failure in self.note(failure, of: transaction) }
      }
    }
    transaction.state.withLock { [editor] in $0.editor = editor }
    if !participants.isEmpty {
      let attempt = CommitAttempt(transaction, validating: editor, for: purpose)
      for participant in participants {
        try await traced(.validation, participant, transaction) {
          () async throws(NSOError) in
          do throws(NSOError) { try await participant.validate(attempt) } catch {
            throw refused(transaction, by: participant, error)
          }
        }
      }
    }
    try requireOpen(transaction)
  }

  /// The first phase: nothing that was read has changed, and all participants can carry the changes out.
  private func prepare(_ transaction: Transaction, _ editor: TreeEditor) async throws(NSOError) {
    // Hooks may have written what somebody else has locked a part of.
    do throws(NSOError) { try checkLocks(transaction) } catch {
      transaction.state.withLock { $0.isRefusalNoted = true }
      throw error
    }
    try checkConflicts(transaction, editor)
    guard transaction.isCommitToRunning else { return }
    let attempt = try storeErrors { () throws(StoreError) in
      try CommitAttempt(transaction, preparing: editor, over: try stores.durable.snapshot())
    }
    // What makes no difference concerns nobody.
    let participants = attempt.isEmpty ? [] : participants.all
    transaction.state.withLock { $0.prepared = PreparedCommit(attempt: attempt, participants: []) }
    do throws(NSOError) {
      for participant in participants {
        try await traced(.prepare, participant, transaction) {
          () async throws(NSOError) in
          do throws(NSOError) { try await participant.prepare(attempt) } catch {
            throw refused(transaction, by: participant, error)
          }
        }
        transaction.state.withLock { $0.prepared?.participants.append(participant) }
        try requireOpen(transaction)
      }
    } catch {
      await abortPrepared(transaction, error)
      throw error
    }
  }

  /// Tells whoever has prepared that there will be no commit.
  func abortPrepared(_ transaction: Transaction, _ cause: NSOError) async {
    let prepared = transaction.state.withLock { state in
      defer { state.prepared = nil }
      return state.prepared
    }
    guard let prepared else { return }
    for participant in prepared.participants.reversed() { await participant.abort(prepared.attempt, cause) }
  }

  /// Whoever asked went away meanwhile: nothing is committed for nobody.
  func requireOpen(_ transaction: Transaction) throws(NSOError) {
    // The session may be about to end all that it has.
    guard transaction.phase != .finished, !transaction.session.isEnded else { throw transaction.finished }
    // An upgrade ends what might write before it begins: this is for the case that something slips through.
    guard transaction.model === model else {
      throw NSOError(
        .upgradeInProgress, "\(transaction.summary) began with another schema, before an upgrade; finish it and begin anew")
    }
  }

  private func checkConflicts(_ transaction: Transaction, _ editor: TreeEditor) throws(NSOError) {
    guard let conflict = try conflict(of: transaction) else { return }
    throw refusal(transaction, try explanation(of: conflict, transaction))
  }

  /// The second phase: one durable commit.
  private func store(_ transaction: Transaction, _ editor: TreeEditor) async throws(NSOError) -> CommitResult? {
    switch editor.target {
    case .configuration where transaction.database == .candidate:
      try await storeCandidate(transaction, editor)
      return nil
    case .configuration where transaction.database == .startup:
      try await storeStartup(editor.configuration)
      return nil
    case .configuration: return try await storeConfiguration(transaction)
    case .operational:
      try await operationalWriter.write(editor)
      return nil
    }
  }

  private func storeConfiguration(_ transaction: Transaction) async throws(NSOError) -> CommitResult? {
    let prepared = transaction.state.withLock { $0.prepared }
    guard let prepared, !prepared.attempt.isEmpty else { return nil }
    let attempt = prepared.attempt
    let result: CommitResult
    do throws(NSOError) {
      result = try await storeConfiguration(attempt, prepared.participants)
    } catch {
      await abortPrepared(transaction, error)
      throw error
    }
    transaction.state.withLock { state in
      state.prepared = nil
      // Read locks may be taken from here on, and see the new data.
      if let owner = state.gate { gate.admitReaders(owner) }
    }
    for participant in prepared.participants {
      try await traced(.commit, participant, transaction) {
        () async throws(NSOError) in await participant.commit(attempt, result)
      }
    }
    return result
  }

  private func storeConfiguration(
    _ attempt: CommitAttempt, _ participants: [any CommitParticipant]
  ) async throws(NSOError) -> CommitResult {
    guard !attempt.moves.isEmpty else { return try await storeAtOnce(attempt, participants) }
    // Nobody may write operational data between its reading in the old places and the writing in the new ones.
    let result: Result<CommitResult, NSOError> = await operationalWriter.exclusively {
      do throws(NSOError) { return .success(try await self.storeAtOnce(attempt, participants)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func storeAtOnce(
    _ attempt: CommitAttempt, _ participants: [any CommitParticipant]
  ) async throws(NSOError) -> CommitResult {
    var batch = WriteBatch(continuing: attempt.batch)
    let followUp = try storeErrors { () throws(StoreError) in
      let followUp = try operationalFollowUp(of: attempt, try stores.durable.snapshot())
      try followUp.addPersistent(to: &batch)
      return followUp
    }
    let id = nextTransactionID()
    id.write(to: &batch)
    for participant in participants { try participant.addRecords(of: attempt, id, to: &batch) }
    let revision = try await traced("write to the database", attempt.transaction, subsystem: "cdb") {
      [batch] () async throws(NSOError) in
      try await storeErrors { () async throws(StoreError) in try await stores.durable.commit(batch) }
    }
    didCommit(id)
    let result = CommitResult(id: id, revision: revision)
    for participant in participants { participant.becameDurable(attempt, result) }
    await storeVolatile(followUp)
    return result
  }

  /// A key of the store as a path for people.
  func text(ofKey key: [UInt8]) -> String { model.layout.path(key).flatMap { $0.node.map(model.schema.path(of:)) } ?? "data" }
}

/// A commit between its two phases.
struct PreparedCommit: Sendable {
  var attempt: CommitAttempt
  /// Who has prepared, in order.
  var participants: [any CommitParticipant]
}

extension Transaction {
  /// A commit of it changes running, so the participants have their say.
  var isCommitToRunning: Bool {
    if database == .running, mode == .readWrite, case .datastore = backend { true } else { false }
  }

  /// Takes the transaction for a step that may wait; nothing else can be asked of it until ``end(_:dropChanges:)``.
  /// - Returns: the changes.
  /// - Throws: BADSTATE in another state, NOTRANS when it is finished.
  func begin(from phase: Phase) throws(NSOError) -> TreeEditor {
    try state.withLock { state throws(NSOError) in
      guard state.phase != .finished else { throw finished }
      if let run = state.hooks, run.before != nil { throw isInUse(run) }
      guard state.phase == phase, !state.isBusy else {
        throw NSOError(
          .badState,
          "transaction \(handle) is in state \(state.phase.rawValue)\(state.isBusy ? " and busy" : ""); this needs state \(phase.rawValue)"
        )
      }
      state.isBusy = true
      return state.editor
    }
  }

  /// The end of a step. A transaction that was finished meanwhile stays so.
  func end(_ phase: Phase, dropChanges: Bool = false) {
    state.withLock { state in
      state.isBusy = false
      guard state.phase != .finished else { return }
      state.phase = phase
      if dropChanges || phase == .aborted { state.editor.revert() }
    }
    if dropChanges { recorder?.removeAll() }
  }
}
