import NSOModel
import Synchronization
import Testing

@testable import NSOEngine

/// What is wrong with templates is told with its place, at load as far as that can be known, and nothing exhausts the daemon.
@Suite struct TemplateFaultTests {
  let fixture: TemplateFixture

  init() throws { fixture = try TemplateFixture() }

  @Test(arguments: [
    ("<nothing/>", "x.xml:3: unknown element nothing (namespace urn:s) in /s:router"),
    ("\n<interface>\n<name>a</name><zzz/></interface>", "x.xml:5: unknown element zzz"),
    ("<interface xmlns=\"http://tail-f.com/ns/ncs\"/>", "configuration of devices and services is not supported"),
    ("<q:interface/>", "x.xml:3: the prefix of element q:interface is not declared"),
    ("<interface><mtu>1</mtu></interface>", "x.xml:3: /s:router/interface: the key name is missing"),
    ("<interface><name>a</name><name>b</name></interface>", "is given twice"),
    ("<interface><name when='{1}'>a</name></interface>", "attribute when belongs to the list"),
    ("<hostname tags='append'>a</hostname>", "none of merge, replace, create, nocreate, delete"),
    ("<hostname foo='1'>a</hostname>", "attribute foo of /s:router/hostname is not known"),
    ("<hostname><location/></hostname>", "cannot hold element location"),
    ("<hostname><?if {1}?>a<?end?></hostname>", "put the instruction if around the whole element"),
    ("<ssh>on</ssh>", "text \"on\" stands in /s:router/ssh"),
    ("<interface><name>a</name><shutdown>yes</shutdown></interface>", "is of type empty and takes no text"),
    ("<counters><hits>1</hits></counters>", "is operational data: templates write configuration only"),
    ("<hostname>{1 +</hostname>", "a brace is not closed"),
    ("<hostname>{1 +}</hostname>", "x.xml:3: XPath: expected an expression"),
    ("<hostname>{/q:x}</hostname>", "unknown prefix"),
    ("<hostname>{nothing()}</hostname>", "unknown function"),
    ("<hostname>{$DEVICE}</hostname>", "the variable $DEVICE"),
    ("<interface insert='first'><name>a</name></interface>", "no list or leaf-list ordered by user"),
    ("<rule insert='after'><name>a</name></rule>", "needs the attribute value"),
    ("<rule insert='first' value='b'><name>a</name></rule>", "takes no attribute value"),
    ("<rule insert='top'><name>a</name></rule>", "none of first, last, before, after"),
    ("<rule guard='b'><name>a</name></rule>", "needs the attribute insert"),
    ("<?if {1}?><hostname>a</hostname>", "x.xml:3: if has no end"),
    ("<?if 1?><?end?>", "if needs one expression in braces"),
    ("<?if {1}?><?else?><?else?><?end?>", "else after else"),
    ("<?end?>", "end without if"), ("<?else?>", "else without if"),
    ("<?foreach {1}?><?end?>", "foreach needs an expression for nodes"),
    ("<?foreach {/}?><?else?><?end?>", "does not belong to foreach"),
    ("<?for {1}?><?end?>", "three clauses"), ("<?for ;;?><?end?>", "needs a condition"),
    ("<?set 1?>", "set needs NAME=VALUE"), ("<?set TEMPLATE_NAME=1?>", "cannot be set"),
    ("<?save-context?>", "save-context needs a name"), ("<?set-root-node {'x'}?>", "needs an expression for nodes"),
    ("<?if-ned-id a:b?><?end?>", "x.xml:3: if-ned-id is for configuration of devices"),
    ("<?frob?>", "instruction frob is not known"), ("<?macro A?><?endmacro?>", "at the top of a template"),
    ("<?expand A?>", "there is no macro A"),
  ])
  func `faults at load`(_ body: String, _ expected: String) throws {
    let faults = fixture.load(router: body)
    #expect(faults.count == 1 && faults.first?.contains(expected) == true, "\(faults)")
    let error = #expect(throws: NSOError.self) { try fixture.apply() }
    #expect(error?.code == .template && error?.message.contains(expected) == true)
    #expect(fixture.engine.templates.names.isEmpty && fixture.engine.templates.entries.first?.fault != nil)
  }

