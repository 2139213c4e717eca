import ExternalTerm
import Logging
import NIOCore
import NSOModel
import NSOWire
import Synchronization

/// One registration of a provider with the daemon: its control connection, its workers, and what is known of sessions and
/// transactions. Ends when any of its connections does, but for those of single actions.
final class ProviderSession: Sendable {
  /// Why it ended.
  struct Loss: Error {
    var cause: any Error
    var wasRegistered: Bool
  }

  struct State {
    var users: [UserSessionID: UserSessionInfo] = [:]
    var transactions: [Int32: ProviderTransaction] = [:]
    /// Handles with a NEW_VALIDATE before and no CLOSE_VALIDATE after.
    var validations: Set<Int32> = []
    /// Actions under way, by their handle, to be cancelled.
    var actions: [Int32: Task<CallbackResult, any Error>] = [:]
    /// Aborted before the call itself came.
    var abortedActions: Set<Int32> = []
    var nextWorker = 0
    var nextNumber: Int32
  }

  let provider: DataProvider
  let client: NSOClient
  /// The number that the daemon gave (Did).
  let instance: Int32
  let control: Connection.Exchange
  /// Registrations by the index that the daemon repeats.
  let registrations: [Int32: DataProvider.Registration]
  /// The shared workers.
  let workers: [Int32]
  let streamWorker: Int32?
  let state: Mutex<State>

  private init(_ provider: DataProvider, _ client: NSOClient, _ instance: Int32, _ control: Connection.Exchange) {
    self.provider = provider
    self.client = client
    self.instance = instance
    self.control = control
    // Workers and indexes share one series of numbers (protocol part 05, section 4.2).
    var number: Int32 = 0
    func next() -> Int32 {
      number += 1
      return number
    }
    workers = (0..<max(1, provider.workers)).map { _ in next() }
    let hasStream = provider.registrations.contains { $0.kind == .stream }
    let stream = hasStream ? next() : nil
    streamWorker = stream
    var registrations: [Int32: DataProvider.Registration] = [:]
    for registration in provider.registrations where registration.kind != .stream && registration.kind != .authentication {
      registrations[next()] = registration
    }
    self.registrations = registrations
    state = Mutex(State(nextNumber: number))
  }

  /// Runs to the end of the connection.
  /// - Throws: ``Loss``, always.
  static func run(
    _ provider: DataProvider, _ client: NSOClient, _ registered: @Sendable (Int32) -> Void
  ) async throws -> Never {
    let isRegistered = Mutex(false)
    do {
      let connection = try await client.connect(.dataProvider)
      defer { connection.close() }
      let end: any Error = try await connection.withExchange { exchange in
        try await exchange.send(.daemon(name: provider.name, sessionType: 1))
        let instance: Int32 =
          switch try await exchange.message() {
          case .accepted(let instance): instance
          case .refused(let error): throw error
          default: throw exchange.unexpected("the answer to the introduction")
          }
        let session = ProviderSession(provider, client, instance, exchange)
        return try await session.serve {
          isRegistered.withLock { $0 = true }
          registered(instance)
        }
      }
      throw end
    } catch {
      throw Loss(cause: error, wasRegistered: isRegistered.withLock { $0 })
    }
  }

