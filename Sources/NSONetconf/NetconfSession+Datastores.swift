import NSODocument
import NSOEngine
import NSOModel

extension NetconfSession {
  func lock(_ database: DatabaseName) async throws -> Outcome {
    if database == .candidate, engine.locks.holder(of: .candidate) == nil { try requireUnchangedCandidate() }
    if database == .running, let pending = engine.confirmedCommits.pending, pending.session != session.id {
      throw RPCError(
        .protocol, "lock-denied",
        "a confirmed commit of \(pending.user) (session \(pending.session)) is pending: have it confirmed or cancelled first",
        info: [("session-id", "0")])
    }
    do throws(NSOError) {
      try await engine.lock(database, for: session)
    } catch {
      guard error.code == .locked else { throw error }
      let partial = engine.locks.partial.first { $0.database == database }
      let holder = engine.locks.holder(of: database)?.session ?? partial?.session
      let isNamed = holder.map { settings.extendedSessions || $0.context == "netconf" } ?? false
      throw RPCError(
        .protocol, "lock-denied", error.message, info: [("session-id", isNamed ? "\(holder?.id ?? 0)" : "0")])
    }
    guard database == .candidate else { return .ok }
    // Somebody may have changed it while this one waited for the lock: what is his stays.
    do { try requireUnchangedCandidate() } catch {
      try engine.locks.unlock(.candidate, for: session)
      throw error
    }
    return .ok
  }

  private func requireUnchangedCandidate() throws {
    guard try engine.isCandidateModified() else { return }
    throw RPCError(
      .protocol, "lock-denied", "the candidate has changes that are neither committed nor discarded: discard-changes first",
      info: [("session-id", "0")])
  }

  func unlock(_ database: DatabaseName) async throws -> Outcome {
    do throws(NSOError) {
      if engine.providersHold(database) {
        try await engine.unlockEverywhere(database, for: session)
      } else if database == .candidate {
        try await engine.unlockCandidate(session)
      } else {
        try engine.locks.unlock(database, for: session)
      }
    } catch {
      guard error.code == .locked else { throw error }
      throw RPCError(.protocol, "operation-failed", error.message)
    }
    return .ok
  }

  func commit(_ operation: DocumentTree) async throws -> Outcome {
    try require(operation, only: ["confirmed", "confirm-timeout", "persist", "persist-id"])
    try requireCandidate()
    let isConfirmed = operation.child("confirmed") != nil
    for name in ["confirm-timeout", "persist"] where operation.child(name) != nil && !isConfirmed {
      throw RPCError.badElement(name, "\(name) belongs to a confirmed commit: give confirmed, too")
    }
    var timeout: Int64 = 600
    if let text = operation.child("confirm-timeout")?.trimmedText {
      guard let seconds = Int64(text), (1...Int64(1 << 31)).contains(seconds) else {
        throw RPCError.invalidValue("confirm-timeout is in seconds, from 1 on, not \"\(text.prefix(100))\"", "confirm-timeout")
      }
      timeout = seconds
    }
    let persistID = operation.child("persist-id")?.text
    do throws(NSOError) {
      try await engine.commitCandidate(
        session, isConfirmed ? .confirmed(timeout: timeout, persist: operation.child("persist")?.text) : .plain,
        persistID: persistID)
    } catch {
      throw refusal(error, persistID)
    }
    return .ok
  }

  func cancelCommit(_ operation: DocumentTree) async throws -> Outcome {
    try require(operation, only: ["persist-id"])
    try requireCandidate()
    let persistID = operation.child("persist-id")?.text
    do throws(NSOError) { try await engine.abortConfirmedCommit(session, persistID: persistID) } catch {
      // RFC 6241, section 8.4.4.1.
      if error.code == .noExists, persistID == nil {
        throw RPCError(.protocol, "operation-failed", error.message)
      }
      throw refusal(error, persistID)
    }
    return .ok
  }

  /// A persist-id that is not that of the pending commit is an invalid value (RFC 6241, section 8.4.5.1).
  private func refusal(_ error: NSOError, _ persistID: String?) -> RPCError {
    guard error.code == .noExists, persistID != nil else { return RPCError(error, engine.model) }
    return RPCError(.protocol, "invalid-value", error.message, info: [("bad-element", "persist-id")])
  }
}
