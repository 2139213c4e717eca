import NSOClient
import NSOModel
import NSOTesting
import NSOWire
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct ProviderActionTests {
  private static let reason = TaggedValue("reason", .string("test"))

  @Test(arguments: [true, false])
  func `an action through a provider`(ownWorker: Bool) async throws {
    var provider = DataProvider(name: "actor")
    provider.action("restart-cp", ownWorker: ownWorker) { action in
      let text =
        "\(action.path) \(action.name) \(action.value("delay")?.plainText ?? "-") \(action.call.opaque ?? "-") \(action.call.user?.user ?? "-")"
      return [TaggedValue("result", .string(text))]
    }
    provider.action("ping-cp", ownWorker: ownWorker) { action in
      #expect(action.path.isRoot && action.name == Tag("ping", in: "urn:prov"))
      return []
    }
    try await TestDaemon.run(modules: [ProviderModel.text]) { daemon in
      try await daemon.commit { try await $0.create(ProviderModel.server("web")) }
      let path = ProviderModel.server("web").appending("restart")
      try await daemon.serving(provider) { () async throws in
        for user in ["admin", "oper"] {
          #expect(
            try await daemon.action(path, [Self.reason], user: user) == [
              TaggedValue(
                Tag("result", in: "urn:prov"), .string("\(ProviderModel.server("web")) restart 3 how \(user)"))
            ])
        }
        #expect(try await daemon.action(ProviderModel.rpc("ping")) == [])
        #expect(await refusal { _ = try await daemon.action(path) }?.code == .notSet)
        let nobody = await refusal { _ = try await daemon.action(ProviderModel.rpc("nobody")) }
        #expect(nobody?.code == .external && nobody?.message.contains("nobody-cp") == true)
        let missing = await refusal {
          _ = try await daemon.action(ProviderModel.server("x").appending("restart"), [Self.reason])
        }
        #expect(missing?.code == .noExists)
      }
      let gone = await refusal { _ = try await daemon.action(path, [Self.reason]) }
      // Nobody serves it any more, or the daemon notices just now that its provider has gone.
      let text = gone?.message ?? ""
      #expect(gone?.code == .external && (text.contains("restart-cp") || text.contains("was lost")), "\(text)")
    }
  }

  @Test func `each kind of error arrives as it is`() async throws {
    let kinds: [(CallbackError, ErrorCode, String)] = [
      (.text("just words"), .external, "just words"),
      (.system(13, "open /x"), .accessDenied, "open /x"),
      (CallbackError(.resourceDenied, "no room"), .resourceDenied, "no room"),
      (CallbackError(.inconsistentValue, "both", appTag: "both-set"), .inconsistentValue, "both"),
      (CallbackError(.dataMissing), .dataMissing, "restart-cp"),
    ]
    let next = Mutex(0)
    var provider = DataProvider(name: "failing")
    provider.action("restart-cp") { _ in throw kinds[next.withLock { $0 }].0 }
    try await TestDaemon.run(modules: [ProviderModel.text]) { daemon in
      try await daemon.commit { try await $0.create(ProviderModel.server("web")) }
      try await daemon.serving(provider) { () async throws in
        for (index, kind) in kinds.enumerated() {
          next.withLock { $0 = index }
          let error = await refusal {
            _ = try await daemon.action(ProviderModel.server("web").appending("restart"), [Self.reason])
          }
          #expect(error?.code == kind.1, "\(kind.0): \(String(describing: error))")
          #expect(error?.message.contains(kind.2) == true, "\(kind.0): \(String(describing: error))")
        }
      }
    }
  }

  @Test func `an action is aborted when the user goes away`() async throws {
    let begun = AsyncStream.makeStream(of: Void.self)
    let ended = AsyncStream.makeStream(of: Bool.self)
    var provider = DataProvider(name: "slow")
    provider.action("ping-cp") { _ in
      begun.continuation.yield()
      do {
        try await Task.sleep(for: .seconds(3600))
      } catch {
        ended.continuation.yield(Task.isCancelled)
        throw error
      }
      return []
    }
    try await TestDaemon.run(modules: [ProviderModel.text]) { daemon in
      try await daemon.serving(provider) { () async throws in
        let client = daemon.client
        let asking = Task {
          try await client.withMAAPI { (maapi) async throws in
            try await maapi.startUserSession()
            _ = try await maapi.requestAction(ProviderModel.rpc("ping"))
          }
        }
        for await _ in begun.stream { break }
        asking.cancel()
        for await wasCancelled in ended.stream {
          #expect(wasCancelled)
          break
        }
        _ = await asking.result
      }
    }
  }

  @Test func `an action that takes too long ends its provider, one that asks for more time goes on`() async throws {
    let begun = AsyncStream.makeStream(of: Void.self)
    var provider = DataProvider(name: "sleepy")
    provider.action("ping-cp") { _ in
      begun.continuation.yield()
      try await Task.sleep(for: .seconds(3600))
      return []
    }
    provider.action("restart-cp") { action in
      try await action.extendTimeLimit(3600)
      try await Task.sleep(for: .milliseconds(1500))
      return []
    }
    let settings = "<api><action-timeout>PT1S</action-timeout></api>"
    try await TestDaemon.run(modules: [ProviderModel.text], settings: settings) { daemon in
      try await daemon.commit { try await $0.create(ProviderModel.server("web")) }
      try await daemon.serving(provider) { () async throws in
        #expect(
          try await daemon.action(ProviderModel.server("web").appending("restart"), [Self.reason]) == [])
        let late = await refusal { _ = try await daemon.action(ProviderModel.rpc("ping")) }
        #expect(late?.code == .external, "\(String(describing: late))")
        for part in ["sleepy", "ping-cp", "external timeout"] {
          #expect(late?.message.contains(part) == true, "\(part): \(String(describing: late))")
        }
      }
    }
  }

  @Test func `actions of many sessions run side by side, those of one session one by one`() async throws {
    let count = Mutex((now: 0, most: 0))
    let gate = AsyncStream.makeStream(of: Void.self)
    let waiting = Mutex(0)
    var provider = DataProvider(name: "many")
    provider.action("ping-cp") { _ in
      count.withLock { count in
        count.now += 1
        count.most = max(count.most, count.now)
      }
      // All four have to be here at once before any goes on.
      if waiting.withLock({ waiting in
        waiting += 1
        return waiting == 4
      }) {
        gate.continuation.finish()
      }
      for await _ in gate.stream {}
      count.withLock { $0.now -= 1 }
      return [TaggedValue("answer", .string("here"))]
    }
    try await TestDaemon.run(modules: [ProviderModel.text]) { daemon in
      try await daemon.serving(provider) { () async throws in
        try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<4 { group.addTask { try await daemon.action(ProviderModel.rpc("ping")).count } }
          for try await values in group { #expect(values == 1) }
        }
      }
    }
    #expect(count.withLock { $0.most } == 4)
  }
}
