public import ExternalTerm
import NIOCore
public import NSOModel
public import NSOTerms

/// Where a cursor stands (protocol part 04, section 5.1).
public enum CursorPosition: Hashable, Sendable {
  /// Before the first entry, with an XPath filter or without.
  case first(filter: String?)
  /// After an entry: the tuple of the last reply, exactly as the daemon sent it.
  case after(CursorEntry)

  init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.terms.peekKind() == .atom {
      try reader.marker("first")
      self = .first(filter: nil)
      return
    }
    var ahead = reader
    if try ahead.terms.readTupleHeader() == 2, try ahead.terms.peekKind() == .atom,
      try ahead.terms.readAtomBytes().equals("first")
    {
      self = .first(filter: try ahead.text())
      reader = ahead
    } else {
      self = .after(try CursorEntry(&reader))
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .first(nil): buffer.writeTermAtom("first" as StaticString)
    case .first(let filter?):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("first" as StaticString)
      buffer.writeTermCharacters(filter)
    case .after(let entry): buffer.writeTerm(entry.term)
    }
  }
}

/// The position that a daemon gives with an entry: a tuple whose second element has the keys and whose first belongs to
/// the daemon.
public struct CursorEntry: Hashable, Sendable {
  /// The whole tuple.
  public let term: EncodedTerm
  public let keys: [Value]

  /// A daemon's position: a number for its own use, and the keys of the entry.
  public init(state: Int64 = 1, keys: [Value]) {
    self.keys = keys
    term = EncodedTerm { buffer in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(state)
      ValueCoding.writeKeys(keys, into: &buffer)
    }
  }

  /// The number in the first element, when there is one.
  public var state: Int64? {
    try? term.withReader { (reader) throws(TermError) in
      _ = try reader.readTupleHeader()
      return try reader.readInteger(as: Int64.self)
    }
  }

  init(keys: [Value], term: EncodedTerm) {
    self.keys = keys
    self.term = term
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    var ahead = reader
    guard try ahead.terms.readTupleHeader() >= 2 else { throw ahead.terms.error(.expected("a position")) }
    try ahead.terms.skip()
    keys = try ahead.keys()
    term = try reader.term()
  }
}

/// 169: the next entry of a list.
public struct GetNext: Hashable, Sendable {
  public var position: CursorPosition
  public var path: WireKeypath
  public var cursor: Int64
  public var bulkHint: Int64
  /// The name of a secondary index; empty for none.
  public var index: String

  public init(_ position: CursorPosition, _ path: WireKeypath, cursor: Int64, bulkHint: Int64 = 0, index: String = "") {
    self.position = position
    self.path = path
    self.cursor = cursor
    self.bulkHint = bulkHint
    self.index = index
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(5)
    position = try CursorPosition(&reader)
    path = try reader.path()
    cursor = try reader.integer()
    bulkHint = try reader.integer()
    index = try reader.name()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 5)
    position.write(into: &buffer)
    buffer.writeTerm(path)
    buffer.writeTermInteger(cursor)
    buffer.writeTermInteger(bulkHint)
    buffer.writeTermAtom(index)
  }
}

/// 197: the first entry at or after keys.
public struct FindNext: Hashable, Sendable {
  /// May have fewer values than the list has keys; missing ones sort before every value.
  public var keys: [Value]
  public var path: WireKeypath
  public var cursor: Int64
  /// The entry itself counts, when it is there.
  public var includesSame: Bool
  public var bulkHint: Int64
  public var index: String

  public init(
    _ keys: [Value], _ path: WireKeypath, cursor: Int64, includesSame: Bool, bulkHint: Int64 = 0, index: String = ""
  ) {
    self.keys = keys
    self.path = path
    self.cursor = cursor
    self.includesSame = includesSame
    self.bulkHint = bulkHint
    self.index = index
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(6)
    keys = try reader.keys()
    path = try reader.path()
    cursor = try reader.integer()
    includesSame = try reader.bool()
    bulkHint = try reader.integer()
    index = try reader.name()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 6)
    NSOTerms.ValueCoding.writeKeys(keys, into: &buffer)
    buffer.writeTerm(path)
    buffer.writeTermInteger(cursor)
    buffer.writeTermInteger(includesSame ? 1 : 0)
    buffer.writeTermInteger(bulkHint)
    buffer.writeTermAtom(index)
  }
}

/// 193: several entries of a list.
public struct GetObjects: Hashable, Sendable {
  public var position: CursorPosition
  public var path: WireKeypath
  public var cursor: Int64
  public var index: String
  public var maxEntries: Int64

  public init(_ position: CursorPosition, _ path: WireKeypath, cursor: Int64, maxEntries: Int64, index: String = "") {
    self.position = position
    self.path = path
    self.cursor = cursor
    self.index = index
    self.maxEntries = maxEntries
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(5)
    position = try CursorPosition(&reader)
    path = try reader.path()
    cursor = try reader.integer()
    index = try reader.name()
    maxEntries = try reader.integer()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 5)
    position.write(into: &buffer)
    buffer.writeTerm(path)
    buffer.writeTermInteger(cursor)
    buffer.writeTermAtom(index)
    buffer.writeTermInteger(maxEntries)
  }
}

