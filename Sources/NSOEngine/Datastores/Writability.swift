import NSOModel
import Synchronization

/// Whether clients may write, and whether running is consistent (protocol part 04, section 4.12).
public final class Writability: Sendable {
  private struct State {
    var isReadOnly = false
    var others: [String: @Sendable () -> String?] = [:]
    var isConsistent = true
    var observers: [@Sendable (Bool) -> Void] = []
  }

  private let state = Mutex(State())
  private let journal: Journal

  init(_ journal: Journal) { self.journal = journal }

  /// The administrative read-only mode: sessions of contexts other than `system` cannot start transactions to read and write.
  public var isReadOnly: Bool {
    get { state.withLock { $0.isReadOnly } }
    set { state.withLock { $0.isReadOnly = newValue } }
  }

  /// Adds another reason not to write, as that of a secondary in a cluster.
  /// - Parameter reason: asked whenever a transaction is started; gives what to tell the client, or nil.
  public func restrict(_ name: String, _ reason: @escaping @Sendable () -> String?) {
    state.withLock { $0.others[name] = reason }
  }

  /// - Throws: NOT_WRITABLE while writing is not allowed.
  func check(_ session: UserSession) throws(NSOError) {
    guard !session.isSystem else { return }
    let (isReadOnly, others) = state.withLock { ($0.isReadOnly, $0.others) }
    if isReadOnly {
      throw refusal(session, "the daemon is in read-only mode", "read, or have the mode ended (SET_READONLY 0)")
    }
    for (_, reason) in others.sorted(by: { $0.key < $1.key }) {
      if let text = reason() { throw refusal(session, text, "") }
    }
  }

  private func refusal(_ session: UserSession, _ rule: String, _ remedy: String) -> NSOError {
    journal.refusal(
      Explanation(.state, .notWritable, actor: session.summary, action: "write", rule: rule, remedy: remedy))
  }

  /// False after a participant has failed in the second phase of a commit, until somebody has looked and says so.
  public var isConsistent: Bool {
    get { state.withLock { $0.isConsistent } }
    set {
      let observers = state.withLock { state in
        defer { state.isConsistent = newValue }
        return state.isConsistent == newValue ? [] : state.observers
      }
      for observer in observers { observer(newValue) }
    }
  }

  /// Calls `observer` whenever ``isConsistent`` changes, on any thread.
  public func observeConsistency(_ observer: @escaping @Sendable (Bool) -> Void) {
    state.withLock { $0.observers.append(observer) }
  }
}
