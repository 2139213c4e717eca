import Logging
public import NSOModel
import NSOWire
import Synchronization

/// Locks at data providers that keep others than this daemon from writing as well (db callbacks lock, lock_partial and their
/// opposites; protocol part 05, section 12). They follow the daemon's own: taken after them, given up whenever they end, for
/// whatever reason. What is asked about one datastore is asked in order.
final class ProviderLocks: Sendable {
  /// One of the daemon's own locks.
  enum Lock: Hashable, Sendable {
    case whole
    case part(Int64)
  }

  private struct Key: Hashable {
    var database: DatabaseName
    var lock: Lock
  }

  private struct Held {
    var session: UserSession
    var instances: [ProviderInstance] = []
  }

  private struct State {
    var held: [Key: Held] = [:]
    /// What is under way for a datastore: how much, and the last of it.
    var turns: [DatabaseName: (count: Int, last: Task<Void, Never>)] = [:]
  }

  private let registry: ProviderRegistry
  private let locks: LockTable
  private let state = Mutex(State())

  init(_ registry: ProviderRegistry, _ locks: LockTable) {
    self.registry = registry
    self.locks = locks
    registry.onChange { [weak self] instance, isThere in
      if isThere { self?.joined(instance) }
    }
    locks.observe { [weak self] lock in
      switch lock {
      case .whole(let database): self?.ended(.whole, of: database)
      case .part(let id, let database): self?.ended(.part(id), of: database)
      }
    }
  }

  /// Whether somebody wants to be asked.
  func isConcerned(by lock: DatabaseCallbacks) -> Bool {
    registry.instances.contains { $0.isActive && $0.databaseCallbacks.contains(lock) }
  }

  /// Whether providers have, or are about to have, locks on a datastore.
  func isHeld(_ database: DatabaseName) -> Bool {
    state.withLock { state in state.turns[database] != nil || state.held.keys.contains { $0.database == database } }
  }

  /// Asks all that registered the callback, after the daemon's own lock was taken. When one refuses those before it are told that the
  /// lock is over; the daemon's own is for the caller to give up.
  func take(
    _ lock: Lock, of database: DatabaseName, for session: UserSession, _ paths: [Keypath] = []
  ) async throws(NSOError) {
    let call = Self.call(lock, database, paths)
    try await inTurn(database) { [self] () -> Result<Void, NSOError> in
      // An end from here on waits behind this.
      guard isLocked(lock, database, session) else {
        return .failure(NSOError(.noSession, "the lock of \(session.summary) on \(database) has ended with its session"))
      }
      var taken: [ProviderInstance] = []
      for instance in registry.instances where isAsked(instance, call, Key(database: database, lock: lock), session) {
        do throws(NSOError) {
          try await ask(instance, call, session)
          taken.append(instance)
        } catch {
          await giveUp(lock, database, session, at: taken)
          return .failure(error)
        }
      }
      note(taken, Key(database: database, lock: lock), session)
      return .success(())
    }.get()
  }

  /// Waits until all that was to be done about a datastore is done.
  func settled(_ database: DatabaseName) async { await state.withLock { $0.turns[database]?.last }?.value }

  /// One of the daemon's own locks has ended.
  private func ended(_ lock: Lock, of database: DatabaseName) {
    guard isHeld(database) else { return }
    let key = Key(database: database, lock: lock)
    // Behind what is under way, which may be the taking of this very lock.
    _ = turn(database) { [self] () -> Void in
      guard let held = state.withLock({ $0.held.removeValue(forKey: key) }) else { return }
      await giveUp(lock, database, held.session, at: held.instances)
    }
  }

  /// A client comes, or comes back, while the daemon has locks.
  private func joined(_ instance: ProviderInstance) {
    guard !instance.databaseCallbacks.isDisjoint(with: [.lock, .lockPartial]) else { return }
    for database in [DatabaseName.running, .startup] {
      guard locks.holder(of: database) != nil || locks.partial.contains(where: { $0.database == database }) else { continue }
      _ = turn(database) { [self] () -> Void in
        if let holder = locks.holder(of: database) { await join(instance, .whole, database, holder.session, []) }
        for part in locks.partial where part.database == database && !part.pathsAtProviders.isEmpty {
          await join(instance, .part(part.id), database, part.session, part.pathsAtProviders)
        }
      }
    }
  }

  private func join(
    _ instance: ProviderInstance, _ lock: Lock, _ database: DatabaseName, _ session: UserSession, _ paths: [Keypath]
  ) async {
    let call = Self.call(lock, database, paths)
    guard isAsked(instance, call, Key(database: database, lock: lock), session) else { return }
    do throws(NSOError) {
      try await ask(instance, call, session)
      note([instance], Key(database: database, lock: lock), session)
    } catch {
      registry.log.error("\(error.message); \(session.summary) has locked it since before that provider came, and goes on")
    }
  }

  // MARK: One request

  private static func call(_ lock: Lock, _ database: DatabaseName, _ paths: [Keypath]) -> DatabaseCall {
    switch lock {
    case .whole: .lock(database)
    case .part(let id): .lockPartial(database, lock: Int32(truncatingIfNeeded: id), paths)
    }
  }

