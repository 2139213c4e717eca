import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct StructureTests {
  static func keys(_ client: WireClient, _ list: Keypath, _ handle: Int32) throws -> [[Value]] {
    var position = CursorPosition.first(filter: nil)
    var found: [[Value]] = []
    while case .entry(let entry?) = try client.call(.getNext(GetNext(position, list.wire, cursor: 5)), handle) {
      found.append(entry.keys)
      position = .after(entry)
    }
    return found
  }

  @Test func `an entry gets new keys, with all that is in it`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      try client.commit { handle in
        try client.done(.setAttr(.annotation, .string("n"), Keypath.site("west", .tag("title")).wire), handle)
        try client.done(.move(Keypath.site("west").wire, to: [.string("best")]), handle)
        #expect(errorCode { try client.done(.move(Keypath.site("west").wire, to: [.string("x")]), handle) } == .noExists)
        #expect(
          errorCode { try client.done(.move(Keypath.site("best").wire, to: [.string("east")]), handle) } == .alreadyExists)
        #expect(errorCode { try client.done(.move(Keypath.site("best").wire, to: [.int32(1)]), handle) } == .badType)
        #expect(
          errorCode { try client.done(.move(Keypath.plant(.tag("owner")).wire, to: [.string("x")]), handle) } == .notMovable)
      }
      let read = try client.start(.running, .read)
      #expect(try Self.keys(client, .plant(.tag("site")), read) == [[.string("best")], [.string("east")]])
      #expect(try client.value(.site("best", .tag("id")), read) == .string("best"))
      #expect(try client.value(.site("best", .tag("title")), read) == .string("West wing"))
      #expect(try client.integer(.numInstances(Keypath.site("best", .tag("port")).wire), read) == 3)
      #expect(
        try Self.keys(client, .site("best", .tag("step")), read) == [
          [.string("second")], [.string("first")], [.string("third")],
        ])
      #expect(try AttributeTests.attributes(client, .site("best", .tag("title")), read).count == 1)
    }
  }

  @Test func `in a list ordered by user an entry keeps its place under new keys`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      let entry = { (a: String, b: Int32) in Keypath.annex(.tag("queue"), .keys([.string(a), .int32(b)])) }
      for (a, b) in [("x", 1), ("y", 2), ("z", 3)] as [(String, Int32)] { try client.done(.create(entry(a, b).wire), handle) }
      try client.done(.setElem2("t", entry("y", 2).appending("text").wire), handle)
      try client.done(.move(entry("y", 2).wire, to: [.string("a"), .int32(9)]), handle)
      #expect(
        try Self.keys(client, .annex(.tag("queue")), handle) == [
          [.string("x"), .int32(1)], [.string("a"), .int32(9)], [.string("z"), .int32(3)],
        ])
      #expect(try client.value(entry("a", 9).appending("text"), handle) == .string("t"))
      #expect(errorCode { try client.done(.move(entry("a", 9).wire, to: [.string("q")]), handle) } == .badPath)
    }
  }

  @Test func `entries are inserted among numbered ones`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      for number in [1, 2, 3, 5] as [UInt8] {
        try client.done(.create(Keypath.rule(number).wire), handle)
        try client.done(.setElem2("r\(number)", Keypath.rule(number, .tag("text")).wire), handle)
        try client.done(.create(Keypath.rule(number, .tag("part"), .keys([.string("p\(number)")])).wire), handle)
      }
      try client.done(.insert(Keypath.rule(2).wire), handle)
      #expect(
        try Self.keys(client, .annex(.tag("rule")), handle) == [1, 2, 3, 4, 5].map { [.uint8($0)] })
      #expect(try client.value(.rule(4, .tag("text")), handle) == .string("r3"))
      #expect(try client.value(.rule(5, .tag("text")), handle) == .string("r5"))
      #expect(try Self.keys(client, .rule(3, .tag("part")), handle) == [[.string("p2")]])
      #expect(errorCode { _ = try client.value(.rule(2, .tag("text")), handle) } == .noExists)
      for number in [6, 7, 8, 9] as [UInt8] { try client.done(.create(Keypath.rule(number).wire), handle) }
      #expect(errorCode { try client.done(.insert(Keypath.rule(1).wire), handle) } == .badType)
      #expect(try client.value(.rule(5, .tag("text")), handle) == .string("r5"))
      #expect(errorCode { try client.done(.insert(Keypath.site("x").wire), handle) } == .badType)
    }
  }

  @Test func `subtrees are copied`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.setAttr(.annotation, .string("n"), Keypath.site("west", .tag("title")).wire), handle)
      try client.done(.copyTree(CopyTree(from: Keypath.site("west").wire, to: Keypath.site("copy").wire)), handle)
      #expect(try client.value(.site("copy", .tag("title")), handle) == .string("West wing"))
      #expect(try client.value(.site("copy", .tag("tags")), handle) == .list([.string("a"), .string("b")]))
      #expect(try client.integer(.numInstances(Keypath.site("copy", .tag("port")).wire), handle) == 3)
      #expect(try Self.keys(client, .site("copy", .tag("step")), handle).count == 3)
      #expect(try AttributeTests.attributes(client, .site("copy", .tag("title")), handle).count == 1)
      #expect(try client.value(.site("west", .tag("title")), handle) == .string("West wing"))
      // On top of what is there.
      try client.done(.copyTree(CopyTree(from: Keypath.site("west").wire, to: Keypath.site("east").wire)), handle)
      #expect(try client.value(.site("east", .tag("title")), handle) == .string("West wing"))
      // Between nodes that are alike.
      try client.done(.create(Keypath.room("hall").wire), handle)
      try client.done(.setElem2("3", Keypath.room("hall", .tag("floor")).wire), handle)
      let spare = Keypath.annex(.tag("spare"), .tag("room"))
      try client.done(.copyTree(CopyTree(from: Keypath.annex(.tag("room")).wire, to: spare.wire)), handle)
      #expect(try client.value(spare.appending(.keys([.string("hall")])).appending("floor"), handle) == .int8(3))
      func code(_ from: Keypath, _ to: Keypath) -> ErrorCode? {
        errorCode { try client.done(.copyTree(CopyTree(from: from.wire, to: to.wire)), handle) }
      }
      #expect(code(.annex(), .annex(.tag("spare"))) == .badPath)
      #expect(code(.site("nowhere"), .site("x")) == .noExists)
      #expect(code(.site("west"), .plant(.tag("site"))) == .badPath)
      #expect(code(.site("west", .tag("address")), .site("nowhere", .tag("address"))) == .noExists)
    }
  }

  @Test func `configuration is copied between transactions`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let source = try client.start()
      try client.done(.delete(Keypath.site("east").wire), source)
      try client.done(.setElem2("New", Keypath.site("west", .tag("title")).wire), source)
      try client.done(.setElem2("house", Keypath.annex(.tag("kind")).wire), source)
      let destination = try client.start()
      try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), destination)
      // One entry, then everything.
      try client.done(.copyPath(to: TransactionHandle(destination), Keypath.site("west").wire), source)
      #expect(try client.value(.site("west", .tag("title")), destination) == .string("New"))
      #expect(try client.value(.site("east", .tag("title")), destination) == .string("East wing"))
      #expect(try client.value(.plant(.tag("owner")), destination) == .string("me"))
      try client.done(.copyPath(to: TransactionHandle(destination), Keypath.site("east").wire), source)
      #expect(try client.integer(.exists(Keypath.site("east").wire), destination) == 0)
      let step = Keypath.site("new", .tag("step"), .keys([.string("s")]))
      try client.done(.create(Keypath.site("new").wire), source)
      try client.done(.create(step.wire), source)
      try client.done(.copyPath(to: TransactionHandle(destination), step.wire), source)
      #expect(try Self.keys(client, .site("new", .tag("step")), destination) == [[.string("s")]])
      try client.done(.copy(to: TransactionHandle(destination)), source)
      #expect(try client.integer(.exists(Keypath.plant(.tag("owner")).wire), destination) == 0)
      #expect(try client.value(.annex(.tag("kind")), destination) == .string("house"))
      try client.done(.applyTransaction(keepOpen: false, flags: 0), destination)
      let read = try client.start(.running, .read)
      #expect(try client.integer(.numInstances(Keypath.plant(.tag("site")).wire), read) == 2)
      // Not to a read transaction, nor to somebody else's.
      #expect(errorCode { try client.done(.copy(to: TransactionHandle(read)), source) } == .notWritable)
      let other = try daemon.session("other")
      let theirs = try other.start()
      try client.done(.attach(Attach()), theirs)
      #expect(errorCode { try client.done(.copy(to: TransactionHandle(theirs)), source) } == .accessDenied)
    }
  }

  @Test func `delayed-when: conditions are looked at when it ends`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let window = Keypath.annex(.tag("window"))
      let size = Keypath.annex(.tag("garden"), .tag("size"))
      let handle = try client.start()
      #expect(errorCode { try client.done(.setElem2("w", window.wire), handle) } == .noExists)
      #expect(try client.integer(.setDelayedWhen(true), handle) == 0)
      #expect(try client.integer(.setDelayedWhen(true), handle) == 1)
      try client.done(.setElem2("w", window.wire), handle)
      try client.done(.create(Keypath.annex(.tag("garden")).wire), handle)
      try client.done(.setElem2("5", size.wire), handle)
      // Not there for readers yet.
      #expect(try client.integer(.exists(window.wire), handle) == 0)
      #expect(try client.integer(.exists(size.wire), handle) == 0)
      #expect(errorCode { _ = try client.value(size, handle) } == .noExists)
      try client.done(.setElem2("house", Keypath.annex(.tag("kind")).wire), handle)
      #expect(try client.value(size, handle) == .uint32(5))
      try client.done(.setElem2("hut", Keypath.annex(.tag("kind")).wire), handle)
      #expect(try client.integer(.exists(window.wire), handle) == 0)
      #expect(try client.integer(.setDelayedWhen(false), handle) == 1)
      try client.done(.setElem2("house", Keypath.annex(.tag("kind")).wire), handle)
      #expect(try client.integer(.exists(window.wire), handle) == 0)
      // From the start of a transaction; validation is the end of it.
      let delayed = Int32(try client.integer(.startTransaction(StartTransaction(.running, .readWrite, flags: .delayedWhen))))
      try client.done(.setElem2("w", window.wire), delayed)
      try client.done(.setElem2("house", Keypath.annex(.tag("kind")).wire), delayed)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), delayed)
      let read = try client.start(.running, .read)
      #expect(try client.value(window, read) == .string("w"))
      #expect(errorCode { _ = try client.call(.setDelayedWhen(true), read) } == .notWritable)
    }
  }

  @Test func `writes of services are writes`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.sharedCreate(backpointer: true, Keypath.site("s").wire), handle)
      try client.done(.sharedCreate(backpointer: true, Keypath.site("s").wire), handle)
      try client.done(.sharedSetElem(EncodedTerm(.uint8(4)), Keypath.site("s", .tag("floors")).wire), handle)
      try client.done(.sharedSetElem2("T", Keypath.site("s", .tag("title")).wire), handle)
      try client.done(.sharedSetValues([TaggedValue("owner", .string("me"))], backpointer: true, Keypath.plant().wire), handle)
      #expect(try client.value(.site("s", .tag("floors")), handle) == .uint8(4))
      #expect(try client.value(.site("s", .tag("title")), handle) == .string("T"))
      #expect(try client.value(.plant(.tag("owner")), handle) == .string("me"))
      #expect(try AttributeTests.attributes(client, .site("s"), handle).isEmpty)
      #expect(
        errorCode { try client.done(.sharedCreate(backpointer: true, Keypath.site("no", .tag("alarm")).wire), handle) }
          == .noExists)
    }
  }

  @Test func `a text is loaded below a path`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let client = try daemon.session()
      let handle = try client.start()
      let text = "<title xmlns=\"urn:ex:plant\">Loaded</title><floors xmlns=\"urn:ex:plant\">3</floors>"
      try client.done(.loadConfigCmds([.xml, .merge], text: text, Keypath.site("west").wire), handle)
      #expect(try client.value(.site("west", .tag("title")), handle) == .string("Loaded"))
      #expect(try client.integer(.numInstances(Keypath.site("west", .tag("port")).wire), handle) == 3)
      // Without merge what was below the path goes first, and only that.
      try client.done(.loadConfigCmds([.json], text: "{\"plant:title\":\"Anew\"}", Keypath.site("west").wire), handle)
      #expect(try client.value(.site("west", .tag("title")), handle) == .string("Anew"))
      #expect(try client.integer(.numInstances(Keypath.site("west", .tag("port")).wire), handle) == 0)
      #expect(try client.value(.site("east", .tag("title")), handle) == .string("East wing"))
      #expect(
        errorCode { try client.done(.loadConfigCmds([.xml, .merge], text: "<nope/>", Keypath.site("west").wire), handle) }
          == .badPath)
      #expect(errorCode { try client.done(.loadConfigCmds([.xml], text: "", .root), handle) } == .badConfig)
      #expect(errorCode { try client.done(.loadConfigCmds([.xml], text: "words", .root), handle) } == .badConfig)
      #expect(try client.value(.site("west", .tag("title")), handle) == .string("Anew"))
    }
  }

  @Test func `the next session number can be chosen`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.connect()
      try client.done(.setNextUserSessionID(5000))
      let first = try daemon.session()
      #expect(try first.integer(.getMyUserSession) == 5000)
      try client.done(.setNextUserSessionID(-7))
      #expect(try daemon.session().integer(.getMyUserSession) == 100)
      try client.done(.setNextUserSessionID(5000))
      #expect(try daemon.session().integer(.getMyUserSession) == 5001)
      #expect(errorCode { _ = try client.call(.getUserSessionOpaque(5000)) } == .noExists)
    }
  }
}
