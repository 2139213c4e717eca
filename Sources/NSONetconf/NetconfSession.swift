import Logging
import NIOCore
import NIOPosix
import NSODocument
import NSOEngine
import NSOModel

/// One NETCONF session: requests are carried out one after the other, in the order in which they came, on the engine. While one is, the
/// next are read, so that the end of the connection is seen at once.
actor NetconfSession {
  /// The connection cannot go on: a reply that has begun cannot be ended.
  struct Broken: Error {
    var reason: String
  }

  /// What an operation has for the reply.
  enum Outcome {
    case ok
    /// `ok`, and then the session ends.
    case close
    /// Elements.
    case body(ByteBuffer)
    case data(DataReply)
  }

  let engine: Engine
  let session: UserSession
  let settings: NetconfSettings
  private let transport: any NetconfTransport
  private let queue: MessageQueue
  private var framing = Framing.endOfMessage
  private var running: Task<Void, Never>?
  private var timer: Task<Void, any Error>?
  private var timers: UInt64 = 0
  /// Why it ends, once it does.
  private var ending: String?

  init(_ engine: Engine, _ session: UserSession, _ settings: NetconfSettings, _ transport: any NetconfTransport) {
    self.engine = engine
    self.session = session
    self.settings = settings
    self.transport = transport
    queue = MessageQueue(limit: min(settings.messageLimit, 1 << 20))
  }

  /// Runs until its end.
  /// - Returns: why it has ended.
  func run() async -> String {
    log("session of \(session.user) from \(session.request.address) over \(session.request.proto) begins")
    let reader = Task { await self.readAll() }
    startTimer(settings.helloTimeout, "its client sent no hello")
    do {
      try await write(FrameEncoder.piece(hello, .endOfMessage))
      try await write(FrameEncoder.end(.endOfMessage))
    } catch {
      end("its client has gone")
    }
    while ending == nil, let message = await queue.take() {
      // The end may have come with the message.
      guard ending == nil else { break }
      stopTimer()
      let task = Task { await self.respond(to: message) }
      running = task
      await task.value
      running = nil
      watchIdleness()
    }
    stopTimer()
    transport.close()
    await reader.value
    log("session of \(session.user) has ended: \(ending ?? "its connection has ended")")
    return ending ?? "its connection has ended"
  }

  /// The first reason stands. What is being carried out is given up.
  func end(_ reason: String) {
    if ending == nil { ending = reason }
    queue.end()
    running?.cancel()
    transport.close()
  }

  func log(_ text: @autoclosure () -> String) {
    engine.journal.record(.netconf, .netconf, "id=\(session.id) \(text())")
  }

  // MARK: Reading

  private nonisolated func readAll() async {
    var decoder = FrameDecoder(limit: 64 << 10)
    var isGreeted = false
    do {
      while let bytes = try await transport.read() {
        decoder.append(bytes)
        while let message = try decoder.next() {
          if isGreeted {
            await queue.give(message)
          } else {
            decoder.framing = try await greet(message)
            decoder.limit = settings.messageLimit
            isGreeted = true
          }
        }
      }
      await end("its connection has ended")
    } catch {
      let reason = (error as? Broken)?.reason ?? (error as? FramingError)?.description ?? "its connection failed: \(error)"
      engine.log.notice("NETCONF: \(session.summary): \(reason); the session is closed")
      await end(reason)
    }
  }

  /// Takes the client's hello.
  private func greet(_ message: [UInt8]) throws -> Framing {
    guard case .hello(let capabilities) = NetconfRequest.read(message) else {
      throw Broken(reason: "its client did not begin with a hello")
    }
    stopTimer()
    watchIdleness()
    if capabilities.contains(NetconfNames.base11) {
      framing = .chunked
    } else if !capabilities.contains(NetconfNames.base10) {
      throw Broken(reason: "its client has neither \(NetconfNames.base10) nor \(NetconfNames.base11) among its capabilities")
    }
    return framing
  }

  private var hello: ByteBuffer {
    var out = ByteBuffer(string: Reply.declaration)
    out.writeString("<hello xmlns=\"\(NetconfNames.base)\"><capabilities>")
    for capability in Capabilities.all(engine) { out.writeString("<capability>\(Reply.escaped(capability))</capability>") }
    out.writeString("</capabilities><session-id>\(session.id)</session-id></hello>")
    return out
  }

  // MARK: Time limits

  /// Also one whose time is just over.
  private func stopTimer() {
    timers &+= 1
    timer?.cancel()
  }

  private func startTimer(_ limit: Duration, _ reason: String) {
    stopTimer()
    let number = timers
    timer = Task { [weak self] in
      try await Task.sleep(for: limit)
      await self?.timeOver(number, limit, reason)
    }
  }

  private func timeOver(_ number: UInt64, _ limit: Duration, _ reason: String) {
    guard number == timers, running == nil else { return }
    // Who waits for its confirmation keeps the session.
    if engine.confirmedCommits.pending?.session == session.id { return startTimer(limit, reason) }
    end("\(reason) for \(limit)")
  }

  private func watchIdleness() {
    if settings.idleTimeout > .zero, ending == nil { startTimer(settings.idleTimeout, "it was idle") }
  }

  // MARK: Replies

  private func write(_ bytes: ByteBuffer) async throws {
    guard settings.writeTimeout > .zero else { return try await transport.write(bytes) }
    let (transport, limit) = (transport, settings.writeTimeout)
    let timer = Task {
      try await Task.sleep(for: limit)
      transport.close()
    }
    defer { timer.cancel() }
    try await transport.write(bytes)
  }

  private func send(_ bytes: ByteBuffer, isLast: Bool = false) async throws {
    var frame = FrameEncoder.piece(bytes, framing)
    if isLast { frame.writeImmutableBuffer(FrameEncoder.end(framing)) }
    if frame.readableBytes > 0 { try await write(frame) }
  }

  private func respond(to message: [UInt8]) async {
    do {
      let reading = await offload { NetconfRequest.read(message) }
      switch reading {
      case .faulty(let error, let rpc):
        log("a faulty message: \(error.tag): \(error.message)")
        try await send(Reply.errors([error], to: rpc, engine.model), isLast: true)
      case .hello:
        let error = RPCError(
          .rpc, "unknown-element", "a hello stands at the beginning of a session only", info: [("bad-element", "hello")])
        try await send(Reply.errors([error], to: nil, engine.model), isLast: true)
      case .rpc(let request): try await respond(to: request)
      }
    } catch let broken as Broken {
      engine.log.notice("NETCONF: \(session.summary): \(broken.reason); the session is closed")
      end(broken.reason)
    } catch {
      end("its client has gone")
    }
  }

  private func respond(to request: NetconfRequest) async throws {
    let rpc = request.rpc
    let name = request.operation?.name.local ?? "nothing"
    let what = "\(name), message-id \(rpc.attribute("message-id") ?? "")"
    log("got rpc: \(what)")
    let outcome: Outcome
    do {
      guard let operation = request.operation else {
        throw RPCError.missingElement("rpc", "the rpc asks for nothing")
      }
      outcome = try await perform(operation, request)
    } catch {
      let told: RPCError =
        switch error {
        case let error as RPCError: error
        case let error as NSOError: RPCError(error, engine.model)
        case is CancellationError: RPCError(.application, "operation-failed", "\(name) was given up")
        default: RPCError(.application, "operation-failed", "\(error)")
        }
      if settings.logsReplies { log("\(what): error \(told.tag): \(told.message)") }
      return try await send(Reply.errors([told], to: rpc, engine.model), isLast: true)
    }
    if settings.logsReplies {
      switch outcome {
      case .ok, .close: log("\(what): ok")
      case .body, .data: log("\(what): data")
      }
    }
    var head = Reply.head(rpc)
    switch outcome {
    case .ok:
      head.writeString("<ok/>\(Reply.tail)")
      try await send(head, isLast: true)
    case .close:
      head.writeString("<ok/>\(Reply.tail)")
      try await send(head, isLast: true)
      end("its client has closed it")
    case .body(let body):
      head.writeImmutableBuffer(body)
      head.writeString(Reply.tail)
      try await send(head, isLast: true)
    case .data(let reply):
      defer { engine.finish(reply.transaction) }
      try await send(reply, head)
    }
  }

  /// Sends data as it is read. What fails at the beginning is told; later there is no way to (`rpc-errors`).
  private func send(_ reply: DataReply, _ head: ByteBuffer) async throws {
    var piece = reply.first
    var out = head
    while true {
      out.writeImmutableBuffer(piece.bytes)
      if piece.isLast { break }
      try await send(out)
      try Task.checkCancellation()
      out = ByteBuffer()
      do throws(NSOError) {
        piece = try await look(reply.transaction.model) { () throws(NSOError) in try reply.pieces.next() }
      } catch {
        throw Broken(reason: "the data of a reply could not be read to its end: \(error.message)")
      }
    }
    out.writeString(Reply.tail)
    try await send(out, isLast: true)
  }

  // MARK: Work

  /// Runs what takes long on a thread that may be kept busy.
  func offload<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
      NIOThreadPool.singleton.submit { _ in continuation.resume(returning: body()) }
    }
  }

  /// As above, for what looks at data; it may have to wait for data of providers.
  func look<R: Sendable>(
    _ model: DataModel, _ body: @escaping @Sendable () throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    guard !model.hasProviders else { return try await ProviderWait.run(body) }
    let result: Result<R, NSOError> = await offload {
      do throws(NSOError) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
