public import ExternalTerm
public import NIOCore
public import NSOModel
public import NSOTerms

/// A request on a MAAPI connection as it travels: the operation with its argument, and the transaction it works on.
public struct MAAPICall: Hashable, Sendable {
  /// Nil for operations without transaction, and where a client left the handle out that the operation needs, which a
  /// daemon answers with NOTRANS (protocol part 04, section 1.2).
  public var handle: TransactionHandle?
  public var request: MAAPIRequest
  /// Paths are relative to the current position (bit 31 of the op word).
  public var isRelative: Bool

  public init(_ request: MAAPIRequest, handle: TransactionHandle? = nil, isRelative: Bool = false) {
    self.request = request
    self.handle = handle
    self.isRelative = isRelative
  }
}

/// The MAAPI operations with their arguments (protocol part 04). Operations without message come as `unknown`.
public enum MAAPIRequest: Hashable, Sendable {
  // MARK: Sessions, 4.1
  indirect case startUserSession(StartUserSession)
  case endUserSession
  case killUserSession(UserSessionID)
  case getUserSessions
  case getUserSession(UserSessionID)
  case getMyUserSession
  /// Bind the connection to a session made elsewhere.
  case setUserSession(UserSessionID)
  case getUserSessionIdentification(UserSessionID)
  case getUserSessionOpaque(UserSessionID)
  case getAuthorizationInfo(UserSessionID)
  case setNextUserSessionID(UserSessionID)
  indirect case authenticate(Authenticate)

  // MARK: Transactions of others, 4.2
  case attach(Attach)
  case detach

  // MARK: Locks and datastores, 4.3 and 4.4
  case lock(DatabaseName)
  case unlock(DatabaseName)
  case isLockSet(DatabaseName)
  case lockPartial(DatabaseName, xpaths: [String])
  case unlockPartial(lock: Int64)
  case candidateValidate
  indirect case candidateCommit(CandidateCommit)
  indirect case candidateConfirmedCommit(CandidateConfirmedCommit)
  case candidateAbortCommit(persistID: String?)
  case confirmedCommitInProgress
  case candidateReset
  case copyRunningToStartup
  case isRunningModified
  case isCandidateModified
  case deleteConfig(DatabaseName)

  // MARK: Transactions, 4.5
  indirect case startTransaction(StartTransaction)
  case startNestedTransaction(StartNestedTransaction)
  case stopTransaction
  case applyTransaction(keepOpen: Bool, flags: UInt64)
  case validateTransaction(unlock: Bool, force: Bool)
  case prepareTransaction(flags: UInt64)
  case commitTransaction
  case abortTransaction
  case revert
  case setFlags(TransactionFlags)
  case setDelayedWhen(Bool)
  case setLabel(String)
  case setComment(String)
  /// All data of the call's transaction to another one.
  case copy(to: TransactionHandle)
  case getRollbackID
  case listRollback
  case loadRollback(RollbackNumber)

  // MARK: Position
  case setNamespace(NamespaceArgument)
  case changeDirectory(WireKeypath)
  case pushDirectory(WireKeypath)
  case popDirectory
  case getCurrentDirectory

  // MARK: Reading, 4.6
  case exists(WireKeypath)
  case numInstances(WireKeypath)
  case getElem(WireKeypath)
  case getElem2(WireKeypath)
  case getElemNoDefault(WireKeypath)
  case getObject(WireKeypath)
  case getValues([TaggedValue], WireKeypath)
  /// The choice path goes from the outermost choice inwards.
  case getCase(choice: [Tag], WireKeypath)
  /// No numbers: all attributes.
  case getAttrs([AttributeNumber], WireKeypath)
  indirect case getNext(GetNext)
  indirect case findNext(FindNext)
  indirect case getObjects(GetObjects)
  case destroyCursor(id: Int64)
  case iterate(IterationFlags, WireKeypath)
  case diffIterate(IterationFlags)
  case keypathDiffIterate(IterationFlags, WireKeypath)
  indirect case xpathEval(XPathEvaluation)
  indirect case xpathEvalExpr(XPathEvaluation)
  case hkeypathToIKeypath([UInt32])
  /// The path of an instance in XPath form as keypath.
  case xpathToPath(String)
  case xpathToPathInTransaction(String)
  /// What a leafref or instance-identifier points to.
  case dereference(WireKeypath)
  case doDisplay(WireKeypath)

