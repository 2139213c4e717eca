import NSOModel
import NSOStore
import Synchronization
import Testing

@testable import NSOEngine

/// Notes what it is asked, and refuses where told to.
private final class Witness: CommitParticipant {
  enum Step: String { case complete, validate, prepare, records, commit, abort, refused }

  let name: String
  let notes: Notes
  let refuses: Step?
  let during: @Sendable (Step, Transaction) throws(NSOError) -> Void

  init(
    _ name: String, _ notes: Notes, refuses: Step? = nil,
    during: @escaping @Sendable (Step, Transaction) throws(NSOError) -> Void = { _, _ in }
  ) {
    self.name = name
    self.notes = notes
    self.refuses = refuses
    self.during = during
  }

  private func note(_ step: Step, _ transaction: Transaction) throws(NSOError) {
    notes.add("\(name) \(step.rawValue)")
    try during(step, transaction)
    if step == refuses { throw NSOError(.external, "\(name) does not want it") }
  }

  func completeChanges(of transaction: Transaction) async throws(NSOError) { try note(.complete, transaction) }
  func validate(_ attempt: CommitAttempt) async throws(NSOError) { try note(.validate, attempt.transaction) }
  func prepare(_ attempt: CommitAttempt) async throws(NSOError) {
    notes.add(try attempt.differences(below: .root, .oldValues))
    try note(.prepare, attempt.transaction)
  }
  func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError) {
    try note(.records, attempt.transaction)
    batch.put(.history, Array(name.utf8), [1])
  }
  func commit(_ attempt: CommitAttempt, _ result: CommitResult) async { notes.add("\(name) commit") }
  func abort(_ attempt: CommitAttempt, _ cause: NSOError) async { notes.add("\(name) abort") }
  func refused(_ transaction: Transaction, _ refusal: Refusal) { notes.add("\(name) refused") }
}

/// Calls a closure when it is told of a commit.
private struct Teller: CommitParticipant {
  let name = "teller"
  let body: @Sendable () throws -> Void

  init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }

  func commit(_ attempt: CommitAttempt, _ result: CommitResult) async {
    do { try body() } catch { Issue.record("\(error)") }
  }
}

private final class Notes: Sendable {
  private let state = Mutex<(lines: [String], differences: [[DataDifference]])>(([], []))
  func add(_ line: String) { state.withLock { $0.lines.append(line) } }
  func add(_ differences: [DataDifference]) { state.withLock { $0.differences.append(differences) } }
  var lines: [String] { state.withLock { $0.lines } }
  var differences: [[DataDifference]] { state.withLock { $0.differences } }
  func clear() { state.withLock { $0 = ([], []) } }
}

@Suite struct CommitParticipantTests {
  let test: TestEngine
  private let notes = Notes()

  init() throws { test = try TestEngine() }

  private func load(_ number: UInt8) async throws {
    try await test.change { try $0.set(try test.locate("/t:top/load"), .uint8(number)) }
  }

