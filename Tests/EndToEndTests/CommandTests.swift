import Testing

/// `ncs_cmd` against a daemon on the router example: every sub-command, what it prints, how it ends.
@Suite struct CommandTests {
  /// One daemon for many short commands: the commands of a test see only their own corner of the data.
  @Test func readingAndWriting() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      // Values in their lexical form: enumerations, identities, bits, booleans, defaults, leaf-lists, unions.
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth0}/duplex") == "full\n")
      #expect(try await instance.cmd("mget /r:interfaces/interface{lo}/kind") == "r:loopback\n")
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth1}/kind") == "r:ethernet\n")
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth0}/offload") == "checksum segmentation\n")
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth0}/enabled") == "true\n")
      #expect(try await instance.cmd("mget /r:system/dns-server") == "192.0.2.53 2001:db8::53\n")
      #expect(try await instance.cmd("maapi_get /r:firewall/access-list{from-outside}/rule{web}/protocol") == "tcp\n")
      #expect(try await instance.cmd("get /r:interfaces/interface{eth0}/mtu") == "1500\n")
      #expect(try await instance.cmd("get /r:interfaces/interface{eth0}/address{2001:db8::1}/prefix-length") == "64\n")
      #expect(try await instance.cmd("mget /interfaces/interface{eth1}/mtu /system/hostname") == "9000\ngw1.example.com\n")

      // Keys: two of them with a slash, by name, by position.
      let route = "/r:routing/route{0.0.0.0/0 192.0.2.254}"
      #expect(try await instance.cmd("mget \(route)/metric") == "1\n")
      #expect(
        try await instance.cmd("mget \"/r:routing/route[destination='203.0.113.0/24'][next-hop='198.51.100.2']/metric\"")
          == "10\n")
      #expect(try await instance.cmd("get /r:interfaces/interface[0]/name") == "eth0\n")

      // Existence and numbers are bare words.
      #expect(try await instance.cmd("mexists /r:system/ssh; maapi_exists /r:interfaces/interface{nope}") == "yes\nno\n")
      #expect(try await instance.cmd("exists /r:system/ssh /r:interfaces/interface{nope}") == "yes\nno\n")
      #expect(
        try await instance.cmd("mnum /r:interfaces/interface; maapi_num_instances /r:users/user; num /r:routing/route")
          == "4\n2\n2\n")

      // Several commands of one script are one transaction, which sees its own writes.
      #expect(
        try await instance.cmd(
          "mcreate /r:users/user{linus}; mset /r:users/user{linus}/role operator; mget /r:users/user{linus}/role")
          == "operator\n")
      #expect(try await instance.cmd("mget /r:users/user{linus}/role") == "operator\n")
      #expect(try await instance.cmd("mdel /r:users/user{linus}; mexists /r:users/user{linus}") == "no\n")
      // A failing script leaves nothing behind.
      _ = try await instance.cmd("mset /r:system/location Attic; mset /r:interfaces/interface{eth0}/mtu 60", code: 1)
      #expect(try await instance.cmd("mget /r:system/location") == "Room 12, rack 3\n")
      // mapply commits what is before it.
      _ = try await instance.cmd("mset /r:system/location Attic; mvalidate; mapply; fail on purpose", code: 1)
      #expect(try await instance.cmd("mget /r:system/location") == "Attic\n")
      // Without -o, set works in the MAAPI transaction.
      #expect(try await instance.cmd("set /r:system/location Cellar; get /r:interfaces/interface{lo}/mtu") == "9216\n")
      #expect(try await instance.cmd("get /r:system/location") == "Cellar\n")

      // Lists and places.
      #expect(try await instance.cmd("children /r:interfaces/interface") == "{eth0}\n{eth1}\n{eth1.20}\n{lo}\n")
      #expect(try await instance.cmd("children /r:routing/route") == "{0.0.0.0/0 192.0.2.254}\n{203.0.113.0/24 198.51.100.2}\n")
      #expect(
        try await instance.cmd("children /r:firewall/access-list{from-outside}/rule") == "{web}\n{ping}\n{anything-else}\n")
      #expect(try await instance.cmd("children /r:users/user{ada}") == "name\nuid\nfull-name\nrole\ngroup\n")
      #expect(try await instance.cmd("children /").split(separator: "\n").contains("r:interfaces"))

      // A read-only transaction does not write.
      #expect(try await instance.cmd("mrtrans; mset /r:system/location Roof", code: 1).contains("NOT_WRITABLE"))
      // Many at once.
      _ = try await instance.cmd("sm /r:interfaces/interface{ge%d}/description 'port %d' 0 9")
      #expect(
        try await instance.cmd("mnum /r:interfaces/interface; mget /r:interfaces/interface{ge7}/description") == "14\nport 7\n")

      // Errors name the path and the code, on standard error.
      #expect(try await instance.cmd("mget /r:interfaces/interface{nope}/mtu", code: 1).contains("CONFD_ERR_NOEXISTS"))
      #expect(try await instance.cmd("mget /r:nope", code: 1).contains("CONFD_ERR_BADPATH"))
      let range = try await instance.cmd("mset /r:interfaces/interface{eth0}/mtu 60", code: 1)
      #expect(range.contains("CONFD_ERR_BADTYPE") && range.contains("mtu"))

      // Without the schema the daemon reads paths and values.
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth0}/mtu; mexists /r:system/ssh", "-m") == "1500\nyes\n")
      #expect(
        try await instance.cmd("mget /r:interfaces/interface{eth0}/duplex /r:interfaces/interface{lo}/kind", "-m")
          == "full\nr:loopback\n")
      _ = try await instance.cmd("mset /r:interfaces/interface{eth0}/duplex half", "-m")
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth0}/duplex") == "half\n")
    }
  }

  @Test func operationalData() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let counters = "/r:interfaces/interface{eth0}/counters"
      _ = try await instance.cmd("set \(counters)/in-octets 123456 \(counters)/oper-status up", "-o")
      #expect(try await instance.cmd("get \(counters)/in-octets \(counters)/oper-status", "-o") == "123456\nup\n")
      #expect(try await instance.cmd("get \(counters)/in-octets", "-ofr") == "123456\n")
      // MAAPI shows it, too.
      #expect(try await instance.cmd("mget \(counters)/oper-status") == "up\n")
      let neighbor = "/r:router-state/neighbor{192.0.2.254}"
      _ = try await instance.cmd("create \(neighbor); set \(neighbor)/origin dynamic; set /r:router-state/cpu-load 12.50", "-o")
      #expect(try await instance.cmd("get \(neighbor)/origin /r:router-state/cpu-load", "-o") == "dynamic\n12.5\n")
      #expect(try await instance.cmd("num /r:router-state/neighbor; del \(neighbor); exists \(neighbor)", "-o") == "1\nno\n")
      // Configuration is not written here.
      _ = try await instance.cmd("set /r:system/location Roof", "-o", code: 1)
      _ = try await instance.cmd("set /r:router-state/cpu-load 12.505", "-o", code: 1)
    }
  }

  @Test func daemonAndSessions() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      #expect(try await instance.cmd("get_phase; wait-start; wait_start 1") == "2\n")
      let before = try await instance.cmd("get_txid")
      #expect(try await instance.cmd("get_txid") == before)
      _ = try await instance.cmd("mset /r:system/location Roof")
      #expect(try await instance.cmd("get_txid") != before)
      let who = try await instance.cmd("mexists /r:system; who", "-u", "ada")
      #expect(who.contains(" ada system "))
      #expect(try await instance.cmd("kill 999999", code: 1).contains("CONFD_ERR_NOEXISTS"))
      _ = try await instance.cmd("reopen_logs; reload")
      #expect(try await instance.cmd("attach 99999", code: 1).contains("NOTRANS"))
      #expect(try await instance.cmd("frobnicate", code: 2).contains("mget"))
      _ = try await instance.cmd("stop")
      let result = try await instance.run("ncs_cmd", "-c", "get_phase")
      #expect(result.code == 1)
      #expect(result.errors.contains("NCS_IPC_PATH"))
    }
  }

  @Test func scriptsFromFilesAndInput() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let file = try instance.write("script", "# what there is\nmnum /r:users/user\necho done; echo really\n")
      #expect(try await instance.run("ncs_cmd", file).output == "2\ndone\nreally\n")
      #expect(try await instance.run("ncs_cmd", input: "mget /r:users/user{ada}/role\n").output == "admin\n")
      #expect(try await instance.run("ncs_cmd", instance.path + "/none").code == 1)
    }
  }
}
