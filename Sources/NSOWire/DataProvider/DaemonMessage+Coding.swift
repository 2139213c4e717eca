import ExternalTerm
public import NIOCore
import NSOModel
import NSOTerms

extension DaemonMessage {
  /// The message in a frame's payload.
  public init(_ frame: ByteBuffer) throws(DecodeError) {
    var title = "message of the daemon to a data provider"
    do throws(TermError) {
      self = try ArgumentReader.read(frame) { (reader) throws(TermError) in
        let start = reader
        let count = try reader.terms.readTupleHeader()
        if try reader.takesMarker("error") {
          try reader.elements(3, of: count)
          let code = ErrorCode(rawValue: try reader.integer())
          return .refused(NSOError(code, try reader.text()))
        }
        let number: UInt32 = try reader.integer()
        let operation = ProviderOperation(rawValue: number)
        if let operation { title = operation.title }
        switch operation {
        case .accepted:
          try reader.elements(2, of: count)
          return .accepted(instance: try reader.integer())
        case .registered:
          try reader.elements(2, of: count)
          return .registered(try reader.list { (reader) throws(TermError) in try UserSessionInfo(tuple: &reader) })
        case let operation?:
          guard count >= 3, try reader.terms.peekKind() == .integer else { break }
          let query: Int64 = try reader.integer()
          guard try reader.terms.peekKind() == .integer else { break }
          let instance: Int32 = try reader.integer()
          guard let body = try ProviderRequest.Body(operation, count - 3, &reader) else { break }
          return .request(ProviderRequest(query: query, instance: instance, body))
        case nil: break
        }
        reader = start
        return .unknown(try reader.term())
      }
    } catch {
      throw DecodeError(title, error, termOffset: 0, frame: frame)
    }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    if case .refused(let error) = self { return buffer.writeBareError(error) }
    buffer.writeTermVersion()
    switch self {
    case .accepted(let instance):
      buffer.writeProviderHead(.accepted, arity: 2)
      buffer.writeTermInteger(instance)
    case .registered(let users):
      buffer.writeProviderHead(.registered, arity: 2)
      buffer.writeTermList(users) { $1.writeTuple(into: &$0) }
    case .request(let request): request.write(into: &buffer)
    case .unknown(let term): buffer.writeTerm(term)
    case .refused: break
    }
  }
}

extension ProviderRequest {
  /// The number that travels.
  public var operation: ProviderOperation { body.operation }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeProviderHead(operation, arity: 3 + body.argumentCount)
    buffer.writeTermInteger(query)
    buffer.writeTermInteger(instance)
    body.write(into: &buffer)
  }
}

extension ProviderRequest.Body {
  public var operation: ProviderOperation {
    switch self {
    case .newUserSessions: .newUserSessions
    case .closeUserSession: .closeUserSession
    case .newTransaction: .newTransaction
    case .phase(let phase, _, _): phase.operation
    case .callback: .callback
    case .newValidation: .newValidation
    case .closeValidation: .closeValidation
    case .newAction: .newAction
    case .abortAction: .abortAction
    case .authenticate: .authenticate
    case .database(let call, _): call.operation
    case .streamLogTimes: .streamLogTimes
    case .streamReplay: .streamReplay
    }
  }

  fileprivate var argumentCount: Int {
    switch self {
    case .newUserSessions, .closeUserSession, .abortAction: 1
    case .streamLogTimes: 2
    case .authenticate: 3
    case .phase, .newAction: 4
    case .newValidation, .closeValidation: 5
    case .newTransaction: 7
    case .streamReplay: 5
    case .callback: 8
    case .database(let call, _): 1 + call.argumentCount
    }
  }

