import Logging
public import NSOModel
import NSOStore
import Synchronization

/// How the candidate is committed.
public enum CandidateCommitKind: Hashable, Sendable {
  /// For good; confirms a confirmed commit that is pending.
  case plain
  /// Taken back after `timeout` seconds unless it is confirmed. `persist` lets it outlive its session.
  case confirmed(timeout: Int64, persist: String?)
}

/// The candidate datastore (protocol part 04, section 4.4).
extension Engine {
  /// Makes the changes of a transaction on the candidate durable.
  func storeCandidate(_ transaction: Transaction, _ editor: TreeEditor) async throws(NSOError) {
    // Nothing of running goes meanwhile that the changes are in.
    let owner = try await take(gate, .read, transaction.summary, "write the candidate")
    defer { gate.release(owner) }
    // What came while it waited counts as well.
    try requireOpen(transaction)
    if let conflict = try conflict(of: transaction) {
      throw refusal(
        transaction,
        Explanation(
          .conflict, .transactionConflict, actor: transaction.summary, action: "commit",
          rule:
            "it conflicts: \(text(ofKey: conflict.key)), which it had read, was changed by \(history.author(of: conflict.revision))",
          remedy: "finish it and try again with a new one"))
    }
    try await storeErrors { () async throws(StoreError) in
      var batch = WriteBatch()
      editor.configuration.addKept(to: &batch, .candidate)
      guard !batch.isEmpty else { return }
      let moves = candidate.moves(after: editor)
      if moves != candidate.moves { moves.addKept(to: &batch, .candidate) }
      let running = try stores.durable.snapshot()
      let revision = try await stores.durable.commit(batch)
      try candidate.absorb(editor.configuration, moves, running, revision)
    }
  }

  /// Whether the candidate differs from running.
  /// - Throws: NOEXISTS without candidate.
  public func isCandidateModified() throws(NSOError) -> Bool {
    try requireDatastore(.candidate)
    return try storeErrors { () throws(StoreError) in
      let changes = candidate.changes.overlay
      guard !changes.isEmpty else { return false }
      return try candidate.over(stores.durable.snapshot()).hasDifference
    }
  }

  /// Drops the changes of the candidate: it is what running is (protocol part 04, CANDIDATE_RESET).
  /// - Throws: NOEXISTS without candidate, INUSE when somebody else has locked it.
  public func resetCandidate(_ session: UserSession) async throws(NSOError) {
    try await resetCandidate(session, thenUnlocking: false)
  }

  /// - Parameter unlocks: the session's lock on it goes in the same step, so that nobody writes in between.
  func resetCandidate(_ session: UserSession, thenUnlocking unlocks: Bool) async throws(NSOError) {
    try requireDatastore(.candidate)
    try locks.checkWhole(.candidate, by: session)
    let who = "CANDIDATE_RESET of \(session.summary)"
    let owner = try await take(candidate.gate, .write, who, "reset the candidate")
    defer { candidate.gate.release(owner) }
    try locks.checkWhole(.candidate, by: session)
    // Another connection of the session may have unlocked it meanwhile.
    if unlocks, locks.holder(of: .candidate)?.session !== session { return try locks.unlock(.candidate, for: session) }
    // Who holds the gate keeps it so: a commit to running adds only to changes that are there.
    if !candidate.changes.overlay.isEmpty {
      // A commit to running changes the candidate, too, where it has something in what goes.
      let reader = try await take(gate, .read, who, "reset the candidate")
      defer { gate.release(reader) }
      try await storeErrors { () async throws(StoreError) in
        var batch = WriteBatch()
        candidate.addRemoval(to: &batch)
        candidate.clear(try await stores.durable.commit(batch))
      }
    }
    if unlocks { try locks.unlock(.candidate, for: session) }
  }

  /// Runs `body` with a transaction on running that has the changes of the candidate, and those of `editor` over them.
  private func withCandidate<R>(
    _ session: UserSession, _ editor: TreeEditor? = nil, _ body: (Transaction) async throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    let (changes, moves) = (candidate.changes.overlay, candidate.moves)
    let transaction = try startTransaction(session, on: .running, .readWrite, isInternal: true)
    defer { finish(transaction) }
    try storeErrors { () throws(StoreError) in
      var overlay = changes
      overlay.rebase(transaction.state.withLock { $0.editor.configuration.base })
      if let editor { try overlay.absorb(editor.configuration) }
      transaction.state.withLock { [overlay] state in
        state.editor.configuration = overlay
        state.editor.moves = moves
      }
    }
    return try await body(transaction)
  }

  /// Checks what running would be after a commit of the candidate.
  /// - Parameter editor: more changes of the candidate.
  public func validateCandidate(_ session: UserSession, with editor: TreeEditor? = nil) async throws(NSOError) {
    try requireDatastore(.candidate)
    try await withCandidate(session, editor) { (transaction) async throws(NSOError) in
      try await validate(transaction, unlock: true)
    }
  }

