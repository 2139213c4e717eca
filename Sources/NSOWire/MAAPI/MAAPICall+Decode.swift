import ExternalTerm
public import NIOCore
import NSOModel
import NSOTerms

extension MAAPICall {
  /// The request in a frame's payload. Operations without message come as `.unknown`; the argument of the others must be
  /// what the operation takes, and use up the frame.
  public init(_ frame: ByteBuffer) throws(DecodeError) {
    var payload = frame
    guard let word: UInt32 = payload.readInteger() else {
      throw DecodeError("MAAPI request", TermError(.endOfBytes, at: frame.readableBytes), termOffset: 0, frame: frame)
    }
    let op = word & 0x7FFF_FFFF
    guard let operation = MAAPIOperation(rawValue: op) else {
      self.init(.unknown(op: op, payload: payload), isRelative: word != op)
      return
    }
    var handle: TransactionHandle?
    // A term starts with 131; a client that has no handle leaves the field out (protocol part 04, section 1.2).
    if operation.takesHandle, payload.getInteger(at: payload.readerIndex, as: UInt8.self) != 131,
      let raw: Int32 = payload.readInteger(), raw != -1
    {
      handle = TransactionHandle(raw)
    }
    do throws(TermError) {
      self.init(try MAAPIRequest(operation, payload), handle: handle, isRelative: word != op)
    } catch {
      throw DecodeError(operation.title, error, termOffset: frame.readableBytes - payload.readableBytes, frame: frame)
    }
  }
}

extension MAAPIOperation {
  private static let handles: [Bool] = {
    var handles = [Bool](repeating: false, count: 1024)
    for line in table where line.handle == .yes {
      if handles.indices.contains(Int(line.operation.rawValue)) { handles[Int(line.operation.rawValue)] = true }
    }
    return handles
  }()

  /// Whether a transaction handle follows the op word.
  public var takesHandle: Bool {
    let number = Int(rawValue)
    return Self.handles.indices.contains(number) && Self.handles[number]
  }
}

extension MAAPIRequest {
  /// The argument of an operation: a term with its version byte, or nothing.
  init(_ operation: MAAPIOperation, _ payload: ByteBuffer) throws(TermError) {
    if let simple = try Self.withoutArgument(operation, payload) {
      self = simple
    } else if operation == .diffIterate {
      guard let numbers = payload.getMultipleIntegers(at: payload.readerIndex, as: (UInt32, UInt32).self) else {
        throw TermError(.endOfBytes, at: payload.readableBytes)
      }
      guard payload.readableBytes == 8 else { throw TermError(.trailing(payload.readableBytes - 8), at: 8) }
      self = .diffIterate(IterationFlags(rawValue: numbers.1))
    } else {
      do throws(TermError) {
        self = try ArgumentReader.read(payload) { (reader) throws(TermError) -> MAAPIRequest in
          if let request = try Self.data(operation, &reader) { return request }
          if let request = try Self.control(operation, &reader) { return request }
          return try Self.other(operation, &reader)
        }
      } catch {
        guard operation.info.status == .notSupported else { throw error }
        self = .unknown(op: operation.rawValue, payload: payload)
      }
    }
  }

