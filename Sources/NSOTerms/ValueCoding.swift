public import ExternalTerm
public import NIOCore
public import NSOModel

/// Data values as terms (protocol part 02, section 2). The same form in both directions, and the form in which the store
/// keeps them.
public enum ValueCoding {
  public static func read(_ reader: inout TermReader) throws(TermError) -> Value { try read(&reader, depth: 1) }

  /// The value of a whole term without version byte, as the store keeps it.
  public static func value(from bytes: [UInt8]) throws(TermError) -> Value {
    try bytes.withTermReader { (reader) throws(TermError) -> Value in
      let value = try read(&reader)
      try reader.expectEnd()
      return value
    }
  }

  /// The term of a value without version byte, as the store keeps it.
  public static func bytes(of value: Value) -> [UInt8] {
    var buffer = ByteBuffer()
    write(value, into: &buffer)
    return Array(buffer.readableBytesView)
  }

  // MARK: Several values

  /// A value array (protocol part 02, section 7.1), or a leaf-list.
  public static func readArray(_ reader: inout TermReader) throws(TermError) -> [Value] {
    try reader.readList { (reader) throws(TermError) in try read(&reader) }
  }

  public static func writeArray(_ values: [Value], into buffer: inout ByteBuffer) {
    let small = values.compactMap { value -> UInt8? in
      if case .int32(let number) = value { UInt8(exactly: number) } else { nil }
    }
    if !values.isEmpty, small.count == values.count {
      buffer.writeTermIntegers(small)
    } else {
      buffer.writeTermList(values) { write($1, into: &$0) }
    }
  }

  /// A key tuple (protocol part 02, section 5.3).
  public static func readKeys(_ reader: inout TermReader) throws(TermError) -> [Value] { try readKeys(&reader, depth: 1) }

  public static func writeKeys(_ keys: [Value], into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: keys.count)
    for key in keys { write(key, into: &buffer) }
  }
}

// MARK: - Reading

extension ValueCoding {
  static func readKeys(_ reader: inout TermReader, depth: Int) throws(TermError) -> [Value] {
    let count = try reader.readTupleHeader()
    var keys: [Value] = []
    keys.reserveCapacity(min(count, 16))
    for _ in 0..<count { keys.append(try read(&reader, depth: depth + 1)) }
    return keys
  }

  static func read(_ reader: inout TermReader, depth: Int) throws(TermError) -> Value {
    guard depth <= TermReader.maximumDepth else { throw reader.error(.tooDeep) }
    switch try reader.peekKind() {
    case .integer: return .int32(try reader.readInteger())
    case .float: return .double(try reader.readFloat())
    case .binary: return .string(try readString(&reader))
    case .atom: return try readAtom(&reader)
    case .tuple: return try readTuple(&reader, depth: depth)
    case .list: return try readList(&reader, depth: depth)
    case .bitString, .map: throw reader.error(.expected("a value"))
    }
  }

  private static func readString(_ reader: inout TermReader) throws(TermError) -> String {
    let start = reader.offset
    guard let text = String(validating: try reader.readBinaryBytes(), as: UTF8.self) else {
      throw TermError(.encoding, at: start)
    }
    return text
  }

  private static func readAtom(_ reader: inout TermReader) throws(TermError) -> Value {
    let start = reader.offset
    let atom = try reader.readAtomBytes()
    if atom.equals("true") { return .bool(true) }
    if atom.equals("false") { return .bool(false) }
    if atom.equals("not_found") { return .notFound }
    if atom.equals("default") { return .defaultInEffect }
    guard let name = atom.string else { throw TermError(.encoding, at: start) }
    return .tag(Tag(name))
  }

  /// A leaf-list, or a qualified tag, which is a list with an atom as its tail.
  private static func readList(_ reader: inout TermReader, depth: Int) throws(TermError) -> Value {
    let before = reader
    let header = try reader.readListHeader()
    if header.count == 1, try reader.peekKind() == .atom {
      var ahead = reader
      _ = try ahead.readAtomBytes()
      if try ahead.peekKind() == .atom {
        reader = before
        return .tag(try TagCoding.read(&reader))
      }
    }
    var values: [Value] = []
    values.reserveCapacity(min(header.count, 1024))
    for _ in 0..<header.count { values.append(try read(&reader, depth: depth + 1)) }
    try reader.readListEnd(header)
    return .list(values)
  }