  /// Commits the candidate to running.
  /// - Parameter persistID: the cookie of the confirmed commit that is pending.
  /// - Throws: NOEXISTS without candidate, or when the cookie is not that of what is pending; INUSE when another session has made a
  ///   confirmed commit, or holds a lock; validation errors.
  public func commitCandidate(
    _ session: UserSession, _ kind: CandidateCommitKind = .plain, persistID: String? = nil, label: String = "",
    comment: String = ""
  ) async throws(NSOError) {
    try requireDatastore(.candidate)
    try writability.check(session)
    let owner = try await take(candidate.gate, .write, "CANDIDATE_COMMIT of \(session.summary)", "commit the candidate")
    defer { candidate.gate.release(owner) }
    // What came while it waited counts as well.
    try writability.check(session)
    try locks.checkWhole(.candidate, by: session)
    try locks.checkWritable(.running, by: session)
    let pending = confirmedCommits.pending
    try requireOwner(of: pending, session, persistID, "commit the candidate")
    let step: ConfirmedCommits.Step
    switch kind {
    case .plain: step = pending == nil ? .none : .confirm
    case .confirmed(let timeout, let persist):
      guard timeout > 0, timeout <= 1 << 31 else {
        throw NSOError(.protocolUsage, "the timeout of a confirmed commit is in seconds, from 1 on, not \(timeout)")
      }
      step = .start(session: session, timeout: timeout, persist: persist, base: pending?.base, now: now)
    }
    try await commitCandidate(session, step, label, comment)
    if case .start = step { watchConfirmedCommit(session) }
  }

  private func commitCandidate(
    _ session: UserSession, _ step: ConfirmedCommits.Step, _ label: String, _ comment: String
  ) async throws(NSOError) {
    var attempts = 0
    while true {
      do throws(NSOError) {
        let result = try await withCandidate(session) { (transaction) async throws(NSOError) in
          transaction.label = label
          transaction.comment = comment
          // Whoever commits answers for what others have written, too.
          if let access = access(of: session, transaction.model) {
            try access.judge(of: transaction.state.withLock { $0.editor })
          }
          candidate.begin(transaction, step)
          defer { candidate.end(transaction) }
          return try await apply(transaction, keepOpen: false)
        }
        if result != nil { return }
        break
      } catch {
        // Somebody wrote running in between: the changes stand, and are checked again.
        attempts += 1
        guard error.code == .transactionConflict, attempts < 10 else { throw error }
      }
    }
    // Running has it all already.
    let reader = try await take(gate, .read, "CANDIDATE_COMMIT of \(session.summary)", "commit the candidate")
    defer { gate.release(reader) }
    try await storeErrors { () async throws(StoreError) in
      var batch = WriteBatch()
      candidate.addRemoval(to: &batch)
      confirmedCommits.add(step, to: &batch)
      candidate.clear(try await stores.durable.commit(batch))
      confirmedCommits.done(step)
    }
  }

  /// Takes the pending confirmed commit back (protocol part 04, CANDIDATE_ABORT_COMMIT).
  /// - Throws: NOEXISTS when nothing is pending, another session has made it, or the cookie is another one.
  public func abortConfirmedCommit(_ session: UserSession, persistID: String? = nil) async throws(NSOError) {
    try requireDatastore(.candidate)
    guard let pending = confirmedCommits.pending else {
      throw refusal(
        session, .noExists, "abort the confirmed commit", "none is pending", "see ncs --status; it may have ended meanwhile")
    }
    do throws(NSOError) { try requireOwner(of: pending, session, persistID, "abort the confirmed commit") } catch {
      throw NSOError(.noExists, error.message)
    }
    try await takeBackConfirmedCommit(.request)
  }

  private func requireOwner(
    of pending: PendingConfirmation?, _ session: UserSession, _ persistID: String?, _ what: String
  ) throws(NSOError) {
    guard let pending else {
      guard persistID == nil else {
        throw refusal(
          session, .noExists, "\(what) with a persist-id", "no confirmed commit is pending", "leave the persist-id out")
      }
      return
    }
    if confirmedCommits.isStuck { return }
    if let persist = pending.persist {
      guard persistID == persist else {
        throw refusal(
          session, .noExists, what,
          "a persistent confirmed commit of \(Self.words(of: pending)) is pending, and the persist-id is \(persistID == nil ? "missing" : "another one")",
          "give the persist-id that it was made with")
      }
      return
    }
    guard persistID == nil else {
      throw refusal(
        session, .noExists, "\(what) with a persist-id",
        "the confirmed commit of \(Self.words(of: pending)) that is pending was made without", "leave the persist-id out")
    }
    guard pending.session == session.id else {
      throw refusal(
        session, .inUse, what,
        "a confirmed commit of \(Self.words(of: pending)) is pending for \(max(0, pending.deadline - now)) s more",
        "it is for that session to confirm or abort it, or wait")
    }
  }

  private static func words(of pending: PendingConfirmation) -> String { "\(pending.user) (session \(pending.session))" }

  /// A refusal that is about the state of things.
  func refusal(_ session: UserSession, _ code: ErrorCode, _ action: String, _ rule: String, _ remedy: String) -> NSOError {
    journal.refusal(
      Explanation(.state, code, actor: session.summary, action: action, rule: rule, remedy: remedy))
  }
}
