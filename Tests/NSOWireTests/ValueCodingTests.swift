import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms
import TestSupport
import Testing

@Suite struct ValueCodingTests {
  @Test func everyValueComesBack() throws {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<5000 {
      let value = random.value()
      let bytes = ValueCoding.bytes(of: value)
      #expect(try ValueCoding.value(from: bytes) == value)
      // What the store keeps is what is sent: the canonical form.
      #expect(ValueCoding.bytes(of: try ValueCoding.value(from: bytes)) == bytes)
      #expect(try EncodedTerm(value).value() == value)
    }
  }

  @Test func pathsComeBackBothWaysRound() throws {
    var random = SeededGenerator(seed: 12)
    for _ in 0..<2000 {
      let path = random.path()
      for order in [KeypathCoding.Order.rootFirst, .leafFirst] {
        var buffer = ByteBuffer()
        KeypathCoding.write(path, order: order, into: &buffer)
        let again = try buffer.withTermReader { (reader) throws(TermError) in try KeypathCoding.read(&reader, order: order) }
        #expect(again == path)
      }
      let wire = WireKeypath(path)
      #expect(try wire.keypath() == path)
      #expect(wire.count == path.elements.count && wire.isRoot == path.isRoot)
      #expect(try Self.elements(wire) == path.elements)
      #expect(wire.detached() == wire)
    }
  }

  @Test func taggedValuesComeBack() throws {
    var random = SeededGenerator(seed: 13)
    for _ in 0..<1000 {
      let values = random.taggedValues()
      for wrapped in [false, true] {
        var buffer = ByteBuffer()
        TaggedValueCoding.write(values, wrapped: wrapped, into: &buffer)
        let again = try buffer.withTermReader { (reader) throws(TermError) in try TaggedValueCoding.read(&reader) }
        #expect(again == values)
      }
    }
  }

  @Test func damagedValuesDoNotTrap() {
    var random = SeededGenerator(seed: 14)
    for _ in 0..<20000 {
      let bytes = random.mutated(ValueCoding.bytes(of: random.value()))
      guard let value = try? ValueCoding.value(from: bytes) else { continue }
      #expect(ValueCoding.bytes(of: value).count > 0)
      #expect(!value.plainText.isEmpty || value.plainText.isEmpty)
    }
  }

