import Logging
import NSOModel
import NSOSchema
import NSOStore
import NSOWire
import Synchronization

/// Configuration that data providers store takes part in commits beside our own: all or nothing (protocol part 05, section
/// 6.2). Each provider concerned gets trans_lock when validation begins, and trans_unlock when that fails or was a test only; then
/// write_start, its writes and prepare; when all participants of the commit have prepared and our own store has committed, all
/// get commit, else those that prepared get abort.
///
/// What cannot be made sure from here: a provider that is lost, or fails, between prepare and commit. That it was prepared is
/// kept with our own commit until it has confirmed, so that this is found and told when it is back. So is that it was lost before it
/// heard that what it had prepared was aborted.
final class ProviderCommit: CommitParticipant {
  let name = "data providers"
  private let registry: ProviderRegistry
  private let store: Store
  private let journal: Journal
  private let writability: Writability
  private let confirmedCommits: ConfirmedCommits
  /// Those that have prepared, by transaction.
  private let prepared = Mutex<[Int32: [ProviderTransaction]]>([:])
  /// Those that were told that validation has begun, by transaction.
  private let locked = Mutex<[Int32: Locked]>([:])

  init(
    _ registry: ProviderRegistry, _ store: Store, _ journal: Journal, _ writability: Writability,
    _ confirmedCommits: ConfirmedCommits
  ) {
    self.registry = registry
    self.confirmedCommits = confirmedCommits
    self.writability = writability
    self.store = store
    self.journal = journal
    registry.onChange { [weak self] instance, isThere in
      if isThere { self?.tell(instance) }
    }
  }

  /// After the hooks: validation begins.
  func completeChanges(of transaction: Transaction) async throws(NSOError) {
    let (changes, tree) = transaction.state.withLock { ($0.editor.provider, $0.editor.providerTree) }
    guard let changes, !changes.isEmpty, let tree else { return }
    let model = transaction.model
    let parts = try await ProviderWait.retrying { () throws(NSOError) in
      var parts: [ProviderTransaction] = []
      for write in try ProviderWrites.all(of: changes, model) {
        let place = try tree.place(write.path)
        let part = try tree.part(of: place.served.instance)
        part.note(point: place.point.name)
        if !parts.contains(where: { $0 === part }) { parts.append(part) }
      }
      return parts
    }
    let handle = transaction.handle
    for part in parts {
      try await part.run(.lock)
      let isFirst = locked.withLock { locked in
        locked[handle, default: Locked()].parts.append(part)
        return locked[handle]?.parts.count == 1
      }
      guard isFirst else { continue }
      // Its end ends the lock as well.
      let ending = transaction.onEnd { [weak self] in self?.locked.withLock { _ = $0.removeValue(forKey: handle) } }
      locked.withLock { $0[handle]?.ending = ending }
    }
  }

  private struct Locked {
    var parts: [ProviderTransaction] = []
    /// What happens with the end of the transaction.
    var ending: UInt64?
  }

  private func takeLocked(_ transaction: Transaction) -> [ProviderTransaction] {
    guard let locked = locked.withLock({ $0.removeValue(forKey: transaction.handle) }) else { return [] }
    if let ending = locked.ending { transaction.forget(ending: ending) }
    return locked.parts
  }

  func validationEnded(_ transaction: Transaction) async {
    for part in takeLocked(transaction) where part.isOpen {
      do throws(NSOError) { try await part.run(.unlock) } catch {
        registry.log.warning("\(part.instance.summary) does not give up the lock of \(transaction.summary): \(error.message)")
        end([part], of: transaction)
      }
    }
  }

