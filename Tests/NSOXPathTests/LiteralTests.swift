import NSOXPath
import NSOXPathTestSupport
import Testing

/// Operators and functions that need no data.
@Suite struct LiteralTests {
  @Test(arguments: [
    ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("7 mod 3", "1"), ("-7 mod 3", "-1"), ("7 mod -3", "1"), ("1.5 mod 0.5", "0"),
    ("10 div 4", "2.5"), ("1 div 0", "Infinity"), ("-1 div 0", "-Infinity"), ("0 div 0", "NaN"), ("- - 1", "1"), ("---1", "-1"),
    ("1 - -1", "2"), (".5 + 5.", "5.5"), ("1 = 1 = 1", "true"), ("1 < 2 < 3", "true"), ("3 > 2 > 1", "false"),
    ("6 - 2 - 1", "3"),
    ("1 = 1 and 2 = 3", "false"), ("1 = 2 or 2 = 2", "true"), ("'a' = 'a'", "true"), ("'1' = 1", "true"),
    ("'a' < 'b'", "false"),
    ("true() = 'x'", "true"), ("false() = ''", "true"), ("true() > false()", "true"), ("\"it's\"", "it's"),
    ("'2' >= '10'", "false"),
    ("0 div 0 = 0 div 0", "false"), ("0 div 0 != 0 div 0", "true"), ("1 = true()", "true"), ("2 = true()", "true"), ("-0", "0"),
  ])
  func operators(_ source: String, _ expected: String) throws {
    #expect(try Fixture().string(source) == expected)
  }

  @Test(arguments: [
    ("1e3", "refused"), ("123456789012", "123456789012"), ("1000000000000000000000", "1000000000000000000000"), ("0.1", "0.1"),
    ("0.0000001", "0.0000001"), ("1 div 3", "0.3333333333333333"),
    ("100000000000000000000000 * 10", "1000000000000000000000000"),
    ("-1.50", "-1.5"), ("number('')", "NaN"), ("number(' 12 ')", "12"), ("number('-.5')", "-0.5"), ("number('- 5')", "NaN"),
    ("number('+5')", "NaN"), ("number('1e3')", "NaN"), ("number('0x10')", "NaN"), ("number('5.')", "5"), ("number('.')", "NaN"),
    ("number('-')", "NaN"), ("number('1.2.3')", "NaN"), ("number('inf')", "NaN"), ("number(true())", "1"),
    ("number(false())", "0"),
    ("number('\u{a0}1')", "NaN"), ("1 div -0.0000000000000000000000000000000000001 < 0", "true"),
  ])
  func numbers(_ source: String, _ expected: String) throws {
    if expected == "refused" {
      #expect(throws: XPathError.self) { try XPath(source) }
    } else {
      #expect(try Fixture().string(source) == expected)
    }
  }

  @Test(arguments: [
    ("string(1)", "1"), ("string(true())", "true"), ("concat('a', 1, true())", "a1true"), ("starts-with('abc', 'ab')", "true"),
    ("starts-with('abc', '')", "true"), ("starts-with('abc', 'b')", "false"), ("contains('abc', 'bc')", "true"),
    ("contains('abc', '')", "true"),
    ("contains('', 'a')", "false"), ("contains('aab', 'ab')", "true"), ("substring-before('1999/04/01', '/')", "1999"),
    ("substring-after('1999/04/01', '/')", "04/01"), ("substring-after('1999/04/01', '19')", "99/04/01"),
    ("substring-before('a', 'b')", ""),
    ("substring-after('a', 'b')", ""), ("substring-after('abc', '')", "abc"), ("substring('12345', 2, 3)", "234"),
    ("substring('12345', 2)", "2345"), ("substring('12345', 1.5, 2.6)", "234"), ("substring('12345', 0, 3)", "12"),
    ("substring('12345', 0 div 0, 3)", ""), ("substring('12345', 1, 0 div 0)", ""),
    ("substring('12345', -42, 1 div 0)", "12345"),
    ("substring('12345', -1 div 0, 1 div 0)", ""), ("substring('a名b', 2, 1)", "名"), ("string-length('名前')", "2"),
    ("string-length('')", "0"),
    ("normalize-space('  a \t\n b  ')", "a b"), ("normalize-space('')", ""), ("translate('bar', 'abc', 'ABC')", "BAr"),
    ("translate('--aaa--', 'abc-', 'ABC')", "AAA"), ("translate('aba', 'aa', 'xy')", "xbx"),
    ("string-length(translate('名', '名', 'x'))", "1"),
  ])
  func texts(_ source: String, _ expected: String) throws {
    #expect(try Fixture().string(source) == expected)
  }

