import NIOCore
import NSOWire

/// The protocol work of one client connection: handshake, frames, and whose turn it is. Lives on the channel's event loop.
///
/// Requests are strictly serial on a connection (protocol part 01, section 1): one owner at a time sends and waits for what
/// comes back, the others queue. An owner is either one request that waits for one reply frame, or an exchange that sends and
/// receives as it likes until it is released (streamed replies, iteration, raw bytes).
final class ConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  /// Names an owner, so that a cancellation can find it.
  typealias TicketID = UInt64

  private enum Phase {
    case handshake(Handshake)
    case framed
    case raw
    case closed(any Error)
  }

  private enum Ticket {
    case request(TicketID, ByteBuffer, CheckedContinuation<ByteBuffer, any Error>)
    case exchange(TicketID, CheckedContinuation<Void, any Error>)

    var id: TicketID {
      switch self {
      case .request(let id, _, _), .exchange(let id, _): id
      }
    }
  }

  private enum Owner {
    case nobody
    case request(TicketID, CheckedContinuation<ByteBuffer, any Error>)
    /// The continuation waits for the next frame or chunk; nil bytes are the end of a raw stream.
    case exchange(TicketID, CheckedContinuation<ByteBuffer?, any Error>?)
  }

  private let endpoint: Endpoint
  private let limits: ConnectionLimits
  private let ready: EventLoopPromise<HelloReply>
  private var frames: FrameDecoder
  private var context: ChannelHandlerContext?
  private var phase: Phase
  private var owner = Owner.nobody
  private var queue: CircularBuffer<Ticket> = []
  /// Bytes that do not make a whole frame yet.
  private var partial = ByteBuffer()
  /// Frames or chunks that nobody has asked for yet.
  private var received: CircularBuffer<ByteBuffer> = []
  private(set) var receivedBytes = 0
  private var readIsHeld = false
  /// Counts waits for frames, so that a time limit knows the wait that it is for.
  private var receives: UInt64 = 0
  private var deadline: Scheduled<Void>?

  init(handshake: Handshake, endpoint: Endpoint, limits: ConnectionLimits, ready: EventLoopPromise<HelloReply>) {
    self.phase = .handshake(handshake)
    self.endpoint = endpoint
    self.limits = limits
    self.ready = ready
    frames = FrameDecoder(limit: limits.maxFrameBytes)
  }
}

// MARK: - What the connection's users do

extension ConnectionHandler {
  /// Sends one frame (length included) and waits for one frame in return, in turn.
  func submit(_ id: TicketID, _ frame: ByteBuffer, _ continuation: CheckedContinuation<ByteBuffer, any Error>) {
    guard admit(continuation) else { return }
    if case .nobody = owner {
      owner = .request(id, continuation)
      send(frame, promise: nil)
    } else {
      queue.append(.request(id, frame, continuation))
    }
  }

  /// Waits for the turn and then keeps it until ``release(_:)``.
  func acquire(_ id: TicketID, _ continuation: CheckedContinuation<Void, any Error>) {
    guard admit(continuation) else { return }
    if case .nobody = owner {
      owner = .exchange(id, nil)
      continuation.resume()
    } else {
      queue.append(.exchange(id, continuation))
    }
  }

  /// Gives the turn to the next in line.
  func release(_ id: TicketID) {
    guard case .exchange(id, nil) = owner else { return }
    guard received.isEmpty else {
      close(ConnectionError(.protocolViolation, .conversation, endpoint, "the daemon sent more than the exchange has"))
      return
    }
    nextOwner()
  }

  /// The next frame of the exchange, or the next bytes of a raw connection (nil: end).
  /// - Parameter limit: how long to wait; then `ReceiveTimeout` is thrown, and nothing else changes.
  func next(_ id: TicketID, within limit: TimeAmount? = nil, _ continuation: CheckedContinuation<ByteBuffer?, any Error>) {
    if let bytes = received.popFirst() {
      receivedBytes -= bytes.readableBytes
      continuation.resume(returning: bytes)
      releaseRead()
      return
    }
    if case .closed(let error) = phase {
      continuation.resume(with: error is EndOfRawStream ? .success(nil) : .failure(error))
      return
    }
    guard case .exchange(id, nil) = owner else {
      continuation.resume(throwing: ConnectionError(.closed, .conversation, endpoint, "the exchange is over"))
      return
    }
    owner = .exchange(id, continuation)
    receives &+= 1
    if let limit, let context { limitReceive(id, limit, context) }
  }

