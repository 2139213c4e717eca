import NSOModel
import NSOTesting
import NSOWire
import Testing

@testable import NSOClient

/// One list, whose entries several handlers serve, each some of its keys (protocol part 05, section 4.6).
@Suite(.timeLimit(.minutes(10))) struct ProviderRangeTests {
  private static let model = """
    module chassis {
      yang-version 1.1; namespace "urn:chassis"; prefix c;
      import tailf-common { prefix tailf; }
      container chassis {
        config false;
        list card {
          tailf:callpoint card-cp;
          key slot;
          leaf slot { type uint8; }
          leaf kind { type string; }
          action reset { tailf:actionpoint reset-cp; output { leaf by { type string; } } }
        }
      }
    }
    """

  private static let cards: Keypath = [.tag(Tag("chassis", in: "urn:chassis")), .tag("card")]
  private static func card(_ slot: UInt8) -> Keypath { cards.appending(.keys([.uint8(slot)])) }
  private static func range(_ lower: UInt8, _ upper: UInt8) -> KeyRange {
    KeyRange(of: cards, from: [.uint8(lower)], through: [.uint8(upper)])
  }

  /// Cards of a kind in some slots.
  private struct Cards: OperationalData {
    var kind: String
    var slots: [UInt8]

    func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
      for case .keys(let keys) in path.elements {
        guard case .uint8(let slot)? = keys.first, slots.contains(slot) else { return nil }
        return path.elements.last == .tag("kind") ? .string(kind) : .uint8(slot)
      }
      return nil
    }

    func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
      let rest = slots.filter { slot in
        guard case .uint8(let key)? = place.keys.first else { return true }
        return place.includesSame ? slot >= key : slot > key
      }
      return rest.prefix(limit).map { ListEntry([.uint8($0)]) }
    }
  }

  private func kinds(_ daemon: TestDaemon) async throws -> [String] {
    try await daemon.client.withMAAPI { (maapi) async throws in
      try await maapi.startUserSession(user: "admin", context: "system")
      return try await maapi.withTransaction(.operational, .read) { (transaction) async throws in
        var kinds: [String] = []
        for slot in UInt8(1)...20 where try await transaction.exists(Self.card(slot)) {
          kinds.append("\(slot) \(try await transaction.get(Self.card(slot).appending("kind")).plainText)")
        }
        return kinds
      }
    }
  }

  @Test func severalHandlersServeOneList() async throws {
    try await TestDaemon.run(modules: [Self.model]) { daemon in
      var first = DataProvider(name: "first")
      first.data("card-cp", in: Self.range(1, 8), Cards(kind: "line", slots: [2, 5]))
      first.data("card-cp", in: .rest(of: Self.cards), Cards(kind: "none", slots: [20]))
      first.action("reset-cp", in: Self.range(1, 8)) { _ in [TaggedValue("by", .string("first"))] }
      var second = DataProvider(name: "second")
      second.data("card-cp", in: Self.range(9, 16), Cards(kind: "route", slots: [9, 16]))
      second.action("reset-cp", in: Self.range(9, 16)) { _ in [TaggedValue("by", .string("second"))] }
      try await daemon.serving(first) {
        #expect(try await kinds(daemon) == ["2 line", "5 line", "20 none"])
        try await daemon.serving(second) { () async throws in
          #expect(try await kinds(daemon) == ["2 line", "5 line", "9 route", "16 route", "20 none"])
          for (slot, name) in [(UInt8(5), "first"), (16, "second")] {
            let output = try await daemon.action(Self.card(slot).appending("reset"))
            #expect(output.first?.content == .value(.string(name)))
          }
          let unserved = await refusal { _ = try await daemon.action(Self.card(20).appending("reset")) }
          #expect(unserved?.code == .external && unserved?.message.contains("reset-cp") == true, "\(unserved as Any)")
        }
        // Its part goes with it; the others' stays.
        #expect(try await kinds(daemon) == ["2 line", "5 line", "20 none"])
      }
    }
  }

  @Test func aRegistrationReplacesTheOneOfTheSameRange() {
    var provider = DataProvider(name: "one")
    provider.data("card-cp", in: Self.range(1, 8), Cards(kind: "a", slots: []))
    provider.data("card-cp", in: Self.range(9, 16), Cards(kind: "b", slots: []))
    provider.data("card-cp", in: Self.range(1, 8), Cards(kind: "c", slots: []))
    #expect(provider.registrations.count == 2)
    provider.data("card-cp", Cards(kind: "d", slots: []))
    #expect(provider.registrations.map(\.range) == [nil])
  }
}
