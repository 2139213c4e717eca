import NIOCore
import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

/// Operations 233, 405 and 408.
@Suite struct AdministrationTests {
  @Test func `users' data is read again as a whole, whatever part is named`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      try client.done(.aaaReloadPath(wait: true, Keypath.plant().wire))
      #expect(errorCode { try client.done(.aaaReloadPath(wait: true, Keypath.plant(.tag("owner")).wire)) } == .badPath)
      #expect(errorCode { try client.done(.aaaReloadPath(wait: false, Keypath.plant(.tag("zzz")).wire)) } == .badPath)
    }
  }

  @Test func `what is remembered of providers is asked for again`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try ProviderDataTests.batches(daemon, count: 10, size: 10)
      let client = try daemon.session()
      let th = try client.start(.running, .read)
      let list = ProviderDataTests.stats(.tag("item")).wire
      func read() throws -> Int {
        _ = try client.call(.getObjects(GetObjects(.first(filter: nil), list, cursor: 1, maxEntries: 10)), th)
        #expect(try client.value(ProviderDataTests.item("n0000005", .tag("count")), th) == .uint32(5))
        return provider.calls.count
      }
      let first = try read()
      #expect(try client.value(ProviderDataTests.item("n0000006", .tag("count")), th) == .uint32(6))
      #expect(provider.calls.count == first)
      for path in [nil, list] {
        let before = provider.calls.count
        try client.done(.clearOperationalCache(path))
        #expect(try client.value(ProviderDataTests.item("n0000006", .tag("count")), th) == .uint32(6))
        #expect(provider.calls.count > before)
        _ = try read()
      }
      #expect(errorCode { try client.done(.clearOperationalCache(ProviderDataTests.stats(.tag("zzz")).wire)) } == .badPath)
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `connections from an address are closed, but for the own one and those of HA`() async throws {
    try await TestDaemon.run(change: { $0.listeners.append(.tcp(.loopback, port: 0)) }) { daemon in
      var found: ListenAddress?
      let box = LockedBox<[ListenAddress]>([])
      daemon.wait { daemon in
        let listeners = await daemon.server.status().listeners.map(\.address)
        box.with { $0 = listeners }
      }
      for address in box.with({ $0 }) { if case .tcp = address { found = address } }
      let address = try #require(found)
      let local = try daemon.session()
      let ha = try WireClient(address, .ha)
      let others = [try WireClient(address, .maapi), try WireClient(address, .cdb)]
      let own = try WireClient(address, .maapi)
      try own.done(.startUserSession(StartUserSession(user: "admin", context: "system", groups: [])))
      #expect(errorCode { _ = try own.call(.disconnectRemote("here")) } == .badType)
      #expect(try own.integer(.disconnectRemote("192.0.2.1")) == 0)
      #expect(try own.integer(.disconnectRemote("127.0.0.1")) == 2)
      for other in others { #expect(other.receiveFrame() == nil) }
      _ = try own.integer(.getMyUserSession)
      _ = try local.integer(.getMyUserSession)
      #expect(daemon.log.lines().contains { $0.contains("has all connections from 127.0.0.1 closed (DISCONNECT_REMOTE)") })
      let clients = LockedBox<[String]>([])
      daemon.wait { daemon in
        let stages = await daemon.server.status().connections.map(\.stage)
        clients.with { $0 = stages }
      }
      #expect(clients.with { $0 }.contains("\(ClientID.ha)"))
      withExtendedLifetime(ha) {}
    }
  }
}
