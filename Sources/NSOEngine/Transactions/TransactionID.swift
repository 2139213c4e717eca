import NSOStore

/// The id of a committed transaction: strictly growing, kept across restarts (protocol part 03, section 6.5).
public struct TransactionID: Hashable, Sendable, Comparable {
  public var seconds: UInt32
  public var microseconds: UInt32
  /// Tells commits of the same microsecond, or after a clock that went back, apart.
  public var sequence: UInt32

  public init(seconds: UInt32, microseconds: UInt32, sequence: UInt32) {
    self.seconds = seconds
    self.microseconds = microseconds
    self.sequence = sequence
  }

  /// `seconds-microseconds-sequence`, as `ncs_cmd -c get_txid` prints it.
  public var text: String { "\(seconds)-\(microseconds)-\(sequence)" }

  static var zero: TransactionID { TransactionID(seconds: 0, microseconds: 0, sequence: 0) }

  public static func < (a: TransactionID, b: TransactionID) -> Bool {
    (a.seconds, a.microseconds, a.sequence) < (b.seconds, b.microseconds, b.sequence)
  }

  func next(at time: (seconds: Int64, microseconds: Int64)) -> TransactionID {
    let candidate = TransactionID(
      seconds: UInt32(clamping: time.seconds), microseconds: UInt32(clamping: time.microseconds), sequence: 0)
    if candidate > self { return candidate }
    var next = self
    let (sequence, carried) = sequence.addingReportingOverflow(1)
    next.sequence = sequence
    if carried { next.microseconds &+= 1 }
    return next
  }

  // MARK: In the database

  private static let key: [UInt8] = Array("txid".utf8)

  static func read(_ store: Store) throws(StoreError) -> TransactionID {
    guard let bytes = try store.snapshot().get(.meta, key), bytes.count == 12 else { return .zero }
    func number(_ offset: Int) -> UInt32 { bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) } }
    return TransactionID(seconds: number(0), microseconds: number(4), sequence: number(8))
  }

  func write(to batch: inout WriteBatch) {
    var bytes: [UInt8] = []
    for number in [seconds, microseconds, sequence] {
      withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
    batch.put(.meta, Self.key, bytes)
  }
}
