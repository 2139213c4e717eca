import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOClient

/// Requests and replies over a real socket, with a daemon that says what the test wants.
@Suite(.timeLimit(.minutes(10))) struct MAAPITests {
  let leaf: Keypath = [.tag(Tag("top", in: "urn:t")), .tag("leaf")]

  /// Runs `body` against a daemon that answers each call by `answer`; nil: close.
  private func run<Result>(
    _ answer: @escaping @Sendable (MAAPICall) -> Reply?, failing: @escaping @Sendable (MAAPICall) -> NSOError? = { _ in nil },
    _ body: (MAAPI) async throws -> Result
  ) async throws -> Result {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      while true {
        let call = try MAAPICall(try await peer.readFrame())
        if let error = failing(call) {
          try await peer.sendFrame { $0.writeReply(op: call.request.op, error: error) }
        } else if let reply = answer(call) {
          try await peer.sendFrame { reply.write(op: call.request.op, into: &$0) }
        } else {
          return
        }
      }
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI(body)
    }
  }

  @Test func transactionIsAppliedAndFinished() async throws {
    let log = Log<MAAPICall>()
    try await run { call in
      log.append(call)
      return call.request.operation == .startTransaction ? .integer(7) : .done
    } _: { maapi in
      try await maapi.startUserSession(user: "admin", groups: ["wheel"])
      try await maapi.withTransaction { transaction in
        #expect(transaction.handle == TransactionHandle(7))
        try await transaction.set(.uint16(5), at: leaf)
      }
    }
    #expect(
      log.all.map(\.request.operation) == [.startUserSession, .startTransaction, .setElem, .applyTransaction, .stopTransaction])
    #expect(log.all.dropFirst(2).allSatisfy { $0.handle == TransactionHandle(7) })
  }

  @Test func throwingBodyDropsTheTransaction() async throws {
    struct Stop: Error {}
    let log = Log<MAAPICall>()
    await #expect(throws: Stop.self) {
      try await run { call in
        log.append(call)
        return call.request.operation == .startTransaction ? .integer(7) : .done
      } _: { maapi in
        try await maapi.withTransaction { _ in throw Stop() }
      }
    }
    #expect(log.all.map(\.request.operation) == [.startTransaction, .stopTransaction])
  }

  @Test func refusedCommitIsThrownAndFinished() async throws {
    let log = Log<MAAPICall>()
    let refusal = NSOError(.notSet, "/t:top/leaf: mandatory", appTag: Tag("missing"))
    await #expect(throws: refusal) {
      try await run { call in
        log.append(call)
        return call.request.operation == .startTransaction ? .integer(7) : .done
      } failing: { call in
        guard call.request.operation == .applyTransaction else { return nil }
        log.append(call)
        return refusal
      } _: { maapi in
        try await maapi.withTransaction { _ in }
      }
    }
    #expect(log.all.map(\.request.operation) == [.startTransaction, .applyTransaction, .stopTransaction])
  }

  @Test func readTransactionIsNotApplied() async throws {
    let log = Log<MAAPICall>()
    let value = try await run { call in
      log.append(call)
      switch call.request.operation {
      case .startTransaction: return .integer(1)
      case .getElem: return .value(.ipv4(IPv4Address(10, 0, 0, 1)))
      default: return .done
      }
    } _: { maapi in
      try await maapi.withTransaction(.running, .read) { transaction in try await transaction.get(leaf) }
    }
    #expect(value == .ipv4(IPv4Address(10, 0, 0, 1)))
    #expect(log.all.map(\.request.operation) == [.startTransaction, .getElem, .stopTransaction])
  }

  @Test func errorsKeepTheConnection() async throws {
    try await run { _ in
      .bool(true)
    } failing: { call in
      call.request == .exists(leaf.wirePath) ? NSOError(.badPath, "no leaf") : nil
    } _: { maapi in
      let transaction = Transaction(handle: TransactionHandle(1), maapi: maapi)
      await #expect(throws: NSOError(.badPath, "no leaf")) { try await transaction.exists(leaf) }
      let exists = try await transaction.exists(Keypath([.tag("other")]))
      #expect(exists)
    }
  }

  @Test func missingIsNil() async throws {
    try await run { _ in
      .done
    } failing: { _ in
      NSOError(.noExists, "")
    } _: { maapi in
      let transaction = Transaction(handle: TransactionHandle(1), maapi: maapi)
      let value = try await transaction.getIfPresent(leaf)
      let selected = try await transaction.getCase(of: ["c"], in: leaf)
      #expect(value == nil && selected == nil)
      await #expect(throws: NSOError.self) { try await transaction.get(leaf) }
    }
  }

  /// Replies come in the order of the requests, whatever their tasks do.
  @Test func manyTasksOneConnection() async throws {
    try await run { call in
      guard case .setElem2(let text, _) = call.request else { return .integer(Int64(call.handle?.rawValue ?? 0)) }
      return text == "x" ? .done : .done
    } _: { maapi in
      try await withThrowingTaskGroup(of: (Int32, Int).self) { group in
        for number in Int32(0)..<100 {
          group.addTask {
            (number, try await Transaction(handle: TransactionHandle(number), maapi: maapi).count(of: leaf))
          }
        }
        for try await (number, answer) in group { #expect(Int(number) == answer) }
      }
    }
  }

  @Test func closedInTheMiddle() async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
      // Half a reply.
      try await peer.send([0, 0, 0, 50, 0, 0])
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in
        await #expect { try await maapi.userSessions() } throws: { ($0 as? ConnectionError)?.code == .closed }
        await #expect { try await maapi.userSessions() } throws: { ($0 as? ConnectionError)?.code == .closed }
      }
    }
  }

  @Test func answerToAnotherOperation() async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
      try await peer.sendFrame { $0.writeReply(op: 999) }
      try await peer.waitForClose()
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in
        await #expect { try await maapi.endUserSession() } throws: { ($0 as? ConnectionError)?.code == .protocolViolation }
        await #expect(throws: ConnectionError.self) { try await maapi.endUserSession() }
      }
    }
  }

  @Test func frameThatNobodyAskedFor() async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      try await peer.sendFrame { $0.writeReply(op: 100) }
      try await peer.waitForClose()
    } _: { daemon in
      let client = NSOClient(endpoint: Endpoint(daemon.address))
      try await client.withMAAPI { maapi in
        await maapi.connection.closed()
        await #expect { try await maapi.endUserSession() } throws: { ($0 as? ConnectionError)?.code == .protocolViolation }
      }
    }
  }

  @Test func hugeFrameIsRefusedBeforeMemoryIsTaken() async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
      try await peer.send([0x7F, 0xFF, 0xFF, 0xFF, 0])
      try await peer.waitForClose()
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in
        _ = await #expect { try await maapi.endUserSession() } throws: { ($0 as? ConnectionError)?.code == .protocolViolation }
      }
    }
  }

  @Test(arguments: [
    [UInt8](), [0], [0, 0, 0], [0x80, 0, 0, 100], [0, 0, 0, 105, 0x83], [0, 0, 0, 105, 0x83, 0xFF], [0, 0, 0, 105],
  ])
  func replyThatIsNone(bytes: [UInt8]) async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
      try await peer.sendFrame { $0.writeBytes(bytes) }
      try await peer.waitForClose()
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in
        _ = await #expect(throws: (any Error).self) { try await maapi.currentUserSession() }
      }
    }
  }

  @Test func cancellingARequestClosesTheConnection() async throws {
    let asked = Gate()
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
      asked.open()
      try await peer.waitForClose()
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in
        let waiting = Task { try await maapi.waitForStart() }
        let queued = Task { try await maapi.reopenLogs() }
        await asked.wait()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        await #expect(throws: ConnectionError.self) { try await queued.value }
        await maapi.connection.closed()
      }
    }
  }

  @Test func cancellingAQueuedRequestLeavesTheOthers() async throws {
    let asked = Gate()
    let release = Gate()
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
      asked.open()
      await release.wait()
      try await peer.sendFrame { $0.writeReply(op: 402) }
      _ = try await peer.readFrame()
      try await peer.sendFrame { $0.writeReply(op: 406) }
      try await peer.waitForClose()
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in
        let first = Task { try await maapi.waitForStart() }
        await asked.wait()
        let second = Task { try await maapi.reloadConfiguration() }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        let third = Task { try await maapi.reopenLogs() }
        release.open()
        try await first.value
        try await third.value
      }
    }
  }

  @Test func stopMeansGone() async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in try await maapi.stop() }
    }
  }
}

/// Closures on the event loop of their connection.
@Suite(.timeLimit(.minutes(10))) struct EventLoopTests {
  @Test(arguments: [false, true]) func placeOfTheClosure(onLoop: Bool) async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      for _ in 0..<100 {
        let call = try MAAPICall(try await peer.readFrame())
        try await peer.sendFrame { Reply.integer(5).write(op: call.request.op, into: &$0) }
      }
    } _: { daemon in
      let client = NSOClient(endpoint: Endpoint(daemon.address), configuration: .init(runsOnEventLoop: onLoop))
      try await Self.use(client, onLoop: onLoop)
    }
  }

  @concurrent private static func use(_ client: NSOClient, onLoop: Bool) async throws {
    try await client.withMAAPI { maapi in
      for _ in 0..<100 {
        _ = try await maapi.currentUserSession()
        #expect(maapi.connection.eventLoop.inEventLoop == onLoop)
      }
    }
  }
}
