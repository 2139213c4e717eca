import ExternalTerm
import NIOCore
import NSOCLI
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// CLI sessions, for the program in front of one and for others (protocol part 04, section 4.10; part 08, section 3.1).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func commandLine(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    guard case .cli(let request) = call.request else { return nil }
    switch request {
    case .open(let open): return try begin(open, op)
    case .execute(let line):
      let cli = try ownCLI()
      return connection.waiting(op, services) { () async throws(NSOError) in try await cli.execute(line) }
    case .interrupt:
      let cli = try ownCLI()
      return connection.waiting(op, services) { () async throws(NSOError) in await cli.interrupt() }
    case .complete(let line, let character):
      let cli = try ownCLI()
      return answering(op) { () async throws(NSOError) -> CLICompletion in
        let answer = await cli.complete(line, character: character)
        let width = try await cli.parameter("screen-width")
        return CLICompletion(
          start: answer.start, replacement: answer.replacement, isUnique: answer.isUnique,
          text: answer.text(width: Int(width) ?? 0))
      } write: { out, completion in
        out.writeTermVersion()
        completion.write(into: &out)
      }
    case .command(let id, let line, let flags, let groups):
      // There are no hidden commands. Commands of others are run with the rules of the session (NO_AAA is not obeyed).
      guard flags & ~15 == 0 else { throw NSOError(.protocolUsage, "CLI_CMD: flags \(flags) are not known: bits 0 to 3 are") }
      guard groups.isEmpty else { throw NSOError(.notImplemented, "CLI_CMD: groups of hidden commands are not supported") }
      let cli = try cli(of: id, "run a command in")
      return connection.waiting(op, services) { () async throws(NSOError) in try await cli.runCommand(line) }
    case .get(let id, let name):
      let cli = try cli(of: id, "read a parameter of")
      return answering(op) { () async throws(NSOError) in
        try await cli.parameter(name)
      } write: { out, value in
        out.writeTermVersion()
        out.writeTermBinary(value)
      }
    case .set(let id, let name, let value):
      let cli = try cli(of: id, "set a parameter of")
      return connection.waiting(op, services) { () async throws(NSOError) in try await cli.setParameter(name, value) }
    case .path(let line, let inTransaction):
      let model: DataModel
      if inTransaction {
        model = try use(call).model
      } else {
        _ = try requireSession()
        model = engine.model
      }
      let path = try CLIService.path(of: line, model)
      let namespace: String = if case .tag(let tag)? = path.elements.first { tag.namespace ?? "" } else { "" }
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        out.writeTermVersion()
        out.writeTermTuple(arity: 2)
        out.writeTermBinary(namespace)
        out.writeTermBinary(model.schema.text(of: path))
      }
      return .done
    case .commandOfPath(let flags, let path):
      let use = try use(call)
      guard flags & ~7 == 0 else {
        throw NSOError(.protocolUsage, "CLI_PATH_CMD: flags \(flags) are not known: bits 0 to 2 are")
      }
      let place = try use.locate(path, call.isRelative)
      let text = try use.read { (view) throws(NSOError) in
        try CLIService.command(for: place, view, isDelete: flags & 2 != 0)
      }
      out.writeReply(.text(text), to: op)
      return .done
    case .accounting(let user, let id, let command):
      if id > 0 {
        let session = try engine.sessions.session(id)
        try requireRights(over: session, "write the audit log for session \(id)")
        engine.journal.audit(.cliCommand, session, "'\(command)'")
      } else {
        try requireTrust("write the audit log for others")
        engine.journal.audit(.cliCommand, user: user, "'\(command)'")
      }
      out.writeDone(op)
      return .done
    }
  }

  private func begin(_ open: CLIOpen, _ op: UInt32) throws(NSOError) -> FrameOutcome {
    let session = try requireSession()
    guard binding?.isOwn == true else {
      throw NSOError(.badState, "the CLI is for the connection that started the session")
    }
    guard session.context == "cli" else {
      throw NSOError(.badState, "\(session.summary) is not of context cli: start one of that context")
    }
    if !open.opaque.isEmpty { session.opaque = open.opaque }
    var isTrusted = true
    if case .user = connection.decision { isTrusted = false }
    if open.withoutAuthorization {
      try requireTrust("begin a CLI without authorization")
      session.switchOffAccessRules()
    }
    var opening = CLIOpening(
      style: open.style, host: open.host, isInteractive: open.isInteractive, width: max(0, min(open.width, 100_000)),
      height: max(0, min(open.height, 100_000)), withoutAuthorization: open.withoutAuthorization)
    opening.isTrusted = isTrusted
    let cli = try services.cli.open(session, opening)
    self.cli = cli
    return connection.waiting(op, services) { () async throws(NSOError) in await cli.begin() }
  }

  private func ownCLI() throws(NSOError) -> CLISession {
    guard let cli else { throw NSOError(.badState, "this connection has no CLI: ask for it with CLI_OPEN") }
    return cli
  }

  private func cli(of id: UserSessionID, _ what: String) throws(NSOError) -> CLISession {
    try requireRights(over: try engine.sessions.session(id), "\(what) session \(id)")
    return try services.cli.session(id)
  }

  /// Answers with what `work`, which waits, gives.
  private func answering<Value: Sendable>(
    _ op: UInt32, _ work: @escaping @Sendable () async throws(NSOError) -> Value,
    write: @escaping (inout ByteBuffer, Value) -> Void
  ) -> FrameOutcome {
    let later = connection.later { (result: Result<Value, NSOError>, out) in
      out.writeAnswer(to: op) { (out) throws(NSOError) in write(&out, try result.get()) }
      return .done
    }
    services.run(for: later, work)
    return .later
  }
}
