import NSOClient
import NSOModel
import NSOTesting
import NSOWire
import Synchronization
import Testing

/// `ncs --check-callbacks`: everything that providers serve is read, and what is not valid is told.
@Suite(.timeLimit(.minutes(10))) struct CallbackCheckTests {
  private static let model = """
    module stat {
      yang-version 1.1; namespace "urn:stat"; prefix st;
      import tailf-common { prefix tailf; }
      container stats {
        config false;
        tailf:callpoint stat-cp;
        leaf up { type uint32; }
        leaf name { type string { length "1..5"; } }
        list row { key id; leaf id { type uint32; } leaf load { type uint8 { range "0..100"; } } }
      }
      container site {
        list hall {
          key name;
          leaf name { type string; }
          container live { config false; tailf:callpoint hall-cp; leaf heat { type int16; } }
        }
      }
    }
    """

  private static let data = """
    <site xmlns="urn:stat"><hall><name>a</name></hall><hall><name>b</name></hall></site>
    """

  /// Rows by number, with what goes wrong.
  private struct Stats: OperationalData {
    var name = "fine"
    var rows: [UInt32] = [1, 2, 3]
    var load: @Sendable (UInt32) throws -> Value = { _ in .uint8(7) }

    func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
      guard case .tag(let leaf)? = path.elements.last else { return nil }
      var id: UInt32?
      for case .keys(let keys) in path.elements { if case .uint32(let key)? = keys.first { id = key } }
      switch (leaf.name, id) {
      case ("up", _): return .uint32(5)
      case ("name", _): return .string(name)
      case ("id", let id?): return rows.contains(id) ? .uint32(id) : nil
      case ("load", let id?): return try load(id)
      default: return nil
      }
    }

    func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
      guard case .uint32(let key)? = place.keys.first else { return rows.first.map { [ListEntry([.uint32($0)])] } ?? [] }
      guard let index = rows.firstIndex(of: key), !place.includesSame else { return [] }
      return rows[(index + 1)...].prefix(1).map { ListEntry([.uint32($0)]) }
    }
  }

  private func check(_ stats: Stats, halls: Bool = true, _ part: String = "") async throws -> [String] {
    var provider = DataProvider(name: "checked")
    provider.data("stat-cp", stats)
    if halls { provider.data("hall-cp", DataClosures { path, _ in .int16(21) }) }
    return try await TestDaemon.run(modules: [Self.model], initialData: Self.data) { daemon in
      try await daemon.serving(provider) {
        try await daemon.client.withMAAPI { (maapi) async throws in
          try await maapi.startUserSession(user: "admin", context: "system")
          return try await maapi.checkCallbacks(part)
        }
      }
    }
  }

  @Test func everythingIsFine() async throws {
    let all = try await check(Stats())
    #expect(all == ["all callbacks answer with valid data: 2 callpoints, 3 list entries, 7 values"])
    let one = try await check(Stats(), "/site/hall{b}")
    #expect(one == ["all callbacks answer with valid data: 1 callpoints, 0 list entries, 1 values"])
    #expect(try await check(Stats(), "urn:stat") == all)
  }

  @Test func whatIsWrongIsTold() async throws {
    let lines = try await check(
      Stats(
        name: "too long",
        load: { id in
          if id == 3 { throw CallbackError(.resourceDenied, "sensor gone") }
          return id == 2 ? .uint8(200) : .uint8(1)
        }), halls: false)
    #expect(lines.count == 5 && lines[0].hasPrefix("4 problems"), "\(lines)")
    for (place, word) in [
      ("/st:site/hall/live", "no data provider is registered"), ("callpoint stat-cp, /st:stats/name", "length"),
      ("/st:stats/row{2}/load", ""), ("/st:stats/row{3}/load", "sensor gone"),
    ] { #expect(lines.contains { $0.contains(place) && $0.contains(word) }, "\(place) \(lines)") }
    // Only what was asked for.
    let part = try await check(Stats(name: "too long"), halls: false, "/stats/row")
    #expect(part.count == 1, "\(part)")
  }

  @Test func entriesOutOfOrder() async throws {
    let lines = try await check(Stats(rows: [5, 2, 9]))
    #expect(
      lines.count == 2 && lines[1].contains("/st:stats/row") && lines[1].contains("{2} comes after entry {5}"), "\(lines)")
  }

  @Test func aCallpointWithManyProblemsIsLeftAlone() async throws {
    let asked = Mutex(0)
    let lines = try await check(
      Stats(
        rows: Array(1...200),
        load: { _ in
          asked.withLock { $0 += 1 }
          throw CallbackError.text("no")
        }))
    #expect(lines.count == 22 && lines.last?.contains("nothing more is asked") == true, "\(lines)")
    #expect(asked.withLock { $0 } < 30)
  }

  @Test func partsThatAreNotThere() async throws {
    for part in ["/nothing", "urn:nothing"] {
      let error = await refusal { _ = try await check(Stats(), part) }
      #expect(error?.code == .badPath, "\(error.map { "\($0)" } ?? "none")")
    }
  }
}
