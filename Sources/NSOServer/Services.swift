import NIOCore
import NIOPosix
import NSOEngine
import NSOModel

/// What the APIs call. Shared by all connections.
struct Services: Sendable {
  let engine: Engine
  /// Nil where nobody can be asked to stop or reload, for example in tests.
  let control: (any DaemonControl)?
  let streams: StreamRegistry
  let schemas: SchemaStreamCache
  /// For work that takes long: an event loop is never kept busy with it.
  let pool: NIOThreadPool
  /// How long a stream waits for its connection.
  let streamTimeLimit: TimeAmount

  /// Runs `body` on a thread of the pool and delivers what it returns.
  func offload<Value: Sendable>(
    to later: Later<Value>, _ body: @escaping @Sendable () throws(NSOError) -> Value
  ) {
    if engine.model.hasProviders {
      return ProviderWait.threads.submit { _ in later.deliver(ProviderWait.allowing(body)) }
    }
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
  func run<Value: Sendable>(
    for later: Later<Value>, _ body: @escaping @Sendable () async throws(NSOError) -> Value
  ) {
    Task {
      do throws(NSOError) {
        later.succeed(try await body())
      } catch {
        later.fail(error)
      }
    }
  }
}
