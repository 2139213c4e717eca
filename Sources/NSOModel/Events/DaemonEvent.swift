/// Something that happened in the daemon, as event subscribers are told it (protocol part 06, section 5). Kinds whose shape
/// is not determined have no case here.
public enum DaemonEvent: Hashable, Sendable {
  case audit(AuditRecord)
  /// A record of the daemon, developer, NETCONF, JSON-RPC or web access log; the mask says which.
  case log(EventMask, LogEntry)
  case commitSimple(CommitNotice)
  case commitDiff(CommitDiffNotice)
  case commitFailed(CommitFailure)
  case confirmedCommit(ConfirmedCommitNotice)
  case userSession(UserSessionNotice)
  case ha(HAInfo)
  case subagent(isUp: Bool, name: String)
  case forward(ForwardNotice)
  case heartbeat
  case healthCheck
  case upgrade(UpgradeStep)
  /// `progress` or `commitProgress`.
  case progress(EventMask, ProgressRecord)
  case stream(StreamNotice)
  case packageReload
  case reopenLogs
  case goingDown
  case commitQueue(CommitQueueProgress)
  case auditNetwork(NetworkAudit)
  case compaction(CompactionNotice)

  /// The bit of this kind.
  public var kind: EventMask {
    switch self {
    case .audit: .audit
    case .log(let log, _): log
    case .commitSimple: .commitSimple
    case .commitDiff: .commitDiff
    case .commitFailed: .commitFailed
    case .confirmedCommit: .confirmedCommit
    case .userSession: .userSession
    case .ha: .haInfo
    case .subagent: .subagentInfo
    case .forward: .forwardInfo
    case .heartbeat: .heartbeat
    case .healthCheck: .healthCheck
    case .upgrade: .upgrade
    case .progress(let kind, _): kind
    case .stream: .streamEvent
    case .packageReload: .packageReload
    case .reopenLogs: .reopenLogs
    case .goingDown: .goingDown
    case .commitQueue: .commitQueueProgress
    case .auditNetwork: .auditNetwork
    case .compaction: .compaction
    }
  }
}

/// Section 5.1: a record of the audit log.
public struct AuditRecord: Hashable, Sendable {
  /// Index into the table of log symbols.
  public var number: Int32
  public var user: String
  /// 0 when there is no session yet.
  public var session: Int32
  /// Without time and user.
  public var message: String

  public init(number: Int32, user: String, session: Int32, message: String) {
    self.number = number
    self.user = user
    self.session = session
    self.message = message
  }
}

/// Section 5.2: a record of another log.
public struct LogEntry: Hashable, Sendable {
  /// Index into the table of log symbols.
  public var number: Int32
  /// Syslog's numbers: 2 critical, 3 error, 4 warning, 6 information, 7 debug.
  public var priority: Int
  public var message: String

  public init(number: Int32, priority: Int, message: String) {
    self.number = number
    self.priority = priority
    self.message = message
  }
}

/// Section 4.1: the user session that something is about.
public struct EventUser: Hashable, Sendable {
  public var session: Int32
  public var user: String
  /// Clear text, where a daemon gives it; ours never does.
  public var password: String
  public var context: String
  public var sessionProtocol: SessionProtocol
  public var address: IPAddress
  public var port: Int
  /// Seconds since 1970-01-01 UTC.
  public var loginTime: Int64
  public var snmpContext: String
  /// Bit 0: a forwarded session.
  public var flags: UInt32

  public init(
    session: Int32, user: String, password: String = "", context: String, sessionProtocol: SessionProtocol,
    address: IPAddress, port: Int, loginTime: Int64, snmpContext: String = "", flags: UInt32 = 0
  ) {
    self.session = session
    self.user = user
    self.password = password
    self.context = context
    self.sessionProtocol = sessionProtocol
    self.address = address
    self.port = port
    self.loginTime = loginTime
    self.snmpContext = snmpContext
    self.flags = flags
  }
}

/// Flags of a commit event.
public struct CommitNoticeFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A confirmed commit.
  public static var confirmed: Self { Self(rawValue: 1) }
  /// The time-out of a confirmed commit was prolonged.
  public static var extended: Self { Self(rawValue: 2) }
}

/// Section 5.3.
public struct CommitNotice: Hashable, Sendable {
  public var database: DatabaseName
  public var user: EventUser
  /// Whether `commitDiff` would offer the changes.
  public var hasDiff: Bool
  public var flags: CommitNoticeFlags

  public init(database: DatabaseName, user: EventUser, hasDiff: Bool, flags: CommitNoticeFlags = []) {
    self.database = database
    self.user = user
    self.hasDiff = hasDiff
    self.flags = flags
  }
}

