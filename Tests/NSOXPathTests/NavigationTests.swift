import NSOXPath
import NSOXPathTestSupport
import Testing

/// Axes, node tests, predicates and document order over data.
@Suite struct NavigationTests {
  static let module = """
    t {
      container top {
        leaf first { type string; }
        list item {
          key "name";
          leaf name { type string; }
          leaf size { type uint8; default 7; }
          leaf-list tag { type string; ordered-by user; }
          container inner { leaf deep { type string; } }
          list sub { key "a b"; leaf a { type uint16; } leaf b { type string; } leaf note { type string; } }
        }
        leaf last { type string; }
        container present { presence "p"; leaf x { type string; } }
        list keyless { config false; leaf v { type int32; } }
        leaf color { type enumeration { enum red { value 5; } enum blue; } }
      }
      leaf other { type string; }
    }
    """
  static let data = """
    <top xmlns="urn:t">
      <first>1st</first>
      <item><name>a</name><size>3</size><tag>x</tag><tag>y</tag><inner><deep>da</deep></inner>
        <sub><a>1</a><b>p</b><note>n1p</note></sub><sub><a>1</a><b>q</b></sub><sub><a>2</a><b>p</b><note>n2p</note></sub></item>
      <item><name>b</name><tag>y</tag></item>
      <item><name>c</name><size>9</size><inner><deep>dc</deep></inner></item>
      <last>end</last>
      <keyless><v>1</v></keyless><keyless><v>2</v></keyless>
      <color>red</color>
    </top>
    <other xmlns="urn:t">o</other>
    """

  static func fixture() throws -> Fixture { try Fixture([module], data) }

