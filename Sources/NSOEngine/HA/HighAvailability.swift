public import NSOModel
import Synchronization

/// The role of this node in a cluster, for a daemon on its own (protocol part 06, section 8): it can be none, or a primary that
/// no secondary can join, since daemons do not replicate to each other yet.
public final class HighAvailability: Sendable {
  private struct State {
    var role = HARole.none
    var node: Value?
    /// Who gives the orders: the newest HA connection, and how to close it.
    var controller: (id: UInt64, close: @Sendable () -> Void)?
    var last: UInt64 = 0
  }

  private let isEnabled: Bool
  private let journal: Journal
  private let phases: PhaseGate
  private let state = Mutex(State())

  init(isEnabled: Bool, journal: Journal, phases: PhaseGate) {
    self.isEnabled = isEnabled
    self.journal = journal
    self.phases = phases
  }

  /// The role and the nodes that are known.
  public var status: HAStatus { state.withLock { HAStatus($0.role) } }

  /// For `ncs --status`.
  public var text: String {
    let (role, node) = state.withLock { ($0.role, $0.node) }
    guard isEnabled else { return "none (ha/enabled is false)" }
    return node.map { "\(role), node \($0.plainText)" } ?? "\(role)"
  }

  /// A controller has connected; the one before it has to go.
  /// - Returns: what ``letGo(_:)`` takes.
  public func takeControl(_ close: @escaping @Sendable () -> Void) -> UInt64 {
    let (id, old) = state.withLock { state in
      state.last &+= 1
      defer { state.controller = (state.last, close) }
      return (state.last, state.controller?.close)
    }
    old?()
    return id
  }

  /// The controller is gone; the role stays.
  public func letGo(_ id: UInt64) {
    state.withLock { state in
      if state.controller?.id == id { state.controller = nil }
    }
  }

  /// Carries out an order.
  /// - Returns: for getstatus, the status.
  /// - Throws: BADSTATE in phase 0 and where HA is not enabled, NOT_IMPLEMENTED for what needs a second node.
  public func perform(_ order: HAOrder) throws(NSOError) -> HAStatus? {
    if case .getStatus = order { return status }
    guard isEnabled else {
      throw refusal(order, .badState, "high availability is off", "set ha/enabled to true in ncs.conf and restart the daemon")
    }
    guard phases.phase >= .phase1 else {
      throw refusal(
        order, .badState, "the daemon is in start phase \(phases.phase)", "wait for phase 1 (ncs_cmd -c 'wait-start 1')")
    }
    switch order {
    case .getStatus: return status
    case .bePrimary(let node):
      let isNew = state.withLock { state in
        defer { (state.role, state.node) = (.primary, node) }
        return state.role != .primary
      }
      if isNew { tell(.isPrimary) }
    case .beNone:
      let isNew = state.withLock { state in
        defer { (state.role, state.node) = (HARole.none, nil) }
        return state.role != .none
      }
      if isNew { tell(.isNone) }
    case .secondaryDead:
      // Nobody can be connected, so nobody has to be dropped: the primary knows no such node (section 8.2).
      guard status.role == .primary else {
        throw refusal(order, .badState, "this node is \(status.role), not primary", "send it to the primary")
      }
    case .beSecondary(_, let primary, let waits):
      let error = refusal(
        order, .notImplemented, "daemons do not replicate to each other yet, so primary \(primary.address) cannot be followed",
        "run this node alone: beprimary or benone")
      if !waits { tell(.beSecondaryResult(error.code)) }
      throw error
    case .beRelay:
      throw refusal(order, .notImplemented, "there are no relay secondaries", "use besecondary where it is supported")
    }
    return nil
  }

  private func tell(_ info: HAInfo) {
    let events = journal.events
    if events.wants(.haInfoSync) {
      // Orders are carried out one at a time, and nothing else of HA runs here that would have to stop.
      events.emit(.ha(info), awaiting: .ha, from: [.haInfo, .haInfoSync]) {}
    } else {
      events.emit(.haInfo) { .ha(info) }
    }
  }

  private func refusal(_ order: HAOrder, _ code: ErrorCode, _ rule: String, _ remedy: String) -> NSOError {
    journal.refusal(
      Explanation(
        .state, code, actor: "the HA controller", action: "carry out the order \(order.name)", rule: rule, remedy: remedy))
  }
}
