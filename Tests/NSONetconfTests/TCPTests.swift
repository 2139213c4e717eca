import Logging
import NIOCore
import NIOPosix
import NSOModel
import Synchronization
import TestSupport
import Testing

@testable import NSOEngine
@testable import NSONetconf

/// The server in clear text, with real sockets.
@Suite struct TCPTests {
  private func with(
    _ settings: NetconfSettings = NetconfSettings(), _ body: (TestServer, Int) async throws -> Void
  ) async throws {
    let server = try TestServer(settings: settings)
    let tcp = NetconfTCPServer(
      server.service, group: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }
    )
    try await tcp.listen(on: [.init(.loopback, port: 0)], keepalive: true)
    let port = try #require(tcp.addresses.first?.port)
    do {
      try await body(server, Int(port))
    } catch {
      await tcp.stop()
      throw error
    }
    await tcp.stop()
    #expect(server.engine.sessions.all.isEmpty)
    #expect(tcp.addresses.isEmpty)
  }

  private func connect(_ port: Int, _ text: String = "") async throws -> ChannelTransport {
    let box = TransportBox()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { box.transport = try ChannelTransport.add(to: channel) }
      }
      .connect(host: "127.0.0.1", port: port).get()
    if !text.isEmpty { try await channel.writeAndFlush(ByteBuffer(string: text)) }
    return try #require(box.transport)
  }

  /// What comes until a text does; nil: until the end.
  private func received(_ transport: ChannelTransport, until text: String?) async -> String {
    var all = ""
    while text.map({ !all.contains($0) }) ?? true, let bytes = await transport.read() { all += String(buffer: bytes) }
    return all
  }

  @Test func saysItsHelloFirstWhereNobodyElseDoes() async throws {
    try await with { (server, port) async throws in
      let client = try await connect(port)
      #expect(await received(client, until: "]]>]]>").contains("</hello>"))
      #expect(server.engine.sessions.all.map(\.user) == ["admin"])
      try await client.write(ByteBuffer(string: TestClient.hello(chunked: false)))
      try await client.write(
        ByteBuffer(
          string:
            #"<rpc message-id="1" xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><close-session/></rpc>]]>]]>"#))
      #expect(await received(client, until: nil).hasSuffix("<ok/></rpc-reply>]]>]]>"))
    }
  }

  @Test func aHeaderNamesTheUser() async throws {
    var settings = NetconfSettings()
    settings.headerPatience = .seconds(60)
    try await with(settings) { (server, port) async throws in
      let client = try await connect(port, "[joe;192.0.2.1;]\n" + TestClient.hello(chunked: false))
      #expect(await received(client, until: "]]>]]>").contains("</hello>"))
      let session = try #require(server.engine.sessions.all.first)
      #expect(session.user == "joe" && "\(session.request.address)" == "192.0.2.1")
      client.close()
      try await until("the session has ended") { server.engine.sessions.all.isEmpty }
      #expect(await received(try await connect(port, "[;]\n"), until: nil) == "")
    }
  }

  @Test func aHeaderMustEnd() async throws {
    var settings = NetconfSettings()
    settings.helloTimeout = .milliseconds(100)
    try await with(settings) { (_, port) async throws in
      #expect(await received(try await connect(port, "[joe"), until: nil) == "")
      #expect(await received(try await connect(port, "[" + String(repeating: "a", count: 10_000)), until: nil) == "")
    }
  }

  @Test func tellsThatThePortIsTaken() async throws {
    try await with { (server, port) async throws in
      let other = NetconfTCPServer(
        server.service, group: MultiThreadedEventLoopGroup.singleton,
        logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
      await #expect(throws: NetconfTCPServer.ListenError.self) {
        try await other.listen(on: [.init(.loopback, port: UInt16(port))], keepalive: false)
      }
    }
  }
}

/// What a closure on an event loop leaves.
private final class TransportBox: Sendable {
  private let value = Mutex<ChannelTransport?>(nil)
  var transport: ChannelTransport? {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }
}