/// Section 5.4.
public struct CommitDiffNotice: Hashable, Sendable {
  public var database: DatabaseName
  public var user: EventUser
  /// To be attached to over MAAPI.
  public var transaction: Int32
  public var flags: CommitNoticeFlags
  /// Nil where the daemon is too old to say; empty means none as well.
  public var comment: String?
  public var label: String?

  public init(
    database: DatabaseName, user: EventUser, transaction: Int32, flags: CommitNoticeFlags = [], comment: String?,
    label: String?
  ) {
    self.database = database
    self.user = user
    self.transaction = transaction
    self.flags = flags
    self.comment = comment
    self.label = label
  }
}

/// Section 5.8: a participant failed when everybody had prepared.
public struct CommitFailure: Hashable, Sendable {
  public enum Participant: Hashable, Sendable {
    case netconfSubagent(IPAddress, port: Int)
    /// The name under which the daemon registered.
    case dataProvider(String)
    /// 1 CDB, 4 SNMP gateway, 5 JavaScript; clients do not decode these.
    case other(Int)
  }

  public var participant: Participant
  public var database: DatabaseName

  public init(_ participant: Participant, database: DatabaseName) {
    self.participant = participant
    self.database = database
  }
}

/// Section 5.12.
public struct ConfirmedCommitNotice: Hashable, Sendable {
  public enum Kind: Int, Hashable, Sendable {
    case started = 1
    case confirmed = 2
    case aborted = 3
  }

  public var kind: Kind
  /// Seconds; 0 unless it was started.
  public var timeout: Int
  public var user: EventUser

  public init(_ kind: Kind, timeout: Int = 0, user: EventUser) {
    self.kind = kind
    self.timeout = timeout
    self.user = user
  }
}

/// Section 5.5.
public struct UserSessionNotice: Hashable, Sendable {
  public enum Kind: Int, Hashable, Sendable {
    case started = 1
    case stopped = 2
    case locked = 3
    case unlocked = 4
    case startedTransaction = 5
    case stoppedTransaction = 6
  }

  public var kind: Kind
  public var user: EventUser
  /// None for the start and the end of a session.
  public var database: DatabaseName

  public init(_ kind: Kind, user: EventUser, database: DatabaseName = .none) {
    self.kind = kind
    self.user = user
    self.database = database
  }
}

/// Section 5.10.
public struct ForwardNotice: Hashable, Sendable {
  public enum Kind: Int, Hashable, Sendable {
    case up = 1
    case down = 2
    case failed = 3
  }

  public var kind: Kind
  public var target: String
  public var user: EventUser

  public init(_ kind: Kind, target: String, user: EventUser) {
    self.kind = kind
    self.target = target
    self.user = user
  }
}

/// The steps of an upgrade as others are told of them (section 5.13).
public enum UpgradeStep: Int, Hashable, Sendable, CaseIterable {
  case initStarted = 1
  case initSucceeded = 2
  case performed = 3
  case committed = 4
  case aborted = 5
}

/// Section 5.15: a notification of a stream, or what ends a replay.
public enum StreamNotice: Hashable, Sendable {
  case notification(time: DateTime, [TaggedValue])
  case replayComplete
  case notificationComplete
  case replayFailed(String)
}

/// Section 5.19.
public struct NetworkAudit: Hashable, Sendable {
  public var session: Int32
  public var transaction: Int32
  public var user: String
  public var device: String
  public var trace: String
  public var configuration: String

  public init(
    session: Int32, transaction: Int32, user: String, device: String, trace: String, configuration: String
  ) {
    self.session = session
    self.transaction = transaction
    self.user = user
    self.device = device
    self.trace = trace
    self.configuration = configuration
  }
}

/// Section 5.20. Sizes in bytes, times in microseconds.
public struct CompactionNotice: Hashable, Sendable {
  /// 1 configuration, 2 operational data, 3 snapshot.
  public var file: Int
  public var isManual: Bool
  public var sizeBefore: Int64
  public var sizeAfter: Int64
  public var sizeAfterPrevious: Int64
  /// Since 1970-01-01 UTC.
  public var start: Int64
  public var duration: Int64
  /// Written since the previous compaction.
  public var transactions: Int64

  public init(
    file: Int, isManual: Bool, sizeBefore: Int64, sizeAfter: Int64, sizeAfterPrevious: Int64, start: Int64,
    duration: Int64, transactions: Int64
  ) {
    self.file = file
    self.isManual = isManual
    self.sizeBefore = sizeBefore
    self.sizeAfter = sizeAfter
    self.sizeAfterPrevious = sizeAfterPrevious
    self.start = start
    self.duration = duration
    self.transactions = transactions
  }
}
