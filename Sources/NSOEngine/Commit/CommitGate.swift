import Synchronization

/// Orders commits and read locks of one datastore: one transaction at a time from validation to the end of its commit,
/// and no commit while a client holds a read lock (CDB LOCK_SESSION). Waiting costs no thread.
final class CommitGate: Sendable {
  /// Who holds the gate, for error texts.
  struct Owner: Sendable {
    var id: UInt64
    var text: String
    /// Seconds since 1970-01-01 UTC.
    var since: Int64
  }

  enum Want: Sendable { case write, read }

  private struct Waiter {
    var owner: Owner
    var want: Want
    var resume: @Sendable (Bool) -> Void
  }

  private struct State {
    var writer: Owner?
    /// The writer's changes are in the store: it keeps other writers out, no longer readers.
    var writerAdmitsReaders = false
    var readers: [UInt64: Owner] = [:]
    var waiters: [Waiter] = []
    var next: UInt64 = 0
  }

  private let state = Mutex(State())

  /// A new identity for an owner.
  func owner(_ text: String, since: Int64) -> Owner {
    state.withLock { state in
      state.next &+= 1
      return Owner(id: state.next, text: text, since: since)
    }
  }

  /// Takes the gate now, or returns who is in the way.
  func tryTake(_ owner: Owner, _ want: Want) -> Owner? {
    state.withLock { state in
      if let blocker = Self.blocker(in: state, want) { return blocker }
      // Writers keep their order of arrival; a read lock is short and goes first.
      if want == .write, let first = state.waiters.first { return first.owner }
      Self.give(owner, want, &state)
      return nil
    }
  }

  /// Takes the gate when it is free; writers in order of arrival, readers before them. `body` is called once: true when taken, false when the wait was
  /// given up by ``giveUp(_:)``.
  func take(_ owner: Owner, _ want: Want, _ body: @escaping @Sendable (Bool) -> Void) {
    let taken = state.withLock { state -> Bool in
      if want == .read || state.waiters.isEmpty, Self.blocker(in: state, want) == nil {
        Self.give(owner, want, &state)
        return true
      }
      state.waiters.append(Waiter(owner: owner, want: want, resume: body))
      return false
    }
    if taken { body(true) }
  }

  /// Stops waiting; `body` of ``take(_:_:_:)`` is called with false. Nothing happens when the gate was already taken.
  /// - Returns: who was in the way.
  @discardableResult
  func giveUp(_ owner: Owner) -> Owner? {
    let result: (waiter: Waiter, blocker: Owner?)? = state.withLock { state in
      guard let index = state.waiters.firstIndex(where: { $0.owner.id == owner.id }) else { return nil }
      let waiter = state.waiters.remove(at: index)
      return (waiter, Self.blocker(in: state, waiter.want))
    }
    result?.waiter.resume(false)
    wake()
    return result?.blocker
  }

  /// Lets go of whatever `owner` holds.
  func release(_ owner: Owner) {
    state.withLock { state in
      if state.writer?.id == owner.id { state.writer = nil }
      state.readers[owner.id] = nil
    }
    wake()
  }

  /// From now on read locks can be taken although `owner` still writes: its changes are durable, only others have to be told.
  func admitReaders(_ owner: Owner) {
    state.withLock { state in
      guard state.writer?.id == owner.id else { return }
      state.writerAdmitsReaders = true
    }
    wake()
  }

  /// Who would be in the way of `want` at this moment.
  func blocker(of want: Want) -> Owner? { state.withLock { Self.blocker(in: $0, want) } }

  var holders: (writer: Owner?, readers: [Owner]) {
    state.withLock { ($0.writer, $0.readers.values.sorted { $0.id < $1.id }) }
  }

  private func wake() {
    while true {
      let woken: Waiter? = state.withLock { state in
        guard let index = state.waiters.firstIndex(where: { Self.blocker(in: state, $0.want) == nil }) else { return nil }
        let waiter = state.waiters.remove(at: index)
        Self.give(waiter.owner, waiter.want, &state)
        return waiter
      }
      guard let woken else { return }
      woken.resume(true)
    }
  }

  private static func blocker(in state: State, _ want: Want) -> Owner? {
    if let writer = state.writer, want == .write || !state.writerAdmitsReaders { return writer }
    guard want == .write else { return nil }
    return state.readers.values.min { $0.id < $1.id }
  }

  private static func give(_ owner: Owner, _ want: Want, _ state: inout State) {
    switch want {
    case .write:
      state.writer = owner
      state.writerAdmitsReaders = false
    case .read: state.readers[owner.id] = owner
    }
  }
}
