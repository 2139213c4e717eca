public import NSOModel
import NSOStore
import NSOWire
import Synchronization

/// Who writes into a transaction.
public enum TransactionWriter: Sendable {
  /// The engine itself, and who takes part in its commits.
  case engine
  /// The connection that started the transaction.
  case owner
  /// A connection that attached to it.
  case attached
  /// One that attached to it, of a process that is trusted: an application of the daemon, which is not checked.
  case trusted
  /// One that attached to it, while hooks are asked: these are theirs.
  case hook

  /// What the session may do counts.
  var isChecked: Bool { self == .owner || self == .attached }
}

/// Hooks or transforms of a transaction are being asked. Nothing waits for them under a lock: this is what others find meanwhile.
struct HookRun: Sendable {
  let number: UInt64
  /// Who is asked at the moment, for texts.
  var who = "a hook"
  /// What the write is taken back to when it is refused; nil: the transaction is being applied.
  var before: TreeEditor?
  /// Whoever wrote has gone: it was taken back.
  var isGivenUp = false
  /// A long write of a hook is under way, or what was written is being put together.
  var isWriting = false
}

extension Transaction {
  /// Who it is that writes at this moment.
  /// - Parameter isOwner: the connection started the transaction; else it has attached to it.
  public func writer(isOwner: Bool) -> TransactionWriter {
    if isOwner { return .owner }
    return state.withLock { $0.hooks == nil } ? .attached : .hook
  }

  /// Whether a write at a place has to be carried out with ``writeThroughHooks(as:_:)``. What hooks write is told to others when they
  /// have answered, so it has not.
  public func asksHooks(at place: Location, as writer: TransactionWriter) -> Bool {
    guard registry != nil, writer != .hook, mode == .readWrite, let points = model.immediate else { return false }
    return points.concerns(place.node)
  }

  /// Who is being asked about a write at this moment; nil: nobody.
  public var askedHook: String? { state.withLock { $0.hooks?.who } }

  func isInUse(_ run: HookRun) -> NSOError {
    NSOError(
      .inUse,
      "\(summary) is in use: \(run.who) is asked about a \(run.before == nil ? "commit" : "write"), and what it writes belongs to that; try again when it has answered"
    )
  }

  // MARK: Writes that take time

  /// Takes the transaction for a write that is made elsewhere.
  /// - Returns: what is there, and when a hook writes the number of its run.
  func beginWriting(as writer: TransactionWriter) throws(NSOError) -> (editor: TreeEditor, run: UInt64?) {
    try state.withLock { state throws(NSOError) in
      try requireWritable(state, as: writer)
      var editor = state.editor
      if !writer.isChecked { editor.access = nil }
      if let run = state.hooks {
        state.hooks?.isWriting = true
        return (editor, run.number)
      }
      state.isBusy = true
      return (editor, nil)
    }
  }

  /// Its end.
  /// - Throws: ABORTED when the hook has been answered for, or given up, meanwhile.
  func endWriting(_ editor: TreeEditor, _ run: UInt64?) throws(NSOError) {
    guard let run else { return endLoad(editor) }
    try state.withLock { state throws(NSOError) in
      guard state.phase != .finished else { throw finished }
      guard let current = state.hooks, current.number == run, !current.isGivenUp else {
        throw NSOError(
          .aborted, "\(summary): the hook that this belongs to has answered, or was given up, before this write had ended")
      }
      state.hooks?.isWriting = false
      let (conditions, access) = (state.editor.conditions, state.editor.access)
      state.editor = editor
      state.editor.conditions = conditions
      state.editor.access = access
      noteWrite(&state)
    }
  }

  /// Its end without a write.
  func cancelWriting(_ run: UInt64?) {
    guard let run else { return end(.read) }
    state.withLock { state in
      guard state.hooks?.number == run, state.hooks?.isGivenUp == false else { return }
      state.hooks?.isWriting = false
    }
  }

  // MARK: Writes through hooks

  /// As ``writeAtLength(as:_:)``, and asks set hooks and transforms about what was written; returns when they have answered. Nothing
  /// has been written when it throws, by `body` or by them. When its task is cancelled, that is so at once.
  ///
  /// Meanwhile the data can be read, as it becomes. Who attached to the transaction writes on behalf of the hook: that is told to those
  /// who have not been asked yet, and to no others, so hooks cannot call each other without end. Everybody else who wants to
  /// write, apply or revert it, or to start a transaction in it, gets INUSE. It can be finished at any time.
  public func writeThroughHooks<R: Sendable>(
    as writer: TransactionWriter, _ body: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    let (before, run) = try beginWriting(as: writer)
    do throws(NSOError) {
      let written: (editor: TreeEditor, result: R) = try await ProviderWait.run { () throws(NSOError) in
        var editor = run == nil ? before.layered() : before
        let result = try body(&editor)
        return (editor, result)
      }
      if run == nil {
        try await askHooks(about: written.editor, over: before)
      } else {
        try endWriting(written.editor, run)
      }
      return written.result
    } catch {
      cancelWriting(run)
      throw error
    }
  }

