import NSOModel
import Synchronization
import TestSupport
import Testing

@testable import NSOEngine

/// Runs a closure at one step of a commit.
private struct Visitor: CommitParticipant {
  let name = "visitor"
  var completing: @Sendable (Transaction) throws(NSOError) -> Void = { _ in }
  var preparing: @Sendable () -> Void = {}

  func completeChanges(of transaction: Transaction) async throws(NSOError) { try completing(transaction) }
  func prepare(_ attempt: CommitAttempt) async throws(NSOError) { preparing() }
}

@Suite(.timeLimit(.minutes(10))) struct LockTests {
  private func engine(wait: Int = 0) throws -> (test: TestEngine, other: UserSession) {
    let test = try TestEngine { configuration in
      configuration.datastores.candidate = true
      configuration.datastores.startup = true
      configuration.commitWait = wait
    }
    return (test, try test.engine.sessions.start(UserSessionRequest(user: "bob", context: "system")))
  }

  private func writing(
    _ test: TestEngine, _ session: UserSession? = nil, on database: DatabaseName = .running, _ text: String = "x"
  ) throws -> Transaction {
    let transaction = try test.engine.startTransaction(session ?? test.session, on: database, .readWrite)
    let name = try test.locate("/t:top/name")
    try transaction.writeOne { (editor) throws(NSOError) in try editor.set(name, .string(text)) }
    return transaction
  }

  @Test func `the candidate is emptied and unlocked in one step`() async throws {
    let (test, other) = try engine(wait: 60)
    let engine = test.engine
    try await engine.lock(.candidate, for: other)
    try await engine.apply(try writing(test, other, on: .candidate), keepOpen: false)
    let gate = engine.candidate.gate
    /// Whether it was seen empty and locked, by somebody who may write it.
    func isBetween() async throws -> Bool {
      let owner = gate.owner("test", since: 0)
      #expect(await withCheckedContinuation { continuation in gate.take(owner, .write) { continuation.resume(returning: $0) } })
      defer { gate.release(owner) }
      return try !engine.isCandidateModified() && engine.locks.holder(of: .candidate) != nil
    }
    let isDone = Mutex(false)
    async let unlock: Void = {
      defer { isDone.withLock { $0 = true } }
      try await engine.unlockCandidate(other)
    }()
    repeat { #expect(try await !isBetween()) } while !isDone.withLock { $0 }
    try await unlock
    #expect(try !engine.isCandidateModified() && engine.locks.holder(of: .candidate) == nil)
  }

  /// The time limit of a wait may be over before the wait has begun.
  @Test(arguments: [DatabaseName.running, .startup]) func `who may not wait is refused each time`(database: DatabaseName)
    async throws
  {
    let (test, _) = try engine(wait: 0)
    let gate = try #require(test.engine.gate(of: database))
    let blocker = gate.owner("blocker", since: 0)
    #expect(gate.tryTake(blocker, .write) == nil)
    let transaction = try writing(test, on: database)
    for _ in 0..<2000 {
      #expect(await code { try await test.engine.apply(transaction, keepOpen: true) } == .inUse)
    }
    gate.release(blocker)
    try await test.engine.apply(transaction, keepOpen: false)
  }

  @Test(arguments: [DatabaseName.running, .candidate, .startup])
  func `no lock is granted while a commit is past its check`(database: DatabaseName) async throws {
    let (test, other) = try engine()
    let engine = test.engine
    let startup = try test.start(on: .startup)
    let place = try test.locate("/t:top/number{1}")
    try startup.writeOne { (editor) throws(NSOError) in try editor.create(place) }
    try await engine.apply(startup, keepOpen: false)
    try await test.change { try $0.create(place) }

    let transaction = try writing(test, on: database)
    func isRefused() async {
      for attempt in [
        { try await engine.lock(database, for: other) },
        { _ = try await engine.lockPart(of: database, ["/t:top"], for: other) },
      ] {
        await #expect { try await attempt() } throws: {
          ($0 as? NSOError)?.code == .locked && "\($0)".contains("transaction \(transaction.handle)")
        }
      }
      #expect(engine.locks.all.isEmpty && engine.locks.partial.isEmpty)
    }
    try await engine.validate(transaction, unlock: false)
    await isRefused()
    try await engine.prepare(transaction)
    await isRefused()
    try await engine.commit(transaction)
    #expect(try engine.currentView(of: database).value(test.locate("/t:top/name")) == .string("x"))

    let part = try await engine.lockPart(of: database, ["/t:top"], for: other)
    #expect(await code { try await engine.apply(try writing(test, on: database, "y"), keepOpen: false) } == .inUse)
    try engine.locks.unlockPart(part, for: other)
    try await engine.lock(database, for: other)
    #expect(await code { try await engine.validate(try writing(test, on: database, "y"), unlock: false) } == .inUse)
    if database == .candidate { try await engine.unlockCandidate(other) } else { try engine.locks.unlock(database, for: other) }
    try await engine.apply(try writing(test, on: database, "y"), keepOpen: false)
  }

  @Test func `a lock waits for the commit that is under way`() async throws {
    let (test, other) = try engine(wait: 60)
    let engine = test.engine
    let seen = Mutex<Task<Value?, any Error>?>(nil)
    engine.add(
      Visitor(preparing: {
        let task = Task<Value?, any Error> {
          try await engine.lock(.running, for: other)
          return try test.value("/t:top/name")
        }
        seen.withLock { $0 = task }
      }), at: .subscribers)
    try await engine.apply(try writing(test), keepOpen: false)
    let lock = try #require(seen.withLock { $0 })
    #expect(try await lock.value == .string("x"))
    #expect(engine.locks.holder(of: .running)?.session === other)
  }

  @Test func `its own commit does not keep a session from its lock`() async throws {
    let (test, other) = try engine()
    let engine = test.engine
    let transaction = try writing(test)
    try await engine.validate(transaction, unlock: false)
    try await engine.lock(.running, for: test.session)
    #expect(await code { try await engine.lock(.running, for: other) } == .locked)
    try await engine.prepare(transaction)
    try await engine.commit(transaction)
    #expect(try test.value("/t:top/name") == .string("x"))
    #expect(engine.locks.holder(of: .running)?.session === test.session)
  }

  @Test func `what hooks write counts for locks on parts`() async throws {
    let (test, other) = try engine()
    let engine = test.engine
    let number = try test.locate("/t:top/number{1}")
    try await test.change { try $0.create(number) }
    let text = try test.locate("/t:top/number{1}/text")
    engine.add(
      Visitor(completing: { (transaction) throws(NSOError) in
        try transaction.write { (editor) throws(NSOError) in try editor.set(text, .string("hook")) }
      }), at: .hooks)
    _ = try await engine.lockPart(of: .running, ["/t:top/t:number"], for: other)
    #expect(await code { try await engine.apply(try writing(test), keepOpen: false) } == .inUse)
    engine.sessions.end(other)
    try await engine.apply(try writing(test), keepOpen: false)
    #expect(try test.value("/t:top/number{1}/text") == .string("hook"))
  }

  @Test func `what a session was writing when it ended is not in the candidate that the next one locks`() async throws {
    let (test, other) = try engine(wait: 60)
    let engine = test.engine
    try await engine.lock(.candidate, for: other)
    // Whoever writes the candidate waits for this one.
    let blocker = try writing(test)
    try await engine.validate(blocker, unlock: false)
    let transaction = try writing(test, other, on: .candidate, "lost")
    let commit = Task { try await engine.apply(transaction, keepOpen: false) }
    try await until("the candidate is being written") { engine.candidate.gate.holders.writer != nil }
    engine.sessions.end(other)
    engine.finish(blocker)
    await #expect(throws: NSOError.self) { _ = try await commit.value }
    try await until("the candidate is free") { await code { try await engine.lock(.candidate, for: test.session) } != .locked }
    #expect(try !engine.isCandidateModified())
    #expect(try test.engine.currentView(of: .candidate).value(test.locate("/t:top/name")) == .string("unnamed"))
  }

  @Test func `read-only mode that begins during a wait counts`() async throws {
    let (test, _) = try engine()
    let engine = test.engine
    let agent = try engine.sessions.start(UserSessionRequest(user: "carol", context: "cli"))
    for attempt in [{ try await engine.commitCandidate(agent) }, { try await engine.copyRunningToStartup(agent) }] {
      let asked = Mutex(0)
      engine.writability.restrict("test") {
        asked.withLock { count in
          count += 1
          return count == 1 ? nil : "this node is a secondary"
        }
      }
      #expect(await code(attempt) == .notWritable)
    }
  }
}
