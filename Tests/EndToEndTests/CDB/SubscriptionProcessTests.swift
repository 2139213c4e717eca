import Glibc
import NSOClient
import NSOModel
import NSOWire
import Testing

/// Subscribers in processes of their own, killed at every step of a commit in two phases.
@Suite struct SubscriptionProcessTests {
  private let place = "/r:system/location"

  /// A subscriber that is ready.
  private func subscriber(_ instance: Instance, _ command: String) async throws -> ChildProcess {
    let child = try ChildProcess(Instance.programs + "/ncs_cmd", ["-c", command], environment: instance.environment)
    _ = try await child.output(until: "subscribed")
    return child
  }

  /// Waits until the status shows what a test waits for.
  private func until(_ instance: Instance, _ text: String) async throws {
    for _ in 0..<3000 {
      if try await instance.run("ncs", "--status").output.contains(text) { return }
    }
    throw ChildProcess.Failure(description: "the status does not show \(text)")
  }

  /// Waits until the subscriber of this priority, the only one that has it, is the one whose answer to a prepare event is waited for.
  private func untilPrepare(_ instance: Instance, priority: Int) async throws {
    for _ in 0..<3000 {
      let lines = try await instance.run("ncs", "--status").output.split(separator: "\n")
      // "  point 7: /r:system, ..., priority 2"
      let point = lines.first { $0.hasSuffix("priority \(priority)") }?.split(separator: ":").first?.split(separator: " ").last
      if let point, lines.contains(where: { $0.contains("WORKING on a prepare event of point \(point) for") }) { return }
    }
    throw ChildProcess.Failure(description: "the status does not show that priority \(priority) prepares")
  }

  /// A commit that waits for its subscribers.
  private func commit(_ instance: Instance, _ value: String) throws -> ChildProcess {
    try ChildProcess(
      Instance.programs + "/ncs_cmd", ["-c", "mset \(place) \(value)"], environment: instance.environment)
  }

  private func expect(
    _ instance: Instance, _ value: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    #expect(try await instance.cmd("mget \(place)") == value + "\n", sourceLocation: sourceLocation)
  }

  @Test func subscribersAreKilledAtEveryStep() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      // While it prepares: the commit goes on without it.
      let one = try await subscriber(instance, "subwait2 /r:system 9 1")
      one.signal(SIGSTOP)
      let first = try commit(instance, "A")
      try await until(instance, "WORKING on a prepare event")
      try await expect(instance, "Room 12, rack 3")
      one.signal(SIGKILL)
      #expect(try await first.finish().code == 0)
      try await expect(instance, "A")

      // While it is told of the commit: the change is there already.
      let two = try await subscriber(instance, "subwait2 /r:system 9 1")
      let three = try await subscriber(instance, "subwait /r:system 9 2")
      three.signal(SIGSTOP)
      let second = try commit(instance, "B")
      try await until(instance, "WORKING on a commit event")
      try await expect(instance, "B")
      // Nobody else commits meanwhile; the lock table says why.
      three.signal(SIGKILL)
      #expect(try await second.finish().code == 0)
      two.signal(SIGKILL)
      _ = try await two.finish()

