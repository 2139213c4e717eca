import NIOCore
import NSOModel
import NSOWire
import Testing

@testable import NSOClient

/// String paths with the schema of the daemon.
@Suite(.timeLimit(.minutes(10))) struct SchemaPathTests {
  let schema: ClientSchema

  init() throws { schema = try SchemaFixture.schema() }

  private static let top = Keypath.Element.tag(Tag("top", in: SchemaFixture.t))
  private static let key = Keypath.Element.keys([.ipv4Prefix(IPv4Address(10, 0, 0, 0), 8), .string("a b")])

  @Test(arguments: [
    ("/", [], "/"),
    ("/t:top", [top], "/t:top"),
    ("/top/", [top], "/t:top"),
    ("/test:top/colour", [top, .tag("colour")], "/t:top/colour"),
    (
      "/t:top/t:route{10.0.0.0/8 \"a b\"}/metric", [top, .tag("route"), key, .tag("metric")],
      "/t:top/route{10.0.0.0/8 \"a b\"}/metric"
    ),
    (
      "/t:top/route{10.0.0.0/8 a\\ b}/x:metric", [top, .tag("route"), key, .tag(Tag("metric", in: SchemaFixture.x))],
      "/t:top/route{10.0.0.0/8 \"a b\"}/x:metric"
    ),
    ("/t:top/route[hop='a b'][t:prefix=\"10.0.0.0/8\"]", [top, .tag("route"), key], "/t:top/route{10.0.0.0/8 \"a b\"}"),
    ("/t:top/route[2]/hop", [top, .tag("route"), .position(2), .tag("hop")], "/t:top/route[2]/hop"),
    ("/t:top/event{7}/colour", [top, .tag("event"), .keys([.int64(7)]), .tag("colour")], "/t:top/event{7}/colour"),
    ("/t:top/names{one two}", [top, .tag("names"), .keys([.string("one two")])], "/t:top/names{\"one two\"}"),
    ("/t:top/alpha", [top, .tag("alpha")], "/t:top/alpha"),
    ("/t:top/beta", [top, .tag(Tag("beta", in: SchemaFixture.x))], "/t:top/x:beta"),
    ("/x:both", [.tag(Tag("both", in: SchemaFixture.x))], "/x:both"),
    ("/t:top/colour/../names", [top, .tag("names")], "/t:top/names"),
  ])
  func pathsBothWays(text: String, elements: [Keypath.Element], canonical: String) throws {
    let path = Keypath(elements)
    let parsed = try schema.keypath(text)
    #expect(parsed == path)
    #expect(schema.text(of: parsed) == canonical)
    #expect(try schema.keypath(canonical) == path)
  }

  @Test(arguments: [
    ("top", ErrorCode.badPath, "slash"),
    ("/nope", .badPath, "nope"),
    ("/z:top", .badPath, "z"),
    ("/both", .badPath, "t:both, x:both"),
    ("/t:top/nope", .badPath, "/t:top"),
    ("/t:top{1}", .badPath, "no list"),
    ("/t:top/route{10.0.0.0/8}", .badPath, "2 keys (prefix hop)"),
    ("/t:top/route{10.0.0.1/8 x}", .badType, "prefix"),
    ("/t:top/route{10.0.0.0/8 x", .badPath, "not closed"),
    ("/t:top/route[prefix='10.0.0.0/8']", .badPath, "hop"),
    ("/t:top/route[other='1']", .badPath, "other"),
    ("/t:top/event{x}", .badType, "numbered"),
    ("/../..", .badPath, "above the root"),
    ("/t:top/route{10.0.0.0/8 x}y", .badPath, "slash"),
  ])
  func mistakes(text: String, code: ErrorCode, word: String) {
    #expect { try schema.keypath(text) } throws: { error in
      guard let error = error as? NSOError else { return false }
      return error.code == code && error.message.contains(word) && error.message.contains(text)
    }
  }

  @Test func valuesAreShownWithLabels() throws {
    let path = try schema.keypath("/t:top/colour")
    #expect(schema.shownText(of: .enumeration(5), at: path) == "blue")
    #expect(schema.shownText(of: .enumeration(9), at: path) == Value.enumeration(9).plainText)
    #expect(schema.shownText(of: .list([.string("a"), .string("b")]), at: try schema.keypath("/t:top/names")) == "a b")
  }

  @Test func childrenOfThePlaces() throws {
    #expect(schema.children(at: .root).map { schema.text(of: $0, below: .root) } == ["t:both", "t:top", "x:both"])
    let top = try schema.keypath("/t:top")
    #expect(
      schema.children(at: top).map { schema.text(of: $0, below: top) } == [
        "route", "event", "names", "colour", "alpha", "x:beta",
      ])
  }

  // MARK: Loading

  @Test(arguments: [1, 3, 100]) func loads(itemsPerFrame: Int) async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      let call = try MAAPICall(try await peer.readFrame())
      #expect(call.request == .loadAllNamespaces("ikp"))
      var rest = SchemaFixture.items[...]
      while !rest.isEmpty {
        let batch = Array(rest.prefix(itemsPerFrame))
        rest = rest.dropFirst(itemsPerFrame)
        try await peer.sendFrame { SchemaItem.write(batch, into: &$0) }
      }
      // The connection is good for more afterwards.
      let next = try MAAPICall(try await peer.readFrame())
      try await peer.sendFrame { Reply.done.write(op: next.request.op, into: &$0) }
      try await peer.waitForClose()
    } _: { daemon in
      try await NSOClient(endpoint: Endpoint(daemon.address)).withMAAPI { maapi in
        let schema = try await maapi.loadSchema()
        #expect(try schema.keypath("/t:top").elements.count == 1)
        try await maapi.reopenLogs()
      }
    }
  }

  @Test func loadRefused() async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
      try await peer.sendFrame { $0.writeReply(op: 232, error: NSOError(.notImplemented, "no")) }
      try await peer.waitForClose()
    } _: { daemon in
      let client = NSOClient(endpoint: Endpoint(daemon.address))
      await #expect(throws: NSOError(.notImplemented, "no")) { try await client.loadSchema() }
    }
  }

  @Test func loadBrokenOff() async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      _ = try await peer.readFrame()
      try await peer.sendFrame { SchemaItem.write(Array(SchemaFixture.items.prefix(4)), into: &$0) }
    } _: { daemon in
      let client = NSOClient(endpoint: Endpoint(daemon.address))
      await #expect(throws: ConnectionError.self) { try await client.loadSchema() }
    }
  }
}
