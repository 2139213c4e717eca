import NSOModel
import NSOTerms
import Testing

@testable import NSOEngine

@Suite(.timeLimit(.minutes(10))) struct DeliveryTests {
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

  @Test func `time counts from the delivery of an event`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let registry = test.engine.subscriptions
    let busy = FakeSubscriber(test.engine, "busy")
    try busy.subscribe("/state/uptime", kind: .operational)
    try busy.subscribe("/top/name")
    let silent = FakeSubscriber(test.engine, "silent")
    try silent.subscribe("/top/name")
    let progress = test.engine.events.subscribe(EventSubscription(.progress), name: "test", wake: {}, dropped: { _ in })
    let place = try test.locate("/t:state/uptime")
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      test.engine.writeOperational(
        { (editor) throws(NSOError) in try editor.set(place, .uint32(1)) }, .init(caller: .init("writer"), waits: false)
      ) { continuation.resume(with: $0.mapError { $0 as any Error }) }
    }
    #expect(await busy.next()?.kind == .operational)
    registry.timeLimit = .milliseconds(20)
    async let commit: Void = test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    #expect(await silent.next()?.kind == .commit)
    // The one that was told is late, not the one that has another event at hand.
    #expect(await silent.next() == nil)
    #expect(silent.expelled.count == 1 && busy.expelled.isEmpty)
    busy.leave()
    try await commit
    let told = progress.take().compactMap { event -> String? in
      if case .progress(_, let record) = event, record.kind == .info { record.message } else { nil }
    }
    #expect(told.count == 1 && told.first?.hasPrefix("warning: silent did not answer a commit event") == true)
  }

  @Test func `events do not pile up`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let registry = test.engine.subscriptions
    let lazy = FakeSubscriber(test.engine, "lazy")
    let points = try lazy.subscribe("/state/uptime", kind: .operational)
    let notice = SubscriptionNotice(
      kind: .operational, flags: .isLast, points: points, patterns: [:],
      changes: SubscriptionChanges(collected: [], test.engine.model), origin: nil)
    let id = lazy.id
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<10_002 { group.addTask { _ = await registry.deliver([(id, notice)]) } }
    }
    #expect(lazy.expelled.count == 1 && registry.subscribers.isEmpty)
    #expect(!registry.hasOperationalPoints)
  }

  @Test func `nobody overtakes who waits for the subscription lock`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let lock = test.engine.subscriptionLock
    let (uptime, peer) = (try test.locate("/t:state/uptime"), try test.locate("/t:state/peer{a}"))
    let first = try lock.take("first", uptime)
    let journal = Journal()
    let root = lock.wait("root") { _, isTaken in journal.add("root \(isTaken)") }
    // Free, but wanted by one who waits.
    #expect(code { _ = try lock.take("second", peer) } == .locked)
    let third = lock.wait("third", peer) { _, isTaken in journal.add("third \(isTaken)") }
    #expect(journal.all.isEmpty)
    lock.release(first)
    #expect(journal.all == ["root true"])
    lock.release(root)
    #expect(journal.all == ["root true", "third true"])
    lock.release(third)
    #expect(lock.holders.isEmpty)
  }

  @Test func `only points in use count`() throws {
    let test = try TestEngine()
    defer { test.close() }
    let registry = test.engine.subscriptions
    func uses() -> [Bool] { [registry.isConcerned, registry.hasOperationalPoints] }
    let one = FakeSubscriber(test.engine, "one")
    _ = try registry.subscribe(one.id, .init(MatchPath("/top")), test.engine.model)
    #expect(uses() == [false, false])
    let points = try one.subscribe("/state", "/state/uptime", kind: .operational)
    #expect(uses() == [true, true])
    for point in points { try registry.unsubscribe(one.id, point) }
    #expect(uses() == [true, false])
    #expect(code { try registry.unsubscribe(one.id, points[0]) } == .noExists)
    try one.subscribe("/state", kind: .operational)
    #expect(uses() == [true, true])
    one.leave()
    #expect(uses() == [false, false])
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
