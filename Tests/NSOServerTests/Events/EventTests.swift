import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct EventTests {
  @Test func `user sessions, locks and transactions`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.watch(.userSession)
      let (client, user) = try daemon.user()
      #expect(user.user == "anna" && user.context == "cli" && user.port == 4711 && user.sessionProtocol == .ssh)
      #expect(user.password.isEmpty && user.loginTime > 1_600_000_000)
      // System sessions are not told.
      let system = try daemon.session()
      _ = try system.start(.running, .read)
      try client.done(.lock(.running))
      let handle = try client.start(.operational)
      try client.done(.stopTransaction, handle)
      try client.done(.unlock(.running))
      try client.done(.lock(.running))
      try client.done(.endUserSession)
      let wanted: [(UserSessionNotice.Kind, DatabaseName)] = [
        (.started, .none), (.locked, .running), (.startedTransaction, .operational), (.stoppedTransaction, .operational),
        (.unlocked, .running), (.locked, .running), (.unlocked, .running), (.stopped, .none),
      ]
      for (kind, database) in wanted {
        #expect(try watcher.event() == .userSession(UserSessionNotice(kind, user: user, database: database)))
      }
      _ = system
    }
  }

  @Test func `a commit that was made`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.watch([.commitSimple, .audit])
      let (client, user) = try daemon.user()
      for name in ["SESSION_CREATE context cli from 127.0.0.1:4711 over ssh client acme c 1", "GROUP_ASSIGN ops"] {
        let record = try watcher.audit()
        #expect(record.message == name && record.user == "anna" && record.session == user.session)
        #expect(record.number == (name.hasPrefix("SESSION") ? 174 : 116))
      }
      let handle = try client.prepareChange("anna")
      try client.done(.setLabel("CHG-1"), handle)
      try client.done(.setComment("say \"hi\"\nthere"), handle)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      let record = try watcher.audit()
      #expect(record.number == LogSymbol.commit.number && record.session == user.session)
      let id = daemon.engine.lastTransactionID.text
      #expect(record.message.hasPrefix("COMMIT running revision "))
      #expect(
        record.message.hasSuffix(
          " transaction \(handle) id \(id) from 127.0.0.1 context cli client \"c 1\" label \"CHG-1\" comment \"say \\\"hi\\\"\nthere\""
        ),
        "\(record.message)")
      #expect(
        try watcher.event()
          == .commitSimple(CommitNotice(database: .running, user: user, hasDiff: true)))
      // Nothing changed: nothing is told.
      let same = try client.prepareChange("anna")
      try client.done(.applyTransaction(keepOpen: false, flags: 0), same)
      try client.done(.endUserSession)
      #expect(try watcher.audit().message == "SESSION_TERMINATION logged out")
    }
  }

  @Test func `a commit that was refused`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.watch([.audit, .developer])
      let (client, user) = try daemon.user("bob")
      for _ in 0..<2 { _ = try watcher.audit() }
      let holder = try daemon.session("holder")
      try holder.done(.lock(.running))
      let handle = try client.prepareChange("bob")
      let text = errorText { try client.done(.applyTransaction(keepOpen: false, flags: 0), handle) }
      // Who, what, rule, age, remedy.
      #expect(text.hasPrefix("bob (session \(user.session), context cli, from 127.0.0.1, client c 1) cannot commit to running"))
      #expect(text.contains("it is locked by holder (session") && text.contains(" s; wait for the unlock or end that session"))
      guard case .log(.developer, let entry) = try watcher.event() else { throw NSOError(.internal, "another event") }
      #expect(entry.number == 91 && entry.priority == 6 && entry.message == "DEVEL_CONFD refused: \(text)")
      // Once, then the audit record: the same text.
      let record = try watcher.audit()
      #expect(record.number == LogSymbol.commitRefused.number && record.user == "bob" && record.message.contains(text))
      _ = holder
    }
  }

  @Test func `a commit waits for whoever looks at its changes`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.watch([.commitDiff, .commitSimple])
      let second = try daemon.watch(.commitDiff)
      let (client, user) = try daemon.user()
      let handle = try client.prepareChange("anna")
      try client.done(.setComment("why"), handle)
      client.send(.applyTransaction(keepOpen: false, flags: 0), handle)
      guard case .commitSimple = try watcher.event() else { throw NSOError(.internal, "another event") }
      let notice = CommitDiffNotice(database: .running, user: user, transaction: handle, comment: "why", label: "")
      #expect(try watcher.event() == .commitDiff(notice))
      #expect(try second.event() == .commitDiff(notice))
      // The changes can be looked at, and the new data is there for others.
      let reader = try daemon.session("reader")
      try reader.done(.attach(Attach(session: 0)), handle)
      #expect(try DiffTests.changes(reader, .diffIterate([]), handle) == ["/plant/owner = anna"])
      try reader.done(.detach, handle)
      let check = try reader.start(.running, .read)
      #expect(try reader.value(.plant(.tag("owner")), check) == .string("anna"))
      // The commit still holds its place.
      #expect(daemon.engine.commitHolders.writer != nil)
      watcher.acknowledge(.commitDiff(transaction: 4711))
      watcher.acknowledge(.audit(session: handle))
      watcher.acknowledge(.commitDiff(transaction: handle))
      #expect(daemon.engine.commitHolders.writer != nil)
      second.acknowledge(.commitDiff(transaction: handle))
      #expect(try client.reply(MAAPIOperation.applyTransaction.rawValue, .done) == .done)
      #expect(daemon.engine.commitHolders.writer == nil)
    }
  }

  @Test func `a subscriber that goes away, or does not answer, holds nobody for ever`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.events.settings.replyTimeout = .milliseconds(100)
      let (client, _) = try daemon.user()
      let log = try daemon.watch(.daemon)
      var gone: WireClient? = try daemon.watch(.commitDiff)
      let silent = try daemon.watch(.commitDiff)
      let handle = try client.prepareChange("anna")
      client.send(.applyTransaction(keepOpen: false, flags: 0), handle)
      _ = try silent.event()
      gone = nil
      #expect(try client.reply(MAAPIOperation.applyTransaction.rawValue, .done) == .done)
      // The other one was closed, and the log says why, to subscribers as well.
      #expect(silent.receiveFrame() == nil)
      guard case .log(.daemon, let entry) = try log.event() else { throw NSOError(.internal, "another event") }
      #expect(entry.number == 95 && entry.priority == 2)
      #expect(entry.message.contains("COMMIT_DIFF for transaction \(handle)") && entry.message.contains("commit-diff"))
      #expect(daemon.log.lines().contains(entry.message))
      _ = gone
    }
  }

  @Test func `a session waits until its audit records are acknowledged`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.watch([.audit, .auditSync])
      let plain = try daemon.watch(.audit)
      let (client, id) = try {
        let client = try daemon.connect()
        try client.done(.startUserSession(StartUserSession(user: "anna", context: "cli", groups: [])))
        let create = try watcher.audit()
        #expect(create.number == 174)
        #expect(try watcher.audit().number == 117)
        client.send(.getMyUserSession)
        // Two records, so two acknowledgements.
        watcher.acknowledge(.audit(session: create.session))
        try daemon.until { daemon.engine.events.hasSuspensions }
        #expect(client.isSilent)
        watcher.acknowledge(.audit(session: create.session))
        #expect(try client.reply(MAAPIOperation.getMyUserSession.rawValue, .integer) == .integer(Int64(create.session)))
        return (client, create.session)
      }()
      #expect(!daemon.engine.events.hasSuspensions)
      let numbers = [try plain.audit().number, try plain.audit().number]
      #expect(numbers == [174, 117])
      let handle = try client.prepareChange("anna")
      client.send(.applyTransaction(keepOpen: false, flags: 0), handle)
      #expect(try watcher.audit().message.hasPrefix("COMMIT running"))
      #expect(client.isSilent)
      watcher.acknowledge(.audit(session: id))
      #expect(try client.reply(MAAPIOperation.applyTransaction.rawValue, .done) == .done)
      // One that ends while a session waits lets it go on.
      try client.done(.stopTransaction, handle)
    }
  }

  @Test func `a reader that does not read costs a bounded buffer`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.events.settings.bufferedEvents = 50
      let slow = try daemon.watch(.audit)
      let reader = try daemon.watch(.daemon)
      let text = String(repeating: "x", count: 20_000)
      var told = 0
      while daemon.engine.events.wants(.audit), told < 10_000 {
        daemon.engine.journal.audit(.sessionCreate, user: "nobody", text)
        told += 1
      }
      guard case .log(.daemon, let entry) = try reader.event() else { throw NSOError(.internal, "another event") }
      #expect(entry.number == 96 && entry.message.contains("does not read"))
      #expect(told < 10_000)
      // What was written before comes, whole, and then the end.
      var received = 0
      while let frame = slow.receiveFrame() {
        guard case .event(.audit(let record)) = try EventFrame(frame) else { throw NSOError(.internal, "another event") }
        #expect(record.message == "SESSION_CREATE " + text)
        received += 1
      }
      #expect(received < told)
    }
  }

  @Test func `a socket that takes no bytes is closed`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.events.settings.stallTimeout = .milliseconds(100)
      let slow = try daemon.watch(.audit)
      let reader = try daemon.watch(.daemon)
      // More than sockets hold, less than the buffer of the subscriber.
      let text = String(repeating: "x", count: 4000)
      for _ in 0..<1000 { daemon.engine.journal.audit(.sessionCreate, user: "nobody", text) }
      guard case .log(.daemon, let entry) = try reader.event() else { throw NSOError(.internal, "another event") }
      #expect(entry.number == 96 && entry.message.contains("takes no bytes"), "\(entry)")
      _ = slow
    }
  }

  @Test func `signs of life`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.connect(.events)
      // Less than a second is a second.
      try watcher.subscribe(
        EventSubscription([.heartbeat, .healthCheck], heartbeatInterval: 10, healthCheckInterval: 1))
      var seen: EventMask = []
      while seen != [.heartbeat, .healthCheck] { seen.insert(try watcher.event().kind) }
    }
  }

  @Test func `subscriptions of any kind`() async throws {
    try await TestDaemon.run { daemon in
      _ = try daemon.watch([])
      let all = try daemon.connect(.events)
      try all.subscribe(
        EventSubscription(
          EventMask(rawValue: UInt32.max).subtracting(.streamEvent).subtracting(.modifiers), heartbeatInterval: 100_000,
          healthCheckInterval: 100_000,
          verbosity: 3))
      _ = try daemon.user()
      #expect(try all.event().kind == .userSession)
      let stream = try daemon.connect(.events)
      let nosuch = EventSubscription(.streamEvent, stream: .init(name: "nosuch"))
      #expect(errorCode { try stream.subscribe(nosuch) } == .noExists)
      #expect(stream.receiveFrame() == nil)
      let unnamed = try daemon.connect(.events)
      #expect(errorCode { try unnamed.subscribe(.streamEvent) } == .protocolUsage)
      let broken = try daemon.connect(.events)
      broken.sendFrame(ByteBuffer(bytes: [131, 104]))
      guard case .failure(let error) = try HAReply(try #require(broken.receiveFrame())) else {
        throw NSOError(.internal, "no error")
      }
      #expect(error.code == .protocolUsage)
      // Frames that are no acknowledgement are ignored.
      all.sendFrame(ByteBuffer(bytes: [131, 106]))
      all.sendFrame(ByteBuffer(bytes: [1, 2, 3]))
      try daemon.session("bob", context: "cli").done(.endUserSession)
      var kinds: [EventMask] = []
      while kinds.filter({ $0 == .userSession }).count < 2 { kinds.append(try all.event().kind) }
    }
  }

  @Test func `who says nothing is sent away`() async throws {
    try await TestDaemon.run { daemon in
      daemon.engine.events.settings.connectTimeout = .milliseconds(50)
      let silent = try daemon.connect(.events)
      #expect(silent.receiveFrame() == nil)
    }
  }

  @Test func `every change of a commit can be audited, without values`() async throws {
    try await TestDaemon.run { daemon in
      var settings = daemon.engine.journal.settings
      settings.auditsChanges = true
      daemon.engine.journal.settings = settings
      let watcher = try daemon.watch(.audit)
      let system = try daemon.session()
      try system.commit { handle in
        try system.done(.create(Keypath.site("west").wire), handle)
        try system.done(
          .setElem(EncodedTerm(.string("secret")), Keypath.site("west", .tag("title")).wire), handle)
      }
      // Commits of system sessions are told as well.
      let records = try (0..<3).map { _ in try watcher.audit() }
      #expect(records.map(\.number) == [130, 130, LogSymbol.commit.number])
      #expect(
        records.prefix(2).map(\.message) == [
          "COMMIT_INFO /p:plant/site{west} created", "COMMIT_INFO /p:plant/site{west}/title set",
        ])
      #expect(!records.contains { $0.message.contains("secret") })
    }
  }
}
