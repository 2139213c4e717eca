import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Synchronization
import Testing

@testable import NSOServer

/// Answers with what a closure makes.
struct TestPerformer: ActionHandler {
  var body: @Sendable (ActionInvocation) async throws(NSOError) -> [TaggedValue]

  func perform(_ invocation: ActionInvocation) async throws(NSOError) -> [TaggedValue] { try await body(invocation) }
}

/// An action that runs until it is cancelled.
final class EndlessAction: ActionHandler {
  private let seen = Mutex<(begun: Int, cancelled: Int)>((0, 0))
  var begun: Int { seen.withLock { $0.begun } }
  var cancelled: Int { seen.withLock { $0.cancelled } }

  func perform(_ invocation: ActionInvocation) async throws(NSOError) -> [TaggedValue] {
    seen.withLock { $0.begun += 1 }
    while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
    seen.withLock { $0.cancelled += 1 }
    throw NSOError(.aborted, "the action was aborted")
  }
}

@Suite struct ActionTests {
  private static let inspect = Keypath.site("west", .tag(Tag("inspect", in: "urn:ex:safety")))
  private static let drill: Keypath = [.tag(Tag("drill", in: "urn:ex:safety"))]

  private func request(_ path: Keypath, _ parameters: [TaggedValue] = []) -> MAAPIRequest {
    .requestAction(RequestAction(parameters, path.wire, namespace: "urn:ex:plant"))
  }

  @Test func `an action takes its input and gives its output`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.actions.setHandler(
        TestPerformer { invocation in
          #expect(invocation.transaction == nil && invocation.session.user == "admin")
          return [TaggedValue("found", .string("\(invocation.text) \(invocation.input.count)"))]
        }, at: "/p:plant/site/s:inspect")
      daemon.engine.actions.setHandler(TestPerformer { _ in [] }, at: "/s:drill")
      let client = try daemon.session()
      #expect(errorCode { _ = try client.call(request(Self.inspect)) } == .noExists)
      try client.commit { try client.done(.create(Keypath.site("west").wire), $0) }
      #expect(
        try client.call(request(Self.inspect))
          == .tagged([TaggedValue(Tag("found", in: "urn:ex:safety"), .string("/p:plant/site{west}/s:inspect 1"))]))
      #expect(try client.call(request(Self.drill, [TaggedValue("minutes", .uint8(5))])) == .done)
      #expect(errorCode { _ = try client.call(request(Self.drill)) } == .notSet)
      #expect(errorCode { _ = try client.call(request(Keypath.site("west", .tag("title")))) } == .badPath)
      // By a path as text.
      #expect(
        try client.call(
          .requestAction(RequestAction([TaggedValue("minutes", .uint8(5))], WireKeypath(text: "/s:drill"), namespace: "")))
          == .done)
      let stranger = try daemon.connect()
      #expect(errorCode { _ = try stranger.call(request(Self.inspect)) } == .noSession)
    }
  }

  @Test func `parameters and output as text`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.actions.setHandler(
        TestPerformer { invocation in
          [TaggedValue("found", .string("\(invocation.transaction?.handle ?? -1) of \(invocation.input.count)"))]
        }, at: "/p:plant/site/s:inspect")
      daemon.engine.actions.setHandler(TestPerformer { _ in [] }, at: "/s:drill")
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.create(Keypath.site("west").wire), handle)
      #expect(
        try client.call(.requestActionText("", Self.inspect.wire), handle) == .text("found \"\(handle) of 1\"\n"))
      #expect(try client.call(.requestActionText(" minutes 5 ", Self.drill.wire), handle) == .text(""))
      #expect(errorCode { _ = try client.call(.requestActionText("minutes five", Self.drill.wire), handle) } == .badType)
      #expect(errorCode { _ = try client.call(.requestActionText("seconds 5", Self.drill.wire), handle) } == .badPath)
      #expect(errorCode { _ = try client.call(.requestActionText("minutes", Self.drill.wire), handle) } == .badPath)
      #expect(errorCode { _ = try client.call(.requestActionText("", Self.drill.wire), 4711) } == .noTransaction)
    }
  }

  @Test func `within a transaction the action sees it`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.actions.setHandler(
        TestPerformer { invocation in
          [TaggedValue("found", .string("\(invocation.transaction?.handle ?? -1)"))]
        }, at: "/p:plant/site/s:inspect")
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.create(Keypath.site("west").wire), handle)
      #expect(
        try client.call(.requestActionInTransaction([], Self.inspect.wire), handle)
          == .tagged([TaggedValue(Tag("found", in: "urn:ex:safety"), .string("\(handle)"))]))
      #expect(errorCode { _ = try client.call(.requestActionInTransaction([], Self.inspect.wire), 4711) } == .noTransaction)
      // Relative to a position.
      try client.done(.changeDirectory(Keypath.site("west").wire), handle)
      let relative: Keypath = [.tag(Tag("inspect", in: "urn:ex:safety"))]
      client.send(.requestActionInTransaction([], relative.wire), handle, relative: true)
      #expect(try client.reply(241, .optionalTagged) != .done)
    }
  }

  @Test func `an action ends with the connection, and with the session`() async throws {
    try await TestDaemon.run { daemon in
      let endless = EndlessAction()
      daemon.engine.actions.setHandler(endless, at: "/s:drill")
      let asks: MAAPIRequest = request(Self.drill, [TaggedValue("minutes", .uint8(1))])
      var client: WireClient? = try daemon.session()
      client?.send(asks)
      try daemon.until { endless.begun == 1 }
      client = nil
      try daemon.until { endless.cancelled == 1 }
      let second = try daemon.session("second")
      second.send(asks)
      try daemon.until { endless.begun == 2 }
      let session = try #require(daemon.engine.sessions.all.first { $0.user == "second" })
      daemon.engine.sessions.end(session)
      try daemon.until { endless.cancelled == 2 }
    }
  }
}