  /// The second half of a write that took the transaction: asks about it, and ends it if they agree.
  /// - Parameters:
  ///   - editor: what was written, in layers of its own (``TreeEditor/layered()``).
  ///   - before: what was there.
  func askHooks(about editor: TreeEditor, over before: TreeEditor) async throws(NSOError) {
    guard let registry, let points = model.immediate else { return endLoad(editor) }
    let plan = try await HookRounds.plan(points, editor)
    guard !plan.isEmpty else {
      return endLoad(try await ProviderWait.retrying { () throws(NSOError) in try editor.folded(over: before) })
    }
    let number = try beginHooks(editor, before)
    let rounds = HookRounds(self, registry, points)
    let outcome: Result<TreeEditor, NSOError> = await withTaskCancellationHandler {
      () async -> Result<TreeEditor, NSOError> in
      do throws(NSOError) {
        try await rounds.run(plan)
        let written = try takeWritten(number)
        return .success(try await ProviderWait.retrying { () throws(NSOError) in try written.folded(over: before) })
      } catch {
        return .failure(error)
      }
    } onCancel: {
      giveUp(number)
    }
    try endHooks(number, outcome, before)
  }

  /// What was written is there from now on, as long as nobody refuses it.
  private func beginHooks(_ editor: TreeEditor, _ before: TreeEditor) throws(NSOError) -> UInt64 {
    try state.withLock { state throws(NSOError) in
      guard state.phase != .finished else { throw finished }
      state.next &+= 1
      let (conditions, access) = (state.editor.conditions, state.editor.access)
      state.editor = editor
      state.editor.conditions = conditions
      state.editor.access = access
      state.hooks = HookRun(number: state.next, before: before)
      noteWrite(&state)
      return state.next
    }
  }

  private func takeWritten(_ number: UInt64) throws(NSOError) -> TreeEditor {
    try state.withLock { state throws(NSOError) in
      try requireGoingOn(state)
      // A write of a hook that has not ended by now is refused then.
      state.hooks?.isWriting = true
      return state.editor
    }
  }

  private func endHooks(_ number: UInt64, _ outcome: Result<TreeEditor, NSOError>, _ before: TreeEditor) throws(NSOError) {
    try state.withLock { state throws(NSOError) in
      let isGivenUp = state.hooks?.isGivenUp ?? false
      state.hooks = nil
      guard state.phase != .finished else { throw finished }
      switch outcome {
      case .success(let editor) where !isGivenUp:
        state.editor = editor
        state.isBusy = false
      case .success:
        throw NSOError(.aborted, "\(summary): the write was given up, since its client has gone")
      case .failure(let error):
        let access = state.editor.access
        state.editor = before
        state.editor.access = access
        noteWrite(&state)
        throw error
      }
    }
  }

  /// Whoever wrote has gone.
  private func giveUp(_ number: UInt64) {
    state.withLock { state in
      guard state.phase != .finished, state.hooks?.number == number, let before = state.hooks?.before else { return }
      state.hooks?.isGivenUp = true
      let access = state.editor.access
      state.editor = before
      state.editor.access = access
      noteWrite(&state)
    }
  }

  /// - Throws: NOTRANS, ABORTED when nobody waits for the hooks any more.
  func requireGoingOn(_ state: borrowing State) throws(NSOError) {
    guard state.phase != .finished else { throw finished }
    guard state.hooks?.isGivenUp != true else {
      throw NSOError(.aborted, "\(summary): the write was given up, since its client has gone")
    }
  }

  // MARK: Commits

  /// Hooks may write from now on, although the transaction is busy with its commit.
  func beginCommitHooks() {
    state.withLock { state in
      state.next &+= 1
      state.hooks = HookRun(number: state.next)
    }
  }

  func endCommitHooks() { state.withLock { $0.hooks = nil } }
}

extension TreeEditor {
  /// The same, with further changes of configuration apart from those so far.
  func layered() -> TreeEditor {
    var editor = self
    if !configuration.isEmpty { editor.configuration = Overlay(configuration) }
    if let provider, !provider.isEmpty { editor.provider = Overlay(provider) }
    return editor
  }

  /// One layer again.
  /// - Parameter before: what ``layered()`` was made of.
  func folded(over before: TreeEditor) throws(NSOError) -> TreeEditor {
    var editor = self
    try storeErrors { () throws(StoreError) in
      if !before.configuration.isEmpty {
        var all = before.configuration
        try all.absorb(configuration)
        editor.configuration = all
      }
      if let provider, var all = before.provider, !all.isEmpty {
        try all.absorb(provider)
        editor.provider = all
      }
    }
    return editor
  }
}
