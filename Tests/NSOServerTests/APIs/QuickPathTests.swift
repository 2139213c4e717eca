import NIOCore
import NSOEngine
import NSOModel
import NSOStore
import NSOWire
import Testing

@testable import NSOServer

@Suite struct QuickPathTests {
  @Test func `the short way and the long way lead to the same place`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let model = daemon.engine.model
      for path in [
        Keypath.plant(.tag("mode")), .site("west"), .site("west", .tag("title")), .site("west", .tag("alarm"), .tag("level")),
        .site("west", .tag("step"), .keys([.string("first")]), .tag("text")),
        .site("west", .tag(Tag("zone", in: "urn:ex:safety"))),
        .plant(.tag("site")), .site("", .tag("title")), .site("with \0 and \u{1}", .tag("title")),
      ] {
        let quick = WirePathResolver.quick(path.wire, model)
        let long = try? WirePathResolver(model).locate(path.wire)
        if let long { #expect(quick?.path == long.path, "\(path)") }
      }
      // Keys that are not all strings, positions, what is not there: the long way.
      for path in [
        Keypath.site("west", .tag("port"), .keys([.uint8(1), .uint16(2)])), .plant(.tag("site"), .position(1)),
        .plant(.tag("nope")), .plant(.tag("site"), .tag("title")), .plant(.tag("owner"), .tag("below")),
        .plant(.tag("site"), .keys([.string("a"), .string("b")])), .plant(.tag("site"), .keys([.int32(1)])), .root,
      ] { #expect(WirePathResolver.quick(path.wire, model) == nil, "\(path)") }
      // Errors are those of the long way.
      let client = try CDBTests.reader(daemon)
      #expect(errorText { _ = try client.call(.get(Keypath.site("none", .tag("title")).wire)) }.contains("/p:plant/site{none}"))
      #expect(
        errorCode { _ = try client.call(.get(Keypath.site("longer than twenty letters", .tag("title")).wire)) } == .badType)
      #expect(
        errorCode { _ = try client.call(.exists(Keypath.site("longer than twenty letters", .tag("title")).wire)) } == .badType)
    }
  }
}
