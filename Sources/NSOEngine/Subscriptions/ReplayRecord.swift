import Logging
import NSOModel
import Synchronization

/// The changes of recent commits, kept for subscribers that ask for them again (protocol part 03, section 7.11), as long as
/// that is enabled. Bounded by the number of changes; forgotten when the daemon ends.
final class ReplayRecord: Sendable {
  struct Entry: Sendable {
    var id: TransactionID
    /// The id of the transaction before it.
    var previous: TransactionID
    var changes: SubscriptionChanges
    var count: Int
  }

  private struct State {
    var isEnabled = false
    var entries: [Entry] = []
    var count = 0
    var last: TransactionID
  }

  /// Changes kept at most; a commit with more is not kept, and neither is anything before it.
  private let limit: Int
  private let state: Mutex<State>

  /// - Parameter last: the id of the latest commit.
  init(after last: TransactionID, limit: Int = 1 << 17) {
    self.limit = limit
    state = Mutex(State(last: last))
  }

  var isEnabled: Bool {
    get { state.withLock { $0.isEnabled } }
    set {
      state.withLock { state in
        state.isEnabled = newValue
        if !newValue { (state.entries, state.count) = ([], 0) }
      }
    }
  }

  func add(_ attempt: CommitAttempt, _ id: TransactionID, log: Logger) {
    let previous = state.withLock { state in
      defer { state.last = id }
      return state.isEnabled ? state.last : nil
    }
    guard let previous else { return }
    do throws(NSOError) {
      let differences = try attempt.differences(below: .root, .oldValues)
      let collected = try SubscriptionChanges.joiningLeafLists(differences, attempt.before, attempt.after)
      append(
        Entry(
          id: id, previous: previous, changes: SubscriptionChanges(collected: collected, attempt.model), count: collected.count)
      )
    } catch {
      log.warning("CDB: the changes of commit \(id) cannot be kept for replay: \(error)")
      append(nil)
    }
  }

  private func append(_ entry: Entry?) {
    state.withLock { state in
      guard let entry, entry.count <= limit else {
        // There must be no gap.
        (state.entries, state.count) = ([], 0)
        return
      }
      state.entries.append(entry)
      state.count += entry.count
      while state.count > limit || state.entries.count > 1000 {
        state.count -= state.entries.removeFirst().count
      }
    }
  }

  /// The latest first.
  var entries: [Entry] { state.withLock { $0.entries.reversed() } }
}
