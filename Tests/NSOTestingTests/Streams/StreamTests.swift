import Foundation
import NSOClient
import NSODaemon
import NSOModel
import NSOTesting
import NSOWire
import Synchronization
import TestSupport
import Testing

/// Notification streams between a data provider and event subscribers of `NSOClient`.
@Suite(.timeLimit(.minutes(10))) struct StreamTests {
  private func run(
    _ folder: StreamFolder? = nil, size: String = "S64K", files: Int = 50, _ body: (TestDaemon) async throws -> Void
  ) async throws {
    let folder = try folder ?? StreamFolder()
    try await TestDaemon.run(
      modules: [StreamModel.text], initialData: StreamModel.data,
      settings: StreamModel.settings(folder, size: size, files: files), body)
    // Not before its daemon.
    _ = folder.path
  }

  private func provider(_ streams: NotificationStream...) -> DataProvider {
    var provider = DataProvider(name: "feeder")
    for stream in streams { provider.stream(stream) }
    return provider
  }

  @Test func liveNotificationsReachEverySubscriberInOrder() async throws {
    try await run { daemon in
      let alarms = NotificationStream("alarms")
      try await daemon.serving(provider(alarms)) {
        try await daemon.client.withEvents(.stream("alarms")) { one in
          try await daemon.client.withEvents(.stream("alarms")) { (two) async throws in
            for number in 1...20 { try await alarms.send(StreamModel.alarm(UInt32(number)), at: StreamModel.time(number)) }
            let expected = (1...20).map { "\($0)" }
            #expect(try await one.nextNumbers(20) == expected)
            #expect(try await two.nextNumbers(20) == expected)
          }
        }
      }
    }
  }

  @Test func whoSendsAndEndsAtOnceLosesNothing() async throws {
    try await run { daemon in
      try await daemon.client.withEvents(.stream("alarms")) { (events) async throws in
        let alarms = NotificationStream("alarms")
        try await daemon.serving(provider(alarms)) {
          for number in 1...100 { try await alarms.send(StreamModel.alarm(UInt32(number)), at: StreamModel.time(number)) }
        }
        #expect(try await events.nextNumbers(100) == (1...100).map { "\($0)" })
      }
    }
  }

  @Test func aNotificationIsToldAsItWasSent() async throws {
    try await run { daemon in
      let alarms = NotificationStream("alarms")
      try await daemon.serving(provider(alarms)) {
        try await daemon.client.withEvents(.stream("alarms")) { (events) async throws in
          // In schema order, whatever the order was.
          try await alarms.send(
            [
              TaggedValue(Tag("alarm", in: "urn:notif"), .start), TaggedValue("text", .string("hot")),
              TaggedValue("item", .string("a")), TaggedValue("number", .uint32(1)),
              TaggedValue(Tag("alarm", in: "urn:notif"), .stop),
            ], at: StreamModel.time(1))
          let expected = StreamModel.alarm(1, [TaggedValue("text", .string("hot")), TaggedValue("item", .string("a"))])
          #expect(try await events.next() == .stream(.notification(time: StreamModel.time(1), expected)))
          try await alarms.send(StreamModel.silence, at: StreamModel.time(2))
          #expect(try await events.next() == .stream(.notification(time: StreamModel.time(2), StreamModel.silence)))
          // An inline notification inside of its parents.
          try await alarms.send(StreamModel.changed("x"), at: StreamModel.time(3), path: StreamModel.item("b"))
          #expect(
            try await events.next()
              == .stream(
                .notification(
                  time: StreamModel.time(3),
                  [
                    TaggedValue(Tag("top", in: "urn:notif"), .start), TaggedValue("item", .start),
                    TaggedValue("name", .string("b")), TaggedValue("changed", .start), TaggedValue("what", .string("x")),
                    TaggedValue("changed", .stop), TaggedValue("item", .stop),
                    TaggedValue(Tag("top", in: "urn:notif"), .stop),
                  ])))
        }
      }
    }
  }

  @Test func whatDoesNotFitTheModelIsRefused() async throws {
    try await run { daemon in
      let alarms = NotificationStream("alarms")
      try await daemon.serving(provider(alarms)) {
        try await daemon.client.withEvents(EventSubscription([.streamEvent, .developer], stream: .init(name: "alarms"))) {
          (events) async throws in
          let bad: [([TaggedValue], Keypath, String)] = [
            (
              [TaggedValue(Tag("alarm", in: "urn:notif"), .start), TaggedValue(Tag("alarm", in: "urn:notif"), .stop)], .root,
              "number"
            ),
            (StreamModel.alarm(1, [TaggedValue("colour", .string("red"))]), .root, "colour"),
            (StreamModel.alarm(1, [TaggedValue("item", .string("nowhere"))]), .root, "nowhere"),
            (StreamModel.alarm(1, [TaggedValue("text", .string("forbidden"))]), .root, "forbidden"),
            (StreamModel.alarm(1, [TaggedValue("text", .uint8(1))]), .root, "text"),
            (
              [TaggedValue(Tag("nothing", in: "urn:notif"), .start), TaggedValue(Tag("nothing", in: "urn:notif"), .stop)],
              .root, "nothing"
            ),
            (StreamModel.changed("x"), .root, "changed"),
            (StreamModel.alarm(1), StreamModel.item("a"), "alarm"),
            (
              [TaggedValue(Tag("top", in: "urn:notif"), .start), TaggedValue(Tag("top", in: "urn:notif"), .stop)], .root, "top"
            ),
            ([], .root, "one element"), ([TaggedValue(Tag("alarm", in: "urn:notif"), .start)], .root, "one element"),
          ]
          for (values, path, word) in bad {
            try await alarms.send(values, at: StreamModel.time(1), path: path)
            guard case .log(.developer, let entry) = try await events.next() else {
              Issue.record("\(values) was taken")
              continue
            }
            #expect(entry.message.contains("feeder") && entry.message.contains(word), "\(entry.message)")
          }
          try await alarms.send(StreamModel.alarm(7), at: StreamModel.time(1))
          #expect(try await events.nextNumber() == "7")
        }
        let status = await daemon.daemon.statusText()
        #expect(status.contains("alarms: instance 1 feeder, 1 notifications, 11 refused"), "\(status)")
      }
    }
  }

  @Test func subscriptionsThatCannotBeServedAreRefused() async throws {
    try await run { daemon in
      let codes: [(EventSubscription, ErrorCode, String)] = [
        (.stream("nothing"), .noExists, "alarms, links, plain"), (.stream("alarms", filter: "]["), .xpath, "]["),
        (.stream("alarms", session: 4711), .noSession, "4711"),
      ]
      for (subscription, code, word) in codes {
        let error = await refusal { try await daemon.client.withEvents(subscription) { _ in } }
        #expect(error?.code == code && error?.message.contains(word) == true, "\(error.map { "\($0)" } ?? "none")")
      }
      // Accepted, and told at once that there is no past.
      for (stream, word) in [("plain", "replay-support"), ("links", "no data provider")] {
        let text = try await daemon.client.withEvents(.stream(stream, from: StreamModel.time(0))) { try await $0.nextNumber() }
        #expect(text.hasPrefix("failed") && text.contains(word), "\(text)")
      }
    }
  }

  @Test func filters() async throws {
    try await run { daemon in
      let alarms = NotificationStream("alarms")
      let filters: [(String, [Int])] = [
        ("/n:alarm/n:number > 3", [4, 5]), ("alarm[number = 2 or number = 4]", [2, 4]), ("//number = 1", [1]),
        ("*", [1, 2, 3, 4, 5]), ("/n:top", []), ("starts-with(/alarm/text, 'odd')", [1, 3, 5]), ("/alarm/item", []),
        ("count(/*) = 1", [1, 2, 3, 4, 5]),
        ("/top/item[name = 'b']/changed/what = 'x'", []), ("false()", []),
      ]
      try await daemon.serving(provider(alarms)) {
        for number in 1...5 {
          try await alarms.send(
            StreamModel.alarm(UInt32(number), [TaggedValue("text", .string(number % 2 == 1 ? "odd" : "even"))]),
            at: StreamModel.time(number))
        }
        try await daemon.taken(5)
        for (filter, numbers) in filters {
          // From the store, and live.
          try await daemon.client.withEvents(.stream("alarms", from: StreamModel.time(0), filter: filter)) {
            (events) async throws in
            let expected = numbers.map { "\($0)" } + ["replayComplete"]
            #expect(try await events.nextNumbers(expected.count) == expected, "\(filter)")
          }
        }
        try await daemon.client.withEvents(.stream("alarms", filter: "/top/item[name = 'b']/changed/what = 'x'")) {
          (events) async throws in
          try await alarms.send(StreamModel.alarm(6), at: StreamModel.time(6))
          for (item, what) in [("a", "x"), ("b", "y"), ("b", "x")] {
            try await alarms.send(StreamModel.changed(what), at: StreamModel.time(7), path: StreamModel.item(item))
          }
          guard case .stream(.notification(_, let values)) = try await events.next() else {
            Issue.record("no notification")
            return
          }
          #expect(values.contains(TaggedValue("name", .string("b"))) && values.contains(TaggedValue("what", .string("x"))))
        }
      }
    }
  }

  // MARK: The past

  @Test func replayFromTheStoreEndsWhereTheLiveFeedBegins() async throws {
    try await run { daemon in
      let alarms = NotificationStream("alarms")
      let count = 400
      let subscribers = 6
      try await daemon.serving(provider(alarms)) {
        try await withThrowingTaskGroup(of: [String].self) { group in
          let reached = Notes()
          group.addTask {
            for number in 1...count {
              try await alarms.send(StreamModel.alarm(UInt32(number)), at: StreamModel.time(number))
              reached.add("")
            }
            return []
          }
          for place in 0..<subscribers {
            group.addTask {
              // Each begins at another place of the sending.
              try await until("the sender gets on") { reached.all.count >= place * count / (subscribers * 2) }
              return try await daemon.client.withEvents(.stream("alarms", from: StreamModel.time(10))) { events in
                try await events.nextNumbers(count - 10 + 1)
              }
            }
          }
          for try await seen in group where !seen.isEmpty {
            #expect(seen.filter { $0 != "replayComplete" } == (11...count).map { "\($0)" })
            #expect(seen.count { $0 == "replayComplete" } == 1)
          }
        }
      }
    }
  }

  @Test func stopTimes() async throws {
    try await run { daemon in
      let alarms = NotificationStream("alarms")
      try await daemon.serving(provider(alarms)) {
        for number in 1...9 { try await alarms.send(StreamModel.alarm(UInt32(number)), at: StreamModel.time(number)) }
        try await daemon.taken(9)
        let past = EventSubscription.stream("alarms", from: StreamModel.time(3), to: StreamModel.time(6))
        try await daemon.client.withEvents(past) { (events) async throws in
          #expect(try await events.nextNumbers(5) == ["4", "5", "6", "replayComplete", "notificationComplete"])
        }
        // In the future: live until then.
        let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
        let later = DateTime(microsecondsSince1970: now + 2_000_000)
        try await daemon.client.withEvents(.stream("alarms", from: StreamModel.time(8), to: later)) { (events) async throws in
          #expect(try await events.nextNumbers(2) == ["9", "replayComplete"])
          try await alarms.send(StreamModel.alarm(10), at: StreamModel.time(10))
          try await alarms.send(StreamModel.alarm(11), at: DateTime(microsecondsSince1970: now + 3_600_000_000))
          #expect(try await events.nextNumbers(2) == ["10", "notificationComplete"])
        }
      }
    }
  }

  @Test func theStoreOutlivesTheDaemonAndIsBounded() async throws {
    let folder = try StreamFolder()
    try await run(folder, size: "S4K", files: 3) { daemon in
      let alarms = NotificationStream("alarms")
      try await daemon.serving(provider(alarms)) {
        for number in 1...300 { try await alarms.send(StreamModel.alarm(UInt32(number)), at: StreamModel.time(number)) }
        // Everything was taken when the last one was.
        try await daemon.client.withEvents(.stream("alarms")) { (events) async throws in
          try await alarms.send(StreamModel.alarm(301), at: StreamModel.time(301))
          while try await events.nextNumber() != "301" {}
        }
      }
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/replay").filter { $0.hasSuffix(".replay") }
    #expect(files.count == 3)
    try await run(folder, size: "S4K", files: 3) { daemon in
      try await daemon.client.withEvents(.stream("alarms", from: StreamModel.time(0))) { (events) async throws in
        let first = Int(try await events.nextNumber()) ?? 0
        #expect(first > 100 && first < 290)
        let rest = try await events.nextNumbers(301 - first + 1)
        #expect(rest == ((first + 1)...301).map { "\($0)" } + ["replayComplete"])
      }
      let status = await daemon.daemon.statusText()
      #expect(status.contains("3 files of at most 3") && status.contains("dropped up to 2023-11-14T22:13:20Z"), "\(status)")
    }
  }

  @Test func replayByTheDataProviderIsSeenOnce() async throws {
    try await run { daemon in
      let log = MemoryLog()
      let links = NotificationStream("links", log: log)
      let count = 300
      try await daemon.serving(provider(links)) {
        try await withThrowingTaskGroup(of: [String].self) { group in
          let reached = Notes()
          group.addTask {
            for number in 1...count {
              let notification = LoggedNotification(StreamModel.alarm(UInt32(number)), at: StreamModel.time(number))
              // Logged before or after it is sent: both are done.
              if number % 2 == 0 { log.add(notification) }
              try await links.send(notification.values, at: notification.time)
              if number % 2 == 1 { log.add(notification) }
              reached.add("")
            }
            return []
          }
          for place in 0..<5 {
            group.addTask {
              try await until("the sender gets on") { reached.all.count >= place * count / 8 }
              return try await daemon.client.withEvents(.stream("links", from: StreamModel.time(5))) { events in
                try await events.nextNumbers(count - 5 + 1)
              }
            }
          }
          for try await seen in group where !seen.isEmpty {
            #expect(Set(seen) == Set((6...count).map { "\($0)" } + ["replayComplete"]))
            #expect(seen.count == Set(seen).count)
          }
        }
      }
    }
  }

  @Test func aReplayThatFailsIsTold() async throws {
    try await run { daemon in
      let log = MemoryLog(failure: CallbackError.text("log overwritten"))
      let links = NotificationStream("links", log: log)
      log.add(LoggedNotification(StreamModel.alarm(1), at: StreamModel.time(1)))
      try await daemon.serving(provider(links)) {
        try await daemon.client.withEvents(.stream("links", from: StreamModel.time(0))) { (events) async throws in
          #expect(try await events.nextNumbers(2) == ["1", "failed: log overwritten"])
        }
      }
    }
  }

  @Test func aReplayEndsWithItsProvider() async throws {
    try await run { daemon in
      let begun = AsyncStream.makeStream(of: Void.self)
      let log = MemoryLog(between: { _ in
        begun.continuation.yield()
        try await Task.sleep(for: .seconds(600))
      })
      log.add(LoggedNotification(StreamModel.alarm(1), at: StreamModel.time(1)))
      let links = NotificationStream("links", log: log)
      let texts = Notes()
      let listening = try await daemon.serving(provider(links)) {
        let listening = Task {
          try await daemon.client.withEvents(.stream("links", from: StreamModel.time(0))) { events in
            for text in try await events.nextNumbers(2) { texts.add(text) }
          }
        }
        for await _ in begun.stream { break }
        return listening
      }
      try await listening.value
      #expect(texts.all.first == "1")
      #expect(texts.all.last?.hasPrefix("failed: ") == true, "\(texts.all)")
    }
  }

  @Test func theLastWhoRegistersFeedsTheStream() async throws {
    try await run { daemon in
      let first = NotificationStream("alarms")
      let second = NotificationStream("alarms")
      try await daemon.serving(provider(first)) {
        try await daemon.serving(provider(second)) {
          try await daemon.client.withEvents(EventSubscription([.streamEvent, .developer], stream: .init(name: "alarms"))) {
            (events) async throws in
            try await first.send(StreamModel.alarm(1), at: StreamModel.time(1))
            guard case .log(_, let entry) = try await events.next() else {
              Issue.record("the first still feeds it")
              return
            }
            #expect(entry.message.contains("taken over"), "\(entry.message)")
            try await second.send(StreamModel.alarm(2), at: StreamModel.time(1))
            #expect(try await events.nextNumber() == "2")
          }
        }
      }
    }
  }

  @Test func streamsThatNoConfigurationNames() async throws {
    try await run { daemon in
      let other = NotificationStream("elsewhere")
      try await daemon.client.withEvents(EventSubscription(.developer)) { (events) async throws in
        try await daemon.serving(provider(other)) {
          guard case .log(_, let entry) = try await events.next() else { return }
          #expect(entry.message.contains("elsewhere") && entry.message.contains("ncs.conf"), "\(entry.message)")
          let status = await daemon.daemon.statusText()
          #expect(status.contains("elsewhere: instance 1 feeder, NOT IN ncs.conf"), "\(status)")
        }
      }
    }
  }

  @Test func storesThatCannotBeUsedStopTheStart() async throws {
    let folder = try StreamFolder()
    #expect(FileManager.default.createFile(atPath: folder.path + "/replay", contents: nil))
    await #expect(throws: StartFailure.self) { try await self.run(folder) { _ in } }
    let other = try StreamFolder()
    for (size, files) in [("S10", 5), ("S10M", 0)] {
      await #expect(throws: StartFailure.self) { try await self.run(other, size: size, files: files) { _ in } }
    }
  }
}
