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
    var waiting: [Job] = []
    var isRunning = false
  }

  private let model: DataModel
  private let stores: Engine.Stores
  private let state = Mutex(State())

  init(_ model: DataModel, _ stores: Engine.Stores) {
    self.model = model
    self.stores = stores
  }

  func submit(_ edit: @escaping Edit, _ completion: @escaping Completion) {
    let mustStart = state.withLock { state in
      state.waiting.append(Job(edit: edit, completion: completion))
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if mustStart { Task { await self.run() } }
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
        model, target: .operational, configuration: Overlay(durable.tree(.running)),
        operational: Overlay(volatile.tree(.operational)), persistentOperational: Overlay(durable.tree(.persistentOperational)))
    }
  }
}
