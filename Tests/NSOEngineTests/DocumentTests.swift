import NIOCore
import NSOModel
import NSOSchema
import NSOStore
import Testing

@testable import NSOEngine

@Suite("Loading and saving documents")
struct DocumentTests {
  let test: TestEngine

  init() throws { test = try TestEngine() }

  static let xml = """
    <config xmlns="http://tail-f.com/ns/config/1.0"><top xmlns="urn:t"><name>box</name><kind xmlns:x="urn:t">x:fast</kind><flag/>\
    <ratio>2.5</ratio><big>18446744073709551615</big><tags>a</tags><tags>b</tags><order>3</order><order>1</order>\
    <opt/><server><name>a &amp; b</name><port>80</port><desc>&lt;x&gt;</desc><alias><id>i</id><note>n</note></alias></server>\
    <server><name>web</name><port>443</port></server><rule><id>z</id></rule><rule><id>a</id></rule><udp-port>53</udp-port></top></config>
    """

  func load(_ text: String, _ options: LoadOptions, piece: Int = .max, on database: DatabaseName = .running) async throws {
    let transaction = try test.start(on: database)
    defer { test.engine.finish(transaction) }
    let load = try ConfigurationLoad(transaction, options)
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      try load.feed(Array(rest.prefix(piece)))
      rest = rest.dropFirst(piece)
    }
    try load.finish()
    try await test.engine.apply(transaction, keepOpen: false)
  }

  func save(_ options: SaveOptions, size: Int = 64 << 10) throws -> String {
    var save = try ConfigurationSave(test.engine.currentView(), options)
    var out = ByteBuffer()
    while try save.produce(into: &out, size: size) {}
    return String(buffer: out)
  }

  @Test(arguments: [1, 7, Int.max]) func xmlRoundTrip(piece: Int) async throws {
    try await load(Self.xml, LoadOptions(format: .xml, mode: .create), piece: piece)
    #expect(try test.value("/t:top/server{\"a & b\" 80}/alias{i}/note") == .string("n"))
    #expect(try test.value("/t:top/order") == .list([.int32(3), .int32(1)]))
    let saved = try save(SaveOptions(format: .xml), size: piece == .max ? 64 << 10 : 16)
    let json = try save(SaveOptions(format: .json))
    try await load(saved, LoadOptions(format: .xml, mode: .create))
    #expect(try save(SaveOptions(format: .xml)) == saved)
    try await load(json, LoadOptions(format: .json, mode: .create))
    #expect(try save(SaveOptions(format: .xml)) == saved)
    #expect(saved.contains("<desc>&lt;x&gt;</desc>"))
    #expect(!saved.contains("weight"))
    #expect(try save(SaveOptions(format: .xml, withDefaults: true)).contains("<weight>1</weight>"))
  }

  @Test func modes() async throws {
    try await load(Self.xml, LoadOptions(format: .xml, mode: .create))
    let change = """
      <config xmlns="http://tail-f.com/ns/config/1.0"><top xmlns="urn:t"><server><name>a &amp; b</name><port>80</port></server><tags>c</tags></top></config>
      """
    try await load(change, LoadOptions(format: .xml, mode: .merge))
    #expect(try test.value("/t:top/server{\"a & b\" 80}/desc") == .string("<x>"))
    #expect(try test.value("/t:top/tags") == .list([.string("a"), .string("b"), .string("c")]))
    try await load(change, LoadOptions(format: .xml, mode: .replace))
    #expect(try test.value("/t:top/server{\"a & b\" 80}/desc") == nil)
    #expect(try test.value("/t:top/tags") == .list([.string("c")]))
    #expect(try test.value("/t:top/name") == .string("box"))
    #expect(try test.engine.currentView().exists(test.locate("/t:top/server{web 443}")))
    try await load(change, LoadOptions(format: .xml, mode: .create))
    #expect(try test.value("/t:top/name") == .string("unnamed"))
  }

  @Test func netconfOperations() async throws {
    try await load(Self.xml, LoadOptions(format: .xml, mode: .create))
    let nc = "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""
    try await load(
      "<config xmlns=\"http://tail-f.com/ns/config/1.0\" \(nc)><top xmlns=\"urn:t\"><server nc:operation=\"delete\"><name>web</name><port>443</port></server><name nc:operation=\"remove\">box</name></top></config>",
      LoadOptions(format: .xml, mode: .merge))
    #expect(try !test.engine.currentView().exists(test.locate("/t:top/server{web 443}")))
    #expect(try test.value("/t:top/name") == .string("unnamed"))
  }

  @Test func jsonKeysMayComeLast() async throws {
    try await load(
      #"{"t:top":{"server":[{"desc":"d","alias":[{"note":"n","id":"i"}],"port":80,"name":"web"}],"big":"5","flag":[null]}}"#,
      LoadOptions(format: .json, mode: .merge))
    #expect(try test.value("/t:top/server{web 80}/desc") == .string("d"))
    #expect(try test.value("/t:top/server{web 80}/alias{i}/note") == .string("n"))
    #expect(try test.engine.currentView().exists(test.locate("/t:top/flag")))
  }

  @Test(arguments: [
    (
      "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><top xmlns=\"urn:t\">\n<load>300</load></top></config>",
      ErrorCode.badType, "line 2"
    ),
    ("<config xmlns=\"http://tail-f.com/ns/config/1.0\"><nothing xmlns=\"urn:t\"/></config>", .badPath, "nothing"),
    (
      "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><top xmlns=\"urn:t\"><server><name>a</name></server></top></config>",
      .badConfig, "port"
    ),
    ("<config xmlns=\"http://tail-f.com/ns/config/1.0\"><top", .badConfig, "line 1"),
    (
      "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><state xmlns=\"urn:t\"><uptime>1</uptime></state></config>",
      .notWritable, "operational"
    ),
  ])
  func faults(text: String, expected: ErrorCode, mention: String) async throws {
    try await test.change { try $0.set(test.locate("/t:top/name"), .string("kept")) }
    await #expect { try await load(text, LoadOptions(format: .xml, mode: .merge)) } throws: { error in
      (error as? NSOError)?.code == expected && "\(error)".contains(mention)
    }
    #expect(try test.value("/t:top/name") == .string("kept"))
  }

  @Test func operationalData() async throws {
    try await test.change { try $0.create(test.locate("/t:top/server{web 80}")) }
    try await load(
      "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><state xmlns=\"urn:t\"><uptime>5</uptime><peer><id>p</id><rtt>9</rtt></peer></state><top xmlns=\"urn:t\"><server><name>web</name><port>80</port><hits>3</hits></server></top></config>",
      LoadOptions(format: .xml, mode: .merge), on: .operational)
    #expect(try test.value("/t:state/peer{p}/rtt") == .uint32(9))
    #expect(try test.value("/t:top/server{web 80}/hits") == .uint32(3))
    let saved = try save(SaveOptions(format: .xml, content: .operational))
    #expect(saved.contains("<hits>3</hits>") && saved.contains("<rtt>9</rtt>") && saved.contains("<name>web</name>"))
    #expect(try !save(SaveOptions(format: .xml)).contains("hits"))
    try await test.change { try $0.delete(test.locate("/t:top/server{web 80}")) }
    try await test.change { try $0.create(test.locate("/t:top/server{web 80}")) }
    #expect(try test.value("/t:top/server{web 80}/hits") == nil, "operational data goes with its entry")
  }

  @Test func savingBelowAPath() async throws {
    try await load(Self.xml, LoadOptions(format: .xml, mode: .create))
    let one = try save(
      SaveOptions(format: .xml, path: try test.engine.model.schema.parsePath("/t:top/server{web 443}").keypath))
    #expect(
      one
        == "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><top xmlns=\"urn:t\"><server><name>web</name><port>443</port></server></top></config>"
    )
    let aliases = try save(SaveOptions(format: .json, path: [.tag(Tag("top", in: "urn:t")), .tag("server"), .tag("alias")]))
    #expect(aliases.contains("\"alias\"") && !aliases.contains("desc"))
  }
}
