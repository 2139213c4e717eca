import NSOModel
import Testing

/// Access rules with the real daemon and its tools.
@Suite struct AccessRulesTests {
  private static let rules = """
    <config xmlns="http://tail-f.com/ns/config/1.0">
      <nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm" xmlns:t="http://tail-f.com/yang/acm">
        <groups><group><name>oper</name><user-name>olga</user-name></group></groups>
        <rule-list>
          <name>oper</name>
          <group>oper</group>
          <rule><name>mtu</name><path>/interfaces/interface[name='eth0']/mtu</path><access-operations>update create read</access-operations><action>permit</action></rule>
          <rule><name>sys</name><path>/system</path><action>deny</action></rule>
          <t:cmdrule><t:name>no-history</t:name><t:command>show history</t:command><t:action>deny</t:action></t:cmdrule>
        </rule-list>
      </nacm>
    </config>
    """

  @Test func usersSeeAndChangeWhatTheRulesSay() async throws {
    let instance = try Router.instance()
    let module = "ietf-netconf-acm.yang"
    try instance.write("yang/\(module)", try instance.read("var/yang/\(module)", in: Instance.project))
    try instance.write("cdb/rules.xml", Self.rules)
    try await instance.withDaemon { _ in
      func cli(_ user: String, _ script: String, _ options: [String] = []) async throws -> String {
        let result = try await instance.run("ncs_cli", arguments: ["-u", user] + options, input: script)
        return result.output + result.errors
      }
      let shown = try await cli("olga", "show configuration\nshow history\n")
      #expect(shown.contains("interface eth0") && !shown.contains("system {") && shown.contains("no-history"), "\(shown)")
      let written = try await cli(
        "olga", "configure\nset interfaces interface eth0 mtu 1400\nset interfaces interface eth0 description x\ncommit\n")
      #expect(written.contains("write-default"), "\(written)")
      let other = try await cli("eve", "configure\nset interfaces interface eth0 mtu 1401\n")
      #expect(other.contains("eve") && other.contains("write-default"), "\(other)")
      let free = try await cli(
        "eve", "configure\nset interfaces interface eth0 mtu 1402\ncommit\nexit no-confirm\nexit\n", ["--noaaa"])
      #expect(free.contains("Commit complete"), "\(free)")
      let read = try await instance.run("ncs_cmd", arguments: ["-u", "olga", "-x", "cli", "-c", "mget /r:system/hostname"])
      #expect(read.code != 0 && (read.output + read.errors).contains("rule-list"), "\(read)")
    }
  }
}
