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
    /// An order is being carried out, or its event not yet acknowledged; others wait.
    var isWorking = false
    var waiting: [@Sendable () -> Void] = []
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

  /// Carries out an order, one after the other. `body` is called once, with the status for getstatus: when all subscribers that want
  /// HA_INFO_SYNC have acknowledged what came of it. Until then all orders wait but getstatus.
  /// Errors: BADSTATE in phase 0 and where HA is not enabled, NOT_IMPLEMENTED for what needs a second node.
  public func perform(_ order: HAOrder, then body: @escaping @Sendable (Result<HAStatus?, NSOError>) -> Void) {
    if case .getStatus = order { return body(.success(status)) }
    let place: Place = state.withLock { state in
      guard state.isWorking else {
        state.isWorking = true
        return .first
      }
      guard state.waiting.count < Self.limit else { return .full }
      state.waiting.append { [weak self] in self?.carryOut(order, body) }
      return .waits
    }
    switch place {
    case .first: carryOut(order, body)
    case .waits: break
    case .full:
      let error = refusal(
        order, .badState, "\(Self.limit) orders wait for the acknowledgement of an HA event",
        "have its subscribers acknowledge it, or disconnect them")
      guard case .beSecondary(_, _, waits: false) = order else { return body(.failure(error)) }
      tell(.beSecondaryResult(error.code)) { body(.failure(error)) }
    }
  }

  private enum Place { case first, waits, full }
  private static let limit = 64

  private func carryOut(_ order: HAOrder, _ body: @escaping @Sendable (Result<HAStatus?, NSOError>) -> Void) {
    var info: HAInfo?
    let result: Result<HAStatus?, NSOError>
    do throws(NSOError) {
      info = try carryOut(order)
      result = .success(nil)
    } catch {
      if case .beSecondary(_, _, waits: false) = order { info = .beSecondaryResult(error.code) }
      result = .failure(error)
    }
    tell(info) {
      body(result)
      let next: (@Sendable () -> Void)? = self.state.withLock { state in
        guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
        state.isWorking = false
        return nil
      }
      next?()
    }
  }

  /// - Returns: what to tell of it.
  private func carryOut(_ order: HAOrder) throws(NSOError) -> HAInfo? {
    guard isEnabled else {
      throw refusal(order, .badState, "high availability is off", "set ha/enabled to true in ncs.conf and restart the daemon")
    }
    guard phases.phase >= .phase1 else {
      throw refusal(
        order, .badState, "the daemon is in start phase \(phases.phase)", "wait for phase 1 (ncs_cmd -c 'wait-start 1')")
    }
    switch order {
    case .getStatus: return nil
    case .bePrimary(let node):
      let isNew = state.withLock { state in
        defer { (state.role, state.node) = (.primary, node) }
        return state.role != .primary
      }
      return isNew ? .isPrimary : nil
    case .beNone:
      let isNew = state.withLock { state in
        defer { (state.role, state.node) = (HARole.none, nil) }
        return state.role != .none
      }
      return isNew ? .isNone : nil
    case .secondaryDead:
      // Nobody can be connected, so nobody has to be dropped: the primary knows no such node (section 8.2).
      guard status.role == .primary else {
        throw refusal(order, .badState, "this node is \(status.role), not primary", "send it to the primary")
      }
      return nil
    case .beSecondary(_, let primary, _):
      throw refusal(
        order, .notImplemented, "daemons do not replicate to each other yet, so primary \(primary.address) cannot be followed",
        "run this node alone: beprimary or benone")
    case .beRelay:
      throw refusal(order, .notImplemented, "there are no relay secondaries", "use besecondary where it is supported")
    }
  }

  private func tell(_ info: HAInfo?, then body: @escaping @Sendable () -> Void) {
    guard let info else { return body() }
    let events = journal.events
    guard events.wants(.haInfoSync) else {
      events.emit(.haInfo) { .ha(info) }
      return body()
    }
    events.emit(.ha(info), awaiting: .ha, from: [.haInfo, .haInfoSync], then: body)
  }

  private func refusal(_ order: HAOrder, _ code: ErrorCode, _ rule: String, _ remedy: String) -> NSOError {
    journal.refusal(
      Explanation(
        .state, code, actor: "the HA controller", action: "carry out the order \(order.name)", rule: rule, remedy: remedy))
  }
}
