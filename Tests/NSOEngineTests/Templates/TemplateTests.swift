import NSOModel
import Testing

@testable import NSOEngine

/// What templates write (public manual, "Templates").
@Suite struct TemplateTests {
  let fixture: TemplateFixture

  init() throws { fixture = try TemplateFixture() }

  /// What is in /router after the template.
  private func result(
    _ body: String, at root: String = "/s:service", _ arguments: [String: String] = [:]
  ) throws -> [String] {
    let faults = fixture.load(router: body)
    #expect(faults.isEmpty, "\(faults)")
    return try fixture.apply(at: root, with: arguments).router(fixture.test)
  }

  // MARK: Values

  @Test func `values: literals, expressions, several in one text`() async throws {
    try await fixture.fillService()
    let found = try result(
      """
      <hostname>gw-{/site}.{$DOMAIN}</hostname>
      <location>  as \\{it\\} stands </location>
      <kind xmlns:x="urn:s">x:fast</kind>
      <interface><name>{$NAME}</name><description>{concat("}", $NAME, '{')}</description>
        <mtu> {$MTU - 20} </mtu><shutdown/></interface>
      """, ["DOMAIN": "'example.com'", "NAME": "'eth7'", "MTU": "1500", "UNUSED": "1"])
    #expect(
      found == [
        "hostname gw-north.example.com", "location   as {it} stands ", "kind s:fast", "interface{eth7}",
        "interface{eth7}/description }eth7{", "interface{eth7}/mtu 1480", "interface{eth7}/shutdown",
      ])
  }

  @Test func `no node sets nothing, of several the first counts in a leaf`() async throws {
    try await fixture.fillService()
    #expect(
      try result(
        """
        <hostname>{/qos}</hostname><location>{/links/link/name}</location>
        <interface><name>{/qos}</name><mtu>100</mtu></interface>
        <interface><name>a</name><shutdown>{/qos}</shutdown></interface>
        <interface><name>b</name><shutdown>{/site}</shutdown></interface>
        """) == ["location eth0", "interface{a}", "interface{b}", "interface{b}/shutdown"])
  }

  @Test func `nodes make many entries, and the rest of an entry is evaluated beside its key`() async throws {
    try await fixture.fillService()
    #expect(
      try result(
        """
        <dns>{/links/link/address}</dns>
        <search>{/device}</search>
        <interface><name>{/links/link/name}</name><address>{address}</address><mtu>{cost + 1000}</mtu></interface>
        <route><prefix>{/tunnel/network}</prefix><mask>{mask}</mask><via>{endpoint}</via></route>
        """) == [
          "dns{192.0.2.1}", "dns{192.0.2.2}", "search{c1}", "search{a2}", "interface{eth0}",
          "interface{eth0}/address 192.0.2.1",
          "interface{eth0}/mtu 1010", "interface{eth1}", "interface{eth1}/address 192.0.2.2", "interface{eth1}/mtu 1020",
          "route{10.0.0.0 8}", "route{10.0.0.0 8}/via e1",
        ])
  }

  @Test func `a text as key does not change the context`() async throws {
    try await fixture.fillService()
    #expect(
      try result("<interface><name>{string(/links/link/name)}</name><address>{site}</address></interface>")
        == ["interface{eth0}", "interface{eth0}/address north"])
  }

  @Test func `keys may stand behind other elements, with instructions between them`() async throws {
    try await fixture.fillService()
    #expect(
      try result(
        """
        <route><via>{../site}-{$M}</via><?set-context-node {links}?><prefix>{count(link)}</prefix><?set M=8?><mask>{$M}</mask></route>
        """) == ["route{2 8}", "route{2 8}/via north-8"])
  }

  // MARK: Blocks

  @Test(arguments: [("'realtime'", "rt"), ("'critical'", "crit"), ("'x'", "other"), ("''", "none")])
  func conditions(_ qos: String, _ expected: String) throws {
    #expect(
      try result(
        """
        <?if {$Q = 'realtime'}?><hostname>rt</hostname>
        <?elif {$Q='critical'}?><hostname>crit</hostname>
        <?else?><?if {$Q}?><hostname>other</hostname><?else?><hostname>none</hostname><?end?>
        <?end?>
        <location when="{$Q = 'x'}">here</location>
        """, ["Q": qos]) == ["hostname \(expected)"] + (expected == "other" ? ["location here"] : []))
  }

  @Test func `loops over nodes`() async throws {
    try await fixture.fillService()
    #expect(
      try result(
        """
        <?foreach {/links/link | /device}?>
          <interface><name>{name | self::device}</name><description>{local-name(current())}</description></interface>
        <?end?>
        <interface foreach="{/links/link}" when="{cost &gt; 10}"><name>{name}</name><mtu>100</mtu></interface>
        """) == [
          "interface{a2}", "interface{a2}/description device", "interface{c1}", "interface{c1}/description device",
          "interface{eth0}",
          "interface{eth0}/description link", "interface{eth1}", "interface{eth1}/description link", "interface{eth1}/mtu 100",
        ])
  }

  @Test func `loops over numbers, and how long variables live`() throws {
    #expect(
      try result(
        """
        <?set n = none?>
        <?for i=0; {$i < 3}; i={$i + 1}?>
          <?set n=last-{$i}?><?set inner=x?>
          <interface><name>0/{$i}</name><shutdown/></interface>
        <?end?>
        <?for ; {$n != 'stop'}; ?><hostname>{$n}</hostname><?set n=stop?><?end?>
        """) == [
          "hostname last-2", "interface{0/0}", "interface{0/0}/shutdown", "interface{0/1}", "interface{0/1}/shutdown",
          "interface{0/2}", "interface{0/2}/shutdown",
        ])
    #expect(fixture.load(router: "<?if {true()}?><?set v=1?><?end?><hostname>{$v}</hostname>").isEmpty)
    let error = #expect(throws: NSOError.self) { try fixture.apply() }
    #expect(error?.code == .template && error?.message.contains("x.xml:3: XPath: unknown variable $v") == true, "\(error!)")
  }

  // MARK: Contexts

  @Test func `contexts and roots`() async throws {
    try await fixture.fillService()
    #expect(
      try result(
        """
        <?save-context service?>
        <hostname>{deref(/owner)/../room}</hostname>
        <?if {/people}?><location>the root is the service</location><?end?>
        <?if {../people}?><location>nothing is above the root</location><?end?>
        <interface><name>a</name>
          <?set-root-node {/}?><?set-context-node {/people/person[name = 'ann']}?><?save-context person?>
          <description>{room} {count(/service/links/link)}</description>
          <?switch-context service?><address>{/site}</address>
        </interface>
        <interface><name>b</name><address>{/site}</address><?switch-context person?><description>{room}</description></interface>
        """) == [
          "hostname 12", "interface{a}", "interface{a}/address north", "interface{a}/description 12 2", "interface{b}",
          "interface{b}/address north", "interface{b}/description 12",
        ])
  }

  @Test func `expressions see what was written before`() throws {
    #expect(
      try result(
        """
        <?set-root-node {/}?>
        <interface><name>a</name><mtu>100</mtu></interface>
        <?if {/router/interface[name='a']}?><hostname>{/router/interface/mtu}</hostname><?end?>
        <?set-context-node {/router/interface[name='a']}?>
        <location>{name}</location>
        """) == ["hostname 100", "location a", "interface{a}", "interface{a}/mtu 100"])
  }

  // MARK: Tags

  @Test func tags() async throws {
    try await fixture.fill([
      ("/s:router/interface{a}", nil), ("/s:router/interface{a}/mtu", "100"), ("/s:router/interface{a}/address", "x"),
      ("/s:router/interface{b}", nil), ("/s:router/interface{b}/mtu", "100"), ("/s:router/interface{c}", nil),
      ("/s:router/hostname", "old"), ("/s:router/dns{1}", nil), ("/s:router/dns{2}", nil), ("/s:router/search{s}", nil),
    ])
    #expect(
      try result(
        """
        <interface tags="replace"><name>a</name><address>new</address></interface>
        <interface tags="nocreate"><name>b</name><mtu>200</mtu><address>not set before</address><ip><mask tags="merge">m</mask></ip></interface>
        <interface tags="nocreate"><name>q</name><mtu>200</mtu></interface>
        <interface tags="delete"><name>c</name><nonsense/></interface>
        <interface tags="delete"><name>z</name></interface>
        <interface tags="create"><name>n</name><mtu>300</mtu></interface>
        <hostname tags="delete"/><location tags="nocreate">no</location>
        <dns tags="delete">1</dns><dns tags="nocreate">3</dns><search tags="delete"/>
        <ssh tags="nocreate"><port>1</port></ssh>
        """) == [
          "dns{2}", "interface{a}", "interface{a}/address new", "interface{b}", "interface{b}/mtu 200",
          "interface{b}/ip/mask m",
          "interface{n}", "interface{n}/mtu 300",
        ])
    fixture.load(router: "<ssh/>\n<interface tags='create'><name>a</name></interface>")
    let transaction = try fixture.test.start()
    let error = #expect(throws: NSOError.self) { try fixture.apply(transaction) }
    #expect(error?.code == .template && error?.message.contains("x.xml:4: /s:router/interface{a} exists already") == true)
    #expect(!transaction.hasChanges)
  }

  @Test func `delete of a list as a whole`() async throws {
    try await fixture.fill([("/s:router/interface{a}", nil), ("/s:router/interface{b}", nil), ("/s:router/hostname", "h")])
    #expect(try result("<interface tags='delete'/>") == ["hostname h"])
  }

  // MARK: Order

  private func rules(_ transaction: Transaction) throws -> [String] {
    try transaction.view().nodes(XPathQuery("/router/rule/name")).map { $0.value?.plainText ?? "" }
  }

  @Test func `order of entries`() async throws {
    try await fixture.fillService()
    try await fixture.fill([("/s:router/rule{deny}", nil), ("/s:router/rule{log}", nil), ("/s:router/search{m}", nil)])
    fixture.load(
      router: """
        <rule insert="first"><name>{$A}</name></rule>
        <rule insert="last"><name>end</name></rule>
        <rule insert="after" value="{$A}"><name>{/device}</name><action>{.}</action></rule>
        <rule insert="before" value="log"><name>end</name></rule>
        <search insert="first">{/device}</search>
        """)
    let transaction = try fixture.apply(with: ["A": "'top'"])
    #expect(try rules(transaction) == ["top", "c1", "a2", "deny", "end", "log"])
    #expect(try transaction.view().string(XPathQuery("/router/rule[name='a2']/action")) == "a2")
    #expect(
      try transaction.view().nodes(XPathQuery("/router/search")).map { $0.value?.plainText } == ["c1", "a2", "m"])
  }

  @Test func guards() async throws {
    try await fixture.fill([("/s:router/rule{a}", nil), ("/s:router/rule{b}", nil), ("/s:router/rule{deny}", nil)])
    func order(_ rule: String) throws -> [String] {
      #expect(fixture.load(router: rule).isEmpty)
      return try rules(fixture.apply())
    }
    // Fulfilled: nothing moves.
    #expect(try order("<rule insert='first' guard='deny'><name>b</name></rule>") == ["a", "b", "deny"])
    #expect(try order("<rule insert='last' guard='a'><name>b</name></rule>") == ["a", "b", "deny"])
    #expect(try order("<rule insert='after' value='a' guard='deny'><name>b</name></rule>") == ["a", "b", "deny"])
    #expect(try order("<rule insert='before' value='deny' guard='a'><name>b</name></rule>") == ["a", "b", "deny"])
    // Not there, on the wrong side, or a guard that is nowhere.
    #expect(try order("<rule insert='first' guard='deny'><name>n</name></rule>") == ["n", "a", "b", "deny"])
    #expect(try order("<rule insert='first' guard='a'><name>deny</name></rule>") == ["deny", "a", "b"])
    #expect(try order("<rule insert='first' guard='none'><name>b</name></rule>") == ["b", "a", "deny"])
    #expect(try order("<rule insert='first' guard='{/qos}'><name>b</name></rule>") == ["b", "a", "deny"])
  }

  // MARK: Copies

  @Test func `a tree is copied`() async throws {
    try await fixture.fill([("/s:backup/interface{a}", nil), ("/s:backup/interface{a}/mtu", "100")])
    let faults = fixture.load(
      """
      <router xmlns="urn:s">
        <interface><name>a</name><?set-root-node {/}?><description>kept</description><?copy-tree {/backup/interface[name='a']}?></interface>
      </router>
      """)
    #expect(faults.isEmpty, "\(faults)")
    #expect(
      try fixture.apply().router(fixture.test) == ["interface{a}", "interface{a}/description kept", "interface{a}/mtu 100"])
  }

  // MARK: Macros

  @Test func macros() throws {
    let macros = """
      <?macro Port name='{$DEF}' ip mask='255.255.255.0'?>
        <interface><name>$name</name><address>$ip</address><ip><mask>$mask</mask></ip></interface>
      <?endmacro?>
      <?macro Described name='x' text?>
        <?expand Port name='$name' ip="10.0.0.1"?>
        <interface><name>$name</name><description>$text costs \\$5, $texts</description></interface>
      <?endmacro?>
      <?macro Word?>word<?endmacro?>
      """
    let faults = fixture.engine.templates.replace(
      [
        TemplateFixture.file(macros, "macros"),
        TemplateFixture.file(
          "<router xmlns='urn:s'><hostname>a-<?expand Word?></hostname><?expand Described name='e1' text='Link'?>"
            + "<?expand Port ip='i' mask='{$M}'?></router>"),
      ], for: fixture.engine.model)
    #expect(faults.isEmpty, "\(faults)")
    #expect(try fixture.engine.templates.variables(of: "x") == ["DEF", "M"])
    #expect(
      try fixture.apply(with: ["DEF": "'d'", "M": "'8'"]).router(fixture.test) == [
        "hostname a-word", "interface{d}", "interface{d}/address i", "interface{d}/ip/mask 8", "interface{e1}",
        "interface{e1}/address 10.0.0.1", "interface{e1}/description Link costs $5, $texts",
        "interface{e1}/ip/mask 255.255.255.0",
      ])
  }

  // MARK: Transactions

  @Test func `a failing template leaves nothing, a good one is a part of the transaction`() async throws {
    try await fixture.fillService()
    fixture.load(router: "<hostname>{$H}</hostname>\n<interface><name>a</name><mtu>{$M}</mtu></interface>")
    let transaction = try fixture.test.start()
    try transaction.write { (editor) throws(NSOError) in
      do { try editor.set(fixture.test.locate("/s:router/location"), text: "before") } catch {
        throw NSOError(.internal, "\(error)")
      }
    }
    let error = #expect(throws: NSOError.self) { try fixture.apply(transaction, with: ["H": "'h'", "M": "1"]) }
    #expect(error?.code == .template)
    #expect(error?.message.contains("template x: x.xml:4: /s:router/interface{a}/mtu") == true, "\(error!)")
    #expect(try transaction.router(fixture.test) == ["location before"])
    try fixture.apply(transaction, with: ["H": "/site", "M": "100"])
    try await fixture.engine.apply(transaction, keepOpen: false)
    fixture.engine.finish(transaction)
    #expect(try fixture.test.value("/s:router/hostname") == .string("north"))
    #expect(try fixture.test.value("/s:router/location") == .string("before"))
  }

  @Test func `what it reads is read by the transaction`() async throws {
    try await fixture.fillService()
    fixture.load(router: "<hostname>{/site}</hostname>")
    let transaction = try fixture.apply()
    try await fixture.fill([("/s:service/site", "south")])
    await #expect(throws: NSOError.self) { try await fixture.engine.apply(transaction, keepOpen: false) }
  }

  @Test func `conditions of the schema do not ask for an order`() throws {
    #expect(try result("<tuning>t</tuning><advanced>true</advanced>") == ["advanced true", "tuning t"])
    fixture.load(router: "<tuning>t</tuning>")
    let transaction = try fixture.test.start()
    let error = #expect(throws: NSOError.self) { try fixture.apply(transaction) }
    #expect(error?.code == .noExists && !transaction.hasChanges)
  }

  @Test func `where templates cannot be applied`() async throws {
    try await fixture.fillService()
    fixture.load(router: "<hostname>{.}</hostname>")
    func code(_ body: () throws -> Void) -> ErrorCode? { #expect(throws: NSOError.self) { try body() }?.code }
    #expect(code { try fixture.apply(fixture.test.start(.read)) } == .notWritable)
    #expect(code { try fixture.apply(fixture.test.start(on: .operational)) } == .notWritable)
    #expect(code { try fixture.apply(at: "/s:service/links/link{none}") } == .noExists)
    #expect(code { try fixture.apply(name: "y") } == .noExists)
    #expect(code { try fixture.apply(with: ["V": "1 +"]) } == .xpath)
    #expect(code { try fixture.apply(with: ["TEMPLATE_NAME": "1"]) } == .template)
    let finished = try fixture.test.start()
    fixture.engine.finish(finished)
    #expect(code { try fixture.apply(finished) } == .noTransaction)
    // Without a root everything is seen.
    fixture.load(router: "<hostname>{/service/site}-{$TEMPLATE_NAME}</hostname>")
    #expect(try fixture.apply(at: "/").router(fixture.test) == ["hostname north-x"])
  }
}
