import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOClient

/// Saving and loading over a second, raw connection.
@Suite(.timeLimit(.minutes(10))) struct StreamTests {
  /// A daemon that knows save 11 and load 12.
  private func run<Result>(
    document: [UInt8] = [], hold: Gate? = nil, received: Log<[UInt8]> = Log(), refusal: NSOError? = nil, readAtMost: Int = .max,
    _ body: (Transaction) async throws -> Result
  ) async throws -> Result {
    try await FakeDaemon.run { peer in
      let hello = try await peer.acceptHello()
      if hello.client == .stream {
        let opening = try StreamOpening(try await peer.readFrame())
        #expect(opening.flags == 0)
        if opening.id == 11 {
          try await peer.send(document)
          await hold?.wait()
        } else if readAtMost < .max {
          received.append(try await peer.read(readAtMost))
        } else {
          received.append(try await peer.readToEnd())
        }
        return
      }
      while true {
        let call = try MAAPICall(try await peer.readFrame())
        let reply: Reply
        switch call.request {
        case .saveConfig: reply = .integer(11)
        case .loadConfig: reply = .integer(12)
        case .saveConfigResult(stream: 11), .loadConfigResult(stream: 12): reply = .done
        default: return
        }
        if reply == .done, let refusal {
          try await peer.sendFrame { $0.writeReply(op: call.request.op, error: refusal) }
        } else {
          try await peer.sendFrame { reply.write(op: call.request.op, into: &$0) }
        }
      }
    } _: { daemon in
      let limits = ConnectionLimits(receiveWindow: 64 << 10)
      return try await NSOClient(endpoint: Endpoint(daemon.address), configuration: .init(limits: limits)).withMAAPI { maapi in
        try await body(Transaction(handle: TransactionHandle(3), maapi: maapi))
      }
    }
  }

  private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

  @Test(arguments: [0, 1, 100, 3_000_000]) func save(count: Int) async throws {
    let document = bytes(count)
    let saved = try await run(document: document) { transaction in
      try await transaction.save([.xml]) { stream in
        var all: [UInt8] = []
        for try await chunk in stream { all += Array(chunk.readableBytesView) }
        return all
      }
    }
    #expect(saved == document)
  }

  @Test func saveRefusedAtTheEnd() async throws {
    await #expect(throws: NSOError(.external, "disk")) {
      try await run(document: [1, 2], refusal: NSOError(.external, "disk")) { try await $0.saveText([.xml]) }
    }
  }

  @Test(arguments: [0, 1, 100, 3_000_000]) func load(count: Int) async throws {
    let received = Log<[UInt8]>()
    let document = bytes(count)
    try await run(received: received) { try await $0.load([.xml, .merge], ByteBuffer(bytes: document)) }
    #expect(received.all == [document])
  }

  /// The daemon stops reading at an error in the document; its result is what the caller must see.
  @Test func loadRefusedInTheMiddle() async throws {
    await #expect(throws: NSOError(.badConfig, "line 1")) {
      try await run(refusal: NSOError(.badConfig, "line 1"), readAtMost: 10) {
        try await $0.load([.xml], ByteBuffer(bytes: bytes(6_000_000)))
      }
    }
  }

  @Test func errorInTheWriterIsThrown() async throws {
    struct Stop: Error {}
    await #expect(throws: Stop.self) {
      try await run { transaction in
        try await transaction.load([.xml]) { stream in
          try await stream.write("<a")
          throw Stop()
        }
      }
    }
  }

  /// Nobody takes the bytes: reading stops at the window (and one round of reads), the rest stays with the daemon.
  @Test func backPressure() async throws {
    let document = bytes(4 << 20)
    let hold = Gate()
    let count = try await run(document: document, hold: hold) { transaction in
      try await transaction.save([.xml]) { stream in
        var count = 0
        var iterator = stream.makeAsyncIterator()
        // At the end of the stream the kernel's buffer is drained at once, so the daemon may end it only after this.
        while count < document.count, let chunk = try await iterator.next() {
          count += chunk.readableBytes
          #expect(await stream.exchange.waitingBytes() <= (64 << 10) + (256 << 10))
        }
        hold.open()
        while let chunk = try await iterator.next() { count += chunk.readableBytes }
        return count
      }
    }
    #expect(count == document.count)
  }
}
