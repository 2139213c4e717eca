import ExternalTerm
import NIOCore
import NSOCLI
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// A MAAPI connection (protocol part 04): a user session, the transactions started on it or attached to it, and what goes on
/// between two requests.
final class MAAPIConnection: IteratingConnection {
  unowned let connection: IPCConnection
  let services: Services
  var binding: SessionBinding?
  var uses: [Int32: TransactionUse] = [:]
  var queries = QueryTable()
  var iteration: (any Iteration)?
  /// As `iteration`, for the nodes of an XPath expression.
  var xpath: XPathExchange?
  /// The action that the client waits for.
  var action: ActionEnding?
  /// A write that set hooks or transforms are asked about; the client waits for it.
  var hookedWrite: Task<Void, Never>?
  /// What waits for a start phase.
  var pendingPhase: UInt64?
  /// An upgrade of the schema that was begun here.
  var upgrade: SchemaUpgrade?
  /// This connection is the terminal of its session.
  var terminal: Terminal?
  /// The CLI of its session, if this is the connection of the program in front of it.
  var cli: CLISession?
  /// What the user of some session is being asked here.
  var question: (terminal: Terminal, id: Int64, timer: Task<Void, any Error>?)?

  init(_ connection: IPCConnection, _ services: Services) {
    self.connection = connection
    self.services = services
  }

  var engine: Engine { services.engine }
  var clientName: String? { binding?.session.summary }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    if engine.events.hasSuspensions, let outcome = suspended(frame) { return outcome }
    if iteration != nil { return continueIteration(frame, &out) }
    if let xpath { return continueXPath(xpath, frame, &out) }
    let op = operationNumber(frame)
    if frame.readableBytes > IPCConnection.longFrame {
      let long = frame
      return connection.decodingElsewhere(op, services, decode: { () throws(DecodeError) in try MAAPICall(long) }) {
        call, out in
        let start = out.writerIndex
        return self.settle(self.perform(call, op, &out), call, op, from: start, &out)
      }
    }
    let call: MAAPICall
    do throws(DecodeError) {
      call = try MAAPICall(frame)
    } catch {
      return connection.refuse(error, op: op, &out)
    }
    let start = out.writerIndex
    return settle(perform(call, op, &out), call, op, from: start, &out)
  }

  /// While an audit record of its session waits for acknowledgement, nothing is done for it (protocol part 06, section 5.1).
  /// Nil: nothing is waited for.
  private func suspended(_ frame: ByteBuffer) -> FrameOutcome? {
    guard let session = binding?.session else { return nil }
    let later = connection.later { (_: Result<Void, NSOError>, out) in
      var frame = frame
      return self.receive(&frame, &out)
    }
    return engine.events.afterSuspension(of: session.id) { later.succeed(()) } ? .later : nil
  }

  func perform(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome {
    switch call.request {
    // The hot path first.
    case .getElem(let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let use = try use(call)
        let markDefaults = use.flags.contains(.noDefaults)
        out.writeTermVersion()
        if let place = use.quick(path, call.isRelative),
          try use.read({ (view) throws(NSOError) in
            view.writeQuickly(place, markDefaults: markDefaults, &out)
          })
        {
          return
        }
        let place = try use.locateVisible(path, call.isRelative)
        try use.read { (view) throws(NSOError) in
          try view.writeLeaf(place, markDefaults: markDefaults, into: &out)
        }
      }
      return .done
    case .exists(let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let use = try use(call)
        if let place = use.quick(path, call.isRelative),
          try use.read({ (view) throws(NSOError) in (try? view.exists(place)) == true })
        {
          return out.writeAnswer(1)
        }
        let place = try use.locateVisible(path, call.isRelative)
        out.writeAnswer(
          try use.read { (view) throws(NSOError) in
            try view.requireReadable(place)
            return try view.exists(place)
          } ? 1 : 0)
      }
      return .done
    case .setElem(let term, let path) where !mayAskHooks(call):
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        let use = try use(call)
        let place = try use.locate(path, call.isRelative)
        let value = try term.value(for: place, use.model)
        try use.transaction.writeOne(as: use.writer) { (editor) throws(NSOError) in try editor.set(place, value) }
      }
      return .done
    default: break
    }
    do throws(NSOError) {
      if let outcome = try secrets(call, op, &out) { return outcome }
      if let outcome = try read(call, op, &out) { return outcome }
      if let outcome = try write(call, op, &out) { return outcome }
      if let outcome = try structure(call, op, &out) { return outcome }
      if let outcome = try templates(call, op, &out) { return outcome }
      if let outcome = try query(call, op, &out) { return outcome }
      if let outcome = try control(call, op, &out) { return outcome }
      if let outcome = try sessions(call, op, &out) { return outcome }
      if let outcome = try actions(call, op) { return outcome }
      if let outcome = try daemon(call, op, &out) { return outcome }
      if let outcome = try upgrade(call, op, &out) { return outcome }
      if let outcome = try administration(call, op, &out) { return outcome }
      if let outcome = try terminals(call, op, &out) { return outcome }
      if let outcome = try commandLine(call, op, &out) { return outcome }
      throw Self.unsupported(call.request)
    } catch {
      out.writeFailure(op: op, error)
      return .done
    }
  }

  /// What to say of operations that this daemon does not serve.
  private static func unsupported(_ request: MAAPIRequest) -> NSOError {
    guard let operation = request.operation else {
      return NSOError(.notImplemented, "MAAPI operation \(request.op) is not known")
    }
    return NSOError(.notImplemented, "\(operation.title) is not supported yet")
  }

  // MARK: What a request needs

  /// The transaction that a request works on.
  func use(_ call: MAAPICall) throws(NSOError) -> TransactionUse {
    guard let handle = call.handle else {
      throw NSOError(
        .noTransaction, "the request has no transaction handle: start a transaction, or attach to one, and send its handle")
    }
    return try use(handle)
  }

  func use(_ handle: TransactionHandle) throws(NSOError) -> TransactionUse {
    guard let use = uses[handle.rawValue] else {
      throw NSOError(
        .noTransaction,
        "transaction \(handle) was not started on this connection, nor attached to it: use START_TRANS or ATTACH first")
    }
    return use
  }

  func requireSession() throws(NSOError) -> UserSession {
    guard let session = binding?.session else {
      throw NSOError(
        .noSession, "there is no user session on this connection: start one (START_USER_SESSION) or bind one (SET_USER_SESSION)"
      )
    }
    return session
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {
    out.writeFailure(op: 0, NSOError(.protocolUsage, "\(refusal)"))
  }

  /// The own session ends, with its transactions and locks; attached transactions are let go of, a borrowed session lives on.
  func closed() {
    iteration = nil
    xpath = nil
    action?.cancel()
    action = nil
    hookedWrite?.cancel()
    hookedWrite = nil
    if let pendingPhase { engine.phases.cancel(pendingPhase) }
    pendingPhase = nil
    if let upgrade { engine.abortUpgrade(upgrade) }
    upgrade = nil
    closeTerminal()
    services.streams.abandon(owner: connection.id)
    for use in uses.values where use.isOwn { engine.finish(use.transaction) }
    uses = [:]
    queries = QueryTable()
    if let binding = unbind(), binding.isOwn { engine.sessions.end(binding.session) }
  }
}
