import Foundation
import Logging
import NIOCore
import NSOModel
import NSOSchema
import NSOStore
import Synchronization
import TestSupport

@testable import NSOEngine
@testable import NSONetconf

let testModule = """
  module n {
    yang-version 1.1;
    namespace "urn:n";
    prefix n;
    revision 2026-11-01;
    feature speed;

    identity kind;
    identity fast { base kind; }

    container system {
      leaf name { type string { length "1..8"; } default "router"; }
      leaf mtu { type uint16 { range "68..9000"; } default 1500; }
      leaf kind { type identityref { base kind; } }
      leaf-list dns { type string; ordered-by user; }
      leaf main { type leafref { path "../interface/name"; } }
      leaf low { type uint8; must ". < 10" { error-message "too high"; error-app-tag "high"; } }
      container ntp { presence "on"; leaf server { type string; } }
      list user { key id; ordered-by user; leaf id { type string; } leaf role { type string; } }
      list interface {
        key name;
        unique alias;
        leaf name { type string; }
        leaf alias { type string; }
        leaf mtu { type uint16; default 1500; }
        list address { key "ip length"; leaf ip { type string; } leaf length { type uint8; } leaf note { type string; } }
        action reset { input { leaf delay { type uint8; mandatory true; } } output { leaf at { type string; } } }
      }
      choice where { case a { leaf room { type string; } } case b { leaf rack { type string; } } }
    }
    container state { config false; leaf uptime { type uint32; } }
    rpc ping {
      input { leaf host { type string; } }
      output { leaf-list time { type uint8; } list hop { key n; leaf n { type uint8; } leaf who { type identityref { base kind; } } } }
    }
    rpc touch;
  }
  """

struct Echo: ActionHandler {
  var output: [TaggedValue]
  func perform(_ invocation: ActionInvocation) async throws(NSOError) -> [TaggedValue] { output }
}

/// An engine on stores of its own, and a NETCONF service on it.
final class TestServer: Sendable {
  let folder: String
  let engine: Engine
  let service: NetconfService

  init(
    settings: NetconfSettings = NetconfSettings(), module: String = testModule,
    configure: (inout EngineConfiguration) -> Void = { _ in }
  ) throws {
    folder = NSTemporaryDirectory() + "/nso-netconf-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try module.write(toFile: folder + "/n.yang", atomically: true, encoding: .utf8)
    var configuration = EngineConfiguration()
    configuration.datastores.candidate = true
    configuration.datastores.startup = true
    configure(&configuration)
    engine = try Engine(
      schema: try SchemaLoader(files: [folder + "/n.yang"]).load(),
      stores: Engine.Stores(
        durable: try Store(StoreOptions(path: folder + "/db", durability: .volatile, maximumSize: 64 << 20)),
        volatile: try Store(StoreOptions(path: folder + "/oper", durability: .volatile, maximumSize: 64 << 20))),
      configuration: configuration, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    engine.phases.advance(to: .started)
    service = NetconfService(engine, settings)
  }

  deinit {
    engine.stores.durable.close()
    engine.stores.volatile.close()
    try? FileManager.default.removeItem(atPath: folder)
  }

  func connect(_ user: String = "admin", chunked: Bool = true) async throws -> TestClient {
    let client = TestClient()
    let service = service
    client.served = Task {
      await service.serve(
        client, NetconfPeer(user: user, groups: ["admin"], address: .loopback, port: 4711, proto: .tcp))
    }
    _ = try await client.greet(chunked: chunked)
    return client
  }
}

/// The far end of a session, and its transport.
final class TestClient: NetconfTransport {
  private struct State {
    var input: [ByteBuffer] = []
    var reader: CheckedContinuation<ByteBuffer?, Never>?
    var output: [UInt8] = []
    var isClosed = false
    var served: Task<Void, Never>?
    var decoder = FrameDecoder(limit: 64 << 20)
    var last = 100
  }
  private let state = Mutex(State())

  var served: Task<Void, Never>? {
    get { state.withLock { $0.served } }
    set { state.withLock { $0.served = newValue } }
  }

  // MARK: Transport

  func read() async -> ByteBuffer? {
    await withCheckedContinuation { continuation in
      let found: ByteBuffer?? = state.withLock { state in
        if !state.input.isEmpty { return .some(state.input.removeFirst()) }
        if state.isClosed { return .some(nil) }
        state.reader = continuation
        return nil
      }
      if let found { continuation.resume(returning: found) }
    }
  }

