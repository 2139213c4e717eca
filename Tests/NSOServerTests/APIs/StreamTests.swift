import Foundation
import Logging
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct StreamTests {
  static let document = """
    <config xmlns="http://tail-f.com/ns/config/1.0"><plant xmlns="urn:ex:plant"><owner>me</owner>\
    <site><id>a</id><title>Alpha</title></site><site><id>b</id></site></plant></config>
    """

  /// The raw connection for a stream number.
  static func stream(_ daemon: TestDaemon, _ id: Int64) throws -> WireClient {
    let stream = try daemon.connect(.stream)
    var payload = ByteBuffer()
    StreamOpening(id: Int32(truncatingIfNeeded: id)).write(into: &payload)
    stream.sendFrame(payload)
    return stream
  }

  static func everything(_ stream: WireClient) -> String {
    String(decoding: stream.raw.receive(.max), as: UTF8.self)
  }

  @Test(arguments: [ConfigFlags.xml, [.xml, .xmlPretty]])
  func `a document is loaded and saved over streams`(_ flags: ConfigFlags) async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      let load = try client.integer(.loadConfig([.xml, .merge]), handle)
      #expect(load > 0)
      do {
        let stream = try Self.stream(daemon, load)
        for byte in Array(Self.document.utf8) { stream.raw.send([byte]) }
      }
      try client.done(.loadConfigResult(stream: Int32(load)))
      #expect(errorCode { try client.done(.loadConfigResult(stream: Int32(load))) } == .noExists)
      #expect(try client.value(.site("a", .tag("title")), handle) == .string("Alpha"))
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      try client.done(.stopTransaction, handle)

      let reading = try client.start(.running, .read)
      let save = try client.integer(.saveConfig(flags, Keypath.root.wire), reading)
      let text = Self.everything(try Self.stream(daemon, save))
      try client.done(.saveConfigResult(stream: Int32(save)))
      #expect(text.contains("<title>Alpha</title>"))
      #expect(text.contains("<owner>me</owner>"))
      #expect(text.contains("\n  ") == flags.contains(.xmlPretty))
      let part = try client.integer(.saveConfig(.json, Keypath.site("b").wire), reading)
      let json = Self.everything(try Self.stream(daemon, part))
      try client.done(.saveConfigResult(stream: Int32(part)))
      #expect(json.contains("\"b\""))
      #expect(!json.contains("Alpha"))
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.utf8)) }
    }
  }

  @Test func `a faulty document says where, and leaves the transaction as it was`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.setElem2("before", Keypath.plant(.tag("owner")).wire), handle)
      let load = try client.integer(.loadConfig([.xml, .merge]), handle)
      let stream = try Self.stream(daemon, load)
      stream.raw.send(Array(Self.document.replacing("<title>", with: "<tittle>").replacing("</title>", with: "</tittle>").utf8))
      // The daemon hangs up by itself.
      #expect(stream.raw.isAtEnd)
      let text = errorText { try client.done(.loadConfigResult(stream: Int32(load))) }
      #expect(text.contains("tittle"))
      #expect(text.contains("line"))
      #expect(try client.value(.plant(.tag("owner")), handle) == .string("before"))
      #expect(try client.integer(.exists(Keypath.site("a").wire), handle) == 0)
      #expect(errorCode { _ = try client.call(.loadConfig([.cliC, .merge]), handle) } == .notImplemented)
      #expect(errorCode { _ = try client.call(.loadConfig(.merge), handle) } == .protocolUsage)
    }
  }

  @Test func `the result is waited for`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      let load = try client.integer(.loadConfig([.xml, .merge]), handle)
      client.send(.loadConfigResult(stream: Int32(load)))
      do {
        let stream = try Self.stream(daemon, load)
        stream.raw.send(Array(Self.document.utf8))
      }
      #expect(try client.reply(251, .done) == .done)
      #expect(try client.integer(.exists(Keypath.site("b").wire), handle) == 1)
    }
  }

  @Test func `progress is told when it has grown`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      let load = try client.integer(.loadConfig([.xml, .merge]), handle)
      let stream = try Self.stream(daemon, load)
      stream.raw.send(Array(Self.document.utf8.prefix(40)))
      #expect(try client.integer(.getStreamProgress(stream: Int32(load))) == 40)
      client.send(.getStreamProgress(stream: Int32(load)))
      stream.raw.send(Array(Self.document.utf8.dropFirst(40).prefix(10)))
      guard case .integer(50) = try client.reply(259, .integer) else { throw NSOError(.internal, "another number") }
      #expect(errorCode { _ = try client.call(.getStreamProgress(stream: 12345)) } == .noExists)
    }
  }

  @Test func `streams belong to those who asked for them`() async throws {
    try await TestDaemon.run(change: { $0.streamTimeLimit = .milliseconds(50) }) { daemon in
      // A number that nobody offers.
      #expect(try Self.stream(daemon, 77).raw.isAtEnd)
      // A connection that does not say which.
      let silent = try daemon.connect(.stream)
      #expect(silent.raw.isAtEnd)
      // A stream that nobody comes for.
      let client = try daemon.session()
      let handle = try client.start()
      let late = try client.integer(.loadConfig([.xml, .merge]), handle)
      #expect(errorCode { try client.done(.loadConfigResult(stream: Int32(late))) } == .timeout)
      // The transaction is free again.
      try client.done(.setElem2("x", Keypath.plant(.tag("owner")).wire), handle)
      let other = try daemon.session("other")
      let mine = try client.integer(.saveConfig(.xml, Keypath.root.wire), handle)
      #expect(errorCode { try other.done(.saveConfigResult(stream: Int32(mine))) } == .noExists)
      #expect(daemon.log.lines(from: .warning).count == 2)
    }
  }

  @Test func `when the asker goes, so does the stream`() async throws {
    try await TestDaemon.run { daemon in
      let stream: WireClient
      do {
        let client = try daemon.session()
        let handle = try client.start()
        stream = try Self.stream(daemon, try client.integer(.loadConfig([.xml, .merge]), handle))
        stream.raw.send(Array(Self.document.utf8.prefix(40)))
      }
      #expect(stream.raw.isAtEnd)
      try daemon.until { daemon.engine.transactions.isEmpty }
    }
  }

  @Test func `a save whose reader goes has failed`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      try client.commit { handle in
        for index in 0..<20 {
          try client.done(.create(Keypath.site("s\(index)").wire), handle)
          try client.done(
            .setElem2(String(repeating: "x", count: 100_000), Keypath.site("s\(index)", .tag("title")).wire), handle)
        }
      }
      let handle = try client.start(.running, .read)
      let id = try client.integer(.saveConfig(.xml, Keypath.root.wire), handle)
      do {
        let stream = try Self.stream(daemon, id)
        #expect(stream.raw.receive(1000).count == 1000)
      }
      #expect(errorCode { try client.done(.saveConfigResult(stream: Int32(id))) } == .external)
    }
  }

  @Test func `what takes a transaction back comes over a stream`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      try client.commit { handle in
        try client.done(.create(Keypath.site("gone").wire), handle)
        try client.done(.setElem2("before", Keypath.plant(.tag("owner")).wire), handle)
      }
      let handle = try client.start()
      try client.done(.setElem2("after", Keypath.plant(.tag("owner")).wire), handle)
      try client.done(.create(Keypath.site("new").wire), handle)
      try client.done(.delete(Keypath.site("gone").wire), handle)
      func undo(_ path: Keypath) throws -> String {
        let id = try client.integer(.rollConfig(path.wire), handle)
        let text = Self.everything(try Self.stream(daemon, id))
        try client.done(.rollConfigResult(stream: Int32(id)))
        #expect(errorCode { try client.done(.rollConfigResult(stream: Int32(id))) } == .noExists)
        return text
      }
      let part = try undo(Keypath.plant(.tag("owner")))
      #expect(part.contains("before") && !part.contains("new"), "\(part)")
      let whole = try undo(.root)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      let back = try client.start()
      try client.done(.loadConfigCmds([.xml, .merge], text: whole, Keypath.root.wire), back)
      #expect(try client.value(.plant(.tag("owner")), back) == .string("before"))
      #expect(try client.integer(.exists(Keypath.site("gone").wire), back) == 1)
      #expect(try client.integer(.exists(Keypath.site("new").wire), back) == 0)
      // Nobody takes the stream: the number is given back with the connection.
      _ = try client.integer(.rollConfig(Keypath.root.wire), back)
      #expect(errorCode { _ = try client.call(.rollConfig(Keypath.root.wire), handle + 1000) } == .noTransaction)
    }
  }

  @Test func `what cannot be done as asked is refused by name`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      let operational = try client.start(.operational)
      func load(_ flags: ConfigFlags, _ handle: Int32) -> NSOError? {
        error { try client.done(.loadConfigCmds(flags, text: "<config/>", Keypath.root.wire), handle) }
      }
      func save(_ flags: ConfigFlags, _ path: WireKeypath = Keypath.root.wire) -> NSOError? {
        error {
          let id = try client.integer(.saveConfig(flags, path), handle)
          _ = Self.everything(try Self.stream(daemon, id))
          try client.done(.saveConfigResult(stream: Int32(id)))
        }
      }
      let both: [(ConfigFlags, ErrorCode, String)] = [
        ([], .protocolUsage, "no format"), ([.xml, .json], .protocolUsage, "MAAPI_CONFIG_JSON (131072)"),
        ([.xml, .cliC], .notImplemented, "MAAPI_CONFIG_C (4)"),
        (.cliI, .notImplemented, "MAAPI_CONFIG_C_IOS (32)"), (.turboC, .notImplemented, "MAAPI_CONFIG_TURBO_C (8388608)"),
        ([.xml, .hideAll, .unhideAll], .protocolUsage, "MAAPI_CONFIG_UNHIDE_ALL"),
        ([.xml, ConfigFlags(rawValue: 1 << 30)], .protocolUsage, "bits 1073741824"),
      ]
      let loads: [(ConfigFlags, ErrorCode, String)] = [
        (.cliJ, .notImplemented, "MAAPI_CONFIG_J (2)"),
        ([.xml, .merge, .replace], .protocolUsage, "MAAPI_CONFIG_REPLACE"),
        ([.xml, .autocommit], .notImplemented, "MAAPI_CONFIG_AUTOCOMMIT"),
        ([.xml, .continueOnError], .notImplemented, "MAAPI_CONFIG_CONTINUE_ON_ERROR"),
        ([.xml, .xpath], .protocolUsage, "MAAPI_CONFIG_XPATH"),
        ([.xml, .readWriteAccessOnly], .protocolUsage, "READ_WRITE_ACCESS_ONLY"),
        ([.xml, .operationalOnly], .protocolUsage, "MAAPI_CONFIG_OPER_ONLY"),
      ]
      let saves: [(ConfigFlags, ErrorCode, String)] = [
        ([.xml, .autocommit], .protocolUsage, "MAAPI_CONFIG_AUTOCOMMIT"),
        ([.json, .continueOnError], .protocolUsage, "MAAPI_CONFIG_CONTINUE_ON_ERROR"),
        ([.xml, .readWriteAccessOnly], .notImplemented, "READ_WRITE_ACCESS_ONLY"),
        ([.xml, .xpath], .protocolUsage, "MAAPI_CONFIG_XPATH"),
      ]
      for (flags, code, text) in both + loads {
        let error = load(flags, handle)
        #expect(error?.code == code && error?.message.contains(text) == true, "load \(flags): \(String(describing: error))")
      }
      for (flags, code, text) in both + saves {
        let error = save(flags)
        #expect(error?.code == code && error?.message.contains(text) == true, "save \(flags): \(String(describing: error))")
      }
      #expect(load([.xml, .merge, .operationalOnly], operational) == nil)
      for more in [
        ConfigFlags.withServiceMeta, .noParents, .cdbOnly, .withDefaults, .showDefaults, .noBackquote, .suppressErrors,
        .withOperational,
        .xmlLoadLax, .hideAll, .unhideAll, .xmlPretty, ConfigFlags(rawValue: 1 << 24),
      ] {
        #expect(load([.xml, .merge, more], handle) == nil, "load \(more)")
        #expect(save([.xml, more], Keypath.plant(.tag("owner")).wire) == nil, "save \(more)")
        #expect(save([.json, more], Keypath.plant(.tag("owner")).wire) == nil, "save \(more)")
      }
    }
  }

  private func error(_ body: () throws -> Void) -> NSOError? {
    do {
      try body()
      return nil
    } catch {
      return error as? NSOError ?? NSOError(.internal, "\(error)")
    }
  }

  @Test func `files and texts are loaded`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      let path = daemon.folder("load.xml")
      try Self.document.write(toFile: path, atomically: true, encoding: .utf8)
      try client.done(.loadConfigFile([.xml, .merge], file: path), handle)
      #expect(try client.integer(.exists(Keypath.site("a").wire), handle) == 1)
      #expect(errorCode { try client.done(.loadConfigFile([.xml, .merge], file: daemon.folder("none")), handle) } == .noExists)
      try client.done(
        .loadConfigCmds([.xml, .replace], text: Self.document.replacing("Alpha", with: "Omega"), Keypath.root.wire), handle)
      #expect(try client.value(.site("a", .tag("title")), handle) == .string("Omega"))
      #expect(
        errorCode { try client.done(.loadConfigCmds([.xml, .merge], text: "<config", Keypath.root.wire), handle) } == .badConfig
      )
      #expect(try client.value(.site("a", .tag("title")), handle) == .string("Omega"))
    }
  }
}

