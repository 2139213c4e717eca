import NSOModel
import NSOSchema
import NSOTerms
import Testing

@testable import NSOEngine

/// Commits of the past, told again.
@Suite(.timeLimit(.minutes(10))) struct ReplayTests {
  private func engine(in folder: TemporaryFolder? = nil, module: String = testModule, revisions: Int = 20) throws -> TestEngine
  {
    let test = try TestEngine(in: folder, module: module) { $0.history = History.Limits(revisions: revisions) }
    test.engine.replaysSubscriptions = true
    return test
  }

  private func name(_ test: TestEngine, _ text: String) async throws -> TransactionID {
    try await test.change { try $0.set(test.locate("/t:top/name"), .string(text)) }
    return test.engine.lastTransactionID
  }

  /// What a subscriber to the name is told after a transaction, forward and in reverse.
  private func replay(_ test: TestEngine, after id: TransactionID) async throws -> [String] {
    let subscriber = FakeSubscriber(test.engine, "again")
    try subscriber.subscribe("/top/name")
    defer { subscriber.leave() }
    let task = Task {
      var told: [String] = []
      while let notice = await subscriber.next() {
        for pattern in notice.patterns.values {
          for options in [.previousValues, [.previousValues, .reverse]] as [SubscriptionChanges.Options] {
            for item in try notice.changes.items(of: pattern, options) {
              guard case .valueSet(let old, let new) = item.change else { continue }
              told.append("\(old?.plainText ?? "-") \(new.plainText)")
            }
          }
          told.append("before \(try test.engine.preCommitView().value(test.locate("/t:top/name"))?.plainText ?? "-")")
        }
        try subscriber.answer(.donePriority)
      }
      return told
    }
    try await test.engine.replaySubscriptions(after: id, [], Engine.Caller("test"))
    subscriber.leave()
    return try await task.value
  }

  private func refusal(_ test: TestEngine, after id: TransactionID) async -> NSOError? {
    do {
      _ = try await replay(test, after: id)
      return nil
    } catch { return error as? NSOError }
  }

  @Test func `from the history, also after a restart`() async throws {
    let test = try engine(revisions: 3)
    #expect(try test.engine.replayTransactions() == [test.engine.lastTransactionID])
    var ids: [TransactionID] = []
    for text in ["a", "b", "c"] { ids.append(try await name(test, text)) }
    let expected = ["a b", "b a", "before a", "b c", "c b", "before b"]
    #expect(try await replay(test, after: ids[0]) == expected)
    #expect(try test.engine.replayTransactions() == ids.reversed() + [.zero])
    test.close()

    let next = try engine(in: test.folder, revisions: 3)
    #expect(try await replay(next, after: ids[0]) == expected)
    #expect(try await replay(next, after: ids[2]) == [])
    #expect(try next.engine.replayTransactions() == ids.reversed() + [.zero])
    // What concerns nobody is passed over; what is older than the history, or nobody knows, is told no more.
    try await next.change { try $0.set(next.locate("/t:top/load"), .uint8(1)) }
    #expect(try await replay(next, after: ids[1]) == ["b c", "c b", "before b"])
    #expect(await refusal(next, after: .zero)?.code == .noExists)
    ids.append(next.engine.lastTransactionID)
    for text in ["d", "e"] { ids.append(try await name(next, text)) }
    let old = await refusal(next, after: ids[0])
    #expect(old?.code == .noExists && old?.message.contains("history has the latest 3 commits") == true)
    #expect(await refusal(next, after: TransactionID(seconds: .max, microseconds: 0, sequence: 0))?.code == .noExists)
    #expect(try next.engine.replayTransactions() == Array(ids[3...].reversed()))
    next.engine.replaysSubscriptions = false
    #expect(await refusal(next, after: ids[4])?.message.contains("replay is off") == true)
    #expect(try next.engine.replayTransactions() == [ids[5]])
    next.close()
  }

  @Test func `enabled late, and off for a while`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let before = try await name(test, "a")
    test.engine.replaysSubscriptions = true
    #expect(await refusal(test, after: .zero)?.code == .noExists)
    let first = try await name(test, "b")
    #expect(try await replay(test, after: before).count == 3)
    test.engine.replaysSubscriptions = false
    _ = try await name(test, "c")
    test.engine.replaysSubscriptions = true
    #expect(await refusal(test, after: first)?.code == .noExists)
    #expect(try test.engine.replayTransactions() == [test.engine.lastTransactionID])
  }

  @Test(arguments: [true, false]) func `an upgrade ends it`(changes: Bool) async throws {
    let test = try engine()
    let first = try await name(test, "a")
    _ = try await name(test, changes ? "5" : "b")
    let last = test.engine.lastTransactionID
    let old = changes ? "leaf name { type string { length \"1..8\"; } default \"unnamed\"; }" : "leaf flag { type empty; }"
    let module = testModule.replacing(
      old, with: changes ? "leaf name { type uint8; default 1; }" : "leaf other { type empty; }")
    let schema = try SchemaLoader(files: [try test.folder.write("next.yang", module)]).load()
    let upgrade = try test.engine.openUpgrade(by: "a test")
    try await test.engine.beginUpgrade(upgrade, timeout: 0, kill: false)
    try test.engine.performUpgrade(upgrade) { () throws(NSOError) in schema }
    try await test.engine.commitUpgrade(upgrade)

    let upgraded = test.engine.lastTransactionID
    #expect((upgraded != last) == changes)
    let refused = await refusal(test, after: first)
    #expect(refused?.code == .noExists && refused?.message.contains("the schema became another one") == true)
    if changes { #expect(await refusal(test, after: last)?.code == .noExists) }
    #expect(try test.engine.replayTransactions() == [upgraded])
    try await test.change { try $0.set(test.locate("/t:top/name"), text: "7") }
    #expect(try await replay(test, after: upgraded).count == 3)
    test.close()
    // Another schema at a start is no different.
    let again = try engine(in: test.folder, module: module)
    #expect(try await replay(again, after: upgraded).count == 3)
    again.close()
    let other = try engine(
      in: test.folder, module: module.replacing("leaf big { type uint64; }", with: "leaf big { type uint32; }"))
    #expect(await refusal(other, after: upgraded)?.code == .noExists)
    other.close()
  }
}
