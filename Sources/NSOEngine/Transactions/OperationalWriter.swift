import NSOModel
import NSOStore
import Synchronization

/// Commits edits of operational data: one commit at a time, and all edits that came in meanwhile share the next one.
final class OperationalWriter: Sendable {
  typealias Edit = @Sendable (inout TreeEditor) throws(NSOError) -> Void
  typealias Completion = @Sendable (Result<Void, NSOError>) -> Void

  private struct Job {
    var edit: Edit
    var completion: Completion
  }

  private struct State {
    var model: DataModel
    var waiting: [Job] = []
    var isRunning = false
    /// Why nothing may be written now.
    var refusal: NSOError?
  }

  private let stores: Engine.Stores
  private let state: Mutex<State>

  init(_ model: DataModel, _ stores: Engine.Stores) {
    self.stores = stores
    state = Mutex(State(model: model))
  }

  func submit(_ edit: @escaping Edit, _ completion: @escaping Completion) {
    let (mustStart, refusal): (Bool, NSOError?) = state.withLock { state in
      if let refusal = state.refusal { return (false, refusal) }
      return (Self.add(Job(edit: edit, completion: completion), &state), nil)
    }
    if let refusal { return completion(.failure(refusal)) }
    if mustStart { Task { await self.run() } }
  }

  private static func add(_ job: Job, _ state: inout State) -> Bool {
    state.waiting.append(job)
    defer { state.isRunning = true }
    return !state.isRunning
  }

  /// Refuses edits from now on, and returns when those that came before are written.
  func close(_ refusal: NSOError) async {
    await withCheckedContinuation { continuation in
      let last = Job(edit: { _ in }, completion: { _ in continuation.resume() })
      let mustStart = state.withLock { state in
        state.refusal = refusal
        return Self.add(last, &state)
      }
      if mustStart { Task { await self.run() } }
    }
  }

  /// Takes edits again, which are places of `model`.
  func open(_ model: DataModel) {
    state.withLock { state in
      state.model = model
      state.refusal = nil
    }
  }

  private func run() async {
    while true {
      let jobs = state.withLock { state -> [Job] in
        defer { state.waiting = [] }
        if state.waiting.isEmpty { state.isRunning = false }
        return state.waiting
      }
      guard !jobs.isEmpty else { return }
      await commit(jobs)
    }
  }

  private func commit(_ jobs: [Job]) async {
    var editor: TreeEditor
    do throws(NSOError) { editor = try makeEditor() } catch {
      for job in jobs { job.completion(.failure(error)) }
      return
    }
    var accepted: [Job] = []
    for job in jobs {
      var attempt = editor
      do throws(NSOError) {
        try job.edit(&attempt)
        editor = attempt
        accepted.append(job)
      } catch {
        job.completion(.failure(error))
      }
    }
    var outcome: Result<Void, NSOError> = .success(())
    do throws(StoreError) {
      if !editor.operational.isEmpty { _ = try await stores.volatile.commit(editor.operational.batch(for: .operational)) }
      if !editor.persistentOperational.isEmpty {
        _ = try await stores.durable.commit(editor.persistentOperational.batch(for: .persistentOperational))
      }
    } catch {
      outcome = .failure(NSOError(store: error))
    }
    for job in accepted { job.completion(outcome) }
  }

  private func makeEditor() throws(NSOError) -> TreeEditor {
    try storeErrors { () throws(StoreError) in
      let durable = try stores.durable.snapshot()
      let volatile = try stores.volatile.snapshot()
      return TreeEditor(
        state.withLock(\.model), target: .operational, configuration: Overlay(durable.tree(.running)),
        operational: Overlay(volatile.tree(.operational)), persistentOperational: Overlay(durable.tree(.persistentOperational)))
    }
  }
}
