import NSOModel
import NSOSchema
import TestSupport
import Testing

private let ex = "http://example.com/ns/ex"
private let aug = "http://example.com/ns/aug"

@Suite struct PathTests {
  let schema: Schema

  init() throws { schema = try ModelDirectories.load("ex", "ex-aug") }

  private let desc: Keypath = [
    .tag(Tag("top", in: ex)), .tag("server"), .keys([.string("web"), .uint16(80)]), .tag("desc"),
  ]

  @Test(arguments: [
    "/ex:top/server{web 80}/desc", "/top/server{web 80}/desc", "/ex:top/ex:server{ \"web\"  80 }/ex:desc",
    "/ex:top/ex:server[name='web'][port='80']/desc", "/ex:top/ex:server[ex:port=\"80\"][ex:name='web']/ex:desc",
    "top/server{web 80}/desc", "/ex:top//server{web 80}/./desc/", "/ex:top/opt/../server{web 80}/desc",
    "/ex:top/server{web 80}/port/../desc", "/ex:top/server{x 1}/../server{web 80}/desc",
  ])
  func forms(_ text: String) throws {
    let path = try schema.parsePath(text)
    #expect(path.keypath == desc)
    #expect(schema.path(of: try #require(path.node)) == "/ex:top/server/desc")
  }

