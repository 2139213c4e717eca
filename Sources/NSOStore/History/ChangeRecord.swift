/// Changes of records as bytes, to be kept and carried out later: what a commit did, or what takes it back. In pieces of
/// bounded size, so that a large one needs no large record; a single value may make its piece longer.
///
/// The form, kept on disk: one operation after the other, `kind` (1 byte), key, and for `put` and `deleteRange` a second part.
/// A key is how many bytes it shares with the key before in the piece, how many follow, and those; a second part its length and its
/// bytes. Numbers have seven bits per byte, the lowest first.
public struct ChangeRecord: Hashable, Sendable {
  enum Kind: UInt8 {
    case delete = 0
    case put = 1
    /// The second part is the upper bound.
    case deleteRange = 2
    /// Without upper bound.
    case deleteFrom = 3
  }

  static let pieceSize = 64 << 10

  public private(set) var pieces: [[UInt8]] = []
  /// How many operations there are.
  public private(set) var count = 0
  private var lastKey: [UInt8] = []

  public init() {}

  public var isEmpty: Bool { count == 0 }
  /// Bytes in all.
  public var size: Int { pieces.reduce(0) { $0 + $1.count } }

  mutating func add(_ kind: Kind, _ key: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer? = nil) {
    if pieces.last.map({ $0.count >= Self.pieceSize }) ?? true {
      pieces.append([])
      lastKey.removeAll(keepingCapacity: true)
    }
    let last = pieces.count - 1
    var shared = 0
    while shared < key.count, shared < lastKey.count, key[shared] == lastKey[shared] { shared += 1 }
    pieces[last].append(kind.rawValue)
    Self.append(shared, to: &pieces[last])
    Self.append(key.count - shared, to: &pieces[last])
    pieces[last].append(contentsOf: key[shared...])
    if let second {
      Self.append(second.count, to: &pieces[last])
      pieces[last].append(contentsOf: second)
    }
    lastKey.removeSubrange(shared...)
    lastKey.append(contentsOf: key[shared...])
    count += 1
  }

  mutating func add(_ range: KeyRange) {
    range.lower.withUnsafeBytes { lower in
      guard let upper = range.upper else { return add(.deleteFrom, lower) }
      upper.withUnsafeBytes { add(.deleteRange, lower, $0) }
    }
  }

  private static func append(_ number: Int, to bytes: inout [UInt8]) {
    var rest = UInt(bitPattern: number)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}

/// Reads one piece of a `ChangeRecord`.
struct ChangeRecordReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  private(set) var key: [UInt8] = []
  private(set) var second = UnsafeRawBufferPointer(start: nil, count: 0)

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next operation; nil at the end.
  mutating func next() throws(StoreError) -> ChangeRecord.Kind? {
    guard offset < bytes.count else { return nil }
    guard let kind = ChangeRecord.Kind(rawValue: bytes[offset]) else { throw damaged }
    offset += 1
    let shared = try number()
    let rest = try part()
    guard shared <= key.count else { throw damaged }
    key.removeSubrange(shared...)
    key.append(contentsOf: rest)
    second = kind == .put || kind == .deleteRange ? try part() : UnsafeRawBufferPointer(start: nil, count: 0)
    return kind
  }

  private var damaged: StoreError {
    StoreError(.corrupt, "a record of past changes is damaged; restore the database from a backup")
  }

  private mutating func part() throws(StoreError) -> UnsafeRawBufferPointer {
    let count = try number()
    guard count <= bytes.count - offset else { throw damaged }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
  }

  private mutating func number() throws(StoreError) -> Int {
    var number: UInt = 0
    var shift: UInt = 0
    while offset < bytes.count, shift < 56 {
      let byte = bytes[offset]
      offset += 1
      number |= UInt(byte & 0x7F) << shift
      if byte < 0x80 { return Int(bitPattern: number) }
      shift += 7
    }
    throw damaged
  }
}
