import NSOModel
import NSOTerms
import Testing

@testable import NSOEngine

@Suite(.timeLimit(.minutes(2))) struct DeliveryTests {
  /// Answers everything, and writes down what it is told.
  private func serve(
    _ subscriber: FakeSubscriber, _ name: String, _ journal: Journal,
    answer: @escaping @Sendable (SubscriptionNotice) -> SubscriptionAnswer = { _ in .donePriority }
  ) -> Task<Void, any Error> {
    Task {
      while let notice = await subscriber.next() {
        let last = notice.flags.contains(.isLast) ? " last" : ""
        journal.add("\(name) \(notice.kind.rawValue)\(last)")
        try subscriber.answer(notice.kind == .operational ? .doneOperational : answer(notice))
      }
    }
  }

  @Test func `priorities in order, each waits for the one before`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let journal = Journal()
    let late = FakeSubscriber(test.engine, "late")
    try late.subscribe("/top/name", priority: 20)
    let early = FakeSubscriber(test.engine, "early")
    try early.subscribe("/top", priority: -5)
    let both = FakeSubscriber(test.engine, "both")
    try both.subscribe("/top/name", priority: -5)
    try both.subscribe("/top/load", "/t:top/name", priority: 30)
    let other = FakeSubscriber(test.engine, "other")
    try other.subscribe("/top/load")
    let silent = FakeSubscriber(test.engine, "not done yet")
    _ = try test.engine.subscriptions.subscribe(silent.id, .init(MatchPath("/top")), test.engine.model)

    async let commit: Void = {
      try await test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
      journal.add("committed")
    }()
    let first = try #require(await early.next())
    let second = try #require(await both.next())
    #expect(first.kind == .commit && first.flags == .isLast)
    #expect(second.flags == [])
    #expect(test.engine.subscriptions.waitingText?.contains("early") == true)
    // Readers go on and see the new data.
    #expect(try test.value("/t:top/name") == .string("x"))
    #expect(try test.engine.preCommitView().value(test.locate("/t:top/name")) == .string("unnamed"))
    journal.add("first two")
    try early.answer(.donePriority)
    #expect(throws: NSOError.self) { try early.answer(.donePriority) }
    #expect(throws: NSOError.self) { try both.answer(.doneOperational) }
    try both.answer(.donePriority)
    let third = try #require(await late.next())
    #expect(third.points.count == 1)
    journal.add("third")
    try late.answer(.donePriority)
    let last = try #require(await both.next())
    #expect(last.flags == .isLast && last.points.count == 1)
    journal.add("last")
    try both.answer(.donePriority)
    try await commit
    #expect(journal.all == ["first two", "third", "last", "committed"])
    #expect(code { _ = try test.engine.preCommitView() } == .noExists)
    #expect(test.engine.subscriptions.waitingText == nil)
  }

  @Test func `done with the socket, done with the transaction`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let journal = Journal()
    let one = FakeSubscriber(test.engine, "one")
    try one.subscribe("/top/name", priority: 1)
    try one.subscribe("/top/name", priority: 3)
    let two = FakeSubscriber(test.engine, "two")
    try two.subscribe("/top/name", priority: 2)
    try two.subscribe("/top/name", priority: 4)
    let three = FakeSubscriber(test.engine, "three")
    try three.subscribe("/top/name", priority: 5)
    let tasks = [
      serve(one, "one", journal) { _ in .doneSubscriber },
      serve(two, "two", journal) { $0.flags.contains(.isLast) ? .doneTransaction : .donePriority },
      serve(three, "three", journal),
    ]
    try await test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    #expect(journal.all == ["one commit", "two commit", "two commit last"])
    for task in tasks { task.cancel() }
  }

  @Test func `a refusal reaches who commits; abort in reverse`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let journal = Journal()
    var tasks: [Task<Void, any Error>] = []
    for (name, priority) in [("a", 1), ("b", 2), ("c", 2), ("d", 3), ("e", 4)] as [(String, Int32)] {
      let subscriber = FakeSubscriber(test.engine, name)
      try subscriber.subscribe("/top", kind: .twoPhase, priority: priority, abortOnAbort: name == "d")
      tasks.append(
        serve(subscriber, name, journal) { notice in
          name == "d" && notice.kind == .prepare ? .abort(NSOError(.inconsistentValue, "too hot")) : .donePriority
        })
    }
    let plain = FakeSubscriber(test.engine, "plain")
    try plain.subscribe("/top", priority: 0)
    tasks.append(serve(plain, "plain", journal))
    do {
      try await test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
      Issue.record("it was not refused")
    } catch let error as NSOError {
      #expect(error == NSOError(.inconsistentValue, "too hot"))
    }
    let all = journal.all
    #expect(Set(all[1...2]) == ["b prepare last", "c prepare last"])
    #expect(all.count == 8)
    #expect(all[0] == "a prepare last" && all[3] == "d prepare last" && all[4] == "d abort last")
    #expect(Set(all[5...6]) == ["b abort last", "c abort last"] && all[7] == "a abort last")
    #expect(try test.value("/t:top/name") == .string("unnamed"))
    for task in tasks { task.cancel() }
  }

  @Test func `who goes away holds nobody up`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let one = FakeSubscriber(test.engine, "one")
    try one.subscribe("/top", kind: .twoPhase)
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    #expect(await one.next()?.kind == .prepare)
    // What is being prepared can be looked at without a lock.
    #expect(try test.engine.unlockedView().value(test.locate("/t:top/name")) == .string("x"))
    #expect(try test.value("/t:top/name") == .string("unnamed"))
    one.leave()
    try await commit
    #expect(try test.value("/t:top/name") == .string("x"))
    #expect(test.engine.subscriptions.subscribers.isEmpty)
  }

  @Test func `a mandatory subscriber must be there`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let guardian = FakeSubscriber(test.engine, "guard")
    try test.engine.subscriptions.makeMandatory(guardian.id, "guardian")
    try test.engine.subscriptions.makeMandatory(guardian.id, "guardian")
    #expect(code { try guardian.subscribe("/top") } == .protocolUsage)
    let failure = await #expect(throws: NSOError.self) {
      try await test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    }
    #expect(failure?.message.contains("guardian") == true)
    try guardian.subscribe("/top/load", kind: .twoPhase)
    try await test.change { try $0.set(test.locate("/t:top/name"), .string("y")) }
    // It goes while it is asked.
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/load"), .uint8(3)) }
    #expect(await guardian.next()?.kind == .prepare)
    guardian.leave()
    do {
      try await commit
      Issue.record("it was not refused")
    } catch is NSOError {}
    #expect(try test.value("/t:top/load") == .uint8(10))
    #expect(test.engine.subscriptions.missingMandatory == ["guardian"])
    let again = FakeSubscriber(test.engine, "guard again")
    try test.engine.subscriptions.makeMandatory(again.id, "guardian")
    try again.subscribe("/top/big", kind: .twoPhase)
    try await test.change { try $0.set(test.locate("/t:top/load"), .uint8(4)) }
  }

  @Test func `silence has a limit`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    test.engine.subscriptions.timeLimit = .milliseconds(50)
    let silent = FakeSubscriber(test.engine, "silent")
    try silent.subscribe("/top")
    try await test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    #expect(silent.expelled.count == 1)
    #expect(test.engine.subscriptions.subscribers.isEmpty)
    // More time for one event.
    test.engine.subscriptions.timeLimit = .seconds(3600)
    let slow = FakeSubscriber(test.engine, "slow")
    try slow.subscribe("/top")
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("y")) }
    _ = await slow.next()
    try test.engine.subscriptions.setTimeLimit(slow.id, seconds: 1)
    try await commit
    #expect(slow.expelled.count == 1)
  }

  @Test func `a transaction that is finished waits no longer`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let one = FakeSubscriber(test.engine, "one")
    try one.subscribe("/top", kind: .twoPhase)
    let transaction = try test.start()
    try transaction.write { (editor) throws(NSOError) in
      try editor.set(test.engine.model.locate([.tag(Tag("top", in: "urn:t")), .tag("name")]), .string("x"))
    }
    async let commit = test.engine.apply(transaction, keepOpen: false)
    #expect(await one.next()?.kind == .prepare)
    test.engine.finish(transaction)
    // The abort comes behind the event at hand.
    try one.answer(.donePriority)
    #expect(await one.next()?.kind == .abort)
    try one.answer(.donePriority)
    do {
      _ = try await commit
      Issue.record("it was not refused")
    } catch is NSOError {}
    #expect(try test.value("/t:top/name") == .string("unnamed"))
    async let other: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("y")) }
    for kind in [SubscriptionNotice.Kind.prepare, .commit] {
      #expect(await one.next()?.kind == kind)
      try one.answer(.donePriority)
    }
    try await other
  }

  @Test func `a circle is explained`() async throws {
    let test = try TestEngine { $0.commitWait = 60 }
    defer { test.close() }
    var request = UserSessionRequest(user: "admin", context: "system")
    request.process = 4711
    let session = try test.engine.sessions.start(request)
    let one = FakeSubscriber(test.engine, "one", process: 4711)
    try one.subscribe("/top/name")
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    _ = await one.next()
    let transaction = try test.engine.startTransaction(session, on: .running, .readWrite)
    try transaction.write { (editor) throws(NSOError) in
      try editor.set(test.engine.model.locate([.tag(Tag("top", in: "urn:t")), .tag("load")]), .uint8(1))
    }
    let failure = await #expect(throws: NSOError.self) { try await test.engine.apply(transaction, keepOpen: false) }
    #expect(failure?.code == .inUse)
    #expect(failure?.message.contains("wait for itself") == true)
    // Asking for events of its own is one, too.
    let caller = Engine.Caller("one", subscriber: one.id)
    await #expect(throws: NSOError.self) { try await test.engine.triggerSubscriptions([], caller) }
    try one.answer(.donePriority)
    try await commit
    await #expect(throws: NSOError.self) { try await test.engine.triggerSubscriptions([], caller) }
    try await test.engine.apply(transaction, keepOpen: false)
  }

  @Test func `a thousand subscriptions`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let journal = Journal()
    var tasks: [Task<Void, any Error>] = []
    for index in 0..<1000 {
      let subscriber = FakeSubscriber(test.engine, "s\(index)")
      let path = index.isMultiple(of: 2) ? "/top/number{\(index)}/text" : "/top/number{*}/text"
      try subscriber.subscribe(path, priority: Int32(index % 7))
      tasks.append(serve(subscriber, "\(index)", journal))
    }
    try await test.change { editor in
      try editor.create(test.locate("/t:top/number{4}"))
      try editor.set(test.locate("/t:top/number{4}/text"), .string("x"))
    }
    let told = journal.all.map { Int($0.split(separator: " ")[0]) ?? -1 }
    #expect(Set(told) == Set([4] + (0..<1000).filter { !$0.isMultiple(of: 2) }))
    #expect(told.map { $0 % 7 } == told.map { $0 % 7 }.sorted())
    for task in tasks { task.cancel() }
  }
}
