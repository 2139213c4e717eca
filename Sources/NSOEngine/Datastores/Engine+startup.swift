public import NSOModel
import NSOStore
import NSOWire
import Synchronization

/// The startup datastore: a configuration of its own that running becomes when the daemon starts (protocol part 04, section 4.4).
extension Engine {
  /// The id of running's last commit when startup became a copy of it; twelve zeros after startup was written otherwise.
  private static var copiedKey: [UInt8] { Array("startup-txid".utf8) }

  private func idOfRunning(_ snapshot: Snapshot) throws(StoreError) -> [UInt8] {
    try snapshot.get(.meta, Array("txid".utf8)) ?? [UInt8](repeating: 0, count: 12)
  }

  /// What startup holds now.
  /// - Throws: NOEXISTS without startup.
  public func startupView(_ model: DataModel) throws(NSOError) -> TreeView {
    try requireDatastore(.startup)
    var view = try currentView(model)
    view.configuration = try storeErrors { () throws(StoreError) in try stores.durable.snapshot().tree(.startup) }
    return view
  }

  /// Makes startup a copy of running. Data providers that keep a startup configuration of their own (db callback copy_running_to_startup)
  /// are asked first; when one refuses, nothing is copied here.
  /// - Throws: NOEXISTS without startup, INUSE when somebody else has locked it; what a provider refuses with.
  public func copyRunningToStartup(_ session: UserSession) async throws(NSOError) {
    try requireDatastore(.startup)
    try writability.check(session)
    try locks.checkWhole(.startup, by: session)
    let owner = try await take(startupGate, .write, "COPY_RUNNING_TO_STARTUP of \(session.summary)", "write startup")
    defer { startupGate.release(owner) }
    // What came while it waited counts as well.
    try writability.check(session)
    try locks.checkWhole(.startup, by: session)
    try await askProviders(.copyRunningToStartup, session)
    try await storeErrors { () async throws(StoreError) in
      let snapshot = try stores.durable.snapshot()
      var batch = try snapshot.copy(from: .running, to: .startup)
      batch.put(.meta, Self.copiedKey, try idOfRunning(snapshot))
      _ = try await stores.durable.commit(batch)
    }
  }

  /// Whether running was changed since it was copied to startup.
  /// - Throws: NOEXISTS without startup.
  public func isRunningModified() throws(NSOError) -> Bool {
    try requireDatastore(.startup)
    return try storeErrors { () throws(StoreError) in
      let snapshot = try stores.durable.snapshot()
      return try snapshot.get(.meta, Self.copiedKey) ?? [UInt8](repeating: 0, count: 12) != idOfRunning(snapshot)
    }
  }

  /// As ``isRunningModified()``, and whether data providers that keep a startup configuration of their own say so of theirs (db callback
  /// running_chk_not_modified).
  public func isRunningModifiedAnywhere(_ session: UserSession) async throws(NSOError) -> Bool {
    if try isRunningModified() { return true }
    for instance in providers.instances(with: .runningCheckNotModified) {
      do throws(NSOError) {
        try await instance.withSession(session) { () async throws(NSOError) in
          try await instance.ask(.runningCheckNotModified, session)
        }
      } catch {
        // An error is its way to say so, but not that it is gone.
        if instance.isGone { throw error }
        return true
      }
    }
    return false
  }

  /// Makes the changes of a transaction on startup durable.
  func storeStartup(_ changes: Overlay) async throws(NSOError) {
    try await storeErrors { () async throws(StoreError) in
      let snapshot = try stores.durable.snapshot()
      var batch = try changes.batch(for: .startup, current: snapshot.tree(.startup))
      guard !batch.isEmpty else { return }
      batch.put(.meta, Self.copiedKey, [UInt8](repeating: 0, count: 12))
      _ = try await stores.durable.commit(batch)
    }
  }

  /// For the start of the daemon: running becomes what startup holds, in a commit of the user system. The first time, startup becomes a
  /// copy of running instead.
  /// - Returns: whether running was changed.
  @discardableResult
  public func loadStartup() async throws(NSOError) -> Bool {
    guard configuration.datastores.startup else { return false }
    let session = try sessions.start(UserSessionRequest(user: "system", context: "system", proto: .system))
    defer { sessions.end(session) }
    let isNew = try storeErrors { () throws(StoreError) in try stores.durable.snapshot().get(.meta, Self.copiedKey) == nil }
    if isNew {
      try await copyRunningToStartup(session)
      return false
    }
    guard try isRunningModified() else { return false }
    let transaction = try startTransaction(session, on: .running, .readWrite, isInternal: true)
    defer { finish(transaction) }
    transaction.label = "startup"
    transaction.comment = "running as in the startup datastore, at the start of the daemon"
    let changes = try storeErrors { () throws(StoreError) in try transaction.snapshot.changes(of: .running, to: .startup) }
    transaction.state.withLock { $0.editor.configuration = changes }
    let result = try await apply(transaction, keepOpen: false)
    // Running is startup now, whatever its commits were.
    try await copyRunningToStartup(session)
    return result != nil
  }
}
