import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct AttributeTests {
  static func attributes(
    _ client: WireClient, _ path: Keypath, _ handle: Int32, _ numbers: [AttributeNumber] = []
  ) throws -> [Attribute] {
    guard case .attributes(let found) = try client.call(.getAttrs(numbers, path.wire), handle) else {
      throw NSOError(.internal, "no attributes")
    }
    return found
  }

  static let tags = Value.list([.string("hot"), .string("new")])

  @Test func `attributes are stored with their node, and go with it`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let title = Keypath.site("west", .tag("title"))
      try client.commit { handle in
        try client.done(.setAttr(.annotation, .string("note"), title.wire), handle)
        try client.done(.setAttr(.tags, Self.tags, Keypath.site("west").wire), handle)
        try client.done(.setAttr(.inactive, .bool(true), Keypath.site("east").wire), handle)
        try client.done(.setAttr(.refcount, .uint32(3), Keypath.plant().wire), handle)
        try client.done(
          .setAttr(.annotation, .string("one"), Keypath.site("west", .tag("tags"), .keys([.string("a")])).wire), handle)
        #expect(try Self.attributes(client, title, handle) == [Attribute(.annotation, .string("note"))])
      }
      let read = try client.start(.running, .read)
      #expect(try Self.attributes(client, .site("west"), read, [.tags, .annotation]) == [Attribute(.tags, Self.tags)])
      #expect(try Self.attributes(client, .plant(), read) == [Attribute(.refcount, .uint32(3))])
      #expect(try Self.attributes(client, .site("west"), read, [.inactive]).isEmpty)
      // A new value keeps them, a deletion takes them, an attribute can be taken away.
      try client.commit { handle in
        try client.done(.setElem2("Other", title.wire), handle)
        #expect(try Self.attributes(client, title, handle).count == 1)
        try client.done(.delete(title.wire), handle)
        try client.done(.setElem2("Again", title.wire), handle)
        #expect(try Self.attributes(client, title, handle).isEmpty)
        try client.done(.setAttr(.tags, nil, Keypath.site("west").wire), handle)
      }
      let after = try client.start(.running, .read)
      #expect(try Self.attributes(client, title, after).isEmpty)
      #expect(try Self.attributes(client, .site("west"), after).isEmpty)
      #expect(
        try Self.attributes(client, .site("west", .tag("tags"), .keys([.string("a")])), after)
          == [Attribute(.annotation, .string("one"))])
    }
  }

  @Test func `what has no attributes says so`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start()
      func code(_ number: AttributeNumber, _ value: Value, _ path: Keypath) -> ErrorCode? {
        errorCode { try client.done(.setAttr(number, value, path.wire), handle) }
      }
      #expect(code(.annotation, .string("x"), .site("north")) == .noExists)
      #expect(code(.annotation, .string("x"), .site("west", .tag("title"), .tag("x"))) == .badPath)
      #expect(code(.annotation, .string("x"), .plant(.tag("site"))) == .badPath)
      #expect(code(.annotation, .string("x"), .site("west", .tag("id"))) == .unavailable)
      #expect(code(.annotation, .string("x"), .plant(.tag("mode"))) == .noExists)
      #expect(code(.annotation, .int32(1), .site("west")) == .badType)
      #expect(code(.inactive, .bool(false), .site("west")) == .badType)
      #expect(code(.tags, .list([.string("a b")]), .site("west")) == .badType)
      #expect(code(AttributeNumber(rawValue: 77), .string("x"), .site("west")) == .badType)
      #expect(code(.annotation, .string("x"), .state(.tag("uptime"))) == .unavailable)
      #expect(errorCode { _ = try Self.attributes(client, .state(.tag("uptime")), handle) } == .unavailable)
      #expect(errorCode { _ = try Self.attributes(client, .site("north"), handle) } == .noExists)
      let read = try client.start(.running, .read)
      #expect(
        errorCode { try client.done(.setAttr(.annotation, .string("x"), Keypath.site("west").wire), read) } == .notWritable)
    }
  }

  @Test func `walks show them, inactive data can be hidden`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.setAttr(.inactive, .bool(true), Keypath.site("east").wire), handle)
      try client.done(.setAttr(.annotation, .string("n"), Keypath.site("west", .tag("floors")).wire), handle)
      client.send(.iterate(.wantAttributes, Keypath.plant().wire), handle)
      var found: [String] = []
      while case .node(let path, _, let attributes) = try IterationItem(try #require(client.receiveFrame())) {
        for attribute in attributes ?? [] { found.append("\(path) \(attribute.number.rawValue)") }
        var answer = ByteBuffer()
        IterationAnswer.recurse.write(into: &answer)
        client.sendFrame(answer)
      }
      #expect(found == ["/urn:ex:plant:plant/site{east} 0", "/urn:ex:plant:plant/site{west}/floors 2147483649"])
      // Among the changes only where asked for.
      #expect(try DiffTests.changes(client, .diffIterate([]), handle).isEmpty)
      #expect(
        try DiffTests.changes(client, .diffIterate(.wantAttributes), handle) == [
          "/plant/site{east} attribute", "/plant/site{west} modified", "/plant/site{west}/floors attribute",
        ])
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      let all = try client.start(.running, .read)
      #expect(try client.integer(.numInstances(Keypath.plant(.tag("site")).wire), all) == 2)
      let active = Int32(try client.integer(.startTransaction(StartTransaction(.running, .read, flags: .hideInactive))))
      #expect(try client.integer(.numInstances(Keypath.plant(.tag("site")).wire), active) == 1)
      #expect(try client.integer(.exists(Keypath.site("east", .tag("title")).wire), active) == 0)
      #expect(try client.value(.site("west", .tag("title")), active) == .string("West wing"))
    }
  }

  @Test func `CDB: attributes and cases of operational data`() async throws {
    try await TestDaemon.run { daemon in
      let client = try CDBTests.reader(daemon, .operational)
      let note = Keypath.annexState(.tag("note"))
      #expect(errorCode { try client.done(CDBRequest.setAttr(.annotation, .string("x"), note.wire)) } == .noExists)
      try client.done(CDBRequest.setElem2("hello", note.wire))
      try client.done(CDBRequest.setAttr(.annotation, .string("x"), note.wire))
      #expect(try client.call(CDBRequest.getAttrs([], note.wire)) == .attributes([Attribute(.annotation, .string("x"))]))
      try client.done(CDBRequest.setAttr(.annotation, nil, note.wire))
      #expect(try client.call(CDBRequest.getAttrs([], note.wire)) == .attributes([]))
      #expect(
        errorCode { try client.done(CDBRequest.setAttr(.annotation, .string("x"), Keypath.plant().wire)) } == .notWritable)

      try client.done(CDBRequest.setElem2("5", Keypath.annexState(.tag("litres")).wire))
      try client.done(CDBRequest.setCase(choice: ["heating"], case: "oil", Keypath.annexState().wire))
      #expect(try client.call(CDBRequest.exists(Keypath.annexState(.tag("litres")).wire)) == .bool(true))
      try client.done(CDBRequest.setCase(choice: ["heating"], case: "gas", Keypath.annexState().wire))
      #expect(try client.call(CDBRequest.exists(Keypath.annexState(.tag("litres")).wire)) == .bool(false))
      try client.done(CDBRequest.setElem2("5", Keypath.annexState(.tag("pressure")).wire))
      try client.done(CDBRequest.setCase(choice: ["heating"], case: "$none", Keypath.annexState().wire))
      #expect(try client.call(CDBRequest.exists(Keypath.annexState(.tag("pressure")).wire)) == .bool(false))
      #expect(
        errorCode { try client.done(CDBRequest.setCase(choice: ["heating"], case: "wood", Keypath.annexState().wire)) }
          == .badPath)
    }
  }
}
