public import NSOModel
import Synchronization

/// All user sessions of the daemon. A session's number is not used again soon.
public final class SessionRegistry: Sendable {
  private struct State {
    var sessions: [Int32: UserSession] = [:]
    var last: Int32 = 99
  }

  private let state = Mutex(State())
  private let phases: PhaseGate
  private let limit: Int
  private let journal: Journal
  private let clock: @Sendable () -> Int64
  /// Finds the groups and the access rules of a new session.
  private let access: @Sendable (UserSessionRequest) -> (groups: [String], rules: AccessRules?)

  /// - Parameters:
  ///   - limit: how many sessions of contexts other than `system` may exist at once.
  ///   - clock: seconds since 1970-01-01 UTC.
  ///   - access: finds the groups and the access rules of a new session.
  init(
    phases: PhaseGate, limit: Int, journal: Journal, clock: @escaping @Sendable () -> Int64,
    access: @escaping @Sendable (UserSessionRequest) -> (groups: [String], rules: AccessRules?) = { ($0.groups, nil) }
  ) {
    self.access = access
    self.phases = phases
    self.limit = limit
    self.journal = journal
    self.clock = clock
  }

  /// Starts a session. Contexts other than `system` need phase 2 and count against the limit.
  /// - Throws: BADSTATE before that phase, TOO_MANY_SESSIONS at the limit, PROTOUSAGE for a bad context.
  public func start(_ request: UserSessionRequest) throws(NSOError) -> UserSession {
    guard !request.context.isEmpty, request.context.utf8.count <= 254 else {
      throw NSOError(.protocolUsage, "the context of a user session must have 1 to 254 characters")
    }
    let system = request.context == "system"
    if !system, phases.phase != .started {
      throw journal.refusal(
        Explanation(
          .state, .badState, actor: "user \(request.user)", action: "start a session of context \(request.context)",
          rule: "the daemon is in start phase \(phases.phase)", remedy: "wait until the daemon is started (ncs --wait-started)")
      )
    }
    let time = clock()
    let (groups, rules) = access(request)
    let session: UserSession? = state.withLock { state in
      if !system {
        guard state.sessions.values.count(where: { !$0.isSystem }) < limit else { return nil }
      }
      repeat {
        state.last = state.last == Int32.max ? 100 : state.last + 1
      } while state.sessions[state.last] != nil
      let session = UserSession(id: state.last, request: request, loginTime: time, groups: groups, rules: rules)
      state.sessions[session.id] = session
      return session
    }
    guard let session else {
      throw journal.refusal(
        Explanation(
          .limit, .tooManySessions, actor: "user \(request.user)", action: "start a session of context \(request.context)",
          rule: "the limit of \(limit) sessions is reached", remedy: "end one (ncs_cmd -c 'who', ncs_cmd -c 'kill ID')"))
    }
    journal.tell(.started, session)
    journal.audit(.sessionCreate, session, Self.words(of: request))
    if groups.isEmpty {
      journal.audit(.noGroupAssignment, session)
    } else {
      journal.audit(.groupAssignment, session, groups.joined(separator: ", "))
    }
    return session
  }

  /// The number of the next session, brought into 100 ... 2^31-1; one that is in use is passed over.
  public func setNext(_ id: Int32) {
    state.withLock { $0.last = max(100, id) - 1 }
  }

  /// For the audit log.
  private static func words(of request: UserSessionRequest) -> String {
    let client = [request.vendor, request.product, request.version, request.clientID].compactMap(\.self)
    return "context \(request.context) from \(request.address):\(request.port) over \(request.proto)"
      + (client.isEmpty ? "" : " client \(client.joined(separator: " "))")
  }

  /// Ends a session: its transactions, locks and bindings go with it.
  /// - Parameter reason: for the audit log.
  public func end(_ session: UserSession, because reason: String = "its connection has ended") {
    let known = state.withLock { $0.sessions.removeValue(forKey: session.id) != nil }
    guard known else { return }
    session.end()
    journal.audit(.sessionTermination, session, reason)
    journal.tell(.stopped, session)
  }

  /// - Throws: NOEXISTS for an unknown number.
  public func session(_ id: Int32) throws(NSOError) -> UserSession {
    guard let session = state.withLock({ $0.sessions[id] }) else {
      throw NSOError(.noExists, "there is no user session \(id)")
    }
    return session
  }

  /// All sessions in the order in which they started.
  public var all: [UserSession] {
    state.withLock { $0.sessions.values.sorted { $0.id < $1.id } }
  }
}
