import NSOClient
import NSOModel
import NSOWire
import Testing

/// `ncs_cmd -c upgrade` with real processes.
@Suite struct UpgradeTests {
  @Test func `new modules are loaded without a restart, data is not lost by accident`() async throws {
    let instance = try Instance()
    try await instance.withDaemon { _ in
      func cmd(_ script: String, code: Int32 = 0) async throws -> String {
        let result = try await instance.run("ncs_cmd", "-c", script)
        #expect(result.code == code, "\(script): \(result.errors)")
        return code == 0 ? result.output : result.output + result.errors
      }
      _ = try await cmd("mset /s:top/name ada; mset /s:top/mtu 9000; mcreate /s:top/item{1}; mset /s:top/item{1}/text one")
      try instance.write(
        "next/small.yang",
        """
        module small {
          yang-version 1.1; namespace "urn:small"; prefix s;
          container top {
            leaf name { type string; }
            leaf site { type string; default here; }
            list item { key id; leaf id { type uint32; } leaf text { type string; } }
          }
        }
        """)
      let next = instance.path + "/next"
      #expect(try await cmd("upgrade_check \(next)").contains("drops /s:top/mtu: 1 record"))
      let refused = try await cmd("upgrade \(next)", code: 1)
      #expect(refused.contains("drops /s:top/mtu") && refused.contains("nothing was changed"))
      #expect(try await cmd("mget /s:top/mtu") == "9000\n")

      try await NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc"))).withMAAPI { maapi in
        try await maapi.startUserSession()
        let open = try await maapi.startTransaction(.running, .read)
        _ = try await cmd("upgrade_force \(next)")
        #expect(try await open.get("/s:top/mtu") == .uint16(9000))
        #expect(try await cmd("mget /s:top/site /s:top/name /s:top/item{1}/text") == "here\nada\none\n")
        #expect(try await cmd("mget /s:top/mtu", code: 1).contains("BADPATH"))
        _ = try await cmd("mset /s:top/site there")
        try await open.finish()
      }
      // Without a folder: what the daemon was started with.
      _ = try await cmd("upgrade_force")
      #expect(try await cmd("mget /s:top/mtu /s:top/name") == "1500\nada\n")
      _ = try await cmd("upgrade /nowhere/at/all", code: 1)
      _ = try await cmd("mset /s:top/mtu 1400")
    }
    let log = try instance.read("ncs.log", in: instance.path + "/logs")
    for symbol in ["UPGRADE_INIT_STARTED", "UPGRADE_PERFORMED", "UPGRADE_COMMITTED", "UPGRADE_ABORTED"] {
      #expect(log.contains(symbol), "\(symbol)")
    }
  }
}
