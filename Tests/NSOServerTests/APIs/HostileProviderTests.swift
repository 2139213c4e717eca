import ExternalTerm
import Foundation
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOEngine
@testable import NSOServer

/// Data providers that answer late, wrongly or without end: what they do to others, and what is said about it.
@Suite struct HostileProviderTests {
  static let model = """
    module hostile {
      yang-version 1.1;
      namespace "urn:ex:hostile";
      prefix h;
      import tailf-common { prefix tailf; }
      container st {
        config false;
        tailf:callpoint st-cp;
        leaf n { type int32; }
        leaf-list ll { type int32; }
        list l { key k; leaf k { type int32; } leaf v { type string; } }
      }
      container cfg {
        tailf:callpoint cfg-cp;
        leaf a { type string; }
        leaf-list ll { type int32; }
      }
    }
    """

  static func st(_ elements: Keypath.Element...) -> Keypath {
    Keypath([.tag(Tag("st", in: "urn:ex:hostile"))] + elements)
  }

  static func registration(_ mask: DataCallbacks, _ point: String = "st-cp") -> ProviderRegistration {
    ProviderRegistration(.data, point, mask: mask.rawValue, index: 3)
  }

  static func run(_ body: @escaping @Sendable (TestDaemon) throws -> Void) async throws {
    try await TestDaemon.run(added: [("hostile", model)], body)
  }

  static func ask(_ client: WireClient, _ expression: String, _ th: Int32) {
    client.send(.xpathEvalExpr(XPathEvaluation(expression, context: Keypath.root.wire)), th)
  }

  static func text(_ client: WireClient, _ expression: String, _ th: Int32) throws -> String {
    _ = try client.call(.xpathEvalExpr(XPathEvaluation(expression, context: Keypath.root.wire)), th)
    guard case .result(let text) = try XPathItem(try #require(client.receiveFrame())) else {
      throw NSOError(.internal, "no result")
    }
    return text
  }

  /// The entries of a list or leaf-list as a cursor finds them.
  static func walk(_ client: WireClient, _ path: Keypath, _ th: Int32) throws -> [[Value]] {
    var keys: [[Value]] = []
    var position = CursorPosition.first(filter: nil)
    while case .entry(let entry?) = try client.call(.getNext(GetNext(position, path.wire, cursor: 1)), th) {
      keys.append(entry.keys)
      position = .after(entry)
    }
    return keys
  }

  static func key(_ number: Int32, _ next: Int64) -> FakeProvider.Response {
    .result(.nextKey(NextKey([.int32(number)], Continuation(.marker(TraversalMarker(traversal: 1, number: next))))))
  }

  // MARK: Leaf-lists

  @Test func `a long leaf-list is fetched once, and walked without going over it again`() async throws {
    try await Self.run { daemon in
      let values = (0..<5000 as Range<Int32>).map { Value.int32($0 &* 7919 % 5003) }
      let provider = try FakeProvider(daemon, "long", [Self.registration([.getElem])]) { _ in .result(.value(.list(values))) }
      let client = try daemon.session()
      let th = try client.start(.operational, .read)
      #expect(try client.value(Self.st(.tag("ll")), th) == .list(values))
      #expect(provider.calls.count == 1)
      #expect(try Self.walk(client, Self.st(.tag("ll")), th) == values.map { [$0] })
      #expect(provider.calls.count == 2)
      #expect(try client.integer(.numInstances(Self.st(.tag("ll")).wire), th) == 5000)
    }
  }

