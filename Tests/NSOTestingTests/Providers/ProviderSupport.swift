import NSOClient
import NSOModel
import NSOTesting
import NSOWire
import Synchronization

enum ProviderModel {
  /// Actions, validation points and data with and without providers.
  static let text = """
    module prov {
      yang-version 1.1; namespace "urn:prov"; prefix p;
      import tailf-common { prefix tailf; }
      container top {
        leaf limit { type uint32; tailf:validate limit-val { tailf:dependency "."; tailf:priority 2; } }
        leaf other { type uint32; }
        leaf always { type string; tailf:validate always-val { tailf:opaque "seen"; tailf:priority 1; } }
        list server {
          key name;
          leaf name { type string; }
          leaf weight { type uint32; tailf:validate weight-val { tailf:dependency "."; tailf:dependency "../name"; } }
          action restart {
            tailf:actionpoint restart-cp { tailf:opaque "how"; }
            input { leaf delay { type uint8; default 3; } leaf reason { type string; mandatory true; } }
            output { leaf result { type string; } }
          }
        }
      }
      rpc ping { tailf:actionpoint ping-cp; output { leaf answer { type string; } } }
      rpc nobody { tailf:actionpoint nobody-cp; }
    }
    """

  static let top = Tag("top", in: "urn:prov")

  static func server(_ name: String) -> Keypath { [.tag(top), .tag("server"), .keys([.string(name)])] }
  static func rpc(_ name: String) -> Keypath { [.tag(Tag(name, in: "urn:prov"))] }
}

extension TestDaemon {
  /// Serves a provider while `body` runs.
  func serving<Value: Sendable>(
    _ provider: DataProvider, _ body: () async throws -> Value
  ) async throws -> Value {
    let registered = AsyncStream.makeStream(of: Void.self)
    let client = client
    let serving = Task {
      try await client.serve(provider) { event in
        if case .registered = event { registered.continuation.yield() }
      }
    }
    defer { serving.cancel() }
    for await _ in registered.stream { break }
    do {
      let value = try await body()
      serving.cancel()
      _ = await serving.result
      return value
    } catch {
      serving.cancel()
      _ = await serving.result
      throw error
    }
  }

  /// Commits a change.
  func commit(_ body: (Transaction) async throws -> Void) async throws {
    try await client.withMAAPI { (maapi) async throws in
      try await maapi.startUserSession(user: "admin")
      try await maapi.withTransaction(.running, .readWrite) { (transaction) async throws in try await body(transaction) }
    }
  }

  func action(_ path: Keypath, _ input: [TaggedValue] = [], user: String = "admin") async throws -> [TaggedValue] {
    try await client.withMAAPI { (maapi) async throws in
      try await maapi.startUserSession(user: user)
      return try await maapi.requestAction(path, input)
    }
  }
}

/// The error that `body` throws.
func refusal(_ body: () async throws -> Void) async -> NSOError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? NSOError ?? NSOError(.internal, "\(error)")
  }
}

/// Notes words, from anywhere.
final class Notes: Sendable {
  private let words = Mutex<[String]>([])
  func add(_ word: String) { words.withLock { $0.append(word) } }
  var all: [String] { words.withLock { $0 } }
  func removeAll() { words.withLock { $0 = [] } }
}
