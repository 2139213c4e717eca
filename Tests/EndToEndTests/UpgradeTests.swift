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

      // Initial data of what is new, and of nothing else.
      try instance.write(
        "more/extra.yang",
        """
        module extra {
          yang-version 1.1; namespace "urn:extra"; prefix e;
          container extra { leaf size { type uint8; } leaf kind { type string; } }
        }
        """)
      try instance.write("more/small.yang", Instance.model)
      try instance.write(
        "cdb/extra.xml",
        """
        <config xmlns="http://tail-f.com/ns/config/1.0">
          <top xmlns="urn:small"><mtu>99</mtu></top>
          <unknown xmlns="urn:unknown"/>
          <extra xmlns="urn:extra"><size>7</size></extra>
        </config>
        """)
      try instance.write("more/kind.xml", "<extra xmlns='urn:extra'><kind>new</kind></extra>")
      let more = instance.path + "/more"
      let report = try await cmd("upgrade_check \(more)")
      #expect(report.contains("loads initial data: ") && report.contains("cdb/extra.xml"))
      #expect(report.contains("\(more)/kind.xml") && report.contains("note: at its next start"), "\(report)")
      _ = try await cmd("mget /e:extra/size", code: 1)
      _ = try await cmd("upgrade \(more)")
      #expect(try await cmd("mget /e:extra/size /e:extra/kind /s:top/mtu") == "7\nnew\n1400\n")
      // Not again.
      _ = try await cmd("mset /e:extra/size 8; upgrade \(more); mget /e:extra/size")
      #expect(try await cmd("mget /e:extra/size") == "8\n")
      #expect(try await instance.run("ncs", "--status").output.contains("modules: those of an upgrade, from \(more)"))
    }
    // As the note says.
    let settings = try instance.read("ncs.conf", in: instance.path)
    try instance.write("ncs.conf", settings.replacing("<dir>./yang</dir>", with: "<dir>./more</dir>"))
    try await instance.withDaemon { _ in
      let result = try await instance.run("ncs_cmd", "-c", "mget /e:extra/size /e:extra/kind /s:top/mtu")
      #expect(result.output == "8\nnew\n1400\n", "\(result.errors)")
      #expect(try await !instance.run("ncs", "--status").output.contains("those of an upgrade"))
    }
    let log = try instance.read("ncs.log", in: instance.path + "/logs")
    #expect(log.contains("at its next start the daemon loads the modules of the load-path"))
    for symbol in ["UPGRADE_INIT_STARTED", "UPGRADE_PERFORMED", "UPGRADE_COMMITTED", "UPGRADE_ABORTED"] {
      #expect(log.contains(symbol), "\(symbol)")
    }
  }
}

extension UpgradeTests {
  @Test func `what is not committed for good keeps an upgrade out`() async throws {
    let instance = try Instance(settings: "<datastores><candidate><enabled>true</enabled></candidate></datastores>")
    try await instance.withDaemon { _ in
      let client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
      try await client.withMAAPI { maapi in
        try await maapi.startUserSession()
        func write(_ name: String) async throws {
          try await maapi.withTransaction(.candidate) { transaction in
            try await transaction.set(text: name, at: "/s:top/name")
          }
        }
        func upgrade() async throws -> ChildProcess.Result { try await instance.run("ncs_cmd", "-c", "upgrade") }
        try await write("ada")
        var refused = try await upgrade()
        #expect(refused.code == 1 && refused.errors.contains("the candidate has changes"), "\(refused.errors)")
        try await maapi.commitCandidate(confirmedWithin: 600)
        refused = try await upgrade()
        #expect(refused.code == 1 && refused.errors.contains("a confirmed commit of"), "\(refused.errors)")
        try await maapi.commitCandidate()
        let done = try await upgrade()
        #expect(done.code == 0, "\(done.errors)")
        let value = try await instance.run("ncs_cmd", "-c", "mget /s:top/name")
        #expect(value.output == "ada\n")
      }
    }
  }
}
