import NIOCore
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

@Suite struct XPathTests {
  /// The items after the reply, nodes answered by `answer`.
  private static func items(
    _ client: WireClient, _ request: MAAPIRequest, _ handle: Int32, _ answer: IterationAnswer = .continue
  ) throws -> [XPathItem] {
    #expect(try client.call(request, handle) == .done)
    var items: [XPathItem] = []
    while true {
      let item = try XPathItem(try #require(client.receiveFrame()))
      items.append(item)
      switch item {
      case .node:
        var payload = ByteBuffer()
        answer.write(into: &payload)
        client.sendFrame(payload)
        if answer == .stop { return items }
      case .end, .result, .failure: return items
      case .trace: continue
      }
    }
  }

  @Test func `nodes and texts of an expression`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start(.running, .read)
      let west = Keypath.site("west", .tag("title"))
      #expect(
        try Self.items(client, .xpathEval(XPathEvaluation("/plant/site[id = 'west']/title")), handle)
          == [.node(west, .string("West wing")), .end])
      #expect(
        try Self.items(client, .xpathEval(XPathEvaluation("title", context: Keypath.site("west").wire)), handle)
          == [.node(west, .string("West wing")), .end])
      #expect(
        try Self.items(client, .xpathEvalExpr(XPathEvaluation("count(/plant/site)")), handle) == [.result("2")])
      #expect(try Self.items(client, .xpathEval(XPathEvaluation("/plant/site[id = 'none']")), handle) == [.end])
      // After a stop nothing more comes, and the connection goes on.
      #expect(try Self.items(client, .xpathEval(XPathEvaluation("/plant/site/title")), handle, .stop).count == 1)
      #expect(try client.value(west, handle) == .string("West wing"))
      let traced = try Self.items(client, .xpathEvalExpr(XPathEvaluation("/plant/site/title", wantsTrace: true)), handle)
      #expect(traced.count > 1)
      #expect(traced.last == .result("East wing"))
    }
  }

  @Test func `what cannot be evaluated is refused, and the connection goes on`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start(.running, .read)
      #expect(errorCode { _ = try client.call(.xpathEval(XPathEvaluation("/plant/site[")), handle) } == .xpath)
      #expect(errorCode { _ = try client.call(.xpathEval(XPathEvaluation("1 + 1")), handle) } == .xpath)
      #expect(errorCode { _ = try client.call(.xpathEval(XPathEvaluation("/plant")), 999) } == .noTransaction)
      #expect(
        errorCode {
          _ = try client.call(.xpathEval(XPathEvaluation("title", context: Keypath.site("north").wire)), handle)
        } == .badPath)
      #expect(try Self.items(client, .xpathEvalExpr(XPathEvaluation("1 + 1")), handle) == [.result("2")])
    }
  }
}
