import NSOClient
import NSOModel
import NSOWire
import Synchronization
import Testing

/// Many clients read data of one provider at the same time, over few workers, and its answers come in another order than the requests.
@Suite(.timeLimit(.minutes(10))) struct ConcurrentReadTests {
  private static let clients = 200
  private static let rounds = 5

  /// Holds all requests until every client has one under way, then answers the last one first.
  private final class Reversing: OperationalData {
    private struct State {
      var waiters: [CheckedContinuation<Void, Never>] = []
      var rounds = 0
    }

    private let state = Mutex(State())
    var rounds: Int { state.withLock { $0.rounds } }

    func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
      guard case .keys(let keys)? = path.elements.first(where: { if case .keys = $0 { true } else { false } }),
        case .uint32(let id)? = keys.first
      else { return nil }
      guard path.elements.last == .tag("square") else { return .uint32(id) }
      await withCheckedContinuation { waiter in
        let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
          state.waiters.append(waiter)
          guard state.waiters.count == ConcurrentReadTests.clients else { return [] }
          state.rounds += 1
          defer { state.waiters = [] }
          return state.waiters
        }
        for waiter in ready.reversed() { waiter.resume() }
      }
      return .uint64(UInt64(id) * UInt64(id))
    }
  }

  @Test(arguments: [1, 3])
  func hundredsAtOnce(workers: Int) async throws {
    let instance = try Instance(model: FaultyProvider.model)
    try await instance.withDaemon { _ in
      let client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
      let data = Reversing()
      var provider = DataProvider(name: "reversing")
      provider.workers = workers
      provider.data("rows-cp", data)
      let (registered, isRegistered) = AsyncStream.makeStream(of: Void.self)
      let serving = Task { [provider] in
        try await client.serve(provider, reconnecting: nil) { if case .registered = $0 { isRegistered.yield() } }
      }
      defer { serving.cancel() }
      for await _ in registered { break }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<Self.clients {
          group.addTask {
            try await client.withMAAPI { (maapi) async throws in
              try await maapi.startUserSession(user: "reader\(number)", context: "system")
              try await maapi.withTransaction(.operational, .read) { (transaction) async throws in
                for round in 0..<Self.rounds {
                  let id = UInt32(1 + number * Self.rounds + round)
                  let path = FaultyProvider.path("rows", .tag("row"), .keys([.uint32(id)]), .tag("square"))
                  let value = try await transaction.get(path)
                  if value != .uint64(UInt64(id) * UInt64(id)) { Issue.record("row \(id) is \(value)") }
                }
              }
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(data.rounds == Self.rounds)
      // The ends of the transactions are told when the clients are gone already.
      var status = ""
      for _ in 0..<200 {
        status = try await instance.run("ncs", "--status").output
        if !status.contains("not answered") { break }
      }
      #expect(status.contains("reversing") && !status.contains("not answered"), "\(status)")
    }
  }
}
