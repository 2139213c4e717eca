import NSOModel
import NSOTerms
import Synchronization
import Testing

@testable import NSOEngine

@Suite struct SubscriptionPatternTests {
  /// Which points a change concerns.
  @Test func `what a point covers`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let model = test.engine.model
    try await test.change { editor in
      for (name, port) in [("a", 1), ("a", 2), ("b c", 1)] as [(String, UInt16)] {
        let entry = try test.locate("/t:top/server{\"\(name)\" \(port)}")
        try editor.create(entry)
        try editor.set(
          try model.locate([
            .tag(Tag("top", in: "urn:t")), .tag("server"), .keys([.string(name), .uint16(port)]), .tag("desc"),
          ]), .string("d"))
      }
      try editor.create(test.locate("/t:top/server{a 1}/alias{x}"))
      try editor.create(test.locate("/t:top/opt"))
      try editor.set(test.locate("/t:top/order"), .list([.int32(1), .int32(2)]))
    }
    let paths = [
      "/", "/top", "/t:top/name", "/top/server", "/top/server{*}", "/top/server{* *}", "/top/server{a *}", "/top/server{* 1}",
      "/top/server{a 1}", "/top/server{\"b c\" 1}", "/top/server/desc", "/top/server{a 1}/desc", "/top/server{a *}/desc",
      "/top/server/alias", "/top/server{a 1}/alias{x}/note", "/top/opt/inner", "/top/order", "/top/server{zz 9}",
    ]
    let patterns = try paths.map { try SubscriptionPattern(MatchPath($0), model) }
    func concerned(_ body: (inout TreeEditor) throws -> Void) async throws -> Set<String> {
      let transaction = try test.start()
      defer { test.engine.finish(transaction) }
      var editor = transaction.state.withLock { $0.editor }
      try body(&editor)
      let matches = try SubscriptionMatcher.matches(patterns, editor.configuration, model)
      // Both ways of looking agree.
      let many = Array(repeating: patterns, count: 20).flatMap(\.self)
      #expect(
        try SubscriptionMatcher.matches(many, editor.configuration, model)
          == Array(repeating: matches, count: 20).flatMap(\.self))
      return Set(zip(paths, matches).filter(\.1).map(\.0))
    }
    #expect(try await concerned { try $0.set(test.locate("/t:top/name"), .string("n")) } == ["/", "/top", "/t:top/name"])
    // The value it has.
    #expect(try await concerned { try $0.set(test.locate("/t:top/server{a 1}/desc"), .string("d")) }.isEmpty)
    let all: Set = ["/", "/top", "/top/server", "/top/server{*}", "/top/server{* *}"]
    #expect(
      try await concerned { try $0.set(test.locate("/t:top/server{a 2}/desc"), .string("e")) }
        == all.union(["/top/server{a *}", "/top/server/desc", "/top/server{a *}/desc"]))
    #expect(
      try await concerned {
        try $0.set(
          model.locate([.tag(Tag("top", in: "urn:t")), .tag("server"), .keys([.string("b c"), .uint16(1)]), .tag("desc")]),
          .string("e"))
      }
        == all.union(["/top/server{* 1}", "/top/server{\"b c\" 1}", "/top/server/desc"]))
    // From above: only what was there.
    #expect(
      try await concerned { try $0.delete(test.locate("/t:top/server{a 1}")) }
        == all.union([
          "/top/server{a *}", "/top/server{* 1}", "/top/server{a 1}", "/top/server/desc", "/top/server{a 1}/desc",
          "/top/server{a *}/desc",
          "/top/server/alias",
        ]))
    #expect(try await concerned { try $0.delete(test.locate("/t:top/opt")) } == ["/", "/top"])
    #expect(try await concerned { try $0.set(test.locate("/t:top/order"), .list([.int32(2)])) } == ["/", "/top", "/top/order"])
    #expect(
      try await concerned { try $0.create(test.locate("/t:top/server{a 7}")) } == all.union(["/top/server{a *}"]))
  }

  @Test func `wrong paths say what is wrong`() throws {
    let test = try TestEngine()
    defer { test.close() }
    let model = test.engine.model
    func failure(_ path: String, namespace: String = "") -> NSOError? {
      do {
        _ = try SubscriptionPattern(MatchPath(path), namespace: namespace, model)
        return nil
      } catch { return error }
    }
    #expect(failure("/tpo")?.code == .badPath)
    #expect(failure("/tpo")?.message.contains("tpo") == true)
    #expect(failure("/x:top")?.code == .badPath)
    #expect(failure("/top", namespace: "urn:none")?.code == .noExists)
    #expect(failure("/top", namespace: "urn:t") == nil)
    #expect(failure("/top/server{a}")?.code == .badPath)
    #expect(failure("/top/server{a b}")?.code == .badType)
    #expect(failure("/top/server[3]")?.code == .badPath)
    #expect(failure("/top/name{a}")?.code == .badPath)
    #expect(failure("/top/server{\"a 1}")?.code == .badPath)
    #expect(failure(" / top / server{ a  1 }") == nil)
    let one = FakeSubscriber(test.engine, "one")
    #expect(code { try one.subscribe("/state") } == .badPath)
    #expect(code { try one.subscribe("/top/name", kind: .operational) } == .badPath)
    #expect(code { try one.subscribe("/state/peer", kind: .operational) } == nil)
  }
}
