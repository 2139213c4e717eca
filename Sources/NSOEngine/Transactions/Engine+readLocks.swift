public import NSOModel

/// Read locks of CDB sessions (protocol part 03).
extension Engine {
  /// A read lock on running or startup, held until it is given back (CDB LOCK_SESSION).
  public struct ReadLock: Sendable {
    let owner: CommitGate.Owner
    let gate: CommitGate
  }

  /// - Throws: LOCKED, naming the transaction that is being committed.
  public func lockForReading(_ who: String, of database: DatabaseName = .running) throws(NSOError) -> ReadLock {
    let gate = database == .startup ? startupGate : gate
    let owner = gate.owner(who, since: now)
    if let blocker = gate.tryTake(owner, .read) {
      throw journal.refusal(
        Explanation(
          .lock, .locked, actor: who, action: "lock \(database) for reading",
          rule: "\(database) is being written by \(blocker.text)",
          age: now - blocker.since, remedy: "try again, or ask with LOCK_WAIT"))
    }
    return ReadLock(owner: owner, gate: gate)
  }

  /// Waits for the lock. `body` is called once, with nil when ``cancel(_:)`` gave up the wait.
  /// - Returns: what to cancel.
  @discardableResult
  public func waitForReading(
    _ who: String, of database: DatabaseName = .running, _ body: @escaping @Sendable (ReadLock?) -> Void
  ) -> ReadLock {
    let gate = database == .startup ? startupGate : gate
    let lock = ReadLock(owner: gate.owner(who, since: now), gate: gate)
    gate.take(lock.owner, .read) { body($0 ? lock : nil) }
    return lock
  }

  public func cancel(_ wait: ReadLock) {
    wait.gate.giveUp(wait.owner)
  }

  public func unlock(_ lock: ReadLock) { lock.gate.release(lock.owner) }

  /// Who commits now, and who holds read locks: text and since when.
  public var commitHolders: (writer: (String, Int64)?, readers: [(String, Int64)]) {
    let holders = gate.holders
    return (holders.writer.map { ($0.text, $0.since) }, holders.readers.map { ($0.text, $0.since) })
  }
}
