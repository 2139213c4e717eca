public import ExternalTerm
public import NIOCore
public import NSOModel

/// Node names as terms: `'tag'` or `['ns' | 'tag']` (protocol part 02, section 5.2).
public enum TagCoding {
  public static func write(_ tag: Tag, into buffer: inout ByteBuffer) {
    if let namespace = tag.namespace {
      buffer.writeTermListHeader(count: 1)
      buffer.writeTermAtom(namespace)
    }
    buffer.writeTermAtom(tag.name)
  }

  public static func read(_ reader: inout TermReader) throws(TermError) -> Tag {
    guard try reader.peekKind() == .list else { return Tag(try readName(&reader)) }
    let header = try reader.readListHeader()
    guard header.count == 1 else { throw reader.error(.expected("a tag")) }
    let namespace = try readName(&reader)
    return Tag(try readName(&reader), in: namespace)
  }

  /// A name: an atom as documented, or a binary, which other encoders may send instead.
  public static func readName(_ reader: inout TermReader) throws(TermError) -> String {
    switch try reader.peekKind() {
    case .atom: return try reader.readAtom()
    case .binary:
      let start = reader.offset
      guard let text = String(validating: try reader.readBinaryBytes(), as: UTF8.self) else {
        throw TermError(.encoding, at: start)
      }
      return text
    default: throw reader.error(.expected("a name (atom)"))
    }
  }
}

/// Text that people gave: user names, labels, file names.
public enum TextCoding {
  /// A binary as documented; also an atom, or a list of character codes. One NUL at the end, which C programs may send, is
  /// not part of the text.
  public static func read(_ reader: inout TermReader) throws(TermError) -> String {
    let start = reader.offset
    switch try reader.peekKind() {
    case .binary:
      var bytes = try reader.readBinaryBytes()
      if bytes.last == 0 { bytes = UnsafeRawBufferPointer(rebasing: bytes.dropLast()) }
      guard let text = String(validating: bytes, as: UTF8.self) else { throw TermError(.encoding, at: start) }
      return text
    case .atom: return try reader.readAtom()
    case .list:
      var scalars = String.UnicodeScalarView()
      try reader.forEachElement { (reader) throws(TermError) in
        guard let scalar = Unicode.Scalar(try reader.readInteger(as: UInt32.self)) else { throw reader.error(.encoding) }
        scalars.append(scalar)
      }
      return String(scalars)
    default: throw reader.error(.expected("text"))
    }
  }
}
