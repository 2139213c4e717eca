import Glibc
import NIOCore
import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

@Suite struct HATests {
  private func controller(_ daemon: TestDaemon, token: String = "verysecret") throws -> WireClient {
    let client = try daemon.connect(.ha)
    client.sendFrame(ByteBuffer(string: token))
    return client
  }

  private let node0 = HAOrder.bePrimary(node: .string("node0"))

  @Test func `a node on its own`() async throws {
    try await TestDaemon.run(engine: { $0.isHAEnabled = true }) { daemon in
      let events = try daemon.watch(.haInfo)
      let client = try controller(daemon)
      #expect(try client.order(.getStatus) == .status(HAStatus(.none)))
      #expect(try client.order(node0) == .ok)
      #expect(try client.order(node0) == .ok)
      #expect(try client.order(.getStatus) == .status(HAStatus(.primary)))
      #expect(try client.order(.secondaryDead(node: .string("node1"))) == .ok)
      #expect(try events.event() == .ha(.isPrimary))
      // A primary is written as before.
      try daemon.session().commit { _ in }
      #expect(try client.order(.beNone) == .ok)
      #expect(try events.event() == .ha(.isNone))
      #expect(try client.order(.getStatus) == .status(HAStatus(.none)))
      let dead = try client.order(.secondaryDead(node: .string("node1")))
      guard case .failure(let error) = dead else { throw NSOError(.internal, "\(dead)") }
      #expect(error.code == .badState && error.message.contains("none, not primary"))
    }
  }

  @Test func `nothing goes on before the event is acknowledged`() async throws {
    try await TestDaemon.run(engine: { $0.isHAEnabled = true }) { daemon in
      let first = try daemon.watch([.haInfo, .haInfoSync])
      let second = try daemon.watch([.haInfo, .haInfoSync])
      let client = try controller(daemon)
      client.sendOrder(node0)
      #expect(try first.event() == .ha(.isPrimary))
      #expect(try second.event() == .ha(.isPrimary))
      first.acknowledge(.ha)
      // Another controller takes over: its order waits too, the status can be asked for.
      let other = try controller(daemon)
      #expect(client.receiveFrame() == nil)
      #expect(try other.order(.getStatus) == .status(HAStatus(.primary)))
      other.sendOrder(.beNone)
      let status = try controller(daemon)
      #expect(try status.order(.getStatus) == .status(HAStatus(.primary)))
      second.acknowledge(.ha)
      #expect(try first.event() == .ha(.isNone))
      #expect(try second.event() == .ha(.isNone))
      // Whoever goes away has acknowledged.
      first.acknowledge(.ha)
      status.sendOrder(node0)
      _ = shutdown(second.raw.descriptor, CInt(SHUT_RDWR))
      #expect(try first.event() == .ha(.isPrimary))
      first.acknowledge(.ha)
      #expect(try HAReply(try #require(status.receiveFrame())) == .ok)
    }
  }

  @Test func `what needs a second node is refused`() async throws {
    try await TestDaemon.run(engine: { $0.isHAEnabled = true }) { daemon in
      let events = try daemon.watch(.haInfo)
      let client = try controller(daemon, token: "")
      let primary = HANode(id: .string("node0"), address: .address(.loopback))
      let reply = try client.order(.beSecondary(node: .string("node1"), primary: primary, waits: true))
      guard case .failure(let error) = reply else { throw NSOError(.internal, "\(reply)") }
      #expect(error.code == .notImplemented && error.message.contains("127.0.0.1"))
      guard case .failure(let relay) = try client.order(.beRelay) else { throw NSOError(.internal, "no error") }
      #expect(relay.code == .notImplemented)
      // Without waiting the outcome is an event, and the connection has no reply.
      var payload = ByteBuffer()
      HAOrder.beSecondary(node: .string("node1"), primary: primary, waits: false).write(into: &payload)
      client.sendFrame(payload)
      #expect(try events.event() == .ha(.beSecondaryResult(.notImplemented)))
      #expect(try client.order(.getStatus) == .status(HAStatus(.none)))
      client.sendFrame(ByteBuffer(bytes: [131, 97, 1]))
      guard case .failure(let usage) = try HAReply(try #require(client.receiveFrame())) else {
        throw NSOError(.internal, "no error")
      }
      #expect(usage.code == .protocolUsage)
      #expect(try client.order(.getStatus) == .status(HAStatus(.none)))
    }
  }

  @Test func `without HA only the status is told, and a new controller takes over`() async throws {
    try await TestDaemon.run { daemon in
      let first = try controller(daemon)
      #expect(try first.order(.getStatus) == .status(HAStatus(.none)))
      guard case .failure(let error) = try first.order(node0) else { throw NSOError(.internal, "no error") }
      #expect(error.code == .badState && error.message.contains("ha/enabled"))
      let second = try controller(daemon)
      #expect(first.receiveFrame() == nil)
      #expect(try second.order(.getStatus) == .status(HAStatus(.none)))
    }
  }
}
