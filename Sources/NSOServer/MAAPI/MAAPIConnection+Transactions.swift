import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Transactions from start to finish (protocol part 04, sections 4.2, 4.4 and 4.5).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func control(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .startTransaction(let request):
      let session = try session(request.session)
      let transaction = try engine.startTransaction(session, on: request.database, request.mode)
      transaction.skipsSubscribers = request.flags.contains(.skipSubscribers)
      return try begin(TransactionUse(transaction, isOwn: true, flags: request.flags), op, &out)
    case .startNestedTransaction(let request):
      let backend = try use(request.backend).transaction
      let session = try session(request.session)
      let flags = request.flags ?? []
      let transaction = try engine.startTransaction(
        session, over: backend, request.mode, runsSetHooks: flags.contains(.runSetHooks))
      return try begin(TransactionUse(transaction, isOwn: true, flags: flags), op, &out)
    case .attach(let request):
      try attach(call, request)
      out.writeDone(op)
    case .detach:
      let use = try use(call)
      guard !use.isOwn else {
        throw NSOError(
          .noTransaction, "transaction \(use.transaction.handle) was started here, not attached: finish it instead")
      }
      uses[use.transaction.handle] = nil
      queries.removeAll(of: use.transaction.handle)
      out.writeDone(op)
    case .stopTransaction:
      let transaction = try own(call, "finish").transaction
      uses[transaction.handle] = nil
      queries.removeAll(of: transaction.handle)
      engine.finish(transaction)
      out.writeDone(op)
    case .applyTransaction(let keepOpen, let flags):
      let transaction = try own(call, "apply").transaction
      try CommitParameters.requireSupport(of: flags)
      let engine = engine
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.apply(transaction, keepOpen: keepOpen)
      }
    case .validateTransaction(let unlock, let force):
      let transaction = try own(call, "validate").transaction
      let engine = engine
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.validate(transaction, unlock: unlock, force: force)
      }
    case .prepareTransaction(let flags):
      let transaction = try own(call, "prepare").transaction
      try CommitParameters.requireSupport(of: flags)
      let engine = engine
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.prepare(transaction) }
    case .commitTransaction:
      let transaction = try own(call, "commit").transaction
      let engine = engine
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.commit(transaction) }
    case .abortTransaction:
      let transaction = try own(call, "abort").transaction
      let engine = engine
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.abort(transaction) }
    case .revert:
      try use(call).transaction.revert()
      out.writeDone(op)
    case .setFlags(let flags):
      let use = try use(call)
      let fixed = TransactionFlags.fixedAtStart
      use.flags = use.flags.intersection(fixed).union(flags.subtracting(fixed))
      out.writeDone(op)
    case .setLabel(let label):
      try use(call).transaction.label = label
      out.writeDone(op)
    case .setComment(let comment):
      try use(call).transaction.comment = comment
      out.writeDone(op)
    default:
      if let outcome = try datastores(call, op, &out) { return outcome }
      if let outcome = try history(call, op, &out) { return outcome }
      return try parameters(call, op, &out)
    }
    return .done
  }

  /// Answers with the handle of a new transaction, once the flags that are fixed at its start have been looked at.
  private func begin(_ use: TransactionUse, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome {
    let transaction = use.transaction
    if use.flags.contains(.delayedWhen), transaction.mode == .readWrite { _ = try transaction.setDelayedWhen(true) }
    guard use.flags.contains(.hideInactive), transaction.mode == .read else {
      add(use, op, &out)
      return .done
    }
    uses[transaction.handle] = use
    let later = connection.later { (result: Result<Void, NSOError>, out) in
      switch result {
      case .success: self.add(use, op, &out)
      case .failure(let error):
        self.uses[transaction.handle] = nil
        self.engine.finish(transaction)
        out.writeFailure(op: op, error)
      }
      return .done
    }
    services.offload(to: later) { () throws(NSOError) in try transaction.hideInactive() }
    return .later
  }

  private func add(_ use: TransactionUse, _ op: UInt32, _ out: inout ByteBuffer) {
    uses[use.transaction.handle] = use
    out.writeReply(.integer(Int64(use.transaction.handle)), to: op)
  }

  /// The session that a request names; 0 is the one of the connection.
  private func session(_ id: UserSessionID) throws(NSOError) -> UserSession {
    guard id != 0 else { return try requireSession() }
    let session = try engine.sessions.session(id)
    try requireRights(over: session, "work in user session \(id)")
    if binding?.isOwn != true { try borrow(session) }
    return session
  }

  private func attach(_ call: MAAPICall, _ request: Attach) throws(NSOError) {
    guard let handle = call.handle else { throw NSOError(.noTransaction, "ATTACH needs the handle of a transaction") }
    if handle == .initTransaction, engine.upgrade == nil {
      throw NSOError(.noTransaction, "no init or upgrade transaction is open")
    }
    let transaction = try engine.transaction(handle.rawValue)
    try requireRights(over: transaction.session, "attach to transaction \(handle)")
    guard uses[handle.rawValue] == nil else { return }
    let session = request.session > 0 ? try engine.sessions.session(request.session) : transaction.session
    try requireRights(over: session, "work in user session \(session.id)")
    if binding?.isOwn != true { try borrow(session) }
    var isUnchecked = true
    if case .user = connection.decision { isUnchecked = false }
    let use = TransactionUse(transaction, isOwn: false, flags: [], isUnchecked: isUnchecked)
    try use.position.setNamespace(request.namespace, use.model)
    uses[handle.rawValue] = use
  }

  /// A transaction that was started here: whoever attached to one must not end it.
  func own(_ call: MAAPICall, _ what: String) throws(NSOError) -> TransactionUse {
    let use = try use(call)
    guard use.isOwn else {
      throw NSOError(
        .protocolUsage,
        "transaction \(use.transaction.handle) is attached here: only the connection that started it may \(what) it; detach instead"
      )
    }
    return use
  }
}
