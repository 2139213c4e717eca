import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Rollback entries, and running as it was (protocol part 04, sections 4.5 and 6; the operations from 920 on are ours).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func history(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    let engine = engine
    switch call.request {
    case .getRollbackID:
      let transaction = try use(call).transaction
      guard engine.history.limits.rollbackEntries > 0 else {
        throw NSOError(.noExists, "rollback entries are not enabled: set rollback/enabled to true in ncs.conf")
      }
      guard let revision = transaction.committedRevision else {
        throw NSOError(.noExists, "transaction \(transaction.handle) has made no rollback entry: it has not changed running")
      }
      out.writeReply(.rollbackID(Int64(clamping: revision)), to: op)
      return .done
    case .listRollback:
      _ = try requireSession()
      return replyElsewhere(op) { () throws(NSOError) in
        let entries = try engine.history.rollbackEntries()
        return .rollbacks(
          entries.enumerated().map { number, entry in
            RollbackEntry(
              number: Int64(number), creator: entry.user, date: utcText(entry.time), via: entry.context,
              fixedNumber: Int64(clamping: entry.revision), label: entry.label, comment: entry.comment)
          })
      }
    case .loadRollback(let number):
      let work = try rollBack(call, number, false, nil)
      return connection.elsewhere(op, services) { (_) throws(NSOError) in _ = try work() }
    case .rollBack(let request):
      let work = try rollBack(call, request.number, request.isSelective, request.path)
      return replyElsewhere(op) { () throws(NSOError) in .text(try work().text) }
    case .rollConfig(let path): return try rollConfiguration(call, path, op, &out)
    case .rollConfigResult(let id): return try streamResult(id, op)
    case .history:
      _ = try requireSession()
      return replyElsewhere(op) { () throws(NSOError) in .history(try engine.history.entries().map(Self.record)) }
    case .startHistoryTransaction(let request):
      let session = try requireSession()
      let revision = try Self.revision(request.revision)
      let other = try request.comparedTo.map { (number) throws(NSOError) in try Self.revision(number) }
      let later = connection.later(gone: { (transaction: Transaction) in engine.finish(transaction) }) { result, out in
        out.writeAnswer(to: op) { (out) throws(NSOError) in
          let transaction = try result.get()
          self.uses[transaction.handle] = TransactionUse(transaction, isOwn: true, flags: [])
          out.writeAnswer(transaction.handle)
        }
        return .done
      }
      services.offload(to: later) { () throws(NSOError) in
        try engine.startTransaction(session, at: revision, comparedTo: other)
      }
      return .later
    default: return nil
    }
  }

  private func rollBack(
    _ call: MAAPICall, _ number: RollbackNumber, _ isSelective: Bool, _ path: WireKeypath?
  ) throws(NSOError) -> @Sendable () throws(NSOError) -> RollbackOmissions {
    let use = try use(call)
    let place = try path.map { (path) throws(NSOError) in try use.locate(path, call.isRelative) } ?? .root
    let (transaction, writer) = (use.transaction, use.writer)
    let engine = engine
    let entry: RollbackEntryNumber =
      switch number {
      case .relative(let number): .relative(number)
      case .fixed(let number): .fixed(number)
      }
    return { () throws(NSOError) in
      try engine.rollBack(entry, in: transaction, selective: isSelective, below: place, as: writer)
    }
  }

  /// What would undo the transaction, as a document on a stream.
  private func rollConfiguration(
    _ call: MAAPICall, _ path: WireKeypath, _ op: UInt32, _ out: inout ByteBuffer
  ) throws(NSOError) -> FrameOutcome {
    let use = try use(call)
    let place = try use.locate(path, call.isRelative)
    let job = SaveJob(try use.view()) { (view) throws(NSOError) in
      try view.changeDocument(below: place, isReversed: true)
    }
    offer(.save(job), op, &out)
    return .done
  }

  private static func revision(_ number: Int64) throws(NSOError) -> UInt64 {
    guard let revision = UInt64(exactly: number) else {
      throw NSOError(.noExists, "revision \(number) of running does not exist: they are counted from 0, the empty one, on")
    }
    return revision
  }

  private static func record(_ entry: HistoryEntry) -> HistoryRecord {
    HistoryRecord(
      revision: Int64(clamping: entry.revision),
      id: .init(seconds: entry.id.seconds, microseconds: entry.id.microseconds, sequence: entry.id.sequence), time: entry.time,
      user: entry.user, session: entry.session, via: entry.context, client: entry.client, label: entry.label,
      comment: entry.comment, size: Int64(entry.size))
  }

  /// Answers with a reply that is made on a thread of its own.
  private func replyElsewhere(_ op: UInt32, _ make: @escaping @Sendable () throws(NSOError) -> Reply) -> FrameOutcome {
    let later = connection.later { (result: Result<Reply, NSOError>, out) in
      switch result {
      case .success(let reply): out.writeReply(reply, to: op)
      case .failure(let error): out.writeFailure(op: op, error)
      }
      return .done
    }
    services.offload(to: later, make)
    return .later
  }
}
