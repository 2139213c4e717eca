import Logging
import NIOCore
import NIOEmbedded
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

/// A connection on an embedded channel, with a scripted API.
private final class Bench {
  let log = LogRecorder()
  let core: ServerCore
  let channel = EmbeddedChannel()
  let connection: IPCConnection
  private final class Box { var api: ScriptedAPI? }
  private let box = Box()

  static let hello: [UInt8] = [7, 0, 82, 8, 2, 5, 0, 0, 0]
  static let helloReply: [UInt8] = [0, 0, 82, 8, 2, 5, 0, 20, 9]

  init(secret: [UInt8]? = nil, frameLimit: Int = 1 << 20, unfinished: Int = 4, core given: ServerCore? = nil) throws {
    var configuration = IPCServerConfiguration(listeners: [])
    configuration.accessSecret = try secret.map { try AccessSecret(fileContent: $0) }
    configuration.frameLimit = frameLimit
    configuration.unfinishedConnections = unfinished
    let loopBox = NIOLoopBound(box, eventLoop: channel.eventLoop)
    core =
      given
      ?? ServerCore(
        configuration: configuration, logger: log.logger, clock: { 1000 },
        challenge: { AccessChallenge(random: [UInt8](repeating: 5, count: 16)) ?? AccessChallenge() }
      ) { connection, _ in
        let api = ScriptedAPI(connection)
        loopBox.value.api = api
        return api
      }
    connection = IPCConnection(
      server: core, eventLoop: channel.eventLoop, peer: PeerIdentity(endpoint: .tcp(.loopback, port: 40000)),
      decision: .trusted, place: "127.0.0.1:4569")
    try channel.pipeline.syncOperations.addHandler(connection)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 4569)).wait()
  }

  /// A bench that has said hello.
  static func connected(frameLimit: Int = 1 << 20) throws -> Bench {
    let bench = try Bench(frameLimit: frameLimit)
    try bench.send(Bench.hello)
    #expect(try bench.received() == Bench.helloReply)
    return bench
  }

  var api: ScriptedAPI {
    get throws { try #require(box.api) }
  }

  func send(_ bytes: [UInt8]) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }

  func send(_ texts: String...) throws {
    var buffer = ByteBuffer()
    for text in texts { buffer.writeImmutableBuffer(frame(text)) }
    try channel.writeInbound(buffer)
  }

  /// Everything that has been sent since the last time.
  func received() throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += Array(buffer.readableBytesView) }
    return bytes
  }

  func replies() throws -> [String] {
    var buffer = ByteBuffer(bytes: try received())
    var found: [String] = []
    var decoder = FrameDecoder()
    while let frame = try decoder.decode(buffer: &buffer) { found.append(String(buffer: frame)) }
    #expect(buffer.readableBytes == 0)
    return found
  }

  func run() { channel.embeddedEventLoop.run() }

  var isOpen: Bool { channel.isActive }
}

@Suite struct IPCConnectionTests {
  @Test func `hello and requests, in one burst and byte by byte`() throws {
    let bench = try Bench()
    let bytes = Bench.hello + Array(frame("e1").readableBytesView) + Array(frame("e2").readableBytesView)
    try bench.send(bytes)
    var expected = ByteBuffer(bytes: Bench.helloReply)
    expected.writeImmutableBuffer(frame("e1"))
    expected.writeImmutableBuffer(frame("e2"))
    #expect(try bench.received() == Array(expected.readableBytesView))

    let slow = try Bench()
    for byte in bytes { try slow.send([byte]) }
    #expect(try slow.received() == Array(expected.readableBytesView))
    #expect(slow.connection.status.requests == 2)
    #expect(slow.connection.status.stage == "MAAPI")
    #expect(slow.connection.status.clientName == "scripted")
  }

  @Test func `replies of one burst leave in one write`() throws {
    let bench = try Bench.connected()
    try bench.send("e1", "e2", "e3")
    let buffer = try #require(try bench.channel.readOutbound(as: ByteBuffer.self))
    #expect(buffer.readableBytes == 18)
    #expect(try bench.channel.readOutbound(as: ByteBuffer.self) == nil)
  }

  @Test func `the access check is asked for at once and its answer opens the way`() throws {
    let bench = try Bench(secret: [1, 2, 3])
    #expect(try bench.received() == [0x0B] + [UInt8](repeating: 5, count: 16))
    let answer = AccessCheck.digest(secret: [1, 2, 3], challenge: [UInt8](repeating: 5, count: 16))
    try bench.send([0x0C] + answer)
    #expect(try bench.received() == [0])
    try bench.send(Bench.hello)
    #expect(try bench.received() == Bench.helloReply)
  }

