import Logging
public import NSOModel
public import NSOSchema
import NSOStore
import Synchronization

/// Upgrades of the schema while the daemon runs (protocol part 04, section 4.12). Nobody is disconnected: what is open keeps
/// the schema that it began with, what is started afterwards gets the new one.
extension Engine {
  /// Begins an upgrade; ``beginUpgrade(_:timeout:kill:)`` has to follow.
  /// - Parameter owner: who does it, for texts.
  /// - Throws: BADSTATE while another one is under way.
  public func openUpgrade(by owner: String) throws(NSOError) -> SchemaUpgrade {
    let upgrade = SchemaUpgrade(owner: owner, since: now)
    if let other = claim(upgrade) {
      throw journal.refusal(
        Explanation(
          .state, .badState, actor: owner, action: "upgrade", rule: "an upgrade by \(other.owner) is under way",
          age: now - other.since, remedy: "wait for its end"))
    }
    upgradeObservers.tell(.initStarted)
    return upgrade
  }

  /// Waits until nobody writes, and keeps it so (INIT_UPGRADE).
  /// - Parameters:
  ///   - timeout: seconds.
  ///   - kill: finish transactions that are still open then, instead of giving up.
  /// - Throws: LOCKED while somebody holds a datastore or a part of one, the candidate has changes, or a confirmed commit is pending; TIMEOUT, ABORTED. The upgrade is over then.
  public func beginUpgrade(_ upgrade: SchemaUpgrade, timeout: Int64, kill: Bool) async throws(NSOError) {
    do throws(NSOError) {
      try requireUndisturbed(upgrade)
      if !(await waitForWriters(upgrade, timeout: timeout)) {
        try stopWriters(upgrade, timeout: timeout, kill: kill)
      }
      // In the order in which all take more than one.
      for (database, gate) in [(DatabaseName.candidate, candidate.gate), (.startup, startupGate), (.running, gate)] {
        try await take(gate, of: database, upgrade)
      }
      // What came while it waited counts as well.
      try requireUndisturbed(upgrade)
      await operationalWriter.close(upgrade.explanation("operational data", "be written").error, unless: { upgrade.isOver })
      try upgrade.advance(from: .waiting, to: .ready, "INIT_UPGRADE")
    } catch {
      abortUpgrade(upgrade)
      throw error
    }
    upgradeObservers.tell(.initSucceeded)
  }

  /// Takes the new schema and looks what it means for the data; nothing is changed yet (PERFORM_UPGRADE). Takes time in
  /// proportion to the data: not for an event loop.
  /// - Parameter initialData: called with the upgrade's transaction and the namespaces of the modules that are new, if any: loads their
  ///   initial data, and returns what was loaded, for the report.
  /// - Throws: BADSTATE; what the database says. The upgrade is over then.
  @discardableResult
  public func performUpgrade(
    _ upgrade: SchemaUpgrade, _ load: () throws(NSOError) -> Schema,
    initialData: (Transaction, Set<String>) throws(NSOError) -> [String] = { _, _ in [] }
  ) throws(NSOError) -> UpgradeReport {
    try upgrade.advance(from: .ready, to: .performing, "PERFORM_UPGRADE")
    do throws(NSOError) {
      let schema = try load()
      let work = try prepareUpgrade(to: schema, initialData)
      try enter(work, upgrade)
      upgradeObservers.tell(.performed)
      return work.migration.report
    } catch {
      abortUpgrade(upgrade)
      throw error
    }
  }

  /// Validates the data against the new schema, writes it, and makes the schema the one in use (COMMIT_UPGRADE). Those who take part in
  /// commits do so in this one, too, and validation points of the new schema are asked about what the upgrade changes; hooks are not: what
  /// they would write is for the modules that go. Returns when the last of them has been told; others may write already meanwhile.
  /// - Throws: BADSTATE; the first value or rule that does not fit; what a subscriber or validation point refuses with, EXTERNAL when nobody
  ///   serves one. The upgrade is over then, and all is as
  ///   before.
  public func commitUpgrade(_ upgrade: SchemaUpgrade) async throws(NSOError) {
    try upgrade.advance(from: .performed, to: .committing, "COMMIT_UPGRADE")
    guard let work = upgrade.state.withLock({ $0.work }) else { return end(upgrade) }
    let commit: UpgradeCommit
    do throws(NSOError) {
      commit = try await store(work)
    } catch {
      end(upgrade)
      upgradeObservers.tell(.aborted)
      throw error
    }
    let old = model
    replaceModel(work.model)
    upgradeObservers.tell(old, work.model)
    operationalWriter.open(work.model)
    upgrade.reopen()
    await tell(commit)
    end(upgrade)
    await upgradeObservers.follow()
    upgradeObservers.tell(.committed)
  }

