import NSOModel
import NSOSchema
import TestSupport
import Testing

@testable import NSOStore

@Suite struct KeyEncoderTests {
  private func encode(_ value: Value, type: SchemaType? = nil, schema: Schema? = nil) throws -> [UInt8] {
    var key: [UInt8] = []
    try KeyEncoder.append(value, type: type, schema: schema, to: &key)
    return key
  }

  /// Values of one kind in the order wanted.
  private func expectOrder(_ values: [Value], type: SchemaType? = nil, schema: Schema? = nil) throws {
    let keys = try values.map { try encode($0, type: type, schema: schema) }
    for (index, pair) in zip(keys, keys.dropFirst()).enumerated() {
      #expect(pair.0.lexicographicallyPrecedes(pair.1), "\(values[index]) before \(values[index + 1])")
    }
    try expectForms(values, type: type, schema: schema)
  }

  /// Different forms, none the beginning of another, each with its end.
  private func expectForms(_ values: [Value], type: SchemaType? = nil, schema: Schema? = nil) throws {
    let keys = try values.map { try encode($0, type: type, schema: schema) }.sorted { $0.lexicographicallyPrecedes($1) }
    for (a, b) in zip(keys, keys.dropFirst()) { #expect(!b.starts(with: a)) }
    for key in keys {
      #expect((key + [0x10, 0xFF]).withUnsafeBytes { KeyEncoder.valueEnd($0, at: 0) } == key.count)
      #expect((0x10..<0x40).contains(key[0]))
      // A part of a form is no form.
      for count in 0..<key.count {
        let end = key[..<count].withUnsafeBytes { KeyEncoder.valueEnd($0, at: 0) }
        #expect(end == nil)
      }
    }
  }

  @Test func integersByValueAcrossTypes() throws {
    try expectOrder([
      .int64(.min), .int64(-1 << 33), .int32(.min), .int16(-300), .int16(-257), .int16(-256), .int8(-128), .int32(-2),
      .int8(-1), .int8(0), .uint8(1), .uint8(2), .uint8(255), .uint16(256), .int16(257), .uint16(65535), .uint32(65536),
      .uint32(.max), .int64(1 << 40), .int64(.max), .uint64(1 << 63), .uint64(.max),
    ])
    // The same number of different types is not the same key.
    try expectOrder([.int8(5), .int16(5), .int32(5), .int64(5), .uint8(5), .uint16(5), .uint32(5), .uint64(5)])
    try expectOrder([.int8(-5), .int16(-5), .int32(-5), .int64(-5)])
  }

  @Test func randomIntegersByValue() throws {
    var generator = SeededGenerator(seed: 1)
    var numbers: Set<Int64> = []
    for _ in 0..<3000 {
      numbers.insert(Int64.random(in: .min ... .max, using: &generator) >> Int64.random(in: 0..<64, using: &generator))
    }
    let sorted = numbers.sorted()
    let keys = try sorted.map { try encode(.int64($0)) }
    #expect(zip(keys, keys.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
  }

  @Test func decimalsByValueAcrossDigits() throws {
    try expectOrder([
      .decimal64(Decimal64(scaled: .min, digits: 1)), .decimal64(Decimal64(scaled: .min, digits: 18)),
      .decimal64(Decimal64(scaled: -150, digits: 2)), .decimal64(Decimal64(scaled: -1, digits: 0)),
      .decimal64(Decimal64(scaled: -1, digits: 18)), .decimal64(Decimal64(scaled: 0, digits: 1)),
      .decimal64(Decimal64(scaled: 0, digits: 2)), .decimal64(Decimal64(scaled: 1, digits: 18)),
      .decimal64(Decimal64(scaled: 150, digits: 2)), .decimal64(Decimal64(scaled: 16, digits: 1)),
      .decimal64(Decimal64(scaled: .max, digits: 18)), .decimal64(Decimal64(scaled: .max, digits: 1)),
    ])
  }

  @Test func stringsAndBinariesByBytes() throws {
    try expectOrder([
      .string(""), .string("\u{0}"), .string("\u{0}\u{0}"), .string("\u{0}a"), .string("\u{1}"), .string("\u{1}\u{1}"),
      .string("\u{2}"), .string("A"), .string("a"), .string("a\u{0}"), .string("a\u{1}"), .string("aa"), .string("b"),
      .string("\u{E9}"), .string("\u{10FFFF}"),
    ])
    try expectOrder([
      .binary([]), .binary([0]), .binary([0, 0]), .binary([0, 255]), .binary([1]), .binary([1, 0]), .binary([255]),
    ])
    try expectOrder([.hexString([]), .hexString([0]), .hexString([0, 1]), .hexString([1])])
  }

  @Test func otherKinds() throws {
    try expectOrder([.bool(false), .bool(true)])
    try expectOrder([
      .enumeration(.min), .enumeration(-1), .enumeration(0), .enumeration(7), .enumeration(300), .enumeration(.max),
    ])
    try expectOrder([
      .double(-.infinity), .double(-1.5), .double(-0.0), .double(0), .double(1e-300), .double(2), .double(.infinity),
    ])
    try expectOrder([
      .ipv4(IPv4Address(9, 255, 255, 255)), .ipv4(IPv4Address(10, 0, 0, 2)), .ipv4(IPv4Address(10, 0, 0, 10)),
      .ipv4(IPv4Address(200, 0, 0, 1)), .ipv6(IPv6Address(high: 0, low: 1)), .ipv6(IPv6Address(high: 1, low: 0)),
    ])
    try expectOrder([
      .ipv4Prefix(IPv4Address(10, 0, 0, 0), 8), .ipv4Prefix(IPv4Address(10, 0, 0, 0), 24),
      .ipv4Prefix(IPv4Address(11, 0, 0, 0), 8),
      .ipv6Prefix(IPv6Address(high: 1, low: 0), 16),
    ])
    try expectOrder([.oid([]), .oid([1]), .oid([1, 3]), .oid([1, 3, 6]), .oid([1, 20]), .oid([2])])
    try expectOrder([
      .date(DateOnly(date: CalendarDate(year: -1, month: 1, day: 1), zone: nil)),
      .date(DateOnly(date: CalendarDate(year: 2024, month: 2, day: 29), zone: nil)),
      .date(DateOnly(date: CalendarDate(year: 2024, month: 10, day: 1), zone: nil)),
      .date(DateOnly(date: CalendarDate(year: 2024, month: 10, day: 1), zone: ZoneOffset(hours: -1, minutes: 0))),
      .date(DateOnly(date: CalendarDate(year: 2024, month: 10, day: 1), zone: .utc)),
    ])
    try expectForms([
      .empty, .dottedQuad(IPv4Address(1, 2, 3, 4)), .ipv4(IPv4Address(1, 2, 3, 4)), .qname(prefix: "a", name: "bc"),
      .qname(prefix: "ab", name: "c"), .duration(DurationParts(days: 1)), .duration(DurationParts(hours: 24)),
      .instanceIdentifier([.tag("a"), .keys([.string("x")])]),
      .instanceIdentifier([.tag("a"), .keys([.string("x\u{0}")]), .tag("b")]),
      .instanceIdentifier([.tag("a")]), .instanceIdentifier([.tag(Tag("a", in: "http://n")), .position(3)]),
      .ipv4AndPrefixLength(IPv4Address(1, 2, 3, 4), 5), .ipv6AndPrefixLength(IPv6Address(high: 1, low: 2), 5),
      .dateTime(
        DateTime(
          date: CalendarDate(year: 1, month: 2, day: 3), time: ClockTime(hour: 4, minute: 5, second: 6, microsecond: 7),
          zone: nil)),
      .time(TimeOnly(time: ClockTime(hour: 4, minute: 5, second: 6, microsecond: 7), zone: .utc)),
    ])
  }

  @Test func identitiesAndBitsByName() throws {
    let schema = try TestSchema.load()
    let typed = try #require(schema.child(of: schema.child(of: nil, name: "top"), name: "typed"))
    let keys = schema[typed].keys.map { schema[$0].type }
    let names = ["ape", "bird"].map { QName(namespace: "http://example.com/ex", name: $0) }
    try expectOrder(names.map { .identityref(IdentityHash($0)) }, type: keys[0], schema: schema)
    // Positions: zoom 0, audio 1, bass 2; texts are in the order of positions.
    try expectOrder(
      [.bits32(0), .bits32(2), .bits32(6), .bits32(4), .bits32(1), .bits32(3), .bits32(7), .bits32(5)], type: keys[1],
      schema: schema)
  }

  @Test func whatCannotBeAKeyIsRefused() throws {
    for value in [.list([]), .tag("a"), .notFound, .defaultInEffect, .identityref(IdentityHash(namespace: 1, name: 2))]
      as [Value]
    {
      #expect { try encode(value) } throws: { ($0 as? StoreError)?.code == .badKey }
    }
  }

  @Test func severalKeysSortOneByOne() throws {
    var generator = SeededGenerator(seed: 5)
    var tuples: [(String, Int32, Bool)] = []
    for _ in 0..<500 {
      let text = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
        "ab\u{0}\u{1}".randomElement(using: &generator) ?? "a"
      }
      tuples.append((String(text), Int32.random(in: -2...2, using: &generator), Bool.random(using: &generator)))
    }
    func order(_ a: (String, Int32, Bool), _ b: (String, Int32, Bool)) -> Bool {
      if a.0 != b.0 { return Array(a.0.utf8).lexicographicallyPrecedes(Array(b.0.utf8)) }
      if a.1 != b.1 { return a.1 < b.1 }
      return !a.2 && b.2
    }
    let wanted = tuples.sorted(by: order)
    func key(_ tuple: (String, Int32, Bool)) throws -> [UInt8] {
      try encode(.string(tuple.0)) + encode(.int32(tuple.1)) + encode(.bool(tuple.2))
    }
    let sorted = try tuples.map { try key($0) }.sorted { $0.lexicographicallyPrecedes($1) }
    #expect(try wanted.map { try key($0) } == sorted)
  }

  @Test func nodeStepsSortAndAreReadBack() throws {
    let numbers = [0, 1, 127, 128, 129, 12415, 12416, 12417, 500_000, KeyForm.maximumNodes - 1]
    let steps = try numbers.map { try #require(KeyForm.nodeStep($0)) }
    for (a, b) in zip(steps, steps.dropFirst()) { #expect(a.lexicographicallyPrecedes(b) && !b.starts(with: a)) }
    for (number, step) in zip(numbers, steps) {
      let read = (step + [1, 2, 3]).withUnsafeBytes { KeyForm.node($0, at: 0) }
      #expect(read?.number == number)
      #expect(read?.end == step.count)
    }
    #expect(KeyForm.nodeStep(KeyForm.maximumNodes) == nil)
    #expect(([0xC0] as [UInt8]).withUnsafeBytes { KeyForm.node($0, at: 0) } == nil)
  }
}
