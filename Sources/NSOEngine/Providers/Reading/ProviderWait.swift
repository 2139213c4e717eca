public import NIOPosix
public import NSOModel
import NSOStore
import Synchronization

/// Reading data of providers takes their time. An event loop never waits: there a read that needs a provider fails with
/// ``ErrorCode/waitsForProvider``, what is needed is fetched, and the operation is done again. Long walks run on threads where a
/// read simply waits.
///
/// Such threads are few, and a provider may take its time, so work takes one only when it has found out that it needs one:
/// ``attempt(_:)`` does it without waiting; what that lacked is fetched without a thread; then the work is done again, on one of
/// the few threads that each provider may keep waiting (``ProviderLane``). So work that needs no data of providers never stands
/// behind a slow one, nor work that waits for another one. Every wait ends with the transaction that it is for.
public enum ProviderWait {
  /// True on threads that may be kept waiting.
  @TaskLocal public static var isAllowed = false
  /// Work that is done without waiting, to see whether it has to.
  @TaskLocal static var trial: Trial?
  /// What that lacked.
  @TaskLocal static var known: Known?
  /// Who gives up the work that runs on this thread.
  @TaskLocal static var patience: Patience?

  /// For work that may wait for data providers and cannot be done again: loads, walks that collect what is wrong.
  public static let threads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 48)
    pool.start()
    return pool
  }()

  /// For work that has been attempted. Their number is that of the providers that can all be slow without holding up others, times
  /// ``ProviderLane/width``.
  private static let attempted: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 64)
    pool.start()
    return pool
  }()

  /// Runs `body`, once, on a thread where it may wait.
  public static func run<R: Sendable>(_ body: @escaping @Sendable () throws(NSOError) -> R) async throws(NSOError) -> R {
    try await run(on: threads, patience: nil, body).get()
  }

  private static func run<R: Sendable>(
    on pool: NIOThreadPool, known: Known? = nil, patience: Patience?, _ body: @escaping @Sendable () throws(NSOError) -> R
  ) async -> Result<R, NSOError> {
    await withCheckedContinuation { continuation in
      pool.submit { _ in
        let result = $patience.withValue(patience) { $known.withValue(known) { allowing(body) } }
        continuation.resume(returning: result)
      }
    }
  }

  /// Runs `body` here, where it may wait.
  public static func allowing<R>(_ body: () throws(NSOError) -> R) -> Result<R, NSOError> {
    $isAllowed.withValue(true) { outcome(body) }
  }

  private static func outcome<R>(_ body: () throws(NSOError) -> R) -> Result<R, NSOError> {
    do throws(NSOError) { return .success(try body()) } catch { return .failure(error) }
  }

  // MARK: Work that can be done again

  /// What came of work that was done without waiting.
  public enum Attempt<R> {
    case done(Result<R, NSOError>)
    /// It needs an answer of a provider: ``finish(_:_:)``.
    case lacks(Lack)
  }

  /// An answer of a provider that work needs.
  public struct Lack: Sendable {
    /// Nil: not data.
    var tree: ProviderTree?
    var want: ProviderWant?
  }

  /// Runs `body` here, without waiting. It must be work that can be done again.
  public static func attempt<R>(_ body: () throws(NSOError) -> R) -> Attempt<R> {
    let trial = Trial()
    let result = $trial.withValue(trial) { $isAllowed.withValue(false) { outcome(body) } }
    if let lack = trial.lack { return .lacks(lack) }
    return .done(result)
  }

  /// Does work again that lacked an answer, where it may wait for this one and others. Ends early when the transaction does, or
  /// the task is cancelled.
  public static func finish<R: Sendable>(
    _ lack: Lack, _ body: @escaping @Sendable () throws(NSOError) -> R
  ) async -> Result<R, NSOError> {
    // The transaction may have been one of the work's own.
    guard let tree = lack.tree, let want = lack.want, tree.isOpen else { return await run(on: threads, patience: nil, body) }
    do throws(NSOError) {
      let patience = Patience()
      return .success(
        try await tree.whileOpen { () async throws(NSOError) -> R in
          try await withPatience(patience) { () async throws(NSOError) -> R in
            let answer: Result<ProviderFact, NSOError>
            do throws(NSOError) { answer = .success(try await tree.fetch(want)) } catch { answer = .failure(error) }
            let known = Known(want, in: tree, answer)
            // Where nobody serves the point any more the work has the error already.
            guard let lane = tree.lane(want) else {
              return try known.explained(await run(on: threads, known: known, patience: patience, body)).get()
            }
            do throws(NSOError) { try await lane.enter() } catch { return try known.explained(.failure(error)).get() }
            defer { lane.leave() }
            return try known.explained(await run(on: attempted, known: known, patience: patience, body)).get()
          }
        })
    } catch {
      return .failure(error)
    }
  }

  private static func withPatience<R: Sendable>(
    _ patience: Patience, _ body: @Sendable () async throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    let result: Result<R, NSOError> = await withTaskCancellationHandler {
      do throws(NSOError) { return .success(try await body()) } catch { return .failure(error) }
    } onCancel: {
      patience.end()
    }
    return try result.get()
  }

  /// Runs `body`, which can be done again, and waits for providers if it needs them.
  public static func retrying<R: Sendable>(
    _ body: @escaping @Sendable () throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    switch attempt(body) {
    case .done(let result): return try result.get()
    case .lacks(let lack): return try await finish(lack, body).get()
    }
  }

  // MARK: Waiting

  /// Waits on this thread for what `body` gives.
  static func block<R: Sendable>(_ body: @escaping @Sendable () async throws(NSOError) -> R) throws(StoreError) -> R {
    guard isAllowed else {
      trial?.note(Lack())
      throw StoreError(refusal: mustWait)
    }
    let answer = BlockingAnswer<Result<R, NSOError>>()
    // Detached: what may wait here may not wait there.
    let work = Task.detached {
      do throws(NSOError) { answer.give(.success(try await body())) } catch { answer.give(.failure(error)) }
    }
    let patience = patience
    let token = patience?.onEnd {
      answer.give(.failure(Patience.error))
      work.cancel()
    }
    let result = answer.wait()
    if let token { patience?.forget(token) }
    switch result {
    case .success(let value): return value
    case .failure(let error): throw StoreError(refusal: error)
    }
  }

  static var mustWait: NSOError {
    NSOError(.waitsForProvider, "data of a provider is needed that was not fetched")
  }

  /// The first thing that work lacked which must not wait.
  final class Trial: Sendable {
    private let first = Mutex<Lack?>(nil)

    func note(_ lack: Lack) { first.withLock { $0 = $0 ?? lack } }
    var lack: Lack? { first.withLock { $0 } }
  }

  /// An answer that was fetched before the work began; used once.
  final class Known: Sendable {
    private let want: ProviderWant
    private let tree: ProviderTree
    private let answer: Mutex<Result<ProviderFact, NSOError>?>

    init(_ want: ProviderWant, in tree: ProviderTree, _ answer: Result<ProviderFact, NSOError>) {
      self.want = want
      self.tree = tree
      self.answer = Mutex(answer)
    }

    /// Work that did not come to the failure of this answer, since the provider is gone by now, failed for it all the same.
    func explained<R>(_ result: Result<R, NSOError>) -> Result<R, NSOError> {
      guard case .failure = result, case .failure(let error)? = answer.withLock({ $0 }) else { return result }
      return .failure(error)
    }

    func take(_ want: ProviderWant, in tree: ProviderTree) -> Result<ProviderFact, NSOError>? {
      guard tree === self.tree, want == self.want else { return nil }
      return answer.withLock { answer in
        defer { answer = nil }
        return answer
      }
    }
  }

  /// Whether anybody wants the outcome of work that a thread waits in.
  final class Patience: Sendable {
    private struct State {
      var isOver = false
      var next: UInt64 = 0
      var bodies: [UInt64: @Sendable () -> Void] = [:]
    }

    static var error: NSOError { NSOError(.aborted, "nobody waits for the data of the provider any more") }
    private let state = Mutex(State())

    func end() {
      let bodies = state.withLock { state in
        state.isOver = true
        defer { state.bodies = [:] }
        return Array(state.bodies.values)
      }
      for body in bodies { body() }
    }

    /// Calls `body` when it is over, at once if it is.
    func onEnd(_ body: @escaping @Sendable () -> Void) -> UInt64? {
      let token: UInt64? = state.withLock { state in
        guard !state.isOver else { return nil }
        state.next &+= 1
        state.bodies[state.next] = body
        return state.next
      }
      if token == nil { body() }
      return token
    }

    func forget(_ token: UInt64) { state.withLock { _ = $0.bodies.removeValue(forKey: token) } }
  }
}

extension ErrorCode {
  /// Never sent: the operation has to be done again when a data provider has answered.
  public static var waitsForProvider: ErrorCode { ErrorCode(rawValue: 0xFFFF_FF01) }
}