  private func limitReceive(_ id: TicketID, _ limit: TimeAmount, _ context: ChannelHandlerContext) {
    let number = receives
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: limit) {
      let handler = bound.value
      guard handler.receives == number, case .exchange(id, let continuation?) = handler.owner else { return }
      handler.owner = .exchange(id, nil)
      continuation.resume(throwing: ReceiveTimeout())
    }
  }

  /// Sends bytes as they are; done when the operating system has taken them.
  func write(_ bytes: ByteBuffer, _ continuation: CheckedContinuation<Void, any Error>) {
    guard admit(continuation), let context else { return }
    let promise = context.eventLoop.makePromise(of: Void.self)
    let endpoint = endpoint
    promise.futureResult.whenComplete { result in
      continuation.resume(with: result.mapError { ConnectionError($0, during: .conversation, endpoint) })
    }
    send(bytes, promise: promise)
  }

  /// From now on bytes are passed on as they come (client id 8, protocol part 01, section 4.3).
  func switchToRaw() {
    guard case .framed = phase else { return }
    phase = .raw
    deliverRaw()
  }

  /// The task behind a ticket was cancelled. One that waits in line just leaves; an answer that is under way cannot be taken
  /// back, so then the connection closes.
  func cancel(_ id: TicketID) {
    if let index = queue.firstIndex(where: { $0.id == id }) {
      fail(queue.remove(at: index), CancellationError())
      return
    }
    switch owner {
    case .request(id, let continuation):
      owner = .nobody
      continuation.resume(throwing: CancellationError())
    case .exchange(id, let continuation?):
      owner = .exchange(id, nil)
      continuation.resume(throwing: CancellationError())
    default:
      return
    }
    close(ConnectionError(.closed, .conversation, endpoint, "a task was cancelled while it waited for an answer"))
  }

  /// Ends the connection; everybody who waits gets `error`.
  func close(_ error: any Error) {
    end(error)
    context?.close(promise: nil)
  }

  private var isClosed: Bool {
    if case .closed = phase { true } else { false }
  }

  private func admit<T>(_ continuation: CheckedContinuation<T, any Error>) -> Bool {
    guard case .closed(let error) = phase else { return true }
    continuation.resume(
      throwing: error is EndOfRawStream ? ConnectionError(.closed, .conversation, endpoint, "the stream has ended") : error)
    return false
  }

  private func nextOwner() {
    owner = .nobody
    guard let ticket = queue.popFirst() else { return }
    switch ticket {
    case .request(let id, let frame, let continuation):
      owner = .request(id, continuation)
      send(frame, promise: nil)
    case .exchange(let id, let continuation):
      owner = .exchange(id, nil)
      continuation.resume()
    }
  }

  private func send(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
    context?.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
  }
}

// MARK: - What the channel does

