import NSOModel
import NSOStore
import NSOXPath
import Testing

@testable import NSOEngine

/// Constraints between nodes, over the store: what a transaction may not leave behind, and what goes by itself.
@Suite("Validation of transactions")
struct ValidationTests {
  static let module = """
    module t {
      yang-version 1.1;
      namespace "urn:t";
      prefix t;
      container net {
        leaf strict { type boolean; default false; }
        list if {
          key name;
          unique "mac";
          leaf name { type string; }
          leaf mac { type string; }
          leaf mtu { type uint16; must ". >= 64 or ../../strict = 'false'" { error-message "the MTU is too small"; error-app-tag "mtu-small"; } }
          leaf kind { type enumeration { enum eth; enum ppp; } default eth; }
          leaf duplex { when "../kind = 'eth'"; type string; }
          list addr { key "ip len"; leaf ip { type string; } leaf len { type uint8; } leaf primary { type empty; } }
          must "count(addr[primary]) <= 1";
        }
        list route { key dst; ordered-by user; leaf dst { type string; } leaf via { type leafref { path "../../if/name"; } mandatory true; }
          leaf-list backup { type leafref { path "../../if/name"; } max-elements 2; ordered-by user; } }
        choice clock { leaf ntp { type string; } container manual { leaf offset { type int32; } leaf source { type string; mandatory true; } } }
        leaf watch { type instance-identifier; }
      }
    }
    """

  let test: TestEngine

  init() throws { test = try TestEngine(module: Self.module) }

  /// Applies edits; the error, if any.
  @discardableResult
  func apply(_ body: (inout TreeEditor) throws -> Void) async throws -> NSOError? {
    let transaction = try test.start()
    defer { test.engine.finish(transaction) }
    try transaction.write { (editor) throws(NSOError) in
      do { try body(&editor) } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
    }
    do {
      try await test.engine.apply(transaction, keepOpen: false)
      return nil
    } catch {
      return error
    }
  }

  func interface(_ name: String, _ editor: inout TreeEditor) throws {
    try editor.create(test.locate("/t:net/if{\(name)}"))
  }

