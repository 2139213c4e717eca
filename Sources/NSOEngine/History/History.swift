public import NSOModel
public import NSOStore
import Synchronization

/// The past of running: for each of the latest commits who made it and what takes it back, kept in the same durable commit as the change
/// itself, so that a crash never loses or doubles one. It costs space and time in proportion to the change.
///
/// From this come rollback entries (protocol part 04, section 4.5), the configuration as it was at a revision, and the differences of
/// two revisions.
public final class History: Sendable {
  /// How much is kept.
  public struct Limits: Hashable, Sendable {
    /// How many commits can be rolled back through the rollback operations; 0: none (`rollback/enabled` false).
    public var rollbackEntries: Int
    /// How many commits are kept to read the configuration as it was.
    public var revisions: Int

    public init(rollbackEntries: Int = 0, revisions: Int = 100) {
      self.rollbackEntries = max(0, rollbackEntries)
      self.revisions = max(0, revisions)
    }

    var kept: UInt64 { UInt64(max(rollbackEntries, revisions)) }
  }

  private struct State {
    var limits: Limits
    /// Commits to running so far.
    var last: UInt64
    /// The oldest that is kept; all from there on are. `last + 1`: none.
    var oldest: UInt64
    /// Everything after this revision is kept, whatever the limits: somebody may go back to it.
    var pin: UInt64?
    /// Fingerprints of what data meant with the modules of commits; what they stand for is in the database.
    var meanings: Set<UInt64>
    /// Who made the latest commits of this run of the daemon, by the revision of the database.
    var authors: [(revision: Revision, text: String)] = []

    mutating func note(_ transaction: Transaction, _ databaseRevision: Revision) {
      authors.append((databaseRevision, transaction.summary))
      if authors.count > History.authorLimit { authors.removeFirst(History.authorLimit / 2) }
    }

    /// The oldest commit that will be kept once there is one more.
    var oldestAfterCommit: UInt64 {
      let next = last + 1
      var lowest = next >= limits.kept ? next - limits.kept + 1 : 1
      if let pin { lowest = min(lowest, pin + 1) }
      return max(oldest, lowest)
    }
  }

  private let state: Mutex<State>
  private let store: Store

  init(_ store: Store, _ limits: Limits) throws(StoreError) {
    self.store = store
    let snapshot = try store.snapshot()
    let last = try HistoryRecords.revision(snapshot)
    let oldest = try HistoryRecords.oldest(snapshot) ?? last + 1
    let meanings = try HistoryRecords.meanings(snapshot)
    state = Mutex(State(limits: limits, last: last, oldest: oldest, meanings: meanings))
  }

  /// Takes effect with the next commit.
  public var limits: Limits {
    get { state.withLock { $0.limits } }
    set { state.withLock { $0.limits = newValue } }
  }

  /// The revision of running: how many commits there have been.
  public var revision: UInt64 { state.withLock { $0.last } }

  /// What can be gone back to: the revisions of running that can be read.
  public var revisions: ClosedRange<UInt64> { state.withLock { ($0.oldest - 1)...max($0.last, $0.oldest - 1) } }

  /// See to it that the configuration of this revision can be restored; nil: no more.
  func pin(_ revision: UInt64?) { state.withLock { $0.pin = revision } }

  /// Who changed running at a revision of the database, for texts.
  func author(of revision: Revision) -> String {
    let author = state.withLock { $0.authors.first { $0.revision >= revision }?.text }
    return (author.map { "\($0), " } ?? "") + "a later commit (revision \(revision.rawValue) of the database)"
  }

  private static let authorLimit = 256

  /// The commits that are kept, the latest first.
  public func entries() throws(NSOError) -> [HistoryEntry] {
    try storeErrors { () throws(StoreError) in try HistoryRecords.entries(from: 0, store.snapshot()) }
  }

  /// The commits that can be rolled back, the latest first.
  public func rollbackEntries() throws(NSOError) -> [HistoryEntry] {
    let count = limits.rollbackEntries
    guard count > 0 else { return [] }
    return try storeErrors { () throws(StoreError) in
      let snapshot = try store.snapshot()
      let last = try HistoryRecords.revision(snapshot)
      return try HistoryRecords.entries(from: last >= UInt64(count) ? last - UInt64(count) + 1 : 0, snapshot)
    }
  }

  /// The entry of a commit.
  /// - Throws: NOEXISTS when it is not kept (any more).
  public func entry(of id: TransactionID) throws(NSOError) -> HistoryEntry {
    // Commits that somebody asks for are mostly recent.
    guard let entry = try entries().first(where: { $0.id == id }) else {
      throw NSOError(
        .noExists,
        "the commit with id \(id.seconds)-\(id.microseconds)-\(id.sequence) is not kept: the history has the latest \(limits.kept) commits (settings rollback/history-size and datastores/history/size)"
      )
    }
    return entry
  }

  // MARK: Trees of the past

