import NSOModel
import NSOStore
import Synchronization
import TestSupport
import Testing

@testable import NSOEngine

@Suite("Candidate")
struct CandidateTests {
  private func engine(
    in folder: TemporaryFolder? = nil, configure: (inout EngineConfiguration) -> Void = { _ in }
  ) throws -> TestEngine {
    try TestEngine(in: folder) { configuration in
      configuration.datastores.candidate = true
      configure(&configuration)
    }
  }

  private func edit(
    _ test: TestEngine, _ session: UserSession? = nil, _ body: @escaping (inout TreeEditor) throws -> Void
  ) async throws {
    let transaction = try test.engine.startTransaction(session ?? test.session, on: .candidate, .readWrite)
    defer { test.engine.finish(transaction) }
    try transaction.write { (editor) throws(NSOError) in
      do { try body(&editor) } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
    }
    try await test.engine.apply(transaction, keepOpen: false)
  }

  private func candidate(_ test: TestEngine, _ path: String) throws -> Value? {
    try test.engine.currentView(of: .candidate).value(try test.locate(path))
  }

  @Test func withoutItEverythingSaysWhichSettingEnablesIt() async throws {
    let test = try TestEngine()
    func says(_ body: () async throws -> Void) async -> Bool {
      do {
        try await body()
        return false
      } catch {
        return (error as? NSOError)?.code == .noExists && "\(error)".contains("/enabled")
      }
    }
    #expect(await says { _ = try test.start(on: .candidate) })
    #expect(await says { _ = try test.start(.read, on: .startup) })
    #expect(await says { try await test.engine.commitCandidate(test.session) })
    #expect(await says { try await test.engine.resetCandidate(test.session) })
    #expect(await says { try await test.engine.validateCandidate(test.session) })
    #expect(await says { _ = try test.engine.isCandidateModified() })
    #expect(await says { _ = try test.engine.isRunningModified() })
    #expect(await says { try await test.engine.copyRunningToStartup(test.session) })
    #expect(await says { try await test.engine.deleteConfiguration(of: .candidate, test.session) })
  }

  @Test func changesAreSharedAndCommittedTogether() async throws {
    let test = try engine()
    try await test.change { try $0.create(test.locate("/t:top/server{web 80}")) }
    #expect(try !test.engine.isCandidateModified())
    try await edit(test) { try $0.set(test.locate("/t:top/server{web 80}/desc"), .string("new")) }
    try await edit(test) { editor in
      try editor.create(test.locate("/t:top/rule{a}"))
      try editor.create(test.locate("/t:top/rule{b}"), at: .first)
    }
    #expect(try test.engine.isCandidateModified())
    #expect(try candidate(test, "/t:top/server{web 80}/desc") == .string("new"))
    #expect(try test.value("/t:top/server{web 80}/desc") == nil)
    // What is written to running shows in the candidate where that does not change it.
    try await test.change { editor in
      try editor.set(test.locate("/t:top/name"), .string("direct"))
      try editor.set(test.locate("/t:top/server{web 80}/desc"), .string("direct"))
    }
    #expect(try candidate(test, "/t:top/name") == .string("direct"))
    #expect(try candidate(test, "/t:top/server{web 80}/desc") == .string("new"))
    let before = test.engine.history.revision
    try await test.engine.commitCandidate(test.session, label: "L", comment: "C")
    #expect(try test.value("/t:top/server{web 80}/desc") == .string("new"))
    #expect(try test.engine.currentView().index(of: test.locate("/t:top/rule{b}")) == 0)
    #expect(try !test.engine.isCandidateModified())
    #expect(test.engine.history.revision == before + 1)
    #expect(try test.engine.history.entries().first?.label == "L")
    #expect(try test.engine.stores.durable.snapshot().count(.candidate) == 0)
    // Nothing to commit is no commit.
    try await test.engine.commitCandidate(test.session)
    #expect(test.engine.history.revision == before + 1)
  }

  @Test func resetDropsTheChanges() async throws {
    let test = try engine()
    try await edit(test) { try $0.set(test.locate("/t:top/name"), .string("x")) }
    try await test.engine.resetCandidate(test.session)
    #expect(try !test.engine.isCandidateModified())
    #expect(try candidate(test, "/t:top/name") == .string("unnamed"))
    try await test.change { try $0.set(test.locate("/t:top/name"), .string("y")) }
    try await test.engine.deleteConfiguration(of: .candidate, test.session)
    #expect(try candidate(test, "/t:top/name") == .string("unnamed"))
    #expect(try test.value("/t:top/name") == .string("y"))
    try await test.engine.commitCandidate(test.session)
    #expect(try test.value("/t:top/name") == .string("unnamed"))
  }

