import NSOModel
import NSOStore
import Testing

@testable import NSOEngine

@Suite("History and rollback")
struct HistoryTests {
  private func engine(_ rollbackEntries: Int = 10, revisions: Int = 20, in folder: TemporaryFolder? = nil) throws -> TestEngine
  {
    try TestEngine(in: folder) { $0.history = History.Limits(rollbackEntries: rollbackEntries, revisions: revisions) }
  }

  /// The description of a server at a revision.
  private func desc(_ test: TestEngine, at revision: UInt64) throws -> Value? {
    try test.engine.view(at: revision).value(try test.locate("/t:top/server{web 80}/desc"))
  }

  private func set(_ test: TestEngine, _ text: String) async throws {
    try await test.change { editor in
      try editor.ensure(test.locate("/t:top/server{web 80}"))
      try editor.set(test.locate("/t:top/server{web 80}/desc"), .string(text))
    }
  }

  private func roll(_ test: TestEngine, _ number: RollbackEntryNumber, selective: Bool = false, below: String? = nil)
    async throws
  {
    let transaction = try test.start()
    defer { test.engine.finish(transaction) }
    let place = try below.map { try test.locate($0) } ?? .root
    try test.engine.rollBack(number, in: transaction, selective: selective, below: place)
    try await test.engine.apply(transaction, keepOpen: false)
  }

