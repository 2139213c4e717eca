import NSOModel
import NSOSchema
import Testing

/// Every statement the schema keeps, read back from `Models/statements.yang`.
@Suite struct StatementTests {
  let schema: Schema

  init() throws { schema = try ModelDirectories.load("statements") }

  private func node(_ path: String) throws -> SchemaNode {
    var id: NodeID?
    for name in path.split(separator: "/") {
      let next: NodeID = try #require(schema.child(of: id, name: String(name)), "no \(name) in \(path)")
      id = next
    }
    return schema[try #require(id)]
  }

  @Test func module() throws {
    let module = try #require(schema.module(name: "statements"))
    #expect(module.namespace == "urn:test:statements")
    #expect(module.prefix == "st")
    #expect(module.revision == "2025-02-03")
    #expect(module.hash == NameHash.hash("urn:test:statements"))
    #expect(module.isImplemented)
    #expect(module.description == "Uses every statement that the schema keeps.")
    #expect(module.features.map(\.name) == ["fancy", "plain"])
    #expect(module.features.allSatisfy { $0.isEnabled })
    #expect(module.extensions == [.init(namespace: ExtensionStatement.tailf, name: "export", argument: "none")])
    #expect(module.prefixes.namespace(of: "inet") == "urn:ietf:params:xml:ns:yang:ietf-inet-types")
    #expect(module.file?.hasSuffix("statements.yang") == true)
    #expect(Set(module.typedefs.map(\.name.name)) == ["port", "in-sub", "in-inner"])
    #expect(schema.module(prefix: "st")?.id == module.id)
    #expect(schema.module(name: "ietf-inet-types")?.isImplemented == false)
    #expect(schema.module(name: "yang") == nil)
  }

  @Test func list() throws {
    let item = try node("top/item")
    #expect(item.kind == .list)
    #expect(item.isConfig && item.isOrderedByUser)
    #expect(item.keys.map { schema[$0].name.name } == ["kind", "id"])
    #expect(item.children.prefix(2) == item.keys[...])
    #expect(item.uniques.map { $0.map { schema[$0].name.name } } == [["serial", "code"], ["label"]])
    #expect(item.minElements == 1 && item.maxElements == 10)
    let must = try #require(item.musts.first)
    #expect(must.expression.text == "count(*) < 5 and st:id != 'x'")
    #expect(must.expression.prefixes.namespace(of: "st") == "urn:test:statements")
    #expect(must.expression.prefixes.defaultNamespace == "urn:test:statements")
    #expect(must.errorMessage == "Too many." && must.errorAppTag == "too-many")
    #expect(item.flags.contains(.hasMust))
    #expect(try node("top/item/id").isKey)
    #expect(try node("top/item/gone").status == .obsolete)
    #expect(try node("top/item/label").units == "none")
    #expect(item.actions.count == 1 && item.notifications.count == 1)
    #expect(try node("stats/row").isKeyless)
    #expect(item.subtreeEnd > item.children.last!)
  }

  @Test func leafListAndDefaults() throws {
    let numbers = try node("top/item/numbers")
    #expect(numbers.kind == .leafList)
    #expect(numbers.defaults == [.int32(2), .int32(3)])
    #expect(numbers.typeNumber == 31)
    #expect(try node("top/port").defaultValue == .uint16(9))
    #expect(try node("top/switch").defaultValue == .enumeration(0))
    #expect(
      try node("top/kind-of").defaultValue == .identityref(IdentityHash(QName(namespace: "urn:test:statements", name: "dog"))))
    #expect(
      try node("top/where").defaultValue
        == .instanceIdentifier([
          .tag(Tag("top", in: "urn:test:statements")), .tag("item"),
          .keys([.identityref(IdentityHash(QName(namespace: "urn:test:statements", name: "dog"))), .string("a b")]),
          .tag("label"),
        ]))
    #expect(try node("top").flags.contains(.defaultsInside))
    #expect(try !node("top/plain").flags.contains(.defaultsInside))
    #expect(try node("stats/seen").isOrderedByUser == false)
  }

  @Test func containers() throws {
    #expect(try node("top/presence-one").presence == "here")
    #expect(try node("top/presence-one").flags.contains(.mandatoryInside) == false)
    #expect(try node("top/plain").flags.contains(.mandatoryInside))
    #expect(try node("top/plain/must-have").isMandatory)
    #expect(try node("top/extra").isPresence)
    #expect(try node("top/extra").description == "Refined.")
    #expect(try node("top/extra/added").defaultValue == .string("x"))
    #expect(try node("top").description == "The top.")
    #expect(try node("if-featured/x").kind == .leaf)
    #expect(try node("top/any").kind == .anydata)
    #expect(try node("top/xml").kind == .anyxml)
  }

  @Test func whens() throws {
    let address = try node("top/address")
    let when = try #require(address.whens.first)
    #expect(when.expression.text == "../st:switch = 'on'")
    #expect(when.context == .node(try node("top").id))
    #expect(address.flags.contains(.hasWhen))
    #expect(try node("top/late").whens.map(\.expression.text) == ["st:target"])
    #expect(try node("top/short").whens.map(\.expression.text) == ["st:switch = 'on'"])
    #expect(try node("top/d").whens.count == 1)
    #expect(try node("top/a").whens.isEmpty)
  }

  @Test func choices() throws {
    let top = try node("top")
    let outerID = try #require(top.members.compactMap { if case .choice(let id) = $0 { id } else { nil } }.first)
    let outer = schema[outerID]
    #expect(outer.name.name == "outer" && outer.isMandatory && outer.defaultCase == nil && outer.isConfig)
    #expect(outer.cases.map(\.name.name) == ["one", "two", "three"])
    #expect(outer.parent == top.id)
    guard case .choice(let innerID)? = outer.cases[1].members.first else {
      Issue.record("no inner choice")
      return
    }
    let inner = schema[innerID]
    #expect(inner.caseReference == CaseReference(choice: outerID, index: 1))
    #expect(inner.defaultCase == 0 && inner.cases.map(\.name.name) == ["short", "long"])
    #expect(inner.parent == top.id)
    let names = top.children.map { schema[$0].name.name }
    let start = try #require(names.firstIndex(of: "a"))
    #expect(names[start...].prefix(6) == ["a", "b", "short", "long", "d", "three"])
    #expect(try node("top/short").caseReference == CaseReference(choice: innerID, index: 0))
    #expect(try node("top/short").flags.contains(.inCase))
    #expect(try node("top/three").isEmptyLeaf)
    #expect(try node("top/three").typeNumber == 2)
    #expect(try !node("top/long/c").flags.contains(.inCase))
  }

  @Test func actionsAndNotifications() throws {
    let poke = try node("top/item/poke")
    #expect(poke.kind == .action && !poke.isConfig)
    #expect(poke.extensions.first("actionpoint")?.argument == "poker")
    #expect(poke.children.map { schema[$0].name.name } == ["force", "same", "box", "same"])
    #expect(poke.inputMusts.map(\.expression.text) == ["st:force"])
    #expect(poke.outputMusts.count == 1)
    let input = try #require(schema.child(of: poke.id, name: "same", direction: .input))
    let output = try #require(schema.child(of: poke.id, name: "same", direction: .output))
    #expect(schema[input].typeNumber == 5 && schema[output].typeNumber == 10)
    #expect(schema.child(of: poke.id, name: "same") == input)
    let deep = try node("top/item/poke/box/deep")
    #expect(deep.flags.contains(.input) && !deep.isConfig)
    let moved = try node("top/item/moved")
    #expect(moved.kind == .notification)
    #expect(schema[moved.children[0]].flags.contains(.inNotification))
    #expect(schema.rpcs.map { schema[$0].name.name } == ["doit"])
    #expect(schema.notifications.map { schema[$0].name.name } == ["happened"])
  }

  @Test func leafrefs() throws {
    let reference = try node("top/reference")
    guard case .leafref(let rules)? = reference.type?.kind else {
      Issue.record("no leafref")
      return
    }
    #expect(rules.target == (try node("top/item/serial").id))
    #expect(!rules.requireInstance)
    #expect(rules.path.prefixes.namespace(of: "st") == "urn:test:statements")
    #expect(reference.flags.contains(.leafref))
    #expect(reference.typeNumber == 12)
    let chain = try node("top/chain")
    #expect(chain.typeNumber == 12)
    #expect(chain.type?.valueType.typeNumber == 12)
    guard case .leafref(let where_)? = try node("top/item/moved/where").type?.kind else {
      Issue.record("no leafref in the notification")
      return
    }
    #expect(where_.target == (try node("top/item/id").id))
  }

  @Test func deviation() throws {
    let target = try node("top/target")
    guard case .unsigned(.uint8, let range)? = target.type?.kind else {
      Issue.record("not deviated")
      return
    }
    #expect(range?.parts == [1...9])
    #expect(target.defaultValue == .uint8(3))
    #expect(target.units == "u")
    #expect(
      target.extensions.first("info")
        == .init(
          namespace: ExtensionStatement.tailf, name: "info", argument: "Deviated",
          substatements: [.init(namespace: ExtensionStatement.tailf, name: "cli-wrap")]))
  }

  @Test func extensionsKeepWhatIsInside() throws {
    #expect(
      try node("top").extensions == [
        .init(
          namespace: ExtensionStatement.tailf, name: "callpoint", argument: "points",
          substatements: [
            .init(namespace: ExtensionStatement.tailf, name: "cache", argument: "true"),
            .init(
              namespace: ExtensionStatement.tailf, name: "config", argument: "false",
              substatements: [.init(namespace: nil, name: "description", argument: "inside")]),
          ])
      ])
    #expect(try node("top/address").extensions.first("info")?.substatements.first?.name == "cli-wrap")
    #expect(try node("top/port").extensions.map(\.argument) == ["Refined"])
    #expect(try node("top/port").extensions.first?.substatements.map(\.name) == ["cli-wrap"])
    #expect(try node("top/late").extensions.first("hidden")?.argument == "full")
    #expect(try node("from-sub").extensions.first("hidden")?.substatements.first("info")?.argument == "why")
    #expect(try node("from-inner").extensions.first("hidden")?.argument == "debug")
    let stats = try node("stats")
    #expect(stats.flags.contains(.storedOperational) && !stats.isConfig)
    #expect(stats.extensions.first("cdb-oper")?.substatements.first("persistent")?.argument == "true")
    #expect(try node("stats/row/a").flags.contains(.storedOperational))
    guard case .enumeration(let rules)? = try node("top/switch").type?.kind else {
      Issue.record("no enumeration")
      return
    }
    #expect(rules.items.map(\.value) == [0, 7])
    #expect(rules.items.last?.extensions.first("info")?.argument == "On!")
  }

  @Test func identities() throws {
    let namespace = "urn:test:statements"
    let poodle = QName(namespace: namespace, name: "poodle")
    #expect(schema.isDerived(poodle, from: QName(namespace: namespace, name: "animal")))
    #expect(schema.isDerived(poodle, from: QName(namespace: namespace, name: "pet")))
    #expect(!schema.isDerived(poodle, from: poodle))
    #expect(!schema.isDerived(QName(namespace: namespace, name: "animal"), from: poodle))
    let identity = try #require(schema.identity(IdentityHash(poodle)))
    #expect(identity.name == poodle && identity.modulePrefix == "st" && identity.moduleName == "statements")
    guard case .identityref(let rules)? = try node("top/kind-of").type?.kind else {
      Issue.record("no identityref")
      return
    }
    #expect(rules.allowed.map(\.name.name) == ["dog", "poodle"])
    #expect(rules.bases == [QName(namespace: namespace, name: "animal")])
  }

  @Test func typedefNames() throws {
    let port = try #require(try node("top/port").type)
    #expect(port.typedefs.map(\.name) == ["port", "port-number"])
    #expect(port.typedefs.first?.namespace == "urn:test:statements")
    #expect(!port.isRestricted)
    #expect(try node("top/port").units == "ports")
    #expect(try node("from-sub/a").type?.typedefs.map(\.name) == ["in-sub"])
    #expect(try node("from-sub/b").type?.typedefs.map(\.name) == ["in-inner"])
    let address = try #require(try node("top/address").type)
    guard case .union(let members) = address.kind else {
      Issue.record("no union")
      return
    }
    #expect(members.map(\.typeNumber) == [15, 16])
  }

  @Test func pathsAndLineage() throws {
    #expect(schema.path(of: try node("top/item/inner/code").id) == "/st:top/item/inner/code")
    let line = schema.lineage(of: try node("top/item/id").id).map { schema[$0].name.name }
    #expect(line == ["top", "item", "id"])
    for node in schema.nodes {
      if let parent = node.parent { #expect(parent < node.id && node.id < schema[parent].subtreeEnd) }
      #expect(schema.child(of: node.parent, namespace: node.name.namespace, name: node.name.name) != nil)
    }
  }
}
