import Testing

/// `ncs_load` against a daemon on the router example.
@Suite struct LoadTests {
  @Test func saveAndLoadBack() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let all = try await instance.run("ncs_load", "-Fp")
      #expect(all.code == 0, "\(all.errors)")
      #expect(all.output.contains("<config xmlns=\"http://tail-f.com/ns/config/1.0\">"))
      #expect(all.output.contains("<hostname>gw1.example.com</hostname>"))
      // Compact by default.
      let compact = try await instance.run("ncs_load")
      #expect(compact.output.count < all.output.count)
      let json = try await instance.run("ncs_load", "-F", "o")
      #expect(json.output.contains("\"router:interfaces\""))

      for (format, document) in [("-Fx", compact.output), ("-Fp", all.output), ("-Fo", json.output)] {
        // Everything else goes away, all of the document comes back.
        _ = try await instance.run(
          "ncs_cmd", "-c", "mset /r:system/location Roof; mcreate /r:users/user{x}; mdel /r:system/ssh")
        let file = try instance.write("all", document)
        let loaded = try await instance.run("ncs_load", "-l", format, file)
        #expect(loaded.code == 0, "\(format): \(loaded.errors)")
        #expect(try await instance.run("ncs_load", "-Fp").output == all.output, "\(format)")
      }

