import NIOCore
import NIOPosix
import NSOCLI
import NSOEngine
import NSOModel

/// What the APIs call. Shared by all connections.
struct Services: Sendable {
  let engine: Engine
  let cli: CLIService
  /// Nil where nobody can be asked to stop or reload, for example in tests.
  let control: (any DaemonControl)?
  let streams: StreamRegistry
  let schemas: SchemaStreamCache
  /// For work that takes long: an event loop is never kept busy with it.
  let pool: NIOThreadPool
  /// How long a stream waits for its connection.
  let streamTimeLimit: TimeAmount

  /// Runs `body`, which may read data of providers and must be work that can be done again, on another thread and delivers what it
  /// returns. It is given up when the connection goes.
  func offload<Value: Sendable>(
    to later: Later<Value>, _ body: @escaping @Sendable () throws(NSOError) -> Value
  ) {
    guard engine.model.hasProviders else { return compute(to: later, body) }
    let pool = pool
    let work = Task {
      let attempt: ProviderWait.Attempt<Value> = await withCheckedContinuation { continuation in
        pool.submit { state in
          guard case .active = state else {
            return continuation.resume(returning: .done(.failure(NSOError(.aborted, "the daemon is stopping"))))
          }
          continuation.resume(returning: ProviderWait.attempt(body))
        }
      }
      switch attempt {
      case .done(let result): later.deliver(result)
      case .lacks(let lack): later.deliver(await ProviderWait.finish(lack, body))
      }
    }
    later.whenAbandoned { work.cancel() }
  }

  /// As ``offload(to:_:)``, for work that waits for nobody: it must not stand behind work that waits for providers, whose
  /// answers it may be to decode.
  func compute<Value: Sendable>(
    to later: Later<Value>, _ body: @escaping @Sendable () throws(NSOError) -> Value
  ) {
    pool.submit { state in
      guard case .active = state else { return later.fail(NSOError(.aborted, "the daemon is stopping")) }
      do throws(NSOError) {
        later.succeed(try body())
      } catch {
        later.fail(error)
      }
    }
  }

  /// Runs `body` as a task and delivers what it returns. For work that waits without a thread.
  @discardableResult
  func run<Value: Sendable>(
    for later: Later<Value>, _ body: @escaping @Sendable () async throws(NSOError) -> Value
  ) -> Task<Void, Never> {
    Task {
      do throws(NSOError) {
        later.succeed(try await body())
      } catch {
        later.fail(error)
      }
    }
  }
}
