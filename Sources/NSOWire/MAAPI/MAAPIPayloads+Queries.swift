import ExternalTerm
import NIOCore
public import NSOModel
public import NSOTerms

/// What a query tells of each node (protocol part 04, section 7.4).
public enum QueryResultType: Int, Hashable, Sendable {
  case text = 0
  case path = 1
  case pathAndValue = 2
  case tagAndValue = 3
}

/// 255: a query that is answered in chunks. The form is open; this is the plausible one: `{expr, context, chunk, offset, type,
/// [select], [sort]}`.
public struct QueryStart: Hashable, Sendable {
  public var expression: String
  public var context: WireKeypath
  /// Results per chunk; 0 leaves it to the daemon.
  public var chunkSize: Int64
  /// The first result that is wanted, counted from 1.
  public var offset: Int64
  public var resultType: QueryResultType
  /// Expressions with the result as context node; none means the node itself.
  public var selections: [String]
  /// Expressions whose values give the order.
  public var order: [String]

  public init(
    _ expression: String, context: WireKeypath = .root, chunkSize: Int64 = 0, offset: Int64 = 1,
    resultType: QueryResultType = .text, selections: [String] = [], order: [String] = []
  ) {
    self.expression = expression
    self.context = context
    self.chunkSize = chunkSize
    self.offset = offset
    self.resultType = resultType
    self.selections = selections
    self.order = order
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(7)
    expression = try reader.text()
    context = try reader.path()
    chunkSize = try reader.integer()
    offset = try reader.integer()
    let place = reader.terms.offset
    guard let type = QueryResultType(rawValue: try reader.integer()) else {
      throw TermError(.range("0...3, the result types"), at: place)
    }
    resultType = type
    selections = try reader.texts()
    order = try reader.texts()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 7)
    buffer.writeTermBinary(expression)
    buffer.writeTerm(context)
    buffer.writeTermInteger(chunkSize)
    buffer.writeTermInteger(offset)
    buffer.writeTermInteger(resultType.rawValue)
    buffer.writeTermTexts(selections)
    buffer.writeTermTexts(order)
  }
}

/// 256: a chunk of results. The form is open; ours is `{offset, type, [[item]]}` with the offset of the first result; after the last
/// one the list is empty. An item is a bin, a path leaf first, `{path, value}` or `{tag, value}`, or `'undefined'` where nothing was found.
public struct QueryChunk: Hashable, Sendable {
  public enum Item: Hashable, Sendable {
    case text(String)
    case path(Keypath)
    /// Nil for nodes without value.
    case pathAndValue(Keypath, Value?)
    case tagAndValue(Tag, Value?)
    case nothing
  }

  /// Of the first result, counted from 1.
  public var offset: Int64
  public var resultType: QueryResultType
  /// One list for each result, with an item for each selection.
  public var results: [[Item]]

  public init(offset: Int64, resultType: QueryResultType, results: [[Item]]) {
    self.offset = offset
    self.resultType = resultType
    self.results = results
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(3)
    offset = try reader.integer()
    let place = reader.terms.offset
    guard let type = QueryResultType(rawValue: try reader.integer()) else {
      throw TermError(.range("0...3, the result types"), at: place)
    }
    resultType = type
    results = try reader.list { (reader) throws(TermError) in
      try reader.list { (reader) throws(TermError) in
        try reader.optional { (reader) throws(TermError) in try Item(type, &reader) } ?? .nothing
      }
    }
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 3)
    buffer.writeTermInteger(offset)
    buffer.writeTermInteger(resultType.rawValue)
    buffer.writeTermList(results) { buffer, items in
      buffer.writeTermList(items) { $1.write(into: &$0) }
    }
  }
}

extension QueryChunk.Item {
  fileprivate init(_ type: QueryResultType, _ reader: inout ArgumentReader) throws(TermError) {
    switch type {
    case .text: self = .text(try reader.text())
    case .path: self = .path(try KeypathCoding.read(&reader.terms, order: .leafFirst))
    case .pathAndValue:
      try reader.tuple(2)
      let path = try KeypathCoding.read(&reader.terms, order: .leafFirst)
      self = .pathAndValue(path, try reader.optional { (reader) throws(TermError) in try reader.value() })
    case .tagAndValue:
      try reader.tuple(2)
      let tag = try TagCoding.read(&reader.terms)
      self = .tagAndValue(tag, try reader.optional { (reader) throws(TermError) in try reader.value() })
    }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    switch self {
    case .nothing: buffer.writeTermUndefined()
    case .text(let text): buffer.writeTermBinary(text)
    case .path(let path): KeypathCoding.write(path, order: .leafFirst, into: &buffer)
    case .pathAndValue(let path, let value):
      buffer.writeTermTuple(arity: 2)
      KeypathCoding.write(path, order: .leafFirst, into: &buffer)
      buffer.writeTermOptional(value)
    case .tagAndValue(let tag, let value):
      buffer.writeTermTuple(arity: 2)
      TagCoding.write(tag, into: &buffer)
      buffer.writeTermOptional(value)
    }
  }
}

extension CursorEntry {
  /// What a cursor over some entries, or in another order, must know to go on: the daemon keeps it in the position, so that it needs
  /// no memory of the cursor. `{filter or 'undefined', index position or 'undefined'}` in place of the number.
  public struct Walk: Hashable, Sendable {
    public var filter: String?
    public var indexKey: [UInt8]?

    public init(filter: String?, indexKey: [UInt8]?) {
      self.filter = filter
      self.indexKey = indexKey
    }
  }

  public init(walk: Walk, keys: [Value]) {
    self.init(
      keys: keys,
      term: EncodedTerm { buffer in
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermOptional(walk.filter)
        if let key = walk.indexKey { ValueCoding.write(.binary(key), into: &buffer) } else { buffer.writeTermUndefined() }
        ValueCoding.writeKeys(keys, into: &buffer)
      })
  }

  /// Nil for the position of a plain cursor.
  public var walk: Walk? {
    try? term.withReader { (terms) throws(TermError) -> Walk? in
      var reader = ArgumentReader(terms: terms, buffer: ByteBuffer())
      try reader.tuple(2)
      guard try reader.terms.peekKind() == .tuple else { return nil }
      try reader.tuple(2)
      let filter = try reader.optionalText()
      let key = try reader.optional { (reader) throws(TermError) in try reader.value() }
      if case .binary(let bytes)? = key { return Walk(filter: filter, indexKey: bytes) }
      return Walk(filter: filter, indexKey: nil)
    }
  }
}
