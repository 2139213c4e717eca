import Testing

/// Configuration templates with real processes: the templates of the router example.
@Suite struct TemplateTests {
  @Test func `templates of the example`() async throws {
    let instance = try Router.instance()
    for name in ["vlans", "guard"] {
      try instance.write(
        "templates/\(name).xml", try instance.read("Examples/router/templates/\(name).xml", in: Instance.project))
    }
    try await instance.withDaemon { _ in
      #expect(try await instance.cmd("templates; template_variables vlans") == "guard\nvlans\nFIRST\nLAST\nPARENT\n")
      let eth1 = "mapply_template vlans / PARENT=\"'eth1'\""
      _ = try await instance.cmd("\(eth1) FIRST=19 LAST=21")
      #expect(
        try await instance.cmd("mget /r:interfaces/interface{eth1.21}/vlan-id /r:interfaces/interface{eth1.19}/description")
          == "21\nVLAN 19 of gw1.example.com\n")
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth1.20}/description") == "Printers\n")
      // The reason has the place, and nothing of it is committed.
      let failure = try await instance.cmd("\(eth1) FIRST=4094 LAST=4095", code: 1)
      #expect(failure.contains("NCS_ERR_TEMPLATE") && failure.contains("vlans.xml:"), "\(failure)")
      #expect(try await instance.cmd("mexists /r:interfaces/interface{eth1.4094}") == "no\n")
      // The commit checks what types do not.
      _ = try await instance.cmd("mapply_template vlans / PARENT=\"'none'\" FIRST=1 LAST=1", code: 1)

      let rules = "children /r:firewall/access-list{from-outside}/rule"
      #expect(
        try await instance.cmd("mapply_template guard /; \(rules)")
          == "{web}\n{ping}\n{ping-192.0.2.1}\n{ping-198.51.100.1}\n{anything-else}\n")
      #expect(
        try await instance.cmd("mapply_template guard /; \(rules); mchanges")
          .hasSuffix("{ping}\n{ping-192.0.2.1}\n{ping-198.51.100.1}\n{anything-else}\n"))
      _ = try await instance.cmd("mapply_template nothing /", code: 1)
      _ = try await instance.cmd("mapply_template guard / X", code: 1)
      let status = try await instance.run("ncs", "--status")
      #expect(status.output.contains("templates:") && status.output.contains("vlans.xml"))
    }
  }
}