  @Test(arguments: [
    ("/t:top/t:item", "/", ["/top/item{a}", "/top/item{b}", "/top/item{c}"]),
    ("/top/item/name", "/", ["/top/item{a}/name", "/top/item{b}/name", "/top/item{c}/name"]),
    ("top/item[2]/name", "/", ["/top/item{b}/name"]),
    ("top/item[last()]", "/", ["/top/item{c}"]),
    ("top/item[position() > 1]", "/", ["/top/item{b}", "/top/item{c}"]),
    ("top/item[size > 5]", "/", ["/top/item{b}", "/top/item{c}"]),
    ("top/item[size > 5][1]", "/", ["/top/item{b}"]),
    ("top/item[1][size > 5]", "/", []),
    ("top/item[tag = 'y']", "/", ["/top/item{a}", "/top/item{b}"]),
    ("top/item[not(tag)]", "/", ["/top/item{c}"]),
    ("top/item/tag", "/", ["/top/item{a}/tag{x}", "/top/item{a}/tag{y}", "/top/item{b}/tag{y}"]),
    ("top/item/tag[. = 'y']", "/", ["/top/item{a}/tag{y}", "/top/item{b}/tag{y}"]),
    ("top/item/sub[a = 1 and b = 'q']", "/", ["/top/item{a}/sub{1 q}"]),
    ("top/item/sub[b = 'p'][a = '2']/note", "/", ["/top/item{a}/sub{2 p}/note"]),
    ("top/item/sub[a = 1][2]", "/", ["/top/item{a}/sub{1 q}"]),
    ("top/item/sub[2][a = 1]", "/", ["/top/item{a}/sub{1 q}"]),
    ("top/item/sub[a = 1][note]", "/", ["/top/item{a}/sub{1 p}"]),
    ("*", "/", ["/top", "/other"]), ("t:*", "/", ["/top", "/other"]), ("node()", "/", ["/top", "/other"]),
    ("top/*[2]", "/", ["/top/item{a}"]),
    (
      "top/item[1]/*", "/",
      [
        "/top/item{a}/name", "/top/item{a}/size", "/top/item{a}/tag{x}", "/top/item{a}/tag{y}", "/top/item{a}/inner",
        "/top/item{a}/sub{1 p}", "/top/item{a}/sub{1 q}", "/top/item{a}/sub{2 p}",
      ]
    ),
    ("//deep", "/", ["/top/item{a}/inner/deep", "/top/item{c}/inner/deep"]),
    (".//deep", "/top/item[3]", ["/top/item{c}/inner/deep"]),
    ("//sub[1]", "/", ["/top/item{a}/sub{1 p}"]),
    ("(//item)[2]", "/", ["/top/item{b}"]),
    ("descendant::sub[last()]", "/", ["/top/item{a}/sub{2 p}"]),
    ("..", "/top/first", ["/top"]), ("../..", "/top/first", ["/"]), ("../../..", "/top/first", []),
    (".", "/top", ["/top"]), ("self::t:top", "/top", ["/top"]), ("self::t:item", "/top", []),
    ("parent::t:top", "/top/first", ["/top"]), ("parent::t:item", "/top/first", []),
    ("ancestor::*", "/top/item[1]/inner/deep", ["/top", "/top/item{a}", "/top/item{a}/inner"]),
    ("ancestor::*[1]", "/top/item[1]/inner/deep", ["/top/item{a}/inner"]),
    ("ancestor::node()[last()]", "/top/item[1]/inner/deep", ["/"]),
    ("ancestor-or-self::*[2]", "/top/item[1]/inner/deep", ["/top/item{a}/inner"]),
    ("(ancestor::*)[1]", "/top/item[1]/inner/deep", ["/top"]),
    ("following-sibling::item", "/top/item[1]", ["/top/item{b}", "/top/item{c}"]),
    ("following-sibling::*[1]", "/top/item[3]", ["/top/last"]),
    ("preceding-sibling::*", "/top/item[3]", ["/top/first", "/top/item{a}", "/top/item{b}"]),
    ("preceding-sibling::*[1]", "/top/item[3]", ["/top/item{b}"]),
    ("preceding-sibling::item[last()]", "/top/item[3]", ["/top/item{a}"]),
    ("following::sub", "/top/item[1]/sub[1]", ["/top/item{a}/sub{1 q}", "/top/item{a}/sub{2 p}"]),
    (
      "following::name", "/top/item[1]/inner/deep",
      [
        "/top/item{b}/name", "/top/item{c}/name",
      ]
    ),
    ("preceding::deep", "/top/last", ["/top/item{a}/inner/deep", "/top/item{c}/inner/deep"]),
    ("preceding::deep[1]", "/top/last", ["/top/item{c}/inner/deep"]),
    ("preceding::node()[1]", "/top/item[1]/size", ["/top/item{a}/name/text()"]),
    ("following-sibling::other | preceding-sibling::top", "/top", ["/other"]),
    ("top/last | top/first | top/last", "/", ["/top/first", "/top/last"]),
    ("top/item/..", "/", ["/top"]),
    (
      "top/item/inner/../name", "/",
      [
        "/top/item{a}/name", "/top/item{b}/name", "/top/item{c}/name",
      ]
    ),
    ("top/*/../*/../first", "/", ["/top/first"]),
    ("top/first/text()", "/", ["/top/first/text()"]), ("top/first/text()/..", "/", ["/top/first"]),
    ("top/first/node()", "/", ["/top/first/text()"]), ("top/text()", "/", []), ("top/first/*", "/", []),
    ("top/comment()", "/", []), ("top/processing-instruction()", "/", []), ("top/nothing", "/", []), ("nothing//x", "/", []),
    ("top/item[inner/deep = 'dc']/name", "/", ["/top/item{c}/name"]),
    ("top/item[name = ../../top/item[2]/name]", "/", ["/top/item{b}"]),
    ("top/item[name = //name]", "/", ["/top/item{a}", "/top/item{b}", "/top/item{c}"]),
    ("top/item[name != 'b']", "/", ["/top/item{a}", "/top/item{c}"]),
    ("../item[name = current()/name]", "/top/item[2]", ["/top/item{b}"]),
    ("/top/item[sub/b = 'q']", "/", ["/top/item{a}"]),
    ("top/present", "/", []), ("top/keyless/v", "/", ["/top/keyless{0}/v", "/top/keyless{1}/v"]),
    ("top/keyless[v = 2]", "/", ["/top/keyless{1}"]), ("//text()[. = 'end']", "/", ["/top/last/text()"]),
    ("descendant-or-self::node()[self::t:last]", "/", ["/top/last"]),
    ("top/item[string-length(name) = 1][position() = last()]", "/", ["/top/item{c}"]),
    ("(top/item)[position() < 3][last()]", "/", ["/top/item{b}"]),
    ("top/item[tag[1] = 'y']", "/", ["/top/item{b}"]), ("current()", "/top", ["/top"]),
  ])
  func selects(_ source: String, _ context: String, _ expected: [String]) throws {
    #expect(try Self.fixture().nodes(source, at: context) == expected, "\(source)")
  }

