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
  private let clock: @Sendable () -> Int64

  /// - Parameters:
  ///   - limit: how many sessions of contexts other than `system` may exist at once.
  ///   - clock: seconds since 1970-01-01 UTC.
  init(phases: PhaseGate, limit: Int, clock: @escaping @Sendable () -> Int64) {
    self.phases = phases
    self.limit = limit
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
      throw NSOError(
        .badState,
        "user \(request.user) cannot start a session of context \(request.context) in start phase \(phases.phase): wait until the daemon is started (ncs --wait-started)"
      )
    }
    let time = clock()
    let session: UserSession? = state.withLock { state in
      if !system {
        guard state.sessions.values.count(where: { !$0.isSystem }) < limit else { return nil }
      }
      repeat {
        state.last = state.last == Int32.max ? 100 : state.last + 1
      } while state.sessions[state.last] != nil
      let session = UserSession(id: state.last, request: request, loginTime: time)
      state.sessions[session.id] = session
      return session
    }
    guard let session else {
      throw NSOError(
        .tooManySessions,
        "user \(request.user): the limit of \(limit) sessions is reached; end one (ncs_cmd -c 'who', ncs_cmd -c 'kill ID')")
    }
    return session
  }

  /// The number of the next session, brought into 100 ... 2^31-1; one that is in use is passed over.
  public func setNext(_ id: Int32) {
    state.withLock { $0.last = max(100, id) - 1 }
  }

  /// Ends a session: its transactions, locks and bindings go with it.
  public func end(_ session: UserSession) {
    let known = state.withLock { $0.sessions.removeValue(forKey: session.id) != nil }
    if known { session.end() }
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
