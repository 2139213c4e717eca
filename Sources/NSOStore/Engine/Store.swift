internal import CLMDB
internal import Synchronization

/// An ordered key-value store in one directory: many readers, each on a stable snapshot, and one writer thread. Readers and
/// the writer never wait for each other. Opening it takes the directory for this process until the store is closed and the
/// last snapshot is gone.
public final class Store: Sendable {
  private struct State {
    /// The snapshot given to whoever asks, until the next commit.
    var current: Snapshot?
    var revision: Revision
    var isClosed = false
  }

  private let environment: Environment
  private let registry: SnapshotRegistry
  private let state: SharedState
  private let writer: Writer
  private let thread: WorkerThread<Writer.Job>
  public let options: StoreOptions
  /// What recent commits changed.
  public let commitLog: CommitLog

  /// A mutex that the writer can hold without holding the store.
  private final class SharedState: Sendable {
    let mutex: Mutex<State>
    init(_ revision: Revision) { mutex = Mutex(State(revision: revision)) }
  }

  /// Opens the store, making it if there is none. Blocks for as long as the disk takes.
  public init(_ options: StoreOptions) throws(StoreError) {
    let environment = try Environment(options)
    let state = SharedState(environment.initialRevision)
    let commitLog = CommitLog(limit: options.commitLogSize, after: environment.initialRevision)
    let writer = Writer(environment) { revision, batches in
      commitLog.append(batches)
      // The outgoing snapshot is released outside of the lock.
      let outdated = state.mutex.withLock { state -> Snapshot? in
        state.revision = revision
        guard let current = state.current, current.revision < revision else { return nil }
        state.current = nil
        return current
      }
      _ = consume outdated
    }
    let thread = WorkerThread<Writer.Job> { writer.run($0) }
    try thread.start()
    self.environment = environment
    self.state = state
    self.commitLog = commitLog
    self.writer = writer
    self.thread = thread
    self.options = options
    registry = SnapshotRegistry()
  }

  deinit { thread.stop() }

  /// Takes no more commits, waits for those taken, and lets go of the directory once the last snapshot is gone.
  public func close() {
    thread.stop()
    let current = state.mutex.withLock { state -> Snapshot? in
      state.isClosed = true
      let current = state.current
      state.current = nil
      return current
    }
    _ = consume current
    environment.close()
  }

  /// The revision of the last commit acknowledged.
  public var revision: Revision { state.mutex.withLock { $0.revision } }

  /// The latest state. Cheap: all who ask between two commits get the same object. Everything acknowledged before the call
  /// is in it.
  public func snapshot() throws(StoreError) -> Snapshot {
    let made: Result<Snapshot, StoreError> = state.mutex.withLock { state in
      if let current = state.current { return .success(current) }
      do throws(StoreError) {
        guard !state.isClosed else { throw Self.closed(options.path) }
        let snapshot = try Snapshot(environment, registry)
        state.current = snapshot
        return .success(snapshot)
      } catch {
        return .failure(error)
      }
    }
    return try made.get()
  }

  /// Hands a batch to the writer. `completion` is called once, on the writer's thread, when the batch is on disk (durable
  /// store) and visible to new snapshots, or has failed and changed nothing. It must be quick and must not wait for another
  /// commit. Batches take effect in the order in which they are handed in.
  public func commit(_ batch: WriteBatch, completion: @escaping @Sendable (Result<Revision, StoreError>) -> Void) {
    guard thread.enqueue(Writer.Job(batch: batch, completion: completion)) else {
      return completion(.failure(Self.closed(options.path)))
    }
  }

  /// As the other form; returns the new revision.
  public func commit(_ batch: WriteBatch) async throws(StoreError) -> Revision {
    let result: Result<Revision, StoreError> = await withCheckedContinuation { continuation in
      commit(batch) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// Blocks the calling thread until the batch is written. For start-up and tools, never on an event loop.
  @discardableResult
  public func commitAndWait(_ batch: WriteBatch) throws(StoreError) -> Revision {
    let answer = BlockingAnswer<Result<Revision, StoreError>>()
    commit(batch) { answer.give($0) }
    return try answer.wait().get()
  }

  /// Facts for those who run it. Reads only what LMDB keeps ready.
  public func statistics() throws(StoreError) -> StoreStatistics {
    let snapshot = try snapshot()
    var info = MDB_envinfo()
    var facts = MDB_stat()
    var status = mdb_env_info(environment.handle, &info)
    if status == 0 { status = mdb_env_stat(environment.handle, &facts) }
    guard status == 0 else { throw storeError(status, "cannot read the store \(options.path)") }
    var records: [Space: Int] = [:]
    for space in Space.allCases { records[space] = try snapshot.count(space) }
    let counters = writer.counters
    return StoreStatistics(
      path: options.path, durability: options.durability, revision: snapshot.revision,
      size: (info.me_last_pgno + 1) * Int(facts.ms_psize), maximumSize: environment.maximumSize, records: records,
      readers: registry.readers, commits: counters.commits, syncs: counters.syncs)
  }

  private static func closed(_ path: String) -> StoreError {
    StoreError(.closed, "the store \(path) is closed")
  }
}
