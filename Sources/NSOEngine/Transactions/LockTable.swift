public import NSOModel
import NSOStore
import Synchronization

/// The global locks on datastores: who may write them while others may not (protocol part 04, section 4.3).
public final class LockTable: Sendable {
  /// A lock as lists and texts show it.
  public struct Holder: Sendable {
    public var session: UserSession
    /// Seconds since 1970-01-01 UTC.
    public var since: Int64
    /// Tells this lock from earlier and later ones on the same datastore.
    fileprivate var number: UInt64
    /// What happens to it with its session.
    fileprivate var ending: UInt64?
  }

  private struct State {
    var holders: [DatabaseName: Holder] = [:]
    var last: UInt64 = 0
  }

  private let state = Mutex(State())
  /// Taken inside of `state`, where both are needed.
  let parts = Mutex(PartialLocks())
  /// Told of each lock that has ended, whatever ended it, on any thread; must be quick.
  private let observer = Mutex<(@Sendable (EndedLock) -> Void)?>(nil)
  let journal: Journal
  let clock: @Sendable () -> Int64

  init(journal: Journal, clock: @escaping @Sendable () -> Int64) {
    self.journal = journal
    self.clock = clock
  }

  /// A lock that has ended.
  enum EndedLock: Sendable {
    case whole(DatabaseName)
    case part(Int64, DatabaseName)
  }

  func observe(_ observer: @escaping @Sendable (EndedLock) -> Void) { self.observer.withLock { $0 = observer } }

  func tellEnded(_ lock: EndedLock) { observer.withLock { $0 }?(lock) }

  private enum Obstacle {
    case held(Holder)
    case heldInPart(PartialLocks.Lock)
  }

  private func obstacle(_ database: DatabaseName, _ state: State) -> Obstacle? {
    if let part = parts.withLock({ $0.locks.values.first { $0.database == database } }) { return .heldInPart(part) }
    return state.holders[database].map { .held($0) }
  }

  private func refusal(_ obstacle: Obstacle, _ database: DatabaseName, _ session: UserSession) -> NSOError {
    let now = clock()
    switch obstacle {
    case .heldInPart(let part):
      return journal.refusal(
        Explanation(
          .lock, .locked, actor: session.summary, action: "lock \(database)", rule: "\(part.text) by \(part.session.summary)",
          age: now - part.since, remedy: "wait for the unlock or end that session"))
    case .held(let other):
      return journal.refusal(
        Explanation(
          .lock, .locked, actor: session.summary, action: "lock \(database)",
          rule: "\(database) is locked by \(other.session.summary)", age: now - other.since,
          remedy: other.session === session
            ? "unlock it, or go on: the lock is this session's own" : "wait for the unlock or end that session"))
    }
  }

  /// As ``lock(_:for:atEnd:)``, without taking the lock.
  func checkFree(_ database: DatabaseName, for session: UserSession) throws(NSOError) {
    if let obstacle = state.withLock({ obstacle(database, $0) }) { throw refusal(obstacle, database, session) }
  }

  /// Who takes a lock for a client goes by ``Engine/lock(_:for:)``, which waits for commits that are under way.
  /// - Parameter atEnd: called instead of the release when the lock's session ends before it is unlocked, with what releases it.
  /// - Throws: LOCKED, naming the holder, also when the caller holds it already, or somebody has locked a part of the datastore.
  public func lock(
    _ database: DatabaseName, for session: UserSession,
    atEnd: (@Sendable (_ release: @escaping @Sendable () -> Void) -> Void)? = nil
  ) throws(NSOError) {
    let now = clock()
    let (number, obstacle): (UInt64, Obstacle?) = state.withLock { state in
      if let obstacle = self.obstacle(database, state) { return (0, obstacle) }
      state.last &+= 1
      state.holders[database] = Holder(session: session, since: now, number: state.last)
      return (state.last, nil)
    }
    if let obstacle { throw refusal(obstacle, database, session) }
    journal.tell(.locked, session, database)
    // Each lock has an ending of its own, which goes with it.
    let ending = session.onEnd { [weak self, weak session] in
      guard let self, let session else { return }
      let release: @Sendable () -> Void = { self.release(database, number, of: session) }
      if let atEnd { atEnd(release) } else { release() }
    }
    guard let ending else { return }
    let isHeld = state.withLock { state in
      guard state.holders[database]?.number == number else { return false }
      state.holders[database]?.ending = ending
      return true
    }
    if !isHeld { session.forget(ending: ending) }
  }

  /// - Throws: LOCKED when somebody else holds it or nobody does.
  public func unlock(_ database: DatabaseName, for session: UserSession) throws(NSOError) {
    let (problem, ending): (String?, UInt64?) = state.withLock { state in
      guard let holder = state.holders[database] else { return ("\(database) is not locked", nil) }
      guard holder.session === session else {
        return ("\(database) is locked by \(holder.session.summary), only that session may unlock it", nil)
      }
      state.holders[database] = nil
      return (nil, holder.ending)
    }
    if let problem {
      throw journal.refusal(
        Explanation(
          .lock, .locked, actor: session.summary, action: "unlock \(database)", rule: problem,
          remedy: "see who holds locks with ncs --status"))
    }
    if let ending { session.forget(ending: ending) }
    journal.tell(.unlocked, session, database)
    tellEnded(.whole(database))
  }

  public func holder(of database: DatabaseName) -> Holder? { state.withLock { $0.holders[database] } }

  /// Calls `body` while no global lock on the datastore is taken or released.
  func whileStable<R>(_ database: DatabaseName, _ body: (Holder?) -> R) -> R {
    state.withLock { body($0.holders[database]) }
  }

  /// INUSE when another session than `session` holds the lock.
  func checkWritable(_ database: DatabaseName, by session: UserSession) throws(NSOError) {
    guard let holder = holder(of: database), holder.session !== session, !isExempt(session) else { return }
    throw journal.refusal(
      Explanation(
        .lock, .inUse, actor: session.summary, action: "commit to \(database)",
        rule: "it is locked by \(holder.session.summary)", age: clock() - holder.since,
        remedy: "wait for the unlock or end that session"))
  }

  /// As ``checkWritable(_:by:)`` for what writes the datastore as a whole: a lock on any part of it is in the way, too.
  func checkWhole(_ database: DatabaseName, by session: UserSession) throws(NSOError) {
    try checkWritable(database, by: session)
    let part = parts.withLock { parts in
      parts.exempt == session.id ? nil : parts.locks.values.first { $0.database == database && $0.session !== session }
    }
    guard let part else { return }
    throw journal.refusal(
      Explanation(
        .lock, .inUse, actor: session.summary, action: "write all of \(database)",
        rule: "\(part.text) by \(part.session.summary)", age: clock() - part.since,
        remedy: "wait for the unlock or end that session"))
  }

  /// Locks do not hold the daemon itself up, when it takes a confirmed commit back.
  func exempt(_ session: UserSession) { parts.withLock { $0.exempt = session.id } }

  func isExempt(_ session: UserSession) -> Bool { parts.withLock { $0.exempt == session.id } }

  private func release(_ database: DatabaseName, _ number: UInt64, of session: UserSession) {
    let isReleased = state.withLock { state in
      guard state.holders[database]?.number == number else { return false }
      state.holders[database] = nil
      return true
    }
    guard isReleased else { return }
    journal.tell(.unlocked, session, database)
    tellEnded(.whole(database))
  }

  public var all: [(DatabaseName, Holder)] {
    state.withLock { $0.holders.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) } }
  }
}
