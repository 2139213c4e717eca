import NSOClient
import NSOModel
import NSOWire
import Testing

/// Candidate, confirmed commits, startup, rollback and history with real processes that are killed.
@Suite struct DatastoreLifeTests {
  private func instance(_ more: String = "") throws -> Instance {
    try Instance(
      settings: """
        <datastores><candidate><enabled>true</enabled></candidate>\(more)</datastores>
        <rollback><enabled>true</enabled><directory>./logs</directory><history-size>5</history-size></rollback>
        """)
  }

  private func client(_ instance: Instance) -> NSOClient { NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc"))) }

  @Test func killedDuringAConfirmedCommit() async throws {
    let instance = try instance()
    let name = Keypath([.tag(Tag("top", in: "urn:small")), .tag("name")])
    var daemon = try await instance.startDaemon()
    _ = try await instance.cmd("mset /s:top/name before")
    // A confirmed commit of a session that is there when the daemon dies.
    await #expect(throws: (any Error).self) {
      try await client(instance).withMAAPI { maapi in
        try await maapi.startUserSession()
        try await maapi.withTransaction(.candidate) { try await $0.set(.string("after"), at: name) }
        try await maapi.commitCandidate(confirmedWithin: 3600)
        let (owner, own) = (try await maapi.confirmedCommitOwner(), try await maapi.currentUserSession())
        #expect(owner == own)
        #expect(try await instance.cmd("mget /s:top/name") == "after\n")
        daemon.signal(9)
        _ = try await daemon.finish()
        _ = try await maapi.userSessions()
      }
    }
    daemon = try await instance.startDaemon()
    #expect(try await instance.cmd("mget /s:top/name; mconfirmed_commit") == "before\n0\n")
    #expect(try instance.read("logs/ncs.log").contains("ABORT_CAND_COMMIT_REBOOT"))

    // A persistent one goes on, and can be confirmed by whoever knows the cookie.
    _ = try await instance.cmd("mset /s:top/name after; mapply; mcommit_candidate 3600 cookie", "-e")
    #expect(try await instance.cmd("mget /s:top/name") == "after\n")
    daemon.signal(9)
    _ = try await daemon.finish()
    daemon = try await instance.startDaemon()
    #expect(try await instance.cmd("mget /s:top/name") == "after\n")
    #expect(try await instance.cmd("mconfirmed_commit") != "0\n")
    #expect(try await instance.run("ncs", "--status").output.contains("confirmed commit of"))
    _ = try await instance.cmd("mcommit_candidate", code: 1)
    _ = try await instance.cmd("mcommit_candidate 0 - cookie")
    #expect(try await instance.cmd("mconfirmed_commit; mget /s:top/name") == "0\nafter\n")

    // Time runs out.
    _ = try await instance.cmd("mset /s:top/name short; mapply; mcommit_candidate 1 cookie", "-e")
    _ = try await daemon.output(until: "CAND_COMMIT_ROLLBACK_DONE")
    #expect(try await instance.cmd("mget /s:top/name") == "after\n")
    daemon.endInput()
    _ = try await daemon.finish()
  }

  @Test func rollbackAndHistoryOutliveTheDaemon() async throws {
    let instance = try instance()
    let daemon = try await instance.startDaemon()
    for text in ["one", "two", "three"] { _ = try await instance.cmd("mset /s:top/name \(text)") }
    daemon.signal(9)
    _ = try await daemon.finish()
    try await instance.withDaemon { _ in
      let rollbacks = try await instance.cmd("rollbacks").split(separator: "\n")
      #expect(rollbacks.count == 3)
      #expect(rollbacks.first?.hasPrefix("0 #3 ") == true)
      #expect(try await instance.cmd("history").split(separator: "\n").map { $0.prefix(2) } == ["3 ", "2 ", "1 "])
      #expect(try await instance.cmd("history_get 2 /s:top/name; history_get 0 /s:top/name") == "two\n-\n")
      #expect(try await instance.cmd("history_diff 1 3") == "= /s:top/name three\n")
      #expect(try await instance.cmd("history_get 9 /s:top/name", code: 1).contains("NOEXISTS"))
      // Two ways to go back, and what it would change.
      #expect(try await instance.cmd("mrollback 1; mdiff; fail", code: 1).contains("asked to fail"))
      _ = try await instance.cmd("mrollback 1")
      #expect(try await instance.cmd("mget /s:top/name") == "one\n")
      #expect(try await instance.run("ncs", "--rollback", "0").code == 0)
      #expect(try await instance.cmd("mget /s:top/name") == "three\n")
      #expect(try await instance.run("ncs", "--rollback", "77").code == 1)
      #expect(
        try await instance.cmd("mset /s:top/mtu 9000; mdiff; mapply")
          == " top {\n+    mtu 9000;\n }\n")
    }
  }

  @Test func runningBecomesStartupAtTheStart() async throws {
    let instance = try instance("<startup><enabled>true</enabled></startup>")
    try await instance.withDaemon { _ in
      _ = try await instance.cmd("mset /s:top/name kept; mcopy_to_startup; mrunning_modified")
      #expect(try await instance.cmd("mget /s:top/name; mrunning_modified") == "kept\nno\n")
      _ = try await instance.cmd("mset /s:top/name lost")
      #expect(try await instance.cmd("mrunning_modified") == "yes\n")
      // Startup is written like running.
      _ = try await instance.cmd("mset /s:top/mtu 9000", "-S")
    }
    try await instance.withDaemon { _ in
      let (now, before) = (
        try await instance.cmd("mget /s:top/name; mget /s:top/mtu"), try await instance.cmd("history_get 2 /s:top/name")
      )
      #expect(now == "kept\n9000\n" && before == "lost\n")
    }
  }

  @Test func runningIsMarkedWhileItIsInconsistent() async throws {
    let instance = try instance()
    try await instance.withDaemon { _ in
      let status = try await instance.cmd("running_status; running_status invalid; running_status")
      #expect(status == "valid\ninvalid\n")
      #expect(try instance.read("state/running.invalid").contains("has said so (SET_RUNNING_DB_STATUS)"))
    }
    try await instance.withDaemon { _ in
      // Who it was is known after a restart, too.
      let line = /running: NOT CONSISTENT: .+ has said so \(SET_RUNNING_DB_STATUS\)/
      #expect(try await instance.run("ncs", "--status").output.contains(line))
      #expect(try await instance.cmd("running_status; running_status valid; running_status") == "invalid\nvalid\n")
      #expect(!instance.exists("state/running.invalid"))
      _ = try await instance.cmd("mreadonly on")
      #expect(try await instance.cmd("mset /s:top/name x", "-x", "cli", code: 1).contains("NOT_WRITABLE"))
      _ = try await instance.cmd("mreadonly off; mset /s:top/name x")
    }
  }
}