  // MARK: Queries, 8.2; all forms open
  indirect case queryStart(QueryStart)
  case queryResult(query: Int64)
  case queryReset(query: Int64, offset: Int64)
  case queryStop(query: Int64)
  case queryResultCount(query: Int64)

  // MARK: Writing, 4.7
  case create(WireKeypath)
  case delete(WireKeypath)
  /// The value stays encoded: a daemon checks it against the type of the leaf, and answers BADTYPE to what is no value.
  case setElem(EncodedTerm, WireKeypath)
  case setElem2(String, WireKeypath)
  case setObject([Value], WireKeypath)
  case setValues([TaggedValue], WireKeypath)
  /// Nil deletes the attribute.
  case setAttr(AttributeNumber, Value?, WireKeypath)
  case insert(WireKeypath)
  case move(WireKeypath, to: [Value])
  case moveOrdered(WireKeypath, MoveWhere)
  indirect case copyTree(CopyTree)
  case copyPath(to: TransactionHandle, WireKeypath)
  case deleteAll(DeleteAll)

  // MARK: Saving and loading, 6; all forms open
  case saveConfig(ConfigFlags, WireKeypath)
  case saveConfigResult(stream: Int32)
  case loadConfig(ConfigFlags)
  case loadConfigResult(stream: Int32)
  case loadConfigFile(ConfigFlags, file: String)
  case loadConfigCmds(ConfigFlags, text: String, WireKeypath)
  case rollConfig(WireKeypath)
  case rollConfigResult(stream: Int32)
  case getStreamProgress(stream: Int32)

  // MARK: Actions, 4.9
  indirect case requestAction(RequestAction)
  case requestActionInTransaction([TaggedValue], WireKeypath)
  /// Parameters and output as text.
  case requestActionText(String, WireKeypath)

  // MARK: Users and CLI sessions, 4.10
  indirect case cliPrompt(CLIPrompt)
  case cliWrite(UserSessionID, String)
  case cliReadEOF(UserSessionID, echo: Bool, timeout: PromptTimeout)
  case userMessage(to: String, message: String, from: String)
  case sysMessage(to: String, message: String)
  case prioMessage(to: String, message: String)
  /// Commands of CLI sessions, and the program in front of one.
  indirect case cli(CLIRequest)

  // MARK: Progress, 4.11
  indirect case progressSpan(ProgressSpan)
  indirect case progressSpanInTransaction(ProgressSpan)

  // MARK: Services, 4.8
  case sharedCreate(backpointer: Bool, WireKeypath)
  case sharedSetElem(EncodedTerm, WireKeypath)
  case sharedSetElem2(String, WireKeypath)
  case sharedSetValues([TaggedValue], backpointer: Bool, WireKeypath)
  indirect case applyTemplate(ApplyTemplate)
  case templates
  case templateVariables(String)
  case applyTransactionWithParameters(keepOpen: Bool, [TaggedValue])
  case getTransactionParameters
  indirect case writeServiceLogEntry(ServiceLogEntry)

  // MARK: Daemon, 4.12 and 4.13
  case getRunningDBStatus
  case setRunningDBStatus(Bool)
  case setReadonly(Bool)
  case getCryptoKeys
  /// The argument says how the schema is wanted: `ikp`, with names.
  case loadAllNamespaces(String)
  case initUpgrade(timeout: Int64, flags: UInt32)
  case performUpgrade([String])
  case commitUpgrade
  case abortUpgrade
  case aaaReload(wait: Bool)
  case aaaReloadPath(wait: Bool, WireKeypath)
  /// Nil: everywhere.
  case clearOperationalCache(WireKeypath?)
  /// The text of an IP address.
  case disconnectRemote(String)
  case snmpaReload(wait: Bool)
  case startPhase(Int, synchronous: Bool)
  case waitStart(phase: Int)
  case reloadConfig
  case stop(wait: Bool)
  case reopenLogs
  indirect case netconfCallHome(NetconfCallHome)
  /// Private to this daemon: the text of `ncs --status`.
  case daemonStatus
  /// Private to this daemon: the text of `ncs --debug-dump`.
  case daemonDump
  /// Private to this daemon: the text of `ncs --check-callbacks`, for a path, a namespace, or everything.
  case checkCallbacks(String)
  /// Private to this daemon: what the upgrade under way means for the data, as text.
  case upgradeReport
  /// Private to this daemon: the connection is the terminal of its session.
  case terminalOpen
  /// Private to this daemon: wait for the next `TerminalEvent`.
  case terminalNext
  /// Private to this daemon: the answer to a question; nil is the end of input.
  case terminalAnswer(Int64, String?)

