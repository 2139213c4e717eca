import NSOModel
import NSOStore
import Synchronization
import TestSupport
import Testing

@testable import NSOEngine

@Suite("Transactions on running")
struct TransactionTests {
  let test: TestEngine

  init() throws { test = try TestEngine() }

  @Test func operationalDataFollowsEntriesThatGetOtherKeys() async throws {
    let test = try TestEngine()
    defer { test.close() }
    func hits(_ name: String) throws -> Value? { try test.value("/t:top/server{\(name)}/hits") }
    try await test.change { editor in
      for name in ["a 1", "b 1", "c 1", "d 1"] { try editor.create(test.locate("/t:top/server{\(name)}")) }
    }
    for (index, name) in ["a 1", "b 1", "c 1", "d 1"].enumerated() {
      let place = try test.locate("/t:top/server{\(name)}/hits")
      let result: Result<Void, NSOError> = await withCheckedContinuation { continuation in
        test.engine.writeOperational { (editor) throws(NSOError) in
          try editor.set(place, .uint32(UInt32(index)))
        } completion: {
          continuation.resume(returning: $0)
        }
      }
      try result.get()
    }
    try await test.change { editor in
      // Twice, onto one that has just gone, and one that is deleted afterwards.
      try editor.rename(test.locate("/t:top/server{a 1}"), to: [.string("x"), .uint16(1)])
      try editor.rename(test.locate("/t:top/server{x 1}"), to: [.string("y"), .uint16(2)])
      try editor.rename(test.locate("/t:top/server{b 1}"), to: [.string("a"), .uint16(1)])
      try editor.rename(test.locate("/t:top/server{c 1}"), to: [.string("z"), .uint16(1)])
      try editor.delete(test.locate("/t:top/server{z 1}"))
      try editor.rename(test.locate("/t:top/server{d 1}"), to: [.string("e"), .uint16(1)])
      try editor.rename(test.locate("/t:top/server{e 1}"), to: [.string("d"), .uint16(1)])
    }
    #expect(try hits("y 2") == .uint32(0))
    #expect(try hits("a 1") == .uint32(1))
    #expect(try hits("d 1") == .uint32(3))
    #expect(try test.engine.currentView().count(test.locate("/t:top/server")) == 3)
    #expect(try test.engine.stores.volatile.snapshot().count(.operational) == 3)
  }

  @Test func changesArePrivateUntilApplied() async throws {
    let writer = try test.start()
    let entry = try test.locate("/t:top/server{web 80}")
    let desc = try test.locate("/t:top/server{web 80}/desc")
    try writer.write { (editor) throws(NSOError) in
      try editor.create(entry)
      try editor.set(desc, .string("front"))
    }
    #expect(try writer.read { (view) throws(NSOError) in try view.value(desc) } == .string("front"))
    #expect(try test.value("/t:top/server{web 80}/desc") == nil)
    let reader = try test.start(.read)
    #expect(try await test.engine.apply(writer, keepOpen: false) != nil)
    #expect(writer.phase == .committed)
    #expect(try test.value("/t:top/server{web 80}/desc") == .string("front"))
    #expect(try reader.read { (view) throws(NSOError) in try view.exists(entry) } == false)
  }

  @Test func defaultsAndKeys() async throws {
    #expect(try test.value("/t:top/name") == .string("unnamed"))
    #expect(try test.value("/t:top/mode") == .enumeration(1))
    #expect(try test.value("/t:top/opt/inner") == nil)
    #expect(try test.value("/t:top/server{web 80}/weight") == nil)
    try await test.change { editor in
      try editor.create(test.locate("/t:top/opt"))
      try editor.create(test.locate("/t:top/server{web 80}"))
      try editor.set(test.locate("/t:top/name"), .string("box"))
    }
    #expect(try test.value("/t:top/opt/inner") == .int32(7))
    #expect(try test.value("/t:top/server{web 80}/weight") == .int32(1))
    #expect(try test.value("/t:top/server{web 80}/port") == .uint16(80))
    #expect(try test.value("/t:top/name") == .string("box"))
    try await test.change { try $0.delete(test.locate("/t:top/name")) }
    #expect(try test.value("/t:top/name") == .string("unnamed"))
  }

