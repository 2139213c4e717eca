import NSOModel
import NSOSchema
import Synchronization
import Testing

@testable import NSOEngine

private let actionModule = """
  module a {
    yang-version 1.1;
    namespace "urn:a";
    prefix a;
    container top {
      leaf limit { type uint16; default 100; }
      list server {
        key name;
        leaf name { type string; }
        action restart {
          input {
            must "not(delay) or delay <= /top/limit" { error-message "too long"; }
            leaf delay { type uint16 { range "1..600"; } }
            leaf reason { type string; mandatory true; }
            leaf level { type uint8; default 3; }
            leaf note { when "../level > 5"; type string; }
            leaf quiet { type empty; }
            leaf-list tag { type string; max-elements 3; }
            choice how { mandatory true; leaf soft { type empty; } leaf hard { type empty; } }
            container opts { leaf mode { type enumeration { enum a; enum b; } default b; } leaf peer { type leafref { path "/top/server/name"; } } }
            list step { key id; unique text; leaf id { type uint8; } leaf text { type string; } }
          }
          output {
            leaf result { type string; mandatory true; }
            list line { leaf text { type string; } }
          }
        }
        action plain;
      }
    }
    rpc ping { input { leaf count { type uint8; } } output { leaf count { type uint8; } } }
  }
  """

/// Answers with what a closure makes.
private struct Performer: ActionHandler {
  var body: @Sendable (ActionInvocation) async throws(NSOError) -> [TaggedValue]

  func perform(_ invocation: ActionInvocation) async throws(NSOError) -> [TaggedValue] { try await body(invocation) }
}

@Suite struct ActionTests {
  private func engine() async throws -> TestEngine {
    let test = try TestEngine(module: actionModule)
    try await test.change { try $0.create(test.locate("/a:top/server{web}")) }
    return test
  }

  private func instance(_ test: TestEngine, _ path: String) throws -> OperationInstance {
    try test.engine.model.locateAction(test.engine.model.schema.parsePath(path).keypath)
  }

  /// What the handler got for an input; throws what the caller is told.
  private func input(_ test: TestEngine, _ pairs: [TaggedValue]) async throws -> [TaggedValue] {
    let got = Mutex<[TaggedValue]>([])
    test.engine.actions.setHandler(
      Performer { invocation in
        got.withLock { $0 = invocation.input }
        return [TaggedValue("result", .string("ok"))]
      }, at: "/a:top/server/restart")
    _ = try await test.engine.performAction(
      instance(test, "/a:top/server{web}/restart"), pairs, session: test.session)
    return got.withLock { $0 }
  }

  private func refusal(_ test: TestEngine, _ pairs: [TaggedValue]) async -> NSOError? {
    do {
      _ = try await input(test, pairs)
      return nil
    } catch {
      return error as? NSOError
    }
  }

