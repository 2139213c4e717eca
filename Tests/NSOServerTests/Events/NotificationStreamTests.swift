import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

/// Notification streams on the wire: replays by the data provider, and readers that do not read.
@Suite(.timeLimit(.minutes(10))) struct NotificationStreamTests {
  static let model = """
    module link {
      yang-version 1.1; namespace "urn:link"; prefix l;
      notification change { leaf number { type uint32; mandatory true; } leaf text { type string; } }
    }
    """

  func run(added: [(String, String)] = [], _ body: @escaping @Sendable (TestDaemon) throws -> Void) async throws {
    try await TestDaemon.run(added: [("link", Self.model)] + added) { daemon in
      try daemon.engine.streams.open([
        NotificationStreamSettings(
          name: "stored", description: "", offersReplay: true,
          store: .init(directory: daemon.folder("replay"), maximumSize: 1 << 20, maximumFiles: 20)),
        NotificationStreamSettings(name: "provided", description: "", offersReplay: true),
      ])
      try body(daemon)
    }
  }

  func provider(_ daemon: TestDaemon, _ stream: String) throws -> FakeProvider {
    let mask: StreamCallbacks = stream == "provided" ? [.logTimes, .replay] : []
    return try FakeProvider(
      daemon, "links", [ProviderRegistration(.stream, stream, mask: mask.rawValue, index: 1)]
    ) { _ in .silence }
  }

  func values(_ number: UInt32, text: String? = nil) -> [TaggedValue] {
    let tag = Tag("change", in: "urn:link")
    return [TaggedValue(tag, .start), TaggedValue("number", .uint32(number))]
      + (text.map { [TaggedValue("text", .string($0))] } ?? [])
      + [TaggedValue(tag, .stop)]
  }

  func time(_ number: UInt32) -> DateTime { DateTime(microsecondsSince1970: 1_700_000_000_000_000 + Int64(number)) }

  func send(
    _ provider: FakeProvider, _ stream: String, _ number: UInt32, replay: Int32? = nil, text: String? = nil
  ) {
    provider.send(
      .stream(
        .notification(
          StreamNotification(
            stream: stream, subscription: replay, time: time(number), values: values(number, text: text)))), worker: 1)
  }

  func subscriber(
    _ daemon: TestDaemon, _ stream: String, from start: DateTime? = nil, filter: String? = nil
  ) throws -> WireClient {
    let client = try daemon.connect(.events)
    try client.subscribe(EventSubscription(.streamEvent, stream: .init(name: stream, start: start, filter: filter)))
    return client
  }

  func number(_ client: WireClient) throws -> String {
    guard case .stream(let notice) = try client.event() else { return "another event" }
    switch notice {
    case .notification(_, let values):
      guard case .value(.uint32(let number)) = values[1].content else { return "no number" }
      return "\(number)"
    case .replayComplete: return "replayComplete"
    case .notificationComplete: return "notificationComplete"
    case .replayFailed(let reason): return "failed: \(reason)"
    }
  }

  /// The replay that the daemon asked for.
  func replay(_ provider: FakeProvider, _ daemon: TestDaemon) throws -> StreamReplay {
    var asked: StreamReplay?
    try daemon.until {
      for (query, body) in provider.queries {
        switch body {
        case .streamLogTimes(let stream, let index):
          #expect(stream == "provided" && index == 1)
          guard provider.markAnswered(query) else { continue }
          provider.send(
            .reply(
              ProviderReply(
                .streamLogTimes, query: query, instance: provider.instance, .logTimes(created: time(0), aged: nil))))
        case .streamReplay(let replay):
          guard provider.markAnswered(query) else { continue }
          asked = replay
          provider.send(.reply(ProviderReply(.streamReplay, query: query, instance: provider.instance, .done)))
        default: break
        }
      }
      return asked != nil
    }
    return try #require(asked)
  }

  @Test func whatIsLiveAndInAReplayIsToldOnce() async throws {
    try await run { daemon in
      let provider = try provider(daemon, "provided")
      let client = try subscriber(daemon, "provided", from: time(0))
      let replay = try replay(provider, daemon)
      #expect(replay.start.microsecondsSince1970 == time(0).microsecondsSince1970 && replay.stop == nil)
      let id = replay.subscription
      // Another number is nobody's.
      send(provider, "provided", 99, replay: id &+ 1)
      send(provider, "provided", 1, replay: id)
      send(provider, "provided", 3)  // live, in the replay later
      send(provider, "provided", 2, replay: id)
      send(provider, "provided", 3, replay: id)
      send(provider, "provided", 4, replay: id)
      send(provider, "provided", 4)  // live, in the replay before
      send(provider, "provided", 6)  // live only
      send(provider, "provided", 5, replay: id)
      provider.send(.stream(.replayComplete(stream: "provided", subscription: id)), worker: 1)
      send(provider, "provided", 5)  // live after the end of the replay it was in
      send(provider, "provided", 7)
      send(provider, "provided", 7)  // twice is twice when there is no replay
      var seen: [String] = []
      for _ in 0..<9 { seen.append(try number(client)) }
      #expect(seen == ["1", "2", "3", "4", "5", "replayComplete", "6", "7", "7"])
    }
  }

  @Test func aClosedStreamWorkerEndsItsReplays() async throws {
    try await run { daemon in
      let provider = try provider(daemon, "provided")
      let client = try subscriber(daemon, "provided", from: time(0))
      let id = try replay(provider, daemon).subscription
      send(provider, "provided", 1, replay: id)
      #expect(try number(client) == "1")
      provider.close(worker: 1)
      #expect(try number(client).contains("closed its stream worker"))
    }
  }

  @Test func whoDoesNotReadLosesTheSocketAndNobodyElseWaits() async throws {
    try await run { daemon in
      var settings = daemon.engine.events.settings
      settings.bufferedEvents = 64
      daemon.engine.events.settings = settings
      let provider = try provider(daemon, "stored")
      let lazy = try subscriber(daemon, "stored")
      let good = try subscriber(daemon, "stored")
      #expect(daemon.engine.events.subscribers.count == 2)
      let text = String(repeating: "x", count: 8000)
      var sent: UInt32 = 0
      while daemon.engine.events.subscribers.count == 2, sent < 5000 {
        sent += 1
        send(provider, "stored", sent, text: text)
        #expect(try number(good) == "\(sent)")
      }
      #expect(sent < 5000)
      #expect(daemon.engine.events.subscribers.count == 1)
      try daemon.until { daemon.engine.streams.lines.contains { $0.hasPrefix("stored") && $0.contains("1 subscribers") } }
      _ = lazy
    }
  }

  @Test func aReplayWaitsForItsReader() async throws {
    try await run { daemon in
      var settings = daemon.engine.events.settings
      settings.bufferedEvents = 8
      daemon.engine.events.settings = settings
      let provider = try provider(daemon, "stored")
      let text = String(repeating: "x", count: 4000)
      let count: UInt32 = 600
      for number in 1...count { send(provider, "stored", number, text: text) }
      try daemon.until { daemon.engine.streams.lines.contains { $0.contains(", \(count) notifications") } }
      let slow = try subscriber(daemon, "stored", from: time(0))
      // The socket and the buffer are full: the rest waits in the store, and what comes meanwhile goes there as well.
      try daemon.until { daemon.engine.events.subscribers.first.map { $0.waiting > 0 } ?? false }
      for number in count + 1...count + 50 { send(provider, "stored", number, text: text) }
      var seen: [String] = []
      while seen.last != "\(count + 50)" { seen.append(try number(slow)) }
      // What the daemon took from the provider after the end of the replay came live.
      if !seen.contains("replayComplete") { #expect(try number(slow) == "replayComplete") }
      #expect(seen.filter { $0 != "replayComplete" } == (1...count + 50).map { "\($0)" })
      #expect(!seen.prefix(Int(count)).contains("replayComplete"))
      send(provider, "stored", 9999)
      #expect(try number(slow) == "9999")
    }
  }

  @Test func subscribersThatGoInAReplayLeaveNothing() async throws {
    try await run { daemon in
      let provider = try provider(daemon, "provided")
      let id: Int32
      do {
        let client = try subscriber(daemon, "provided", from: time(0))
        id = try replay(provider, daemon).subscription
        _ = client
      }
      try daemon.until { daemon.engine.events.subscribers.isEmpty }
      send(provider, "provided", 1, replay: id)
      provider.send(.stream(.replayComplete(stream: "provided", subscription: id)), worker: 1)
      let client = try subscriber(daemon, "provided")
      send(provider, "provided", 2)
      #expect(try number(client) == "2")
      #expect(daemon.engine.streams.lines.contains { $0.hasPrefix("provided") && $0.contains("1 subscribers") })
    }
  }
}
