import NSOModel
import NSOStore
import Synchronization

/// One upgrade of the schema while the daemon runs (protocol part 04, INIT_UPGRADE to ABORT_UPGRADE). Made by
/// ``Engine/openUpgrade(by:)``; over when it is committed or aborted.
public final class SchemaUpgrade: Sendable {
  enum Stage: String {
    /// Transactions that write are waited for.
    case waiting
    /// Nobody writes: new modules may be loaded.
    case ready
    case performing
    case performed
    case committing
    case over
  }

  /// What was made of the data, besides what is in the upgrade transaction.
  struct Work: Sendable {
    var model: DataModel
    var migration: SchemaMigration
    /// The numbers of new nodes.
    var names: WriteBatch
    var startup: Overlay
    var persistentOperational: Overlay
    var operational: Overlay
    var transaction: Transaction
  }

  struct State {
    var stage = Stage.waiting
    /// Nobody may start a transaction any more.
    var isClosed = false
    /// What keeps committers out, in the order in which it was taken.
    var gates: [(gate: CommitGate, owner: CommitGate.Owner)] = []
    var waiter: CheckedContinuation<Bool, Never>?
    var work: Work?
    var loadPath: [String] = []
  }

  /// Who does it, for texts.
  public let owner: String
  /// Seconds since 1970-01-01 UTC.
  public let since: Int64
  let state = Mutex(State())

  init(owner: String, since: Int64) {
    self.owner = owner
    self.since = since
  }

  /// The directories that its modules come from; empty: those of the configuration.
  public var loadPath: [String] {
    get { state.withLock { $0.loadPath } }
    set { state.withLock { $0.loadPath = newValue } }
  }

  public var isOver: Bool { state.withLock { $0.stage == .over } }

  /// True while others must leave the data alone.
  var isClosed: Bool { state.withLock { $0.isClosed } }

  func close() { state.withLock { $0.isClosed = true } }

  /// Lets no more transactions begin, as long as it is still waited for those that may write.
  func closeIfWaiting() -> Bool {
    state.withLock { state in
      guard state.stage == .waiting else { return false }
      state.isClosed = true
      return true
    }
  }

  /// It is committed: transactions may begin with the new schema, and read locks be taken. Who commits waits until all are told.
  func reopen() {
    let gates = state.withLock { state in
      state.isClosed = false
      return state.gates
    }
    for (gate, owner) in gates { gate.admitReaders(owner) }
  }

  /// Goes from one stage to the next.
  /// - Throws: BADSTATE in any other stage.
  func advance(from stage: Stage, to next: Stage, _ what: String) throws(NSOError) {
    let current = state.withLock { state in
      defer { if state.stage == stage { state.stage = next } }
      return state.stage
    }
    guard current != stage else { return }
    guard current != .over else {
      throw NSOError(.badState, "\(what): no upgrade is open on this connection; begin with INIT_UPGRADE")
    }
    throw NSOError(.badState, "\(what) does not follow here: the upgrade is in state \(current.rawValue)")
  }

  /// - Returns: false when it was given up meanwhile.
  func publish(_ work: Work) -> Bool {
    state.withLock { state in
      guard state.stage == .performing else { return false }
      state.work = work
      state.stage = .performed
      return true
    }
  }

  /// Ends a wait, with whether what was waited for has come.
  func resume(_ outcome: Bool) {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: outcome)
  }

  /// What others are told who want to change something meanwhile.
  func explanation(_ actor: String, _ action: String) -> Explanation {
    Explanation(
      .state, .upgradeInProgress, actor: actor, action: action, rule: "an upgrade of the schema by \(owner) is under way",
      remedy: "try again when it has ended")
  }
}

/// Who wants to know of upgrades.
final class UpgradeObservers: Sendable {
  private struct State {
    var steps: [@Sendable (UpgradeStep) -> Void] = []
    var models: [@Sendable (_ old: DataModel, _ new: DataModel) -> Void] = []
    var followers: [@Sendable () async -> Void] = []
  }

  private let state = Mutex(State())

  func add(_ body: @escaping @Sendable (UpgradeStep) -> Void) { state.withLock { $0.steps.append(body) } }

  func add(_ body: @escaping @Sendable (_ old: DataModel, _ new: DataModel) -> Void) {
    state.withLock { $0.models.append(body) }
  }

  func add(follower body: @escaping @Sendable () async -> Void) { state.withLock { $0.followers.append(body) } }

  func follow() async {
    for body in state.withLock(\.followers) { await body() }
  }

  func tell(_ step: UpgradeStep) {
    for body in state.withLock(\.steps) { body(step) }
  }

  func tell(_ old: DataModel, _ new: DataModel) {
    for body in state.withLock(\.models) { body(old, new) }
  }
}
