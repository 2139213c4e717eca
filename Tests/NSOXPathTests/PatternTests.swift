import NSOXPath
import NSOXPathTestSupport
import Testing

/// Regular expressions of XML Schema, through re-match().
@Suite struct PatternTests {
  @Test(arguments: [
    ("", "", true), ("a", "a", true), ("a", "aa", false), ("a|b", "b", true), ("a||b", "", true), ("(ab)+", "ababab", true),
    ("(ab)+", "", false), ("(ab)*", "", true), ("a?b", "b", true), ("a{2}", "aa", true), ("a{2}", "aaa", false),
    ("a{2,}", "aaaa", true),
    ("a{1,3}", "aaaa", false), ("a{0}b", "b", true), ("(a{2}){2}", "aaaa", true), (".", "\n", false), (".", "名", true),
    ("[a-c]x", "bx", true),
    ("[^a-c]", "b", false), ("[^a-c]", "d", true), ("[a-z-[aeiou]]", "b", true), ("[a-z-[aeiou]]", "e", false),
    ("[\\-a]", "-", true),
    ("[a-]", "-", true), ("[\\[\\]]", "]", true), ("\\d+", "123", true), ("\\d", "٣", true), ("\\D", "1", false),
    ("\\s", "\t", true),
    ("\\S+", "ab", true), ("\\w", "é", true), ("\\w", "-", false), ("\\W", "-", true), ("\\i\\c*", "a-b.c", true),
    ("\\i", "1", false),
    ("\\p{Lu}", "A", true), ("\\p{Lu}", "a", false), ("\\p{L}\\p{N}", "a1", true), ("\\P{L}", "1", true),
    ("\\p{IsBasicLatin}+", "abc", true),
    ("\\p{IsBasicLatin}", "é", false), ("[\\p{L}\\d]+", "a1b2", true), ("^a$", "a", false), ("^a$", "^a$", true),
    ("\\.", ".", true),
    ("\\.", "x", false), ("\\n", "\n", true),
    ("(([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])\\.){3}(\\d|25[0-5])", "10.0.0.255", true),
    ("(([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])\\.){3}(\\d|25[0-5])", "10.0.0.256", false), ("[a\\]b]", "]", true),
    ("a.*b.*c", "aXbYc", true), ("(a|ab)(c|bcd)(d*)", "abcd", true), ("[+--]", ",", true),
  ])
  func matches(_ pattern: String, _ text: String, _ expected: Bool) throws {
    let fixture = try Fixture()
    fixture.evaluator.variables = ["p": .string(pattern), "t": .string(text)]
    #expect(try fixture.test("re-match($t, $p)") == expected, "\(pattern) on \(text)")
  }

  @Test(arguments: [
    "(", ")", "a)", "[", "[]", "[a", "a{", "a{1", "a{x}", "a{2,1}", "*", "+a", "?", "a**", "\\", "\\q", "\\p{Xx}", "\\p",
    "\\pL", "[z-a]",
    "[a-\\d]", "[[a]]", "[a-z-[b]", "{1}", "]", "}", "a{99999999}", "((a{1000}){1000}){1000}", "(){99999999}", "\\p{IsNowhere}",
  ])
  func refused(_ pattern: String) throws {
    let fixture = try Fixture()
    fixture.evaluator.variables = ["p": .string(pattern)]
    #expect(throws: XPathError.self, "\(pattern)") { try fixture.test("re-match('a', $p)") }
  }

  /// What makes backtracking engines run for ever takes linear time here.
  @Test func noExplosion() throws {
    let fixture = try Fixture()
    fixture.evaluator.variables = ["t": .string(String(repeating: "a", count: 5000) + "b")]
    for pattern in ["(a+)+", "(a|aa)*", "(a*)*", "(a|a?)+", "(.*a){20}"] {
      #expect(try !fixture.test("re-match($t, '\(pattern)c')"), "\(pattern)")
    }
    #expect(throws: XPathError.self) { try XPath("re-match('a', '" + String(repeating: "(", count: 20_000) + "')") }
  }
}
