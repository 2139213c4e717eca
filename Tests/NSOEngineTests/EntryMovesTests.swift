import NSOModel
import NSOStore
import Synchronization
import Testing

@testable import NSOEngine

@Suite("Entries that get other keys")
struct EntryMovesTests {
  private static let module = testModule.replacing(
    "list alias { key id; leaf id { type string; }",
    with: "list alias { key id; leaf id { type string; } leaf uses { config false; type uint32; }")

  private func engine(_ folder: TemporaryFolder? = nil, entries: String...) async throws -> TestEngine {
    let test = try TestEngine(in: folder, module: Self.module) { $0.datastores.candidate = true }
    guard !entries.isEmpty else { return test }
    try await test.change { editor in
      for name in entries { try editor.create(test.locate("/t:top/server{\(name) 1}")) }
    }
    for (index, name) in entries.enumerated() {
      try await write(test, "/t:top/server{\(name) 1}/hits", UInt32(index + 1))
    }
    return test
  }

  private func write(_ test: TestEngine, _ path: String, _ number: UInt32) async throws {
    let place = try test.locate(path)
    let result: Result<Void, NSOError> = await withCheckedContinuation { continuation in
      test.engine.writeOperational { (editor) throws(NSOError) in
        try editor.set(place, .uint32(number))
      } completion: {
        continuation.resume(returning: $0)
      }
    }
    try result.get()
  }

  private func edit(_ transaction: Transaction, _ body: (inout TreeEditor) throws -> Void) throws {
    try transaction.write { (editor) throws(NSOError) in
      do { try body(&editor) } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
    }
  }

  private func rename(_ test: TestEngine, _ editor: inout TreeEditor, _ from: String, _ to: String) throws {
    try editor.rename(test.locate("/t:top/server{\(from) 1}"), to: [.string(to), .uint16(1)])
  }

  /// By entry, the number below it.
  private func hits(_ test: TestEngine) throws -> [String: UInt32] {
    var found: [String: UInt32] = [:]
    let view = try test.engine.currentView()
    for name in ["a", "b", "c", "d", "e"] {
      if case .uint32(let number) = try view.value(test.locate("/t:top/server{\(name) 1}/hits")) { found[name] = number }
    }
    return found
  }

  private func records(_ test: TestEngine) throws -> Int { try test.engine.stores.volatile.snapshot().count(.operational) }

  @Test func placesAreExchangedByWayOfAnother() async throws {
    let test = try await engine(entries: "a", "b")
    defer { test.close() }
    try await test.change { editor in
      for (from, to) in [("a", "c"), ("b", "a"), ("c", "b")] { try rename(test, &editor, from, to) }
    }
    #expect(try hits(test) == ["a": 2, "b": 1])
    #expect(try records(test) == 2)
  }

  @Test func theOldKeysMayBeTakenAgain() async throws {
    let test = try await engine(entries: "a", "b")
    defer { test.close() }
    let transaction = try test.start()
    try edit(transaction) { editor in
      // To and fro leaves no more than going once.
      for _ in 0..<100 {
        try rename(test, &editor, "a", "c")
        try rename(test, &editor, "c", "a")
      }
      #expect(editor.moves.moves.count == 2)
      try rename(test, &editor, "a", "c")
      try editor.create(test.locate("/t:top/server{a 1}"))
      // The new one gets other keys, too: it has nothing to take along.
      try rename(test, &editor, "a", "d")
      try editor.create(test.locate("/t:top/server{a 1}"))
      // One made anew under its own keys.
      try editor.delete(test.locate("/t:top/server{b 1}"))
      try editor.create(test.locate("/t:top/server{b 1}"))
      try rename(test, &editor, "b", "e")
    }
    try await test.engine.apply(transaction, keepOpen: false)
    #expect(try hits(test) == ["c": 1])
    #expect(try records(test) == 1)
  }

  @Test func whatIsDeletedAndMadeAfterwardsIsNew() async throws {
    let test = try await engine(entries: "a", "b")
    defer { test.close() }
    try await test.change { editor in
      try rename(test, &editor, "a", "c")
      try editor.delete(test.locate("/t:top/server{c 1}"))
      try editor.create(test.locate("/t:top/server{c 1}"))
      try rename(test, &editor, "b", "d")
      try editor.delete(test.locate("/t:top/server{d 1}"))
    }
    #expect(try hits(test).isEmpty)
    #expect(try records(test) == 0)
  }

  @Test func whatIsGivenUpLeavesEverythingWhereItWas() async throws {
    let test = try await engine(entries: "a")
    defer { test.close() }
    let transaction = try test.start()
    try edit(transaction) { try rename(test, &$0, "a", "b") }
    try await test.engine.validate(transaction, unlock: false)
    try await test.engine.prepare(transaction)
    try await test.engine.abort(transaction)
    #expect(try hits(test) == ["a": 1])
    let other = try test.start()
    try edit(other) { try rename(test, &$0, "a", "c") }
    try other.revert()
    try edit(other) { try $0.set(test.locate("/t:top/load"), .uint8(3)) }
    try await test.engine.apply(other, keepOpen: false)
    #expect(try hits(test) == ["a": 1])
  }

