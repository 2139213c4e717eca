import ExternalTerm
import Foundation
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Db callbacks: locks and startup at data providers; what they store in candidate, startup and history.
@Suite struct DatabaseCallbackTests {
  private static func all(_ configuration: inout EngineConfiguration) {
    configuration.datastores.candidate = true
    configuration.datastores.startup = true
    configuration.history = History.Limits(rollbackEntries: 5, revisions: 10)
  }

  private static let locks: DatabaseCallbacks = [.lock, .unlock, .lockPartial, .unlockPartial]

  private func provider(
    _ daemon: TestDaemon, _ name: String, _ callbacks: DatabaseCallbacks, _ registrations: [ProviderRegistration] = []
  ) throws -> FakeProvider {
    try FakeProvider(daemon, name, registrations, database: callbacks) { _ in .silence }
  }

  private func remote(_ daemon: TestDaemon, _ table: ServedTable, _ callbacks: DatabaseCallbacks = []) throws -> FakeProvider {
    let registration = ProviderRegistration(
      .data, "remote-cp", mask: ServedTable.all.rawValue, flags: [.sendsPaths, .noDefaults], index: 4)
    return try FakeProvider(daemon, "remote", [registration], database: callbacks) { request in
      table.answer(request, key: { UInt16($0).map(Value.uint16) ?? .string($0) })
    }
  }

  private let title = ServedModel.path("remote", .tag("title"))
  private let held = CallbackFailure.reason(.init(.inUse, "edited by hand"))