  @Test func everyCommitHasItsRecord() async throws {
    let test = try engine()
    #expect(test.engine.history.revision == 0)
    let transaction = try test.start()
    transaction.label = "first"
    transaction.comment = "the beginning"
    let entry = try test.locate("/t:top/server{web 80}")
    try transaction.writeOne { (editor) throws(NSOError) in try editor.create(entry) }
    let result = try #require(try await test.engine.apply(transaction, keepOpen: false))
    #expect(transaction.committedRevision == 1)
    for number in 2...5 { try await set(test, "\(number)") }
    #expect(test.engine.history.revision == 5)
    let entries = try test.engine.history.rollbackEntries()
    #expect(entries.map(\.revision) == [5, 4, 3, 2, 1])
    let first = try #require(entries.last)
    #expect(first.label == "first" && first.comment == "the beginning" && first.user == "admin" && first.context == "system")
    #expect(first.id == result.id && first.session == test.session.id)
    // What changes nothing makes no record.
    try await set(test, "5")
    #expect(test.engine.history.revision == 5)
    #expect(try desc(test, at: 1) == nil)
    for number in 2...5 { #expect(try desc(test, at: UInt64(number)) == .string("\(number)")) }
    #expect(throws: NSOError.self) { try test.engine.view(at: 6) }

    let changes = try test.engine.differences(from: 2, to: 4, below: .root, .oldValues)
    #expect(changes.map(\.change) == [.modified, .valueSet(old: .string("2"), new: .string("4"))])
    let back = try test.engine.differences(from: 1, to: 0)
    #expect(back.map(\.change) == [.deleted(old: nil)])
    #expect(try test.engine.differences(from: 0, to: 1).first?.change == .created)
    let past = try test.engine.pastCommit(result.id)
    #expect(try past.differences().map(\.change) == [.created])
    #expect(try !past.before.exists(entry) && past.after.exists(entry))

    // A transaction on the past, with its changes.
    let view = try test.engine.startTransaction(test.session, at: 4, comparedTo: 3)
    #expect(try view.view().value(try test.locate("/t:top/server{web 80}/desc")) == .string("4"))
    #expect(try view.view().differences(.init()).map(\.change) == [.modified, .valueSet(old: nil, new: .string("4"))])
  }

  @Test func theLimitsBoundWhatIsKept() async throws {
    let test = try engine(2, revisions: 4)
    for number in 1...10 { try await set(test, "\(number)") }
    #expect(try test.engine.history.entries().map(\.revision) == [10, 9, 8, 7])
    #expect(try test.engine.history.rollbackEntries().map(\.revision) == [10, 9])
    #expect(try desc(test, at: 6) == .string("6"))
    #expect(throws: NSOError.self) { try desc(test, at: 5) }
    test.engine.history.limits = History.Limits(rollbackEntries: 0, revisions: 0)
    try await set(test, "11")
    #expect(try test.engine.history.entries().isEmpty)
    #expect(try test.engine.stores.durable.snapshot().count(.history) == 0)
    #expect(try desc(test, at: 11) == .string("11"))
    test.engine.history.limits = History.Limits(rollbackEntries: 5, revisions: 5)
    try await set(test, "12")
    #expect(try desc(test, at: 11) == .string("11"))
    #expect(throws: NSOError.self) { try desc(test, at: 10) }
    await #expect { try await roll(test, .relative(1)) } throws: { ($0 as? NSOError)?.code == .noExists }
    try await roll(test, .relative(0))
    #expect(try test.value("/t:top/server{web 80}/desc") == .string("11"))
  }

  @Test func itOutlivesTheDaemon() async throws {
    let folder = try TemporaryFolder()
    do {
      let test = try engine(in: folder)
      for number in 1...3 { try await set(test, "\(number)") }
      test.close()
    }
    let test = try engine(in: folder)
    #expect(test.engine.history.revision == 3)
    #expect(try desc(test, at: 2) == .string("2"))
    try await roll(test, .fixed(2))
    #expect(try test.value("/t:top/server{web 80}/desc") == .string("1"))
    #expect(test.engine.history.revision == 4)
    // The rollback can be rolled back.
    try await roll(test, .relative(0))
    #expect(try test.value("/t:top/server{web 80}/desc") == .string("3"))
  }

  @Test func rollbackTakesBackAllThatFollowed() async throws {
    let test = try engine()
    try await test.change { editor in
      for id in ["a", "b", "c"] { try editor.create(test.locate("/t:top/rule{\(id)}")) }
      try editor.set(test.locate("/t:top/udp-port"), .uint16(5))
    }
    let names = { () -> [Value] in
      var rules: [Value] = []
      try test.engine.currentView().forEachEntry(test.locate("/t:top/rule")) { (entry) throws(NSOError) in
        rules += try entry.keys()
        return true
      }
      return rules
    }
    try await test.change { editor in
      try editor.move(test.locate("/t:top/rule{c}"), to: .first)
      try editor.delete(test.locate("/t:top/rule{b}"))
    }
    try await test.change { editor in
      try editor.create(test.locate("/t:top/rule{d}"), at: .first)
      try editor.set(test.locate("/t:top/tcp-port"), .uint16(81))
    }
    #expect(try names() == [.string("d"), .string("c"), .string("a")])
    try await roll(test, .relative(1))
    #expect(try names() == [.string("a"), .string("b"), .string("c")])
    #expect(try test.value("/t:top/udp-port") == .uint16(5))
    #expect(try test.value("/t:top/tcp-port") == nil)
    await #expect { try await roll(test, .relative(4)) } throws: { ($0 as? NSOError)?.code == .noExists }
    await #expect { try await roll(test, .fixed(99)) } throws: { ($0 as? NSOError)?.code == .noExists }
    await #expect { try await roll(test, .fixed(0)) } throws: { ($0 as? NSOError)?.code == .noExists }
  }

  @Test func selectiveRollbackTakesBackOneCommit() async throws {
    let test = try engine()
    try await set(test, "old")  // 1
    try await test.change { try $0.set(test.locate("/t:top/name"), .string("box")) }  // 2
    try await test.change { editor in  // 3
      try editor.create(test.locate("/t:top/number{7}"))
      try editor.set(test.locate("/t:top/number{7}/text"), .string("seven"))
      try editor.create(test.locate("/t:top/rule{x}"))
    }
    try await test.change { try $0.set(test.locate("/t:top/server{web 80}/weight"), .int32(9)) }  // 4
    try await roll(test, .fixed(2), selective: true)  // 5
    #expect(try test.value("/t:top/name") == .string("unnamed"))
    #expect(try test.value("/t:top/number{7}/text") == .string("seven"))
    // Only a part of what followed.
    try await roll(test, .fixed(3), below: "/t:top/number{7}")  // 6
    #expect(try !test.engine.currentView().exists(test.locate("/t:top/number{7}")))
    #expect(try test.engine.currentView().exists(test.locate("/t:top/rule{x}")))
    #expect(try test.value("/t:top/server{web 80}/weight") == .int32(9))
    // What a commit changed in a place that is gone stays gone.
    try await test.change { try $0.delete(test.locate("/t:top/server{web 80}")) }  // 7
    try await roll(test, .fixed(4), selective: true)
    #expect(try !test.engine.currentView().exists(test.locate("/t:top/server{web 80}")))
    // What has no place is told.
    try await test.change { editor in  // 9
      try editor.create(test.locate("/t:top/server{db 1}"))
      try editor.set(test.locate("/t:top/server{db 1}/desc"), .string("one"))
    }
    try await test.change { editor in  // 10
      try editor.set(test.locate("/t:top/server{db 1}/desc"), .string("two"))
      try editor.set(test.locate("/t:top/name"), .string("ten"))
    }
    try await test.change { try $0.delete(test.locate("/t:top/server{db 1}")) }  // 11
    let last = test.engine.history.revision
    let transaction = try test.start()
    let omissions = try test.engine.rollBack(.fixed(Int64(last) - 1), in: transaction, selective: true)
    #expect(omissions.paths == ["/t:top/server{db 1}/desc"] && omissions.count == 1)
    #expect(omissions.text == "/t:top/server{db 1}/desc\n")
    try await test.engine.apply(transaction, keepOpen: false)
    #expect(try test.value("/t:top/name") == .string("unnamed"))
    test.engine.finish(transaction)
    // An entry comes back with its place.
    try await test.change { try $0.delete(test.locate("/t:top/rule{x}")) }
    try await roll(test, .relative(0), selective: true)
    #expect(try test.engine.currentView().count(test.locate("/t:top/rule")) == 1)
    #expect(try test.engine.currentView().index(of: test.locate("/t:top/rule{x}")) == 0)
  }

  @Test func aRollbackThatOthersOvertakeConflicts() async throws {
    let test = try engine()
    try await set(test, "1")
    try await set(test, "2")
    let transaction = try test.start()
    try test.engine.rollBack(.relative(0), in: transaction)
    try await set(test, "3")
    await #expect { try await test.engine.apply(transaction, keepOpen: false) } throws: { error in
      (error as? NSOError)?.code == .transactionConflict && "\(error)".contains("transaction") && "\(error)".contains("admin")
    }
    let off = try engine(0)
    try await set(off, "1")
    await #expect { try await roll(off, .relative(0)) } throws: { "\($0)".contains("rollback/enabled") }
  }
}
