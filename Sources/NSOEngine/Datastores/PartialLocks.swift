public import NSOModel
import NSOSchema
import NSOStore
import Synchronization

/// The locks on parts of datastores (protocol part 04, LOCK_PARTIAL; RFC 5717).
struct PartialLocks {
  struct Lock {
    var database: DatabaseName
    var session: UserSession
    var ranges: KeyRanges
    /// What was asked for: the expressions.
    var selection: [String]
    /// What is selected of configuration that data providers store, and what has such configuration below.
    var pathsAtProviders: [Keypath]
    /// Seconds since 1970-01-01 UTC.
    var since: Int64
    /// What happens to it with its session.
    var ending: UInt64?

    var text: String { "a part (\(selection.joined(separator: ", "))) is locked" }
  }

  /// By number.
  var locks: [Int64: Lock] = [:]
  var last: Int64 = 0
  /// The session that no lock holds up.
  var exempt: Int32?
}

/// A lock on a part as lists show it.
public struct PartialLockInfo: Sendable {
  public var id: Int64
  public var database: DatabaseName
  public var session: UserSession
  public var selection: [String]
  var pathsAtProviders: [Keypath]
  /// Seconds since 1970-01-01 UTC.
  public var since: Int64
}

extension LockTable {
  var hasPartialLocks: Bool { parts.withLock { !$0.locks.isEmpty } }

  /// The locks on parts, in the order in which they were taken.
  public var partial: [PartialLockInfo] {
    parts.withLock { parts in
      parts.locks.sorted { $0.key < $1.key }.map { id, lock in
        PartialLockInfo(
          id: id, database: lock.database, session: lock.session, selection: lock.selection,
          pathsAtProviders: lock.pathsAtProviders, since: lock.since)
      }
    }
  }

  /// - Throws: LOCKED, naming the holder, when somebody (also the caller) has locked any of it.
  func lock(
    _ ranges: KeyRanges, _ selection: [String], _ pathsAtProviders: [Keypath] = [], of database: DatabaseName,
    for session: UserSession, _ text: (_ key: [UInt8]) -> String
  ) throws(NSOError) -> Int64 {
    enum Outcome {
      case taken(Int64)
      case held(Holder)
      case heldInPart(PartialLocks.Lock, key: [UInt8])
    }
    let now = clock()
    let outcome: Outcome = whileStable(database) { holder in
      if let holder { return .held(holder) }
      return parts.withLock { parts in
        for lock in parts.locks.values where lock.database == database {
          if let key = lock.ranges.firstCommonKey(with: ranges) { return .heldInPart(lock, key: key) }
        }
        parts.last += 1
        parts.locks[parts.last] = PartialLocks.Lock(
          database: database, session: session, ranges: ranges, selection: selection, pathsAtProviders: pathsAtProviders,
          since: now)
        return .taken(parts.last)
      }
    }
    let id: Int64
    switch outcome {
    case .taken(let taken): id = taken
    case .held(let holder):
      throw journal.refusal(
        Explanation(
          .lock, .locked, actor: session.summary, action: "lock a part of \(database)",
          rule: "\(database) is locked by \(holder.session.summary)", age: now - holder.since,
          remedy: "wait for the unlock or end that session"))
    case .heldInPart(let other, let key):
      throw journal.refusal(
        Explanation(
          .lock, .locked, actor: session.summary, action: "lock a part of \(database):", path: text(key),
          rule: "\(other.text) by \(other.session.summary)", age: now - other.since,
          remedy: "wait for the unlock or end that session"))
    }
    let ending = session.onEnd { [weak self] in
      guard let self, self.parts.withLock({ $0.locks.removeValue(forKey: id) }) != nil else { return }
      self.tellEnded(.part(id, database))
    }
    guard let ending else { return id }
    let isHeld = parts.withLock { parts in
      parts.locks[id]?.ending = ending
      return parts.locks[id] != nil
    }
    if !isHeld { session.forget(ending: ending) }
    return id
  }

  /// - Throws: NOEXISTS when the session has no such lock.
  public func unlockPart(_ id: Int64, for session: UserSession) throws(NSOError) {
    let released: PartialLocks.Lock? = parts.withLock { parts in
      parts.locks[id]?.session === session ? parts.locks.removeValue(forKey: id) : nil
    }
    guard let released else {
      throw journal.refusal(
        Explanation(
          .lock, .noExists, actor: session.summary, action: "release the partial lock \(id)",
          rule: "only the session that took it may, and this one has none of that number",
          remedy: "see who holds locks with ncs --status"))
    }
    if let ending = released.ending { session.forget(ending: ending) }
    tellEnded(.part(id, released.database))
  }

  /// INUSE when changes touch what another session has locked.
  /// - Parameter atProviders: changes of what data providers store: whatever was written there counts, since they cannot be asked here.
  func checkParts(
    of database: DatabaseName, _ changes: Overlay, _ atProviders: Overlay? = nil, by session: UserSession,
    _ text: (_ key: [UInt8]) -> String
  ) throws(NSOError) {
    var written = KeyRanges()
    for range in atProviders?.touched ?? [] { written.insert(range) }
    let others = parts.withLock { parts in
      parts.exempt == session.id ? [] : parts.locks.values.filter { $0.database == database && $0.session !== session }
    }
    for lock in others {
      let change = try storeErrors { () throws(StoreError) in try changes.firstChange(in: lock.ranges) }
      guard let key = change ?? lock.ranges.firstCommonKey(with: written) else { continue }
      throw journal.refusal(
        Explanation(
          .lock, .inUse, actor: session.summary, action: "commit to \(database)", path: text(key),
          rule: "\(lock.text) by \(lock.session.summary)", age: clock() - lock.since,
          remedy: "wait for the unlock or end that session"))
    }
  }
}