  @Test func mustWithItsOwnText() async throws {
    #expect(
      try await apply { editor in
        try interface("e0", &editor)
        try editor.set(test.locate("/t:net/if{e0}/mtu"), .uint16(10))
      } == nil)
    let error = try await apply { try $0.set(test.locate("/t:net/strict"), .bool(true)) }
    #expect(error == NSOError(.mustFailed, "/t:net/if{e0}/mtu: the MTU is too small", appTag: Tag("mtu-small")))
    #expect(try test.value("/t:net/strict") == .bool(false))
    #expect(
      try await apply { editor in
        try editor.set(test.locate("/t:net/strict"), .bool(true))
        try editor.set(test.locate("/t:net/if{e0}/mtu"), .uint16(100))
      } == nil)
    #expect(try await apply { try $0.set(test.locate("/t:net/if{e0}/mtu"), .uint16(9)) }?.code == .mustFailed)
  }

  @Test func entriesOfInnerLists() async throws {
    let error = try await apply { editor in
      try interface("e0", &editor)
      for ip in ["a", "b"] {
        try editor.create(test.locate("/t:net/if{e0}/addr{\(ip) 24}"))
        try editor.create(test.locate("/t:net/if{e0}/addr{\(ip) 24}/primary"))
      }
    }
    #expect(error?.code == .mustFailed)
    #expect(error?.message == "/t:net/if{e0}: the condition \"count(addr[primary]) <= 1\" does not hold")
    #expect(error?.appTag == Tag("must-violation"))
  }

  @Test func leafrefs() async throws {
    let missing = try await apply { editor in
      try editor.create(test.locate("/t:net/route{all}"))
      try editor.set(test.locate("/t:net/route{all}/via"), .string("e0"))
    }
    #expect(missing?.code == .badKeyref)
    #expect(missing?.message.contains("/t:net/route{all}/via") ?? false)
    #expect(
      try await apply { editor in
        try editor.create(test.locate("/t:net/route{all}"))
        try editor.set(test.locate("/t:net/route{all}/via"), .string("e0"))
        try editor.create(test.locate("/t:net/route{all}/backup{e1}"))
        try interface("e0", &editor)
        try interface("e1", &editor)
      } == nil)
    #expect(try await apply { try $0.delete(test.locate("/t:net/if{e0}")) }?.code == .badKeyref)
    #expect(try await apply { try $0.delete(test.locate("/t:net/if{e1}")) }?.code == .badKeyref)
    #expect(
      try await apply { editor in
        try editor.delete(test.locate("/t:net/if{e0}"))
        try editor.set(test.locate("/t:net/route{all}/via"), .string("e1"))
      } == nil)
    // All interfaces at once.
    #expect(try await apply { try $0.delete(test.locate("/t:net/if")) }?.code == .badKeyref)
  }

  @Test func whatIsMandatory() async throws {
    #expect(try await apply { try $0.create(test.locate("/t:net/route{all}")) }?.code == .notSet)
    #expect(try await apply { try $0.set(test.locate("/t:net/manual/offset"), .int32(1)) }?.code == .notSet)
    #expect(try await apply { try $0.set(test.locate("/t:net/manual/source"), .string("gps")) } == nil)
    #expect(try await apply { try $0.set(test.locate("/t:net/ntp"), .string("x")) } == nil)
    #expect(try test.value("/t:net/manual/source") == nil)
  }

  @Test func uniqueAndMaximum() async throws {
    #expect(
      try await apply { editor in
        for name in ["e0", "e1", "e2"] { try interface(name, &editor) }
        try editor.set(test.locate("/t:net/if{e0}/mac"), .string("m"))
      } == nil)
    let error = try await apply { try $0.set(test.locate("/t:net/if{e2}/mac"), .string("m")) }
    #expect(error?.code == .nonUnique)
    #expect(error?.appTag == Tag("data-not-unique"))
    #expect(
      try await apply { editor in
        try editor.create(test.locate("/t:net/route{all}"))
        try editor.set(test.locate("/t:net/route{all}/via"), .string("e1"))
        for name in ["e0", "e1", "e2"] { try editor.create(test.locate("/t:net/route{all}/backup{\(name)}")) }
      }?.code == .tooManyElems)
  }

  @Test func instanceIdentifiers() async throws {
    let path: Keypath = [.tag(Tag("net", in: "urn:t")), .tag("if"), .keys([.string("e0")]), .tag("mtu")]
    func watch(_ editor: inout TreeEditor) throws { try editor.set(test.locate("/t:net/watch"), .instanceIdentifier(path)) }
    #expect(try await apply { try watch(&$0) }?.code == .missingInstance)
    #expect(
      try await apply { editor in
        try watch(&editor)
        try interface("e0", &editor)
        try editor.set(test.locate("/t:net/if{e0}/mtu"), .uint16(100))
      } == nil)
    #expect(try await apply { try $0.delete(test.locate("/t:net/if{e0}/mtu")) }?.code == .missingInstance)
    #expect(try await apply { try $0.delete(test.locate("/t:net/if{e0}")) }?.code == .missingInstance)
  }

  @Test func whenTakesDataAway() async throws {
    #expect(
      try await apply { editor in
        try interface("e0", &editor)
        try editor.set(test.locate("/t:net/if{e0}/duplex"), .string("full"))
      } == nil)
    #expect(try await apply { try $0.set(test.locate("/t:net/if{e0}/kind"), .enumeration(1)) } == nil)
    #expect(try test.value("/t:net/if{e0}/duplex") == nil)
    #expect(try await apply { try $0.set(test.locate("/t:net/if{e0}/kind"), .enumeration(0)) } == nil)
    #expect(try test.value("/t:net/if{e0}/duplex") == nil)
  }

  /// After a validation that removed something, the transaction shows it; after one that failed, it is as before.
  @Test func validationAndTheTransaction() async throws {
    #expect(
      try await apply { editor in
        try interface("e0", &editor)
        try editor.set(test.locate("/t:net/if{e0}/duplex"), .string("full"))
      } == nil)
    let transaction = try test.start()
    let duplex = try test.locate("/t:net/if{e0}/duplex")
    let kind = try test.locate("/t:net/if{e0}/kind")
    let via = try test.locate("/t:net/route{all}/via")
    let route = try test.locate("/t:net/route{all}")
    try transaction.write { (editor) throws(NSOError) in
      try editor.set(kind, .enumeration(1))
      try editor.create(route)
      try editor.set(via, .string("nowhere"))
    }
    await #expect(throws: NSOError.self) { try await test.engine.validate(transaction, unlock: true) }
    #expect(transaction.phase == .read)
    #expect(try transaction.read { (view) throws(NSOError) in try view.value(via) } == .string("nowhere"))
    try transaction.write { (editor) throws(NSOError) in try editor.set(via, .string("e0")) }
    try await test.engine.validate(transaction, unlock: false)
    #expect(try transaction.read { (view) throws(NSOError) in try view.value(duplex) } == nil)
    try await test.engine.prepare(transaction)
    try await test.engine.commit(transaction)
    #expect(try test.value("/t:net/if{e0}/duplex") == nil)
    #expect(try test.value("/t:net/route{all}/via") == .string("e0"))
  }

  /// What a reference rests on counts as read: somebody else's commit that takes it away is a conflict.
  @Test func conflictsOverWhatWasValidated() async throws {
    #expect(try await apply { try interface("e0", &$0) } == nil)
    let transaction = try test.start()
    let route = try test.locate("/t:net/route{all}")
    let via = try test.locate("/t:net/route{all}/via")
    try transaction.write { (editor) throws(NSOError) in
      try editor.create(route)
      try editor.set(via, .string("e0"))
    }
    #expect(try await apply { try $0.delete(test.locate("/t:net/if{e0}")) } == nil)
    let error = await #expect(throws: NSOError.self) { try await test.engine.apply(transaction, keepOpen: true) }
    #expect(error?.code == .transactionConflict)
  }

  @Test func everythingAtOnce() async throws {
    #expect(
      try await apply { editor in
        for n in 0..<300 {
          try interface("e\(n)", &editor)
          try editor.create(test.locate("/t:net/route{r\(n)}"))
          try editor.set(test.locate("/t:net/route{r\(n)}/via"), .string("e\(n)"))
        }
      } == nil)
    #expect(try test.engine.currentView().validateConfiguration(limit: 10).isEmpty)
    #expect(test.engine.model.constraints.errors.isEmpty)
  }
}
