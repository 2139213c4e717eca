import Testing

@testable import NSOTools

@Suite struct CommandScriptTests {
  @Test(arguments: [
    ("get /a", [["get", "/a"]]),
    ("get /a; set /b 1", [["get", "/a"], ["set", "/b", "1"]]),
    ("get /a\nset /b 1\n", [["get", "/a"], ["set", "/b", "1"]]),
    ("# all\nget /a # rest\n;;  ;", [["get", "/a"]]),
    ("echo a#b", [["echo", "a#b"]]),
    ("set /a 'x y' \"a \\\"b\\\"\" c\\ d", [["set", "/a", "x y", "a \"b\"", "c d"]]),
    ("mget /r:routing/route{0.0.0.0/0 192.0.2.1}/metric", [["mget", "/r:routing/route{0.0.0.0/0 192.0.2.1}/metric"]]),
    ("mget /a{\"x } y\" z}/b; echo 1", [["mget", "/a{\"x } y\" z}/b"], ["echo", "1"]]),
    ("mget '/a{x y}/b'", [["mget", "/a{x y}/b"]]),
    ("echo {a b}", [["echo", "{a", "b}"]]),
    ("mset /a ''", [["mset", "/a", ""]]),
    ("", []),
  ])
  func splits(text: String, words: [[String]]) throws {
    #expect(try CommandScript.parse(text).map(\.words) == words)
  }

  @Test func linesAreCounted() throws {
    #expect(try CommandScript.parse("a\n\nb 'x\ny'; c").map(\.line) == [1, 3, 4])
  }

  @Test(arguments: [("get /a{x", 1), ("echo\nset /a 'x", 2), ("echo \\", 1)])
  func unclosed(text: String, line: Int) {
    #expect { try CommandScript.parse(text) } throws: { ($0 as? ScriptError)?.line == line }
  }
}
