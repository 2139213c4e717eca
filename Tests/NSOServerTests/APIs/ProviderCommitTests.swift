import ExternalTerm
import Foundation
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Configuration that data providers store, and hooks, in commits.
@Suite struct ProviderCommitTests {
  private static let registration = ProviderRegistration(
    .data, "remote-cp", mask: ServedTable.all.rawValue, flags: [.sendsPaths, .noDefaults], index: 4)
  private static let title = ServedModel.path("remote", .tag("title"))

  private static func user(_ id: UInt16, _ elements: Keypath.Element...) -> Keypath {
    Keypath([.tag(Tag("remote", in: "urn:ex:served")), .tag("user"), .keys([.uint16(id)])] + elements)
  }

  static func provider(_ daemon: TestDaemon, _ table: ServedTable) throws -> FakeProvider {
    try FakeProvider(daemon, "remote", [registration]) { request in
      table.answer(request, key: { UInt16($0).map(Value.uint16) ?? .string($0) })
    }
  }

  static func write(_ client: WireClient, _ th: Int32) throws {
    try client.done(.setElem2("new", title.wire), th)
    try client.done(.create(user(7).wire), th)
    try client.done(.setElem2("seven", user(7, .tag("nick")).wire), th)
    try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), th)
  }

  @Test func `a provider's configuration is read, changed and committed together with ours`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let table = ServedTable([
        "/remote/title": .string("old"), "/remote/user{3}": .empty, "/remote/user{3}/nick": .string("three"),
      ])
      let provider = try Self.provider(daemon, table)
      let client = try daemon.session()
      let th = try client.start()
      #expect(try client.value(Self.title, th) == .string("old"))
      #expect(try client.value(Self.user(3, .tag("nick")), th) == .string("three"))
      try Self.write(client, th)
      // Changed here, not yet there.
      #expect(try client.value(Self.title, th) == .string("new"))
      #expect(try client.value(Self.user(7, .tag("nick")), th) == .string("seven"))
      #expect(try client.value(Self.user(7, .tag("level")), th) == .uint8(1))
      #expect(try client.integer(.numInstances(ServedModel.path("remote", .tag("user")).wire), th) == 2)
      #expect(table["/remote/title"] == .string("old"))
      try client.done(.delete(Self.user(3).wire), th)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), th)
      #expect(
        table.all == [
          "/remote/title": .string("new"), "/remote/user{7}": .empty, "/remote/user{7}/nick": .string("seven"),
        ])
      try client.done(.stopTransaction, th)
      try daemon.until { provider.phases == [.lock, .writeStart, .prepare, .commit, .close] }
      #expect(try client.value(Self.title, try client.start(.running, .read)) == .string("new"))
      #expect(daemon.engine.unconfirmedProviders.isEmpty)
    }
  }

  @Test func `constraints hold for a provider's configuration`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.provider(daemon, ServedTable(["/remote/user{3}": .empty, "/remote/user{3}/nick": .string("t")]))
      let client = try daemon.session()
      let th = try client.start()
      try client.done(.create(Self.user(7).wire), th)
      #expect(errorCode { try client.done(.applyTransaction(keepOpen: true, flags: 0), th) } == .notSet)
      try client.done(.setElem2("seven", Self.user(7, .tag("nick")).wire), th)
      try client.done(.setElem2("4", Self.user(7, .tag("boss")).wire), th)
      #expect(errorCode { try client.done(.applyTransaction(keepOpen: true, flags: 0), th) } == .badKeyref)
      try client.done(.setElem2("3", Self.user(7, .tag("boss")).wire), th)
      try client.done(.applyTransaction(keepOpen: true, flags: 0), th)
      withExtendedLifetime(provider) {}
    }
  }

  @Test(arguments: [TransactionPhase.lock, .writeStart, .prepare])
  func `a provider that refuses leaves everything as it was`(_ phase: TransactionPhase) async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.provider(daemon, ServedTable())
      provider.refuse(phase, .failure(.reason(.init(.resourceDenied, "no room"))))
      let client = try daemon.session()
      let th = try client.start()
      try Self.write(client, th)
      #expect(errorText { try client.done(.applyTransaction(keepOpen: true, flags: 0), th) } == "no room")
      #expect(errorCode { _ = try client.value(Keypath.plant(.tag("owner")), try client.start(.running, .read)) } == .noExists)
      // Nothing is locked; the next attempt is a new one for the provider.
      provider.refuse(phase, nil)
      try client.done(.applyTransaction(keepOpen: true, flags: 0), th)
      #expect(phase == .prepare || provider.phases.contains(.commit))
      #expect(try client.value(Keypath.plant(.tag("owner")), try client.start(.running, .read)) == .string("me"))
    }
  }

  @Test(arguments: [TransactionPhase.lock, .writeStart, .prepare])
  func `a provider that dies before it has prepared aborts the commit`(_ phase: TransactionPhase) async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.provider(daemon, ServedTable())
      provider.refuse(phase, .die)
      let client = try daemon.session()
      let th = try client.start()
      try Self.write(client, th)
      let text = errorText { try client.done(.applyTransaction(keepOpen: true, flags: 0), th) }
      #expect(text.contains("external error") && text.contains("remote"), "\(text)")
      #expect(errorCode { _ = try client.value(Keypath.plant(.tag("owner")), try client.start(.running, .read)) } == .noExists)
      let next = try Self.provider(daemon, ServedTable())
      try client.done(.applyTransaction(keepOpen: true, flags: 0), th)
      #expect(next.phases.contains(.commit))
      #expect(daemon.engine.unconfirmedProviders.isEmpty)
    }
  }

  @Test func `the lock of validation is given up when that fails or was a test`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.provider(daemon, ServedTable(["/remote/user{3}": .empty, "/remote/user{3}/nick": .string("t")]))
      let client = try daemon.session()
      let th = try client.start()
      try client.done(.create(Self.user(7).wire), th)
      #expect(errorCode { try client.done(.applyTransaction(keepOpen: true, flags: 0), th) } == .notSet)
      #expect(provider.phases == [.lock, .unlock])
      // It is read again, in the same part of the provider.
      #expect(try client.value(Self.user(3, .tag("nick")), th) == .string("t"))
      try client.done(.setElem2("seven", Self.user(7, .tag("nick")).wire), th)
      try client.done(.validateTransaction(unlock: true, force: false), th)
      #expect(provider.phases == [.lock, .unlock, .lock, .unlock])
      try client.done(.validateTransaction(unlock: false, force: false), th)
      try client.done(.prepareTransaction(flags: 0), th)
      try client.done(.commitTransaction, th)
      try daemon.until { provider.phases.last == .close }
      #expect(provider.phases == [.lock, .unlock, .lock, .unlock, .lock, .writeStart, .prepare, .commit, .close])
    }
  }

  @Test(arguments: [TransactionPhase.lock, .writeStart, .prepare])
  func `a provider that does not answer is given up, and nothing is committed`(_ phase: TransactionPhase) async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.provider(daemon, ServedTable())
      daemon.engine.providers.limits.query = .seconds(3)
      provider.refuse(phase, .silence)
      let client = try daemon.session()
      let th = try client.start()
      try Self.write(client, th)
      let text = errorText { try client.done(.applyTransaction(keepOpen: true, flags: 0), th) }
      #expect(text.contains("external timeout") && text.contains("remote"), "\(text)")
      #expect(errorCode { _ = try client.value(Keypath.plant(.tag("owner")), try client.start(.running, .read)) } == .noExists)
      // Whether it has prepared is not known.
      #expect(daemon.engine.unconfirmedProviders.map(\.isCommitted) == (phase == .prepare ? [false] : []))
      daemon.engine.providers.limits.query = .seconds(60)
      let next = try Self.provider(daemon, ServedTable())
      try client.done(.applyTransaction(keepOpen: true, flags: 0), th)
      #expect(next.phases.contains(.commit))
    }
  }

  private static let vault = """
    module vault {
      yang-version 1.1; namespace "urn:vault"; prefix v;
      import tailf-common { prefix tailf; }
      container vault { tailf:callpoint vault-cp; leaf size { type uint32; } leaf other { type uint32; } }
      container limits {
        leaf top { type uint32; default 5; tailf:validate vault-val { tailf:dependency "/v:vault/v:size"; } }
      }
      container cell {
        tailf:callpoint cell-hook { tailf:transaction-hook subtree; }
        container kept { tailf:callpoint vault-cp; leaf x { type uint32; } }
      }
    }
    """

  @Test func `validation points and hooks see what providers store`() async throws {
    try await TestDaemon.run(added: [("vault", Self.vault)]) { daemon in
      let all = DataCallbacks([.getElem, .existsOptional, .getNext, .setElem, .create, .remove])
      let provider = try FakeProvider(
        daemon, "vault",
        [
          ProviderRegistration(.data, "vault-cp", mask: all.rawValue, flags: [.sendsPaths, .noDefaults], index: 4),
          ProviderRegistration(.data, "cell-hook", mask: DataCallbacks.writeAll.rawValue, index: 5),
          ProviderRegistration(.validation, "vault-val", mask: 0, index: 6),
        ]
      ) { request in
        switch request.call {
        case .getElem: .result(.value(.notFound))
        case .existsOptional: .result(.existence(.bool(false)))
        default: .result(.ok)
        }
      }
      func path(_ names: String...) -> Keypath {
        Keypath([.tag(Tag(names[0], in: "urn:vault"))] + names.dropFirst().map { .tag(Tag($0)) })
      }
      func count(_ condition: (CallbackCall) -> Bool) -> Int { provider.calls.count(where: condition) }
      func validations() -> Int { count { if case .validate = $0 { true } else { false } } }
      let client = try daemon.session()
      try client.commit { try client.done(.setElem2("3", path("vault", "other").wire), $0) }
      #expect(validations() == 0)
      try client.commit { try client.done(.setElem2("3", path("vault", "size").wire), $0) }
      #expect(validations() == 1)
      #expect(provider.calls.contains(.validate(path("limits", "top"), .uint32(5))))
      #expect(count { $0 == .writeAll } == 0)
      try client.commit { try client.done(.setElem2("3", path("cell", "kept", "x").wire), $0) }
      #expect(count { $0 == .writeAll } == 1)
    }
  }

  @Test func `a client that goes after the first phase leaves an abort, not just an end`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.provider(daemon, ServedTable())
      do {
        let client = try daemon.session()
        let th = try client.start()
        try Self.write(client, th)
        try client.done(.validateTransaction(unlock: false, force: false), th)
        try client.done(.prepareTransaction(flags: 0), th)
      }
      try daemon.until { provider.phases.contains(.close) }
      #expect(provider.phases == [.lock, .writeStart, .prepare, .abort, .close])
      let client = try daemon.session()
      #expect(errorCode { _ = try client.value(Keypath.plant(.tag("owner")), try client.start(.running, .read)) } == .noExists)
    }
  }

  @Test func `a provider that dies between prepare and commit is found and told when it is back`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.provider(daemon, ServedTable())
      provider.refuse(.commit, .die)
      let client = try daemon.session()
      let th = try client.start()
      try Self.write(client, th)
      // The commit has taken place: its own part is durable.
      try client.done(.applyTransaction(keepOpen: false, flags: 0), th)
      #expect(try client.value(Keypath.plant(.tag("owner")), try client.start(.running, .read)) == .string("me"))
      #expect(daemon.engine.unconfirmedProviders.map(\.name) == ["remote"])
      let table = ServedTable()
      let back = try Self.provider(daemon, table)
      try daemon.until { daemon.log.lines().contains { $0.contains("was lost before it confirmed the commit") } }
      // The next commit that it confirms settles it.
      try client.commit { try client.done(.setElem2("again", Self.title.wire), $0) }
      #expect(daemon.engine.unconfirmedProviders.isEmpty)
      #expect(table["/remote/title"] == .string("again"))
      withExtendedLifetime(back) {}
    }
  }

  @Test func `a transaction hook adds to the transaction, or refuses it`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let isRefusing = LockedBox(false)
      let provider = try FakeProvider(
        daemon, "hook", [ProviderRegistration(.data, "hook-cp", mask: DataCallbacks.writeAll.rawValue, index: 3)]
      ) { request in
        if isRefusing.with({ $0 }) { return .failure(.reason(.init(.inconsistentValue, "not like this"))) }
        guard case .writeAll = request.call, let maapi = try? daemon.connect() else { return .silence }
        let attach = MAAPIRequest.attach(Attach(namespace: .none, session: 0))
        guard (try? maapi.call(attach, request.handle)) != nil,
          (try? maapi.call(.setElem2("from the hook", ServedModel.path("hooked", .tag("b")).wire), request.handle)) != nil
        else { return .failure(.reason(.init(.application, "cannot attach"))) }
        return .result(.ok)
      }
      let client = try daemon.session()
      let a = ServedModel.path("hooked", .tag("a")).wire
      try client.commit { try client.done(.setElem2("1", a), $0) }
      let reading = try client.start(.running, .read)
      #expect(try client.value(ServedModel.path("hooked", .tag("b")), reading) == .string("from the hook"))
      isRefusing.with { $0 = true }
      let th = try client.start()
      try client.done(.setElem2("2", a), th)
      #expect(errorText { try client.done(.applyTransaction(keepOpen: false, flags: 0), th) } == "not like this")
      // A transaction that touches nothing there does not ask it.
      try client.commit { try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), $0) }
      withExtendedLifetime(provider) {}
    }
  }
}