  @Test func `a hello where the check is on is refused with one line that says who, what and what to do`() throws {
    let bench = try Bench(secret: [1])
    try bench.send(Bench.hello)
    #expect(try bench.received().last == 1)
    #expect(!bench.isOpen)
    #expect(
      bench.log.lines() == [
        "LIB_NO_ACCESS IPC connection 1 from 127.0.0.1:40000 to 127.0.0.1:4569 refused in the access check: \(Refusal.helloInsteadOfAccessAnswer)"
      ])
    #expect(bench.core.registry.counts.refused == 1)
    #expect(bench.core.registry.counts.open == 0)
  }

  @Test func `each step of connecting has its own time limit`() throws {
    let check = try Bench(secret: [1])
    _ = try check.received()
    check.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
    #expect(check.isOpen)
    let answer = AccessCheck.digest(secret: [1], challenge: [UInt8](repeating: 5, count: 16))
    try check.send([0x0C] + answer)
    check.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
    #expect(check.isOpen)
    check.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
    #expect(!check.isOpen)
    #expect(check.log.lines().count == 1)
    #expect(check.log.lines()[0].contains("refused in the hello: no hello came in time"))

    let silent = try Bench(secret: [1])
    silent.channel.embeddedEventLoop.advanceTime(by: .seconds(11))
    #expect(!silent.isOpen)
    #expect(
      silent.log.lines()[0].contains(
        "refused in the access check: the answer to the access check did not come in time, 0 of 17"))

    let connected = try Bench.connected()
    connected.channel.embeddedEventLoop.advanceTime(by: .hours(1))
    #expect(connected.isOpen)
  }

  @Test func `a peer that goes away while connecting leaves one line and nothing else`() throws {
    let bench = try Bench()
    try bench.send([7, 0])
    try bench.channel.close().wait()
    #expect(bench.log.lines(from: .warning).isEmpty)
    #expect(
      bench.log.lines() == [
        "IPC connection 1 from 127.0.0.1:40000 to 127.0.0.1:4569 refused in the hello: the peer closed during the hello after 2 bytes of it"
      ])
    #expect(bench.core.registry.counts.open == 0)
    bench.channel.embeddedEventLoop.advanceTime(by: .hours(1))
    #expect(bench.log.lines().count == 1)
  }

  @Test func `the oldest of too many unfinished connections is closed`() throws {
    let first = try Bench(unfinished: 2)
    let second = try Bench(core: first.core)
    try second.send(Bench.hello)
    // In a burst eight times as many are taken.
    var others = try (1...15).map { _ in try Bench(core: first.core) }
    #expect(first.isOpen)
    others.append(try Bench(core: first.core))
    first.run()
    #expect(!first.isOpen)
    #expect(second.isOpen && others.allSatisfy(\.isOpen))
    #expect(first.log.lines()[0].contains("more than 2 connections had not finished connecting"))
  }

  @Test func `a later answer holds back the next request and its reading`() throws {
    let bench = try Bench.connected()
    try bench.send("l1", "e2")
    #expect(try bench.replies().isEmpty)
    #expect(try bench.api.frames.count == 1)
    #expect(bench.connection.status.isBusy)
    try bench.send("e3")
    #expect(try bench.api.frames.count == 1)
    try bench.api.later[0].succeed(Array("answer".utf8))
    bench.run()
    #expect(try bench.replies() == ["answer", "e2", "e3"])
    // Answered twice, by mistake of whoever works on it: dropped.
    try bench.api.later[0].succeed([1])
    bench.run()
    #expect(try bench.replies().isEmpty)
  }

  @Test func `a failure from elsewhere is an answer too`() throws {
    let bench = try Bench.connected()
    try bench.send("l1")
    try bench.api.later[0].fail(NSOError(.inUse, "busy"))
    bench.run()
    #expect(try bench.replies() == ["busy"])
  }

  @Test func `a connection that goes while its request is under way is freed once, and the result with it`() throws {
    let bench = try Bench.connected()
    try bench.send("l1")
    let api = try bench.api
    try bench.channel.close().wait()
    #expect(api.closedCount == 1)
    api.later[0].succeed([42])
    bench.run()
    #expect(api.gone == [[42]])
    #expect(api.closedCount == 1)
    #expect(bench.core.registry.counts.open == 0)
  }

  @Test func `the end frees what is owned, once`() throws {
    let bench = try Bench.connected()
    let api = try bench.api
    bench.channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
    bench.run()
    #expect(!bench.isOpen)
    #expect(api.closedCount == 1)
    #expect(bench.log.lines().isEmpty)
  }

  @Test func `broken framing is told in the API's way, then the connection closes`() throws {
    let empty = try Bench.connected()
    try empty.send([0, 0, 0, 0])
    #expect(try empty.replies() == ["broken"])
    #expect(!empty.isOpen)
    #expect(try empty.api.broken == [.emptyFrame])
    #expect(empty.log.lines(from: .warning).count == 1)

    let long = try Bench.connected(frameLimit: 100)
    try long.send("e1")
    try long.send([0, 0, 0, 101, 1])
    #expect(try long.replies() == ["e1", "broken"])
    #expect(!long.isOpen)
    #expect(try long.api.broken == [.frameTooLong(101, limit: 100)])
    #expect(
      long.log.lines()[0].contains("IPC MAAPI connection 1 from 127.0.0.1:40000 to 127.0.0.1:4569 closed: a frame of 101 bytes")
    )
  }

  @Test func `an API may close with a last word`() throws {
    let bench = try Bench.connected()
    try bench.send("c1", "e2")
    #expect(try bench.replies() == ["c1"])
    #expect(!bench.isOpen)
    #expect(try bench.api.frames.count == 1)
  }

  @Test func `a stream is sent as the peer reads, and the next request waits for its end`() throws {
    let bench = try Bench.connected()
    bench.channel.isWritable = true
    try bench.send(Array("\0\0\0\u{2}s".utf8) + [40])
    try bench.send("e1")
    bench.run()
    let replies = try bench.replies()
    #expect(replies.count == 42)
    #expect(replies.suffix(2) == ["end", "e1"])
  }

  @Test func `a stream stops while the peer does not read`() throws {
    let bench = try Bench.connected()
    bench.channel.isWritable = false
    try bench.send(Array("\0\0\0\u{2}s".utf8) + [40])
    bench.run()
    let first = try bench.received().count
    #expect(first < 3 * 10_004)
    bench.run()
    #expect(try bench.received().isEmpty)
    bench.channel.isWritable = true
    bench.channel.pipeline.fireChannelWritabilityChanged()
    bench.run()
    #expect(try bench.received().count == 40 * 10_004 + 7 - first)
    #expect(try bench.api.writableCount == 1)
  }

  @Test func `a stream whose peer goes is abandoned`() throws {
    let bench = try Bench.connected()
    bench.channel.isWritable = false
    try bench.send(Array("\0\0\0\u{2}s".utf8) + [40])
    let api = try bench.api
    try bench.channel.close().wait()
    #expect(api.abandoned == 1)
    #expect(api.closedCount == 1)
  }

  @Test func `requests wait while the peer does not read its replies`() throws {
    let bench = try Bench.connected()
    bench.channel.isWritable = false
    try bench.send("b1", "b2", "b3")
    #expect(try bench.api.frames.count == 1)
    bench.channel.isWritable = true
    bench.channel.pipeline.fireChannelWritabilityChanged()
    #expect(try bench.api.frames.count == 3)
  }

  @Test func `raw bytes follow where an API wants them`() throws {
    let bench = try Bench.connected()
    var bytes = frame("r")
    bytes.writeString("abc")
    try bench.send(Array(bytes.readableBytesView))
    #expect(try bench.api.raw == Array("abc".utf8))
    try bench.send(Array("def".utf8))
    #expect(try bench.api.raw == Array("abcdef".utf8))
    try bench.send([0])
    #expect(!bench.isOpen)
    #expect(bench.log.lines().isEmpty)
  }

  @Test func `unasked frames are refused while the peer does not read`() throws {
    let bench = try Bench.connected()
    let pushed = bench.connection.push { reply([1], &$0) }
    #expect(pushed)
    #expect(try bench.received() == [0, 0, 0, 1, 1])
    bench.channel.isWritable = false
    _ = bench.connection.push { reply([2], &$0) }
    let third = bench.connection.push { reply([3], &$0) }
    #expect(!third)
  }

  @Test func `stopping closes who is idle at once, and who works when it is done`() throws {
    let idle = try Bench.connected()
    idle.connection.quiesce()
    #expect(!idle.isOpen)

    let busy = try Bench.connected()
    try busy.send("l1", "e2")
    busy.connection.quiesce()
    #expect(busy.isOpen)
    try busy.api.later[0].succeed(Array("answer".utf8))
    busy.run()
    #expect(try busy.replies() == ["answer"])
    #expect(!busy.isOpen)

    let stopper = try Bench.connected()
    try stopper.send("w")
    stopper.connection.quiesce()
    #expect(stopper.isOpen)
    stopper.connection.closeNow()
    #expect(!stopper.isOpen)

    let connecting = try Bench()
    connecting.connection.quiesce()
    #expect(!connecting.isOpen)
    #expect(connecting.log.lines(from: .warning).isEmpty)
  }
}
