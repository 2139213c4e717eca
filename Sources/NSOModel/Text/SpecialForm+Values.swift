extension SpecialForm {
  /// The canonical form of a value of this form; nil when it is of another.
  public func check(_ value: Value) -> Value? {
    switch (self, value) {
    case (.ipv4Address, .ipv4), (.ipv6Address, .ipv6), (.dottedQuad, .dottedQuad), (.hexString, .hexString),
      (.hexList, .binary), (.octetList, .binary), (.hexBinary, .binary), (.size, .uint64), (.qname, .qname):
      return value
    case (.ipv4Prefix, .ipv4Prefix(let address, let length)): return Self.prefix(address, length)
    case (.ipv6Prefix, .ipv6Prefix(let address, let length)): return Self.prefix(address, length)
    case (.ipv4AndPrefixLength, .ipv4AndPrefixLength(_, let length)): return length <= 32 ? value : nil
    case (.ipv6AndPrefixLength, .ipv6AndPrefixLength(_, let length)): return length <= 128 ? value : nil
    case (.physicalAddress(let count), .binary(let bytes)): return count == nil || count == bytes.count ? value : nil
    case (.dateTime, .dateTime(let moment)): return moment.isValid ? value : nil
    case (.date, .date(let date)): return date.date.isValid && date.zone?.isValid ?? true ? value : nil
    case (.time, .time(let time)): return time.time.isValid && time.zone?.isValid ?? true ? value : nil
    case (.duration, .duration(let parts)): return parts.microseconds < 1_000_000 ? value : nil
    case (.objectIdentifier, .oid(let numbers)): return Self.isObjectIdentifier(numbers) ? value : nil
    case (.double, .double(let number)): return number.isFinite ? value : nil
    default: return nil
    }
  }

  /// Nil for text that is no value of this form. No blanks are taken off.
  public func parse(_ text: String) -> Value? {
    switch self {
    case .ipv4Address: return IPv4Address(text).map { .ipv4($0) }
    case .ipv6Address: return IPv6Address(text).map { .ipv6($0) }
    case .ipv4Prefix: return Self.addressAndLength(text).flatMap { Self.prefix($0.0, $0.1) }
    case .ipv6Prefix: return Self.addressAndLength6(text).flatMap { Self.prefix($0.0, $0.1) }
    case .ipv4AndPrefixLength: return Self.addressAndLength(text).map { .ipv4AndPrefixLength($0.0, $0.1) }
    case .ipv6AndPrefixLength: return Self.addressAndLength6(text).map { .ipv6AndPrefixLength($0.0, $0.1) }
    case .dottedQuad: return IPv4Address(text).map { .dottedQuad($0) }
    case .hexString: return Hexadecimal.octets(text, separated: true).map { .hexString($0) }
    case .hexList: return Hexadecimal.octets(text, separated: true).map { .binary($0) }
    case .physicalAddress(let count):
      guard let bytes = Hexadecimal.octets(text, separated: true), count == nil || bytes.count == count else { return nil }
      return .binary(bytes)
    case .hexBinary: return Hexadecimal.octets(text, separated: false).map { .binary($0) }
    case .octetList:
      if text.isEmpty { return .binary([]) }
      var bytes: [UInt8] = []
      for part in text.utf8.split(separator: 46, omittingEmptySubsequences: false) {
        guard let number = decimal(part), number <= 255 else { return nil }
        bytes.append(UInt8(number))
      }
      return .binary(bytes)
    case .objectIdentifier:
      var numbers: [UInt32] = []
      for part in text.utf8.split(separator: 46, omittingEmptySubsequences: false) {
        guard let number = decimal(part).flatMap({ UInt32(exactly: $0) }) else { return nil }
        numbers.append(number)
      }
      return Self.isObjectIdentifier(numbers) ? .oid(numbers) : nil
    case .size: return Size.parse(text).map { .uint64($0) }
    case .double:
      guard text.utf8.allSatisfy({ (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }), let number = Double(text),
        number.isFinite
      else { return nil }
      return .double(number)
    case .qname:
      let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && !$0.contains(" ") }), let name = parts.last
      else { return nil }
      return .qname(prefix: parts.count == 2 ? parts[0] : "", name: name)
    case .dateTime: return TimeText(text).dateTime().map { .dateTime($0) }
    case .date: return TimeText(text).dateOnly().map { .date($0) }
    case .time: return TimeText(text).timeOnly().map { .time($0) }
    case .duration: return TimeText(text).duration().map { .duration($0) }
    }
  }

  /// Nil for a value of another form.
  public func text(of value: Value) -> String? {
    guard check(value) != nil else { return nil }
    switch (self, value) {
    case (.physicalAddress, .binary(let bytes)), (.hexString, .hexString(let bytes)):
      return Hexadecimal.text(bytes, separator: ":", upper: false)
    case (.hexList, .binary(let bytes)): return Hexadecimal.text(bytes, separator: ":", upper: true)
    case (.hexBinary, .binary(let bytes)): return Hexadecimal.text(bytes, separator: "", upper: true)
    case (.octetList, .binary(let bytes)): return bytes.map { String($0) }.joined(separator: ".")
    case (.size, .uint64(let number)): return Size.text(number)
    default: return value.plainText
    }
  }

  // MARK: Parts

  private static func isObjectIdentifier(_ numbers: [UInt32]) -> Bool {
    (2...128).contains(numbers.count) && (numbers[0] == 2 || numbers[0] < 2 && numbers[1] < 40)
  }

  /// The host bits become zero, as the canonical form of the published types wants it.
  private static func prefix(_ address: IPv4Address, _ length: UInt8) -> Value? {
    guard length <= 32 else { return nil }
    let mask = length == 0 ? 0 : UInt32.max << UInt32(32 - length)
    return .ipv4Prefix(IPv4Address(bits: address.bits & mask), length)
  }

  private static func prefix(_ address: IPv6Address, _ length: UInt8) -> Value? {
    guard length <= 128 else { return nil }
    // A shift by 64 or more gives zero.
    let high = UInt64.max << UInt64(64 - min(64, Int(length)))
    let low = UInt64.max << UInt64(min(64, 128 - Int(length)))
    return .ipv6Prefix(IPv6Address(high: address.high & high, low: address.low & low), length)
  }

  private static func split(_ text: String) -> (Substring, UInt64)? {
    guard let slash = text.firstIndex(of: "/"), let length = decimal(text[text.index(after: slash)...].utf8) else { return nil }
    return (text[..<slash], length)
  }

  private static func addressAndLength(_ text: String) -> (IPv4Address, UInt8)? {
    guard let (address, length) = split(text), length <= 32, let parsed = IPv4Address(address) else { return nil }
    return (parsed, UInt8(length))
  }

  private static func addressAndLength6(_ text: String) -> (IPv6Address, UInt8)? {
    guard let (address, length) = split(text), length <= 128, let parsed = IPv6Address(address) else { return nil }
    return (parsed, UInt8(length))
  }
}

