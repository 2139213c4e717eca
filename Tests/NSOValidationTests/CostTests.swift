import NSOModel
import NSOSchema
import NSOValidation
import NSOXPath
import NSOXPathTestSupport
import Testing

/// Validating a change costs what the change is, not what the data is.
@Suite struct CostTests {
  static let module = """
    m {
      container sys { leaf strict { type boolean; default false; } leaf region { type string; } }
      container ifs {
        list if { key name; leaf name { type string; } leaf on { type boolean; default true; } leaf mtu { type uint16 { range "64..max"; } must ". >= 128 or ../on = 'false'"; }
          leaf parent { type leafref { path "../../if/name"; } must ". != ../name"; }
          leaf note { when "/sys/region = 'eu'"; type string; }
          must "/sys/strict = 'false' or mtu";
          list addr { key ip; leaf ip { type string; } leaf role { type string; must "../../on = 'true'"; } } }
      }
      list acl { key name; leaf name { type string; } leaf if { type leafref { path "/ifs/if/name"; } must "/ifs/if[name = current()]/on = 'true'"; } }
      list bind { key if; leaf if { type leafref { path "/ifs/if/name"; } } leaf v { type string; } }
    }
    """

  static let count = 2000

  static func storage(_ schema: Schema) throws -> MemoryStorage {
    var xml = "<sys xmlns='urn:m'><region>eu</region></sys><ifs xmlns='urn:m'>"
    for n in 0..<count {
      xml += "<if><name>e\(n)</name><mtu>1500</mtu><note>x</note><addr><ip>a</ip><role>r</role></addr></if>"
    }
    xml += "</ifs>"
    for n in 0..<count {
      xml += "<acl xmlns='urn:m'><name>l\(n)</name><if>e\(n)</if></acl><bind xmlns='urn:m'><if>e\(n)</if></bind>"
    }
    return try MemoryStorage(schema, xml: xml)
  }

  /// The checks and the entries read for one change, made to a copy of the data.
  static func cost(
    _ change: (_ validator: TestValidator, _ path: (String) throws -> TestValidator.Node) throws -> TestValidator.Change
  ) throws -> (checks: Int, reads: Int, failures: [String], removed: Int) {
    let schema = try ModuleSet([module]).schema()
    let index = ConstraintIndex(schema)
    #expect(index.errors.isEmpty && index.warnings.isEmpty, "\(index.warnings)")
    let old = try storage(schema)
    let validator = TestValidator(index, old: old, new: old.copy(), failureLimit: 100_000)
    let namespaces = XPathNamespaces(schema)
    let change = try change(validator) { path in
      var found: TestValidator.Node?
      try XPathEvaluator(validator.tree).forEachNode(XPath(path, namespaces: namespaces), at: validator.tree.root) { item in
        found = item.node
        return false
      }
      return try #require(found, "\(path)")
    }
    let counters = validator.tree.storage.counters
    counters.entriesVisited = 0
    counters.lookups = 0
    let outcome = try validator.validate([change])
    return (
      outcome.checks, counters.entriesVisited + counters.lookups, outcome.failures.map(\.description), outcome.removed.count
    )
  }

  @Test func leafOfOneEntry() throws {
    let result = try Self.cost { validator, path in
      let leaf = try path("/ifs/if[name = 'e7']/mtu")
      validator.tree.storage.set(leaf.place, .uint16(100))
      return .init(leaf, .modified)
    }
    #expect(
      result.failures == [
        "CONFD_ERR_MUST_FAILED: /m:ifs/if{e7}/mtu: the condition \". >= 128 or ../on = 'false'\" does not hold"
      ])
    // Its own must and the one of the entry.
    #expect(result.checks == 2)
    #expect(result.reads < 10)
  }

  /// Leafs below the entry, and the access list that names it, look at this leaf.
  @Test func leafThatOthersRead() throws {
    let result = try Self.cost { validator, path in
      let entry = try path("/ifs/if[name = 'e7']")
      let leaf = validator.tree.imagined(
        try #require(validator.index.schema.child(of: entry.schemaNode, name: "on")), in: entry)
      validator.tree.storage.set(leaf.place, .bool(false))
      return .init(leaf, .created)
    }
    #expect(result.failures.count == 2)
    // mtu, addr/role, acl/if of that interface only.
    #expect(result.checks == 3)
    // All access lists are looked through for the one that names the interface, but nothing else is done with them.
    #expect(result.reads < Self.count + 20)
  }

  @Test func entryThatIsReferredTo() throws {
    let result = try Self.cost { validator, path in
      let entry = try path("/ifs/if[name = 'e7']")
      validator.tree.storage.remove(entry.place, of: try #require(entry.schemaNode))
      return .init(entry, .deleted)
    }
    // The acl's reference and its must, and the binding, whose key is looked up.
    #expect(result.checks == 3, "\(result)")
    #expect(result.failures.count == 3)
    #expect(result.reads < 4 * Self.count)
  }

  @Test func newEntry() throws {
    let result = try Self.cost { validator, path in
      let ifs = try path("/ifs")
      let list = try #require(validator.index.schema.child(of: ifs.schemaNode, name: "if"))
      let entry = try validator.tree.imagined(list, keys: [.string("new")], in: ifs)
      validator.tree.storage.set(entry.place)
      return .init(entry, .created)
    }
    #expect(result.failures.isEmpty)
    #expect(result.reads < Self.count * 2)
    #expect(result.checks < 10, "\(result)")
  }

  /// A switch for all: each entry is looked at, but the switch is read once.
  @Test func conditionForAll() throws {
    let result = try Self.cost { validator, path in
      let leaf = try path("/sys/region")
      validator.tree.storage.set(leaf.place, .string("us"))
      return .init(leaf, .modified)
    }
    #expect(result.failures.isEmpty)
    #expect(result.removed == Self.count)
  }

  /// Expressions that take too long together are a failure, not a hang.
  @Test func workIsBounded() throws {
    let schema = try ModuleSet([
      "m { list l { key k; leaf k { type string; } leaf v { type int32; } must 'count(../l[v = current()/v]) <= 1'; } }"
    ]).schema()
    let index = ConstraintIndex(schema)
    let xml = (0..<300).map { "<l xmlns='urn:m'><k>\($0)</k><v>\($0)</v></l>" }.joined()
    let storage = try MemoryStorage(schema, xml: xml)
    #expect(try TestValidator(index, old: storage, new: storage).validateAll().failures.isEmpty)
    let failures = try TestValidator(index, old: storage, new: storage, stepLimit: 20_000).validateAll().failures
    #expect(failures.first?.error.code == .xpath)
    #expect(failures.first?.description.contains("20000 steps") ?? false)
  }
}
