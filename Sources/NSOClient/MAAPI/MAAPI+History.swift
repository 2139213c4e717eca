import NIOCore
public import NSOModel
import NSOTerms
public import NSOWire

// Rollback entries (protocol part 04, section 4.5), and running as it was. The latter are operations of our daemon: others answer
// `notImplemented`. Revisions are numbers of the configuration: each commit to running makes the next one; they are the fixed numbers of
// rollback entries, too.
extension MAAPI {
  /// The commits that can be rolled back, the latest first; none unless the daemon has `rollback/enabled`.
  public func rollbacks() async throws -> [RollbackEntry] {
    guard case .rollbacks(let entries) = try await reply(to: .listRollback) else { throw ReplyMismatch() }
    return entries
  }

  /// The commits to running that the daemon keeps, the latest first.
  public func history() async throws -> [HistoryRecord] {
    guard case .history(let records) = try await reply(to: .history) else { throw ReplyMismatch() }
    return records
  }

  /// Runs `body` with a read transaction on running as it was at a revision.
  ///
  /// - Parameters:
  ///   - revision: as in ``history()``; the one before the oldest record can be read as well.
  ///   - other: ``Transaction/changes(below:flags:)`` are those from this revision to `revision`.
  /// - Throws: `noExists` when the daemon does not keep that much.
  public nonisolated(nonsending) func withConfiguration<Result>(
    at revision: Int64, comparedTo other: Int64? = nil,
    _ body: nonisolated(nonsending) (Transaction) async throws -> Result
  ) async throws -> Result {
    let request = StartHistoryTransaction(revision: revision, comparedTo: other)
    let handle = TransactionHandle(try await narrow(integer(.startHistoryTransaction(request))))
    let transaction = Transaction(handle: handle, maapi: self)
    let result: Result
    do {
      result = try await body(transaction)
    } catch {
      await connection.cleanUp("finish the transaction") { try await transaction.finish() }
      throw error
    }
    try await transaction.finish()
    return result
  }

  /// What has to be done to running as it was at one revision to make of it what it was at another.
  /// - Throws: `noExists` when the daemon does not keep that much.
  public func changes(
    from old: Int64, to new: Int64, below path: (any PathConvertible)? = nil, flags: IterationFlags = []
  ) async throws -> [DataChange] {
    try await withConfiguration(at: new, comparedTo: old) { try await $0.changes(below: path, flags: flags) }
  }
}

extension Transaction {
  /// The fixed number of the rollback entry that the commit has made; nil when it has made none. Valid until ``finish()``.
  public func rollbackID() async throws -> Int64? {
    try await unlessMissing {
      guard case .rollbackID(let number) = try await reply(to: .getRollbackID) else { throw ReplyMismatch() }
      return number
    }
  }

  /// Writes into the transaction what takes commits back: all from the latest to this one. Nothing is committed yet.
  /// - Throws: `noExists` when there is no such entry.
  public func loadRollback(_ number: RollbackNumber) async throws { try await done(.loadRollback(number)) }

  /// As ``loadRollback(_:)`` in part; an operation of our daemon.
  ///
  /// - Parameters:
  ///   - isSelective: take back this commit alone, and leave what came after it.
  ///   - path: only what is at and below it.
  /// - Returns: paths of what was left out because later commits have removed what it is in; at most some twenty, then how many more.
  @discardableResult
  public func rollBack(
    _ number: RollbackNumber, selective isSelective: Bool = false, below path: some PathConvertible = Keypath.root
  ) async throws -> [String] {
    let request = MAAPIRequest.rollBack(RollBack(number, isSelective: isSelective, below: path.wirePath))
    guard case .text(let text) = try await reply(to: request) else { throw ReplyMismatch() }
    return text.split(separator: "\n").map(String.init)
  }

  /// What would undo the changes of the transaction, as an XML document to be merged.
  public func undoDocument(below path: some PathConvertible = Keypath.root) async throws -> String {
    let id: Int32 = try await maapi.narrow(integer(.rollConfig(path.wirePath)))
    var document = try await maapi.client.withStream(id: id) { exchange in
      var whole = ByteBuffer()
      for try await var chunk in IncomingBytes(exchange: exchange) { whole.writeBuffer(&chunk) }
      return whole
    }
    try await maapi.done(.rollConfigResult(stream: id))
    return document.readString(length: document.readableBytes) ?? ""
  }

  // MARK: Commit parameters (protocol part 04, section 4.8)

  /// As ``apply(keepOpen:flags:)`` with commit parameters: tagged values after the input of the product's prepare-transaction.
  /// - Returns: the result of a dry run; else nothing.
  public func apply(parameters: [TaggedValue], keepOpen: Bool = false) async throws -> [TaggedValue] {
    try await tagged(.applyTransactionWithParameters(keepOpen: keepOpen, parameters))
  }

  /// The parameters of the commit under way.
  public func commitParameters() async throws -> [TaggedValue] { try await tagged(.getTransactionParameters) }

  /// How a dry run shows the changes.
  public enum DryRunFormat: String, Sendable {
    /// The tree around the changes, with `+` and `-`.
    case cli
    /// A document to be merged.
    case xml
  }

  /// Validates the transaction and shows what its commit would change, without committing.
  /// - Parameter isReversed: show what would take the changes back.
  /// - Throws: validation errors. The transaction can only be finished afterwards by the rules of the protocol; our daemon keeps it open.
  public func dryRun(_ format: DryRunFormat = .cli, reversed isReversed: Bool = false) async throws -> String {
    var parameters: [TaggedValue] = [
      TaggedValue("dry-run", .start), TaggedValue("outformat", .enumeration(format == .xml ? 0 : 1)),
    ]
    if isReversed { parameters.append(TaggedValue("reverse", .leaf)) }
    parameters.append(TaggedValue("dry-run", .stop))
    let result = try await apply(parameters: parameters, keepOpen: true)
    for item in result {
      if case .value(.string(let text)) = item.content { return text }
    }
    throw ReplyMismatch()
  }
}
