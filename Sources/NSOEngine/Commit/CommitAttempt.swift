public import NSOModel
import NSOStore

/// One transaction on its way into running, as the participants of its commit see it.
public struct CommitAttempt: Sendable {
  /// Why a transaction is validated.
  public enum Purpose: Sendable {
    /// The user wants to know whether it is good; no commit follows (VALIDATE_TRANS with unlock).
    case test
    /// The user commits by hand, step by step (VALIDATE_TRANS without unlock).
    case stepByStep
    /// The commit follows at once (APPLY_TRANS).
    case apply
  }

  public let transaction: Transaction
  public private(set) var purpose = Purpose.apply
  /// The data before. From the first phase on exactly what running has; while validating what the transaction saw.
  public let before: TreeView
  /// The data as the commit makes it.
  public let after: TreeView
  /// What is changed, over the configuration of ``before``.
  let changes: Overlay
  /// What is changed of the configuration that data providers store.
  let providerChanges: Overlay?
  /// Entries that got other keys; empty while validating.
  private(set) var moves = EntryMoves()
  /// What the store has to do; empty while validating.
  var batch = WriteBatch()

  public var model: DataModel { transaction.model }

  /// While a transaction is validated.
  init(_ transaction: Transaction, validating editor: TreeEditor, for purpose: Purpose) {
    self.transaction = transaction
    self.purpose = purpose
    changes = editor.configuration
    providerChanges = editor.provider
    after = editor.view
    var before = editor.view
    before.configuration = editor.configuration.base.untracked
    before.provider = editor.provider?.base
    self.before = before
  }

  /// When the order of commits is settled: over what running has now.
  init(_ transaction: Transaction, preparing editor: TreeEditor, over current: Snapshot) throws(StoreError) {
    self.transaction = transaction
    var changes = editor.configuration
    let running = current.tree(.running)
    changes.rebase(running)
    self.changes = changes
    providerChanges = editor.provider
    moves = editor.moves
    batch = try changes.batch(for: .running, current: running)
    var after = editor.view
    after.configuration = changes
    self.after = after
    var before = after
    before.configuration = running
    before.provider = editor.provider?.base
    self.before = before
  }

  /// Nothing has to be done, here or at data providers.
  var isEmpty: Bool { batch.isEmpty && providerChanges?.isEmpty ?? true }

  /// True when nothing at or below a place differs. Costs little, however much there is elsewhere.
  public func isUnchanged(below place: Location = .root) throws(NSOError) -> Bool {
    try storeErrors { () throws(StoreError) in
      try TreeDiff(changes, layout: model.layout).isEmpty(below: place.path)
    }
  }

  /// What differs in the configuration that data providers store, with all that was deleted. May have to wait for them.
  func differencesAtProviders() throws(NSOError) -> [DataDifference] {
    guard let providerChanges else { return [] }
    return try DataDifference.all(of: providerChanges, .deletedContents, model, keysFrom: after.configuration)
  }

  /// What differs at and below a place, in the order of the data. Takes time in proportion to the changes there.
  public func differences(
    below place: Location = .root, _ options: DataDifference.Options = []
  ) throws(NSOError) -> [DataDifference] {
    try DataDifference.all(of: changes, below: place, options, model)
  }
}
