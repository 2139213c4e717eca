import Synchronization

/// How far the daemon has come (protocol part 08, section 2.2).
public enum StartPhase: Int, Comparable, Sendable, CustomStringConvertible {
  case starting = -1
  /// Internal subsystems and CDB are up; `system` sessions with read transactions only.
  case phase0 = 0
  /// CDB data is available; data providers register.
  case phase1 = 1
  /// Everything runs.
  case started = 2
  case stopping = 3

  public static func < (a: StartPhase, b: StartPhase) -> Bool { a.rawValue < b.rawValue }

  public var description: String {
    switch self {
    case .starting: "starting"
    case .phase0: "phase0"
    case .phase1: "phase1"
    case .started: "started"
    case .stopping: "stopping"
    }
  }
}

/// The daemon's phase as everybody sees it, and the place to wait for one.
public final class PhaseGate: Sendable {
  private struct Waiter {
    var phase: StartPhase
    var resume: @Sendable (Bool) -> Void
  }

  private struct State {
    var phase = StartPhase.starting
    var waiters: [UInt64: Waiter] = [:]
    var next: UInt64 = 0
  }

  private let state = Mutex(State())

  public init() {}

  public var phase: StartPhase { state.withLock { $0.phase } }

  /// Enters `phase`; a phase that was already passed is left as it is.
  public func advance(to phase: StartPhase) {
    let due = state.withLock { state -> [Waiter] in
      guard phase > state.phase else { return [] }
      state.phase = phase
      let due = state.waiters.filter { $0.value.phase <= phase }
      for id in due.keys { state.waiters[id] = nil }
      return Array(due.values)
    }
    for waiter in due { waiter.resume(phase != .stopping) }
  }

  /// Calls `body` when `phase` is reached, at once if it is already; with false when the daemon stops first.
  /// - Returns: a token for ``cancel(_:)`` when `body` has still to be called.
  @discardableResult
  public func notify(when phase: StartPhase, _ body: @escaping @Sendable (Bool) -> Void) -> UInt64? {
    let outcome: (reached: Bool, token: UInt64?) = state.withLock { state in
      if state.phase == .stopping { return (false, nil) }
      if state.phase >= phase { return (true, nil) }
      state.next &+= 1
      state.waiters[state.next] = Waiter(phase: phase, resume: body)
      return (false, state.next)
    }
    if outcome.token == nil { body(outcome.reached) }
    return outcome.token
  }

  /// Forgets a waiter that was not called yet; it will not be.
  public func cancel(_ token: UInt64) {
    _ = state.withLock { $0.waiters.removeValue(forKey: token) }
  }
}