  private func isLocked(_ lock: Lock, _ database: DatabaseName, _ session: UserSession) -> Bool {
    switch lock {
    case .whole: locks.holder(of: database)?.session === session
    case .part(let id): locks.partial.contains { $0.id == id }
    }
  }

  private func isAsked(_ instance: ProviderInstance, _ call: DatabaseCall, _ key: Key, _ session: UserSession) -> Bool {
    guard instance.isActive, instance.databaseCallbacks.contains(call.callback) else { return false }
    return state.withLock { state in
      guard let held = state.held[key], held.session === session else { return true }
      return !held.instances.contains { $0 === instance }
    }
  }

  private func note(_ instances: [ProviderInstance], _ key: Key, _ session: UserSession) {
    guard !instances.isEmpty else { return }
    state.withLock { $0.held[key, default: Held(session: session)].instances += instances }
  }

  /// The session is kept known to the client until the lock is over.
  private func ask(_ instance: ProviderInstance, _ call: DatabaseCall, _ session: UserSession) async throws(NSOError) {
    try await instance.hold(session)
    do throws(NSOError) {
      try await instance.ask(call, session)
    } catch {
      instance.release(session)
      throw error
    }
  }

  private func giveUp(
    _ lock: Lock, _ database: DatabaseName, _ session: UserSession, at instances: [ProviderInstance]
  ) async {
    let call: DatabaseCall =
      switch lock {
      case .whole: .unlock(database)
      case .part(let id): .unlockPartial(database, lock: Int32(truncatingIfNeeded: id))
      }
    for instance in instances.reversed() where !instance.isGone {
      defer { instance.release(session) }
      guard instance.databaseCallbacks.contains(call.callback) else { continue }
      do throws(NSOError) { try await instance.ask(call, session) } catch { registry.log.warning("\(error.message)") }
    }
  }

  // MARK: Turns

  private func inTurn<R: Sendable>(_ database: DatabaseName, _ body: @escaping @Sendable () async -> R) async -> R {
    await turn(database, body).value
  }

  private func turn<R: Sendable>(_ database: DatabaseName, _ body: @escaping @Sendable () async -> R) -> Task<R, Never> {
    state.withLock { state in
      let before = state.turns[database]
      let task = Task { [self] in
        await before?.last.value
        defer { ended(turnOf: database) }
        return await body()
      }
      state.turns[database] = ((before?.count ?? 0) + 1, Task { _ = await task.value })
      return task
    }
  }

  private func ended(turnOf database: DatabaseName) {
    state.withLock { state in
      guard let turns = state.turns[database] else { return }
      state.turns[database] = turns.count > 1 ? (turns.count - 1, turns.last) : nil
    }
  }
}

extension ProviderInstance {
  /// One db callback.
  /// - Throws: what the client refused with, naming it; EXTERNAL when it is gone.
  func ask(_ call: DatabaseCall, _ session: UserSession) async throws(NSOError) {
    let what = call.text
    do throws(NSOError) {
      _ = try await ask(.database(call, session.id)) { what }
    } catch {
      let isNamed = error.message.contains(summary)
      throw NSOError(error.code, isNamed ? error.message : "\(summary) refuses \(what): \(error.message)", appTag: error.appTag)
    }
  }
}

extension Engine {
  /// Whether giving up a lock has to wait for data providers: then ``unlockEverywhere(_:for:)`` and ``unlockPartEverywhere(_:of:for:)``
  /// do it.
  public func providersHold(_ database: DatabaseName) -> Bool { providerLocks.isHeld(database) }

  /// As ``LockTable/unlock(_:for:)``; returns when data providers have given up their part.
  public func unlockEverywhere(_ database: DatabaseName, for session: UserSession) async throws(NSOError) {
    try locks.unlock(database, for: session)
    await providerLocks.settled(database)
  }

  public func unlockPartEverywhere(_ id: Int64, for session: UserSession) async throws(NSOError) {
    let database = locks.partial.first { $0.id == id }?.database
    try locks.unlockPart(id, for: session)
    if let database { await providerLocks.settled(database) }
  }

  /// After the daemon's own lock was taken: that of the data providers.
  func lockAtProviders(_ database: DatabaseName, for session: UserSession) async throws(NSOError) {
    // The candidate is never theirs.
    guard database == .running || database == .startup, providerLocks.isConcerned(by: .lock) else { return }
    do throws(NSOError) {
      try await providerLocks.take(.whole, of: database, for: session)
    } catch {
      // The session may have ended meanwhile, and its lock with it.
      do throws(NSOError) { try locks.unlock(database, for: session) } catch { log.debug("\(error.message)") }
      await providerLocks.settled(database)
      throw error
    }
  }

  func lockPartAtProviders(
    _ id: Int64, _ paths: [Keypath], of database: DatabaseName, for session: UserSession
  ) async throws(NSOError) {
    guard !paths.isEmpty, providerLocks.isConcerned(by: .lockPartial) else { return }
    do throws(NSOError) {
      try await providerLocks.take(.part(id), of: database, for: session, paths)
    } catch {
      do throws(NSOError) { try locks.unlockPart(id, for: session) } catch { log.debug("\(error.message)") }
      await providerLocks.settled(database)
      throw error
    }
  }
}
