import ExternalTerm
import Foundation
import NIOCore
import NSOModel
import NSOTerms
import NSOWire

@testable import NSOServer

/// A client of the data provider API that answers on threads of its own, message by message, as a test says.
final class FakeProvider: Sendable {
  /// What to do with a callback.
  enum Response: Sendable {
    case result(CallbackResult)
    case failure(CallbackFailure)
    /// No answer.
    case silence
    /// The client goes.
    case die
    /// Something else, by the number of the request and the client's own.
    case message(@Sendable (_ query: Int64, _ instance: Int32) -> ProviderMessage)
    /// Bytes that are no message.
    case garbage
  }

  typealias Handler = @Sendable (CallbackRequest) -> Response

  let instance: Int32
  private let control: Socket
  private let state = LockedBox(State())

  private struct State {
    var workers: [Int32: Socket] = [:]
    /// Workers that have ended.
    var closed: Set<Int32> = []
    var requests: [ProviderRequest.Body] = []
    /// Those of the control socket by their number, and which were answered by a test.
    var queries: [(Int64, ProviderRequest.Body)] = []
    var answered: Set<Int64> = []
    /// Phases that are not answered well.
    var refusals: [TransactionPhase: Response] = [:]
    var refusesInit: Response?
    var refusesDatabase: CallbackFailure?
    var refusesSessions: Response?
  }

  /// A socket whose two directions are used by a thread each.
  private final class Socket: Sendable {
    // Unsafe because the client itself is no Sendable: one thread receives, and whoever sends holds the lock.
    nonisolated(unsafe) let client: WireClient
    private let lock = NSLock()
    init(_ client: WireClient) { self.client = client }

    func send(_ message: ProviderMessage) {
      lock.withLock {
        var payload = ByteBuffer()
        message.write(into: &payload)
        client.sendFrame(payload)
      }
    }

    func receive() -> DaemonMessage? {
      guard let frame = client.receiveFrame() else { return nil }
      return try? DaemonMessage(frame)
    }

    func close() { _ = shutdown(client.raw.descriptor, CInt(SHUT_RDWR)) }
  }

  /// Connects, registers and answers from then on.
  /// - Parameters:
  ///   - workers: how many; transactions take turns.
  init(
    _ daemon: TestDaemon, _ name: String, _ registrations: [ProviderRegistration],
    transactions: TransactionCallbacks = TransactionCallbacks(rawValue: 255), ranges: [RangeRegistration] = [],
    workers: Int32 = 1, database: DatabaseCallbacks = [], _ handler: @escaping Handler
  ) throws {
    let control = Socket(try daemon.connect(.dataProvider))
    self.control = control
    control.send(.daemon(name: name, sessionType: 1))
    guard case .accepted(let id)? = control.receive() else { throw NSOError(.internal, "not accepted") }
    instance = id
    control.send(.transactionCallbacks(instance: id, transactions))
    if !database.isEmpty { control.send(.databaseCallbacks(instance: id, database)) }
    for registration in registrations { control.send(.register(instance: id, registration)) }
    for range in ranges { control.send(.registerRange(instance: id, range)) }
    for worker in 1...workers { try add(worker: worker, daemon, handler) }
    control.send(.registerDone(instance: id))
    guard case .registered? = control.receive() else { throw NSOError(.internal, "not registered") }
    Thread.detachNewThread { [self] in serveControl(workers) }
  }

  func add(worker id: Int32, _ daemon: TestDaemon, _ handler: @escaping Handler) throws {
    let socket = Socket(try daemon.connect(.dataProvider))
    socket.send(.worker(instance: instance, id: id))
    state.with { $0.workers[id] = socket }
    Thread.detachNewThread { [self] in
      serve(socket, handler)
      state.with { _ = $0.closed.insert(id) }
    }
  }

  /// What was asked so far.
  var requests: [ProviderRequest.Body] { state.with { $0.requests } }
  /// What came on the control socket, with the number of each.
  var queries: [(Int64, ProviderRequest.Body)] { state.with { $0.queries } }
  /// False when it was answered before.
  func markAnswered(_ query: Int64) -> Bool { state.with { $0.answered.insert(query).inserted } }
  var phases: [TransactionPhase] {
    requests.compactMap { if case .phase(let phase, _, _) = $0 { phase } else { nil } }
  }
  var calls: [CallbackCall] { requests.compactMap { if case .callback(let request) = $0 { request.call } else { nil } } }

