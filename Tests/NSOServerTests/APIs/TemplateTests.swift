import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Operations 366, 367 and 370.
@Suite struct TemplateTests {
  private static func load(_ daemon: TestDaemon, _ body: String, name: String = "site") -> [String] {
    let text =
      "<config-template xmlns='http://tail-f.com/ns/config/1.0'><plant xmlns='urn:ex:plant'>\(body)</plant></config-template>"
    let file = TemplateFile(package: "p", name: name, path: "\(name).xml", content: .success(Array(text.utf8)))
    return daemon.engine.templates.replace([file], for: daemon.engine.model)
  }

  private static let body = "<site><id>{$ID}</id><title>{/title} of {$OWNER}</title></site>"

  private static func names(_ reply: Reply) throws -> [String] {
    guard case .term(let term) = reply, case .list(let items) = try term.term() else { throw NSOError(.internal, "\(reply)") }
    return items.map { if case .binary(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { "?" } }
  }

  private static func apply(
    _ name: String = "site", at root: Keypath = .site("west"), with variables: [TemplateVariable], shared: Bool = false
  ) -> MAAPIRequest {
    .applyTemplate(ApplyTemplate(name, root: root.wire, variables: variables, isShared: shared))
  }

  @Test func `templates are listed, and applied in a transaction`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      #expect(Self.load(daemon, Self.body).isEmpty)
      let client = try daemon.session()
      #expect(try Self.names(client.call(.templates)) == ["site"])
      let handle = try client.start()
      #expect(try Self.names(client.call(.templateVariables("site"), handle)) == ["ID", "OWNER"])
      #expect(try Self.names(client.call(.templateVariables("site"))) == ["ID", "OWNER"])
      try client.done(Self.apply(with: [.init("ID", "new"), .init("OWNER", "it's \"ours\"")]), handle)
      #expect(try client.value(.site("new", .tag("title")), handle) == .string("West wing of it's \"ours\""))
      try client.done(Self.apply(with: [.init("ID", "shared"), .init("OWNER", expression: "/floors")], shared: true), handle)
      #expect(try client.value(.site("shared", .tag("title")), handle) == .string("West wing of 7"))
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      #expect(daemon.engine.templates.names == ["site"])
    }
  }

  @Test func refusals() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      _ = Self.load(daemon, Self.body)
      let client = try daemon.session()
      let handle = try client.start()
      let good: [TemplateVariable] = [.init("ID", "n"), .init("OWNER", "o")]
      func code(_ request: MAAPIRequest, _ handle: Int32?) -> ErrorCode? { errorCode { _ = try client.call(request, handle) } }
      #expect(code(Self.apply("none", with: good), handle) == .noExists)
      #expect(code(Self.apply(at: .site("none"), with: good), handle) == .noExists)
      #expect(code(Self.apply(at: [.tag("nothing")], with: good), handle) == .badPath)
      #expect(code(Self.apply(with: good), 999) == .noTransaction)
      #expect(code(Self.apply(with: [.init("ID", expression: "(")]), handle) == .xpath)
      #expect(code(Self.apply(with: [.init("ID", "n")]), handle) == .template)
      #expect(
        code(Self.apply(with: [.init("ID", String(repeating: "x", count: 21)), .init("OWNER", "o")]), handle) == .template)
      #expect(code(.templateVariables("none"), nil) == .noExists)
      #expect(code(.templateVariables("site"), 999) == .noTransaction)
      #expect(code(.templateVariables(""), nil) == .protocolUsage)
      for variables in [Term.atom("x"), .list([.text("x")]), .list([.tuple([.text("x")])]), .integer(1)] {
        let request = ApplyTemplate(
          "site", root: .root, variables: EncodedTerm(variables), documents: EncodedTerm(Term.list([])), isShared: false)
        #expect(code(.applyTemplate(request), handle) == .protocolUsage)
      }
      let documents = ApplyTemplate(
        "site", root: .root, variables: EncodedTerm(Term.list([])), documents: EncodedTerm(Term.list([.text("d")])),
        isShared: false)
      #expect(code(.applyTemplate(documents), handle) == .notImplemented)
      let reader = try client.start(.running, .read)
      #expect(code(Self.apply(with: good), reader) == .notWritable)
      // Nothing of it is there, and the transaction goes on; variables may be lists of characters.
      #expect(try client.integer(.exists(Keypath.site("n").wire), handle) == 0)
      func characters(_ text: String) -> Term { .list(text.utf8.map { .integer(Int64($0)) }) }
      let variables = Term.list([.tuple([characters("ID"), characters("'n'")]), .tuple([.text("OWNER"), characters("'o'")])])
      let request = ApplyTemplate(
        "site", root: Keypath.site("west").wire, variables: EncodedTerm(variables), documents: EncodedTerm(Term.list([])),
        isShared: false)
      #expect(try client.call(.applyTemplate(request), handle) == .done)
      #expect(try client.value(.site("n", .tag("title")), handle) == .string("West wing of o"))
    }
  }

  @Test func `a long application holds nobody up, and ends unheard when its client goes`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      _ = Self.load(daemon, "<?for i=0; {$i < 20000}; i={$i + 1}?><site><id>{$i}</id></site><?end?>")
      let other = try daemon.session("other")
      let mine = try other.start(.running, .read)
      do {
        let client = try daemon.session()
        let handle = try client.start()
        client.send(Self.apply(at: .root, with: []), handle)
        // Answered by the same daemon meanwhile.
        #expect(try other.value(.site("west", .tag("title")), mine) == .string("West wing"))
      }
      try daemon.until { daemon.engine.transactions.count == 1 }
      #expect(try other.value(.site("west", .tag("title")), mine) == .string("West wing"))
    }
  }
}
