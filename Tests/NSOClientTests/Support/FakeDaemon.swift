import NIOCore
import NIOPosix
import NSOWire
import Synchronization
import Testing

/// A daemon that does what a test tells it, on a real socket in this process. Each connection runs the script.
struct FakeDaemon: Sendable {
  let address: IPCAddress

  enum Place: Sendable {
    case tcp
    case tcpIPv6
    case unix
  }

  /// Serves connections with `script` while `body` runs. An error in a script other than a closed connection is the test's.
  nonisolated(nonsending) static func run<Result_>(
    on place: Place = .tcp, script: @escaping @Sendable (Peer) async throws -> Void,
    _ body: nonisolated(nonsending) (FakeDaemon) async throws -> Result_
  ) async throws -> Result_ {
    let folder = try TemporaryFolder()
    let tasks = Tasks()
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
          try channel.pipeline.syncOperations.addHandler(Receiver(continuation))
          let peer = Peer(inbound: stream, channel: channel)
          tasks.add {
            do {
              try await script(peer)
            } catch is Peer.Closed {
            } catch is ChannelError {
            } catch is IOError {
            } catch {
              Issue.record(error, "in the script of the fake daemon")
            }
            try? await channel.close()
          }
        }
      }
    let server: any Channel
    let address: IPCAddress
    switch place {
    case .tcp:
      server = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
      address = .tcp(host: "127.0.0.1", port: server.localAddress?.port ?? 0)
    case .tcpIPv6:
      server = try await bootstrap.bind(host: "::1", port: 0).get()
      address = .tcp(host: "::1", port: server.localAddress?.port ?? 0)
    case .unix:
      let path = folder.path + "/ipc"
      server = try await bootstrap.bind(unixDomainSocketPath: path).get()
      address = .unix(path: path)
    }
    let result: Result<Result_, any Error>
    do {
      result = .success(try await body(FakeDaemon(address: address)))
    } catch {
      result = .failure(error)
    }
    try await server.close()
    // A script may wait for what the body never did.
    if case .failure = result { tasks.cancel() }
    await tasks.finish()
    return try result.get()
  }
}

/// The scripts that run.
private final class Tasks: Sendable {
  private let tasks = Mutex<[Task<Void, Never>]>([])

  func add(_ work: @escaping @Sendable () async -> Void) { tasks.withLock { $0.append(Task(operation: work)) } }

  func cancel() {
    for task in tasks.withLock({ $0 }) { task.cancel() }
  }

  /// Waits for all of them.
  func finish() async {
    while let task = tasks.withLock({ $0.popLast() }) { await task.value }
  }
}

private final class Receiver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let continuation: AsyncStream<ByteBuffer>.Continuation

  init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }

  func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The client at the other end of one connection, as the script sees it.
actor Peer {
  struct Closed: Error {}

  private let inbound: AsyncStream<ByteBuffer>
  private let channel: any Channel
  private var buffer = ByteBuffer()

  init(inbound: AsyncStream<ByteBuffer>, channel: any Channel) {
    self.inbound = inbound
    self.channel = channel
  }

  private func fill() async throws -> Bool {
    // One reader at a time: the scripts are sequential.
    var iterator = inbound.makeAsyncIterator()
    guard var more = await iterator.next(isolation: #isolation) else { return false }
    buffer.writeBuffer(&more)
    return true
  }

  /// Exactly so many bytes.
  func read(_ count: Int) async throws -> [UInt8] {
    while buffer.readableBytes < count {
      guard try await fill() else { throw Closed() }
    }
    return buffer.readBytes(length: count) ?? []
  }

  func readFrame() async throws -> ByteBuffer {
    var decoder = FrameDecoder()
    while true {
      if let frame = try decoder.decode(buffer: &buffer) { return frame }
      guard try await fill() else { throw Closed() }
    }
  }

  /// Everything until the client closes.
  func readToEnd() async throws -> [UInt8] {
    while try await fill() {}
    return buffer.readBytes(length: buffer.readableBytes) ?? []
  }

  /// Returns when the client has closed.
  func waitForClose() async throws { _ = try await readToEnd() }

  func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

  func sendFrame(_ write: (inout ByteBuffer) -> Void) async throws {
    var buffer = ByteBuffer()
    buffer.writeFrame(write)
    try await channel.writeAndFlush(buffer)
  }

  /// The access check; false after a rejection.
  func checkAccess(_ secret: AccessSecret) async throws -> Bool {
    let challenge = AccessChallenge()
    var bytes = ByteBuffer()
    challenge.write(into: &bytes)
    try await channel.writeAndFlush(bytes)
    while true {
      switch AccessAnswer.read(from: &buffer) {
      case .incomplete:
        guard try await fill() else { throw Closed() }
      case .notAnAnswer:
        return false
      case .answer(let answer):
        let isRight = secret.verify(answer, to: challenge)
        try await send([isRight ? AccessCheck.accepted : AccessCheck.rejected])
        return isRight
      }
    }
  }

  /// Reads the hello and accepts it.
  @discardableResult
  func acceptHello() async throws -> ClientHello {
    var bytes = ByteBuffer(bytes: try await read(ClientHello.length))
    guard let hello = ClientHello(from: &bytes) else { throw Closed() }
    var reply = ByteBuffer()
    HelloReply(to: hello, daemon: 0x0807_0000).write(into: &reply)
    try await channel.writeAndFlush(reply)
    return hello
  }
}