  @Test func entriesInEntriesFollowBoth() async throws {
    let test = try await engine(entries: "a")
    defer { test.close() }
    try await test.change { editor in
      for id in ["x", "y"] { try editor.create(test.locate("/t:top/server{a 1}/alias{\(id)}")) }
    }
    try await write(test, "/t:top/server{a 1}/alias{x}/uses", 7)
    try await write(test, "/t:top/server{a 1}/alias{y}/uses", 8)
    try await test.change { editor in
      try editor.rename(test.locate("/t:top/server{a 1}/alias{x}"), to: [.string("z")])
      try rename(test, &editor, "a", "b")
      try editor.rename(test.locate("/t:top/server{b 1}/alias{y}"), to: [.string("x")])
      try rename(test, &editor, "b", "c")
    }
    #expect(try hits(test) == ["c": 1])
    #expect(try test.value("/t:top/server{c 1}/alias{z}/uses") == .uint32(7))
    #expect(try test.value("/t:top/server{c 1}/alias{x}/uses") == .uint32(8))
    #expect(try records(test) == 3)
  }

  @Test func transactionsOverTransactionsAddToIt() async throws {
    let test = try await engine(entries: "a", "b", "d")
    defer { test.close() }
    let below = try test.start()
    try edit(below) { editor in
      try rename(test, &editor, "a", "c")
      try rename(test, &editor, "d", "e")
    }
    let above = try test.engine.startTransaction(test.session, over: below, .readWrite)
    try edit(above) { editor in
      try rename(test, &editor, "b", "a")
      try rename(test, &editor, "c", "b")
      // Another one than that which has moved there below.
      try editor.delete(test.locate("/t:top/server{e 1}"))
      try editor.create(test.locate("/t:top/server{e 1}"))
    }
    try await test.engine.apply(above, keepOpen: false)
    try await test.engine.apply(below, keepOpen: false)
    #expect(try hits(test) == ["a": 2, "b": 1])
    #expect(try records(test) == 2)
  }

  @Test func itHappensInTheCandidateToo() async throws {
    let folder = try TemporaryFolder()
    func edit(_ test: TestEngine, _ body: (inout TreeEditor) throws -> Void) async throws {
      let transaction = try test.start(on: .candidate)
      defer { test.engine.finish(transaction) }
      try self.edit(transaction, body)
      try await test.engine.apply(transaction, keepOpen: false)
    }
    do {
      let test = try await engine(folder, entries: "a", "b")
      defer { test.close() }
      try await edit(test) { try rename(test, &$0, "a", "c") }
      try await test.engine.resetCandidate(test.session)
      try await test.engine.commitCandidate(test.session)
      #expect(try hits(test) == ["a": 1, "b": 2])
      try await edit(test) { try rename(test, &$0, "a", "c") }
    }
    // It outlives the daemon, unlike the operational data.
    let test = try await engine(folder)
    defer { test.close() }
    try await write(test, "/t:top/server{a 1}/hits", 1)
    try await write(test, "/t:top/server{b 1}/hits", 2)
    try await edit(test) { editor in
      try rename(test, &editor, "c", "d")
      try rename(test, &editor, "b", "a")
      try editor.delete(test.locate("/t:top/server{a 1}"))
      try editor.create(test.locate("/t:top/server{a 1}"))
    }
    try await test.engine.commitCandidate(test.session)
    #expect(try hits(test) == ["d": 1])
    #expect(try records(test) == 1)
    // Nothing of it is left for the next one.
    try await edit(test) { try $0.set(test.locate("/t:top/load"), .uint8(1)) }
    #expect(test.engine.candidate.moves.isEmpty)
  }

  /// Writes operational data when the commit has looked at that which is there.
  private struct Intruder: CommitParticipant {
    let name = "intruder"
    let write: @Sendable () -> Void
    func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError) { write() }
  }

  @Test func whatIsWrittenMeanwhileIsNotLost() async throws {
    let test = try await engine(entries: "a")
    defer { test.close() }
    let place = try test.locate("/t:top/server{a 1}/hits")
    let (results, sink) = AsyncStream<Result<Void, NSOError>>.makeStream()
    test.engine.add(
      Intruder { [engine = test.engine] in
        engine.writeOperational { (editor) throws(NSOError) in
          try editor.set(place, .uint32(9))
        } completion: {
          sink.yield($0)
        }
      }, at: .providers)
    try await test.change { try rename(test, &$0, "a", "b") }
    for await result in results {
      // It comes too late, and is told so.
      #expect(throws: NSOError.self) { try result.get() }
      break
    }
    #expect(try hits(test) == ["b": 1])
    #expect(try records(test) == 1)
  }
}
