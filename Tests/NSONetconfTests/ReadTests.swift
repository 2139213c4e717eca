import NSOModel
import NSOSchema
import Testing

@testable import NSOEngine
@testable import NSONetconf

@Suite struct ReadTests {
  private static let data = """
    <name>a</name><kind xmlns:x="urn:n">x:fast</kind><dns>d1</dns><dns>d2</dns><ntp/>\
    <user><id>u</id><role>admin</role></user>\
    <interface><name>eth0</name><alias>left</alias><mtu>1500</mtu>\
    <address><ip>1</ip><length>2</length><note>n</note></address></interface>\
    <interface><name>eth1</name></interface><interface><name>lo</name><alias>back</alias></interface>
    """

  private func with(_ body: (TestServer, TestClient) async throws -> Void) async throws {
    let server = try TestServer()
    let client = try await server.connect()
    #expect(try await client.edit(Self.data) == "<ok/>")
    try await body(server, client)
    client.close()
    await client.served?.value
    #expect(server.engine.transactions.isEmpty)
  }

  private func system(_ inner: String) -> String { #"<data><system xmlns="urn:n">\#(inner)</system></data>"# }

  @Test func everything() async throws {
    try await with { (_, client) async throws in
      let wanted = Self.data.replacing("<kind xmlns:x=\"urn:n\">x:fast", with: "<kind xmlns:n=\"urn:n\">n:fast")
      #expect(try await client.rpc("<get-config><source><running/></source></get-config>") == system(wanted))
    }
  }

  @Test(
    arguments: [
      // Selection and containment.
      ("<system xmlns='urn:n'><name/></system>", "<name>a</name>"),
      ("<system xmlns='urn:n'><name/><user/></system>", "<name>a</name><user><id>u</id><role>admin</role></user>"),
      ("<system xmlns=''><name/></system>", "<name>a</name>"),
      ("<system xmlns='urn:n'><ntp/></system>", "<ntp/>"),
      (
        "<system xmlns='urn:n'><interface><name/></interface></system>",
        "<interface><name>eth0</name></interface><interface><name>eth1</name></interface><interface><name>lo</name></interface>"
      ),
      (
        "<system xmlns='urn:n'><interface><alias/></interface></system>",
        "<interface><name>eth0</name><alias>left</alias></interface><interface><name>lo</name><alias>back</alias></interface>"
      ),
      // Content match.
      ("<system xmlns='urn:n'><interface><name>eth1</name></interface></system>", "<interface><name>eth1</name></interface>"),
      (
        "<system xmlns='urn:n'><interface><name> lo </name></interface></system>",
        "<interface><name>lo</name><alias>back</alias></interface>"
      ),
      (
        "<system xmlns='urn:n'><interface><name>lo</name></interface><interface><name>eth1</name></interface></system>",
        "<interface><name>eth1</name></interface><interface><name>lo</name><alias>back</alias></interface>"
      ),
      (
        "<system xmlns='urn:n'><interface><alias>left</alias><mtu/></interface></system>",
        "<interface><name>eth0</name><alias>left</alias><mtu>1500</mtu></interface>"
      ),
      (
        "<system xmlns='urn:n'><interface><name>eth0</name><address><ip>1</ip><note/></address></interface></system>",
        "<interface><name>eth0</name><address><ip>1</ip><length>2</length><note>n</note></address></interface>"
      ),
      (
        "<system xmlns='urn:n'><interface><name>eth1</name><mtu/></interface></system>",
        "<interface><name>eth1</name></interface>"
      ),
      (
        "<system xmlns='urn:n'><kind xmlns:q='urn:n'>q:fast</kind><name/></system>",
        "<name>a</name><kind xmlns:n=\"urn:n\">n:fast</kind>"
      ),
      ("<system xmlns='urn:n'><dns>d2</dns><name/></system>", "<name>a</name><dns>d2</dns>"),
      // Nothing.
      ("", nil), ("<system xmlns='urn:x'/>", nil), ("<system xmlns='urn:n'><nope/></system>", nil),
      ("<system xmlns='urn:n'><interface><name>x</name></interface></system>", nil),
      ("<system xmlns='urn:n'><name>b</name></system>", nil), ("<system xmlns='urn:n'><mtu>1500</mtu><name/></system>", nil),
      ("<system xmlns='urn:n'><mtu>text</mtu><name/></system>", nil),
      ("<system xmlns='urn:n'><nope>1</nope><name/></system>", nil),
      ("<system xmlns='urn:n' a='b'/>", nil), ("<system xmlns='urn:n'><interface><low/></interface></system>", nil),
    ] as [(String, String?)])
  func subtrees(_ filter: String, _ wanted: String?) async throws {
    try await with { (_, client) async throws in
      #expect(try await client.filtered(filter) == wanted.map(system) ?? "<data/>", "\(filter)")
    }
  }

  @Test func xpath() async throws {
    try await with { (_, client) async throws in
      func select(_ expression: String, _ more: String = "") async throws -> String {
        try await client.rpc(
          #"<get-config><source><running/></source><filter type="xpath" select="\#(expression)" \#(more)/></get-config>"#)
      }
      let wanted = system("<interface><name>lo</name><alias>back</alias></interface>")
      #expect(try await select("/system/interface[name='lo']") == wanted)
      #expect(try await select("/q:system/q:interface[q:name='lo']", #"xmlns:q="urn:n""#) == wanted)
      #expect(try await select("/n:system/nope") == "<data/>")
      #expect(tag(try await select("/n:system[")) == "invalid-value")
      #expect(tag(try await select("1 + 1")) == "invalid-value")
      #expect(
        tag(try await client.rpc(#"<get-config><source><running/></source><filter type="xpath"/></get-config>"#))
          == "missing-attribute select filter")
      #expect(
        tag(try await client.rpc(#"<get-config><source><running/></source><filter type="x"/></get-config>"#))
          == "bad-attribute type filter")
    }
  }

  @Test func withDefaults() async throws {
    try await with { (_, client) async throws in
      func get(_ mode: String) async throws -> String {
        try await client.rpc(
          """
          <get-config><source><running/></source><filter><system xmlns="urn:n"><mtu/><interface><name>eth0</name><mtu/></interface></system></filter>\
          <with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">\(mode)</with-defaults></get-config>
          """)
      }
      let eth0 = "<interface><name>eth0</name><mtu>1500</mtu></interface>"
      #expect(try await get("explicit") == system(eth0))
      #expect(try await get("report-all") == system("<mtu>1500</mtu>" + eth0))
      #expect(
        try await get("report-all-tagged")
          == system(#"<mtu xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true">1500</mtu>"# + eth0))
      #expect(try await get("trim") == system("<interface><name>eth0</name></interface>"))
      #expect(tag(try await get("all")) == "invalid-value with-defaults")
    }
  }

  @Test func operationalData() async throws {
    try await with { (server, client) async throws in
      await confirmation { confirmed in
        await withCheckedContinuation { continuation in
          server.engine.writeOperational { (editor) throws(NSOError) in
            let place = try editor.model.locate(try editor.model.schema.parsePath("/n:state/uptime").keypath)
            try editor.set(place, .uint32(7))
          } completion: { result in
            if case .success = result { confirmed() }
            continuation.resume()
          }
        }
      }
      let state = #"<state xmlns="urn:n"><uptime>7</uptime></state>"#
      #expect(try await client.rpc("<get/>").hasSuffix("</system>\(state)</data>"))
      #expect(try await client.rpc(#"<get><filter><state xmlns="urn:n"/></filter></get>"#) == "<data>\(state)</data>")
      #expect(
        try await client.rpc(
          #"<get-config><source><running/></source><filter><state xmlns="urn:n"/></filter></get-config>"#) == "<data/>")
    }
  }

  @Test func largeDataComesInPieces() async throws {
    try await with { (_, client) async throws in
      let many = (0..<5000).map { "<interface><name>i\($0)</name><alias>alias\($0)</alias></interface>" }.joined()
      #expect(try await client.edit(many) == "<ok/>")
      let reply = try await client.system()
      #expect(reply.contains("<name>i4999</name>") && reply.count > 200_000)
    }
  }

  @Test func actionsAndRPCs() async throws {
    try await with { (server, client) async throws in
      server.engine.actions.setHandler(
        Echo(output: [
          TaggedValue(Tag("time"), .list([.uint8(1), .uint8(2)])), TaggedValue(Tag("hop"), .start),
          TaggedValue(Tag("n"), .uint8(1)),
          TaggedValue(Tag("who"), .identityref(server.engine.model.schema.identities[1].hash)),
          TaggedValue(Tag("hop"), .stop),
        ]), at: "/n:ping")
      server.engine.actions.setHandler(Echo(output: []), at: "/n:touch")
      server.engine.actions.setHandler(
        Echo(output: [TaggedValue(Tag("at"), .string("now & <then>"))]), at: "/n:system/interface/reset")
      #expect(try await client.rpc(#"<touch xmlns="urn:n"/>"#) == "<ok/>")
      #expect(
        try await client.rpc(#"<ping xmlns="urn:n"><host>h</host></ping>"#)
          == #"<time xmlns="urn:n">1</time><time xmlns="urn:n">2</time><hop xmlns="urn:n"><n>1</n><who xmlns:n="urn:n">n:fast</who></hop>"#
      )
      #expect(tag(try await client.rpc(#"<ping xmlns="urn:n"><x/></ping>"#)) == "unknown-element x")
      func reset(_ name: String, _ input: String) async throws -> String {
        try await client.rpc(
          """
          <action xmlns="urn:ietf:params:xml:ns:yang:1"><system xmlns="urn:n"><interface><name>\(name)</name>\
          <reset>\(input)</reset></interface></system></action>
          """)
      }
      #expect(try await reset("lo", "<delay>5</delay>") == #"<at xmlns="urn:n">now &amp; &lt;then&gt;</at>"#)
      #expect(tag(try await reset("lo", "")) == "data-missing")
      #expect(tag(try await reset("lo", "<delay>x</delay>")) == "invalid-value")
      #expect(tag(try await reset("eth9", "<delay>5</delay>")) == "data-missing")
      #expect(tag(try await client.rpc(#"<action xmlns="urn:ietf:params:xml:ns:yang:1"/>"#)) == "bad-element action")
      #expect(tag(try await client.rpc(#"<nope xmlns="urn:n"/>"#)) == "operation-not-supported")
    }
  }

  @Test func schemas() async throws {
    try await with { (_, client) async throws in
      func get(_ parameters: String) async throws -> String {
        try await client.rpc(
          #"<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">\#(parameters)</get-schema>"#)
      }
      let reply = try await get("<identifier>n</identifier><version>2026-11-01</version><format>yang</format>")
      #expect(reply.hasPrefix(#"<data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">"#), "\(reply.prefix(200))")
      #expect(reply.contains("must \". &lt; 10\""))
      #expect(tag(try await get("<identifier>x</identifier>")) == "invalid-value identifier")
      #expect(tag(try await get("<identifier>n</identifier><version>2</version>")) == "invalid-value identifier")
      #expect(tag(try await get("<identifier>n</identifier><format>yin</format>")) == "invalid-value format")
      #expect(tag(try await get("")) == "missing-element identifier")
    }
  }
}
