import NSOModel
import NSOSchema

@testable import NSOEngine

/// An engine with a model for templates, and templates given as texts.
struct TemplateFixture {
  static let module = """
    module s {
      yang-version 1.1;
      namespace "urn:s";
      prefix s;
      identity kind;
      identity fast { base kind; }
      container service {
        leaf site { type string; }
        leaf owner { type leafref { path "/s:people/s:person/s:name"; } }
        leaf qos { type string; }
        leaf-list device { type string; ordered-by user; }
        container links {
          list link { key name; leaf name { type string; } leaf address { type string; } leaf cost { type uint16; } }
        }
        list tunnel {
          key "network mask";
          leaf network { type string; } leaf mask { type string; } leaf endpoint { type string; }
          leaf-list hop { type string; }
        }
      }
      container people { list person { key name; leaf name { type string; } leaf room { type string; } } }
      container router {
        leaf hostname { type string; }
        leaf location { type string; default nowhere; }
        leaf kind { type identityref { base kind; } }
        leaf mode { type enumeration { enum off; enum on; } }
        leaf-list dns { type string; }
        leaf-list search { type string; ordered-by user; }
        container ssh { presence "on"; leaf port { type uint16; default 22; } }
        list interface {
          key name;
          leaf name { type string { length "1..10"; } }
          leaf address { type string; }
          leaf description { type string; }
          leaf mtu { type uint16 { range "68..9216"; } }
          leaf shutdown { type empty; }
          container ip { leaf mask { type string; } }
          list unit { key id; leaf id { type uint8; } leaf vlan { type uint16; } }
        }
        list route { key "prefix mask"; leaf prefix { type string; } leaf mask { type string; } leaf via { type string; } }
        list rule { key name; ordered-by user; leaf name { type string; } leaf action { type string; } }
        leaf advanced { type boolean; }
        leaf tuning { when "../advanced = 'true'"; type string; }
        container counters { config false; leaf hits { type uint32; } }
      }
      container backup { list interface {
        key name;
        leaf name { type string; } leaf address { type string; } leaf description { type string; } leaf mtu { type uint16; }
      } }
    }
    """

  let test: TestEngine

  init() throws { test = try TestEngine(module: Self.module) }

  var engine: Engine { test.engine }

  /// A template file; `body` is what is in config-template.
  static func file(_ body: String, _ name: String = "x", package: String = "p") -> TemplateFile {
    let text = "<config-template xmlns=\"http://tail-f.com/ns/config/1.0\">\n\(body)\n</config-template>\n"
    return TemplateFile(package: package, name: name, path: "\(name).xml", content: .success(Array(text.utf8)))
  }

  /// Loads one template whose content is in /router.
  @discardableResult
  func load(router body: String) -> [String] { load("<router xmlns=\"urn:s\">\n\(body)\n</router>") }

  @discardableResult
  func load(_ body: String) -> [String] { engine.templates.replace([Self.file(body)], for: engine.model) }

  /// Applies the template x in a transaction, which is left open.
  @discardableResult
  func apply(
    _ transaction: Transaction? = nil, at root: String = "/s:service", with arguments: [String: String] = [:],
    name: String = "x"
  ) throws -> Transaction {
    let transaction = try transaction ?? test.start()
    try transaction.apply(
      name, of: engine.templates, at: try test.locate(root),
      arguments.sorted { $0.key < $1.key }.map { TemplateArgument(name: $0.key, expression: $0.value) })
    return transaction
  }

  /// Writes into running: paths below the top with values; nil creates.
  func fill(_ values: [(String, String?)]) async throws {
    try await test.change { editor in
      for (path, text) in values {
        let place = try test.locate(path)
        if let text { try editor.set(place, text: text) } else { try editor.ensure(place) }
      }
    }
  }

  /// Two links, three devices, a person.
  func fillService() async throws {
    try await fill([
      ("/s:people/person{ann}", nil), ("/s:people/person{ann}/room", "12"), ("/s:service/site", "north"),
      ("/s:service/owner", "ann"), ("/s:service/device{c1}", nil), ("/s:service/device{a2}", nil),
      ("/s:service/links/link{eth0}", nil), ("/s:service/links/link{eth0}/address", "192.0.2.1"),
      ("/s:service/links/link{eth0}/cost", "10"), ("/s:service/links/link{eth1}", nil),
      ("/s:service/links/link{eth1}/address", "192.0.2.2"), ("/s:service/links/link{eth1}/cost", "20"),
      ("/s:service/tunnel{10.0.0.0 8}", nil), ("/s:service/tunnel{10.0.0.0 8}/endpoint", "e1"),
      ("/s:service/tunnel{10.0.0.0 8}/hop{h1}", nil), ("/s:service/tunnel{10.0.0.0 8}/hop{h2}", nil),
    ])
  }
}

extension Transaction {
  /// Everything at and below /router that is set, as `path value` without the beginning, in order.
  func router(_ test: TestEngine) throws -> [String] {
    let view = try view()
    let schema = view.model.schema
    return try view.nodes(XPathQuery("/router//*")).compactMap { match in
      let location = try view.model.locate(match.path)
      guard let node = location.node else { return nil }
      let facts = view.model[node]
      let path = String(location.text(view.model).dropFirst("/s:router/".count))
      switch facts.kind {
      case .leaf where facts.isKey: return nil
      case .leaf where facts.flags.contains(.empty): return path
      case .leaf:
        guard try view.isSet(location), let value = match.value, let type = schema[node].type else { return nil }
        return "\(path) \(schema.text(of: value, as: type) ?? "?")"
      case .list, .leafList: return path
      default: return facts.flags.contains(.presence) ? path : nil
      }
    }
  }
}
