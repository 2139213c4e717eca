public import ExternalTerm
public import NIOCore
public import NSOModel

/// Keypaths as terms (protocol part 02, section 5). In memory they are root first; which way round they travel depends on
/// the place (section 5.4).
public enum KeypathCoding {
  public enum Order: Sendable {
    /// Path arguments of requests.
    case rootFirst
    /// Paths inside values, and everything that the daemon sends.
    case leafFirst
  }

  public static func read(_ reader: inout TermReader, order: Order) throws(TermError) -> Keypath {
    try read(&reader, order: order, depth: 1)
  }

  static func read(_ reader: inout TermReader, order: Order, depth: Int) throws(TermError) -> Keypath {
    let header = try reader.readListHeader()
    var elements: [Keypath.Element] = []
    elements.reserveCapacity(min(header.count, 32))
    for _ in 0..<header.count { elements.append(try readElement(&reader, depth: depth + 1)) }
    try reader.readListEnd(header)
    return Keypath(order == .rootFirst ? elements : elements.reversed())
  }

  public static func readElement(_ reader: inout TermReader) throws(TermError) -> Keypath.Element {
    try readElement(&reader, depth: 1)
  }

  private static func readElement(_ reader: inout TermReader, depth: Int) throws(TermError) -> Keypath.Element {
    switch try reader.peekKind() {
    case .tuple: return .keys(try ValueCoding.readKeys(&reader, depth: depth))
    case .list:
      var ahead = reader
      if try ahead.readListHeader().count == 1, try ahead.peekKind() == .integer {
        return .position(try readPosition(&reader))
      }
      return .tag(try TagCoding.read(&reader))
    default: return .tag(try TagCoding.read(&reader))
    }
  }

  /// `[n]`
  static func readPosition(_ reader: inout TermReader) throws(TermError) -> Int {
    let header = try reader.readListHeader()
    guard header.count == 1 else { throw reader.error(.expected("a position of one number")) }
    let position = Int(try reader.readInteger(as: UInt32.self))
    try reader.readListEnd(header)
    return position
  }

  public static func write(_ path: Keypath, order: Order, into buffer: inout ByteBuffer) {
    buffer.writeTermListHeader(count: path.elements.count)
    switch order {
    case .rootFirst: for element in path.elements { write(element, into: &buffer) }
    case .leafFirst: for element in path.elements.reversed() { write(element, into: &buffer) }
    }
    buffer.writeTermListEnd(count: path.elements.count)
  }

  public static func write(_ element: Keypath.Element, into buffer: inout ByteBuffer) {
    switch element {
    case .tag(let tag): TagCoding.write(tag, into: &buffer)
    case .keys(let keys): ValueCoding.writeKeys(keys, into: &buffer)
    case .position(let index): buffer.writeTermIntegers(CollectionOfOne(index))
    }
  }
}
