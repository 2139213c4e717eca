extension Value {
  /// The lexical form as far as it is known without the schema, for error texts and logs: enumerations, bits and
  /// identities show as numbers. The schema's types make the real text.
  public var plainText: String {
    switch self {
    case .string(let text): text
    case .int8(let n): String(n)
    case .int16(let n): String(n)
    case .int32(let n): String(n)
    case .int64(let n): String(n)
    case .uint8(let n): String(n)
    case .uint16(let n): String(n)
    case .uint32(let n): String(n)
    case .uint64(let n): String(n)
    case .double(let d): String(d)
    case .ipv4(let address), .dottedQuad(let address): address.description
    case .ipv6(let address): address.description
    case .bool(let flag): flag ? "true" : "false"
    case .qname(let prefix, let name): prefix.isEmpty ? name : "\(prefix):\(name)"
    case .dateTime(let value): "\(value.date)T\(value.time)\(value.zone?.description ?? "-00:00")"
    case .date(let value): "\(value.date)\(value.zone?.zuluDescription ?? "")"
    case .time(let value): "\(value.time)\(value.zone?.zuluDescription ?? "")"
    case .duration(let value): value.description
    case .enumeration(let n): "enum \(n)"
    case .bits32(let mask): "bits \(mask)"
    case .bits64(let mask): "bits \(mask)"
    case .bitsBig(let bytes): "bits \(hexText(bytes))"
    case .list(let values): values.map(\.plainText).joined(separator: " ")
    case .instanceIdentifier(let path): path.description
    case .oid(let numbers): numbers.map(String.init).joined(separator: ".")
    case .binary(let bytes), .hexString(let bytes): hexText(bytes)
    case .ipv4Prefix(let address, let length), .ipv4AndPrefixLength(let address, let length): "\(address)/\(length)"
    case .ipv6Prefix(let address, let length), .ipv6AndPrefixLength(let address, let length): "\(address)/\(length)"
    case .decimal64(let value): value.description
    case .identityref(let hash): "identity \(hash.namespace):\(hash.name)"
    case .empty: ""
    case .tag(let tag): tag.description
    case .notFound: "not_found"
    case .defaultInEffect: "default"
    }
  }
}

/// Octets as `DE:AD`.
private func hexText(_ bytes: [UInt8]) -> String {
  bytes.map { padded(UInt32($0), 2, radix: 16).uppercased() }.joined(separator: ":")
}

private func padded(_ number: UInt32, _ width: Int, radix: Int = 10) -> String {
  let digits = String(number, radix: radix)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension CalendarDate: CustomStringConvertible {
  public var description: String {
    (year < 0 ? "-" : "") + padded(year.magnitude, 4) + "-" + padded(UInt32(month), 2) + "-" + padded(UInt32(day), 2)
  }
}

extension ClockTime: CustomStringConvertible {
  /// `03:04:05.25`: the fraction without trailing zeros.
  public var description: String {
    let whole = padded(UInt32(hour), 2) + ":" + padded(UInt32(minute), 2) + ":" + padded(UInt32(second), 2)
    return whole + fraction(microsecond)
  }
}

private func fraction(_ microseconds: UInt32) -> String {
  guard microseconds != 0 else { return "" }
  var digits = padded(microseconds, 6)
  while digits.last == "0" { digits.removeLast() }
  return "." + digits
}

extension ZoneOffset: CustomStringConvertible {
  /// `+01:00`; UTC is `+00:00`.
  public var description: String {
    let negative = hours < 0 || (hours == 0 && minutes < 0)
    return (negative ? "-" : "+") + padded(UInt32(hours.magnitude), 2) + ":" + padded(UInt32(minutes.magnitude), 2)
  }

  /// As `description`, but UTC is `Z`, as dates and times show it.
  public var zuluDescription: String { self == .utc ? "Z" : description }
}

extension DurationParts: CustomStringConvertible {
  /// ISO 8601; zero is `PT0S`.
  public var description: String {
    var text = "P"
    if years != 0 { text += "\(years)Y" }
    if months != 0 { text += "\(months)M" }
    if days != 0 { text += "\(days)D" }
    var time = ""
    if hours != 0 { time += "\(hours)H" }
    if minutes != 0 { time += "\(minutes)M" }
    if seconds != 0 || microseconds != 0 { time += "\(seconds)\(fraction(microseconds))S" }
    if !time.isEmpty { text += "T" + time }
    return text == "P" ? "PT0S" : text
  }
}

extension Decimal64: CustomStringConvertible {
  /// YANG's canonical form: at least one digit on both sides of the point, no other trailing zeros.
  public var description: String {
    var digits = String(scaled.magnitude)
    let places = Int(self.digits)
    guard places > 0 else { return (scaled < 0 ? "-" : "") + digits }
    if digits.count <= places { digits = String(repeating: "0", count: places - digits.count + 1) + digits }
    let whole = digits.dropLast(places)
    var fraction = digits.suffix(places)
    while fraction.count > 1, fraction.last == "0" { fraction.removeLast() }
    return (scaled < 0 ? "-" : "") + whole + "." + fraction
  }
}
