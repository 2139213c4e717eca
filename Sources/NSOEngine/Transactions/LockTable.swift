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
  }

  private let holders = Mutex<[DatabaseName: Holder]>([:])
  let parts = Mutex(PartialLocks())
  private let journal: Journal
  let clock: @Sendable () -> Int64

  init(journal: Journal, clock: @escaping @Sendable () -> Int64) {
    self.journal = journal
    self.clock = clock
  }

  /// - Throws: LOCKED, naming the holder, also when the caller holds it already, or somebody has locked a part of the datastore.
  public func lock(_ database: DatabaseName, for session: UserSession) throws(NSOError) {
    let now = clock()
    if let part = parts.withLock({ $0.locks.values.first { $0.database == database } }) {
      throw NSOError(
        .locked, "\(database) cannot be locked: \(part.text) by \(part.session.summary) since \(now - part.since) s")
    }
    let other: Holder? = holders.withLock { holders in
      if let holder = holders[database] { return holder }
      holders[database] = Holder(session: session, since: now)
      return nil
    }
    if let other {
      throw journal.refusal(
        Explanation(
          .lock, .locked, actor: session.summary, action: "lock \(database)",
          rule: "\(database) is locked by \(other.session.summary)", age: now - other.since,
          remedy: other.session === session
            ? "unlock it, or go on: the lock is this session's own" : "wait for the unlock or end that session"))
    }
    journal.tell(.locked, session, database)
    session.onEnd { [weak self, weak session] in
      guard let self, let session else { return }
      self.releaseAll(of: session)
    }
  }

  /// - Throws: LOCKED when somebody else holds it or nobody does.
  public func unlock(_ database: DatabaseName, for session: UserSession) throws(NSOError) {
    let problem: String? = holders.withLock { holders in
      guard let holder = holders[database] else { return "\(database) is not locked" }
      guard holder.session === session else {
        return "\(database) is locked by \(holder.session.summary), only that session may unlock it"
      }
      holders[database] = nil
      return nil
    }
    if let problem {
      throw journal.refusal(
        Explanation(
          .lock, .locked, actor: session.summary, action: "unlock \(database)", rule: problem,
          remedy: "see who holds locks with ncs --status"))
    }
    journal.tell(.unlocked, session, database)
  }

  public func holder(of database: DatabaseName) -> Holder? { holders.withLock { $0[database] } }

  /// INUSE when another session than `session` holds the lock.
  func checkWritable(_ database: DatabaseName, by session: UserSession) throws(NSOError) {
    guard let holder = holder(of: database), holder.session !== session, !isExempt(session) else { return }
    throw journal.refusal(
      Explanation(
        .lock, .inUse, actor: session.summary, action: "commit to \(database)",
        rule: "it is locked by \(holder.session.summary)", age: clock() - holder.since,
        remedy: "wait for the unlock or end that session"))
  }

  /// Locks do not hold the daemon itself up, when it takes a confirmed commit back.
  func exempt(_ session: UserSession) { parts.withLock { $0.exempt = session.id } }

  func isExempt(_ session: UserSession) -> Bool { parts.withLock { $0.exempt == session.id } }

  private func releaseAll(of session: UserSession) {
    let released = holders.withLock { holders in
      let mine = holders.filter { $0.value.session === session }.keys.sorted { $0.rawValue < $1.rawValue }
      for database in mine { holders[database] = nil }
      return mine
    }
    for database in released { journal.tell(.unlocked, session, database) }
  }

  public var all: [(DatabaseName, Holder)] {
    holders.withLock { $0.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) } }
  }
}