  private static func readTuple(_ reader: inout TermReader, depth: Int) throws(TermError) -> Value {
    let start = reader.offset
    switch try reader.readTupleHeader() {
    case 2:
      if try reader.peekKind() == .binary {
        // The reference client's constants also know a QName without its number.
        let prefix = try readString(&reader)
        return .qname(prefix: prefix, name: try readString(&reader))
      }
      return try readNumbered(try reader.readInteger(as: Int.self), &reader, start: start, depth: depth)
    case 4: return .ipv4(try readIPv4Groups(&reader))
    case 8: return .ipv6(try readIPv6Groups(&reader))
    default: throw TermError(.expected("a value"), at: start)
    }
  }

  private static func readNumbered(
    _ number: Int, _ reader: inout TermReader, start: Int, depth: Int
  ) throws(TermError) -> Value {
    switch number {
    case 2: return .tag(try TagCoding.read(&reader))
    case 6: return .int8(try reader.readInteger())
    case 7: return .int16(try reader.readInteger())
    case 9: return .int64(try reader.readInteger())
    case 10: return .uint8(try reader.readInteger())
    case 11: return .uint16(try reader.readInteger())
    case 12: return .uint32(try reader.readInteger())
    case 13: return .uint64(try reader.readInteger())
    case 18:
      try reader.readTupleHeader(arity: 2)
      let prefix = try readString(&reader)
      return .qname(prefix: prefix, name: try readString(&reader))
    case 19, 20, 23, 27: return try readTime(number, &reader)
    case 28: return .enumeration(try reader.readInteger())
    case 29: return .bits32(try reader.readInteger())
    case 30: return .bits64(try reader.readInteger())
    case 34: return .instanceIdentifier(try KeypathCoding.read(&reader, order: .leafFirst, depth: depth))
    case 38: return .oid(try readObjectIdentifier(&reader))
    case 39: return .binary(try reader.readBinary())
    case 40: return try readPrefix(&reader, maximum: 32) { .ipv4Prefix($0, $1) }
    case 48: return try readPrefix(&reader, maximum: 32) { .ipv4AndPrefixLength($0, $1) }
    case 41: return try readPrefix6(&reader) { .ipv6Prefix($0, $1) }
    case 49: return try readPrefix6(&reader) { .ipv6AndPrefixLength($0, $1) }
    case 43:
      try reader.readTupleHeader(arity: 2)
      let scaled: Int64 = try reader.readInteger()
      let place = reader.offset
      let digits: UInt8 = try reader.readInteger()
      guard digits <= 18 else { throw TermError(.range("0...18"), at: place) }
      return .decimal64(Decimal64(scaled: scaled, digits: digits))
    case 44:
      try reader.readTupleHeader(arity: 2)
      let namespace: UInt32 = try reader.readInteger()
      return .identityref(IdentityHash(namespace: namespace, name: try reader.readInteger()))
    case 46:
      let place = reader.offset
      let bytes = try reader.readBinaryBytes()
      guard bytes.count == 4 else { throw TermError(.expected("4 bytes"), at: place) }
      return .dottedQuad(IPv4Address(bits: bytes.reduce(0) { $0 << 8 | UInt32($1) }))
    case 47: return .hexString(try reader.readBinary())
    case 50: return .bitsBig(try reader.readBinary())
    case 53:
      _ = try reader.readInteger(as: Int.self)
      return .empty
    default: throw TermError(.expected("a value; \(number) is no type number"), at: start)
    }
  }

  private static func readIPv4Groups(_ reader: inout TermReader) throws(TermError) -> IPv4Address {
    var bits: UInt32 = 0
    for _ in 0..<4 { bits = bits << 8 | UInt32(try reader.readInteger(as: UInt8.self)) }
    return IPv4Address(bits: bits)
  }

  private static func readIPv6Groups(_ reader: inout TermReader) throws(TermError) -> IPv6Address {
    var halves: (high: UInt64, low: UInt64) = (0, 0)
    for _ in 0..<4 { halves.high = halves.high << 16 | UInt64(try reader.readInteger(as: UInt16.self)) }
    for _ in 0..<4 { halves.low = halves.low << 16 | UInt64(try reader.readInteger(as: UInt16.self)) }
    return IPv6Address(high: halves.high, low: halves.low)
  }

