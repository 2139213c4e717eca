import ExternalTerm
import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Data of providers as clients of MAAPI see it.
@Suite struct ProviderDataTests {
  static func stats(_ elements: Keypath.Element...) -> Keypath {
    Keypath([.tag(Tag("stats", in: "urn:ex:served"))] + elements)
  }

  static func item(_ name: String, _ elements: Keypath.Element...) -> Keypath {
    Keypath([.tag(Tag("stats", in: "urn:ex:served")), .tag("item"), .keys([.string(name)])] + elements)
  }

  private static func registration(_ mask: DataCallbacks, _ point: String = "stats-cp", flags: InstanceFlags = .sendsPaths)
    -> ProviderRegistration
  {
    ProviderRegistration(.data, point, mask: mask.rawValue, flags: flags, index: 9)
  }

  private static let table = [
    "/stats/uptime": Value.uint32(17), "/stats/tags": .list([.string("x"), .string("y")]), "/stats/flag": .empty,
    "/stats/box": .empty, "/stats/box/size": .uint8(4), "/stats/beta": .string("on"), "/stats/item{a}": .empty,
    "/stats/item{a}/count": .uint32(1), "/stats/item{b}": .empty, "/stats/item{b}/count": .uint32(2),
    "/stats/item{b}/level": .uint8(9), "/stats/item{b}/in/deep": .string("down"),
  ]

