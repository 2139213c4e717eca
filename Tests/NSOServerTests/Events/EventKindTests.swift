import ExternalTerm
import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Kinds of events that others cause than commits and sessions, each provoked for real and compared as a whole. EventTests, HATests and
/// ProgressTests have the others.
@Suite struct EventKindTests {
  @Test func `confirmed commits`() async throws {
    try await TestDaemon.run(engine: { $0.datastores.candidate = true }) { daemon in
      let watcher = try daemon.watch(.confirmedCommit)
      let (client, user) = try daemon.user()
      func change(_ owner: String) throws {
        let handle = try client.start(.candidate)
        try client.done(.setElem(EncodedTerm(.string(owner)), Keypath.plant(.tag("owner")).wire), handle)
        try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      }
      func confirmed(_ timeout: Int) throws {
        try client.done(.candidateConfirmedCommit(CandidateConfirmedCommit(timeout: Int64(timeout))))
      }
      func expect(_ notice: ConfirmedCommitNotice) throws { #expect(try watcher.event() == .confirmedCommit(notice)) }
      // Taken back on request.
      try change("a")
      try confirmed(600)
      try expect(ConfirmedCommitNotice(.started, timeout: 600, user: user))
      try client.done(.candidateAbortCommit(persistID: nil))
      try expect(ConfirmedCommitNotice(.aborted, user: user))
      // Prolonged, then confirmed.
      try change("b")
      try confirmed(700)
      try expect(ConfirmedCommitNotice(.started, timeout: 700, user: user))
      try confirmed(800)
      try expect(ConfirmedCommitNotice(.started, timeout: 800, user: user))
      try client.done(.candidateCommit(CandidateCommit()))
      try expect(ConfirmedCommitNotice(.confirmed, user: user))
      // By its timer.
      try change("c")
      try confirmed(1)
      try expect(ConfirmedCommitNotice(.started, timeout: 1, user: user))
      try expect(ConfirmedCommitNotice(.aborted, user: user))
      // By the end of its session.
      try change("d")
      try confirmed(900)
      try expect(ConfirmedCommitNotice(.started, timeout: 900, user: user))
      try client.done(.endUserSession)
      guard case .confirmedCommit(let notice) = try watcher.event() else { throw NSOError(.internal, "another event") }
      #expect(
        notice.kind == .aborted && notice.timeout == 0 && notice.user.session == user.session && notice.user.user == "anna")
    }
  }

  @Test func `upgrades`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.watch(.upgrade)
      let admin = try daemon.connect()
      try admin.done(.initUpgrade(timeout: 1, flags: 0))
      #expect(try watcher.event() == .upgrade(.initStarted))
      #expect(try watcher.event() == .upgrade(.initSucceeded))
      try admin.done(.abortUpgrade)
      #expect(try watcher.event() == .upgrade(.aborted))
      let folder = try UpgradeTests.folder(daemon)
      try admin.done(.initUpgrade(timeout: 1, flags: 0))
      try admin.done(.performUpgrade([folder]))
      try admin.done(.commitUpgrade)
      for step in [UpgradeStep.initStarted, .initSucceeded, .performed, .committed] {
        #expect(try watcher.event() == .upgrade(step))
      }
    }
  }

  @Test func `a provider that fails when everybody had prepared`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let watcher = try daemon.watch(.commitFailed)
      let provider = try ProviderCommitTests.provider(daemon, ServedTable())
      provider.refuse(.commit, .failure(.reason(.init(.resourceDenied, "disk full"))))
      let client = try daemon.session()
      let handle = try client.start()
      try ProviderCommitTests.write(client, handle)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      #expect(
        try watcher.event() == .commitFailed(CommitFailure(.dataProvider("remote"), database: .running)))
      #expect(try client.integer(.getRunningDBStatus) == 0)
    }
  }

  /// Names of users that do not exist may be passwords.
  @Test func `a login that is refused`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.watch(.audit)
      let client = try daemon.connect()
      let origin = Authenticate.Origin(address: .loopback, port: 99, context: "cli", sessionProtocol: .ssh)
      #expect(
        errorCode { try client.done(.authenticate(Authenticate(user: "xyzzy", password: "plugh", origin: origin))) }
          == .accessDenied)
      let wanted = AuditRecord(
        number: 191, user: "[withheld]", session: 0,
        message: "LOCAL_AUTH_FAIL_NOUSER context cli from 127.0.0.1:99 over ssh: unknown user")
      #expect(try watcher.audit() == wanted)
      daemon.engine.aaa.localAuthentication = false
      #expect(errorCode { try client.done(.authenticate(Authenticate(user: "xyzzy", password: "plugh"))) } == .accessDenied)
      #expect(
        try watcher.audit()
          == AuditRecord(
            number: 166, user: "[withheld]", session: 0, message: "LOCAL_AUTH_FAIL no method of authentication is enabled"))
    }
  }
}
