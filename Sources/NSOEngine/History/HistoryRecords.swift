import ExternalTerm
import NSOStore

/// Where history lies in the database. Space `history`: under `01` and the revision (8 bytes, big-endian) what is known of the commit,
/// under `02`, revision and a number (4 bytes) the pieces of what takes it back, under `03` and the revision the names of the data
/// providers that changed what they store with it, one a line. Space `meta`: the revision of running, and what data means with the
/// modules that commits were made with (`DataMeaning.table`, by the fingerprint).
enum HistoryRecords {
  private static let revisionKey: [UInt8] = Array("running-revision".utf8)

  private static let meaningKey: [UInt8] = Array("data-meaning:".utf8)

  private static func entryKey(_ revision: UInt64) -> [UInt8] { [1] + big(revision) }
  private static func piecesKey(_ revision: UInt64) -> [UInt8] { [2] + big(revision) }

  private static func providersKey(_ revision: UInt64) -> [UInt8] { [3] + big(revision) }

  private static func big(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

  private static func number(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

  static var damaged: StoreError {
    StoreError(.corrupt, "the history of commits is damaged; restore the database from a backup")
  }

  // MARK: Reading

  /// How many commits to running there have been.
  static func revision(_ snapshot: Snapshot) throws(StoreError) -> UInt64 {
    guard let bytes = try snapshot.get(.meta, revisionKey) else { return 0 }
    guard bytes.count == 8 else { throw damaged }
    return number(bytes)
  }

  /// The oldest commit that is kept; nil when none is.
  static func oldest(_ snapshot: Snapshot) throws(StoreError) -> UInt64? {
    var oldest: UInt64?
    try snapshot.scan(.history, .prefix([1])) { key, _ in
      oldest = number(key.dropFirst())
      return false
    }
    return oldest
  }

  static func entry(_ revision: UInt64, _ snapshot: Snapshot) throws(StoreError) -> HistoryEntry? {
    guard let bytes = try snapshot.get(.history, entryKey(revision)) else { return nil }
    return try decode(bytes)
  }

  /// The entries from `oldest` on, the latest first.
  static func entries(from oldest: UInt64, _ snapshot: Snapshot) throws(StoreError) -> [HistoryEntry] {
    var entries: [HistoryEntry] = []
    var failure: StoreError?
    try snapshot.scan(.history, KeyRange(lower: entryKey(oldest), upper: [2])) { _, value in
      do throws(StoreError) {
        entries.append(try decode(Array(value)))
        return true
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    return entries.reversed()
  }

  private static func decode(_ bytes: [UInt8]) throws(StoreError) -> HistoryEntry {
    let result: Result<HistoryEntry, TermError> = bytes.withUnsafeBytes { bytes in
      do throws(TermError) { return .success(try HistoryEntry(bytes)) } catch { return .failure(error) }
    }
    guard case .success(let entry) = result else { throw damaged }
    return entry
  }

  /// The data providers that had a part in a commit.
  static func providers(of revision: UInt64, _ snapshot: Snapshot) throws(StoreError) -> [String] {
    guard let bytes = try snapshot.get(.history, providersKey(revision)) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// Calls `body` with each piece of what takes a commit back.
  static func takeBack(
    _ revision: UInt64, _ snapshot: Snapshot, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    guard let entry = try entry(revision, snapshot) else { throw damaged }
    var found = 0
    var failure: StoreError?
    try snapshot.scan(.history, .prefix(piecesKey(revision))) { _, piece in
      found += 1
      do throws(StoreError) {
        try body(piece)
        return true
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    guard found == entry.pieces else { throw damaged }
  }

  /// What data meant with the modules of a commit; nil: nobody knows.
  static func meaning(_ fingerprint: UInt64, _ snapshot: Snapshot) throws(StoreError) -> [UInt8]? {
    try snapshot.get(.meta, meaningKey + big(fingerprint))
  }

  /// The fingerprints of all that are kept.
  static func meanings(_ snapshot: Snapshot) throws(StoreError) -> Set<UInt64> {
    var found: Set<UInt64> = []
    try snapshot.scan(.meta, .prefix(meaningKey)) { key, _ in
      found.insert(number(key.dropFirst(meaningKey.count)))
      return true
    }
    return found
  }

  // MARK: Writing

  static func add(_ meaning: DataMeaning, _ batch: inout WriteBatch) {
    batch.put(.meta, meaningKey + big(meaning.fingerprint), meaning.table)
  }

  static func remove(meaning fingerprint: UInt64, _ batch: inout WriteBatch) {
    batch.delete(.meta, meaningKey + big(fingerprint))
  }

  static func setRevision(_ revision: UInt64, _ batch: inout WriteBatch) {
    batch.put(.meta, revisionKey, big(revision))
  }

  static func add(_ entry: HistoryEntry, _ record: ChangeRecord, _ batch: inout WriteBatch) {
    batch.put(.history, entryKey(entry.revision), entry.bytes)
    for (index, piece) in record.pieces.enumerated() {
      let number = withUnsafeBytes(of: UInt32(truncatingIfNeeded: index).bigEndian) { Array($0) }
      batch.put(.history, piecesKey(entry.revision) + number, piece)
    }
  }

  static func add(providers: [String], of revision: UInt64, _ batch: inout WriteBatch) {
    guard !providers.isEmpty else { return }
    batch.put(.history, providersKey(revision), Array(providers.joined(separator: "\n").utf8))
  }

  /// Removes all that is older than `oldest`.
  static func remove(before oldest: UInt64, _ batch: inout WriteBatch) {
    batch.delete(.history, KeyRange(lower: [1], upper: entryKey(oldest)))
    batch.delete(.history, KeyRange(lower: [2], upper: piecesKey(oldest)))
    batch.delete(.history, KeyRange(lower: [3], upper: providersKey(oldest)))
  }
}
