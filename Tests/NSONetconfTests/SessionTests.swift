import NIOCore
import NSOModel
import TestSupport
import Testing

@testable import NSOEngine
@testable import NSONetconf

@Suite struct SessionTests {
  @Test func helloNamesWhatWorks() async throws {
    let server = try TestServer { $0.datastores.startup = false }
    let client = TestClient()
    client.served = Task { [service = server.service] in
      await service.serve(client, NetconfPeer(user: "u", groups: [], address: .loopback, port: 1, proto: .tcp))
    }
    let hello = try await client.greet()
    for text in [
      "urn:ietf:params:netconf:base:1.0<", "urn:ietf:params:netconf:base:1.1<", ":writable-running:1.0<", ":candidate:1.0<",
      ":confirmed-commit:1.1<", ":validate:1.1<", ":xpath:1.0<", "with-defaults:1.0?basic-mode=explicit&amp;also-supported=",
      "<capability>urn:n?module=n&amp;revision=2026-11-01&amp;features=speed</capability>", "<session-id>100</session-id>",
    ] {
      #expect(hello.contains(text), "\(text): \(hello)")
    }
    #expect(!hello.contains(":startup:"))
    #expect(server.engine.sessions.all.map(\.context) == ["netconf"])
    #expect(try await client.rpc("<close-session/>") == "<ok/>")
    await client.served?.value
    #expect(server.engine.sessions.all.isEmpty)
  }