  private static func readPrefix(
    _ reader: inout TermReader, maximum: UInt8, _ make: (IPv4Address, UInt8) -> Value
  ) throws(TermError) -> Value {
    try reader.readTupleHeader(arity: 2)
    try reader.readTupleHeader(arity: 4)
    let address = try readIPv4Groups(&reader)
    return make(address, try readPrefixLength(&reader, maximum: maximum))
  }

  private static func readPrefix6(
    _ reader: inout TermReader, _ make: (IPv6Address, UInt8) -> Value
  ) throws(TermError) -> Value {
    try reader.readTupleHeader(arity: 2)
    try reader.readTupleHeader(arity: 8)
    let address = try readIPv6Groups(&reader)
    return make(address, try readPrefixLength(&reader, maximum: 128))
  }

  private static func readPrefixLength(_ reader: inout TermReader, maximum: UInt8) throws(TermError) -> UInt8 {
    let place = reader.offset
    let length: UInt8 = try reader.readInteger()
    guard length <= maximum else { throw TermError(.range("0...\(maximum)"), at: place) }
    return length
  }

  private static func readObjectIdentifier(_ reader: inout TermReader) throws(TermError) -> [UInt32] {
    let place = reader.offset
    let bytes = try reader.readBinaryBytes()
    guard bytes.count % 4 == 0, bytes.count <= 512 else {
      throw TermError(.expected("at most 128 sub-identifiers of 4 bytes"), at: place)
    }
    return stride(from: 0, to: bytes.count, by: 4).map { index in
      bytes[index..<index + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
  }

  // MARK: Dates and times

  private static func readTime(_ number: Int, _ reader: inout TermReader) throws(TermError) -> Value {
    switch number {
    case 19:
      try reader.readTupleHeader(arity: 9)
      let date = try readDate(&reader)
      let time = try readClock(&reader)
      return .dateTime(DateTime(date: date, time: time, zone: try readZone(&reader)))
    case 20:
      try reader.readTupleHeader(arity: 5)
      let date = try readDate(&reader)
      return .date(DateOnly(date: date, zone: try readZone(&reader)))
    case 23:
      try reader.readTupleHeader(arity: 6)
      let time = try readClock(&reader)
      return .time(TimeOnly(time: time, zone: try readZone(&reader)))
    default:
      try reader.readTupleHeader(arity: 7)
      var parts = DurationParts()
      parts.years = try reader.readInteger()
      parts.months = try reader.readInteger()
      parts.days = try reader.readInteger()
      parts.hours = try reader.readInteger()
      parts.minutes = try reader.readInteger()
      parts.seconds = try reader.readInteger()
      parts.microseconds = try reader.readInteger()
      return .duration(parts)
    }
  }

  private static func readDate(_ reader: inout TermReader) throws(TermError) -> CalendarDate {
    let year: Int32 = try reader.readInteger()
    let month: UInt8 = try reader.readInteger()
    return CalendarDate(year: year, month: month, day: try reader.readInteger())
  }

  private static func readClock(_ reader: inout TermReader) throws(TermError) -> ClockTime {
    let hour: UInt8 = try reader.readInteger()
    let minute: UInt8 = try reader.readInteger()
    let second: UInt8 = try reader.readInteger()
    return ClockTime(hour: hour, minute: minute, second: second, microsecond: try reader.readInteger())
  }

  /// Hours and minutes; no zone is the empty list for the hours (some send it for the minutes too), or -111 in the words of
  /// C programs.
  private static func readZone(_ reader: inout TermReader) throws(TermError) -> ZoneOffset? {
    if try reader.peekKind() == .list {
      try readEmptyList(&reader)
      if try reader.peekKind() == .list { try readEmptyList(&reader) } else { _ = try reader.readInteger(as: Int.self) }
      return nil
    }
    let hours: Int8 = try reader.readInteger()
    let minutes: Int8 = try reader.readInteger()
    return hours == -111 ? nil : ZoneOffset(hours: hours, minutes: minutes)
  }

  private static func readEmptyList(_ reader: inout TermReader) throws(TermError) {
    let header = try reader.readListHeader()
    guard header.isEmpty else { throw reader.error(.expected("an hour or []")) }
    try reader.readListEnd(header)
  }
}