/// 191: where an entry of a list ordered by user goes.
public enum MoveWhere: Hashable, Sendable {
  case first
  case last
  case before([Value])
  case after([Value])

  init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    let isPlain = try reader.terms.peekKind() == .atom
    if !isPlain { try reader.tuple(2) }
    let atom = try reader.terms.readAtomBytes()
    if isPlain, atom.equals("first") {
      self = .first
    } else if isPlain, atom.equals("last") {
      self = .last
    } else if !isPlain, atom.equals("before") {
      self = .before(try reader.keys())
    } else if !isPlain, atom.equals("after") {
      self = .after(try reader.keys())
    } else {
      throw TermError(.expected("first, last, before or after"), at: place)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .first: buffer.writeTermAtom("first" as StaticString)
    case .last: buffer.writeTermAtom("last" as StaticString)
    case .before(let keys): write("before", keys, into: &buffer)
    case .after(let keys): write("after", keys, into: &buffer)
    }
  }

  private func write(_ name: StaticString, _ keys: [Value], into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermAtom(name)
    ValueCoding.writeKeys(keys, into: &buffer)
  }
}

/// 179: a subtree to another place of the same transaction.
public struct CopyTree: Hashable, Sendable {
  /// With back pointers, for services.
  public var isShared: Bool
  public var from: WireKeypath
  public var to: WireKeypath

  public init(from: WireKeypath, to: WireKeypath, isShared: Bool = false) {
    self.isShared = isShared
    self.from = from
    self.to = to
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(3)
    isShared = try reader.bool()
    from = try reader.path()
    to = try reader.path()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 3)
    buffer.writeTermBool(isShared)
    buffer.writeTerm(from)
    buffer.writeTerm(to)
  }
}

/// 240: an action or rpc, in the session of the connection.
public struct RequestAction: Hashable, Sendable {
  public var parameters: [TaggedValue]
  /// The full path, the action's name at its end.
  public var path: WireKeypath
  /// URI of the path's first element.
  public var namespace: String

  public init(_ parameters: [TaggedValue], _ path: WireKeypath, namespace: String) {
    self.parameters = parameters
    self.path = path
    self.namespace = namespace
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(3)
    parameters = try reader.tagged()
    path = try reader.path()
    namespace = try reader.name()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 3)
    TaggedValueCoding.write(parameters, wrapped: true, into: &buffer)
    buffer.writeTerm(path)
    buffer.writeTermAtom(namespace)
  }
}

/// 246 and 247: an XPath expression (protocol part 04, section 5.3).
public struct XPathEvaluation: Hashable, Sendable {
  public struct Variable: Hashable, Sendable {
    public var name: WireText
    /// XPath that gives the value.
    public var expression: WireText

    public init(_ name: WireText, _ expression: WireText) {
      self.name = name
      self.expression = expression
    }
  }

  public var expression: String
  /// What the reference client's compiled form carries beside the source; a daemon compiles the source itself.
  public var compiled: EncodedTerm?
  public var wantsTrace: Bool
  public var context: WireKeypath
  public var leafListPosition: Int64
  public var variables: [Variable]
  /// The root of the tree that the expression sees.
  public var root: Keypath?

  public init(
    _ expression: String, context: WireKeypath = .root, wantsTrace: Bool = false, variables: [Variable] = [],
    leafListPosition: Int64 = 0, root: Keypath? = nil
  ) {
    self.expression = expression
    self.wantsTrace = wantsTrace
    self.context = context
    self.leafListPosition = leafListPosition
    self.variables = variables
    self.root = root
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(6)
    if try reader.terms.peekKind() == .tuple {
      try reader.tuple(3)
      try reader.marker("compiled")
      expression = try reader.text()
      compiled = try reader.term()
    } else {
      expression = try reader.text()
    }
    wantsTrace = try reader.bool()
    context = try reader.path()
    leafListPosition = try reader.integer()
    variables = try reader.list { (reader) throws(TermError) in
      try reader.tuple(2)
      let name = try reader.wireText()
      return Variable(name, try reader.wireText())
    }
    root = try reader.optional { (reader) throws(TermError) in try KeypathCoding.read(&reader.terms, order: .leafFirst) }
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 6)
    if let compiled {
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermAtom("compiled" as StaticString)
      buffer.writeTermBinary(expression)
      buffer.writeTerm(compiled)
    } else {
      buffer.writeTermBinary(expression)
    }
    buffer.writeTermBool(wantsTrace)
    buffer.writeTerm(context)
    buffer.writeTermInteger(leafListPosition)
    buffer.writeTermList(variables) { buffer, variable in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTerm(variable.name)
      buffer.writeTerm(variable.expression)
    }
    if let root {
      KeypathCoding.write(root, order: .leafFirst, into: &buffer)
    } else {
      buffer.writeTermUndefined()
    }
  }
}
