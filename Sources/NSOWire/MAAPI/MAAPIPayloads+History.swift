import ExternalTerm
import NIOCore
public import NSOTerms

/// 920, private to our daemon: what is known of one commit to running.
public struct HistoryRecord: Hashable, Sendable {
  /// The number of the configuration that the commit made; also the fixed number of its rollback entry.
  public var revision: Int64
  public var id: CommitID
  /// Seconds since 1970-01-01 UTC.
  public var time: Int64
  public var user: String
  public var session: Int32
  /// The context of the session.
  public var via: String
  /// What the client called itself, and where it was.
  public var client: String
  public var label: String
  public var comment: String
  /// How many operations on records take it back; not the number of changed nodes.
  public var size: Int64

  /// The id of a commit, see CDB GET_TXID (protocol part 03, section 6.5).
  public struct CommitID: Hashable, Sendable, CustomStringConvertible {
    public var seconds: UInt32
    public var microseconds: UInt32
    public var sequence: UInt32

    public init(seconds: UInt32, microseconds: UInt32, sequence: UInt32) {
      self.seconds = seconds
      self.microseconds = microseconds
      self.sequence = sequence
    }

    public var description: String { "\(seconds)-\(microseconds)-\(sequence)" }
  }

  public init(
    revision: Int64, id: CommitID, time: Int64, user: String, session: Int32, via: String, client: String, label: String,
    comment: String, size: Int64
  ) {
    self.revision = revision
    self.id = id
    self.time = time
    self.user = user
    self.session = session
    self.via = via
    self.client = client
    self.label = label
    self.comment = comment
    self.size = size
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(10)
    revision = try reader.integer()
    try reader.tuple(3)
    id = CommitID(
      seconds: try reader.integer(), microseconds: try reader.integer(), sequence: try reader.integer())
    time = try reader.integer()
    user = try reader.text()
    session = try reader.integer()
    via = try reader.text()
    client = try reader.text()
    label = try reader.text()
    comment = try reader.text()
    size = try reader.integer()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 10)
    buffer.writeTermInteger(revision)
    buffer.writeTermTuple(arity: 3)
    buffer.writeTermInteger(id.seconds)
    buffer.writeTermInteger(id.microseconds)
    buffer.writeTermInteger(id.sequence)
    buffer.writeTermInteger(time)
    buffer.writeTermBinary(user)
    buffer.writeTermInteger(session)
    for text in [via, client, label, comment] { buffer.writeTermBinary(text) }
    buffer.writeTermInteger(size)
  }
}

/// 921, private to our daemon: a read transaction on running as it was.
public struct StartHistoryTransaction: Hashable, Sendable {
  public var revision: Int64
  /// The changes of the transaction are those from this revision on; nil: it has none.
  public var comparedTo: Int64?

  public init(revision: Int64, comparedTo: Int64? = nil) {
    self.revision = revision
    self.comparedTo = comparedTo
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    revision = try reader.integer()
    let other: Int64 = try reader.integer()
    comparedTo = other < 0 ? nil : other
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermInteger(revision)
    buffer.writeTermInteger(comparedTo ?? -1)
  }
}

/// 922, private to our daemon: a rollback of one commit alone, or of a part of the configuration.
public struct RollBack: Hashable, Sendable {
  public var number: RollbackNumber
  /// Take back this commit alone, and leave what came after it.
  public var isSelective: Bool
  /// Only what is at and below it.
  public var path: WireKeypath

  public init(_ number: RollbackNumber, isSelective: Bool, below path: WireKeypath) {
    self.number = number
    self.isSelective = isSelective
    self.path = path
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(3)
    number = try RollbackNumber(&reader)
    isSelective = try reader.bool()
    path = try reader.path()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 3)
    number.write(into: &buffer)
    buffer.writeTermBool(isSelective)
    buffer.writeTerm(path)
  }
}
