import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

/// Data providers that feed streams: how they end, whose replays they send, what of the data their notifications are measured by.
extension NotificationStreamTests {
  private func numbers(_ client: WireClient, _ count: Int) throws -> [String] {
    var all: [String] = []
    for _ in 0..<count { all.append(try number(client)) }
    return all
  }

  private func status(_ daemon: TestDaemon, _ stream: String) -> String {
    let lines = daemon.engine.streams.lines
    guard let index = lines.firstIndex(where: { $0.hasPrefix(stream) }) else { return "none" }
    return lines[index...].prefix(2).joined(separator: "\n")
  }

  // MARK: Their end

  enum End: CaseIterable { case control, worker }

  @Test(arguments: End.allCases) func nothingThatWasSentBeforeTheEndIsLost(_ first: End) async throws {
    try await run { daemon in
      let client = try subscriber(daemon, "stored")
      for round in 0..<5 {
        let provider = try provider(daemon, "stored")
        let start = UInt32(round * 100)
        for number in 1...100 { send(provider, "stored", start + UInt32(number), text: String(repeating: "x", count: 700)) }
        if first == .worker { provider.close(worker: 1) }
        provider.die()
        #expect(try numbers(client, 100) == (1...100).map { "\(Int(start) + $0)" })
      }
      #expect(status(daemon, "stored").contains("not registered, 500 notifications, the latest"), "\(status(daemon, "stored"))")
    }
  }

  /// Longer than what is decoded on the event loop.
  @Test(arguments: End.allCases) func longOnesAreNotLostEither(_ first: End) async throws {
    try await run { daemon in
      let client = try subscriber(daemon, "stored")
      let provider = try provider(daemon, "stored")
      let done = DispatchSemaphore(value: 0)
      // More than the socket holds, so it is read meanwhile.
      Thread.detachNewThread {
        for number: UInt32 in 1...8 { send(provider, "stored", number, text: String(repeating: "x", count: 200_000)) }
        if first == .worker { provider.close(worker: 1) }
        provider.die()
        done.signal()
      }
      #expect(try numbers(client, 8) == (1...8).map { "\($0)" })
      done.wait()
    }
  }

  @Test func aSuccessorDoesNotCutOffWhatWasSentBefore() async throws {
    try await run { daemon in
      let client = try subscriber(daemon, "stored")
      let first = try provider(daemon, "stored")
      for number: UInt32 in 1...100 { send(first, "stored", number) }
      first.die()
      try daemon.until { daemon.engine.providers.instances.isEmpty }
      let second = try provider(daemon, "stored")
      send(second, "stored", 101)
      let seen = try numbers(client, 101)
      #expect(seen.filter { $0 != "101" } == (1...100).map { "\($0)" })
      #expect(seen.contains("101"))
    }
  }