  /// Gives up: everything is as before (ABORT_UPGRADE, and the end of the connection). Does nothing when it is over, or while
  /// its commit is on its way to the disk.
  /// - Returns: whether there was something to give up.
  @discardableResult
  public func abortUpgrade(_ upgrade: SchemaUpgrade) -> Bool {
    let isOpen = upgrade.state.withLock { state in
      guard state.stage != .over, state.stage != .committing else { return false }
      state.stage = .over
      return true
    }
    guard isOpen else { return false }
    end(upgrade)
    upgradeObservers.tell(.aborted)
    return true
  }

  /// What the upgrade means for the data, from PERFORM_UPGRADE on.
  public func report(of upgrade: SchemaUpgrade) throws(NSOError) -> UpgradeReport {
    guard let work = upgrade.state.withLock({ $0.work }) else {
      throw NSOError(.badState, "nothing is known of the upgrade before PERFORM_UPGRADE")
    }
    return work.migration.report
  }

  /// Calls `body` at each step of an upgrade.
  public func onUpgradeStep(_ body: @escaping @Sendable (UpgradeStep) -> Void) { upgradeObservers.add(body) }

  /// Calls `body` when an upgrade is over, before whoever asked for it is told: for what takes time.
  public func afterUpgrade(_ body: @escaping @Sendable () async -> Void) { upgradeObservers.add(follower: body) }

  /// Calls `body` when another schema has come into use: for those who keep nodes or places of the old one. Nobody writes
  /// meanwhile, so nothing is missed.
  public func onModelChange(_ body: @escaping @Sendable (_ old: DataModel, _ new: DataModel) -> Void) {
    upgradeObservers.add(body)
  }

  // MARK: Keeping others out

  private func requireUndisturbed(_ upgrade: SchemaUpgrade) throws(NSOError) {
    if let (database, holder) = locks.all.first {
      throw journal.refusal(
        Explanation(
          .lock, .locked, actor: upgrade.owner, action: "upgrade", rule: "\(database) is locked by \(holder.session.summary)",
          age: now - holder.since, remedy: "have it unlocked first"))
    }
    if let part = locks.partial.first {
      throw journal.refusal(
        Explanation(
          .lock, .locked, actor: upgrade.owner, action: "upgrade",
          rule:
            "a part of \(part.database) (\(part.selection.joined(separator: ", "))) is locked by \(part.session.summary)",
          age: now - part.since, remedy: "have it unlocked first"))
    }
    if configuration.datastores.candidate, try isCandidateModified() {
      throw NSOError(
        .locked,
        "\(upgrade.owner) cannot upgrade: the candidate has changes that are not committed; have them committed or dropped (CANDIDATE_RESET) first"
      )
    }
    // It may have to be taken back, which an upgrade makes impossible.
    if let pending = confirmedCommits.pending {
      throw journal.refusal(
        Explanation(
          .state, .locked, actor: upgrade.owner, action: "upgrade",
          rule:
            "a confirmed commit of \(pending.user) (session \(pending.session)) is pending for \(max(0, pending.deadline - now)) s more",
          remedy: "have it confirmed or aborted first"))
    }
  }

  /// - Throws: UPGRADE_IN_PROGRESS, for what would be in the way of an upgrade that has begun.
  func requireNoUpgrade(_ session: UserSession, _ action: String) throws(NSOError) {
    if let upgrade, upgrade.isClosed { throw journal.refusal(upgrade.explanation(session.summary, action)) }
  }

  /// - Returns: false when the time is over.
  private func waitForWriters(_ upgrade: SchemaUpgrade, timeout: Int64) async -> Bool {
    if closeIfQuiet(upgrade) { return true }
    guard timeout > 0 else { return false }
    var timer: Task<Void, any Error>?
    defer { timer?.cancel() }
    return await withCheckedContinuation { continuation in
      let isOver = upgrade.state.withLock { state in
        guard state.stage != .over else { return true }
        state.waiter = continuation
        return false
      }
      if isOver { return continuation.resume(returning: false) }
      // Not before it waits.
      timer = Task {
        try await Task.sleep(for: .seconds(min(timeout, Int64(Int32.max))))
        upgrade.resume(false)
      }
      // The last one may have ended in between.
      if closeIfQuiet(upgrade) { upgrade.resume(true) }
    }
  }

