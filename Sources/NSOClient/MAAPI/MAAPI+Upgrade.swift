import NSOModel
public import NSOWire

// Upgrades of the schema while the daemon runs (protocol part 04, section 4.12). An upgrade belongs to the connection that began
// it; when that closes before the commit, all is as before.

extension MAAPI {
  /// Begins an upgrade: waits until no transaction is open that may write, and keeps it so. Others get `upgradeInProgress` from
  /// then on when they want to start a transaction or write operational data.
  /// - Parameters:
  ///   - timeout: seconds to wait.
  ///   - flags: whether transactions that are still open then are ended.
  /// - Throws: `locked` while a datastore is locked, `timeout`, `badState` while another upgrade is under way.
  public func beginUpgrade(timeout: Int64, flags: UpgradeFlags = []) async throws {
    try await done(.initUpgrade(timeout: timeout, flags: flags.rawValue))
  }

  /// Loads modules and looks what they mean for the data; nothing is changed yet. Afterwards ``attachToUpgrade()`` gives a
  /// transaction in which data can be changed to fit.
  /// - Parameter loadPath: folders on the daemon's host whose modules are loaded, instead of those of now. Empty: the daemon's own load
  ///   path is read again; understood by this project's daemon.
  /// - Throws: `badConfig` when the modules cannot be used. The upgrade is given up then.
  public func performUpgrade(loadPath: [String]) async throws { try await done(.performUpgrade(loadPath)) }

  /// What the upgrade means for the data, as text for people: what is dropped, what does not fit. Empty when nothing is. Understood
  /// by this project's daemon only.
  public func upgradeReport() async throws -> String { try await text(.upgradeReport) }

  /// Validates the data against the new modules, and makes them the ones in use. What is open keeps its schema until it ends; load
  /// the schema again afterwards.
  /// - Throws: a validation error; nothing has changed then.
  public func commitUpgrade() async throws { try await done(.commitUpgrade) }

  /// Gives the upgrade up; nothing has changed.
  public func abortUpgrade() async throws { try await done(.abortUpgrade) }

  /// The transaction of the upgrade: configuration as it will be, with the new modules. To be detached, not applied.
  /// - Throws: `noTransaction` before ``performUpgrade(loadPath:)``.
  public func attachToUpgrade() async throws -> Transaction {
    try await attach(to: .initTransaction, session: TransactionHandle.initTransaction.rawValue)
  }

  /// All of an upgrade.
  /// - Parameters:
  ///   - loadPath: as in ``performUpgrade(loadPath:)``.
  ///   - timeout: seconds to wait for transactions that may write.
  ///   - approve: gets the report, and says whether to go on.
  /// - Returns: whether the new modules are in use.
  /// - Throws: what a step throws; nothing has changed then.
  @discardableResult
  public nonisolated(nonsending) func upgrade(
    loadPath: [String], timeout: Int64 = 10, flags: UpgradeFlags = [],
    approve: nonisolated(nonsending) (String) async throws -> Bool
  ) async throws -> Bool {
    try await beginUpgrade(timeout: timeout, flags: flags)
    do {
      try await performUpgrade(loadPath: loadPath)
      guard try await approve(upgradeReport()) else {
        try await abortUpgrade()
        return false
      }
    } catch {
      // A step that failed has ended the upgrade already.
      if !(error is NSOError) { await connection.cleanUp("abort the upgrade") { try await abortUpgrade() } }
      throw error
    }
    try await commitUpgrade()
    return true
  }
}