  @Test(arguments: End.allCases) func aReplayThatWasSentToItsEndIsComplete(_ first: End) async throws {
    try await run { daemon in
      let provider = try provider(daemon, "provided")
      let client = try subscriber(daemon, "provided", from: time(0))
      let id = try replay(provider, daemon).subscription
      for number: UInt32 in 1...50 { send(provider, "provided", number, replay: id) }
      provider.send(.stream(.replayComplete(stream: "provided", subscription: id)), worker: 1)
      if first == .worker { provider.close(worker: 1) }
      provider.die()
      #expect(try numbers(client, 51) == (1...50).map { "\($0)" } + ["replayComplete"])
      // One that was not complete fails when all of it was told.
      let second = try self.provider(daemon, "provided")
      let other = try subscriber(daemon, "provided", from: time(0))
      let number = try replay(second, daemon).subscription
      send(second, "provided", 1, replay: number)
      second.die()
      #expect(try self.number(other) == "1")
      // Either of its sockets may be seen to end first.
      let reason = try self.number(other)
      #expect(
        reason.hasPrefix("failed: ") && reason.hasSuffix("before the replay was complete")
          && (reason.contains("was lost") || reason.contains("closed its stream worker")), "\(reason)")
    }
  }

  /// A client that is gone and does not end its stream worker has only so much time.
  @Test func aStreamWorkerThatStaysIsClosed() async throws {
    try await run { daemon in
      let provider = try provider(daemon, "stored")
      let client = try subscriber(daemon, "stored")
      send(provider, "stored", 1)
      #expect(try number(client) == "1")
      daemon.engine.providers.limits.connect = .milliseconds(200)
      let instance = try #require(daemon.engine.providers.instances.first)
      daemon.engine.providers.remove(instance, "of a test")
      try daemon.until { provider.isClosed(worker: 1) }
    }
  }

  // MARK: Replays

  @Test func aReplayNeedsTheStreamWorker() async throws {
    try await run { daemon in
      let provider = try provider(daemon, "provided")
      provider.close(worker: 1)
      try daemon.until { daemon.engine.providers.instances.first?.counts.workers == 0 }
      let client = try subscriber(daemon, "provided", from: time(0))
      let reason = try number(client)
      #expect(
        reason.hasPrefix("failed: ")
          && (reason.contains("has closed its worker 1") || reason.contains("closed its stream worker")), "\(reason)")
    }
  }

  @Test func aReplayThatSaysNothingFails() async throws {
    try await run { daemon in
      daemon.engine.providers.limits.query = .milliseconds(8500)
      let provider = try provider(daemon, "provided")
      let client = try subscriber(daemon, "provided", from: time(0))
      let id = try replay(provider, daemon).subscription
      send(provider, "provided", 1, replay: id)
      #expect(try number(client) == "1")
      #expect(try number(client).contains("sent nothing of it for 8.5 s"))
    }
  }

  @Test func aWorkerThatTookTheNumberOfAnotherGoesOn() async throws {
    try await run { daemon in
      let provider = try provider(daemon, "provided")
      let client = try subscriber(daemon, "provided", from: time(0))
      let id = try replay(provider, daemon).subscription
      let successor = try daemon.connect(.dataProvider)
      func send(_ message: ProviderMessage) {
        var payload = ByteBuffer()
        message.write(into: &payload)
        successor.sendFrame(payload)
      }
      func replayed(_ number: UInt32) -> ProviderMessage {
        .stream(
          .notification(
            StreamNotification(stream: "provided", subscription: id, time: time(number), values: values(number))))
      }
      send(.worker(instance: provider.instance, id: 1))
      send(replayed(1))
      #expect(try number(client) == "1")
      provider.close(worker: 1)
      send(replayed(2))
      send(.stream(.replayComplete(stream: "provided", subscription: id)))
      #expect(try numbers(client, 2) == ["2", "replayComplete"])
    }
  }

  @Test func nobodyElseSendsAReplay() async throws {
    try await run { daemon in
      let provider = try provider(daemon, "provided")
      let other = try self.provider(daemon, "stored")
      let client = try subscriber(daemon, "provided", from: time(0))
      let stored = try subscriber(daemon, "stored")
      let id = try replay(provider, daemon).subscription
      send(other, "provided", 66, replay: id)
      other.send(.stream(.replayFailed(stream: "provided", subscription: id, reason: "made up")), worker: 1)
      // All before this has been dealt with.
      send(other, "stored", 1)
      #expect(try number(stored) == "1")
      send(provider, "provided", 1, replay: id)
      provider.send(.stream(.replayComplete(stream: "provided", subscription: id)), worker: 1)
      #expect(try numbers(client, 2) == ["1", "replayComplete"])
      #expect(status(daemon, "provided").contains("2 refused"), "\(status(daemon, "provided"))")
      // What it said of its log is still there when a subscriber came or went.
      #expect(status(daemon, "provided").contains("since 2023-11-14T22:13:20Z"), "\(status(daemon, "provided"))")
    }
  }

  // MARK: What they are measured by

  @Test func aFilterThatTakesTooLongEndsTheSubscription() async throws {
    try await run { daemon in
      let provider = try provider(daemon, "stored")
      // Three nodes, each of which looks at all three, and so on.
      let filter = (1...11).reduce("1") { inner, _ in "count(//*[string-length(.) + \(inner) > 0])" }
      let client = try subscriber(daemon, "stored", filter: filter)
      let simple = try subscriber(daemon, "stored", filter: "/change/number > 1")
      send(provider, "stored", 1, text: "x")
      send(provider, "stored", 2, text: "x")
      #expect(try number(client).contains("its filter takes more than 200000 steps"))
      #expect(try number(simple) == "2")
      // In a replay as well.
      let past = try subscriber(daemon, "stored", from: time(0), filter: filter)
      #expect(try number(past).contains("its filter takes more than 200000 steps"))
    }
  }

  private static let lent = """
    module lent {
      yang-version 1.1; namespace "urn:lent"; prefix e;
      import tailf-common { prefix tailf; }
      container lent {
        config false; tailf:callpoint lent-cp;
        leaf mode { type string; }
        list item { key name; leaf name { type string; } }
      }
      leaf-list known { type string; }
      notification news {
        leaf number { type uint32; mandatory true; }
        leaf item { type leafref { path "/e:lent/e:item/e:name"; } }
        leaf mine { type leafref { path "/e:known"; } }
        leaf text { type string; must "not(. = 'forbidden')"; }
        leaf more { when "/e:lent/e:mode = 'more'"; type string; mandatory true; }
        must "not(item) or /e:lent/e:item[e:name = current()/item]";
      }
    }
    """

  @Test func dataOfProvidersIsNotLookedAtNorIsThePast() async throws {
    try await run(added: [("lent", Self.lent)]) { daemon in
      let stored = try provider(daemon, "stored")
      let provided = try provider(daemon, "provided")
      let live = try subscriber(daemon, "stored")
      let past = try subscriber(daemon, "provided", from: time(0))
      let id = try replay(provided, daemon).subscription
      func news(_ number: UInt32, _ leafs: [(String, String)], past: Bool = false) {
        let tag = Tag("news", in: "urn:lent")
        let values =
          [TaggedValue(tag, .start), TaggedValue("number", .uint32(number))]
          + leafs.map { TaggedValue(Tag($0.0), .string($0.1)) } + [TaggedValue(tag, .stop)]
        let notification = StreamNotification(
          stream: past ? "provided" : "stored", subscription: past ? id : nil, time: time(number), values: values)
        (past ? provided : stored).send(.stream(.notification(notification)), worker: 1)
      }
      news(1, [("item", "a")])
      news(2, [("more", "x")])
      news(3, [("mine", "nobody")])
      news(4, [("text", "forbidden")])
      news(5, [("nothing", "x")])
      news(6, [])
      #expect(try numbers(live, 3) == ["1", "2", "6"])
      #expect(status(daemon, "stored").contains("3 refused"), "\(status(daemon, "stored"))")
      news(1, [("item", "a")], past: true)
      news(2, [("mine", "gone since")], past: true)
      news(3, [("text", "forbidden")], past: true)
      news(4, [], past: true)
      #expect(try numbers(past, 3) == ["1", "2", "4"])
    }
  }
}