  /// Operations without argument, and those where none means an empty text; nil for others.
  private static func withoutArgument(
    _ operation: MAAPIOperation, _ payload: ByteBuffer
  ) throws(TermError) -> MAAPIRequest? {
    let request: MAAPIRequest
    switch operation {
    case .endUserSession: request = .endUserSession
    case .getUserSessions: request = .getUserSessions
    case .getMyUserSession: request = .getMyUserSession
    case .detach: request = .detach
    case .candidateValidate: request = .candidateValidate
    case .confirmedCommitInProgress: request = .confirmedCommitInProgress
    case .candidateReset: request = .candidateReset
    case .copyRunningToStartup: request = .copyRunningToStartup
    case .isRunningModified: request = .isRunningModified
    case .isCandidateModified: request = .isCandidateModified
    case .stopTransaction: request = .stopTransaction
    case .commitTransaction: request = .commitTransaction
    case .abortTransaction: request = .abortTransaction
    case .revert: request = .revert
    case .getRollbackID: request = .getRollbackID
    case .listRollback: request = .listRollback
    case .popDirectory: request = .popDirectory
    case .getCurrentDirectory: request = .getCurrentDirectory
    case .ncsTemplates: request = .templates
    case .ncsGetTransParams: request = .getTransactionParameters
    case .getRunningDbStatus: request = .getRunningDBStatus
    case .getCryptoKeys: request = .getCryptoKeys
    case .commitUpgrade: request = .commitUpgrade
    case .abortUpgrade: request = .abortUpgrade
    case .reloadConfig: request = .reloadConfig
    case .reopenLogs: request = .reopenLogs
    case .daemonStatus: request = .daemonStatus
    case .daemonDump: request = .daemonDump
    case .upgradeReport: request = .upgradeReport
    case .history: request = .history
    case .terminalOpen: request = .terminalOpen
    case .terminalNext: request = .terminalNext
    case .cliInterrupt: request = .cli(.interrupt)
    case .candidateAbortCommit where payload.readableBytes == 0: return .candidateAbortCommit(persistID: nil)
    case .setLabel where payload.readableBytes == 0: return .setLabel("")
    case .setComment where payload.readableBytes == 0: return .setComment("")
    case .ncsTemplateVariables where payload.readableBytes == 0: return .templateVariables("")
    case .loadAllNamespaces where payload.readableBytes == 0: return .loadAllNamespaces("")
    case .clearOpcache where payload.readableBytes == 0: return .clearOperationalCache(nil)
    default: return nil
    }
    guard payload.readableBytes == 0 else { throw TermError(.trailing(payload.readableBytes), at: 0) }
    return request
  }

  /// Reading, writing and what belongs to it.
  private static func data(
    _ operation: MAAPIOperation, _ reader: inout ArgumentReader
  ) throws(TermError) -> MAAPIRequest? {
    switch operation {
    case .exists: return .exists(try reader.path())
    case .numInstances: return .numInstances(try reader.path())
    case .getElem: return .getElem(try reader.path())
    case .getElem2: return .getElem2(try reader.path())
    case .getElemNoDefault: return .getElemNoDefault(try reader.path())
    case .getObject: return .getObject(try reader.path())
    case .create: return .create(try reader.path())
    case .delete: return .delete(try reader.path())
    case .changeDirectory: return .changeDirectory(try reader.path())
    case .pushDirectory: return .pushDirectory(try reader.path())
    case .rollConfig: return .rollConfig(try reader.path())
    case .dereference: return .dereference(try reader.path())
    case .doDisplay: return .doDisplay(try reader.path())
    case .xpathToHKeypath: return .xpathToPath(try reader.text())
    case .xpathToHKeypathInTransaction: return .xpathToPathInTransaction(try reader.text())
    case .queryStart: return .queryStart(try QueryStart(&reader))
    case .queryResult: return .queryResult(query: try reader.integer())
    case .queryStop: return .queryStop(query: try reader.integer())
    case .queryResultCount: return .queryResultCount(query: try reader.integer())
    case .queryReset:
      try reader.tuple(2)
      let query: Int64 = try reader.integer()
      return .queryReset(query: query, offset: try reader.integer())
    case .insert:
      if try reader.terms.peekKind() == .tuple {
        // A newer form says first whether a service inserts.
        try reader.tuple(2)
        _ = try reader.bool()
      }
      return .insert(try reader.path())
    case .setNamespace: return .setNamespace(try NamespaceArgument(&reader))
    case .getNext: return .getNext(try GetNext(&reader))
    case .findNext: return .findNext(try FindNext(&reader))
    case .getObjects: return .getObjects(try GetObjects(&reader))
    case .destroyCursor: return .destroyCursor(id: try reader.integer())
    case .copyTree: return .copyTree(try CopyTree(&reader))
    case .xpathEval: return .xpathEval(try XPathEvaluation(&reader))
    case .xpathEvalExpr: return .xpathEvalExpr(try XPathEvaluation(&reader))
    case .requestAction: return .requestAction(try RequestAction(&reader))
    case .iterate, .keypathDiffIterate:
      try reader.tuple(3)
      _ = try reader.bool()
      let flags = IterationFlags(rawValue: try reader.integer())
      let path = try reader.path()
      return operation == .iterate ? .iterate(flags, path) : .keypathDiffIterate(flags, path)
    case .deleteAll:
      let place = reader.terms.offset
      guard let how = DeleteAll(rawValue: try reader.integer()) else { throw TermError(.range("1...3"), at: place) }
      return .deleteAll(how)
    case .hkeypathToIKeypath:
      return .hkeypathToIKeypath(try reader.list { (reader) throws(TermError) in try reader.integer() })
    default: return try pair(operation, &reader)
    }
  }

