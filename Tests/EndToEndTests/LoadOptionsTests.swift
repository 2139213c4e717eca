import NSOClient
import NSOModel
import NSOWire
import Testing

/// Options of `ncs_load` beyond whole documents.
@Suite struct LoadOptionsTests {
  @Test func filtersAttributesAndHiddenNodes() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let some = try await instance.run("ncs_load", "-Fp", "-P", "/r:interfaces/interface[mtu > 5000]").output
      #expect(some.contains("<name>eth1</name>") && some.contains("<name>lo</name>") && !some.contains("<name>eth0</name>"))
      #expect(!some.contains("<users"))
      #expect(try await instance.run("ncs_load", "-P", "/r:users/user/name").output.contains("<user><name>ada</name></user>"))
      #expect(try await instance.run("ncs_load", "-P", "/r:users[").code == 1)
      #expect(try await instance.run("ncs_load", "-P", "/r:users", "-p", "/r:users").code == 2)

      // Attributes go with the data, both ways and in both languages.
      _ = try await instance.cmd(
        "mset_attr /r:users/user{ada} annotation \"the first\"; mset_attr /r:system/location inactive true")
      for format in ["-Fx", "-Fo"] {
        let saved = try await instance.run("ncs_load", format).output
        #expect(saved.contains("the first") && saved.contains("inactive"))
        _ = try await instance.cmd("mset_attr /r:users/user{ada} annotation; mset_attr /r:system/location inactive")
        let loaded = try await instance.run("ncs_load", "-l", format, input: saved)
        #expect(loaded.code == 0, "\(loaded.errors)")
        #expect(try await instance.run("ncs_load", format).output == saved)
      }
      // Flags that change nothing here are taken.
      let all = try await instance.run("ncs_load").output
      for options in [["-U"], ["-H"], ["-b"], ["-M"]] {
        #expect(try await instance.run("ncs_load", arguments: options).output == all, "\(options)")
      }
      // What is not there says so.
      let style = try await instance.run("ncs_load", "-F", "c")
      #expect(style.code == 1 && style.errors.contains("formats of the CLI"), "\(style.errors)")
    }
  }

  @Test func worksInTheCallersTransaction() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
      try await client.withMAAPI { (maapi) async throws in
        try await maapi.startUserSession()
        let transaction = try await maapi.startTransaction()
        let variables: [String: String?] = [
          "NCS_MAAPI_USID": "\(try await maapi.currentUserSession())", "NCS_MAAPI_THANDLE": "\(transaction.handle)",
        ]
        let text = "<system xmlns=\"urn:swift-nso:example:router\"><location>Attic</location></system>"
        let loaded = try await instance.run("ncs_load", arguments: ["-l", "-m"], with: variables, input: text)
        #expect(loaded.code == 0, "\(loaded.errors)")
        #expect(try await transaction.get("/r:system/location") == .string("Attic"))
        #expect(try await instance.run("ncs_load", arguments: ["-p", "/r:system"], with: variables).output.contains("Attic"))
        #expect(try await !instance.run("ncs_load", "-p", "/r:system").output.contains("Attic"))
        try await transaction.finish()
      }
    }
  }
}
