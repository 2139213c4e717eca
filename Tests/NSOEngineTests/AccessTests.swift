import NSOModel
import NSOSchema
import NSOStore
import TestSupport
import Testing

@testable import NSOEngine

@Suite("Access rules")
struct AccessTests {
  private typealias Rule = AccessEngine

  @Test func pathsOfRulesAreRead() throws {
    let path = try #require(RulePath(" /a:top/server[ name = '$USER' ][x=\"1\"]/alias [.=$USER]/* ", user: "ada"))
    #expect(path.isBelowOnly)
    #expect(path.steps.map(\.name.name) == ["top", "server", "alias"])
    #expect(path.steps.map(\.name.prefix) == ["a", nil, nil])
    #expect(path.steps[1].keys.map(\.value) == ["ada", "1"])
    #expect(path.steps[2].keys.map(\.value) == ["ada"] && path.steps[2].keys[0].name == nil)
    #expect(RulePath("/", user: "")?.steps.isEmpty == true)
    #expect(RulePath("/*", user: "")?.isBelowOnly == true)
    // A name cannot bring more into a path than a name.
    #expect(RulePath("/a/b[k='$USER']", user: "x'][z='y")?.steps.map(\.keys.count) == [0, 1])
    for bad in ["", "a", "//a", "/a[", "/a[b]", "/a[b='c]", "/a/", "/a[b=$OTHER]", "/a b", "/*/a", "/a[b='1' or c='2']"] {
      #expect(RulePath(bad, user: "ada") == nil, "\(bad)")
    }
  }

  @Test func patternsOfCommandsAreModest() {
    for good in ["*", "show|set .*", "(a|b){1,30} c", "{", "a{2,}"] where CommandPattern(good) == nil {
      // glibc takes a brace alone for itself; another library may not.
      #expect(good == "{", "\(good)")
    }
    let deep = String(repeating: "(", count: 5000) + String(repeating: ")", count: 5000)
    for bad in ["", "(", deep, "(a{1,9999}){1,9999}", "(((a{60}){60}){60})", "(a*)\\1", String(repeating: "a", count: 300)] {
      #expect(CommandPattern(bad) == nil, "\(bad.prefix(40))")
    }
  }