  @Test func `the input comes complete, with defaults, in schema order`() async throws {
    let test = try await engine()
    defer { test.close() }
    let pairs: [TaggedValue] = [
      TaggedValue("hard", .leaf), TaggedValue("reason", .string("x")), TaggedValue("delay", .uint16(5)),
      TaggedValue("tag", .list([.string("b"), .string("a"), .string("b")])),
      TaggedValue("step", .start), TaggedValue("id", .uint8(2)), TaggedValue("text", .string("two")),
      TaggedValue("step", .stop),
    ]
    #expect(
      try await input(test, pairs) == [
        TaggedValue("delay", .uint16(5)), TaggedValue("reason", .string("x")), TaggedValue("level", .uint8(3)),
        TaggedValue("tag", .list([.string("b"), .string("a"), .string("b")])), TaggedValue("hard", .leaf),
        TaggedValue("opts", .start), TaggedValue("mode", .enumeration(1)), TaggedValue("opts", .stop),
        TaggedValue("step", .start), TaggedValue("id", .uint8(2)), TaggedValue("text", .string("two")),
        TaggedValue("step", .stop),
      ])
  }

  @Test func `what the schema does not allow is refused, each with its code and place`() async throws {
    let test = try await engine()
    defer { test.close() }
    let good: [TaggedValue] = [TaggedValue("reason", .string("x")), TaggedValue("soft", .leaf)]
    #expect(await refusal(test, good) == nil)
    let cases: [([TaggedValue], ErrorCode, String)] = [
      ([TaggedValue("soft", .leaf)], .notSet, "reason"),
      ([TaggedValue("reason", .string("x"))], .unsetChoice, "how"),
      (good + [TaggedValue("hard", .leaf)], .badType, "only one case"),
      (good + [TaggedValue("nothing", .leaf)], .badPath, "no parameter nothing"),
      (good + [TaggedValue("result", .string("x"))], .badPath, "no parameter result"),
      (good + [TaggedValue("delay", .uint16(601))], .badType, "delay"),
      (good + [TaggedValue("delay", .string("5"))], .badType, "delay"),
      (good + [TaggedValue("delay", .uint16(200))], .mustFailed, "too long"),
      (good + [TaggedValue("note", .string("n"))], .noExists, "when"),
      (good + [TaggedValue("reason", .string("y"))], .alreadyExists, "twice"),
      (good + [TaggedValue("quiet", .string("y")), TaggedValue("quiet", .leaf)], .alreadyExists, "quiet"),
      (good + [TaggedValue("tag", .list((1...4).map { .string("\($0)") }))], .tooManyElems, "tag"),
      (
        good + [TaggedValue("opts", .start), TaggedValue("peer", .string("no")), TaggedValue("opts", .stop)], .badKeyref, "peer"
      ),
      (good + [TaggedValue("opts", .start)], .badPath, "not closed"),
      (good + [TaggedValue("opts", .stop)], .badPath, "does not match"),
      (good + [TaggedValue("step", .start), TaggedValue("text", .string("t")), TaggedValue("step", .stop)], .badPath, "keys"),
      (good + [TaggedValue("opts", .delete)], .protocolUsage, "delete"),
      (
        good
          + [1, 2].flatMap { id in
            [
              TaggedValue("step", .start), TaggedValue("id", .uint8(id)), TaggedValue("text", .string("same")),
              TaggedValue("step", .stop),
            ]
          }, .nonUnique, "same"
      ),
    ]
    for (pairs, code, text) in cases {
      let error = await refusal(test, pairs)
      #expect(error?.code == code, "\(text): \(String(describing: error))")
      #expect(error?.message.contains(text) == true, "\(text): \(String(describing: error))")
    }
    #expect(await refusal(test, good + [TaggedValue("level", .uint8(6)), TaggedValue("note", .string("n"))]) == nil)
  }

  @Test func `the output is checked and qualified`() async throws {
    let test = try await engine()
    defer { test.close() }
    let output = Mutex<[TaggedValue]>([])
    test.engine.actions.setHandler(Performer { _ in output.withLock { $0 } }, at: "/a:ping")
    let ping = try instance(test, "/a:ping")
    #expect(try await test.engine.performAction(ping, [], session: test.session) == [])
    output.withLock { $0 = [TaggedValue("count", .uint8(4))] }
    #expect(
      try await test.engine.performAction(ping, [TaggedValue("count", .uint8(1))], session: test.session) == [
        TaggedValue(Tag("count", in: "urn:a"), .uint8(4))
      ])
    output.withLock { $0 = [TaggedValue("other", .uint8(4))] }
    do {
      _ = try await test.engine.performAction(ping, [], session: test.session)
      Issue.record("an output that the model does not have")
    } catch {
      #expect(error.code == .external && error.message.contains("does not fit the model"))
    }
  }

  @Test func `entries without keys keep their order in the output`() async throws {
    let test = try await engine()
    defer { test.close() }
    let lines = ["b", "a", "b"].flatMap { text in
      [TaggedValue("line", .start), TaggedValue("text", .string(text)), TaggedValue("line", .stop)]
    }
    test.engine.actions.setHandler(
      Performer { _ in [TaggedValue("result", .string("r"))] + lines }, at: "/a:top/server/restart")
    let output = try await test.engine.performAction(
      instance(test, "/a:top/server{web}/restart"), [TaggedValue("reason", .string("x")), TaggedValue("soft", .leaf)],
      session: test.session)
    let values = output.map(\.content).filter { $0 != .start && $0 != .stop }
    #expect(values == ["r", "b", "a", "b"].map { .value(.string($0)) })
  }

  @Test func `an action needs its place and somebody who performs it`() async throws {
    let test = try await engine()
    defer { test.close() }
    let missing = try instance(test, "/a:top/server{db}/plain")
    let nobody = try instance(test, "/a:top/server{web}/plain")
    await #expect(throws: NSOError.self) { try await test.engine.performAction(missing, [], session: test.session) }
    do {
      _ = try await test.engine.performAction(nobody, [], session: test.session)
      Issue.record("nobody performs it")
    } catch {
      #expect(error.code == .external && error.message.contains("nobody performs it"))
    }
    #expect(throws: NSOError.self) { try instance(test, "/a:top/limit") }
    #expect(throws: NSOError.self) { try test.engine.model.locateAction(Keypath()) }
  }
}
