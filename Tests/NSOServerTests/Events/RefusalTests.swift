import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Refusals say who, what, where, which rule, since when and what to do: the same text to the client, in the developer log and its event.
@Suite struct RefusalTests {
  /// Provokes a refusal, and compares what is told of it.
  private func refuse(
    _ watcher: WireClient, _ code: ErrorCode, _ words: [String], _ body: () throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let error = try #require(throws: NSOError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    for word in words {
      #expect(error.message.contains(word), "\(word) is not in: \(error.message)", sourceLocation: sourceLocation)
    }
    var seen: [String] = []
    while watcher.canReceive {
      guard case .log(.developer, let entry) = try watcher.event() else { continue }
      if entry.message.hasSuffix("refused: \(error.message)") { return }
      seen.append(entry.message)
    }
    Issue.record("not in the developer log: \(error.message); there: \(seen)", sourceLocation: sourceLocation)
  }

  private func watch(_ daemon: TestDaemon) throws -> WireClient { try daemon.watch(.developer) }

  @Test func `locks on parts, and the order of commits`() async throws {
    try await TestDaemon.run(engine: { $0.commitWait = 0 }) { daemon in
      let watcher = try watch(daemon)
      let holder = try daemon.session("holder", context: "cli")
      try holder.commit { th in try holder.done(.create(Keypath.site("a").wire), th) }
      guard case .integer(let id) = try holder.call(.lockPartial(.running, xpaths: ["/plant/site[id='a']"])) else { return }
      let client = try daemon.session("bob", context: "cli")
      let age = " s; wait for the unlock or end that session"
      try refuse(
        watcher, .locked,
        ["bob (session ", "cannot lock running: a part (/plant/site[id='a']) is locked by holder", "since ", age]
      ) {
        try client.done(.lock(.running))
      }
      try refuse(watcher, .locked, ["bob", "cannot lock a part of running: /p:plant/site", "is locked by holder", age]) {
        _ = try client.call(.lockPartial(.running, xpaths: ["/plant/site"]))
      }
      let th = try client.start()
      try client.done(.setElem2("t", Keypath.site("a", .tag("title")).wire), th)
      try refuse(watcher, .inUse, ["bob", "cannot commit to running", "site", "is locked by holder", age]) {
        try client.done(.applyTransaction(keepOpen: true, flags: 0), th)
      }
      try refuse(watcher, .noExists, ["bob", "cannot release the partial lock \(id)", "only the session that took it"]) {
        try client.done(.unlockPartial(lock: id))
      }
      try holder.done(.unlockPartial(lock: id))
      // Somebody holds running by a read lock.
      let cdb = try daemon.connect(.cdb)
      try cdb.done(CDBRequest.newSession(NewSession(.running, options: .lockSession)))
      try refuse(
        watcher, .inUse,
        [
          "transaction \(th) (read-write on running) of bob",
          "cannot commit to running: after 0 s of waiting it is still held by", "since ", "try again",
        ]
      ) { try client.done(.applyTransaction(keepOpen: true, flags: 0), th) }
    }
  }

  @Test func `conflicts, participants and validation`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try watch(daemon)
      let audit = try daemon.watch(.audit)
      let client = try daemon.session("bob", context: "cli")
      let other = try daemon.session("other")
      let th = try client.start()
      _ = try client.integer(.exists(Keypath.plant(.tag("owner")).wire), th)
      try client.done(.setElem2("bob", Keypath.plant(.tag("owner")).wire), th)
      try other.commit { handle in try other.done(.setElem2("other", Keypath.plant(.tag("owner")).wire), handle) }
      try refuse(
        watcher, .transactionConflict,
        [
          "transaction \(th)", "of bob", "cannot commit: it conflicts: /p:plant/owner, which it had read, was created by",
          "finish it and try again",
        ]
      ) { try client.done(.applyTransaction(keepOpen: false, flags: 0), th) }
      var record = try audit.audit()
      while record.number != LogSymbol.commitRefused.number { record = try audit.audit() }
      #expect(record.message.contains("it conflicts: /p:plant/owner"))
      daemon.engine.add(Refuser(), at: .validationPoints)
      let again = try client.start()
      try client.done(.setElem2("bob", Keypath.plant(.tag("owner")).wire), again)
      // The client gets the words of whoever refuses, the records say whose they are.
      #expect(errorText { try client.done(.applyTransaction(keepOpen: false, flags: 0), again) } == "not on mondays")
      record = try audit.audit()
      while record.number != LogSymbol.commitRefused.number { record = try audit.audit() }
      #expect(
        record.message.contains("cannot commit: refused by calendar: not on mondays; change what it objects to"), "\(record)")
    }
  }

  private struct Refuser: CommitParticipant {
    let name = "calendar"
    func validate(_ attempt: CommitAttempt) async throws(NSOError) { throw NSOError(.inconsistentValue, "not on mondays") }
  }

  @Test func `datastores, confirmed commits, read-only mode and upgrades`() async throws {
    try await TestDaemon.run(engine: { $0.datastores.candidate = true }) { daemon in
      let watcher = try watch(daemon)
      let client = try daemon.session("bob", context: "cli")
      let admin = try daemon.session("admin")
      try refuse(watcher, .noExists, ["the startup datastore cannot be used: it is not enabled", "datastores/startup/enabled"])
      {
        _ = try client.start(.startup)
      }
      try refuse(watcher, .noExists, ["bob", "cannot abort the confirmed commit: none is pending"]) {
        try client.done(.candidateAbortCommit(persistID: nil))
      }
      let th = try admin.start(.candidate)
      try admin.done(.setElem2("admin", Keypath.plant(.tag("owner")).wire), th)
      try admin.done(.applyTransaction(keepOpen: false, flags: 0), th)
      try admin.done(.candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 600)))
      try refuse(
        watcher, .inUse,
        [
          "bob", "cannot commit the candidate: a confirmed commit of admin (session ", "is pending for",
          "to confirm or abort it",
        ]
      ) { try client.done(.candidateCommit(CandidateCommit())) }
      try refuse(watcher, .locked, ["cannot upgrade: a confirmed commit of admin", "have it confirmed or aborted first"]) {
        try daemon.connect().done(.initUpgrade(timeout: 0, flags: 0))
      }
      try admin.done(.candidateCommit(CandidateCommit()))
      try admin.done(.setReadonly(true))
      try refuse(watcher, .notWritable, ["bob", "cannot write: the daemon is in read-only mode", "SET_READONLY 0"]) {
        _ = try client.start()
      }
      try admin.done(.setReadonly(false))
      let upgrader = try daemon.connect()
      try upgrader.done(.initUpgrade(timeout: 0, flags: 1))
      try refuse(
        watcher, .upgradeInProgress, ["bob", "cannot start a transaction: an upgrade of the schema by", "try again when"]
      ) {
        _ = try client.start()
      }
      try refuse(watcher, .badState, ["cannot upgrade: an upgrade by", "is under way since", "wait for its end"]) {
        try daemon.connect().done(.initUpgrade(timeout: 0, flags: 0))
      }
      try upgrader.done(.abortUpgrade)
    }
  }

  @Test func `what was only looked at is no refused commit, and a lock is told of once`() async throws {
    try await TestDaemon.run(engine: { $0.datastores.candidate = true }) { daemon in
      let watcher = try daemon.watch([.audit, .developer])
      let client = try daemon.session("bob", context: "cli")
      daemon.engine.add(Refuser(), at: .validationPoints)
      let th = try client.start()
      try client.done(.setElem2("bob", Keypath.plant(.tag("owner")).wire), th)
      #expect(errorText { try client.done(.validateTransaction(unlock: true, force: false), th) } == "not on mondays")
      let dryRun = [
        TaggedValue("dry-run", .start), TaggedValue("outformat", .enumeration(1)), TaggedValue("dry-run", .stop),
      ]
      #expect(throws: NSOError.self) { _ = try client.call(.applyTransactionWithParameters(keepOpen: true, dryRun), th) }
      // Step by step it is the beginning of a commit.
      #expect(throws: NSOError.self) { try client.done(.validateTransaction(unlock: false, force: false), th) }
      // Somebody has locked running.
      let holder = try daemon.session("holder", context: "cli")
      try holder.done(.lock(.running))
      #expect(throws: NSOError.self) { try client.done(.applyTransaction(keepOpen: true, flags: 0), th) }
      #expect(throws: NSOError.self) { try client.done(.lock(.startup)) }
      var refused: [String] = []
      var locked = 0
      while true {
        switch try watcher.event() {
        case .audit(let record) where record.number == LogSymbol.commitRefused.number: refused.append(record.message)
        case .log(.developer, let entry) where entry.message.contains("is locked by holder"): locked += 1
        case .log(.developer, let entry) where entry.message.contains("startup"):
          #expect(refused.count == 2 && locked == 1, "\(refused) \(locked)")
          return
        default: break
        }
      }
    }
  }
}
