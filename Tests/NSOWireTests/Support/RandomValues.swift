import NSOModel
import TestSupport

extension SeededGenerator {
  mutating func number<T: FixedWidthInteger>(_ range: ClosedRange<T> = .min ... .max) -> T { .random(in: range, using: &self) }

  mutating func bytes(_ counts: Range<Int> = 0..<12) -> [UInt8] {
    (0..<Int.random(in: counts, using: &self)).map { _ in number() }
  }

  mutating func text() -> String {
    let alphabet: [Character] = ["a", "z", "_", "-", "å", "λ", "€", "😀", "\"", " ", "{", "/"]
    return String((0..<Int.random(in: 0..<10, using: &self)).map { _ in alphabet.randomElement(using: &self) ?? "a" })
  }

  mutating func tag() -> NSOModel.Tag { NSOModel.Tag("n" + text(), in: Bool.random(using: &self) ? "urn:" + text() : nil) }

  mutating func ipv4() -> IPv4Address { IPv4Address(bits: number()) }
  mutating func ipv6() -> IPv6Address { IPv6Address(high: number(), low: number()) }

  mutating func zone() -> ZoneOffset? {
    Bool.random(using: &self) ? nil : ZoneOffset(hours: number(-14...14), minutes: number(0...59))
  }

  mutating func date() -> CalendarDate { CalendarDate(year: number(-9999...9999), month: number(1...12), day: number(1...31)) }

  mutating func time() -> ClockTime {
    ClockTime(hour: number(0...23), minute: number(0...59), second: number(0...60), microsecond: number(0...999_999))
  }

  mutating func path(depth: Int = 0) -> Keypath {
    Keypath(
      (0..<Int.random(in: 0..<6, using: &self)).map { index in
        switch number(0...3) as Int {
        case 1 where index > 0: .keys((0..<Int.random(in: 0..<3, using: &self)).map { _ in value(depth: depth + 1) })
        case 2 where index > 0: .position(Int(number() as UInt16))
        default: .tag(tag())
        }
      })
  }

  /// Any value, each kind about as often as the others.
  mutating func value(depth: Int = 0) -> Value {
    switch number(depth > 3 ? 0...29 : 0...31) as Int {
    case 0: return .string(text())
    case 1: return .int8(number())
    case 2: return .int16(number())
    case 3: return .int32(number() >> Int32(number(0...31)))
    case 4: return .int64(number() >> Int64(number(0...63)))
    case 5: return .uint8(number())
    case 6: return .uint16(number())
    case 7: return .uint32(number())
    case 8: return .uint64(number() >> UInt64(number(0...63)))
    case 9: return .double(Double(number() as Int64) / 3)
    case 10: return .ipv4(ipv4())
    case 11: return .ipv6(ipv6())
    case 12: return .bool(Bool.random(using: &self))
    case 13: return .qname(prefix: text(), name: text())
    case 14: return .dateTime(DateTime(date: date(), time: time(), zone: zone()))
    case 15: return .date(DateOnly(date: date(), zone: zone()))
    case 16: return .time(TimeOnly(time: time(), zone: zone()))
    case 17: return .duration(DurationParts(years: number(), days: number(), microseconds: number()))
    case 18: return .enumeration(number())
    case 19: return .bits32(number())
    case 20: return .bits64(number())
    case 21: return .bitsBig(bytes())
    case 22: return .oid((0..<Int.random(in: 0..<10, using: &self)).map { _ in number() })
    case 23: return .binary(bytes())
    case 24: return .ipv4Prefix(ipv4(), number(0...32))
    case 25: return .ipv6AndPrefixLength(ipv6(), number(0...128))
    case 26: return .decimal64(Decimal64(scaled: number(), digits: number(0...18)))
    case 27: return .identityref(IdentityHash(namespace: number(), name: number()))
    case 28:
      return [.dottedQuad(ipv4()), .hexString(bytes()), .empty, .notFound, .defaultInEffect].randomElement(using: &self)
        ?? .empty
    case 29: return .tag(tag())
    case 30: return .list((0..<Int.random(in: 0..<5, using: &self)).map { _ in value(depth: depth + 1) })
    default: return .instanceIdentifier(path(depth: depth + 1))
    }
  }

  mutating func taggedValues() -> [TaggedValue] {
    (0..<Int.random(in: 0..<5, using: &self)).map { _ in
      let contents: [TaggedValue.Content] = [
        .start, .stop, .leaf, .delete, .movedFirst, .movedAfter, .startAt(Int(number() as UInt16)), .value(value()),
      ]
      return TaggedValue(tag(), contents.randomElement(using: &self) ?? .leaf)
    }
  }

  /// A few bytes changed, dropped or repeated.
  mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1..<4, using: &self) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &self)
      switch number(0...3) as Int {
      case 0: bytes.removeSubrange(place...)
      case 1: bytes.insert(number(), at: place)
      default: bytes[place] = number()
      }
    }
    return bytes
  }
}
