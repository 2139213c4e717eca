import Glibc
import Testing

/// A notification stream between real processes: a data provider (`Examples/interface-statistics`), the daemon, and `ncs_cmd listen`.
@Suite struct StreamProcessTests {
  private static let reset = "maction /if:interfaces/interface{lo}/ifs:reset-statistics"
  private static let past = "listen stream=interface-statistics replay-from=2020-01-01T00:00:00Z"

  private func instance(store: Bool) throws -> Instance {
    let kept =
      "<builtin-replay-store><enabled>true</enabled><dir>./replay</dir><max-size>S1M</max-size><max-files>2</max-files></builtin-replay-store>"
    let instance = try Instance(
      settings:
        "<notifications><event-streams><stream><name>interface-statistics</name><description>d</description><replay-support>true</replay-support>\(store ? kept : "")</stream></event-streams></notifications>"
    )
    let example = Instance.project + "/Examples/interface-statistics"
    try instance.write("yang/interface-statistics.yang", try instance.read("yang/interface-statistics.yang", in: example))
    try instance.write("cdb/interfaces_init.xml", try instance.read("cdb/interfaces_init.xml", in: example))
    return instance
  }

  private func startProvider(_ instance: Instance) async throws -> ChildProcess {
    let provider = try ChildProcess(Instance.programs + "/interface-statistics", [], environment: instance.environment)
    do {
      _ = try await provider.output(until: "registered")
    } catch {
      provider.signal(SIGKILL)
      throw error
    }
    return provider
  }

  private func reset(_ instance: Instance, _ count: Int) async throws {
    for _ in 0..<count {
      let result = try await instance.run("ncs_cmd", "-c", Self.reset)
      #expect(result.code == 0, "\(result)")
    }
  }

  /// What a listener prints: how many notifications, and its last line.
  private func listen(_ instance: Instance, _ words: String) async throws -> (resets: Int, last: String) {
    let result = try await instance.run("ncs_cmd", "-c", words)
    let lines = result.output.split(separator: "\n")
    return (lines.count { $0.contains("statistics-reset{") }, lines.last.map(String.init) ?? result.errors)
  }

  @Test func followedLive() async throws {
    let instance = try instance(store: true)
    try await instance.withDaemon { _ in
      let provider = try await startProvider(instance)
      defer { provider.signal(SIGKILL) }
      // It says when it has subscribed: by the end of the replay.
      let listener = try ChildProcess(
        Instance.programs + "/ncs_cmd", ["-c", Self.past + " count=3"], environment: instance.environment)
      _ = try await listener.output(until: "replayComplete")
      try await reset(instance, 2)
      let rest = try await listener.finish()
      #expect(rest.code == 0)
      let lines = rest.output.split(separator: "\n")
      #expect(lines.count == 2 && lines.allSatisfy { $0.contains("interface=lo user=") }, "\(rest)")
      let status = try await instance.run("ncs", "--status").output
      #expect(status.contains("interface-statistics: instance 1 interface-statistics, 2 notifications"), "\(status)")
      #expect(status.contains("replay from ./replay, 1 files of at most 2"), "\(status)")
    }
  }

  @Test func thePastSurvivesTheKillOfProviderAndDaemon() async throws {
    let instance = try instance(store: true)
    let daemon = try await instance.startDaemon()
    let provider = try await startProvider(instance)
    defer { provider.signal(SIGKILL) }
    try await reset(instance, 3)
    // The last one is in the store when a listener has it.
    #expect(try await listen(instance, Self.past + " count=4").resets == 3)
    daemon.signal(SIGKILL)
    try await daemon.gone()
    try await instance.withDaemon { _ in
      _ = try await provider.output(until: "registered with the daemon as instance 1")
      try await reset(instance, 1)
      provider.signal(SIGKILL)
      let seen = try await listen(instance, Self.past + " count=5")
      #expect(seen.resets == 4 && seen.last.contains("replayComplete"), "\(seen)")
      let none = try await instance.run("ncs_cmd", "-c", "listen stream=elsewhere")
      #expect(none.code != 0 && none.errors.contains("interface-statistics"), "\(none.errors)")
      let ended = try await instance.run("ncs_cmd", "-c", Self.past + " stop=2021-01-01T00:00:00Z")
      #expect(ended.code == 0 && ended.output.contains("notificationComplete"), "\(ended)")
    }
  }

  @Test func thePastOfTheProvider() async throws {
    let instance = try instance(store: false)
    try await instance.withDaemon { _ in
      let provider = try await startProvider(instance)
      defer { provider.signal(SIGKILL) }
      try await reset(instance, 3)
      let seen = try await listen(instance, Self.past + " count=4")
      #expect(seen.resets == 3 && seen.last.contains("replayComplete"), "\(seen)")
      provider.signal(SIGKILL)
      _ = try await provider.finish()
      let gone = try await instance.run("ncs_cmd", "-c", Self.past)
      #expect(gone.code != 0 && gone.errors.contains("the replay failed"), "\(gone)")
    }
  }
}
