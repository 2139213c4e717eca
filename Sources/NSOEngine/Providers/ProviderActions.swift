import ExternalTerm
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire
import Synchronization

/// Performs the actions of action points: asks the data provider that registered the point (protocol part 05, section 10).
final class ProviderActions: ActionHandler {
  private let registry: ProviderRegistry
  private let turns = ActionTurns()

  init(_ registry: ProviderRegistry) { self.registry = registry }

  func perform(_ invocation: ActionInvocation) async throws(NSOError) -> [TaggedValue] {
    guard let point = invocation.actionPoint else {
      throw NSOError(.internal, "\(invocation.text) has no action point")
    }
    let place = Keypath(invocation.instance.parent, invocation.model)
    let call = CallbackCall.action(invocation.model.schema.tag(of: invocation.instance.node), place, invocation.input)
    let result = try await ask(
      call, point, at: place, opaque: invocation.opaque, for: invocation.session, handle: invocation.transaction?.handle ?? -1,
      invocation.text)
    if case .actionOutput(let output) = result { return output ?? [] }
    return []
  }

  /// Asks whoever serves an action point.
  /// - Parameters:
  ///   - place: where the action is, for clients that serve ranges of keys.
  ///   - needing: the callback must be offered.
  func ask(
    _ call: CallbackCall, _ point: String, at place: Keypath, opaque: String? = nil, for session: UserSession,
    handle transaction: Int32,
    needing: ActionCallbacks = [], _ text: String
  ) async throws(NSOError) -> CallbackResult {
    let served = try registry.require(.action, point, at: place, for: text)
    guard ActionCallbacks(rawValue: served.registration.mask).isSuperset(of: needing) else {
      throw NSOError(.external, "\(served.instance.summary) offers no callback for \(text) at action point \(point)")
    }
    let instance = served.instance
    // The handle of an action is made of its session, so a client has one action of a session at a time.
    let turn = ActionTurns.Key(instance: instance.id, session: session.id)
    try await turns.take(turn, text)
    defer { turns.give(turn) }
    try await instance.hold(session)
    defer { instance.release(session) }
    let about: @Sendable () -> String = { "init of action point \(point) for \(text)" }
    let begin = NewAction(session: session.id, name: point, index: served.registration.index, handle: transaction)
    guard case .opened(let handle, let worker) = try await instance.ask(.newAction(begin), about: about) else {
      throw NSOError(.external, "\(instance.summary) answered \(about()) with something that is no answer to it")
    }
    let request = CallbackRequest(
      handle: handle, point: PointName(point, opaque: opaque.map { EncodedTerm(.string($0)) }),
      index: served.registration.index, context: CallContext(session: session.id), call)
    return try await self.call(request, served, worker, text)
  }

  /// The call itself. When the task is cancelled the client is told to abort, if it wants to know; its answer is waited for,
  /// since until then its worker is busy.
  private func call(
    _ request: CallbackRequest, _ served: ProviderRegistry.Served, _ worker: Int32, _ text: String
  ) async throws(NSOError) -> CallbackResult {
    let instance = served.instance
    let limit = registry.limits.action
    let canAbort = ActionCallbacks(rawValue: served.registration.mask).contains(.abort)
    let result = await withTaskCancellationHandler {
      await Self.outcome { () async throws(NSOError) in
        try await instance.result(of: request, worker: worker, within: limit, at: { text }, kind: .action)
      }
    } onCancel: {
      guard canAbort else { return }
      instance.tell(.abortAction(handle: request.handle)) { "abort of \(text)" }
    }
    return try result.get()
  }

  private static func outcome(
    _ body: () async throws(NSOError) -> CallbackResult
  ) async -> Result<CallbackResult, NSOError> {
    do throws(NSOError) { return .success(try await body()) } catch { return .failure(error) }
  }
}

/// Whose turn it is to have an action performed: one at a time for each client and session.
private final class ActionTurns: Sendable {
  struct Key: Hashable {
    var instance: Int32
    var session: Int32
  }

  private struct Waiter {
    var id: UInt64
    var resume: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var busy: Set<Key> = []
    var waiters: [Key: [Waiter]] = [:]
    var next: UInt64 = 0
  }

  private let state = Mutex(State())

  /// - Throws: ABORTED when the task is cancelled while it waits.
  func take(_ key: Key, _ what: String) async throws(NSOError) {
    let id = state.withLock { state in
      state.next &+= 1
      return state.next
    }
    let taken = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
        let now: Bool? = state.withLock { state in
          if Task.isCancelled { return false }
          if state.busy.insert(key).inserted { return true }
          state.waiters[key, default: []].append(Waiter(id: id, resume: continuation))
          return nil
        }
        if let now { continuation.resume(returning: now) }
      }
    } onCancel: {
      let waiter: Waiter? = state.withLock { state in
        guard let index = state.waiters[key]?.firstIndex(where: { $0.id == id }) else { return nil }
        return state.waiters[key]?.remove(at: index)
      }
      waiter?.resume.resume(returning: false)
    }
    guard taken else { throw NSOError(.aborted, "\(what) was given up while it waited for another action of its session") }
  }

  func give(_ key: Key) {
    let next: Waiter? = state.withLock { state in
      if var waiters = state.waiters[key], !waiters.isEmpty {
        let first = waiters.removeFirst()
        state.waiters[key] = waiters.isEmpty ? nil : waiters
        return first
      }
      state.busy.remove(key)
      return nil
    }
    next?.resume.resume(returning: true)
  }
}
