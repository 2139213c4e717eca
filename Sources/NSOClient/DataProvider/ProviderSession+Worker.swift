import ExternalTerm
import NSOModel
import NSOTerms
import NSOWire
import Synchronization

/// Requests on worker connections.
extension ProviderSession {
  /// Serves a shared worker to its end.
  func serveWorker(_ id: Int32, _ connection: Connection, _ ready: @Sendable () -> Void) async throws {
    try await connection.withExchange { exchange in
      try await exchange.send(.worker(instance: instance, id: id))
      ready()
      try await withThrowingDiscardingTaskGroup { group in
        while true {
          guard case .request(let request) = try await exchange.message() else { throw exchange.unexpected("a request") }
          group.addTask { try await self.serve(request, exchange) }
        }
      }
    }
  }

  /// Serves a worker that is there for one action: after its answer the connection closes. Its end is no error.
  func serveAction(_ id: Int32, _ connection: Connection, _ ready: @Sendable () async throws -> Void) async throws {
    do {
      try await connection.withExchange { exchange in
        try await exchange.send(.worker(instance: instance, id: id))
        try await ready()
        guard case .request(let request) = try await exchange.message() else { throw exchange.unexpected("a request") }
        try await serve(request, exchange)
      }
      connection.close()
    } catch {
      connection.close()
      // The control connection tells whether all is over.
      if Task.isCancelled { throw error }
    }
  }

  private func serve(_ request: ProviderRequest, _ exchange: Connection.Exchange) async throws {
    let content: ProviderReply.Content
    do {
      switch request.body {
      case .phase(let phase, let handle, _):
        try await perform(phase, handle)
        content = .finished(handle: handle)
      case .closeValidation(let handle, _, _):
        state.withLock { state in _ = state.validations.remove(handle) }
        content = .finished(handle: handle)
      case .callback(let callback):
        let result = try await perform(callback, request.query, exchange)
        content = .result(EncodedTerm { result.write(into: &$0) })
      default: throw CallbackError(.internal, "\(request.operation.title) does not belong on a worker connection")
      }
    } catch {
      try await exchange.send(
        .reply(
          ProviderReply(
            request.operation, query: request.query, instance: instance, .failure(CallbackError(error).failure))))
      return
    }
    try await exchange.send(.reply(ProviderReply(request.operation, query: request.query, instance: instance, content)))
  }

  private func perform(_ phase: TransactionPhase, _ handle: Int32) async throws {
    guard let handler = provider.transactionHandler, let transaction = state.withLock({ $0.transactions[handle] }) else {
      throw CallbackError(.internal, "transaction \(handle) was not begun here")
    }
    if phase == .close { state.withLock { state in _ = state.transactions.removeValue(forKey: handle) } }
    try await handler.perform(phase, transaction)
  }

  // MARK: Callbacks

  private func perform(
    _ callback: CallbackRequest, _ query: Int64, _ exchange: Connection.Exchange
  ) async throws -> CallbackResult {
    guard let registration = registrations[callback.index], registration.name == callback.point.name else {
      throw CallbackError(.internal, "nothing is registered for \(callback.point.name) with index \(callback.index)")
    }
    let call = providerCall(callback, query, exchange)
    switch (registration.handler, callback.call) {
    case (.data(let handler), _):
      guard call.transaction != nil else {
        throw CallbackError(.internal, "transaction \(callback.handle) was not begun here")
      }
      return try await handler.perform(callback.call, call)
    case (.validation(let validator), .validate(let path, let value)):
      switch try await validator.validate(ValidationCall(path: path, value: value, call: call)) {
      case .valid: return .ok
      case .warning(let text): return .warning(text)
      }
    case (.action(let performer, _), .action(let name, let path, let input)):
      return try await abortable(callback.handle) {
        let output = try await performer.perform(ActionCall(name: name, path: path, input: input, call: call))
        return .actionOutput(output.isEmpty ? nil : output)
      }
    case (.action(let performer, _), .command(let name, _, let arguments)):
      return try await abortable(callback.handle) {
        let lines = try await performer.run(name, arguments, call)
        return .commandOutput(lines.isEmpty ? nil : lines)
      }
    case (.action(let performer, _), .completion(let request)):
      return .completions(try await performer.completions(request, call))
    default:
      throw CallbackError(
        .internal, "\(callback.point.name) is no \(registration.kind.pointName) with callback \(callback.call.number)")
    }
  }

  private func providerCall(_ callback: CallbackRequest, _ query: Int64, _ exchange: Connection.Exchange) -> ProviderCall {
    let (user, transaction) = state.withLock { ($0.users[callback.context.session], $0.transactions[callback.handle]) }
    let opaque = callback.point.opaque.flatMap { term in
      (try? term.value()).flatMap { value -> String? in if case .string(let text) = value { text } else { nil } }
    }
    let (instance, client) = (instance, client)
    return ProviderCall(
      point: callback.point.name, opaque: opaque, user: user, session: callback.context.session, transaction: transaction,
      handle: callback.handle >= 0 ? TransactionHandle(callback.handle) : nil, hidesInactive: callback.context.hidesInactive,
      client: client
    ) { seconds in
      try await exchange.send(.extendTimeout(query: query, instance: instance, seconds: seconds))
    }
  }

  /// Runs an action so that ABORT_ACTION can cancel it.
  private func abortable(
    _ handle: Int32, _ body: @escaping @Sendable () async throws -> CallbackResult
  ) async throws -> CallbackResult {
    let task = Task { try await body() }
    let isAborted = state.withLock { state in
      state.actions[handle] = task
      return state.abortedActions.remove(handle) != nil
    }
    if isAborted { task.cancel() }
    defer { state.withLock { $0.actions[handle] = nil } }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }
}
