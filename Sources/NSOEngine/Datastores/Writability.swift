import NSOModel
import Synchronization

/// Whether clients may write, and whether running is consistent (protocol part 04, section 4.12).
public final class Writability: Sendable {
  private struct State {
    var isReadOnly = false
    var others: [String: @Sendable () -> String?] = [:]
    var inconsistency: String?
    var observers: [@Sendable (String?) -> Void] = []
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

  /// Why running is not consistent: a participant has failed in the second phase of a commit, or somebody says so. Nil: it is.
  public var inconsistency: String? { state.withLock { $0.inconsistency } }

  public var isConsistent: Bool { inconsistency == nil }

  /// Running is not consistent, until somebody has looked and says that it is. The first cause stays.
  public func setInconsistent(_ cause: String) { change { $0 ?? cause } }

  public func setConsistent() { change { _ in nil } }

  private func change(_ body: (String?) -> String?) {
    let (cause, observers) = state.withLock { state in
      let before = state.inconsistency
      state.inconsistency = body(before)
      return (state.inconsistency, state.inconsistency == before ? [] : state.observers)
    }
    for observer in observers { observer(cause) }
  }

  /// Calls `observer` whenever ``inconsistency`` changes, on any thread.
  public func observeConsistency(_ observer: @escaping @Sendable (String?) -> Void) {
    state.withLock { $0.observers.append(observer) }
  }
}
