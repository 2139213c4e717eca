import NSOModel
import NSOSchema
import Testing

@Suite struct LoadTests {
  @Test func allOpenConfigModulesLoadTogether() throws {
    let schema = try ModelDirectories.loader(loadPath: [ModelDirectories.openConfig]).load()
    let own = schema.modules.filter { $0.name.hasPrefix("openconfig-") }
    #expect(own.count == 176)
    #expect(own.allSatisfy { $0.isImplemented })
    // The library's own count of its compiled tree, without choices, cases, input and output.
    #expect(schema.nodes.count > 14_000)
    #expect(Set(schema.modules.map(\.namespace)).count == schema.modules.count)
    let path = try schema.parsePath("/oc-if:interfaces/interface{eth0}/config/type")
    let type = schema[try #require(path.node)]
    #expect(try schema.parse("ianaift:ethernetCsmacd", at: type).typeNumber == 44)
    for node in schema.nodes {
      #expect(schema.child(of: node.parent, namespace: node.name.namespace, name: node.name.name) != nil)
      if case .leafref(let rules)? = node.type?.kind {
        #expect(rules.target != nil, "\(schema.path(of: node.id)) -> \(rules.path)")
      }
    }
  }

  @Test func standardModulesLoad() throws {
    let names = [
      "ietf-interfaces", "iana-if-type", "ietf-ip", "ietf-routing", "ietf-ipv4-unicast-routing", "ietf-ipv6-unicast-routing",
      "ietf-system", "ietf-hardware", "iana-hardware", "ietf-alarms", "ietf-access-control-list", "ietf-netconf-acm",
    ]
    let schema = try SchemaLoader(
      files: names.map { "\(ModelDirectories.standard)/\($0).yang" }, searchPath: [ModelDirectories.own]
    ).load()
    for name in names { #expect(schema.module(name: name)?.isImplemented == true, "\(name)") }
    let enabled = try schema.parsePath("/if:interfaces/interface{eth0}/enabled")
    #expect(schema[try #require(enabled.node)].defaultValue == .bool(true))
    let address = try schema.parsePath("/if:interfaces/interface{eth0}/ip:ipv4/address{192.0.2.1}/prefix-length")
    #expect(schema.text(of: address.keypath) == "/if:interfaces/interface{eth0}/ip:ipv4/address{192.0.2.1}/prefix-length")
    let oper = try schema.parsePath("/if:interfaces/interface{eth0}/oper-status")
    #expect(schema[try #require(oper.node)].isConfig == false)
    let phys = try schema.parsePath("/if:interfaces/interface{eth0}/phys-address")
    #expect(schema[try #require(phys.node)].typeNumber == 39)
    for node in schema.nodes {
      if case .leafref(let rules)? = node.type?.kind {
        #expect(rules.target != nil, "\(schema.path(of: node.id)) -> \(rules.path)")
      }
    }
  }

  /// Every standard module loads on its own, or says why not.
  @Test func everyStandardModuleAlone() throws {
    var finder: [String] = []
    for module in ["ietf-snmp", "ietf-yang-push", "ietf-l3vpn-svc", "ietf-network-topology", "ietf-mud", "ietf-nat"] {
      _ = try SchemaLoader(
        files: ["\(ModelDirectories.standard)/\(module).yang"], searchPath: [ModelDirectories.standard]
      ).load()
      finder.append(module)
    }
    #expect(finder.count == 6)
  }

  @Test func ownModulesLoad() throws {
    let schema = try SchemaLoader(loadPath: [ModelDirectories.own], searchPath: [ModelDirectories.standard]).load()
    #expect(schema.module(name: "tailf-common")?.namespace == ExtensionStatement.tailf)
  }
}

@Suite struct LookupTests {
  /// By bytes, for every node of a large schema, with all ways to name the namespace.
  @Test func byBytes() throws {
    let schema = try ModelDirectories.load("ex", "ex-aug", "statements", "types")
    func child(_ parent: NodeID?, _ namespace: String?, _ name: String) -> NodeID? {
      var name = name
      return name.withUTF8 { name in
        guard var namespace else {
          return schema.child(of: parent, namespace: nil, name: UnsafeRawBufferPointer(name))
        }
        return namespace.withUTF8 {
          schema.child(of: parent, namespace: UnsafeRawBufferPointer($0), name: UnsafeRawBufferPointer(name))
        }
      }
    }
    for node in schema.nodes {
      let found = try #require(child(node.parent, node.name.namespace, node.name.name))
      #expect(schema[found].name == node.name && schema[found].parent == node.parent)
      #expect(child(node.parent, node.name.namespace + "x", node.name.name) == nil)
      #expect(child(node.parent, node.name.namespace, node.name.name + "x") == nil)
      #expect(child(node.parent, node.name.namespace, String(node.name.name.dropLast())).map { schema[$0].name } != node.name)
      #expect(child(node.parent, nil, node.name.name) != nil || node.parent == nil)
    }
    #expect(child(nil, nil, "") == nil)
  }

  @Test func withoutNamespace() throws {
    let two = """
      module two { namespace "urn:two"; prefix two; import ex { prefix ex; }
        container top { leaf a { type string; } }
        augment "/ex:top" { leaf load { type string; } leaf other { type string; } } }
      """
    let schema = try ModelDirectories.load(text: two, "ex")
    // At the top a name without namespace must be the only one.
    #expect(schema.child(of: nil, name: "top") == nil)
    let top = try #require(schema.child(of: nil, namespace: "http://example.com/ns/ex", name: "top"))
    // Below, the parent's namespace goes first; then the only one.
    #expect(schema[try #require(schema.child(of: top, name: "load"))].name.namespace == "http://example.com/ns/ex")
    #expect(schema[try #require(schema.child(of: top, namespace: "urn:two", name: "load"))].name.namespace == "urn:two")
    #expect(schema[try #require(schema.child(of: top, name: "other"))].name.namespace == "urn:two")
  }

  @Test func modulesByNameNamespaceAndPrefix() throws {
    let schema = try ModelDirectories.load("ex", "ex-aug")
    #expect(schema.module(prefix: "aug")?.name == "ex-aug")
    #expect(schema.module(namespace: "http://example.com/ns/aug")?.prefix == "aug")
    #expect(schema.module(name: "ex")?.hash == 46_302_415)
    #expect(schema.module(prefix: "none") == nil && schema.module(name: "none") == nil)
    let wifi = IdentityHash(namespace: 46_302_415, name: 1_596_021_286)
    #expect(schema.identity(wifi)?.name.name == "wifi")
  }

  @Test func empty() {
    #expect(Schema.empty.child(of: nil, name: "x") == nil)
    #expect(Schema.empty.nodes.isEmpty)
  }
}
