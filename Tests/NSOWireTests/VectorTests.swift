import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@Suite struct VectorTests {
  /// MAAPI, CDB and value exchanges in both directions.
  @Test(arguments: ["maapi", "cdb", "values"])
  func exchanges(_ file: String) throws {
    var compared = 0
    let vectors = try Vector.load(file)
    for vector in vectors where !vector.frames.isEmpty {
      var check = ExchangeCheck(vector)
      verdict(vector) { try check.run() }
      compared += check.comparedTerms
    }
    // Vectors without frames have a test of their own, or nothing travels.
    let silent = vectors.filter { $0.frames.isEmpty }.map(\.id)
    #expect(silent.allSatisfy { $0.hasPrefix("values/hash/") || $0 == "cdb/close/1" }, "\(silent)")
    // The notation was understood for nearly all, so the comparison says something.
    #expect(compared > vectors.count, "\(compared) terms compared")
  }
}

extension VectorTests {
  @Test func nameHashes() throws {
    let vectors = try Vector.load("values").filter { $0.id.hasPrefix("values/hash/") }
    #expect(vectors.count == 22)
    for vector in vectors {
      verdict(vector) {
        // name hash of "foo" (3 bytes)
        guard let first = vector.call.firstIndex(of: "\""), let last = vector.call.lastIndex(of: "\"") else {
          throw CheckFailure("no name")
        }
        let name = String(vector.call[vector.call.index(after: first)..<last])
        try expect(vector.call.hasSuffix("(\(name.utf8.count) bytes)"), "another name: \(name)")
        try expect(String(NameHash.hash(name)) == vector.client_result, "\(NameHash.hash(name))")
      }
    }
  }
}

/// Passes or not, against the list of those that do not.
func verdict(_ vector: Vector, _ check: () throws -> Void) {
  do {
    try check()
    if let reason = UncoveredVectors.reasons[vector.id] {
      Issue.record("\(vector.id) passes now; take it off the list (\(reason))")
    }
  } catch {
    if UncoveredVectors.reasons[vector.id] == nil { Issue.record("\(vector.id): \(error)") }
  }
}

extension VectorTests {
  /// Variables of templates as names and expressions, both ways.
  @Test func templateVariables() throws {
    let vector = try #require(try Vector.load("maapi").first { $0.id == "maapi/ncs_apply_template/1" })
    let frame = try #require(vector.frames.first { $0.kind == "frame" && $0.isFromClient })
    let root: Keypath = [.tag(Tag("vlans", in: "http://example.com/ns/svc")), .tag("vlan"), .keys([.string("v1")])]
    let variables = [TemplateVariable("ID", "7"), TemplateVariable("NAME", expression: "'x'")]
    let request = ApplyTemplate("vlan", root: WireKeypath(root), variables: variables, isShared: false)
    var buffer = ByteBuffer()
    MAAPICall(.applyTemplate(request), handle: TransactionHandle(7)).write(into: &buffer)
    #expect(hexText(buffer) == frame.hex)
    guard case .applyTemplate(let read) = try MAAPICall(frame.bytes).request else { throw CheckFailure("another request") }
    #expect(try read.variableList() == variables)
    #expect(!read.hasDocuments)
    #expect(TemplateVariable.literal("a") == "'a'")
    #expect(TemplateVariable.literal("it's") == "\"it's\"")
    #expect(TemplateVariable.literal("'\"") == "concat('', \"'\", '\"')")
  }
}