  @Test(arguments: [
    ("count(top/item)", "3"), ("count(//*)", "37"), ("sum(top/item/size)", "19"), ("sum(top/item/name)", "NaN"),
    ("string(top/item/size)", "3"),
    ("string(top/item[2]/size)", "7"), ("string(top/item[1]/inner)", "da"), ("string(top/item[2]/inner)", ""),
    ("name(top)", "t:top"),
    ("local-name(top/*[2])", "item"), ("namespace-uri(top)", "urn:t"), ("name(top/first/text())", ""),
    ("name(top/nothing)", ""),
    ("top/item/size = 9", "true"), ("top/item/size != 9", "true"), ("top/item/size > 9", "false"),
    ("9 > top/item/size", "true"),
    ("top/item/size = '3'", "true"), ("'a' = top/item/name", "true"), ("top/item/name = 'z'", "false"),
    ("top/nothing = ''", "false"),
    ("top/nothing != ''", "false"), ("top/item/size < top/item/size", "true"), ("top/first < top/item/size", "false"),
    ("top/item/name = top/item/tag", "false"), ("top/item/name != top/item/name", "true"), ("top/first != top/first", "false"),
    ("top/item = true()", "true"), ("top/nothing = false()", "true"), ("not(top/nothing)", "true"),
    ("boolean(top/item)", "true"),
    ("top/item[1]/tag = top/item[2]/tag", "true"), ("number(top/item[3]/size) + 1", "10"), ("-top/item/size", "-3"),
    ("concat(top/first, '-', top/last)", "1st-end"), ("top/item[1]/size * 2", "6"), ("enum-value(top/color)", "5"),
    ("enum-value(top/first)", "NaN"), ("enum-value(top/nothing)", "NaN"), ("top/color = 'red'", "true"),
    ("string-length(top/first)", "3"),
    ("starts-with(top/first, '1')", "true"), ("count(top/item | top/item)", "3"), ("top/item/size <= 3", "true"),
    ("top/item/size >= 10", "false"),
    ("count(top/inner)", "0"), ("count(top/item/inner)", "3"), ("translate(string(top/item/name), 'a', 'b')", "b"),
    ("count(top/item/ancestor::*)", "1"), ("count(//item/descendant-or-self::*/ancestor::item)", "3"),
  ])
  func computes(_ source: String, _ expected: String) throws {
    #expect(try Self.fixture().string(source) == expected, "\(source)")
  }

  @Test func contextDefaultsOfFunctions() throws {
    let fixture = try Self.fixture()
    #expect(try fixture.string("string()", at: "/top/first") == "1st")
    #expect(try fixture.string("string-length()", at: "/top/first") == "3")
    #expect(try fixture.string("normalize-space()", at: "/top/first") == "1st")
    #expect(try fixture.string("number()", at: "/top/item/size") == "3")
    #expect(try fixture.string("name()", at: "/top/first") == "t:first")
    #expect(try fixture.string("local-name()", at: "/top/first") == "first")
    #expect(try fixture.string("namespace-uri()", at: "/top/first") == "urn:t")
  }

