import Logging
import NIOCore
import NSOModel
import NSOWire

/// One IPC connection from accept to close, the only handler in its pipeline: it moves bytes between the socket, the
/// ``Handshake``, the ``FrameReader`` and the API, keeps requests serial, and holds back reading while it cannot work on
/// what it would read. Everything here happens on the connection's event loop.
///
/// The hot path, a request answered at once, costs no allocation: the frame is a slice of the read buffer, the reply goes
/// into ``outgoing``, which is flushed when the reads of one turn are done.
final class IPCConnection: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Stage {
    case connecting
    case frames
    case raw
    case closing
    case closed
  }

  let id: UInt64
  let peer: PeerIdentity
  let decision: LocalPeerDecision
  /// The address that the client reached, for texts.
  let place: String
  let logger: Logger

  private let server: ServerCore
  private let since: Int64
  private var stage = Stage.connecting
  private var handshake: Handshake
  private var frames: FrameDecoder
  /// The longest frame, in bytes, that either side may send here.
  var frameLimit: Int { frames.limit }
  private var flow = RequestFlow()
  private var api: (any APIConnection)?
  private(set) var hello: ClientHello?
  private var stream: (any OutboundStream)?
  /// Gives up what the request under way waits for.
  var abandonment: (@Sendable () -> Void)?

  /// Arrived, not used up.
  private var pending = ByteBuffer()
  /// Written, not handed to the channel.
  private var outgoing = ByteBuffer()
  /// The channel holds more than the peer reads.
  private var isBlocked = false
  /// The channel has asked for a read that was held back.
  private var heldRead = false
  private var timer: Scheduled<Void>?
  private var requests: UInt64 = 0
  private var context: ChannelHandlerContext?
  let eventLoop: any EventLoop

  /// Replies of one turn are sent before they grow beyond this.
  private static let flushThreshold = 64 << 10
  /// A bigger buffer is not kept for the next replies.
  private static let keptCapacity = 256 << 10

  init(server: ServerCore, eventLoop: any EventLoop, peer: PeerIdentity, decision: LocalPeerDecision, place: String) {
    self.server = server
    self.eventLoop = eventLoop
    self.peer = peer
    self.decision = decision
    self.place = place
    id = server.registry.nextID()
    logger = server.logger
    since = server.clock()
    handshake = Handshake(settings: server.handshakeSettings, check: server.accessCheck())
    frames = FrameDecoder(limit: server.configuration.frameLimit)
  }

  /// The process at the other end, to be looked for when somebody asks.
  private(set) lazy var clientProcess = peer.clientProcess(at: context?.channel.localAddress?.port)

  // MARK: Coming and going

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard stage == .connecting, timer == nil else { return }
    outgoing = context.channel.allocator.buffer(capacity: 1024)
    guard server.registry.add(NIOLoopBound(self, eventLoop: context.eventLoop), id: id, now: context.eventLoop.now) else {
      return refuse([], .stopping, context)
    }
    if case .denied(let reason) = decision { return refuse([], .localPeer(reason: reason), context) }
    logger.debug("IPC connection \(id) from \(peer) to \(place)")
    startTimer(context)
    perform(handshake.opened(), context)
    flush(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    finish()
    self.context = nil
  }

  /// The one place where what the connection owned is freed.
  private func finish() {
    guard stage != .closed else { return }
    if stage == .connecting, let refusal = handshake.peerClosed() { log(refusal) }
    let left = stage == .frames && pending.readableBytes > 0 ? LeftFrames(pending, frames) : nil
    stage = .closed
    timer?.cancel()
    timer = nil
    flow.close()
    abandonment?()
    abandonment = nil
    stream?.abandoned()
    stream = nil
    pending = ByteBuffer()
    outgoing = ByteBuffer()
    if let api {
      logger.debug("IPC connection \(id) from \(peer) closed after \(requests) requests")
      self.api = nil
      if let left { api.left(left) }
      api.closed()
    }
    server.registry.remove(id)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A peer that is gone is no news: what it owned is freed below.
    logger.debug("IPC connection \(id) from \(peer): \(Refusal.inputOutput(String(describing: error)))")
    context.close(promise: nil)
  }

  // MARK: Bytes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = Self.unwrapInboundIn(data)
    if pending.readableBytes == 0 {
      pending = bytes
    } else {
      pending.discardReadBytes()
      pending.writeBuffer(&bytes)
    }
    proceed(context)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    flush(context)
    context.fireChannelReadComplete()
  }

  /// The channel wants to read on; not before what was read is worked on.
  func read(context: ChannelHandlerContext) {
    if wantsBytes { context.read() } else { heldRead = true }
  }

  private var wantsBytes: Bool {
    switch stage {
    case .connecting: true
    case .frames, .raw: !isBlocked && flow.mayTakeFrame
    case .closing, .closed: false
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, isBlocked {
      isBlocked = false
      if flow.state == .sending { pump(context) }
      api?.becameWritable()
      proceedAndFlush(context)
    }
    context.fireChannelWritabilityChanged()
  }

  /// Works on what has arrived, as far as that is allowed now.
  private func proceed(_ context: ChannelHandlerContext) {
    if stage == .connecting { connect(context) }
    // A stream that is sent at once leaves the requests behind its own to be taken.
    var left = -1
    while stage == .frames, pending.readableBytes > 0, pending.readableBytes != left {
      left = pending.readableBytes
      takeFrames(context)
    }
    if stage == .raw { takeRaw(context) }
    if stage == .closing || stage == .closed { pending = ByteBuffer() }
  }

  private func proceedAndFlush(_ context: ChannelHandlerContext) {
    proceed(context)
    flush(context)
    if heldRead, wantsBytes {
      heldRead = false
      context.read()
    }
  }

  // MARK: Connecting

  private func connect(_ context: ChannelHandlerContext) {
    while stage == .connecting {
      let action = handshake.received(&pending)
      perform(action, context)
      if case .wait = action { return }
    }
  }

  private func perform(_ action: Handshake.Action, _ context: ChannelHandlerContext) {
    switch action {
    case .wait: break
    case .send(let bytes):
      outgoing.writeBytes(bytes)
      startTimer(context)
    case .accept(let reply, let hello):
      outgoing.writeBytes(reply)
      timer?.cancel()
      timer = nil
      server.registry.finishedConnecting(id)
      self.hello = hello
      stage = .frames
      logger.debug("IPC connection \(id) from \(peer): \(hello.client), protocol version \(hello.version)")
      api = server.makeAPI(self, hello)
    case .refuse(let reply, let refusal): refuse(reply, refusal, context)
    }
  }

  private func startTimer(_ context: ChannelHandlerContext) {
    timer?.cancel()
    let limits = server.admission
    let limit = handshake.step == .accessCheck ? limits.accessCheckTimeLimit : limits.helloTimeLimit
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [self] in
      guard stage == .connecting, let context = self.context, let refusal = handshake.timeLimitPassed() else { return }
      refuse([], refusal, context)
    }
  }

  /// Another connection takes the place of this one, which has not finished connecting.
  func displaced() {
    guard stage == .connecting, let context else { return }
    refuse([], .tooManyUnfinished(limit: server.configuration.unfinishedConnections), context)
  }

  private func refuse(_ reply: [UInt8], _ refusal: Refusal, _ context: ChannelHandlerContext) {
    guard stage != .closing, stage != .closed else { return }
    log(refusal)
    server.registry.countRefused()
    handshake.abandon()
    outgoing.writeBytes(reply)
    closeWhenSent(context)
  }

  /// One line that says who, where, what and what to do.
  private func log(_ refusal: Refusal) {
    let during = stage == .connecting ? "refused in the \(handshake.step)" : "closed"
    let kind = hello.map { "\($0.client) " } ?? ""
    let symbol = refusal.symbol.map { "\($0) " } ?? ""
    let text = Explanation(
      .handshake, .accessDenied, actor: "\(symbol)IPC \(kind)connection \(id) from \(peer) to \(place) \(during)",
      action: "", rule: "\(refusal)", remedy: ""
    ).text
    let metadata: Logger.Metadata? = refusal.symbol.map { ["symbol": .stringConvertible($0)] }
    switch refusal {
    case .closedByPeer, .stopping: logger.info("\(text)", metadata: metadata)
    default: logger.warning("\(text)", metadata: metadata)
    }
  }

  // MARK: Frames

  private func takeFrames(_ context: ChannelHandlerContext) {
    guard let api else { return }
    // Taken out for the time of the work: whoever is called may call back.
    var input = ByteBuffer()
    var output = ByteBuffer()
    swap(&input, &pending)
    swap(&output, &outgoing)
    var refusal: Refusal?
    var outcome = FrameOutcome.done
    loop: while flow.mayTakeFrame, !isBlocked {
      var frame: ByteBuffer
      do throws(FrameDecoder.TooLong) {
        guard let next = try frames.decode(buffer: &input) else { break loop }
        frame = next
      } catch {
        refusal = .frameTooLong(error.length, limit: error.limit)
        break loop
      }
      guard frame.readableBytes > 0 || api.acceptsEmptyFrames else {
        refusal = .emptyFrame
        break loop
      }
      requests &+= 1
      outcome = api.receive(&frame, &output)
      guard case .done = outcome else { break loop }
      if output.readableBytes >= Self.flushThreshold {
        swap(&output, &outgoing)
        flush(context)
        swap(&output, &outgoing)
      }
    }
    if let refusal {
      api.frameBroken(refusal, &output)
      outcome = .close(refusal)
    }
    if input.readableBytes > 0 { swap(&input, &pending) }
    swap(&output, &outgoing)
    if case .done = outcome { return }
    follow(outcome, context)
  }

  private func takeRaw(_ context: ChannelHandlerContext) {
    // What has been read is handed over even while the API has asked to wait: at the end of the connection nothing would
    // come back for it.
    guard let api, pending.readableBytes > 0 else { return }
    var input = ByteBuffer()
    swap(&input, &pending)
    let outcome = writing { api.receiveRaw(&input, &$0) }
    follow(outcome, context)
  }

  /// Does what an API wants after a frame, an answer or a stream.
  private func follow(_ outcome: FrameOutcome, _ context: ChannelHandlerContext) {
    switch outcome {
    case .done: break
    case .later: flow.wait()
    case .laterAtStop: flow.wait(untilStop: true)
    case .stream(let stream):
      flow.beginSending()
      self.stream = stream
      pump(context)
    case .raw:
      stage = .raw
      takeRaw(context)
    case .close(let refusal):
      if let refusal { log(refusal) }
      closeWhenSent(context)
    }
    if flow.shouldCloseNow { closeWhenSent(context) }
  }

  /// Sends pieces of the stream while the peer takes them; other connections get their turn in between.
  private func pump(_ context: ChannelHandlerContext) {
    var turns = 16
    while flow.state == .sending, let stream {
      flush(context)
      if isBlocked { return }
      guard turns > 0 else {
        return context.eventLoop.assumeIsolated().execute { [self] in
          guard let context = self.context else { return }
          pump(context)
          proceedAndFlush(context)
        }
      }
      turns -= 1
      if let outcome = writing({ stream.produce(into: &$0) }) {
        self.stream = nil
        flow.endSending()
        follow(outcome, context)
      }
    }
  }

  // MARK: Answers from elsewhere

  /// A place for the answer to the request at hand; return `.later` after asking for it.
  /// - Parameters:
  ///   - gone: called instead of `answer` when the connection is gone, to free what the result holds.
  ///   - answer: writes the reply, on the event loop.
  func later<Value: Sendable>(
    gone: @escaping (Value) -> Void = { _ in },
    _ answer: @escaping (Result<Value, NSOError>, inout ByteBuffer) -> FrameOutcome
  ) -> Later<Value> {
    let continuation = Later<Value>.Continuation(
      ticket: flow.makeTicket(), connection: self, answer: answer, gone: gone)
    return Later(continuation: NIOLoopBound(continuation, eventLoop: eventLoop))
  }

  /// Takes an answer. False: nobody waits for it any more.
  func resume(_ ticket: RequestFlow.Ticket, _ answer: (inout ByteBuffer) -> FrameOutcome) -> Bool {
    guard flow.answered(ticket), let context else { return false }
    abandonment = nil
    follow(writing(answer), context)
    api?.requestAnswered()
    proceedAndFlush(context)
    return true
  }

  /// Sends something that the client did not ask for, on the event loop. False, and nothing is sent: a request is not answered
  /// yet, wait for ``APIConnection/requestAnswered()``; or the client does not read, wait for ``APIConnection/becameWritable()``.
  func push(_ write: (inout ByteBuffer) -> Void) -> Bool {
    guard let context, stage == .frames, !isBlocked, !flow.isBusy else { return false }
    writing(write)
    flush(context)
    return true
  }

  // MARK: Bytes out

  /// Lets `body` write into the outgoing bytes.
  private func writing<Result>(_ body: (inout ByteBuffer) -> Result) -> Result {
    var output = ByteBuffer()
    swap(&output, &outgoing)
    defer { swap(&output, &outgoing) }
    return body(&output)
  }

  private func flush(_ context: ChannelHandlerContext) {
    guard outgoing.readableBytes > 0, stage != .closed else { return }
    // Taken out: a write may at once tell that the channel can or cannot take more.
    var batch = ByteBuffer()
    swap(&batch, &outgoing)
    context.writeAndFlush(Self.wrapOutboundOut(batch), promise: nil)
    if outgoing.capacity == 0 {
      if batch.capacity > Self.keptCapacity {
        outgoing = context.channel.allocator.buffer(capacity: 1024)
      } else {
        batch.clear()
        swap(&batch, &outgoing)
      }
    }
    if !context.channel.isWritable { isBlocked = true }
  }

  private func closeWhenSent(_ context: ChannelHandlerContext) {
    guard stage != .closing, stage != .closed else { return }
    stage = .closing
    timer?.cancel()
    timer = nil
    guard outgoing.readableBytes > 0 else { return context.close(promise: nil) }
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    context.writeAndFlush(Self.wrapOutboundOut(outgoing), promise: sent)
    outgoing = ByteBuffer()
    // A peer that does not read must not keep the connection for ever.
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: server.admission.helloTimeLimit) {
      context.close(promise: nil)
    }
  }

  // MARK: Stopping, closing from outside, status

  /// The server stops: end what is under way, then close.
  func quiesce() {
    guard let context else { return }
    switch flow.quiesce() {
    case .closeNow:
      if stage == .connecting { refuse([], .stopping, context) } else { closeWhenSent(context) }
    case .closeLater: break
    case .stay: server.registry.stays(id)
    }
  }

  /// Closes at once, whatever is under way.
  func closeNow(_ refusal: Refusal? = nil) {
    guard let context, stage != .closed else { return }
    if let refusal { log(refusal) }
    context.close(promise: nil)
  }

  /// All connections of the server but this one.
  var others: [NIOLoopBound<IPCConnection>] { server.registry.others(than: id) }

  /// Somebody wants no connections from an address.
  /// - Returns: whether this is one, and none of HA.
  func close(from address: IPAddress, asked who: String) -> Bool {
    guard case .tcp(let from, _) = peer.endpoint, from == address, hello?.client != .ha, stage != .closed else { return false }
    closeNow(.givenUp("\(who) has all connections from \(address) closed (DISCONNECT_REMOTE)"))
    return true
  }

  var status: IPCServerStatus.Connection {
    IPCServerStatus.Connection(
      id: id, peer: peer, stage: hello.map { "\($0.client)" } ?? "\(handshake.step)", clientName: api?.clientName,
      protocolVersion: hello?.version, since: since, requests: requests, isBusy: flow.isBusy)
  }
}
