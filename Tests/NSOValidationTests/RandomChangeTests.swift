import NSOModel
import NSOSchema
import NSOValidation
import NSOXPath
import NSOXPathTestSupport
import TestSupport
import Testing

/// Random transactions on random data: validating the changes finds what validating everything finds.
@Suite struct RandomChangeTests {
  static let module = """
    m {
      container top {
        leaf mode { type enumeration { enum a; enum b; enum c; } default a; }
        leaf limit { type uint8 { range "0..3"; } default 2; must "count(../node) <= . + 2"; }
        list node {
          key "x y"; unique "u"; max-elements 4;
          leaf x { type uint8 { range "0..1"; } } leaf y { type uint8 { range "0..1"; } }
          leaf u { type uint8 { range "0..3"; } }
          leaf peer { type leafref { path "../../node/x"; } }
          leaf peer-y { type leafref { path "../../node[x = current()/../peer]/y"; } must "deref(.)/../u or not(../u)"; }
          leaf w { when "../../mode = 'b'"; type uint8 { range "0..3"; } default 1; }
          leaf reads-w { type uint8 { range "0..1"; } must "../w >= ."; }
          must "not(u) or u != 3 or /top/extra";
          choice ch { default one;
            case one { leaf c1 { type uint8 { range "0..1"; } default 0; } leaf c1m { type uint8 { range "0..1"; } } }
            case two { leaf c2 { type uint8 { range "0..1"; } mandatory true; } leaf c2o { type uint8 { range "0..1"; } default 1; } }
            case three { container c3 { leaf deep-m { type uint8 { range "0..1"; } mandatory true; } leaf deep { type uint8 { range "0..1"; } } leaf deep-d { type uint8 { range "0..1"; } default 1; } } }
          }
          leaf sees { type uint8 { range "0..1"; } must "(. = 0 and ../c1 = 0) or (. = 1 and (../c2o or ../c3/deep-d))"; }
        }
        container extra { presence "p"; when "../mode != 'c'";
          leaf need { type uint8 { range "0..1"; } mandatory true; }
          leaf-list refs { type leafref { path "../../node/u"; } min-elements 1; } }
        container box { when "../mode = 'b'"; leaf bm { type uint8 { range "0..1"; } mandatory true; } leaf-list bl { type uint8 { range "0..3"; } min-elements 1; }
          choice bc { mandatory true; leaf b1 { type uint8 { range "0..1"; } } container b2 { leaf b2m { type uint8 { range "0..1"; } mandatory true; } leaf b2o { type uint8; must "../b2m"; } } } }
        choice pick { when "mode = 'c'"; mandatory true; leaf p1 { type uint8 { range "0..1"; } } container p2 { leaf in { type uint8 { range "0..1"; } } } }
        leaf last { type uint8 { range "0..1"; } must "not(../node[last()]/u = 2)"; }
        leaf far { when "../extra/need = 1"; type uint8 { range "0..3"; } must ". = ../node/u or . = 0"; }
        list order { key k; ordered-by user; leaf k { type uint8 { range "0..3"; } } must "not(preceding-sibling::order[k > current()/k])"; }
      }
    }
    """

  let schema: Schema
  let index: ConstraintIndex

  init() throws {
    schema = try ModuleSet([Self.module]).schema()
    index = ConstraintIndex(schema)
  }

  @Test(arguments: 0..<8) func changesAgainstEverything(seed: Int) throws {
    #expect(index.errors.isEmpty && index.warnings.isEmpty, "\(index.errors) \(index.warnings)")
    var random = SeededGenerator(seed: UInt64(seed))
    var base = MemoryStorage(schema)
    var accepted = 0
    var refused = 0
    for _ in 0..<150 {
      let new = base.copy()
      for _ in 0..<Int.random(in: 1...5, using: &random) { try edit(new, &random) }
      let some = TestValidator(index, old: base, new: new.copy(), failureLimit: 1000)
      let changes = try differences(base, new, some.tree)
      let found = try some.validate(changes)
      let all = TestValidator(index, old: base, new: new.copy(), failureLimit: 1000)
      let expected = try all.validateAll()
      #expect(
        Set(found.failures) == Set(expected.failures),
        "seed \(seed)\nchanges \(describe(changes))\nfound \(found.failures.map(\.description))\nexpected \(expected.failures.map(\.description))"
      )
      var leftOver: [String] = []
      MemoryStorage.differences(some.tree.storage, all.tree.storage) { place, kinds in leftOver.append("\(place) \(kinds)") }
      #expect(
        leftOver.isEmpty,
        "seed \(seed)\nchanges \(describe(changes))\nremoved \(found.removed.map { $0.keypath(schema).description }) expected \(expected.removed.map { $0.keypath(schema).description })"
      )
      if found.failures.isEmpty {
        base = some.tree.storage
        accepted += 1
      } else {
        refused += 1
      }
    }
    #expect(accepted > 10 && refused > 10, "\(accepted) accepted, \(refused) refused")
  }

  private func describe(_ changes: [TestValidator.Change]) -> String {
    changes.map { "\(schema.text(of: $0.node.keypath(schema))):\($0.kinds.rawValue)" }.joined(separator: " ")
  }

  // MARK: Edits

  /// Sets or removes one random thing below the container.
  private func edit(_ storage: MemoryStorage, _ random: inout SeededGenerator) throws {
    var storage = storage
    let top = try #require(schema.roots.first)
    var place = storage.place(of: top, in: [])
    var parent = top
    while true {
      guard let child = schema[parent].children.filter({ !schema[$0].isKey }).randomElement(using: &random) else { return }
      let node = schema[child]
      let own = storage.place(of: child, in: place)
      let removes = Int.random(in: 0..<4, using: &random) == 0
      switch node.kind {
      case .leaf:
        if removes { return storage.remove(own, of: child) }
        leaveOtherCases(of: child, at: place, &storage)
        return storage.set(own, value(node, &random))
      case .leafList, .list:
        let keys = node.kind == .leafList ? [value(node, &random)] : node.keys.map { value(schema[$0], &random) }
        let entry = storage.place(ofEntry: keys, of: child, at: own)
        if removes { return storage.remove(entry, of: child) }
        storage.set(entry, node.kind == .leafList ? keys[0] : nil)
        if node.kind == .leafList || Int.random(in: 0..<4, using: &random) == 0 { return }
        place = entry
      default:
        if removes { return storage.remove(own, of: child) }
        leaveOtherCases(of: child, at: place, &storage)
        if node.isPresence { storage.set(own) }
        place = own
      }
      parent = child
    }
  }

  private func value(_ node: SchemaNode, _ random: inout SeededGenerator) -> Value {
    switch node.type?.valueType.kind {
    case .enumeration?: .enumeration(Int32.random(in: 0...2, using: &random))
    default:
      .uint8(
        UInt8.random(
          in: 0...(node.name.name.count == 1 && node.name.name != "u" && node.name.name != "k" ? 1 : 3), using: &random))
    }
  }

  /// Setting a node of a case removes those of the others, as whoever writes data has to.
  private func leaveOtherCases(of child: NodeID, at place: MemoryStorage.Place, _ storage: inout MemoryStorage) {
    guard let reference = schema[child].caseReference else { return }
    for (index, branch) in schema[reference.choice].cases.enumerated() where index != reference.index {
      for case .node(let other) in branch.members { storage.remove(storage.place(of: other, in: place), of: other) }
    }
  }
}
