import NSOModel
import NSOStore
import Synchronization

/// Commits edits of operational data: one commit at a time, and all edits that came in meanwhile share the next one.
final class OperationalWriter: Sendable {
  typealias Edit = @Sendable (inout TreeEditor) throws(NSOError) -> Void
  typealias Completion = @Sendable (Result<Void, NSOError>) -> Void

  /// What an edit changed, for those who asked.
  struct Observed: Sendable {
    /// By pattern, whether it is concerned.
    var matches: [Bool] = []
    /// All changes, with whole leaf-lists; empty when no pattern is concerned.
    var differences: [DataDifference] = []
  }

  private struct Job {
    var edit: Edit
    /// Nil: nobody asks what changed, which spares the comparison.
    var patterns: [SubscriptionPattern]?
    /// What the patterns were made for.
    var model: DataModel?
    var completion: @Sendable (Result<Observed, NSOError>) -> Void
    /// Something else to be done in its turn, instead of the edit.
    var exclusive: (@Sendable () async -> Void)?
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
    submit(Job(edit: edit) { completion($0.map { _ in }) })
  }

  /// As ``submit(_:_:)``; tells what of the patterns changed.
  func submit(
    _ edit: @escaping Edit, observing patterns: [SubscriptionPattern], _ model: DataModel,
    _ completion: @escaping @Sendable (Result<Observed, NSOError>) -> Void
  ) {
    submit(Job(edit: edit, patterns: patterns, model: model, completion: completion))
  }

  private func submit(_ job: Job) {
    let (mustStart, refusal): (Bool, NSOError?) = state.withLock { state in
      if let refusal = state.refusal { return (false, refusal) }
      return (Self.add(job, &state), nil)
    }
    if let refusal { return job.completion(.failure(refusal)) }
    if mustStart { Task { await self.run() } }
  }

  private static func add(_ job: Job, _ state: inout State) -> Bool {
    state.waiting.append(job)
    defer { state.isRunning = true }
    return !state.isRunning
  }

  /// Writes what a transaction on operational data has changed.
  func write(_ changes: TreeEditor) async throws(NSOError) {
    let result: Result<Void, NSOError> = await withCheckedContinuation { continuation in
      submit { (editor) throws(NSOError) in
        guard editor.model === changes.model else {
          throw NSOError(
            .upgradeInProgress, "the operational data was written with another schema, before an upgrade; begin anew")
        }
        try storeErrors { () throws(StoreError) in
          try editor.operational.absorb(changes.operational)
          try editor.persistentOperational.absorb(changes.persistentOperational)
        }
      } _: {
        continuation.resume(returning: $0)
      }
    }
    try result.get()
  }

  /// Refuses edits from now on, and returns when those that came before are written.
  /// - Parameter isOver: whether there is no reason any more, decided together with the refusal; then nothing is done.
  func close(_ refusal: NSOError, unless isOver: @Sendable () -> Bool) async {
    await withCheckedContinuation { continuation in
      let last = Job(edit: { _ in }, completion: { _ in continuation.resume() })
      let mustStart: Bool? = state.withLock { state in
        guard !isOver() else { return nil }
        state.refusal = refusal
        return Self.add(last, &state)
      }
      guard let mustStart else { return continuation.resume() }
      if mustStart { Task { await self.run() } }
    }
  }

  /// Runs `body` while nothing is being written: what came before is written, what comes meanwhile waits.
  func exclusively<R: Sendable>(_ body: @escaping @Sendable () async -> R) async -> R {
    await withCheckedContinuation { continuation in
      var job = Job(edit: { _ in }, completion: { _ in })
      job.exclusive = { continuation.resume(returning: await body()) }
      let mustStart = state.withLock { [job] in Self.add(job, &$0) }
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
      var edits: [Job] = []
      for job in jobs {
        guard let exclusive = job.exclusive else {
          edits.append(job)
          continue
        }
        await commit(edits)
        edits = []
        await exclusive()
      }
      await commit(edits)
    }
  }

  private func commit(_ jobs: [Job]) async {
    guard !jobs.isEmpty else { return }
    var editor: TreeEditor
    do throws(NSOError) { editor = try makeEditor() } catch {
      for job in jobs { job.completion(.failure(error)) }
      return
    }
    var accepted: [(job: Job, observed: Observed)] = []
    for job in jobs {
      do throws(NSOError) {
        // After an upgrade of the schema the patterns mean nothing any more.
        if let patterns = job.patterns, job.model === editor.model {
          accepted.append((job, try observe(job, patterns, &editor)))
        } else {
          var attempt = editor
          try job.edit(&attempt)
          editor = attempt
          accepted.append((job, Observed()))
        }
      } catch {
        job.completion(.failure(error))
      }
    }
    var failure: NSOError?
    do throws(StoreError) {
      if !editor.operational.isEmpty { _ = try await stores.volatile.commit(editor.operational.batch(for: .operational)) }
      if !editor.persistentOperational.isEmpty {
        _ = try await stores.durable.commit(editor.persistentOperational.batch(for: .persistentOperational))
      }
    } catch {
      failure = NSOError(store: error)
    }
    for (job, observed) in accepted { job.completion(failure.map { .failure($0) } ?? .success(observed)) }
  }

  /// Runs an edit over the others of its commit, so that what it alone changes is seen.
  private func observe(
    _ job: Job, _ patterns: [SubscriptionPattern], _ editor: inout TreeEditor
  ) throws(NSOError) -> Observed {
    let model = editor.model
    var nested = TreeEditor(
      model, target: .operational, configuration: Overlay(editor.configuration), operational: Overlay(editor.operational),
      persistentOperational: Overlay(editor.persistentOperational))
    try job.edit(&nested)
    var observed = Observed(matches: [Bool](repeating: false, count: patterns.count))
    let overlays = [nested.operational, nested.persistentOperational]
    for overlay in overlays {
      let matches = try SubscriptionMatcher.matches(patterns, overlay, model)
      for index in matches.indices where matches[index] { observed.matches[index] = true }
    }
    if observed.matches.contains(true) {
      var all: [DataDifference] = []
      for overlay in overlays { all += try DataDifference.all(of: overlay, [], model, keysFrom: editor.configuration) }
      observed.differences = try SubscriptionChanges.joiningLeafLists(all, editor.view, nested.view)
    }
    var merged = editor
    try storeErrors { () throws(StoreError) in
      try merged.operational.absorb(nested.operational)
      try merged.persistentOperational.absorb(nested.persistentOperational)
    }
    editor = merged
    return observed
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
