import NSOModel
import Testing

@testable import NSOEngine

/// Expressions over the store (protocol part 04, section 5.3).
@Suite("XPath over views")
struct XPathTests {
  let test: TestEngine

  init() throws { test = try TestEngine() }

  func fill() async throws {
    try await test.change { editor in
      for n in 0..<20 {
        try editor.create(test.locate("/t:top/server{s\(n) \(n)}"))
        try editor.set(test.locate("/t:top/server{s\(n) \(n)}/desc"), .string("d\(n)"))
      }
      for id in ["z", "a", "m"] { try editor.create(test.locate("/t:top/rule{\(id)}")) }
      for tag in ["x", "y"] { try editor.create(test.locate("/t:top/tags{\(tag)}")) }
      try editor.set(test.locate("/t:top/kind"), .identityref(IdentityHash(QName(namespace: "urn:t", name: "fast"))))
    }
  }

  @Test func nodes() async throws {
    try await fill()
    let view = try test.engine.currentView()
    let found = try view.nodes(XPathQuery("/top/server[name = 's7'][port = 7]/desc"))
    let server: Keypath = [.tag(Tag("top", in: "urn:t")), .tag("server"), .keys([.string("s7"), .uint16(7)])]
    #expect(found == [XPathMatch(path: server.appending("desc"), value: .string("d7"))])
    #expect(try view.nodes(XPathQuery("/t:top/server[port < 3]")).count == 3)
    #expect(
      try view.nodes(XPathQuery("../server[port > 17]/weight", context: [.tag(Tag("top", in: "urn:t")), .tag("name")])).map(
        \.value)
        == [.int32(1), .int32(1)])
    #expect(try view.nodes(XPathQuery("desc", context: server)).map(\.value) == [.string("d7")])
    // In the order of the list.
    #expect(try view.nodes(XPathQuery("/top/rule/id")).map(\.value) == [.string("z"), .string("a"), .string("m")])
    #expect(
      try view.nodes(XPathQuery("/top/rule[last()] | /top/rule[1]")).map { $0.path.elements.last } == [
        .keys([.string("z")]), .keys([.string("m")]),
      ])
    #expect(try view.nodes(XPathQuery("//tags[. = 'y']")).map(\.value) == [.string("y")])
    #expect(try view.nodes(XPathQuery("/top/server[name = 's1']/hits")).isEmpty)
  }

  @Test func strings() async throws {
    try await fill()
    let view = try test.engine.currentView()
    func string(_ expression: String) throws -> String { try view.string(XPathQuery(expression)) }
    #expect(try string("count(/top/server)") == "20")
    #expect(try string("/top/mode") == "on")
    #expect(try string("enum-value(/top/mode) + 1") == "2")
    #expect(try string("derived-from(/top/kind, 't:kind')") == "true")
    #expect(try string("sum(/top/server/port)") == "190")
    #expect(try string("concat(/top/server[2]/name, /top/load)") == "s110")
    #expect(
      try view.string(XPathQuery("/top/server[name = $n]/desc", variables: [("p", "4"), ("n", "concat('s', $p)")])) == "d4")
  }

  @Test func operationalData() async throws {
    try await fill()
    let hits = try test.locate("/t:top/server{s1 1}/hits")
    let uptime = try test.locate("/t:state/uptime")
    await withCheckedContinuation { continuation in
      test.engine.writeOperational { (editor) throws(NSOError) in
        try editor.set(hits, .uint32(5))
        try editor.set(uptime, .uint32(77))
      } completion: { _ in
        continuation.resume()
      }
    }
    let view = try test.engine.currentView()
    #expect(try view.string(XPathQuery("/state/uptime + /top/server[hits > 4]/hits")) == "82")
  }

  @Test func `chunks of queries and what they are sorted by are bounded`() async throws {
    try await fill()
    let view = try test.engine.currentView()
    let query = try DataQuery(XPathQuery("/top/server"), selections: ["name"], order: ["port"], asText: true, view)
    #expect(try query.results(from: 18, count: 5) == [[.text("s18")], [.text("s19")]])
    let error = #expect(throws: NSOError.self) { try query.results(from: 0, count: 20, textBytes: 40) }
    #expect(error?.code == .resourceDenied)
    // The variables and the expression share their steps.
    let big = "'\(String(repeating: "x", count: 60_000))'"
    let names = (0..<8).map { "v\($0)" }
    var variables = [(name: "v0", expression: big)]
    for index in 1..<8 {
      variables.append((names[index], "concat(\(Array(repeating: "$" + names[index - 1], count: 8).joined(separator: ", ")))"))
    }
    #expect(throws: NSOError.self) { try view.string(XPathQuery("$v7", variables: variables)) }
  }

  @Test func trace() async throws {
    try await fill()
    var lines: [String] = []
    _ = try test.engine.currentView().string(XPathQuery("/top/server[name = 's1']/desc")) { lines.append($0) }
    #expect(
      lines == [
        "/top", "/t:top/server{s1}", "/t:top/server{s1 1}/name", "/t:top/server{s1 1}/name value", "/t:top/server{s1 1}/desc",
        "/t:top/server{s1 1}/desc value",
      ])
  }

  @Test func refusals() throws {
    let view = try test.engine.currentView()
    func code(_ query: XPathQuery) -> ErrorCode? {
      #expect(throws: NSOError.self) { try view.nodes(query) }?.code
    }
    #expect(code(XPathQuery("/top[")) == .xpath)
    #expect(code(XPathQuery("/q:top")) == .xpath)
    #expect(code(XPathQuery("1 + 1")) == .xpath)
    #expect(code(XPathQuery("$x")) == .xpath)
    #expect(code(XPathQuery(".", context: [.tag(Tag("nothing"))])) == .badPath)
    #expect(
      code(XPathQuery(".", context: [.tag(Tag("top", in: "urn:t")), .tag("server"), .keys([.string("a"), .uint16(1)])]))
        == .badPath)
  }
}