  /// Private to this daemon: the commits to running that are kept.
  case history
  /// Private to this daemon: a read transaction on running as it was.
  case startHistoryTransaction(StartHistoryTransaction)
  /// Private to this daemon: rollback of one commit alone, or of a part.
  indirect case rollBack(RollBack)

  /// An operation that has no message: its number and what followed the op word.
  case unknown(op: UInt32, payload: ByteBuffer)
}

extension MAAPIRequest {
  /// The number that travels.
  public var op: UInt32 {
    if case .unknown(let op, _) = self { return op }
    return operation?.rawValue ?? 0
  }

  /// The operation; nil for numbers that the table does not have.
  public var operation: MAAPIOperation? {
    switch self {
    case .startUserSession: .startUserSession
    case .endUserSession: .endUserSession
    case .killUserSession: .killUserSession
    case .getUserSessions: .getUserSessions
    case .getUserSession: .getUserSession
    case .getMyUserSession: .getMyUserSession
    case .setUserSession: .setUserSession
    case .getUserSessionIdentification: .getUserSessionIdentification
    case .getUserSessionOpaque: .getUserSessionOpaque
    case .getAuthorizationInfo: .getAuthorizationInfo
    case .setNextUserSessionID: .setNextUserSessionID
    case .authenticate: .authenticate
    case .attach: .attach
    case .detach: .detach
    case .lock: .lock
    case .unlock: .unlock
    case .isLockSet: .isLockSet
    case .lockPartial: .lockPartial
    case .unlockPartial: .unlockPartial
    case .candidateValidate: .candidateValidate
    case .candidateCommit: .candidateCommit
    case .candidateConfirmedCommit: .candidateConfirmedCommit
    case .candidateAbortCommit: .candidateAbortCommit
    case .confirmedCommitInProgress: .confirmedCommitInProgress
    case .candidateReset: .candidateReset
    case .copyRunningToStartup: .copyRunningToStartup
    case .isRunningModified: .isRunningModified
    case .isCandidateModified: .isCandidateModified
    case .deleteConfig: .deleteConfig
    case .startTransaction, .startNestedTransaction: .startTransaction
    case .stopTransaction: .stopTransaction
    case .applyTransaction: .applyTransaction
    case .validateTransaction: .validateTransaction
    case .prepareTransaction: .prepareTransaction
    case .commitTransaction: .commitTransaction
    case .abortTransaction: .abortTransaction
    case .revert: .revert
    case .setFlags: .setFlags
    case .setDelayedWhen: .setDelayedWhen
    case .setLabel: .setLabel
    case .setComment: .setComment
    case .copy: .copy
    case .getRollbackID: .getRollbackID
    case .listRollback: .listRollback
    case .loadRollback: .loadRollback
    case .setNamespace: .setNamespace
    case .changeDirectory: .changeDirectory
    case .pushDirectory: .pushDirectory
    case .popDirectory: .popDirectory
    case .getCurrentDirectory: .getCurrentDirectory
    case .exists: .exists
    case .numInstances: .numInstances
    case .getElem: .getElem
    case .getElem2: .getElem2
    case .getElemNoDefault: .getElemNoDefault
    case .getObject: .getObject
    case .getValues: .getValues
    case .getCase: .getCase
    case .getAttrs: .getAttrs
    case .getNext: .getNext
    case .findNext: .findNext
    case .getObjects: .getObjects
    case .destroyCursor: .destroyCursor
    case .iterate: .iterate
    case .diffIterate: .diffIterate
    case .keypathDiffIterate: .keypathDiffIterate
    case .xpathEval: .xpathEval
    case .xpathEvalExpr: .xpathEvalExpr
    case .hkeypathToIKeypath: .hkeypathToIKeypath
    case .xpathToPath: .xpathToHKeypath
    case .xpathToPathInTransaction: .xpathToHKeypathInTransaction
    case .dereference: .dereference
    case .doDisplay: .doDisplay
    case .queryStart: .queryStart
    case .queryResult: .queryResult
    case .queryReset: .queryReset
    case .queryStop: .queryStop
    case .queryResultCount: .queryResultCount
    case .create: .create
    case .delete: .delete
    case .setElem: .setElem
    case .setElem2: .setElem2
    case .setObject: .setObject
    case .setValues: .setValues
    case .setAttr: .setAttr
    case .insert: .insert
    case .move: .move
    case .moveOrdered: .moveOrdered
    case .copyTree: .copyTree
    case .copyPath: .copyPath
    case .deleteAll: .deleteAll
    case .saveConfig: .saveConfig
    case .saveConfigResult: .saveConfigResult
    case .loadConfig: .loadConfig
    case .loadConfigResult: .loadConfigResult
    case .loadConfigFile: .loadConfigFile
    case .loadConfigCmds: .loadConfigCmds
    case .rollConfig: .rollConfig
    case .rollConfigResult: .rollConfigResult
    case .getStreamProgress: .getStreamProgress
    case .requestAction: .requestAction
    case .requestActionInTransaction: .requestActionInTransaction
    case .requestActionText: .requestActionTextInTransaction
    case .cliPrompt: .cliPrompt
    case .cliWrite: .cliWrite
    case .cliReadEOF: .cliReadEof
    case .userMessage: .userMessage
    case .sysMessage: .sysMessage
    case .prioMessage: .prioMessage
    case .cli(let request): request.operation
    case .progressSpan: .progressSpan
    case .progressSpanInTransaction: .progressSpanInTransaction
    case .sharedCreate: .ncsSharedCreate
    case .sharedSetElem: .sharedSetElem
    case .sharedSetElem2: .sharedSetElem2
    case .sharedSetValues: .sharedSetValues
    case .applyTemplate: .ncsApplyTemplate
    case .templates: .ncsTemplates
    case .templateVariables: .ncsTemplateVariables
    case .applyTransactionWithParameters: .ncsApplyTransParams
    case .getTransactionParameters: .ncsGetTransParams
    case .writeServiceLogEntry: .ncsWriteServiceLogEntry
    case .getRunningDBStatus: .getRunningDbStatus
    case .setRunningDBStatus: .setRunningDbStatus
    case .setReadonly: .setReadonly
    case .getCryptoKeys: .getCryptoKeys
    case .loadAllNamespaces: .loadAllNamespaces
    case .initUpgrade: .initUpgrade
    case .performUpgrade: .performUpgrade
    case .commitUpgrade: .commitUpgrade
    case .abortUpgrade: .abortUpgrade
    case .aaaReload: .aaaReload
    case .aaaReloadPath: .aaaReloadPath
    case .clearOperationalCache: .clearOpcache
    case .disconnectRemote: .disconnectRemote
    case .snmpaReload: .snmpaReload
    case .startPhase: .startPhase
    case .waitStart: .waitStart
    case .reloadConfig: .reloadConfig
    case .stop: .stop
    case .reopenLogs: .reopenLogs
    case .netconfCallHome(let request): request.opaque == nil ? .netconfSshCallHome : .netconfSshCallHomeOpaque
    case .daemonStatus: .daemonStatus
    case .daemonDump: .daemonDump
    case .checkCallbacks: .checkCallbacks
    case .upgradeReport: .upgradeReport
    case .history: .history
    case .startHistoryTransaction: .startHistoryTransaction
    case .rollBack: .rollBack
    case .terminalOpen: .terminalOpen
    case .terminalNext: .terminalNext
    case .terminalAnswer: .terminalAnswer
    case .unknown(let op, _): MAAPIOperation(rawValue: op)
    }
  }
}
