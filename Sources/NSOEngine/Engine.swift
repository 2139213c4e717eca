public import Logging
public import NSOModel
public import NSOSchema
public import NSOStore
import Synchronization

/// The meaning of everything: sessions, transactions, locks, data. What serves clients (NSOServer and others) calls it; it
/// knows nothing of bytes on a wire. Safe to use from any thread; nothing here waits for a disk except `async` functions.
public final class Engine: Sendable {
  /// The databases of a daemon.
  public struct Stores: Sendable {
    /// Running, startup, candidate, persistent operational data, meta data.
    public var durable: Store
    /// Operational data that does not outlive the daemon.
    public var volatile: Store

    public init(durable: Store, volatile: Store) {
      self.durable = durable
      self.volatile = volatile
    }
  }

  public let stores: Stores
  public let configuration: EngineConfiguration
  public let phases: PhaseGate
  public let sessions: SessionRegistry
  public let locks: LockTable
  /// Where users of sessions see text and answer questions.
  public let terminals = TerminalRegistry()
  public let log: Logger
  /// Who serves callpoints, validation points, actions and streams.
  public let providers: ProviderRegistry
  /// Who performs actions and rpcs.
  public let actions = ActionTable()
  /// Configuration templates.
  public let templates = TemplateTable()
  let operationRules = OperationRules()
  /// The past of running.
  public let history: History
  /// The confirmed commit that is pending, if any.
  public let confirmedCommits: ConfirmedCommits
  /// Whether clients may write at all.
  public let writability: Writability
  let candidate: Candidate
  /// Logs and events.
  public let journal: Journal
  /// What takes how long.
  public let progress: Progress
  /// The role of this node in a cluster.
  public let ha: HighAvailability
  let gate = CommitGate()
  let startupGate = CommitGate()
  let participants = CommitParticipants()
  let operationalWriter: OperationalWriter
  let upgradeObservers = UpgradeObservers()
  /// The subscribers of CDB.
  public let subscriptions: SubscriptionRegistry
  /// The right to write operational data with events (protocol part 03, section 6.2).
  let subscriptionLock: SubscriptionLock
  let replay: ReplayRecord
  let subscriptionParticipant: SubscriptionParticipant
  private let providerCommit: ProviderCommit
  let providerActions: ProviderActions
  let providerLocks: ProviderLocks
  /// Notification streams.
  public let streams: NotificationStreams

  private struct Table {
    var transactions: [Int32: Transaction] = [:]
    var last: Int32 = 0
    var upgrade: SchemaUpgrade?
  }

  private let currentModel: Mutex<DataModel>
  /// How secrets are stored.
  public let secrets = Secrets()
  private let aaaSettings = Mutex(AAASettings())
  private let accessTables = AccessTables()

  private let table = Mutex(Table())
  private let transactionID: Mutex<TransactionID>

  /// - Parameter journal: logs and events; nil: records go to `log`.
  /// - Throws: what the databases say.
  public init(
    schema: Schema, stores: Stores, configuration: EngineConfiguration = EngineConfiguration(), log: Logger,
    journal: Journal? = nil
  ) throws(StoreError) {
    let layout = try TreeLayout(schema: schema, store: stores.durable)
    let journal = journal ?? Journal(log)
    let model = DataModel(schema: schema, layout: layout, secrets: secrets, trace: journal.xpathTrace)
    currentModel = Mutex(model)
    self.stores = stores
    self.configuration = configuration
    self.log = log
    self.journal = journal
    progress = Progress(journal, clock: configuration.clock)
    writability = Writability(journal)
    phases = PhaseGate()
    ha = HighAvailability(isEnabled: configuration.isHAEnabled, journal: journal, phases: phases)
    let clock = configuration.clock
    let finder = AccessFinder()
    sessions = SessionRegistry(
      phases: phases, limit: configuration.sessionLimit, journal: journal, clock: { clock().seconds },
      access: { finder.find($0) })
    locks = LockTable(journal: journal) { clock().seconds }
    providers = ProviderRegistry(log: log, journal: journal) { clock().seconds }
    providerLocks = ProviderLocks(providers, locks)
    streams = NotificationStreams(journal, providers, model, clock: configuration.clock)
    operationalWriter = OperationalWriter(model, stores)
    let last = try TransactionID.read(stores.durable)
    transactionID = Mutex(last)
    subscriptions = SubscriptionRegistry(log: log) { clock().seconds }
    subscriptionLock = SubscriptionLock { clock().seconds }
    replay = try ReplayRecord(stores.durable)
    subscriptionParticipant = SubscriptionParticipant(subscriptions, replay)
    history = try History(stores.durable, configuration.history)
    confirmedCommits = try ConfirmedCommits(stores.durable, history)
    candidate = try Candidate(stores.durable, layout, confirmedCommits)
    participants.add(subscriptionParticipant, at: .subscribers)
    providerActions = ProviderActions(providers)
    actions.setPointHandler(providerActions)
    participants.add(ProviderValidation(providers, schema, phases), at: .validationPoints)
    // The candidate says how long history is needed.
    participants.add(candidate, at: .history)
    participants.add(history, at: .history)
    providerCommit = ProviderCommit(providers, stores.durable, journal, writability, confirmedCommits)
    participants.add(providerCommit, at: .providers)
    participants.add(ProviderHooks(registry: providers), at: .hooks)
    participants.add(CommitEvents(journal: journal), at: .events)
    subscriptions.onExpulsion { [weak self] notice, text in self?.tellCommitter(notice, text) }
    confirmedCommits.observe { [journal, sessions] event, id, user in
      journal.tell(event, (try? sessions.session(id)).map { EventUser($0) }, id, user)
    }
    onModelChange { [streams] _, model in streams.replaceModel(model) }
    finder.engine = self
    onUpgradeStep { [journal] step in
      journal.events.emit(.upgrade) { .upgrade(step) }
      journal.record(.upgrade, step.symbol)
    }
  }

