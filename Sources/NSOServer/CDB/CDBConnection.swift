import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// A CDB connection (protocol part 03): at most one session at a time, reads of its datastore, writes of operational data.
final class CDBConnection: IteratingConnection {
  struct Session {
    var database: CDBDatabase
    var options: NewSession.Options
    /// Held for the whole session, where it was asked for.
    var lock: Engine.ReadLock?
    /// The schema that it began with; an upgrade does not change it.
    var model: DataModel
    /// What a session on running sees from its start to its end; nil for operational data, which is read as it is now.
    var snapshot: TreeView?
  }

  unowned let connection: IPCConnection
  let services: Services
  private(set) var clientName: String?
  var session: Session?
  /// What waits for a read lock.
  var pendingLock: Engine.ReadLock?
  /// What waits for a start phase.
  var pendingPhase: UInt64?
  var position = Position()
  /// Waits for the subscription lock.
  var pendingWrite: SubscriptionLock.Ticket?
  /// As that, for a trigger.
  var pendingTrigger: Engine.LockWait?
  var subscriber = SubscriberState()
  var iteration: (any Iteration)?
  var isClosed = false

  init(_ connection: IPCConnection, _ services: Services) {
    self.connection = connection
    self.services = services
  }

  var engine: Engine { services.engine }
  var model: DataModel { session?.model ?? engine.model }

  /// For texts: who holds a lock.
  var description: String {
    "CDB client \(clientName ?? "without name") (connection \(connection.id), \(connection.peer))"
  }