  @Test(arguments: [
    ("<?macro A?><hostname/><?endmacro?><?macro A?><?endmacro?>", "macro A is defined already, in x.xml:2"),
    ("<?macro A?>", "macro A has no endmacro"), ("<?endmacro?>", "endmacro without macro"),
    ("<?macro A?><?macro B?><?endmacro?>", "inside of macro A"), ("<?macro?><?endmacro?>", "needs the name of a macro"),
    ("<router xmlns='urn:s'/><?macro A?><?endmacro?>", "before its elements"), ("<?macro A b='c?><?endmacro?>", "in quotes"),
    ("<?macro A b?><?endmacro?><?expand A?>", "needs a value for its parameter b"),
    ("<?macro A?><?endmacro?><?expand A b='1'?>", "has no parameter b"),
    ("<?macro A?><?expand B?><?endmacro?><?macro B?><?expand A?><?endmacro?><?expand A?>", "expands itself: A in B in A"),
    ("<?macro A?>\n<nothing xmlns='urn:s'/><?endmacro?>\n\n<?expand A?>", "x.xml:5:3: unknown element nothing"),
  ])
  func `faults of macros`(_ body: String, _ expected: String) throws {
    let faults = fixture.load(body)
    #expect(faults.count == 1 && faults.first?.contains(expected) == true, "\(faults)")
  }

