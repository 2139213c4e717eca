import NSOModel
import NSOTerms
import Synchronization
import Testing

@testable import NSOEngine

/// Who waits for itself.
@Suite(.timeLimit(.minutes(10))) struct CircleTests {
  /// A program with so many threads; on Unix sockets, so to speak.
  private func program(_ number: Int32, threads: Int? = 1) -> ClientProcess {
    ClientProcess(threadCount: { _ in threads }) { _ in number }
  }

  private func transaction(_ test: TestEngine, of process: ClientProcess?) throws -> Transaction {
    var request = UserSessionRequest(user: "admin", context: "system")
    request.process = process
    let transaction = try test.engine.startTransaction(
      test.engine.sessions.start(request), on: .running, .readWrite)
    let place = try test.locate("/t:top/load")
    try transaction.write { (editor) throws(NSOError) in try editor.set(place, .uint8(1)) }
    return transaction
  }

  @Test(arguments: [1, 5] as [Int]) func `a commit from inside of an event`(threads: Int) async throws {
    let test = try TestEngine { $0.commitWait = 3600 }
    defer { test.close() }
    let program = program(4711, threads: threads)
    let one = FakeSubscriber(test.engine, "one", process: program)
    try one.subscribe("/top/name")
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    _ = await one.next()
    let transaction = try transaction(test, of: program)
    let failure = await #expect(throws: NSOError.self) { try await test.engine.apply(transaction, keepOpen: false) }
    #expect(failure?.code == .inUse)
    for word in [
      "would wait for itself", "process 4711", "commit event of one", "/t:top/name", "about transaction", "SYNC_SUB",
    ] {
      #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "") says nothing of \(word)")
    }
    // Asking for events of its own is one, too.
    let caller = Engine.Caller("one", process: program, subscriber: one.id)
    await #expect(throws: NSOError.self) { try await test.engine.triggerSubscriptions([], caller) }
    let elsewhere = Engine.Caller("its other connection", process: program)
    #expect(
      await #expect(throws: NSOError.self) { try await test.engine.triggerSubscriptions([], elsewhere) }?.message
        .contains("would wait for itself") == true)
    try one.answer(.donePriority)
    try await commit
    await #expect(throws: NSOError.self) { try await test.engine.triggerSubscriptions([], caller) }
    try await test.engine.apply(transaction, keepOpen: false)
  }

  @Test(arguments: [4712, nil] as [Int32?]) func `another program waits its turn`(number: Int32?) async throws {
    let test = try TestEngine { $0.commitWait = 3600 }
    defer { test.close() }
    let one = FakeSubscriber(test.engine, "one", process: program(4711))
    try one.subscribe("/top/name")
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    _ = await one.next()
    // Of the third one nothing is known: it is on another machine.
    let looked = AsyncStream.makeStream(of: Void.self)
    let other = ClientProcess(threadCount: { _ in 1 }) { _ in
      looked.continuation.yield()
      return number
    }
    let transaction = try transaction(test, of: other)
    async let later = test.engine.apply(transaction, keepOpen: false)
    var iterator = looked.stream.makeAsyncIterator()
    await iterator.next(isolation: nil)
    try one.answer(.donePriority)
    try await commit
    #expect(try await later != nil)
  }

  @Test func `an event for a program that already waits`() async throws {
    let test = try TestEngine { $0.commitWait = 3600 }
    defer { test.close() }
    let first = FakeSubscriber(test.engine, "first")
    try first.subscribe("/top/name", priority: 1)
    let program = program(4711)
    let second = FakeSubscriber(test.engine, "second", process: program)
    try second.subscribe("/top/name", priority: 2)
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    _ = await first.next()
    let transaction = try transaction(test, of: program)
    async let later = test.engine.apply(transaction, keepOpen: false)
    try first.answer(.donePriority)
    // It cannot read this, since it waits.
    _ = await second.next()
    do {
      _ = try await later
      Issue.record("it was not refused")
    } catch let error as NSOError {
      #expect(error.message.contains("would wait for itself"))
    }
    try second.answer(.donePriority)
    try await commit
  }

  @Test func `locks that wait for an own event`() async throws {
    let test = try TestEngine { $0.commitWait = 3600 }
    defer { test.close() }
    let program = program(4711)
    let one = FakeSubscriber(test.engine, "one", process: program)
    try one.subscribe("/state/uptime", kind: .operational)
    try one.subscribe("/top/name", kind: .twoPhase)
    let place = try test.locate("/t:state/uptime")
    @Sendable func write(_ process: ClientProcess, _ number: UInt32) async -> NSOError? {
      await withCheckedContinuation { continuation in
        test.engine.writeOperational(
          { (editor) throws(NSOError) in try editor.set(place, .uint32(number)) },
          Engine.EventfulWrite(caller: .init("writer", process: process), waits: true)
        ) { result in
          if case .failure(let error) = result {
            continuation.resume(returning: error)
          } else {
            continuation.resume(returning: nil)
          }
        }
      }
    }
    #expect(await write(program, 1) == nil)
    _ = await one.next()
    // The subscription lock is held until it answers.
    let failure = await write(program, 2)
    #expect(failure?.code == .inUse && failure?.message.contains("operational event of one") == true)
    async let other = write(ClientProcess(threadCount: { _ in 1 }) { _ in 1 }, 3)
    try one.answer(.doneOperational)
    #expect(await other == nil)
    _ = await one.next()
    try one.answer(.doneOperational)

    // A read lock while it prepares.
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    _ = await one.next()
    let refused = await withCheckedContinuation { continuation in
      _ = test.engine.waitForReading(Engine.Caller("reader", process: program), of: .running) { result in
        if case .failure(let error) = result {
          continuation.resume(returning: error)
        } else {
          continuation.resume(returning: NSOError(.internal, "taken"))
        }
      }
    }
    #expect(refused.message.contains("would wait for itself"))
    try one.answer(.donePriority)
    _ = await one.next()
    try one.answer(.donePriority)
    try await commit
  }
}