      // While it is told of the abort: the one who commits gets its refusal.
      let four = try await subscriber(instance, "subwait2 /r:system 9 1")
      let five = try await subscriber(instance, "subwait2 /r:system 9 2 'not today'")
      five.signal(SIGSTOP)
      let third = try commit(instance, "C")
      _ = try await four.output(until: "prepare")
      // It has said yes, and it is the other one's turn.
      try await untilPrepare(instance, priority: 2)
      four.signal(SIGSTOP)
      five.signal(SIGCONT)
      try await until(instance, "WORKING on a abort event")
      four.signal(SIGKILL)
      let refused = try await third.finish()
      #expect(refused.code == 1)
      #expect(refused.errors.contains("not today"))
      try await expect(instance, "B")
      // Who refuses goes on.
      #expect(try await instance.cmd("mset \(place) D", code: 1).contains("not today"))
      five.signal(SIGKILL)
      _ = try await five.finish()
      _ = try await instance.cmd("mset \(place) D")
      try await expect(instance, "D")
    }
  }

  @Test func whoCommitsIsKilled() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let one = try await subscriber(instance, "subwait2 /r:system 1 1")
      one.signal(SIGSTOP)
      let first = try commit(instance, "A")
      try await until(instance, "WORKING on a prepare event")
      first.signal(SIGKILL)
      _ = try await first.finish()
      one.signal(SIGCONT)
      // What it prepared is taken back.
      let told = try await one.finish()
      #expect(told.output.contains("abort"))
      try await expect(instance, "Room 12, rack 3")
      _ = try await instance.cmd("mset \(place) B")

      // While subscribers are told of the commit: it is there, and they are told to the end.
      let two = try await subscriber(instance, "subwait /r:system 1 1")
      let three = try await subscriber(instance, "subwait /r:system 1 2")
      two.signal(SIGSTOP)
      let second = try commit(instance, "C")
      try await until(instance, "WORKING on a commit event")
      second.signal(SIGKILL)
      _ = try await second.finish()
      two.signal(SIGCONT)
      for child in [two, three] { #expect(try await child.finish().output.contains("\(place) set to C\n")) }
      try await expect(instance, "C")
      _ = try await instance.cmd("mset \(place) D")
    }
  }

  @Test func theDaemonIsKilled() async throws {
    let instance = try Router.instance()
    for (event, value) in [("prepare", "Room 12, rack 3"), ("abort", "Room 12, rack 3"), ("commit", "X")] {
      let daemon = try await instance.startDaemon()
      if event == "abort" {
        try await killDuringAbort(instance, daemon)
        try await instance.withDaemon { _ in try await expect(instance, value) }
        continue
      }
      let one = try await subscriber(instance, event == "prepare" ? "subwait2 /r:system 1" : "subwait /r:system 1")
      one.signal(SIGSTOP)
      let first = try commit(instance, "X")
      try await until(instance, "WORKING on a \(event) event")
      daemon.signal(SIGKILL)
      _ = try await daemon.finish()
      one.signal(SIGKILL)
      _ = try await one.finish()
      #expect(try await first.finish().code != 0)
      try await instance.withDaemon { _ in try await expect(instance, value) }
    }
  }

  private func killDuringAbort(_ instance: Instance, _ daemon: ChildProcess) async throws {
    let one = try await subscriber(instance, "subwait2 /r:system 9 1")
    let two = try await subscriber(instance, "subwait2 /r:system 9 2 'not today'")
    two.signal(SIGSTOP)
    let commit = try commit(instance, "X")
    _ = try await one.output(until: "prepare")
    try await until(instance, "WORKING on a prepare event")
    one.signal(SIGSTOP)
    two.signal(SIGCONT)
    try await until(instance, "WORKING on a abort event")
    daemon.signal(SIGKILL)
    _ = try await daemon.finish()
    for child in [one, two] {
      child.signal(SIGKILL)
      _ = try await child.finish()
    }
    #expect(try await commit.finish().code != 0)
  }

  @Test func severalPrioritiesInOrder() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let late = try await subscriber(instance, "subwait /r:system 1 30")
      let early = try await subscriber(instance, "subwait /r:system/location 1 -3")
      let middle = try await subscriber(instance, "subwait /r:system 1 7")
      let other = try await subscriber(instance, "subwait /r:users 1")
      let status = try await instance.run("ncs", "--status").output
      #expect(status.contains("/r:system/location, running, priority -3"))
      early.signal(SIGSTOP)
      let commit = try commit(instance, "A")
      try await until(instance, "WORKING on a commit event")
      let waiting = try await instance.run("ncs", "--status").output
      #expect(waiting.split(separator: "\n").filter { $0.contains("WORKING") }.count == 1)
      early.signal(SIGCONT)
      for child in [early, middle, late] {
        let told = try await child.finish()
        #expect(told.code == 0)
        #expect(told.output.contains("commit\n\(place) set to A\n"))
      }
      #expect(try await commit.finish().code == 0)
      // Nothing concerned this one.
      let all = try ChildProcess(
        Instance.programs + "/ncs_cmd", ["-c", "trigger_subscriptions"], environment: instance.environment)
      let told = try await other.finish()
      #expect(told.output.contains("/r:users/user{ada} created"))
      #expect(try await all.finish().code == 0)
      #expect(try await instance.cmd("trigger_subscriptions 999", code: 1).contains("PROTOUSAGE"))
      #expect(try await instance.cmd("subto 0.2 /r:system", code: 1).contains("did not come"))
      #expect(try await instance.cmd("subwait /r:nope", code: 1).contains("BADPATH"))
    }
  }

  @Test func silenceIsLimited() async throws {
    let instance = try Router.instance(settings: "<cdb><client-timeout>PT1S</client-timeout></cdb>")
    let daemon = try await instance.startDaemon()
    let one = try await subscriber(instance, "subwait /r:system 5")
    one.signal(SIGSTOP)
    _ = try await instance.cmd("mset \(place) A")
    try await expect(instance, "A")
    one.signal(SIGKILL)
    _ = try await one.finish()
    daemon.endInput()
    #expect(try await daemon.finish().output.contains("CDB_CLIENT_TIMEOUT"))
  }

  @Test func modificationsAndOperationalData() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let mods = try await subscriber(instance, "subwait_mods /r:interfaces i 1 /r:interfaces suppress_defaults")
      _ = try await instance.cmd("mset /r:interfaces/interface{eth1}/mtu 9100")
      let told = try await mods.finish()
      #expect(told.output.contains("interface begin\nname eth1\nmtu 9100\ninterface end\n"))
      let oper = try await subscriber(instance, "suboper /r:router-state 1")
      _ = try await instance.cmd("set /r:router-state/cpu-load 12.50", "-o")
      _ = try await instance.cmd("set /r:router-state/cpu-load 13.50", "-ofr")
      let seen = try await oper.finish()
      #expect(seen.output.contains("operational\n/r:router-state/cpu-load set to 13.5\n"))
    }
  }

  /// What the history keeps can be told again, also by the next daemon.
  @Test func commitsAreToldAgainAfterARestart() async throws {
    let instance = try Router.instance(
      settings: "<cdb><subscription-replay><enabled>true</enabled></subscription-replay></cdb>")
    let id = try await instance.withDaemon { _ in
      let id = try await instance.cmd("get_txid").split(separator: "\n").joined()
      for value in ["A", "B"] { _ = try await instance.cmd("mset \(place) \(value)") }
      return id
    }
    try await instance.withDaemon { _ in
      #expect(try await instance.cmd("get_replay_txids").split(separator: "\n").map(String.init).contains(id))
      let one = try await subscriber(instance, "subwait /r:system 2")
      _ = try await instance.cmd("replay_subscriptions \(id)")
      let told = try await one.finish()
      #expect(told.output.contains("\(place) set to A\n") && told.output.contains("\(place) set to B\n"))
      #expect(try await instance.cmd("replay_subscriptions 1-1-1", code: 1).contains("cannot be delivered again"))
    }
  }

  /// Over TCP, where the system does not tell of itself who is at the other end.
  @Test func circlesOnTCP() async throws {
    let instance = try Router.instance(listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    var own = instance.environment
    own["NCS_IPC_PATH"] = nil
    let daemon = try ChildProcess(
      Instance.programs + "/ncs", ["--cd", instance.path, "-c", "ncs.conf", "--foreground", "-v", "--stop-on-eof"],
      environment: own, keepsInput: true)
    let said = try await daemon.output(until: " STARTED")
    let address = try #require(said.firstMatch(of: /IPC: listening on ([^ ,]+),/)?.1)
    let port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
    let environment = ["NCS_IPC_PATH": nil, "NCS_IPC_PORT": "\(port)"] as [String: String?]
    let client = NSOClient(endpoint: Endpoint(.tcp(host: "127.0.0.1", port: port)))
    @Sendable func commit(_ value: String) async throws {
      try await client.withMAAPI { maapi in
        try await maapi.startUserSession()
        try await maapi.withTransaction { try await $0.set(.string(value), at: "/r:system/location") }
      }
    }
    try await client.withSubscription(name: "agent", to: [.running("/r:system/location")]) { subscription in
      var iterator = subscription.makeAsyncIterator()
      async let first: Void = commit("A")
      let told = try #require(try await iterator.next())
      do {
        try await commit("B")
        Issue.record("it was not refused")
      } catch let error as NSOError {
        for word in ["would wait for itself", "CDB client agent", "/r:system/location"] {
          #expect(error.code == .inUse && error.message.contains(word), "\(error)")
        }
      }
      // Another program waits for its turn.
      async let other = instance.run("ncs_cmd", "-c", "mset /r:system/hostname other", with: environment)
      try await told.done()
      try await first
      #expect(try await other.code == 0)
    }
    daemon.endInput()
    _ = try await daemon.finish()
  }

  /// The client library: a subscriber that refuses, and one that commits from inside its event.
  @Test func theClientLibrary() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
      @Sendable func commit(_ value: String) async throws {
        try await client.withMAAPI { maapi in
          try await maapi.startUserSession()
          try await maapi.withTransaction { try await $0.set(.string(value), at: "/r:system/location") }
        }
      }
      try await client.withSubscription(name: "agent", to: [.twoPhase("/r:system/location")]) { subscription in
        async let refused: Void = commit("A")
        var iterator = subscription.makeAsyncIterator()
        let prepare = try #require(try await iterator.next())
        #expect(prepare.kind == .prepare && prepare.points == subscription.points)
        #expect(
          try await prepare.changes(flags: .wantPrevious).first?.kind
            == .valueSet(old: .string("Room 12, rack 3"), new: .string("A")))
        #expect(try await prepare.userSession() > 0)
        try await prepare.reportProgress("looking")
        try await prepare.refuse("not A")
        do {
          try await refused
          Issue.record("it was not refused")
        } catch let error as NSOError {
          #expect(error.message == "not A")
        }
        async let accepted: Void = commit("B")
        #expect(try await iterator.next()?.kind == .prepare)
        let told = try #require(try await iterator.next())
        #expect(told.kind == .commit)
        // A circle: another commit of this process cannot begin before this event is answered.
        do {
          try await commit("C")
          Issue.record("it was not refused")
        } catch let error as NSOError {
          #expect(error.code == .inUse && error.message.contains("wait for itself"))
        }
        try await told.done()
        try await accepted
      }
      #expect(try await instance.cmd("mget /r:system/location") == "B\n")
    }
  }
}