  @Test func itOutlivesTheDaemon() async throws {
    let folder = try TemporaryFolder()
    do {
      let test = try engine(in: folder)
      try await test.change { editor in
        for n in 1...3 { try editor.create(test.locate("/t:top/number{\(n)}")) }
        try editor.set(test.locate("/t:top/name"), .string("x"))
      }
      try await edit(test) { editor in
        try editor.delete(test.locate("/t:top/number{2}"))
        try editor.delete(test.locate("/t:top/name"))
        try editor.set(test.locate("/t:top/number{3}/text"), .string("three"))
      }
      test.close()
    }
    let test = try engine(in: folder)
    #expect(try test.engine.isCandidateModified())
    #expect(try candidate(test, "/t:top/name") == .string("unnamed"))
    #expect(try test.engine.currentView(of: .candidate).count(test.locate("/t:top/number")) == 2)
    try await test.engine.commitCandidate(test.session)
    #expect(try test.engine.currentView().count(test.locate("/t:top/number")) == 2)
    #expect(try test.value("/t:top/number{3}/text") == .string("three"))
  }

  @Test func anEntryThatGoesInRunningStaysWhereTheCandidateChangedIt() async throws {
    let test = try engine()
    try await test.change { editor in
      for id in ["a", "b"] {
        try editor.create(test.locate("/t:top/rule{\(id)}"))
        try editor.set(test.locate("/t:top/rule{\(id)}/act"), .string("old"))
      }
    }
    try await edit(test) { try $0.set(test.locate("/t:top/rule{a}/act"), .string("new")) }
    try await test.change { editor in
      try editor.delete(test.locate("/t:top/rule{a}"))
      try editor.delete(test.locate("/t:top/rule{b}"))
    }
    #expect(try candidate(test, "/t:top/rule{a}/act") == .string("new"))
    #expect(try !test.engine.currentView(of: .candidate).exists(test.locate("/t:top/rule{b}")))
    try await test.engine.commitCandidate(test.session)
    #expect(try test.value("/t:top/rule{a}/act") == .string("new"))
    #expect(try test.engine.currentView().exists(test.locate("/t:top/rule{a}")))
  }

