import Glibc
import NIOCore
import NIOPosix

/// The yardstick: a bare SwiftNIO echo of length-prefixed frames on a Unix socket. One handler, no decoding beyond the
/// four length bytes, replies flushed once a read burst. It answers a frame with as many bytes as the first four payload
/// bytes ask for, so that request and reply have the sizes of the read it is compared with.
final class FrameEcho: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var pending = ByteBuffer()

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var incoming = unwrapInboundIn(data)
    if pending.readableBytes > 0 {
      pending.writeBuffer(&incoming)
    } else {
      pending = incoming
    }
    while let length = pending.getInteger(at: pending.readerIndex, as: UInt32.self), pending.readableBytes >= Int(length) + 4 {
      guard let size = pending.getInteger(at: pending.readerIndex + 4, as: UInt32.self) else { break }
      pending.moveReaderIndex(forwardBy: Int(length) + 4)
      var reply = context.channel.allocator.buffer(capacity: Int(size) + 4)
      reply.writeInteger(size)
      reply.writeRepeatingByte(0, count: Int(size))
      context.write(wrapOutboundOut(reply), promise: nil)
    }
    if pending.readableBytes == 0 { pending = ByteBuffer() }
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Serves until its standard input ends.
func runEchoServer(path: String) throws {
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let channel = try ServerBootstrap(group: group)
    .childChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(FrameEcho()) }
    }
    .bind(unixDomainSocketPath: path).wait()
  while readLine() != nil {}
  try channel.close().wait()
  try group.syncShutdownGracefully()
}
