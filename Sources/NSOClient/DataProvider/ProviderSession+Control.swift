import NSOModel
import NSOWire
import Synchronization

/// Requests on the control connection.
extension ProviderSession {
  /// - Throws: when the connection ends, always.
  func serveControl() async throws {
    try await withThrowingDiscardingTaskGroup { group in
      while true {
        guard case .request(let request) = try await control.message() else { throw control.unexpected("a request") }
        // Order matters: a session must be known before the next request names it.
        if let content = noted(request.body) {
          try await answer(request, content)
        } else {
          group.addTask { try await self.serve(request) }
        }
      }
    }
  }

  /// The answers that need no waiting; nil: another kind of request.
  private func noted(_ body: ProviderRequest.Body) -> ProviderReply.Content? {
    switch body {
    case .newUserSessions(let users):
      state.withLock { state in for user in users { state.users[user.id] = user } }
      return .done
    case .closeUserSession(let id):
      state.withLock { state in _ = state.users.removeValue(forKey: id) }
      return .done
    case .newValidation(let validation):
      let worker = chooseWorker()
      state.withLock { state in _ = state.validations.insert(validation.handle) }
      return .opened(handle: validation.handle, worker: worker)
    case .newAction(let action):
      state.withLock { state in _ = state.abortedActions.remove(NewAction.actionHandle(of: action.session)) }
      return nil
    case .abortAction(let handle):
      let task = state.withLock { state in
        if state.actions[handle] == nil { state.abortedActions.insert(handle) }
        return state.actions[handle]
      }
      task?.cancel()
      return .done
    default: return nil
    }
  }

  private func answer(_ request: ProviderRequest, _ content: ProviderReply.Content) async throws {
    let operation = Self.replyOperation(to: request.body)
    try await control.send(.reply(ProviderReply(operation, query: request.query, instance: instance, content)))
  }

  private static func replyOperation(to body: ProviderRequest.Body) -> ProviderOperation {
    switch body {
    case .newUserSessions, .closeUserSession, .database: .databaseReply
    default: body.operation
    }
  }

  /// Requests that call the application.
  private func serve(_ request: ProviderRequest) async throws {
    if case .newAction(let action) = request.body { return try await serve(action, request) }
    let content: ProviderReply.Content
    var afterwards: (() async -> Void)?
    do {
      switch request.body {
      case .newTransaction(let begin): content = try await open(begin)
      case .authenticate(let query): content = try await authenticate(query)
      case .database(let call, let session):
        guard let handler = provider.database else {
          throw CallbackError(.internal, "this provider has no callback for \(call.operation.title)")
        }
        try await handler.perform(call, user(session))
        content = .done
      case .streamLogTimes(let name, _):
        let times = try await log(of: name).times()
        content = .logTimes(created: times.created, aged: times.aged)
      case .streamReplay(let replay):
        _ = try log(of: replay.stream)
        let stream = stream(named: replay.stream)
        afterwards = { await stream?.replay(replay) }
        content = .done
      default:
        throw CallbackError(.internal, "\(request.operation.title) does not belong on a control connection")
      }
    } catch {
      return try await answer(request, .failure(CallbackError(error).failure))
    }
    try await answer(request, content)
    await afterwards?()
  }

  private func open(_ begin: NewTransaction) async throws -> ProviderReply.Content {
    guard let handler = provider.transactionHandler else {
      throw CallbackError(.internal, "this provider has no data")
    }
    let transaction = ProviderTransaction(begin, user: user(begin.session))
    try await handler.begin(transaction)
    state.withLock { $0.transactions[begin.handle] = transaction }
    return .opened(handle: begin.handle, worker: chooseWorker())
  }

  private func authenticate(_ query: AuthenticationQuery) async throws -> ProviderReply.Content {
    for case .authentication(let body) in provider.registrations.map(\.handler) {
      switch try await body(query) {
      case .accept: return .accepted
      case .reject(let text): return .rejected(text)
      }
    }
    throw CallbackError(.internal, "this provider has no authentication callback")
  }

  private func log(of name: String) throws -> any NotificationStream.Log {
    guard let log = stream(named: name)?.log else {
      throw CallbackError(.internal, "this provider keeps no log of a stream \(name)")
    }
    return log
  }

  /// An action begins: with a worker of its own, or on a shared one.
  private func serve(_ action: NewAction, _ request: ProviderRequest) async throws {
    guard let registration = registrations[action.index], registration.name == action.name,
      case .action(_, let hasOwnWorker) = registration.handler
    else {
      let error = CallbackError(.internal, "this provider does not perform action point \(action.name)")
      return try await answer(request, .failure(error.failure))
    }
    let handle = NewAction.actionHandle(of: action.session)
    guard hasOwnWorker else {
      return try await answer(request, .opened(handle: handle, worker: chooseWorker()))
    }
    let id = newWorkerID()
    let connection: Connection
    do {
      connection = try await client.connect(.dataProvider)
    } catch {
      let text = "no connection for the action: \(error)"
      return try await answer(request, .failure(CallbackError(.resourceDenied, text).failure))
    }
    try await serveAction(id, connection) { try await self.answer(request, .opened(handle: handle, worker: id)) }
  }
}
