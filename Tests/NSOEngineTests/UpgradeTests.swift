import NSOModel
import NSOSchema
import NSOStore
import Synchronization
import Testing

@testable import NSOEngine

/// Another set of modules while the engine runs.
@Suite struct UpgradeTests {
  /// The module of the tests with some lines replaced.
  private func schema(_ engine: TestEngine, _ edits: [(String, String)]) throws -> Schema {
    var text = testModule
    for (old, new) in edits {
      guard let range = text.firstRange(of: old) else { throw NSOError(.internal, "no \(old) in the module") }
      text.replaceSubrange(range, with: new)
    }
    return try SchemaLoader(files: [try engine.folder.write("next.yang", text)]).load()
  }

  private func begin(_ engine: TestEngine, timeout: Int64 = 0, kill: Bool = false) async throws -> SchemaUpgrade {
    let upgrade = try engine.engine.openUpgrade(by: "a test")
    try await engine.engine.beginUpgrade(upgrade, timeout: timeout, kill: kill)
    return upgrade
  }

  private func perform(_ engine: TestEngine, _ upgrade: SchemaUpgrade, _ edits: [(String, String)]) throws -> UpgradeReport {
    let schema = try schema(engine, edits)
    return try engine.engine.performUpgrade(upgrade) { () throws(NSOError) in schema }
  }

  private func set(_ engine: TestEngine, _ values: [(String, String)], _ entries: [String] = []) async throws {
    let places = try values.map { (try engine.locate($0.0), $0.1) }
    let made = try entries.map(engine.locate)
    try await engine.change { editor in
      for place in made { try editor.ensure(place) }
      for (place, text) in places { try editor.set(place, text: text) }
    }
  }

  @Test func `data is kept where it fits, converted where the type is another one, and reported where it goes`() async throws {
    let engine = try TestEngine()
    defer { engine.close() }
    try await set(
      engine,
      [
        ("/t:top/name", "ada"), ("/t:top/load", "42"), ("/t:top/mode", "auto"), ("/t:top/ratio", "1.5"),
        ("/t:top/tags", "10 9 8"), ("/t:top/order", "3 1 2"), ("/t:top/opt/inner", "5"),
        ("/t:top/server{web 80}/desc", "main"),
      ],
      [
        "/t:top/opt", "/t:top/server{web 80}", "/t:top/server{web 80}/alias{a}", "/t:top/number{7}", "/t:top/rule{b}",
        "/t:top/rule{a}",
      ])
    let before = try engine.start(.read)
    let upgrade = try await begin(engine)
    let report = try perform(
      engine, upgrade,
      [
        ("type uint8 { range \"0..100\"; } default 10;", "type int32; default 10;"),
        ("enum off; enum on; enum auto { value 5; }", "enum auto; enum off; enum on;"),
        ("leaf ratio { type decimal64 { fraction-digits 2; } }", "leaf fresh { type string; default new; }"),
        ("leaf-list tags { type string; }", "leaf-list tags { type uint8; }"),
        ("container opt { presence \"yes\";", "container opt {"),
        ("list number { key n; leaf n { type int32; }", "list number { key n; leaf n { type string; }"),
        ("leaf desc { type string; }", "leaf desc { type string { length \"1..10\"; } }"),
      ])
    #expect(
      report.losses.map { "\($0.path) \($0.count)" } == ["/t:top/ratio 1", "/t:top/number 1"], "\(report.text)")
    #expect(report.problems.isEmpty, "\(report.text)")
    // Nothing is changed yet.
    #expect(try engine.value("/t:top/load") == .uint8(42))
    try await engine.engine.commitUpgrade(upgrade)

