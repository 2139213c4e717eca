import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms

/// Reads the argument of one request: the term cursor, and the buffer from which slices are taken.
struct ArgumentReader {
  var terms: TermReader
  let buffer: ByteBuffer

  /// Reads the whole of `buffer`, a term with its version byte, with `body`. An empty buffer, no argument, is an error here.
  static func read<T>(
    _ buffer: ByteBuffer, _ body: (inout ArgumentReader) throws(TermError) -> T
  ) throws(TermError) -> T {
    let plain = try buffer.uncompressedTerm()
    return try plain.withTermReader { (terms) throws(TermError) -> T in
      guard !terms.isAtEnd else { throw TermError(.expected("an argument"), at: 0) }
      try terms.readVersion()
      var reader = ArgumentReader(terms: terms, buffer: plain)
      let value = try body(&reader)
      try reader.terms.expectEnd()
      return value
    }
  }

  mutating func tuple(_ arity: Int) throws(TermError) { try terms.readTupleHeader(arity: arity) }

  mutating func path() throws(TermError) -> WireKeypath { try WireKeypath(from: &terms, in: buffer) }

  mutating func term() throws(TermError) -> EncodedTerm { try EncodedTerm(from: &terms, in: buffer) }

  mutating func value() throws(TermError) -> Value { try ValueCoding.read(&terms) }

  mutating func keys() throws(TermError) -> [Value] { try ValueCoding.readKeys(&terms) }

  mutating func tagged() throws(TermError) -> [TaggedValue] { try TaggedValueCoding.read(&terms) }

  mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(TermError) -> T {
    try terms.readInteger(as: type)
  }

  /// The atoms; 1 and 0 are taken too.
  mutating func bool() throws(TermError) -> Bool {
    if try terms.peekKind() == .integer { return try terms.readInteger(as: Int.self) != 0 }
    let place = terms.offset
    let atom = try terms.readAtomBytes()
    if atom.equals("true") { return true }
    guard atom.equals("false") else { throw TermError(.expected("true or false"), at: place) }
    return false
  }

  /// Text in any of its forms.
  mutating func text() throws(TermError) -> String { try TextCoding.read(&terms) }

  mutating func name() throws(TermError) -> String { try TagCoding.readName(&terms) }

  /// The atom `'undefined'` (taken as nil), or what `body` reads.
  mutating func optional<T>(_ body: (inout ArgumentReader) throws(TermError) -> T) throws(TermError) -> T? {
    if try terms.peekKind() == .atom {
      var ahead = terms
      if try ahead.readAtomBytes().equals("undefined") {
        terms = ahead
        return nil
      }
    }
    return try body(&self)
  }

  mutating func optionalText() throws(TermError) -> String? {
    try optional { (reader) throws(TermError) in try reader.text() }
  }

  mutating func wireText() throws(TermError) -> WireText {
    let isCharacters = try terms.peekKind() == .list
    return WireText(try text(), asCharacters: isCharacters)
  }

  mutating func optionalWireText() throws(TermError) -> WireText? {
    try optional { (reader) throws(TermError) in try reader.wireText() }
  }

  mutating func list<T>(_ element: (inout ArgumentReader) throws(TermError) -> T) throws(TermError) -> [T] {
    let header = try terms.readListHeader()
    var elements: [T] = []
    elements.reserveCapacity(min(header.count, 64))
    for _ in 0..<header.count { elements.append(try element(&self)) }
    try terms.readListEnd(header)
    return elements
  }

  mutating func texts() throws(TermError) -> [String] { try list { (reader) throws(TermError) in try reader.text() } }

  /// Goes past one atom of this name.
  mutating func marker(_ name: StaticString) throws(TermError) {
    let place = terms.offset
    guard try terms.readAtomBytes().equals(name) else { throw TermError(.expected("'\(name)'"), at: place) }
  }

  /// An address as a tuple of 4 or 8 integers, or as text.
  mutating func address() throws(TermError) -> IPAddress {
    let place = terms.offset
    if try terms.peekKind() != .tuple {
      guard let address = IPAddress(try text()) else { throw TermError(.expected("an IP address"), at: place) }
      return address
    }
    switch try value() {
    case .ipv4(let address): return .v4(address)
    case .ipv6(let address): return .v6(address)
    default: throw TermError(.expected("an IP address"), at: place)
    }
  }
}

extension ByteBuffer {
  mutating func writeTermAddress(_ address: IPAddress) {
    switch address {
    case .v4(let address): ValueCoding.write(.ipv4(address), into: &self)
    case .v6(let address): ValueCoding.write(.ipv6(address), into: &self)
    }
  }

  mutating func writeTermUndefined() { writeTermAtom("undefined" as StaticString) }

  /// Text as a binary, or `'undefined'`.
  mutating func writeTermOptional(_ text: String?) {
    if let text { writeTermBinary(text) } else { writeTermUndefined() }
  }

  mutating func writeTerm(_ text: WireText?) {
    guard let text else { return writeTermUndefined() }
    if text.isCharacters { writeTermCharacters(text.text) } else { writeTermBinary(text.text) }
  }

  mutating func writeTermTexts(_ texts: [String]) { writeTermList(texts) { $0.writeTermBinary($1) } }
}
