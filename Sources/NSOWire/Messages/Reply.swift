public import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

/// The result of a request on a MAAPI or CDB connection; which case follows from the operation (`OperationInfo.reply`).
public enum Reply: Hashable, Sendable {
  case done
  case bool(Bool)
  case integer(Int64)
  case integers([Int64])
  case text(String)
  case value(Value)
  /// A value that is encoded already, without version byte; for sending only, it is received as `value`.
  case rawValue(EncodedTerm)
  case values([Value])
  case valueArrays([[Value]])
  case tagged([TaggedValue])
  case tag(Tag)
  case attributes([Attribute])
  case path(Keypath)
  /// Nil: the end of the list.
  case entry(CursorEntry?)
  case objects(CursorObjects)
  case userSession(UserSessionInfo)
  case groups([String])
  case identification(ClientIdentification)
  /// The number that never changes.
  case rollbackID(Int64)
  case rollbacks([RollbackEntry])
  case history([HistoryRecord])
  case phase(StartPhaseInfo)
  case transactionID(TransactionID)
  case compaction(CompactionInfo)
  case paths([Keypath])
  case query(QueryChunk)
  case term(EncodedTerm)
}

extension Reply {
  /// The result of an operation with this shape.
  ///
  /// - Parameter term: the term with its version byte; nil for success without value. Bytes after it are ignored, as the
  ///   reference client does.
  public init(_ shape: ReplyShape, _ term: ByteBuffer?) throws(TermError) {
    guard let term else {
      guard [.done, .optionalTagged, .term, .stream, .noReply].contains(shape) else {
        throw TermError(.expected("a value"), at: 0)
      }
      self = .done
      return
    }
    let plain = try term.uncompressedTerm()
    self = try plain.withTermReader { (terms) throws(TermError) in
      try terms.readVersion()
      var reader = ArgumentReader(terms: terms, buffer: plain)
      return try Reply(shape, &reader)
    }
  }

  private init(_ shape: ReplyShape, _ reader: inout ArgumentReader) throws(TermError) {
    switch shape {
    case .done, .stream, .noReply: throw reader.terms.error(.expected("no value"))
    case .bool: self = .bool(try reader.bool())
    case .integer: self = .integer(try reader.integer())
    case .integers: self = .integers(try reader.list { (reader) throws(TermError) in try reader.integer() })
    case .text: self = .text(try reader.text())
    case .value: self = .value(try reader.value())
    case .values: self = .values(try ValueCoding.readArray(&reader.terms))
    case .valueArrays:
      self = .valueArrays(try reader.list { (reader) throws(TermError) in try ValueCoding.readArray(&reader.terms) })
    case .tagged, .optionalTagged: self = .tagged(try reader.tagged())
    case .tag: self = .tag(try TagCoding.read(&reader.terms))
    case .attributes: self = .attributes(try AttributeCoding.readList(&reader.terms))
    case .path: self = .path(try KeypathCoding.read(&reader.terms, order: .leafFirst))
    case .entry: self = .entry(try reader.entry())
    case .objects: self = .objects(try CursorObjects(&reader))
    case .userSession: self = .userSession(try UserSessionInfo(&reader))
    case .groups:
      try reader.tuple(1)
      self = .groups(try reader.texts())
    case .identification: self = .identification(try ClientIdentification(&reader))
    case .rollbackID:
      guard try reader.terms.readTupleHeader() >= 2 else { throw reader.terms.error(.expected("a tuple of 2")) }
      try reader.terms.skip()
      self = .rollbackID(try reader.integer())
    case .history: self = .history(try reader.list { (reader) throws(TermError) in try HistoryRecord(&reader) })
    case .rollbacks: self = .rollbacks(try reader.list { (reader) throws(TermError) in try RollbackEntry(&reader) })
    case .phase: self = .phase(try StartPhaseInfo(&reader))
    case .transactionID: self = .transactionID(TransactionID(try reader.term()))
    case .compaction: self = .compaction(try CompactionInfo(&reader))
    case .paths:
      self = .paths(
        try reader.list { (reader) throws(TermError) in try KeypathCoding.read(&reader.terms, order: .leafFirst) })
    case .query: self = .query(try QueryChunk(&reader))
    case .term: self = .term(try reader.term())
    }
  }

  /// The success reply as a payload, without the frame's length.
  public func write(op: UInt32, into buffer: inout ByteBuffer) {
    guard self != .done else { return buffer.writeReply(op: op) }
    buffer.writeReply(op: op) { writeTerm(into: &$0) }
  }

  private func writeTerm(into buffer: inout ByteBuffer) {
    switch self {
    case .done: return
    case .bool(let flag): buffer.writeTermInteger(flag ? 1 : 0)
    case .integer(let number): buffer.writeTermInteger(number)
    case .integers(let numbers): buffer.writeTermIntegers(numbers)
    case .text(let text): buffer.writeTermBinary(text)
    case .value(let value): ValueCoding.write(value, into: &buffer)
    case .rawValue(let term), .term(let term): buffer.writeTerm(term)
    case .values(let values): ValueCoding.writeArray(values, into: &buffer)
    case .valueArrays(let arrays): buffer.writeTermList(arrays) { ValueCoding.writeArray($1, into: &$0) }
    case .tagged(let values): TaggedValueCoding.write(values, into: &buffer)
    case .tag(let tag): TagCoding.write(tag, into: &buffer)
    case .attributes(let attributes): AttributeCoding.writeList(attributes, into: &buffer)
    case .path(let path): KeypathCoding.write(path, order: .leafFirst, into: &buffer)
    case .entry(let entry): buffer.writeTerm(entry)
    case .objects(let objects): objects.write(into: &buffer)
    case .userSession(let info): info.write(into: &buffer)
    case .groups(let groups):
      buffer.writeTermTuple(arity: 1)
      buffer.writeTermTexts(groups)
    case .identification(let identification): identification.write(into: &buffer)
    case .rollbackID(let number):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("fixed" as StaticString)
      buffer.writeTermInteger(number)
    case .history(let records): buffer.writeTermList(records) { $1.write(into: &$0) }
    case .rollbacks(let entries): buffer.writeTermList(entries) { $1.write(into: &$0) }
    case .phase(let phase): phase.write(into: &buffer)
    case .transactionID(let id): buffer.writeTerm(id.term)
    case .compaction(let info): info.write(into: &buffer)
    case .paths(let paths):
      buffer.writeTermList(paths) { KeypathCoding.write($1, order: .leafFirst, into: &$0) }
    case .query(let chunk): chunk.write(into: &buffer)
    }
  }
}
