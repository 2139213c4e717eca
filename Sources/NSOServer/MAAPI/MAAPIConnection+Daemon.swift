import ExternalTerm
import Logging
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// The daemon as a whole, its schema, and progress spans (protocol part 04, sections 4.11 to 4.13).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func daemon(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .waitStart(let phase): return try waitStart(phase, op)
    case .startPhase(let phase, let synchronous):
      try requireTrust("change the start phase")
      guard (1...2).contains(phase) else { throw NSOError(.protocolUsage, "start phase \(phase): 1 or 2 can be gone to") }
      return try ask(op, waits: synchronous, &out) { (control) async throws(NSOError) in try await control.start(phase: phase) }
    case .reloadConfig:
      try requireTrust("reload the daemon's configuration")
      return try ask(op, waits: true, &out) { (control) async throws(NSOError) in try await control.reload() }
    case .reopenLogs:
      try requireTrust("reopen the daemon's logs")
      return try ask(op, waits: true, &out) { (control) async throws(NSOError) in try await control.reopenLogs() }
    case .stop(let wait):
      try requireTrust("stop the daemon")
      try control().stop()
      guard wait else {
        out.writeDone(op)
        return .done
      }
      // The answer is that the connection closes; nothing is delivered.
      let _: Later<Void> = connection.later { _, _ in .done }
      return .laterAtStop
    case .daemonStatus:
      return try describe(op) { (control) async in await control.statusText() }
    case .daemonDump:
      try requireTrust("get a dump of the daemon")
      return try describe(op) { (control) async in await control.dumpText() }
    case .checkCallbacks(let part):
      try requireTrust("have all callbacks of data providers called")
      let session = try requireSession()
      let engine = engine
      let later = connection.later { (result: Result<String, NSOError>, out) in
        switch result {
        case .success(let text): out.writeReply(.text(text), to: op)
        case .failure(let error): out.writeFailure(op: op, error)
        }
        return .done
      }
      services.run(for: later) { () async throws(NSOError) in
        try await engine.checkCallbacks(part, for: session).lines.joined(separator: "\n")
      }
      return .later
    case .progressSpan(let span): try progress(span, try requireSession(), nil, call.isRelative, op, &out)
    case .progressSpanInTransaction(let span):
      let use = try use(call)
      try progress(span, use.transaction.session, use, call.isRelative, op, &out)
    case .loadAllNamespaces: return schema()
    case .saveConfig, .saveConfigResult, .loadConfig, .loadConfigResult, .loadConfigFile, .loadConfigCmds, .getStreamProgress:
      return try documents(call, op, &out)
    default: return nil
    }
    return .done
  }

  func control() throws(NSOError) -> any DaemonControl {
    guard let control = services.control else {
      throw NSOError(.unavailable, "this daemon cannot be controlled over IPC")
    }
    return control
  }

  /// Answers with a text about the daemon.
  private func describe(
    _ op: UInt32, _ body: @escaping @Sendable (any DaemonControl) async -> String
  ) throws(NSOError) -> FrameOutcome {
    let control = try control()
    let later = connection.later { (result: Result<String, NSOError>, out) in
      switch result {
      case .success(let text): out.writeReply(.text(text), to: op)
      case .failure(let error): out.writeFailure(op: op, error)
      }
      return .done
    }
    services.run(for: later) { () async throws(NSOError) in await body(control) }
    return .later
  }

  func ask(
    _ op: UInt32, waits: Bool, _ out: inout ByteBuffer,
    _ body: @escaping @Sendable (any DaemonControl) async throws(NSOError) -> Void
  ) throws(NSOError) -> FrameOutcome {
    let control = try control()
    if waits { return connection.waiting(op, services) { () async throws(NSOError) in try await body(control) } }
    let log = connection.logger
    Task {
      do throws(NSOError) { try await body(control) } catch { log.error("a request without waiting failed: \(error)") }
    }
    out.writeDone(op)
    return .done
  }

  private func waitStart(_ phase: Int, _ op: UInt32) throws(NSOError) -> FrameOutcome {
    guard (0...2).contains(phase), let wanted = StartPhase(rawValue: phase) else {
      throw NSOError(.protocolUsage, "start phase \(phase): 0, 1 and 2 can be waited for")
    }
    let later = connection.later { (result: Result<Void, NSOError>, out) in
      self.pendingPhase = nil
      out.writeAnswer(to: op) { (_) throws(NSOError) in try result.get() }
      return .done
    }
    pendingPhase = engine.phases.notify(when: wanted) { reached in
      later.deliver(reached ? .success(()) : .failure(NSOError(.startFailed, "the daemon is stopping")))
    }
    return .later
  }
}
