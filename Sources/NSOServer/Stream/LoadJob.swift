import NIOCore
import NIOPosix
import NSOEngine
import NSOModel
import Synchronization

/// A load under way: takes pieces of the document as they come and reads them, one after the other, on a thread of the pool.
final class LoadJob: Sendable {
  private struct State {
    var waiting: [ByteBuffer] = []
    var size = 0
    var isRunning = false
    /// The document is complete.
    var isComplete = false
    var isOver = false
    var drained: [@Sendable () -> Void] = []
    var ended: (@Sendable (Result<Void, NSOError>) -> Void)?
    var advanced: (@Sendable (Int) -> Void)?
    /// Hooks are asked about what was loaded.
    var finishing: Task<Void, Never>?
  }

  private let load: ConfigurationLoad
  private let pool: NIOThreadPool
  private let state = Mutex(State())

  /// So many bytes may wait before their sender has to.
  static let highWater = 1 << 20

  init(_ load: ConfigurationLoad, _ pool: NIOThreadPool) {
    self.load = load
    self.pool = pool
  }

  /// Begins to be carried.
  /// - Parameters:
  ///   - advanced: bytes have been read into the transaction.
  ///   - ended: called once, with the outcome.
  func start(
    advanced: @escaping @Sendable (Int) -> Void, ended: @escaping @Sendable (Result<Void, NSOError>) -> Void
  ) {
    state.withLock { state in
      state.advanced = advanced
      state.ended = ended
    }
  }

  /// Takes more of the document. False: the sender should wait for ``whenDrained(_:)``.
  func add(_ bytes: ByteBuffer) -> Bool {
    let (mustRun, hasRoom) = state.withLock { state -> (Bool, Bool) in
      guard !state.isOver, !state.isComplete else { return (false, true) }
      state.waiting.append(bytes)
      state.size += bytes.readableBytes
      defer { state.isRunning = true }
      return (!state.isRunning, state.size < Self.highWater)
    }
    if mustRun { run() }
    return hasRoom
  }

  /// Calls `body` when everything that was given has been read, or the load is over.
  func whenDrained(_ body: @escaping @Sendable () -> Void) {
    let isDrained = state.withLock { state in
      guard state.isRunning, !state.isOver else { return true }
      state.drained.append(body)
      return false
    }
    if isDrained { body() }
  }

  /// The document is complete.
  func complete() {
    let mustRun = state.withLock { state in
      guard !state.isOver, !state.isComplete else { return false }
      state.isComplete = true
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if mustRun { run() }
  }

  /// Gives up; the transaction is as it was before.
  func abandon() { over(.failure(NSOError(.aborted, "the load was given up"))) }

  private func run() {
    pool.submit { [self] state in
      guard case .active = state else { return over(.failure(NSOError(.aborted, "the daemon is stopping"))) }
      // Writing may have to look at data of providers first.
      _ = ProviderWait.allowing { work() }
    }
  }

  private enum Step {
    case piece(ByteBuffer)
    case finish
    case rest([@Sendable () -> Void])
  }

  private func work() {
    while true {
      let step = state.withLock { state -> Step in
        guard !state.isOver else { return .rest([]) }
        if !state.waiting.isEmpty { return .piece(state.waiting.removeFirst()) }
        if state.isComplete { return .finish }
        state.isRunning = false
        defer { state.drained = [] }
        return .rest(state.drained)
      }
      switch step {
      case .piece(let bytes):
        do throws(NSOError) {
          try load.feed(Array(bytes.readableBytesView))
        } catch {
          return over(.failure(error))
        }
        let advanced = state.withLock { state in
          state.size -= bytes.readableBytes
          return state.advanced
        }
        advanced?(bytes.readableBytes)
      case .finish:
        if load.asksHooks { return finishThroughHooks() }
        do throws(NSOError) { try load.finish() } catch { return over(.failure(error)) }
        return over(.success(()))
      case .rest(let drained):
        for body in drained { body() }
        return
      }
    }
  }

  /// Hooks take their time: no thread waits for them.
  private func finishThroughHooks() {
    let finishing = Task {
      do throws(NSOError) {
        try await load.finishThroughHooks()
        over(.success(()))
      } catch {
        over(.failure(error))
      }
    }
    let isOver = state.withLock { state in
      state.finishing = finishing
      return state.isOver
    }
    if isOver { finishing.cancel() }
  }

  private func over(_ result: Result<Void, NSOError>) {
    let due: (drained: [@Sendable () -> Void], ended: (@Sendable (Result<Void, NSOError>) -> Void)?, isFirst: Bool) =
      state.withLock { state in
        guard !state.isOver else { return ([], nil, false) }
        state.isOver = true
        state.waiting = []
        // A load that was given up; for one that has ended this does nothing.
        state.finishing?.cancel()
        defer {
          state.finishing = nil
          state.drained = []
          state.ended = nil
          state.advanced = nil
        }
        return (state.drained, state.ended, true)
      }
    guard due.isFirst else { return }
    if case .failure = result { load.abandon() }
    due.ended?(result)
    for body in due.drained { body() }
  }
}
