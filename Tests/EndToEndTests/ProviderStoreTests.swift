import Glibc
import NSOClient
import NSOModel
import NSOWire
import Synchronization
import Testing

/// The real daemon with a data provider that this process is: a large table, and configuration in two stores with kills in between.
@Suite(.timeLimit(.minutes(10))) struct ProviderStoreTests {
  private static let model = """
    module pair {
      yang-version 1.1; namespace "urn:pair"; prefix p;
      import tailf-common { prefix tailf; }
      container ours { leaf text { type string; } }
      container theirs { tailf:callpoint theirs-cp; leaf text { type string; } }
      container big {
        config false; tailf:callpoint big-cp;
        list row { key id; leaf id { type uint32; } leaf square { type uint64; } }
      }
      container town {
        config false; tailf:callpoint town-cp;
        list house {
          key name; tailf:secondary-index by-number { tailf:index-leafs "number"; }
          leaf name { type string; } leaf number { type uint32; } leaf owner { type string; }
        }
      }
    }
    """

  private static let ours: Keypath = [.tag(Tag("ours", in: "urn:pair")), .tag("text")]
  private static let theirs: Keypath = [.tag(Tag("theirs", in: "urn:pair")), .tag("text")]

  private func client(_ instance: Instance) -> NSOClient { NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc"))) }

  /// Serves while `body` runs; connects again when the daemon was gone.
  private func serving<Value: Sendable>(
    _ provider: DataProvider, _ client: NSOClient, _ body: (_ registered: AsyncStream<Void>) async throws -> Value
  ) async throws -> Value {
    let (registered, isRegistered) = AsyncStream.makeStream(of: Void.self)
    let serving = Task {
      try await client.serve(provider, reconnecting: Reconnection(first: .milliseconds(20), longest: .milliseconds(50))) {
        if case .registered = $0 { isRegistered.yield() }
      }
    }
    defer { serving.cancel() }
    return try await body(registered)
  }

  // MARK: A large table

  /// Rows that are made when they are asked for.
  private struct Table: OperationalData {
    let rows: UInt32
    var offers: OperationalOffers { [.objects] }

    func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
      for case .keys(let keys) in path.elements {
        guard case .uint32(let id)? = keys.first, id > 0, id <= rows else { return nil }
        return path.elements.last == .tag("square") ? .uint64(UInt64(id) * UInt64(id)) : .uint32(id)
      }
      return nil
    }

    func object(at path: Keypath, _ call: ProviderCall) async throws -> [TaggedValue]? {
      for case .keys(let keys) in path.elements {
        guard case .uint32(let id)? = keys.first, id > 0, id <= rows else { return nil }
        return entry(id).values
      }
      return nil
    }

    func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
      var first: UInt32 = 1
      if case .uint32(let id)? = place.keys.first { first = place.includesSame ? max(1, id) : id &+ 1 }
      guard first >= 1, first <= rows else { return [] }
      return (first...min(rows, first &+ UInt32(limit) - 1)).map(entry)
    }

    private func entry(_ id: UInt32) -> ListEntry {
      ListEntry(
        [.uint32(id)], [TaggedValue("id", .uint32(id)), TaggedValue("square", .uint64(UInt64(id) * UInt64(id)))])
    }
  }

  private func memory(_ pid: pid_t) throws -> Int {
    let descriptor = open("/proc/\(pid)/status", O_RDONLY)
    guard descriptor >= 0 else { throw ChildProcess.Failure(description: "no /proc/\(pid)/status") }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 8192)
    let count = max(0, Glibc.read(descriptor, &buffer, buffer.count))
    for line in String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n") where line.hasPrefix("VmRSS:") {
      return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
    }
    return 0
  }

  /// NSO_TABLE_ROWS makes it larger (`make test-table`: a million).
  @Test func aLargeTableIsWalkedWithBoundedMemory() async throws {
    let rows = getenv("NSO_TABLE_ROWS").flatMap { UInt32(String(cString: $0)) } ?? 10_000
    let instance = try Instance(model: Self.model)
    try await instance.withDaemon { _ in
      let client = client(instance)
      var provider = DataProvider(name: "table")
      provider.data("big-cp", Table(rows: rows))
      try await serving(provider, client) { (registered) async throws in
        for await _ in registered { break }
        let list: Keypath = [.tag(Tag("big", in: "urn:pair")), .tag("row")]
        try await client.withMAAPI { (maapi) async throws in
          try await maapi.startUserSession(user: "admin", context: "system")
          // What the first reads need once is no growth.
          try await maapi.withTransaction(.operational, .read) { (transaction) async throws in
            for try await _ in transaction.entries(of: list).prefix(300) {}
          }
          let before = try memory(try instance.daemonPid())
          try await maapi.withTransaction(.operational, .read) { (transaction) async throws in
            #expect(try await transaction.count(of: list) == Int(rows))
            var next: UInt32 = 1
            for try await keys in transaction.entries(of: list) {
              if keys != [.uint32(next)] { Issue.record("\(keys) in place of \(next)") }
              next += 1
              if next > 5000 { break }
            }
            let last = list.appending(.keys([.uint32(rows)])).appending("square")
            #expect(try await transaction.get(last) == .uint64(UInt64(rows) * UInt64(rows)))
          }
          let grown = try memory(try instance.daemonPid()) - before
          #expect(grown < 48 * 1024, "the daemon grew by \(grown) KiB")
        }
      }
    }
  }

  // MARK: Filters and order

  /// Houses that look at filters, and have an index.
  private final class Town: OperationalData {
    let queries = Mutex<[ListQuery]>([])
    private static let houses = (1...250).map { number in
      ListEntry(
        [name(number)],
        [
          TaggedValue("name", name(number)), TaggedValue("number", .uint32(UInt32(1000 - number))),
          TaggedValue("owner", .string(number.isMultiple(of: 50) ? "ann" : "bob")),
        ])
    }
    private static func name(_ number: Int) -> Value { .string("h" + "\(1000 + number)".dropFirst()) }
    var offers: OperationalOffers { [.objects, .filters, .indexes] }

    func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
      guard let house = Self.houses.first(where: { path.elements.contains(.keys($0.keys)) }) else { return nil }
      guard case .tag(let leaf)? = path.elements.last else { return nil }
      return house.value(at: [leaf])
    }

    func page(_ query: ListQuery, _ call: ProviderCall) async throws -> ListPage {
      queries.withLock { $0.append(query) }
      let houses = query.index == "by-number" ? Self.houses.reversed() : Self.houses
      var rest = houses.filter(query.mayWant)[...]
      if let key = query.place.keys.first {
        let leaf: NSOModel.Tag = query.index == nil ? "name" : "number"
        func isPassed(_ house: ListEntry) -> Bool {
          switch (house.value(at: [leaf]), key) {
          case (.string(let name)?, .string(let last)): name < last || (name == last && !query.place.includesSame)
          case (.uint32(let number)?, .uint32(let last)): number < last || (number == last && !query.place.includesSame)
          default: false
          }
        }
        rest = rest.drop(while: isPassed)
      }
      return ListPage(Array(rest.prefix(query.limit)), isFiltered: true)
    }
  }

  @Test func filtersAndIndexesReachAProvider() async throws {
    let instance = try Instance(model: Self.model)
    try await instance.withDaemon { _ in
      let client = client(instance)
      let town = Town()
      var provider = DataProvider(name: "town")
      provider.data("town-cp", town)
      try await serving(provider, client) { (registered) async throws in
        for await _ in registered { break }
        let list: Keypath = [.tag(Tag("town", in: "urn:pair")), .tag("house")]
        try await client.withMAAPI { (maapi) async throws in
          try await maapi.startUserSession(user: "admin", context: "system")
          try await maapi.withTransaction(.operational, .read) { (transaction) async throws in
            let text = try await transaction.text(of: "count(/p:town/house[owner = 'ann' and number < 900])")
            #expect(text == "3")
            let wanted = ListFilter.and(
              .compare(.equal, ["owner"], .string("ann")), .compare(.less, ["number"], .string("900")))
            #expect(town.queries.withLock { $0 } == [ListQuery(list, from: .start, limit: 100, filter: wanted)])
            #expect("\(wanted)" == "owner = \"ann\" and number < \"900\"")
            town.queries.withLock { $0 = [] }
            var names: [Value] = []
            for try await keys in transaction.entries(of: list, by: "by-number") { names += keys }
            #expect(names.count == 250 && names.first == .string("h250") && names.last == .string("h001"))
            #expect(town.queries.withLock { $0 }.allSatisfy { $0.index == "by-number" && $0.filter == nil })
          }
        }
      }
    }
  }

  // MARK: Two stores

  /// One value that is kept in memory, with what happened to it.
  private final class Store: ConfigurationData, TransactionHandler {
    private struct State {
      var value: Value?
      var pending: Value?
      var steps: [String] = []
    }

    private let state = Mutex(State())
    /// Called in a step.
    let during: @Sendable (String) async throws -> Void

    init(_ during: @escaping @Sendable (String) async throws -> Void) { self.during = during }

    var stored: Value? { state.withLock { $0.value } }
    var steps: [String] { state.withLock { $0.steps } }

    private func step(_ name: String) async throws {
      state.withLock { $0.steps.append(name) }
      try await during(name)
    }

    func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? { stored }
    func set(_ value: Value, at path: Keypath, _ call: ProviderCall) async throws {
      state.withLock { $0.pending = value }
      try await step("set")
    }
    func create(_ path: Keypath, _ call: ProviderCall) async throws {}
    func remove(_ path: Keypath, _ call: ProviderCall) async throws { state.withLock { $0.pending = nil } }
    func startWriting(_ transaction: ProviderTransaction) async throws { state.withLock { $0.pending = $0.value } }
    func prepare(_ transaction: ProviderTransaction) async throws { try await step("prepare") }
    func commit(_ transaction: ProviderTransaction) async throws {
      try await step("commit")
      state.withLock { $0.value = $0.pending }
    }
    func abort(_ transaction: ProviderTransaction) async throws { try await step("abort") }
  }

  private func change(_ client: NSOClient, _ text: String) async throws {
    try await client.withMAAPI { (maapi) async throws in
      try await maapi.startUserSession(user: "admin", context: "system")
      try await maapi.withTransaction(.running, .readWrite) { (transaction) async throws in
        try await transaction.set(.string(text), at: Self.ours)
        try await transaction.set(.string(text), at: Self.theirs)
      }
    }
  }

  private func read(_ client: NSOClient, _ path: Keypath) async throws -> Value? {
    try await client.withMAAPI { (maapi) async throws in
      try await maapi.startUserSession(user: "admin", context: "system")
      return try await maapi.withTransaction(.running, .read) { (transaction) async throws in
        try await transaction.exists(path) ? try await transaction.get(path) : nil
      }
    }
  }

  /// The daemon is killed in a step of the provider's part of a commit, and comes back.
  @Test(arguments: ["set", "prepare", "commit"])
  func theDaemonIsKilledInACommit(_ step: String) async throws {
    let instance = try Instance(model: Self.model)
    let client = client(instance)
    let daemon = try await instance.startDaemon()
    let isArmed = Mutex(false)
    let store = Store { now in
      guard now == step, isArmed.withLock({ $0 }) else { return }
      daemon.signal(SIGKILL)
      try await Task.sleep(for: .seconds(600))
    }
    var provider = DataProvider(name: "theirs")
    provider.data("theirs-cp", store)
    provider.transactions = store
    try await serving(provider, client) { (registered) async throws in
      var registrations = registered.makeAsyncIterator()
      _ = await registrations.next()
      try await change(client, "first")
      #expect(store.stored == .string("first"))
      isArmed.withLock { $0 = true }
      await #expect(throws: (any Error).self) { try await self.change(client, "second") }
      try await daemon.gone()
      isArmed.withLock { $0 = false }
      try await instance.withDaemon { _ in
        _ = await registrations.next()
        // Ours is as it was before the step in which the database is written, and as it is after it from then on.
        let ours = try await read(client, Self.ours)
        #expect(ours == .string(step == "commit" ? "second" : "first"))
        // The provider did not get as far: that it had prepared is found, and told.
        #expect(store.stored == .string("first"))
        let status = try await instance.run("ncs", "--status").output
        #expect(status.contains("IN DOUBT: data provider theirs") == (step == "commit"), "\(status)")
        // A commit that it confirms settles it.
        try await change(client, "third")
        #expect(try await read(client, Self.ours) == .string("third"))
        #expect(store.stored == .string("third"))
        #expect(try await !instance.run("ncs", "--status").output.contains("IN DOUBT"))
      }
    }
  }
}
