import ExternalTerm
import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Candidate, startup, locks on parts, rollback and history over a socket.
@Suite struct DatastoreTests {
  private static func all(_ configuration: inout EngineConfiguration) {
    configuration.datastores.candidate = true
    configuration.datastores.startup = true
    configuration.history = History.Limits(rollbackEntries: 5, revisions: 10)
  }

  private func title(_ client: WireClient, _ text: String, on database: DatabaseName = .running) throws {
    try client.commit(database) { handle in
      if try client.integer(.exists(Keypath.site("w").wire), handle) == 0 {
        try client.done(.create(Keypath.site("w").wire), handle)
      }
      try client.done(.setElem(EncodedTerm(.string(text)), Keypath.site("w", .tag("title")).wire), handle)
    }
  }

  private func title(_ client: WireClient, on database: DatabaseName = .running) throws -> Value? {
    let handle = try client.start(database, .read)
    defer { try? client.done(.stopTransaction, handle) }
    do { return try client.value(.site("w", .tag("title")), handle) } catch let error as NSOError where error.code == .noExists
    {
      return nil
    }
  }

  @Test func `what is not enabled is NOEXISTS and names the setting`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let candidate: [MAAPIRequest] = [
        .candidateValidate, .candidateCommit(CandidateCommit()),
        .candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 1)), .candidateAbortCommit(persistID: nil), .candidateReset,
        .isCandidateModified, .startTransaction(StartTransaction(.candidate, .read)), .lock(.candidate), .unlock(.candidate),
        .deleteConfig(.candidate), .lockPartial(.candidate, xpaths: ["/plant"]),
      ]
      let startup: [MAAPIRequest] = [
        .copyRunningToStartup, .isRunningModified, .startTransaction(StartTransaction(.startup, .readWrite)), .lock(.startup),
        .deleteConfig(.startup),
      ]
      for (name, requests) in [("candidate", candidate), ("startup", startup)] {
        for request in requests {
          #expect { _ = try client.call(request) } throws: {
            ($0 as? NSOError)?.code == .noExists && "\($0)".contains("datastores/\(name)/enabled")
          }
        }
      }
      #expect(try client.integer(.confirmedCommitInProgress) == 0)
      #expect(try client.call(.listRollback) == .rollbacks([]))
      let handle = try client.start()
      #expect(errorText { _ = try client.call(.getRollbackID, handle) }.contains("rollback/enabled"))
      #expect(errorText { _ = try client.call(.loadRollback(.relative(0)), handle) }.contains("rollback/enabled"))
    }
  }

  @Test func `candidate from first change to commit`() async throws {
    try await TestDaemon.run(engine: Self.all) { daemon in
      let client = try daemon.session("ann")
      try title(client, "new", on: .candidate)
      #expect(try client.integer(.isCandidateModified) == 1)
      #expect(try title(client) == nil)
      #expect(try title(client, on: .candidate) == .string("new"))
      try client.done(.candidateValidate)
      try client.done(.candidateCommit(CandidateCommit(label: "one", comment: "first")))
      #expect(try title(client) == .string("new"))
      #expect(try client.integer(.isCandidateModified) == 0)
      guard case .rollbacks(let entries) = try client.call(.listRollback) else { throw NSOError(.internal, "no list") }
      #expect(entries.map(\.label) == ["one"] && entries.map(\.comment) == ["first"] && entries.map(\.creator) == ["ann"])
      try title(client, "other", on: .candidate)
      try client.done(.candidateReset)
      #expect(try client.integer(.isCandidateModified) == 0)
      try client.done(.deleteConfig(.candidate))
      #expect(try title(client) == .string("new"))
      try client.done(.candidateCommit(CandidateCommit()))
      #expect(try title(client) == nil)
      // The changes go when the lock on the candidate is given back, by word or with its session.
      try client.done(.lock(.candidate))
      try title(client, "locked", on: .candidate)
      try client.done(.unlock(.candidate))
      #expect(try client.integer(.isCandidateModified) == 0)
      let other = try daemon.session("bob")
      try other.done(.lock(.candidate))
      try title(other, "locked", on: .candidate)
      #expect(errorText { try client.done(.candidateCommit(CandidateCommit())) }.contains("bob"))
      other.raw.hangUp()
      try daemon.until { (try? client.integer(.isCandidateModified)) == 0 }
    }
  }

  @Test func `confirmed commits`() async throws {
    try await TestDaemon.run(engine: Self.all) { daemon in
      let client = try daemon.session("ann")
      let other = try daemon.session("bob")
      let id = try client.integer(.getMyUserSession)
      let watcher = try daemon.watch(.commitSimple)
      func flags() throws -> CommitNoticeFlags? {
        guard case .commitSimple(let notice) = try watcher.event() else { return nil }
        return notice.flags
      }
      try title(client, "zero", on: .candidate)
      try client.done(.candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 600)))
      #expect(try flags() == .confirmed)
      try title(client, "one", on: .candidate)
      try client.done(.candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 600)))
      #expect(try flags() == [.confirmed, .extended])
      #expect(try client.integer(.confirmedCommitInProgress) == id)
      #expect(try title(other) == .string("one"))
      #expect(errorCode { try other.done(.candidateCommit(CandidateCommit())) } == .inUse)
      #expect(errorCode { try other.done(.candidateAbortCommit(persistID: nil)) } == .noExists)
      try client.done(.candidateAbortCommit(persistID: nil))
      #expect(try flags() == [])
      #expect(try title(other) == nil)
      #expect(try client.integer(.confirmedCommitInProgress) == 0)
      #expect(errorCode { try client.done(.candidateAbortCommit(persistID: nil)) } == .noExists)
      #expect(
        errorCode { try client.done(.candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 0))) } == .protocolUsage)

      // With a cookie it outlives its session.
      try title(other, "two", on: .candidate)
      try other.done(.candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 600, persist: "c")))
      other.raw.hangUp()
      #expect(errorCode { try client.done(.candidateCommit(CandidateCommit())) } == .noExists)
      #expect(errorCode { try client.done(.candidateCommit(CandidateCommit(persistID: "d"))) } == .noExists)
      try client.done(.candidateCommit(CandidateCommit(persistID: "c")))
      #expect(try title(client) == .string("two"))
      // Without one it ends with it.
      let third = try daemon.session("carol")
      try title(third, "three", on: .candidate)
      try third.done(.candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 600)))
      #expect(try title(client) == .string("three"))
      third.raw.hangUp()
      try daemon.until { (try? title(client)) == .string("two") }
    }
  }

  @Test func `startup`() async throws {
    try await TestDaemon.run(engine: Self.all) { daemon in
      let client = try daemon.session()
      try title(client, "one")
      #expect(try client.integer(.isRunningModified) == 1)
      try client.done(.copyRunningToStartup)
      #expect(try client.integer(.isRunningModified) == 0)
      #expect(try title(client, on: .startup) == .string("one"))
      try title(client, "two")
      #expect(try client.integer(.isRunningModified) == 1)
      #expect(try title(client, on: .startup) == .string("one"))
      try title(client, "three", on: .startup)
      #expect(try title(client) == .string("two"))
      try client.done(.deleteConfig(.startup))
      #expect(try title(client, on: .startup) == nil)
    }
  }

  @Test func `partial locks go with their connection`() async throws {
    try await TestDaemon.run { daemon in
      let owner = try daemon.session("ann")
      let client = try daemon.session("bob")
      try title(owner, "one")
      let path = "/p:plant/p:site[p:id='w']"
      let id = try owner.integer(.lockPartial(.running, xpaths: [path]))
      #expect(errorText { _ = try client.call(.lockPartial(.running, xpaths: ["/p:plant/p:site"])) }.contains("ann"))
      #expect(errorCode { try client.done(.lock(.running)) } == .locked)
      let text = errorText { try title(client, "two") }
      #expect(text.contains("ann") && text.contains("site") && text.contains("since"))
      #expect(errorCode { _ = try client.call(.lockPartial(.running, xpaths: ["/p:plant/p:site[p:id='none']"])) } == .noExists)
      #expect(errorCode { _ = try client.call(.lockPartial(.running, xpaths: ["///"])) } == .xpath)
      #expect(errorCode { _ = try client.call(.lockPartial(.running, xpaths: [])) } == .protocolUsage)
      #expect(errorCode { try client.done(.unlockPartial(lock: id)) } == .noExists)
      try owner.done(.unlockPartial(lock: id))
      try title(client, "two")
      _ = try owner.integer(.lockPartial(.running, xpaths: [path]))
      #expect(errorCode { try title(client, "three") } == .inUse)
      owner.raw.hangUp()
      try daemon.until { (try? title(client, "three")) != nil }
    }
  }

  @Test func `rollback and history`() async throws {
    try await TestDaemon.run(engine: Self.all) { daemon in
      let client = try daemon.session("ann")
      for text in ["one", "two", "three"] { try title(client, text) }
      guard case .rollbacks(let entries) = try client.call(.listRollback) else { throw NSOError(.internal, "no list") }
      #expect(entries.map(\.number) == [0, 1, 2] && entries.map(\.fixedNumber) == [3, 2, 1])
      guard case .history(let records) = try client.call(.history) else { throw NSOError(.internal, "no list") }
      #expect(records.map(\.revision) == [3, 2, 1] && records.allSatisfy { $0.user == "ann" && $0.via == "system" })

      let handle = try client.start()
      #expect(errorCode { _ = try client.call(.getRollbackID, handle) } == .noExists)
      try client.done(.loadRollback(.fixed(2)), handle)
      #expect(try client.value(.site("w", .tag("title")), handle) == .string("one"))
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      #expect(try client.call(.getRollbackID, handle) == .rollbackID(4))
      try client.done(.stopTransaction, handle)
      let again = try client.start()
      try client.done(.loadRollback(.relative(0)), again)
      #expect(try client.value(.site("w", .tag("title")), again) == .string("three"))
      #expect(errorCode { try client.done(.loadRollback(.relative(9)), again) } == .noExists)
      #expect(errorCode { try client.done(.loadRollback(.fixed(-1)), again) } == .noExists)
      try client.done(.stopTransaction, again)
      let reader = try client.start(.running, .read)
      #expect(errorCode { try client.done(.loadRollback(.relative(0)), reader) } == .notWritable)

      // As it was, and what changed since.
      let past = Int32(
        truncatingIfNeeded: try client.integer(
          .startHistoryTransaction(StartHistoryTransaction(revision: 3, comparedTo: 1))))
      #expect(try client.value(.site("w", .tag("title")), past) == .string("three"))
      try client.done(.stopTransaction, past)
      let before = Int32(
        truncatingIfNeeded: try client.integer(.startHistoryTransaction(StartHistoryTransaction(revision: 0))))
      #expect(try client.integer(.exists(Keypath.site("w").wire), before) == 0)
      #expect(
        errorCode { _ = try client.call(.startHistoryTransaction(StartHistoryTransaction(revision: 99))) } == .noExists)

      // One commit alone, and a part.
      let selective = try client.start()
      let reply = try client.call(
        .rollBack(RollBack(.fixed(1), isSelective: true, below: Keypath.site("w").wire)), selective)
      #expect(reply == .text(""))
      #expect(try client.integer(.exists(Keypath.site("w").wire), selective) == 0)
      try client.done(.stopTransaction, selective)
    }
  }

  @Test func `dry runs and commit parameters`() async throws {
    try await TestDaemon.run(engine: Self.all) { daemon in
      let client = try daemon.session()
      try title(client, "one")
      let handle = try client.start()
      try client.done(.setElem(EncodedTerm(.string("t w o")), Keypath.site("w", .tag("title")).wire), handle)
      try client.done(.create(Keypath.site("x").wire), handle)
      func dryRun(_ format: Int32, reversed: Bool = false) throws -> String {
        var values = [
          TaggedValue(Tag("dry-run", in: "urn:any"), .start), TaggedValue("outformat", .enumeration(format)),
        ]
        if reversed { values.append(TaggedValue("reverse", .leaf)) }
        values.append(TaggedValue(Tag("dry-run", in: "urn:any"), .stop))
        guard case .tagged(let result) = try client.call(.applyTransactionWithParameters(keepOpen: true, values), handle),
          result.count == 3, result[0].tag == Tag("dry-run-result", in: "urn:any"),
          case .value(.string(let text)) = result[1].content
        else { throw NSOError(.internal, "no result") }
        return text
      }
      let text = try dryRun(1)
      #expect(
        text == """
           plant {
               site w {
          -        title one;
          +        title "t w o";
               }
          +    site x {
          +    }
           }

          """)
      #expect(try dryRun(1, reversed: true).contains("-    site x;"))
      let xml = try dryRun(0)
      #expect(xml.contains("<title>t w o</title>"))
      let back = try dryRun(0, reversed: true)
      #expect(back.contains("nc:operation=\"remove\"") && back.contains("<title>one</title>"))
      #expect(errorCode { _ = try dryRun(9) } == .protocolUsage)
      #expect(
        errorCode {
          _ = try client.call(.applyTransactionWithParameters(keepOpen: true, [TaggedValue("nonsense", .leaf)]), handle)
        } == .protocolUsage)
      for name in ["use-lsa", "reconcile", "confirm-network-state"] {
        #expect(
          errorCode {
            _ = try client.call(.applyTransactionWithParameters(keepOpen: true, [TaggedValue(Tag(name), .leaf)]), handle)
          } == .notImplemented)
      }
      let misspelt = [
        TaggedValue("commit-queue", .start), TaggedValue("asinc", .leaf), TaggedValue("commit-queue", .stop),
      ]
      #expect(
        errorCode { _ = try client.call(.applyTransactionWithParameters(keepOpen: true, misspelt), handle) } == .protocolUsage)
      // Devices would be shown their part; cli-c is not there yet.
      let native = [
        TaggedValue("label", .string("dry")), TaggedValue("dry-run", .start), TaggedValue("outformat", .enumeration(2)),
        TaggedValue("dry-run", .stop),
      ]
      #expect(
        try client.call(.applyTransactionWithParameters(keepOpen: false, native), handle)
          == .tagged([TaggedValue("dry-run-result", .start), TaggedValue("dry-run-result", .stop)]))
      #expect(errorCode { _ = try dryRun(3) } == .notImplemented)
      // Nothing stays of the parameters, and nothing was committed so far.
      #expect(try client.call(.getTransactionParameters, handle) == .tagged([]))
      #expect(try daemon.engine.transaction(handle).label == "")
      #expect(try title(client) == .string("one"))
      try client.done(
        .applyTransactionWithParameters(
          keepOpen: false,
          [
            TaggedValue("label", .string("L")), TaggedValue("comment", .string("C")), TaggedValue("no-networking", .leaf),
            TaggedValue("commit-queue", .start), TaggedValue("sync", .leaf), TaggedValue("commit-queue", .stop),
          ]), handle)
      guard case .tagged(let parameters) = try client.call(.getTransactionParameters, handle) else {
        throw NSOError(.internal, "no parameters")
      }
      #expect(parameters.count == 6)
      #expect(try title(client) == .string("t w o"))
      guard case .rollbacks(let entries) = try client.call(.listRollback) else { throw NSOError(.internal, "no list") }
      #expect(entries.first?.label == "L" && entries.first?.comment == "C")
    }
  }

  @Test func `flags of a commit that cannot be carried out are refused by name`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.create(Keypath.site("w").wire), handle)
      for (bit, name) in [(19, "USE_LSA"), (24, "RECONCILE_KEEP"), (28, "CONFIRM_NETWORK_STATE"), (32, "WRITE_AND_SERVICE")] {
        let flags: UInt64 = 1 << UInt64(bit)
        for request in [MAAPIRequest.applyTransaction(keepOpen: true, flags: flags), .prepareTransaction(flags: flags)] {
          #expect {
            try client.done(request, handle)
          } throws: { ($0 as? NSOError)?.code == .notImplemented && "\($0)".contains(name) }
        }
      }
      // Not to do what nothing here does anyway.
      try client.done(.applyTransaction(keepOpen: false, flags: 1 << 4 | 1 << 20), handle)
    }
  }

  @Test func `read-only mode and the status of running`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session("ann", context: "cli")
      let system = try daemon.session("root")
      try system.done(.setReadonly(true))
      #expect(errorCode { _ = try client.start() } == .notWritable)
      _ = try client.start(.running, .read)
      _ = try system.start()
      try system.done(.setReadonly(false))
      _ = try client.start()
      #expect(try client.integer(.getRunningDBStatus) == 1)
      try system.done(.setRunningDBStatus(false))
      #expect(try client.integer(.getRunningDBStatus) == 0)
      try system.done(.setRunningDBStatus(true))
      #expect(try client.integer(.getRunningDBStatus) == 1)
    }
  }
}

extension RawClient {
  /// The connection is gone for the daemon.
  func hangUp() { _ = shutdown(descriptor, CInt(SHUT_RDWR)) }
}
