import ExternalTerm
import NIOCore
import NSOStore
import Synchronization

/// A commit of the candidate that is taken back unless it is confirmed in time (protocol part 04, CANDIDATE_CONFIRMED_COMMIT).
public struct PendingConfirmation: Hashable, Sendable {
  /// The session that made it, and its user.
  public var session: Int32
  public var user: String
  /// The cookie that makes it outlive its session; nil: it is taken back when the session ends.
  public var persist: String?
  /// Seconds since 1970-01-01 UTC.
  public var deadline: Int64
  /// The revision of running to go back to.
  public var base: UInt64
}

/// What happens to confirmed commits, for those who tell of it (protocol part 06, section 5.12).
public enum ConfirmedCommitEvent: Hashable, Sendable {
  /// Seconds until it is taken back. Also when the time was extended.
  case started(timeout: Int64)
  case confirmed
  /// It is about to be taken back.
  case aborting(ConfirmedCommitEnd)
  /// It could not be taken back so far; it is tried again.
  case failed(String)
  /// Running is back where it was.
  case aborted(ConfirmedCommitEnd)
}

/// Why a confirmed commit is taken back.
public enum ConfirmedCommitEnd: String, Hashable, Sendable {
  case request = "asked to"
  case timeout = "it was not confirmed in time"
  case sessionEnded = "its session has ended"
  case restart = "the daemon was restarted"
}

/// The confirmed commit that is pending, if any: in memory, and in the database so that it is known after a restart.
public final class ConfirmedCommits: Sendable {
  /// What a commit does to it.
  enum Step: Sendable {
    /// Nothing is pending before or after.
    case none
    case start(session: UserSession, timeout: Int64, persist: String?, base: UInt64?, now: Int64)
    case confirm
    /// Running is back where it was.
    case goBack
  }

  public typealias Observer = @Sendable (ConfirmedCommitEvent, _ session: Int32, _ user: String) -> Void

  private struct State {
    var pending: PendingConfirmation?
    /// It cannot be taken back with the modules that are loaded.
    var isStuck = false
    var observers: [Observer] = []
    /// Grows with each change, so that a timer knows whether it is still meant.
    var version: UInt64 = 0
    /// What the commit under way makes of it.
    var next: PendingConfirmation?
    /// Stops what waits for the end of the pending one.
    var stopWatch: (@Sendable () -> Void)?
  }

  private static let key: [UInt8] = Array("confirmed-commit".utf8)

  private let state: Mutex<State>
  private let history: History

  init(_ store: Store, _ history: History) throws(StoreError) {
    self.history = history
    let bytes = try store.snapshot().get(.meta, Self.key)
    let pending = bytes.flatMap(Self.decode)
    state = Mutex(State(pending: pending))
    history.pin(pending?.base)
  }

  public var pending: PendingConfirmation? { state.withLock { $0.pending } }

  /// The pending one cannot be taken back, since the modules have become others: whoever wants may confirm it.
  public var isStuck: Bool { state.withLock { $0.isStuck } }

  func setStuck() { state.withLock { $0.isStuck = $0.pending != nil } }

  /// As ``pending``, with a number that changes whenever it does.
  var current: (pending: PendingConfirmation?, version: UInt64) { state.withLock { ($0.pending, $0.version) } }

  /// Tells `observer` of what happens, on any thread; it must be quick.
  public func observe(_ observer: @escaping Observer) { state.withLock { $0.observers.append(observer) } }

  func tell(_ event: ConfirmedCommitEvent, _ pending: PendingConfirmation) {
    for observer in state.withLock({ $0.observers }) { observer(event, pending.session, pending.user) }
  }

  /// Something waits for the time limit or the session of the pending one: `stop` ends that, as soon as another is pending or none.
  func watch(_ version: UInt64, stop: @escaping @Sendable () -> Void) {
    let stale = state.withLock { state -> (@Sendable () -> Void)? in
      guard state.version == version else { return stop }
      defer { state.stopWatch = stop }
      return state.stopWatch
    }
    stale?()
  }

  /// Makes it durable together with what it belongs to. One commit of the candidate is under way at a time.
  func add(_ step: Step, to batch: inout WriteBatch) {
    switch step {
    case .none: return
    case .confirm, .goBack:
      state.withLock { $0.next = nil }
      batch.delete(.meta, Self.key)
    case .start(let session, let timeout, let persist, let base, let now):
      let next = PendingConfirmation(
        session: session.id, user: session.user, persist: persist, deadline: now + timeout, base: base ?? history.revision)
      state.withLock { $0.next = next }
      // What is kept from here on must be enough to go back.
      history.pin(next.base)
      batch.put(.meta, Self.key, Self.encode(next))
    }
  }

  /// The commit did not take place.
  func giveUp() {
    let pending = state.withLock { state in
      state.next = nil
      return state.pending
    }
    history.pin(pending?.base)
  }

  /// It is durable.
  func done(_ step: Step) {
    if case .none = step { return }
    let (old, next, stopWatch) = state.withLock { state in
      defer {
        state.pending = state.next
        state.next = nil
        state.isStuck = false
        state.version &+= 1
        state.stopWatch = nil
      }
      return (state.pending, state.next, state.stopWatch)
    }
    stopWatch?()
    history.pin(next?.base)
    switch step {
    case .none, .goBack: break
    case .confirm: if let old { tell(.confirmed, old) }
    case .start(_, let timeout, _, _, _): if let next { tell(.started(timeout: timeout), next) }
    }
  }

  // MARK: In the database

  private static func encode(_ pending: PendingConfirmation) -> [UInt8] {
    var buffer = ByteBuffer()
    buffer.writeTermTuple(arity: 6)
    buffer.writeTermInteger(pending.session)
    buffer.writeTermBinary(pending.user)
    buffer.writeTermInteger(pending.persist == nil ? 0 : 1)
    buffer.writeTermBinary(pending.persist ?? "")
    buffer.writeTermInteger(pending.deadline)
    buffer.writeTermInteger(pending.base)
    return Array(buffer.readableBytesView)
  }

  private static func decode(_ bytes: [UInt8]) -> PendingConfirmation? {
    bytes.withUnsafeBytes { bytes in
      do throws(TermError) {
        var reader = TermReader(bytes)
        try reader.readTupleHeader(arity: 6)
        let session: Int32 = try reader.readInteger()
        let user = String(decoding: try reader.readBinaryBytes(), as: UTF8.self)
        let persists: Int = try reader.readInteger()
        let persist = String(decoding: try reader.readBinaryBytes(), as: UTF8.self)
        return PendingConfirmation(
          session: session, user: user, persist: persists == 0 ? nil : persist, deadline: try reader.readInteger(),
          base: try reader.readInteger())
      } catch {
        return nil
      }
    }
  }
}