  /// Event subscribers.
  public var events: EventHub { journal.events }

  /// Data providers that have prepared a commit and were lost before they knew, or confirmed, how it ended.
  public var unconfirmedProviders: [UnconfirmedProvider] { providerCommit.unconfirmed }

  /// The schema in use. An upgrade replaces it: what works over some time (a transaction, a session) keeps the one that it began
  /// with, and must not mix nodes and places of two models.
  public var model: DataModel { currentModel.withLock { $0 } }

  /// What authentication goes by besides the data.
  public var aaa: AAASettings {
    get { aaaSettings.withLock { $0 } }
    set { aaaSettings.withLock { $0 = newValue } }
  }

  /// What a session may do in a schema; nil: everything.
  func access(of session: UserSession, _ model: DataModel) -> AccessGuard? { session.access(model, accessTables, journal) }

  func replaceModel(_ model: DataModel) { currentModel.withLock { $0 = model } }

  /// Seconds since 1970-01-01 UTC.
  var now: Int64 { configuration.clock().seconds }

  // MARK: Views

  /// The latest state: running and operational data.
  public func currentView() throws(NSOError) -> TreeView { try currentView(model) }

  /// As ``currentView()``, as seen with the schema that a session began with.
  public func currentView(_ model: DataModel) throws(NSOError) -> TreeView {
    try storeErrors { () throws(StoreError) in
      let durable = try stores.durable.snapshot()
      let volatile = try stores.volatile.snapshot()
      return TreeView(
        model, configuration: durable.tree(.running), operational: volatile.tree(.operational),
        persistentOperational: durable.tree(.persistentOperational))
    }
  }

  /// The id of the last transaction committed to running.
  public var lastTransactionID: TransactionID { transactionID.withLock { $0 } }

  /// True until something is committed to running, over the whole life of the database.
  public var hasNoCommit: Bool { lastTransactionID == .zero }

  /// The next id: strictly greater than all before, as close to the clock as that allows.
  func nextTransactionID() -> TransactionID {
    let now = configuration.clock()
    return transactionID.withLock { $0.next(at: now) }
  }

  func didCommit(_ id: TransactionID) {
    transactionID.withLock { if id > $0 { $0 = id } }
  }

  // MARK: Transactions

