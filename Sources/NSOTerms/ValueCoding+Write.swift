import ExternalTerm
public import NIOCore
public import NSOModel

extension ValueCoding {
  /// The term of a value, without version byte.
  public static func write(_ value: Value, into buffer: inout ByteBuffer) {
    switch value {
    case .string(let text): buffer.writeTermBinary(text)
    case .int8(let number): write(6, number, into: &buffer)
    case .int16(let number): write(7, number, into: &buffer)
    case .int32(let number): buffer.writeTermInteger(number)
    case .int64(let number): write(9, number, into: &buffer)
    case .uint8(let number): write(10, number, into: &buffer)
    case .uint16(let number): write(11, number, into: &buffer)
    case .uint32(let number): write(12, number, into: &buffer)
    case .uint64(let number): write(13, number, into: &buffer)
    case .double(let number): buffer.writeTermFloat(number)
    case .ipv4(let address): write(address, into: &buffer)
    case .ipv6(let address): write(address, into: &buffer)
    case .bool(let flag): buffer.writeTermBool(flag)
    case .qname(let prefix, let name):
      writeHead(18, arity: 2, into: &buffer)
      buffer.writeTermBinary(prefix)
      buffer.writeTermBinary(name)
    case .dateTime(let value):
      writeHead(19, arity: 9, into: &buffer)
      write(value.date, into: &buffer)
      write(value.time, into: &buffer)
      write(value.zone, into: &buffer)
    case .date(let value):
      writeHead(20, arity: 5, into: &buffer)
      write(value.date, into: &buffer)
      write(value.zone, into: &buffer)
    case .time(let value):
      writeHead(23, arity: 6, into: &buffer)
      write(value.time, into: &buffer)
      write(value.zone, into: &buffer)
    case .duration(let value):
      writeHead(27, arity: 7, into: &buffer)
      for part in [value.years, value.months, value.days, value.hours, value.minutes, value.seconds, value.microseconds] {
        buffer.writeTermInteger(part)
      }
    case .enumeration(let number): write(28, number, into: &buffer)
    case .bits32(let mask): write(29, mask, into: &buffer)
    case .bits64(let mask): write(30, mask, into: &buffer)
    case .bitsBig(let bytes): write(50, bytes, into: &buffer)
    case .list(let values): writeArray(values, into: &buffer)
    case .instanceIdentifier(let path):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(34)
      KeypathCoding.write(path, order: .leafFirst, into: &buffer)
    case .oid(let numbers):
      write(38, numbers.flatMap { number in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } }, into: &buffer)
    case .binary(let bytes): write(39, bytes, into: &buffer)
    case .ipv4Prefix(let address, let length): writePrefix(40, address, length, into: &buffer)
    case .ipv4AndPrefixLength(let address, let length): writePrefix(48, address, length, into: &buffer)
    case .ipv6Prefix(let address, let length): writePrefix(41, address, length, into: &buffer)
    case .ipv6AndPrefixLength(let address, let length): writePrefix(49, address, length, into: &buffer)
    case .decimal64(let value):
      writeHead(43, arity: 2, into: &buffer)
      buffer.writeTermInteger(value.scaled)
      buffer.writeTermInteger(value.digits)
    case .identityref(let hash):
      writeHead(44, arity: 2, into: &buffer)
      buffer.writeTermInteger(hash.namespace)
      buffer.writeTermInteger(hash.name)
    case .dottedQuad(let address): write(46, address.octets, into: &buffer)
    case .hexString(let bytes): write(47, bytes, into: &buffer)
    case .empty: write(53, 0 as UInt8, into: &buffer)
    case .tag(let tag): TagCoding.write(tag, into: &buffer)
    case .notFound: buffer.writeTermAtom("not_found" as StaticString)
    case .defaultInEffect: buffer.writeTermAtom("default" as StaticString)
    }
  }

  /// `{N, int}`
  private static func write(_ number: UInt8, _ value: some FixedWidthInteger, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermInteger(number)
    buffer.writeTermInteger(value)
  }

  /// `{N, bin}`
  private static func write(_ number: UInt8, _ bytes: [UInt8], into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermInteger(number)
    buffer.writeTermBinary(bytes)
  }

  /// `{N, {` of so many elements.
  private static func writeHead(_ number: UInt8, arity: Int, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermInteger(number)
    buffer.writeTermTuple(arity: arity)
  }

  private static func write(_ address: IPv4Address, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 4)
    for shift in [24, 16, 8, 0] { buffer.writeTermInteger(UInt8(truncatingIfNeeded: address.bits >> shift)) }
  }

  private static func write(_ address: IPv6Address, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 8)
    for half in [address.high, address.low] {
      for shift in [48, 32, 16, 0] { buffer.writeTermInteger(UInt16(truncatingIfNeeded: half >> shift)) }
    }
  }

  private static func writePrefix(_ number: UInt8, _ address: IPv4Address, _ length: UInt8, into buffer: inout ByteBuffer) {
    writeHead(number, arity: 2, into: &buffer)
    write(address, into: &buffer)
    buffer.writeTermInteger(length)
  }

  private static func writePrefix(_ number: UInt8, _ address: IPv6Address, _ length: UInt8, into buffer: inout ByteBuffer) {
    writeHead(number, arity: 2, into: &buffer)
    write(address, into: &buffer)
    buffer.writeTermInteger(length)
  }

  private static func write(_ date: CalendarDate, into buffer: inout ByteBuffer) {
    buffer.writeTermInteger(date.year)
    buffer.writeTermInteger(date.month)
    buffer.writeTermInteger(date.day)
  }

  private static func write(_ time: ClockTime, into buffer: inout ByteBuffer) {
    buffer.writeTermInteger(time.hour)
    buffer.writeTermInteger(time.minute)
    buffer.writeTermInteger(time.second)
    buffer.writeTermInteger(time.microsecond)
  }

  private static func write(_ zone: ZoneOffset?, into buffer: inout ByteBuffer) {
    if let zone {
      buffer.writeTermInteger(zone.hours)
    } else {
      buffer.writeTermListHeader(count: 0)
    }
    buffer.writeTermInteger(zone?.minutes ?? 0)
  }
}
