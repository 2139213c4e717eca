import Testing

@testable import NSOCLI

@Suite struct LineTests {
  @Test(arguments: [
    ("abc", "xabcx", true), ("abc", "ab", false), ("^abc", "abcd", true), ("^abc", "xabc", false), ("abc$", "xabc", true),
    ("abc$", "abcd", false), ("a.c", "abc", true), ("a.c", "ac", false), ("ab*c", "ac", true), ("ab*c", "abbbc", true),
    ("ab+c", "ac", false), ("ab+c", "abbc", true), ("ab?c", "abc", true), ("ab?c", "abbc", false), ("a|b", "xbx", true),
    ("(ab)+c", "ababc", true), ("(ab)+c", "c", false), ("[a-c]x", "bx", true), ("[a-c]x", "dx", false), ("[^a-c]x", "dx", true),
    ("[]x]", "]", true), ("", "", true), ("^$", "", true), ("^$", "x", false), (#"a\.c"#, "abc", false),
    (#"a\.c"#, "a.c", true),
    ("eth[0-9]+ *mtu|lo", "interface eth12  mtu", true), ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
    ("é+", "caféé", true),
  ])
  func patterns(_ pattern: String, _ line: String, _ isFound: Bool) throws {
    #expect(try LinePattern(pattern).isFound(in: line) == isFound)
  }

  @Test(arguments: ["(", ")", "[", "*", "a\\", "[z-a]", "+a"])
  func patternsThatAreNone(_ pattern: String) {
    #expect(throws: LinePattern.Fault.self) { try LinePattern(pattern) }
  }

  private func filtered(_ kind: LineFilter.Kind, _ lines: [String]) -> [String] {
    var filter = LineFilter(kind)
    return lines.flatMap { filter.take($0) } + filter.end()
  }

  @Test func filters() throws {
    let lines = ["a1", "b2", "a3", "c4", "d5"]
    #expect(filtered(.include(try LinePattern("a"), context: 0), lines) == ["a1", "a3"])
    #expect(filtered(.include(try LinePattern("c"), context: 1), lines) == ["3-a3", "4:c4", "5-d5"])
    #expect(filtered(.exclude(try LinePattern("a")), lines) == ["b2", "c4", "d5"])
    #expect(filtered(.begin(try LinePattern("3")), lines) == ["a3", "c4", "d5"])
    #expect(filtered(.until(try LinePattern("b")), lines) == ["a1", "b2"])
    #expect(filtered(.count, lines) == ["Count: 5 lines"])
    #expect(filtered(.number, ["x"]) == ["1: x"])
  }

  @Test func prompts() {
    let prompt = PromptText(user: "ada", host: "gw1.example.com", delimiter: ".", address: "192.0.2.1", mode: "eth0")
    #expect(prompt.text("\\u@\\h\\M> ", at: 0) == "ada@gw1(eth0)> ")
    #expect(prompt.text("\\H \\s \\m{2} \\x\\[\\]", at: 0) == "gw1.example.com 192.0.2.1 eth0 \\x")
    #expect(prompt.text("\\d \\t", at: 0).count == 19)
  }

  @Test func completionIsAsLongAsAllAgree() {
    var items = CompletionItems("in", limit: 10)
    for text in ["interface", "internal", "other"] { items.add(text, "help") }
    let answer = items.answer(start: 4, isQuoted: false)
    #expect(answer.replacement == "inter" && !answer.isUnique && answer.items.count == 2)
    #expect(answer.text(width: 80) == "Possible completions:\n  interface - help\n  internal  - help\n")
    var one = CompletionItems("x", limit: 10)
    one.add("x y")
    #expect(one.answer(start: 0, isQuoted: false).replacement == "\"x y\"")
    var none = CompletionItems("zz", limit: 10)
    none.hint("<string>")
    #expect(none.answer(start: 0, isQuoted: false).replacement == "zz")
    var many = CompletionItems("", limit: 2)
    for number in 0..<5 { many.add("n\(number)") }
    #expect(many.answer(start: 0, isQuoted: false).isCut && many.items.count == 2)
  }

  @Test func parameters() {
    var parameters = CLIParameters(CLISettings(), CLIOpening(isInteractive: true, width: 100, height: 30))
    #expect(parameters.flag("paginate") && parameters.number("screen-width") == 100)
    #expect(parameters.set("paginate", "false") == nil && !parameters.flag("paginate"))
    #expect(parameters.set("paginate", "maybe") != nil && parameters.set("screen-width", "-1") != nil)
    #expect(parameters.set("nothing", "1")?.contains("paginate") == true)
  }
}
