import Logging
public import NSOModel
import NSOSchema
import NSOStore
import Synchronization

/// Taking and giving back locks on datastores (protocol part 04, section 4.3).
extension Engine {
  /// Takes the global lock on a datastore (protocol part 04, LOCK); a commit that is past its check of the locks is waited for, bounded. When
  /// a lock on the candidate goes with its session, the changes that are pending there are dropped (RFC 6241, section 8.3.5.2).
  /// - Throws: NOEXISTS, LOCKED.
  public func lock(_ database: DatabaseName, for session: UserSession) async throws(NSOError) {
    try requireConfiguration(database)
    let action = "lock \(database)"
    try requireNoUpgrade(session, action)
    try locks.checkFree(database, for: session)
    try await withoutCommits(to: database, session, action) { () throws(NSOError) in
      guard database == .candidate else { return try locks.lock(database, for: session) }
      try locks.lock(.candidate, for: session) { [weak self, weak session] release in
        guard let self, let session else { return release() }
        self.dropPending(of: session, release)
      }
    } giveBack: { (_) throws(NSOError) in
      try locks.unlock(database, for: session)
    }
    try await lockAtProviders(database, for: session)
  }

  /// Releases the lock on the candidate; changes that are pending there are dropped.
  /// - Throws: NOEXISTS, LOCKED when somebody else holds it or nobody does.
  public func unlockCandidate(_ session: UserSession) async throws(NSOError) {
    try requireDatastore(.candidate)
    guard locks.holder(of: .candidate)?.session === session else { return try locks.unlock(.candidate, for: session) }
    try await resetCandidate(session, thenUnlocking: true)
  }

  /// Locks what expressions select in a datastore, with all below, for a session. As in ``lock(_:for:)``, commits that are under way are
  /// waited for.
  /// - Returns: the number to unlock it by.
  /// - Throws: NOEXISTS when nothing is selected, or the datastore is not there; LOCKED, naming the holder; XPATH.
  public func lockPart(
    of database: DatabaseName, _ expressions: [String], for session: UserSession
  ) async throws(NSOError) -> Int64 {
    try requireConfiguration(database)
    let action = "lock a part of \(database)"
    try requireNoUpgrade(session, action)
    let selection =
      model.hasProviders
      ? try await ProviderWait.run { () throws(NSOError) in try self.selectWithProviders(expressions, in: database, session) }
      : try select(expressions, try currentView(of: database), in: database, session)
    let model = selection.model
    let id = try await withoutCommits(to: database, session, action) { () throws(NSOError) in
      guard model === self.model else {
        throw NSOError(
          .upgradeInProgress,
          "\(session.summary) cannot \(action): an upgrade of the schema has ended since it was selected; try again")
      }
      return try locks.lock(selection.ranges, expressions, selection.pathsAtProviders, of: database, for: session) {
        text(ofKey: $0)
      }
    } giveBack: { (id) throws(NSOError) in
      try locks.unlockPart(id, for: session)
    }
    try await lockPartAtProviders(id, selection.pathsAtProviders, of: database, for: session)
    return id
  }

  /// What expressions select, and by which schema.
  private struct Selection: Sendable {
    var model: DataModel
    var ranges = KeyRanges()
    var pathsAtProviders: [Keypath] = []
  }

  private func select(
    _ expressions: [String], _ whole: TreeView, in database: DatabaseName, _ session: UserSession
  ) throws(NSOError) -> Selection {
    let model = whole.model
    // What the user may not read is not there: whether something was selected would tell.
    let view = access(of: session, model)?.restricted(whole) ?? whole
    var selection = Selection(model: model)
    for expression in expressions {
      for match in try view.nodes(XPathQuery(expression)) {
        let place = try model.locate(match.path)
        guard let node = place.node, model[node].isConfiguration,
          model[node].placement == .configuration || (model[node].placement == .provider && database == .running)
        else {
          throw NSOError(
            .noExists,
            "\(expression) selects \(model.schema.text(of: match.path)), which is no configuration of \(database) and cannot be locked"
          )
        }
        selection.ranges.insert(place.path.subtree)
        if database == .running, model.providerReach(node) != .none { selection.pathsAtProviders.append(match.path) }
      }
    }
    guard !selection.ranges.isEmpty else {
      throw NSOError(.noExists, "\(expressions.joined(separator: ", ")) selects nothing in \(database) that could be locked")
    }
    return selection
  }

