public import ExternalTerm
public import NIOCore
public import NSOModel
public import NSOTerms

/// A request on a CDB connection as it travels.
public struct CDBCall: Hashable, Sendable {
  public var request: CDBRequest
  /// Paths are relative to the current position (bit 31 of the op word).
  public var isRelative: Bool

  public init(_ request: CDBRequest, isRelative: Bool = false) {
    self.request = request
    self.isRelative = isRelative
  }
}

/// The CDB operations with their arguments (protocol part 03). Operations without message come as `unknown`.
public enum CDBRequest: Hashable, Sendable {
  /// The one request that is never answered.
  case clientName(String)
  case newSession(NewSession)
  case endSession
  case setNamespace(NamespaceArgument)
  case changeDirectory(WireKeypath)
  case pushDirectory(WireKeypath)
  case popDirectory
  case getCurrentDirectory

  // MARK: Reading, 9
  case get(WireKeypath)
  case exists(WireKeypath)
  case numInstances(WireKeypath)
  case getObject(WireKeypath)
  case getObjects(WireKeypath, start: Int64, count: Int64)
  case getValues([TaggedValue], WireKeypath)
  case keyIndex(WireKeypath)
  case nextIndex(WireKeypath)
  case getCase(choice: [Tag], WireKeypath)
  case isDefault(WireKeypath)
  case getAttrs([AttributeNumber], WireKeypath)

  // MARK: Subscriptions, 7 and 8
  indirect case subscribe(Subscribe)
  case unsubscribe(point: Int32)
  case subscribeDone
  case operationalSubscribe(namespace: String, MatchPath)
  indirect case syncSubscription(SyncSubscription)
  case subscriptionIterate(point: UInt32, IterationFlags)
  case subscriptionProgress(String)
  case getModifications(point: Int32, ModificationFlags, WireKeypath)
  case getCLI(point: Int32, ModificationFlags)
  case getUserSession
  case getTransactionHandle
  /// No points: all.
  case triggerSubscriptions([Int32])
  case triggerOperationalSubscriptions([Int32], wait: Bool)
  case replaySubscriptions(EncodedTerm, [Int32])
  case getReplayTransactionIDs
  case setTimeout(seconds: Int64)
  case mandatorySubscriber(String)

  // MARK: Writing operational data, 10
  /// The value stays encoded: a daemon checks it against the type of the leaf, and answers BADTYPE to what is no value.
  case setElem(EncodedTerm, WireKeypath)
  case setElem2(String, WireKeypath)
  case create(WireKeypath)
  case delete(WireKeypath)
  case setObject([Value], WireKeypath)
  case setValues([TaggedValue], WireKeypath)
  /// Case `$none` deselects.
  case setCase(choice: [Tag], case: Tag, WireKeypath)
  case setAttr(AttributeNumber, Value?, WireKeypath)

  // MARK: The database, 6
  case waitStart
  case getPhase
  case getTransactionID
  case initiateCompaction
  /// 1 configuration, 2 operational, 3 snapshot.
  case initiateFileCompaction(file: Int64)
  case getCompactionInfo(file: Int64)

  /// An operation that has no message: its number and what followed the op word.
  case unknown(op: UInt32, payload: ByteBuffer)
}

extension CDBRequest {
  /// The number that travels.
  public var op: UInt32 {
    if case .unknown(let op, _) = self { return op }
    return operation?.rawValue ?? 0
  }

  /// The operation; nil for numbers that the table does not have.
  public var operation: CDBOperation? {
    switch self {
    case .clientName: .clientName
    case .newSession: .newSession
    case .endSession: .endSession
    case .setNamespace: .setNamespace
    case .changeDirectory: .changeDirectory
    case .pushDirectory: .pushDirectory
    case .popDirectory: .popDirectory
    case .getCurrentDirectory: .getCurrentDirectory
    case .get: .get
    case .exists: .exists
    case .numInstances: .numInstances
    case .getObject: .getObject
    case .getObjects: .getObjects
    case .getValues: .getValues
    case .keyIndex: .keyIndex
    case .nextIndex: .nextIndex
    case .getCase: .getCase
    case .isDefault: .isDefault
    case .getAttrs: .getAttrs
    case .subscribe: .subscribe
    case .unsubscribe: .unsubscribe
    case .subscribeDone: .subscribeDone
    case .operationalSubscribe: .operationalSubscribe
    case .syncSubscription: .syncSubscription
    case .subscriptionIterate: .subscriptionIterate
    case .subscriptionProgress: .subscriptionProgress
    case .getModifications: .getModifications
    case .getCLI: .getCLI
    case .getUserSession: .getUserSession
    case .getTransactionHandle: .getTransactionHandle
    case .triggerSubscriptions: .triggerSubscriptions
    case .triggerOperationalSubscriptions: .triggerOperationalSubscriptions
    case .replaySubscriptions: .replaySubscriptions
    case .getReplayTransactionIDs: .getReplayTransactionIDs
    case .setTimeout: .setTimeout
    case .mandatorySubscriber: .mandatorySubscriber
    case .setElem: .setElem
    case .setElem2: .setElem2
    case .create: .create
    case .delete: .delete
    case .setObject: .setObject
    case .setValues: .setValues
    case .setCase: .setCase
    case .setAttr: .setAttr
    case .waitStart: .waitStart
    case .getPhase: .getPhase
    case .getTransactionID: .getTransactionID
    case .initiateCompaction: .initiateCompaction
    case .initiateFileCompaction: .initiateFileCompaction
    case .getCompactionInfo: .getCompactionInfo
    case .unknown(let op, _): CDBOperation(rawValue: op)
    }
  }
}
