public import NSOModel
public import NSOStore
import Synchronization

/// A transaction: a stable view of a datastore and private changes over it, until it is applied or finished (protocol
/// part 04, section 3.2). May be used from several connections; calls do not wait for each other's disk.
public final class Transaction: Sendable {
  public enum Phase: String, Sendable {
    case read = "READ"
    case validate = "VALIDATE"
    case prepared = "PREPARED"
    case committed = "COMMITTED"
    case aborted = "ABORTED"
    case finished = "finished"
  }

  /// What a transaction writes into when it is applied.
  enum Backend: Sendable {
    case datastore
    /// A transaction in a transaction.
    case transaction(Transaction)
  }

  struct State {
    var phase = Phase.read
    var editor: TreeEditor
    /// Taken from the first validation on.
    var gate: CommitGate.Owner?
    /// Something waits for the disk: nothing else may be asked meanwhile.
    var isBusy = false
    /// Hooks or transforms are being asked; they may write, although the transaction is busy.
    var hooks: HookRun?
    /// From the first phase on.
    var prepared: PreparedCommit?
    /// Why it was refused last.
    var explanation: Explanation?
    /// Why it is refused is in the developer log already.
    var isRefusalNoted = false
    /// Spans of the steps under way, the innermost last.
    var spans: [TraceSpan] = []
    var label = ""
    var comment = ""
    /// What its commit was asked with (NCS_APPLY_TRANS_PARAMS).
    var parameters: [TaggedValue] = []
    /// The trace that its commit is to be part of.
    var traceID: String?
    /// The revision of running that its commit made.
    var committedRevision: UInt64?
    /// What events say of its commit.
    var commitFlags: CommitNoticeFlags = []
    /// On the candidate: the revision of the database that the candidate it sees is of.
    var candidateRevision: Revision?
    /// It takes an unconfirmed commit back: subscribers cannot refuse it.
    var isRevert = false
    /// It confirms a confirmed commit, or takes it back.
    var settlesConfirmedCommit = false
    var skipsSubscribers = false
    /// The names of the data providers that have prepared its commit.
    var providersInCommit: [String] = []
    var endings: [UInt64: @Sendable () -> Void] = [:]
    var next: UInt64 = 0
  }

  /// The number by which clients name it.
  public let handle: Int32
  public let database: DatabaseName
  public let mode: TransactionMode
  public let session: UserSession
  public let model: DataModel
  /// Seconds since 1970-01-01 UTC.
  public let startTime: Int64
  /// What it sees of the durable store.
  let snapshot: Snapshot
  /// What it read of running, to find conflicts at commit.
  let recorder: ReadRecorder?
  let backend: Backend
  /// Where set hooks and transforms are asked about writes; nil: they are not.
  let registry: ProviderRegistry?
  let state: Mutex<State>

  init(
    handle: Int32, database: DatabaseName, mode: TransactionMode, session: UserSession, startTime: Int64, snapshot: Snapshot,
    recorder: ReadRecorder?, backend: Backend, registry: ProviderRegistry? = nil, editor: TreeEditor
  ) {
    self.handle = handle
    self.database = database
    self.mode = mode
    self.session = session
    self.model = editor.model
    self.startTime = startTime
    self.snapshot = snapshot
    self.recorder = recorder
    self.backend = backend
    self.registry = registry
    state = Mutex(State(editor: editor))
  }

  /// It lies over another transaction.
  var isNested: Bool { if case .transaction = backend { true } else { false } }

  /// The revision of the durable store that it sees.
  public var revision: Revision { snapshot.revision }

  public var phase: Phase { state.withLock { $0.phase } }

  /// Reads. `body` must be short: it holds the transaction.
  /// - Parameter unchecked: all of it is shown, whatever the session may read: for who works in a session on behalf of the daemon.
  /// - Throws: NOTRANS when it is finished; what `body` throws.
  public func read<R>(
    unchecked: Bool = false, _ body: (TreeView) throws(NSOError) -> R
  ) throws(NSOError) -> R {
    try state.withLock { state throws(NSOError) in
      guard state.phase != .finished else { throw finished }
      var view = state.editor.view
      view.hidesUnmet = state.editor.conditions == .delayed
      if !unchecked, let access = state.editor.access {
        return try body(access.restricted(view, filtersChanges: mode == .read))
      }
      return try body(view)
    }
  }

  /// The view at this moment, for long reads elsewhere.
  public func view(unchecked: Bool = false) throws(NSOError) -> TreeView { try read(unchecked: unchecked) { $0 } }

  /// Writes. All of `body` takes effect, or nothing when it throws.
  /// - Throws: NOT_WRITABLE in a read transaction, BADSTATE outside of READ; what `body` throws.
  public func write<R>(
    as writer: TransactionWriter = .engine, _ body: (inout TreeEditor) throws(NSOError) -> R
  ) throws(NSOError) -> R {
    try state.withLock { state throws(NSOError) in
      try requireWritable(state, as: writer)
      var copy = state.editor
      let access = copy.access
      if !writer.isChecked { copy.access = nil }
      let result = try body(&copy)
      copy.access = access
      state.editor = copy
      noteWrite(&state)
      return result
    }
  }