  @Test func refusals() throws {
    let writer = try test.start()
    func refused(_ body: (inout TreeEditor) throws -> Void) -> ErrorCode? {
      code {
        try writer.write { (editor) throws(NSOError) in
          do { try body(&editor) } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
        }
      }
    }
    #expect(refused { try $0.set(test.locate("/t:top/load"), .uint8(101)) } == .badType)
    #expect(refused { try $0.set(test.locate("/t:top/load"), .int32(1)) } == .badType)
    #expect(refused { try $0.set(test.locate("/t:top/name"), .string("much too long")) } == .badType)
    #expect(refused { try $0.set(test.locate("/t:top/server{a 1}/desc"), .string("x")) } == .noExists)
    #expect(refused { try $0.create(test.locate("/t:top")) } == .notCreatable)
    #expect(refused { try $0.delete(test.locate("/t:top/server{a 1}")) } == .noExists)
    #expect(refused { try $0.set(test.locate("/t:state/uptime"), .uint32(1)) } == .notWritable)
    #expect(refused { try $0.set(test.locate("/t:top/flag"), .bool(true)) } == .badType)
    #expect(code { _ = try test.locate("/t:top/server{a 1 2}") } == .badPath)
    #expect(code { _ = try test.locate("/t:top/nothing") } == .badPath)
    #expect(code { _ = try test.locate("/t:top/server{a 99999}") } == .badType)
    #expect(
      refused {
        try $0.create(test.locate("/t:top/server{a 1}"))
        try $0.create(test.locate("/t:top/server{a 1}"))
      } == .alreadyExists)
    #expect(!writer.hasChanges, "a write that fails changes nothing")
    let reader = try test.start(.read)
    #expect(code { try reader.write { (editor) throws(NSOError) in editor.revert() } } == .notWritable)
    let load = try test.locate("/t:top/load")
    #expect { try writer.writeOne { (editor) throws(NSOError) in try editor.set(load, .uint8(200)) } } throws: {
      "\($0)".contains("/t:top/load")
    }
  }

  @Test func choiceKeepsOneCase() async throws {
    #expect(try test.value("/t:top/tcp-port") == .uint16(80))
    #expect(try test.value("/t:top/checksum") == nil)
    try await test.change { try $0.set(test.locate("/t:top/udp-port"), .uint16(53)) }
    #expect(try test.value("/t:top/tcp-port") == nil)
    #expect(try test.value("/t:top/checksum") == .bool(true))
    let view = try test.engine.currentView()
    #expect(try view.caseInEffect(["transport"], in: test.locate("/t:top")).name.name == "udp")
    try await test.change { try $0.set(test.locate("/t:top/tcp-port"), .uint16(81)) }
    #expect(try test.value("/t:top/udp-port") == nil)
    #expect(try test.engine.currentView().caseInEffect(["transport"], in: test.locate("/t:top")).name.name == "tcp")
  }

  @Test func listsComeInOrder() async throws {
    try await test.change { editor in
      for n in [5, -3, 100, 7, -200] { try editor.create(test.locate("/t:top/number{\(n)}")) }
      for id in ["c", "a", "b"] { try editor.create(test.locate("/t:top/rule{\(id)}")) }
      try editor.move(test.locate("/t:top/rule{b}"), to: .first)
      try editor.move(test.locate("/t:top/rule{a}"), to: .before([.string("c")]))
      try editor.set(test.locate("/t:top/tags"), .list([.string("z"), .string("a")]))
      try editor.set(test.locate("/t:top/order"), .list([.int32(3), .int32(1), .int32(2)]))
    }
    let view = try test.engine.currentView()
    var numbers: [Value] = []
    try view.forEachEntry(test.locate("/t:top/number")) { (entry) throws(NSOError) in
      numbers += try entry.keys()
      return true
    }
    #expect(numbers == [.int32(-200), .int32(-3), .int32(5), .int32(7), .int32(100)])
    var rules: [Value] = []
    try view.forEachEntry(test.locate("/t:top/rule")) { (entry) throws(NSOError) in
      rules += try entry.keys()
      return true
    }
    #expect(rules == [.string("b"), .string("a"), .string("c")])
    #expect(try test.value("/t:top/tags") == .list([.string("a"), .string("z")]))
    #expect(try test.value("/t:top/order") == .list([.int32(3), .int32(1), .int32(2)]))
    #expect(try view.count(test.locate("/t:top/number")) == 5)
    #expect(try view.index(of: test.locate("/t:top/number{7}")) == 3)
  }

  @Test func conflictsAreFound() async throws {
    try await test.change { try $0.create(test.locate("/t:top/server{web 80}")) }
    let first = try test.start()
    let second = try test.start()
    let desc = try test.locate("/t:top/server{web 80}/desc")
    let entry = try test.locate("/t:top/server{web 80}")
    try first.writeOne { (editor) throws(NSOError) in try editor.set(desc, .string("1")) }
    try second.writeOne { (editor) throws(NSOError) in try editor.delete(entry) }
    try await test.engine.apply(second, keepOpen: false)
    await #expect { try await test.engine.apply(first, keepOpen: true) } throws: { error in
      (error as? NSOError)?.code == .transactionConflict && "\(error)".contains("/t:top/server")
    }
    #expect(try test.value("/t:top/server{web 80}/desc") == nil)
  }

  @Test func writersOfTheSameLeafDoNotConflict() async throws {
    let first = try test.start()
    let second = try test.start()
    let name = try test.locate("/t:top/name")
    try first.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("a")) }
    try second.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("b")) }
    try await test.engine.apply(second, keepOpen: false)
    try await test.engine.apply(first, keepOpen: false)
    #expect(try test.value("/t:top/name") == .string("a"))
  }

  @Test func phasesByHand() async throws {
    let one = try test.start()
    try one.writeOne { (editor) throws(NSOError) in
      try editor.set(test.engine.model.locate([.tag(Tag("top", in: "urn:t")), .tag("load")]), .uint8(1))
    }
    await #expect(throws: NSOError.self) { try await test.engine.prepare(one) }
    try await test.engine.validate(one, unlock: false)
    #expect(one.phase == .validate)
    try await test.engine.prepare(one)
    try await test.engine.commit(one)
    #expect(try test.value("/t:top/load") == .uint8(1))
    test.engine.finish(one)
    #expect(throws: NSOError.self) { try test.engine.transaction(one.handle) }
  }

  @Test func commitWaitsForTheGateAndGivesUp() async throws {
    let test = try TestEngine { $0.commitWait = 0 }
    let lock = try test.engine.lockForReading("reader")
    let name = try test.locate("/t:top/name")
    let writer = try test.start()
    try writer.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("x")) }
    await #expect { try await test.engine.apply(writer, keepOpen: true) } throws: { error in
      (error as? NSOError)?.code == .inUse && "\(error)".contains("reader")
    }
    test.engine.unlock(lock)
    try await test.engine.apply(writer, keepOpen: true)
    #expect(try test.value("/t:top/name") == .string("x"))
  }

  /// A client that goes while its validation waits leaves no lock behind, and nothing of it is committed.
  @Test(arguments: [true, false]) func finishingWhileWaitingForTheGate(applies: Bool) async throws {
    let lock = try test.engine.lockForReading("reader")
    let name = try test.locate("/t:top/name")
    let writer = try test.start()
    try writer.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("gone")) }
    let engine = test.engine
    let step = Task {
      if applies { try await engine.apply(writer, keepOpen: true) } else { try await engine.validate(writer, unlock: false) }
    }
    try await until("the step has begun") { writer.state.withLock { $0.isBusy } }
    engine.finish(writer)
    engine.unlock(lock)
    await #expect(throws: NSOError.self) { try await step.value }
    #expect(engine.commitHolders.writer == nil)
    #expect(try test.value("/t:top/name") == .string("unnamed"))
    try await test.change { try $0.set(name, .string("next")) }
    #expect(try test.value("/t:top/name") == .string("next"))
  }

  @Test func transactionInTransaction() async throws {
    let outer = try test.start()
    let name = try test.locate("/t:top/name")
    try outer.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("outer")) }
    let inner = try test.engine.startTransaction(test.session, over: outer, .readWrite)
    #expect(try inner.read { (view) throws(NSOError) in try view.value(name) } == .string("outer"))
    try inner.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("inner")) }
    #expect(try outer.read { (view) throws(NSOError) in try view.value(name) } == .string("outer"))
    try await test.engine.apply(inner, keepOpen: false)
    #expect(try outer.read { (view) throws(NSOError) in try view.value(name) } == .string("inner"))
    try await test.engine.apply(outer, keepOpen: false)
    #expect(try test.value("/t:top/name") == .string("inner"))
  }

  @Test func endingASessionEndsWhatItHad() async throws {
    let session = try test.engine.sessions.start(UserSessionRequest(user: "u", context: "cli"))
    let transaction = try test.engine.startTransaction(session, on: .running, .readWrite)
    try test.engine.locks.lock(.running, for: session)
    try await test.engine.validate(transaction, unlock: false)
    test.engine.sessions.end(session)
    #expect(transaction.phase == .finished)
    #expect(test.engine.locks.holder(of: .running) == nil)
    try await test.change { try $0.set(test.locate("/t:top/load"), .uint8(2)) }
  }

  @Test func dataSurvivesReopening() async throws {
    let folder = try TemporaryFolder()
    let id = try await Self.fill(folder)
    let again = try TestEngine(in: folder)
    #expect(try again.engine.currentView().exists(again.locate("/t:top/server{web 80}")))
    #expect(again.engine.lastTransactionID == id)
  }

  /// Writes into a new database and lets go of it.
  private static func fill(_ folder: TemporaryFolder) async throws -> TransactionID {
    let test = try TestEngine(in: folder)
    try await test.change { editor in
      try editor.create(test.locate("/t:top/server{web 80}"))
      try editor.set(test.locate("/t:top/kind"), text: "t:fast")
    }
    test.close()
    return test.engine.lastTransactionID
  }
}
