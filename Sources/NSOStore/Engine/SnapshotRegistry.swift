internal import Synchronization

/// Which snapshots are held, and since when: what pins old pages.
final class SnapshotRegistry: Sendable {
  private struct State {
    var next: UInt64 = 0
    var live: [UInt64: (revision: Revision, since: ContinuousClock.Instant)] = [:]
  }

  private let state = Mutex(State())

  func add(_ revision: Revision) -> UInt64 {
    state.withLock { state in
      state.next &+= 1
      state.live[state.next] = (revision, .now)
      return state.next
    }
  }

  func remove(_ ticket: UInt64) {
    state.withLock { _ = $0.live.removeValue(forKey: ticket) }
  }

  /// The oldest first.
  var readers: [StoreStatistics.Reader] {
    let live = state.withLock { Array($0.live.values) }
    let now = ContinuousClock.now
    return live.map { StoreStatistics.Reader(revision: $0.revision, age: now - $0.since) }.sorted { $0.revision < $1.revision }
  }
}
