import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOClient

@Suite(.timeLimit(.minutes(10))) struct CDBTests {
  let list: Keypath = [.tag(Tag("top", in: "urn:t")), .tag("entry")]

  private func run<Result>(
    log: Log<CDBRequest> = Log(), _ answer: @escaping @Sendable (CDBRequest) -> Reply, _ body: (CDB) async throws -> Result
  ) async throws -> Result {
    try await FakeDaemon.run { peer in
      let hello = try await peer.acceptHello()
      #expect(hello.client == .cdb)
      while true {
        let call = try CDBCall(try await peer.readFrame())
        log.append(call.request)
        // The name is never answered.
        if case .clientName = call.request { continue }
        try await peer.sendFrame { answer(call.request).write(op: call.request.op, into: &$0) }
      }
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withCDB(name: "tester", body)
    }
  }

  @Test func sessionWithItsUsualLock() async throws {
    let log = Log<CDBRequest>()
    let value = try await run(log: log) { request in
      if case .get = request { .value(.uint8(4)) } else { .done }
    } _: { cdb in
      try await cdb.withSession { session in try await session.get(list) }
    }
    #expect(value == .uint8(4))
    #expect(
      log.all == [
        .clientName("tester"), .newSession(NewSession(.running, options: .lockSession)), .get(list.wirePath), .endSession,
      ])
  }

  @Test func sessionEndsAfterAnError() async throws {
    struct Stop: Error {}
    let log = Log<CDBRequest>()
    await #expect(throws: Stop.self) {
      try await run(log: log) { _ in
        .done
      } _: { cdb in
        try await cdb.withSession(.operational, locks: [.lockRequest]) { _ in throw Stop() }
      }
    }
    #expect(log.all.dropFirst() == [.newSession(NewSession(.operational, options: .lockRequest)), .endSession])
  }

  @Test func objectsInBatches() async throws {
    let log = Log<CDBRequest>()
    let objects: [[Value]] = try await run(log: log) { request in
      switch request {
      case .numInstances: .integer(5)
      case .getObjects(_, let start, let count): .valueArrays((start..<start + count).map { [.int64($0)] })
      default: .done
      }
    } _: { cdb in
      try await cdb.withSession { session in
        var objects: [[Value]] = []
        for try await object in session.objects(of: list, batch: 2) { objects.append(object) }
        return objects
      }
    }
    #expect(objects == (0..<5).map { [.int64($0)] })
  }

  @Test func aboutTheDatabase() async throws {
    try await run { request in
      switch request {
      case .getPhase: .phase(StartPhaseInfo(phase: 1, activity: .normal))
      case .getTransactionID: .transactionID(TransactionID(seconds: 1, microseconds: 2, sequence: 3))
      case .nextIndex: .integer(-1)
      default: .done
      }
    } _: { cdb in
      try await cdb.waitForStart()
      #expect(try await cdb.phase().phase == 1)
      #expect(try await cdb.transactionID() == TransactionID(seconds: 1, microseconds: 2, sequence: 3))
      let next = try await cdb.withSession { try await $0.nextIndex(after: list) }
      #expect(next == nil)
    }
  }
}
