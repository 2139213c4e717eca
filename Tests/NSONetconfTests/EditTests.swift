import NSOModel
import TestSupport
import Testing

@testable import NSOEngine
@testable import NSONetconf

@Suite struct EditTests {
  private func with(_ body: (TestServer, TestClient) async throws -> Void) async throws {
    let server = try TestServer()
    let client = try await server.connect()
    try await body(server, client)
    client.close()
    await client.served?.value
    #expect(server.engine.transactions.isEmpty)
  }

  private static let eth0 = "<interface><name>eth0</name></interface>"

  @Test func operations() async throws {
    try await with { (_, client) async throws in
      #expect(try await client.edit("<name>a</name><interface><name>eth0</name><mtu>9</mtu></interface>") == "<ok/>")
      #expect(tag(try await client.edit(#"<interface nc:operation="create"><name>eth0</name></interface>"#)) == "data-exists")
      #expect(tag(try await client.edit(#"<name nc:operation="create">b</name>"#)) == "data-exists")
      #expect(tag(try await client.edit(#"<interface nc:operation="delete"><name>eth1</name></interface>"#)) == "data-missing")
      #expect(try await client.edit(#"<interface nc:operation="remove"><name>eth1</name></interface>"#) == "<ok/>")
      #expect(tag(try await client.edit(#"<mtu nc:operation="delete"/>"#)) == "data-missing")
      #expect(try await client.edit("<mtu>1400</mtu>") == "<ok/>")
      #expect(try await client.edit(#"<mtu nc:operation="delete"/>"#) == "<ok/>")
      #expect(try await client.edit(#"<mtu nc:operation="remove"/>"#) == "<ok/>")
      #expect(tag(try await client.edit(#"<mtu nc:operation="delete">1500</mtu>"#)) == "data-missing")
      #expect(
        try await client.edit(#"<interface nc:operation="replace"><name>eth0</name><alias>x</alias></interface>"#) == "<ok/>")
      #expect(
        try await client.system() == "<name>a</name><interface><name>eth0</name><alias>x</alias></interface>")
      #expect(
        try await client.edit(#"<interface><name>eth0</name><alias nc:operation="delete">x</alias></interface>"#) == "<ok/>")
      #expect(try await client.system() == "<name>a</name>" + Self.eth0)
      #expect(
        tag(try await client.edit(#"<name nc:operation="none">a</name>"#)) == "bad-attribute operation name")
      #expect(tag(try await client.edit(#"<name nc:operation="x">a</name>"#)) == "bad-attribute operation name")
    }
  }

  @Test func defaultOperations() async throws {
    try await with { (_, client) async throws in
      let none = "<default-operation>none</default-operation>"
      #expect(try await client.edit("<name>a</name>" + Self.eth0) == "<ok/>")
      #expect(try await client.edit("<name>b</name>", "running", none) == "<ok/>")
      #expect(try await client.system() == "<name>a</name>" + Self.eth0)
      #expect(tag(try await client.edit("<interface><name>eth9</name></interface>", "running", none)) == "data-missing")
      #expect(tag(try await client.edit("<ntp/>", "running", none)) == "data-missing")
      #expect(tag(try await client.edit("<low>1</low>", "running", none)) == "data-missing")
      #expect(
        try await client.edit(
          #"<interface><name>eth0</name><mtu nc:operation="create">1</mtu></interface>"#, "running", none) == "<ok/>")
      #expect(
        try await client.edit(Self.eth0, "running", "<default-operation>replace</default-operation>") == "<ok/>")
      #expect(try await client.system() == Self.eth0)
      #expect(
        tag(try await client.edit("", "running", "<default-operation>x</default-operation>"))
          == "invalid-value default-operation")
    }
  }

  @Test func orderOfUsers() async throws {
    try await with { (_, client) async throws in
      func user(_ id: String, _ attributes: String = "") -> String { "<user \(attributes)><id>\(id)</id></user>" }
      func order() async throws -> String {
        try await client.system().replacing("<user><id>", with: "").replacing("</id></user>", with: " ")
      }
      #expect(try await client.edit(user("a") + user("b") + user("c", #"yang:insert="first""#)) == "<ok/>")
      #expect(try await order() == "c a b ")
      #expect(try await client.edit(user("d", #"yang:insert="before" yang:key="[n:id='a']" xmlns:n="urn:n""#)) == "<ok/>")
      #expect(try await order() == "c d a b ")
      #expect(try await client.edit(user("c", #"yang:insert="after" yang:key="[id='a']""#)) == "<ok/>")
      #expect(try await order() == "d a c b ")
      #expect(try await client.edit(user("d", #"nc:operation="replace" yang:insert="last""#)) == "<ok/>")
      #expect(try await order() == "a c b d ")
      #expect(try await client.edit(user("c", #"nc:operation="replace""#)) == "<ok/>")
      #expect(try await order() == "a c b d ")
      #expect(
        tag(try await client.edit(user("e", #"yang:insert="after" yang:key="[id='x']""#)))
          == "bad-attribute[missing-instance] insert user")
      #expect(tag(try await client.edit(user("e", #"yang:insert="after""#))) == "missing-attribute key user")
      #expect(tag(try await client.edit(user("e", #"yang:insert="x""#))) == "bad-attribute insert user")
      #expect(tag(try await client.edit(user("e", #"yang:insert="after" yang:key="x""#))) == "bad-attribute key user")
      #expect(
        tag(try await client.edit(#"<interface yang:insert="first"><name>e</name></interface>"#))
          == "bad-attribute insert interface")
    }
  }

  @Test func leafLists() async throws {
    try await with { (_, client) async throws in
      #expect(try await client.edit(#"<dns>a</dns><dns>b</dns><dns yang:insert="first">c</dns>"#) == "<ok/>")
      #expect(
        try await client.edit(#"<dns yang:insert="before" yang:value="a">d</dns><dns nc:operation="delete">b</dns>"#) == "<ok/>"
      )
      #expect(try await client.system() == "<dns>c</dns><dns>d</dns><dns>a</dns>")
      #expect(tag(try await client.edit(#"<dns nc:operation="create">a</dns>"#)) == "data-exists")
      #expect(tag(try await client.edit(#"<dns nc:operation="delete">x</dns>"#)) == "data-missing")
      #expect(tag(try await client.edit(#"<dns yang:insert="after">x</dns>"#)) == "missing-attribute value dns")
    }
  }

  @Test func refusals() async throws {
    try await with { (_, client) async throws in
      #expect(tag(try await client.edit("<nope/>")) == "unknown-element nope")
      #expect(tag(try await client.edit("<mtu>1</mtu>")) == "invalid-value")
      #expect(tag(try await client.edit("<mtu>x</mtu>")) == "invalid-value")
      #expect(tag(try await client.edit(#"<mtu a="b">100</mtu>"#)) == "unknown-attribute a mtu")
      #expect(tag(try await client.edit("<interface><mtu>5</mtu></interface>")) == "missing-element name")
      #expect(tag(try await client.edit("<low>12</low>")) == "operation-failed[high]")
      #expect(tag(try await client.edit("<main>eth9</main>")) == "data-missing[instance-required]")
      #expect(
        tag(
          try await client.edit(
            "<interface><name>a</name><alias>x</alias></interface><interface><name>b</name><alias>x</alias></interface>"))
          == "operation-failed[data-not-unique]")
      #expect(
        tag(
          try await client.rpc(
            #"<edit-config><target><running/></target><config><state xmlns="urn:n"><uptime>1</uptime></state></config></edit-config>"#
          )) == "bad-element state")
      #expect(try await client.system() == "")
      // Where, in the words of XPath.
      let reply = try await client.edit("<interface><name>it's</name><mtu>x</mtu></interface>")
      #expect(
        reply.contains(#"<error-path xmlns:n="urn:n">/n:system/n:interface[n:name="it's"]/n:mtu</error-path>"#), "\(reply)")
      #expect(tag(try await client.rpc("<edit-config><config/></edit-config>")) == "missing-element target")
      #expect(
        tag(try await client.rpc("<edit-config><target><running/></target></edit-config>")) == "missing-element config")
      #expect(
        tag(try await client.rpc("<edit-config><target><running/></target><url>file:///x</url></edit-config>"))
          == "operation-not-supported")
      #expect(tag(try await client.edit("", "startup")) == "invalid-value target")
      #expect(tag(try await client.edit("", "nowhere")) == "unknown-element nowhere")
      #expect(tag(try await client.edit("", "running", "<x/>")) == "unknown-element x")
      #expect(tag(try await client.edit("", "running", "<test-option>x</test-option>")) == "invalid-value test-option")
    }
  }

  @Test func nothingIsLeftHalfDone() async throws {
    try await with { (_, client) async throws in
      for option in ["stop-on-error", "continue-on-error", "rollback-on-error"] {
        #expect(
          tag(try await client.edit("<name>a</name><mtu>1</mtu>", "running", "<error-option>\(option)</error-option>"))
            == "invalid-value")
        #expect(try await client.system() == "")
      }
    }
  }

  @Test func tests() async throws {
    try await with { (_, client) async throws in
      #expect(try await client.edit("<name>a</name>", "running", "<test-option>test-only</test-option>") == "<ok/>")
      #expect(try await client.system() == "")
      #expect(
        tag(try await client.edit("<low>12</low>", "candidate", "<test-option>test-only</test-option>"))
          == "operation-failed[high]")
      #expect(
        tag(try await client.edit("<low>12</low>", "candidate", "<test-option>test-then-set</test-option>"))
          == "operation-failed[high]")
      #expect(try await client.system("candidate") == "")
      #expect(try await client.edit("<low>12</low>", "candidate") == "<ok/>")
      #expect(tag(try await client.rpc("<validate><source><candidate/></source></validate>")) == "operation-failed[high]")
      #expect(tag(try await client.rpc("<commit/>")) == "operation-failed[high]")
      #expect(try await client.rpc("<discard-changes/>") == "<ok/>")
      #expect(try await client.rpc("<validate><source><candidate/></source></validate>") == "<ok/>")
      #expect(try await client.rpc("<validate><source><running/></source></validate>") == "<ok/>")
      #expect(
        tag(
          try await client.rpc(
            #"<validate><source><config><system xmlns="urn:n"><low>12</low></system></config></source></validate>"#))
          == "operation-failed[high]")
      #expect(
        try await client.rpc(
          #"<validate><source><config><system xmlns="urn:n"><low>2</low></system></config></source></validate>"#) == "<ok/>")
      #expect(try await client.system() == "")
    }
  }

  @Test func defaultsThatAreMarked() async throws {
    try await with { (_, client) async throws in
      #expect(try await client.edit("<mtu>1500</mtu>") == "<ok/>")
      let wd = #"xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true""#
      #expect(tag(try await client.edit("<mtu \(wd)>1400</mtu>")) == "bad-attribute default mtu")
      #expect(try await client.edit("<mtu \(wd)>1500</mtu>") == "<ok/>")
      #expect(try await client.system() == "")
    }
  }

  @Test func copies() async throws {
    try await with { (_, client) async throws in
      #expect(try await client.edit("<name>a</name>") == "<ok/>")
      func copy(_ target: String, _ source: String) async throws -> String {
        tag(try await client.rpc("<copy-config><target><\(target)/></target><source>\(source)</source></copy-config>"))
      }
      #expect(try await copy("startup", "<running/>") == "<ok/>")
      #expect(try await client.system("startup") == "<name>a</name>")
      #expect(try await copy("candidate", #"<config><system xmlns="urn:n"><name>b</name></system></config>"#) == "<ok/>")
      #expect(try await client.system("candidate") == "<name>b</name>")
      #expect(try await copy("running", "<candidate/>") == "<ok/>")
      #expect(try await client.system() == "<name>b</name>")
      #expect(try await copy("running", "<startup/>") == "<ok/>")
      #expect(try await client.system() == "<name>a</name>")
      #expect(try await copy("running", "<running/>") == "invalid-value target")
      #expect(try await copy("running", "<url>x</url>") == "operation-not-supported")
      #expect(try await copy("running", "<config/><config/>") == "bad-element source")
      #expect(try await copy("running", "<config/>") == "<ok/>")
      #expect(try await client.system() == "")
      #expect(try await client.rpc("<delete-config><target><startup/></target></delete-config>") == "<ok/>")
      #expect(try await client.system("startup") == "")
      #expect(
        tag(try await client.rpc("<delete-config><target><running/></target></delete-config>")) == "invalid-value running")
    }
  }

