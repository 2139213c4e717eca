import NSODocument
import Testing

@Suite struct WriterTests {
  private func name(_ local: String, _ module: String) -> NodeName {
    NodeName(local, namespace: module.isEmpty ? "" : "urn:\(module)", module: module, prefix: String(module.prefix(1)))
  }

  private func sample(_ writer: inout some DocumentWriter) throws {
    let inactive = Annotation(name("inactive", "meta"), .empty)
    try writer.startContainer(name("top", "alpha"))
    try writer.startList(name("server", "alpha"))
    try writer.startEntry()
    try writer.leaf(name("name", "alpha"), .string("a<b"))
    try writer.leaf(name("port", "beta"), .number("80"))
    try writer.end()
    try writer.startEntry(metadata: [inactive])
    try writer.leaf(name("name", "alpha"), .string(""))
    try writer.leaf(name("type", "alpha"), .names([.name(name("fast", "gamma"))]), metadata: [inactive])
    try writer.end()
    try writer.endList()
    try writer.startLeafList(name("ll", "alpha"))
    try writer.item(.number("1"))
    try writer.item(.number("2"), metadata: [inactive])
    try writer.endLeafList()
    try writer.leaf(name("flag", "alpha"), .empty)
    try writer.leaf(name("on", "alpha"), .boolean(true))
    try writer.leaf(
      name("ref", "alpha"),
      .names([
        .text("/"), .step(name("top", "alpha")), .text("/"), .step(name("x", "alpha")), .text("/"), .step(name("y", "beta")),
      ]))
    try writer.startContainer(name("none", "alpha"))
    try writer.end()
    try writer.end()
    try writer.finish()
  }

  @Test func xml() throws {
    var out: [UInt8] = []
    var writer = XMLDocumentWriter { out.append(contentsOf: $0) }
    try sample(&writer)
    #expect(
      String(decoding: out, as: UTF8.self) == """
        <top xmlns="urn:alpha"><server><name>a&lt;b</name><port xmlns="urn:beta">80</port></server>\
        <server xmlns:m="urn:meta" m:inactive=""><name/><type xmlns:g="urn:gamma" xmlns:m="urn:meta" m:inactive="">g:fast</type></server>\
        <ll>1</ll><ll xmlns:m="urn:meta" m:inactive="">2</ll><flag/><on>true</on>\
        <ref xmlns:a="urn:alpha" xmlns:b="urn:beta">/a:top/a:x/b:y</ref><none/></top>
        """)
  }

  @Test func prettyXML() throws {
    var out: [UInt8] = []
    var writer = XMLDocumentWriter(layout: .pretty) { out.append(contentsOf: $0) }
    try writer.startContainer(name("top", "alpha"))
    try writer.startList(name("s", "alpha"))
    try writer.startEntry()
    try writer.leaf(name("k", "alpha"), .string("1"))
    try writer.end()
    try writer.endList()
    try writer.end()
    try writer.startContainer(name("two", "beta"))
    try writer.end()
    try writer.finish()
    #expect(
      String(decoding: out, as: UTF8.self) == """
        <top xmlns="urn:alpha">
          <s>
            <k>1</k>
          </s>
        </top>
        <two xmlns="urn:beta"/>

        """)
  }

  @Test func json() throws {
    var out: [UInt8] = []
    var writer = JSONDocumentWriter { out.append(contentsOf: $0) }
    try sample(&writer)
    #expect(
      String(decoding: out, as: UTF8.self)
        == #"{"alpha:top":{"server":[{"name":"a<b","beta:port":80},{"@":{"meta:inactive":[null]},"name":"","type":"gamma:fast","@type":{"meta:inactive":[null]}}],"ll":[1,2],"@ll":[null,{"meta:inactive":[null]}],"flag":[null],"on":true,"ref":"/alpha:top/x/beta:y","none":{}}}"#
    )
    #expect(events(JSONDocumentParser(), out).error == nil)
  }

  @Test func prettyJSON() throws {
    var out: [UInt8] = []
    var writer = JSONDocumentWriter(layout: .pretty) { out.append(contentsOf: $0) }
    try writer.startContainer(name("data", ""))
    try writer.startList(name("s", "alpha"))
    try writer.startEntry()
    try writer.leaf(name("k", "alpha"), .number("1"))
    try writer.end()
    try writer.endList()
    try writer.startLeafList(name("none", "alpha"))
    try writer.endLeafList()
    try writer.end()
    try writer.finish()
    #expect(
      String(decoding: out, as: UTF8.self) == """
        {
          "data": {
            "alpha:s": [
              {
                "k": 1
              }
            ],
            "alpha:none": []
          }
        }

        """)
  }

  @Test func emptyDocuments() throws {
    var out: [UInt8] = []
    var json = JSONDocumentWriter { out.append(contentsOf: $0) }
    try json.finish()
    #expect(String(decoding: out, as: UTF8.self) == "{}")
  }

  @Test func prefixesThatClashGetNumbers() throws {
    var out: [UInt8] = []
    var writer = XMLDocumentWriter { out.append(contentsOf: $0) }
    let one = NodeName("x", namespace: "urn:1", module: "m1", prefix: "p")
    let two = NodeName("y", namespace: "urn:2", module: "m2", prefix: "p")
    try writer.leaf(NodeName("l", namespace: "", module: "", prefix: ""), .names([.name(one), .text(" "), .name(two)]))
    try writer.finish()
    #expect(String(decoding: out, as: UTF8.self) == #"<l xmlns:p="urn:1" xmlns:p2="urn:2">p:x p2:y</l>"#)
  }

  @Test func whatXMLCannotCarryIsAnError() {
    for text in ["\u{0}", "\u{1}", "\u{FFFE}", "\u{FFFF}"] {
      var writer = XMLDocumentWriter { _ in }
      #expect(throws: DocumentWriterError.self) { try writer.leaf(name("l", "alpha"), .string(text)) }
    }
  }

  @Test func callsOutOfOrderAreErrors() throws {
    var xml = XMLDocumentWriter { _ in }
    var json = JSONDocumentWriter { _ in }
    #expect(throws: DocumentWriterError.self) { try xml.end() }
    #expect(throws: DocumentWriterError.self) { try json.end() }
    #expect(throws: DocumentWriterError.self) { try xml.startEntry() }
    #expect(throws: DocumentWriterError.self) { try json.startEntry() }
    try xml.startList(name("l", "alpha"))
    try json.startList(name("l", "alpha"))
    #expect(throws: DocumentWriterError.self) { try xml.leaf(name("k", "alpha"), .empty) }
    #expect(throws: DocumentWriterError.self) { try json.leaf(name("k", "alpha"), .empty) }
    #expect(throws: DocumentWriterError.self) { try xml.startContainer(name("k", "alpha")) }
    #expect(throws: DocumentWriterError.self) { try json.startContainer(name("k", "alpha")) }
    #expect(throws: DocumentWriterError.self) { try xml.finish() }
    #expect(throws: DocumentWriterError.self) { try json.finish() }
    #expect(throws: DocumentWriterError.self) { try xml.item(.empty) }
    #expect(throws: DocumentWriterError.self) { try json.endLeafList() }
  }
}