  @Test func `locks are taken at providers too, and given up with them`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let first = try provider(daemon, "first", Self.locks)
      let second = try provider(daemon, "second", Self.locks)
      let without = try provider(daemon, "without", [])
      let client = try daemon.session()
      try client.done(.lock(.running))
      #expect(first.databaseCalls == [.lock(.running)] && second.databaseCalls == [.lock(.running)])
      #expect(errorCode { try client.done(.lock(.running)) } == .locked)
      try client.done(.unlock(.running))
      #expect(first.databaseCalls == [.lock(.running), .unlock(.running)])
      #expect(second.databaseCalls == [.lock(.running), .unlock(.running)])
      #expect(without.databaseCalls.isEmpty)
    }
  }

  @Test func `one that refuses keeps the lock from everybody`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let first = try provider(daemon, "first", Self.locks)
      let second = try provider(daemon, "second", Self.locks)
      let client = try daemon.session()
      second.refuseDatabase(held)
      let text = errorText { try client.done(.lock(.running)) }
      #expect(text.contains("edited by hand") && text.contains("data provider second") && text.contains("lock of running"))
      #expect(errorCode { try client.done(.lock(.running)) } == .inUse)
      #expect(try client.integer(.isLockSet(.running)) == 0)
      #expect(first.databaseCalls == [.lock(.running), .unlock(.running), .lock(.running), .unlock(.running)])
      #expect(second.databaseCalls == [.lock(.running), .lock(.running)])
      // One that is silent is given up, and the lock is not taken either.
      second.refuseDatabase(nil)
      try client.done(.lock(.running))
      try client.done(.unlock(.running))
    }
  }

  @Test func `a lock ends at providers however it ends here`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let first = try provider(daemon, "first", Self.locks)
      let client = try daemon.session()
      try client.done(.lock(.running))
      client.raw.hangUp()
      try daemon.until { first.databaseCalls == [.lock(.running), .unlock(.running)] }
      // Who locks next comes after it.
      let next = try daemon.session()
      try next.done(.lock(.running))
      #expect(first.databaseCalls.last == .lock(.running))
      // A provider that comes meanwhile is asked as well.
      let late = try provider(daemon, "late", Self.locks)
      try daemon.until { late.databaseCalls == [.lock(.running)] }
      first.die()
      try daemon.until { daemon.engine.providers.instances.count == 1 }
      try next.done(.unlock(.running))
      #expect(late.databaseCalls == [.lock(.running), .unlock(.running)])
      late.die()
      try daemon.until { daemon.engine.providers.instances.isEmpty }
      try next.done(.lock(.running))
      try next.done(.unlock(.running))
    }
  }

  @Test func `locks on parts are taken at providers whose data they are about`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let table = ServedTable([
        "/remote/title": .string("old"), "/remote/user{3}": .empty, "/remote/user{3}/nick": .string("t"),
      ])
      let remote = try remote(daemon, table, Self.locks)
      let client = try daemon.session()
      func lock(_ xpath: String) throws -> Int64 { try client.integer(.lockPartial(.running, xpaths: [xpath])) }
      let user = ServedModel.path("remote", .tag("user"), .keys([.uint16(3)]))
      let id = try lock("/sv:remote/sv:user[sv:id = 3]")
      #expect(remote.databaseCalls == [.lockPartial(.running, lock: Int32(id), [user])])
      // It holds against others here as well.
      let other = try daemon.session()
      let th = try other.start()
      try other.done(.setElem2("x", user.appending("nick").wire), th)
      #expect(errorCode { try other.done(.applyTransaction(keepOpen: true, flags: 0), th) } == .inUse)
      try other.done(.stopTransaction, th)
      try other.commit { try other.done(.setElem2("new", title.wire), $0) }
      #expect(table["/remote/title"] == .string("new"))
      try client.done(.unlockPartial(lock: id))
      #expect(remote.databaseCalls.last == .unlockPartial(.running, lock: Int32(id)))
      remote.refuseDatabase(held)
      #expect(errorText { _ = try lock("/sv:remote") }.contains("edited by hand"))
      remote.refuseDatabase(nil)
      // What is refused is free again, and what is ours alone is not asked.
      let count = remote.databaseCalls.count
      let hooked = try lock("/sv:hooked")
      try client.done(.unlockPartial(lock: hooked))
      #expect(remote.databaseCalls.count == count)
      _ = try lock("/sv:remote")
      client.raw.hangUp()
      try daemon.until { if case .unlockPartial? = remote.databaseCalls.last { true } else { false } }
    }
  }

  @Test func `providers with a startup of their own are asked to copy, compare and delete it`() async throws {
    try await TestDaemon.run(added: ServedModel.added, engine: Self.all) { daemon in
      let startup: DatabaseCallbacks = [.copyRunningToStartup, .deleteConfig, .runningCheckNotModified]
      let remote = try provider(daemon, "remote", startup)
      let client = try daemon.session()
      try client.commit { try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), $0) }
      #expect(try client.integer(.isRunningModified) == 1)
      // Ours is modified: nobody has to be asked.
      #expect(remote.databaseCalls.isEmpty)
      remote.refuseDatabase(.reason(.init(.resourceDenied, "disk full")))
      #expect(errorText { try client.done(.copyRunningToStartup) }.contains("disk full"))
      #expect(try client.integer(.isRunningModified) == 1)
      remote.refuseDatabase(nil)
      try client.done(.copyRunningToStartup)
      #expect(try client.integer(.isRunningModified) == 0)
      #expect(remote.databaseCalls == [.copyRunningToStartup, .copyRunningToStartup, .runningCheckNotModified])
      remote.refuseDatabase(.reason(.init(.application, "changed")))
      #expect(try client.integer(.isRunningModified) == 1)
      #expect(errorText { try client.done(.deleteConfig(.startup)) }.contains("changed"))
      remote.refuseDatabase(nil)
      try client.done(.deleteConfig(.startup))
      #expect(remote.databaseCalls.last == .deleteConfig(.startup))
      try client.done(.deleteConfig(.candidate))
      #expect(remote.databaseCalls.last == .deleteConfig(.startup))
    }
  }

  @Test func `what a provider stores is refused in candidate and startup, naming it`() async throws {
    try await TestDaemon.run(added: ServedModel.added, engine: Self.all) { daemon in
      let table = ServedTable(["/remote/title": .string("old")])
      let remote = try remote(daemon, table)
      let client = try daemon.session()
      for database in [DatabaseName.candidate, .startup] {
        let th = try client.start(database)
        let write = errorText { try client.done(.setElem2("new", title.wire), th) }
        #expect(write.contains("data provider remote") && write.contains("callpoint remote-cp"), "\(write)")
        #expect(write.contains("/sv:remote/title") && write.contains("\(database)"), "\(write)")
        #expect(errorCode { try client.done(.setElem2("new", title.wire), th) } == .notWritable)
        let read = errorText { _ = try client.value(title, th) }
        #expect(read.contains("data provider remote") && read.contains("\(database)"), "\(read)")
        // The rest goes on.
        try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), th)
        try client.done(.applyTransaction(keepOpen: false, flags: 0), th)
        try client.done(.stopTransaction, th)
      }
      try client.done(.candidateValidate)
      try client.done(.candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 600)))
      // It would take this back as well, but only here.
      let pending = errorText { try client.commit { try client.done(.setElem2("new", title.wire), $0) } }
      #expect(pending.contains("confirmed commit") && pending.contains("data provider remote"), "\(pending)")
      try client.done(.candidateAbortCommit(persistID: nil))
      #expect(table["/remote/title"] == .string("old"))
      withExtendedLifetime(remote) {}
    }
  }

  @Test func `a rollback tells what it leaves to providers`() async throws {
    try await TestDaemon.run(added: ServedModel.added, engine: Self.all) { daemon in
      let table = ServedTable(["/remote/title": .string("old")])
      let remote = try remote(daemon, table)
      let client = try daemon.session()
      try client.commit { th in
        try client.done(.setElem2("new", title.wire), th)
        try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), th)
      }
      try client.commit { try client.done(.setElem2("you", Keypath.plant(.tag("owner")).wire), $0) }
      let th = try client.start()
      let transaction = try daemon.engine.transaction(th)
      #expect(try daemon.engine.rollBack(.relative(0), in: transaction).isEmpty)
      let omissions = try daemon.engine.rollBack(.relative(1), in: transaction)
      #expect(omissions.count == 1 && omissions.text.contains("data provider remote"), "\(omissions.text)")
      try client.done(.applyTransaction(keepOpen: false, flags: 0), th)
      #expect(table["/remote/title"] == .string("new"))
      withExtendedLifetime(remote) {}
    }
  }
}