  private func serve(_ registered: () -> Void) async throws -> any Error {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // The daemon may ask as soon as it knows the registrations, so the workers are there before.
      let (ready, isReady) = AsyncThrowingStream.makeStream(of: Void.self)
      for id in workers {
        let connection = try await client.connect(.dataProvider)
        group.addTask {
          do {
            try await self.serveWorker(id, connection) { isReady.yield() }
          } catch {
            isReady.finish(throwing: error)
            throw error
          }
        }
      }
      // Nothing may be sent before the daemon knows who feeds the stream.
      let (registration, isRegistered) = AsyncStream.makeStream(of: Void.self)
      defer { isRegistered.finish() }
      if let streamWorker {
        let connection = try await client.connect(.dataProvider)
        group.addTask {
          do {
            try await self.serveStreams(streamWorker, connection, after: registration) { isReady.yield() }
          } catch {
            isReady.finish(throwing: error)
            throw error
          }
        }
      }
      var there = ready.makeAsyncIterator()
      for _ in 0..<(workers.count + (streamWorker == nil ? 0 : 1)) { try await there.next() }
      try await register()
      isRegistered.yield()
      // A program that is told so may send at once.
      if streamWorker != nil { try await there.next() }
      registered()
      group.addTask { try await self.serveControl() }
      do {
        // None of them ends but by an error; the first takes the others along.
        try await group.next()
        return ConnectionError(.closed, .conversation, client.endpoint, "the daemon closed a connection of the data provider")
      } catch {
        group.cancelAll()
        return error
      }
    }
  }

  private func register() async throws {
    if let handler = provider.transactionHandler {
      try await control.send(
        .transactionCallbacks(instance: instance, handler.phases.union([.initialize, .finish])))
    }
    if let callbacks = provider.database?.callbacks, !callbacks.isEmpty {
      try await control.send(.databaseCallbacks(instance: instance, callbacks))
    }
    let flags = provider.flags.union(.sendsPaths)
    for (index, registration) in registrations.sorted(by: { $0.key < $1.key }) {
      try await register(registration, flags, index)
    }
    for registration in provider.registrations {
      switch registration.handler {
      case .authentication: try await register(registration, flags, 0)
      case .stream: if let streamWorker { try await register(registration, flags, streamWorker) }
      default: break
      }
    }
    try await control.send(.registerDone(instance: instance))
    switch try await control.message() {
    case .registered(let users): state.withLock { state in for user in users { state.users[user.id] = user } }
    case .refused(let error): throw error
    default: throw control.unexpected("the answer to register_done")
    }
  }

  private func register(_ registration: DataProvider.Registration, _ flags: InstanceFlags, _ index: Int32) async throws {
    let whole = ProviderRegistration(
      registration.kind, registration.name, mask: registration.mask, flags: flags, index: index)
    try await control.send(
      registration.range.map { .registerRange(instance: instance, $0.registration(whole)) }
        ?? .register(instance: instance, whole))
  }

  // MARK: Workers

  /// The shared worker that is next in turn.
  func chooseWorker() -> Int32 {
    state.withLock { state in
      state.nextWorker = (state.nextWorker + 1) % max(1, workers.count)
      return workers[state.nextWorker]
    }
  }

  /// The number of a worker for one action.
  func newWorkerID() -> Int32 {
    state.withLock { state in
      state.nextNumber = state.nextNumber == Int32.max ? Int32(registrations.count + workers.count + 2) : state.nextNumber + 1
      return state.nextNumber
    }
  }

  /// Keeps the stream worker, on which the daemon never sends anything.
  private func serveStreams(
    _ id: Int32, _ connection: Connection, after registration: AsyncStream<Void>, _ ready: @Sendable () -> Void
  ) async throws {
    try await connection.withExchange { exchange in
      try await exchange.send(.worker(instance: instance, id: id))
      ready()
      for await _ in registration { break }
      let streams = provider.registrations.compactMap { if case .stream(let stream) = $0.handler { stream } else { nil } }
      for stream in streams { stream.connect { try await exchange.send(.stream($0)) } }
      defer { for stream in streams { stream.connect(nil) } }
      ready()
      _ = try await exchange.message()
      throw exchange.unexpected("a stream worker, which only sends")
    }
  }

  // MARK: What is known

  func user(_ id: UserSessionID) -> UserSessionInfo? { state.withLock { $0.users[id] } }

  func stream(named name: String) -> NotificationStream? {
    for registration in provider.registrations {
      if case .stream(let stream) = registration.handler, stream.name == name { return stream }
    }
    return nil
  }
}

extension Connection.Exchange {
  func send(_ message: ProviderMessage) async throws { try await send(.provider(message)) }

  /// The next frame of the daemon.
  func message() async throws -> DaemonMessage {
    guard let frame = try await next() else { throw unexpected("the end") }
    return try DaemonMessage(frame)
  }

  func unexpected(_ place: String) -> ConnectionError { violation("the daemon sent something else than \(place)") }
}

extension ByteBuffer {
  /// One whole frame.
  static func provider(_ message: ProviderMessage) -> ByteBuffer {
    var frame = ByteBuffer()
    frame.writeFrame { message.write(into: &$0) }
    return frame
  }
}