  private func stopWriters(_ upgrade: SchemaUpgrade, timeout: Int64, kill: Bool) throws(NSOError) {
    guard !upgrade.isOver else {
      throw NSOError(.aborted, "the upgrade by \(upgrade.owner) was aborted while it waited for transactions to end")
    }
    guard kill else {
      let names = writers.map(\.summary).joined(separator: ", ")
      throw journal.refusal(
        Explanation(
          .state, .timeout, actor: upgrade.owner, action: "upgrade",
          rule: "after \(timeout) s of waiting transactions that may write are still open: \(names)",
          remedy: "have them finished, or ask to kill them"))
    }
    upgrade.close()
    for transaction in writers {
      log.notice("\(transaction.summary) is ended for an upgrade of the schema by \(upgrade.owner)")
      finish(transaction)
    }
  }

  private func take(_ gate: CommitGate, of database: DatabaseName, _ upgrade: SchemaUpgrade) async throws(NSOError) {
    let owner: CommitGate.Owner
    do throws(NSOError) {
      owner = try await take(
        gate, .write, "an upgrade of the schema by \(upgrade.owner)", "have nobody write \(database)")
    } catch {
      throw NSOError(.timeout, error.message)
    }
    let isOver = upgrade.state.withLock { state in
      if state.stage != .over { state.gates.append((gate, owner)) }
      return state.stage == .over
    }
    if isOver {
      gate.release(owner)
      throw NSOError(.aborted, "the upgrade by \(upgrade.owner) was aborted while it waited for a commit to end")
    }
  }

  /// Lets go of everything that an upgrade holds.
  private func end(_ upgrade: SchemaUpgrade) {
    let (gates, work) = upgrade.state.withLock { state in
      defer {
        state.stage = .over
        state.gates = []
        state.work = nil
      }
      return (state.gates, state.work)
    }
    if let work { finish(work.transaction) }
    operationalWriter.open(model)
    unclaim(upgrade)
    for (gate, owner) in gates.reversed() { gate.release(owner) }
    upgrade.resume(false)
  }

  // MARK: Data

  private func prepareUpgrade(
    to schema: Schema, _ initialData: (Transaction, Set<String>) throws(NSOError) -> [String]
  ) throws(NSOError) -> SchemaUpgrade.Work {
    do {
      let durable = try stores.durable.snapshot()
      let volatile = try stores.volatile.snapshot()
      var names = WriteBatch(expectedRevision: durable.revision)
      let layout = try TreeLayout(schema: schema, store: stores.durable, at: durable, adding: &names)
      let next = DataModel(schema: schema, layout: layout, secrets: secrets, trace: journal.xpathTrace)
      var migration = SchemaMigration(from: model, to: next)
      func migrated(_ tree: some DataTree, _ space: Space) throws(StoreError) -> Overlay {
        var overlay = Overlay(tree)
        try migration.migrate(&overlay, space)
        return overlay
      }
      let running = try migrated(durable.tree(.running), .running)
      let startup = try migrated(durable.tree(.startup), .startup)
      let persistent = try migrated(durable.tree(.persistentOperational), .persistentOperational)
      let operational = try migrated(volatile.tree(.operational), .operational)
      migration.noteModules()
      let session = UserSession(
        id: Self.upgradeNumber, request: UserSessionRequest(user: "system", context: "system", proto: .system), loginTime: now)
      let transaction = Transaction(
        handle: Self.upgradeNumber, database: .running, mode: .readWrite, session: session, startTime: now, snapshot: durable,
        recorder: nil, backend: .datastore,
        editor: TreeEditor(
          next, target: .configuration, configuration: running, operational: operational, persistentOperational: persistent))
      let added = migration.addedNamespaces
      if !added.isEmpty { migration.note(initialData: try initialData(transaction, added)) }
      try transaction.write { (editor) throws(NSOError) in try migration.validate(&editor) }
      return SchemaUpgrade.Work(
        model: next, migration: migration, names: names, startup: startup,
        persistentOperational: persistent, operational: operational, transaction: transaction)
    } catch {
      throw NSOError(validation: error)
    }
  }

  /// The handle of the upgrade transaction, and the number of the session that it belongs to (protocol part 04, ATTACH).
  static let upgradeNumber: Int32 = -2

  private func enter(_ work: SchemaUpgrade.Work, _ upgrade: SchemaUpgrade) throws(NSOError) {
    guard publish(work, of: upgrade) else {
      throw NSOError(.aborted, "the upgrade by \(upgrade.owner) was aborted while the modules were loaded")
    }
  }
}
