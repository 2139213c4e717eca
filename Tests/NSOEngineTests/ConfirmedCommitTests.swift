import NSOModel
import NSOStore
import Synchronization
import Testing

@testable import NSOEngine

@Suite("Confirmed commits")
struct ConfirmedCommitTests {
  private func engine(in folder: TemporaryFolder? = nil, kept: Int = 100) throws -> TestEngine {
    try TestEngine(in: folder) { configuration in
      configuration.datastores.candidate = true
      configuration.history = History.Limits(rollbackEntries: 0, revisions: kept)
    }
  }

  private func name(_ test: TestEngine) throws -> Value? { try test.value("/t:top/name") }

  private func edit(_ test: TestEngine, _ name: String) async throws {
    let transaction = try test.engine.startTransaction(test.session, on: .candidate, .readWrite)
    defer { test.engine.finish(transaction) }
    let place = try test.locate("/t:top/name")
    try transaction.writeOne { (editor) throws(NSOError) in try editor.set(place, .string(name)) }
    try await test.engine.apply(transaction, keepOpen: false)
  }

  /// Runs `body`, then waits for a confirmed commit to be taken back.
  private func waitForEnd(_ test: TestEngine, _ body: () async throws -> Void) async throws -> ConfirmedCommitEnd {
    let (events, feed) = AsyncStream.makeStream(of: ConfirmedCommitEnd.self)
    test.engine.confirmedCommits.observe { event, _, _ in if case .aborted(let end) = event { feed.yield(end) } }
    try await body()
    for await end in events { return end }
    throw NSOError(.internal, "the stream ended")
  }

  @Test func confirmedInTimeItStays() async throws {
    let test = try engine()
    let events = Mutex<[ConfirmedCommitEvent]>([])
    test.engine.confirmedCommits.observe { event, _, _ in events.withLock { $0.append(event) } }
    try await edit(test, "one")
    try await test.engine.commitCandidate(test.session, .confirmed(timeout: 3600, persist: nil))
    #expect(try name(test) == .string("one"))
    let pending = try #require(test.engine.confirmedCommits.pending)
    #expect(pending.session == test.session.id && pending.base == 0)
    // Extended with more changes, then confirmed.
    try await edit(test, "two")
    try await test.engine.commitCandidate(test.session, .confirmed(timeout: 1800, persist: nil))
    #expect(test.engine.confirmedCommits.pending?.base == 0)
    let other = try test.engine.sessions.start(UserSessionRequest(user: "bob", context: "system"))
    await #expect { try await test.engine.commitCandidate(other) } throws: {
      ($0 as? NSOError)?.code == .inUse && "\($0)".contains("admin")
    }
    await #expect { try await test.engine.abortConfirmedCommit(other) } throws: { ($0 as? NSOError)?.code == .noExists }
    try await test.engine.commitCandidate(test.session)
    #expect(test.engine.confirmedCommits.pending == nil)
    #expect(try name(test) == .string("two"))
    #expect(events.withLock { $0 } == [.started(timeout: 3600), .started(timeout: 1800), .confirmed])
    await #expect { try await test.engine.abortConfirmedCommit(test.session) } throws: {
      ($0 as? NSOError)?.code == .noExists
    }
  }

  @Test(arguments: [0, 100]) func notConfirmedItIsTakenBack(kept: Int) async throws {
    let test = try engine(kept: kept)
    try await test.change { try $0.set(test.locate("/t:top/name"), .string("before")) }
    try await edit(test, "one")
    let end = try await waitForEnd(test) {
      try await test.engine.commitCandidate(test.session, .confirmed(timeout: 3600, persist: nil))
      try await edit(test, "two")
      try await test.engine.commitCandidate(test.session, .confirmed(timeout: 1, persist: nil))
      #expect(try name(test) == .string("two"))
      // What others did in between is taken back as well.
      try await test.change { try $0.set(test.locate("/t:top/load"), .uint8(77)) }
    }
    #expect(end == .timeout)
    #expect(try name(test) == .string("before"))
    #expect(try test.value("/t:top/load") == .uint8(10))
    #expect(test.engine.confirmedCommits.pending == nil)
    try await test.change { try $0.set(test.locate("/t:top/load"), .uint8(5)) }
    #expect(try test.engine.history.entries().count == min(kept, 6))
  }

  @Test func itEndsWithItsSessionUnlessItPersists() async throws {
    let test = try engine()
    let other = try test.engine.sessions.start(UserSessionRequest(user: "bob", context: "system"))
    try await edit(test, "one")
    let end = try await waitForEnd(test) {
      try await test.engine.commitCandidate(other, .confirmed(timeout: 3600, persist: nil))
      // A lock of somebody does not hold the daemon up.
      try test.engine.locks.lock(.running, for: test.session)
      test.engine.sessions.end(other)
    }
    #expect(end == .sessionEnded)
    try test.engine.locks.unlock(.running, for: test.session)
    #expect(try name(test) == .string("unnamed"))

    let third = try test.engine.sessions.start(UserSessionRequest(user: "carol", context: "system"))
    try await edit(test, "two")
    try await test.engine.commitCandidate(third, .confirmed(timeout: 3600, persist: "cookie"))
    test.engine.sessions.end(third)
    #expect(test.engine.confirmedCommits.pending != nil)
    for cookie in [nil, "other"] {
      await #expect { try await test.engine.commitCandidate(test.session, persistID: cookie) } throws: {
        ($0 as? NSOError)?.code == .noExists
      }
    }
    // Another cookie, then the end.
    try await test.engine.commitCandidate(test.session, .confirmed(timeout: 60, persist: "new"), persistID: "cookie")
    await #expect { try await test.engine.commitCandidate(test.session, persistID: "cookie") } throws: {
      ($0 as? NSOError)?.code == .noExists
    }
    try await test.engine.abortConfirmedCommit(test.session, persistID: "new")
    #expect(try name(test) == .string("unnamed"))
    #expect(test.engine.confirmedCommits.pending == nil)
    await #expect { try await test.engine.commitCandidate(test.session, persistID: "new") } throws: {
      ($0 as? NSOError)?.code == .noExists
    }
  }

  @Test func aRestartTakesItBackUnlessItPersists() async throws {
    let folder = try TemporaryFolder()
    do {
      let test = try engine(in: folder)
      try await edit(test, "one")
      try await test.engine.commitCandidate(test.session, .confirmed(timeout: 3600, persist: nil))
      test.close()
    }
    do {
      let test = try engine(in: folder)
      #expect(try name(test) == .string("one"))
      #expect(await test.engine.resumeConfirmedCommit())
      #expect(try name(test) == .string("unnamed"))
      try await edit(test, "two")
      try await test.engine.commitCandidate(test.session, .confirmed(timeout: 3600, persist: "p"))
      test.close()
    }
    do {
      let test = try engine(in: folder)
      #expect(await !test.engine.resumeConfirmedCommit())
      #expect(try name(test) == .string("two"))
      try await edit(test, "three")
      try await test.engine.commitCandidate(test.session, .confirmed(timeout: 1, persist: "p"), persistID: "p")
      test.close()
    }
    let test = try engine(in: folder)
    // Whether its time is over by now or not, it ends.
    let end = try await waitForEnd(test) { await test.engine.resumeConfirmedCommit() }
    #expect(end == .timeout)
    #expect(try name(test) == .string("unnamed"))
  }
}
