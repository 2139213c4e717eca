import NSODocument
import Testing

@Suite struct JSONParserTests {
  @Test func membersArraysAndScalars() {
    let found = json(
      """
      {
        "m:c": {"a": "x", "n": -1.50e+3, "o:b": true, "e": [null], "none": {}},
        "l": [{"k": 1}, {"k": 2}], "ll": [1, "2"], "empty": []
      }
      """)
    #expect(found.error == nil)
    #expect(
      brief(found.events) == [
        "<m:c", "<a", "\"x\"", ">", "<n", "-1.50e+3", ">", "<o:b", "true", ">", "[e", "<e", "null", ">", "]", "<none", ">", ">",
        "[l", "<l", "<k", "1", ">", ">", "<l", "<k", "2", ">", ">", "]", "[ll", "<ll", "1", ">", "<ll", "\"2\"", ">", "]",
        "[empty", "]",
      ])
    #expect(found.events[0].position == DocumentPosition(line: 2, column: 3))
    #expect(found.events[2].position == DocumentPosition(line: 2, column: 16))
  }

  @Test func metadata() {
    let found = json(
      """
      {"@": {"m:x": 1}, "m:l": 1, "@m:l": {"m:x": "y", "m:e": [null]}, "m:ll": [1, 2, 3], "@m:ll": [null, {"m:x": true}]}
      """)
    #expect(found.error == nil)
    let metadata = found.events.compactMap { placed -> (MetadataTarget, [DocumentAttribute])? in
      guard case .metadata(let target, let list) = placed.event else { return nil }
      return (target, list)
    }
    let x = DocumentName("x", in: .module("m"))
    #expect(
      metadata.map(\.0) == [
        .enclosing, .member(DocumentName("l", in: .module("m"))), .item(DocumentName("ll", in: .module("m")), 1),
      ])
    #expect(metadata[0].1 == [DocumentAttribute(x, .number("1"))])
    #expect(
      metadata[1].1 == [DocumentAttribute(x, .string("y")), DocumentAttribute(DocumentName("e", in: .module("m")), .null)])
    #expect(metadata[2].1 == [DocumentAttribute(x, .boolean(true))])
  }

  @Test func escapes() {
    let found = json(#"{"a":"\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00é€😀"}"#)
    #expect(found.events[1].event == .scalar(.string("\"\\/\u{8}\u{c}\n\r\té€😀é€😀")))
  }

  @Test(arguments: [
    #"{"a":01}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":+1}"#, #"{"a":1e}"#, #"{"a":-}"#, #"{"a":nul}"#, #"{"a":True}"#,
    #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\ud800"}"#, #"{"a":"\ud800x"}"#, #"{"a":"\ud800\n"}"#, #"{"a":"\udc00"}"#,
    #"{"a":"\ud800\ud800"}"#, "{\"a\":\"\n\"}", #"{"a" 1}"#, #"{"a":1 "b":2}"#, #"{"a":1,}"#, #"{,}"#, #"{"a":[1,]}"#,
    #"{"a":[1 2]}"#, #"{"a":}"#, #"{"a":]}"#, #"{"a":[}"#, #"{a:1}"#, "{\"a\":1}}", "{} {}", #"{"a":'x'}"#, #"{1:2}"#,
  ])
  func malformed(_ text: String) {
    #expect(json(text).error?.code == .malformed, "\(text)")
  }

  @Test(arguments: [
    "[]", "1", "\"x\"", "null", #"{"a":1,"a":2}"#, #"{"a":[[1]]}"#, #"{"":1}"#, #"{":a":1}"#, #"{"m:":1}"#, #"{"@":1}"#,
    #"{"@":[]}"#, #"{"@a":1}"#, #"{"@a":[1]}"#, #"{"@a":{"b":{}}}"#, #"{"@a":{"b":[1]}}"#, #"{"@a":{"b":[]}}"#,
    #"{"@a":{"b":[null,null]}}"#, #"{"@a":{"@b":1}}"#, #"{"@a":[[null]]}"#,
  ])
  func refused(_ text: String) {
    #expect(json(text).error?.code == .refused, "\(text): \(String(describing: json(text).error))")
  }

  @Test(arguments: [
    "", "  ", "{", #"{"a"#, #"{"a""#, #"{"a":"#, #"{"a":1"#, #"{"a":[1"#, #"{"a":"x"#, #"{"a":"\"#, #"{"a":"\u1"#,
  ])
  func incomplete(_ text: String) {
    #expect(json(text).error?.code == .incomplete, "\(text): \(String(describing: json(text).error))")
  }

  @Test func duplicatesAreToldByObjectNotByDocument() {
    #expect(json(#"{"a":{"b":1},"b":{"a":{"b":1}}}"#).error == nil)
  }

  @Test func invalidUTF8IsRefused() {
    #expect(events(JSONDocumentParser(), Array(#"{"a":""#.utf8) + [0xFF] + Array("\"}".utf8)).error?.code == .malformed)
    #expect(events(JSONDocumentParser(), Array(#"{""#.utf8) + [0xC0, 0x80] + Array("\":1}".utf8)).error?.code == .refused)
  }

  @Test func byteOrderMark() {
    #expect(json("\u{FEFF}{}").error == nil)
    #expect(events(JSONDocumentParser(), [0xEF, 0xBB, UInt8(ascii: "{")]).error?.code == .malformed)
  }

  @Test func limits() {
    var limits = DocumentLimits()
    limits.depth = 3
    limits.scalarSize = 5
    limits.nameSize = 6
    limits.distinctNames = 4
    limits.memberCount = 3
    limits.attributeCount = 1
    #expect(json(#"{"a":{"b":{}}}"#, limits: limits).error == nil)
    for text in [
      #"{"a":{"b":{"c":{}}}}"#, #"{"a":"123456"}"#, #"{"a":"12345\n"}"#, #"{"abcdefg":1}"#,
      #"{"a":{"b":1,"c":1,"d":1,"e":1}}"#, #"{"a":1,"b":1,"c":1,"d":1}"#, #"{"@":{"a":1,"b":2}}"#,
    ] {
      #expect(json(text, limits: limits).error?.code == .tooLarge, "\(text)")
    }
  }
}