  @Test func withoutDataReadingIsPermittedAndWritingIsNot() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    let session = try test.user()
    let transaction = try test.start(session)
    #expect(try test.read(transaction.view(), "/a:top/name") == .string("box"))
    let text = test.refusal(transaction) { try $0.set(test.test.locate("/a:top/name"), .string("n")) }
    #expect(
      text?.contains("ada") == true && text?.contains("update /a:top/name") == true && text?.contains("write-default") == true)
    #expect(!transaction.hasChanges)
    // The model protects some of it.
    #expect(code { _ = try test.read(transaction.view(), "/a:top/secret") } == .accessDenied)
    #expect(code { try transaction.view().requireReadable(test.test.locate("/nacm:nacm/enable-nacm")) } == .accessDenied)
    let saved = try test.save(transaction.view())
    #expect(saved.contains("<guarded>g") && !saved.contains("<secret>") && !saved.contains("nacm"))
    // A condition holds for whoever looks, whatever it depends on.
    #expect(try test.read(transaction.view(), "/a:top/depends") == .string("there"))
    #expect(try transaction.view().string(XPathQuery("/a:top/depends")) == "there")
    #expect(try transaction.view().string(XPathQuery("/a:top/secret")) == "")
    // The system is not checked.
    let system = try test.test.start()
    #expect(try test.read(system.view(), "/a:top/secret") == .string("x"))
    #expect(test.refusal(system) { try $0.set(test.test.locate("/a:top/secret"), .string("x")) } == nil)
  }

  /// What rules say of single entries and values holds for the whole, too.
  @Test func rulesWithKeysHoldForTheWhole() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    // The first can hold for nothing: entries of a list have no value.
    try await test.list(
      Rule.rule("odd", "deny", "/top/server[.='x']") + Rule.rule("t2", "deny", "/top/tags[.='t2']", "create delete")
        + Rule.rule("all", "permit", "/top"))
    let session = try test.user()
    let transaction = try test.start(session)
    let tags = try test.test.locate("/a:top/tags")
    #expect(test.refusal(transaction) { try $0.delete(tags) }?.contains("t2") == true)
    #expect(test.refusal(transaction) { try $0.set(tags, .list([.string("t1")])) }?.contains("t2") == true)
    #expect(test.refusal(transaction) { try $0.set(tags, .list([.string("t2"), .string("t3")])) } == nil)
    #expect(try test.read(transaction.view(), "/a:top/tags") == .list([.string("t2"), .string("t3")]))
  }

  /// Whether a lock selects something tells nothing of what may not be read.
  @Test func locksOnPartsSeeWhatTheUserSees() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    let session = try test.user()
    let engine = test.test.engine
    let guess = "/a:top[starts-with(a:secret, 'x')]/a:name"
    #expect(await code { _ = try await engine.lockPart(of: .running, [guess], for: session) } == .noExists)
    #expect(await code { _ = try await engine.lockPart(of: .running, [guess], for: test.test.session) } == nil)
  }

  @Test func theFirstRuleThatMatchesDecides() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    try await test.list(
      Rule.rule("own", "permit", "/a:top/server[name='$USER']", "read") + Rule.rule("b", "deny", "/top/server[name='b']/port")
        + Rule.rule("cli", "deny", "/top/tags", nil, "<t:context>netconf</t:context>")
        + Rule.rule("below", "deny", "/top/opt/*") + Rule.rule("other", "deny", "/x:top/name")
        + "<rule><name>m</name><module-name>nothing</module-name><action>deny</action></rule>"
        + Rule.rule("server", "deny", "/top/server[name='c']") + Rule.rule("late", "permit", "/top/server[name='c']"))
    let view = try test.start(test.user("a")).view()
    #expect(try test.read(view, "/a:top/server{a}/port") == .uint16(1))
    #expect(code { _ = try test.read(view, "/a:top/server{b}/port") } == .accessDenied)
    #expect(try test.read(view, "/a:top/server{b}/note") == .string("bn"))
    #expect(code { _ = try test.read(view, "/a:top/server{c}/port") } == .accessDenied)
    #expect(code { _ = try test.read(view, "/a:top/server{c}/note") } == .accessDenied)
    #expect(try !view.exists(test.test.locate("/a:top/server{c}")))
    #expect(try view.count(test.test.locate("/a:top/server")) == 2)
    #expect(try view.exists(test.test.locate("/a:top/opt")))
    #expect(code { _ = try test.read(view, "/a:top/opt/inner") } == .accessDenied)
    // A prefix that nobody has may have been any: a deny is taken at its widest.
    #expect(code { _ = try test.read(view, "/a:top/name") } == .accessDenied)
    #expect(try test.read(view, "/a:top/tags") == .list([.string("t1"), .string("t2")]))
    let netconf = try test.start(test.user("a", context: "netconf")).view()
    #expect(code { _ = try test.read(netconf, "/a:top/tags") } == .accessDenied)
    #expect(try view.nodes(XPathQuery("/a:top/server/port")).map(\.value) == [.uint16(1)])
    #expect(try view.nodes(XPathQuery("/a:top/server[port='2']")).isEmpty)
    #expect(try view.nodes(XPathQuery("/a:top/name")).isEmpty)
    // Others have no rules.
    let other = try test.start(test.user("a", ["dev"])).view()
    #expect(try test.read(other, "/a:top/server{c}/port") == .uint16(3))
  }

  @Test func eachKindOfWriteIsChecked() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    try await test.list(
      Rule.rule("nodel", "deny", "/top/server[name='b']/alias", "delete")
        + Rule.rule("port", "deny", "/top/server/port", "update")
        + Rule.rule("rule", "deny", "/top/rule", "update create") + Rule.rule("left", "deny", "/top/left", "delete")
        + Rule.rule("all", "permit", "/top"))
    let transaction = try test.start(test.user())
    func place(_ path: String) throws -> Location { try test.test.locate(path) }
    func refused(_ body: (inout TreeEditor) throws -> Void) -> Bool {
      let before = (try? test.save(transaction.view())) ?? "?"
      let text = test.refusal(transaction, body)
      #expect((try? test.save(transaction.view())) == before || text == nil)
      return text?.hasPrefix("ada") ?? false
    }
    #expect(!refused { try $0.set(place("/a:top/name"), .string("new")) })
    #expect(!refused { try $0.create(place("/a:top/server{new}")) })
    #expect(!refused { try $0.set(place("/a:top/server{new}/port"), .uint16(9)) })
    #expect(refused { try $0.set(place("/a:top/server{new}/port"), .uint16(10)) })
    #expect(refused { try $0.delete(place("/a:top/server{b}")) })
    #expect(refused { try $0.delete(place("/a:top/server")) })
    #expect(refused { try $0.delete(place("/a:top")) })
    #expect(refused { try $0.remove(.root) })
    #expect(!refused { try $0.delete(place("/a:top/server{c}")) })
    #expect(refused { try $0.move(place("/a:top/rule{y}"), to: .first) })
    #expect(refused { try $0.create(place("/a:top/rule{x}")) })
    #expect(!refused { try $0.delete(place("/a:top/rule{y}")) })
    // What another case takes away counts as deleted.
    #expect(refused { try $0.set(place("/a:top/right"), .string("r")) })
    #expect(!refused { try $0.set(place("/a:top/tags"), .list([.string("t3")])) })
    #expect(refused { try $0.rename(place("/a:top/server{b}"), to: [.string("d")]) })
    #expect(!refused { try $0.rename(place("/a:top/server{a}"), to: [.string("e")]) })
    // The same value again asks for the same right: else what it is could be found out.
    #expect(refused { try $0.setValues([TaggedValue(Tag("port"), .value(.uint16(2)))], at: place("/a:top/server{b}")) })
    #expect(!refused { try $0.copyTree(from: place("/a:top/server{b}"), to: place("/a:top/server{f}")) })
    // An application that writes for the daemon is not checked, and a hook neither.
    let left = try place("/a:top/left")
    try transaction.writeOne(as: .trusted) { (editor) throws(NSOError) in try editor.delete(left) }
    #expect(refused { try $0.create(place("/a:top/rule{w}")) })
    try await test.engine.apply(transaction, keepOpen: false)
    #expect(try test.test.value("/a:top/name") == .string("new"))
  }

  @Test func whatReplacesEverythingIsCheckedByItsDifference() async throws {
    let test = try await AccessEngine(configure: { configuration in
      configuration.datastores.candidate = true
      configuration.history = .init(rollbackEntries: 10)
    })
    defer { test.test.close() }
    try await test.list(Rule.rule("secret", "deny", "/top/guarded") + Rule.rule("all", "permit", "/top"))
    let session = try test.user()
    let transaction = try test.start(session)
    func load(_ text: String) throws {
      let load = try ConfigurationLoad(
        transaction, LoadOptions(format: .xml, mode: .create), below: test.test.locate("/a:top"), as: .owner)
      try load.feed(Array(text.utf8))
      try load.finish()
    }
    let before = try test.save(transaction.view(unchecked: true))
    #expect(code { try load("<name>n</name>") } == .accessDenied)
    #expect(try test.save(transaction.view(unchecked: true)) == before)
    // What was there, and is there again, is not touched.
    try await test.test.change { try $0.delete(test.test.locate("/a:top/guarded")) }
    let second = try test.start(session)
    let again = try ConfigurationLoad(
      second, LoadOptions(format: .xml, mode: .create), below: test.test.locate("/a:top"), as: .owner)
    try again.feed(Array("<name>n</name>".utf8))
    try again.finish()
    #expect(try test.read(second.view(), "/a:top/name") == .string("n"))
    test.engine.finish(transaction)
    test.engine.finish(second)
    // Going back would bring it back.
    let third = try test.start(session)
    #expect(code { try test.engine.rollBack(.relative(0), in: third) } == .accessDenied)
    #expect(!third.hasChanges)
    test.engine.finish(third)
    // Copies between datastores.
    let candidate = try test.engine.startTransaction(test.test.session, on: .candidate, .readWrite)
    let guarded = try test.test.locate("/a:top/guarded")
    try candidate.write { (editor) throws(NSOError) in try editor.set(guarded, .string("h")) }
    try await test.engine.apply(candidate, keepOpen: false)
    test.engine.finish(candidate)
    let source = try test.start(session, .read, on: .candidate)
    let target = try test.start(session)
    #expect(code { try target.takeOver(from: source, below: .root) } == .accessDenied)
    #expect(!target.hasChanges)
    // Whoever commits the candidate answers for all that is in it.
    #expect(await code { try await test.engine.commitCandidate(session) } == .accessDenied)
    #expect(try test.test.value("/a:top/guarded") == nil)
    try await test.engine.commitCandidate(test.test.session)
    #expect(try test.test.value("/a:top/guarded") == .string("h"))
  }

  @Test func transactionsInTransactionsAndActionsAreChecked() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    try await test.list(
      Rule.rule("reset", "deny", "/top/reset", "exec") + Rule.rule("restart", "deny", "/top/server[name='a']/restart")
        + Rule.rule("hidden", "deny", "/top/server[name='b']", "read"))
    let session = try test.user()
    let outer = try test.start(session)
    let inner = try test.engine.startTransaction(session, over: outer, .readWrite)
    #expect(test.refusal(inner) { try $0.set(test.test.locate("/a:top/name"), .string("n")) } != nil)
    #expect(code { _ = try test.read(inner.view(), "/a:top/server{b}/port") } == .accessDenied)
    func perform(_ path: String, _ session: UserSession) async -> ErrorCode? {
      await code {
        let instance = try test.engine.model.locateAction(test.engine.model.schema.parsePath(path).keypath)
        _ = try await test.engine.performAction(instance, [], session: session)
      }
    }
    #expect(await perform("/a:top/reset", session) == .accessDenied)
    #expect(await perform("/a:top/server{a}/restart", session) == .accessDenied)
    #expect(await perform("/a:top/server{b}/restart", session) == .accessDenied)
    // Nobody performs it, but it was permitted.
    #expect(await perform("/a:top/server{c}/restart", session) != .accessDenied)
    #expect(await perform("/a:top/reset", test.test.session) != .accessDenied)
  }

  @Test func groupsComeFromEverywhereUnlessTheyAreOnlyTakenFromTheRules() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    let groups = "<groups><group><name>dev</name><user-name>ada</user-name></group></groups>"
    try await test.list(Rule.rule("all", "deny"), and: groups)
    #expect(try test.user("ada", ["ops"]).groups == ["dev", "ops"])
    #expect(try test.user("bob", []).groups == [])
    var settings = test.engine.aaa
    settings.defaultGroup = "guests"
    settings.systemGroups = ["bob": ["wheel"]]
    test.engine.aaa = settings
    #expect(try test.user("bob", []).groups == ["wheel"])
    #expect(try test.user("eve", []).groups == ["guests"])
    try await test.list(Rule.rule("all", "deny"), and: groups + "<enable-external-groups>false</enable-external-groups>")
    #expect(try test.user("ada", ["ops"]).groups == ["dev"])
    #expect(try test.read(test.start(test.user("ada", ["ops"])).view(), "/a:top/name") == .string("box"))
    try await test.rules("<rule-list><name>any</name><group>*</group>\(Rule.rule("all", "deny"))</rule-list>")
    #expect(code { _ = try test.read(test.start(test.user("eve", [])).view(), "/a:top/name") } == .accessDenied)
  }

  @Test func rulesAreThoseOfTheStartOfASessionAndCanBeSwitchedOff() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    let old = try test.user()
    try await test.list(Rule.rule("all", "deny"))
    #expect(try test.read(test.start(old).view(), "/a:top/name") == .string("box"))
    let new = try test.user()
    #expect(code { _ = try test.read(test.start(new).view(), "/a:top/name") } == .accessDenied)
    new.switchOffAccessRules()
    #expect(try test.read(test.start(new).view(), "/a:top/secret") == .string("x"))
    try await test.list(Rule.rule("all", "deny"), and: "<enable-nacm>false</enable-nacm>")
    #expect(try test.user().accessRules == nil)
    var settings = test.engine.aaa
    settings.asksApplicationToAuthorize = true
    test.engine.aaa = settings
    let refused = try test.user()
    #expect(code { _ = try test.read(test.start(refused).view(), "/a:top/name") } == .accessDenied)
    #expect(refused.accessRules?.decide(.exec, command: ["show"]).isPermitted == false)
    settings.authorizes = false
    test.engine.aaa = settings
    #expect(try test.user().accessRules == nil)
    #expect(try !test.engine.enforcesAccessRules)
  }

  @Test func aModelWithoutRulesHasNone() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let session = try test.engine.sessions.start(UserSessionRequest(user: "u", context: "cli"))
    #expect(session.accessRules == nil && !test.engine.enforcesAccessRules)
  }

  @Test func commandsAreWordsOfRegularExpressions() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    func command(_ name: String, _ action: String, _ words: String, _ more: String = "") -> String {
      "<t:cmdrule><t:name>\(name)</t:name><t:command>\(words)</t:command>\(more)<t:action>\(action)</t:action></t:cmdrule>"
    }
    try await test.list(
      command("a", "permit", "show configuration")
        + command("b", "deny", "show (conf.*|history)", "<t:access-operations>exec</t:access-operations>")
        + command("c", "deny", "request", "<t:context>webui</t:context>") + command("d", "deny", "set [a-b]+ x"))
    let rules = try #require(try test.user().accessRules)
    func permits(_ command: String) -> Bool {
      rules.decide(.exec, command: command.split(separator: " ").map(String.init)).isPermitted
    }
    #expect(permits("show configuration top") && !permits("show history") && !permits("show confused") && permits("show"))
    #expect(rules.decide(.read, command: ["show", "history"]).isPermitted)
    #expect(permits("request x") && !permits("set ab x y") && permits("set abc x") && permits("set ab"))
    #expect(rules.mayPermit(commandsBeginningWith: ["show"]) && !rules.mayPermit(commandsBeginningWith: ["show", "history"]))
    try await test.list(command("z", "deny", "*"), and: "<t:cmd-read-default>deny</t:cmd-read-default>")
    let none = try #require(try test.user().accessRules)
    #expect(!none.decide(.exec, command: ["exit"]).isPermitted && !none.mayPermit(commandsBeginningWith: ["show"]))
  }
}
