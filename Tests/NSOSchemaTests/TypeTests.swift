import Foundation
import NSOModel
import NSOSchema
import TestSupport
import Testing

private let namespace = "urn:test:types"

private func identity(_ name: String, _ module: String = namespace) -> Value {
  .identityref(IdentityHash(QName(namespace: module, name: name)))
}

/// A leaf of `Models/types.yang`, a text, and what comes of it: a value with its canonical text, or nothing.
struct TypeCase: Sendable, CustomTestStringConvertible {
  var leaf: String
  var text: String
  var value: Value?
  var canonical: String?
  var testDescription: String { "\(leaf) \(text)" }
}

private func good(_ leaf: String, _ text: String, _ value: Value, _ canonical: String? = nil) -> TypeCase {
  TypeCase(leaf: leaf, text: text, value: value, canonical: canonical ?? text)
}

private func bad(_ leaf: String, _ texts: String...) -> [TypeCase] {
  texts.map { TypeCase(leaf: leaf, text: $0, value: nil, canonical: nil) }
}

private func v6(_ text: String) -> IPv6Address { IPv6Address(text) ?? IPv6Address(high: 0, low: 0) }

let typeCases: [TypeCase] =
  [
    good("int8", "-128", .int8(-128)), good("int8", " 12\n", .int8(12), "12"), good("int8", "+5", .int8(5), "5"),
    good("int8", "-0x10", .int8(-16), "-16"), good("int8", "007", .int8(7), "7"),
    good("int8-range", "-5", .int8(-5)), good("int8-range", "3", .int8(3)), good("int8-range", "127", .int8(127)),
    good("int16", "-32768", .int16(-32768)), good("int32", "2147483647", .int32(.max)),
    good("int64", "-9223372036854775808", .int64(.min)), good("uint8", "255", .uint8(255)),
    good("uint16", "65535", .uint16(65535)), good("uint32", "4294967295", .uint32(.max)),
    good("uint64", "18446744073709551615", .uint64(.max)),
    good("dec", "3.1", .decimal64(Decimal64(scaled: 310, digits: 2)), "3.1"),
    good("dec", "-0.05", .decimal64(Decimal64(scaled: -5, digits: 2))),
    good("dec", "7", .decimal64(Decimal64(scaled: 700, digits: 2)), "7.0"),
    good("dec", "1.500", .decimal64(Decimal64(scaled: 150, digits: 2)), "1.5"),
    good("dec", "92233720368547758.07", .decimal64(Decimal64(scaled: .max, digits: 2))),
    good("dec", "-92233720368547758.08", .decimal64(Decimal64(scaled: .min, digits: 2))),
    good("dec-range", "-1.5", .decimal64(Decimal64(scaled: -1500, digits: 3))),
    good("dec18", "9.223372036854775807", .decimal64(Decimal64(scaled: .max, digits: 18))),
    good("boolean", "true", .bool(true)), good("boolean", "false", .bool(false)), good("empty", "", .empty),
    good("enum", "five", .enumeration(5)), good("enum", "two words", .enumeration(6)), good("enum", "minus", .enumeration(-3)),
    good("bits", "b9 b0", .bits32(513), "b0 b9"), good("bits", "", .bits32(0)), good("bits", " b3 ", .bits32(8), "b3"),
    good("bits64", "high low", .bits64(1 << 63 | 1), "low high"),
    good("bits-big", "high", .bitsBig([0, 0, 0, 0, 0, 0, 0, 0, 64])),
    good("binary", "AP8=", .binary([0, 255])), good("binary", "", .binary([])),
    good("binary", "AQID BA==", .binary([1, 2, 3, 4]), "AQIDBA=="),
    good("string", " a  b ", .string(" a  b ")), good("word", "hello", .string("hello")),
    good("short-word", "abcd", .string("abcd")), good("inverted", "abc", .string("abc")),
    good("unicode", "äöü", .string("äöü")), good("unicode", "👍👍👍", .string("👍👍👍")),
    good("letters", "straße", .string("straße")),
    good("anchored", "a", .string("a")), good("anchored", "b$c^", .string("b$c^")),
    good("idref", "both", identity("both"), "ty:both"), good("idref", "ty:grand", identity("grand")),
    good("idref", "types:grand", identity("grand"), "ty:grand"), good("idref-a", "only-a", identity("only-a"), "ty:only-a"),
    good(
      "if-type", "ianaift:ethernetCsmacd", identity("ethernetCsmacd", "urn:ietf:params:xml:ns:yang:iana-if-type")),
    good("union", "17", .int8(17)), good("union", "auto", .enumeration(0)), good("union", "word", .string("word")),
    good("nested-union", "9", .uint8(9)), good("nested-union", "::1", .ipv6(v6("::1"))),
    good("nested-union", "true", .bool(true)),
    good("host", "10.0.0.1", .ipv4(IPv4Address(10, 0, 0, 1))), good("host", "a.example", .string("a.example")),
    good("host", "2001:DB8::1", .ipv6(v6("2001:db8::1")), "2001:db8::1"),
    good("ipv4", "192.0.2.1", .ipv4(IPv4Address(192, 0, 2, 1))), good("ipv4-nz", "0.0.0.0", .ipv4(IPv4Address(0, 0, 0, 0))),
    good("my-address", "10.1.2.3", .ipv4(IPv4Address(10, 1, 2, 3))),
    good("ipv6", "::", .ipv6(v6("::"))), good("ipv6", "1:0:0:2::0:1", .ipv6(v6("1:0:0:2::1")), "1:0:0:2::1"),
    good("ip", "1.2.3.4", .ipv4(IPv4Address(1, 2, 3, 4))),
    good("ipv4-prefix", "10.1.2.3/8", .ipv4Prefix(IPv4Address(10, 0, 0, 0), 8), "10.0.0.0/8"),
    good("ipv4-prefix", "0.0.0.0/0", .ipv4Prefix(IPv4Address(0, 0, 0, 0), 0)),
    good("ipv4-prefix", "1.2.3.4/32", .ipv4Prefix(IPv4Address(1, 2, 3, 4), 32)),
    good("ipv6-prefix", "2001:db8:ffff::1/33", .ipv6Prefix(v6("2001:db8:8000::"), 33), "2001:db8:8000::/33"),
    good("ipv6-prefix", "::/0", .ipv6Prefix(v6("::"), 0)), good("ipv6-prefix", "::1/128", .ipv6Prefix(v6("::1"), 128)),
    good("ipv6-prefix", "1::1/64", .ipv6Prefix(v6("1::"), 64), "1::/64"),
    good("ip-prefix", "::/1", .ipv6Prefix(v6("::"), 1)), good("domain", "example.com", .string("example.com")),
    good("uri", "http://a/b?c", .string("http://a/b?c")), good("port", "80", .uint16(80)), good("as", "70000", .uint32(70000)),
    good("version", "ipv6", .enumeration(2)), good("dscp", "63", .uint8(63)), good("counter32", "7", .uint32(7)),
    good("gauge64", "7", .uint64(7)), good("timeticks", "1", .uint32(1)),
    good("when", "2024-01-02T03:04:05Z", dateTime(zone: .utc), "2024-01-02T03:04:05+00:00"),
    good("when", "2024-01-02T03:04:05.25-05:30", dateTime(250_000, zone: ZoneOffset(hours: -5, minutes: 30))),
    good("when", "2024-01-02T03:04:05-00:00", dateTime(zone: nil)),
    good("when", "2024-01-02T03:04:05+00:30", dateTime(zone: ZoneOffset(hours: 0, minutes: 30))),
    good("when", "2024-01-02T03:04:05-00:30", dateTime(zone: ZoneOffset(hours: 0, minutes: -30))),
    good("phys", "DE:ad:01", .binary([0xDE, 0xAD, 1]), "de:ad:01"), good("phys", "", .binary([])),
    good("mac", "00:11:22:33:44:FF", .binary([0, 0x11, 0x22, 0x33, 0x44, 0xFF]), "00:11:22:33:44:ff"),
    good("hex", "de:AD", .hexString([0xDE, 0xAD]), "de:ad"), good("quad", "1.2.3.4", .dottedQuad(IPv4Address(1, 2, 3, 4))),
    good("oid", "1.3.6.1", .oid([1, 3, 6, 1])), good("oid", "2.4294967295", .oid([2, .max])),
    good("oid128", "0.39", .oid([0, 39])),
    good("uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", .string("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")),
    good("xpath", "/a/b[c='d']", .string("/a/b[c='d']")), good("crypt", "$0$x", .string("$0$x")),
    good("size", "S2G3M4K5B", .uint64(2_150_633_477)), good("size", "3K7B", .uint64(3079), "S3K7B"),
    good("size", "S0B", .uint64(0)), good("size", "S1025M", .uint64(1025 << 20), "S1G1M"),
    good("octets", "192.168.0.1", .binary([192, 168, 0, 1])), good("octets", "", .binary([])),
    good("hexes", "de:ad", .binary([0xDE, 0xAD]), "DE:AD"),
    good("v4len", "10.0.0.1/8", .ipv4AndPrefixLength(IPv4Address(10, 0, 0, 1), 8)),
    good("v6len", "2001:db8::1/64", .ipv6AndPrefixLength(v6("2001:db8::1"), 64)),
    good("iplen", "::1/1", .ipv6AndPrefixLength(v6("::1"), 1)),
    good("digest", "$0$secret", .string("$0$secret")), good("secret", "$8$abc", .string("$8$abc")),
    good(
      "duration", "P1Y2M3DT4H5M6S", .duration(DurationParts(years: 1, months: 2, days: 3, hours: 4, minutes: 5, seconds: 6))),
    good("duration", "PT1.5S", .duration(DurationParts(seconds: 1, microseconds: 500_000))),
    good("date", "1960-03-31", .date(DateOnly(date: CalendarDate(year: 1960, month: 3, day: 31), zone: nil))),
    good("date", "1960-03-31Z", .date(DateOnly(date: CalendarDate(year: 1960, month: 3, day: 31), zone: .utc))),
    good(
      "time", "19:03:31.5+02:00",
      .time(
        TimeOnly(
          time: ClockTime(hour: 19, minute: 3, second: 31, microsecond: 500_000), zone: ZoneOffset(hours: 2, minutes: 0)))),
    good("xdouble", "3.5", .double(3.5)), good("xdouble", "-.5", .double(-0.5), "-0.5"),
    good("xdecimal", "7", .double(7), "7.0"),
    good("qname", "a:b", .qname(prefix: "a", name: "b")), good("qname", "b", .qname(prefix: "", name: "b")),
    good("xhex", "00ff", .binary([0, 255]), "00FF"), good("ref", "hello", .string("hello")),
    good("bits-union", "y", .bits32(2)), good("empty-union", "", .empty), good("empty-union", "4", .int8(4)),
    good("ref-union", "00:00:00:00:00:01", .binary([0, 0, 0, 0, 0, 1])), good("ref-union", "8", .uint8(8)),
    good(
      "inst", "/ty:leafs/ty:entry[ty:place='10.0.0.0/8'][ty:name='a b']/ty:tag[.='x']",
      .instanceIdentifier([
        .tag(Tag("leafs", in: namespace)), .tag("entry"), .keys([.string("a b"), .ipv4Prefix(IPv4Address(10, 0, 0, 0), 8)]),
        .tag("tag"), .keys([.string("x")]),
      ]), "/ty:leafs/ty:entry[ty:name='a b'][ty:place='10.0.0.0/8']/ty:tag[.='x']"),
  ]
  + bad("int8", "128", "-129", "", "-", "+", "1.0", "a", "1 2", "0x", "--1", "+-1", "0x-1", "٣")
  + bad("int8-range", "-6", "0", "4", "9") + bad("uint8", "-1", "256") + bad("uint64", "18446744073709551616")
  + bad("int64", "9223372036854775808") + bad("dec", "3.141", ".5", "5.", "1e3", "", "92233720368547758.08", "1.2.3", "-")
  + bad("dec-range", "2.001", "-1.6", "9.999") + bad("dec18", "10") + bad("boolean", "TRUE", "1", "", "yes")
  + bad("empty", "x") + bad("enum", "six", "", "One") + bad("bits", "b1", "b0 b0", "b0,b9")
  + bad("binary", "AA==", "AAECAwQ=", "A", "AP8", "A===", "=", "AP8=AP8=", "A*8=", "AP9=")
  + bad("string", "a\u{0}b", "\u{1}") + bad("word", "a", "Hello", "hellohellohello", "héllo") + bad("short-word", "abcde")
  + bad("inverted", "xyz", "A") + bad("unicode", "ab", "abcd") + bad("letters", "a1") + bad("anchored", "b", "b$c", "ab")
  + bad("idref", "only-a", "base-a", "nowhere:both", "if:both", "") + bad("union", "1000", "Word")
  + bad("nested-union", "0", "maybe")
  + bad("ipv4", "256.1.1.1", "1.2.3", "01.2.3.4", "1.2.3.4%eth0", "") + bad("my-address", "11.1.2.3")
  + bad("ipv6", "1:2", ":::", "1::2::3", "fe80::1%eth0", "g::")
  + bad("ipv4-prefix", "10.0.0.0/33", "10.0.0.0", "10.0.0.0/", "10.0.0.0/08")
  + bad("ipv6-prefix", "::/129", "::") + bad("ip-prefix", "10.0.0.0/40") + bad("domain", "a b") + bad("port", "65536")
  + bad("version", "ipv5") + bad("dscp", "64")
  + bad(
    "when", "2024-02-30T00:00:00Z", "2024-01-02", "2024-01-02T03:04:05+15:00", "2024-01-02T25:00:00Z", "2024-13-02T00:00:00Z",
    "2024-01-02T03:04:05.Z", "2024-01-02T03:04:05Zx")
  + bad("phys", "DE:a", "DEAD") + bad("mac", "00:11:22:33:44", "00-11-22-33-44-55") + bad("hex", "0") + bad("quad", "1.2.3")
  + bad("oid", "3.1", "1", "1.40", "1.2.4294967296", "1..2") + bad("uuid", "f81d4fae") + bad("crypt", "plain")
  + bad("size", "S", "", "5", "S1K1G", "S99999999999G") + bad("octets", "256", "1.", "a") + bad("hexes", "D", "DE:A")
  + bad("v4len", "10.0.0.1/33", "10.0.0.1") + bad("v6len", "::1/129") + bad("digest", "plain")
  + bad("duration", "P", "PT", "1D", "P1S", "PT1.5M", "P1D2Y") + bad("date", "1960-02-30", "60-01-01")
  + bad("time", "24:00:01", "1:2:3")
  + bad("xdouble", "INF", "nan", "", "1e999", "0x10") + bad("qname", "a:b:c", "", ":a") + bad("xhex", "0", "0g")
  + bad("ref", "Hello") + bad("bits-union", "z") + bad("empty-union", "x")
  + bad(
    "inst", "ty:leafs", "/ty:nowhere", "/ty:leafs/ty:entry[ty:name='a']", "/ty:leafs/ty:entry[ty:name='a'][ty:place='b']",
    "/ty:leafs/ty:entry[ty:name='a']/ty:tag", "")