  /// Unprefixed names in an expression of a module mean that module's nodes only.
  @Test func namespaces() throws {
    let fixture = try Fixture(
      [
        "a { container c { leaf x { type string; } } }",
        "b { import a { prefix a; } augment /a:c { leaf x { type string; } } }",
      ],
      "<c xmlns='urn:a'><x>1</x><x xmlns='urn:b'>2</x></c>")
    func string(_ source: String, _ namespaces: XPathNamespaces) throws -> String {
      try fixture.evaluator.string(XPath(source, namespaces: namespaces), at: fixture.tree.root)
    }
    let inA = XPathNamespaces(prefixes: ["b": "urn:b"], unprefixed: .namespace("urn:a"))
    #expect(try string("concat(c/x, c/b:x)", inA) == "12")
    #expect(try string("count(c/*)", inA) == "2")
    let inB = XPathNamespaces(prefixes: ["a": "urn:a"], unprefixed: .namespace("urn:b"))
    #expect(try string("concat(a:c/x, c/x)", inB) == "2")
    #expect(try string("count(c/x)", XPathNamespaces()) == "2")
    #expect(try string("count(c/b:*)", inA) == "1")
  }

  // MARK: Roots, order

  @Test func aRootOfItsOwn() throws {
    let fixture = try Self.fixture()
    fixture.evaluator.scopeRoot = try fixture.node("/top/item[name = 'a']")
    #expect(try fixture.nodes("/name", at: "/").isEmpty == false)
    func nodes(_ source: String) throws -> [String] {
      var found: [String] = []
      let node = try #require(fixture.evaluator.scopeRoot)
      try fixture.evaluator.forEachNode(fixture.xpath(source), at: node) { item in
        found.append(fixture.path(item.node))
        return true
      }
      return found
    }
    #expect(try nodes("/size") == ["/top/item{a}/size"])
    #expect(try nodes("inner/deep/../../name") == ["/top/item{a}/name"])
    #expect(try nodes("..").isEmpty)
    #expect(try nodes("inner/../..").isEmpty)
    #expect(try nodes("ancestor-or-self::node()") == ["/top/item{a}"])
    #expect(try nodes("following-sibling::* | preceding-sibling::* | following::* | preceding::*").isEmpty)
    #expect(try nodes("inner/following::sub").count == 3)
    #expect(try nodes("/top").isEmpty)
    #expect(try nodes("//deep") == ["/top/item{a}/inner/deep"])
  }

  @Test(arguments: [
    ("min(/top/item/size)", "3"), ("max(/top/item/size)", "9"), ("avg(/top/item/size)", "6.333333333333333"),
    ("avg(/top/item/name)", "NaN"), ("min(/top/item/name)", "NaN"), ("compare(/top/item/size, '10')", "-1"),
    ("compare('10', /top/item/size)", "1"), ("compare(/top/item/size, 'x')", "NaN"), ("compare(/top/item, '1')", "NaN"),
    ("compare(/top/nothing, '1')", "NaN"), ("compare(/top/color, 'blue')", "-1"), ("compare(/top/color, /top/color)", "0"),
    ("compare(/top/item[1]/size, /top/item[3]/size)", "-1"), ("compare(/top/color, /top/first)", "NaN"),
  ])
  func ofThisProduct(_ source: String, _ expected: String) throws {
    #expect(try Self.fixture().string(source) == expected)
  }

  /// By an index: see the tests of the daemon, which know the extension that defines one.
  @Test func sortByRefuses() throws {
    let fixture = try Self.fixture()
    #expect(throws: XPathError.self) { try fixture.nodes("sort-by(/top/item, 'none')") }
    #expect(throws: XPathError.self) { try fixture.nodes("sort-by(/top/item/name, 'none')") }
    #expect(throws: XPathError.self) { try fixture.nodes("sort-by('x', 'none')") }
    #expect(try fixture.nodes("sort-by(/top/nothing, 'none')").isEmpty)
  }
}
