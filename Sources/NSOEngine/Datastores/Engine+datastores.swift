public import NSOModel
import NSOStore
import Synchronization

/// Which datastores there are, and who may write them.
extension Engine {
  /// - Throws: NOEXISTS for a datastore that is not there, naming the setting that enables it.
  public func requireDatastore(_ database: DatabaseName) throws(NSOError) {
    switch database {
    case .running, .operational: return
    case .candidate:
      guard !configuration.datastores.candidate else { return }
      throw missing(database)
    case .startup:
      guard !configuration.datastores.startup else { return }
      throw missing(database)
    case .none, .transaction, .preCommitRunning, .intended:
      throw NSOError(.noExists, "a transaction cannot be started on \(database); use running or operational")
    }
  }

  private func missing(_ database: DatabaseName) -> NSOError {
    journal.refusal(
      Explanation(
        .configuration, .noExists, actor: "the \(database) datastore", action: "be used", rule: "it is not enabled",
        remedy: "set datastores/\(database)/enabled to true in ncs.conf and restart the daemon, or use running"))
  }

  /// As ``requireDatastore(_:)`` for what is only about configuration: locks, copies, deletion as a whole.
  public func requireConfiguration(_ database: DatabaseName) throws(NSOError) {
    switch database {
    case .running, .candidate, .startup: try requireDatastore(database)
    default: throw NSOError(.noExists, "datastore \(database) cannot be locked, copied or emptied: use running")
    }
  }

  func requireWritable(_ database: DatabaseName, _ session: UserSession) throws(NSOError) {
    guard database != .operational else { return }
    if database == .running, configuration.datastores.running == .throughCandidate {
      throw journal.refusal(
        Explanation(
          .configuration, .notWritable, actor: session.summary, action: "write running",
          rule: "it is written through the candidate only (setting datastores/running/access)",
          remedy: "write the candidate and commit it"))
    }
    try writability.check(session)
  }

  /// What orders the commits to a datastore; nil for operational data.
  func gate(of database: DatabaseName) -> CommitGate? {
    switch database {
    case .running: gate
    case .candidate: candidate.gate
    case .startup: startupGate
    default: nil
    }
  }

  /// The latest state of a datastore, with operational data.
  /// - Throws: NOEXISTS when it is not there.
  public func currentView(of database: DatabaseName) throws(NSOError) -> TreeView {
    try requireDatastore(database)
    let pending = database == .candidate ? candidate.changes.overlay : nil
    var view = try currentView()
    if var overlay = pending {
      overlay.rebase(view.configuration)
      view.configuration = overlay
    } else if database == .startup {
      view.configuration = try storeErrors { () throws(StoreError) in try stores.durable.snapshot().tree(.startup) }
    }
    return view
  }

  /// INUSE when somebody else has locked what a transaction is to be committed to.
  func checkLocks(_ transaction: Transaction) throws(NSOError) {
    try locks.checkWritable(transaction.database, by: transaction.session)
    guard locks.hasPartialLocks else { return }
    let (changes, atProviders) = transaction.state.withLock { ($0.editor.configuration, $0.editor.provider) }
    try locks.checkParts(of: transaction.database, changes, atProviders, by: transaction.session) { text(ofKey: $0) }
  }

  /// What a transaction has read and somebody else has changed since.
  func conflict(of transaction: Transaction) throws(NSOError) -> Conflict? {
    guard let recorder = transaction.recorder else { return nil }
    let reads = recorder.reads
    return try storeErrors { () throws(StoreError) in
      switch transaction.database {
      case .startup: return try stores.durable.conflict(reads, in: .startup, since: transaction.snapshot)
      case .candidate:
        if let conflict = try stores.durable.conflict(reads, in: .running, since: transaction.snapshot) { return conflict }
        let seen = transaction.state.withLock { $0.candidateRevision } ?? transaction.revision
        let now = candidate.changes.revision
        guard now > seen else { return nil }
        switch stores.durable.commitLog.conflict(reads, in: .candidate, since: seen) {
        case .none: return nil
        case .conflict(let conflict): return conflict
        case .unknown: return Conflict(key: [], revision: now)
        }
      default: return try stores.durable.conflict(reads, in: .running, since: transaction.snapshot)
      }
    }
  }

  // MARK: Emptying

  /// Deletes all configuration in a datastore, in one commit (protocol part 04, DELETE_CONFIG). The candidate is empty then, not reset. What
  /// data providers store goes with running; for startup those are asked that keep one of their own (db callback delete_config).
  public func deleteConfiguration(of database: DatabaseName, _ session: UserSession) async throws(NSOError) {
    try requireConfiguration(database)
    let transaction = try startTransaction(session, on: database, .readWrite)
    defer { finish(transaction) }
    try transaction.writeOne(as: .owner) { (editor) throws(NSOError) in try editor.remove(.root) }
    if database == .startup { try await deleteStartupAtProviders(session) }
    try await apply(transaction, keepOpen: false)
  }
}