  @Test func textAndBack() throws {
    #expect(schema.text(of: desc) == "/ex:top/server{web 80}/desc")
    let inner = try schema.parsePath("/ex:top/aug:extra/inner").keypath
    #expect(inner == [.tag(Tag("top", in: ex)), .tag(Tag("extra", in: aug)), .tag("inner")])
    #expect(schema.text(of: inner) == "/ex:top/aug:extra/inner")
    #expect(schema.text(of: .root) == "/")
    #expect(try schema.parsePath("/").keypath.isRoot)
    #expect(try schema.parsePath("").keypath.isRoot)
    let odd: Keypath = [.tag(Tag("top", in: ex)), .tag("tags"), .keys([.string("a \"b\" {c} \\")])]
    #expect(schema.text(of: odd) == "/ex:top/tags{\"a \\\"b\\\" {c} \\\\\"}")
    #expect(try schema.parsePath(schema.text(of: odd)).keypath == odd)
    #expect(
      try schema.parsePath("/ex:top/tags{a b}").keypath == [.tag(Tag("top", in: ex)), .tag("tags"), .keys([.string("a b")])])
    #expect(
      try schema.parsePath("/ex:top/tags[.='x']").keypath == [.tag(Tag("top", in: ex)), .tag("tags"), .keys([.string("x")])])
    #expect(
      try schema.parsePath("/ex:top/server[3]/desc").keypath
        == [.tag(Tag("top", in: ex)), .tag("server"), .position(3), .tag("desc")])
    #expect(schema.text(of: try schema.parsePath("/ex:top/server[3]/desc").keypath) == "/ex:top/server[3]/desc")
    #expect(try schema.parsePath("/ex:top/server{}").keypath == [.tag(Tag("top", in: ex)), .tag("server"), .keys([])])
    #expect(try schema.parsePath("/ex:top/server").keypath == [.tag(Tag("top", in: ex)), .tag("server")])
    #expect(try schema.parsePath("/ex:top/extra").keypath == [.tag(Tag("top", in: ex)), .tag(Tag("extra", in: aug))])
    #expect(try schema.parsePath("/ex:ping").keypath == [.tag(Tag("ping", in: ex))])
  }

  @Test func relative() throws {
    let base = try schema.parsePath("/ex:top/server{web 80}")
    #expect(try schema.parsePath("desc", relativeTo: base).keypath == desc)
    #expect(try schema.parsePath("../load", relativeTo: base).keypath == [.tag(Tag("top", in: ex)), .tag("load")])
    #expect(try schema.parsePath("/ex:top", relativeTo: base).keypath == [.tag(Tag("top", in: ex))])
  }

  @Test func prefixesOfADocument() throws {
    let prefixes = PrefixResolver.map { ["q": ex, "": aug][$0 ?? ""] }
    #expect(try schema.parsePath("/q:top/extra/inner", prefixes: prefixes).keypath.elements.count == 3)
    #expect(throws: NSOError.self) { try schema.parsePath("/ex:top", prefixes: prefixes) }
  }

  @Test(arguments: [
    ("/ex:tpo", "did you mean ex:top?"), ("/ex:top/serverr{web 80}", "did you mean server?"), ("/no:top", "prefix \"no\""),
    ("/ex:top/server{web}", "2 keys (name port), not 1"), ("/ex:top/server{web 80 90}", "not 3"),
    ("/ex:top/server/desc", "keys {name port}"), ("/ex:top/load{1}", "no list"), ("/ex:top/server{web 80", "not closed"),
    ("/ex:top/server{\"web 80}", "not closed"), ("/ex:top/server[name='web']", "port"), ("/ex:top/server[web]", "neither"),
    ("/ex:top/server[name=web][port='80']", "quoted"), ("/ex:top/server[id='web'][port='80']", "no key"),
    ("/..", "above the root"), ("/{a}", "name of a list"), ("/ex:top/zzzzzz", "below /ex:top"), ("/ex:top/load[1]", "no list"),
    ("/ex:top/server[name='a'][name='b']", "twice"), ("/ex:top/server[-1]", "neither"),
    ("/ex:top/extraa", "did you mean aug:extra?"),
  ])
  func badPaths(_ text: String, _ part: String) {
    let error = #expect(throws: NSOError.self) { try schema.parsePath(text) }
    #expect(error?.code == .badPath)
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  @Test func badKeyIsATypeError() {
    let error = #expect(throws: NSOError.self) { try schema.parsePath("/ex:top/server{web 0}") }
    #expect(error?.code == .badType)
    #expect(error?.message.contains("/ex:top/server: key port") == true)
  }

  @Test func resolve() throws {
    var loose: Keypath = desc
    loose.elements[1] = .tag(Tag("server", in: ex))
    let resolved = try schema.resolve(loose)
    #expect(resolved.keypath == desc)
    #expect(
      try schema.resolve([.tag("top"), .tag("extra")]).keypath == [.tag(Tag("top", in: ex)), .tag(Tag("extra", in: aug))])
    #expect(throws: NSOError.self) { try schema.resolve([.tag("top"), .tag("server"), .tag("desc")]) }
    #expect(throws: NSOError.self) { try schema.resolve([.tag("top"), .keys([.int8(1)])]) }
    #expect(throws: NSOError.self) { try schema.resolve([.tag("top"), .tag("server"), .keys([.string("a")])]) }
    #expect(throws: NSOError.self) { try schema.resolve([.tag("top"), .tag("server"), .keys([.string("a"), .int8(1)])]) }
    #expect(throws: NSOError.self) { try schema.resolve([.keys([.string("a")])]) }
    #expect(throws: NSOError.self) { try schema.resolve([.tag("top"), .tag("server"), .position(1), .position(2)]) }
    #expect(try schema.resolve([]).keypath.isRoot)
  }

  /// Every text is either a path that comes back the same, or an error; nothing traps.
  @Test func randomTexts() {
    var random = SeededGenerator(seed: 7)
    let pieces = [
      "/", "ex:", "top", "server", "{", "}", "[", "]", "web", "80", " ", "\"", "\\", "'", "=", "name", "port", ".", "..", "*",
      "desc", "tags", ":", "aug:extra", "3", "ä",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0...9, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      guard let path = try? schema.parsePath(text) else { continue }
      let back = try? schema.parsePath(schema.text(of: path.keypath))
      #expect(back == path, "\(text) -> \(schema.text(of: path.keypath))")
    }
  }
}
