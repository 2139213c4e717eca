import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

@Suite struct SessionTests {
  @Test func `a session begins, is known by number, and ends with its connection`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.connect()
      #expect(errorCode { _ = try client.call(.getMyUserSession) } == .noExists)
      #expect(errorCode { _ = try client.call(.startTransaction(StartTransaction(.running, .read))) } == .noSession)
      let identification = ClientIdentification(vendor: "acme", clientID: "test 1")
      try client.done(
        .startUserSession(
          StartUserSession(
            user: "anna", port: 4711, context: "cli", sessionProtocol: .ssh, groups: ["ops", "dev"],
            identification: identification)))
      let id = Int32(truncatingIfNeeded: try client.integer(.getMyUserSession))
      #expect(try client.call(.getUserSessions) == .integers([Int64(id)]))
      guard case .userSession(let info) = try client.call(.getUserSession(id)) else {
        throw NSOError(.internal, "another kind of reply")
      }
      #expect(info.user == "anna")
      #expect(info.context == "cli")
      #expect(info.port == 4711)
      #expect(info.sessionProtocol == .ssh)
      #expect(info.flags == 2)
      #expect(try client.call(.getAuthorizationInfo(id)) == .groups(["ops", "dev"]))
      #expect(try client.call(.getUserSessionIdentification(id)) == .identification(identification))
      #expect(errorCode { try client.done(.startUserSession(StartUserSession(user: "bob"))) } == .alreadyExists)

      let other = try daemon.connect()
      #expect(try other.call(.getUserSessions) == .integers([Int64(id)]))
      try client.done(.endUserSession)
      #expect(errorCode { try client.done(.endUserSession) } == .noSession)
      #expect(try other.call(.getUserSessions) == .integers([]))
      // The connection can start another one.
      try client.done(.startUserSession(StartUserSession(user: "anna")))
      _ = client
    }
  }

  @Test func `closing the connection ends its session and transactions, a borrowed session lives on`() async throws {
    try await TestDaemon.run { daemon in
      let owner = try daemon.session()
      let id = Int32(truncatingIfNeeded: try owner.integer(.getMyUserSession))
      do {
        let borrower = try daemon.connect()
        try borrower.done(.setUserSession(id))
        #expect(try borrower.integer(.getMyUserSession) == Int64(id))
        _ = try borrower.start()
        #expect(daemon.engine.transactions.count == 1)
        let thief = try daemon.session("thief")
        _ = try thief.start(.running, .read)
        #expect(daemon.engine.transactions.count == 2)
      }
      try daemon.until { daemon.engine.transactions.isEmpty && daemon.engine.sessions.all.count == 1 }
      #expect(try owner.integer(.getMyUserSession) == Int64(id))
    }
  }

  @Test func `a killed session closes its connection and unbinds those that borrowed it`() async throws {
    try await TestDaemon.run { daemon in
      let victim = try daemon.session("victim")
      let id = Int32(truncatingIfNeeded: try victim.integer(.getMyUserSession))
      let borrower = try daemon.connect()
      try borrower.done(.setUserSession(id))
      let killer = try daemon.session("killer")
      #expect(errorCode { try killer.done(.killUserSession(12345)) } == .noExists)
      try killer.done(.killUserSession(id))
      #expect(victim.receiveFrame() == nil)
      #expect(errorCode { _ = try borrower.call(.startTransaction(StartTransaction(.running, .read))) } == .noSession)
    }
  }

  @Test func `locks belong to sessions`() async throws {
    try await TestDaemon.run { daemon in
      let first = try daemon.session("first")
      let id = try first.integer(.getMyUserSession)
      try first.done(.lock(.running))
      #expect(try first.integer(.isLockSet(.running)) == id)
      let second = try daemon.session("second")
      #expect(errorCode { try second.done(.lock(.running)) } == .locked)
      #expect(errorText { try second.done(.unlock(.running)) }.contains("first"))
      #expect(
        errorCode { try second.commit { try second.done(.setElem2("x", Keypath.plant(.tag("owner")).wire), $0) } } == .inUse)
      try first.done(.unlock(.running))
      try second.commit { try second.done(.setElem2("x", Keypath.plant(.tag("owner")).wire), $0) }
      #expect(errorCode { try first.done(.lock(.candidate)) } == .noExists)
      #expect(try first.integer(.isLockSet(.running)) == 0)
    }
  }

  @Test func `peers that the system knows as a user act for that user only`() async throws {
    try await TestDaemon.run(change: { $0.localPeerCheck = { _ in .user("olga", groups: ["ops"]) } }) { daemon in
      let client = try daemon.connect()
      #expect(errorCode { try client.done(.startUserSession(StartUserSession(user: "root"))) } == .accessDenied)
      #expect(
        errorCode { try client.done(.startUserSession(StartUserSession(user: "olga", context: "system"))) } == .accessDenied)
      try client.done(.startUserSession(StartUserSession(user: "olga", context: "cli", groups: ["admin"])))
      let id = Int32(truncatingIfNeeded: try client.integer(.getMyUserSession))
      #expect(try client.call(.getAuthorizationInfo(id)) == .groups(["ops"]))
      #expect(errorCode { try client.done(.stop(wait: false)) } == .accessDenied)
      #expect(errorCode { try client.done(.loadConfigFile(.xml, file: "/etc/passwd"), 1) } == .accessDenied)
      #expect(daemon.control.requests.isEmpty)
      let root = try daemon.engine.sessions.start(.init(user: "root", context: "system"))
      #expect(errorCode { try daemon.connect().done(.setUserSession(root.id)) } == .accessDenied)
      #expect(errorCode { try client.done(.killUserSession(root.id)) } == .accessDenied)
      let cdb = try daemon.connect(.cdb)
      #expect(errorCode { _ = try cdb.call(.getPhase) } == .accessDenied)
      #expect(cdb.receiveFrame() == nil)
    }
  }
}