  @Test func valuesOutsideTheirRangeAreRefused() {
    func error(_ term: Term) -> TermError.Reason? {
      do throws(TermError) {
        _ = try EncodedTerm(term).value()
        return nil
      } catch {
        return error.reason
      }
    }
    #expect(error(.tuple([.integer(6), .integer(128)])) == .range("-128...127"))
    #expect(error(.tuple([.integer(10), .integer(-1)])) == .range("0...255"))
    #expect(error(.integer(1 << 31)) == .range("-2147483648...2147483647"))
    #expect(
      error(.tuple([.integer(40), .tuple([.tuple([1, 2, 3, 4].map { .integer($0) }), .integer(33)])])) == .range("0...32"))
    #expect(error(.tuple([.integer(43), .tuple([.integer(1), .integer(19)])])) == .range("0...18"))
    #expect(error(.tuple([.integer(1), .integer(2), .integer(3), .integer(256)])) == .range("0...255"))
    #expect(error(.tuple([.integer(46), .binary([1, 2, 3])])) == .expected("4 bytes"))
    #expect(error(.tuple([.integer(38), .binary([1, 2, 3])])) == .expected("at most 128 sub-identifiers of 4 bytes"))
    #expect(error(.tuple([.integer(99), .integer(1)])) == .expected("a value; 99 is no type number"))
    #expect(error(.tuple([.integer(1)])) == .expected("a value"))
    #expect(error(.map([])) == .expected("a value"))
    #expect(error(.binary([0xFF])) == .encoding)
  }

  @Test func otherFormsAreTaken() throws {
    // No zone in the words of C programs, a QName without number, a tag in the old pair form.
    let time = Term.tuple([12, 30, 0, 0, -111, -111].map { .integer($0) })
    #expect(
      try EncodedTerm(.tuple([.integer(23), time])).value()
        == .time(TimeOnly(time: ClockTime(hour: 12, minute: 30, second: 0, microsecond: 0), zone: nil)))
    #expect(try EncodedTerm(.tuple([.text("p"), .text("n")])).value() == .qname(prefix: "p", name: "n"))
    #expect(try EncodedTerm(.tuple([.integer(2), .atom("case")])).value() == .tag("case"))
    // Lists are lists, whatever their form.
    let bytes: [UInt8] = [108, 0, 0, 0, 2, 97, 1, 97, 2, 106]
    #expect(try ValueCoding.value(from: bytes) == .list([.int32(1), .int32(2)]))
    #expect(ValueCoding.bytes(of: .list([.int32(1), .int32(2)])) == [107, 0, 2, 1, 2])
  }

  @Test func nestingHasALimit() {
    var value = Value.int32(1)
    for _ in 0..<200 { value = .list([value]) }
    #expect(throws: Never.self) { try EncodedTerm(value).value() }
    let deep =
      Array(repeating: [108, 0, 0, 0, 1] as [UInt8], count: 300).flatMap { $0 } + [106]
      + [UInt8](repeating: 106, count: 300)
    #expect(throws: TermError.self) { try ValueCoding.value(from: deep) }
    // Through instance-identifiers too.
    var keyed = Value.string("x")
    for _ in 0..<60 { keyed = .instanceIdentifier([.tag("a"), .keys([keyed])]) }
    #expect(throws: Never.self) { try EncodedTerm(keyed).value() }
  }

  // MARK: Paths as they arrive

  private static func elements(_ path: WireKeypath) throws -> [Keypath.Element] {
    try path.withElements { (elements) throws(TermError) in
      var result: [Keypath.Element] = []
      while let element = try elements.next() {
        switch element {
        case .tag(let namespace, let name):
          result.append(
            .tag(NSOModel.Tag(String(decoding: name, as: UTF8.self), in: namespace.map { String(decoding: $0, as: UTF8.self) }))
          )
        case .keys(let count, var reader):
          var keys: [Value] = []
          for _ in 0..<count { keys.append(try ValueCoding.read(&reader)) }
          result.append(.keys(keys))
        case .position(let position): result.append(.position(position))
        }
      }
      return result
    }
  }

  private func path(_ bytes: [UInt8]) throws -> WireKeypath {
    let buffer = ByteBuffer(bytes: bytes)
    return try buffer.withTermReader { (reader) throws(TermError) in
      let path = try WireKeypath(from: &reader, in: buffer)
      try reader.expectEnd()
      return path
    }
  }

  @Test func pathsInOtherForms() throws {
    // Names as binaries, and in Latin-1.
    #expect(try path([108, 0, 0, 0, 1, 109, 0, 0, 0, 1, 97, 106]).keypath() == ["a"].keypath)
    let latin = try path([108, 0, 0, 0, 1, 108, 0, 0, 0, 1, 115, 1, 0xE5, 100, 0, 1, 0xE4, 106])
    #expect(try latin.keypath() == [.tag(NSOModel.Tag("ä", in: "å"))])
    #expect(try Self.elements(latin) == [.tag(NSOModel.Tag("ä", in: "å"))])
    // As text.
    let text = try path(Term.text("/ex:top/a{1}").encoded.bytesAfterVersion)
    #expect(text.text == "/ex:top/a{1}" && !text.isRoot && text.count == 0)
    #expect(throws: TermError.self) { try text.keypath() }
    #expect(try path([107, 0, 2, 47, 97]).text == "/a")
    #expect(try path([106]).isRoot)
  }

  @Test func whatIsNoPathIsRefused() {
    for bytes: [UInt8] in [
      [97, 1], [104, 0], [108, 0, 0, 0, 1, 70, 0, 0, 0, 0, 0, 0, 0, 0, 106], [108, 0, 0, 0, 1, 100, 0, 1, 97, 97, 1],
      [108, 0, 0, 0, 1, 107, 0, 2, 1, 2, 106], [108, 0, 0, 0, 1, 106, 106], [108, 0, 0, 0, 1, 100, 0, 1, 97],
    ] {
      #expect(throws: TermError.self, "\(bytes)") { try path(bytes) }
    }
  }

  @Test func subscriptionPaths() throws {
    let texts: [(String, [MatchPath.Element])] = [
      ("/", []), ("", []), ("/net/node/ip", [.tag("net"), .tag("node"), .tag("ip")]),
      (
        "/ex:net/node{n1}/aug:data",
        [.tag(NSOModel.Tag("net", in: "ex")), .tag("node"), .keyText("n1"), .tag(NSOModel.Tag("data", in: "aug"))]
      ),
      ("route{ a  b }", [.tag("route"), .keyText("a  b")]), ("/node[3]/ip", [.tag("node"), .position(3), .tag("ip")]),
      ("/a{1}x/b", [.tag("a"), .keyText("1"), .tag("b")]),
      ("/r{1.0/8}/g", [.tag("r"), .keyText("1.0"), .tag("8}"), .tag("g")]),
      ("/ /a", [.tag(""), .tag("a")]), ("/a[x]", [.tag("a")]), ("/a{", [.tag("a"), .keyText("")]),
    ]
    for (text, elements) in texts {
      let path = MatchPath(text)
      #expect(path.elements == elements, "\(text)")
      var buffer = ByteBuffer()
      path.write(into: &buffer)
      #expect(try buffer.withTermReader { (reader) throws(TermError) in try MatchPath.read(&reader) } == path)
    }
    // A client that knows the schema may send values; a path may come as text.
    let keys = EncodedTerm(.list([.atom("a"), .tuple([.integer(5), .text("x")])]))
    #expect(
      try keys.withReader { (reader) throws(TermError) in try MatchPath.read(&reader) }.elements
        == [.tag("a"), .keys([.int32(5), .string("x")])])
    #expect(
      try EncodedTerm(.text("/a/b")).withReader { (reader) throws(TermError) in try MatchPath.read(&reader) }
        == MatchPath("/a/b"))
  }
}

extension [String] {
  fileprivate var keypath: Keypath { Keypath(map { .tag(NSOModel.Tag($0)) }) }
}

extension ByteBuffer {
  fileprivate var bytesAfterVersion: [UInt8] { Array(readableBytesView.dropFirst()) }
}
