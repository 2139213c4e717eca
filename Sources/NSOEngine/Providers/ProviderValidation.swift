import ExternalTerm
import Logging
import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire
import Synchronization

/// Asks the validation points of the model about each change of running (protocol part 05, section 9).
///
/// Each client is told with NEW_VALIDATE when its first point is due, and with CLOSE_VALIDATE at the end: right after a failed
/// or test validation, else when it is settled whether the commit takes place.
final class ProviderValidation: CommitParticipant {
  /// A client that takes part in the validation of a transaction.
  private struct Part: Sendable {
    var instance: ProviderInstance
    var worker: Int32
    var session: UserSession
  }

  let name = "validation points"
  private let registry: ProviderRegistry
  /// Those of the schema that they were last asked for; it may be replaced while the daemon runs.
  private let known: Mutex<(schema: Schema, points: ValidationPoints)>
  private let phases: PhaseGate
  private let open = Mutex<[Int32: [Part]]>([:])

  init(_ registry: ProviderRegistry, _ schema: Schema, _ phases: PhaseGate) {
    self.registry = registry
    self.phases = phases
    known = Mutex((schema, ValidationPoints(schema)))
  }

  private func points(of schema: Schema) -> ValidationPoints {
    known.withLock { known in
      if known.schema !== schema { known = (schema, ValidationPoints(schema)) }
      return known.points
    }
  }

  func hasPoints(_ model: DataModel) -> Bool { !points(of: model.schema).points.isEmpty }

  func validate(_ attempt: CommitAttempt) async throws(NSOError) {
    let transaction = attempt.transaction
    let points = points(of: attempt.model.schema)
    // Nobody can have registered before the initial data is there.
    guard !points.points.isEmpty, phases.phase >= .phase1 else { return }
    await close(transaction.handle, willCommit: false)
    let warnings: Warnings
    do throws(NSOError) {
      // On a thread that may wait: for data of providers, and for the answers to one part before the next is looked for.
      warnings = try await ProviderWait.retrying { [self] () throws(NSOError) -> Warnings in
        let warnings = Warnings()
        try points.forEachPart(of: attempt) { (part) throws(NSOError) in
          try storeErrors { () throws(StoreError) in
            try ProviderWait.block { [self] () async throws(NSOError) in
              for call in part {
                let path = attempt.model.schema.text(of: call.path)
                if let warning = try await ask(call, path, attempt) { warnings.add(path, warning) }
              }
            }
          }
        }
        return warnings
      }
    } catch {
      await close(transaction.handle, willCommit: false)
      throw error
    }
    if attempt.purpose == .test { await close(transaction.handle, willCommit: false) }
    let told = warnings.all
    guard !told.isEmpty else { return }
    guard attempt.purpose == .apply else {
      await close(transaction.handle, willCommit: false)
      // Path and reason in turn, each with a NUL behind it (protocol part 04, VALIDATE_TRANS).
      throw NSOError(.validationWarning, told.map { "\($0.path)\u{0}\($0.text)\u{0}" }.joined())
    }
    for warning in told {
      registry.log.notice("\(transaction.summary): validation warning for \(warning.path): \(warning.text)")
    }
    if warnings.left > 0 {
      registry.log.notice("\(transaction.summary): \(warnings.left) more validation warnings")
    }
  }

  /// The warnings of one validation: the first of them, and how many more there were.
  private final class Warnings: Sendable {
    private static let limit = 1000
    private let state = Mutex<(all: [(path: String, text: String)], left: Int)>(([], 0))

    func add(_ path: String, _ text: String) {
      state.withLock { state in
        if state.all.count < Self.limit { state.all.append((path, text)) } else { state.left += 1 }
      }
    }

    var all: [(path: String, text: String)] { state.withLock { $0.all } }
    var left: Int { state.withLock { $0.left } }
  }

  /// - Returns: the warning, if there is one.
  private func ask(
    _ call: ValidationPoints.Call, _ path: String, _ attempt: CommitAttempt
  ) async throws(NSOError) -> String? {
    let transaction = attempt.transaction
    let served = try registry.require(.validation, call.point.name, at: call.path, for: path)
    let part = try await part(of: served.instance, attempt)
    let request = CallbackRequest(
      handle: transaction.handle, point: PointName(call.point.name, opaque: call.point.opaque.map { EncodedTerm(.string($0)) }),
      index: served.registration.index, context: CallContext(session: transaction.session.id),
      .validate(call.path, call.value))
    let result = try await whileOpen(transaction) { () async throws(NSOError) in
      try await part.instance.result(of: request, worker: part.worker, at: { path }, kind: .validation)
    }
    if case .warning(let text) = result { return text }
    return nil
  }

