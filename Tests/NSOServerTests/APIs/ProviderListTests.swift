import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// What data providers are told when lists are walked: filters and secondary indexes (protocol part 05, section 8).
@Suite struct ProviderListTests {
  static let readers: DataCallbacks = [.getElem, .existsOptional, .getNext, .findNext, .wantsFilter]

  static func registration(_ mask: DataCallbacks = readers, _ point: String = "shelf-cp") -> ProviderRegistration {
    ProviderRegistration(.data, point, mask: mask.rawValue, index: 4)
  }

  static func titles(
    _ client: WireClient, _ handle: Int32, _ filter: String? = nil, index: String = "", cursor: Int64 = 1, most: Int = .max
  ) throws -> [String] {
    var position = CursorPosition.first(filter: filter)
    var found: [String] = []
    while found.count < most,
      case .entry(let entry?) = try client.call(
        .getNext(GetNext(position, ShelfModel.books.wire, cursor: cursor, index: index)), handle)
    {
      found.append(entry.keys.map(\.plainText).joined())
      position = .after(entry)
    }
    return found
  }

  /// The filters that came with the walks of the list of books.
  static func filters(_ provider: FakeProvider) -> [FilterArgument] {
    provider.calls.compactMap { call in
      switch call {
      case .getNext(let next) where next.path.elements.count == 2 && next.previous == nil: next.filter
      case .findNext(let find) where find.path.elements.count == 2: find.filter
      case .getNextObject(let next): next.filter
      default: nil
      }
    }
  }

  /// Expressions, and what is told of them; nil: nothing.
  static let told: [(String, String?)] = [
    ("title = 'a'", "title = \"a\""),
    ("year > 1990", "year > \"1990\""),
    ("1990 < year", "year > \"1990\""),
    ("year >= '1990' and year != 2001", "year >= \"1990\" and year != \"2001\""),
    ("year > 70000", nil),
    ("year > 1990.5", nil),
    ("rate >= 2.5", "rate >= \"2.5\""),
    ("rate > 2.555", nil),
    ("rate = 2", "rate = \"2.0\""),
    // A conjunct that cannot be said is left out; in a negation, what would make it less.
    ("year > 1990 and contains(title, 'b')", "year > \"1990\""),
    ("contains(title, 'b') or year = 5", nil),
    ("not(contains(title, 'b') or year = 1990)", "not(year = \"1990\")"),
    ("not(contains(title, 'b') and year = 1990)", nil),
    // Who has the entries may not know of defaults.
    ("pages = 100", "pages = \"100\" or not(pages)"),
    ("pages = 5", "pages = \"5\""),
    ("not(pages = 100)", "not(pages = \"100\")"),
    ("pages > 50", "pages > \"50\" or not(pages)"),
    ("pages", nil),
    ("loan/who", "loan/who"),
    ("not(loan/who)", "not(loan/who)"),
    ("loan", nil),
    ("tag", "tag"),
    ("tag = 'x'", nil),
    ("copy", "copy"),
    ("copy/n = 1", nil),
    ("signed and (year or kind)", "signed and (year or kind)"),
    ("starts-with(title, 'a')", "starts-with(title, \"a\")"),
    ("re-match(title, '[ab]+')", "re-match(title, \"[ab]+\")"),
    ("re-match(loan/who, '.*')", "re-match(loan/who, \".*\") or not(loan/who)"),
    ("derived-from(kind, 'sh:medium')", "derived-from(kind, \"\(ShelfModel.identity("medium").plainText)\")"),
    ("derived-from-or-self(kind, 'sh:paper')", "derived-from-or-self(kind, \"\(ShelfModel.identity("paper").plainText)\")"),
    ("current()/year = 1990", nil),
    ("year = /sh:shelf/sh:book[sh:title = 'c']/sh:year", "year = \"1999\""),
    ("true()", nil),
  ]

