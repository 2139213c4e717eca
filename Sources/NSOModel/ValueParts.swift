/// An IPv4 address, network order; also a dotted quad.
public struct IPv4Address: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var bits: UInt32

  public init(bits: UInt32) { self.bits = bits }

  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  public var octets: [UInt8] {
    [UInt8(bits >> 24), UInt8(bits >> 16 & 255), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
  }

  public static func < (a: IPv4Address, b: IPv4Address) -> Bool { a.bits < b.bits }

  public var description: String { octets.map(String.init).joined(separator: ".") }

  /// Strict dotted-quad form: four decimal numbers 0...255 without leading zeros.
  public init?(_ text: some StringProtocol) {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
      var number: UInt32 = 0
      for byte in part {
        guard (48...57).contains(byte) else { return nil }
        number = number * 10 + UInt32(byte - 48)
      }
      guard number <= 255 else { return nil }
      bits = bits << 8 | number
    }
    self.bits = bits
  }
}

/// An IPv6 address: eight groups in network order, held as two halves.
public struct IPv6Address: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// From exactly eight groups; nil for another count.
  public init?(groups: some Collection<UInt16>) {
    guard groups.count == 8 else { return nil }
    high = groups.prefix(4).reduce(0) { $0 << 16 | UInt64($1) }
    low = groups.dropFirst(4).reduce(0) { $0 << 16 | UInt64($1) }
  }

  public var groups: [UInt16] {
    [high, low].flatMap { half in [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) } }
  }

  public static func < (a: IPv6Address, b: IPv6Address) -> Bool { (a.high, a.low) < (b.high, b.low) }

  /// RFC 5952 text: lower case, the longest run of zero groups shortened.
  public var description: String {
    let groups = groups
    var bestStart = 0
    var bestCount = 0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > bestCount {
        bestStart = start
        bestCount = end - start
      }
      start = max(end, start + 1)
    }
    let hex = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
    guard bestCount > 1 else { return hex(groups[...]) }
    if bestStart == 0, bestCount == 5, groups[5] == 0xFFFF {
      return "::ffff:" + IPv4Address(bits: UInt32(truncatingIfNeeded: low)).description
    }
    return hex(groups[..<bestStart]) + "::" + hex(groups[(bestStart + bestCount)...])
  }

  /// RFC 4291 text forms without a zone index.
  public init?(_ text: some StringProtocol) {
    let text = String(text)
    guard !text.isEmpty, !text.contains("%") else { return nil }
    let halves = text.components(separatedByDoubleColon: ())
    guard let halves else { return nil }
    func parse(_ part: Substring, last: Bool) -> [UInt16]? {
      guard !part.isEmpty else { return [] }
      var groups: [UInt16] = []
      let pieces = part.split(separator: ":", omittingEmptySubsequences: false)
      for (index, piece) in pieces.enumerated() {
        if last, index == pieces.count - 1, piece.contains(".") {
          guard let v4 = IPv4Address(piece) else { return nil }
          groups.append(UInt16(v4.bits >> 16))
          groups.append(UInt16(v4.bits & 0xFFFF))
        } else {
          guard (1...4).contains(piece.utf8.count), piece.utf8.allSatisfy(\.isHexDigit), let group = UInt16(piece, radix: 16)
          else { return nil }
          groups.append(group)
        }
      }
      return groups
    }
    if let second = halves.1 {
      guard let left = parse(halves.0, last: false), let right = parse(second, last: true), left.count + right.count < 8
      else { return nil }
      self.init(groups: left + Array(repeating: 0, count: 8 - left.count - right.count) + right)
    } else {
      guard let all = parse(halves.0, last: true) else { return nil }
      self.init(groups: all)
    }
  }
}

