import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct CursorTests {
  /// Ten rooms; those with an even number have a floor.
  static func fill(_ client: WireClient, _ handle: Int32) throws {
    for number in 0..<10 {
      let name = "r\(number)"
      try client.done(.create(Keypath.room(name).wire), handle)
      if number.isMultiple(of: 2) {
        try client.done(.setElem2("\(4 - number)", Keypath.room(name, .tag("floor")).wire), handle)
      }
      try client.done(.setElem2("\(100 - number % 3)", Keypath.room(name, .tag("area")).wire), handle)
    }
  }

  static func names(
    _ client: WireClient, _ handle: Int32, filter: String? = nil, index: String = "", cursor: Int64 = 1, most: Int = .max
  ) throws -> [String] {
    var position = CursorPosition.first(filter: filter)
    var found: [String] = []
    while found.count < most,
      case .entry(let entry?) = try client.call(
        .getNext(GetNext(position, Keypath.annex(.tag("room")).wire, cursor: cursor, index: index)), handle)
    {
      found.append(entry.keys.map(\.plainText).joined())
      position = .after(entry)
    }
    return found
  }

  @Test func `a filter leaves entries out`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try Self.fill(client, handle)
      #expect(try Self.names(client, handle, filter: "floor > 0") == ["r0", "r2"])
      #expect(try Self.names(client, handle, filter: "not(floor)") == ["r1", "r3", "r5", "r7", "r9"])
      #expect(try Self.names(client, handle, filter: "name = 'r3' or ../kind") == ["r3"])
      #expect(try Self.names(client, handle, filter: "false()").isEmpty)
      #expect(errorCode { _ = try Self.names(client, handle, filter: "floor >") } == .xpath)
      // Two at a time, and an entry that goes away in between.
      let list = Keypath.annex(.tag("room")).wire
      func objects(_ position: CursorPosition, _ index: String = "", most: Int64 = 2) throws -> CursorObjects {
        guard
          case .objects(let objects) = try client.call(
            .getObjects(GetObjects(position, list, cursor: 7, maxEntries: most, index: index)), handle)
        else { throw NSOError(.internal, "no objects") }
        return objects
      }
      let first = try objects(.first(filter: "not(floor)"))
      #expect(first.objects.map { $0[0] } == [.string("r1"), .string("r3")])
      try client.done(.delete(Keypath.room("r3").wire), handle)
      let second = try objects(.after(try #require(first.next)))
      #expect(second.objects.map { $0[0] } == [.string("r5"), .string("r7")])
      let third = try objects(.after(try #require(second.next)))
      #expect(third.objects.map { $0[0] } == [.string("r9")] && third.next == nil)
      // The position alone is enough: another connection goes on with it.
      let other = try daemon.session()
      try other.done(.attach(Attach()), handle)
      guard
        case .entry(let entry?) = try other.call(
          .getNext(GetNext(.after(try #require(first.next)), list, cursor: 99)), handle)
      else { throw NSOError(.internal, "no entry") }
      #expect(entry.keys == [.string("r5")])
    }
  }

  @Test func `a secondary index gives another order`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try Self.fill(client, handle)
      // Without a floor first, by area; then by floor.
      let order = ["r5", "r1", "r7", "r3", "r9", "r8", "r6", "r4", "r2", "r0"]
      #expect(try Self.names(client, handle, index: "by-floor") == order)
      // XPath has it, too.
      let sorted = try daemon.engine.transaction(handle).view().nodes(XPathQuery("sort-by(/annex/room, 'by-floor')/name"))
      #expect(sorted.map { $0.value?.plainText } == order)
      #expect(try Self.names(client, handle, filter: "floor >= 0", index: "by-floor") == ["r4", "r2", "r0"])
      #expect(errorCode { _ = try Self.names(client, handle, index: "by-name") } == .badPath)
      #expect(errorText { _ = try Self.names(client, handle, index: "by-name") }.contains("by-floor"))
      let list = Keypath.annex(.tag("room")).wire
      func find(_ keys: [Value], same: Bool) throws -> [Value]? {
        guard
          case .entry(let entry) = try client.call(
            .findNext(FindNext(keys, list, cursor: 3, includesSame: same, index: "by-floor")), handle)
        else { throw NSOError(.internal, "no entry") }
        return entry?.keys
      }
      #expect(try find([.int8(0)], same: true) == [.string("r4")])
      #expect(try find([.int8(1)], same: false) == [.string("r2")])
      #expect(try find([.int8(2), .uint32(98)], same: false) == [.string("r0")])
      #expect(try find([.int8(2), .uint32(98)], same: true) == [.string("r2")])
      #expect(try find([], same: true) == [.string("r5")])
      #expect(try find([.int8(100)], same: true) == nil)
      #expect(errorCode { _ = try find([.int8(1), .uint32(1), .int8(1)], same: true) } == .badPath)
      #expect(errorCode { _ = try find([.string("x")], same: true) } == .badType)
      // What goes away meanwhile is passed over.
      var position = CursorPosition.first(filter: nil)
      var rest: [String] = []
      while case .entry(let entry?) = try client.call(.getNext(GetNext(position, list, cursor: 4, index: "by-floor")), handle) {
        if rest.isEmpty { try client.done(.delete(Keypath.room("r1").wire), handle) }
        rest.append(entry.keys.map(\.plainText).joined())
        position = .after(entry)
      }
      #expect(rest == order.filter { $0 != "r1" })
      // What is written meanwhile is found where it belongs now.
      position = .first(filter: nil)
      rest = []
      while case .entry(let entry?) = try client.call(.getNext(GetNext(position, list, cursor: 5, index: "by-floor")), handle) {
        let name = entry.keys.map(\.plainText).joined()
        if name == "r6" {
          try client.done(.create(Keypath.room("n").wire), handle)
          try client.done(.setElem2("3", Keypath.room("n", .tag("floor")).wire), handle)
          try client.done(.setElem2("9", Keypath.room("r4", .tag("floor")).wire), handle)
        }
        rest.append(name)
        position = .after(entry)
      }
      #expect(rest == ["r5", "r7", "r3", "r9", "r8", "r6", "r2", "n", "r0", "r4"])
    }
  }

  @Test func `queries are answered in chunks`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try Self.fill(client, handle)
      func start(_ query: QueryStart) throws -> Int64 { try client.integer(.queryStart(query), handle) }
      func chunk(_ id: Int64) throws -> QueryChunk {
        guard case .query(let chunk) = try client.call(.queryResult(query: id)) else { throw NSOError(.internal, "no chunk") }
        return chunk
      }
      let texts = try start(
        QueryStart(
          "/a:annex/a:room[a:floor]", chunkSize: 2, selections: ["name", "floor * 2", "missing"], order: ["floor", "name"]))
      #expect(try client.integer(.queryResultCount(query: texts)) == 5)
      let first = try chunk(texts)
      #expect(
        first.offset == 1 && first.results == [[.text("r8"), .text("-8"), .text("")], [.text("r6"), .text("-4"), .text("")]])
      #expect(try chunk(texts).results.map { $0[0] } == [.text("r4"), .text("r2")])
      #expect(try chunk(texts).results.map { $0[0] } == [.text("r0")])
      #expect(try chunk(texts).results.isEmpty)
      try client.done(.queryReset(query: texts, offset: 4))
      #expect(try chunk(texts).results.map { $0[0] } == [.text("r2"), .text("r0")])
      // Paths, values, tags; a default chunk; later changes are not seen.
      let paths = try start(QueryStart("room/area", context: Keypath.annex().wire, offset: 9, resultType: .pathAndValue))
      try client.done(.setElem2("5", Keypath.room("r9", .tag("area")).wire), handle)
      #expect(
        try chunk(paths).results == [
          [.pathAndValue(.room("r8", .tag("area")), .uint32(98))], [.pathAndValue(.room("r9", .tag("area")), .uint32(100))],
        ])
      let tags = try start(
        QueryStart("/annex/room[name='r0']", resultType: .tagAndValue, selections: ["floor", "area", "nothing", "."]))
      #expect(
        try chunk(tags).results == [
          [
            .tagAndValue(Tag("floor", in: "urn:ex:annex"), .int8(4)),
            .tagAndValue(Tag("area", in: "urn:ex:annex"), .uint32(100)),
            .nothing, .tagAndValue(Tag("room", in: "urn:ex:annex"), nil),
          ]
        ])
      // Mistakes.
      #expect(errorCode { _ = try start(QueryStart("/annex[")) } == .xpath)
      #expect(errorCode { _ = try start(QueryStart("/annex", selections: ["a b"])) } == .xpath)
      #expect(errorCode { _ = try start(QueryStart("1 + 1")) } == .xpath)
      #expect(errorCode { _ = try start(QueryStart("/annex", chunkSize: -1)) } == .protocolUsage)
      #expect(errorCode { try client.done(.queryReset(query: tags, offset: 0)) } == .protocolUsage)
      // However far beyond the end a client goes: there is nothing, and the daemon stays.
      try client.done(.queryReset(query: tags, offset: .max))
      #expect(try chunk(tags).results.isEmpty)
      #expect(try chunk(tags).results.isEmpty)
      #expect(errorCode { _ = try chunk(777) } == .noExists)
      try client.done(.queryStop(query: tags))
      #expect(errorCode { _ = try chunk(tags) } == .noExists)
      // They end with their transaction.
      try client.done(.stopTransaction, handle)
      #expect(errorCode { _ = try chunk(paths) } == .noExists)
    }
  }

  @Test func `paths in other forms, references, what is displayed`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try Self.fill(client, handle)
      #expect(
        try client.call(.xpathToPath("/a:annex/a:room[a:name='r1']/a:floor")) == .path(.room("r1", .tag("floor"))))
      #expect(try client.call(.xpathToPathInTransaction("/annex/room[name=\"r1\"]"), handle) == .path(.room("r1")))
      for wrong in ["/a:annex/a:room", "/a:annex/a:room/a:floor", "/a:annex/a:nope", "annex", "/annex/room[1]"] {
        #expect(errorCode { _ = try client.call(.xpathToPath(wrong)) } == .badPath, "\(wrong)")
      }
      let hashes = ["floor", "room", "annex"].map { NameHash.hash($0) }
      #expect(
        try client.call(.hkeypathToIKeypath(hashes))
          == .path([.tag(Tag("annex", in: "urn:ex:annex")), .tag("room"), .tag("floor")]))
      #expect(
        try client.call(.hkeypathToIKeypath(hashes.flatMap { [$0, NameHash.hash("urn:ex:annex")] }))
          == .path([.tag(Tag("annex", in: "urn:ex:annex")), .tag("room"), .tag("floor")]))
      #expect(errorCode { _ = try client.call(.hkeypathToIKeypath([1, 2, 3])) } == .badPath)

      func targets(_ path: Keypath) throws -> [Keypath] {
        guard case .paths(let paths) = try client.call(.dereference(path.wire), handle) else { throw NSOError(.internal, "?") }
        return paths
      }
      let entrance = Keypath.annex(.tag("entrance"))
      #expect(errorCode { _ = try targets(entrance) } == .noExists)
      try client.done(.setElem2("r4", entrance.wire), handle)
      #expect(try targets(entrance) == [.room("r4", .tag("name"))])
      try client.done(.setElem2("nowhere", entrance.wire), handle)
      #expect(try targets(entrance).isEmpty)
      let pointer = Keypath.annex(.tag("pointer"))
      try client.done(.setElem(EncodedTerm(.instanceIdentifier(.room("r1", .tag("area")))), pointer.wire), handle)
      #expect(try targets(pointer) == [.room("r1", .tag("area"))])
      #expect(errorCode { _ = try targets(.room("r1", .tag("area"))) } == .badPath)

      func isShown(_ path: Keypath) throws -> Bool { try client.integer(.doDisplay(path.wire), handle) == 1 }
      #expect(try !isShown(.annex(.tag("lamp"))) && !isShown(.annex(.tag("window"))) && isShown(.annex(.tag("kind"))))
      #expect(try !isShown(.annex(.tag("garden"), .tag("size"))))
      try client.done(.setElem2("house", Keypath.annex(.tag("kind")).wire), handle)
      #expect(try isShown(.annex(.tag("lamp"))) && isShown(.annex(.tag("window"))))
      #expect(try isShown(.annex(.tag("garden"), .tag("size"))))
    }
  }

  @Test func `a conflict says what, by whom, and what to do`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session("alice")
      let other = try daemon.session("bob")
      try client.commit { try Self.fill(client, $0) }
      func conflict(_ read: (Int32) throws -> Void, _ change: (Int32) throws -> Void) throws -> String {
        let handle = try client.start()
        try read(handle)
        try client.done(.setElem2("x", Keypath.plant(.tag("owner")).wire), handle)
        try other.commit { try change($0) }
        let error = errorText { try client.done(.applyTransaction(keepOpen: true, flags: 0), handle) }
        #expect(errorCode { try client.done(.applyTransaction(keepOpen: true, flags: 0), handle) } == .transactionConflict)
        try client.done(.stopTransaction, handle)
        return error
      }
      let area = Keypath.room("r1", .tag("area"))
      let changed = try conflict {
        _ = try client.value(area, $0)
      } _: {
        try other.done(.setElem2("7", area.wire), $0)
      }
      #expect(changed.contains("/a:annex/room{r1}/area, which it had read, was changed by transaction"))
      #expect(changed.contains("of alice (session") && changed.contains("of bob (session") && changed.contains("try again"))
      let created = try conflict {
        _ = try client.integer(.exists(Keypath.room("new").wire), $0)
      } _: {
        try other.done(.create(Keypath.room("new").wire), $0)
      }
      #expect(created.contains("/a:annex/room{new}, which it had read, was created by"))
      let deleted = try conflict {
        _ = try client.value(area, $0)
      } _: {
        try other.done(.delete(Keypath.room("r1").wire), $0)
      }
      #expect(deleted.contains("/a:annex/room{r1}") && deleted.contains("was deleted by"))
      // Writers of the same leaf that did not read it do not conflict.
      let first = try client.start()
      let second = try other.start()
      try client.done(.setElem2("a", Keypath.plant(.tag("owner")).wire), first)
      try other.done(.setElem2("b", Keypath.plant(.tag("owner")).wire), second)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), first)
      try other.done(.applyTransaction(keepOpen: false, flags: 0), second)
      let read = try client.start(.running, .read)
      #expect(try client.value(.plant(.tag("owner")), read) == .string("b"))
    }
  }
}