private func dateTime(_ microseconds: UInt32 = 0, zone: ZoneOffset?) -> Value {
  .dateTime(
    DateTime(
      date: CalendarDate(year: 2024, month: 1, day: 2),
      time: ClockTime(hour: 3, minute: 4, second: 5, microsecond: microseconds), zone: zone))
}

@Suite struct TypeTests {
  static let schema = Result { try ModelDirectories.load("types") }
  let schema: Schema

  init() throws { schema = try Self.schema.get() }

  private func leaf(_ name: String) throws -> SchemaNode {
    let top = try #require(schema.child(of: nil, name: "leafs"))
    return schema[try #require(schema.child(of: top, name: name), "no leaf \(name)")]
  }

  @Test(arguments: typeCases) func text(_ sample: TypeCase) throws {
    let leaf = try leaf(sample.leaf)
    let type = try #require(leaf.type)
    guard let expected = sample.value else {
      #expect(throws: ValueError.self) { try schema.parse(sample.text, at: leaf) }
      return
    }
    let value = try schema.parse(sample.text, at: leaf)
    #expect(value == expected)
    #expect(try schema.check(value, at: leaf) == value)
    let text = try #require(schema.text(of: value, as: type))
    #expect(text == sample.canonical)
    #expect(try schema.parse(text, at: leaf) == value)
    if sample.leaf.contains("union") || sample.leaf == "host" || sample.leaf == "ip" || sample.leaf.hasPrefix("ip-") { return }
    if sample.leaf != "empty", sample.leaf != "iplen", sample.leaf != "nested-union" {
      #expect(leaf.typeNumber == value.typeNumber)
    }
  }

  /// Values of another form are refused by every type, and nothing traps.
  @Test func valuesOfOtherForms() throws {
    let samples: [Value] = typeCases.compactMap(\.value)
    for sample in typeCases {
      guard let own = sample.value else { continue }
      let leaf = try leaf(sample.leaf)
      let type = try #require(leaf.type)
      for other in samples {
        let checked = try? schema.check(other, as: type)
        if let checked {
          #expect(schema.text(of: checked, as: type) != nil, "\(sample.leaf) accepts \(other)")
        } else if other == own {
          Issue.record("\(sample.leaf) refuses \(own)")
        }
      }
    }
  }

  @Test func canonicalValues() throws {
    #expect(
      try schema.check(.decimal64(Decimal64(scaled: 5, digits: 0)), at: leaf("dec"))
        == .decimal64(Decimal64(scaled: 5, digits: 2)))
    #expect(throws: ValueError.self) { try schema.check(.decimal64(Decimal64(scaled: 5, digits: 3)), at: leaf("dec")) }
    #expect(
      try schema.check(.ipv4Prefix(IPv4Address(10, 1, 2, 3), 8), at: leaf("ipv4-prefix"))
        == .ipv4Prefix(IPv4Address(10, 0, 0, 0), 8))
    #expect(try schema.check(.bitsBig([1]), at: leaf("bits-big")) == .bitsBig([1, 0, 0, 0, 0, 0, 0, 0, 0]))
    #expect(throws: ValueError.self) { try schema.check(.bitsBig([2]), at: leaf("bits-big")) }
    #expect(throws: ValueError.self) { try schema.check(.bitsBig(Array(repeating: 0, count: 10)), at: leaf("bits-big")) }
    #expect(throws: ValueError.self) { try schema.check(.bits32(2), at: leaf("bits")) }
    #expect(throws: ValueError.self) { try schema.check(.enumeration(2), at: leaf("enum")) }
    #expect(throws: ValueError.self) {
      try schema.check(.ipv6AndPrefixLength(IPv6Address(high: 0, low: 0), 200), at: leaf("v6len"))
    }
    #expect(throws: ValueError.self) {
      try schema.check(.instanceIdentifier([.tag(Tag("leafs", in: namespace)), .tag("nowhere")]), at: leaf("inst"))
    }
  }

  @Test func errorsNameRuleAndRemedy() throws {
    func message(_ leaf: String, _ text: String) throws -> ValueError {
      let node = try self.leaf(leaf)
      do throws(ValueError) { _ = try schema.parse(text, at: node) } catch { return error }
      return ValueError("accepted")
    }
    #expect(try message("int8-range", "4").message == "4 is not in the range -5..-1 | 3 | 10..127")
    #expect(try message("short-word", "abcde") == ValueError("short words only", appTag: "long"))
    #expect(try message("my-address", "11.1.1.1").message == "inside only")
    #expect(try message("enum", "six").message == "\"six\" is not one of one, five, two words, minus")
    #expect(try message("word", "Hello").message == "\"Hello\" does not match the pattern \"[a-z]+\"")
    #expect(try message("idref", "only-a").message.contains("ty:both, ty:grand"))
    #expect(try message("dec-range", "3").message == "3.0 is not in the range -1.5..2.0 | 10.0")
    #expect(try message("binary", "AA==").message == "1 octets is not in the length in octets 0 | 2..4")
    let error = try message("int8", "x").nsoError(at: "/ty:leafs/int8")
    #expect(error.code == .badType && error.message.hasPrefix("/ty:leafs/int8: \"x\" is not an int8"))
  }

  @Test func identityTexts() throws {
    let leaf = try leaf("if-type")
    let type = try #require(leaf.type)
    let iana = "urn:ietf:params:xml:ns:yang:iana-if-type"
    let value = identity("ethernetCsmacd", iana)
    #expect(schema.text(of: value, as: type, style: .json) == "iana-if-type:ethernetCsmacd")
    #expect(schema.text(of: value, as: type, style: .xml { $0 == iana ? "x" : "?" }) == "x:ethernetCsmacd")
    #expect(try schema.parse("q:ethernetCsmacd", at: leaf, prefixes: .map { $0 == "q" ? iana : nil }) == value)
    #expect(throws: ValueError.self) {
      try schema.parse("p:ethernetCsmacd", at: leaf, prefixes: .map { $0 == "q" ? iana : nil })
    }
    #expect(try schema.parse("ethernetCsmacd", at: leaf, prefixes: .map { _ in iana }) == value)
  }

  @Test func instancePositions() throws {
    let schema = try ModelDirectories.load("statements")
    let leaf: NodeID = try #require(try schema.parsePath("/st:top/where").node)
    let value = try schema.parse("/st:stats/st:row[3]/st:a", at: schema[leaf])
    let tags: Keypath = [.tag(Tag("stats", in: "urn:test:statements")), .tag("row"), .keys([.int64(3)]), .tag("a")]
    #expect(value == .instanceIdentifier(tags))
    #expect(schema.text(of: value, as: try #require(schema[leaf].type)) == "/st:stats/st:row[3]/st:a")
    #expect(schema.text(of: value, as: try #require(schema[leaf].type), style: .json) == "/statements:stats/row[3]/a")
    #expect(throws: ValueError.self) { try schema.parse("/st:top/st:item[3]/st:label", at: schema[leaf]) }
    let position: Keypath = [.tag(Tag("stats", in: "urn:test:statements")), .tag("row"), .position(3)]
    #expect(throws: ValueError.self) { try schema.check(.instanceIdentifier(position), at: schema[leaf]) }
  }

  @Test func identityOfTheNodesOwnModuleGoesFirst() throws {
    let schema = try ModelDirectories.load(
      text: """
        module twin { yang-version 1.1; namespace "urn:twin"; prefix tw; import ex { prefix ex; }
          identity wifi { base ex:media; }
          leaf own { type identityref { base ex:media; } }
          augment "/ex:top" { leaf theirs { type identityref { base ex:media; } } } }
        """, "ex")
    let own: NodeID = try #require(try schema.parsePath("/tw:own").node)
    #expect(try schema.parse("wifi", at: schema[own]) == identity("wifi", "urn:twin"))
    #expect(try schema.parse("ex:wifi", at: schema[own]) == identity("wifi", "http://example.com/ns/ex"))
    let media: NodeID = try #require(try schema.parsePath("/ex:top/media").node)
    #expect(try schema.parse("wifi", at: schema[media]) == identity("wifi", "http://example.com/ns/ex"))
    let error = #expect(throws: ValueError.self) { try schema.parse("wifi", as: try #require(schema[own].type)) }
    #expect(error?.message.contains("ex:wifi, tw:wifi") == true || error?.message.contains("tw:wifi, ex:wifi") == true)
  }

  @Test func bitNames() throws {
    #expect(schema.bitNames(of: .bits32(513), as: try #require(try leaf("bits").type)) == ["b0", "b9"])
    #expect(schema.bitNames(of: .bits32(3), as: try #require(try leaf("bits-union").type)) == ["x", "y"])
    #expect(schema.bitNames(of: .int8(3), as: try #require(try leaf("bits-union").type)) == nil)
  }

  /// Every text is refused, or becomes a value whose text leads to the same value; nothing traps.
  @Test func randomTexts() throws {
    var random = SeededGenerator(seed: 11)
    let top = try #require(schema.child(of: nil, name: "leafs"))
    let leafs = schema[top].children.map { schema[$0] }.filter { $0.kind == .leaf }
    let pieces = [
      "0", "1", "9", "25", "-", "+", ".", ":", "/", "::", "e", "T", "Z", "P", "D", "S", "M", "G", "B", "a", "ff", "AA", "=",
      " ",
      "\n", "true", "auto", "both", "ty:", "b0", "b9", "0x", "2024-01-02", "03:04:05", "$0$", "18446744073709551615", "ä", "%",
      "/ty:leafs", "[", "]", "'", "\"", "{", "}",
    ]
    for _ in 0..<4_000 {
      let text = (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      for leaf in leafs {
        guard let type = leaf.type, let value = try? schema.parse(text, as: type) else { continue }
        #expect((try? schema.check(value, as: type)) == value, "\(leaf.name.name) \(text)")
        let canonical = try #require(schema.text(of: value, as: type), "\(leaf.name.name) \(text)")
        #expect((try? schema.parse(canonical, as: type)) == value, "\(leaf.name.name) \(text) -> \(canonical)")
      }
    }
  }

  /// The library's own tool accepts and refuses the same texts, where the value form is not narrower by the protocol.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/yanglint")))
  func yanglintAgrees() throws {
    let leafs: Set = [
      "int8", "int8-range", "dec", "dec-range", "boolean", "enum", "binary", "word", "short-word", "inverted", "unicode",
      "letters", "anchored", "port", "uint64",
    ]
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("nso-lint-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    for (index, sample) in typeCases.enumerated() where leafs.contains(sample.leaf) {
      // By the library's reading hexadecimal and leading zeros are for defaults only, and base64 has no blanks. Control
      // characters are no XML.
      // It takes a lone minus for a decimal64, and base64 with bits behind the end.
      let differs = ["AQID BA==", "AP9=", "-"].contains(sample.text) && sample.leaf != "int8"
      guard !sample.text.hasPrefix("0"), !sample.text.contains("0x"), !differs else { continue }
      let file = directory.appendingPathComponent("\(index).xml")
      let text = sample.text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      try "<leafs xmlns=\"\(namespace)\"><\(sample.leaf)>\(text)</\(sample.leaf)></leafs>"
        .write(to: file, atomically: true, encoding: .utf8)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/yanglint")
      process.arguments = [
        "-p", ModelDirectories.tests, "-p", ModelDirectories.own, "-p", ModelDirectories.standard, "-t", "config",
        "\(ModelDirectories.tests)/types.yang", file.path,
      ]
      process.standardError = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      #expect((process.terminationStatus == 0) == (sample.value != nil), "\(sample.testDescription)")
    }
  }
}