  /// - Parameter count: how many elements follow the client instance.
  /// - Returns: nil for an operation that is no request whose form is known.
  fileprivate init?(_ operation: ProviderOperation, _ count: Int, _ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    switch operation {
    case .newUserSessions:
      self = .newUserSessions(try reader.list { (reader) throws(TermError) in try UserSessionInfo(tuple: &reader) })
    case .closeUserSession: self = .closeUserSession(try reader.integer())
    case .newTransaction:
      let sessionType: Int32 = try reader.integer()
      let database = try reader.database()
      let session: UserSessionID = try reader.integer()
      guard let mode = TransactionMode(rawValue: try reader.integer()) else { throw TermError(.expected("a mode"), at: place) }
      let handle: Int32 = try reader.integer()
      let data = try reader.requestData()
      var transaction = NewTransaction(
        database: database, session: session, mode: mode, handle: handle, data: data,
        hidesInactive: try reader.integer(Int64.self) != 0)
      transaction.sessionType = sessionType
      self = .newTransaction(transaction)
    case .transactionLock, .transactionUnlock, .writeStart, .prepare, .abort, .commit, .closeTransaction:
      guard let phase = TransactionPhase(rawValue: operation.rawValue) else { return nil }
      let handle: Int32 = try reader.integer()
      self = .phase(phase, handle: handle, try CallContext(&reader))
    case .callback: self = .callback(try CallbackRequest(&reader))
    case .newValidation:
      let database = try reader.database()
      let session: UserSessionID = try reader.integer()
      let handle: Int32 = try reader.integer()
      let isTest = try reader.bool()
      self = .newValidation(
        NewValidation(database: database, session: session, handle: handle, isTest: isTest, data: try reader.requestData()))
    case .closeValidation:
      let handle: Int32 = try reader.integer()
      let willCommit = try reader.bool()
      self = .closeValidation(handle: handle, willCommit: willCommit, try CallContext(&reader))
    case .newAction:
      let session: UserSessionID = try reader.integer()
      let name = try reader.name()
      let index: Int32 = try reader.integer()
      self = .newAction(NewAction(session: session, name: name, index: index, handle: try reader.integer()))
    case .abortAction: self = .abortAction(handle: try reader.integer())
    case .authenticate: self = .authenticate(try AuthenticationQuery(&reader))
    case .streamLogTimes:
      let stream = try reader.name()
      self = .streamLogTimes(stream: stream, index: try reader.integer())
    case .streamReplay:
      let stream = try reader.name()
      let index: Int32 = try reader.integer()
      let subscription: Int32 = try reader.integer()
      let start = try reader.dateTime()
      let stop = try reader.optional { (reader) throws(TermError) in try reader.dateTime() }
      self = .streamReplay(StreamReplay(stream: stream, index: index, subscription: subscription, start: start, stop: stop))
    default:
      guard (60...75).contains(operation.rawValue) else { return nil }
      let session: UserSessionID = try reader.integer()
      guard let call = try DatabaseCall(operation, count - 1, &reader) else { return nil }
      self = .database(call, session)
    }
    guard count == argumentCount else {
      throw TermError(.expected("a tuple of \(argumentCount + 3), not of \(count + 3)"), at: place)
    }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    switch self {
    case .newUserSessions(let users): buffer.writeTermList(users) { $1.writeTuple(into: &$0) }
    case .closeUserSession(let session): buffer.writeTermInteger(session)
    case .newTransaction(let transaction):
      buffer.writeTermInteger(transaction.sessionType)
      buffer.writeTermInteger(transaction.database.rawValue)
      buffer.writeTermInteger(transaction.session)
      buffer.writeTermInteger(transaction.mode.rawValue)
      buffer.writeTermInteger(transaction.handle)
      buffer.writeRequestData(transaction.data)
      buffer.writeTermInteger(transaction.hidesInactive ? 1 : 0)
    case .phase(_, let handle, let context):
      buffer.writeTermInteger(handle)
      context.write(into: &buffer)
    case .callback(let request): request.write(into: &buffer)
    case .newValidation(let validation):
      buffer.writeTermInteger(validation.database.rawValue)
      buffer.writeTermInteger(validation.session)
      buffer.writeTermInteger(validation.handle)
      buffer.writeTermInteger(validation.isTest ? 1 : 0)
      buffer.writeRequestData(validation.data)
    case .closeValidation(let handle, let willCommit, let context):
      buffer.writeTermInteger(handle)
      buffer.writeTermInteger(willCommit ? 1 : 0)
      context.write(into: &buffer)
    case .newAction(let action):
      buffer.writeTermInteger(action.session)
      buffer.writeTermAtom(action.name)
      buffer.writeTermInteger(action.index)
      buffer.writeTermInteger(action.handle)
    case .abortAction(let handle): buffer.writeTermInteger(handle)
    case .authenticate(let query): query.write(into: &buffer)
    case .database(let call, let session):
      buffer.writeTermInteger(session)
      call.write(into: &buffer)
    case .streamLogTimes(let stream, let index):
      buffer.writeTermAtom(stream)
      buffer.writeTermInteger(index)
    case .streamReplay(let replay):
      buffer.writeTermAtom(replay.stream)
      buffer.writeTermInteger(replay.index)
      buffer.writeTermInteger(replay.subscription)
      ValueCoding.write(.dateTime(replay.start), into: &buffer)
      if let stop = replay.stop { ValueCoding.write(.dateTime(stop), into: &buffer) } else { buffer.writeTermUndefined() }
    }
  }
}

extension AuthenticationQuery {
  fileprivate init(_ reader: inout ArgumentReader) throws(TermError) {
    user = try UserSessionInfo(tuple: &reader)
    method = try reader.text()
    let arity = try reader.terms.readTupleHeader()
    if try reader.takesMarker("true") {
      try reader.elements(2, of: arity)
      outcome = .accepted(groups: try reader.texts())
    } else {
      try reader.elements(3, of: arity)
      try reader.marker("false")
      let log: Int32 = try reader.integer()
      outcome = .refused(log: log, reason: try reader.text())
    }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    user.writeTuple(into: &buffer)
    buffer.writeTermBinary(method)
    switch outcome {
    case .accepted(let groups):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermBool(true)
      buffer.writeTermTexts(groups)
    case .refused(let log, let reason):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermBool(false)
      buffer.writeTermInteger(log)
      buffer.writeTermBinary(reason)
    }
  }
}
