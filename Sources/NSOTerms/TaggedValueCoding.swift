public import ExternalTerm
public import NIOCore
public import NSOModel

/// Tagged value lists, `[{Tag, V}, …]` (protocol part 02, section 7.2).
public enum TaggedValueCoding {
  /// The list, or the list in its wrapper `{'exml', List}`: the operations differ, so both are taken everywhere.
  public static func read(_ reader: inout TermReader) throws(TermError) -> [TaggedValue] {
    guard try reader.peekKind() == .tuple else {
      return try reader.readList { (reader) throws(TermError) in try readPair(&reader) }
    }
    try reader.readTupleHeader(arity: 2)
    guard try reader.readAtomBytes().equals("exml") else { throw reader.error(.expected("'exml'")) }
    return try reader.readList { (reader) throws(TermError) in try readPair(&reader) }
  }

  private static func readPair(_ reader: inout TermReader) throws(TermError) -> TaggedValue {
    try reader.readTupleHeader(arity: 2)
    let tag = try TagCoding.read(&reader)
    var ahead = reader
    switch try reader.peekKind() {
    case .atom:
      let atom = try ahead.readAtomBytes()
      let content: TaggedValue.Content? =
        if atom.equals("start") {
          .start
        } else if atom.equals("stop") {
          .stop
        } else if atom.equals("leaf") {
          .leaf
        } else if atom.equals("delete") {
          .delete
        } else if atom.equals("move_first") {
          .movedFirst
        } else if atom.equals("move_after") { .movedAfter } else { nil }
      if let content {
        reader = ahead
        return TaggedValue(tag, content)
      }
    case .tuple:
      if try ahead.readTupleHeader() == 2, try ahead.peekKind() == .atom {
        guard try ahead.readAtomBytes().equals("start") else { throw ahead.error(.expected("'start'")) }
        let index: UInt32 = try ahead.readInteger()
        reader = ahead
        return TaggedValue(tag, .startAt(Int(index)))
      }
    default: break
    }
    return TaggedValue(tag, .value(try ValueCoding.read(&reader)))
  }

  /// - Parameter wrapped: as `{'exml', List}`.
  public static func write(_ pairs: [TaggedValue], wrapped: Bool = false, into buffer: inout ByteBuffer) {
    if wrapped {
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("exml" as StaticString)
    }
    buffer.writeTermList(pairs) { write($1, into: &$0) }
  }

  private static func write(_ pair: TaggedValue, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    TagCoding.write(pair.tag, into: &buffer)
    switch pair.content {
    case .value(let value): ValueCoding.write(value, into: &buffer)
    case .start: buffer.writeTermAtom("start" as StaticString)
    case .stop: buffer.writeTermAtom("stop" as StaticString)
    case .leaf: buffer.writeTermAtom("leaf" as StaticString)
    case .delete: buffer.writeTermAtom("delete" as StaticString)
    // Not determined by the protocol text (part 02, section 3); ours, for ours.
    case .movedFirst: buffer.writeTermAtom("move_first" as StaticString)
    case .movedAfter: buffer.writeTermAtom("move_after" as StaticString)
    case .startAt(let index):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("start" as StaticString)
      buffer.writeTermInteger(index)
    }
  }
}

/// Attributes, `{Number, Value}` (protocol part 02, section 8).
public enum AttributeCoding {
  /// Also `'undefined'` for "none asked for", which reads as no attributes.
  public static func readList(_ reader: inout TermReader) throws(TermError) -> [Attribute] {
    if try reader.peekKind() == .atom {
      guard try reader.readAtomBytes().equals("undefined") else { throw reader.error(.expected("attributes")) }
      return []
    }
    return try reader.readList { (reader) throws(TermError) in
      try reader.readTupleHeader(arity: 2)
      let number = AttributeNumber(rawValue: try reader.readInteger())
      return Attribute(number, try ValueCoding.read(&reader))
    }
  }

  public static func writeList(_ attributes: [Attribute], into buffer: inout ByteBuffer) {
    buffer.writeTermList(attributes) { buffer, attribute in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(attribute.number.rawValue)
      ValueCoding.write(attribute.value, into: &buffer)
    }
  }
}
