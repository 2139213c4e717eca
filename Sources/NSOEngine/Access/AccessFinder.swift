import Synchronization

/// Finds the access rules of new sessions, once there is an engine to ask.
final class AccessFinder: Sendable {
  private struct Holder: Sendable {
    weak var engine: Engine?
  }

  private let holder = Mutex(Holder())

  var engine: Engine? {
    get { holder.withLock { $0.engine } }
    set { holder.withLock { $0.engine = newValue } }
  }

  func find(_ request: UserSessionRequest) -> (groups: [String], rules: AccessRules?) {
    engine?.access(of: request) ?? (request.groups, nil)
  }
}
