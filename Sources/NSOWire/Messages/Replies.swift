public import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms

/// 104: what is known about a user session.
public struct UserSessionInfo: Hashable, Sendable {
  public enum LockMode: Int, Hashable, Sendable {
    case none = 0
    case `private` = 1
    case exclusive = 2
    case shared = 3
  }

  public var id: UserSessionID
  public var user: String
  /// Empty unless the daemon knows it and chooses to give it.
  public var password: String
  public var context: String
  public var sessionProtocol: SessionProtocol
  public var address: IPAddress
  public var port: Int
  /// Seconds since 1970-01-01 UTC.
  public var loginTime: Int64
  public var snmpContext: String
  /// 1 forwarded, 2 has identification, 4 has opaque text.
  public var flags: UInt32
  public var lockMode: LockMode

  public init(
    id: UserSessionID, user: String, context: String, sessionProtocol: SessionProtocol, address: IPAddress, port: Int,
    loginTime: Int64, password: String = "", snmpContext: String = "", flags: UInt32 = 0, lockMode: LockMode = .none
  ) {
    self.id = id
    self.user = user
    self.password = password
    self.context = context
    self.sessionProtocol = sessionProtocol
    self.address = address
    self.port = port
    self.loginTime = loginTime
    self.snmpContext = snmpContext
    self.flags = flags
    self.lockMode = lockMode
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    try self.init(tuple: &reader)
    lockMode = LockMode(rawValue: try reader.integer()) ?? .none
  }

  /// The tuple of ten that data providers get (protocol part 05, section 2.1).
  init(tuple reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(10)
    id = try reader.integer()
    user = try reader.text()
    password = try reader.text()
    context = try reader.text()
    sessionProtocol = SessionProtocol(rawValue: try reader.integer()) ?? .unknown
    address = try reader.address()
    port = try reader.integer()
    loginTime = try reader.integer()
    snmpContext = try reader.text()
    flags = try reader.integer()
    lockMode = .none
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    writeTuple(into: &buffer)
    buffer.writeTermInteger(lockMode.rawValue)
  }

  func writeTuple(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 10)
    buffer.writeTermInteger(id)
    buffer.writeTermBinary(user)
    buffer.writeTermBinary(password)
    buffer.writeTermBinary(context)
    buffer.writeTermInteger(sessionProtocol.rawValue)
    buffer.writeTermAddress(address)
    buffer.writeTermInteger(port)
    buffer.writeTermInteger(loginTime)
    buffer.writeTermBinary(snmpContext)
    buffer.writeTermInteger(flags)
  }
}

/// 224: one rollback entry.
public struct RollbackEntry: Hashable, Sendable {
  /// From 0, the latest.
  public var number: Int64
  public var creator: String
  public var date: String
  /// The agent: context of the session.
  public var via: String
  public var fixedNumber: Int64
  public var label: String
  public var comment: String

  public init(
    number: Int64, creator: String, date: String, via: String, fixedNumber: Int64, label: String = "", comment: String = ""
  ) {
    self.number = number
    self.creator = creator
    self.date = date
    self.via = via
    self.fixedNumber = fixedNumber
    self.label = label
    self.comment = comment
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    guard arity == 5 || arity == 7 else { throw TermError(.expected("a tuple of 5 or 7"), at: place) }
    number = try reader.integer()
    creator = try reader.text()
    date = try reader.text()
    via = try reader.text()
    fixedNumber = try reader.integer()
    label = arity == 7 ? try reader.text() : ""
    comment = arity == 7 ? try reader.text() : ""
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 7)
    buffer.writeTermInteger(number)
    for text in [creator, date, via] { buffer.writeTermBinary(text) }
    buffer.writeTermInteger(fixedNumber)
    buffer.writeTermBinary(label)
    buffer.writeTermBinary(comment)
  }
}

/// 193: entries of a cursor.
public struct CursorObjects: Hashable, Sendable {
  /// Where to go on; nil at the end of the list.
  public var next: CursorEntry?
  public var objects: [[Value]]

