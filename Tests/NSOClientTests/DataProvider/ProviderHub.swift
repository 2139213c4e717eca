import NIOCore
import NSOClient
import NSOModel
import NSOTerms
import NSOWire
import Synchronization
import Testing

/// The daemon's side of one data provider: what it registered, its control connection and its workers.
actor ProviderHub {
  private(set) var registrations: [ProviderRegistration] = []
  private(set) var transactionMask: TransactionCallbacks?
  private(set) var name = ""
  private var workers: [Int32: Peer] = [:]
  private var waiters: [Int32: [CheckedContinuation<Peer, any Error>]] = [:]
  private var isOver = false
  private var ends: [CheckedContinuation<Void, Never>] = []
  private var query: Int64 = 0

  static let instance: Int32 = 7

  /// The script of every connection; `steps` runs on the control connection once the client is registered.
  func script(_ peer: Peer, _ steps: (ProviderHub, Peer) async throws -> Void) async throws {
    try await peer.acceptHello()
    switch try ProviderMessage(try await peer.readFrame()) {
    case .daemon(let name, _):
      self.name = name
      registrations = []
      isOver = false
      defer { end() }
      try await peer.send(.accepted(instance: Self.instance))
      try await register(peer)
      try await steps(self, peer)
    case .worker(let instance, let id):
      #expect(instance == Self.instance)
      workers[id] = peer
      for waiter in waiters.removeValue(forKey: id) ?? [] { waiter.resume(returning: peer) }
      if !isOver { await withCheckedContinuation { ends.append($0) } }
    case let other: Issue.record("unexpected first message \(other)")
    }
  }

  private func register(_ peer: Peer) async throws {
    while true {
      switch try ProviderMessage(try await peer.readFrame()) {
      case .transactionCallbacks(_, let mask): transactionMask = mask
      case .register(_, let registration): registrations.append(registration)
      case .registerDone:
        try await peer.send(.registered([]))
        return
      case let other: Issue.record("unexpected \(other) while registering")
      }
    }
  }

  private func end() {
    isOver = true
    workers = [:]
    for end in ends { end.resume() }
    ends = []
    for waiter in waiters.values.joined() { waiter.resume(throwing: Peer.Closed()) }
    waiters = [:]
  }

  /// A worker, when it has come.
  /// - Throws: `Closed` when it does not come before the end.
  func worker(_ id: Int32) async throws -> Peer {
    if let peer = workers[id] { return peer }
    if isOver { throw Peer.Closed() }
    return try await withCheckedThrowingContinuation { waiters[id, default: []].append($0) }
  }

  func index(of name: String) throws -> Int32 { try #require(registrations.first { $0.name == name }).index }

  /// Sends a request without waiting for the answer.
  func send(_ body: ProviderRequest.Body, to peer: Peer) async throws -> Int64 {
    query += 1
    try await peer.send(.request(ProviderRequest(query: query, instance: Self.instance, body)))
    return query
  }

  /// Sends a request and takes the next frame as its answer.
  func ask(_ body: ProviderRequest.Body, on peer: Peer) async throws -> ProviderReply.Content {
    let query = try await send(body, to: peer)
    return try await answer(to: query, from: peer)
  }

  func answer(to query: Int64, from peer: Peer) async throws -> ProviderReply.Content {
    guard case .reply(let reply) = try ProviderMessage(try await peer.readFrame()) else {
      throw NSOError(.internal, "no reply")
    }
    #expect(reply.query == query && reply.instance == Self.instance)
    return reply.content
  }

  func callback(
    _ call: CallbackCall, of point: String, handle: Int32, on peer: Peer
  ) async throws -> ProviderReply.Content {
    try await ask(.callback(request(call, of: point, handle: handle)), on: peer)
  }

  func request(_ call: CallbackCall, of point: String, handle: Int32) throws -> CallbackRequest {
    CallbackRequest(
      handle: handle, point: PointName(point), index: try index(of: point), context: CallContext(session: 11), call)
  }

  static let user = UserSessionInfo(
    id: 11, user: "admin", context: "cli", sessionProtocol: .ssh, address: .loopback, port: 22, loginTime: 1)
}

extension Peer {
  func send(_ message: DaemonMessage) async throws { try await sendFrame { message.write(into: &$0) } }
}

extension ProviderReply.Content {
  /// The result of a callback.
  func result(_ type: CallbackType) throws -> CallbackResult {
    guard case .result(let term) = self else { throw NSOError(.internal, "\(self) is no result") }
    return try CallbackResult(term, for: type)
  }

  var failure: CallbackFailure.Reason? {
    if case .failure(.reason(let reason)) = self { reason } else { nil }
  }
}

/// Serves a provider against a scripted daemon until the script has run once.
func serve(
  _ provider: DataProvider, reconnecting: Reconnection? = nil, onEvent: @escaping @Sendable (ProviderEvent) -> Void = { _ in },
  _ steps: @escaping @Sendable (ProviderHub, Peer) async throws -> Void
) async throws {
  let hub = ProviderHub()
  try await FakeDaemon.run(script: { peer in try await hub.script(peer, steps) }) { daemon in
    let client = NSOClient(endpoint: Endpoint(daemon.address))
    do {
      try await client.serve(provider, reconnecting: reconnecting, onEvent: onEvent)
    } catch is ConnectionError {
    }
  }
}