    #expect(try engine.value("/t:top/name") == .string("ada"))
    #expect(try engine.value("/t:top/load") == .int32(42))
    // The name counts, not the number.
    #expect(try engine.value("/t:top/mode") == .enumeration(0))
    #expect(try engine.value("/t:top/tags") == .list([.uint8(8), .uint8(9), .uint8(10)]))
    #expect(try engine.value("/t:top/order") == .list([.int32(3), .int32(1), .int32(2)]))
    #expect(try engine.value("/t:top/opt/inner") == .int32(5))
    #expect(try engine.value("/t:top/fresh") == .string("new"))
    #expect(try engine.value("/t:top/server{web 80}/desc") == .string("main"))
    #expect(try engine.engine.currentView().exists(engine.locate("/t:top/server{web 80}/alias{a}")))
    #expect(try engine.engine.currentView().count(engine.locate("/t:top/number")) == 0)
    #expect(code { _ = try engine.locate("/t:top/ratio") } == .badPath)

    // What was open has its schema and its data still.
    let old = before.model
    let ratio = try old.locate(try old.schema.parsePath("/t:top/ratio").keypath)
    #expect(try before.read { (view) throws(NSOError) in try view.value(ratio)?.plainText } == "1.5")
    let load = try old.locate(try old.schema.parsePath("/t:top/load").keypath)
    #expect(try before.read { (view) throws(NSOError) in try view.value(load) } == .uint8(42))
    engine.engine.finish(before)