  func refuse(_ phase: TransactionPhase, _ response: Response?) { state.with { $0.refusals[phase] = response } }
  /// What db callbacks were called.
  var databaseCalls: [DatabaseCall] { requests.compactMap { if case .database(let call, _) = $0 { call } else { nil } } }
  func refuseDatabase(_ failure: CallbackFailure?) { state.with { $0.refusesDatabase = failure } }
  func refuseSessions(_ response: Response?) { state.with { $0.refusesSessions = response } }
  func refuseInit(_ response: Response?) { state.with { $0.refusesInit = response } }

  /// Closes every socket.
  func die() {
    control.close()
    for worker in state.with({ Array($0.workers.values) }) { worker.close() }
  }

  /// Whether it has ended.
  func isClosed(worker id: Int32) -> Bool { state.with { $0.closed.contains(id) } }

  func close(worker id: Int32) { state.with { $0.workers[id] }?.close() }

  func send(_ message: ProviderMessage, worker: Int32? = nil) {
    if let worker { state.with { $0.workers[worker] }?.send(message) } else { control.send(message) }
  }

  private func serveControl(_ workers: Int32) {
    var next: Int32 = 0
    while let message = control.receive() {
      guard case .request(let request) = message else { continue }
      state.with { state in
        state.requests.append(request.body)
        state.queries.append((request.query, request.body))
      }
      switch request.body {
      case .database:
        let failure = state.with { $0.refusesDatabase }
        control.send(
          .reply(ProviderReply(.databaseReply, query: request.query, instance: instance, failure.map { .failure($0) } ?? .done))
        )
      case .newUserSessions where state.with({ $0.refusesSessions }) != nil:
        if let response = state.with({ $0.refusesSessions }) { answer(response, request, control) }
      case .newUserSessions, .closeUserSession:
        control.send(.reply(ProviderReply(.databaseReply, query: request.query, instance: instance, .done)))
      case .newTransaction(let transaction):
        if let response = state.with({ $0.refusesInit }) {
          answer(response, request, control)
          continue
        }
        next = next % workers + 1
        control.send(
          .reply(
            ProviderReply(
              .newTransaction, query: request.query, instance: instance, .opened(handle: transaction.handle, worker: next))))
      case .newValidation(let validation):
        control.send(
          .reply(
            ProviderReply(
              .newValidation, query: request.query, instance: instance, .opened(handle: validation.handle, worker: 1))))
      default: break
      }
    }
  }

  private func serve(_ socket: Socket, _ handler: Handler) {
    while let message = socket.receive() {
      guard case .request(let request) = message else { continue }
      state.with { $0.requests.append(request.body) }
      switch request.body {
      case .phase(let phase, let handle, _):
        if let response = state.with({ $0.refusals[phase] }) {
          answer(response, request, socket)
        } else {
          socket.send(
            .reply(ProviderReply(request.operation, query: request.query, instance: instance, .finished(handle: handle))))
        }
      case .closeValidation(let handle, _, _):
        socket.send(
          .reply(ProviderReply(request.operation, query: request.query, instance: instance, .finished(handle: handle))))
      case .callback(let callback): answer(handler(callback), request, socket)
      default: break
      }
    }
  }

  private func answer(_ response: Response, _ request: ProviderRequest, _ socket: Socket) {
    switch response {
    case .result(let result): socket.send(.reply(ProviderReply(query: request.query, instance: instance, result)))
    case .failure(let failure):
      socket.send(.reply(ProviderReply(request.operation, query: request.query, instance: instance, .failure(failure))))
    case .silence: break
    case .die: die()
    case .message(let make): socket.send(make(request.query, instance))
    case .garbage: socket.client.raw.send([0, 0, 0, 2, 131, 106])
    }
  }
}

/// A value behind a lock. Unchecked because the compiler does not see that `value` is touched only with the lock held.
final class LockedBox<Value>: @unchecked Sendable {
  private var value: Value
  private let lock = NSLock()
  init(_ value: Value) { self.value = value }
  func with<R>(_ body: (inout Value) -> R) -> R { lock.withLock { body(&value) } }
}
