/// A kind of log record with a number and a name that stay the same (protocol part 06, section 9): what programs that
/// read logs or log events go by. Only the kinds that this daemon writes are here.
public struct LogSymbol: Hashable, Sendable, CustomStringConvertible {
  public enum Severity: Hashable, Sendable {
    case critical, error, warning, info, debug
  }

  /// The LogNo of log events. Numbers above 100000 are ours: their published numbers are not known.
  public let number: Int32
  public let name: String
  public let severity: Severity

  public init(_ number: Int32, _ name: String, _ severity: Severity) {
    self.number = number
    self.name = name
    self.severity = severity
  }

  public var description: String { name }

  /// The same kind with another severity, where the severity comes with the record.
  public func withSeverity(_ severity: Severity) -> LogSymbol { LogSymbol(number, name, severity) }
}

extension LogSymbol.Severity {
  /// Syslog's number (protocol part 06, section 4.2).
  public var priority: Int {
    switch self {
    case .critical: 2
    case .error: 3
    case .warning: 4
    case .info: 6
    case .debug: 7
    }
  }
}

extension LogSymbol {
  /// The database cannot be opened.
  public static let databaseBootError = LogSymbol(1, "CDB_BOOT_ERR", .critical)
  /// The IPC socket could not be bound.
  public static let bindError = LogSymbol(2, "BIND_ERR", .critical)
  /// Accept failed because no descriptor is left; the daemon ends.
  public static let acceptDescriptorLimit = LogSymbol(10, "ACCEPT_FDLIMIT", .critical)
  public static let fileError = LogSymbol(13, "FILE_ERROR", .critical)
  public static let initialDataLoad = LogSymbol(20, "CDB_INIT_LOAD", .info)
  public static let internalError = LogSymbol(23, "INTERNAL_ERROR", .critical)
  public static let phase0Started = LogSymbol(27, "PHASE0_STARTED", .info)
  public static let phase1Started = LogSymbol(28, "PHASE1_STARTED", .info)
  public static let started = LogSymbol(29, "STARTED", .info)
  public static let upgradeInitStarted = LogSymbol(30, "UPGRADE_INIT_STARTED", .info)
  public static let upgradeInitSucceeded = LogSymbol(31, "UPGRADE_INIT_SUCCEEDED", .info)
  public static let upgradePerformed = LogSymbol(32, "UPGRADE_PERFORMED", .info)
  public static let upgradeCommitted = LogSymbol(33, "UPGRADE_COMMITTED", .info)
  public static let upgradeAborted = LogSymbol(34, "UPGRADE_ABORTED", .info)
  public static let consultFile = LogSymbol(35, "CONSULT_FILE", .info)
  public static let stopping = LogSymbol(36, "STOPPING", .info)
  public static let reload = LogSymbol(37, "RELOAD", .info)
  public static let badConfiguration = LogSymbol(38, "BADCONFIG", .critical)
  public static let aaaLoadFailure = LogSymbol(24, "AAA_LOAD_FAIL", .critical)
  /// A confirmed commit is taken back: by request, because its time is over, its session ended, or the daemon restarted.
  public static let confirmedCommitAborted = LogSymbol(44, "ABORT_CAND_COMMIT", .info)
  public static let confirmedCommitTimedOut = LogSymbol(45, "ABORT_CAND_COMMIT_TIMER", .info)
  public static let confirmedCommitSessionEnded = LogSymbol(46, "ABORT_CAND_COMMIT_TERM", .info)
  public static let moduleLoadError = LogSymbol(54, "FILE_LOAD_ERR", .critical)
  public static let listener = LogSymbol(58, "LISTENER_INFO", .info)
  /// What stands before the first message of NETCONF over TCP.
  public static let netconfHeaderError = LogSymbol(59, "NETCONF_HDR_ERR", .error)
  public static let badLibraryVersion = LogSymbol(60, "LIB_BAD_VSN", .error)
  public static let noLibraryAccess = LogSymbol(62, "LIB_NO_ACCESS", .error)
  public static let netconf = LogSymbol(86, "NETCONF", .info)
  public static let developerAAA = LogSymbol(88, "DEVEL_AAA", .info)
  public static let developerProvider = LogSymbol(89, "DEVEL_CAPI", .info)
  public static let developerCDB = LogSymbol(90, "DEVEL_CDB", .info)
  public static let developerCore = LogSymbol(91, "DEVEL_CONFD", .info)
  /// The replay store of a notification stream cannot be written or read.
  public static let replayStoreFailure = LogSymbol(94, "NOTIFICATION_REPLAY_STORE_FAILURE", .critical)
  public static let eventSocketTimeout = LogSymbol(95, "EVENT_SOCKET_TIMEOUT", .critical)
  public static let eventSocketWriteBlock = LogSymbol(96, "EVENT_SOCKET_WRITE_BLOCK", .critical)
  /// A command of the CLI is about to be carried out; it has ended well, or not.
  public static let cliCommand = LogSymbol(108, "CLI_CMD", .info)
  public static let cliCommandDone = LogSymbol(131, "CLI_CMD_DONE", .info)
  public static let cliCommandAborted = LogSymbol(132, "CLI_CMD_ABORTED", .info)
  /// A CLI session without authorization.
  public static let noAuthorizationLogin = LogSymbol(122, "NOAAA_CLI_LOGIN", .info)
  public static let groupAssignment = LogSymbol(116, "GROUP_ASSIGN", .info)
  public static let noGroupAssignment = LogSymbol(117, "GROUP_NO_ASSIGN", .info)
  /// The application refused a login.
  public static let loginRejected = LogSymbol(129, "LOGIN_REJECTED", .info)
  /// One changed node of a commit.
  public static let commitInfo = LogSymbol(130, "COMMIT_INFO", .info)
  public static let loggingStarted = LogSymbol(147, "LOGGING_STARTED", .info)
  public static let loggingShutdown = LogSymbol(148, "LOGGING_SHUTDOWN", .info)
  public static let reopenLogs = LogSymbol(149, "REOPEN_LOGS", .info)
  public static let starting = LogSymbol(163, "STARTING", .info)
  public static let localAuthenticationSuccess = LogSymbol(165, "LOCAL_AUTH_SUCCESS", .info)
  public static let localAuthenticationFailure = LogSymbol(166, "LOCAL_AUTH_FAIL", .info)
  /// Somebody has logged in, could not, or has gone.
  public static let loginSuccess = LogSymbol(171, "AUTH_LOGIN_SUCCESS", .info)
  public static let loginFailure = LogSymbol(172, "AUTH_LOGIN_FAIL", .info)
  public static let logout = LogSymbol(173, "AUTH_LOGOUT", .info)
  public static let sessionCreate = LogSymbol(174, "SESSION_CREATE", .info)
  public static let sessionTermination = LogSymbol(175, "SESSION_TERMINATION", .info)
  public static let confirmedCommitRestart = LogSymbol(177, "ABORT_CAND_COMMIT_REBOOT", .info)
  public static let confirmedCommitFailure = LogSymbol(178, "CAND_COMMIT_ROLLBACK_FAILURE", .error)
  public static let confirmedCommitTakenBack = LogSymbol(179, "CAND_COMMIT_ROLLBACK_DONE", .info)
  public static let localAuthenticationNoUser = LogSymbol(191, "LOCAL_AUTH_FAIL_NOUSER", .info)
  public static let localAuthenticationBadPassword = LogSymbol(192, "LOCAL_AUTH_FAIL_BADPASS", .info)
  public static let configurationChange = LogSymbol(198, "CONFIG_CHANGE", .info)
  public static let sshHostKeyUnavailable = LogSymbol(202, "SSH_HOST_KEY_UNAVAILABLE", .error)
  public static let localAccessDenied = LogSymbol(100_001, "LOCAL_IPC_ACCESS_DENIED", .info)
  /// A line of the daemon log that has no published symbol.
  public static let message = LogSymbol(100_010, "MESSAGE", .info)
  /// A commit: who, from where, which revision.
  public static let commit = LogSymbol(100_011, "COMMIT", .info)
  /// A commit that did not take place, and why.
  public static let commitRefused = LogSymbol(100_012, "COMMIT_REFUSED", .info)
}
