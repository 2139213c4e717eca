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
/// kept with our own commit until it has confirmed, so that this is found and told when it is back.
final class ProviderCommit: CommitParticipant {
  let name = "data providers"
  private let registry: ProviderRegistry
  private let store: Store
  private let journal: Journal
  private let writability: Writability
  /// Those that have prepared, by transaction.
  private let prepared = Mutex<[Int32: [ProviderTransaction]]>([:])
  /// Those that were told that validation has begun, by transaction.
  private let locked = Mutex<[Int32: Locked]>([:])

  init(_ registry: ProviderRegistry, _ store: Store, _ journal: Journal, _ writability: Writability) {
    self.registry = registry
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
    let instances = try await ProviderWait.run { () throws(NSOError) in
      var instances: [ProviderInstance] = []
      for write in try ProviderWrites.all(of: changes, model) {
        let instance = try tree.place(write.path).served.instance
        if !instances.contains(where: { $0 === instance }) { instances.append(instance) }
      }
      return instances
    }
    let handle = transaction.handle
    for instance in instances {
      let part = try tree.part(of: instance)
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
    guard let changes = attempt.providerChanges, !changes.isEmpty, let tree = attempt.transaction.providerTree else {
      _ = takeLocked(attempt.transaction)
      return
    }
    let model = attempt.model
    let requests = try await ProviderWait.run { () throws(NSOError) in
      var requests: [(place: ProviderPlace, call: CallbackCall)] = []
      for write in try tree.withDefaults(try ProviderWrites.all(of: changes, model)) {
        if let request = try tree.request(write) { requests.append(request) }
      }
      return requests
    }
    // From here on an error ends them, and with them their locks.
    let locked = takeLocked(attempt.transaction)
    var parts: [ProviderTransaction] = []
    var ready: [ProviderTransaction] = []
    do throws(NSOError) {
      for (place, _) in requests {
        let part = try tree.part(of: place.served.instance)
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
        try await part.run(.prepare)
        ready.append(part)
      }
    } catch {
      await Self.abort(ready, registry)
      end(parts + locked.filter { part in part.isOpen && !parts.contains { $0 === part } }, of: attempt.transaction)
      throw error
    }
    prepared.withLock { $0[attempt.transaction.handle] = ready }
  }

  func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError) {
    for part in prepared.withLock({ $0[attempt.transaction.handle] ?? [] }) {
      batch.put(.meta, Self.key(part), Array("transaction \(id.seconds)-\(id.microseconds)-\(id.sequence)".utf8))
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
    end(parts, of: attempt.transaction)
    guard !confirmed.isEmpty else { return }
    do throws(StoreError) { _ = try await store.commit(confirmed) } catch {
      registry.log.error("the note that data providers confirmed a commit could not be written: \(error)")
    }
  }

  func abort(_ attempt: CommitAttempt, _ cause: NSOError) async {
    guard let parts = prepared.withLock({ $0.removeValue(forKey: attempt.transaction.handle) }) else { return }
    await Self.abort(parts, registry)
    end(parts, of: attempt.transaction)
  }

  private static func abort(_ parts: [ProviderTransaction], _ registry: ProviderRegistry) async {
    for part in parts.reversed() {
      do throws(NSOError) { try await part.run(.abort) } catch {
        registry.log.error("\(part.instance.summary) could not abort what it had prepared: \(error.message)")
      }
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

  /// Providers that had prepared a commit and did not confirm it: name and which commit.
  var unconfirmed: [(name: String, commit: String)] {
    do throws(StoreError) {
      let cursor = try store.snapshot().makeCursor(.meta, in: .prefix(Self.prefix))
      var found: [(String, String)] = []
      var isMore = try cursor.first()
      while isMore {
        let name = String(decoding: cursor.key.dropFirst(Self.prefix.count), as: UTF8.self)
        found.append((name, String(decoding: cursor.value, as: UTF8.self)))
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
    for (name, commit) in unconfirmed where name == instance.name {
      registry.log.error(
        "\(instance.summary) had prepared \(commit) and was lost before it confirmed the commit: compare its configuration with what was committed; the note is dropped with its next confirmed commit"
      )
    }
  }
}
