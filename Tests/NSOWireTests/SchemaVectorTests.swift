import ExternalTerm
import Foundation
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

/// The exchanges of `schema.jsonl`: the stream in both directions, look-ups, and conversions by the loaded types.
@Suite struct SchemaVectorTests {
  typealias Tag = NSOModel.Tag
  let vectors: [Vector]

  init() throws { vectors = try Vector.load("schema") }

  private func group(_ name: String) -> [Vector] { vectors.filter { $0.id.hasPrefix("schema/\(name)/") } }

  @Test func everyGroupIsChecked() {
    #expect(vectors.count == ["load", "query", "error", "facet", "builtin"].map { group($0).count }.reduce(0, +))
  }

  @Test func streams() {
    for vector in group("load") {
      var check = ExchangeCheck(vector)
      verdict(vector) {
        _ = try schema(of: vector)
        try check.run()
      }
    }
  }

  @Test func brokenStreams() {
    for vector in group("error") { verdict(vector) { try expectNoSchema(vector) } }
  }

  private func expectNoSchema(_ vector: Vector) throws {
    do {
      _ = try schema(of: vector)
    } catch is DecodeError {
      return
    } catch is NSOError {
      return
    } catch is CheckFailure {
      return
    }
    throw CheckFailure("it loads")
  }

  /// What a client makes of the daemon's frames.
  private func schema(of vector: Vector) throws -> ClientSchema {
    var loader = ClientSchema.Loader()
    for frame in vector.frames where frame.kind == "frame" && !frame.isFromClient {
      if let schema = try loader.add(SchemaItem.items(in: frame.bytes)) { return schema }
    }
    throw CheckFailure("the stream ends before its end mark")
  }

  private func schema(_ id: String) throws -> ClientSchema {
    guard let vector = vectors.first(where: { $0.id == id }) else { throw CheckFailure("no \(id)") }
    return try schema(of: vector)
  }

  // MARK: Conversions

  @Test func facets() throws {
    let schema = try schema("schema/load/facets")
    for vector in group("facet") {
      verdict(vector) {
        let name = vector.id.split(separator: "/")[2]
        try check(vector) { try schema.type(.local(String(name)), in: "urn:f") }
      }
    }
  }

  @Test func builtIns() {
    for vector in group("builtin") {
      verdict(vector) {
        let name = vector.id.split(separator: "/")[2]
        try check(vector) { try ClientSchema.empty.type(.builtIn(String(name)), in: "") }
      }
    }
  }

  /// Converts the string that the call quotes, and back.
  private func check(_ vector: Vector, text: String? = nil, _ type: () throws -> ClientType) throws {
    let quoted = vector.call.dropFirst("convert string \"".count)
    let text = text ?? quoted.range(of: "\" with ").map { String(quoted[..<$0.lowerBound]) } ?? ""
    let result: String
    do {
      let type = try type()
      let value = try type.value(from: text)
      let again = try type.text(of: value)
      result = "{{'ok', \(EncodedTerm(value))}, {'ok', \(Term.text(again))}}"
      try expect(type.accepts(value), "the value does not read back")
    } catch let error as NSOError {
      guard let wanted = vector.client_result else { throw CheckFailure("no result") }
      return try expect(wanted.hasPrefix("{'error', {\(error.code.rawValue),"), "\(error)")
    }
    try expect(result == vector.client_result, "\(result)")
  }

