import NSOClient
import NSOModel
import NSOWire
import Synchronization
import Testing

private let list: Keypath = [.tag(Tag("servers", in: "urn:s")), .tag("server")]

private func entry(_ name: String) -> Keypath { list.appending(.keys([.string(name)])) }

/// Servers a, b and c with numbers.
private struct Servers: OperationalData {
  var offers: OperationalOffers { [.objects] }
  let names = ["a", "b", "c"]

  func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
    guard case .keys(let keys)? = path.elements.dropLast().last, case .string(let name)? = keys.first else { return nil }
    guard name != "broken" else { throw CallbackError.system(2, "stat") }
    guard let index = names.firstIndex(of: name) else { return nil }
    return .uint32(UInt32(index))
  }

  func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
    let after: String = if case .string(let name)? = place.keys.first { name } else { "" }
    return names.filter { $0 > after || place.includesSame && $0 == after }.prefix(limit).map { name in
      ListEntry([.string(name)], [TaggedValue("name", .string(name)), TaggedValue("count", .uint32(7))])
    }
  }

  func object(at path: Keypath, _ call: ProviderCall) async throws -> [TaggedValue]? { [TaggedValue("count", .uint32(7))] }
}

private func notGood(_ what: Comment) { Issue.record(what) }

@Suite(.timeLimit(.minutes(10))) struct DataProviderTests {
  @Test func `operational data by keys`() async throws {
    var provider = DataProvider(name: "servers")
    provider.data("srv-cp", Servers())
    try await serve(provider) { hub, control in
      #expect(await hub.name == "servers")
      #expect(await hub.transactionMask == [.initialize, .finish])
      let mask = try #require(await hub.registrations.first).dataCallbacks
      #expect(mask == [.getElem, .existsOptional, .getNext, .findNext, .getObject, .getNextObject, .findNextObject])
      #expect(try await hub.ask(.newUserSessions([ProviderHub.user]), on: control) == .done)
      let begin = NewTransaction(database: .running, session: 11, mode: .read, handle: 3)
      guard case .opened(3, let id) = try await hub.ask(.newTransaction(begin), on: control) else {
        return notGood("not opened")
      }
      let worker = try await hub.worker(id)
      func ask(_ call: CallbackCall) async throws -> CallbackResult {
        try await hub.callback(call, of: "srv-cp", handle: 3, on: worker).result(try #require(call.type))
      }
      #expect(try await ask(.getElem(entry("b").appending("count"))) == .value(.uint32(1)))
      #expect(try await ask(.getElem(entry("x").appending("count"))) == .value(.notFound))
      #expect(
        try await ask(.getNext(NextRequest(list, after: nil))) == .nextKey(NextKey([.string("a")], Continuation(.byKeys))))
      #expect(
        try await ask(.findNext(FindRequest(list, keys: [.string("a")], includesSame: false)))
          == .nextKey(NextKey([.string("b")], Continuation(.byKeys))))
      #expect(try await ask(.findNext(FindRequest(list, keys: [.string("c")], includesSame: false))) == .nextKey(nil))
      guard case .nextObjects(.batch(let items, true, 0)) = try await ask(.getNextObject(NextRequest(list, after: nil))) else {
        return notGood("no batch")
      }
      #expect(items.count == 3)
      let failure = try await hub.callback(.getElem(entry("broken").appending("count")), of: "srv-cp", handle: 3, on: worker)
      #expect(failure.failure?.code == .dataMissing && failure.failure?.text?.hasPrefix("stat: ") == true)
      let unknown = try await hub.callback(.setElem(list, .bool(true)), of: "srv-cp", handle: 3, on: worker)
      #expect(unknown.failure?.code == .internal)
      #expect(try await hub.ask(.phase(.close, handle: 3, CallContext(session: 11)), on: worker) == .finished(handle: 3))
      let late = try await hub.callback(.getElem(entry("b").appending("count")), of: "srv-cp", handle: 3, on: worker)
      #expect(late.failure?.code == .internal)
    }
  }

  @Test func `an action on its own worker`() async throws {
    var provider = DataProvider(name: "actor")
    provider.action("act") { action in
      try await action.extendTimeLimit(60)
      #expect(action.call.user?.user == "admin" && action.name == "restart")
      return [TaggedValue("result", .string("after \(action.value("delay")?.plainText ?? "-")"))]
    }
    try await serve(provider) { hub, control in
      _ = try await hub.ask(.newUserSessions([ProviderHub.user]), on: control)
      let begin = NewAction(session: 11, name: "act", index: try await hub.index(of: "act"))
      guard case .opened(-21, let id) = try await hub.ask(.newAction(begin), on: control) else {
        return notGood("not opened")
      }
      let worker = try await hub.worker(id)
      let call = CallbackCall.action("restart", entry("a"), [TaggedValue("delay", .uint32(30))])
      let query = try await hub.send(.callback(hub.request(call, of: "act", handle: -21)), to: worker)
      #expect(
        try ProviderMessage(try await worker.readFrame())
          == .extendTimeout(query: query, instance: ProviderHub.instance, seconds: 60))
      #expect(
        try await hub.answer(to: query, from: worker).result(.action)
          == .actionOutput([TaggedValue("result", .string("after 30"))]))
      try await worker.waitForClose()
      let wrong = NewAction(session: 11, name: "other", index: 99)
      #expect(try await hub.ask(.newAction(wrong), on: control).failure?.code == .internal)
    }
  }

  @Test func `the daemon aborts an action`() async throws {
    let begun = AsyncStream.makeStream(of: Void.self)
    var provider = DataProvider(name: "actor")
    provider.action("act", ownWorker: false) { _ in
      begun.continuation.yield()
      try await Task.sleep(for: .seconds(3600))
      return []
    }
    try await serve(provider) { hub, control in
      let begin = NewAction(session: 11, name: "act", index: try await hub.index(of: "act"))
      guard case .opened(-21, let id) = try await hub.ask(.newAction(begin), on: control) else {
        return notGood("not opened")
      }
      let worker = try await hub.worker(id)
      let query = try await hub.send(.callback(hub.request(.action("a", .root, []), of: "act", handle: -21)), to: worker)
      for await _ in begun.stream { break }
      #expect(try await hub.ask(.abortAction(handle: -21), on: control) == .done)
      #expect(try await hub.answer(to: query, from: worker).failure?.code == .interrupt)
    }
  }

  @Test func `validation with warnings and errors`() async throws {
    var provider = DataProvider(name: "checker")
    provider.validation("val") { validation in
      switch validation.value {
      case .uint32(0):
        throw CallbackError(.inconsistentValue, "not 0", appTag: "zero", info: [TaggedValue(Tag("bad", in: "urn:s"), .leaf)])
      case .uint32(1): return .warning("1 is small")
      default: return .valid
      }
    }
    try await serve(provider) { hub, control in
      let begin = NewValidation(database: .running, session: 11, handle: 60, isTest: false)
      guard case .opened(60, let id) = try await hub.ask(.newValidation(begin), on: control) else {
        return notGood("not opened")
      }
      let worker = try await hub.worker(id)
      func ask(_ value: Value) async throws -> ProviderReply.Content {
        try await hub.callback(.validate(list, value), of: "val", handle: 60, on: worker)
      }
      #expect(try await ask(.uint32(5)).result(.validate) == .ok)
      #expect(try await ask(.uint32(1)).result(.validate) == .warning("1 is small"))
      let failure = try await ask(.uint32(0)).failure
      #expect(failure?.code == .inconsistentValue && failure?.appTag == "zero" && failure?.info?.count == 1)
      let close = ProviderRequest.Body.closeValidation(handle: 60, willCommit: false, CallContext(session: 11))
      #expect(try await hub.ask(close, on: worker) == .finished(handle: 60))
    }
  }

  @Test func `authentication and streams`() async throws {
    struct Log: NotificationStream.Log {
      let time: DateTime
      func times() async throws -> (created: DateTime, aged: DateTime?) { (time, nil) }
      func replay(
        after start: DateTime, until stop: DateTime?, _ send: (LoggedNotification) async throws -> Void
      ) async throws {
        try await send(
          LoggedNotification(
            [TaggedValue(Tag("up", in: "urn:s"), .start), TaggedValue(Tag("up", in: "urn:s"), .stop)], at: time))
      }
    }
    let time = DateTime(
      date: CalendarDate(year: 2026, month: 1, day: 2), time: ClockTime(hour: 3, minute: 4, second: 5, microsecond: 6),
      zone: .utc)
    let stream = NotificationStream("alerts", log: Log(time: time))
    var provider = DataProvider(name: "many")
    provider.stream(stream)
    provider.authentication { query in query.user.user == "admin" ? .accept : .reject("not today") }
    let registered = AsyncStream.makeStream(of: Void.self)
    try await serve(provider, onEvent: { _ in registered.continuation.yield() }) { hub, control in
      let query = AuthenticationQuery(user: ProviderHub.user, method: "local", outcome: .accepted(groups: []))
      #expect(try await hub.ask(.authenticate(query), on: control) == .accepted)
      let registration = try #require(await hub.registrations.first { $0.kind == .stream })
      let worker = try await hub.worker(registration.index)
      #expect(
        try await hub.ask(.streamLogTimes(stream: "alerts", index: registration.index), on: control)
          == .logTimes(created: time, aged: nil))
      let replay = StreamReplay(stream: "alerts", index: registration.index, subscription: 4, start: time, stop: nil)
      #expect(try await hub.ask(.streamReplay(replay), on: control) == .done)
      guard case .stream(.notification(let old)) = try ProviderMessage(try await worker.readFrame()) else {
        return notGood("no notification")
      }
      #expect(old.subscription == 4 && old.time == time)
      #expect(
        try ProviderMessage(try await worker.readFrame()) == .stream(.replayComplete(stream: "alerts", subscription: 4)))
      try await stream.send(
        [TaggedValue(Tag("down", in: "urn:s"), .start), TaggedValue(Tag("down", in: "urn:s"), .stop)], at: time)
      guard case .stream(.notification(let live)) = try ProviderMessage(try await worker.readFrame()) else {
        return notGood("no notification")
      }
      #expect(live.subscription == nil && live.values.count == 2)
      let wrong = StreamReplay(stream: "none", index: 1, subscription: 4, start: time, stop: nil)
      #expect(try await hub.ask(.streamReplay(wrong), on: control).failure?.code == .internal)
    }
    await #expect(throws: CallbackError.self) { try await stream.send([], at: time) }
  }

  @Test(.timeLimit(.minutes(10))) func `a lost connection is made anew, with the registrations`() async throws {
    let rounds = Mutex(0)
    let events = AsyncStream.makeStream(of: String.self)
    var provider = DataProvider(name: "again")
    provider.validation("val") { _ in .valid }
    let hub = ProviderHub()
    try await FakeDaemon.run(script: { peer in
      try await hub.script(peer) { hub, control in
        #expect(await hub.registrations.map(\.name) == ["val"])
        let round = rounds.withLock { rounds in
          rounds += 1
          return rounds
        }
        if round == 3 { try await control.waitForClose() }
      }
    }) { daemon in
      let provider = provider
      let serving = Task {
        try await NSOClient(endpoint: Endpoint(daemon.address)).serve(
          provider, reconnecting: Reconnection(first: .milliseconds(1), longest: .milliseconds(10))
        ) { event in
          switch event {
          case .registered: events.continuation.yield("registered")
          case .lost: events.continuation.yield("lost")
          }
        }
      }
      // Until the client has seen the third answer.
      var told: [String] = []
      for await event in events.stream {
        told.append(event)
        if told.count(where: { $0 == "registered" }) == 3 { break }
      }
      serving.cancel()
      await #expect(throws: CancellationError.self) { try await serving.value }
      #expect(told.count(where: { $0 == "lost" }) >= 2 && told.count(where: { $0 == "registered" }) == 3)
    }
  }

  @Test func `cancelling ends the callbacks`() async throws {
    let begun = AsyncStream.makeStream(of: Void.self)
    let ended = AsyncStream.makeStream(of: Void.self)
    var provider = DataProvider(name: "slow")
    provider.data(
      "cp",
      DataClosures { _, _ in
        begun.continuation.yield()
        defer { ended.continuation.yield() }
        try await Task.sleep(for: .seconds(3600))
        return nil
      })
    let hub = ProviderHub()
    try await FakeDaemon.run(script: { peer in
      try await hub.script(peer) { hub, control in
        let begin = NewTransaction(database: .running, session: 11, mode: .read, handle: 3)
        guard case .opened(3, let id) = try await hub.ask(.newTransaction(begin), on: control) else { return }
        _ = try await hub.send(.callback(hub.request(.getElem(list), of: "cp", handle: 3)), to: hub.worker(id))
        try await control.waitForClose()
      }
    }) { daemon in
      let provider = provider
      let serving = Task { try await NSOClient(endpoint: Endpoint(daemon.address)).serve(provider) }
      for await _ in begun.stream { break }
      serving.cancel()
      for await _ in ended.stream { break }
      await #expect(throws: CancellationError.self) { try await serving.value }
    }
  }
}
