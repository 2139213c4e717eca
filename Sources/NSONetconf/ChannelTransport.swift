public import NIOCore
import Synchronization

/// A SwiftNIO channel, of `ByteBuffer`s both ways, as transport: a TCP connection, or the channel of another protocol. It reads only when it is
/// asked to.
public final class ChannelTransport: NetconfTransport {
  private struct State {
    var received = ByteBuffer()
    /// Before that nothing can be asked of it.
    var isActive = false
    var isOver = false
    var reader: CheckedContinuation<ByteBuffer?, Never>?
  }

  private let channel: any Channel
  private let state = Mutex(State())

  private init(_ channel: any Channel) { self.channel = channel }

  /// Makes a channel a transport: for its initializer, as the last handler.
  public static func add(to channel: any Channel) throws -> ChannelTransport {
    let transport = ChannelTransport(channel)
    try channel.syncOptions?.setOption(.autoRead, value: false)
    try channel.pipeline.syncOperations.addHandler(Handler(transport))
    return transport
  }

  public func read() async -> ByteBuffer? {
    await withCheckedContinuation { continuation in
      enum Step { case give(ByteBuffer?), read, wait }
      let step: Step = state.withLock { state in
        if state.received.readableBytes > 0 {
          defer { state.received = ByteBuffer() }
          return .give(state.received)
        }
        // One task reads.
        guard !state.isOver, state.reader == nil else { return .give(nil) }
        state.reader = continuation
        return state.isActive ? .read : .wait
      }
      switch step {
      case .give(let bytes): continuation.resume(returning: bytes)
      case .read: channel.read()
      case .wait: break
      }
    }
  }

  public func write(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes) }

  public func close() { channel.close(promise: nil) }

  private func begin() {
    let isAwaited = state.withLock { state in
      state.isActive = true
      return state.reader != nil
    }
    if isAwaited { channel.read() }
  }

  private func take(_ bytes: ByteBuffer) {
    let reader = state.withLock { state -> CheckedContinuation<ByteBuffer?, Never>? in
      guard let reader = state.reader else {
        state.received.writeImmutableBuffer(bytes)
        return nil
      }
      state.reader = nil
      return reader
    }
    reader?.resume(returning: bytes)
  }

  private func end() {
    let reader = state.withLock { state in
      state.isOver = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: nil)
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let transport: ChannelTransport

    init(_ transport: ChannelTransport) { self.transport = transport }

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { transport.begin() } }

    func channelActive(context: ChannelHandlerContext) {
      transport.begin()
      context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { transport.take(unwrapInboundIn(data)) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      // Who sends no more is gone.
      if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
      context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
      transport.end()
      context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func handlerRemoved(context: ChannelHandlerContext) { transport.end() }
  }
}
