import DequeModule
import Logging
import NIOCore
import NSOEngine
import NSOModel
import NSOWire

/// A connection of the data provider API (protocol part 05): the control socket of a client instance, or one of its workers.
/// The first frame says which.
final class ProviderConnection: APIConnection {
  private enum Role {
    case unknown
    case control(ProviderInstance)
    case worker(ProviderInstance, Int32)
  }

  /// Weak: the registry may still hold the socket when the connection is gone.
  private weak var connection: IPCConnection?
  private let id: UInt64
  private let eventLoop: any EventLoop
  private let services: Services
  private var role = Role.unknown
  private var timer: Scheduled<Void>?
  /// What the client was not ready to read yet.
  private var unsent: Deque<DaemonMessage> = []
  /// Stream messages are dealt with one after the other; this is the last one, or the one before the end.
  private var handling: Task<Void, Never>?
  private var sendsStreams = false
  /// A long frame that is being decoded elsewhere.
  private var decoding: ByteBuffer?
  private var left: LeftFrames?
  /// Why the daemon closed it; nil: it did not.
  private var closing: String?
  /// It has introduced itself as a worker, whether or not there is a client for it.
  private var isWorker = false
  private var hasTransactionCallbacks = false

  init(_ connection: IPCConnection, _ services: Services) {
    self.connection = connection
    id = connection.id
    self.services = services
    eventLoop = connection.eventLoop
    let limit = TimeAmount(services.engine.providers.limits.connect)
    timer = connection.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in
      guard let self, case .unknown = self.role else { return }
      self.connection?.closeNow(
        .firstFrameLate(
          "the data provider did not say within \(limit.nanoseconds / 1_000_000_000) s what the connection is for"))
    }
  }

  var clientName: String? {
    switch role {
    case .unknown: nil
    case .control(let instance): "\(instance.name) (instance \(instance.id), control)"
    case .worker(let instance, let id): "\(instance.name) (instance \(instance.id), worker \(id))"
    }
  }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    guard frame.readableBytes > IPCConnection.longFrame, let connection else { return take(Self.decode(frame), &out) }
    // Many objects at once: decoded elsewhere, so that the event loop is not kept busy with them.
    decoding = frame
    let later = connection.later { (result: Result<Result<ProviderMessage, DecodeError>, NSOError>, out) in
      self.decoding = nil
      switch result {
      case .success(let message): return self.take(message, &out)
      case .failure(let error): return .close(.notServed(error.message))
      }
    }
    services.compute(to: later) { [frame] () throws(NSOError) in Self.decode(frame) }
    return .later
  }

  private static func decode(_ frame: ByteBuffer) -> Result<ProviderMessage, DecodeError> {
    do throws(DecodeError) { return .success(try ProviderMessage(frame)) } catch { return .failure(error) }
  }

  private func take(_ result: Result<ProviderMessage, DecodeError>, _ out: inout ByteBuffer) -> FrameOutcome {
    switch result {
    case .failure(let error): return refuse(NSOError(.protocolUsage, "\(error)"), &out)
    case .success(let message):
      do throws(NSOError) {
        switch role {
        case .unknown: try introduce(message, &out)
        case .control(let instance): try control(message, instance, &out)
        case .worker(let instance, _):
          if case .stream(let message) = message { return stream(message, instance) }
          try work(message, instance)
        }
        return .done
      } catch {
        return refuse(error, &out)
      }
    }
  }

  /// There is a place for errors only where the client waits for an answer: before it is active. Then the connection closes.
  private func refuse(_ error: NSOError, _ out: inout ByteBuffer) -> FrameOutcome {
    closing = error.message
    if let (instance, name) = owner {
      let asked = instance.outstanding(on: id).map { ", asked \($0)" } ?? ""
      instance.report("\(instance.summary): its \(name)\(asked) is closed: \(error.message)")
    }
    switch role {
    // Workers never get an answer to what they introduce themselves with.
    case .unknown where isWorker: break
    case .unknown: out.writeFrame { DaemonMessage.refused(error).write(into: &$0) }
    case .control(let instance) where !instance.isActive:
      out.writeFrame { DaemonMessage.refused(error).write(into: &$0) }
    default: break
    }
    return .close(.badFrame(error.message))
  }

  /// Whose connection it is, and which one.
  private var owner: (instance: ProviderInstance, name: String)? {
    switch role {
    case .unknown: nil
    case .control(let instance): (instance, "control socket")
    case .worker(let instance, let id): (instance, "worker \(id)")
    }
  }

  // MARK: What clients send

  private func introduce(_ message: ProviderMessage, _ out: inout ByteBuffer) throws(NSOError) {
    let registry = services.engine.providers
    switch message {
    case .daemon(let name, _):
      guard (1...ProviderText.nameLimit).contains(name.utf8.count) else {
        throw NSOError(
          .protocolUsage,
          "a data provider introduces itself with a name of \(name.utf8.count) bytes: give it one of 1 to \(ProviderText.nameLimit)"
        )
      }
      let name = ProviderText.shown(name)
      let peer = connection.map { "\($0.peer)" } ?? "gone"
      let instance = registry.add(name: name, peer: peer, control: socket)
      role = .control(instance)
      out.writeFrame { DaemonMessage.accepted(instance: instance.id).write(into: &$0) }
    case .worker(let id, let worker):
      isWorker = true
      let instance = try registry.instance(id, ofWorker: worker)
      role = .worker(instance, worker)
      instance.add(worker: worker, socket)
    default:
      throw NSOError(.protocolUsage, "the first message of a data provider says what the connection is for: op 1 or 2")
    }
    timer?.cancel()
    timer = nil
  }

  private func control(
    _ message: ProviderMessage, _ instance: ProviderInstance, _ out: inout ByteBuffer
  ) throws(NSOError) {
    switch message {
    case .register(let id, let registration):
      try require(id, instance)
      try instance.register(registration)
    case .registerRange(let id, let range):
      try require(id, instance)
      try instance.register(range.registration, range: range)
    case .transactionCallbacks(let id, let callbacks):
      try require(id, instance)
      if hasTransactionCallbacks {
        instance.report("\(instance.summary) registers transaction callbacks again (op 9): the last ones hold", .info)
      }
      hasTransactionCallbacks = true
      instance.transactionCallbacks = callbacks
    case .databaseCallbacks(let id, let callbacks):
      try require(id, instance)
      instance.databaseCallbacks = callbacks
      let uncalled = callbacks.intersection(DatabaseCallbacks.ofCandidate.union(.ofCheckpoints))
      if !uncalled.isEmpty {
        services.engine.journal.developer(
          .developerProvider, .info,
          "\(instance.summary) registers the db callbacks \(uncalled.text), which are never called: the candidate is the daemon's own, and confirmed commits are taken back by a commit"
        )
      }
    case .registerNano(let id, let registration):
      try require(id, instance)
      services.engine.log.warning(
        "\(instance.summary) registers nano service \(registration.servicePoint): services are not supported, it is never called"
      )
    case .registerDone(let id):
      try require(id, instance)
      guard !instance.isActive else { throw NSOError(.protocolUsage, "\(instance.summary) sends register_done twice") }
      let sessions = services.engine.sessions.all
      // The answer is the first that the client gets after its number, so it is written before anything can be asked.
      out.writeFrame { DaemonMessage.registered(sessions.map { UserSessionInfo($0) }).write(into: &$0) }
      try instance.activate(knowing: sessions)
      // The whole schema is looked through.
      let engine = services.engine
      Task { engine.reportUnusedPoints(of: instance) }
    case .reply(let reply): received(reply, instance)
    case .extendTimeout(let query, let number, let seconds):
      instance.extend(query, seconds: seconds, as: number, on: self.id)
    case .daemon: throw NSOError(.protocolUsage, "\(instance.summary) introduces itself twice (op 1)")
    default: throw NSOError(.protocolUsage, "\(instance.summary) sends on its control socket what belongs on a worker")
    }
  }

  private func work(_ message: ProviderMessage, _ instance: ProviderInstance) throws(NSOError) {
    switch message {
    case .reply(let reply): received(reply, instance)
    case .extendTimeout(let query, let number, let seconds):
      instance.extend(query, seconds: seconds, as: number, on: self.id)
    default: throw NSOError(.protocolUsage, "\(instance.summary) sends on a worker what belongs on its control socket")
    }
  }

  /// Nothing more is read from a stream worker before a notification has been dealt with: a client that sends faster waits.
  private func stream(_ message: StreamMessage, _ instance: ProviderInstance) -> FrameOutcome {
    guard let connection else { return .close(nil) }
    sendsStreams = true
    let later = connection.later { (_: Result<Void, NSOError>, _) in .done }
    let engine = services.engine
    handling = Task {
      await engine.received(message, from: instance)
      later.succeed(())
    }
    return .later
  }

  private func received(_ reply: ProviderReply, _ instance: ProviderInstance) {
    guard !instance.received(reply, on: id) else { return }
    instance.report("\(instance.summary) answers request \(reply.query), for which nobody waits", .info)
  }

  private func require(_ id: Int32, _ instance: ProviderInstance) throws(NSOError) {
    guard id == instance.id else {
      throw NSOError(.protocolUsage, "\(instance.summary) calls itself instance \(id)")
    }
  }

  // MARK: What the daemon sends

  private var socket: any ProviderSocket { Socket(connection: NIOLoopBound(self, eventLoop: eventLoop), id: id) }

  /// On the event loop, in the order in which it was asked for.
  private struct Socket: ProviderSocket {
    let connection: NIOLoopBound<ProviderConnection>
    let id: UInt64

    func send(_ message: DaemonMessage) {
      connection.eventLoop.execute { connection.value.deliver(message) }
    }

    func close(_ reason: String) {
      connection.eventLoop.execute { connection.value.close(reason) }
    }
  }

  /// What a client that is gone had sent on its stream worker is still read, to its end: the end of the control socket may be seen first.
  private func close(_ reason: String) {
    if closing == nil { closing = reason }
    guard case .worker(let instance, let id) = role, instance.isGone, sendsStreams || instance.sendsStreams(on: id) else {
      connection?.closeNow(.notServed(reason))
      return
    }
    guard timer == nil else { return }
    timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(services.engine.providers.limits.connect)) { [weak self] in
      self?.connection?.closeNow(.notServed("\(reason), and its stream worker did not end"))
    }
  }

  private func deliver(_ message: DaemonMessage) {
    guard let connection else { return }
    let isSent = unsent.isEmpty && connection.push { out in out.writeFrame { message.write(into: &$0) } }
    // A client that does not read is found by the time limits of its requests.
    if !isSent { unsent.append(message) }
  }

  func becameWritable() { sendHeld() }

  /// While a long answer is decoded elsewhere nothing is pushed.
  func requestAnswered() { sendHeld() }

  private func sendHeld() {
    guard let connection else { return }
    while let message = unsent.first {
      guard connection.push({ out in out.writeFrame { message.write(into: &$0) } }) else { return }
      unsent.removeFirst()
    }
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) { closing = "\(refusal)" }

  func left(_ frames: LeftFrames) { left = frames }

  /// The end of a control socket is the end of the client.
  func closed() {
    timer?.cancel()
    timer = nil
    unsent = []
    switch role {
    case .unknown: break
    case .control(let instance):
      let reason = closing.map { "the daemon closed its control socket: \($0)" } ?? "it closed its control socket"
      if !instance.isGone {
        services.engine.log.notice(
          "DAEMON_DIED \(instance.summary)\(closing == nil ? " closed its control socket" : ": \(reason)")")
      }
      services.engine.providers.remove(instance, reason)
    case .worker(let instance, let id):
      instance.remove(worker: id, socket, closing)
      endWorker(id, of: instance)
    }
  }

  /// What a stream worker had sent before its end is dealt with like all before; then its replays end.
  private func endWorker(_ worker: Int32, of instance: ProviderInstance) {
    let engine = services.engine
    let connection = id
    guard handling != nil || left != nil || decoding != nil else {
      return engine.lostWorker(worker, of: instance, connection: connection)
    }
    let messages = LeftMessages(first: decoding, rest: left, from: instance, engine)
    let before = handling
    handling = nil
    decoding = nil
    left = nil
    Task {
      await before?.value
      await messages.handOver()
      engine.lostWorker(worker, of: instance, connection: connection)
    }
  }
}