  /// Expressions may look at what data providers have, which is read in transactions only.
  private func selectWithProviders(
    _ expressions: [String], in database: DatabaseName, _ session: UserSession
  ) throws(NSOError) -> Selection {
    guard database == .running else { return try select(expressions, try currentView(of: database), in: database, session) }
    let transaction = try startTransaction(session, on: .running, .read, isInternal: true)
    defer { finish(transaction) }
    return try select(expressions, try transaction.view(), in: database, session)
  }

  /// Enters a lock while no commit to the datastore is between its check of the locks and the disk: it waits for the gate that committers
  /// hold meanwhile, so whoever commits next finds the lock. Upgrades of the schema hold the gate, too, and look for locks when they have it.
  /// - Throws: LOCKED, naming who commits, when that takes too long; UPGRADE_IN_PROGRESS.
  private func withoutCommits<R>(
    to database: DatabaseName, _ session: UserSession, _ action: String, _ enter: () throws(NSOError) -> R,
    giveBack: (R) throws(NSOError) -> Void
  ) async throws(NSOError) -> R {
    guard let gate = gate(of: database) else { return try enter() }
    // A session's lock does not keep out its own commit, which it must not wait for.
    if let own = placeInOrder(of: session, database, gate) {
      let lock = try enter()
      if placeInOrder(of: session, database, gate) == own { return lock }
      // It ended meanwhile, and another one may have passed its check.
      try giveBack(lock)
    }
    let who = session.summary
    let owner: CommitGate.Owner
    do throws(NSOError) {
      if database == .running {
        owner = try await takeGate(Waiting(who, session.request.process, startedAt: now), .read, action)
      } else {
        owner = try await take(gate, .read, who, action)
      }
    } catch {
      throw NSOError(.locked, error.message)
    }
    defer { gate.release(owner) }
    // What came while it waited counts as well.
    guard !session.isEnded else { throw NSOError(.noSession, "the user session \(session.id) has ended") }
    try requireNoUpgrade(session, action)
    return try enter()
  }

  /// By which the session itself holds the gate, in a commit.
  private func placeInOrder(of session: UserSession, _ database: DatabaseName, _ gate: CommitGate) -> UInt64? {
    guard let writer = gate.holders.writer else { return nil }
    let isOwn = transactions.contains { transaction in
      transaction.session === session && transaction.database == database
        && transaction.state.withLock { $0.gate?.id == writer.id }
    }
    return isOwn ? writer.id : nil
  }

  // MARK: The end of a lock on the candidate

  /// At the end of the session that has locked the candidate: whoever gets the lock next finds nothing pending.
  private func dropPending(of session: UserSession, _ release: @escaping @Sendable () -> Void) {
    // Mostly nobody writes it, and nothing is pending.
    let owner = candidate.gate.owner("the end of \(session.summary)", since: now)
    if candidate.gate.tryTake(owner, .write) == nil {
      defer { candidate.gate.release(owner) }
      if candidate.changes.overlay.isEmpty { return release() }
    }
    Task { await self.reset(for: session, release) }
  }

  /// Tries again for as long as it fails; the lock stays until then.
  private func reset(for session: UserSession, _ release: @Sendable () -> Void) async {
    var pause: Int64 = 1
    while phases.phase != .stopping {
      do throws(NSOError) {
        try await resetCandidate(session)
        return release()
      } catch {
        log.error(
          "the candidate stays locked by \(session.summary), which has ended: it could not be reset: \(error); another attempt follows in \(pause) s"
        )
      }
      guard (try? await Task.sleep(for: .seconds(pause))) != nil else { return }
      pause = min(300, pause * 2)
    }
  }
}