  @Test func transactionsOnItConflictLikeThoseOnRunning() async throws {
    let test = try engine()
    try await edit(test) { try $0.create(test.locate("/t:top/server{web 80}")) }
    let first = try test.start(on: .candidate)
    let entry = try test.locate("/t:top/server{web 80}")
    let desc = try test.locate("/t:top/server{web 80}/desc")
    try first.writeOne { (editor) throws(NSOError) in try editor.set(desc, .string("x")) }
    try await edit(test) { try $0.delete(entry) }
    await #expect { try await test.engine.apply(first, keepOpen: true) } throws: {
      ($0 as? NSOError)?.code == .transactionConflict
    }
    // Others elsewhere do not disturb.
    let second = try test.start(on: .candidate)
    let name = try test.locate("/t:top/name")
    try second.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("x")) }
    try await edit(test) { try $0.create(test.locate("/t:top/number{1}")) }
    try await test.engine.commitCandidate(test.session)
    try await test.engine.apply(second, keepOpen: false)
    #expect(try candidate(test, "/t:top/name") == .string("x"))
    #expect(try test.value("/t:top/name") == .string("unnamed"))
  }

  @Test func runningMayBeWrittenThroughItOnly() async throws {
    let test = try engine { $0.datastores.running = .throughCandidate }
    #expect {
      _ = try test.start()
    } throws: { ($0 as? NSOError)?.code == .notWritable && "\($0)".contains("datastores/running/access") }
    try await edit(test) { try $0.set(test.locate("/t:top/name"), .string("x")) }
    try await test.engine.commitCandidate(test.session)
    #expect(try test.value("/t:top/name") == .string("x"))
  }

  @Test func locksHoldOthersUp() async throws {
    let test = try engine()
    let other = try test.engine.sessions.start(UserSessionRequest(user: "bob", context: "system"))
    try await edit(test) { try $0.set(test.locate("/t:top/name"), .string("x")) }
    try test.engine.locks.lock(.candidate, for: other)
    func inUse(_ body: () async throws -> Void) async -> Bool {
      do {
        try await body()
        return false
      } catch { return (error as? NSOError)?.code == .inUse && "\(error)".contains("bob") }
    }
    #expect(await inUse { try await test.engine.commitCandidate(test.session) })
    #expect(await inUse { try await test.engine.resetCandidate(test.session) })
    #expect(await inUse { try await edit(test) { try $0.set(test.locate("/t:top/name"), .string("y")) } })
    try test.engine.locks.unlock(.candidate, for: other)
    try test.engine.locks.lock(.running, for: other)
    #expect(await inUse { try await test.engine.commitCandidate(test.session) })
    test.engine.sessions.end(other)
    try await test.engine.commitCandidate(test.session)
  }

  @Test(arguments: [true, false]) func aLockGoesWithItsSessionAndSoDoesWhatIsPending(alsoRunning: Bool) async throws {
    let test = try engine()
    let engine = test.engine
    let other = try engine.sessions.start(UserSessionRequest(user: "bob", context: "system"))
    // Locks that were taken before, and given back, have no say at the end.
    try await engine.lock(.candidate, for: other)
    try await engine.unlockCandidate(other)
    if alsoRunning { try await engine.lock(.running, for: other) }
    try await engine.lock(.candidate, for: other)
    let transaction = try engine.startTransaction(other, on: .candidate, .readWrite)
    let name = try test.locate("/t:top/name")
    try transaction.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("x")) }
    try await engine.apply(transaction, keepOpen: false)
    #expect(try engine.isCandidateModified())
    engine.sessions.end(other)
    #expect(engine.locks.holder(of: .running) == nil)
    // Whoever gets the lock finds nothing pending.
    try await until("the candidate is free") { await code { try await engine.lock(.candidate, for: test.session) } != .locked }
    #expect(engine.locks.holder(of: .candidate)?.session === test.session)
    #expect(try !engine.isCandidateModified())
  }

  @Test func locksOnPartsAreInTheWayOfWhatConcernsTheWhole() async throws {
    let test = try TestEngine {
      $0.datastores.candidate = true
      $0.datastores.startup = true
    }
    let engine = test.engine
    try await edit(test) { try $0.create(test.locate("/t:top/number{1}")) }
    let other = try engine.sessions.start(UserSessionRequest(user: "bob", context: "system"))
    let part = try await engine.lockPart(of: .candidate, ["/t:top"], for: other)
    for attempt in [engine.resetCandidate, { try await engine.commitCandidate($0) }] {
      await #expect { try await attempt(test.session) } throws: {
        ($0 as? NSOError)?.code == .inUse && "\($0)".contains("bob") && "\($0)".contains("/t:top")
      }
    }
    await #expect {
      try await engine.beginUpgrade(engine.openUpgrade(by: "a test"), timeout: 0, kill: false)
    } throws: { ($0 as? NSOError)?.code == .locked && "\($0)".contains("bob") }
    try engine.locks.unlockPart(part, for: other)
    try await engine.commitCandidate(test.session)
    try await engine.copyRunningToStartup(test.session)
    _ = try await engine.lockPart(of: .startup, ["/t:top"], for: other)
    await #expect { try await engine.copyRunningToStartup(test.session) } throws: {
      ($0 as? NSOError)?.code == .inUse && "\($0)".contains("bob")
    }
    engine.sessions.end(other)
    try await engine.copyRunningToStartup(test.session)
  }

  @Test func invalidChangesAreRefusedAtItsCommit() async throws {
    let module = """
      module t { yang-version 1.1; namespace "urn:t"; prefix t;
        container top { leaf a { type string; } leaf b { type string; must "../a"; } } }
      """
    let test = try TestEngine(module: module) { $0.datastores.candidate = true }
    try await edit(test) { try $0.set(test.locate("/t:top/b"), .string("x")) }
    await #expect { try await test.engine.validateCandidate(test.session) } throws: { ($0 as? NSOError)?.code == .mustFailed }
    await #expect { try await test.engine.commitCandidate(test.session) } throws: { ($0 as? NSOError)?.code == .mustFailed }
    let transaction = try test.start(on: .candidate)
    try await test.engine.validate(transaction, unlock: true)
    let a = try test.locate("/t:top/a")
    try transaction.writeOne { (editor) throws(NSOError) in try editor.set(a, .string("y")) }
    try await test.engine.validate(transaction, unlock: true, force: true)
    try await test.engine.apply(transaction, keepOpen: false)
    try await test.engine.validateCandidate(test.session)
    try await test.engine.commitCandidate(test.session)
    #expect(try test.value("/t:top/b") == .string("x"))
  }

  @Test func startupIsACopyThatRunningBecomes() async throws {
    let folder = try TemporaryFolder()
    do {
      let test = try TestEngine(in: folder) { $0.datastores.startup = true }
      try await test.engine.loadStartup()
      #expect(try !test.engine.isRunningModified())
      try await test.change { editor in
        try editor.set(test.locate("/t:top/name"), .string("kept"))
        try editor.create(test.locate("/t:top/number{1}"))
      }
      #expect(try test.engine.isRunningModified())
      try await test.engine.copyRunningToStartup(test.session)
      #expect(try !test.engine.isRunningModified())
      // Startup has transactions of its own.
      let transaction = try test.start(on: .startup)
      let load = try test.locate("/t:top/load")
      try transaction.writeOne { (editor) throws(NSOError) in try editor.set(load, .uint8(33)) }
      try await test.engine.apply(transaction, keepOpen: false)
      #expect(try test.value("/t:top/load") == .uint8(10))
      #expect(try test.engine.currentView(of: .startup).value(load) == .uint8(33))
      #expect(try test.engine.isRunningModified())
      try await test.change { try $0.set(test.locate("/t:top/name"), .string("lost")) }
      test.close()
    }
    let test = try TestEngine(in: folder) { $0.datastores.startup = true }
    #expect(try await test.engine.loadStartup())
    #expect(try test.value("/t:top/name") == .string("kept"))
    #expect(try test.value("/t:top/load") == .uint8(33))
    #expect(try test.engine.currentView().count(test.locate("/t:top/number")) == 1)
    #expect(try !test.engine.isRunningModified())
    #expect(try test.engine.history.entries().first?.label == "startup")
  }
}