  /// Operations whose argument is a pair with a path.
  private static func pair(
    _ operation: MAAPIOperation, _ reader: inout ArgumentReader
  ) throws(TermError) -> MAAPIRequest? {
    switch operation {
    case .getValues, .setValues, .getCase, .getAttrs, .setElem, .setElem2, .setObject, .setAttr, .move, .moveOrdered, .copyPath,
      .sharedSetElem, .sharedSetElem2, .sharedSetValues, .ncsSharedCreate, .requestActionInTransaction,
      .requestActionTextInTransaction,
      .saveConfig:
      try reader.tuple(2)
    default: return nil
    }
    switch operation {
    case .getValues:
      let values = try reader.tagged()
      return .getValues(values, try reader.path())
    case .setValues:
      let values = try reader.tagged()
      return .setValues(values, try reader.path())
    case .requestActionInTransaction:
      let values = try reader.tagged()
      return .requestActionInTransaction(values, try reader.path())
    case .requestActionTextInTransaction:
      let text = try reader.text()
      return .requestActionText(text, try reader.path())
    case .getCase:
      let choice = try reader.list { (reader) throws(TermError) in try TagCoding.read(&reader.terms) }
      return .getCase(choice: choice, try reader.path())
    case .getAttrs:
      let numbers = try reader.list { (reader) throws(TermError) in AttributeNumber(rawValue: try reader.integer()) }
      return .getAttrs(numbers, try reader.path())
    case .setElem, .sharedSetElem:
      let value = try reader.term()
      let path = try reader.path()
      return operation == .setElem ? .setElem(value, path) : .sharedSetElem(value, path)
    case .setElem2, .sharedSetElem2:
      let text = try reader.text()
      let path = try reader.path()
      return operation == .setElem2 ? .setElem2(text, path) : .sharedSetElem2(text, path)
    case .setObject:
      let values = try ValueCoding.readArray(&reader.terms)
      return .setObject(values, try reader.path())
    case .setAttr:
      try reader.tuple(2)
      let number = AttributeNumber(rawValue: try reader.integer())
      let value = try reader.optional { (reader) throws(TermError) in try reader.value() }
      return .setAttr(number, value, try reader.path())
    case .move:
      let path = try reader.path()
      return .move(path, to: try reader.keys())
    case .moveOrdered:
      let path = try reader.path()
      return .moveOrdered(path, try MoveWhere(&reader))
    case .copyPath:
      let target = TransactionHandle(try reader.integer())
      return .copyPath(to: target, try reader.path())
    case .sharedSetValues:
      try reader.tuple(2)
      let values = try reader.tagged()
      let backpointer = try reader.bool()
      return .sharedSetValues(values, backpointer: backpointer, try reader.path())
    case .ncsSharedCreate:
      let backpointer = try reader.bool()
      return .sharedCreate(backpointer: backpointer, try reader.path())
    default:
      let flags = ConfigFlags(rawValue: try reader.integer())
      return .saveConfig(flags, try reader.path())
    }
  }

