public import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms

/// Why a callback failed: `{Code, AppTag, Text}`, with error-info `{Code, AppTag, Text, {{'exml', Values}, 1}}` (protocol part
/// 05, section 2.2). Subscribers of CDB abort in the same form.
public typealias CallbackFailure = SubscriptionAbort

/// The answer of a client to a request of the daemon: `{Op, Qref, Did, ...}`.
public struct ProviderReply: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    case failure(CallbackFailure)
    /// NEW_TRANS, NEW_VALIDATE, NEW_ACTION: accepted; the worker that serves it.
    case opened(handle: Int32, worker: Int32)
    /// Transaction phases and CLOSE_VALIDATE.
    case finished(handle: Int32)
    /// User sessions, db requests, replay requests, ABORT_ACTION.
    case done
    /// `aged` is nil when nothing was dropped from the log.
    case logTimes(created: DateTime, aged: DateTime?)
    case accepted
    case rejected(String)
    /// CALLBACK: what it means depends on the callback, see ``CallbackResult``.
    case result(EncodedTerm)
  }

  /// That of the request; `databaseReply` for all user session and db requests.
  public var operation: ProviderOperation
  /// Which request is answered (Qref).
  public var query: Int64
  /// The client instance (Did).
  public var instance: Int32
  public var content: Content

  public init(_ operation: ProviderOperation, query: Int64, instance: Int32, _ content: Content) {
    self.operation = operation
    self.query = query
    self.instance = instance
    self.content = content
  }

  /// The answer to a callback.
  public init(query: Int64, instance: Int32, _ result: CallbackResult) {
    self.init(.callback, query: query, instance: instance, .result(EncodedTerm { result.write(into: &$0) }))
  }

  init(_ operation: ProviderOperation, _ count: Int, _ reader: inout ArgumentReader) throws(TermError) {
    self.operation = operation
    query = try reader.integer()
    instance = try reader.integer()
    if count == 5, try reader.takesMarker("error") {
      content = .failure(try CallbackFailure(&reader))
      return
    }
    switch operation {
    case .newTransaction, .newValidation, .newAction:
      try reader.elements(5, of: count)
      let handle: Int32 = try reader.integer()
      content = .opened(handle: handle, worker: try reader.integer())
    case .transactionLock, .transactionUnlock, .writeStart, .prepare, .abort, .commit, .closeTransaction, .closeValidation:
      try reader.elements(4, of: count)
      content = .finished(handle: try reader.integer())
    case .databaseReply, .streamReplay:
      try reader.elements(4, of: count)
      try reader.marker("ok")
      content = .done
    case .abortAction:
      try reader.elements(3, of: count)
      content = .done
    case .streamLogTimes:
      try reader.elements(5, of: count)
      let created = try reader.dateTime()
      content = .logTimes(created: created, aged: try reader.takesMarker("not_found") ? nil : try reader.dateTime())
    case .authenticate:
      try reader.elements(4, of: count)
      if try reader.takesMarker("true") {
        content = .accepted
      } else {
        try reader.tuple(2)
        try reader.marker("false")
        content = .rejected(try reader.text())
      }
    case .callback:
      try reader.elements(4, of: count)
      content = .result(try reader.term())
    default: throw reader.terms.error(.expected("a message of a client"))
    }
  }

  func write(into buffer: inout ByteBuffer) {
    func head(_ arity: Int) {
      buffer.writeProviderHead(operation, arity: arity)
      buffer.writeTermInteger(query)
      buffer.writeTermInteger(instance)
    }
    switch content {
    case .failure(let failure):
      head(5)
      buffer.writeTermAtom("error" as StaticString)
      failure.write(into: &buffer)
    case .opened(let handle, let worker):
      head(5)
      buffer.writeTermInteger(handle)
      buffer.writeTermInteger(worker)
    case .finished(let handle):
      head(4)
      buffer.writeTermInteger(handle)
    case .done where operation == .abortAction: head(3)
    case .done:
      head(4)
      buffer.writeTermAtom("ok" as StaticString)
    case .logTimes(let created, let aged):
      head(5)
      ValueCoding.write(.dateTime(created), into: &buffer)
      ValueCoding.write(aged.map(Value.dateTime) ?? .notFound, into: &buffer)
    case .accepted:
      head(4)
      buffer.writeTermBool(true)
    case .rejected(let text):
      head(4)
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermBool(false)
      buffer.writeTermBinary(text)
    case .result(let term):
      head(4)
      buffer.writeTerm(term)
    }
  }
}

extension ArgumentReader {
  /// Goes past an atom of this name, if it comes next.
  mutating func takesMarker(_ name: StaticString) throws(TermError) -> Bool {
    guard try terms.peekKind() == .atom else { return false }
    var ahead = terms
    guard try ahead.readAtomBytes().equals(name) else { return false }
    terms = ahead
    return true
  }
}
