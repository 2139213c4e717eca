import ExternalTerm
import NIOCore

/// What is kept of one commit to running, besides its changes.
public struct HistoryEntry: Sendable, Hashable {
  /// The number of the configuration that the commit made: 1 for the first commit of a database, then 2, and so on, never used again. It
  /// is the fixed number of the rollback entry, too.
  public var revision: UInt64
  public var id: TransactionID
  /// Seconds since 1970-01-01 UTC.
  public var time: Int64
  public var user: String
  public var session: Int32
  /// The context of the session: the agent through which the commit came.
  public var context: String
  /// What the client calls itself, and where it is.
  public var client: String
  public var label: String
  public var comment: String
  /// How many operations take it back; not the number of changed nodes.
  public var size: Int
  /// How many records hold them.
  var pieces: Int
  /// What data meant with the modules that it was made with (``DataMeaning/fingerprint``).
  var meaning: UInt64

  init(_ revision: UInt64, _ id: TransactionID, time: Int64, _ transaction: Transaction, size: Int, pieces: Int) {
    self.revision = revision
    self.id = id
    self.time = time
    let session = transaction.session
    user = session.user
    self.session = session.id
    context = session.context
    let request = session.request
    client = (request.clientID.map { $0 + " " } ?? "") + "\(request.address)"
    label = transaction.label
    comment = transaction.comment
    self.size = size
    self.pieces = pieces
    meaning = transaction.model.meaning.fingerprint
  }

  // MARK: In the database

  /// Grows when a field is added; readers take what they know.
  private static let arity = 14

  var bytes: [UInt8] {
    var buffer = ByteBuffer()
    buffer.writeTermTuple(arity: Self.arity)
    buffer.writeTermInteger(revision)
    buffer.writeTermInteger(id.seconds)
    buffer.writeTermInteger(id.microseconds)
    buffer.writeTermInteger(id.sequence)
    buffer.writeTermInteger(time)
    buffer.writeTermInteger(session)
    buffer.writeTermInteger(size)
    buffer.writeTermInteger(pieces)
    for text in [user, context, client, label, comment] { buffer.writeTermBinary(text) }
    buffer.writeTermInteger(Int64(bitPattern: meaning))
    return Array(buffer.readableBytesView)
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(TermError) {
    var reader = TermReader(bytes)
    let arity = try reader.readTupleHeader()
    guard arity >= 13 else { throw reader.error(.expected("13 fields")) }
    revision = try reader.readInteger()
    id = TransactionID(
      seconds: try reader.readInteger(), microseconds: try reader.readInteger(), sequence: try reader.readInteger())
    time = try reader.readInteger()
    session = try reader.readInteger()
    size = try reader.readInteger()
    pieces = try reader.readInteger()
    func text() throws(TermError) -> String { String(decoding: try reader.readBinaryBytes(), as: UTF8.self) }
    user = try text()
    context = try text()
    client = try text()
    label = try text()
    comment = try text()
    // The first versions did not say: 0 is the meaning of no schema.
    let number: Int64 = arity > 13 ? try reader.readInteger() : 0
    meaning = UInt64(bitPattern: number)
  }
}
