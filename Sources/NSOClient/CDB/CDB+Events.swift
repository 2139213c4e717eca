import ExternalTerm
import NSOModel
public import NSOWire

/// Events for subscribers that a client asks for (protocol part 03, sections 7.9 to 7.11). Each returns when the last subscriber is done;
/// do not ask from inside an event.
extension CDB {
  /// Tells configuration subscribers of everything as if it had just been made.
  /// - Parameter points: numbers of points; none: all.
  /// - Throws: `protocolUsage` for an unknown point, what a two-phase subscriber refuses with.
  public func triggerSubscriptions(_ points: [Int32] = []) async throws { try await done(.triggerSubscriptions(points)) }

  /// Tells operational subscribers of all operational data as if it had just been written.
  /// - Parameter waits: for the subscription lock, instead of failing with `locked`.
  public func triggerOperationalSubscriptions(_ points: [Int32] = [], waits: Bool = false) async throws {
    try await done(.triggerOperationalSubscriptions(points, wait: waits))
  }

  /// Tells subscribers again of the transactions that came after `id`.
  /// - Throws: `noExists` when the daemon has not kept them.
  public func replaySubscriptions(after id: TransactionID, _ points: [Int32] = []) async throws {
    try await done(.replaySubscriptions(id.term, points))
  }

  /// The transactions that can be told again, the latest first.
  public func replayableTransactions() async throws -> [TransactionID] {
    guard case .term(let list) = try await reply(to: .getReplayTransactionIDs) else { throw ReplyMismatch() }
    return try list.withReader { (reader) throws(TermError) in
      try reader.readList { (reader) throws(TermError) in
        TransactionID(try EncodedTerm(from: &reader, in: list.bytes))
      }
    }
  }

  /// Orders the compaction of all database files, or of one: 1 configuration, 2 operational, 3 snapshot.
  public func compact(file: Int64? = nil) async throws {
    try await done(file.map { .initiateFileCompaction(file: $0) } ?? .initiateCompaction)
  }

  /// Sizes of a database file.
  /// - Throws: `unavailable` for a file that this daemon does not have.
  public func compactionInfo(file: Int64) async throws -> CompactionInfo {
    guard case .compaction(let info) = try await reply(to: .getCompactionInfo(file: file)) else { throw ReplyMismatch() }
    return info
  }
}