  @Test func `files that are no templates`() throws {
    func faults(_ text: String) -> [String] {
      fixture.engine.templates.replace(
        [TemplateFile(package: "p", name: "x", path: "x.xml", content: .success(Array(text.utf8)))], for: fixture.engine.model)
    }
    #expect(faults("<config-template/>").first?.contains("has to be config-template of namespace") == true)
    #expect(faults("").first?.contains("not well-formed XML") == true)
    #expect(faults("<a>\n<b></a>").first?.hasPrefix("x.xml:2: not well-formed XML") == true)
    #expect(faults("<!DOCTYPE x [<!ENTITY a 'b'>]><config-template/>").first?.contains("DOCTYPE") == true)
    let template = "<config-template xmlns='http://tail-f.com/ns/config/1.0'"
    #expect(faults("\(template) servicepoint='s'/>").first?.contains("attribute servicepoint") == true)
    #expect(faults("\(template) other='s'/>").first?.contains("attribute other is not known") == true)
    #expect(faults("\(template)/>").isEmpty)
    #expect(
      faults("<c:config-template xmlns:c='http://tail-f.com/ns/config/1.0'><router xmlns='urn:s'/></c:config-template>").isEmpty
    )
    let unreadable = TemplateFile(
      package: "p", name: "x", path: "x.xml", content: .failure(NSOError(.operatingSystem, "no such luck")))
    #expect(fixture.engine.templates.replace([unreadable], for: fixture.engine.model) == ["x.xml:1: no such luck"])
  }

  @Test(arguments: [
    ("<interface><name>{/service/links}</name></interface>", "x.xml:3: /s:service/links has no value"),
    ("<interface><name>a</name>\n<mtu>{'x'}</mtu></interface>", "x.xml:4: /s:router/interface{a}/mtu"),
    ("<mode>{'x'}</mode>", "x.xml:3: /s:router/mode"), ("<?set-context-node {/backup/interface}?>", "gives none"),
    ("<?set-root-node {/service/site}?>", "is a leaf, which can be no root"),
    ("<?switch-context c?>", "no context was saved as c"),
    ("<rule insert='after' value='b'><name>a</name></rule>", "does not exist in /s:router/rule"),
    ("<rule insert='after' value='a'><name>a</name></rule>", "the entry of attribute value does not exist"),
    ("<?copy-tree {/service/links}?>", "x.xml:3:"),
  ])
  func `faults at application`(_ body: String, _ expected: String) async throws {
    try await fixture.fillService()
    #expect(fixture.load(router: body).isEmpty)
    let transaction = try fixture.test.start()
    let error = #expect(throws: NSOError.self) { try fixture.apply(transaction, at: "/") }
    #expect(error?.code == .template && error?.message.contains(expected) == true, "\(error!)")
    #expect(!transaction.hasChanges)
  }

  // MARK: Limits

  @Test(arguments: [
    // A loop without end.
    "<?for ; {true()}; ?><?end?>",
    // A text that doubles.
    "<?set t=0123456789abcdef?><?for ; {true()}; ?><?set t={$t}{$t}?><?end?>",
    "<?set t=0123456789abcdef?><?for ; {true()}; t={concat($t, $t)}?><?end?>",
  ])
  func `what has no end is stopped`(_ body: String) throws {
    #expect(fixture.load(router: body).isEmpty)
    let transaction = try fixture.test.start()
    let error = #expect(throws: NSOError.self) { try fixture.apply(transaction) }
    #expect([.resourceDenied, .template].contains(error?.code), "\(error!)")
    #expect(!transaction.hasChanges)
    // The transaction goes on.
    fixture.load(router: "<hostname>a</hostname>")
    #expect(try fixture.apply(transaction).router(fixture.test) == ["hostname a"])
  }

  @Test func `a run ends with its transaction`() async throws {
    #expect(fixture.load(router: "<?for ; {true()}; ?><?end?>").isEmpty)
    let name = try fixture.test.locate("/s:router/hostname")
    // A run ends by itself after a million steps, perhaps before this thread sees it: then once more.
    for _ in 0..<100 {
      let transaction = try fixture.test.start()
      let isOver = Flag()
      let run = Task.detached { [fixture] in
        defer { isOver.set() }
        return #expect(throws: NSOError.self) { try fixture.apply(transaction) }
      }
      func isRunning() -> Bool {
        code { try transaction.writeOne { (editor) throws(NSOError) in try editor.set(name, .string("x")) } } == .badState
      }
      var seen = isRunning()
      while !seen && !isOver.isSet {
        await Task.yield()
        seen = isRunning()
      }
      fixture.engine.finish(transaction)
      let error = await run.value
      guard seen, error?.code != .resourceDenied else { continue }
      #expect(error?.code == .noTransaction && error?.message.contains("has ended") == true, "\(error!)")
      return
    }
    Issue.record("a run was never seen while it was under way")
  }

  @Test func `macros that multiply, and nesting without end`() throws {
    var macros = "<?macro M0?><location xmlns='urn:s'>x</location><?endmacro?>"
    for n in 1...20 { macros += "<?macro M\(n)?><?expand M\(n - 1)?><?expand M\(n - 1)?><?endmacro?>" }
    #expect(
      fixture.load(macros + "<router xmlns='urn:s'><?expand M20?></router>").first?.contains("more than 200000 parts") == true)
    var texts = "<?macro T0 a?>$a$a<?endmacro?>"
    for n in 1...25 { texts += "<?macro T\(n) a?><?expand T\(n - 1) a='$a$a'?><?endmacro?>" }
    let long = String(repeating: "x", count: 1000)
    #expect(
      fixture.load(texts + "<router xmlns='urn:s'><hostname><?expand T25 a='\(long)'?></hostname></router>").first?
        .contains("bytes of text") == true)
    let deep = String(repeating: "<?if {1}?>", count: 100_000) + String(repeating: "<?end?>", count: 100_000)
    #expect(fixture.load(router: deep).first?.isEmpty == false)
    let nested = String(repeating: "<?if {1}?>", count: 1000) + String(repeating: "<?end?>", count: 1000)
    #expect(fixture.load(router: nested).first?.contains("deep in one another") == true)
    let elements = String(repeating: "<a>", count: 1000) + String(repeating: "</a>", count: 1000)
    #expect(fixture.load(router: elements).first?.contains("nested deeper") == true)
  }

  // MARK: Names

  @Test func `names of templates`() throws {
    let body = "<router xmlns='urn:s'><hostname>a</hostname></router>"
    let templates = fixture.engine.templates
    let model = fixture.engine.model
    #expect(
      templates.replace(
        [
          TemplateFixture.file(body, "same", package: "a:b"), TemplateFixture.file(body, "same", package: "c"),
          TemplateFixture.file(body, "in/folder"), TemplateFixture.file(body + "<zzz/>", "bad"),
        ], for: model
      ).count == 1)
    #expect(templates.names == ["in/folder", "a\\:b:same", "c:same"])
    #expect(throws: Never.self) { _ = try templates.template(named: "c:same", for: model) }
    #expect(throws: Never.self) { _ = try templates.template(named: "p:in/folder", for: model) }
    let several = #expect(throws: NSOError.self) { try templates.template(named: "same", for: model) }
    #expect(several?.code == .template && several?.message.contains("a\\:b:same, c:same") == true)
    let none = #expect(throws: NSOError.self) { try templates.template(named: "other", for: model) }
    #expect(none?.code == .noExists && none?.message.contains("in/folder") == true)
    templates.replace([], for: model)
    #expect(templates.names.isEmpty)
  }

  @Test func `variables of templates`() throws {
    fixture.load(
      router: """
        <hostname>{$B}{$A + $B}{$TEMPLATE_NAME}</hostname>
        <?set C={$D}?><location>{$C}</location>
        <?for i={$E}; {$i < $F}; i={$i + $G}?><?if {/x[y = $H]}?><?end?><?end?>
        <interface foreach="{$I/x}"><name>{$i}</name></interface>
        """)
    #expect(try fixture.engine.templates.variables(of: "x") == ["B", "A", "D", "E", "F", "H", "G", "I", "i"])
  }
}

/// Set once, by another task.
private final class Flag: Sendable {
  private let value = Mutex(false)

  var isSet: Bool { value.withLock { $0 } }
  func set() { value.withLock { $0 = true } }
}
