import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

/// Peers on the Unix socket that the system knows as a user (protocol part 08, section 8.1): APIs that know no users are not for them,
/// whatever this version serves.
@Suite struct MappedPeerTests {
  @Test func `only MAAPI is for peers that are mapped to a user`() async throws {
    try await TestDaemon.run(change: { $0.localPeerCheck = { _ in .user("olga", groups: ["oper"]) } }) { daemon in
      for (id, name) in [(3, "data provider"), (11, "events")] as [(UInt8, String)] {
        let client = try daemon.connect(ClientID(rawValue: id))
        client.raw.send([0, 0, 0, 2, 131, 106])
        let rest = client.raw.receive(1000)
        // {'error', 3, Text}: access denied.
        #expect(rest.dropFirst(4).prefix(14).elementsEqual([131, 104, 3, 100, 0, 5] + Array("error".utf8) + [97, 3, 109]))
        #expect(String(decoding: rest, as: UTF8.self).contains("may use MAAPI only: \(name) knows no users"))
      }
      let cdb = try daemon.connect(.cdb)
      // Its name, then a session on running.
      cdb.raw.send([0, 0, 0, 6, 0, 0, 0, 0, 110, 110] + [0, 0, 0, 4, 0, 0, 0, 1])
      let rest = cdb.raw.receive(1000)
      #expect(rest.dropFirst(4).prefix(8).elementsEqual([0x80, 0, 0, 1, 0, 0, 0, 3]), "\(rest)")
      #expect(String(decoding: rest, as: UTF8.self).contains("may use MAAPI only"))
      let ha = try daemon.connect(ClientID(rawValue: 17))
      ha.raw.send([0, 0, 0, 1, 65])
      #expect(ha.raw.receive(1000).isEmpty)
      // Its groups are those that the daemon knows, not those that it names.
      let maapi = try daemon.session("olga", context: "cli", groups: ["admin"])
      #expect(daemon.engine.sessions.all.map(\.request.groups) == [["oper"]])
      for message in [
        MAAPIRequest.sysMessage(to: "all", message: "Message from root"), .prioMessage(to: "all", message: "stop"),
      ] {
        #expect(errorCode { try maapi.done(message) } == .accessDenied)
      }
      try maapi.done(.userMessage(to: "all", message: "hello", from: "root"))
    }
  }
}
