import Glibc
import Testing

/// A real data provider, `Examples/interface-statistics`, with a daemon: served, killed, stopped, and with the daemon gone.
@Suite struct ProviderProcessTests {
  private static let reset = "maction /if:interfaces/interface{lo}/ifs:reset-statistics"

  private func instance(settings: String = "") throws -> Instance {
    let instance = try Instance(settings: settings)
    let example = Instance.project + "/Examples/interface-statistics"
    try instance.write("yang/interface-statistics.yang", try instance.read("yang/interface-statistics.yang", in: example))
    try instance.write("cdb/interfaces_init.xml", try instance.read("cdb/interfaces_init.xml", in: example))
    return instance
  }

  /// Starts the provider; returns when it is registered.
  private func startProvider(_ instance: Instance) async throws -> ChildProcess {
    let provider = try ChildProcess(
      Instance.programs + "/interface-statistics", [], environment: instance.environment)
    do {
      _ = try await provider.output(until: "registered")
    } catch {
      provider.signal(SIGKILL)
      throw error
    }
    return provider
  }

  @Test func anActionThroughAProcess() async throws {
    let instance = try instance()
    try await instance.withDaemon { _ in
      let before = try await instance.run("ncs_cmd", "-c", Self.reset)
      #expect(before.code != 0 && before.errors.contains("reset-interface-statistics"), "\(before.errors)")
      let provider = try await startProvider(instance)
      defer { provider.signal(SIGKILL) }
      let one = try await instance.run("ncs_cmd", "-c", Self.reset)
      #expect(one.code == 0 && one.output.hasPrefix("interfaces 1\ntime "), "\(one)")
      let all = try await instance.run("ncs_cmd", "-c", "maction /ifs:reset-all-statistics")
      #expect(all.code == 0 && all.output.hasPrefix("interfaces "), "\(all)")
      let status = try await instance.run("ncs", "--status").output
      #expect(status.contains("reset-interface-statistics: instance 1 interface-statistics"))
    }
  }

  @Test func checkOfCallbacks() async throws {
    let instance = try instance()
    try await instance.withDaemon { _ in
      let without = try await instance.run("ncs", "--check-callbacks")
      #expect(without.code == 1 && without.output.contains("callpoint interface-statistics"), "\(without)")
      let provider = try await startProvider(instance)
      defer { provider.signal(SIGKILL) }
      let all = try await instance.run("ncs", "--check-callbacks")
      #expect(all.code == 0 && all.output.hasPrefix("all callbacks answer with valid data"), "\(all)")
      let part = try await instance.run("ncs", "--check-callbacks", "/if:interfaces-state")
      #expect(part.code == 0 && part.output.contains("1 callpoints"), "\(part)")
      #expect(try await instance.run("ncs", "--check-callbacks", "/if:nothing").code == 1)
    }
  }

  @Test func aKilledProviderIsMissedAndComesBack() async throws {
    let instance = try instance()
    try await instance.withDaemon { _ in
      let first = try await startProvider(instance)
      first.signal(SIGKILL)
      _ = try await first.finish()
      // The daemon hears of it by the end of the connection; whatever is asked before that fails as well.
      let gone = try await instance.run("ncs_cmd", "-c", Self.reset)
      #expect(gone.code != 0 && gone.errors.contains("CONFD_ERR_EXTERNAL"), "\(gone.errors)")
      let second = try await startProvider(instance)
      defer { second.signal(SIGKILL) }
      #expect(try await instance.run("ncs_cmd", "-c", Self.reset).code == 0)
    }
  }

  @Test func aStoppedProviderIsGivenUpAndRegistersAgain() async throws {
    let limits = "<api><new-session-timeout>PT1S</new-session-timeout><action-timeout>PT1S</action-timeout></api>"
    let instance = try instance(settings: limits)
    try await instance.withDaemon { _ in
      let provider = try await startProvider(instance)
      defer { provider.signal(SIGKILL) }
      try await provider.stop()
      let late = try await instance.run("ncs_cmd", "-c", Self.reset)
      #expect(late.code != 0 && late.errors.contains("external timeout"), "\(late.errors)")
      #expect(late.errors.contains("interface-statistics"), "\(late.errors)")
      provider.signal(SIGCONT)
      _ = try await provider.output(until: "registered with the daemon as instance 2")
      #expect(try await instance.run("ncs_cmd", "-c", Self.reset).code == 0)
    }
  }

  /// Of one interface: it is made, and its type, which a hook adds, is read in the same transaction.
  private static func add(_ name: String) -> String {
    "mcreate /if:interfaces/interface{\(name)}; mget /if:interfaces/interface{\(name)}/type"
  }

  @Test func aSetHookOfAProcess() async throws {
    let limits = "<api><new-session-timeout>PT2S</new-session-timeout><query-timeout>PT1S</query-timeout></api>"
    let instance = try instance(settings: limits)
    try await instance.withDaemon { _ in
      let without = try await instance.run("ncs_cmd", "-c", Self.add("eth1"))
      #expect(without.code != 0 && without.errors.contains("interface-type"), "\(without.errors)")
      let provider = try await startProvider(instance)
      defer { provider.signal(SIGKILL) }
      let with = try await instance.run("ncs_cmd", "-c", Self.add("eth1"))
      #expect(with.code == 0 && with.output.contains("host-interface"), "\(with)")
      // Once it works, it has no say in what it does not watch; and it has been asked before: the next request finds a stopped process.
      try await provider.stop()
      let late = try await instance.run("ncs_cmd", "-c", Self.add("eth2"))
      #expect(late.code != 0 && late.errors.contains("no answer for"), "\(late.errors)")
      #expect(late.errors.contains("interface-statistics"), "\(late.errors)")
      #expect(try await instance.run("ncs_cmd", "-c", "mset /if:interfaces/interface{eth1}/description x").code == 0)
      provider.signal(SIGCONT)
      _ = try await provider.output(until: "registered with the daemon as instance 2")
      #expect(try await instance.run("ncs_cmd", "-c", Self.add("eth2")).code == 0)
      provider.signal(SIGKILL)
      _ = try await provider.finish()
      let dead = try await instance.run("ncs_cmd", "-c", Self.add("eth3"))
      #expect(dead.code != 0 && dead.errors.contains("CONFD_ERR_EXTERNAL"), "\(dead.errors)")
      #expect(try await instance.run("ncs_cmd", "-c", "mget /if:interfaces/interface{eth3}/type").code != 0)
    }
  }

  @Test func aProviderOutlivesItsDaemon() async throws {
    let instance = try instance()
    let provider = try await instance.withDaemon { _ in try await startProvider(instance) }
    defer { provider.signal(SIGKILL) }
    _ = try await provider.output(until: "no daemon")
    try await instance.withDaemon { _ in
      _ = try await provider.output(until: "registered")
      #expect(try await instance.run("ncs_cmd", "-c", Self.reset).code == 0)
    }
  }
}