  @Test func queries() throws {
    let schema = try schema("schema/load/full_example")
    let ex = "http://example.com/ns/ex"
    for vector in group("query") {
      verdict(vector) {
        let parts = vector.id.split(separator: "/").map(String.init)
        switch parts[2] {
        case "str2val":
          let path: [Tag] =
            switch parts[3] {
            case "port": ["top", "server", "port"]
            case "inner": ["top", Tag("extra", in: "http://example.com/ns/aug"), "inner"]
            default: ["top", Tag(parts[3])]
            }
          let prefix = "convert string "
          guard let end = vector.call.range(of: " for leaf \(parts[3])") else { throw CheckFailure("no text") }
          let text = String(vector.call[..<end.lowerBound].dropFirst(prefix.count))
          try check(vector, text: text) {
            guard let node = schema.node(path, in: ex) else { throw CheckFailure("no node") }
            return try schema.type(of: node, in: ex)
          }
        case "cs": try check(node: vector, parts[3], schema)
        case "choice_children":
          guard let top = schema.node(["top"], in: ex) else { throw CheckFailure("no top") }
          try same(vector, Term.list(schema.children(of: top).map(Self.term)))
        case "nslist": try same(vector, .list(Self.list(schema).sorted { "\($0)" < "\($1)" }))
        case "nslist_after_ns_arities": try same(vector, .list(Self.list(try self.schema("schema/load/ns_arities"))))
        case "nslist_after_failed_load":
          // The schema that was there stays there: a loader gives a schema only at the end mark.
          let kept = try self.schema("schema/load/ns_arities")
          try same(vector, .list(kept.namespaces.map { .atom($0.uri) }))
        default: throw CheckFailure("a query of an unknown kind")
        }
      }
    }
  }

  private func same(_ vector: Vector, _ term: Term) throws {
    guard let text = vector.client_result, let wanted = TermNotation.parse(text) else { throw CheckFailure("no result") }
    try expect(term == wanted, "\(term)")
  }

  private static func term(_ tag: Tag) -> Term {
    tag.namespace.map { .improperList([.atom($0)], tail: .atom(tag.name)) } ?? .atom(tag.name)
  }

  private static func list(_ schema: ClientSchema) -> [Term] {
    schema.namespaces.map { namespace in
      .tuple(
        [.atom(namespace.uri), .text(namespace.prefix)]
          + [namespace.revision, namespace.module].map { $0.map { .text($0) } ?? .atom("undefined") })
    }
  }

  private func check(node vector: Vector, _ name: String, _ schema: ClientSchema) throws {
    guard let text = vector.client_result, let result = TermNotation.parse(text) else { throw CheckFailure("no result") }
    let ex = "http://example.com/ns/ex"
    if name.hasPrefix("from_keypath") {
      let path: Keypath =
        name.hasSuffix("augmented")
        ? [.tag(Tag("top", in: ex)), .tag(Tag("extra", in: "http://example.com/ns/aug")), .tag("inner")]
        : [.tag(Tag("top", in: ex)), .tag("server"), .keys([.string("web"), .uint16(80)]), .tag("desc")]
      guard let node = schema.node(at: path) else { throw CheckFailure("no node") }
      return try expect(result == .list(node.path.reversed().map(Self.term)), "\(node.path)")
    }
    if result == .atom("not_found") { return try expect(schema.node(["nosuch"], in: ex) == nil, "a node") }
    guard case .tuple(var parts) = result, parts.count == 16, case .list(let tags) = parts[1] else {
      throw CheckFailure("no node record")
    }
    let path = tags.reversed().map { term in
      if case .improperList(let namespace, let tail) = term, case .atom(let uri)? = namespace.first, case .atom(let name) = tail
      {
        return Tag(name, in: uri)
      }
      if case .atom(let name) = term { return Tag(name) }
      return Tag("")
    }
    guard let node = schema.node(path, in: ex) else { throw CheckFailure("no node") }
    // The record has the namespace besides, and the type with its namespace; the rest is the node's term.
    var written = ByteBuffer()
    SchemaItem.node(node).write(into: &written)
    guard case .tuple(var ours) = try Term(encoded: written) else { throw CheckFailure("no tuple") }
    if case .atom(let local) = ours[2], local != "undefined" { ours[2] = .tuple([.atom(ex), .atom(local)]) }
    ours[0] = .atom("confd_cs_node")
    parts.remove(at: 2)
    try expect(ours == parts, "\(Term.tuple(ours))")
  }
}