  func prepare(_ attempt: CommitAttempt) async throws(NSOError) {
    let transaction = attempt.transaction
    guard let changes = attempt.providerChanges, !changes.isEmpty, let tree = transaction.providerTree else {
      _ = takeLocked(transaction)
      return
    }
    let model = attempt.model
    let requests = try await ProviderWait.retrying { () throws(NSOError) in
      var requests: [(place: ProviderPlace, call: CallbackCall)] = []
      for write in try tree.withDefaults(try ProviderWrites.all(of: changes, model)) {
        if let request = try tree.request(write) { requests.append(request) }
      }
      return requests
    }
    if let place = requests.first?.place { try checkConfirmation(transaction, place) }
    // From here on an error ends them, and with them their locks.
    let locked = takeLocked(transaction)
    var parts: [ProviderTransaction] = []
    var ready: [ProviderTransaction] = []
    do throws(NSOError) {
      for (place, _) in requests {
        let part = try tree.part(of: place.served.instance)
        part.note(point: place.point.name)
        if !parts.contains(where: { $0 === part }) { parts.append(part) }
      }
      for part in parts where !locked.contains(where: { $0 === part && $0.isOpen }) { try await part.run(.lock) }
      for part in parts { try await part.run(.writeStart) }
      for (place, call) in requests {
        let path = place.keypath
        let part = try tree.part(of: place.served.instance)
        guard case .ok = try await part.call(place.served, place.point.point, call, at: { "\(path)" }) else {
          throw tree.wrongAnswer(place)
        }
      }
      for part in parts {
        try part.keep()
        do throws(NSOError) { try await part.run(.prepare) } catch {
          // It may have, though nobody was told.
          if part.isLost { await noteAborted([part], of: transaction) }
          throw error
        }
        ready.append(part)
      }
    } catch {
      await abort(ready, of: transaction)
      end(parts + locked.filter { part in part.isOpen && !parts.contains { $0 === part } }, of: transaction)
      throw error
    }
    prepared.withLock { $0[transaction.handle] = ready }
    transaction.state.withLock { $0.providersInCommit = ready.map(\.instance.name) }
  }

  /// What takes a confirmed commit back, and all commits after it, is kept for our own data only.
  private func checkConfirmation(_ transaction: Transaction, _ place: ProviderPlace) throws(NSOError) {
    let (isConfirmed, settles) = transaction.state.withLock {
      ($0.commitFlags.contains(.confirmed), $0.settlesConfirmedCommit)
    }
    let what = "\(place.keypath) is stored by \(place.served.instance.summary) (callpoint \(place.point.name))"
    if isConfirmed {
      throw NSOError(
        .notImplemented, "\(what), where a confirmed commit cannot be taken back: commit without confirmation")
    }
    guard !settles, let pending = confirmedCommits.pending else { return }
    throw NSOError(
      .inUse,
      "\(what) and cannot be changed while a confirmed commit of \(pending.user) (session \(pending.session)) is pending, since that takes back what was committed after it, but not there: confirm or abort it first"
    )
  }

