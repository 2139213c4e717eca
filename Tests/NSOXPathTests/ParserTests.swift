import NSOModel
import NSOXPath
import Testing

@Suite struct ParserTests {
  static let namespaces = XPathNamespaces(prefixes: ["a": "urn:a", "if": "urn:if"], unprefixed: .namespace("urn:a"))

  @Test(arguments: [
    "/", "a", "/a", "//a", "a//b", ".", "..", "./a", "../a", "../../a", "/a/b/c", "*", "a:*", "a:b", "/a/*",
    "child::a", "parent::node()", "ancestor-or-self::a:x", "following-sibling::*[1]", "descendant::text()", "self::node()",
    "a[1]", "a[last()]", "a[b][c]", "a[b = 'x' and c = \"y\"]/d", "a[position() mod 2 = 1]", "a [ b ] / c",
    "1", "1.5", ".5", "5.", "'x'", "\"x\"", "''", "$v", "$p:v", "$v/a", "$v[1]/b", "(a | b)/c", "(a)[1]", "a | b | c",
    "1 + 2 - 3 * 4 div 5 mod 6", "-a", "--a", "a-b", "a -b", "a - b", "div div div", "mod mod mod", "and and and", "or or or",
    "* * *", "a*b", "a * *", "div", "text", "text()", "node()", "comment()", "processing-instruction()",
    "processing-instruction('x')", "not(a)", "count(//a)", "string()", "concat(a, 'b', 1)", "current()/../a",
    "deref(current())/../b", "re-match(., '[a-z]+')", "derived-from-or-self(../a:type, 'a:base')", "enum-value(a) > 3",
    "bit-is-set(a, 'b')", "a = b != c", "a < b <= c > d >= e", "not(not(a)) or (b and c)",
    "/if:interfaces/if:interface[if:name = current()/../if:name]/if:enabled = 'true'",
    "a/ancestor-or-self::*/following::b/preceding::c", " \t\n\r a \n", "_x.y-z", "été/名前",
    "a[b[c[d[e]]]]", "((((1))))", "true() and false()", "processing-instruction", "a/div", "a/and", "a/text", "/ = 1", "/*",
    "a..b", "(/) or 1",
    "(/) * 2", "a/and", "/or",
  ])
  func accepts(_ source: String) throws {
    _ = try XPath(source, namespaces: Self.namespaces)
  }

  @Test(arguments: [
    ("", 0), ("   ", 3), ("a b", 2), ("a/", 2), ("a//", 3), ("//", 2), ("a[", 2), ("a[1", 3), ("a]", 1), ("[1]", 0), ("()", 1),
    ("(a", 2), ("a)", 1), ("a |", 3), ("| a", 0), ("a +", 3), ("+ a", 0), ("a = = b", 4), ("a ! b", 2), ("!", 0), ("a:", 2),
    (":a", 0), ("a::b", 0), ("foo::b", 0), ("child::", 7), ("a/[1]", 2), (".[1]", 1), ("..[1]", 2), ("'x", 2), ("\"x", 2),
    ("$", 1), ("$1", 1), ("$a:", 3), ("@a", 0), ("a/@b", 2), ("attribute::a", 0), ("namespace::a", 0), ("b:c", 0),
    ("nofunc()", 0),
    ("a:count(b)", 0), ("count()", 0), ("count(a, b)", 0), ("count('x')", 6), ("count(1)", 6), ("not()", 0), ("true(1)", 0),
    ("concat('x')", 0), ("substring('x')", 0), ("translate('a', 'b')", 0), ("'a'/b", 0), ("1[2]", 0), ("1 | a", 0),
    ("a | 'b'", 4),
    ("sum('a')", 4), ("current(1)", 0), ("re-match('a', '[')", 0), ("re-match('a', 'a{2,1}')", 0),
    ("derived-from(a, 'q:x')", 0),
    ("text(1)", 5), ("node(", 5), ("a,b", 1), ("a;b", 1), ("a#b", 1), ("a\u{0}b", 1), ("1a", 1), ("a 'b'", 2), ("a and", 5),
    ("a/..b", 4), ("/ or 1", 5), ("/ * 2", 4),
  ])
  func refuses(_ source: String, _ offset: Int) {
    let error = #expect(throws: XPathError.self) { try XPath(source, namespaces: Self.namespaces) }
    #expect(error?.offset == offset, "\(source): \(String(describing: error))")
    #expect(error?.nsoError.code == .xpath)
    #expect(error?.expression == source)
  }

  @Test func errorsSayWhatWasExpected() {
    let error = #expect(throws: XPathError.self) { try XPath("count(a]", namespaces: Self.namespaces) }
    #expect(error?.description == "XPath: expected \")\", found \"]\" at offset 7 in \"count(a]\"")
    #expect(
      #expect(throws: XPathError.self) { try XPath("x:a") }?.description == "XPath: unknown prefix \"x\" at offset 0 in \"x:a\""
    )
    #expect(
      #expect(throws: XPathError.self) { try XPath("contains('a')") }?.description
        == "XPath: contains() takes 2 arguments, not 1 at offset 0 in \"contains('a')\"")
    #expect(
      #expect(throws: XPathError.self) { try XPath("@x") }?.description
        == "XPath: YANG data has no attributes at offset 0 in \"@x\"")
  }

  @Test func limits() throws {
    let deep = String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
    for source in [
      deep, "a" + String(repeating: "[a", count: 3000) + String(repeating: "]", count: 3000),
      String(repeating: "not(", count: 3000) + "1" + String(repeating: ")", count: 3000),
      "1" + String(repeating: "+1", count: 5000), "a" + String(repeating: "/..", count: 5000),
      String(repeating: "a or ", count: 11_000) + "a",
      String(repeating: "x", count: 70_000), "1" + String(repeating: "=1", count: 9000),
    ] {
      let error = #expect(throws: XPathError.self, "\(source.prefix(20))") { try XPath(source) }
      guard case .tooLarge? = error?.reason else {
        Issue.record("\(source.prefix(20)): \(String(describing: error))")
        continue
      }
      #expect((error?.description.utf8.count ?? 0) < 400)
    }
    // Long chains of `or` and `and`, and many signs, are no depth.
    _ = try XPath(String(repeating: "a or ", count: 3000) + "a")
    _ = try XPath(String(repeating: "a and ", count: 3000) + "a")
    _ = try XPath(String(repeating: "-", count: 3000) + "a")
    _ = try XPath(String(repeating: "a|", count: 3000) + "a")
  }
}
