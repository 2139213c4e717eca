import NSOModel
import Testing

@testable import NSOEngine

@Suite("Partial locks and read-only mode")
struct PartialLockTests {
  let test: TestEngine
  let other: UserSession

  init() throws {
    test = try TestEngine()
    other = try test.engine.sessions.start(UserSessionRequest(user: "bob", context: "system"))
  }

  private func write(_ body: @escaping (inout TreeEditor) throws -> Void, by session: UserSession) async throws {
    let transaction = try test.engine.startTransaction(session, on: .running, .readWrite)
    defer { test.engine.finish(transaction) }
    try transaction.write { (editor) throws(NSOError) in
      do { try body(&editor) } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
    }
    try await test.engine.apply(transaction, keepOpen: false)
  }

  @Test func commitsThatTouchALockedPartAreRefused() async throws {
    try await test.change { editor in
      for name in ["a", "b", "c"] { try editor.create(test.locate("/t:top/server{\(name) 1}")) }
    }
    let engine = test.engine
    #expect(
      await code { _ = try await engine.lockPart(of: .running, ["/t:top/t:server[t:name='z']"], for: other) } == .noExists)
    #expect(await code { _ = try await engine.lockPart(of: .running, ["/t:top/["], for: other) } == .xpath)
    #expect(await code { _ = try await engine.lockPart(of: .candidate, ["/t:top"], for: other) } == .noExists)
    let id = try await engine.lockPart(
      of: .running, ["/t:top/t:server[t:name='a']", "/t:top/t:server[t:name='b']/t:desc|/t:top/t:server[t:name='b']"],
      for: other)
    #expect(await code { _ = try await engine.lockPart(of: .running, ["/t:top"], for: test.session) } == .locked)
    #expect(code { try engine.locks.lock(.running, for: test.session) } == .locked)
    let change: (String) -> ((inout TreeEditor) throws -> Void) = { name in
      { try $0.set(self.test.locate("/t:top/server{\(name) 1}/desc"), .string("x")) }
    }
    try await write(change("c"), by: test.session)
    await #expect { try await write(change("a"), by: test.session) } throws: { error in
      (error as? NSOError)?.code == .inUse && "\(error)".contains("bob") && "\(error)".contains("server")
        && "\(error)".contains(" s; wait")
    }
    // A deletion from above touches it, too.
    await #expect { try await write({ try $0.remove(test.locate("/t:top")) }, by: test.session) } throws: {
      ($0 as? NSOError)?.code == .inUse
    }
    try await write(change("a"), by: other)
    // Writing what is there already is no change.
    try await write(change("a"), by: test.session)
    #expect(code { try engine.locks.unlockPart(id, for: test.session) } == .noExists)
    try engine.locks.unlockPart(id, for: other)
    try await write({ try $0.set(self.test.locate("/t:top/server{a 1}/desc"), .string("y")) }, by: test.session)

    // The end of the session frees it.
    _ = try await engine.lockPart(of: .running, ["/t:top/t:server"], for: other)
    #expect(engine.locks.partial.count == 1)
    engine.sessions.end(other)
    #expect(engine.locks.partial.isEmpty)
    try engine.locks.lock(.running, for: test.session)
    #expect(await code { _ = try await engine.lockPart(of: .running, ["/t:top"], for: test.session) } == .locked)
  }

  @Test func readOnlyModeHoldsAgentsOff() throws {
    let agent = try test.engine.sessions.start(UserSessionRequest(user: "carol", context: "cli"))
    test.engine.writability.isReadOnly = true
    #expect(code { _ = try test.engine.startTransaction(agent, on: .running, .readWrite) } == .notWritable)
    _ = try test.engine.startTransaction(agent, on: .running, .read)
    _ = try test.engine.startTransaction(test.session, on: .running, .readWrite)
    test.engine.writability.isReadOnly = false
    _ = try test.engine.startTransaction(agent, on: .running, .readWrite)
    test.engine.writability.restrict("ha") { "this node is a secondary" }
    #expect(code { _ = try test.engine.startTransaction(agent, on: .running, .readWrite) } == .notWritable)
  }
}