@Suite struct SchemaLoadingTests {
  @Test func `the schema is sent without session, to the end`() async throws {
    try await TestDaemon.run { daemon in
      for _ in 0..<2 {
        let client = try daemon.connect()
        client.send(.loadAllNamespaces("ikp"))
        var items: [SchemaItem] = []
        while items.last != .endOfSchema { items += try SchemaItem.items(in: try #require(client.receiveFrame())) }
        let names = items.compactMap { item in
          if case .namespace(let namespace) = item { namespace.module } else { nil }
        }
        #expect(Set(["plant", "safety", "kinds"]).isSubset(of: Set(names)))
        // The connection serves on.
        try client.done(.waitStart(phase: 1))
      }
    }
  }

  /// Both requests come in one segment, and the stream between them is short enough to be sent at once.
  @Test func `a request behind a stream is answered`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      var bytes = ByteBuffer()
      for request in [MAAPIRequest.loadAllNamespaces("ikp"), .getMyUserSession] {
        var payload = ByteBuffer()
        MAAPICall(request).write(into: &payload)
        bytes.writeFrame(payload)
      }
      client.raw.send(Array(bytes.readableBytesView))
      var op: UInt32?
      repeat {
        let frame = try #require(client.receiveFrame(), "the connection closed, or nothing came")
        op = frame.getInteger(at: 0)
      } while op != MAAPIRequest.getMyUserSession.op
    }
  }
}
