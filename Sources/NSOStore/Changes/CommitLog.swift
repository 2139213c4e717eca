internal import Synchronization

/// A change that another transaction depended on.
public struct Conflict: Hashable, Sendable {
  public enum Operation: Hashable, Sendable { case set, deleted }

  /// What was read, or lies in what was read, and was changed.
  public var key: [UInt8]
  /// The commit that changed it: exact when the log still had it, else the latest revision.
  public var revision: Revision
  /// What was done to it.
  public var operation: Operation

  public init(key: [UInt8], revision: Revision, operation: Operation = .set) {
    self.key = key
    self.revision = revision
    self.operation = operation
  }
}

/// What recent commits changed, up to a bound. It keeps the batches themselves, which costs nothing but their memory.
public final class CommitLog: Sendable {
  private struct State {
    var entries: [(revision: Revision, batch: WriteBatch)] = []
    var size = 0
    /// Everything after this revision is there.
    var completeAfter: Revision
  }

  public enum Answer: Hashable, Sendable {
    case none
    case conflict(Conflict)
    /// The log does not reach back that far.
    case unknown
  }

  private let limit: Int
  private let state: Mutex<State>

  init(limit: Int, after revision: Revision) {
    self.limit = limit
    state = Mutex(State(completeAfter: revision))
  }

  func append(_ batches: [(Revision, WriteBatch)]) {
    state.withLock { state in
      for (revision, batch) in batches {
        state.entries.append((revision, batch))
        state.size += batch.size
      }
      var outdated = 0
      while state.size > limit, outdated < state.entries.count {
        state.size -= state.entries[outdated].batch.size
        state.completeAfter = state.entries[outdated].revision
        outdated += 1
      }
      state.entries.removeFirst(outdated)
    }
  }

  /// The first change of `space` in the commits after `since` that touches what was read.
  public func conflict(_ reads: ReadSet, in space: Space, since: Revision) -> Answer {
    if reads.isEmpty { return .none }
    let entries: ArraySlice<(revision: Revision, batch: WriteBatch)>? = state.withLock { state in
      guard since >= state.completeAfter else { return nil }
      return state.entries.drop { $0.revision <= since }
    }
    guard let entries else { return .unknown }
    for (revision, batch) in entries {
      var found: [UInt8]?
      var done = Conflict.Operation.deleted
      batch.forEach { changed, operation in
        guard changed == space else { return true }
        switch operation {
        case .put(let key, _):
          guard reads.contains(key) else { return true }
          found = Array(key)
          done = .set
        case .delete(let key): if reads.contains(key) { found = Array(key) }
        case .deleteRange(let lower, let upper): found = reads.firstRead(lower, upper)
        }
        return found == nil
      }
      if let found { return .conflict(Conflict(key: found, revision: revision, operation: done)) }
    }
    return .none
  }
}

extension Store {
  /// Whether something of `space` that was read in `snapshot` has been changed by now; nil when not. Answers from the log of recent
  /// commits; for an older snapshot it compares what was read with what is there now, which finds just the real differences.
  public func conflict(_ reads: ReadSet, in space: Space, since snapshot: Snapshot) throws(StoreError) -> Conflict? {
    switch commitLog.conflict(reads, in: space, since: snapshot.revision) {
    case .none: return nil
    case .conflict(let conflict): return conflict
    case .unknown: break
    }
    let now = try self.snapshot()
    var found: Conflict?
    for range in reads.ranges.ranges {
      try RecordChanges.between(snapshot.tree(space), now.tree(space), in: range) { key, _, new in
        found = Conflict(key: Array(key), revision: now.revision, operation: new == nil ? .deleted : .set)
        return .stop
      }
      if found != nil { return found }
    }
    return nil
  }
}