  @Test func commits() async throws {
    try await with { (server, client) async throws in
      #expect(try await client.edit("<name>a</name>", "candidate") == "<ok/>")
      #expect(tag(try await client.rpc("<lock><target><candidate/></target></lock>")) == "lock-denied 0")
      #expect(try await client.rpc("<commit/>") == "<ok/>")
      #expect(try await client.rpc("<lock><target><candidate/></target></lock>") == "<ok/>")
      #expect(try await client.system() == "<name>a</name>")
      #expect(try await client.edit("<name>b</name>", "candidate") == "<ok/>")
      let other = try await server.connect()
      #expect(tag(try await other.edit("<name>c</name>", "candidate")) == "in-use")
      #expect(tag(try await other.rpc("<commit/>")) == "in-use")
      #expect(try await client.rpc("<commit><confirmed/><confirm-timeout>100</confirm-timeout></commit>") == "<ok/>")
      #expect(try await client.system() == "<name>b</name>")
      #expect(
        tag(try await other.rpc("<cancel-commit><persist-id>x</persist-id></cancel-commit>")) == "invalid-value persist-id")
      #expect(try await client.rpc("<cancel-commit/>") == "<ok/>")
      #expect(try await client.system() == "<name>a</name>")
      #expect(tag(try await client.rpc("<cancel-commit/>")) == "operation-failed")
      #expect(try await client.rpc("<unlock><target><candidate/></target></unlock>") == "<ok/>")
      #expect(try await client.edit("<name>d</name>", "candidate") == "<ok/>")
      #expect(try await client.rpc("<commit><confirmed/><persist>P</persist></commit>") == "<ok/>")
      #expect(tag(try await other.rpc("<commit><persist-id>Q</persist-id></commit>")) == "invalid-value persist-id")
      #expect(try await other.rpc("<commit><persist-id>P</persist-id></commit>") == "<ok/>")
      #expect(try await client.system() == "<name>d</name>")
      #expect(tag(try await client.rpc("<commit><persist>P</persist></commit>")) == "bad-element persist")
      #expect(
        tag(try await client.rpc("<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>"))
          == "invalid-value confirm-timeout")
      other.close()
      await other.served?.value
    }
  }

  @Test func unconfirmedCommitsGoWithTheirSession() async throws {
    try await with { (server, client) async throws in
      #expect(try await client.edit("<name>a</name>") == "<ok/>")
      let other = try await server.connect()
      #expect(try await other.edit("<name>b</name>", "candidate") == "<ok/>")
      #expect(try await other.rpc("<commit><confirmed/></commit>") == "<ok/>")
      other.close()
      await other.served?.value
      try await until("the end of the confirmed commit") { server.engine.confirmedCommits.pending == nil }
      #expect(try await client.system() == "<name>a</name>")
    }
  }

  @Test func withoutDatastores() async throws {
    let server = try TestServer { $0.datastores = DatastoreOptions() }
    let client = try await server.connect()
    #expect(tag(try await client.rpc("<commit/>")) == "operation-not-supported")
    #expect(tag(try await client.rpc("<discard-changes/>")) == "operation-not-supported")
    #expect(tag(try await client.edit("", "candidate")) == "invalid-value candidate")
    #expect(tag(try await client.rpc("<delete-config><target><startup/></target></delete-config>")) == "invalid-value startup")
    #expect(tag(try await client.rpc("<nonsense/>")) == "operation-not-supported")
    client.close()
    await client.served?.value
  }
}