  /// Starts a transaction in state READ.
  /// - Parameters:
  ///   - isInitial: for the daemon's own loading of initial data, which comes before writes are open to anybody.
  ///   - isInternal: it carries out what the daemon itself has decided, or a commit of the candidate.
  /// - Throws: NOEXISTS for a datastore that is not there, BADSTATE before the start phase that allows it, NOT_WRITABLE, TOOMANYTRANS.
  public func startTransaction(
    _ session: UserSession, on database: DatabaseName, _ mode: TransactionMode, isInitial: Bool = false,
    isInternal: Bool = false
  ) throws(NSOError) -> Transaction {
    if !isInitial, !isInternal { try requirePhase(for: session, mode) }
    try requireDatastore(database)
    if mode == .readWrite, !isInitial, !isInternal { try requireWritable(database, session) }
    let model = model
    // Asked for before the snapshot, see Candidate.
    let pending = database == .candidate ? candidate.changes : nil
    let durable = try storeErrors { () throws(StoreError) in try stores.durable.snapshot() }
    let volatile = try storeErrors { () throws(StoreError) in try stores.volatile.snapshot() }
    var configurationTree: any DataTree = durable.tree(database == .startup ? .startup : .running)
    if var overlay = pending?.overlay {
      overlay.rebase(configurationTree)
      configurationTree = overlay
    }
    let recorder = mode == .readWrite && database != .operational ? ReadRecorder() : nil
    if let recorder { configurationTree = TrackedTree(configurationTree, recorder) }
    var editor = TreeEditor(
      model, target: database == .operational ? .operational : .configuration, configuration: Overlay(configurationTree),
      operational: Overlay(volatile.tree(.operational)),
      persistentOperational: Overlay(durable.tree(.persistentOperational)))
    editor.moves.notesDeletions = database == .candidate
    if !isInitial, !isInternal { editor.access = access(of: session, model) }
    let transaction = try add(session, current: model) { [editor] handle in
      var editor = editor
      if editor.model.hasProviders {
        if database == .running || database == .operational {
          editor.openProviders(providerTree(for: handle, editor.model))
        } else {
          editor.providerAbsence = ProviderAbsence(database, providers)
        }
      }
      return Transaction(
        handle: handle, database: database, mode: mode, session: session, startTime: now, snapshot: durable,
        recorder: recorder, backend: .datastore,
        registry: database != .operational && !isInitial && !isInternal && editor.model.asksAtOnce ? providers : nil,
        editor: editor)
    }
    if let pending { transaction.state.withLock { $0.candidateRevision = pending.revision } }
    return transaction
  }

  /// Starts a transaction over another one: APPLY moves its changes there, without validation.
  /// - Parameter runsSetHooks: set hooks and transforms are asked about each of its writes; else about all of them, when they move.
  public func startTransaction(
    _ session: UserSession, over backend: Transaction, _ mode: TransactionMode, runsSetHooks: Bool = false
  ) throws(NSOError) -> Transaction {
    let editor = try backend.state.withLock { state throws(NSOError) in
      guard state.phase != .finished else { throw backend.finished }
      if let run = state.hooks { throw backend.isInUse(run) }
      var editor = TreeEditor(
        backend.model, target: state.editor.target, configuration: Overlay(state.editor.configuration),
        operational: Overlay(state.editor.operational), persistentOperational: Overlay(state.editor.persistentOperational),
        provider: state.editor.provider.map { Overlay($0) }, providerTree: state.editor.providerTree,
        providerAbsence: state.editor.providerAbsence)
      editor.moves.notesDeletions = true
      editor.access = access(of: session, backend.model)
      return editor
    }
    let asksHooks = runsSetHooks && backend.database != .operational && editor.model.asksAtOnce
    return try add(session) { handle in
      var editor = editor
      // What transforms make of the data is made of that of this transaction.
      if editor.model.hasTransforms, let provider = editor.provider {
        let tree = providerTree(for: handle, editor.model)
        editor.provider = provider.over(tree)
        editor.providerTree = tree
      }
      return Transaction(
        handle: handle, database: backend.database, mode: mode, session: session, startTime: now, snapshot: backend.snapshot,
        recorder: nil, backend: .transaction(backend), registry: asksHooks ? providers : nil, editor: editor)
    }
  }

  /// - Parameter current: the schema in use when the snapshots of a new transaction were taken.
  private func add(
    _ session: UserSession, current: DataModel? = nil, _ make: (Int32) -> Transaction
  ) throws(NSOError) -> Transaction {
    let what = "start a transaction"
    let (made, refusal): (Transaction?, Explanation?) = table.withLock { table in
      if let upgrade = table.upgrade, upgrade.isClosed { return (nil, upgrade.explanation(session.summary, what)) }
      if let current, current !== model {
        return (
          nil,
          Explanation(
            .state, .upgradeInProgress, actor: session.summary, action: what, rule: "an upgrade of the schema has just ended",
            remedy: "try again")
        )
      }
      guard table.transactions.count < configuration.transactionLimit else {
        return (
          nil,
          Explanation(
            .limit, .tooManyTransactions, actor: session.summary, action: what,
            rule: "the limit of \(configuration.transactionLimit) open transactions is reached",
            remedy: "finish some (ncs --status lists them)")
        )
      }
      repeat {
        table.last = table.last == Int32.max ? 1 : table.last + 1
      } while table.transactions[table.last] != nil
      let transaction = make(table.last)
      table.transactions[transaction.handle] = transaction
      return (transaction, nil)
    }
    if let refusal { throw journal.refusal(refusal) }
    guard let made else { throw NSOError(.internal, "a transaction was neither started nor refused") }
    let token = session.onEnd { [weak self, weak made] in
      guard let self, let made else { return }
      self.finish(made)
    }
    if let token { made.onEnd { [weak session] in session?.forget(ending: token) } }
    journal.tell(.startedTransaction, session, made.database)
    return made
  }

