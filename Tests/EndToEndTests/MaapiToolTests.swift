import NSOClient
import NSOModel
import NSOWire
import Testing

/// `ncs-maapi` in the transaction of a caller, and the commands of `ncs_cmd` that walk, copy and move.
@Suite struct MaapiToolTests {
  @Test func worksInTheCallersTransaction() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
      try await client.withMAAPI { (maapi) async throws in
        try await maapi.startUserSession(user: "admin", context: "cli")
        let transaction = try await maapi.startTransaction()
        let session = try await maapi.currentUserSession()
        let variables: [String: String?] = [
          "NCS_MAAPI_USID": "\(session)", "NCS_MAAPI_THANDLE": "\(transaction.handle)",
        ]
        func tool(_ words: String..., code: Int32 = 0) async throws -> String {
          let result = try await instance.run("ncs-maapi", arguments: words, with: variables)
          #expect(result.code == code, "\(words): \(result.errors)")
          return code == 0 ? result.output : result.errors
        }
        #expect(try await tool("-g", "/r:interfaces/interface{eth0}/mtu", "/r:system/hostname") == "1500\ngw1.example.com\n")
        _ = try await tool("--set", "/r:interfaces/interface{eth0}/mtu", "1400", "/r:system/location", "Attic")
        // Seen in the transaction, not committed.
        #expect(try await transaction.get("/r:interfaces/interface{eth0}/mtu") == .uint16(1400))
        #expect(try await instance.cmd("mget /r:interfaces/interface{eth0}/mtu") == "1500\n")
        #expect(try await tool("--keys", "/r:users/user") == "{ada}\n{grace}\n")
        _ = try await tool("-c", "/r:users/user{linus}")
        _ = try await tool("-d", "/r:users/user{grace}")
        _ = try await tool("-e", "/r:users/user{linus}", "/r:users/user{ada}")
        _ = try await tool("--exists", "/r:users/user{ada}", "/r:users/user{grace}", code: 1)
        let changes = try await tool("-q", "/r:users")
        #expect(changes == "deleted: /r:users/user{grace}\ncreated: /r:users/user{linus}\n")
        #expect(try await tool("--keypath-diff").contains("value set: /r:system/location\n"))
        _ = try await tool("-z")
        #expect(try await tool("-q").isEmpty)
        // Mistakes.
        #expect(try await tool("-g", "/r:nope", code: 1).contains("nope"))
        #expect(try await tool("-i", "/r:users/user{x}", code: 1).contains("indexed-view"))
        #expect(try await tool("-g", code: 2).contains("--get"))
        #expect(try await tool("-g", "-s", "x", code: 2).contains("one operation"))
        #expect(try await tool("-s", "/r:system/location", code: 2).contains("words do not fit"))
        // Commands of the CLI, and a session that has none.
        #expect(
          try await tool("-E", "/r:interfaces/interface{eth0}/mtu") == "set interfaces interface eth0 mtu 1500\n")
        #expect(try await tool("-T", "set interfaces interface eth0 mtu 1400").hasSuffix("/r:interfaces/interface{eth0}/mtu\n"))
        #expect(try await tool("-C", "show", code: 1).contains("no CLI session"))
        #expect(try await tool("-L", "/r:system", code: 1).contains("not supported"))
        let alone = try await instance.run("ncs-maapi", "-g", "/r:system/location")
        #expect(alone.code == 1 && alone.errors.contains("NCS_MAAPI_THANDLE"))
        #expect(try await instance.run("ncs-maapi", "--help").output.contains("--keypath-diff"))
        try await transaction.finish()
      }
    }
  }

  @Test func commandsThatWalkAndMove() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      #expect(
        try await instance.cmd("x \"/r:interfaces/interface[mtu > 5000]/mtu\"")
          == "/r:interfaces/interface{eth1}/mtu 9000\n/r:interfaces/interface{lo}/mtu 9216\n")
      #expect(
        try await instance.cmd("x \"count(/interfaces/interface)\" \"/users/user[name='ada']\"") == "4\n/r:users/user{ada}\n")
      _ = try await instance.cmd("x \"/r:interfaces[\"", code: 1)
      let walk = try await instance.cmd("iterate /r:users/user{ada}")
      #expect(walk.hasPrefix("/r:users/user{ada}\n/r:users/user{ada}/name ada\n"))
      #expect(
        try await instance.cmd("mmove /r:users/user{grace} hopper; mchanges /r:users").contains(
          "created: /r:users/user{hopper}\n")
      )
      #expect(
        try await instance.cmd(
          "mcopy /r:users/user{ada} /r:users/user{lovelace}; mset /r:users/user{lovelace}/uid 77; children /r:users/user")
          == "{ada}\n{hopper}\n{lovelace}\n")
      #expect(
        try await instance.cmd(
          "mset_attr /r:users/user{ada} tags old wise; mset_attr /r:system/location annotation \"north side\"; mget_attrs /r:users/user{ada} /r:system/location"
        ).hasSuffix("annotation north side\n"))
      let saved = try await instance.cmd("msave /r:users/user{ada}")
      #expect(saved.contains("<user tags=\" old wise \">"))
      #expect(try await instance.cmd("msave /r:users json").contains("\"tailf_netconf:tags\": [\"old\",\"wise\"]"))
      let file = try instance.write("users.xml", saved.replacing("ada", with: "new"))
      #expect(try await instance.cmd("mload \(file); mset /r:users/user{new}/uid 78; mexists /r:users/user{new}") == "yes\n")
      _ = try await instance.cmd("mload \(file) sideways", code: 1)
      let rules = "/r:firewall/access-list{from-outside}/rule"
      let before = try await instance.cmd("children \(rules)").split(separator: "\n")
      let last = String(before.last?.dropFirst().dropLast() ?? "")
      let after = try await instance.cmd("mmove_ordered \(rules){\(last)} first; children \(rules)").split(separator: "\n")
      #expect(after.first == before.last && after.count == before.count)
    }
  }
}
