import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct UpgradeTests {
  private static let next = """
    module plant {
      yang-version 1.1; namespace "urn:ex:plant"; prefix p;
      container plant {
        leaf owner { type string; }
        leaf colour-count { type uint8; default 3; }
        list site { key id; leaf id { type string; } leaf title { type string; } }
      }
      container plant-state { config false; leaf uptime { type uint64; } leaf power { type string; } }
    }
    """

  static func folder(_ daemon: TestDaemon, _ text: String = next) throws -> String {
    let folder = daemon.folder("next")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try text.write(toFile: folder + "/plant.yang", atomically: true, encoding: .utf8)
    return folder
  }

  @Test func `validation points of the new modules are asked about what changes`() async throws {
    let validated = Self.next.replacing("prefix p;", with: "prefix p; import tailf-common { prefix tailf; }")
      .replacing("leaf owner { type string; }", with: "leaf owner { tailf:validate guard; type uint8; }")
    try await TestDaemon.run { daemon in
      let user = try daemon.session()
      try user.commit { th in try user.done(.setElem2("7", WireKeypath(.plant(.owner))), th) }
      let folder = try Self.folder(daemon, validated)
      try FileManager.default.copyItem(
        atPath: AnnexModel.directory + "/tailf-common.yang", toPath: folder + "/tailf-common.yang")
      func upgrade() throws {
        let admin = try daemon.connect()
        try admin.done(.initUpgrade(timeout: 1, flags: 0))
        try admin.done(.performUpgrade([folder]))
        try admin.done(.commitUpgrade)
      }
      // Nobody is there who validates it.
      let text = errorText { try upgrade() }
      #expect(text.contains("validation point guard") && text.contains("start the application that serves it"), "\(text)")
      let answer = LockedBox(FakeProvider.Response.failure(.reason(.init(.application, "not this owner"))))
      let provider = try FakeProvider(
        daemon, "guard", [ProviderRegistration(.validation, "guard", mask: 0, index: 1)]
      ) { _ in answer.with { $0 } }
      #expect(errorText { try upgrade() }.contains("not this owner"))
      let before = try user.start(.running, .read)
      #expect(try user.value(.plant(.owner), before) == .string("7"))
      try user.done(.stopTransaction, before)
      answer.with { $0 = .result(.ok) }
      try upgrade()
      #expect(provider.calls.contains(.validate(.plant(.owner), .uint8(7))))
      let after = try user.start(.running, .read)
      #expect(try user.value(.plant(.owner), after) == .uint8(7))
      // The validation is closed for everybody.
      try daemon.until { provider.requests.count { if case .closeValidation = $0 { true } else { false } } == 2 }
    }
  }

  @Test func `open sessions go on with their schema, new ones get the new one`() async throws {
    try await TestDaemon.run { daemon in
      let user = try daemon.session()
      try user.commit { th in
        try user.done(.setElem2("ada", WireKeypath(.plant(.owner))), th)
        try user.done(.setElem2("fast", WireKeypath(.plant(.mode))), th)
      }
      let open = try user.start(.running, .read)
      let cdb = try daemon.connect(.cdb)
      try cdb.done(CDBRequest.newSession(NewSession(.operational)))
      try cdb.done(CDBRequest.setElem2("12", WireKeypath(.state(.uptime))))
      try cdb.done(CDBRequest.create(WireKeypath(.state(.siteState, .keys([.string("x")])))))
      try cdb.done(CDBRequest.changeDirectory(WireKeypath(.state(.siteState, .keys([.string("x")])))))
      let schema = try daemon.schemaFrames()

      let admin = try daemon.connect()
      #expect(errorCode { try admin.done(.commitUpgrade) } == .badState)
      try admin.done(.initUpgrade(timeout: 1, flags: 0))
      #expect(errorCode { try admin.done(.commitUpgrade) } == .badState)
      #expect(errorCode { _ = try user.start() } == .upgradeInProgress)
      #expect(errorCode { _ = try user.start(.running, .read) } == .upgradeInProgress)
      #expect(errorCode { try cdb.done(CDBRequest.setElem2("13", WireKeypath(.state(.uptime)))) } == .upgradeInProgress)
      #expect(errorCode { try user.done(.initUpgrade(timeout: 0, flags: 0)) } == .badState)
      #expect(errorCode { try user.done(.performUpgrade([])) } == .badState)
      guard case .phase(let phase) = try daemon.connect(.cdb).call(CDBRequest.getPhase) else {
        throw NSOError(.internal, "another kind of reply")
      }
      #expect(phase.activity == .upgrade)
      try admin.done(.performUpgrade([try Self.folder(daemon)]))
      #expect(try daemon.schemaFrames() == schema)
      guard case .text(let report) = try admin.call(.upgradeReport) else { throw NSOError(.internal, "no text") }
      #expect(report.contains("drops /p:plant/mode: 1 record"), "\(report)")
      #expect(report.contains("drops /p:plant-state/site-state (operational): 1 record"), "\(report)")
      #expect(report.contains("module goes: safety"), "\(report)")

      // The transaction of the upgrade, for those who prepare data.
      let helper = try daemon.connect()
      try helper.done(.attach(Attach(session: -2)), -2)
      #expect(try helper.value(.plant(.colourCount), -2) == .uint8(3))
      try helper.done(.setElem2("5", WireKeypath(.plant(.colourCount))), -2)
      try admin.done(.commitUpgrade)
      #expect(errorCode { _ = try helper.value(.plant(.owner), -2) } == .noTransaction)

      #expect(try user.value(.plant(.mode), open) == .enumeration(7))
      #expect(errorCode { _ = try user.value(.plant(.colourCount), open) } == .badPath)
      let new = try user.start(.running, .read)
      #expect(try user.value(.plant(.colourCount), new) == .uint8(5))
      #expect(try user.value(.plant(.owner), new) == .string("ada"))
      #expect(errorCode { _ = try user.value(.plant(.mode), new) } == .badPath)
      #expect(try daemon.schemaFrames() != schema)

      // The CDB session keeps its schema; it may write what there still is.
      #expect(try cdb.call(CDBRequest.get(WireKeypath(.state(.uptime)))) == .value(.uint64(12)))
      try cdb.done(CDBRequest.setElem2("14", WireKeypath(.state(.uptime))))
      #expect(
        errorCode { try cdb.done(CDBRequest.setElem2("true", WireKeypath([.tag(Tag("online"))]))) } != nil)
      #expect(
        errorCode { try cdb.done(CDBRequest.create(WireKeypath(.state(.siteState, .keys([.string("y")]))))) } == .staleInstance)
      try cdb.done(CDBRequest.endSession)
      try cdb.done(CDBRequest.newSession(NewSession(.operational)))
      try cdb.done(CDBRequest.setElem2("solar", WireKeypath(.state(.power))))
      #expect(try cdb.call(CDBRequest.get(WireKeypath(.state(.uptime)))) == .value(.uint64(14)))
    }
  }

  @Test func `a failed upgrade, and the end of its connection, leave everything as it was`() async throws {
    try await TestDaemon.run { daemon in
      let user = try daemon.session()
      let admin = try daemon.connect()
      try admin.done(.initUpgrade(timeout: 0, flags: 0))
      #expect(
        errorCode { try admin.done(.performUpgrade([try Self.folder(daemon, "module plant { nonsense }")])) } == .badConfig)
      // It has aborted by itself.
      #expect(errorCode { try admin.done(.performUpgrade([])) } == .badState)
      _ = try user.start()
      #expect(errorCode { try admin.done(.initUpgrade(timeout: 0, flags: 0)) } == .timeout)
      // Asked to, it ends transactions.
      try admin.done(.initUpgrade(timeout: 0, flags: 1))
      try admin.done(.abortUpgrade)
      _ = try user.start(.running, .read)
      do {
        let dying = try daemon.connect()
        try dying.done(.initUpgrade(timeout: 0, flags: 0))
        try dying.done(.performUpgrade([try Self.folder(daemon)]))
        #expect(errorCode { _ = try user.start() } == .upgradeInProgress)
      }
      try daemon.until { daemon.engine.upgrade == nil }
      let th = try user.start()
      try user.done(.setElem2("fast", WireKeypath(.plant(.mode))), th)
      try user.done(.applyTransaction(keepOpen: false, flags: 0), th)
    }
  }
}

extension TestDaemon {
  /// The stream of the schema, as a new client gets it.
  fileprivate func schemaFrames() throws -> [[UInt8]] {
    let client = try connect()
    client.send(.loadAllNamespaces("ikp"))
    var frames: [[UInt8]] = []
    while let frame = client.receiveFrame() {
      frames.append(Array(frame.readableBytesView))
      // The last term is the atom eof.
      if frames.last?.suffix(3).elementsEqual(Array("eof".utf8)) == true { return frames }
      if frames.last?.suffix(4).elementsEqual(Array("eof".utf8) + [106]) == true { return frames }
    }
    return frames
  }
}

extension Keypath.Element {
  fileprivate static var owner: Self { .tag(Tag("owner")) }
  fileprivate static var mode: Self { .tag(Tag("mode")) }
  fileprivate static var colourCount: Self { .tag(Tag("colour-count")) }
  static var uptime: Self { .tag(Tag("uptime")) }
  fileprivate static var power: Self { .tag(Tag("power")) }
  fileprivate static var siteState: Self { .tag(Tag("site-state")) }
}
