/// The operations of a CDB connection by their numbers (protocol part 03, section 5).
public enum CDBOperation: UInt32, CaseIterable, Sendable {
  case clientName = 0
  case newSession = 1
  case endSession = 2
  case setNamespace = 3
  case get = 4
  case changeDirectory = 5
  case pushDirectory = 6
  case popDirectory = 7
  case exists = 8
  case numInstances = 9
  case getCurrentDirectory = 10
  case get2 = 11
  case getObject = 12
  case getObjects = 13
  case getValues = 14
  case keyIndex = 15
  case nextIndex = 16
  case getCase = 17
  case isDefault = 18
  case clientInfo = 19
  case subscribe = 32
  case subscriptionEvent = 33
  case syncSubscription = 34
  case unsubscribe = 35
  case subscriptionIterate = 36
  case subscribeDone = 37
  case operationalSubscribe = 38
  case subscriptionProgress = 39
  case getModifications = 40
  case getCLI = 41
  case setElem = 48
  case setElem2 = 49
  case create = 50
  case delete = 51
  case setObject = 52
  case setValues = 53
  case setCase = 54
  case waitStart = 64
  case getPhase = 65
  case getTransactionID = 66
  case getUserSession = 67
  case triggerSubscriptions = 68
  case loadFile = 69
  case getTransactionHandle = 70
  case replaySubscriptions = 71
  case getReplayTransactionIDs = 72
  case setTimeout = 73
  case mandatorySubscriber = 74
  case triggerOperationalSubscriptions = 75
  case initiateCompaction = 76
  case initiateFileCompaction = 77
  case getMountID = 78
  case getAttrs = 79
  case setAttr = 80
  case getCompactionInfo = 81

  /// What session an operation needs.
  public enum SessionNeed: Hashable, Sendable {
    case none
    /// Any session.
    case any
    /// A session on the operational datastore.
    case operational
  }

  public var sessionNeed: SessionNeed {
    switch self {
    case .endSession, .setNamespace, .get, .changeDirectory, .pushDirectory, .popDirectory, .exists, .numInstances,
      .getCurrentDirectory, .getObject, .getObjects, .getValues, .keyIndex, .nextIndex, .getCase, .isDefault, .getAttrs:
      .any
    case .setElem, .setElem2, .create, .delete, .setObject, .setValues, .setCase, .setAttr: .operational
    default: .none
    }
  }
}