  @Test(arguments: [
    ("boolean(0)", "false"), ("boolean(0 div 0)", "false"), ("boolean(-1)", "true"), ("boolean('')", "false"),
    ("boolean('false')", "true"),
    ("not(1)", "false"), ("lang('en')", "false"), ("floor(2.6)", "2"), ("floor(-2.5)", "-3"), ("ceiling(2.2)", "3"),
    ("ceiling(-2.2)", "-2"),
    ("round(2.5)", "3"), ("round(-2.5)", "-2"), ("round(2.4)", "2"), ("round(0.49999999999999994)", "0"),
    ("round(0 div 0)", "NaN"),
    ("round(1 div 0)", "Infinity"), ("1 div round(-0.4)", "-Infinity"), ("position()", "1"), ("last()", "1"), ("count(/)", "1"),
    ("count(//*)", "0"), ("count(id('x'))", "0"), ("sum(/..)", "0"), ("string(/)", ""), ("name(/)", ""),
    ("local-name(/..)", ""),
    ("re-match('aXb', 'a.b')", "true"), ("re-match('aXbc', 'a.b')", "false"), ("re-match('x', concat('x', ''))", "true"),
    ("boolean(current())", "true"), ("boolean(deref(/))", "false"), ("enum-value(/)", "NaN"), ("bit-is-set(/, 'x')", "false"),
    ("derived-from(/, 'x')", "false"),
  ])
  func others(_ source: String, _ expected: String) throws {
    #expect(try Fixture().string(source) == expected)
  }

  @Test(arguments: [
    ("string-compare('a', 'b')", "-1"), ("string-compare('b', 'a')", "1"), ("string-compare('a', 'a')", "0"),
    ("compare('10', '9')", "-1"), ("compare(/, '9')", "NaN"), ("min(/..)", "NaN"), ("max(/..)", "NaN"), ("avg(/..)", "NaN"),
    ("band(12, 10)", "8"), ("bor(12, 10)", "14"), ("bxor(12, 10)", "6"), ("bnot(0)", "-1"), ("band(1.5, 1)", "NaN"),
    ("bor(1, 0 div 0)", "NaN"), ("bnot(1 div 0)", "NaN"), ("bnot(-9223372036854775808)", "9223372036854776000"),
    ("count(sort-by(/.., 'x'))", "0"),
  ])
  func ofThisProduct(_ source: String, _ expected: String) throws {
    #expect(try Fixture().string(source) == expected)
  }

  @Test func textsHaveABound() throws {
    var limits = XPathLimits.standard
    limits.textBytes = 100
    let fixture = try Fixture()
    fixture.evaluator.variables = ["x": .string(String(repeating: "x", count: 60))]
    #expect(throws: XPathError.self) {
      try fixture.evaluator.string(XPath("concat($x, $x)", limits: limits), at: fixture.tree.root)
    }
    #expect(try fixture.evaluator.string(XPath("concat($x, 'y')", limits: limits), at: fixture.tree.root).count == 61)
    // What is put together takes steps.
    fixture.evaluator.variables = ["x": .string(String(repeating: "x", count: 1 << 20))]
    var steps = XPathLimits.standard
    steps.steps = 100_000
    #expect(throws: XPathError.self) {
      try fixture.evaluator.string(XPath("concat($x, 'y')", limits: steps), at: fixture.tree.root)
    }
  }

  @Test func namesOfVariables() throws {
    #expect(
      try XPath("$a + concat($b, /x[y = $c]/z[$a]) or ($d/e | f[last() = -$g])[$h]").variables == [
        "a", "b", "c", "d", "g", "h",
      ])
  }

  @Test func variables() throws {
    let fixture = try Fixture()
    fixture.evaluator.variables = ["n": .number(2), "s": .string("x"), "b": .boolean(true), "p:e": .nodeSet([])]
    #expect(try fixture.string("$n + 1") == "3")
    #expect(try fixture.string("concat($s, $b)") == "xtrue")
    #expect(try fixture.string("count($p:e)") == "0")
    #expect(try fixture.string("$n = $s") == "false")
    let unknown = #expect(throws: XPathError.self) { try fixture.string("1 + $q") }
    #expect(unknown?.reason == .unknownVariable("q"))
    #expect(unknown?.offset == 4)
    #expect(throws: XPathError.self) { try fixture.string("count($s)") }
    #expect(throws: XPathError.self) { try fixture.string("$n/a") }
    #expect(throws: XPathError.self) {
      try fixture.evaluator.forEachNode(fixture.xpath("1"), at: fixture.tree.root) { _ in true }
    }
  }

  @Test func patternsAtRunTimeAreChecked() throws {
    let error = #expect(throws: XPathError.self) { try Fixture().string("re-match('a', concat('[', ''))") }
    guard case .badPattern? = error?.reason else { return #expect(Bool(false)) }
  }
}
