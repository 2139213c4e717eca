import NSOModel
import NSOWire

extension ProviderRegistry {
  /// Those that registered a db callback, in the order of their coming.
  func instances(with callback: DatabaseCallbacks) -> [ProviderInstance] {
    instances.filter { $0.isActive && $0.databaseCallbacks.contains(callback) }
  }
}

extension ProviderInstance {
  /// Sees to it that the client knows a session while `body` names it.
  func withSession(_ session: UserSession, _ body: () async throws(NSOError) -> Void) async throws(NSOError) {
    try await hold(session)
    defer { release(session) }
    try await body()
  }
}

/// Data providers that keep a startup configuration of their own beside their running one (db callbacks copy_running_to_startup,
/// delete_config and running_chk_not_modified; protocol part 05, section 12). Ours has nothing of what they store.
extension Engine {
  /// Whether data providers have a say in ``isRunningModifiedAnywhere(_:)``.
  public var asksProvidersOfStartup: Bool { !providers.instances(with: .runningCheckNotModified).isEmpty }

  /// Asks all that registered a db callback, one after the other, until one refuses.
  /// - Throws: what it refuses with, naming it, and those that have done it already.
  func askProviders(_ call: DatabaseCall, _ session: UserSession) async throws(NSOError) {
    var done: [String] = []
    for instance in providers.instances(with: call.callback) {
      do throws(NSOError) {
        try await instance.withSession(session) { () async throws(NSOError) in try await instance.ask(call, session) }
      } catch {
        let rest = done.isEmpty ? "" : "; done already by \(done.joined(separator: ", ")), and not here: do it again"
        throw NSOError(error.code, error.message + rest, appTag: error.appTag)
      }
      done.append(instance.summary)
    }
  }

  /// Before startup is emptied here, where that is sure to be possible.
  func deleteStartupAtProviders(_ session: UserSession) async throws(NSOError) {
    guard !providers.instances(with: .deleteConfig).isEmpty else { return }
    try writability.check(session)
    try locks.checkWhole(.startup, by: session)
    try await askProviders(.deleteConfig(.startup), session)
  }
}
