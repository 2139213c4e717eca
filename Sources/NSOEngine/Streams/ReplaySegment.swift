/// The form of one file of a replay store: a header, then records, each with its own checksum, so that what a crash cut off is
/// found and nothing else is lost with it.
enum ReplaySegment {
  static let magic: [UInt8] = Array("NSOREPL1".utf8)

  /// What is known when a file is begun.
  struct Header: Hashable {
    static let size = 36

    /// When the log began; the same in all its files.
    var created: Int64
    /// The latest event time among the records that were dropped; nil: none was.
    var aged: Int64?
    /// The latest event time in the file before.
    var previousLatest: Int64?

    var bytes: [UInt8] {
      var bytes = magic
      for number in [created, aged ?? .min, previousLatest ?? .min] { bytes.append(number) }
      bytes.append(Checksum.of(bytes))
      return bytes
    }

    init(created: Int64, aged: Int64?, previousLatest: Int64?) {
      self.created = created
      self.aged = aged
      self.previousLatest = previousLatest
    }

    /// Nil for what is no header.
    init?(_ bytes: [UInt8]) {
      guard bytes.count >= Self.size, bytes[..<8].elementsEqual(magic), Checksum.of(bytes[..<32]) == bytes.number(at: 32)
      else { return nil }
      func time(_ place: Int) -> Int64? {
        let number: Int64 = bytes.number(at: place)
        return number == .min ? nil : number
      }
      created = bytes.number(at: 8)
      aged = time(16)
      previousLatest = time(24)
    }
  }

  /// A notification in the log.
  struct Record: Hashable {
    /// Event time, microseconds since 1970-01-01 UTC.
    var time: Int64
    var payload: [UInt8]
  }

  /// Before the payload: its length, the time, the checksum of all.
  static let recordHead = 16

  static func bytes(of record: Record) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(recordHead + record.payload.count)
    bytes.append(UInt32(clamping: record.payload.count))
    bytes.append(record.time)
    bytes.append(checksum(record))
    bytes += record.payload
    return bytes
  }

  private static func checksum(_ record: Record) -> UInt32 {
    var head: [UInt8] = []
    head.append(UInt32(clamping: record.payload.count))
    head.append(record.time)
    return Checksum.of(record.payload, after: Checksum.of(head))
  }

  /// What stands at a place of `bytes`.
  enum Parsed {
    case record(Record, size: Int)
    /// The bytes end in the middle of a record of this size, if it is one.
    case incomplete(size: Int)
    case damaged
  }

  static func parse(_ bytes: [UInt8], at place: Int) -> Parsed {
    guard place <= bytes.count - recordHead else { return .incomplete(size: recordHead) }
    let length: UInt32 = bytes.number(at: place)
    let size = recordHead + Int(length)
    guard size <= bytes.count - place else { return .incomplete(size: size) }
    let record = Record(time: bytes.number(at: place + 4), payload: Array(bytes[place + recordHead..<place + size]))
    return bytes.number(at: place + 12) == checksum(record) ? .record(record, size: size) : .damaged
  }
}

/// CRC-32 (ISO 3309).
enum Checksum {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
  }

  /// - Parameter before: the checksum of bytes that stand before these.
  static func of(_ bytes: some Sequence<UInt8>, after before: UInt32 = 0) -> UInt32 {
    table.withUnsafeBufferPointer { table in
      ~bytes.reduce(~before) { $0 >> 8 ^ table[Int(($0 ^ UInt32($1)) & 0xFF)] }
    }
  }
}

extension [UInt8] {
  /// Big-endian.
  fileprivate mutating func append(_ number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }

  /// The big-endian number at a place; the caller knows that it is there.
  fileprivate func number<Number: FixedWidthInteger>(at place: Int) -> Number {
    self[place..<place + MemoryLayout<Number>.size].reduce(Number.zero) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }
}