  private func requirePhase(for session: UserSession, _ mode: TransactionMode) throws(NSOError) {
    let phase = phases.phase
    guard !session.isEnded else { throw NSOError(.noSession, "the user session \(session.id) has ended") }
    let needed: StartPhase = session.isSystem ? (mode == .read ? .phase0 : .phase1) : .started
    guard phase >= needed, phase != .stopping else {
      throw refusal(
        session, .badState, "start a \(mode == .read ? "read" : "read-write") transaction",
        "the daemon is in start phase \(phase)",
        phase == .stopping ? "wait until it runs again" : "wait until the daemon is started (ncs --wait-started)")
    }
  }

  /// - Throws: NOTRANS for an unknown handle.
  public func transaction(_ handle: Int32) throws(NSOError) -> Transaction {
    guard let transaction = table.withLock({ $0.transactions[handle] }) else {
      throw NSOError(.noTransaction, "there is no transaction \(handle); it may have been finished")
    }
    return transaction
  }

  public var transactions: [Transaction] {
    table.withLock { $0.transactions.values.sorted { $0.handle < $1.handle } }
  }

  /// Ends a transaction in any state: what is not committed is dropped, its place in the commit order is given up.
  public func finish(_ transaction: Transaction) {
    let (wasOpen, upgrade) = table.withLock { table in
      (table.transactions.removeValue(forKey: transaction.handle) != nil, table.upgrade)
    }
    if wasOpen {
      journal.tell(.stoppedTransaction, transaction.session, transaction.database)
    }
    let rest: (gate: CommitGate.Owner?, isPrepared: Bool, endings: [@Sendable () -> Void])
    rest = transaction.state.withLock { state in
      guard state.phase != .finished else { return (nil, false, []) }
      state.phase = .finished
      if state.editor.changeCount >= FreedMemory.largeChangeCount { FreedMemory.returnSoon() }
      state.editor.revert()
      defer { state.endings = [:] }
      let endings = state.endings.sorted { $0.key < $1.key }.map(\.value)
      // While the disk or a participant works on it, whoever commits cleans up.
      return state.isBusy ? (nil, false, endings) : (state.gate, state.prepared != nil, endings)
    }
    if rest.isPrepared {
      Task {
        await abortPrepared(transaction, transaction.finished)
        if let owner = rest.gate { gate(of: transaction.database)?.release(owner) }
      }
    } else if let owner = rest.gate {
      gate(of: transaction.database)?.release(owner)
    }
    for ending in rest.endings { ending() }
    if let upgrade, closeIfQuiet(upgrade) { upgrade.resume(true) }
  }

  /// Adds somebody who takes part in commits to running, from the next one on.
  public func add(_ participant: any CommitParticipant, at stage: CommitStage) { participants.add(participant, at: stage) }

  // MARK: Upgrades of the schema

  /// The upgrade that is under way, from its request on.
  public var upgrade: SchemaUpgrade? { table.withLock { $0.upgrade } }

  /// Makes an upgrade the one under way. Returns the other one, if there is one.
  func claim(_ upgrade: SchemaUpgrade) -> SchemaUpgrade? {
    table.withLock { table in
      guard table.upgrade == nil else { return table.upgrade }
      table.upgrade = upgrade
      return nil
    }
  }

  func unclaim(_ upgrade: SchemaUpgrade) {
    table.withLock { table in if table.upgrade === upgrade { table.upgrade = nil } }
  }

  /// Open transactions that may write, that of an upgrade not among them.
  var writers: [Transaction] { transactions.filter { $0.mode == .readWrite && $0.handle != Self.upgradeNumber } }

  /// Lets no more transactions begin if none is open that may write, and says whether none is.
  func closeIfQuiet(_ upgrade: SchemaUpgrade) -> Bool {
    table.withLock { table in
      guard table.upgrade === upgrade, !table.transactions.values.contains(where: { $0.mode == .readWrite }) else {
        return false
      }
      return upgrade.closeIfWaiting()
    }
  }

  /// Makes the transaction of an upgrade known under its number, together with the rest of the work, unless the upgrade was given up.
  func publish(_ work: SchemaUpgrade.Work, of upgrade: SchemaUpgrade) -> Bool {
    table.withLock { table in
      let isPublished = upgrade.publish(work)
      if isPublished { table.transactions[work.transaction.handle] = work.transaction }
      return isPublished
    }
  }

  // MARK: Operational data

  /// Writes operational data. Edits from many clients share one commit; each takes effect as a whole or not at all.
  /// `completion` is called once, on any thread.
  public func writeOperational(
    _ edit: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void,
    completion: @escaping @Sendable (Result<Void, NSOError>) -> Void
  ) {
    operationalWriter.submit(edit, completion)
  }
}
