import Foundation
import NIOCore
import NSOModel
import NSOSchema
import NSOWire
import Testing

@testable import NSOServer

/// The schema stream against the worked example of protocol part 07, section 8, and over large sets of modules.
@Suite struct SchemaStreamTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let models = root.appendingPathComponent("Tests/NSOSchemaTests/Models").path
  private static let search = [
    root.appendingPathComponent("Sources/NSODaemon/YANG").path,
    ProcessInfo.processInfo.environment["NSO_YANG_DIR"] ?? root.appendingPathComponent("var/yang").path,
  ]

  private func load(_ names: String...) throws -> Schema {
    try SchemaLoader(files: names.map { "\(Self.models)/\($0).yang" }, searchPath: Self.search).load()
  }

  private func items(_ stream: SchemaStream) throws -> [SchemaItem] {
    try stream.frames.flatMap { try SchemaItem.items(in: $0) }
  }

  @Test func workedExample() throws {
    let schema = try load("ex", "ex-aug")
    let vector = try #require(try Vector.load("schema").first { $0.id == "schema/load/full_example" })
    let expected = vector.frames.filter { $0.dir == "s2c" && $0.kind == "frame" }.map { ByteBuffer(bytes: $0.bytes) }
    #expect(expected.count == 3)
    let stream = SchemaStream(schema)
    // Term by term first, so that a difference has a name; then the bytes.
    let ours = try items(stream)
    for frame in expected {
      for item in try SchemaItem.items(in: frame) { #expect(ours.contains(item), "\(item)") }
    }
    for frame in expected { #expect(stream.frames.contains(frame)) }
    // Beyond the example there is only the module that declares the annotations: a header and an end.
    #expect(stream.frames.count == 4)
  }

  @Test func everyStatement() throws {
    let schema = try load("statements", "types")
    let items = try items(SchemaStream(schema))
    #expect(items.last == .endOfSchema)
    #expect(items.count { $0 == .endOfNamespace } == schema.modules.count)
    let nodes = items.compactMap { if case .node(let node) = $0 { node } else { nil } }
    #expect(nodes.count == schema.nodes.count)
    try checkReferences(items)
    func node(_ path: String) throws -> SchemaItem.Node {
      try #require(nodes.first { $0.path.map(\.name).joined(separator: "/") == path }, "\(path)")
    }
    let item = try node("top/item")
    #expect(item.minOccurs == 1 && item.maxOccurs == 10 && item.order == .user)
    // Behind a callpoint that serves operational data alone the configuration is stored here.
    #expect(item.flags == [.list, .write, .cdb])
    #expect(try node("stats/counter").flags == [.cdb])
    #expect(try node("stats/row").order == .unsorted)
    #expect(try node("top/address").flags.contains(.hasWhen))
    #expect(try node("top/short").flags.contains(.inCase))
    #expect(try node("top/item/poke/box/deep").flags == [.parameter])
    #expect(try node("top/item/numbers").defaultValue == .list([.int32(2), .int32(3)]))
    #expect(try node("leafs/host").primitive == 35)
    #expect(try node("leafs/empty").type == nil)
    #expect(try node("leafs/empty-union").primitive == 35)
    #expect(try node("leafs/mac").type == .local("my-mac"))
    #expect(try node("leafs/ipv4").type == .inNamespace("urn:ietf:params:xml:ns:yang:ietf-inet-types", "ipv4-address"))
    let address = items.compactMap { if case .type(let type) = $0 { type } else { nil } }.first { $0.name == "ipv4-address" }
    #expect(address?.derivation == .restriction(.builtIn("inetAddressIPv4"), []))
  }

  @Test func openConfig() throws {
    let given = ProcessInfo.processInfo.environment["NSO_OPENCONFIG_DIR"].map { $0 + "/models" }
    let places = ["../shared/models/openconfig/models", "../../shared/models/openconfig/models"]
      .map { Self.root.appendingPathComponent($0).standardized.path }
    let directory = given ?? places.first { FileManager.default.fileExists(atPath: $0) } ?? places[0]
    let schema = try SchemaLoader(loadPath: [directory], searchPath: Self.search).load()
    let stream = SchemaStream(schema)
    let items = try items(stream)
    try checkReferences(items)
    #expect(items.count { if case .node = $0 { true } else { false } } == schema.nodes.count)
    #expect(stream.frames.allSatisfy { $0.readableBytes < 4 << 20 })
  }

  @Test func cache() throws {
    let one = try load("ex")
    let two = try load("ex")
    let cache = SchemaStreamCache()
    #expect(cache.streamIfMade(of: one) == nil)
    let stream = cache.stream(of: one)
    #expect(cache.streamIfMade(of: one)?.frames == stream.frames)
    #expect(cache.streamIfMade(of: two) == nil)
    #expect(cache.stream(of: two).frames == stream.frames)
  }

  /// Every reference is to a type that is sent, names are unique, and paths are too.
  private func checkReferences(_ items: [SchemaItem]) throws {
    var namespace = ""
    var types: Set<[String]> = []
    var paths: Set<[String]> = []
    for item in items {
      switch item {
      case .namespace(let header): namespace = header.uri
      case .type(let type): #expect(types.insert([namespace, type.name]).inserted, "\(namespace) \(type.name)")
      case .node(let node):
        let isNew = paths.insert([namespace] + node.path.map(\.description)).inserted
        // Input and output may have the same names.
        #expect(isNew || node.flags.contains(.result), "\(namespace) \(node.path)")
      case .endOfNamespace, .endOfSchema: namespace = ""
      }
    }
    func check(_ reference: SchemaItem.TypeReference?, _ user: @autoclosure () -> String) {
      switch reference {
      case nil, .builtIn: break
      case .local(let name): #expect(types.contains([namespace, name]), "\(name) in \(user())")
      case .inNamespace(let other, let name): #expect(types.contains([other, name]), "\(other) \(name) in \(user())")
      }
    }
    for item in items {
      switch item {
      case .namespace(let header): namespace = header.uri
      case .node(let node):
        check(node.type, "\(node.path)")
        #expect((node.type == nil) == (node.primitive == nil || node.primitive == 2), "\(node.path)")
      case .type(let type):
        switch type.derivation {
        case .restriction(let base, _): check(base, type.name)
        case .list(let base): check(base, type.name)
        case .union(let members):
          for member in members { check(member, type.name) }
        case .bits, .undefined: break
        }
      case .endOfNamespace, .endOfSchema: break
      }
    }
  }
}