  @Test func whatIsKeptInMemoryIsThereWhenTheFirstOneIsTold() async throws {
    let test = try TestEngine { $0.datastores.candidate = true }
    let engine = test.engine
    let seen = Mutex<[(revision: UInt64, isModified: Bool)]>([])
    engine.add(
      Teller { [engine] in
        let isModified = try engine.isCandidateModified()
        seen.withLock { $0.append((engine.history.revision, isModified)) }
      }, at: .providers)
    try await test.change { try $0.set(try test.locate("/t:top/load"), .uint8(1)) }
    let transaction = try test.start(on: .candidate)
    let name = try test.locate("/t:top/name")
    try transaction.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("x")) }
    try await engine.apply(transaction, keepOpen: false)
    #expect(try engine.isCandidateModified())
    try await engine.commitCandidate(test.session)
    #expect(seen.withLock { $0.map(\.revision) } == [1, 2])
    #expect(seen.withLock { $0.map(\.isModified) } == [false, false])
  }

  @Test func theyAreAskedInTheOrderOfTheirStages() async throws {
    test.engine.add(Witness("events", notes), at: .events)
    test.engine.add(Witness("provider", notes), at: .providers)
    try await load(3)
    let steps = ["complete", "validate", "prepare", "records", "commit"]
    #expect(notes.lines == steps.flatMap { ["provider \($0)", "events \($0)"] })
    #expect(notes.differences.allSatisfy { $0.map(\.change) == [.valueSet(old: nil, new: .uint8(3))] })
    #expect(try test.engine.stores.durable.snapshot().get(.history, Array("provider".utf8)) == [1])
    notes.clear()
    try await load(4)
    #expect(notes.differences.allSatisfy { $0.map(\.change) == [.valueSet(old: .uint8(3), new: .uint8(4))] })
    // What makes no difference concerns nobody in the two phases.
    notes.clear()
    try await load(4)
    #expect(!notes.lines.contains { $0.hasSuffix("prepare") || $0.hasSuffix("commit") })
  }

  @Test(arguments: ["complete", "validate", "prepare", "records"])
  func aRefusalIsToldInReverseToThoseWhoHadPrepared(step: String) async throws {
    test.engine.add(Witness("one", notes), at: .hooks)
    test.engine.add(Witness("two", notes), at: .providers)
    test.engine.add(Witness("three", notes, refuses: Witness.Step(rawValue: step)), at: .subscribers)
    await #expect { try await load(9) } throws: { ($0 as? NSOError)?.code == .external }
    #expect(try test.value("/t:top/load") == .uint8(10))
    let aborts = notes.lines.filter { $0.hasSuffix("abort") }
    switch step {
    case "prepare": #expect(aborts == ["two abort", "one abort"])
    case "records": #expect(aborts == ["three abort", "two abort", "one abort"])
    default: #expect(aborts.isEmpty)
    }
    #expect(Array(notes.lines.suffix(3)) == ["one refused", "two refused", "three refused"])
    #expect(test.engine.commitHolders.writer == nil)
    #expect(try test.engine.stores.durable.snapshot().get(.history, Array("one".utf8)) == nil)
  }

  @Test func hooksWriteIntoTheTransaction() async throws {
    let name = try test.locate("/t:top/name")
    test.engine.add(
      Witness("hook", notes) { (step, transaction) throws(NSOError) in
        let write = { () throws(NSOError) in
          try transaction.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("hooked")) }
        }
        if step == .complete { return try write() }
        // Afterwards the transaction is closed again.
        #expect(code { try write() } == .badState)
      }, at: .hooks)
    try await load(1)
    #expect(try test.value("/t:top/name") == .string("hooked"))
  }

  /// Readers are kept out until the commit is durable, then see the new data while others are still told.
  @Test func readLocksDuringTheDelivery() async throws {
    let engine = test.engine
    test.engine.add(
      Witness("subscriber", notes) { (step, _) throws(NSOError) in
        guard step == .prepare else { return }
        #expect(throws: NSOError.self) { try engine.lockForReading("reader") }
      }, at: .subscribers)
    test.engine.add(LockingParticipant(engine: engine, notes: notes), at: .events)
    try await load(5)
    #expect(notes.lines.contains("locked"))
    #expect(engine.commitHolders.readers.isEmpty)
  }

  /// A client that goes between the phases: whoever prepared is told, then the next one may commit.
  @Test func finishedWhilePrepared() async throws {
    test.engine.add(Witness("provider", notes), at: .providers)
    let transaction = try test.start()
    let load = try test.locate("/t:top/load")
    try transaction.writeOne { (editor) throws(NSOError) in try editor.set(load, .uint8(2)) }
    try await test.engine.validate(transaction, unlock: false)
    try await test.engine.prepare(transaction)
    test.engine.finish(transaction)
    try await self.load(7)
    #expect(notes.lines.filter { $0.hasSuffix("abort") || $0.hasSuffix("commit") } == ["provider abort", "provider commit"])
    #expect(try test.value("/t:top/load") == .uint8(7))
  }

  @Test func abortedByHand() async throws {
    test.engine.add(Witness("provider", notes), at: .providers)
    let transaction = try test.start()
    let load = try test.locate("/t:top/load")
    try transaction.writeOne { (editor) throws(NSOError) in try editor.set(load, .uint8(2)) }
    try await test.engine.validate(transaction, unlock: false)
    try await test.engine.prepare(transaction)
    try await test.engine.abort(transaction)
    #expect(notes.lines.last == "provider abort")
    #expect(transaction.phase == .aborted)
    #expect(test.engine.commitHolders.writer == nil)
  }
}

private struct LockingParticipant: CommitParticipant {
  let engine: Engine
  let notes: Notes
  let name = "locking"

  func commit(_ attempt: CommitAttempt, _ result: CommitResult) async {
    do throws(NSOError) {
      let lock = try engine.lockForReading("reader")
      notes.add("locked")
      engine.unlock(lock)
    } catch {
      notes.add("\(error)")
    }
  }
}
