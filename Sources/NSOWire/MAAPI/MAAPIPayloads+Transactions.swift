import ExternalTerm
import NIOCore
public import NSOModel

/// 140: a transaction towards a datastore.
public struct StartTransaction: Hashable, Sendable {
  public var database: DatabaseName
  public var mode: TransactionMode
  /// 0: the session of the connection.
  public var session: UserSessionID
  public var flags: TransactionFlags
  public var identification: ClientIdentification

  public init(
    _ database: DatabaseName, _ mode: TransactionMode, session: UserSessionID = 0, flags: TransactionFlags = [],
    identification: ClientIdentification = ClientIdentification()
  ) {
    self.database = database
    self.mode = mode
    self.session = session
    self.flags = flags
    self.identification = identification
  }

  /// After the tuple's head.
  init(_ reader: inout ArgumentReader, arity: Int) throws(TermError) {
    database = try reader.database()
    mode = try reader.mode()
    session = try reader.integer()
    _ = try reader.bool()
    flags = TransactionFlags(rawValue: try reader.integer())
    identification = arity > 5 ? try ClientIdentification(&reader) : ClientIdentification()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 6)
    buffer.writeTermInteger(database.rawValue)
    buffer.writeTermInteger(mode.rawValue)
    buffer.writeTermInteger(session)
    buffer.writeTermInteger(1)
    buffer.writeTermInteger(flags.rawValue)
    identification.write(into: &buffer)
  }
}

/// 140: a transaction on top of another one.
public struct StartNestedTransaction: Hashable, Sendable {
  public var mode: TransactionMode
  public var session: UserSessionID
  public var backend: TransactionHandle
  /// Nil sends the form without flags.
  public var flags: TransactionFlags?

  public init(
    _ mode: TransactionMode, backend: TransactionHandle, session: UserSessionID = 0, flags: TransactionFlags? = nil
  ) {
    self.mode = mode
    self.session = session
    self.backend = backend
    self.flags = flags
  }

  /// After the tuple's head.
  init(_ reader: inout ArgumentReader, arity: Int) throws(TermError) {
    try reader.marker("trintr")
    mode = try reader.mode()
    session = try reader.integer()
    _ = try reader.bool()
    backend = TransactionHandle(try reader.integer())
    flags = arity > 5 ? TransactionFlags(rawValue: try reader.integer()) : nil
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: flags == nil ? 5 : 6)
    buffer.writeTermAtom("trintr" as StaticString)
    buffer.writeTermInteger(mode.rawValue)
    buffer.writeTermInteger(session)
    buffer.writeTermInteger(1)
    buffer.writeTermInteger(backend.rawValue)
    if let flags { buffer.writeTermInteger(flags.rawValue) }
  }
}

extension MAAPIRequest {
  /// Both forms of START_TRANS.
  init(startTransaction reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    guard arity == 5 || arity == 6 else { throw TermError(.expected("a tuple of 5 or 6"), at: place) }
    if try reader.terms.peekKind() == .atom {
      self = .startNestedTransaction(try StartNestedTransaction(&reader, arity: arity))
    } else {
      self = .startTransaction(try StartTransaction(&reader, arity: arity))
    }
  }
}

extension ArgumentReader {
  mutating func database() throws(TermError) -> DatabaseName {
    let place = terms.offset
    guard let database = DatabaseName(rawValue: try integer()) else {
      throw TermError(.range("0...7, the datastores"), at: place)
    }
    return database
  }

  mutating func mode() throws(TermError) -> TransactionMode {
    let place = terms.offset
    guard let mode = TransactionMode(rawValue: try integer()) else { throw TermError(.range("1...2, the modes"), at: place) }
    return mode
  }
}

/// 125: candidate to running, or the confirmation of a confirmed commit.
public struct CandidateCommit: Hashable, Sendable {
  public var persistID: String?
  public var label: String
  public var comment: String

  public init(persistID: String? = nil, label: String = "", comment: String = "") {
    self.persistID = persistID
    self.label = label
    self.comment = comment
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(3)
    persistID = try reader.optionalText()
    label = try reader.text()
    comment = try reader.text()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 3)
    buffer.writeTermOptional(persistID)
    buffer.writeTermBinary(label)
    buffer.writeTermBinary(comment)
  }
}

/// 126: a commit that is rolled back unless it is confirmed in time.
public struct CandidateConfirmedCommit: Hashable, Sendable {
  /// Seconds.
  public var timeout: Int64
  /// The new cookie that makes the commit persistent.
  public var persist: String?
  /// The cookie of the pending commit.
  public var persistID: String?
  public var label: String
  public var comment: String

  public init(timeout: Int64, persist: String? = nil, persistID: String? = nil, label: String = "", comment: String = "") {
    self.timeout = timeout
    self.persist = persist
    self.persistID = persistID
    self.label = label
    self.comment = comment
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(5)
    timeout = try reader.integer()
    persist = try reader.optionalText()
    persistID = try reader.optionalText()
    label = try reader.text()
    comment = try reader.text()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 5)
    buffer.writeTermInteger(timeout)
    buffer.writeTermOptional(persist)
    buffer.writeTermOptional(persistID)
    buffer.writeTermBinary(label)
    buffer.writeTermBinary(comment)
  }
}

/// 223: which rollback entry.
public enum RollbackNumber: Hashable, Sendable {
  /// 0 is the latest.
  case relative(Int64)
  /// The number that never changes.
  case fixed(Int64)

  init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.terms.peekKind() == .integer {
      self = .relative(try reader.integer())
    } else {
      try reader.tuple(2)
      try reader.marker("fixed")
      self = .fixed(try reader.integer())
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .relative(let number): buffer.writeTermInteger(number)
    case .fixed(let number):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("fixed" as StaticString)
      buffer.writeTermInteger(number)
    }
  }
}

/// 187: what to delete (form open).
public enum DeleteAll: Int, Hashable, Sendable {
  /// What the user may delete, without namespaces that are exported to nobody.
  case safe = 1
  case all = 2
  /// As `safe`, without access control.
  case exported = 3
}