      // To a file of ours.
      let saved = instance.path + "/saved.xml"
      #expect(try await instance.run("ncs_load", "-Fp", saved).code == 0)
      #expect(try instance.read("saved.xml") == all.output)
      #expect(try await instance.run("ncs_load", instance.path + "/no/such/folder").code == 1)
    }
  }

  @Test func partsOfTheTree() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let one = try await instance.run("ncs_load", "-Fp", "-p", "/r:interfaces/interface{eth0}").output
      #expect(one.contains("<name>eth0</name>") && !one.contains("<name>eth1</name>") && !one.contains("<users"))
      // Keys left out: every entry.
      let every = try await instance.run("ncs_load", "-Fp", "-p", "/r:interfaces/interface/address").output
      #expect(every.contains("192.0.2.1") && every.contains("198.51.100.1") && !every.contains("<mtu>"))
      // Defaults only when asked for.
      #expect(!one.contains("<enabled>"))
      #expect(
        try await instance.run("ncs_load", "-W", "-p", "/r:interfaces/interface{eth0}").output.contains(
          "<enabled>true</enabled>"))
      #expect(try await instance.run("ncs_load", "-p", "/r:nope").code == 1)
    }
  }

  @Test func mergeReplaceAndDelete() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      func document(_ body: String) -> String { "<config xmlns=\"http://tail-f.com/ns/config/1.0\">\(body)</config>" }
      func users() async throws -> String {
        try await instance.run("ncs_cmd", "-c", "children /r:users/user; mnum /r:interfaces/interface").output
      }
      let linus = document("<users xmlns=\"urn:swift-nso:example:router\"><user><name>linus</name></user></users>")
      // Merge, over standard input; a bare sequence of elements will do as well.
      #expect(try await instance.run("ncs_load", "-lmu", "admin", input: linus).code == 0)
      #expect(try await users() == "{ada}\n{grace}\n{linus}\n4\n")
      let bare = "<system xmlns=\"urn:swift-nso:example:router\"><location>Cellar</location></system>"
      #expect(try await instance.run("ncs_load", "-l", "-m", input: bare).code == 0)
      #expect(try await instance.run("ncs_cmd", "-c", "mget /r:system/location").output == "Cellar\n")
      // Replace: the entries that are present, the others stay.
      let ada = document("<users xmlns=\"urn:swift-nso:example:router\"><user><name>ada</name></user></users>")
      #expect(try await instance.run("ncs_load", "-l", "-r", input: ada).code == 0)
      #expect(try await users() == "{ada}\n{grace}\n{linus}\n4\n")
      #expect(try await instance.cmd("mget /r:users/user{ada}/role; mexists /r:users/user{ada}/uid") == "guest\nno\n")
      // Below a path everything goes first.
      #expect(try await instance.run("ncs_load", "-l", "-p", "/r:interfaces/interface{lo}", input: linus).code == 0)
      #expect(try await users() == "{ada}\n{grace}\n{linus}\n3\n")
      // Several files: the first begins anew, the others are merged.
      let first = try instance.write(
        "first.xml", document("<users xmlns=\"urn:swift-nso:example:router\"><user><name>a</name></user></users>"))
      #expect(try await instance.run("ncs_load", "-l", first, try instance.write("second.xml", linus)).code == 0)
      #expect(try await users() == "{a}\n{linus}\n0\n")
      // Everything first.
      #expect(try await instance.run("ncs_load", "-l", "-m", "-D", first).code == 0)
      #expect(try await users() == "{a}\n0\n")
      // A relative name is one of the caller's directory.
      #expect(try await instance.run("ncs_load", arguments: ["-l", "-m", "second.xml"], in: instance.path).code == 0)
      #expect(try await users() == "{a}\n{linus}\n0\n")
    }
  }

  @Test func mistakesLeaveNothingBehind() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let before = try await instance.run("ncs_load").output
      for (text, word) in [
        ("<system xmlns=\"urn:swift-nso:example:router\"><location>x</location><nope/></system>", "nope"),
        ("<users xmlns=\"urn:swift-nso:example:router\"><user><name>UPPER</name></user></users>", "name"),
        ("<users xmlns=\"urn:swift-nso:example:router\"><user>", "1"), ("<nope/>", "nope"), ("not xml", ""),
      ] {
        let result = try await instance.run("ncs_load", "-l", "-m", input: text)
        #expect(result.code == 1, "\(text)")
        #expect(result.errors.contains(word) && result.errors.contains("standard input"), "\(result.errors)")
        let file = try instance.write("wrong.xml", text)
        #expect(try await instance.run("ncs_load", "-l", "-m", file).errors.contains("wrong.xml"))
      }
      #expect(try await instance.run("ncs_load", "-l", instance.path + "/none.xml").code == 1)
      #expect(try await instance.run("ncs_load").output == before)
      // Unknown elements may be ignored on request.
      let lax = "<system xmlns=\"urn:swift-nso:example:router\"><location>x</location><nope/></system>"
      #expect(try await instance.run("ncs_load", "-lmx", input: lax).code == 0)
      #expect(try await instance.run("ncs_cmd", "-c", "mget /r:system/location").output == "x\n")
    }
  }

  @Test func operationalData() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      _ = try await instance.run(
        "ncs_cmd", "-o", "-c", "set /r:router-state/sessions 5; set /r:interfaces/interface{eth0}/counters/in-errors 3")
      #expect(try await !instance.run("ncs_load").output.contains("router-state"))
      let with = try await instance.run("ncs_load", "-o", "-Fp").output
      #expect(with.contains("<sessions>5</sessions>") && with.contains("<hostname>"))
      let only = try await instance.run("ncs_load", "-O", "-Fp").output
      #expect(
        only.contains("<sessions>5</sessions>") && only.contains("<in-errors>3</in-errors>") && !only.contains("<hostname>"))
      // Back again, after it was changed.
      _ = try await instance.run("ncs_cmd", "-o", "-c", "set /r:router-state/sessions 6")
      let loaded = try await instance.run("ncs_load", "-l", "-O", "-m", input: only)
      #expect(loaded.code == 0, "\(loaded.errors)")
      #expect(try await instance.run("ncs_cmd", "-o", "-c", "get /r:router-state/sessions").output == "5\n")
      // Operational data in a configuration document is an error, or ignored on request.
      #expect(try await instance.run("ncs_load", "-l", "-m", input: only).code == 1)
      #expect(try await instance.run("ncs_load", "-lmo", input: only).code == 0)
    }
  }
}