extension String {
  /// The two sides of one `::`; the second is nil without one; nil for more than one.
  fileprivate func components(separatedByDoubleColon: Void) -> (Substring, Substring?)? {
    var first: String.Index?
    var index = startIndex
    while index < endIndex {
      let next = self.index(after: index)
      if next < endIndex, self[index] == ":", self[next] == ":" {
        guard first == nil else { return nil }
        first = index
        index = self.index(after: next)
        if index < endIndex, self[index] == ":" { return nil }
      } else {
        index = next
      }
    }
    guard let first else { return (self[...], nil) }
    return (self[..<first], self[self.index(first, offsetBy: 2)...])
  }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool {
    switch self {
    case 48...57, 65...70, 97...102: true
    default: false
    }
  }
}

/// A decimal64: `scaled` · 10^-`digits`, digits 1...18; 0 digits is tolerated from C clients, which then hold the scale of
/// the type (protocol part 02, section 3.10).
public struct Decimal64: Hashable, Sendable {
  public var scaled: Int64
  public var digits: UInt8

  public init(scaled: Int64, digits: UInt8) {
    self.scaled = scaled
    self.digits = digits
  }
}

/// An identity by its name hashes (protocol part 02, section 3.11).
public struct IdentityHash: Hashable, Sendable {
  public var namespace: UInt32
  public var name: UInt32

  public init(namespace: UInt32, name: UInt32) {
    self.namespace = namespace
    self.name = name
  }

  public init(_ identity: QName) {
    self.init(namespace: NameHash.hash(identity.namespace), name: NameHash.hash(identity.name))
  }
}

/// Offset from UTC (protocol part 02, section 3.5): when `hours` is not 0 its sign holds for the minutes too, which are
/// then not negative; when it is 0 the sign is in `minutes`.
public struct ZoneOffset: Hashable, Sendable {
  public var hours: Int8
  public var minutes: Int8

  public init(hours: Int8, minutes: Int8) {
    self.hours = hours
    self.minutes = minutes
  }

  public static var utc: ZoneOffset { ZoneOffset(hours: 0, minutes: 0) }
}

/// A date and time; `zone` nil means that no zone is known, `-00:00` in text.
public struct DateTime: Hashable, Sendable {
  public var date: CalendarDate
  public var time: ClockTime
  public var zone: ZoneOffset?

  public init(date: CalendarDate, time: ClockTime, zone: ZoneOffset?) {
    self.date = date
    self.time = time
    self.zone = zone
  }
}

public struct CalendarDate: Hashable, Sendable {
  public var year: Int32
  public var month: UInt8
  public var day: UInt8

  public init(year: Int32, month: UInt8, day: UInt8) {
    self.year = year
    self.month = month
    self.day = day
  }
}

public struct ClockTime: Hashable, Sendable {
  public var hour: UInt8
  public var minute: UInt8
  public var second: UInt8
  public var microsecond: UInt32

  public init(hour: UInt8, minute: UInt8, second: UInt8, microsecond: UInt32) {
    self.hour = hour
    self.minute = minute
    self.second = second
    self.microsecond = microsecond
  }
}

/// A date with an optional zone.
public struct DateOnly: Hashable, Sendable {
  public var date: CalendarDate
  public var zone: ZoneOffset?

  public init(date: CalendarDate, zone: ZoneOffset?) {
    self.date = date
    self.zone = zone
  }
}

/// A time of day with an optional zone.
public struct TimeOnly: Hashable, Sendable {
  public var time: ClockTime
  public var zone: ZoneOffset?

  public init(time: ClockTime, zone: ZoneOffset?) {
    self.time = time
    self.zone = zone
  }
}

/// Seven non-negative numbers that are never normalized (protocol part 02, section 3.6).
public struct DurationParts: Hashable, Sendable {
  public var years: UInt32
  public var months: UInt32
  public var days: UInt32
  public var hours: UInt32
  public var minutes: UInt32
  public var seconds: UInt32
  public var microseconds: UInt32

  public init(
    years: UInt32 = 0, months: UInt32 = 0, days: UInt32 = 0, hours: UInt32 = 0, minutes: UInt32 = 0, seconds: UInt32 = 0,
    microseconds: UInt32 = 0
  ) {
    self.years = years
    self.months = months
    self.days = days
    self.hours = hours
    self.minutes = minutes
    self.seconds = seconds
    self.microseconds = microseconds
  }
}
