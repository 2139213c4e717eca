public import NSOModel
public import NSOSchema

extension KeyEncoder {
  /// Appends the form of any value that can be a key. `type` (of the key leaf or leaf-list) and `schema` tell the names of bits and
  /// identities, which are their order. Throws `badKey` for what cannot be a key: leaf-lists, tags, markers.
  public static func append(
    _ value: Value, type: SchemaType?, schema: Schema?, to key: inout [UInt8]
  ) throws(StoreError) {
    switch value {
    case .string(var text): text.withUTF8 { appendString(UnsafeRawBufferPointer($0), to: &key) }
    case .int8(let number): appendInteger(Int64(number), typeNumber: 6, to: &key)
    case .int16(let number): appendInteger(Int64(number), typeNumber: 7, to: &key)
    case .int32(let number): appendInteger(Int64(number), typeNumber: 8, to: &key)
    case .int64(let number): appendInteger(number, typeNumber: 9, to: &key)
    case .uint8(let number): appendInteger(UInt64(number), typeNumber: 10, to: &key)
    case .uint16(let number): appendInteger(UInt64(number), typeNumber: 11, to: &key)
    case .uint32(let number): appendInteger(UInt64(number), typeNumber: 12, to: &key)
    case .uint64(let number): appendInteger(number, typeNumber: 13, to: &key)
    case .double(let number): appendDouble(number, to: &key)
    case .decimal64(let number): appendDecimal(number, to: &key)
    case .enumeration(let number): appendEnumeration(number, to: &key)
    case .bool(let flag): appendBool(flag, to: &key)
    case .empty: key.append(TagByte.empty)
    case .binary(let octets): octets.withUnsafeBytes { appendBinary($0, to: &key) }
    case .hexString(let octets):
      key.append(TagByte.hexString)
      octets.withUnsafeBytes { appendText($0, to: &key) }
    case .oid(let numbers):
      key.append(TagByte.oid)
      for number in numbers { appendMagnitude(number, to: &key) }
      key.append(0)
    case .ipv4, .ipv6, .ipv4Prefix, .ipv6Prefix, .ipv4AndPrefixLength, .ipv6AndPrefixLength, .dottedQuad:
      appendAddress(value, to: &key)
    case .dateTime, .date, .time, .duration: appendTime(value, to: &key)
    case .bits32(let bits): appendBits(littleEndian(UInt64(bits)), value, type, to: &key)
    case .bits64(let bits): appendBits(littleEndian(bits), value, type, to: &key)
    case .bitsBig(let bits): appendBits(bits, value, type, to: &key)
    case .identityref(let hash):
      guard let identity = schema?.identity(hash) else {
        throw StoreError(.badKey, "the identity \(hash.namespace):\(hash.name) of a list key is in none of the loaded modules")
      }
      key.append(TagByte.identity)
      appendText(identity.name.name, to: &key)
      append(hash.namespace, to: &key)
      append(hash.name, to: &key)
    case .qname(let prefix, let name):
      key.append(TagByte.qname)
      appendText(prefix, to: &key)
      appendText(name, to: &key)
    case .instanceIdentifier(let path):
      var form: [UInt8] = []
      try append(path, schema: schema, to: &form)
      key.append(TagByte.instance)
      form.withUnsafeBytes { appendText($0, to: &key) }
    case .list, .tag, .notFound, .defaultInEffect:
      throw StoreError(.badKey, "a value of type number \(value.typeNumber) cannot be a list key")
    }
  }

  private static func appendDouble(_ number: Double, to key: inout [UInt8]) {
    key.append(TagByte.double)
    let bits = number.bitPattern
    append(bits >> 63 == 0 ? bits | 1 << 63 : ~bits, to: &key)
  }

  /// Scaled to 18 digits, so that decimals of different digits compare by value too.
  private static func appendDecimal(_ number: Decimal64, to key: inout [UInt8]) {
    key.append(TagByte.decimal)
    var scaled = Int128(number.scaled)
    var digits = number.digits
    while digits < 18 {
      scaled &*= 10
      digits += 1
    }
    if scaled >= 0 {
      appendMagnitude(UInt128(bitPattern: scaled), to: &key)
    } else {
      appendNegative(UInt128(bitPattern: ~scaled), to: &key)
    }
    key.append(number.digits)
  }

