import NSOModel
import NSOSchema

@testable import NSOStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The model that the tests of trees use.
enum TestSchema {
  static let standard = """
    module ex {
      yang-version 1.1;
      namespace "http://example.com/ex";
      prefix ex;
      identity animal;
      identity bird { base animal; }
      identity ape { base animal; }
      container top {
        leaf name { type string; }
        container state-of-things { presence "on"; leaf level { type uint8; } }
        list server {
          key name;
          leaf name { type string; }
          leaf port { type uint16; }
          leaf-list tag { type string; }
          container options { leaf ttl { type uint32; } }
          list address {
            key "ip port";
            leaf ip { type string; }
            leaf port { type uint16; }
            leaf note { type string; }
          }
        }
        list rule {
          key id;
          ordered-by user;
          leaf id { type int32; }
          leaf action { type string; }
          leaf-list host { type string; ordered-by user; }
        }
        list typed {
          key "animal caps";
          leaf animal { type identityref { base animal; } }
          leaf caps { type bits { bit zoom { position 0; } bit audio { position 1; } bit bass { position 2; } } }
        }
        action reset { input { leaf name { type string; } } }
      }
      leaf alone { type string; }
      notification gone { leaf name { type string; } }
    }
    """

  /// The same with changes: a new leaf in front, a list gone, another added, an order turned round.
  static let changed = """
    module ex {
      yang-version 1.1;
      namespace "http://example.com/ex";
      prefix ex;
      leaf newcomer { type string; }
      container top {
        leaf brand-new { type string; }
        list server {
          key name;
          leaf port { type uint16; }
          leaf name { type string; }
          container options { leaf deeper { type uint32; } leaf ttl { type uint32; } }
        }
        list rule {
          key id;
          leaf id { type int32; }
          leaf action { type string; }
        }
        leaf name { type string; }
      }
      leaf alone { type string; }
    }
    """

  static func load(_ text: String = standard) throws -> Schema {
    let directory = try TemporaryDirectory()
    let file = open(directory.path + "/ex.yang", O_WRONLY | O_CREAT, 0o600)
    let content = Array(text.utf8)
    _ = content.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    close(file)
    return try SchemaLoader(files: [directory.path + "/ex.yang"]).load()
  }
}

/// A store with schema and layout.
struct TestTree {
  let test: TestStore
  let schema: Schema
  let layout: TreeLayout
  var store: Store { test.store }

  init(_ text: String = TestSchema.standard, durability: StoreOptions.Durability = .volatile) throws {
    test = try TestStore(durability)
    schema = try TestSchema.load(text)
    layout = try TreeLayout(schema: schema, store: test.store)
  }

  func path(_ steps: Any...) throws -> TreePath { try makePath(steps, schema, layout) }

  /// The text of a path, keys without quotes.
  func text(_ path: TreePath) throws -> String {
    var text = ""
    for step in layout.steps(of: path) {
      text += "/" + schema[step.node].name.name
      if let end = step.entryEnd {
        text += "{" + keyText(Array(path.bytes[step.nodeEnd..<end])) + "}"
      }
    }
    return text
  }

  var running: SnapshotTree { get throws { try store.snapshot().tree(.running) } }

  /// Writes the changes to the running space.
  @discardableResult
  func commit(_ overlay: Overlay) throws -> Revision { try store.commitAndWait(try overlay.batch(for: .running)) }
}

/// Strings name nodes; after a list come its keys: `["top", "server", Key("a"), "port"]`.
struct Key: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  enum Part { case text(String), number(Int64, Int) }
  var parts: [Part]

  init(stringLiteral text: String) { parts = [.text(text)] }
  init(integerLiteral number: Int64) { parts = [.number(number, 8)] }
  init(_ text: String) { parts = [.text(text)] }
  init(_ number: Int) { parts = [.number(Int64(number), 8)] }
  init(_ text: String, port: Int64) { parts = [.text(text), .number(port, 11)] }
}

func makePath(_ steps: [Any], _ schema: Schema, _ layout: TreeLayout) throws -> TreePath {
  var path = TreePath.root
  for step in steps {
    if let name = step as? String {
      guard let node = schema.child(of: path.node, name: name) else { throw StoreError(.badKey, "no node \(name)") }
      path.append(node, layout)
    } else if let key = step as? Key {
      for part in key.parts {
        switch part {
        case .text(let text): Array(text.utf8).withUnsafeBytes { path.appendKey(string: $0) }
        case .number(let number, let type): path.appendKey(integer: number, typeNumber: type)
        }
      }
    }
  }
  return path
}

/// Strings and small numbers of an entry's key, for people.
func keyText(_ key: [UInt8]) -> String {
  var parts: [String] = []
  var offset = 0
  key.withUnsafeBytes { bytes in
    while let end = KeyEncoder.valueEnd(bytes, at: offset) {
      switch bytes[offset] {
      case KeyEncoder.TagByte.string: parts.append(String(decoding: bytes[(offset + 1)..<(end - 1)], as: UTF8.self))
      case KeyEncoder.TagByte.integer:
        let head = Int(bytes[offset + 1])
        let magnitude = bytes[(offset + 2)..<(end - 1)].reduce(0) { $0 << 8 | Int(head < 0x80 ? ~$1 : $1) }
        parts.append(String(head < 0x80 ? -magnitude - 1 : magnitude))
      default: parts.append("?")
      }
      offset = end
    }
  }
  return parts.joined(separator: " ")
}

func key(_ text: String) -> [UInt8] {
  var key: [UInt8] = []
  Array(text.utf8).withUnsafeBytes { KeyEncoder.appendString($0, to: &key) }
  return key
}

func key(_ number: Int) -> [UInt8] {
  var key: [UInt8] = []
  KeyEncoder.appendInteger(Int64(number), typeNumber: 8, to: &key)
  return key
}
