public import NIOPosix
public import NSOModel
import NSOStore

/// Reading data of providers takes their time. An event loop never waits: there a read that needs a provider fails with
/// ``ErrorCode/waitsForProvider``, what is needed is fetched, and the operation is done again. Long walks run on threads of
/// their own, where a read simply waits.
public enum ProviderWait {
  /// True on threads that may be kept waiting.
  @TaskLocal public static var isAllowed = false

  /// Threads for work that may wait for data providers; apart from those for other work, which a slow provider must not hold up.
  public static let threads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 48)
    pool.start()
    return pool
  }()

  /// Runs `body` on one of these threads.
  public static func run<R: Sendable>(_ body: @escaping @Sendable () throws(NSOError) -> R) async throws(NSOError) -> R {
    let result: Result<R, NSOError> = await withCheckedContinuation { continuation in
      threads.submit { _ in continuation.resume(returning: allowing(body)) }
    }
    return try result.get()
  }

  /// Runs `body` here, where it may wait.
  public static func allowing<R>(_ body: () throws(NSOError) -> R) -> Result<R, NSOError> {
    $isAllowed.withValue(true) {
      do throws(NSOError) { return .success(try body()) } catch { return .failure(error) }
    }
  }

  /// Waits on this thread for what `body` gives.
  static func block<R: Sendable>(_ body: @escaping @Sendable () async throws(NSOError) -> R) throws(StoreError) -> R {
    let answer = BlockingAnswer<Result<R, NSOError>>()
    // Detached: what may wait here may not wait there.
    Task.detached {
      do throws(NSOError) { answer.give(.success(try await body())) } catch { answer.give(.failure(error)) }
    }
    switch answer.wait() {
    case .success(let value): return value
    case .failure(let error): throw StoreError(refusal: error)
    }
  }
}

extension ErrorCode {
  /// Never sent: the operation has to be done again when a data provider has answered.
  public static var waitsForProvider: ErrorCode { ErrorCode(rawValue: 0xFFFF_FF01) }
}