  @Test func speaksTheOldFraming() async throws {
    let server = try TestServer()
    let client = try await server.connect(chunked: false)
    #expect(try await client.edit("<name>a</name>") == "<ok/>")
    #expect(try await client.system() == "<name>a</name>")
    client.close()
    await client.served?.value
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
    let server = try TestServer()
    let client = try await server.connect()
    var bytes: [UInt8] = []
    for id in 0..<50 {
      bytes += client.framed(
        #"<rpc message-id="\#(id)" xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><get-config><source><running/></source></get-config></rpc>"#
      )
    }
    client.send(bytes: bytes)
    for id in 0..<50 { #expect(try await client.message()?.contains(#"message-id="\#(id)""#) == true) }
    client.close()
    await client.served?.value
  }

  @Test func attributesOfTheRequestComeBack() async throws {
    let server = try TestServer()
    let client = try await server.connect()
    client.send(
      bytes: client.framed(
        #"<rpc message-id="&lt;1&quot;" xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:ex="http://example.net/content/1.0" ex:user-id="fred" a="b"><touch xmlns="urn:x"/></rpc>"#
      ))
    let reply = try await client.message() ?? ""
    for text in [#"message-id="&lt;1&quot;""#, #"xmlns:ex="http://example.net/content/1.0" ex:user-id="fred""#, #" a="b""#] {
      #expect(reply.contains(text), "\(reply)")
    }
    client.close()
    await client.served?.value
  }

  @Test func faultyMessages() async throws {
    let server = try TestServer()
    let client = try await server.connect()
    let base = #"xmlns="urn:ietf:params:xml:ns:netconf:base:1.0""#
    for (message, wanted) in [
      ("<rpc", "malformed-message"), ("<rpc \(base)><get/></rpc>", "missing-attribute message-id rpc"),
      (#"<rpc message-id="1"><get/></rpc>"#, "unknown-element rpc"),
      (#"<rpc message-id="1" \#(base)></rpc>"#, "missing-element rpc"),
      (#"<rpc message-id="1" \#(base)><get/><get/></rpc>"#, "unknown-element get"),
      (#"<!DOCTYPE x []><rpc message-id="1" \#(base)><get/></rpc>"#, "malformed-message"),
      ("<hello \(base)><capabilities/></hello>", "unknown-element hello"),
      (String(repeating: "<a>", count: 300), "too-big"),
    ] {
      client.send(bytes: client.framed(message))
      #expect(tag(try await client.message() ?? "") == wanted, "\(message)")
    }
    #expect(try await client.rpc("<get/>") == "<data/>")
    client.close()
    await client.served?.value
  }

  @Test func badHellosEndTheSession() async throws {
    let server = try TestServer()
    for bytes in [
      "<rpc/>]]>]]>", "x]]>]]>", "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities/></hello>]]>]]>",
      String(repeating: "a", count: 70_000),
    ] {
      let client = TestClient()
      client.send(bytes: Array(bytes.utf8))
      await server.service.serve(client, NetconfPeer(user: "u", groups: [], address: .loopback, port: 1, proto: .tcp))
      #expect(client.isClosed)
      #expect(server.engine.sessions.all.isEmpty)
    }
  }

  @Test func whoSaysNothingIsGivenUp() async throws {
    var settings = NetconfSettings()
    settings.helloTimeout = .milliseconds(20)
    let server = try TestServer(settings: settings)
    let client = TestClient()
    await server.service.serve(client, NetconfPeer(user: "u", groups: [], address: .loopback, port: 1, proto: .tcp))
    #expect(client.isClosed)
  }

  @Test func idleSessionsEnd() async throws {
    var settings = NetconfSettings()
    settings.idleTimeout = .milliseconds(20)
    let server = try TestServer(settings: settings)
    let client = try await server.connect()
    await client.served?.value
    #expect(server.engine.sessions.all.isEmpty)
  }

  @Test func brokenFramingEndsTheSession() async throws {
    let server = try TestServer()
    let client = try await server.connect()
    #expect(try await client.rpc("<lock><target><running/></target></lock>") == "<ok/>")
    client.send(bytes: Array("\n#0\n".utf8))
    await client.served?.value
    #expect(server.engine.locks.all.isEmpty && server.engine.sessions.all.isEmpty)
  }

  @Test func killsSessions() async throws {
    let server = try TestServer()
    let (a, b) = (try await server.connect(), try await server.connect("other"))
    #expect(try await b.rpc("<lock><target><running/></target></lock>") == "<ok/>")
    #expect(tag(try await a.rpc("<lock><target><running/></target></lock>")) == "lock-denied 101")
    #expect(tag(try await a.edit("<name>x</name>")) == "in-use")
    #expect(tag(try await a.rpc("<kill-session><session-id>100</session-id></kill-session>")) == "invalid-value session-id")
    #expect(tag(try await a.rpc("<kill-session><session-id>7</session-id></kill-session>")) == "invalid-value session-id")
    #expect(tag(try await a.rpc("<kill-session><session-id>x</session-id></kill-session>")) == "invalid-value session-id")
    #expect(tag(try await a.rpc("<kill-session/>")) == "missing-element session-id")
    #expect(try await a.rpc("<kill-session><session-id>101</session-id></kill-session>") == "<ok/>")
    await b.served?.value
    #expect(try await a.rpc("<lock><target><running/></target></lock>") == "<ok/>")
    #expect(try await a.rpc("<unlock><target><running/></target></unlock>") == "<ok/>")
    #expect(tag(try await a.rpc("<unlock><target><running/></target></unlock>")) == "operation-failed")
    a.close()
    await a.served?.value
    #expect(server.engine.locks.all.isEmpty)
  }

  @Test func otherSessionsOnlyWhenExtended() async throws {
    for isExtended in [false, true] {
      var settings = NetconfSettings()
      settings.extendedSessions = isExtended
      let server = try TestServer(settings: settings)
      let cli = try server.engine.sessions.start(UserSessionRequest(user: "x", context: "cli"))
      try await server.engine.lock(.running, for: cli)
      let client = try await server.connect()
      #expect(
        tag(try await client.rpc("<lock><target><running/></target></lock>")) == "lock-denied \(isExtended ? cli.id : 0)")
      let killed = try await client.rpc("<kill-session><session-id>\(cli.id)</session-id></kill-session>")
      #expect(killed == "<ok/>" ? isExtended : !isExtended)
      client.close()
      await client.served?.value
    }
  }

  @Test func readsHeaders() throws {
    #expect(try TCPOpening.parse("[joe;192.0.2.1;tcp;]") == .init(user: "joe", address: IPAddress("192.0.2.1")))
    #expect(try TCPOpening.parse("[joe]\r") == .init(user: "joe", address: nil))
    for line in ["[", "[]", "[;a]", "[joe", "joe]", "[a b;]"] {
      #expect(throws: TCPOpening.Malformed.self) { try TCPOpening.parse(line) }
    }
  }
}