  /// Sessions, transactions and datastores.
  private static func control(
    _ operation: MAAPIOperation, _ reader: inout ArgumentReader
  ) throws(TermError) -> MAAPIRequest? {
    switch operation {
    case .startUserSession: return .startUserSession(try StartUserSession(&reader))
    case .killUserSession: return .killUserSession(try reader.integer())
    case .getUserSession: return .getUserSession(try reader.integer())
    case .getUserSessionIdentification: return .getUserSessionIdentification(try reader.integer())
    case .getUserSessionOpaque: return .getUserSessionOpaque(try reader.integer())
    case .getAuthorizationInfo: return .getAuthorizationInfo(try reader.integer())
    case .setNextUserSessionID: return .setNextUserSessionID(try reader.integer())
    case .setUserSession:
      try reader.tuple(2)
      let session: UserSessionID = try reader.integer()
      try reader.marker("useikp")
      return .setUserSession(session)
    case .authenticate: return .authenticate(try Authenticate(&reader))
    case .attach: return .attach(try Attach(&reader))
    case .lock: return .lock(try reader.database())
    case .unlock: return .unlock(try reader.database())
    case .isLockSet: return .isLockSet(try reader.database())
    case .deleteConfig: return .deleteConfig(try reader.database())
    case .lockPartial:
      try reader.tuple(2)
      let database = try reader.database()
      return .lockPartial(database, xpaths: try reader.texts())
    case .unlockPartial: return .unlockPartial(lock: try reader.integer())
    case .candidateCommit: return .candidateCommit(try CandidateCommit(&reader))
    case .candidateConfirmedCommit: return .candidateConfirmedCommit(try CandidateConfirmedCommit(&reader))
    case .candidateAbortCommit: return .candidateAbortCommit(persistID: try reader.text())
    case .startTransaction: return try MAAPIRequest(startTransaction: &reader)
    case .applyTransaction:
      try reader.tuple(2)
      let keepOpen = try reader.bool()
      return .applyTransaction(keepOpen: keepOpen, flags: try reader.integer())
    case .validateTransaction:
      try reader.tuple(2)
      let unlock = try reader.bool()
      return .validateTransaction(unlock: unlock, force: try reader.bool())
    case .prepareTransaction: return .prepareTransaction(flags: try reader.integer())
    case .ncsApplyTransParams:
      try reader.tuple(2)
      let keepOpen = try reader.bool()
      return .applyTransactionWithParameters(keepOpen: keepOpen, try reader.tagged())
    case .setFlags: return .setFlags(TransactionFlags(rawValue: try reader.integer()))
    case .setDelayedWhen: return .setDelayedWhen(try reader.bool())
    case .checkCallbacks: return .checkCallbacks(try reader.text())
    case .setLabel: return .setLabel(try reader.text())
    case .setComment: return .setComment(try reader.text())
    case .copy: return .copy(to: TransactionHandle(try reader.integer()))
    case .loadRollback: return .loadRollback(try RollbackNumber(&reader))
    case .startHistoryTransaction: return .startHistoryTransaction(try StartHistoryTransaction(&reader))
    case .rollBack: return .rollBack(try RollBack(&reader))
    case .saveConfigResult: return .saveConfigResult(stream: try reader.integer())
    case .loadConfig: return .loadConfig(ConfigFlags(rawValue: try reader.integer()))
    case .loadConfigResult: return .loadConfigResult(stream: try reader.integer())
    case .rollConfigResult: return .rollConfigResult(stream: try reader.integer())
    case .getStreamProgress: return .getStreamProgress(stream: try reader.integer())
    case .loadConfigFile:
      try reader.tuple(2)
      let flags = ConfigFlags(rawValue: try reader.integer())
      return .loadConfigFile(flags, file: try reader.text())
    case .loadConfigCmds:
      try reader.tuple(3)
      let flags = ConfigFlags(rawValue: try reader.integer())
      let text = try reader.text()
      return .loadConfigCmds(flags, text: text, try reader.path())
    default: return nil
    }
  }

