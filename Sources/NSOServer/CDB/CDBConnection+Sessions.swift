import NIOCore
import NSOEngine
import NSOModel
import NSOWire

/// Sessions (protocol part 03, section 6).
extension CDBConnection {
  func begin(_ request: NewSession, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome {
    do throws(NSOError) {
      try check(request)
    } catch {
      out.writeFailure(op: op, error)
      return .done
    }
    guard request.options.contains(.lockSession) else {
      out.writeAnswer(to: op) { (_) throws(NSOError) in session = try makeSession(request, nil) }
      return .done
    }
    guard request.options.contains(.lockWait) else {
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        session = try makeSession(request, try engine.lockForReading(description, of: request.database.name))
      }
      return .done
    }
    return waitForLock(request, op)
  }

  /// A session that sees running as it is now, until it ends.
  private func makeSession(_ request: NewSession, _ lock: Engine.ReadLock?) throws(NSOError) -> Session {
    var session = Session(database: request.database, options: request.options, lock: lock, model: engine.model)
    guard request.database != .operational else { return session }
    do throws(NSOError) {
      switch request.database {
      case .startup: session.snapshot = try engine.startupView(session.model)
      case .preCommitRunning: session.snapshot = try engine.preCommitView()
      // Without a lock it may look at what is being prepared (protocol part 03, section 6.2).
      case .running where request.options.isDisjoint(with: [.lockSession, .lockRequest]):
        session.snapshot = try engine.unlockedView()
      default: session.snapshot = try engine.currentView(session.model)
      }
      if let model = session.snapshot?.model { session.model = model }
      return session
    } catch {
      if let lock { engine.unlock(lock) }
      throw error
    }
  }

  private func waitForLock(_ request: NewSession, _ op: UInt32) -> FrameOutcome {
    let engine = engine
    let later = connection.later(gone: { (lock: Engine.ReadLock) in engine.unlock(lock) }) { result, out in
      self.pendingLock = nil
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        self.session = try self.makeSession(request, try result.get())
      }
      return .done
    }
    pendingLock = engine.waitForReading(caller, of: request.database.name) { later.deliver($0) }
    return .later
  }

  private func check(_ request: NewSession) throws(NSOError) {
    guard session == nil else {
      throw NSOError(.protocolUsage, "\(description) has a session already: end it (OP_END_SESSION) before the next one")
    }
    let phase = engine.phases.phase
    guard phase >= .phase0, phase != .stopping else {
      throw NSOError(.badState, "CDB cannot be read in start phase \(phase): wait for it (OP_WAIT_START)")
    }
    let options = request.options
    switch request.database {
    case .running, .startup:
      try engine.requireDatastore(request.database.name)
      guard !options.contains(.lockPartial) else {
        throw NSOError(
          .protocolUsage,
          "LOCK_PARTIAL is for sessions on operational only; \(request.database.name) takes LOCK_SESSION or LOCK_REQUEST")
      }
    case .operational:
      guard !options.contains(.lockSession) else {
        throw NSOError(.protocolUsage, "LOCK_SESSION is for sessions on running or startup; operational takes LOCK_REQUEST")
      }
      guard !options.contains(.lockPartial) || options.contains(.lockRequest) else {
        throw NSOError(.protocolUsage, "LOCK_PARTIAL goes with LOCK_REQUEST only")
      }
    case .preCommitRunning:
      guard options.isDisjoint(with: [.lockSession, .lockRequest, .lockPartial, .lockWait]) else {
        throw NSOError(.protocolUsage, "a session on pre-commit-running takes no locks")
      }
    }
  }

  func endSession() throws(NSOError) {
    guard let session else {
      // A subscriber that wants to leave from inside an event says so (part 03, section 6.3).
      guard subscriber.id != nil else { throw NSOError(.noExists, "\(description) has no session to end") }
      return leave()
    }
    if let lock = session.lock { engine.unlock(lock) }
    self.session = nil
    position = Position()
  }

  func waitStart(_ op: UInt32) -> FrameOutcome {
    let later = connection.later { (result: Result<Void, NSOError>, out) in
      self.pendingPhase = nil
      out.writeAnswer(to: op) { (_) throws(NSOError) in try result.get() }
      return .done
    }
    pendingPhase = engine.phases.notify(when: .phase1) { reached in
      later.deliver(reached ? .success(()) : .failure(NSOError(.startFailed, "the daemon is stopping")))
    }
    return .later
  }
}