  /// For texts, and to find circles.
  var caller: Engine.Caller {
    Engine.Caller(description, process: connection.clientProcess, subscriber: subscriber.id)
  }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    // Other requests may come in the middle of an iteration; none of them has four bytes and such a number.
    if iteration != nil, IterationAnswer(frame) != nil { return answerIteration(frame, &out) }
    let op = operationNumber(frame)
    if frame.readableBytes > IPCConnection.longFrame {
      let long = frame
      return connection.decodingElsewhere(op, services, decode: { () throws(DecodeError) in try CDBCall(long) }) { call, out in
        self.perform(call, op, &out)
      }
    }
    let call: CDBCall
    do throws(DecodeError) {
      call = try CDBCall(frame)
    } catch {
      return connection.refuse(error, op: op, &out)
    }
    return perform(call, op, &out)
  }

  private func perform(_ call: CDBCall, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome {
    let isRelative = call.isRelative
    switch call.request {
    // The hot path first.
    case .get(let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        out.writeTermVersion()
        if let (view, place) = try quick(path, isRelative), view.writeQuickly(place, &out) { return }
        let (view, place) = try locate(path, isRelative)
        try view.writeLeaf(place, into: &out)
      }
      return .done
    case .exists(let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        if let (view, place) = try quick(path, isRelative), (try? view.exists(place)) == true { return out.writeAnswer(1) }
        let (view, place) = try locate(path, isRelative)
        out.writeAnswer(try view.exists(place) ? 1 : 0)
      }
      return .done
    case .clientName(let name):
      clientName = name
      // The one request that is never answered.
      return .done
    case .newSession(let request): return begin(request, op, &out)
    case .endSession:
      out.writeAnswer(to: op) { (_) throws(NSOError) in try endSession() }
      return .done
    case .waitStart: return waitStart(op)
    case .getPhase:
      let phase = engine.phases.phase
      out.writeReply(
        .phase(
          StartPhaseInfo(
            phase: min(max(phase.rawValue, 0), StartPhase.started.rawValue),
            activity: phase < .phase1 ? .none : engine.upgrade == nil ? .normal : .upgrade)),
        to: op)
      return .done
    case .getTransactionID:
      let id = engine.lastTransactionID
      out.writeReply(
        .transactionID(
          NSOWire.TransactionID(
            seconds: Int64(id.seconds), microseconds: Int64(id.microseconds), sequence: Int64(id.sequence))), to: op)
      return .done
    default:
      if let outcome = move(call.request, isRelative, op, &out) { return outcome }
      if let outcome = read(call.request, isRelative, op, &out) { return outcome }
      if let outcome = write(call.request, isRelative, op, &out) { return outcome }
      if let outcome = subscribe(call.request, op, &out) { return outcome }
      if let outcome = changes(call.request, isRelative, op, &out) { return outcome }
      if let outcome = trigger(call.request, op, &out) { return outcome }
      if let outcome = compact(call.request, op, &out) { return outcome }
      out.writeFailure(op: op, Self.unsupported(call.request))
      return .done
    }
  }

  private static func unsupported(_ request: CDBRequest) -> NSOError {
    let name = request.operation.map(\.title) ?? "CDB operation \(request.op)"
    return NSOError(.notImplemented, request.operation == nil ? "\(name) is not known" : "\(name) is not supported yet")
  }

  // MARK: The place that paths are relative to, part 03, section 6.6

  private func move(
    _ request: CDBRequest, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer
  ) -> FrameOutcome? {
    switch request {
    case .changeDirectory(let path):
      out.writeAnswer(to: op) { (_) throws(NSOError) in position.change(to: try locate(path, isRelative).place) }
    case .pushDirectory(let path):
      out.writeAnswer(to: op) { (_) throws(NSOError) in try position.push(try locate(path, isRelative).place) }
    case .popDirectory:
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        try requireSession()
        try position.pop()
      }
    case .getCurrentDirectory:
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        try requireSession()
        out.moveWriterIndex(to: out.writerIndex - 4)
        Reply.path(Keypath(position.location, model)).write(op: op, into: &out)
      }
    case .setNamespace(let namespace):
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        try requireSession()
        try position.setNamespace(namespace, model)
      }
    default: return nil
    }
    return .done
  }

  @discardableResult
  func requireSession() throws(NSOError) -> Session {
    guard let session else {
      throw NSOError(.noSession, "\(description) has no session: start one (OP_NEW_SESSION) before reading or writing")
    }
    return session
  }

  func view(of session: Session) throws(NSOError) -> TreeView {
    if let snapshot = session.snapshot { return snapshot }
    return try engine.currentView(session.model)
  }

  /// As ``locate(_:_:)`` the short way; nil where the long way has to be taken.
  private func quick(_ path: WireKeypath, _ isRelative: Bool) throws(NSOError) -> (view: TreeView, place: Location)? {
    guard let database = session?.database, !isRelative, position.isPlain,
      let place = WirePathResolver.quick(path, model), let node = place.node,
      (model[node].placement == .configuration) == (database != .operational)
    else { return nil }
    if let snapshot = session?.snapshot { return (snapshot, place) }
    return (try engine.currentView(model), place)
  }

  /// The data of the session, and the place of a path in it.
  func locate(_ path: WireKeypath, _ isRelative: Bool) throws(NSOError) -> (view: TreeView, place: Location) {
    let session = try requireSession()
    let view = try view(of: session)
    let place = try resolver(view, isRelative).locate(path)
    try requireKind(of: place, session.database)
    return (view, place)
  }

  func resolver(_ view: TreeView, _ isRelative: Bool) -> WirePathResolver {
    var resolver = position.resolver(model, isRelative: isRelative)
    resolver.view = view
    return resolver
  }

  /// A session reads its own kind of data (protocol part 03, section 6.2).
  func requireKind(of place: Location, _ database: CDBDatabase) throws(NSOError) {
    guard let node = place.node else { return }
    let isConfiguration = model[node].placement == .configuration
    guard isConfiguration == (database != .operational) else {
      let kind = isConfiguration ? "configuration" : "operational data"
      throw NSOError(
        .badPath,
        "\(place.text(model)) is \(kind): read it in a session on \(isConfiguration ? "running" : "operational")")
    }
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {
    out.writeFailure(op: 0, NSOError(.protocolUsage, "\(refusal)"))
  }

  func becameWritable() { pushHeld() }

  func requestAnswered() { pushHeld() }

  func closed() {
    isClosed = true
    iteration = nil
    leave()
    if let pendingWrite { engine.cancel(pendingWrite) }
    pendingWrite = nil
    if let pendingTrigger { engine.cancel(pendingTrigger) }
    pendingTrigger = nil
    if let wait = pendingLock { engine.cancel(wait) }
    pendingLock = nil
    if let pendingPhase { engine.phases.cancel(pendingPhase) }
    pendingPhase = nil
    if let lock = session?.lock { engine.unlock(lock) }
    session = nil
  }
}
