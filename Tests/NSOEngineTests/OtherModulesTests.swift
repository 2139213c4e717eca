import NSOModel
import NSOStore
import Testing

@testable import NSOEngine

/// The past after a restart with other modules, which was no upgrade.
@Suite("History of other modules")
struct OtherModulesTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func start(_ replacing: (String, String)...) throws -> TestEngine {
    var module = testModule
    for (old, new) in replacing { module = module.replacing(old, with: new) }
    return try TestEngine(in: folder, module: module) { configuration in
      configuration.datastores.candidate = true
      configuration.history = History.Limits(rollbackEntries: 100, revisions: 100)
    }
  }

  private func set(_ test: TestEngine, _ leaf: String, _ value: Value) async throws {
    try await test.change { try $0.set(test.locate("/t:top/\(leaf)"), value) }
  }

  /// Three commits: the load, the load again, the name.
  private func begin() async throws {
    let test = try start()
    defer { test.close() }
    try await set(test, "load", .uint8(1))
    try await set(test, "load", .uint8(2))
    try await set(test, "name", .string("toaster"))
    try await set(test, "name", .string("box"))
  }

  private func rollBack(_ test: TestEngine, to number: Int64) async throws {
    let transaction = try test.start()
    defer { test.engine.finish(transaction) }
    try test.engine.rollBack(.fixed(number), in: transaction)
    try await test.engine.apply(transaction, keepOpen: false)
  }

  private func refusal(_ body: () async throws -> Void) async -> String {
    do { try await body() } catch let error as NSOError where error.code == .noExists { return error.message } catch {}
    return "not refused"
  }

  @Test func whatIsUnderstoodCanBeTakenBack() async throws {
    try await begin()
    // More nodes, and one that no commit of the past has touched is of another type.
    let test = try start(("leaf big { type uint64; }", "leaf big { type string; } leaf more { type string; }"))
    defer { test.close() }
    try await set(test, "more", .string("x"))
    try await rollBack(test, to: 2)
    #expect(try test.value("/t:top/load") == .uint8(1))
    #expect(try test.value("/t:top/more") == nil)
    #expect(try test.engine.view(at: 1).value(test.locate("/t:top/load")) == .uint8(1))
  }

  @Test(arguments: [
    (
      "leaf load { type uint8 { range \"0..100\"; } default 10; }", "leaf load { type string; }",
      "/t:top/load has become something else"
    ),
    ("leaf load { type uint8 { range \"0..100\"; } default 10; }", "", "something in /t:top is not in them"),
    (
      "leaf load { type uint8 { range \"0..100\"; } default 10; }", "leaf load { type uint8 { range \"2..100\"; } }",
      "/t:top/load has other values"
    ),
  ])
  func whatMeansSomethingElseIsRefused(_ old: String, _ new: String, _ expected: String) async throws {
    try await begin()
    do {
      let test = try start((old, new))
      defer { test.close() }
      // The latest commits have nothing to do with it.
      try await rollBack(test, to: 4)
      #expect(try test.value("/t:top/name") == .string("toaster"))
      let texts = [
        await refusal { try await rollBack(test, to: 2) }, await refusal { _ = try test.engine.view(at: 1) },
        await refusal { _ = try test.engine.differences(from: 1, to: 3) },
      ]
      for text in texts {
        #expect(text.contains(expected) && text.contains("revision 2 of running, a commit of admin"), "\(text)")
        #expect(text.contains("start the daemon with the modules of that time"))
      }
      #expect(try test.value("/t:top/name") == .string("toaster"))
    }
    // With the modules of before it is understood again, and so is what was done with the others.
    let test = try start()
    defer { test.close() }
    try await rollBack(test, to: 2)
    #expect(try test.value("/t:top/load") == .uint8(1))
  }

  @Test func aConfirmedCommitThatIsNotUnderstoodIsNotTakenBack() async throws {
    func confirmed(_ test: TestEngine) async throws {
      try await set(test, "load", .uint8(1))
      let transaction = try test.start(on: .candidate)
      let place = try test.locate("/t:top/load")
      try transaction.writeOne { (editor) throws(NSOError) in try editor.set(place, .uint8(2)) }
      try await test.engine.apply(transaction, keepOpen: false)
      try await test.engine.commitCandidate(test.session, .confirmed(timeout: 3600, persist: nil))
    }
    do {
      let test = try start()
      defer { test.close() }
      try await confirmed(test)
    }
    let change = ("leaf load { type uint8 { range \"0..100\"; } default 10; }", "leaf load { type uint8 { range \"2..9\"; } }")
    do {
      let test = try start(change)
      defer { test.close() }
      #expect(await !test.engine.resumeConfirmedCommit())
      #expect(test.engine.confirmedCommits.isStuck)
      #expect(try test.value("/t:top/load") == .uint8(2))
      let text = await refusal { try await test.engine.abortConfirmedCommit(test.session) }
      #expect(text.contains("running stays as it is: revision 2") && text.contains("Any session may confirm"), "\(text)")
    }
    // With the modules of before it is taken back.
    do {
      let test = try start()
      defer { test.close() }
      #expect(await test.engine.resumeConfirmedCommit())
      #expect(try test.value("/t:top/load") == .uint8(1))
      try await confirmed(test)
    }
    // Whoever wants confirms it.
    let test = try start(change)
    defer { test.close() }
    #expect(await !test.engine.resumeConfirmedCommit())
    let other = try test.engine.sessions.start(UserSessionRequest(user: "bob", context: "system"))
    try await test.engine.commitCandidate(other)
    #expect(test.engine.confirmedCommits.pending == nil && !test.engine.confirmedCommits.isStuck)
    #expect(try test.value("/t:top/load") == .uint8(2))
  }
}