  func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError) {
    for part in prepared.withLock({ $0[attempt.transaction.handle] ?? [] }) {
      batch.put(.meta, Self.key(part), Array("\(Self.committed)\(id.seconds)-\(id.microseconds)-\(id.sequence)".utf8))
    }
  }

  func commit(_ attempt: CommitAttempt, _ result: CommitResult) async {
    guard let parts = prepared.withLock({ $0.removeValue(forKey: attempt.transaction.handle) }) else { return }
    var confirmed = WriteBatch()
    for part in parts {
      do throws(NSOError) {
        try await part.run(.commit)
        confirmed.delete(.meta, Self.key(part))
      } catch {
        // Until somebody has looked, and says so (SET_RUNNING_DB_STATUS).
        writability.setInconsistent("\(part.instance.summary) did not confirm the commit of \(attempt.transaction.summary)")
        journal.commitFailed(provider: part.instance.name, attempt.transaction.database)
        registry.log.error(
          "\(part.instance.summary) had prepared \(attempt.transaction.summary) and did not confirm its commit (\(error.message)): the rest of the commit is done; what it stores may lack these changes"
        )
      }
    }
    // Before they hear of the end: from then on it is over for them.
    await keep(confirmed, "data providers confirmed a commit")
    end(parts, of: attempt.transaction)
  }

  func abort(_ attempt: CommitAttempt, _ cause: NSOError) async {
    guard let parts = prepared.withLock({ $0.removeValue(forKey: attempt.transaction.handle) }) else { return }
    attempt.transaction.state.withLock { $0.providersInCommit = [] }
    await abort(parts, of: attempt.transaction)
    end(parts, of: attempt.transaction)
  }

  private func abort(_ parts: [ProviderTransaction], of transaction: Transaction) async {
    var lost: [ProviderTransaction] = []
    for part in parts.reversed() {
      do throws(NSOError) { try await part.run(.abort) } catch {
        registry.log.error("\(part.instance.summary) could not abort what it had prepared: \(error.message)")
        lost.append(part)
      }
    }
    await noteAborted(lost, of: transaction)
  }

  /// Those that have, or may have, prepared, and do not know that nothing was committed.
  private func noteAborted(_ parts: [ProviderTransaction], of transaction: Transaction) async {
    var batch = WriteBatch()
    for part in parts { batch.put(.meta, Self.key(part), Array("\(Self.aborted)\(transaction.summary)".utf8)) }
    await keep(batch, "data providers do not know that a commit was aborted")
  }

  private func keep(_ notes: WriteBatch, _ what: String) async {
    guard !notes.isEmpty else { return }
    do throws(StoreError) { _ = try await store.commit(notes) } catch {
      registry.log.error("the note that \(what) could not be written: \(error)")
    }
  }

  /// After commit or abort nothing more can be asked of this transaction of theirs: the next read begins another one.
  private func end(_ parts: [ProviderTransaction], of transaction: Transaction) {
    let all = registry.parts(in: transaction)
    for part in parts { all.end(part) }
    transaction.providerTree?.forget()
  }

  // MARK: Commits that were not confirmed

  private static let prefix = Array("provider-commit ".utf8)

  private static func key(_ part: ProviderTransaction) -> [UInt8] { prefix + Array(part.instance.name.utf8) }

  private static let committed = "transaction "
  private static let aborted = "aborted "

  /// Data providers that have prepared a commit and were lost before they knew, or confirmed, how it ended.
  var unconfirmed: [UnconfirmedProvider] {
    do throws(StoreError) {
      let cursor = try store.snapshot().makeCursor(.meta, in: .prefix(Self.prefix))
      var found: [UnconfirmedProvider] = []
      var isMore = try cursor.first()
      while isMore {
        let name = String(decoding: cursor.key.dropFirst(Self.prefix.count), as: UTF8.self)
        let text = String(decoding: cursor.value, as: UTF8.self)
        let isAborted = text.hasPrefix(Self.aborted)
        found.append(
          UnconfirmedProvider(
            name: name, commit: isAborted ? String(text.dropFirst(Self.aborted.count)) : text, isCommitted: !isAborted))
        isMore = try cursor.next()
      }
      return found
    } catch {
      registry.log.error("which providers did not confirm a commit cannot be read from the database: \(error)")
      return []
    }
  }

  /// A client is back: whether it owes something.
  private func tell(_ instance: ProviderInstance) {
    for item in unconfirmed where item.name == instance.name {
      registry.log.error("\(instance.summary) \(item.text); the note is dropped with its next confirmed commit")
    }
  }
}

/// A data provider that has prepared a commit and was lost before it knew, or confirmed, how it ended.
public struct UnconfirmedProvider: Hashable, Sendable {
  public var name: String
  /// Which commit.
  public var commit: String
  /// False: it was aborted.
  public var isCommitted: Bool

  /// What there is to say of it, behind its name.
  public var text: String {
    isCommitted
      ? "had prepared \(commit) and was lost before it confirmed the commit: compare its configuration with what was committed"
      : "was lost when it had, or may have, prepared \(commit), which was aborted: see that it has dropped those changes"
  }
}