  /// Users, progress, services and the daemon itself.
  private static func other(
    _ operation: MAAPIOperation, _ reader: inout ArgumentReader
  ) throws(TermError) -> MAAPIRequest {
    if let request = try CLIRequest(operation, &reader) { return .cli(request) }
    switch operation {
    case .cliPrompt: return .cliPrompt(try CLIPrompt(&reader))
    case .cliWrite:
      try reader.tuple(2)
      let session: UserSessionID = try reader.integer()
      return .cliWrite(session, try reader.text())
    case .cliReadEof:
      try reader.tuple(3)
      let session: UserSessionID = try reader.integer()
      let echo = try reader.bool()
      return .cliReadEOF(session, echo: echo, timeout: try PromptTimeout(&reader))
    case .userMessage:
      try reader.tuple(3)
      let to = try reader.text()
      let message = try reader.text()
      return .userMessage(to: to, message: message, from: try reader.text())
    case .sysMessage, .prioMessage:
      try reader.tuple(2)
      let to = try reader.text()
      let message = try reader.text()
      return operation == .sysMessage ? .sysMessage(to: to, message: message) : .prioMessage(to: to, message: message)
    case .progressSpan: return .progressSpan(try ProgressSpan(&reader))
    case .progressSpanInTransaction: return .progressSpanInTransaction(try ProgressSpan(&reader))
    case .ncsApplyTemplate: return .applyTemplate(try ApplyTemplate(&reader))
    case .ncsTemplateVariables: return .templateVariables(try reader.text())
    case .ncsWriteServiceLogEntry: return .writeServiceLogEntry(try ServiceLogEntry(&reader))
    case .setRunningDbStatus: return .setRunningDBStatus(try reader.bool())
    case .setReadonly: return .setReadonly(try reader.bool())
    case .loadAllNamespaces: return .loadAllNamespaces(try reader.name())
    case .terminalAnswer:
      try reader.tuple(2)
      let question: Int64 = try reader.integer()
      if try reader.terms.peekKind() == .binary { return .terminalAnswer(question, try reader.text()) }
      try reader.marker("eof")
      return .terminalAnswer(question, nil)
    case .initUpgrade:
      try reader.tuple(2)
      let timeout: Int64 = try reader.integer()
      return .initUpgrade(timeout: timeout, flags: try reader.integer())
    case .performUpgrade: return .performUpgrade(try reader.texts())
    case .aaaReload: return .aaaReload(wait: try reader.bool())
    case .aaaReloadPath:
      try reader.tuple(2)
      let wait = try reader.bool()
      return .aaaReloadPath(wait: wait, try reader.path())
    case .clearOpcache: return .clearOperationalCache(try reader.path())
    case .disconnectRemote: return .disconnectRemote(try reader.text())
    case .snmpaReload: return .snmpaReload(wait: try reader.bool())
    case .startPhase:
      try reader.tuple(2)
      let phase: Int = try reader.integer()
      return .startPhase(phase, synchronous: try reader.bool())
    case .waitStart: return .waitStart(phase: try reader.integer())
    case .stop: return .stop(wait: try reader.bool())
    case .netconfSshCallHome: return .netconfCallHome(try NetconfCallHome(&reader, hasOpaque: false))
    case .netconfSshCallHomeOpaque: return .netconfCallHome(try NetconfCallHome(&reader, hasOpaque: true))
    default: throw reader.terms.error(.expected("an operation that has a message"))
    }
  }
}
