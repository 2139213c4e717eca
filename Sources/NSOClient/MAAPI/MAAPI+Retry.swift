public import NSOModel
public import NSOWire

extension MAAPI {
  /// Runs `body` with a read-write transaction that is committed when it returns, as ``withTransaction(_:_:flags:_:)``; when the commit
  /// conflicts with that of another transaction (`transactionConflict`) everything is done again with a new transaction, which sees the
  /// other's changes.
  ///
  /// `body` may therefore run several times: what it does besides reading and writing the transaction must bear that.
  /// - Parameter attempts: how often to try in all.
  /// - Throws: the last conflict after so many attempts; anything else that `body` or the daemon throws, at once.
  public nonisolated(nonsending) func withRetry<Result>(
    _ database: DatabaseName = .running, attempts: Int = 20, flags: TransactionFlags = [],
    _ body: nonisolated(nonsending) (Transaction) async throws -> Result
  ) async throws -> Result {
    var attempt = 1
    while true {
      do {
        return try await withTransaction(database, .readWrite, flags: flags, body)
      } catch let error as NSOError where error.code == .transactionConflict && attempt < attempts {
        // Others that lost to the same commit try again too: not all at the same moment.
        let longest = min(1 << attempt, 256)
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...longest)))
        attempt += 1
      }
    }
  }
}
