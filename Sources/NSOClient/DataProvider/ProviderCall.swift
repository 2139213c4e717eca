public import NSOModel
public import NSOWire
import Synchronization

/// What a callback is told besides its arguments: for whom it works, in which transaction, for which point.
public struct ProviderCall: Sendable {
  /// The callpoint, validation point or action point as it was registered.
  public let point: String
  /// The text of `tailf:opaque` at the point in the model.
  public let opaque: String?
  /// On whose behalf the daemon asks; nil when it has not said who that is.
  public let user: UserSessionInfo?
  public let session: UserSessionID
  /// Nil for actions outside of a transaction, and for validation points.
  public let transaction: ProviderTransaction?
  /// The handle by which MAAPI can attach to the transaction; nil: none.
  public let handle: TransactionHandle?
  /// Inactive configuration counts as absent.
  public let hidesInactive: Bool

  let client: NSOClient
  let extend: @Sendable (Int64) async throws -> Void

  /// Asks the daemon to wait that long from now on instead of its own limit. Nothing is answered; may be called again.
  public func extendTimeLimit(_ seconds: Int) async throws { try await extend(Int64(seconds)) }

  /// Attaches to the transaction through MAAPI, on a connection of its own, while `body` runs: it sees what is not committed yet.
  /// Hooks and transforms write there what they have to add; other callbacks may only read.
  /// - Throws: ``CallbackError`` outside of a transaction; what `body` throws.
  public nonisolated(nonsending) func withTransaction<Result>(
    _ body: nonisolated(nonsending) (Transaction) async throws -> Result
  ) async throws -> Result {
    guard let handle else { throw CallbackError(.internal, "\(point) was not called about a transaction") }
    return try await client.withMAAPI { maapi in try await maapi.withAttached(to: handle, body) }
  }
}

/// A transaction as a data provider sees it, from its beginning to its finish.
public final class ProviderTransaction: Sendable {
  public let handle: TransactionHandle
  public let database: DatabaseName
  public let mode: TransactionMode
  public let user: UserSessionInfo?

  private let kept = Mutex<(any Sendable)?>(nil)

  init(_ begin: NewTransaction, user: UserSessionInfo?) {
    handle = TransactionHandle(begin.handle)
    database = begin.database
    mode = begin.mode
    self.user = user
  }

  /// Whatever the application keeps with the transaction.
  public var attachment: (any Sendable)? {
    get { kept.withLock { $0 } }
    set { kept.withLock { $0 = newValue } }
  }
}
