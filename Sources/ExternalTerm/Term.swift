public import NIOCore

/// A whole term as a tree: for tools, tests and the few places of the protocol where any term may stand. The hot paths use
/// `TermReader` and the `writeTerm…` functions instead.
public indirect enum Term: Hashable, Sendable {
  case integer(Int64)
  /// Only what `integer` cannot hold.
  case bigInteger(BigInteger)
  case float(Double)
  case atom(String)
  case tuple([Term])
  case list([Term])
  /// `[a, b | tail]`; the tail is no list.
  case improperList([Term], tail: Term)
  case binary([UInt8])
  case bitString([UInt8], bitsInLast: UInt8)
  case map([Pair])

  public struct Pair: Hashable, Sendable {
    public var key: Term
    public var value: Term

    public init(_ key: Term, _ value: Term) {
      self.key = key
      self.value = value
    }
  }

  public static func text(_ text: String) -> Term { .binary(Array(text.utf8)) }

  public static func bool(_ value: Bool) -> Term { .atom(value ? "true" : "false") }
}

extension Term {
  /// One term, without version byte.
  public static func read(from reader: inout TermReader) throws(TermError) -> Term { try read(from: &reader, depth: 1) }

  private static func read(from reader: inout TermReader, depth: Int) throws(TermError) -> Term {
    guard depth <= TermReader.maximumDepth else { throw reader.error(.tooDeep) }
    switch try reader.peekKind() {
    case .integer:
      let value = try reader.readBigInteger()
      return value.int64.map(Term.integer) ?? .bigInteger(value)
    case .float: return .float(try reader.readFloat())
    case .atom: return .atom(try reader.readAtom())
    case .binary: return .binary(try reader.readBinary())
    case .bitString:
      let bits = try reader.readBitString()
      return .bitString(Array(bits.bytes), bitsInLast: bits.bitsInLast)
    case .tuple:
      return .tuple(try elements(try reader.readTupleHeader(), from: &reader, depth: depth))
    case .list:
      let header = try reader.readListHeader()
      let elements = try elements(header.count, from: &reader, depth: depth)
      guard header.hasTail else { return .list(elements) }
      switch try read(from: &reader, depth: depth + 1) {
      case .list(let more): return .list(elements + more)
      case .improperList(let more, let tail): return .improperList(elements + more, tail: tail)
      case let tail: return elements.isEmpty ? tail : .improperList(elements, tail: tail)
      }
    case .map:
      var pairs: [Pair] = []
      for _ in 0..<(try reader.readMapHeader()) {
        let key = try read(from: &reader, depth: depth + 1)
        pairs.append(Pair(key, try read(from: &reader, depth: depth + 1)))
      }
      return .map(pairs)
    }
  }

  private static func elements(_ count: Int, from reader: inout TermReader, depth: Int) throws(TermError) -> [Term] {
    var elements: [Term] = []
    elements.reserveCapacity(min(count, 1024))
    for _ in 0..<count { elements.append(try read(from: &reader, depth: depth + 1)) }
    return elements
  }

  /// A term with its version byte, compressed or not, that takes up all the bytes.
  public init(encoded buffer: ByteBuffer, compressionLimit: Int = ByteBuffer.defaultCompressionLimit) throws(TermError) {
    let plain = try buffer.uncompressedTerm(limit: compressionLimit)
    self = try plain.withTermReader { (reader) throws(TermError) -> Term in
      try reader.readVersion()
      let term = try Term.read(from: &reader)
      try reader.expectEnd()
      return term
    }
  }

  /// The term with its version byte.
  public var encoded: ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeTermVersion()
    buffer.writeTerm(self)
    return buffer
  }
}

extension ByteBuffer {
  /// A term tree, without version byte.
  public mutating func writeTerm(_ term: Term) {
    switch term {
    case .integer(let value): writeTermInteger(value)
    case .bigInteger(let value): writeTermBigInteger(value)
    case .float(let value): writeTermFloat(value)
    case .atom(let text): writeTermAtom(text)
    case .binary(let bytes): writeTermBinary(bytes)
    case .bitString(let bytes, let bits): writeTermBitString(bytes, bitsInLast: bits)
    case .tuple(let elements):
      writeTermTuple(arity: elements.count)
      for element in elements { writeTerm(element) }
    case .list(let elements):
      let small = elements.compactMap { element -> UInt8? in
        if case .integer(let value) = element { UInt8(exactly: value) } else { nil }
      }
      if small.count == elements.count {
        writeTermIntegers(small)
      } else {
        writeTermList(elements) { $0.writeTerm($1) }
      }
    case .improperList(let elements, let tail):
      writeTermListHeader(count: elements.count)
      for element in elements { writeTerm(element) }
      writeTerm(tail)
    case .map(let pairs):
      writeTermMapHeader(count: pairs.count)
      for pair in pairs {
        writeTerm(pair.key)
        writeTerm(pair.value)
      }
    }
  }

  mutating func writeTermMapHeader(count: Int) {
    writeMultipleIntegers(TermTag.map, UInt32(truncatingIfNeeded: count))
  }
}
