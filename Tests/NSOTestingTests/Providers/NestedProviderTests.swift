import NSOClient
import NSOModel
import NSOTesting
import NSOWire
import Testing

/// Configuration that a provider stores inside of ours goes with what it is in.
@Suite(.timeLimit(.minutes(10))) struct NestedProviderTests {
  private static let model = """
    module site {
      yang-version 1.1; namespace "urn:site"; prefix s;
      import tailf-common { prefix tailf; }
      container site {
        leaf note { type string; }
        list hall {
          key name;
          leaf name { type string; }
          container racks { list slot { tailf:callpoint slot-cp; key id; leaf id { type uint8; } leaf what { type string; } } }
        }
      }
    }
    """

  private static let site: Keypath = [.tag(Tag("site", in: "urn:site"))]
  private static func hall(_ name: String) -> Keypath { site.appending("hall").appending(.keys([.string(name)])) }

  /// Slots as `hall/id`.
  private actor Slots: ConfigurationData, TransactionHandler {
    private(set) var stored = ["a/1": "x", "a/2": "y", "b/1": "z"]
    private var pending: [String: String] = [:]

    private static func keys(_ path: Keypath) -> [Value] {
      path.elements.flatMap { element -> [Value] in if case .keys(let keys) = element { keys } else { [] } }
    }

    private static func name(_ path: Keypath) -> String { keys(path).map(\.plainText).joined(separator: "/") }

    func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
      guard let what = stored[Self.name(path)] else { return nil }
      return path.elements.last == .tag("what") ? .string(what) : Self.keys(path).last
    }

    func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
      let hall = Self.name(list) + "/"
      let ids = stored.keys.filter { $0.hasPrefix(hall) }.compactMap { UInt8($0.dropFirst(hall.count)) }.sorted()
      let rest = ids.filter { id in
        guard case .uint8(let key)? = place.keys.first else { return true }
        return place.includesSame ? id >= key : id > key
      }
      return rest.prefix(limit).map { ListEntry([.uint8($0)]) }
    }

    func startWriting(_ transaction: ProviderTransaction) async throws { pending = stored }
    func set(_ value: Value, at path: Keypath, _ call: ProviderCall) async throws { pending[Self.name(path)] = value.plainText }
    func create(_ path: Keypath, _ call: ProviderCall) async throws { pending[Self.name(path)] = "" }
    func remove(_ path: Keypath, _ call: ProviderCall) async throws { pending[Self.name(path)] = nil }
    func commit(_ transaction: ProviderTransaction) async throws { stored = pending }
  }

  private func run(_ body: (TestDaemon, Slots) async throws -> Void) async throws {
    let data = #"<site xmlns="urn:site"><hall><name>a</name></hall><hall><name>b</name></hall></site>"#
    try await TestDaemon.run(modules: [Self.model], initialData: data) { daemon in
      let slots = Slots()
      var provider = DataProvider(name: "slots")
      provider.transactions = slots
      provider.data("slot-cp", slots)
      try await daemon.serving(provider) { try await body(daemon, slots) }
    }
  }

  @Test func itGoesWithAnEntry() async throws {
    try await run { daemon, slots in
      try await daemon.commit { try await $0.delete(Self.hall("a")) }
      #expect(await slots.stored == ["b/1": "z"])
      // A new one of the same name begins empty, and what it gets is stored.
      try await daemon.commit { (transaction) async throws in
        try await transaction.create(Self.hall("a"))
        #expect(try await transaction.count(of: Self.hall("a").appending("racks").appending("slot")) == 0)
        let slot = Self.hall("a").appending("racks").appending("slot").appending(.keys([.uint8(9)]))
        try await transaction.create(slot)
        try await transaction.set(.string("new"), at: slot.appending("what"))
      }
      #expect(await slots.stored == ["a/9": "new", "b/1": "z"])
    }
  }

  @Test func itGoesWithAWholeListAndWithEverything() async throws {
    try await run { daemon, slots in
      try await daemon.commit { try await $0.delete(Self.site.appending("hall")) }
      #expect(await slots.stored.isEmpty)
    }
    try await run { daemon, slots in
      try await daemon.commit { try await $0.delete(Self.site) }
      #expect(await slots.stored.isEmpty)
    }
    // A document that replaces everything.
    try await run { daemon, slots in
      try await daemon.commit { (transaction) async throws in
        try await transaction.loadText(
          [.xml],
          #"<config xmlns="http://tail-f.com/ns/config/1.0"><site xmlns="urn:site"><hall><name>b</name></hall></site></config>"#
        )
      }
      #expect(await slots.stored.isEmpty)
    }
  }

  @Test func whoDropsTheDeletionDropsAllOfIt() async throws {
    try await run { daemon, slots in
      try await daemon.commit { (transaction) async throws in
        try await transaction.delete(Self.hall("a"))
        try await transaction.revert()
        try await transaction.set(.string("kept"), at: Self.site.appending("note"))
      }
      #expect(await slots.stored.count == 3)
    }
  }
}
