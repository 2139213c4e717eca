import NSOClient
import NSOModel
import NSOTesting
import NSOWire
import Synchronization
import Testing

/// Many at once, and data of providers where it is looked at from elsewhere.
@Suite(.timeLimit(.minutes(10))) struct ProviderLoadTests {
  private static let model = """
    module rows {
      yang-version 1.1; namespace "urn:rows"; prefix r;
      import tailf-common { prefix tailf; }
      container table {
        config false; tailf:callpoint row-cp;
        list row {
          key id;
          leaf id { type uint32; }
          leaf twice { type uint64; }
          action poke { tailf:actionpoint poke-cp; output { leaf row { type uint32; } } }
        }
      }
    }
    """

  private static func row(_ id: UInt32) -> Keypath {
    [.tag(Tag("table", in: "urn:rows")), .tag("row"), .keys([.uint32(id)])]
  }

  private static func key(_ path: Keypath) -> UInt32? {
    for case .keys(let keys) in path.elements { if case .uint32(let id)? = keys.first { return id } }
    return nil
  }

  private func provider(workers: Int = 2, _ slow: @escaping @Sendable (UInt32) async throws -> Void = { _ in }) -> DataProvider
  {
    var provider = DataProvider(name: "rows")
    provider.workers = workers
    provider.data(
      "row-cp",
      DataClosures { path, _ in
        guard let id = Self.key(path), id <= 1000 else { return nil }
        try await slow(id)
        return path.elements.last == .tag("twice") ? .uint64(UInt64(id) * 2) : .uint32(id)
      })
    provider.action("poke-cp") { action in [TaggedValue("row", .uint32(Self.key(action.path) ?? 0))] }
    return provider
  }

  @Test func hundredsOfReadsOverTwoWorkers() async throws {
    try await TestDaemon.run(modules: [Self.model]) { daemon in
      try await daemon.serving(provider()) {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for client in 0..<60 {
            group.addTask {
              try await daemon.client.withMAAPI { (maapi) async throws in
                try await maapi.startUserSession(user: "user\(client)", context: "system")
                try await maapi.withTransaction(.operational, .read) { (transaction) async throws in
                  for number in 0..<10 {
                    let id = UInt32(client * 10 + number) + 1
                    #expect(try await transaction.get(Self.row(id).appending("twice")) == .uint64(UInt64(id) * 2))
                  }
                }
              }
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }

  @Test func actionsInsideOfAProvidersListNeedNoTransaction() async throws {
    try await TestDaemon.run(modules: [Self.model]) { daemon in
      try await daemon.serving(provider()) { () async throws in
        #expect(
          try await daemon.action(Self.row(7).appending("poke")) == [TaggedValue(Tag("row", in: "urn:rows"), .uint32(7))])
        let none = await refusal { _ = try await daemon.action(Self.row(5000).appending("poke")) }
        #expect(none?.code == .noExists, "\(none.map { "\($0)" } ?? "none")")
      }
    }
  }
}