  @Test(arguments: [true, false])
  func `values of operational leaf-lists keep order and number`(atOnce: Bool) async throws {
    try await Self.run { daemon in
      let numbers: [Int32] = [3, 1, 1, 7, 1]
      let provider = try FakeProvider(daemon, "any", [Self.registration(atOnce ? [.getElem] : [.getNext])]) { request in
        guard case .getNext(let next) = request.call else { return .result(.value(.list(numbers.map { .int32($0) }))) }
        let index = Int(next.previous?.number ?? 0)
        return index < numbers.count ? Self.key(numbers[index], Int64(index + 1)) : .result(.nextKey(nil))
      }
      let client = try daemon.session()
      let th = try client.start(.operational, .read)
      let path = Self.st(.tag("ll"))
      #expect(try client.value(path, th) == .list(numbers.map { .int32($0) }))
      #expect(try client.integer(.numInstances(path.wire), th) == 5)
      #expect(try Self.walk(client, path, th) == numbers.map { [.int32($0)] })
      #expect(try Self.text(client, "count(/h:st/h:ll)", th) == "5")
      #expect(try client.integer(.exists(Self.st(.tag("ll"), .keys([.int32(7)])).wire), th) == 1)
      #expect(try client.integer(.exists(Self.st(.tag("ll"), .keys([.int32(8)])).wire), th) == 0)
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `values of configured leaf-lists are a set`() async throws {
    try await Self.run { daemon in
      let numbers = LockedBox<[Int32]>([3, 1, 2])
      let provider = try FakeProvider(daemon, "set", [Self.registration([.getElem], "cfg-cp")]) { _ in
        .result(.value(.list(numbers.with { $0 }.map { .int32($0) })))
      }
      let client = try daemon.session()
      let path: Keypath = [.tag(Tag("cfg", in: "urn:ex:hostile")), .tag("ll")]
      #expect(try client.value(path, try client.start(.running, .read)) == .list([.int32(1), .int32(2), .int32(3)]))
      numbers.with { $0 = [3, 1, 3] }
      let text = errorText { _ = try client.value(path, try client.start(.running, .read)) }
      for part in ["set", "cfg-cp", "3 is there twice"] { #expect(text.contains(part), "\(text)") }
      withExtendedLifetime(provider) {}
    }
  }

  // MARK: Waiting

  @Test func `walks of a slow provider keep nobody else waiting, and end with their clients`() async throws {
    try await Self.run { daemon in
      // The first entry comes, the others do not: some of the walks hold a thread then.
      let slow = try FakeProvider(daemon, "slow", [Self.registration([.getNext, .getElem])]) { request in
        guard case .getNext(let next) = request.call, next.previous == nil else { return .silence }
        return Self.key(1, 1)
      }
      let walkers = try (0..<100).map { _ in try daemon.session() }
      for walker in walkers { Self.ask(walker, "count(/h:st/h:l[h:v='x'])", try walker.start(.operational, .read)) }
      let instance = try daemon.engine.providers.instance(slow.instance)
      try daemon.until { instance.lane.running == ProviderLane.width && instance.lane.waiting == 100 - ProviderLane.width }
      let client = try daemon.session()
      try client.commit { try client.done(.setElem2("me", Keypath.plant(.tag("owner")).wire), $0) }
      let th = try client.start(.running, .read)
      #expect(try Self.text(client, "string(/p:plant/p:owner)", th) == "me")
      let other = try FakeProvider(daemon, "other", [Self.registration([.getElem], "cfg-cp")]) { _ in
        .result(.value(.string("quick")))
      }
      #expect(try Self.text(client, "string(/h:cfg/h:a)", th) == "quick")
      for walker in walkers { _ = shutdown(walker.raw.descriptor, CInt(SHUT_RDWR)) }
      try daemon.until { instance.lane.running == 0 && instance.lane.waiting == 0 }
      withExtendedLifetime((slow, other)) {}
    }
  }

  @Test func `who waits in somebody else's transaction is given up with the connection`() async throws {
    try await Self.run { daemon in
      let slow = try FakeProvider(daemon, "slow", [Self.registration([.getNext, .getElem])]) { request in
        guard case .getNext(let next) = request.call, next.previous == nil else { return .silence }
        return Self.key(1, 1)
      }
      let owner = try daemon.session()
      let th = try owner.start(.operational, .read)
      let guest = try daemon.connect()
      try guest.done(.attach(Attach()), th)
      let instance = try daemon.engine.providers.instance(slow.instance)
      Self.ask(guest, "count(/h:st/h:l[h:v='x'])", th)
      try daemon.until { instance.lane.running == 1 }
      _ = shutdown(guest.raw.descriptor, CInt(SHUT_RDWR))
      try daemon.until { instance.lane.running == 0 }
      #expect(try daemon.engine.transaction(th).phase == .read)
      withExtendedLifetime((slow, guest)) {}
    }
  }

  @Test func `more time for one request is more time for that one`() async throws {
    try await Self.run { daemon in
      daemon.engine.providers.limits.query = .seconds(3)
      let box = LockedBox<FakeProvider?>(nil)
      let first = LockedBox<Int64?>(nil)
      let slow = try FakeProvider(daemon, "slow", [Self.registration([.getElem])]) { _ in
        .message { query, instance in
          first.with { $0 = $0 ?? query }
          return .extendTimeout(query: query, instance: instance, seconds: first.with { $0 } == query ? 3600 : 0)
        }
      }
      box.with { $0 = slow }
      let one = try daemon.session()
      one.send(.getElem(Self.st(.tag("n")).wire), try one.start(.operational, .read))
      try daemon.until { first.with { $0 } != nil }
      // No time at all.
      let two = try daemon.session()
      let text = errorText { _ = try two.value(Self.st(.tag("n")), try two.start(.operational, .read)) }
      for part in ["slow", "op 29", "st-cp", "0 s"] { #expect(text.contains(part), "\(text)") }
      #expect(daemon.engine.providers.instances.count == 1)
      slow.send(
        .reply(ProviderReply(query: first.with { $0 } ?? 0, instance: slow.instance, .value(.int32(5)))), worker: 1)
      #expect(try one.reply(MAAPIOperation.getElem.rawValue, .value) == .value(.int32(5)))
    }
  }

  @Test func `a request behind one that takes longer fails alone, and the time of another client is not given`() async throws {
    try await Self.run { daemon in
      daemon.engine.providers.limits.query = .seconds(3)
      let first = LockedBox<Int64?>(nil)
      let slow = try FakeProvider(daemon, "slow", [Self.registration([.getElem])]) { _ in
        guard first.with({ $0 }) == nil else { return .silence }
        return .message { query, instance in
          first.with { $0 = query }
          return .extendTimeout(query: query, instance: instance, seconds: 3600)
        }
      }
      let one = try daemon.session()
      one.send(.getElem(Self.st(.tag("n")).wire), try one.start(.operational, .read))
      try daemon.until { first.with { $0 } != nil }
      let two = try daemon.session()
      let text = errorText { _ = try two.value(Self.st(.tag("n")), try two.start(.operational, .read)) }
      for part in ["external timeout", "slow", "get_elem", "busy with"] { #expect(text.contains(part), "\(text)") }
      #expect(daemon.engine.providers.instances.count == 1)
      slow.send(
        .reply(ProviderReply(query: first.with { $0 } ?? 0, instance: slow.instance, .value(.int32(5)))), worker: 1)
      #expect(try one.reply(MAAPIOperation.getElem.rawValue, .value) == .value(.int32(5)))
      // As somebody else: it has no effect, so the client is late.
      first.with { $0 = nil }
      let liar = try FakeProvider(daemon, "liar", [Self.registration([.getElem])]) { _ in
        .message { query, instance in .extendTimeout(query: query, instance: instance + 1, seconds: 3600) }
      }
      #expect(
        errorText { _ = try two.value(Self.st(.tag("n")), try two.start(.operational, .read)) }.contains("external timeout"))
      #expect(daemon.engine.providers.instances.map(\.name) == ["slow"])
      withExtendedLifetime(liar) {}
    }
  }

  // MARK: Workers

  @Test func `a worker number that comes again is the newcomer's`() async throws {
    try await Self.run { daemon in
      let provider = try FakeProvider(daemon, "twice", [Self.registration([.getElem])]) { _ in .silence }
      let client = try daemon.session()
      client.send(.getElem(Self.st(.tag("n")).wire), try client.start(.operational, .read))
      try daemon.until { provider.calls.count == 1 }
      try provider.add(worker: 1, daemon) { _ in .result(.value(.int32(2))) }
      let text = errorText { _ = try client.reply(MAAPIOperation.getElem.rawValue, .value) }
      for part in ["twice", "worker 1", "another connection", "get_elem"] { #expect(text.contains(part), "\(text)") }
      // The connection before is closed, and the other serves.
      try daemon.until { provider.isClosed(worker: 1) }
      #expect(try client.value(Self.st(.tag("n")), try client.start(.operational, .read)) == .int32(2))
    }
  }

  @Test func `a session that could not be announced is announced again`() async throws {
    try await Self.run { daemon in
      let provider = try FakeProvider(daemon, "picky", [Self.registration([.getElem])]) { _ in .result(.value(.int32(2))) }
      provider.refuseSessions(
        .message { query, instance in
          .reply(
            ProviderReply(.databaseReply, query: query, instance: instance, .failure(.reason(.init(.application, "not now")))))
        })
      let client = try daemon.session()
      let transactions = try (0..<2).map { _ in try daemon.engine.transaction(try client.start(.operational, .read)) }
      let texts = try daemon.result { (daemon) async throws(NSOError) in
        let served = try daemon.engine.providers.require(.data, "st-cp", for: "test")
        return await withTaskGroup(of: String.self) { group in
          for transaction in transactions {
            group.addTask {
              do {
                _ = try await daemon.engine.providers.parts(in: transaction).part(of: served.instance).worker()
                return "none"
              } catch { return (error as? NSOError)?.message ?? "\(error)" }
            }
          }
          return await group.reduce(into: []) { $0.append($1) }
        }
      }
      #expect(texts == ["not now", "not now"])
      provider.refuseSessions(nil)
      #expect(try client.value(Self.st(.tag("n")), try client.start(.operational, .read)) == .int32(2))
    }
  }

  // MARK: Wrong answers

  /// What is wrong with an answer, and a part of what is said.
  static let wrongAnswers: [(String, @Sendable (Int64, Int32) -> ProviderMessage)] = [
    ("instance", { query, instance in .reply(ProviderReply(query: query, instance: instance + 77, .value(.int32(1)))) }),
    (
      "operation 26",
      { query, instance in .reply(ProviderReply(.commit, query: query, instance: instance, .finished(handle: 1))) }
    ),
    ("no answer to it", { query, instance in .reply(ProviderReply(query: query, instance: instance, .actionOutput(nil))) }),
  ]

  @Test func `answers that do not fit are errors that say who was asked what`() async throws {
    try await Self.run { daemon in
      let number = LockedBox(0)
      let provider = try FakeProvider(daemon, "odd", [Self.registration([.getElem])]) { _ in
        .message(Self.wrongAnswers[number.with { $0 }].1)
      }
      let client = try daemon.session()
      for (index, wrong) in Self.wrongAnswers.enumerated() {
        number.with { $0 = index }
        let text = errorText { _ = try client.value(Self.st(.tag("n")), try client.start(.operational, .read)) }
        for part in ["odd", "get_elem of callpoint st-cp", wrong.0] { #expect(text.contains(part), "\(text)") }
      }
      provider.refuseInit(
        .message { query, instance in
          .reply(ProviderReply(.newTransaction, query: query, instance: instance, .opened(handle: 4711, worker: 1)))
        })
      let text = errorText { _ = try client.value(Self.st(.tag("n")), try client.start(.operational, .read)) }
      for part in ["odd", "init of transaction", "4711"] { #expect(text.contains(part), "\(text)") }
    }
  }

  @Test func `a phase that is answered with something else refuses the commit`() async throws {
    try await Self.run { daemon in
      let provider = try FakeProvider(
        daemon, "store", [Self.registration([.getElem, .setElem, .existsOptional], "cfg-cp")]
      ) { request in
        if case .getElem = request.call { return .result(.value(.notFound)) }
        return .result(.ok)
      }
      let client = try daemon.session()
      for phase in [TransactionPhase.lock, .writeStart, .prepare] {
        provider.refuse(
          phase,
          .message { query, instance in
            .reply(ProviderReply(query: query, instance: instance, .value(.string("junk"))))
          })
        let text = errorText {
          try client.commit {
            try client.done(.setElem2("x", Keypath([.tag(Tag("cfg", in: "urn:ex:hostile")), .tag("a")]).wire), $0)
          }
        }
        for part in ["store", phase.name, "operation 28"] { #expect(text.contains(part), "\(text)") }
        provider.refuse(phase, nil)
      }
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a malformed answer is the daemon's reason to close, and is told as such`() async throws {
    try await Self.run { daemon in
      let provider = try FakeProvider(daemon, "broken", [Self.registration([.getElem])]) { _ in .garbage }
      let client = try daemon.session()
      let text = errorText { _ = try client.value(Self.st(.tag("n")), try client.start(.operational, .read)) }
      for part in ["the daemon closed worker 1", "broken", "get_elem of callpoint st-cp"] {
        #expect(text.contains(part), "\(text)")
      }
      withExtendedLifetime(provider) {}
    }
  }

  /// Lists that never end, or are out of order: what comes after each key, and what is said.
  static let endless: [(String, [Int32], String)] = [
    ("same", [4, 4], "is that entry ({4})"), ("back", [5, 4], "{4} comes after entry {5}"),
    ("pingpong", [1, 2, 1], "{1} comes after entry {2}"),
  ]

  @Test(arguments: 0..<3, [DataCallbacks.getNext, .getNextObject])
  func `entries in no order end a walk`(_ which: Int, _ callback: DataCallbacks) async throws {
    try await Self.run { daemon in
      let (name, keys, expected) = Self.endless[which]
      let provider = try FakeProvider(daemon, name, [Self.registration([callback, .getElem])]) { request in
        switch request.call {
        case .getNext(let next):
          let index = Int(next.previous?.number ?? 0)
          return Self.key(keys[index % keys.count], Int64(index + 1))
        case .getNextObject:
          let items = keys.enumerated().map { index, key in
            NextObjects.Item(
              .values([.int32(key), .notFound]), Continuation(.marker(TraversalMarker(traversal: 1, number: Int64(index + 1)))))
          }
          return .result(.nextObjects(.batch(items, isLast: false, milliseconds: 0)))
        default: return .result(.value(.notFound))
        }
      }
      let client = try daemon.session()
      let th = try client.start(.operational, .read)
      let text = errorText { _ = try client.integer(.numInstances(Self.st(.tag("l")).wire), th) }
      for part in [name, "st-cp", "/l", expected] { #expect(text.contains(part), "\(text)") }
      #expect(errorText { _ = try Self.walk(client, Self.st(.tag("l")), th) }.contains(expected))
      withExtendedLifetime(provider) {}
    }
  }

  // MARK: Texts

  @Test func `names and texts of providers are bounded and printable`() async throws {
    try await Self.run { daemon in
      for name in ["", String(repeating: "n", count: 256)] {
        #expect(throws: NSOError.self) { _ = try FakeProvider(daemon, name, []) { _ in .silence } }
      }
      try daemon.until { daemon.engine.providers.instances.isEmpty }
      let provider = try FakeProvider(daemon, "a\u{1B}[31m\nb", [Self.registration([.getElem])]) { _ in
        .failure(.reason(.init(.application, String(repeating: "long ", count: 100_000))))
      }
      #expect(daemon.engine.providers.instances.map(\.name) == ["a\\u{1B}[31m\\nb"])
      let client = try daemon.session()
      let text = errorText { _ = try client.value(Self.st(.tag("n")), try client.start(.operational, .read)) }
      #expect(text.utf8.count < 5000 && text.hasPrefix("long long") && text.hasSuffix("(500000 bytes)"))
      #expect(ProviderText.cut("äöü", to: 3) == "ä... (6 bytes)")
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `what providers do wrong is in the developer log`() {
    let recorder = LogRecorder()
    let journal = Journal(loggers: [.developer: recorder.logger])
    journal.settings.open = [.developer]
    let registry = ProviderRegistry(log: LogRecorder().logger, journal: journal) { 0 }
    registry.report("one\ntwo")
    #expect(recorder.lines() == ["DEVEL_CAPI one\\ntwo"])
  }
}