/// A decimal number without sign and without leading zeros.
private func decimal(_ bytes: some Collection<UInt8>) -> UInt64? {
  guard (1...19).contains(bytes.count), bytes.count == 1 || bytes.first != 48 else { return nil }
  var number: UInt64 = 0
  for byte in bytes {
    guard (48...57).contains(byte) else { return nil }
    number = number * 10 + UInt64(byte - 48)
  }
  return number
}

/// Octets as hexadecimal digits.
enum Hexadecimal {
  static func octets(_ text: String, separated: Bool) -> [UInt8]? {
    if text.isEmpty { return [] }
    var bytes: [UInt8] = []
    let digits = Array(text.utf8)
    let width = separated ? 3 : 2
    guard (digits.count + (separated ? 1 : 0)) % width == 0 else { return nil }
    for start in stride(from: 0, to: digits.count, by: width) {
      guard let high = value(digits[start]), let low = value(digits[start + 1]) else { return nil }
      if separated, start + 2 < digits.count, digits[start + 2] != UInt8(ascii: ":") { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  static func text(_ bytes: [UInt8], separator: String, upper: Bool) -> String {
    let digits = Array((upper ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
    return bytes.map { String(decoding: [digits[Int($0 >> 4)], digits[Int($0 & 15)]], as: UTF8.self) }
      .joined(separator: separator)
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: digit - 48
    case 65...70: digit - 55
    case 97...102: digit - 87
    default: nil
    }
  }
}

/// `S2G3M4K5B`: gibibytes, mebibytes, kibibytes and bytes, each optional, in this order (protocol part 07, section 7).
enum Size {
  static func parse(_ text: String) -> UInt64? {
    var rest = Array(text.utf8)[...]
    if rest.first == UInt8(ascii: "S") { rest = rest.dropFirst() }
    guard !rest.isEmpty else { return nil }
    var total: UInt64 = 0
    var units: [(UInt8, UInt64)] = [("G", 30), ("M", 20), ("K", 10), ("B", 0)].map { (Character($0.0).asciiValue ?? 0, $0.1) }
    while !rest.isEmpty {
      let digits = rest.prefix { (48...57).contains($0) }
      rest = rest.dropFirst(digits.count)
      guard let unit = rest.first, let place = units.firstIndex(where: { $0.0 == unit }),
        let number = UInt64(String(decoding: digits, as: UTF8.self))
      else { return nil }
      let (scaled, tooLarge) = number.multipliedReportingOverflow(by: 1 << units[place].1)
      let (sum, overflow) = total.addingReportingOverflow(scaled)
      guard !tooLarge, !overflow else { return nil }
      total = sum
      units.removeFirst(place + 1)
      rest = rest.dropFirst()
    }
    return total
  }

  static func text(_ number: UInt64) -> String {
    guard number > 0 else { return "S0B" }
    var text = "S"
    var rest = number
    for (unit, shift) in [("G", UInt64(30)), ("M", 20), ("K", 10), ("B", 0)] where rest >> shift > 0 {
      text += "\(rest >> shift)\(unit)"
      rest &= (1 << shift) - 1
    }
    return text
  }
}