  /// As ``write(_:)`` for one simple change, which itself changes nothing when it throws: spares the savepoint.
  public func writeOne(
    as writer: TransactionWriter = .engine, _ body: (inout TreeEditor) throws(NSOError) -> Void
  ) throws(NSOError) {
    try state.withLock { state throws(NSOError) in
      try requireWritable(state, as: writer)
      // A write that is checked may be refused when something of it is done.
      if let access = state.editor.access {
        var copy = state.editor
        if !writer.isChecked { copy.access = nil }
        try body(&copy)
        copy.access = access
        state.editor = copy
        noteWrite(&state)
        return
      }
      try body(&state.editor)
      noteWrite(&state)
    }
  }

  /// What transforms made of the data is no longer so.
  func noteWrite(_ state: inout State) {
    if model.hasTransforms { state.editor.providerTree?.forgetCache() }
  }

  func requireWritable(_ state: borrowing State, as writer: TransactionWriter = .engine) throws(NSOError) {
    guard state.phase != .finished else { throw finished }
    guard mode == .readWrite else {
      throw NSOError(
        .notWritable, "transaction \(handle) of \(session.summary) is a read transaction; start one to read and write")
    }
    if let run = state.hooks {
      let isTheirs: Bool =
        switch writer {
        case .hook: true
        case .engine: run.before == nil
        case .owner, .attached, .trusted: false
        }
      guard isTheirs else { throw isInUse(run) }
      guard !run.isGivenUp else {
        throw NSOError(
          .aborted, "\(summary): the write that \(run.who) was asked about was given up, since its client has gone")
      }
      guard !run.isWriting else {
        throw NSOError(.inUse, "\(summary) is in use: another write of \(run.who) is under way")
      }
      return
    }
    guard writer != .hook else {
      throw NSOError(.badState, "\(summary): the hook that this write belongs to has answered")
    }
    guard state.phase == .read, !state.isBusy else {
      throw NSOError(
        .badState,
        "transaction \(handle) is in state \(state.phase.rawValue)\(state.isBusy ? " and busy" : ""): write in state READ only")
    }
  }

  var finished: NSOError { NSOError(.noTransaction, "transaction \(handle) is finished") }

  /// Text that is kept with the commit.
  public var label: String {
    get { state.withLock { $0.label } }
    set { state.withLock { $0.label = newValue } }
  }

  public var comment: String {
    get { state.withLock { $0.comment } }
    set { state.withLock { $0.comment = newValue } }
  }

  /// What its commit was asked with (NCS_APPLY_TRANS_PARAMS), for those that take part in it.
  public var parameters: [TaggedValue] {
    get { state.withLock { $0.parameters } }
    set { state.withLock { $0.parameters = newValue } }
  }

  /// The trace that the progress of its commit belongs to; nil: one of its own, or that of a span that its session has begun.
  public var traceID: String? {
    get { state.withLock { $0.traceID } }
    set { state.withLock { $0.traceID = newValue } }
  }

  /// The revision of running that its commit made (``History``); nil before, and when it changed nothing there.
  public var committedRevision: UInt64? { state.withLock { $0.committedRevision } }

  /// Subscribers of CDB are not told of its commit (flag SKIP_SUBSCRIBERS).
  public var skipsSubscribers: Bool {
    get { state.withLock { $0.skipsSubscribers } }
    set { state.withLock { $0.skipsSubscribers = newValue } }
  }

  /// Drops all changes; the transaction goes on.
  public func revert() throws(NSOError) {
    try state.withLock { state throws(NSOError) in
      if let run = state.hooks { throw isInUse(run) }
      guard state.phase == .read, !state.isBusy else {
        throw NSOError(
          .badState, "transaction \(handle) is in state \(state.phase.rawValue): only in state READ can it be reverted")
      }
      state.editor.revert()
      noteWrite(&state)
    }
    recorder?.removeAll()
  }

  /// True when something was written that is not committed.
  public var hasChanges: Bool { state.withLock { !$0.editor.isEmpty } }

  /// Calls `body` once when the transaction ends, at once if it has.
  @discardableResult
  public func onEnd(_ body: @escaping @Sendable () -> Void) -> UInt64? {
    let token: UInt64? = state.withLock { state in
      guard state.phase != .finished else { return nil }
      state.next &+= 1
      state.endings[state.next] = body
      return state.next
    }
    if token == nil { body() }
    return token
  }

  public func forget(ending token: UInt64) {
    _ = state.withLock { $0.endings.removeValue(forKey: token) }
  }

  /// For texts: `transaction 7 (read-write on running) of admin (session 17, ...)`.
  public var summary: String {
    "transaction \(handle) (\(mode == .read ? "read" : "read-write") on \(database)) of \(session.summary)"
  }
}
