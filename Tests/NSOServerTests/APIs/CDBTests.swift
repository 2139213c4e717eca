import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct CDBTests {
  /// Two sites with what is in them.
  static func fill(_ daemon: TestDaemon) throws {
    let client = try daemon.session()
    try client.commit { handle in
      for (id, title) in [("east", "East wing"), ("west", "West wing")] {
        try client.done(.create(Keypath.site(id).wire), handle)
        try client.done(.setElem2(title, Keypath.site(id, .tag("title")).wire), handle)
      }
      try client.done(.setElem2("7", Keypath.site("west", .tag("floors")).wire), handle)
      try client.done(
        .setElem(EncodedTerm(.list([.string("a"), .string("b")])), Keypath.site("west", .tag("tags")).wire), handle)
      for (slot, num) in [(1, 2), (2, 14), (2, 300)] as [(UInt8, UInt16)] {
        try client.done(.create(Keypath.site("west", .tag("port"), .keys([.uint8(slot), .uint16(num)])).wire), handle)
      }
      try client.done(.setElem2("5", Keypath.site("west", .tag("cells")).wire), handle)
      try client.done(.create(Keypath.site("west", .tag("alarm")).wire), handle)
      try client.done(.setElem2("9", Keypath.site("west", .tag(Tag("zone", in: "urn:ex:safety"))).wire), handle)
      for name in ["second", "first", "third"] {
        try client.done(.create(Keypath.site("west", .tag("step"), .keys([.string(name)])).wire), handle)
      }
    }
  }

  static func reader(_ daemon: TestDaemon, _ database: CDBDatabase = .running) throws -> WireClient {
    let client = try daemon.connect(.cdb)
    client.raw.send([0, 0, 0, 8, 0, 0, 0, 0] + Array("test".utf8))
    try client.done(.newSession(NewSession(database)))
    return client
  }

  @Test func `a session sees one state from start to end`() async throws {
    try await TestDaemon.run { daemon in
      try Self.fill(daemon)
      let reader = try daemon.connect(.cdb)
      reader.raw.send([0, 0, 0, 8, 0, 0, 0, 0] + Array("test".utf8))
      try reader.done(.newSession(NewSession(.running, options: [])))
      let title = Keypath.site("west", .tag("title")).wire
      #expect(try reader.call(.get(title)) == .value(.string("West wing")))
      let writer = try daemon.session()
      try writer.commit { handle in try writer.done(.setElem2("New", title), handle) }
      #expect(try reader.call(.get(title)) == .value(.string("West wing")))
      try reader.done(.endSession)
      try reader.done(.newSession(NewSession(.running, options: [])))
      #expect(try reader.call(.get(title)) == .value(.string("New")))
    }
  }

  @Test func `reads of every kind`() async throws {
    try await TestDaemon.run { daemon in
      try Self.fill(daemon)
      let client = try Self.reader(daemon)
      #expect(try client.call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("West wing")))
      #expect(try client.call(.get(Keypath.site("west", .tag("id")).wire)) == .value(.string("west")))
      // Defaults are reported as defaults.
      #expect(try client.call(.get(Keypath.site("east", .tag("floors")).wire)) == .value(.uint8(1)))
      #expect(try client.call(.isDefault(Keypath.site("east", .tag("floors")).wire)) == .bool(true))
      #expect(try client.call(.isDefault(Keypath.site("west", .tag("floors")).wire)) == .bool(false))
      #expect(
        try client.call(.get(Keypath.site("west", .tag("tags")).wire)) == .value(.list([.string("a"), .string("b")])))
      #expect(try client.call(.get(Keypath.site("west", .tag(Tag("zone", in: "urn:ex:safety"))).wire)) == .value(.uint16(9)))
      #expect(try client.call(.exists(Keypath.site("west").wire)) == .bool(true))
      #expect(try client.call(.exists(Keypath.site("north").wire)) == .bool(false))
      #expect(try client.call(.exists(Keypath.site("west", .tag("alarm")).wire)) == .bool(true))
      #expect(try client.call(.numInstances(Keypath.plant(.tag("site")).wire)) == .integer(2))
      #expect(try client.call(.keyIndex(Keypath.site("west").wire)) == .integer(1))
      #expect(try client.call(.nextIndex(Keypath.site("west").wire)) == .integer(-1))
      #expect(try client.call(.nextIndex(Keypath.site("east").wire)) == .integer(1))
      #expect(try client.call(.nextIndex(Keypath.site("f").wire)) == .integer(1))
      #expect(try client.call(.nextIndex(Keypath.site("a").wire)) == .integer(0))
      let port = Keypath.site("west", .tag("port"))
      #expect(try client.call(.nextIndex(port.appending(.keys([.uint8(2), .tag("*")])).wire)) == .integer(1))
      #expect(try client.call(.nextIndex(port.appending(.keys([.uint8(2), .uint16(14)])).wire)) == .integer(2))
      #expect(
        try client.call(.getCase(choice: ["power"], Keypath.site("west").wire)) == .tag(Tag("battery", in: "urn:ex:plant")))
      #expect(try client.call(.getCase(choice: ["power"], Keypath.site("east").wire)) == .tag(Tag("mains", in: "urn:ex:plant")))
      guard case .values(let values) = try client.call(.getObject(Keypath.site("east").wire)) else {
        throw NSOError(.internal, "another kind of reply")
      }
      let plant = { (name: String) in Value.tag(Tag(name, in: "urn:ex:plant")) }
      // id, title, floors, tags, alarm, address (street, number), port, step, voltage, cells, chemistry, site-stats (visits), zone
      #expect(
        values == [
          .string("east"), .string("East wing"), .uint8(1), .list([]), .notFound, plant("address"), .notFound, .notFound,
          .notFound, .notFound, .notFound, .notFound, .notFound, plant("site-stats"), .notFound, .notFound,
        ])
    }
  }

  @Test func `entries by position, values by tags, several objects`() async throws {
    try await TestDaemon.run { daemon in
      try Self.fill(daemon)
      let client = try Self.reader(daemon)
      let second = Keypath.plant(.tag("site"), .position(1), .tag("title"))
      #expect(try client.call(.get(second.wire)) == .value(.string("West wing")))
      #expect(
        errorCode { _ = try client.call(.get(Keypath.plant(.tag("site"), .position(2), .tag("title")).wire)) } == .noExists)
      let site = Tag("site", in: "urn:ex:plant")
      let request: [TaggedValue] = [
        TaggedValue("site", .startAt(0)), TaggedValue("title", .notFound), TaggedValue("site", .stop),
        TaggedValue("site", .start), TaggedValue("id", .string("west")), TaggedValue("floors", .notFound),
        TaggedValue("alarm", .notFound), TaggedValue("site", .stop), TaggedValue("strict", .notFound),
      ]
      guard case .tagged(let reply) = try client.call(.getValues(request, Keypath.plant().wire)) else {
        throw NSOError(.internal, "another kind of reply")
      }
      let q = { (name: String) in Tag(name, in: "urn:ex:plant") }
      #expect(
        reply == [
          TaggedValue(site, .startAt(0)), TaggedValue(q("title"), .string("East wing")), TaggedValue(site, .stop),
          TaggedValue(site, .start), TaggedValue(q("id"), .string("west")), TaggedValue(q("floors"), .uint8(7)),
          TaggedValue(q("alarm"), .leaf), TaggedValue(site, .stop), TaggedValue(q("strict"), .notFound),
        ])
      guard case .valueArrays(let arrays) = try client.call(.getObjects(Keypath.plant(.tag("site")).wire, start: 1, count: 1))
      else { throw NSOError(.internal, "another kind of reply") }
      #expect(arrays.map(\.first) == [.string("west")])
      #expect(errorCode { _ = try client.call(.getObjects(Keypath.plant(.tag("site")).wire, start: 1, count: 2)) } == .noExists)
      #expect(try client.call(.getObjects(Keypath.plant(.tag("site")).wire, start: 0, count: 0)) == .valueArrays([]))
    }
  }

  @Test func `sessions have rules`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.connect(.cdb)
      #expect(errorCode { _ = try client.call(.get(Keypath.plant(.tag("mode")).wire)) } == .noSession)
      #expect(errorCode { try client.done(.endSession) } == .noExists)
      #expect(errorCode { try client.done(.newSession(NewSession(.startup))) } == .noExists)
      #expect(errorCode { try client.done(.newSession(NewSession(.preCommitRunning))) } == .noExists)
      #expect(
        errorCode { try client.done(.newSession(NewSession(.preCommitRunning, options: .lockSession))) } == .protocolUsage)
      #expect(errorCode { try client.done(.newSession(NewSession(.running, options: .lockPartial))) } == .protocolUsage)
      #expect(errorCode { try client.done(.newSession(NewSession(.operational, options: .lockSession))) } == .protocolUsage)
      try client.done(.newSession(NewSession(.running, options: [])))
      #expect(errorCode { try client.done(.newSession(NewSession(.running))) } == .protocolUsage)
      #expect(try client.call(.get(Keypath.plant(.tag("mode")).wire)) == .value(.enumeration(0)))
      #expect(errorCode { _ = try client.call(.get(Keypath.state(.tag("uptime")).wire)) } == .badPath)
      #expect(errorCode { _ = try client.call(.get(Keypath.plant(.tag("nope")).wire)) } == .badPath)
      #expect(errorCode { _ = try client.call(.get(Keypath.plant().wire)) } == .badType)
      #expect(errorCode { _ = try client.call(.exists(Keypath.plant(.tag("site")).wire)) } == .badPath)
      #expect(errorCode { _ = try client.call(.get(Keypath.plant(.tag("owner")).wire)) } == .noExists)
      #expect(errorCode { try client.done(.setElem2("x", Keypath.plant(.tag("owner")).wire)) } == .notWritable)
      try client.done(.endSession)
      try client.done(.newSession(NewSession(.operational)))
      #expect(errorCode { _ = try client.call(.get(Keypath.plant(.tag("mode")).wire)) } == .badPath)
      #expect(try client.call(.getPhase) == .phase(StartPhaseInfo(phase: 2, activity: .normal)))
      try client.done(.waitStart)
      try client.done(.initiateCompaction)
      try client.done(.initiateFileCompaction(file: 2))
      #expect(errorCode { try client.done(.initiateFileCompaction(file: 4)) } == .protocolUsage)
      guard case .compaction(let info) = try client.call(.getCompactionInfo(file: 1)) else {
        throw NSOError(.internal, "another reply")
      }
      #expect(info.currentSize > 0 && info.lastTime == 0)
      #expect(errorCode { _ = try client.call(.getCompactionInfo(file: 3)) } == .unavailable)
      #expect(errorText { _ = try client.call(.unknown(op: 11, payload: ByteBuffer())) }.contains("not supported yet"))
    }
  }

  @Test func `a read lock holds back commits, and goes with its connection`() async throws {
    try await TestDaemon.run { daemon in
      try Self.fill(daemon)
      let writer = try daemon.session()
      let waiter = try daemon.connect(.cdb)
      let handle = try writer.start()
      try writer.done(.setElem2("new", Keypath.site("west", .tag("title")).wire), handle)
      do {
        let reader = try Self.reader(daemon)
        #expect(try reader.call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("West wing")))
        writer.send(.applyTransaction(keepOpen: false, flags: 0), handle)
        // Read locks are shared, and a waiting commit does not take them away from those who hold them.
        #expect(try reader.call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("West wing")))
      }
      #expect(try writer.reply(143, .done) == .done)
      try waiter.done(.newSession(NewSession(.running, options: [.lockSession, .lockWait])))
      #expect(try waiter.call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("new")))
      #expect(daemon.engine.commitHolders.readers.count == 1)
      try waiter.done(.endSession)
      #expect(daemon.engine.commitHolders.readers.isEmpty)
    }
  }

  @Test func `who waits for a read lock and goes leaves no lock behind`() async throws {
    try await TestDaemon.run { daemon in
      let writer = try daemon.session()
      let handle = try writer.start()
      try writer.done(.setElem2("x", Keypath.plant(.tag("owner")).wire), handle)
      try writer.done(.validateTransaction(unlock: false, force: false), handle)
      let failed = try daemon.connect(.cdb)
      #expect(errorCode { try failed.done(.newSession(NewSession(.running))) } == .locked)
      do {
        let gone = try daemon.connect(.cdb)
        var payload = ByteBuffer()
        CDBCall(.newSession(NewSession(.running, options: [.lockSession, .lockWait]))).write(into: &payload)
        gone.sendFrame(payload)
        let patient = try daemon.connect(.cdb)
        patient.sendFrame(payload)
        try writer.done(.prepareTransaction(flags: 0), handle)
        try writer.done(.commitTransaction, handle)
        #expect(try patient.reply(1, .done) == .done)
      }
      try daemon.until { daemon.engine.commitHolders.readers.isEmpty }
      try writer.done(.stopTransaction, handle)
    }
  }

  @Test func `operational data is written in a session of its own`() async throws {
    try await TestDaemon.run { daemon in
      let client = try Self.reader(daemon, .operational)
      let state = Keypath.state(.tag("site-state"), .keys([.string("west")]))
      try client.done(.setElem(EncodedTerm(.uint64(77)), Keypath.state(.tag("uptime")).wire))
      #expect(try client.call(.get(Keypath.state(.tag("uptime")).wire)) == .value(.uint64(77)))
      #expect(errorCode { try client.done(.setElem2("x", Keypath.state(.tag("uptime")).wire)) } == .badType)
      try client.done(.create(state.wire))
      #expect(errorCode { try client.done(.create(state.wire)) } == .alreadyExists)
      try client.done(.setElem2("21.5", state.appending("temperature").wire))
      #expect(
        try client.call(.get(state.appending("temperature").wire))
          == .value(.decimal64(Decimal64(scaled: 2150, digits: 2))))
      try client.done(
        .setValues(
          [
            TaggedValue("site-state", .start), TaggedValue("id", .string("east")), TaggedValue("online", .bool(true)),
            TaggedValue("site-state", .stop),
          ], Keypath.state().wire))
      #expect(try client.call(.numInstances(Keypath.state(.tag("site-state")).wire)) == .integer(2))
      try client.done(
        .setObject([.string("west"), .notFound, .bool(false), .notFound], state.wire))
      #expect(errorCode { _ = try client.call(.get(state.appending("temperature").wire)) } == .noExists)
      #expect(try client.call(.get(state.appending("online").wire)) == .value(.bool(false)))
      try client.done(.delete(state.wire))
      #expect(errorCode { try client.done(.delete(state.wire)) } == .noExists)
      #expect(errorCode { try client.done(.setElem2("x", Keypath.plant(.tag("owner")).wire)) } == .notWritable)
      // Another session sees it.
      let other = try Self.reader(daemon, .operational)
      #expect(try other.call(.exists(Keypath.state(.tag("site-state"), .keys([.string("east")])).wire)) == .bool(true))
    }
  }

  @Test func `positions, namespaces, relative paths, string paths`() async throws {
    try await TestDaemon.run { daemon in
      try Self.fill(daemon)
      let client = try Self.reader(daemon)
      try client.done(.changeDirectory(Keypath.site("west").wire))
      #expect(try client.call(.get(Keypath([.tag("title")]).wire), relative: true) == .value(.string("West wing")))
      #expect(try client.call(.getCurrentDirectory) == .path(.site("west")))
      try client.done(.pushDirectory(Keypath.plant(.tag("site"), .position(0)).wire))
      #expect(try client.call(.getCurrentDirectory) == .path(.site("east")))
      try client.done(.popDirectory)
      #expect(try client.call(.getCurrentDirectory) == .path(.site("west")))
      #expect(errorCode { try client.done(.popDirectory) } == .noStack)
      #expect(errorCode { try client.done(.changeDirectory(Keypath.plant(.tag("nope")).wire)) } == .badPath)
      try client.done(.setNamespace(.uri("urn:ex:plant")))
      try client.done(.setNamespace(.hash(NameHash.hash("urn:ex:plant"))))
      #expect(errorCode { try client.done(.setNamespace(.uri("urn:nobody"))) } == .noExists)
      #expect(
        try client.call(.get(Keypath([.tag("plant"), .tag("site"), .keys([.string("east")]), .tag("title")]).wire))
          == .value(.string("East wing")))
      #expect(try client.call(.get(WireKeypath(text: "/p:plant/site{west}/title"))) == .value(.string("West wing")))
      #expect(try client.call(.get(WireKeypath(text: "/p:plant/site[0]/title"))) == .value(.string("East wing")))
    }
  }

  @Test func `the transaction id changes with every commit`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.connect(.cdb)
      guard case .transactionID(let before) = try client.call(.getTransactionID) else {
        throw NSOError(.internal, "another kind of reply")
      }
      try Self.fill(daemon)
      guard case .transactionID(let after) = try client.call(.getTransactionID) else {
        throw NSOError(.internal, "another kind of reply")
      }
      #expect(before != after)
      #expect(try client.call(.getTransactionID) == .transactionID(after))
    }
  }
}
