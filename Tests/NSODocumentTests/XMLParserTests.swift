import NSODocument
import Testing

@Suite struct XMLParserTests {
  @Test func leafsContainersAndAttributes() {
    let found = xml(
      """
      <?xml version="1.0"?>
      <!-- comment -->
      <config xmlns="urn:c" xmlns:nc="urn:nc">
        <a nc:operation="merge" b="1">x &amp; y<![CDATA[<z>]]></a>
        <empty/>
        <blank> </blank>
      </config>
      """)
    #expect(found.error == nil)
    #expect(
      brief(found.events) == [
        "<{urn:c}config", "<{urn:c}a {urn:nc}operation=merge b=1", "'x & y<z>'", ">", "<{urn:c}empty", ">", "<{urn:c}blank",
        "' '", ">", ">",
      ])
    #expect(found.events[1].position == DocumentPosition(line: 4, column: 3))
    #expect(found.events[2].position == DocumentPosition(line: 4, column: 33))
  }

  @Test func textBesideElementsIsReportedUnlessItIsLayout() {
    #expect(brief(xml("<a>\n<b/>\n</a>").events) == ["<a", "<b", ">", ">"])
    #expect(brief(xml("<a>x<b/> y </a>").events) == ["<a", "'x'", "<b", ">", "' y '", ">"])
  }

  @Test func prefixesAreResolvedWhereTheyStand() throws {
    let found = xml("<a xmlns='u0' xmlns:p='u1'><b xmlns:p='u2'>p:x</b><c xmlns=''>p:x</c><d>p:x</d></a>")
    let maps = found.events.compactMap { placed -> (String, NamespaceScope)? in
      guard case .start(let element) = placed.event, case .prefixes(let map) = element.names else { return nil }
      return (element.name.local, map)
    }
    #expect(maps.map(\.0) == ["a", "b", "c", "d"])
    #expect(maps.map { $0.1.namespace(for: "p") } == ["u1", "u2", "u1", "u1"])
    #expect(maps.map { $0.1.namespace(for: "") } == ["u0", "u0", nil, "u0"])
    #expect(maps[0].1.namespace(for: "q") == nil)
    #expect(maps[0].1 === maps[3].1)
  }

  @Test(arguments: [
    "<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
  ])
  func documentTypesAreRefused(_ text: String) {
    #expect(xml(text).error?.code == .refused)
  }

  @Test(arguments: [
    ("<a>\n  <b>\n</a>", DocumentError.Code.malformed, 3), ("<a>&e;</a>", .malformed, 1), ("<a x='1' x='2'/>", .malformed, 1),
    ("<p:a/>", .malformed, 1), ("<a/><b/>", .malformed, 1), ("", .incomplete, 1), ("<a>\n<b>", .incomplete, 2),
    ("<a>\u{1}</a>", .malformed, 1), ("plain", .malformed, 1),
  ])
  func faultsHaveALine(_ text: String, _ code: DocumentError.Code, _ line: Int) {
    let error = xml(text).error
    #expect(error?.code == code, "\(String(describing: error))")
    #expect(error?.position.line == line)
  }

  @Test func aSequenceNeedsNoDocumentElement() {
    #expect(brief(xml("<?xml version='1.0'?>\n<a/>\n<b>1</b>", framing: .sequence).events) == ["<a", ">", "<b", "'1'", ">"])
    #expect(brief(xml("\u{FEFF}<a/>", framing: .sequence).events) == ["<a", ">"])
    #expect(brief(xml("", framing: .sequence).events) == [])
    #expect(brief(xml("<", framing: .sequence).events) == [])
    #expect(xml("<", framing: .sequence).error != nil)
    #expect(xml("<a></sequence>", framing: .sequence).error?.code == .malformed)
    #expect(xml("</sequence><sequence>", framing: .sequence).error != nil)
    #expect(xml("<a>\n<b>", framing: .sequence).error?.code == .incomplete)
  }

  @Test func limits() {
    var limits = DocumentLimits()
    limits.depth = 3
    limits.scalarSize = 5
    limits.nameSize = 20
    limits.attributeCount = 2
    limits.markupSize = 1000
    limits.distinctNames = 6
    #expect(xml("<a><b><c/></b></a>", limits: limits).error == nil)
    for text in [
      "<a><b><c><d/></c></b></a>", "<a>123456</a>", "<a xmlns='urn:0123456789012345678'/>", "<a b='' c='' d=''/>",
      "<a xmlns:b='b' xmlns:c='c' xmlns:d='d'/>", "<a><!--" + String(repeating: "x", count: 100_000) + "--></a>",
      "<a b='" + String(repeating: "x", count: 100_000) + "'/>", "<a><b/><c/><d/><e/><f/><g/></a>",
    ] {
      #expect(xml(text, limits: limits).error?.code == .tooLarge, "\(text.prefix(40))")
    }
  }

  @Test func errorsOfTheHandlerPassThroughAndStay() {
    struct Stop: Error {}
    let parser = XMLDocumentParser()
    var seen = 0
    #expect(throws: Stop.self) {
      try parser.parse("<a><b/><c/></a>") { event in
        seen += 1
        if seen == 2 { throw Stop() }
      }
    }
    #expect(seen == 2)
    #expect(throws: Stop.self) { try parser.feed(Array("<d/>".utf8)) { _ in seen += 1 } }
    #expect(seen == 2)
  }
}
