import NSOWire
import Testing

@testable import NSOServer

@Suite struct UnservedTests {
  @Test func `APIs that are not served say so in their own form`() async throws {
    try await TestDaemon.run { daemon in
      for (id, name) in [(11, "events"), (17, "HA")] as [(UInt8, String)] {
        let client = try daemon.connect(ClientID(rawValue: id))
        client.raw.send([0, 0, 0, 2, 131, 106])
        let rest = client.raw.receive(1000)
        if id == 17 {
          #expect(rest.isEmpty)
        } else {
          #expect(rest.dropFirst(4).prefix(14).elementsEqual([131, 104, 3, 100, 0, 5] + Array("error".utf8) + [97, 51, 109]))
          #expect(String(decoding: rest.dropFirst(22), as: UTF8.self) == "\(name) connections are not supported yet")
        }
      }
    }
  }
}
