/// The operations of the data provider API by their numbers (protocol part 05, section 3). Bare terms carry them as their first
/// element; which way they travel stands in the table.
public enum ProviderOperation: UInt32, CaseIterable, Sendable {
  case accepted = 0
  case daemon = 1
  case worker = 2
  case register = 3
  case registerRange = 4
  case debug = 5
  case error = 6
  case warning = 7
  case getCryptoKeys = 8
  case registerTransactionCallbacks = 9
  case registerDatabaseCallbacks = 10
  case registerDone = 11
  case registered = 12
  case request = 15
  case registerNano = 16
  case newTransaction = 20
  case transactionLock = 21
  case transactionUnlock = 22
  case writeStart = 23
  case prepare = 24
  case abort = 25
  case commit = 26
  case closeTransaction = 27
  case callback = 28
  case callbackTimeout = 29
  case interrupt = 30
  case newUserSessions = 40
  case closeUserSession = 41
  case candidateConfirmingCommit = 60
  case candidateRollbackRunning = 61
  case candidateCommit = 62
  case candidateReset = 63
  case candidateValidate = 64
  case candidateCheckNotModified = 65
  case lock = 66
  case unlock = 67
  case deleteConfig = 68
  case addCheckpointRunning = 69
  case deleteCheckpointRunning = 70
  case activateCheckpointRunning = 71
  case copyRunningToStartup = 72
  case lockPartial = 73
  case unlockPartial = 74
  case runningCheckNotModified = 75
  case databaseReply = 90
  case newValidation = 145
  case closeValidation = 146
  case newAction = 150
  case abortAction = 151
  case streamLogTimes = 160
  case streamReplay = 161
  case receivedSNMPNotification = 162
  case snmpInformTargets = 163
  case snmpInformResult = 164
  case sendNotification = 170
  case replayComplete = 171
  case replayFailed = 172
  case sendSNMPNotification = 173
  case flushNotifications = 174
  case formatError = 180
  case authenticate = 181
  case checkCommandAccess = 190
  case checkDataAccess = 191
  case daemonTimeout = 195
  case subscribeOnChange = 220
  case unsubscribeOnChange = 221
  case pushOnChange = 230
}

/// What a CALLBACK (28) asks for: its seventh element (protocol part 05, section 3).
public enum CallbackType: UInt32, CaseIterable, Hashable, Sendable {
  case getNext = 101
  case getElem = 102
  case getObject = 103
  case setElem = 104
  case create = 105
  case remove = 106
  case existsOptional = 107
  case numInstances = 108
  case getNextObject = 109
  case getCase = 110
  case setCase = 111
  case getAttributes = 112
  case setAttribute = 113
  case moveAfter = 114
  case writeAll = 115
  case findNext = 116
  case findNextObject = 117
  case validate = 147
  case action = 152
  case command = 153
  case completion = 154
  case actionSync = 155
  case preModification = 200
  case postModification = 201
  case serviceCreate = 202
  case nanoCreate = 210
  case nanoDelete = 211

  /// The name of the callback, for texts: `get_elem`.
  public var name: String {
    switch self {
    case .getNext: "get_next"
    case .getElem: "get_elem"
    case .getObject: "get_object"
    case .setElem: "set_elem"
    case .create: "create"
    case .remove: "remove"
    case .existsOptional: "exists_optional"
    case .numInstances: "num_instances"
    case .getNextObject: "get_next_object"
    case .getCase: "get_case"
    case .setCase: "set_case"
    case .getAttributes: "get_attrs"
    case .setAttribute: "set_attr"
    case .moveAfter: "move_after"
    case .writeAll: "write_all"
    case .findNext: "find_next"
    case .findNextObject: "find_next_object"
    case .validate: "validate"
    case .action: "action"
    case .command: "command"
    case .completion: "completion"
    case .actionSync: "action_sync"
    case .preModification: "pre_modification"
    case .postModification: "post_modification"
    case .serviceCreate: "create"
    case .nanoCreate: "nano create"
    case .nanoDelete: "nano delete"
    }
  }
}
