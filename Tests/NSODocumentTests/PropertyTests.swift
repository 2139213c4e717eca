import NSODocument
import TestSupport
import Testing

@Suite struct PropertyTests {
  static let xmlSamples: [String] = [
    """
    <?xml version="1.0" encoding="UTF-8"?>
    <config xmlns="urn:c" xmlns:p="urn:p">
      <a p:op="x y">é €&#x1F600; &lt;tag&gt; <![CDATA[ raw ]]></a><!-- c -->
      <p:list><k>1</k></p:list><?pi x?>
      <p:list xmlns:p="urn:q"><k>  2  </k></p:list>
    </config>
    """,
    "<a><b>text</b> tail</a>", "<a x='1'/>", "<a><b></a>", "<a>&nope;</a>",
  ]

  static let jsonSamples: [String] = [
    #"{"m:c":{"a":"é\u20ac\ud83d\ude00","n":-12.5e3,"l":[{"k":1},{"k":"2"}],"@l":[null],"e":[null],"t":true,"f":false}}"#,
    #"{ "x" : [ 1 , 2.0 , "three" ] , "@" : { "m:a" : null } }"#, #"{"a":1,"a":2}"#, #"{"a":[1,2"#, #"{"a":tru"#, "{}",
  ]

  @Test func anyChunkingGivesTheSameXMLEvents() {
    var random = SeededGenerator(seed: 1)
    for sample in Self.xmlSamples {
      for framing in [XMLDocumentParser.Framing.document, .sequence] {
        let bytes = Array(sample.utf8)
        let whole = events(XMLDocumentParser(framing: framing), bytes)
        for cut in 0...bytes.count {
          let cutOnce = events(XMLDocumentParser(framing: framing), bytes, pieces: [cut])
          #expect(cutOnce.events == whole.events)
          #expect(cutOnce.error?.code == whole.error?.code)
        }
        let single = events(XMLDocumentParser(framing: framing), bytes, pieces: Array(repeating: 1, count: bytes.count))
        #expect(single.events == whole.events)
        for _ in 0..<20 {
          let pieces = (0..<20).map { _ in Int.random(in: 0...12, using: &random) }
          #expect(events(XMLDocumentParser(framing: framing), bytes, pieces: pieces).events == whole.events)
        }
      }
    }
  }

  @Test func anyChunkingGivesTheSameJSONEvents() {
    var random = SeededGenerator(seed: 2)
    for sample in Self.jsonSamples {
      let bytes = Array(sample.utf8)
      let whole = events(JSONDocumentParser(), bytes)
      for cut in 0...bytes.count {
        let cutOnce = events(JSONDocumentParser(), bytes, pieces: [cut])
        #expect(cutOnce.events == whole.events)
        #expect(cutOnce.error == whole.error)
      }
      for _ in 0..<20 {
        let pieces = (0..<20).map { _ in Int.random(in: 0...12, using: &random) }
        #expect(events(JSONDocumentParser(), bytes, pieces: pieces).events == whole.events)
      }
    }
  }

  @Test func randomAndMutatedBytesNeverTrap() {
    var random = SeededGenerator(seed: 3)
    for round in 0..<4000 {
      var bytes: [UInt8]
      if round % 2 == 0 {
        let alphabet = Array(#"{}[]:,"\u@ax10-.eE<>/=&;! 'nulltrue"#.utf8) + [0x00, 0xC3, 0xA9, 0xFF, 0x0A]
        bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      } else {
        bytes = Array((round % 4 == 1 ? Self.xmlSamples : Self.jsonSamples).randomElement(using: &random)?.utf8 ?? "".utf8)
        for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
          let index = Int.random(in: 0..<bytes.count, using: &random)
          switch Int.random(in: 0..<3, using: &random) {
          case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
          case 1: bytes.remove(at: index)
          default: bytes.insert(bytes[index], at: index)
          }
        }
      }
      for found in [
        events(JSONDocumentParser(), bytes), events(XMLDocumentParser(), bytes),
        events(XMLDocumentParser(framing: .sequence), bytes),
      ] where found.error == nil {
        // An accepted document is balanced.
        var depth = 0
        for placed in found.events {
          switch placed.event {
          case .start, .arrayStart: depth += 1
          case .end, .arrayEnd: depth -= 1
          case .scalar, .metadata: break
          }
          #expect(depth >= 0)
        }
        #expect(depth == 0)
      }
    }
  }

  @Test func everyStringComesBack() throws {
    var random = SeededGenerator(seed: 4)
    let name = NodeName("v", namespace: "urn:v", module: "v", prefix: "v")
    let alphabet: [Unicode.Scalar] = [
      "a", " ", "\t", "\n", "\r", "<", ">", "&", "\"", "'", "]", "\\", "/", "é", "€", "😀", "\u{85}", "\u{2028}", "\u{FFFD}",
      "\u{7F}",
    ]
    for _ in 0..<500 {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 1...30, using: &random) { text.append(alphabet.randomElement(using: &random) ?? "x") }
      let value = String(text)
      for layout in [DocumentLayout.plain, .pretty] {
        var out: [UInt8] = []
        var writer = XMLDocumentWriter(layout: layout) { out.append(contentsOf: $0) }
        try writer.leaf(
          name, .string(value), metadata: [Annotation(NodeName("a", namespace: "", module: "", prefix: ""), .string(value))])
        try writer.finish()
        let found = events(XMLDocumentParser(), out)
        #expect(found.error == nil)
        #expect(found.events.map(\.event).contains(.scalar(.text(value))))
        guard case .start(let element)? = found.events.first?.event else { return }
        #expect(element.attributes.first?.value == .text(value))

        out = []
        var json = JSONDocumentWriter(layout: layout) { out.append(contentsOf: $0) }
        try json.leaf(name, .string(value))
        try json.finish()
        #expect(events(JSONDocumentParser(), out).events.map(\.event).contains(.scalar(.string(value))))
      }
    }
  }
}