  /// Combinations of these.
  static let combined: [String] = {
    var random = NumberSource(state: 7)
    let atoms = told.map(\.0)
    func expression(_ depth: Int) -> String {
      guard depth > 0 else { return atoms[random.next(atoms.count)] }
      switch random.next(4) {
      case 0: return "not(\(expression(depth - 1)))"
      case 1: return "(\(expression(depth - 1)) and \(expression(depth - 1)))"
      case 2: return "(\(expression(depth - 1)) or \(expression(depth - 1)))"
      default: return expression(depth - 1)
      }
    }
    return (0..<80).map { _ in "boolean(\(expression(3)))" }
  }()

  private struct NumberSource {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
  }

  @Test func `filters are told as far as they can be said, and give the same entries whoever looks at them`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let client = try daemon.session()
      var wanted: [[String]] = []
      for round in 0..<4 {
        let honesty: Shelf.Honesty = [.ignores, .ignores, .filters, .promises][round]
        let shelf = Shelf(Shelf.some, honesty, goesByKeys: round == 3)
        let mask = round == 0 ? Self.readers.subtracting(.wantsFilter) : Self.readers
        let provider = try FakeProvider(daemon, "shelf \(round)", [Self.registration(mask)]) { shelf.answer($0) }
        for (number, (text, filter)) in Self.told.enumerated() {
          let handle = try client.start(.running, .read)
          let before = Self.filters(provider).count
          let found = try Self.titles(client, handle, text)
          let came = Array(Self.filters(provider)[before...])
          try client.done(.stopTransaction, handle)
          if round == 0 {
            wanted.append(found)
            #expect(came.allSatisfy { $0 == .absent }, "\(text): \(came)")
            continue
          }
          #expect(found == wanted[number], "\(honesty): \(text)")
          // What is read for a value in it comes first.
          switch (came.last, filter) {
          case (.filter(let told)?, let filter?): #expect("\(told)" == filter, "\(text)")
          case (FilterArgument.none?, nil): break
          default: Issue.record("\(text): \(came), not \(filter ?? "nothing")")
          }
        }
        for (number, text) in Self.combined.enumerated() {
          let handle = try client.start(.running, .read)
          let found = try Self.titles(client, handle, text)
          try client.done(.stopTransaction, handle)
          if round == 0 { wanted.append(found) }
          #expect(found == wanted[Self.told.count + number], "\(honesty): \(text)")
        }
        provider.die()
        try daemon.until { daemon.engine.providers.instances.isEmpty }
      }
    }
  }

  @Test func `what came with a filter serves no other walk`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let shelf = Shelf(Shelf.some, .filters)
      let provider = try FakeProvider(daemon, "shelf", [Self.registration()]) { shelf.answer($0) }
      let client = try daemon.session()
      let handle = try client.start(.running, .read)
      #expect(try Self.titles(client, handle, "year > 1995") == ["b", "c"])
      #expect(try Self.titles(client, handle) == ["a", "ab", "b", "ba", "c"])
      #expect(try Self.titles(client, handle, "year > 2000") == ["b"])
      #expect(try client.integer(.exists(ShelfModel.book("a").wire), handle) == 1)
      #expect(try client.integer(.exists(ShelfModel.book("aa").wire), handle) == 0)
      #expect(try client.integer(.numInstances(ShelfModel.books.wire), handle) == 5)
      // Two cursors at once, each with its own.
      var positions: [CursorPosition] = [.first(filter: "year > 1995"), .first(filter: "year < 1995")]
      var found: [[String]] = [[], []]
      for _ in 0..<2 {
        for cursor in 0..<2 {
          guard
            case .entry(let entry?) = try client.call(
              .getNext(GetNext(positions[cursor], ShelfModel.books.wire, cursor: Int64(cursor) + 5)), handle)
          else { throw NSOError(.internal, "no entry") }
          found[cursor].append(entry.keys[0].plainText)
          positions[cursor] = .after(entry)
        }
      }
      #expect(found == [["b", "c"], ["a", "ab"]])
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a promise is believed, where all of the filter was told`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let shelf = Shelf(Shelf.some, .promises)
      let provider = try FakeProvider(daemon, "shelf", [Self.registration()]) { shelf.answer($0) }
      let client = try daemon.session()
      let handle = try client.start(.running, .read)
      #expect(try Self.titles(client, handle, "year > 1995") == ["b", "c"])
      #expect(provider.calls.allSatisfy { if case .getNext = $0 { true } else { false } }, "\(provider.calls)")
      #expect(try Self.titles(client, handle, "year > 1995 and contains(title, 'c')") == ["c"])
      // In expressions, too: the count needs no leaf.
      let before = provider.calls.count
      _ = try client.call(
        .xpathEvalExpr(XPathEvaluation("count(/sh:shelf/book[year < 1995])", context: Keypath.root.wire)), handle)
      #expect(try XPathItem(try #require(client.receiveFrame())) == .result("2"))
      #expect(provider.calls[before...].allSatisfy { if case .getNext = $0 { true } else { false } }, "\(provider.calls)")
      let liar = Shelf(Shelf.some, .lies)
      let other = try FakeProvider(daemon, "liar", [Self.registration()]) { liar.answer($0) }
      let second = try client.start(.running, .read)
      #expect(try Self.titles(client, second, "year > 1995").count == 5)
      #expect(try Self.titles(client, second, "year > 1995 and contains(title, 'c')") == ["c"])
      withExtendedLifetime((provider, other)) {}
    }
  }

  @Test func `expressions, queries and documents tell their predicates`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let shelf = Shelf(Shelf.some, .filters)
      let provider = try FakeProvider(daemon, "shelf", [Self.registration()]) { shelf.answer($0) }
      let client = try daemon.session()
      func check(_ text: String, _ result: String, _ filters: [FilterArgument]) throws {
        let handle = try client.start(.running, .read)
        let before = Self.filters(provider).count
        _ = try client.call(.xpathEvalExpr(XPathEvaluation(text, context: Keypath.root.wire)), handle)
        #expect(try XPathItem(try #require(client.receiveFrame())) == .result(result), "\(text)")
        try client.done(.stopTransaction, handle)
        #expect(Array(Self.filters(provider)[before...]) == filters, "\(text)")
      }
      let recent = FilterArgument.filter(.compare(.greater, ["year"], .string("1995")))
      try check("sum(/sh:shelf/book[year > 1995]/pages)", "400", [recent])
      try check("string(/sh:shelf/book[year > 1995][2]/title)", "c", [recent])
      // A position counts what was there before it.
      try check("count(/sh:shelf/book[2][year > 1995])", "0", [.none])
      try check("string(/sh:shelf/book[position() > 2][year > 1995]/title)", "b", [.none])
      try check("string(/sh:shelf/book[year > 1995 and last() = 5]/title)", "b", [.none])
      try check("count(//book[year > 1995])", "2", [recent])
      try check("count(/sh:shelf/book[year > 1995]/self::book[year > 2000])", "1", [recent])
      // A key is looked up.
      try check("string(/sh:shelf/book[title = 'b'][year > 1995]/year)", "2001", [])
      let handle = try client.start(.running, .read)
      let before = Self.filters(provider).count
      let save = try client.integer(
        .saveConfig([.xml, .withOperational, .xpath], WireKeypath(text: "/sh:shelf/book[year > 1995]")), handle)
      let stream = try daemon.connect(.stream)
      var opening = ByteBuffer()
      StreamOpening(id: Int32(save)).write(into: &opening)
      stream.sendFrame(opening)
      let document = String(decoding: stream.raw.receive(100_000), as: UTF8.self)
      try client.done(.saveConfigResult(stream: Int32(save)))
      #expect(document.contains("<title>b</title>") && !document.contains("<title>a</title>"), "\(document)")
      #expect(Self.filters(provider)[before...].contains(recent))
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a secondary index is asked of the provider, which keeps its order`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let order = ["ba", "ab", "a", "c", "b"]
      for goesByKeys in [false, true] {
        // By keys, entries without a value of the index leaf cannot be gone on from.
        let books = goesByKeys ? Shelf.some.filter { $0.leafs["year"] != nil } : Shelf.some
        let shelf = Shelf(books, .filters, goesByKeys: goesByKeys)
        let provider = try FakeProvider(daemon, "shelf", [Self.registration()]) { shelf.answer($0) }
        let client = try daemon.session()
        let handle = try client.start(.running, .read)
        let wanted = order.filter { title in books.contains { $0.title == title } }
        #expect(try Self.titles(client, handle, index: "by-year") == wanted)
        #expect(
          provider.calls.contains { if case .getNext(let next) = $0 { next.index == "by-year" } else { false } })
        #expect(try Self.titles(client, handle, "year > 1985", index: "by-year", cursor: 2) == ["a", "c", "b"])
        #expect(try Self.titles(client, handle) == books.map(\.title))
        func find(_ years: [Value], same: Bool) throws -> String? {
          guard
            case .entry(let entry) = try client.call(
              .findNext(FindNext(years, ShelfModel.books.wire, cursor: 3, includesSame: same, index: "by-year")), handle)
          else { throw NSOError(.internal, "no entry") }
          return entry?.keys.first?.plainText
        }
        #expect(try find([.uint16(1990)], same: true) == "a")
        #expect(try find([.uint16(1990)], same: false) == "c")
        #expect(try find([.uint16(2001)], same: false) == nil)
        // Another connection goes on with the position alone.
        guard
          case .entry(let first?) = try client.call(
            .getNext(GetNext(.first(filter: nil), ShelfModel.books.wire, cursor: 8, index: "by-year")), handle),
          case .entry(let entry?) = try client.call(
            .getNext(GetNext(.after(first), ShelfModel.books.wire, cursor: 8, index: "by-year")), handle)
        else { throw NSOError(.internal, "no entry") }
        let other = try daemon.session()
        try other.done(.attach(Attach()), handle)
        guard
          case .entry(let next?) = try other.call(
            .getNext(GetNext(.after(entry), ShelfModel.books.wire, cursor: 99, index: "by-year")), handle)
        else { throw NSOError(.internal, "no entry") }
        #expect(next.keys == [.string(wanted[2])])
        #expect(errorCode { _ = try Self.titles(client, handle, index: "by-name") } == .badPath)
        provider.die()
        try daemon.until { daemon.engine.providers.instances.isEmpty }
      }
    }
  }

  @Test func `a provider without the index leaves the sorting to us`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let shelf = Shelf(Shelf.some)
      let provider = try FakeProvider(daemon, "shelf", [Self.registration()]) { request in
        switch request.call {
        case .getNext(let next) where !next.index.isEmpty: .failure(.reason(.init(.internal, "no index")))
        case .findNext(let find) where !find.index.isEmpty: .failure(.reason(.init(.internal, "no index")))
        default: shelf.answer(request)
        }
      }
      let client = try daemon.session()
      let handle = try client.start(.running, .read)
      #expect(try Self.titles(client, handle, index: "by-year") == ["ba", "ab", "a", "c", "b"])
      // It was asked once; the cursor keeps the order that was made.
      let asked = provider.calls.filter { if case .getNext(let next) = $0 { !next.index.isEmpty } else { false } }
      #expect(asked.count == 1)
      guard
        case .entry(let entry?) = try client.call(
          .findNext(FindNext([.uint16(1990)], ShelfModel.books.wire, cursor: 3, includesSame: false, index: "by-year")), handle)
      else { throw NSOError(.internal, "no entry") }
      #expect(entry.keys == [.string("c")])
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `an index that stands still is an error`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let shelf = Shelf([Book("a"), Book("b")], goesByKeys: true)
      let provider = try FakeProvider(daemon, "shelf", [Self.registration()]) { shelf.answer($0) }
      let client = try daemon.session()
      let handle = try client.start(.running, .read)
      let text = errorText { _ = try Self.titles(client, handle, index: "by-year") }
      for part in ["shelf", "shelf-cp", "by-year", "markers"] { #expect(text.contains(part), "\(text)") }
      withExtendedLifetime(provider) {}
    }
  }
}
