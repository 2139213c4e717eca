import ExternalTerm
import NIOCore
import NSOModel
import NSOWire
import Testing

@testable import NSOClient

@Suite(.timeLimit(.minutes(10))) struct EventStreamTests {
  private let audit = DaemonEvent.audit(AuditRecord(number: 174, user: "anna", session: 12, message: "in"))

  private func run<Result>(
    _ subscription: EventSubscription, script: @escaping @Sendable (Peer, EventSubscription) async throws -> Void,
    _ body: (EventStream) async throws -> Result
  ) async throws -> Result {
    try await FakeDaemon.run { peer in
      #expect(try await peer.acceptHello().client == .events)
      try await script(peer, try EventSubscription(try await peer.readFrame()))
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withEvents(subscription, body)
    }
  }

  @Test func eventsComeInOrderAndAreAcknowledged() async throws {
    let log = Log<EventAcknowledgement>()
    let diff = DaemonEvent.commitDiff(
      CommitDiffNotice(
        database: .running,
        user: EventUser(
          session: 12, user: "anna", context: "cli", sessionProtocol: .ssh, address: .loopback, port: 1, loginTime: 2),
        transaction: 77, comment: "", label: ""))
    let events = [audit, diff, .heartbeat, .ha(.isPrimary)]
    let wanted = EventSubscription([.audit, .auditSync, .commitDiff, .heartbeat, .haInfo], heartbeatInterval: 1000)
    let taken = try await run(wanted) { peer, subscription in
      #expect(subscription == wanted)
      try await peer.sendFrame { HAReply.ok.write(into: &$0) }
      // One of a kind that has no shape is left out.
      try await peer.sendFrame { EventFrame.undetermined(.snmp, .tuple([.integer(512)])).write(into: &$0) }
      for event in events { try await peer.sendFrame { event.write(into: &$0) } }
      for _ in 0..<3 { log.append(try #require(EventAcknowledgement(try await peer.readFrame()))) }
      try await peer.sendFrame { DaemonEvent.reopenLogs.write(into: &$0) }
    } _: { stream in
      var taken: [DaemonEvent] = []
      for try await event in stream {
        taken.append(event)
        try await stream.acknowledge(event)
        if event == .reopenLogs { break }
      }
      return taken
    }
    #expect(taken == events + [.reopenLogs])
    #expect(log.all == [.audit(session: 12), .commitDiff(transaction: 77), .ha])
  }

  @Test func aTimeLimitLeavesTheSubscriptionAlive() async throws {
    let audit = audit
    try await run(EventSubscription(.audit)) { peer, _ in
      try await peer.sendFrame { HAReply.ok.write(into: &$0) }
      // The first acknowledgement says that the time limit has passed.
      _ = try await peer.readFrame()
      try await peer.sendFrame { audit.write(into: &$0) }
      _ = try await peer.readFrame()
    } _: { stream in
      #expect(try await stream.next(within: .milliseconds(20)) == nil)
      try await stream.acknowledge(audit)
      #expect(try await stream.next(within: .seconds(50)) == audit)
      try await stream.acknowledge(audit)
    }
  }

  @Test func refusalsAndEnds() async throws {
    await #expect(throws: NSOError(.noExists, "no such stream")) {
      try await run(EventSubscription(.streamEvent, stream: .init(name: "nosuch"))) { peer, subscription in
        #expect(subscription.stream?.name == "nosuch")
        try await peer.sendFrame { HAReply.failure(NSOError(.noExists, "no such stream")).write(into: &$0) }
      } _: { _ in
      }
    }
    // An error in place of an event, and the end of the daemon.
    for isError in [true, false] {
      await #expect(throws: ConnectionError.self) {
        try await run(EventSubscription(.audit)) { peer, _ in
          try await peer.sendFrame { HAReply.ok.write(into: &$0) }
          if isError { try await peer.sendFrame { $0.writeBareError(NSOError(.internal, "broken")) } }
        } _: { stream in
          _ = try await stream.next()
        }
      }
    }
    // Nothing travels for subscriptions that make no sense.
    for subscription in [
      EventSubscription(.heartbeat), EventSubscription(.healthCheck), EventSubscription(.streamEvent),
      EventSubscription(.audit, stream: .init(name: "x")),
      EventSubscription(
        .streamEvent,
        stream: .init(
          name: "x",
          stop: DateTime(
            date: CalendarDate(year: 2026, month: 1, day: 1), time: ClockTime(hour: 0, minute: 0, second: 0, microsecond: 0),
            zone: nil))),
    ] {
      let client = NSOClient(endpoint: Endpoint(.tcp(host: "127.0.0.1", port: 1)))
      let error = await #expect(throws: NSOError.self) { try await client.withEvents(subscription) { _ in } }
      #expect(error?.code == .protocolUsage)
    }
  }

  @Test func highAvailability() async throws {
    let orders = Log<HAOrder>()
    let node = HANode(id: .string("n0"), address: .name("host"))
    try await FakeDaemon.run { peer in
      #expect(try await peer.acceptHello().client == .ha)
      #expect(try await peer.readFrame() == ByteBuffer(string: "verysecret"))
      while true {
        let order = try HAOrder(try await peer.readFrame())
        orders.append(order)
        let reply: HAReply
        switch order {
        case .getStatus: reply = .status(HAStatus(.secondary, nodes: [node]))
        case .beRelay: reply = .failure(NSOError(.notImplemented, "no relays"))
        case .beSecondary(_, _, waits: false): continue
        default: reply = .ok
        }
        try await peer.sendFrame { reply.write(into: &$0) }
      }
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withHA(token: "verysecret") { ha in
        try await ha.bePrimary("n1")
        try await ha.beSecondary("n1", primary: node)
        try await ha.beSecondary("n1", primary: node, waits: false)
        #expect(try await ha.status() == HAStatus(.secondary, nodes: [node]))
        await #expect(throws: NSOError(.notImplemented, "no relays")) { try await ha.beRelay() }
        try await ha.secondaryDead("n2")
        try await ha.beNone()
      }
    }
    let me = Value.string("n1")
    #expect(
      orders.all == [
        .bePrimary(node: me), .beSecondary(node: me, primary: node, waits: true),
        .beSecondary(node: me, primary: node, waits: false), .getStatus, .beRelay, .secondaryDead(node: .string("n2")), .beNone,
      ])
  }
}
