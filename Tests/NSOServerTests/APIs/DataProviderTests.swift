import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

/// Clients of the data provider API over a socket: registering, asking, being lost.
@Suite struct DataProviderTests {
  static let leaf: Keypath = .state(.tag("uptime"))
  static let registration = ProviderRegistration(.data, "cp", mask: DataCallbacks.getElem.rawValue, index: 5)

  /// Asks for a leaf in a transaction, as reads do.
  private static func ask(_ daemon: TestDaemon, _ transaction: Transaction, _ path: Keypath = leaf) throws -> Value {
    try daemon.result { (daemon) async throws(NSOError) in
      let served = try daemon.engine.providers.require(.data, "cp", for: "\(path)")
      let part = try daemon.engine.providers.parts(in: transaction).part(of: served.instance)
      guard case .value(let value) = try await part.call(served, "cp", .getElem(path), at: { "\(path)" }) else {
        throw NSOError(.internal, "another answer")
      }
      return value
    }
  }

  private static func transaction(_ daemon: TestDaemon, _ client: WireClient) throws -> Transaction {
    try daemon.engine.transaction(try client.start(.running, .read))
  }

  @Test func `a client is told of session and transaction before it is asked, and of their ends`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let session = Int32(truncatingIfNeeded: try client.integer(.getMyUserSession))
      // A session that begins later is announced when it is first named.
      let provider = try FakeProvider(daemon, "demo", [Self.registration]) { _ in .result(.value(.uint64(7))) }
      let late = try daemon.session("late")
      let lateID = Int32(truncatingIfNeeded: try late.integer(.getMyUserSession))
      let transaction = try Self.transaction(daemon, late)
      #expect(try Self.ask(daemon, transaction) == .uint64(7))
      #expect(try Self.ask(daemon, transaction) == .uint64(7))
      try late.done(.stopTransaction, transaction.handle)
      try late.done(.endUserSession)
      try daemon.until { provider.requests.contains { $0 == .closeUserSession(lateID) } }
      let operations = provider.requests.map(\.operation)
      #expect(operations == [.newUserSessions, .newTransaction, .callback, .callback, .closeTransaction, .closeUserSession])
      // One that was there at register_done is not.
      let first = try Self.transaction(daemon, client)
      #expect(try Self.ask(daemon, first) == .uint64(7))
      #expect(!provider.requests.dropFirst(6).contains { $0.operation == .newUserSessions })
      _ = session
    }
  }

  @Test func `errors of a provider arrive with code, text and tag`() async throws {
    try await TestDaemon.run { daemon in
      let answer = LockedBox<CallbackFailure>(.reason(.init(.application, "sensor offline")))
      let provider = try FakeProvider(daemon, "demo", [Self.registration]) { _ in .failure(answer.with { $0 }) }
      let client = try daemon.session()
      let transaction = try Self.transaction(daemon, client)
      func failure() -> NSOError? {
        do {
          _ = try Self.ask(daemon, transaction)
          return nil
        } catch { return error as? NSOError }
      }
      #expect(failure() == NSOError(.external, "sensor offline"))
      answer.with { $0 = .reason(.init(.resourceDenied, "busy", appTag: "sensor-busy")) }
      #expect(failure() == NSOError(.resourceDenied, "busy", appTag: "sensor-busy"))
      answer.with { $0 = .reason(.init(.inUse)) }
      #expect(failure()?.code == .inUse)
      let text = failure()?.message ?? ""
      #expect(text.contains("demo") && text.contains("get_elem") && text.contains("cp") && text.contains("uptime"), "\(text)")
      answer.with { $0 = .reason(.init(.applicationInternal, "secret")) }
      #expect(failure()?.code == .applicationInternal && failure()?.message.contains("secret") == false)
      provider.refuseInit(.failure(.reason(.init(.accessDenied, "not you"))))
      let other = try Self.transaction(daemon, client)
      #expect(errorText { _ = try Self.ask(daemon, other) } == "not you")
      // A refused transaction is not closed.
      try client.done(.stopTransaction, other.handle)
      try client.done(.stopTransaction, transaction.handle)
      try daemon.until { provider.phases == [.close] }
    }
  }

  @Test func `a provider that does not answer in time is disconnected, and the error says who, what and how long`() async throws
  {
    try await TestDaemon.run { daemon in
      daemon.engine.providers.limits.query = .seconds(3)
      let provider = try FakeProvider(daemon, "mute", [Self.registration]) { _ in .silence }
      let client = try daemon.session()
      let transaction = try Self.transaction(daemon, client)
      let text = errorText { _ = try Self.ask(daemon, transaction) }
      for part in ["external timeout", "mute", "cp", "get_elem", "uptime", " s of "] { #expect(text.contains(part), "\(text)") }
      #expect(daemon.engine.providers.instances.isEmpty)
      #expect(errorText { _ = try Self.ask(daemon, transaction) }.contains("no data provider is registered for callpoint cp"))
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a provider may ask for more time`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.providers.limits.query = .seconds(3)
      let box = LockedBox<FakeProvider?>(nil)
      let provider = try FakeProvider(daemon, "slow", [Self.registration]) { _ in
        // The first request has query 3: session, transaction, callback.
        box.with { $0 }?.send(.extendTimeout(query: 3, instance: box.with { $0 }?.instance ?? 0, seconds: 60), worker: 1)
        usleep(3_500_000)
        return .result(.value(.uint64(1)))
      }
      box.with { $0 = provider }
      let client = try daemon.session()
      #expect(try Self.ask(daemon, try Self.transaction(daemon, client)) == .uint64(1))
    }
  }

  @Test func `what a lost provider was asked fails at once, and another one can take its place`() async throws {
    try await TestDaemon.run { daemon in
      let provider = try FakeProvider(daemon, "first", [Self.registration]) { _ in .die }
      let client = try daemon.session()
      let transaction = try Self.transaction(daemon, client)
      let text = errorText { _ = try Self.ask(daemon, transaction) }
      #expect(text.contains("external error") && text.contains("first") && text.contains("get_elem of callpoint cp"), "\(text)")
      try daemon.until { daemon.engine.providers.served(.data, "cp") == nil }
      let next = try FakeProvider(daemon, "first", [Self.registration]) { _ in .result(.value(.uint64(2))) }
      #expect(try Self.ask(daemon, transaction) == .uint64(2))
      withExtendedLifetime((provider, next)) {}
    }
  }

  @Test func `a lost worker takes only its own requests with it`() async throws {
    try await TestDaemon.run { daemon in
      let isFirst = LockedBox(true)
      let box = LockedBox<FakeProvider?>(nil)
      let provider = try FakeProvider(daemon, "two", [Self.registration], workers: 2) { _ in
        guard
          isFirst.with({ first in
            defer { first = false }; return first
          })
        else { return .result(.value(.uint64(2))) }
        box.with { $0 }?.close(worker: 1)
        return .silence
      }
      box.with { $0 = provider }
      let client = try daemon.session()
      let (one, two) = (try Self.transaction(daemon, client), try Self.transaction(daemon, client))
      #expect(errorText { _ = try Self.ask(daemon, one) }.contains("closed its worker 1"))
      #expect(try Self.ask(daemon, two) == .uint64(2))
      #expect(errorText { _ = try Self.ask(daemon, one) }.contains("closed its worker 1"))
      #expect(daemon.engine.providers.instances.count == 1)
    }
  }

  @Test func `a later registration replaces an earlier one, whose client goes if it wanted to`() async throws {
    try await TestDaemon.run { daemon in
      var leaves = Self.registration
      leaves.flags.insert(.disconnectOnReplace)
      let first = try FakeProvider(daemon, "first", [leaves]) { _ in .result(.value(.uint64(1))) }
      let second = try FakeProvider(daemon, "second", [Self.registration]) { _ in .result(.value(.uint64(2))) }
      let client = try daemon.session()
      #expect(try Self.ask(daemon, try Self.transaction(daemon, client)) == .uint64(2))
      #expect(daemon.engine.providers.instances.map(\.name) == ["second"])
      let third = try FakeProvider(daemon, "third", [Self.registration]) { _ in .result(.value(.uint64(3))) }
      #expect(try Self.ask(daemon, try Self.transaction(daemon, client)) == .uint64(3))
      #expect(daemon.engine.providers.instances.map(\.name) == ["second", "third"])
      #expect(daemon.engine.providerPoints.lines(of: .data) == ["cp: instance 3 third, unknown to the loaded modules"])
      withExtendedLifetime((first, second, third)) {}
    }
  }

  @Test func `ranges of one point can be served by several clients`() async throws {
    try await TestDaemon.run { daemon in
      func range(_ lower: String, _ upper: String) -> RangeRegistration {
        RangeRegistration(
          Self.registration, lower: lower.isEmpty ? [] : [.string(lower)], upper: upper.isEmpty ? [] : [.string(upper)],
          keyCount: 1, path: .plant(.tag("site")))
      }
      let low = try FakeProvider(daemon, "low", [], ranges: [range("a", "m")]) { _ in .silence }
      let high = try FakeProvider(daemon, "high", [], ranges: [range("n", "z"), range("", "")]) { _ in .silence }
      let providers = daemon.engine.providers
      #expect(providers.served(.data, "cp", keys: [.string("berlin")])?.instance.name == "low")
      #expect(providers.served(.data, "cp", keys: [.string("m")])?.instance.name == "low")
      #expect(providers.served(.data, "cp", keys: [.string("oslo")])?.instance.name == "high")
      #expect(providers.served(.data, "cp", keys: [.string("{")])?.instance.name == "high")
      low.die()
      try daemon.until { providers.instances.count == 1 }
      #expect(providers.served(.data, "cp", keys: [.string("berlin")])?.instance.name == "high")
      withExtendedLifetime(high) {}
    }
  }

  @Test func `a point has as many ranges as one client may serve`() async throws {
    try await TestDaemon.run { daemon in
      func range(_ number: Int) -> RangeRegistration {
        RangeRegistration(
          Self.registration, lower: [.uint32(UInt32(number * 2))], upper: [.uint32(UInt32(number * 2 + 1))], keyCount: 1,
          path: .plant(.tag("site")))
      }
      let many = try FakeProvider(daemon, "many", [], ranges: (0..<4096).map(range)) { _ in .silence }
      let providers = daemon.engine.providers
      #expect(providers.ranges(.data, "cp").count == 4096)
      #expect(providers.served(.data, "cp", keys: [.uint32(8191)])?.range?.lower == [.uint32(8190)])
      #expect(providers.served(.data, "cp", keys: [.uint32(8192)]) == nil)
      // What it was told may be lost with the connection that it still writes to.
      #expect(throws: NSOError.self) {
        _ = try FakeProvider(daemon, "more", [], ranges: (0..<4097).map(range)) { _ in .silence }
      }
      try daemon.until { providers.instances.map(\.name) == ["many"] }
      #expect(providers.ranges(.data, "cp").count == 4096)
      withExtendedLifetime(many) {}
    }
  }

  @Test func `messages that do not belong where they come end the connection, with the reason where there is a place for it`()
    async throws
  {
    try await TestDaemon.run { daemon in
      let client = try daemon.connect(.dataProvider)
      var payload = ByteBuffer()
      ProviderMessage.worker(instance: 77, id: 1).write(into: &payload)
      client.sendFrame(payload)
      // A worker never gets an answer; the log has the reason.
      #expect(client.receiveFrame() == nil)
      #expect(daemon.log.lines().contains { $0.contains("instance number 77") }, "\(daemon.log.lines())")
      let garbage = try daemon.connect(.dataProvider)
      garbage.raw.send([0, 0, 0, 2, 131, 106])
      #expect(garbage.receiveFrame() != nil && garbage.receiveFrame() == nil)
      // Silence is no introduction either.
      daemon.engine.providers.limits.connect = .milliseconds(200)
      #expect(try daemon.connect(.dataProvider).receiveFrame() == nil)
    }
  }

  @Test func `many requests over few workers are all answered`() async throws {
    try await TestDaemon.run { daemon in
      let provider = try FakeProvider(daemon, "busy", [Self.registration], workers: 3) { request in
        guard case .getElem(let path) = request.call, case .keys(let keys)? = path.elements.last, case .uint64? = keys.first
        else {
          return .silence
        }
        return .result(.value(keys[0]))
      }
      let client = try daemon.session()
      let transactions = try (0..<20).map { _ in try Self.transaction(daemon, client) }
      try daemon.result { (daemon) async throws(NSOError) in
        let served = try daemon.engine.providers.require(.data, "cp", for: "test")
        await withTaskGroup(of: Void.self) { group in
          for number in 0..<500 as Range<UInt64> {
            let transaction = transactions[Int(number) % transactions.count]
            group.addTask {
              do {
                let part = try daemon.engine.providers.parts(in: transaction).part(of: served.instance)
                let path: Keypath = [.tag("x"), .keys([.uint64(number)])]
                #expect(try await part.call(served, "cp", .getElem(path), at: { "x" }) == .value(.uint64(number)))
              } catch { Issue.record("\(error)") }
            }
          }
        }
      }
      withExtendedLifetime(provider) {}
    }
  }
}

extension TestDaemon {
  /// The outcome of an asynchronous call, from the body's thread.
  func result<R: Sendable>(_ body: @escaping @Sendable (TestDaemon) async throws(NSOError) -> R) throws -> R {
    let box = LockedBox<Result<R, NSOError>?>(nil)
    wait { daemon in
      let result: Result<R, NSOError>
      do throws(NSOError) { result = .success(try await body(daemon)) } catch { result = .failure(error) }
      box.with { $0 = result }
    }
    guard let result = box.with({ $0 }) else { throw NSOError(.internal, "no result") }
    return try result.get()
  }
}
