import NIOCore
import NSOModel
import NSOWire
import Testing

@testable import NSOClient

/// Iteration over data, XPath, actions.
@Suite(.timeLimit(.minutes(10))) struct WalkTests {
  private static let path: Keypath = [.tag(Tag("top", in: "urn:t")), .tag("leaf")]

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

  @Test func iterates() async throws {
    let nodes: [DataNode] = try await run { peer, call in
      #expect(call.request == .iterate(.wantAttributes, Self.path.wirePath))
      try await peer.sendFrame { IterationItem.node(Self.path, .bool(true), []).write(into: &$0) }
      #expect(IterationAnswer(try await peer.readFrame()) == .continue)
      try await peer.sendFrame { IterationItem.end.write(into: &$0) }
    } _: { transaction in
      var nodes: [DataNode] = []
      try await transaction.iterate(below: Self.path, flags: .wantAttributes) { node in
        nodes.append(node)
        return .continue
      }
      return nodes
    }
    #expect(nodes == [DataNode(path: Self.path, value: .bool(true), attributes: [])])
  }

  @Test func xpath() async throws {
    try await run { peer, call in
      switch call.request {
      case .xpathEval(let evaluation) where evaluation.expression == "bad(":
        try await peer.sendFrame { $0.writeReply(op: call.request.op, error: NSOError(.xpath, "syntax")) }
      case .xpathEval:
        try await peer.sendFrame { $0.writeReply(op: call.request.op) }
        for _ in 0..<2 {
          try await peer.sendFrame { XPathItem.node(Self.path, .int32(1)).write(into: &$0) }
          #expect(IterationAnswer(try await peer.readFrame()) == .continue)
        }
        try await peer.sendFrame { XPathItem.end.write(into: &$0) }
      case .xpathEvalExpr(let evaluation):
        try await peer.sendFrame { $0.writeReply(op: call.request.op) }
        let item: XPathItem = evaluation.expression == "1 + 1" ? .result("2") : .failure("no function")
        try await peer.sendFrame { item.write(into: &$0) }
      default: return
      }
    } _: { transaction in
      await #expect(throws: NSOError(.xpath, "syntax")) { try await transaction.nodes(selectedBy: "bad(") }
      let nodes = try await transaction.nodes(selectedBy: "/t:top/leaf")
      #expect(nodes == Array(repeating: DataNode(path: Self.path, value: .int32(1)), count: 2))
      let two = try await transaction.text(of: "1 + 1")
      #expect(two == "2")
      await #expect(throws: NSOError(.xpath, "no function")) { try await transaction.text(of: "f()") }
    }
  }

  @Test func actions() async throws {
    try await run { peer, call in
      switch call.request {
      case .requestAction(let action):
        #expect(action.namespace == "urn:t")
        try await peer.sendFrame { Reply.tagged([TaggedValue("out", .bool(true))]).write(op: call.request.op, into: &$0) }
      case .requestActionInTransaction:
        try await peer.sendFrame { $0.writeReply(op: call.request.op) }
      default: return
      }
    } _: { transaction in
      let output = try await transaction.maapi.requestAction(Self.path, [TaggedValue("in", .int32(5))])
      #expect(output == [TaggedValue("out", .bool(true))])
      let nothing = try await transaction.requestAction(Self.path)
      #expect(nothing.isEmpty)
    }
  }

  /// A daemon that says more than it should: nobody can tell what belongs to what.
  @Test func framesAfterTheEnd() async throws {
    try await run { peer, call in
      try await peer.send([0, 0, 0, 4, 0, 0, 0, 200] + [0, 0, 0, 4, 0, 0, 0, 201])
      try await peer.waitForClose()
    } _: { transaction in
      try await transaction.revert()
      await transaction.maapi.connection.closed()
      await #expect(throws: ConnectionError.self) { try await transaction.revert() }
    }
  }
}
