import Glibc
import NSOClient
import NSODaemon
import NSOModel
import NSOTesting
import Testing

@Suite struct TestDaemonTests {
  static let model = """
    module small {
      yang-version 1.1; namespace "urn:small"; prefix s;
      container top {
        leaf name { type string; }
        leaf mtu { type uint16 { range "68..9216"; } default 1500; }
      }
    }
    """

  @Test func aDaemonForATestOfSomethingElse() async throws {
    var directory = ""
    try await TestDaemon.run(modules: [Self.model], initialData: "<top xmlns=\"urn:small\"><name>initial</name></top>") {
      daemon in
      directory = daemon.directory
      try await daemon.client.withMAAPI { (maapi) async throws in
        try await maapi.startUserSession()
        try await maapi.withTransaction(.running, .readWrite) { (transaction) async throws in
          #expect(try await transaction.get("/s:top/name") == .string("initial"))
          try await transaction.set(.uint16(9000), at: "/s:top/mtu")
        }
      }
      try await daemon.client.withMAAPI { (maapi) async throws in
        try await maapi.startUserSession()
        try await maapi.withTransaction(.running, .read) { (transaction) async throws in
          #expect(try await transaction.get("/s:top/mtu") == .uint16(9000))
        }
      }
    }
    #expect(access(directory, F_OK) != 0)
  }

  @Test func severalAtOnce() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask {
          try await TestDaemon.run(modules: [Self.model], initialData: "<top xmlns=\"urn:small\"><name>\(number)</name></top>")
          { (daemon) async throws in
            try await daemon.client.withMAAPI { (maapi) async throws in
              try await maapi.startUserSession()
              try await maapi.withTransaction(.running, .read) { (transaction) async throws in
                #expect(try await transaction.get("/s:top/name") == .string("\(number)"))
              }
            }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func aModelThatDoesNotLoad() async throws {
    let failure = await #expect(throws: StartFailure.self) {
      try await TestDaemon.run(modules: ["module broken {"]) { _ in }
    }
    #expect(failure?.exitCode == .installation)
  }

  @Test func theBodysErrorPassesThrough() async throws {
    struct Stop: Error {}
    await #expect(throws: Stop.self) { try await TestDaemon.run(modules: [Self.model]) { _ in throw Stop() } }
  }
}
