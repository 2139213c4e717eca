import NIOCore
import NSOModel
import NSOSchema
import NSOStore

@testable import NSOEngine

/// An engine with access rules, and data for them to be about.
struct AccessEngine {
  static let module = """
    module a {
      yang-version 1.1; namespace "urn:a"; prefix a;
      import ietf-netconf-acm { prefix nacm; }
      container top {
        leaf name { type string; default "unnamed"; }
        leaf secret { nacm:default-deny-all; type string; }
        leaf guarded { nacm:default-deny-write; type string; }
        leaf depends { when "../secret = 'x'"; type string; default "there"; }
        leaf-list tags { type string; }
        container opt { presence "yes"; leaf inner { type int32; default 7; } }
        list server {
          key name;
          leaf name { type string; }
          leaf port { type uint16; }
          leaf note { type string; default "none"; }
          list alias { key id; leaf id { type string; } leaf text { type string; } }
          action restart;
        }
        list rule { key id; ordered-by user; leaf id { type string; } leaf act { type string; } }
        choice way { leaf left { type string; } leaf right { type string; } }
        action reset;
      }
    }
    """

  static let data = """
    <config xmlns="http://tail-f.com/ns/config/1.0"><top xmlns="urn:a"><name>box</name><secret>x</secret><guarded>g</guarded>\
    <tags>t1</tags><tags>t2</tags><opt><inner>3</inner></opt>\
    <server><name>a</name><port>1</port><alias><id>i</id><text>ai</text></alias><alias><id>j</id><text>aj</text></alias></server>\
    <server><name>b</name><port>2</port><note>bn</note><alias><id>i</id><text>bi</text></alias></server>\
    <server><name>c</name><port>3</port></server>\
    <rule><id>z</id><act>1</act></rule><rule><id>y</id><act>2</act></rule><left>l</left></top></config>
    """

  let test: TestEngine
  var engine: Engine { test.engine }

  init(configure: (inout EngineConfiguration) -> Void = { _ in }, loading data: String = Self.data) async throws {
    let folder = try TemporaryFolder()
    // <project>/Tests/NSOEngineTests/AccessSupport.swift
    let project = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    let own = project + "/Sources/NSODaemon/YANG"
    let files = [try folder.write("a.yang", Self.module), own + "/tailf-acm.yang"]
    let schema = try SchemaLoader(files: files, searchPath: [own, project + "/var/yang"]).load()
    test = try TestEngine(in: folder, schema: schema, configure: configure)
    try await load(data)
  }

  /// Loads a document as the system.
  func load(_ text: String) async throws {
    let transaction = try test.start()
    defer { engine.finish(transaction) }
    let load = try ConfigurationLoad(transaction, LoadOptions(format: .xml, mode: .merge))
    try load.feed(Array(text.utf8))
    try load.finish()
    try await engine.apply(transaction, keepOpen: false)
  }

  /// Replaces all that is in `/nacm`.
  func rules(_ nacm: String) async throws {
    try await test.change { try $0.remove(test.locate("/nacm:nacm")) }
    try await load(
      "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\" xmlns:t=\"http://tail-f.com/yang/acm\">\(nacm)</nacm></config>"
    )
  }

  /// One rule-list for group ops.
  func list(_ rules: String, and others: String = "") async throws {
    try await self.rules("\(others)<rule-list><name>l</name><group>ops</group>\(rules)</rule-list>")
  }

  static func rule(_ name: String, _ action: String, _ path: String? = nil, _ operations: String? = nil, _ more: String = "")
    -> String
  {
    "<rule><name>\(name)</name>\(path.map { "<path>\($0)</path>" } ?? "")\(operations.map { "<access-operations>\($0)</access-operations>" } ?? "")<action>\(action)</action>\(more)</rule>"
  }

  func user(_ name: String = "ada", _ groups: [String] = ["ops"], context: String = "cli") throws -> UserSession {
    try engine.sessions.start(UserSessionRequest(user: name, groups: groups, context: context))
  }

  func start(_ session: UserSession, _ mode: TransactionMode = .readWrite, on database: DatabaseName = .running) throws
    -> Transaction
  {
    try engine.startTransaction(session, on: database, mode)
  }

  func save(_ view: TreeView) throws -> String {
    var save = try ConfigurationSave(view, SaveOptions(format: .xml))
    var out = ByteBuffer()
    while try save.produce(into: &out) {}
    return String(buffer: out)
  }

  /// What a read of one leaf gives.
  func read(_ view: TreeView, _ path: String) throws -> Value {
    var buffer = ByteBuffer()
    try view.writeLeaf(test.locate(path), into: &buffer)
    return try decoded(buffer)
  }

  /// Writes as the session's own client does.
  func write(_ transaction: Transaction, _ body: (inout TreeEditor) throws -> Void) throws {
    try transaction.writeOne(as: .owner) { (editor) throws(NSOError) in
      do { try body(&editor) } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
    }
  }

  /// The text of the refusal; nil when it is not refused.
  func refusal(_ transaction: Transaction, _ body: (inout TreeEditor) throws -> Void) -> String? {
    do {
      try write(transaction, body)
      return nil
    } catch let error as NSOError where error.code == .accessDenied {
      return error.message
    } catch {
      return "other: \(error)"
    }
  }
}
