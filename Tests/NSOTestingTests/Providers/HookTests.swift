import NSOClient
import NSOModel
import NSOTesting
import NSOWire
import Synchronization
import Testing

/// Hooks and transforms written with the client library; Documentation/Hooks.md shows the same code.
@Suite(.timeLimit(.minutes(10))) struct HookTests {
  private static let model = """
    module ports {
      yang-version 1.1; namespace "urn:ports"; prefix p;
      import tailf-common { prefix tailf; }
      list port {
        tailf:callpoint port-hook { tailf:set-hook object; }
        key name;
        leaf name { type string; }
        leaf speed { type uint32; }
        leaf enabled { type boolean; }
      }
      container summary {
        tailf:callpoint total-hook { tailf:transaction-hook subtree { tailf:invocation-mode per-transaction; } }
        leaf wanted { type boolean; }
        leaf ports { type uint32; }
      }
      container fahrenheit { tailf:callpoint fahrenheit { tailf:transform true; } leaf limit { type int32; } }
      container celsius { leaf limit { type int32; } }
    }
    """

  private static func top(_ name: String) -> Keypath { [.tag(Tag(name, in: "urn:ports"))] }
  private static func port(_ name: String) -> Keypath { top("port").appending(.keys([.string(name)])) }

  /// The limit in degrees Fahrenheit, which is kept in degrees Celsius.
  private struct Fahrenheit: ConfigurationData {
    private let limit: Keypath = [.tag(Tag("celsius", in: "urn:ports")), .tag("limit")]

    func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
      try await call.withTransaction { transaction in
        guard case .int32(let degrees)? = try await transaction.getIfPresent(limit) else { return nil }
        return .int32(degrees * 9 / 5 + 32)
      }
    }

    func set(_ value: Value, at path: Keypath, _ call: ProviderCall) async throws {
      guard case .int32(let degrees) = value else { return }
      try await call.withTransaction { transaction in
        try await transaction.set(.int32((degrees - 32) * 5 / 9), at: limit)
      }
    }

    func create(_ path: Keypath, _ call: ProviderCall) async throws {
      throw CallbackError.text("\(path) cannot be created")
    }

    func remove(_ path: Keypath, _ call: ProviderCall) async throws {
      try await call.withTransaction { transaction in try await transaction.delete(limit) }
    }
  }

  private func provider() -> DataProvider {
    var provider = DataProvider(name: "ports")
    provider.hook("port-hook") { hook in
      guard case .set(let path, let speed) = hook.change, path.elements.last == .tag("speed") else { return }
      guard speed != .uint32(666) else { throw CallbackError.text("no such speed") }
      let port = Keypath(path.elements.dropLast())
      try await hook.withTransaction { transaction in
        try await transaction.set(.bool(speed != .uint32(0)), at: port.appending(.tag("enabled")))
      }
    }
    provider.hook("total-hook", on: .writeAll) { hook in
      try await hook.withTransaction { transaction in
        let count = try await transaction.count(of: Self.top("port"))
        try await transaction.set(.uint32(UInt32(count)), at: Self.top("summary").appending("ports"))
      }
    }
    provider.data("fahrenheit", Fahrenheit())
    return provider
  }

  @Test func hooksAndATransform() async throws {
    try await TestDaemon.run(modules: [Self.model]) { daemon in
      try await daemon.serving(provider()) {
        try await daemon.client.withMAAPI { (maapi) async throws in
          try await maapi.startUserSession(user: "admin", context: "system")
          let warm = Self.top("fahrenheit").appending("limit")
          try await maapi.withTransaction(.running, .readWrite) { (transaction) async throws in
            try await transaction.create(Self.port("a"))
            try await transaction.set(.uint32(100), at: Self.port("a").appending("speed"))
            #expect(try await transaction.get(Self.port("a").appending("enabled")) == .bool(true))
            await #expect { try await transaction.set(.uint32(666), at: Self.port("a").appending("speed")) } throws: {
              ($0 as? NSOError)?.message == "no such speed"
            }
            #expect(try await transaction.get(Self.port("a").appending("speed")) == .uint32(100))
            try await transaction.set(.bool(true), at: Self.top("summary").appending("wanted"))
            try await transaction.set(.int32(212), at: warm)
            #expect(try await transaction.get(Self.top("celsius").appending("limit")) == .int32(100))
            try await transaction.set(.int32(0), at: Self.top("celsius").appending("limit"))
            #expect(try await transaction.get(warm) == .int32(32))
          }
          try await maapi.withTransaction(.running, .read) { (transaction) async throws in
            #expect(try await transaction.get(Self.top("summary").appending("ports")) == .uint32(1))
            #expect(try await transaction.get(warm) == .int32(32))
          }
        }
      }
    }
  }

  private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
  }

  /// Makes ports until that is refused; those before the provider is there do not count.
  /// - Returns: how many there were, and the refusal.
  private static func write(_ user: String, _ client: NSOClient, _ isOver: Flag) async throws -> (written: Int, error: NSOError)
  {
    try await client.withMAAPI { (maapi) async throws in
      try await maapi.startUserSession(user: user, context: "system")
      let transaction = try await maapi.startTransaction()
      var written = 0
      while true {
        let port = Self.port("p\(written)")
        do {
          try await transaction.create(port)
        } catch let error as NSOError where written == 0 && !isOver.isSet {
          #expect(error.message.contains("no data provider"), "\(error)")
          try await Task.sleep(for: .milliseconds(1))
          continue
        } catch let error as NSOError {
          // What was refused is not there, what was answered is.
          #expect(try await !transaction.exists(port))
          #expect(try await transaction.count(of: Self.top("port")) == written)
          try await transaction.finish()
          return (written, error)
        }
        #expect(try await transaction.get(port.appending("enabled")) == .bool(true))
        written += 1
      }
    }
  }

  @Test func manyWritersAndAProviderThatGoes() async throws {
    try await TestDaemon.run(modules: [Self.model]) { daemon in
      let isOver = Flag()
      let (asked, isAsked) = AsyncStream.makeStream(of: Void.self)
      var provider = DataProvider(name: "ports")
      provider.hook("port-hook") { hook in
        isAsked.yield()
        guard case .created(let port) = hook.change else { return }
        try await hook.withTransaction { try await $0.set(.bool(true), at: port.appending("enabled")) }
      }
      let serving = Task { [provider] in try await daemon.client.serve(provider, reconnecting: nil) }
      defer { serving.cancel() }
      let outcomes = try await withThrowingTaskGroup(of: (written: Int, error: NSOError).self) { group in
        for number in 0..<40 {
          group.addTask { [client = daemon.client] in try await Self.write("user\(number)", client, isOver) }
        }
        var count = 0
        for await _ in asked {
          count += 1
          if count == 400 { break }
        }
        isOver.set()
        serving.cancel()
        var outcomes: [(written: Int, error: NSOError)] = []
        for try await outcome in group { outcomes.append(outcome) }
        return outcomes
      }
      #expect(outcomes.count == 40)
      #expect(outcomes.reduce(0) { $0 + $1.written } > 300)
      let status = try await daemon.client.withMAAPI { (maapi) async throws in try await maapi.status() }
      #expect(!status.contains("read-write"), "\(status)")
    }
  }
}
