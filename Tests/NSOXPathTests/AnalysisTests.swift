import NSOModel
import NSOSchema
import NSOXPath
import NSOXPathTestSupport
import Testing

/// What an expression can read, from the schema alone.
@Suite struct AnalysisTests {
  static let module = """
    m {
      container c {
        leaf mode { type string; }
        list l { key k; leaf k { type string; } leaf v { type string; } leaf r { type leafref { path "../../l/k"; } } leaf i { type instance-identifier; }
          list in { key n; leaf n { type string; } leaf w { type string; } container box { leaf deep { type string; } } } }
        list other { key "a b"; leaf a { type string; } leaf b { type string; } leaf x { type string; } }
      }
      leaf top { type string; }
    }
    """

  /// The reads of an expression at a node as `node < anchor`, with correlations.
  static func reads(_ source: String, at path: String) throws -> (reads: [String], analysis: XPathReads) {
    let schema = try ModuleSet([module]).schema()
    var node: NodeID?
    for name in path.split(separator: "/") { node = schema.child(of: node, name: String(name)) }
    let xpath = try XPath(source, namespaces: XPathNamespaces(prefixes: ["m": "urn:m"], unprefixed: .namespace("urn:m")))
    let analysis = xpath.bound(to: schema, at: node, references: LeafrefPaths()).reads
    func name(_ id: NodeID?) -> String {
      id.map { schema.lineage(of: $0).map { schema[$0].name.name }.joined(separator: "/") } ?? "root"
    }
    let texts = analysis.reads.map { read in
      let correlations = read.correlations.map { correlation in
        let subject: String
        switch correlation.subject {
        case .key(let list, let place): subject = name(schema[list].keys[place])
        case .value: subject = "."
        }
        return " [\(subject) = \(name(correlation.leaf)) of \(name(correlation.holder))]"
      }
      return "\(name(read.node)) < \(name(read.anchor))" + correlations.joined()
    }
    return (texts.sorted(), analysis)
  }

  @Test(arguments: [
    ("../v = 'x'", "c/l/k", ["c/l/v < c/l"]),
    (". = 'x'", "c/l/v", ["c/l/v < c/l/v"]),
    ("../../mode", "c/l/v", ["c/mode < c"]),
    ("/top = 'x'", "c/l/v", ["top < root"]),
    ("count(../../l)", "c/l/v", ["c/l < c"]),
    ("count(../../l[v = 'a'])", "c/l/k", ["c/l < c", "c/l/v < c"]),
    ("../in/w", "c/l/v", ["c/l/in/w < c/l"]),
    ("../../w", "c/l/in/box/deep", ["c/l/in/w < c/l/in"]),
    ("../../../v", "c/l/in/box/deep", ["c/l/v < c/l"]),
    ("../../../../l/v", "c/l/in/box/deep", ["c/l/v < c"]),
    ("../in[1]/w", "c/l/v", ["c/l/in < c/l", "c/l/in/w < c/l"]),
    ("../in/../v", "c/l/k", ["c/l/in < c/l", "c/l/v < c/l"]),
    ("string(../in/box)", "c/l/v", ["c/l/in/box < c/l", "c/l/in/box/deep < c/l"]),
    ("boolean(../in/box)", "c/l/v", ["c/l/in/box < c/l"]),
    (
      "/c/l[k = current()]/v", "c/l/v",
      ["c/l/k < root [c/l/k = c/l/v of c/l/v]", "c/l/v < c/l/v", "c/l/v < root [c/l/k = c/l/v of c/l/v]"]
    ),
    (
      "../../other[a = current()/../k][b = current()]/x", "c/l/v",
      [
        "c/l/k < c/l", "c/l/v < c/l/v", "c/other/a < c [c/other/a = c/l/k of c/l] [c/other/b = c/l/v of c/l/v]",
        "c/other/b < c [c/other/a = c/l/k of c/l] [c/other/b = c/l/v of c/l/v]",
        "c/other/x < c [c/other/a = c/l/k of c/l] [c/other/b = c/l/v of c/l/v]",
      ]
    ),
    ("../../other[a = 'fixed']/x", "c/l/v", ["c/other/a < c", "c/other/x < c"]),
    ("deref(../r)/../v", "c/l/k", ["c/l/k < c", "c/l/r < c/l", "c/l/v < c"]),
    ("//deep", "c/l/v", ["c/l/in/box/deep < root"]),
    (".//deep", "c/l", ["c/l/in/box/deep < c/l"]),
    ("../preceding-sibling::l/v", "c/l/v", ["c/l/v < c"]),
    ("ancestor::l/v", "c/l/in/box/deep", ["c/l/v < c/l"]),
    ("not(../v) or top", "c/l/k", ["c/l/v < c/l"]),
    ("true()", "c/l/v", []), ("position() = 1", "c/l/v", []), ("current()/../k", "c/l/v", ["c/l/k < c/l"]),
  ])
  func finds(_ source: String, _ path: String, _ expected: [String]) throws {
    #expect(try Self.reads(source, at: path).reads == expected, "\(source)")
  }

  @Test func notes() throws {
    #expect(try Self.reads("deref(../i)/x", at: "c/l/v").analysis.readsAnything)
    #expect(try !Self.reads("deref(../r)/../v", at: "c/l/v").analysis.readsAnything)
    #expect(try Self.reads("preceding-sibling::l", at: "c/l").analysis.dependsOnPosition)
    #expect(try !Self.reads("../mode", at: "c/l").analysis.dependsOnPosition)
    #expect(try Self.reads("../nothing/x = ../v", at: "c/l/k").analysis.impossibleSteps == [3])
    #expect(try Self.reads("../k/v", at: "c/l/v").analysis.impossibleSteps == [5])
    #expect(try Self.reads("../v", at: "c/l/k").analysis.impossibleSteps == [])
  }
}