    // Writing goes on with the new one.
    try await set(engine, [("/t:top/fresh", "yes"), ("/t:top/load", "1000")])
    #expect(try engine.value("/t:top/load") == .int32(1000))
  }

  @Test func `invalid data refuses the upgrade and everything is as before; in its transaction data can be made to fit`()
    async throws
  {
    let engine = try TestEngine()
    defer { engine.close() }
    try await set(engine, [("/t:top/big", "300"), ("/t:top/name", "ada")])
    let edits = [
      ("leaf big { type uint64; }", "leaf big { type uint8; }"),
      (
        "leaf name { type string { length \"1..8\"; } default \"unnamed\"; }",
        "leaf name { type string; must \"../load > 50\"; }"
      ),
    ]
    let id = engine.engine.lastTransactionID
    var upgrade = try await begin(engine)
    var report = try perform(engine, upgrade, edits)
    #expect(report.problems.map(\.code) == [.badType, .mustFailed], "\(report.text)")
    await #expect(throws: NSOError.self) { try await engine.engine.commitUpgrade(upgrade) }
    #expect(upgrade.isOver)
    #expect(engine.engine.upgrade == nil)
    #expect(try engine.value("/t:top/big") == .uint64(300))
    #expect(engine.engine.lastTransactionID == id)
    try await set(engine, [("/t:top/name", "bob")])

    upgrade = try await begin(engine)
    report = try perform(engine, upgrade, edits)
    let transaction = try engine.engine.transaction(-2)
    let next = transaction.model
    for (path, text) in [("/t:top/big", "30"), ("/t:top/load", "60")] {
      let place = try next.locate(try next.schema.parsePath(path).keypath)
      try transaction.write { (editor) throws(NSOError) in try editor.set(place, text: text) }
    }
    try await engine.engine.commitUpgrade(upgrade)
    #expect(try engine.value("/t:top/big") == .uint8(30))
    #expect(try engine.value("/t:top/load") == .uint8(60))
    #expect(engine.engine.lastTransactionID > id)
  }

  @Test func `transactions that write are waited for, and ended when that is asked for`() async throws {
    let engine = try TestEngine()
    defer { engine.close() }
    let writer = try engine.start()
    let reader = try engine.start(.read)
    await #expect(throws: NSOError.self) { _ = try await begin(engine) }
    #expect(engine.engine.upgrade == nil)

    // The end of the transaction lets the upgrade begin.
    let waiting = try engine.engine.openUpgrade(by: "a test")
    #expect(code { _ = try engine.engine.openUpgrade(by: "another") } == .badState)
    async let begun: Void = engine.engine.beginUpgrade(waiting, timeout: 60, kill: false)
    engine.engine.finish(writer)
    try await begun
    #expect(code { _ = try engine.start() } == .upgradeInProgress)
    let place = try engine.locate("/t:state/uptime")
    let refused: Result<Void, NSOError> = await withCheckedContinuation { continuation in
      engine.engine.writeOperational { (editor) throws(NSOError) in
        try editor.set(place, .uint32(1))
      } completion: {
        continuation.resume(returning: $0)
      }
    }
    #expect(throws: NSOError.self) { try refused.get() }
    #expect(try reader.read { (view) throws(NSOError) in try view.exists(.root) })
    engine.engine.abortUpgrade(waiting)
    #expect(!engine.engine.abortUpgrade(waiting))

    let late = try engine.start()
    let killer = try await begin(engine, kill: true)
    #expect(late.phase == .finished)
    #expect(reader.phase == .read)
    engine.engine.abortUpgrade(killer)
    _ = try engine.start()
  }

  @Test func `an upgrade that is aborted while it waits ends, and steps are told in order`() async throws {
    let engine = try TestEngine()
    defer { engine.close() }
    let steps = Mutex<[UpgradeStep]>([])
    engine.engine.onUpgradeStep { step in steps.withLock { $0.append(step) } }
    let models = Mutex<[Bool]>([])
    engine.engine.onModelChange { old, new in models.withLock { $0.append(old !== new) } }
    let writer = try engine.start()
    let waiting = try engine.engine.openUpgrade(by: "a test")
    let begun = Task { try await engine.engine.beginUpgrade(waiting, timeout: 600, kill: false) }
    engine.engine.abortUpgrade(waiting)
    await #expect(throws: NSOError.self) { try await begun.value }
    engine.engine.finish(writer)

    try engine.engine.locks.lock(.running, for: engine.session)
    await #expect(throws: NSOError.self) { _ = try await begin(engine) }
    try engine.engine.locks.unlock(.running, for: engine.session)

    let upgrade = try await begin(engine)
    _ = try perform(engine, upgrade, [])
    await #expect(throws: NSOError.self) { try await engine.engine.beginUpgrade(upgrade, timeout: 0, kill: false) }
    let whole = try await begin(engine)
    #expect(code { _ = try perform(engine, upgrade, []) } == .badState)
    #expect(try perform(engine, whole, []).isClean)
    try await engine.engine.commitUpgrade(whole)
    #expect(models.withLock { $0 } == [true])
    #expect(
      steps.withLock { $0 } == [
        .initStarted, .aborted, .initStarted, .aborted, .initStarted, .initSucceeded, .performed, .aborted, .initStarted,
        .initSucceeded, .performed, .committed,
      ])
  }

  @Test func `a confirmed commit keeps an upgrade out, and history ends at one`() async throws {
    let folder = try TemporaryFolder()
    let configure: (inout EngineConfiguration) -> Void = { configuration in
      configuration.datastores.candidate = true
      configuration.history = History.Limits(rollbackEntries: 10, revisions: 10)
    }
    let schema = try await cutHistory(try TestEngine(in: folder, configure: configure))
    let again = try TestEngine(in: folder, schema: schema, configure: configure)
    defer { again.close() }
    #expect(again.engine.history.revisions == 5...7)
  }

  private func cutHistory(_ engine: TestEngine) async throws -> Schema {
    defer { engine.close() }
    for number in 1...3 { try await set(engine, [("/t:top/load", "\(number)")]) }
    let pending = try engine.start(on: .candidate)
    let name = try engine.locate("/t:top/name")
    try pending.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("x")) }
    try await engine.engine.apply(pending, keepOpen: false)
    engine.engine.finish(pending)
    try await engine.engine.commitCandidate(engine.session, .confirmed(timeout: 3600, persist: nil))
    await #expect { _ = try await begin(engine) } throws: {
      ($0 as? NSOError)?.code == .locked && "\($0)".contains("confirmed commit of admin")
    }
    #expect(engine.engine.upgrade == nil)
    try await engine.engine.commitCandidate(engine.session)
    #expect(engine.engine.history.revisions == 0...4)

    // One that changes running, and one that does not.
    let last: UInt64 = 5
    let first = [("type uint8 { range \"0..100\"; } default 10;", "type int32; default 10;")]
    for edits in [first, first + [("leaf desc { type string; }", "leaf desc { type string; } leaf fresh { type string; }")]] {
      let upgrade = try await begin(engine)
      _ = try perform(engine, upgrade, edits)
      let transaction = try engine.engine.transaction(-2)
      #expect(code { try engine.engine.rollBack(.relative(0), in: transaction) } == .noExists)
      try await engine.engine.commitUpgrade(upgrade)
      #expect(engine.engine.history.revisions == last...last)
      #expect(try engine.engine.history.entries().isEmpty)
      #expect(code { _ = try engine.engine.view(at: last - 1) } == .noExists)
      let late = try engine.start()
      #expect(code { try engine.engine.rollBack(.relative(0), in: late) } == .noExists)
      engine.engine.finish(late)
    }
    try await set(engine, [("/t:top/name", "y")])
    let back = try engine.start()
    try engine.engine.rollBack(.relative(0), in: back)
    try await engine.engine.apply(back, keepOpen: false)
    engine.engine.finish(back)
    #expect(try engine.value("/t:top/name") == .string("x"))
    #expect(engine.engine.history.revisions == 5...7)
    return engine.engine.model.schema
  }

  @Test func `an open candidate keeps an upgrade out`() async throws {
    let engine = try TestEngine { $0.datastores.candidate = true }
    defer { engine.close() }
    try await set(engine, [("/t:top/name", "x")])
    func write(_ name: String) async throws {
      let transaction = try engine.start(on: .candidate)
      defer { engine.engine.finish(transaction) }
      let place = try engine.locate("/t:top/name")
      try transaction.writeOne { (editor) throws(NSOError) in try editor.set(place, .string(name)) }
      try await engine.engine.apply(transaction, keepOpen: false)
    }
    try await write("y")
    await #expect { _ = try await begin(engine, kill: true) } throws: {
      ($0 as? NSOError)?.code == .locked && "\($0)".contains("candidate")
    }
    #expect(try engine.engine.isCandidateModified())
    // What makes no difference does not.
    try await write("x")
    let upgrade = try await begin(engine)
    #expect(await code { try await engine.engine.lock(.running, for: engine.session) } == .upgradeInProgress)
    _ = try perform(engine, upgrade, [])
    try await engine.engine.commitUpgrade(upgrade)
    try await write("z")
    try await engine.engine.commitCandidate(engine.session)
    #expect(try engine.value("/t:top/name") == .string("z"))
  }

  @Test(.timeLimit(.minutes(10))) func `subscribers learn what is dropped and what is changed, and may refuse`() async throws {
    let engine = try TestEngine()
    defer { engine.close() }
    try await set(
      engine, [("/t:top/ratio", "1.5"), ("/t:top/load", "42"), ("/t:top/name", "ada"), ("/t:top/server{a 1}/desc", "x")],
      ["/t:top/server{a 1}", "/t:top/rule{b}", "/t:top/rule{a}"])
    let told = Journal()
    let approval = Journal()
    let points = [("ratio", "/t:top/ratio"), ("load", "/t:top/load"), ("rest", "/t:top/name"), ("all", "/t:top")]
    let subscribers = try points.map { name, path in
      let subscriber = FakeSubscriber(engine.engine, name)
      try subscriber.subscribe(path, kind: name == "load" ? .twoPhase : .running, priority: name == "all" ? 10 : 0)
      return subscriber
    }
    for (subscriber, (name, _)) in zip(subscribers, points) { serve(subscriber, name, engine, told, approval) }
    let edits = [
      ("leaf ratio { type decimal64 { fraction-digits 2; } }", ""),
      ("list rule { key id; ordered-by user; leaf id { type string; } leaf act { type string; } }", ""),
      ("leaf load { type uint8 { range \"0..100\"; } default 10; }", "leaf load { type int32; default 10; }"),
    ]
    var upgrade = try await begin(engine)
    _ = try perform(engine, upgrade, edits)
    await #expect { try await engine.engine.commitUpgrade(upgrade) } throws: { "\($0)".contains("not today") }
    #expect(engine.engine.upgrade == nil)
    #expect(try engine.value("/t:top/load") == .uint8(42))
    #expect(told.all == ["load prepare"])
    approval.add("yes")
    upgrade = try await begin(engine)
    _ = try perform(engine, upgrade, edits)
    try await engine.engine.commitUpgrade(upgrade)
    #expect(try engine.value("/t:top/load") == .int32(42))
    let lines = told.all
    #expect(lines.dropFirst().first == "load prepare")
    let ratio = try #require(lines.first { $0.hasPrefix("ratio") })
    #expect(ratio.contains("/t:top/ratio deleted"), "\(lines)")
    let load = try #require(lines.first { $0.hasPrefix("load commit") })
    #expect(load.contains("int32(42)") && load.contains("uint8(42)"), "\(lines)")
    #expect(!lines.contains { $0.hasPrefix("rest") })
    let whole = lines.filter { $0.hasPrefix("all") }
    #expect(whole.count == 2)
    #expect(whole.first?.contains("/t:top/rule") == true && whole.first?.contains("/t:top/ratio") == true, "\(lines)")
    #expect(whole.last?.contains("/t:top/load") == true && whole.last?.contains("rule") == false, "\(lines)")
    for subscriber in subscribers { subscriber.leave() }
  }

  /// Writes down what a subscriber is told; it refuses until there is an approval.
  private func serve(
    _ subscriber: FakeSubscriber, _ name: String, _ test: TestEngine, _ told: Journal, _ approval: Journal
  ) {
    Task {
      while let notice = await subscriber.next() {
        var text = "\(name) \(notice.kind.rawValue)"
        if notice.kind == .commit {
          for pattern in notice.patterns.values {
            for item in try notice.changes.items(of: pattern, .previousValues) {
              text += " \(notice.changes.model.schema.text(of: item.path)) \(item.change)"
            }
          }
          // Transactions may be started again.
          test.engine.finish(try test.start())
        }
        told.add(text)
        let isRefused = notice.kind == .prepare && approval.all.isEmpty
        try subscriber.answer(isRefused ? .abort(NSOError(.external, "not today")) : .donePriority)
      }
    }
  }

  @Test func `operational data is brought in line too`() async throws {
    let engine = try TestEngine()
    defer { engine.close() }
    func write(_ path: String, _ text: String) async throws {
      let place = try engine.locate(path)
      let result: Result<Void, NSOError> = await withCheckedContinuation { continuation in
        engine.engine.writeOperational { (editor) throws(NSOError) in
          if let entry = place.node.flatMap({ editor.model[$0].kind == .list ? place : nil }) {
            try editor.ensure(entry)
          } else {
            try editor.set(place, text: text)
          }
        } completion: {
          continuation.resume(returning: $0)
        }
      }
      try result.get()
    }
    try await write("/t:state/uptime", "5")
    try await write("/t:state/peer{a}", "")
    try await write("/t:state/peer{a}/rtt", "7000")
    let upgrade = try await begin(engine)
    let report = try perform(
      engine, upgrade,
      [
        ("leaf uptime { type uint32; }", "leaf uptime { type string; }"),
        ("leaf rtt { type uint32; }", "leaf rtt { type uint8; }"),
      ])
    #expect(report.losses.map(\.path) == ["/t:state/peer/rtt"])
    #expect(report.problems.isEmpty)
    try await engine.engine.commitUpgrade(upgrade)
    #expect(try engine.value("/t:state/uptime") == .string("5"))
    #expect(try engine.engine.currentView().exists(engine.locate("/t:state/peer{a}")))
    #expect(try engine.value("/t:state/peer{a}/rtt") == nil)
    try await write("/t:state/uptime", "long")
    #expect(try engine.value("/t:state/uptime") == .string("long"))
  }
}
