import NSOModel
import NSOStore
import Synchronization

/// The end of confirmed commits that nobody confirms.
extension Engine {
  /// Sees to it that the pending confirmed commit is taken back in time, and when its session ends.
  func watchConfirmedCommit(_ session: UserSession?) {
    let (pending, version) = confirmedCommits.current
    guard let pending else { return }
    let remaining = max(0, pending.deadline - now)
    let timer = Task { [weak self] in
      try await Task.sleep(for: .seconds(remaining))
      // In a task of its own: the timer is cancelled when the commit is taken back.
      Task { await self?.takeBack(version, .timeout) }
    }
    let ending =
      pending.persist != nil
      ? nil
      : session?.onEnd { [weak self] in
        guard let self, self.confirmedCommits.current.version == version else { return }
        Task { await self.takeBack(version, .sessionEnded) }
      }
    confirmedCommits.watch(version) { [weak session] in
      timer.cancel()
      if let ending { session?.forget(ending: ending) }
    }
  }

  /// Takes it back if it is still the one of that version; tries again for as long as it fails.
  private func takeBack(_ version: UInt64, _ end: ConfirmedCommitEnd) async {
    var pause: Int64 = 1
    while confirmedCommits.current.version == version, confirmedCommits.pending != nil, phases.phase != .stopping {
      do throws(NSOError) {
        return try await takeBackConfirmedCommit(end, version: version)
      } catch {
        guard let pending = confirmedCommits.pending else { return }
        // Nothing will change that in this run of the daemon, unless somebody does.
        if confirmedCommits.isStuck { return confirmedCommits.tell(.failed("\(error)"), pending) }
        confirmedCommits.tell(.failed("\(error); another attempt follows in \(pause) s"), pending)
      }
      guard (try? await Task.sleep(for: .seconds(pause))) != nil else { return }
      pause = min(300, pause * 2)
    }
  }

  /// Puts running back to where it was before the confirmed commit.
  /// - Parameter version: only if it is still this one.
  func takeBackConfirmedCommit(_ end: ConfirmedCommitEnd, version: UInt64? = nil) async throws(NSOError) {
    let owner = try await take(candidate.gate, .write, "the end of a confirmed commit", "take it back")
    defer { candidate.gate.release(owner) }
    let (current, currentVersion) = confirmedCommits.current
    guard let pending = current, version == nil || version == currentVersion else { return }
    confirmedCommits.tell(.aborting(end), pending)
    let session = try sessions.start(UserSessionRequest(user: pending.user, context: "system", proto: .system))
    defer { sessions.end(session) }
    var isOver = false
    var attempts = 0
    while !isOver {
      do throws(NSOError) {
        isOver = try await goBack(to: pending.base, session, end)
        break
      } catch {
        attempts += 1
        guard error.code == .transactionConflict, attempts < 10 else { throw error }
      }
    }
    if !isOver {
      // Running is there already.
      let reader = try await take(gate, .read, "the end of a confirmed commit", "take it back")
      defer { gate.release(reader) }
      try await storeErrors { () async throws(StoreError) in
        var batch = WriteBatch()
        confirmedCommits.add(.goBack, to: &batch)
        _ = try await stores.durable.commit(batch)
        confirmedCommits.done(.goBack)
      }
    }
    confirmedCommits.tell(.aborted(end), pending)
  }

  /// - Returns: false when running did not have to be changed.
  private func goBack(to base: UInt64, _ session: UserSession, _ end: ConfirmedCommitEnd) async throws(NSOError) -> Bool {
    let transaction = try startTransaction(session, on: .running, .readWrite, isInternal: true)
    defer { finish(transaction) }
    transaction.label = "confirmed commit"
    transaction.comment = "taken back: \(end.rawValue)"
    transaction.state.withLock { $0.isRevert = true }
    locks.exempt(session)
    let snapshot = transaction.snapshot
    let last = try storeErrors { () throws(StoreError) in try HistoryRecords.revision(snapshot) }
    do throws(NSOError) {
      try history.requireUnderstood(from: last, backTo: base, transaction.model, snapshot)
    } catch {
      confirmedCommits.setStuck()
      throw NSOError(
        error.code,
        "running stays as it is: \(error.message). Any session may confirm the commit (CANDIDATE_COMMIT); with the modules of that time it is taken back"
      )
    }
    try storeErrors { () throws(StoreError) in
      var configuration = transaction.state.withLock { $0.editor.configuration }
      try History.goBack(from: last, to: base, &configuration, snapshot)
      for range in configuration.touched { transaction.recorder?.note(range) }
      transaction.state.withLock { [configuration] in $0.editor.configuration = configuration }
    }
    candidate.begin(transaction, .goBack, keepsCandidate: true)
    defer { candidate.end(transaction) }
    return try await apply(transaction, keepOpen: false) != nil
  }

  /// For the start of the daemon: a confirmed commit that was pending goes on when it is persistent and its time is not over; else it is
  /// taken back, again and again where that fails.
  /// - Returns: whether running was put back.
  @discardableResult
  public func resumeConfirmedCommit() async -> Bool {
    let (current, version) = confirmedCommits.current
    guard let pending = current else { return false }
    if pending.persist != nil, pending.deadline > now {
      watchConfirmedCommit(nil)
      return false
    }
    let end: ConfirmedCommitEnd = pending.persist == nil ? .restart : .timeout
    do throws(NSOError) {
      try await takeBackConfirmedCommit(end, version: version)
      return true
    } catch {
      confirmedCommits.tell(.failed("\(error)"), pending)
      guard !confirmedCommits.isStuck else { return false }
      Task { [weak self] in await self?.takeBack(version, end) }
      return false
    }
  }
}
