import NIOCore
import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

@Suite struct DiffTests {
  /// The changes as texts, answered by `answer`.
  static func changes(
    _ client: WireClient, _ request: MAAPIRequest, _ handle: Int32, _ answer: (String) -> IterationAnswer = { _ in .recurse }
  ) throws -> [String] {
    client.send(request, handle)
    var found: [String] = []
    while true {
      switch try IterationItem(try #require(client.receiveFrame())) {
      case .change(let path, let change):
        let place = path.description.replacing("urn:ex:plant:", with: "")
        let what =
          switch change {
          case .created: "created"
          case .deleted: "deleted"
          case .modified: "modified"
          case .valueSet(_, let value): "= \(value.plainText)"
          case .movedAfter(let keys): "after {\(keys.map(\.plainText).joined(separator: " "))}"
          case .attributeSet: "attribute"
          }
        found.append("\(place) \(what)")
        let answer = answer(place)
        var payload = ByteBuffer()
        answer.write(into: &payload)
        client.sendFrame(payload)
        if answer == .stop { return found }
      case .end: return found
      case let other: throw NSOError(.internal, "\(other)")
      }
    }
  }

  @Test func `changes are told as the protocol has them`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start()
      #expect(try Self.changes(client, .diffIterate([]), handle).isEmpty)
      try client.done(.create(Keypath.site("north").wire), handle)
      try client.done(.setElem2("N", Keypath.site("north", .tag("title")).wire), handle)
      try client.done(.create(Keypath.site("north", .tag("port"), .keys([.uint8(1), .uint16(1)])).wire), handle)
      try client.done(.delete(Keypath.site("east").wire), handle)
      try client.done(
        .setElem2("8", Keypath.site("west", .tag("port"), .keys([.uint8(2), .uint16(14)]), .tag("speed")).wire), handle)
      try client.done(.delete(Keypath.site("west", .tag("floors")).wire), handle)
      try client.done(.delete(Keypath.site("west", .tag("title")).wire), handle)
      try client.done(.delete(Keypath.site("west", .tag("alarm")).wire), handle)
      try client.done(.moveOrdered(Keypath.site("west", .tag("step"), .keys([.string("third")])).wire, .first), handle)
      try client.done(.create(Keypath.plant(.tag("strict")).wire), handle)
      let all = try Self.changes(client, .diffIterate([]), handle)
      #expect(
        all
          == [
            "/plant/strict created",
            "/plant/site{east} deleted",
            "/plant/site{north} created",
            "/plant/site{north}/title = N",
            "/plant/site{north}/port{1 1} created",
            "/plant/site{west} modified",
            "/plant/site{west}/title deleted",
            "/plant/site{west}/floors = default_in_effect",
            "/plant/site{west}/alarm deleted",
            "/plant/site{west}/port{2 14} modified",
            "/plant/site{west}/port{2 14}/speed = 8",
            "/plant/site{west}/step{third} after {}",
          ].map { $0.replacing("default_in_effect", with: Value.defaultInEffect.plainText) })
      #expect(
        try Self.changes(client, .diffIterate([]), handle) { _ in .continue }
          == ["/plant/strict created", "/plant/site{east} deleted", "/plant/site{north} created", "/plant/site{west} modified"])
      #expect(try Self.changes(client, .diffIterate([]), handle) { _ in .stop }.count == 1)
      let below = try Self.changes(client, .keypathDiffIterate([], Keypath.site("west").wire), handle)
      #expect(below == all.filter { $0.hasPrefix("/plant/site{west}") })
      #expect(try Self.changes(client, .keypathDiffIterate([], Keypath.site("south").wire), handle).isEmpty)
      // No op framed errors here.
      client.send(.diffIterate([]), 999)
      guard case .failure(let code, _) = try IterationItem(try #require(client.receiveFrame())) else {
        throw NSOError(.internal, "another item")
      }
      #expect(code == .noTransaction)
      #expect(try client.integer(.getMyUserSession) > 0)
    }
  }
}
