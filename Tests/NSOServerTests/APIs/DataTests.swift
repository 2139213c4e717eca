import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct DataTests {
  static let values: [(String, Value)] = [
    ("int8", .int8(-8)), ("int16", .int16(-16)), ("int32", .int32(-32)), ("int64", .int64(.min)), ("uint8", .uint8(200)),
    ("uint16", .uint16(1500)), ("uint32", .uint32(.max)), ("uint64", .uint64(.max)), ("string", .string("abc")),
    ("bool", .bool(true)), ("enum", .enumeration(5)), ("bits", .bits32(3)), ("binary", .binary([0, 1, 255])),
    ("decimal", .decimal64(Decimal64(scaled: 1500, digits: 3))),
    ("identity", .identityref(IdentityHash(QName(namespace: "urn:ex:kinds", name: "red")))),
    ("instance", .instanceIdentifier(.site("west", .tag("title")))), ("union", .uint8(7)),
    ("list", .list([.int32(1), .int32(2), .int32(300)])),
  ]

  @Test(arguments: values)
  func `every type of value is set, read back, and kept over a commit`(_ name: String, _ value: Value) async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      try client.commit { handle in
        try client.done(.setElem(EncodedTerm(value), Keypath.kind(name).wire), handle)
        #expect(try client.value(.kind(name), handle) == value)
      }
      let check = try client.start(.running, .read)
      #expect(try client.value(.kind(name), check) == value)
    }
  }

  @Test func `what does not fit is refused when it is written, with the path`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      let set = { (name: String, value: Value) in
        try client.done(.setElem(EncodedTerm(value), Keypath.kind(name).wire), handle)
      }
      #expect(errorCode { try set("uint8", .int32(5)) } == .badType)
      #expect(errorText { try set("uint8", .int32(5)) }.contains("/k:kinds/uint8"))
      #expect(errorCode { try set("string", .string("ABC")) } == .badType)
      #expect(errorCode { try set("string", .string("abcdefghijk")) } == .badType)
      #expect(errorCode { try set("enum", .enumeration(4)) } == .badType)
      #expect(errorCode { try client.done(.setElem2("100", Keypath.site("w", .tag("floors")).wire), handle) } == .badType)
      #expect(errorCode { try client.done(.setElem2("5", Keypath.site("w", .tag("floors")).wire), handle) } == .noExists)
      #expect(errorCode { try client.done(.create(Keypath.plant(.tag("owner")).wire), handle) } == .notCreatable)
      #expect(errorCode { try client.done(.create(Keypath.plant(.tag("site"), .keys([.int32(1)])).wire), handle) } == .badType)
      #expect(
        errorCode { try client.done(.create(Keypath.plant(.tag("site"), .keys([.string("a"), .string("b")])).wire), handle) }
          == .badPath)
      #expect(errorCode { try client.done(.delete(Keypath.site("w").wire), handle) } == .noExists)
      #expect(errorCode { try client.done(.setElem2("1", Keypath.state(.tag("uptime")).wire), handle) } == .notWritable)
      // A term that is no value.
      let junk = EncodedTerm {
        $0.writeTermTuple(arity: 3); for _ in 0..<3 { $0.writeTermInteger(1) }
      }
      #expect(errorCode { try client.done(.setElem(junk, Keypath.kind("uint8").wire), handle) } == .badType)
      let read = try client.start(.running, .read)
      #expect(errorCode { try client.done(.setElem2("x", Keypath.plant(.tag("owner")).wire), read) } == .notWritable)
    }
  }

  @Test func `tagged values and objects, written and read`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(
        .setValues(
          [
            TaggedValue("owner", .string("me")), TaggedValue("strict", .leaf), TaggedValue("site", .start),
            TaggedValue("id", .string("n")), TaggedValue("title", .string("North")), TaggedValue("address", .start),
            TaggedValue("number", .int32(4)), TaggedValue("address", .stop), TaggedValue("site", .stop),
          ], Keypath.plant().wire), handle)
      #expect(try client.value(.site("n", .tag("address"), .tag("number")), handle) == .int32(4))
      #expect(try client.integer(.exists(Keypath.plant(.tag("strict")).wire), handle) == 1)
      // All or nothing: the last of these fails.
      #expect(
        errorCode {
          try client.done(
            .setValues([TaggedValue("owner", .string("you")), TaggedValue("mode", .enumeration(99))], Keypath.plant().wire),
            handle)
        } == .badType)
      #expect(try client.value(.plant(.tag("owner")), handle) == .string("me"))
      guard
        case .tagged(let found) = try client.call(
          .getValues([TaggedValue("owner", .notFound), TaggedValue("mode", .notFound)], Keypath.plant().wire), handle)
      else { throw NSOError(.internal, "another kind of reply") }
      #expect(found.map(\.content) == [.value(.string("me")), .value(.enumeration(0))])
      guard case .values(let object) = try client.call(.getObject(Keypath.site("n", .tag("address")).wire), handle) else {
        throw NSOError(.internal, "another kind of reply")
      }
      #expect(object == [.notFound, .int32(4)])
      try client.done(.setObject([.string("Road"), .notFound], Keypath.site("n", .tag("address")).wire), handle)
      guard case .values(let changed) = try client.call(.getObject(Keypath.site("n", .tag("address")).wire), handle) else {
        throw NSOError(.internal, "another kind of reply")
      }
      #expect(changed == [.string("Road"), .notFound])
    }
  }

  @Test func `defaults, cases, text forms, flags`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.create(Keypath.site("a").wire), handle)
      let floors = Keypath.site("a", .tag("floors"))
      #expect(try client.value(floors, handle) == .uint8(1))
      #expect(try client.call(.getElemNoDefault(floors.wire), handle) == .value(.defaultInEffect))
      #expect(try client.call(.getElem2(Keypath.plant(.tag("mode")).wire), handle) == .text("slow"))
      #expect(
        try client.call(.getCase(choice: ["power"], Keypath.site("a").wire), handle) == .tag(Tag("mains", in: "urn:ex:plant")))
      try client.done(.setFlags(.noDefaults), handle)
      #expect(try client.value(floors, handle) == .defaultInEffect)
      #expect(try client.call(.getCase(choice: ["power"], Keypath.site("a").wire), handle) == .tag("default"))
      try client.done(.setElem2("6", Keypath.site("a", .tag("cells")).wire), handle)
      #expect(
        try client.call(.getCase(choice: ["power"], Keypath.site("a").wire), handle) == .tag(Tag("battery", in: "urn:ex:plant"))
      )
      try client.done(.setFlags([.configOnly]), handle)
      #expect(errorCode { _ = try client.call(.getElem(Keypath.state(.tag("uptime")).wire), handle) } == .noExists)
      #expect(try client.call(.getAttrs([], Keypath.site("a").wire), handle) == .attributes([]))
      // Positions of MAAPI belong to the transaction.
      try client.done(.changeDirectory(Keypath.site("a").wire), handle)
      #expect(try client.call(.getElem(Keypath([.tag("floors")]).wire), handle, relative: true) == .value(.uint8(1)))
      #expect(errorCode { try client.done(.popDirectory, handle) } == .noStack)
      #expect(
        errorCode { _ = try client.call(.getElem(Keypath.plant(.tag("site"), .position(0), .tag("title")).wire), handle) }
          == .badPath)
    }
  }

  @Test func `an entry of a list ordered by user is moved`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start()
      let steps = Keypath.site("west", .tag("step"))
      let step = { (name: String) in steps.appending(.keys([.string(name)])).wire }
      #expect(try Self.keys(client, steps, handle) == ["second", "first", "third"])
      try client.done(.moveOrdered(step("first"), .first), handle)
      try client.done(.moveOrdered(step("second"), .after([.string("third")])), handle)
      #expect(try Self.keys(client, steps, handle) == ["first", "third", "second"])
      #expect(errorCode { try client.done(.moveOrdered(step("first"), .before([.string("none")])), handle) } == .noExists)
      #expect(errorCode { try client.done(.moveOrdered(Keypath.site("west").wire, .first), handle) } == .notMovable)
    }
  }

  /// The first keys of all entries, one GET_NEXT each.
  static func keys(_ client: WireClient, _ list: Keypath, _ handle: Int32) throws -> [String] {
    var position = CursorPosition.first(filter: nil)
    var keys: [String] = []
    while case .entry(let entry?) = try client.call(.getNext(GetNext(position, list.wire, cursor: 7)), handle) {
      keys.append(entry.keys[0].plainText)
      position = .after(entry)
    }
    return keys
  }

  @Test func `cursors go through lists, also while they change`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start()
      #expect(try Self.keys(client, .plant(.tag("site")), handle) == ["east", "west"])
      #expect(try Self.keys(client, .site("west", .tag("tags")), handle) == ["a", "b"])
      #expect(errorCode { _ = try Self.keys(client, .site("none", .tag("port")), handle) } == .noExists)
      #expect(errorCode { _ = try Self.keys(client, .plant(.tag("owner")), handle) } == .badPath)

      // The entry at which the cursor stands goes.
      let steps = Keypath.site("west", .tag("step"))
      guard case .entry(let first?) = try client.call(.getNext(GetNext(.first(filter: nil), steps.wire, cursor: 1)), handle),
        case .entry(let second?) = try client.call(.getNext(GetNext(.after(first), steps.wire, cursor: 1)), handle)
      else { throw NSOError(.internal, "another kind of reply") }
      #expect(second.keys == [.string("first")])
      try client.done(.delete(steps.appending(.keys(second.keys)).wire), handle)
      #expect(
        try client.call(.getNext(GetNext(.after(second), steps.wire, cursor: 1)), handle)
          == .entry(CursorEntry(keys: [.string("third")])))
      try client.done(.destroyCursor(id: 1), handle)

      let ports = Keypath.site("west", .tag("port")).wire
      let find = { (keys: [Value], same: Bool) in
        guard case .entry(let entry) = try client.call(.findNext(FindNext(keys, ports, cursor: 2, includesSame: same)), handle)
        else { throw NSOError(.internal, "no entry") }
        return entry?.keys
      }
      #expect(try find([], false) == [.uint8(1), .uint16(2)])
      #expect(try find([.uint8(2)], true) == [.uint8(2), .uint16(14)])
      #expect(try find([.uint8(2), .uint16(14)], true) == [.uint8(2), .uint16(14)])
      #expect(try find([.uint8(2), .uint16(14)], false) == [.uint8(2), .uint16(300)])
      #expect(try find([.uint8(3)], false) == nil)
      #expect(errorCode { _ = try find([.string("x")], false) } == .badType)
    }
  }

  @Test func `several entries at once`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let count = 100
      try client.commit { handle in
        let all = (0..<count).flatMap { index -> [TaggedValue] in
          [
            TaggedValue("site", .start), TaggedValue("id", .string("s\(1000 + index)")), TaggedValue("title", .string("T")),
            TaggedValue("site", .stop),
          ]
        }
        // Many pairs: written elsewhere than on the event loop.
        try client.done(.setValues(all, Keypath.plant().wire), handle)
      }
      let handle = try client.start(.running, .read)
      for size in [1, 7, 32, 33, 100, 1000] {
        var position = CursorPosition.first(filter: nil)
        var seen: [Value?] = []
        while true {
          guard
            case .objects(let page) = try client.call(
              .getObjects(GetObjects(position, Keypath.plant(.tag("site")).wire, cursor: 3, maxEntries: Int64(size))), handle)
          else { throw NSOError(.internal, "another kind of reply") }
          seen += page.objects.map(\.first)
          guard let next = page.next else { break }
          #expect(page.objects.count == size)
          position = .after(next)
        }
        #expect(seen == (0..<count).map { .string("s\(1000 + $0)") })
      }
      #expect(try client.integer(.numInstances(Keypath.plant(.tag("site")).wire), handle) == Int64(count))
      #expect(
        errorCode {
          _ = try client.call(
            .getObjects(GetObjects(.first(filter: nil), Keypath.plant(.tag("site")).wire, cursor: 3, maxEntries: 0)), handle)
        } == .protocolUsage)
    }
  }

  @Test func `a long frame is decoded elsewhere and answered in its turn`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      let text = String(repeating: "x", count: 300_000)
      client.send(.setElem(EncodedTerm(.string(text)), Keypath.plant(.tag("owner")).wire), handle)
      client.send(.getMyUserSession)
      #expect(try client.reply(172, .done) == .done)
      guard case .integer = try client.reply(105, .integer) else { throw NSOError(.internal, "another kind of reply") }
      #expect(try client.value(.plant(.tag("owner")), handle) == .string(text))
    }
  }

  @Test func `data is walked in lock step`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start(.running, .read)
      let all = try Self.walk(client, .site("west"), handle) { _ in .recurse }
      #expect(
        all.map(\.0) == [
          "/urn:ex:plant:plant/site{west}", "/urn:ex:plant:plant/site{west}/id", "/urn:ex:plant:plant/site{west}/title",
          "/urn:ex:plant:plant/site{west}/floors", "/urn:ex:plant:plant/site{west}/tags",
          "/urn:ex:plant:plant/site{west}/alarm",
          "/urn:ex:plant:plant/site{west}/port{1 2}", "/urn:ex:plant:plant/site{west}/port{1 2}/slot",
          "/urn:ex:plant:plant/site{west}/port{1 2}/num", "/urn:ex:plant:plant/site{west}/port{2 14}",
          "/urn:ex:plant:plant/site{west}/port{2 14}/slot", "/urn:ex:plant:plant/site{west}/port{2 14}/num",
          "/urn:ex:plant:plant/site{west}/port{2 300}", "/urn:ex:plant:plant/site{west}/port{2 300}/slot",
          "/urn:ex:plant:plant/site{west}/port{2 300}/num", "/urn:ex:plant:plant/site{west}/step{second}",
          "/urn:ex:plant:plant/site{west}/step{second}/name", "/urn:ex:plant:plant/site{west}/step{first}",
          "/urn:ex:plant:plant/site{west}/step{first}/name", "/urn:ex:plant:plant/site{west}/step{third}",
          "/urn:ex:plant:plant/site{west}/step{third}/name", "/urn:ex:plant:plant/site{west}/cells",
          "/urn:ex:plant:plant/site{west}/urn:ex:safety:zone",
        ])
      #expect(all.first { $0.0.hasSuffix("floors") }?.1 == .uint8(7))
      let top = try Self.walk(client, .root, handle) { _ in .continue }
      #expect(top.map(\.0) == ["/urn:ex:plant:plant"])
      let sites = try Self.walk(client, .plant(.tag("site")), handle) { $0.hasSuffix("id") ? .up : .recurse }
      #expect(
        sites.map(\.0)
          == ["east", "west"].flatMap { ["/urn:ex:plant:plant/site{\($0)}", "/urn:ex:plant:plant/site{\($0)}/id"] })
      let one = try Self.walk(client, .root, handle) { _ in .stop }
      #expect(one.count == 1)
      // Errors are items too.
      client.send(.iterate([], Keypath.site("none").wire), handle)
      #expect(
        try IterationItem(try #require(client.receiveFrame()))
          == IterationItem(NSOError(.noExists, "/p:plant/site{none} does not exist")))
      client.send(.iterate([], Keypath.root.wire), 999)
      guard case .failure(let code, _) = try IterationItem(try #require(client.receiveFrame())) else {
        throw NSOError(.internal, "another kind of reply")
      }
      #expect(code == .noTransaction)
      #expect(try client.integer(.getMyUserSession) > 0)
      // Anything but an answer ends the connection.
      client.send(.iterate([], Keypath.root.wire), handle)
      _ = client.receiveFrame()
      client.send(.getMyUserSession)
      #expect(client.receiveFrame() == nil)
    }
  }

  static func walk(
    _ client: WireClient, _ path: Keypath, _ handle: Int32, _ answer: (String) -> IterationAnswer
  ) throws -> [(String, Value?)] {
    client.send(.iterate([], path.wire), handle)
    var found: [(String, Value?)] = []
    while true {
      switch try IterationItem(try #require(client.receiveFrame())) {
      case .node(let path, let value, _):
        found.append((path.description, value))
        let answer = answer(path.description)
        var payload = ByteBuffer()
        answer.write(into: &payload)
        client.sendFrame(payload)
        if answer == .stop { return found }
      case .end: return found
      case let other: throw NSOError(.internal, "\(other)")
      }
    }
  }
}