  @Test func `every read of MAAPI sees single leafs`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let table = ServedTable(Self.table)
      let provider = try FakeProvider(daemon, "table", [Self.registration(ServedTable.readers)]) { table.answer($0) }
      let client = try daemon.session()
      let th = try client.start(.running, .read)
      #expect(try client.value(Self.stats(.tag("uptime")), th) == .uint32(17))
      #expect(try client.value(Self.stats(.tag("tags")), th) == .list([.string("x"), .string("y")]))
      #expect(try client.integer(.exists(Self.stats(.tag("flag")).wire), th) == 1)
      #expect(try client.integer(.exists(Self.stats(.tag("box")).wire), th) == 1)
      #expect(try client.value(Self.stats(.tag("box"), .tag("size")), th) == .uint8(4))
      #expect(errorCode { _ = try client.value(Self.stats(.tag("alpha")), th) } == .noExists)
      #expect(try client.call(.getCase(choice: ["mode"], Self.stats().wire), th) == .tag(Tag("b", in: "urn:ex:served")))
      #expect(try client.value(Self.item("a", .tag("count")), th) == .uint32(1))
      #expect(try client.value(Self.item("a", .tag("level")), th) == .uint8(3))
      #expect(try client.value(Self.item("b", .tag("in"), .tag("deep")), th) == .string("down"))
      #expect(try client.integer(.exists(Self.item("a").wire), th) == 1)
      #expect(try client.integer(.exists(Self.item("c").wire), th) == 0)
      #expect(errorCode { _ = try client.value(Self.item("c", .tag("count")), th) } == .noExists)
      #expect(try client.integer(.numInstances(Self.stats(.tag("item")).wire), th) == 2)
      #expect(
        try client.call(.getObject(Self.item("b").wire), th)
          == .values([.string("b"), .uint32(2), .uint8(9), .tag(Tag("in", in: "urn:ex:served")), .string("down"), .notFound]))
      guard case .tagged(let values) = try client.call(.getValues([TaggedValue("count", .notFound)], Self.item("b").wire), th)
      else { throw NSOError(.internal, "another reply") }
      #expect(values.first?.content == .value(.uint32(2)))
      // A cursor, and the same again.
      for _ in 0..<2 {
        var keys: [[Value]] = []
        var position = CursorPosition.first(filter: nil)
        while case .entry(let entry?) = try client.call(
          .getNext(GetNext(position, Self.stats(.tag("item")).wire, cursor: 1)), th)
        {
          keys.append(entry.keys)
          position = .after(entry)
        }
        #expect(keys == [[.string("a")], [.string("b")]])
      }
      guard
        case .entry(let found?) = try client.call(
          .findNext(FindNext([.string("a")], Self.stats(.tag("item")).wire, cursor: 2, includesSame: false)), th)
      else { throw NSOError(.internal, "not found") }
      #expect(found.keys == [.string("b")])
      // An expression over both.
      let evaluation = XPathEvaluation("sum(/sv:stats/sv:item/sv:count)", context: Keypath.root.wire)
      _ = try client.call(.xpathEvalExpr(evaluation), th)
      let answer = try #require(client.receiveFrame())
      #expect(try XPathItem(answer) == .result("3"))
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `an iteration and a document show what a provider has`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let table = ServedTable(Self.table)
      let provider = try FakeProvider(daemon, "table", [Self.registration(ServedTable.readers)]) { table.answer($0) }
      let client = try daemon.session()
      let th = try client.start(.running, .read)
      client.send(.iterate([], Self.stats().wire), th)
      var paths: [String] = []
      while true {
        let item = try IterationItem(try #require(client.receiveFrame()))
        guard case .node(let path, let value, _) = item else {
          #expect(item == .end)
          break
        }
        paths.append(ServedTable.text(path) + (value.map { "=\($0.plainText)" } ?? ""))
        var answer = ByteBuffer()
        IterationAnswer.recurse.write(into: &answer)
        client.sendFrame(answer)
      }
      #expect(paths.contains("/stats/uptime=17") && paths.contains("/stats/item{b}/in/deep=down"), "\(paths)")
      #expect(paths.count == 17, "\(paths)")
      let save = try client.integer(.saveConfig([.xml, .withOperational], Self.stats().wire), th)
      let stream = try daemon.connect(.stream)
      var opening = ByteBuffer()
      StreamOpening(id: Int32(save)).write(into: &opening)
      stream.sendFrame(opening)
      let document = String(decoding: stream.raw.receive(100_000), as: UTF8.self)
      try client.done(.saveConfigResult(stream: Int32(save)))
      #expect(document.contains("<uptime>17</uptime>") && document.contains("<deep>down</deep>"), "\(document)")
      withExtendedLifetime(provider) {}
    }
  }

  /// Entries `0...count-1` by whole objects, in batches.
  static func batches(
    _ daemon: TestDaemon, count: Int, size: Int, milliseconds: Int64 = 60_000
  ) throws -> FakeProvider {
    try FakeProvider(daemon, "batches", [registration([.getNextObject, .getObject, .findNextObject])]) { request in
      func object(_ number: Int) -> ProviderObject {
        .values([.string(String(format: "n%07d", number)), .uint32(UInt32(number)), .defaultInEffect, .notFound, .notFound])
      }
      func batch(from first: Int) -> FakeProvider.Response {
        guard first < count else { return .result(.nextObjects(.end)) }
        let items = (first..<min(first + size, count)).map { number in
          NextObjects.Item(object(number), Continuation(.marker(TraversalMarker(traversal: 1, number: Int64(number + 1)))))
        }
        return .result(.nextObjects(.batch(items, isLast: first + size >= count, milliseconds: milliseconds)))
      }
      func number(_ key: Value?) -> Int? {
        guard case .string(let text)? = key else { return nil }
        return Int(text.dropFirst())
      }
      switch request.call {
      case .getNextObject(let next): return batch(from: Int(next.previous?.number ?? 0))
      case .findNextObject(let find): return batch(from: number(find.keys.first).map { find.includesSame ? $0 : $0 + 1 } ?? 0)
      case .getObject(let path):
        guard case .keys(let keys)? = path.elements.last, let number = number(keys.first), number < count else {
          return .result(.object(nil))
        }
        return .result(.object(object(number)))
      default: return .failure(.reason(.init(.internal, "no callback installed")))
      }
    }
  }

  @Test func `objects come in batches, and serve single leafs while they last`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.batches(daemon, count: 100, size: 30)
      let client = try daemon.session()
      let th = try client.start(.running, .read)
      let list = Self.stats(.tag("item")).wire
      guard
        case .objects(let page) = try client.call(
          .getObjects(GetObjects(.first(filter: nil), list, cursor: 1, maxEntries: 100)), th)
      else { throw NSOError(.internal, "another reply") }
      #expect(page.objects.count == 100)
      #expect(page.objects[99].prefix(3) == [.string("n0000099"), .uint32(99), .uint8(3)])
      // Four batches, nothing else.
      #expect(provider.calls.count == 4, "\(provider.calls)")
      #expect(try client.value(Self.item("n0000095", .tag("count")), th) == .uint32(95))
      #expect(provider.calls.count == 4)
      #expect(try client.integer(.numInstances(list), th) == 100)
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a large table is walked with bounded memory`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let provider = try Self.batches(daemon, count: 10_000, size: 500)
      let client = try daemon.session()
      let th = try client.start(.running, .read)
      #expect(try client.integer(.numInstances(Self.stats(.tag("item")).wire), th) == 10_000)
      #expect(provider.calls.count == 20)
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `values that do not fit, and objects that are malformed, are errors that say whose they are`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let answer = LockedBox<CallbackResult>(.value(.string("much")))
      let provider = try FakeProvider(daemon, "odd", [Self.registration([.getElem, .getNextObject])]) { _ in
        .result(answer.with { $0 })
      }
      let client = try daemon.session()
      let th = try client.start(.running, .read)
      let text = errorText { _ = try client.value(Self.stats(.tag("uptime")), th) }
      for part in ["odd", "stats-cp", "uptime", "much"] { #expect(text.contains(part), "\(text)") }
      answer.with { $0 = .ok }
      #expect(errorCode { _ = try client.value(Self.item("a", .tag("in"), .tag("deep")), th) } == .external)
      answer.with {
        $0 = .nextObjects(.one(NextObjects.Item(.values([.string("a")]), Continuation(.byKeys))))
      }
      let first = GetNext(.first(filter: nil), Self.stats(.tag("item")).wire, cursor: 1)
      #expect(errorText { _ = try client.call(.getNext(first), th) }.contains("ends before count"))
      #expect(daemon.engine.providers.instances.count == 1)
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `strings only, data in configured entries, nobody registered`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let client = try daemon.session()
      let device: Keypath = ServedModel.path("devices", .tag("device"), .keys([.string("r1")]))
      try client.commit { try client.done(.create(device.wire), $0) }
      let load = Keypath(device.elements + [.tag("live"), .tag("load")])
      let th = try client.start(.running, .read)
      let text = errorText { _ = try client.value(load, th) }
      #expect(text.contains("live-cp") && text.contains("device{r1}/live/load"), "\(text)")
      let provider = try FakeProvider(
        daemon, "texts", [Self.registration([.getElem], "live-cp", flags: [.sendsPaths, .stringsOnly])]
      ) { request in
        guard case .getElem(let path) = request.call, ServedTable.text(path) == "/devices/device{r1}/live/load" else {
          return .failure(.reason(.init(.application, "unexpected")))
        }
        return .result(.value(.string("88")))
      }
      #expect(try client.value(load, th) == .uint32(88))
      var other = load
      other.elements[2] = .keys([.string("r2")])
      #expect(errorText { _ = try client.value(other, th) } == "unexpected")
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a stopped provider keeps nobody else waiting`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      daemon.engine.providers.limits.query = .seconds(6)
      let mute = try FakeProvider(daemon, "mute", [Self.registration([.getElem])]) { _ in .silence }
      let readers = try (0..<60).map { _ in try daemon.session() }
      for reader in readers {
        let th = try reader.start(.running, .read)
        reader.send(.getElem(Self.stats(.tag("uptime")).wire), th)
      }
      try daemon.until { mute.calls.count == 60 }
      // Everybody else is served meanwhile, over the same event loops.
      let client = try daemon.session()
      try client.commit { try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), $0) }
      for reader in readers {
        let text = errorText { _ = try reader.reply(MAAPIOperation.getElem.rawValue, .value) }
        #expect(text.hasPrefix("external") && text.contains("mute"), "\(text)")
      }
      #expect(daemon.engine.providers.instances.isEmpty)
      withExtendedLifetime(mute) {}
    }
  }

  @Test func `hundreds of readers share a few workers`() async throws {
    try await TestDaemon.run(added: ServedModel.added) { daemon in
      let table = ServedTable(Self.table)
      let provider = try FakeProvider(daemon, "table", [Self.registration(ServedTable.readers)], workers: 3) {
        table.answer($0)
      }
      let readers = try (0..<200).map { _ in try daemon.session() }
      let handles = try readers.map { try $0.start(.running, .read) }
      for round in 0..<3 {
        for (reader, th) in zip(readers, handles) {
          reader.send(.getElem(Self.item(round == 1 ? "b" : "a", .tag("count")).wire), th)
        }
        for reader in readers {
          #expect(try reader.reply(MAAPIOperation.getElem.rawValue, .value) == .value(.uint32(round == 1 ? 2 : 1)))
        }
      }
      withExtendedLifetime(provider) {}
    }
  }
}
