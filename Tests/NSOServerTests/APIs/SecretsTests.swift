import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSecrets
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct SecretsAPITests {
  @Test func `keys are given to those who are trusted`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.connect()
      let none = Term.atom("undefined")
      #expect(try client.call(.getCryptoKeys) == .term(EncodedTerm(.tuple([Term](repeating: none, count: 7)))))
      daemon.engine.secrets.settings.keys = CipherKeys(
        aes128: [UInt8](repeating: 1, count: 16), aes256: [UInt8](repeating: 2, count: 32))
      #expect(
        try client.call(.getCryptoKeys)
          == .term(
            EncodedTerm(
              .tuple([
                none, none, none, none, .binary([UInt8](repeating: 1, count: 16)), none,
                .binary([UInt8](repeating: 2, count: 32)),
              ]))))
      #expect(errorCode { try client.done(.authenticate(Authenticate(user: "x", password: "y"))) } == .accessDenied)
      // Where applications are to be asked and none has registered, nobody gets in.
      daemon.engine.aaa.asksApplication = true
      #expect(errorCode { try client.done(.authenticate(Authenticate(user: "x", password: "y"))) } == .accessDenied)
      try client.done(.aaaReload(wait: true))
      #expect(errorText { _ = try client.call(.unknown(op: 263, payload: .init())) }.contains("tokens"))
    }
  }

  /// Peers that the system knows as a user (protocol part 08, section 8.1).
  @Test func `a mapped peer works in sessions and transactions of its user only`() async throws {
    try await TestDaemon.run { configuration in
      configuration.localPeerCheck = { _ in .user("anna", groups: ["ops", "dev"]) }
    } _: { daemon in
      let engine = daemon.engine
      let own = try engine.sessions.start(UserSessionRequest(user: "anna", context: "cli"))
      let system = try engine.sessions.start(UserSessionRequest(user: "anna", context: "system"))
      let other = try engine.sessions.start(UserSessionRequest(user: "bob", context: "cli"))
      let transactions = try [own, system, other].map { try engine.startTransaction($0, on: .running, .readWrite).handle }

      let client = try daemon.connect()
      for session in [system, other] {
        #expect(errorCode { try client.done(.setUserSession(session.id)) } == .accessDenied)
        #expect(
          errorCode { _ = try client.call(.startTransaction(StartTransaction(.running, .read, session: session.id))) }
            == .accessDenied)
        #expect(errorCode { try client.done(.killUserSession(session.id)) } == .accessDenied)
      }
      for handle in transactions.dropFirst() {
        #expect(errorCode { try client.done(.attach(Attach()), handle) } == .accessDenied)
        #expect(errorCode { try client.done(.attach(Attach(session: own.id)), handle) } == .accessDenied)
      }
      // Nor its own transaction in the name of somebody else.
      #expect(errorCode { try client.done(.attach(Attach(session: other.id)), transactions[0]) } == .accessDenied)
      #expect(errorCode { _ = try client.call(.getMyUserSession) } == .noExists)
      try client.done(.attach(Attach()), transactions[0])
      #expect(try client.integer(.getMyUserSession) == Int64(own.id))
      try client.done(.detach, transactions[0])

      let second = try daemon.connect()
      try second.done(.setUserSession(own.id))
      #expect(try second.integer(.getMyUserSession) == Int64(own.id))
      _ = try second.start(.running, .read)

      // Its own sessions have the groups of the mapping, whatever it says.
      let third = try daemon.connect()
      #expect(errorCode { try third.done(.startUserSession(StartUserSession(user: "bob", context: "cli"))) } == .accessDenied)
      #expect(
        errorCode { try third.done(.startUserSession(StartUserSession(user: "anna", context: "system"))) } == .accessDenied)
      try third.done(.startUserSession(StartUserSession(user: "anna", context: "cli", groups: ["admin"])))
      let id = Int32(truncatingIfNeeded: try third.integer(.getMyUserSession))
      #expect(try third.call(.getAuthorizationInfo(id)) == .groups(["ops", "dev"]))
      #expect(errorCode { _ = try third.call(.getCryptoKeys) } == .accessDenied)
      #expect(errorCode { try third.done(.initUpgrade(timeout: 0, flags: 0)) } == .accessDenied)
      #expect(errorCode { try third.done(.aaaReload(wait: true)) } == .accessDenied)
      // Killing a session of its own is fine.
      try third.done(.killUserSession(own.id))
      #expect(engine.sessions.all.map(\.id) == [system.id, other.id, id])
    }
  }
}
