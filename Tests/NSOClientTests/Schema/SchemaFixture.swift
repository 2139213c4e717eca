import NSOModel
import NSOWire

@testable import NSOClient

/// A schema of two modules as a daemon would send it: `t` with a list of two keys and a keyless one, `x` augmenting it.
enum SchemaFixture {
  static let t = "urn:t"
  static let x = "urn:x"

  static let items: [SchemaItem] = [
    .namespace(.init(uri: t, prefix: "t", module: "test")),
    .type(
      .init(
        "colour",
        .restriction(
          .builtIn("string"),
          [.enumeration("red", 1), .enumeration("blue", 5)]))),
    .type(.init("names", .list(.builtIn("string")))),
    .node(
      .init(
        ["top"], minOccurs: 1,
        children: [
          .node("route"), .node("event"), .node("names"), .node("colour"),
          .choice(.init("kind", cases: [.init("a", [.node("alpha")]), .init("b", [.node(Tag("beta", in: x))])])),
        ], flags: [.container, .write])),
    .node(
      .init(
        ["top", "route"], maxOccurs: nil,
        children: [.node("prefix"), .node("hop"), .node("metric"), .node(Tag("metric", in: x))],
        keys: ["prefix", "hop"], flags: [.list, .write])),
    .node(.init(["top", "route", "prefix"], type: .builtIn("ipv4Prefix"), minOccurs: 1, flags: .write)),
    .node(.init(["top", "route", "hop"], type: .builtIn("string"), minOccurs: 1, flags: .write)),
    .node(.init(["top", "route", "metric"], type: .builtIn("uint32"), flags: .write)),
    .node(.init(["top", "route", Tag("metric", in: x)], type: .builtIn("uint8"), flags: .write)),
    .node(.init(["top", "event"], maxOccurs: nil, children: [.node("colour")], flags: .list)),
    .node(.init(["top", "event", "colour"], type: .local("colour"))),
    .node(.init(["top", "names"], type: .local("names"), maxOccurs: nil, flags: [.leafList, .write])),
    .node(.init(["top", "colour"], type: .local("colour"), flags: .write)),
    .node(.init(["top", "alpha"], type: .builtIn("boolean"), flags: [.write, .inCase])),
    .node(.init(["top", Tag("beta", in: x)], type: .builtIn("boolean"), flags: [.write, .inCase])),
    .node(.init(["both"], flags: .container)),
    .endOfNamespace,
    .namespace(.init(uri: x, prefix: "x", module: "extra")),
    .node(.init(["both"], flags: .container)),
    .endOfNamespace,
    .endOfSchema,
  ]

  static func schema() throws -> ClientSchema {
    var loader = ClientSchema.Loader()
    return try loader.add(items) ?? .empty
  }
}