  /// The client's part in this validation; it is told of it first.
  private func part(of instance: ProviderInstance, _ attempt: CommitAttempt) async throws(NSOError) -> Part {
    let transaction = attempt.transaction
    let handle = transaction.handle
    if let part = open.withLock({ $0[handle]?.first { $0.instance === instance } }) { return part }
    let session = transaction.session
    let begin = NewValidation(
      database: transaction.database, session: session.id, handle: handle, isTest: attempt.purpose == .test)
    // As a whole: when the transaction ends meanwhile, what the client has accepted is still closed.
    return try await whileOpen(transaction) { [self] () async throws(NSOError) in
      try await instance.hold(session)
      do throws(NSOError) {
        let content = try await instance.ask(.newValidation(begin)) { "init of the validation of transaction \(handle)" }
        guard case .opened(_, let worker) = content else {
          throw NSOError(
            .external, "\(instance.summary) answered the init of a validation with something that is no answer to it")
        }
        let part = Part(instance: instance, worker: worker, session: session)
        let isFirst = open.withLock { open in
          open[handle, default: []].append(part)
          return open[handle]?.count == 1
        }
        // Called at once when it has ended.
        if isFirst { transaction.onEnd { [weak self] in self?.closeLater(handle) } }
        return part
      } catch {
        instance.release(session)
        throw error
      }
    }
  }

  // MARK: The end

  func commit(_ attempt: CommitAttempt, _ result: CommitResult) async {
    await close(attempt.transaction.handle, willCommit: true)
  }

  func abort(_ attempt: CommitAttempt, _ cause: NSOError) async {
    await close(attempt.transaction.handle, willCommit: false)
  }

  func refused(_ transaction: Transaction, _ refusal: Refusal) { closeLater(transaction.handle) }

  private func closeLater(_ handle: Int32) {
    let isOpen = open.withLock { $0[handle] != nil }
    if isOpen { Task { await close(handle, willCommit: false) } }
  }

  private func close(_ handle: Int32, willCommit: Bool) async {
    let parts = open.withLock { $0.removeValue(forKey: handle) } ?? []
    for part in parts {
      do throws(NSOError) {
        _ = try await part.instance.ask(
          .closeValidation(handle: handle, willCommit: willCommit, CallContext(session: part.session.id)), worker: part.worker
        ) { "end of the validation of transaction \(handle)" }
      } catch {
        part.instance.note(error, "end of the validation of transaction \(handle)")
      }
      part.instance.release(part.session)
    }
  }
}

/// Waits for `body`, but no longer than the transaction is there: whoever commits may go away while a client thinks.
func whileOpen<T: Sendable>(
  _ transaction: Transaction, _ body: @escaping @Sendable () async throws(NSOError) -> T
) async throws(NSOError) -> T {
  let first = FirstAnswer<T>()
  let work = Task {
    do throws(NSOError) { first.give(.success(try await body())) } catch { first.give(.failure(error)) }
  }
  let finished = transaction.finished
  let token = transaction.onEnd { first.give(.failure(finished)) }
  let answer = await first.answer
  if let token { transaction.forget(ending: token) }
  work.cancel()
  return try answer.get()
}

/// Takes the first of several answers.
final class FirstAnswer<T: Sendable>: Sendable {
  private struct State {
    var answer: Result<T, NSOError>?
    var waiter: CheckedContinuation<Result<T, NSOError>, Never>?
  }

  private let state = Mutex(State())

  func give(_ answer: Result<T, NSOError>) {
    let waiter = state.withLock { state -> CheckedContinuation<Result<T, NSOError>, Never>? in
      guard state.answer == nil else { return nil }
      state.answer = answer
      return state.waiter
    }
    waiter?.resume(returning: answer)
  }

  var answer: Result<T, NSOError> {
    get async {
      await withCheckedContinuation { waiter in
        let answer: Result<T, NSOError>? = state.withLock { state in
          if state.answer == nil { state.waiter = waiter }
          return state.answer
        }
        if let answer { waiter.resume(returning: answer) }
      }
    }
  }
}
