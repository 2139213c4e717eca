import NIOCore
import NSOModel
import NSOSchema
import NSOStore
import Testing

@testable import NSOEngine

/// Attributes, operations and selections in documents.
@Suite struct DocumentAttributeTests {
  let documents: DocumentTests
  var test: TestEngine { documents.test }

  init() throws { documents = try DocumentTests() }

  func prepare() async throws {
    try await documents.load(DocumentTests.xml, LoadOptions(format: .xml, mode: .create))
    try await test.change { editor in
      try editor.setAttribute(.annotation, to: .string("a \"note\""), of: test.locate("/t:top/name"))
      try editor.setAttribute(.tags, to: .list([.string("x"), .string("y")]), of: test.locate("/t:top/server{web 443}"))
      try editor.setAttribute(.inactive, to: .bool(true), of: test.locate("/t:top/opt"))
      try editor.setAttribute(.annotation, to: .string("second"), of: test.locate("/t:top/tags{b}"))
      try editor.setAttribute(.refcount, to: .uint32(2), of: test.locate("/t:top/name"))
      try editor.setAttribute(
        .backpointer, to: .list([.string("/t:top"), .string("/t:state")]), of: test.locate("/t:top/server{web 443}"))
    }
  }

  @Test func xmlHasThemAsTheManualSays() async throws {
    try await prepare()
    let saved = try documents.save(SaveOptions(format: .xml))
    #expect(saved.contains("<name annotation=\"a &quot;note&quot;\">box</name>"))
    #expect(saved.contains("<server tags=\" x y \"><name>web</name>"))
    #expect(saved.contains("<opt inactive=\"inactive\"/>"))
    #expect(saved.contains("<tags>a</tags><tags annotation=\"second\">b</tags>"))
    let meta = try documents.save(SaveOptions(format: .xml, withServiceMeta: true))
    #expect(meta.contains("refcounter=\"2\"") && meta.contains("backpointer=\"[ /t:top /t:state ]\""))
    for document in [saved, meta] {
      try await documents.load(document, LoadOptions(format: .xml, mode: .create))
      #expect(try documents.save(SaveOptions(format: .xml, withServiceMeta: document == meta)) == document)
    }
  }

  @Test func whatTakesATransactionBackHasThem() async throws {
    try await prepare()
    let before = try documents.save(SaveOptions(format: .xml, withServiceMeta: true))
    let transaction = try test.start()
    try transaction.write { (editor) throws(NSOError) in
      do {
        try editor.setAttribute(.annotation, to: nil, of: test.locate("/t:top/name"))
        try editor.setAttribute(.refcount, to: .uint32(3), of: test.locate("/t:top/name"))
        try editor.set(test.locate("/t:top/name"), .string("other"))
        try editor.setAttribute(.tags, to: .list([.string("z")]), of: test.locate("/t:top/server{web 443}"))
        try editor.setAttribute(.inactive, to: .bool(true), of: test.locate("/t:top/server{web 443}"))
        try editor.setAttribute(.inactive, to: nil, of: test.locate("/t:top/opt"))
        try editor.delete(test.locate("/t:top/tags{b}"))
        try editor.setAttribute(.annotation, to: .string("first"), of: test.locate("/t:top/tags{a}"))
      } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
    }
    let view = try transaction.view()
    let back = String(decoding: try view.changeDocument(isReversed: true), as: UTF8.self)
    let forth = String(decoding: try view.changeDocument(), as: UTF8.self)
    try await test.engine.apply(transaction, keepOpen: false)
    let after = try documents.save(SaveOptions(format: .xml, withServiceMeta: true))
    #expect(before != after)
    try await documents.load(back, LoadOptions(format: .xml, mode: .merge))
    #expect(try documents.save(SaveOptions(format: .xml, withServiceMeta: true)) == before, "\(back)")
    try await documents.load(forth, LoadOptions(format: .xml, mode: .merge))
    #expect(try documents.save(SaveOptions(format: .xml, withServiceMeta: true)) == after, "\(forth)")
  }