  private static func appendAddress(_ value: Value, to key: inout [UInt8]) {
    switch value {
    case .ipv4(let address): appendIPv4(address, to: &key)
    case .ipv6(let address): appendIPv6(address, to: &key)
    case .ipv4Prefix(let address, let length):
      key.append(TagByte.ipv4Prefix)
      append(address.bits, to: &key)
      key.append(length)
    case .ipv6Prefix(let address, let length):
      key.append(TagByte.ipv6Prefix)
      append(address, to: &key)
      key.append(length)
    case .ipv4AndPrefixLength(let address, let length):
      key.append(TagByte.ipv4AndPrefixLength)
      append(address.bits, to: &key)
      key.append(length)
    case .ipv6AndPrefixLength(let address, let length):
      key.append(TagByte.ipv6AndPrefixLength)
      append(address, to: &key)
      key.append(length)
    case .dottedQuad(let quad):
      key.append(TagByte.dottedQuad)
      append(quad.bits, to: &key)
    default: break
    }
  }

  /// By the fields as written, zones last: values of one zone are in the order of time.
  private static func appendTime(_ value: Value, to key: inout [UInt8]) {
    switch value {
    case .dateTime(let moment):
      key.append(TagByte.dateTime)
      append(moment.date, to: &key)
      append(moment.time, to: &key)
      append(moment.zone, to: &key)
    case .date(let day):
      key.append(TagByte.date)
      append(day.date, to: &key)
      append(day.zone, to: &key)
    case .time(let time):
      key.append(TagByte.time)
      append(time.time, to: &key)
      append(time.zone, to: &key)
    case .duration(let parts):
      key.append(TagByte.duration)
      for part in [
        parts.years, parts.months, parts.days, parts.hours, parts.minutes, parts.seconds, parts.microseconds,
      ] { append(part, to: &key) }
    default: break
    }
  }

  private static func append(_ date: CalendarDate, to key: inout [UInt8]) {
    append(UInt32(bitPattern: date.year) ^ 1 << 31, to: &key)
    key.append(date.month)
    key.append(date.day)
  }

  private static func append(_ time: ClockTime, to key: inout [UInt8]) {
    key.append(time.hour)
    key.append(time.minute)
    key.append(time.second)
    append(time.microsecond, to: &key)
  }

  private static func append(_ zone: ZoneOffset?, to key: inout [UInt8]) {
    key.append(zone == nil ? 0 : 1)
    key.append(UInt8(bitPattern: zone?.hours ?? 0) ^ 0x80)
    key.append(UInt8(bitPattern: zone?.minutes ?? 0) ^ 0x80)
  }

  // MARK: Bits

  private static func appendBits(_ octets: [UInt8], _ value: Value, _ type: SchemaType?, to key: inout [UInt8]) {
    key.append(TagByte.bits)
    var names = ""
    for item in bitRules(type, value.typeNumber)?.items ?? [] {
      let octet = Int(item.position / 8)
      guard octet < octets.count, octets[octet] >> UInt8(item.position % 8) & 1 == 1 else { continue }
      names += names.isEmpty ? item.name : " " + item.name
    }
    appendText(names, to: &key)
    key.append(UInt8(truncatingIfNeeded: value.typeNumber))
    octets.withUnsafeBytes { appendText($0, to: &key) }
  }

  /// The rules of the bits type that values of `typeNumber` have; of a union's, the first that fits.
  private static func bitRules(_ type: SchemaType?, _ typeNumber: Int) -> BitsRules? {
    guard let type = type?.valueType else { return nil }
    switch type.kind {
    case .bits(let rules): return rules.typeNumber == typeNumber ? rules : nil
    case .union(let members):
      for member in members {
        if let rules = bitRules(member, typeNumber) { return rules }
      }
      return nil
    default: return nil
    }
  }

  private static func littleEndian(_ bits: UInt64) -> [UInt8] {
    withUnsafeBytes(of: bits.littleEndian) { Array($0) }
  }

  // MARK: Instance-identifiers

  /// Steps by names, keys in their own form; sorted like the text of the path would be.
  private static func append(_ path: Keypath, schema: Schema?, to form: inout [UInt8]) throws(StoreError) {
    for element in path.elements {
      switch element {
      case .tag(let tag):
        form.append(3)
        appendText(tag.name, to: &form)
        form.append(tag.namespace == nil ? 0 : 1)
        appendText(tag.namespace ?? "", to: &form)
      case .keys(let keys):
        form.append(4)
        for key in keys { try append(key, type: nil, schema: schema, to: &form) }
        form.append(0)
      case .position(let index):
        form.append(5)
        append(UInt64(bitPattern: Int64(index)), to: &form)
      }
    }
  }
}
