import ExternalTerm
import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite(.timeLimit(.minutes(10))) struct SubscriptionTests {
  /// A connection that is to subscribe.
  static func connect(_ daemon: TestDaemon, _ name: String = "agent") throws -> WireClient {
    let client = try daemon.connect(.cdb)
    var frame = ByteBuffer()
    CDBCall(.clientName(name)).write(into: &frame)
    client.sendFrame(frame)
    return client
  }

  /// Begins a commit and leaves it to wait for its subscribers.
  static func begin(_ daemon: TestDaemon, _ body: (WireClient, Int32) throws -> Void) throws -> WireClient {
    let client = try daemon.session()
    let handle = try client.start()
    try body(client, handle)
    client.send(.applyTransaction(keepOpen: false, flags: 0), handle)
    return client
  }

  static func finish(_ client: WireClient) throws {
    _ = try client.reply(MAAPIOperation.applyTransaction.rawValue, .done)
  }

  static func setTitle(_ title: String, _ site: String = "west") -> (WireClient, Int32) throws -> Void {
    { client, handle in try client.done(.setElem2(title, Keypath.site(site, .tag("title")).wire), handle) }
  }

  @Test func `an event, its changes, its answer`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let agent = try Self.connect(daemon)
      let sites = try agent.subscribe("/plant/site", priority: 10)
      let title = try agent.subscribe("/p:plant/site{west}/title", priority: 10)
      let all = try agent.subscribe("/plant/site{*}/title", priority: 20)
      #expect(errorCode { try agent.subscribe("/plnt") } == .badPath)
      #expect(Set([sites, title, all]).count == 3)
      try agent.done(.subscribeDone)
      #expect(errorCode { _ = try agent.call(.getUserSession) } == .badState)
      #expect(errorCode { _ = try agent.changes(of: sites) } == .badState)
      #expect(errorCode { try agent.sync() } == .badState)

      let writer = try Self.begin(daemon, Self.setTitle("New"))
      #expect(try agent.subscriptionEvent() == SubscriptionEvent(.commit, flags: [], points: [sites, title]))
      #expect(
        try agent.changes(of: sites, .wantPrevious)
          == ["/plant/site{west} modified", "/plant/site{west}/title = New, was West wing"])
      #expect(try agent.changes(of: sites) { _ in .continue } == ["/plant/site{west} modified"])
      #expect(try agent.changes(of: title) == ["/plant/site{west}/title = New"])
      #expect(try agent.changes(of: title) { _ in .stop }.count == 1)
      #expect(errorCode { _ = try agent.changes(of: all) } == .noExists)
      guard case .integer(let session) = try agent.call(.getUserSession),
        case .integer(let handle) = try agent.call(.getTransactionHandle)
      else { throw NSOError(.internal, "no numbers") }
      #expect(session > 0 && handle > 0)
      try agent.done(.subscriptionProgress("half way"))
      #expect(
        try agent.call(.getModifications(point: sites, [.includeLists], WireKeypath(Keypath.root)))
          == .tagged([
            TaggedValue(Tag("site", in: "urn:ex:plant"), .start), TaggedValue(Tag("id", in: "urn:ex:plant"), .string("west")),
            TaggedValue(Tag("title", in: "urn:ex:plant"), .string("New")), TaggedValue(Tag("site", in: "urn:ex:plant"), .stop),
          ]))
      #expect(try agent.call(.getModifications(point: sites, [], WireKeypath(Keypath.root))) == .tagged([]))
      // Others read the new data while the commit waits, also under the lock; the old is there, too.
      let reader = try CDBTests.reader(daemon)
      #expect(try reader.call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("New")))
      try reader.done(.endSession)
      try reader.done(.newSession(NewSession(.preCommitRunning)))
      #expect(try reader.call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("West wing")))
      #expect(errorCode { try agent.sync(.doneOperational) } == .protocolUsage)
      try agent.sync()
      #expect(try agent.subscriptionEvent() == SubscriptionEvent(.commit, flags: .isLast, points: [all]))
      try agent.sync()
      try Self.finish(writer)
      // What was open before stays as it is.
      #expect(try reader.call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("West wing")))
      try reader.done(.endSession)
      #expect(errorCode { try reader.done(.newSession(NewSession(.preCommitRunning))) } == .noExists)
      // What concerns nobody makes no event.
      try daemon.session().commit { _ in }
      let other = try Self.begin(daemon) { client, handle in
        try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), handle)
      }
      try Self.finish(other)
    }
  }

  @Test func `every kind of change`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let agent = try Self.connect(daemon)
      let plant = try agent.subscribe("/plant")
      let alarm = try agent.subscribe("/plant/site{east}/alarm")
      let street = try agent.subscribe("/plant/site/address")
      try agent.done(.subscribeDone)
      let writer = try Self.begin(daemon) { client, handle in
        try client.done(.create(Keypath.site("north").wire), handle)
        try client.done(.setElem2("1", Keypath.site("north", .tag("address"), .tag("number")).wire), handle)
        try client.done(.delete(Keypath.site("east").wire), handle)
        try client.done(.delete(Keypath.site("west", .tag("floors")).wire), handle)
        try client.done(.delete(Keypath.site("west", .tag("title")).wire), handle)
        try client.done(
          .setElem(EncodedTerm(.list([.string("b"), .string("c")])), Keypath.site("west", .tag("tags")).wire), handle)
        try client.done(.moveOrdered(Keypath.site("west", .tag("step"), .keys([.string("third")])).wire, .first), handle)
        try client.done(.create(Keypath.plant(.tag("strict")).wire), handle)
      }
      #expect(try agent.subscriptionEvent().points == [plant, street])
      let all = try agent.changes(of: plant, .wantPrevious)
      #expect(
        all == [
          "/plant/strict created", "/plant/site{east} deleted", "/plant/site{north} created",
          "/plant/site{north}/address/number = 1", "/plant/site{west} modified",
          "/plant/site{west}/title deleted, was West wing",
          "/plant/site{west}/floors = \(Value.defaultInEffect.plainText), was 7",
          "/plant/site{west}/tags = \(Value.list([.string("b"), .string("c")]).plainText), was \(Value.list([.string("a"), .string("b")]).plainText)",
          "/plant/site{west}/step{third} after {}",
        ])
      // The inverse: what takes it all back.
      let reverse = try agent.changes(of: plant, .wantReverse)
      #expect(reverse.contains("/plant/site{east} created") && reverse.contains("/plant/site{east}/title = East wing"))
      #expect(reverse.contains("/plant/site{north} deleted") && reverse.contains("/plant/strict deleted"))
      #expect(reverse.contains("/plant/site{west}/title = West wing") && reverse.contains("/plant/site{west}/floors = 7"))
      #expect(try agent.changes(of: plant, .wantLeafLastOrder).last == "/plant/strict created")
      #expect(try agent.changes(of: street) == ["/plant/site{north}/address/number = 1"])
      #expect(try agent.changes(of: street, .wantAncestorDelete).contains("/plant/site{east} deleted"))
      // Inside of an iteration: modifications of the node at hand.
      var inside: [TaggedValue] = []
      var payload = ByteBuffer()
      CDBCall(.subscriptionIterate(point: UInt32(bitPattern: plant), [])).write(into: &payload)
      agent.sendFrame(payload)
      while case .change(let path, _) = try IterationItem(try #require(agent.receiveFrame())) {
        if path.elements.last == .keys([.string("north")]),
          case .tagged(let values) = try agent.call(
            .getModifications(point: -1, [.includeLists, .suppressDefaults], WireKeypath(Keypath.root)))
        {
          inside = values
        }
        #expect(errorCode { _ = try agent.call(.getUserSession) } == .badState)
        var answer = ByteBuffer()
        IterationAnswer.continue.write(into: &answer)
        agent.sendFrame(answer)
      }
      let space = "urn:ex:plant"
      #expect(
        inside == [
          TaggedValue(Tag("address", in: space), .start), TaggedValue(Tag("number", in: space), .int32(1)),
          TaggedValue(Tag("address", in: space), .stop),
        ])
      guard
        case .tagged(let values) = try agent.call(
          .getModifications(point: plant, [.includeLists], WireKeypath(Keypath.root)))
      else { throw NSOError(.internal, "no values") }
      // A created entry has its defaults.
      #expect(values.contains(TaggedValue(Tag("floors", in: space), .uint8(1))))
      #expect(values.contains(TaggedValue(Tag("site", in: space), .delete)))
      #expect(values.contains(TaggedValue(Tag("title", in: space), .notFound)))
      #expect(values.first == TaggedValue(Tag("strict", in: space), .leaf))
      #expect(
        values.filter { $0.content == .start || $0.content == .delete }.count == values.filter { $0.content == .stop }.count)
      guard
        case .tagged(let moves) = try agent.call(
          .getModifications(point: plant, [.includeLists, .includeMoves], WireKeypath(Keypath.root)))
      else { throw NSOError(.internal, "no values") }
      #expect(moves.count == values.count + 4)
      let step = Tag("step", in: space)
      let start = try #require(moves.firstIndex(of: TaggedValue(step, .start)))
      #expect(
        moves[start...].prefix(4)
          == [
            TaggedValue(step, .start), TaggedValue(Tag("name", in: space), .string("third")), TaggedValue(step, .movedFirst),
            TaggedValue(step, .stop),
          ])
      guard case .text(let commands) = try agent.call(.getCLI(point: plant, [])) else { throw NSOError(.internal, "no text") }
      #expect(commands.contains("\n  move step third first\n"), "\(commands)")
      #expect(try agent.changes(of: plant, .wantSchemaOrder).count == all.count)
      try agent.sync()
      try Self.finish(writer)
      // Deleted from above: nothing, unless it is asked for.
      let second = try Self.begin(daemon) { client, handle in
        try client.done(.create(Keypath.site("east").wire), handle)
        try client.done(.create(Keypath.site("east", .tag("alarm")).wire), handle)
      }
      #expect(try agent.subscriptionEvent().points == [plant, alarm])
      try agent.sync()
      try Self.finish(second)
      let third = try Self.begin(daemon) { client, handle in try client.done(.delete(Keypath.site("east").wire), handle) }
      #expect(try agent.subscriptionEvent().points == [plant, alarm])
      #expect(try agent.changes(of: alarm).isEmpty)
      #expect(try agent.changes(of: alarm, .wantAncestorDelete) == ["/plant/site{east} deleted"])
      try agent.sync()
      try Self.finish(third)
    }
  }

  @Test func `two phases, refused and not`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let first = try Self.connect(daemon, "first")
      let one = try first.subscribe("/plant", priority: 1, kind: .runningTwoPhase)
      try first.done(.subscribeDone)
      let second = try Self.connect(daemon, "second")
      let two = try second.subscribe("/plant", priority: 2, kind: .runningTwoPhase, abortOnAbort: true)
      try second.done(.subscribeDone)
      let writer = try Self.begin(daemon, Self.setTitle("New"))
      #expect(try first.subscriptionEvent() == SubscriptionEvent(.prepare, flags: .isLast, points: [one]))
      // Running shows the new values to who asks without lock; with lock it waits or fails.
      let reader = try daemon.connect(.cdb)
      #expect(errorCode { try reader.done(.newSession(NewSession(.running))) } == .locked)
      try reader.done(.newSession(NewSession(.running, options: [])))
      #expect(try reader.call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("New")))
      #expect(errorCode { try first.sync(.doneSocket) } == .protocolUsage)
      try first.sync()
      #expect(try second.subscriptionEvent().kind == .prepare)
      try second.sync(
        .abort(.reason(.init(.inconsistentValue, "site west refuses", appTag: Tag("too-hot", in: "urn:ex:plant")))))
      #expect(try second.subscriptionEvent() == SubscriptionEvent(.abort, flags: .isLast, points: [two]))
      #expect(
        try second.changes(of: two, [.wantReverse, .wantPrevious]).contains("/plant/site{west}/title = West wing, was New"))
      try second.sync()
      #expect(try first.subscriptionEvent() == SubscriptionEvent(.abort, flags: .isLast, points: [one]))
      try first.sync()
      do {
        try Self.finish(writer)
        Issue.record("it was not refused")
      } catch let error as NSOError {
        #expect(error == NSOError(.inconsistentValue, "site west refuses", appTag: Tag("too-hot", in: "urn:ex:plant")))
      }
      #expect(try CDBTests.reader(daemon).call(.get(Keypath.site("west", .tag("title")).wire)) == .value(.string("West wing")))

      // In separate steps, and given up by the one who commits.
      let client = try daemon.session()
      let handle = try client.start()
      try Self.setTitle("Newer")(client, handle)
      try client.done(.validateTransaction(unlock: false, force: false), handle)
      client.send(.prepareTransaction(flags: 0), handle)
      for agent in [first, second] {
        #expect(try agent.subscriptionEvent().kind == .prepare)
        try agent.sync()
      }
      _ = try client.reply(MAAPIOperation.prepareTransaction.rawValue, .done)
      client.send(.abortTransaction, handle)
      for agent in [second, first] {
        #expect(try agent.subscriptionEvent().kind == .abort)
        try agent.sync()
      }
      _ = try client.reply(MAAPIOperation.abortTransaction.rawValue, .done)

      // The second goes away instead of an answer: as if it had none.
      let third = try Self.begin(daemon, Self.setTitle("Newest"))
      #expect(try first.subscriptionEvent().kind == .prepare)
      try first.sync()
      #expect(try second.subscriptionEvent().kind == .prepare)
      shutdown(second.raw.descriptor, CInt(SHUT_RDWR))
      #expect(try first.subscriptionEvent().kind == .commit)
      // It leaves from inside of its event.
      try first.done(.endSession)
      try Self.finish(third)
      #expect(daemon.engine.subscriptions.subscribers.isEmpty)
      try Self.finish(try Self.begin(daemon, Self.setTitle("Last")))
    }
  }

  @Test func `operational data`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let agent = try Self.connect(daemon)
      let states = try agent.subscribe("/plant-state/site-state", kind: .operational)
      let stats = try agent.subscribe("/plant/site/site-stats", kind: .operational)
      try agent.done(.subscribeDone)
      let quiet = try CDBTests.reader(daemon, .operational)
      let west = Keypath.state(.tag("site-state"), .keys([.string("west")]))
      try quiet.done(.create(west.wire))
      let writer = try daemon.connect(.cdb)
      try writer.done(.newSession(NewSession(.operational, options: .lockRequest)))
      // The answer does not wait for the subscriber.
      try writer.done(.setElem2("21.50", west.appending("temperature").wire))
      #expect(try agent.subscriptionEvent() == SubscriptionEvent(.operational, flags: .isLast, points: [states]))
      // The lock is held until the event is dealt with.
      #expect(errorCode { try writer.done(.setElem2("22.50", west.appending("temperature").wire)) } == .locked)
      try quiet.done(.setElem2("true", west.appending("online").wire))
      #expect(
        try agent.changes(of: states, .wantPrevious) == [
          "/plant-state/site-state{west} modified", "/plant-state/site-state{west}/temperature = 21.5",
        ])
      #expect(errorCode { _ = try agent.call(.getUserSession) } == .badState)
      let patient = try daemon.connect(.cdb)
      try patient.done(.newSession(NewSession(.operational, options: [.lockRequest, .lockWait])))
      var payload = ByteBuffer()
      CDBCall(.setElem2("7", Keypath.site("west", .tag("site-stats"), .tag("visits")).wire)).write(into: &payload)
      patient.sendFrame(payload)
      #expect(errorCode { try agent.sync() } == .protocolUsage)
      try agent.sync(.doneOperational)
      _ = try patient.reply(CDBOperation.setElem2.rawValue, .done)
      // Below an entry of the configuration.
      #expect(try agent.subscriptionEvent().points == [stats])
      #expect(try agent.changes(of: stats) == ["/plant/site{west}/site-stats/visits = 7"])
      try agent.sync(.doneOperational)

      // Everything, as if it were new.
      let other = try daemon.connect(.cdb)
      var trigger = ByteBuffer()
      CDBCall(.triggerOperationalSubscriptions([states], wait: true)).write(into: &trigger)
      other.sendFrame(trigger)
      #expect(try agent.subscriptionEvent() == SubscriptionEvent(.operational, flags: [.isLast, .trigger], points: [states]))
      #expect(
        try agent.changes(of: states) == [
          "/plant-state/site-state{west} created", "/plant-state/site-state{west}/temperature = 21.5",
          "/plant-state/site-state{west}/online = true",
        ])
      try agent.sync(.doneOperational)
      _ = try other.reply(CDBOperation.triggerOperationalSubscriptions.rawValue, .done)
      #expect(errorCode { try other.done(.triggerOperationalSubscriptions([999], wait: false)) } == .protocolUsage)
    }
  }

  @Test func `those who wait for the subscription lock`() async throws {
    try await TestDaemon.run { daemon in
      let agent = try Self.connect(daemon)
      try agent.subscribe("/plant-state", kind: .operational)
      try agent.done(.subscribeDone)
      let uptime = Keypath.state(.uptime).wire
      func ask(_ request: CDBRequest, options: NewSession.Options? = nil) throws -> WireClient {
        let client = try daemon.connect(.cdb)
        if let options { try client.done(.newSession(NewSession(.operational, options: options))) }
        var payload = ByteBuffer()
        CDBCall(request).write(into: &payload)
        client.sendFrame(payload)
        return client
      }
      let writer = try ask(.setElem2("1", uptime), options: .lockRequest)
      _ = try writer.reply(CDBOperation.setElem2.rawValue, .done)
      #expect(try agent.subscriptionEvent().kind == .operational)
      // A client that goes away waits no longer.
      let gone = try ask(.triggerOperationalSubscriptions([], wait: true))
      try daemon.until { daemon.engine.subscriptionLockWaiters.count == 1 }
      shutdown(gone.raw.descriptor, CInt(SHUT_RDWR))
      try daemon.until { daemon.engine.subscriptionLockWaiters.isEmpty }
      // The schema becomes another one meanwhile: the place may be another one, too.
      let patient = try ask(.setElem2("2", uptime), options: [.lockRequest, .lockWait])
      try daemon.until { daemon.engine.subscriptionLockWaiters.count == 1 }
      let admin = try daemon.connect()
      try admin.done(.initUpgrade(timeout: 1, flags: 0))
      try admin.done(.performUpgrade([try UpgradeTests.folder(daemon)]))
      try admin.done(.commitUpgrade)
      try agent.sync(.doneOperational)
      #expect(errorCode { _ = try patient.reply(CDBOperation.setElem2.rawValue, .done) } == .staleInstance)
      try daemon.until { daemon.engine.subscriptionLockHolders.isEmpty }
    }
  }

  @Test func `a subscriber tells how far it is`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let watcher = try daemon.connect(.events)
      try watcher.subscribe(EventSubscription(.progress, verbosity: 1))
      let agent = try Self.connect(daemon)
      try agent.subscribe("/plant/site/title")
      try agent.done(.subscribeDone)
      let writer = try Self.begin(daemon, Self.setTitle("New"))
      #expect(try agent.subscriptionEvent().kind == .commit)
      try agent.done(.subscriptionProgress("half way"))
      try agent.sync()
      try Self.finish(writer)
      var started: ProgressRecord?
      while true {
        guard case .progress(_, let record) = try watcher.event() else { throw NSOError(.internal, "another event") }
        if record.kind == .start, record.message == "commit CDB subscribers" { started = record }
        guard record.kind == .info else { continue }
        #expect(record.message == "half way" && record.subsystem == "agent" && record.transaction > 0)
        #expect(started.map { $0.trace == record.trace && $0.span == record.span } == true)
        break
      }
    }
  }

  @Test func `triggered, and delivered again`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      daemon.engine.replaysSubscriptions = true
      let agent = try Self.connect(daemon)
      let titles = try agent.subscribe("/plant/site/title")
      try agent.done(.subscribeDone)
      let other = try daemon.connect(.cdb)
      func ask(_ request: CDBRequest) {
        var payload = ByteBuffer()
        CDBCall(request).write(into: &payload)
        other.sendFrame(payload)
      }
      ask(.triggerSubscriptions([]))
      #expect(try agent.subscriptionEvent() == SubscriptionEvent(.commit, flags: [.isLast, .trigger], points: [titles]))
      #expect(try agent.changes(of: titles) == ["/plant/site{east}/title = East wing", "/plant/site{west}/title = West wing"])
      #expect(errorCode { _ = try agent.call(.getUserSession) } == .noExists)
      try agent.sync()
      _ = try other.reply(CDBOperation.triggerSubscriptions.rawValue, .done)
      #expect(errorCode { try other.done(.triggerSubscriptions([4711])) } == .protocolUsage)
      #expect(errorCode { try agent.done(.triggerSubscriptions([])) } == .inUse)

      guard case .transactionID(let before) = try other.call(.getTransactionID) else { throw NSOError(.internal, "no id") }
      for title in ["One", "Two"] {
        let writer = try Self.begin(daemon, Self.setTitle(title))
        _ = try agent.subscriptionEvent()
        try agent.sync()
        try Self.finish(writer)
      }
      guard case .term(let ids) = try other.call(.getReplayTransactionIDs) else { throw NSOError(.internal, "no ids") }
      #expect(ids != before.term)
      ask(.replaySubscriptions(before.term, []))
      for title in ["One", "Two"] {
        #expect(try agent.subscriptionEvent().points == [titles])
        #expect(try agent.changes(of: titles) == ["/plant/site{west}/title = \(title)"])
        try agent.sync()
      }
      _ = try other.reply(CDBOperation.replaySubscriptions.rawValue, .done)
      guard case .transactionID(let now) = try other.call(.getTransactionID) else { throw NSOError(.internal, "no id") }
      try other.done(.replaySubscriptions(now.term, []))
      let old = NSOWire.TransactionID(seconds: 1, microseconds: 1, sequence: 1)
      #expect(errorCode { try other.done(.replaySubscriptions(old.term, [])) } == .noExists)
    }
  }

  @Test func `mandatory, before any point`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let agent = try Self.connect(daemon)
      try agent.done(.mandatorySubscriber("guardian"))
      #expect(errorCode { try agent.subscribe("/plant") } == .protocolUsage)
      try agent.subscribe("/plant", kind: .runningTwoPhase)
      #expect(errorCode { try agent.done(.mandatorySubscriber("another")) } == .badState)
      #expect(errorText { try Self.finish(try Self.begin(daemon, Self.setTitle("x"))) }.contains("guardian"))
    }
  }
}
