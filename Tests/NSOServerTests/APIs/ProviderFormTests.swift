import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// The forms that requests and answers of data providers can have (protocol part 05, sections 7 and 8).
@Suite struct ProviderFormTests {
  private static func stats(_ elements: Keypath.Element...) -> Keypath { ServedModel.path("stats", elements: elements) }

  private static func registration(_ mask: DataCallbacks, _ point: String = "stats-cp", flags: InstanceFlags = .sendsPaths)
    -> ProviderRegistration
  {
    ProviderRegistration(.data, point, mask: mask.rawValue, flags: flags, index: 9)
  }

  /// Reads in a transaction of its own.
  private static func reading<R>(_ client: WireClient, _ body: (Int32) throws -> R) throws -> R {
    let handle = try client.start(.running, .read)
    let result = try body(handle)
    try client.done(.stopTransaction, handle)
    return result
  }

  private static func keys(_ client: WireClient, _ list: Keypath, _ handle: Int32) throws -> [[Value]] {
    var found: [[Value]] = []
    var position = CursorPosition.first(filter: nil)
    while case .entry(let entry?) = try client.call(.getNext(GetNext(position, list.wire, cursor: 1)), handle) {
      found.append(entry.keys)
      position = .after(entry)
    }
    return found
  }

  @Test func `batches whose entries are gone on from by keys`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let books = Shelf.some
      let provider = try FakeProvider(
        daemon, "batches", [ProviderListTests.registration([.getNextObject, .findNextObject, .wantsFilter])]
      ) { request in
        func batch(from first: Int, _ traversal: Int64, _ isFiltered: Bool) -> FakeProvider.Response {
          let marker = TraversalMarker(traversal: traversal, number: -1)
          let items = books[first...].prefix(2).map {
            NextObjects.Item($0.object, Continuation(.marker(marker), isFiltered: isFiltered))
          }
          return .result(.nextObjects(.batch(items, isLast: first + 2 >= books.count, milliseconds: 60_000)))
        }
        switch request.call {
        case .getNextObject(let next): return batch(from: 0, 7, next.filter != .none)
        case .findNextObject(let find):
          let place = books.firstIndex { $0.leafs["title"] == find.keys.first } ?? books.count
          return batch(from: min(books.count, place + (find.includesSame ? 0 : 1)), find.traversal ?? 8, find.filter != .none)
        default: return .failure(.reason(.init(.internal, "no callback installed")))
        }
      }
      let client = try daemon.session()
      let handle = try client.start(.running, .read)
      #expect(try ProviderListTests.titles(client, handle) == books.map(\.title))
      let finds = provider.calls.compactMap { if case .findNextObject(let find) = $0 { find } else { nil } }
      #expect(finds.map(\.traversal) == [7, 7] && finds.map(\.keys) == [[.string("ab")], [.string("ba")]])
      #expect(finds.allSatisfy { !$0.includesSame && $0.filter == .none })
      #expect(try client.value(ShelfModel.book("c", .tag("pages")), handle) == .uint32(300))
      // The mark of a promise may be on any of them; the next request of the walk has the filter again.
      #expect(try ProviderListTests.titles(client, handle, "pages > 0").count == 5)
      let last = provider.calls.compactMap { if case .findNextObject(let find) = $0 { find } else { nil } }.last
      #expect(last.map { $0.filter != .none } ?? false)
      #expect(provider.calls.count == 6, "\(provider.calls)")
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `walks with find_next only, and finding with get_next only`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let shelf = Shelf(Shelf.some)
      for mask: DataCallbacks in [[.getElem, .findNext], [.getElem, .getNext]] {
        let provider = try FakeProvider(daemon, "one", [ProviderListTests.registration(mask)]) { shelf.answer($0) }
        let client = try daemon.session()
        let handle = try client.start(.running, .read)
        #expect(try ProviderListTests.titles(client, handle) == ["a", "ab", "b", "ba", "c"])
        let find = FindNext([.string("aa")], ShelfModel.books.wire, cursor: 3, includesSame: true)
        guard case .entry(let entry?) = try client.call(.findNext(find), handle) else { throw NSOError(.internal, "no entry") }
        #expect(entry.keys == [.string("ab")])
        if case .findNext(let first)? = provider.calls.first {
          #expect(mask.contains(.findNext) && first.keys.isEmpty && !first.includesSame && first.traversal == nil)
        } else {
          #expect(!mask.contains(.findNext))
        }
        provider.die()
        try daemon.until { daemon.engine.providers.instances.isEmpty }
      }
      // -1 without a callback that finds.
      let shelf2 = Shelf(Shelf.some, goesByKeys: true)
      let provider = try FakeProvider(daemon, "keys", [ProviderListTests.registration([.getElem, .getNext])]) {
        shelf2.answer($0)
      }
      let client = try daemon.session()
      let text = try Self.reading(client) { handle in errorText { _ = try ProviderListTests.titles(client, handle) } }
      #expect(text.contains("find_next is not registered") && text.contains("shelf-cp"), "\(text)")
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `lists without keys, leaf-lists one by one, and numbers of instances`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try FakeProvider(
        daemon, "forms", [Self.registration([.getNext, .existsOptional, .numInstances, .getElem])]
      ) {
        request in
        func step(_ values: [Value], _ next: NextRequest) -> FakeProvider.Response {
          let number = Int(next.previous?.number ?? 0)
          guard values.indices.contains(number) else { return .result(.nextKey(nil)) }
          let marker = TraversalMarker(traversal: 3, number: Int64(number + 1))
          return .result(.nextKey(NextKey([values[number]], Continuation(.marker(marker)))))
        }
        switch request.call {
        case .getNext(let next) where next.path.elements.last == .tag("event"):
          return step([.int64(40), .int64(41)], next)
        case .getElem(let path): return .result(.value(.string(ServedTable.text(path))))
        case .existsOptional: return .result(.existence(.found(true)))
        case .numInstances: return .result(.count(5))
        default: return .failure(.reason(.init(.internal, "no callback installed")))
        }
      }
      let client = try daemon.session()
      try Self.reading(client) { (handle) throws in
        #expect(try Self.keys(client, Self.stats(.tag("event")), handle) == [[.int64(40)], [.int64(41)]])
        let text = Self.stats(.tag("event"), .keys([.int64(41)]), .tag("text"))
        #expect(try client.value(text, handle) == .string("/stats/event{41}/text"))
        #expect(try client.integer(.numInstances(Self.stats(.tag("item")).wire), handle) == 5)
      }
      provider.die()
      try daemon.until { daemon.engine.providers.instances.isEmpty }
      // Without get_elem the values of a leaf-list come one by one.
      let second = try FakeProvider(daemon, "values", [Self.registration([.getNext, .existsOptional])]) { request in
        switch request.call {
        case .getNext(let next):
          let number = Int(next.previous?.number ?? 0)
          guard number < 2 else { return .result(.nextKey(nil)) }
          let marker = TraversalMarker(traversal: 3, number: Int64(number + 1))
          return .result(.nextKey(NextKey([.string("t\(number)")], Continuation(.marker(marker)))))
        case .existsOptional(let path): return .result(.existence(.bool(path.elements.last == .keys([.string("t1")]))))
        default: return .failure(.reason(.init(.internal, "no callback installed")))
        }
      }
      try Self.reading(client) { (handle) throws in
        let tags = Self.stats(.tag("tags"))
        #expect(try client.value(tags, handle) == .list([.string("t0"), .string("t1")]))
        #expect(try client.integer(.numInstances(tags.wire), handle) == 2)
        #expect(try client.integer(.exists(Keypath(tags.elements + [.keys([.string("t1")])]).wire), handle) == 1)
        #expect(try client.integer(.exists(Keypath(tags.elements + [.keys([.string("t5")])]).wire), handle) == 0)
      }
      withExtendedLifetime(second) {}
    }
  }

  @Test func `objects of entries and containers, where they are preferred`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let flags: [InstanceFlags] = [
        [.sendsPaths], [.sendsPaths, .preferBulkGet], [.sendsPaths, .preferBulkGet, .bulkGetContainer],
      ]
      for flags in flags {
        let provider = try FakeProvider(daemon, "objects", [Self.registration([.getElem, .getObject, .getNext], flags: flags)])
        {
          request in
          switch request.call {
          case .getElem(let path): return .result(.value(path.elements.last == .tag("uptime") ? .uint32(1) : .string("e")))
          case .getObject(let path) where path.elements.count == 1:
            return .result(.object(.tagged([TaggedValue("uptime", .uint32(2))])))
          case .getObject:
            return .result(
              .object(
                .tagged([
                  TaggedValue("in", .start), TaggedValue("deep", .string("o")), TaggedValue("in", .stop),
                ])))
          default: return .failure(.reason(.init(.internal, "no callback installed")))
          }
        }
        let client = try daemon.session()
        try Self.reading(client) { (handle) throws in
          let deep = Self.stats(.tag("item"), .keys([.string("a")]), .tag("in"), .tag("deep"))
          let isPreferred = flags.contains(.preferBulkGet)
          #expect(try client.value(deep, handle) == .string(isPreferred ? "o" : "e"))
          #expect(try client.value(Self.stats(.tag("uptime")), handle) == .uint32(flags.contains(.bulkGetContainer) ? 2 : 1))
        }
        provider.die()
        try daemon.until { daemon.engine.providers.instances.isEmpty }
      }
    }
  }

  @Test func `cases, and strings only in keys and filters`() async throws {
    try await TestDaemon.run(added: ServedModel.added + ShelfModel.added) { daemon in
      let provider = try FakeProvider(daemon, "cases", [Self.registration([.getElem, .getCase])]) { request in
        guard case .getCase(let path, let choice) = request.call, path.elements.count == 1, choice == ["mode"] else {
          return .result(.value(.notFound))
        }
        return .result(.choiceCase(.chosen("a")))
      }
      let client = try daemon.session()
      let chosen = try Self.reading(client) { try client.call(.getCase(choice: ["mode"], Self.stats().wire), $0) }
      #expect(chosen == .tag(Tag("a", in: "urn:ex:served")))
      let texts = try FakeProvider(
        daemon, "texts",
        [
          ProviderRegistration(
            .data, "desk-cp", mask: DataCallbacks([.getElem, .findNext, .wantsFilter]).rawValue,
            flags: [.sendsPaths, .stringsOnly], index: 2)
        ]
      ) { request in
        switch request.call {
        case .findNext(let find):
          let last = find.keys.first?.plainText ?? "0"
          guard let number = Int(last), number < 3 else { return .result(.nextKey(nil)) }
          return .result(.nextKey(NextKey([.string("\(number + 1)")], Continuation(.byKeys))))
        case .getElem(let path):
          guard case .keys(let keys)? = path.elements.dropFirst(2).first else { return .result(.value(.notFound)) }
          return .result(.value(.string(keys[0].plainText)))
        default: return .failure(.reason(.init(.internal, "no callback installed")))
        }
      }
      let handle = try client.start(.running, .read)
      var position = CursorPosition.first(filter: "rank > 1")
      var found: [[Value]] = []
      while case .entry(let entry?) = try client.call(.getNext(GetNext(position, ShelfModel.papers.wire, cursor: 1)), handle) {
        found.append(entry.keys)
        position = .after(entry)
      }
      #expect(found == [[.uint8(2)], [.uint8(3)]])
      let finds = texts.calls.compactMap { if case .findNext(let find) = $0 { find } else { nil } }
      #expect(finds.map(\.keys) == [[], [.string("1")], [.string("2")], [.string("3")]])
      #expect(finds.allSatisfy { $0.filter == .filter(.compare(.greater, ["rank"], .string("1"))) })
      withExtendedLifetime((provider, texts)) {}
    }
  }
}
