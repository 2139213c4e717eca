import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Candidate, startup, whole datastores, partial locks, and whether writing is allowed (protocol part 04, sections 4.3, 4.4
/// and 4.12).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func datastores(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    let engine = engine
    switch call.request {
    case .lockPartial(let database, let xpaths): return try lockPart(database, xpaths, op)
    case .unlockPartial(let id):
      let session = try requireSession()
      guard !engine.providersHold(.running) else {
        return connection.waiting(op, services) { () async throws(NSOError) in
          try await engine.unlockPartEverywhere(id, for: session)
        }
      }
      try engine.locks.unlockPart(id, for: session)
    case .candidateValidate:
      let session = try requireSession()
      try engine.requireDatastore(.candidate)
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.validateCandidate(session) }
    case .candidateCommit(let request):
      let session = try requireSession()
      try engine.requireDatastore(.candidate)
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.commitCandidate(
          session, persistID: request.persistID, label: request.label, comment: request.comment)
      }
    case .candidateConfirmedCommit(let request):
      let session = try requireSession()
      try engine.requireDatastore(.candidate)
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.commitCandidate(
          session, .confirmed(timeout: request.timeout, persist: request.persist), persistID: request.persistID,
          label: request.label, comment: request.comment)
      }
    case .candidateAbortCommit(let persistID):
      let session = try requireSession()
      try engine.requireDatastore(.candidate)
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.abortConfirmedCommit(session, persistID: persistID)
      }
    case .confirmedCommitInProgress:
      out.writeReply(.integer(Int64(engine.confirmedCommits.pending?.session ?? 0)), to: op)
      return .done
    case .candidateReset:
      let session = try requireSession()
      try engine.requireDatastore(.candidate)
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.resetCandidate(session) }
    case .copyRunningToStartup:
      let session = try requireSession()
      try engine.requireDatastore(.startup)
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.copyRunningToStartup(session) }
    case .isRunningModified:
      let session = try requireSession()
      guard engine.asksProvidersOfStartup else {
        out.writeReply(.integer(try engine.isRunningModified() ? 1 : 0), to: op)
        return .done
      }
      try engine.requireDatastore(.startup)
      let later = connection.later { (result: Result<Bool, NSOError>, out) in
        out.writeAnswer(to: op) { (out) throws(NSOError) in out.writeAnswer(try result.get() ? 1 : 0) }
        return .done
      }
      services.run(for: later) { () async throws(NSOError) in try await engine.isRunningModifiedAnywhere(session) }
      return .later
    case .isCandidateModified:
      _ = try requireSession()
      try engine.requireDatastore(.candidate)
      return connection.elsewhere(op, services) { (out) throws(NSOError) in
        out.writeAnswer(try engine.isCandidateModified() ? 1 : 0)
      }
    case .deleteConfig(let database):
      let session = try requireSession()
      try engine.requireConfiguration(database)
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.deleteConfiguration(of: database, session)
      }
    case .getRunningDBStatus:
      out.writeReply(.integer(engine.writability.isConsistent ? 1 : 0), to: op)
      return .done
    case .setRunningDBStatus(let isConsistent):
      try requireTrust("say whether running is consistent")
      // The mark of it is a file.
      let who = clientName ?? "\(connection.peer)"
      return connection.elsewhere(op, services) { (_) throws(NSOError) in
        guard !isConsistent else { return engine.writability.setConsistent() }
        engine.writability.setInconsistent("\(who) has said so (SET_RUNNING_DB_STATUS)")
      }
    case .setReadonly(let isOn):
      try requireTrust("switch the read-only mode")
      engine.writability.isReadOnly = isOn
    default: return nil
    }
    out.writeDone(op)
    return .done
  }

  private func lockPart(_ database: DatabaseName, _ xpaths: [String], _ op: UInt32) throws(NSOError) -> FrameOutcome {
    let session = try requireSession()
    try engine.requireConfiguration(database)
    guard !xpaths.isEmpty else { throw NSOError(.protocolUsage, "LOCK_PARTIAL needs at least one XPath expression") }
    let engine = engine
    let later = connection.later { (result: Result<Int64, NSOError>, out) in
      out.writeAnswer(to: op) { (out) throws(NSOError) in out.writeAnswer(try result.get()) }
      return .done
    }
    services.run(for: later) { () async throws(NSOError) in
      try await engine.lockPart(of: database, xpaths, for: session)
    }
    return .later
  }
}