extension ConnectionHandler {
  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin(context) }
  }

  /// Also where a channel ends that never became active.
  func handlerRemoved(context: ChannelHandlerContext) {
    end(ConnectionError(.closed, .connect, endpoint, "the connection was given up"))
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if partial.readableBytes == 0 {
      partial = bytes
    } else {
      partial.discardReadBytes()
      partial.writeBuffer(&bytes)
    }
    switch phase {
    case .handshake: shakeHands(context)
    case .framed: deliverFrames()
    case .raw: deliverRaw()
    case .closed: partial.clear()
    }
  }

  /// Back-pressure: reading stops while too much waits to be taken.
  func read(context: ChannelHandlerContext) {
    if receivedBytes >= limits.receiveWindow { readIsHeld = true } else { context.read() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    switch phase {
    case .handshake(let handshake):
      end(ConnectionError(handshake.closedByPeer, handshake.step, endpoint))
    case .framed:
      end(ConnectionError(.closed, .conversation, endpoint, "the daemon closed the connection"))
    case .raw:
      end(EndOfRawStream())
    case .closed:
      break
    }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let step: ConnectionError.Step = if case .handshake(let handshake) = phase { handshake.step } else { .conversation }
    close(ConnectionError(error, during: step, endpoint))
  }

  private func releaseRead() {
    guard readIsHeld, receivedBytes < limits.receiveWindow else { return }
    readIsHeld = false
    context?.read()
  }

  // MARK: Handshake

  private func begin(_ context: ChannelHandlerContext) {
    guard case .handshake(var handshake) = phase, !handshake.hasBegun else { return }
    let hello = handshake.begin()
    phase = .handshake(handshake)
    limitStep(handshake, context)
    if let hello { send(hello, promise: nil) }
  }

  private func shakeHands(_ context: ChannelHandlerContext) {
    while case .handshake(var handshake) = phase {
      let step = handshake.step
      do throws(Handshake.Failure) {
        let action = try handshake.received(&partial)
        phase = .handshake(handshake)
        switch action {
        case .wait:
          return
        case .send(let bytes):
          limitStep(handshake, context)
          send(bytes, promise: nil)
        case .done(let hello):
          deadline?.cancel()
          deadline = nil
          phase = .framed
          ready.succeed(hello)
          deliverFrames()
        }
      } catch {
        close(ConnectionError(error, step, endpoint))
      }
    }
  }

  private func limitStep(_ handshake: Handshake, _ context: ChannelHandlerContext) {
    deadline?.cancel()
    let limit = limits.time(for: handshake.step)
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: limit) {
      let handler = bound.value
      guard case .handshake(let handshake) = handler.phase else { return }
      handler.close(ConnectionError(handshake.timedOut, handshake.step, handler.endpoint))
    }
  }

  // MARK: Frames and bytes

  private func deliverFrames() {
    while case .framed = phase {
      do throws(FrameDecoder.TooLong) {
        guard let frame = try frames.decode(buffer: &partial) else { return }
        deliver(frame)
      } catch {
        close(ConnectionError(.protocolViolation, .conversation, endpoint, "the daemon announced \(error)"))
      }
    }
  }

  private func deliverRaw() {
    guard partial.readableBytes > 0 else { return }
    let bytes = partial
    partial = ByteBuffer()
    deliver(bytes)
  }

  private func deliver(_ bytes: ByteBuffer) {
    switch owner {
    case .request(_, let continuation):
      nextOwner()
      continuation.resume(returning: bytes)
    case .exchange(let id, let continuation?):
      owner = .exchange(id, nil)
      continuation.resume(returning: bytes)
    case .exchange(_, nil):
      received.append(bytes)
      receivedBytes += bytes.readableBytes
    case .nobody:
      if case .raw = phase {
        received.append(bytes)
        receivedBytes += bytes.readableBytes
      } else {
        close(ConnectionError(.protocolViolation, .conversation, endpoint, "the daemon sent a frame that nobody asked for"))
      }
    }
  }

  /// Everything ends here, once.
  private func end(_ error: any Error) {
    guard !isClosed else { return }
    let before = phase
    phase = .closed(error)
    deadline?.cancel()
    deadline = nil
    if case .handshake = before { ready.fail(error) }
    let last = owner
    owner = .nobody
    switch last {
    case .nobody, .exchange(_, nil): break
    case .request(_, let continuation): continuation.resume(throwing: error)
    case .exchange(_, let continuation?):
      continuation.resume(with: error is EndOfRawStream ? .success(nil) : .failure(error))
    }
    while let ticket = queue.popFirst() { fail(ticket, error) }
  }

  private func fail(_ ticket: Ticket, _ error: any Error) {
    switch ticket {
    case .request(_, _, let continuation): continuation.resume(throwing: error)
    case .exchange(_, let continuation): continuation.resume(throwing: error)
    }
  }
}

/// The peer has said all it had to say on a raw connection.
private struct EndOfRawStream: Error {}

/// Nothing has come within the time that was given.
struct ReceiveTimeout: Error {}
