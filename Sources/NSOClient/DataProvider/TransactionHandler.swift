public import NSOWire

/// The phases of transactions that touch the data of a provider (protocol part 05, section 6). Every function has a default
/// that does nothing; ``phases`` says which the daemon must call.
public protocol TransactionHandler: Sendable {
  /// What the daemon calls besides ``begin(_:)`` and ``finish(_:)``.
  var phases: TransactionCallbacks { get }

  /// A transaction touches this provider's data for the first time. An error refuses it.
  func begin(_ transaction: ProviderTransaction) async throws

  /// Validation begins; one transaction at a time is between here and ``unlock(_:)`` or the finish.
  func lock(_ transaction: ProviderTransaction) async throws

  /// The validation failed, or was a test only.
  func unlock(_ transaction: ProviderTransaction) async throws

  /// No more reads follow, writes do.
  func startWriting(_ transaction: ProviderTransaction) async throws

  /// All writes have come: after this the commit must be possible. An error aborts the whole transaction.
  func prepare(_ transaction: ProviderTransaction) async throws

  func commit(_ transaction: ProviderTransaction) async throws

  /// Takes back ``prepare(_:)``.
  func abort(_ transaction: ProviderTransaction) async throws

  /// The last that is heard of a transaction.
  func finish(_ transaction: ProviderTransaction) async
}

extension TransactionHandler {
  public var phases: TransactionCallbacks { [.lock, .unlock, .writeStart, .prepare, .abort, .commit] }
  public func begin(_ transaction: ProviderTransaction) async throws {}
  public func lock(_ transaction: ProviderTransaction) async throws {}
  public func unlock(_ transaction: ProviderTransaction) async throws {}
  public func startWriting(_ transaction: ProviderTransaction) async throws {}
  public func prepare(_ transaction: ProviderTransaction) async throws {}
  public func commit(_ transaction: ProviderTransaction) async throws {}
  public func abort(_ transaction: ProviderTransaction) async throws {}
  public func finish(_ transaction: ProviderTransaction) async {}

  func perform(_ phase: TransactionPhase, _ transaction: ProviderTransaction) async throws {
    switch phase {
    case .lock: try await lock(transaction)
    case .unlock: try await unlock(transaction)
    case .writeStart: try await startWriting(transaction)
    case .prepare: try await prepare(transaction)
    case .commit: try await commit(transaction)
    case .abort: try await abort(transaction)
    case .close: await finish(transaction)
    }
  }
}

/// For providers that only serve operational data: nothing to do in any phase.
struct ReadOnlyTransactions: TransactionHandler {
  var phases: TransactionCallbacks { [] }
}
