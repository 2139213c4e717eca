import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOClient

/// Cursors and iterations.
@Suite(.timeLimit(.minutes(10))) struct ListTests {
  let list: Keypath = [.tag(Tag("top", in: "urn:t")), .tag("entry")]

  private func run<Result>(
    _ script: @escaping @Sendable (Peer, MAAPICall) async throws -> Void, _ body: (Transaction) async throws -> Result
  ) async throws -> Result {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      while true { try await script(peer, try MAAPICall(try await peer.readFrame())) }
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in
        try await body(Transaction(handle: TransactionHandle(3), maapi: maapi))
      }
    }
  }

  /// The position of each request is the whole tuple of the last reply, and the cursor id stays.
  @Test func entriesOneByOne() async throws {
    let calls = Log<GetNext>()
    let keys: [[Value]] = try await run { peer, call in
      guard case .getNext(let next) = call.request else { return }
      calls.append(next)
      let number = Int32(calls.all.count)
      let entry = number <= 3 ? CursorEntry(state: Int64(number) * 100, keys: [.int32(number)]) : nil
      try await peer.sendFrame { Reply.entry(entry).write(op: call.request.op, into: &$0) }
    } _: { transaction in
      var keys: [[Value]] = []
      for try await entry in transaction.entries(of: list, where: "a > 1") { keys.append(entry) }
      return keys
    }
    #expect(keys == [[.int32(1)], [.int32(2)], [.int32(3)]])
    #expect(Set(calls.all.map(\.cursor)).count == 1)
    #expect(calls.all.first?.position == .first(filter: "a > 1"))
    #expect(calls.all.last?.position == .after(CursorEntry(state: 300, keys: [.int32(3)])))
  }

  @Test func entriesFromKeys() async throws {
    let keys: [[Value]] = try await run { peer, call in
      let entry: CursorEntry?
      switch call.request {
      case .findNext(let find):
        #expect(find.keys == [.string("m")])
        #expect(!find.includesSame)
        entry = CursorEntry(keys: [.string("n")])
      default:
        entry = nil
      }
      try await peer.sendFrame { Reply.entry(entry).write(op: call.request.op, into: &$0) }
    } _: { transaction in
      var keys: [[Value]] = []
      for try await entry in transaction.entries(of: list, from: [.string("m")], includingFirst: false) { keys.append(entry) }
      return keys
    }
    #expect(keys == [[.string("n")]])
  }

  @Test func objectsInBatches() async throws {
    let sizes = Log<Int64>()
    let objects: [[Value]] = try await run { peer, call in
      guard case .getObjects(let request) = call.request else { return }
      sizes.append(request.maxEntries)
      let isLast = sizes.all.count == 3
      let objects: [[Value]] = isLast ? [] : [[.bool(true)], [.bool(false)]]
      let answer = CursorObjects(next: isLast ? nil : CursorEntry(keys: [.bool(true)]), objects: objects)
      try await peer.sendFrame { Reply.objects(answer).write(op: call.request.op, into: &$0) }
    } _: { transaction in
      var objects: [[Value]] = []
      for try await object in transaction.objects(of: list, batch: 2) { objects.append(object) }
      return objects
    }
    #expect(objects == [[.bool(true)], [.bool(false)], [.bool(true)], [.bool(false)]])
    #expect(sizes.all == [2, 2, 2])
  }

  private static func items(_ peer: Peer, _ call: MAAPICall, end: IterationItem, answers: Log<IterationAnswer>) async throws {
    for number in Int32(1)...3 {
      let path: Keypath = [.tag(Tag("top", in: "urn:t")), .tag("entry"), .keys([.int32(number)])]
      try await peer.sendFrame { IterationItem.change(path, .created).write(into: &$0) }
      guard let answer = IterationAnswer(try await peer.readFrame()) else { return }
      answers.append(answer)
      if answer == .stop { return }
    }
    try await peer.sendFrame { end.write(into: &$0) }
  }

  @Test func changes() async throws {
    let answers = Log<IterationAnswer>()
    try await run { peer, call in
      switch call.request {
      case .diffIterate: try await Self.items(peer, call, end: .end, answers: answers)
      case .keypathDiffIterate:
        try await Self.items(peer, call, end: IterationItem(NSOError(.badPath, "gone")), answers: answers)
      default: try await peer.sendFrame { Reply.bool(true).write(op: call.request.op, into: &$0) }
      }
    } _: { transaction in
      #expect(try await transaction.changes().count == 3)
      #expect(answers.all == [.recurse, .recurse, .recurse])
      await #expect(throws: NSOError(.badPath, "gone")) { try await transaction.changes(below: list) }
      // Stopping early, by an answer and by an error, leaves the connection in order.
      try await transaction.iterateChanges { _ in .stop }
      struct Enough: Error {}
      await #expect(throws: Enough.self) { try await transaction.iterateChanges { _ in throw Enough() } }
      #expect(try await transaction.exists(list))
      #expect(answers.all.suffix(2) == [.stop, .stop])
    }
  }
}