  public init(next: CursorEntry?, objects: [[Value]]) {
    self.next = next
    self.objects = objects
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    next = try reader.entry()
    objects = try reader.list { (reader) throws(TermError) in try ValueCoding.readArray(&reader.terms) }
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTerm(next)
    buffer.writeTermList(objects) { ValueCoding.writeArray($1, into: &$0) }
  }
}

extension ArgumentReader {
  /// `false`, or a position with keys.
  mutating func entry() throws(TermError) -> CursorEntry? {
    if try terms.peekKind() == .atom {
      try marker("false")
      return nil
    }
    return try CursorEntry(&self)
  }
}

extension ByteBuffer {
  mutating func writeTerm(_ entry: CursorEntry?) {
    if let entry { writeTerm(entry.term) } else { writeTermBool(false) }
  }
}

/// CDB 65: start phase, and what CDB is doing.
public struct StartPhaseInfo: Hashable, Sendable {
  public enum Activity: String, Hashable, Sendable {
    case none = "false"
    case initializing = "init"
    case normal
    case upgrade
  }

  public var phase: Int
  public var activity: Activity

  public init(phase: Int, activity: Activity) {
    self.phase = phase
    self.activity = activity
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    phase = try reader.integer()
    let place = reader.terms.offset
    guard let activity = Activity(rawValue: try reader.name()) else {
      throw TermError(.expected("false, init, normal or upgrade"), at: place)
    }
    self.activity = activity
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermInteger(phase)
    buffer.writeTermAtom(activity.rawValue)
  }
}

/// CDB 66: the last configuration transaction, only good for comparing (form open, protocol part 03, section 6.5). Ours are
/// `{seconds, microseconds, sequence}`.
public struct TransactionID: Hashable, Sendable {
  public var term: EncodedTerm

  public init(_ term: EncodedTerm) { self.term = term }

  public init(seconds: Int64, microseconds: Int64, sequence: Int64) {
    term = EncodedTerm { buffer in
      buffer.writeTermTuple(arity: 3)
      for part in [seconds, microseconds, sequence] { buffer.writeTermInteger(part) }
    }
  }

  /// The name of the HA primary, when the id carries one: `{Primary, {s1, s2, s3}}`.
  public var primary: String? {
    try? term.withReader { (reader) throws(TermError) in
      try reader.readTupleHeader(arity: 2)
      return try TextCoding.read(&reader)
    }
  }

  /// The three numbers, with a primary or without.
  public var parts: (seconds: Int64, microseconds: Int64, sequence: Int64)? {
    try? term.withReader { (reader) throws(TermError) in
      if try reader.readTupleHeader() == 2 {
        try reader.skip()
        try reader.readTupleHeader(arity: 3)
      }
      let seconds: Int64 = try reader.readInteger()
      let microseconds: Int64 = try reader.readInteger()
      return (seconds, microseconds, try reader.readInteger())
    }
  }
}

/// CDB 81: facts about the compaction of one file.
public struct CompactionInfo: Hashable, Sendable {
  /// Bytes after the last compaction, and now.
  public var previousSize: Int64
  public var currentSize: Int64
  /// Seconds since 1970; 0: never.
  public var lastTime: Int64
  public var transactionsSince: Int64

  public init(previousSize: Int64, currentSize: Int64, lastTime: Int64, transactionsSince: Int64) {
    self.previousSize = previousSize
    self.currentSize = currentSize
    self.lastTime = lastTime
    self.transactionsSince = transactionsSince
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(5)
    try reader.marker("compaction_info")
    previousSize = try reader.integer()
    currentSize = try reader.integer()
    lastTime = try reader.integer()
    transactionsSince = try reader.integer()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 5)
    buffer.writeTermAtom("compaction_info" as StaticString)
    for number in [previousSize, currentSize, lastTime, transactionsSince] { buffer.writeTermInteger(number) }
  }
}
