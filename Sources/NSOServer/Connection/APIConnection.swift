import NIOCore
import NSOModel
import NSOWire

/// What follows after an API has looked at a frame.
enum FrameOutcome {
  /// The answer, if there is one, was written: take the next frame.
  case done
  /// The answer comes later, through the ``Later`` that the connection gave out last. No frame is taken before that.
  case later
  /// As `later`; the answer comes only when the daemon ends, so stopping does not wait for it.
  case laterAtStop
  /// Several frames, or raw bytes, follow as fast as the peer reads them.
  case stream(any OutboundStream)
  /// From now on what the client sends is raw bytes for ``APIConnection/receiveRaw(_:_:)``.
  case raw
  /// Send what was written, then close; the reason, if any, goes to the log.
  case close(Refusal?)
}

/// One API's side of one connection after the hello. All calls come on the connection's event loop, one at a time;
/// nothing here may block. Requests that may wait answer `later`.
protocol APIConnection: AnyObject {
  /// What the client calls itself.
  var clientName: String? { get }

  /// Whether a frame of zero bytes means something now (the token of HA).
  var acceptsEmptyFrames: Bool { get }

  /// A frame came in; `frame` is its payload and may be taken apart. Replies, with their length, are added to `out`.
  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome

  /// Raw bytes came in, after `raw`.
  func receiveRaw(_ bytes: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome

  /// The framing itself is broken: tell the client in this API's way. The connection closes then.
  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer)

  /// The client can take more unasked frames again.
  func becameWritable()

  /// A request that was worked on elsewhere has been answered.
  func requestAnswered()

  /// The connection is gone, and this had come before its end and was not taken. Called before ``closed()``; for clients that only
  /// send, and go when they have.
  func left(_ frames: LeftFrames)

  /// The connection is gone: free everything that it owned, also what a request under way elsewhere still uses. Called
  /// exactly once, from one place.
  func closed()
}

extension APIConnection {
  var acceptsEmptyFrames: Bool { false }

  func receiveRaw(_ bytes: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    .close(.badFrame("raw bytes where frames are expected"))
  }

  func becameWritable() {}

  func requestAnswered() {}

  func left(_ frames: LeftFrames) {}
}

/// Frames that nobody had taken when their connection ended.
struct LeftFrames: Sendable {
  private(set) var bytes: ByteBuffer
  private var decoder: FrameDecoder

  init(_ bytes: ByteBuffer, _ decoder: FrameDecoder) {
    self.bytes = bytes
    self.decoder = decoder
  }

  /// The next one; nil at the end, which may be in the middle of one.
  mutating func next() throws(FrameDecoder.TooLong) -> ByteBuffer? { try decoder.decode(buffer: &bytes) }
}

/// Frames or raw bytes that are made while the client reads them.
protocol OutboundStream: AnyObject {
  /// Adds the next piece to `out`, some tens of kilobytes at most. Nil: there is more.
  func produce(into out: inout ByteBuffer) -> FrameOutcome?

  /// The connection is gone before the end.
  func abandoned()
}

extension OutboundStream {
  func abandoned() {}
}

/// The answer to one request that is worked on elsewhere; handed to whoever works on it, on any thread.
struct Later<Value: Sendable>: Sendable {
  /// What has to happen on the connection's event loop.
  struct Continuation {
    var ticket: RequestFlow.Ticket
    var connection: IPCConnection
    /// Writes the reply.
    var answer: (Result<Value, NSOError>, inout ByteBuffer) -> FrameOutcome
    /// The connection is gone: frees what the result holds.
    var gone: (Value) -> Void
  }

  let continuation: NIOLoopBound<Continuation>

  /// Delivers the outcome. To be called once; the second time it does nothing.
  func deliver(_ result: Result<Value, NSOError>) {
    continuation.eventLoop.execute {
      let continuation = self.continuation.value
      let waited = continuation.connection.resume(continuation.ticket) { out in continuation.answer(result, &out) }
      if !waited, case .success(let value) = result { continuation.gone(value) }
    }
  }

  /// On the event loop: calls `body` when the connection goes before the outcome is there.
  func whenAbandoned(_ body: @escaping @Sendable () -> Void) {
    continuation.value.connection.abandonment = body
  }

  func succeed(_ value: Value) { deliver(.success(value)) }

  func fail(_ error: NSOError) { deliver(.failure(error)) }
}