  /// The configuration as it was at a revision, as changes over running in `snapshot`.
  /// - Throws: NOEXISTS when the history does not reach back that far, or was made with other modules that cannot be gone back behind.
  func tree(at revision: UInt64, _ model: DataModel, _ snapshot: Snapshot) throws(NSOError) -> Overlay {
    try check(revision, snapshot)
    let last = try storeErrors { () throws(StoreError) in try HistoryRecords.revision(snapshot) }
    try requireUnderstood(from: last, backTo: revision, model, snapshot)
    return try storeErrors { () throws(StoreError) in
      var tree = Overlay(snapshot.tree(.running))
      try Self.goBack(from: last, to: revision, &tree, snapshot)
      return tree
    }
  }

  /// Takes the commits after `target` back, the latest first.
  static func goBack(
    from last: UInt64, to target: UInt64, _ tree: inout Overlay, _ snapshot: Snapshot
  ) throws(StoreError) {
    var revision = last
    while revision > target {
      try HistoryRecords.takeBack(revision, snapshot) { piece throws(StoreError) in try tree.apply(piece) }
      revision -= 1
    }
  }

  /// The revisions of running that can be read, in a snapshot.
  func revisions(_ snapshot: Snapshot) throws(NSOError) -> ClosedRange<UInt64> {
    try storeErrors { () throws(StoreError) in
      let last = try HistoryRecords.revision(snapshot)
      guard let oldest = try HistoryRecords.oldest(snapshot) else { return last...last }
      guard oldest > 0, oldest <= last else { throw HistoryRecords.damaged }
      return (oldest - 1)...last
    }
  }

  /// - Throws: NOEXISTS for a revision that cannot be read.
  func check(_ revision: UInt64, _ snapshot: Snapshot) throws(NSOError) {
    // Not what is kept in memory: that may be ahead of the snapshot, or behind.
    let revisions = try revisions(snapshot)
    let last = revisions.upperBound
    guard revision <= last else {
      throw NSOError(.noExists, "revision \(revision) of running does not exist: the latest is \(last)")
    }
    guard revision >= revisions.lowerBound else {
      throw NSOError(
        .noExists,
        "revision \(revision) of running is not kept: the history reaches back to \(revisions.lowerBound) (settings rollback/history-size and datastores/history/size; an upgrade of the schema ends it)"
      )
    }
  }
}

extension History: CommitParticipant {
  public var name: String { "history" }

  public func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError) {
    let now = state.withLock { $0 }
    let revision = now.last + 1
    HistoryRecords.setRevision(revision, &batch)
    let oldest = now.oldestAfterCommit
    if oldest <= revision {
      let record = try storeErrors { () throws(StoreError) in try attempt.changes.reversal() }
      let entry = HistoryEntry(
        revision, id, time: Int64(id.seconds), attempt.transaction, size: record.count, pieces: record.pieces.count)
      HistoryRecords.add(entry, record, &batch)
      try add(attempt.model.meaning, known: now.meanings, &batch)
      let providers = attempt.transaction.state.withLock { $0.providersInCommit }
      HistoryRecords.add(providers: providers, of: revision, &batch)
    }
    if oldest > now.oldest { HistoryRecords.remove(before: oldest, &batch) }
  }

  /// The first commit with some modules: what data means with them is kept, and what no commit needs any more is removed.
  private func add(_ meaning: DataMeaning, known: Set<UInt64>, _ batch: inout WriteBatch) throws(NSOError) {
    guard !known.contains(meaning.fingerprint) else { return }
    let needed = Set(try entries().map(\.meaning))
    for fingerprint in known.subtracting(needed) { HistoryRecords.remove(meaning: fingerprint, &batch) }
    HistoryRecords.add(meaning, &batch)
  }

  public func becameDurable(_ attempt: CommitAttempt, _ result: CommitResult) {
    let transaction = attempt.transaction
    let revision = state.withLock { state in
      state.oldest = state.oldestAfterCommit
      let fingerprint = attempt.model.meaning.fingerprint
      // Others may have been removed together with its entry.
      if !state.meanings.contains(fingerprint) { state.meanings = [fingerprint] }
      state.last += 1
      state.note(transaction, result.revision)
      return state.last
    }
    transaction.state.withLock { $0.committedRevision = revision }
  }

  // MARK: Upgrades of the schema

  /// Ends the history at an upgrade: what was before is data of another schema, and nobody can go back there. The upgrade itself is a
  /// revision of its own where it changes running, which cannot be taken back.
  /// - Returns: the revision of running after it.
  func cut(changingRunning: Bool, _ batch: inout WriteBatch) -> UInt64 {
    let last = state.withLock { $0.last } + (changingRunning ? 1 : 0)
    HistoryRecords.remove(before: last + 1, &batch)
    if changingRunning { HistoryRecords.setRevision(last, &batch) }
    return last
  }

  /// It is durable. Nobody commits to running meanwhile.
  func didCut(at revision: UInt64, _ transaction: Transaction, _ databaseRevision: Revision) {
    let isChanged = state.withLock { state in
      defer { (state.last, state.oldest) = (revision, revision + 1) }
      guard state.last != revision else { return false }
      state.note(transaction, databaseRevision)
      return true
    }
    if isChanged { transaction.state.withLock { $0.committedRevision = revision } }
  }
}