  @Test func jsonHasThemAsTheManualSays() async throws {
    try await prepare()
    let saved = try documents.save(SaveOptions(format: .json, withServiceMeta: true))
    #expect(saved.contains("\"@name\":{\"tailf_netconf:annotation\":\"a \\\"note\\\"\",\"tailf_netconf:refcounter\":2}"))
    #expect(saved.contains("\"@\":{\"tailf_netconf:tags\":[\"x\",\"y\"],\"tailf_netconf:backpointer\""))
    #expect(saved.contains("\"@\":{\"tailf-netconf-inactive:inactive\":\"inactive\"}"))
    #expect(saved.contains("\"@tags\":[null,{\"tailf_netconf:annotation\":\"second\"}]"))
    try await documents.load(saved, LoadOptions(format: .json, mode: .create))
    #expect(try documents.save(SaveOptions(format: .json, withServiceMeta: true)) == saved)
    // Annotations may come before what they annotate.
    let early = """
      {"t:top":{"@name":{"tailf_netconf:annotation":"early"},"name":"n","@order":[null,{"tailf_netconf:annotation":"o"}],"order":[4,5],
      "server":[{"@":{"tailf_netconf:tags":["q"]},"port":1,"name":"s"}]}}
      """
    try await documents.load(early, LoadOptions(format: .json, mode: .create))
    let xml = try documents.save(SaveOptions(format: .xml))
    #expect(xml.contains("<name annotation=\"early\">n</name>") && xml.contains("<order annotation=\"o\">5</order>"))
    #expect(xml.contains("<server tags=\" q \"><name>s</name><port>1</port>"))
    for wrong in [
      "{\"t:top\":{\"@name\":{\"tailf_netconf:annotation\":\"x\"}}}",
      "{\"t:top\":{\"@order\":[{\"tailf_netconf:annotation\":\"x\"}]}}",
      "{\"t:top\":{\"name\":\"n\",\"@name\":{\"other:annotation\":\"x\"}}}",
      "{\"t:top\":{\"@nope\":{\"tailf_netconf:tags\":[]}}}",
      "{\"@\":{\"tailf_netconf:annotation\":\"x\"}}", "{\"t:top\":5}",
    ] {
      await #expect(throws: NSOError.self) {
        try await documents.load(wrong, LoadOptions(format: .json, mode: .create))
      }
    }
    #expect(try documents.save(SaveOptions(format: .xml)) == xml)
  }

  @Test func placesInLists() async throws {
    let document = { (body: String) in
      "<top xmlns=\"urn:t\" xmlns:yang=\"urn:ietf:params:xml:ns:yang:1\" xmlns:t=\"urn:t\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\(body)</top>"
    }
    let merge = LoadOptions(format: .xml, mode: .merge)
    try await documents.load(
      document("<rule><id>a</id></rule><rule><id>b</id></rule><order>1</order><order>2</order>"), merge)
    try await documents.load(
      document(
        """
        <rule yang:insert="before" yang:key="[t:id='b']"><id>c</id></rule><rule yang:insert="first"><id>d</id></rule>
        <rule yang:insert="after" yang:key="[id='b']"><id>e</id></rule>
        <order yang:insert="after" yang:value="1">7</order><order yang:insert="first">8</order>
        """), merge)
    #expect(try test.value("/t:top/order") == .list([8, 1, 7, 2].map { .int32($0) }))
    let rules = try documents.save(SaveOptions(format: .json, path: test.engine.model.schema.parsePath("/t:top/rule").keypath))
    #expect(rules.contains("[{\"id\":\"d\"},{\"id\":\"a\"},{\"id\":\"c\"},{\"id\":\"b\"},{\"id\":\"e\"}]"))
    await #expect(throws: NSOError.self) {
      try await documents.load(document("<rule yang:insert=\"after\"><id>z</id></rule>"), merge)
    }
    // Operations of NETCONF.
    try await documents.load(
      document(
        """
        <rule nc:operation="delete"><id>a</id></rule><rule nc:operation="remove"><id>nope</id></rule>
        <rule nc:operation="create"><id>n</id><act>x</act></rule><name nc:operation="create">new</name>
        <order nc:operation="delete">7</order>
        """), merge)
    #expect(try test.value("/t:top/name") == .string("new"))
    #expect(try test.value("/t:top/order") == .list([8, 1, 2].map { .int32($0) }))
    for (body, code) in [
      ("<rule nc:operation=\"create\"><id>n</id></rule>", ErrorCode.alreadyExists),
      ("<rule nc:operation=\"delete\"><id>a</id></rule>", .noExists), ("<name nc:operation=\"x\">n</name>", .badConfig),
    ] {
      let error = await #expect(throws: NSOError.self) { try await documents.load(document(body), merge) }
      #expect(error?.code == code)
    }
    try await documents.load(document("<rule nc:operation=\"replace\"><id>n</id></rule>"), merge)
    #expect(try test.value("/t:top/rule{n}/act") == nil)
  }

  @Test func selections() async throws {
    try await prepare()
    func filtered(_ filter: String) throws -> String { try documents.save(SaveOptions(format: .xml, filter: filter)) }
    let one = try filtered("/top/server[name='web']")
    #expect(one.contains("<name>web</name>") && !one.contains("a &amp; b") && !one.contains("<ratio>"))
    let leaf = try filtered("/top/server/desc | /top/ratio")
    #expect(leaf.contains("<desc>&lt;x&gt;</desc>") && leaf.contains("<ratio>") && !leaf.contains("web"))
    let key = try filtered("/top/server[port='443']/name")
    #expect(key.contains("<server tags=\" x y \"><name>web</name><port>443</port></server>"))
    #expect(try filtered("/top/tags[.='b']").contains("<tags annotation=\"second\">b</tags></top>"))
    #expect(try !filtered("/top/nothing").contains("<top"))
    #expect(throws: NSOError.self) { try filtered("/top[") }
    // From the path on.
    func bare(_ path: String, _ format: DocumentFormat = .xml) throws -> String {
      try documents.save(
        SaveOptions(format: format, path: test.engine.model.schema.parsePath(path).keypath, noParents: true))
    }
    #expect(
      try bare("/t:top/server{web 443}") == "<server xmlns=\"urn:t\" tags=\" x y \"><name>web</name><port>443</port></server>")
    #expect(try bare("/t:top/server{\"a & b\" 80}/alias", .json) == "{\"t:alias\":[{\"id\":\"i\",\"note\":\"n\"}]}")
    #expect(try bare("/t:top/big") == "<big xmlns=\"urn:t\">18446744073709551615</big>")
    #expect(throws: NSOError.self) { try bare("/t:top/server/alias") }
  }
}
