import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms

/// What a db callback is asked (ops 60 to 75; protocol part 05, section 12).
public enum DatabaseCall: Hashable, Sendable {
  case candidateConfirmingCommit
  case candidateRollbackRunning
  /// A timeout in seconds other than 0: to be confirmed.
  case candidateCommit(timeout: Int64)
  case candidateReset
  case candidateValidate
  case candidateCheckNotModified
  case lock(DatabaseName)
  case unlock(DatabaseName)
  case deleteConfig(DatabaseName)
  case addCheckpointRunning
  case deleteCheckpointRunning
  case activateCheckpointRunning
  case copyRunningToStartup
  case lockPartial(DatabaseName, lock: Int32, [Keypath])
  case unlockPartial(DatabaseName, lock: Int32)
  case runningCheckNotModified

  public var operation: ProviderOperation {
    switch self {
    case .candidateConfirmingCommit: .candidateConfirmingCommit
    case .candidateRollbackRunning: .candidateRollbackRunning
    case .candidateCommit: .candidateCommit
    case .candidateReset: .candidateReset
    case .candidateValidate: .candidateValidate
    case .candidateCheckNotModified: .candidateCheckNotModified
    case .lock: .lock
    case .unlock: .unlock
    case .deleteConfig: .deleteConfig
    case .addCheckpointRunning: .addCheckpointRunning
    case .deleteCheckpointRunning: .deleteCheckpointRunning
    case .activateCheckpointRunning: .activateCheckpointRunning
    case .copyRunningToStartup: .copyRunningToStartup
    case .lockPartial: .lockPartial
    case .unlockPartial: .unlockPartial
    case .runningCheckNotModified: .runningCheckNotModified
    }
  }

  /// How many elements follow the session.
  var argumentCount: Int {
    switch self {
    case .candidateCommit, .lock, .unlock, .deleteConfig: 1
    case .unlockPartial: 2
    case .lockPartial: 3
    default: 0
    }
  }

  /// - Parameter count: how many elements follow the session.
  init?(_ operation: ProviderOperation, _ count: Int, _ reader: inout ArgumentReader) throws(TermError) {
    switch operation {
    case .candidateConfirmingCommit: self = .candidateConfirmingCommit
    case .candidateRollbackRunning: self = .candidateRollbackRunning
    case .candidateCommit: self = .candidateCommit(timeout: try reader.integer())
    case .candidateReset: self = .candidateReset
    case .candidateValidate: self = .candidateValidate
    case .candidateCheckNotModified: self = .candidateCheckNotModified
    case .lock: self = .lock(try reader.database())
    case .unlock: self = .unlock(try reader.database())
    case .deleteConfig: self = .deleteConfig(try reader.database())
    case .addCheckpointRunning: self = .addCheckpointRunning
    case .deleteCheckpointRunning: self = .deleteCheckpointRunning
    case .activateCheckpointRunning: self = .activateCheckpointRunning
    case .copyRunningToStartup: self = .copyRunningToStartup
    case .lockPartial:
      let database = try reader.database()
      let lock: Int32 = try reader.integer()
      self = .lockPartial(
        database, lock: lock, try reader.list { (reader) throws(TermError) in try reader.reversedPath() })
    case .unlockPartial:
      let database = try reader.database()
      self = .unlockPartial(database, lock: try reader.integer())
    case .runningCheckNotModified: self = .runningCheckNotModified
    default: return nil
    }
    try reader.elements(argumentCount, of: count)
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .candidateCommit(let timeout): buffer.writeTermInteger(timeout)
    case .lock(let database), .unlock(let database), .deleteConfig(let database):
      buffer.writeTermInteger(database.rawValue)
    case .lockPartial(let database, let lock, let paths):
      buffer.writeTermInteger(database.rawValue)
      buffer.writeTermInteger(lock)
      buffer.writeTermList(paths) { KeypathCoding.write($1, order: .leafFirst, into: &$0) }
    case .unlockPartial(let database, let lock):
      buffer.writeTermInteger(database.rawValue)
      buffer.writeTermInteger(lock)
    default: break
    }
  }
}

extension ArgumentReader {
  mutating func requestData() throws(TermError) -> [CallContext.Datum] {
    try list { (reader) throws(TermError) in
      try reader.tuple(2)
      let name = try reader.name()
      return CallContext.Datum(name, try reader.term())
    }
  }
}

extension ByteBuffer {
  mutating func writeRequestData(_ data: [CallContext.Datum]) {
    writeTermList(data) { buffer, datum in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom(datum.name)
      buffer.writeTerm(datum.value)
    }
  }
}