  func write(_ bytes: ByteBuffer) async throws {
    try state.withLock { state in
      guard !state.isClosed else { throw ChannelError.ioOnClosedChannel }
      state.decoder.append(bytes)
    }
  }

  func close() {
    let reader = state.withLock { state in
      state.isClosed = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: nil)
  }

  // MARK: Client

  var isClosed: Bool { state.withLock { $0.isClosed } }

  func send(bytes: [UInt8]) {
    let reader = state.withLock { state -> CheckedContinuation<ByteBuffer?, Never>? in
      guard let reader = state.reader else {
        state.input.append(ByteBuffer(bytes: bytes))
        return nil
      }
      state.reader = nil
      return reader
    }
    reader?.resume(returning: ByteBuffer(bytes: bytes))
  }

  /// The next message of the server; nil when the session has ended without.
  func message() async throws -> String? {
    var found: [UInt8]?
    try await until("a message") {
      let (message, isClosed) = try state.withLock { state in (try state.decoder.next(), state.isClosed) }
      found = message
      return message != nil || isClosed
    }
    return found.map { String(decoding: $0, as: UTF8.self) }
  }

  @discardableResult
  func greet(chunked: Bool = true) async throws -> String {
    send(bytes: Array(Self.hello(chunked: chunked).utf8))
    let hello = try await message() ?? ""
    if chunked { state.withLock { $0.decoder.framing = .chunked } }
    return hello
  }

  static func hello(chunked: Bool) -> String {
    """
    <?xml version="1.0"?>
    <hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>
    <capability>urn:ietf:params:netconf:base:1.\(chunked ? 1 : 0)</capability></capabilities></hello>]]>]]>
    """
  }

  var framing: Framing { state.withLock { $0.decoder.framing } }

  func framed(_ message: String) -> [UInt8] {
    framing == .chunked ? Array("\n#\(message.utf8.count)\n\(message)\n##\n".utf8) : Array((message + "]]>]]>").utf8)
  }

  /// Sends an operation and gives what is in its reply; `ok`'s is `<ok/>`.
  @discardableResult
  func rpc(_ operation: String) async throws -> String {
    let id = state.withLock { state in
      state.last += 1
      return state.last
    }
    send(bytes: framed(#"<rpc message-id="\#(id)" xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">\#(operation)</rpc>"#))
    let head =
      #"<?xml version="1.0" encoding="UTF-8"?>\#n<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="\#(id)">"#
      .replacingOccurrences(of: "\\n", with: "\n")
    let reply = try await message() ?? "no reply"
    guard reply.hasPrefix(head), reply.hasSuffix("</rpc-reply>") else { return "another reply: " + reply }
    return String(reply.dropFirst(head.count).dropLast("</rpc-reply>".count))
  }

  func edit(_ config: String, _ target: String = "running", _ options: String = "") async throws -> String {
    try await rpc(
      """
      <edit-config><target><\(target)/></target>\(options)<config xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" \
      xmlns:yang="urn:ietf:params:xml:ns:yang:1"><system xmlns="urn:n">\(config)</system></config></edit-config>
      """)
  }

  /// What is in the system container.
  func system(_ source: String = "running", _ filter: String = "") async throws -> String {
    let reply = try await rpc("<get-config><source><\(source)/></source>\(filter)</get-config>")
    if reply == "<data/>" { return "" }
    let head = #"<data><system xmlns="urn:n">"#
    guard reply.hasPrefix(head) else { return reply }
    return String(reply.dropFirst(head.count).dropLast("</system></data>".count))
  }

  func filtered(_ filter: String) async throws -> String {
    try await rpc(
      #"<get-config><source><running/></source><filter type="subtree">\#(filter)</filter></get-config>"#)
  }
}

/// The tag of an error reply, with application tag and info: `data-missing`, `bad-attribute[missing-instance] insert user`.
func tag(_ reply: String) -> String {
  func text(_ element: String) -> String? {
    guard let start = reply.range(of: "<\(element)>"), let end = reply.range(of: "</\(element)>") else { return nil }
    return String(reply[start.upperBound..<end.lowerBound])
  }
  guard let tag = text("error-tag") else { return reply }
  let infos = ["bad-attribute", "bad-element", "session-id"].compactMap { text($0) }
  return tag + (text("error-app-tag").map { "[\($0)]" } ?? "") + infos.map { " " + $0 }.joined()
}
