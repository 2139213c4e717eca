import NSOModel

/// A module for each type and each restriction of values, with data that it allows and data that it does not.
let corpusOfTypes: [CorpusCase] = [
  values("int8", "type int8;", good: ["-128", "0", "127"], bad: ["128", "-129", "1.0", "x", ""]),
  values("uint8", "type uint8;", good: ["0", "255"], bad: ["256", "-1"]),
  values("int16", "type int16;", good: ["-32768", "32767"], bad: ["32768", "-32769"]),
  values("uint16", "type uint16;", good: ["65535"], bad: ["65536", "-1"]),
  values("int32", "type int32;", good: ["-2147483648", "2147483647"], bad: ["2147483648", "-2147483649"]),
  values("uint32", "type uint32;", good: ["4294967295"], bad: ["4294967296", "-1"]),
  values(
    "int64", "type int64;", good: ["-9223372036854775808", "9223372036854775807"],
    bad: ["9223372036854775808", "-9223372036854775809"]),
  values("uint64", "type uint64;", good: ["18446744073709551615"], bad: ["18446744073709551616", "-1"]),
  values(
    "range", "type int32 { range \"1..4 | 10..20 | 100\"; }", good: ["1", "4", "10", "20", "100"],
    bad: ["0", "5", "21", "99", "101"]),
  values("range with min and max", "type uint8 { range \"min..3 | 250..max\"; }", good: ["0", "3", "255"], bad: ["4", "249"]),
  values(
    "range of a derived type", "type t { range \"5..6\"; }", before: "typedef t { type int16 { range \"1..10\"; } }",
    good: ["5", "6"], bad: ["4", "7"]),
  values(
    "decimal64", "type decimal64 { fraction-digits 2; range \"1.5..3.25\"; }", good: ["1.5", "2", "3.25", "3.2"],
    bad: ["1.49", "3.26", "1.555", "x"]),
  values("length", "type string { length \"1..3 | 5\"; }", good: ["a", "äöü", "abcde"], bad: ["", "abcd", "abcdef"]),
  values(
    "pattern", "type string { pattern \"[a-z]+[0-9]?\"; }", good: ["abc", "abc1"], bad: ["ABC", "a12", "1", "xabc\u{e4}"]),
  values(
    "patterns, one inverted",
    "type string { pattern \"[a-z]*\"; pattern \"xml.*\" { modifier invert-match; } }", good: ["abc", ""], bad: ["xmla", "Abc"]),
  values(
    "pattern of a derived type", "type t { pattern \".*z\"; }", before: "typedef t { type string { pattern \"a.*\"; } }",
    good: ["az", "abz"], bad: ["bz", "ab"]),
  values(
    "enumeration", "type enumeration { enum on; enum \"off for now\"; }", good: ["on", "off for now"], bad: ["ON", "off", ""]),
  values(
    "enumeration, narrowed", "type t { enum a; }", before: "typedef t { type enumeration { enum a; enum b; } }", good: ["a"],
    bad: ["b"]),
  values("bits", "type bits { bit a; bit b; bit c; }", good: ["a", "a c", "b a", ""], bad: ["d", "a d", "a,b"]),
  values("boolean", "type boolean;", good: ["true", "false"], bad: ["TRUE", "1", ""]),
  values("binary", "type binary { length \"2..4\"; }", good: ["YWI=", "YWJjZA=="], bad: ["YQ==", "YWJjZGU=", "Y*I="]),
  values(
    "identityref", "type identityref { base kind; }",
    before: "identity kind; identity eth { base kind; } identity gig { base eth; } identity other;", good: ["eth", "gig"],
    bad: ["kind", "other", "none"]),
  values(
    "union", "type union { type uint8 { range \"1..5\"; } type enumeration { enum auto; } }", good: ["5", "auto"],
    bad: ["6", "0", "x"]),
  values(
    "leafref has the type of its target", "type leafref { path \"/b\"; require-instance false; }",
    before: "leaf b { type uint8; }", good: ["7"], bad: ["300", "x"]),
  CorpusCase(
    "keys are there",
    "m { list l { key \"a b\"; leaf a { type string; } leaf b { type uint8; } leaf c { type string; } } }",
    data: [
      ("<l xmlns='urn:m'><a>x</a><b>1</b></l>", nil), ("<l xmlns='urn:m'><a>x</a><c>1</c></l>", .badConfig),
      ("<l xmlns='urn:m'><a>x</a><b>y</b></l>", .badType),
    ]),
  CorpusCase(
    "nodes are known", "m { container c { leaf a { type string; } } }",
    data: [
      ("<c xmlns='urn:m'><a>x</a></c>", nil), ("<c xmlns='urn:m'><b>x</b></c>", .badConfig),
      ("<d xmlns='urn:m'/>", .badConfig),
    ]),
]

/// One leaf, and texts that are values of it, or none.
private func values(_ name: String, _ type: String, before: String = "", good: [String], bad: [String]) -> CorpusCase {
  func leaf(_ text: String) -> String { "<x xmlns='urn:m'>\(text)</x>" }
  return CorpusCase(
    name, "m { \(before) leaf x { \(type) } }",
    data: good.map { (leaf($0), nil) } + bad.map { (leaf($0), .badType) })
}
