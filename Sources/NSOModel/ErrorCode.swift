/// An error number of the protocol (part 01, section 9).
public struct ErrorCode: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

extension ErrorCode {
  /// CONFD_ERR_NOEXISTS: the thing read or referred to does not exist.
  public static var noExists: ErrorCode { ErrorCode(rawValue: 1) }
  /// CONFD_ERR_ALREADY_EXISTS: create of something that is already there.
  public static var alreadyExists: ErrorCode { ErrorCode(rawValue: 2) }
  /// CONFD_ERR_ACCESS_DENIED: authorization rules forbid the access.
  public static var accessDenied: ErrorCode { ErrorCode(rawValue: 3) }
  /// CONFD_ERR_NOT_WRITABLE: node cannot be written.
  public static var notWritable: ErrorCode { ErrorCode(rawValue: 4) }
  /// CONFD_ERR_BADTYPE: value does not fit the type of the node.
  public static var badType: ErrorCode { ErrorCode(rawValue: 5) }
  /// CONFD_ERR_NOTCREATABLE: node cannot be created.
  public static var notCreatable: ErrorCode { ErrorCode(rawValue: 6) }
  /// CONFD_ERR_NOTDELETABLE: node cannot be deleted.
  public static var notDeletable: ErrorCode { ErrorCode(rawValue: 7) }
  /// CONFD_ERR_BADPATH: path is malformed or leads nowhere in the schema.
  public static var badPath: ErrorCode { ErrorCode(rawValue: 8) }
  /// CONFD_ERR_NOSTACK: pop of the position stack without a push.
  public static var noStack: ErrorCode { ErrorCode(rawValue: 9) }
  /// CONFD_ERR_LOCKED: lock is already held.
  public static var locked: ErrorCode { ErrorCode(rawValue: 10) }
  /// CONFD_ERR_INUSE: commit blocked by somebody else's lock; also "in use" from a provider.
  public static var inUse: ErrorCode { ErrorCode(rawValue: 11) }
  /// CONFD_ERR_NOTSET: mandatory leaf has no value.
  public static var notSet: ErrorCode { ErrorCode(rawValue: 12) }
  /// CONFD_ERR_NON_UNIQUE: a unique constraint is violated.
  public static var nonUnique: ErrorCode { ErrorCode(rawValue: 13) }
  /// CONFD_ERR_BAD_KEYREF: reference to a missing target (leafref).
  public static var badKeyref: ErrorCode { ErrorCode(rawValue: 14) }
  /// CONFD_ERR_TOO_FEW_ELEMS: fewer elements than min-elements.
  public static var tooFewElems: ErrorCode { ErrorCode(rawValue: 15) }
  /// CONFD_ERR_TOO_MANY_ELEMS: more elements than max-elements.
  public static var tooManyElems: ErrorCode { ErrorCode(rawValue: 16) }
  /// CONFD_ERR_BADSTATE: call out of order, for example commit without prepare.
  public static var badState: ErrorCode { ErrorCode(rawValue: 17) }
  /// CONFD_ERR_INTERNAL: internal failure.
  public static var `internal`: ErrorCode { ErrorCode(rawValue: 18) }
  /// CONFD_ERR_EXTERNAL: failure reported by user code (callbacks).
  public static var external: ErrorCode { ErrorCode(rawValue: 19) }
  /// CONFD_ERR_MALLOC: out of memory.
  public static var malloc: ErrorCode { ErrorCode(rawValue: 20) }
  /// CONFD_ERR_PROTOUSAGE: API or callback used wrongly.
  public static var protocolUsage: ErrorCode { ErrorCode(rawValue: 21) }
  /// CONFD_ERR_NOSESSION: a session must be established first.
  public static var noSession: ErrorCode { ErrorCode(rawValue: 22) }
  /// CONFD_ERR_TOOMANYTRANS: limit of transactions reached.
  public static var tooManyTransactions: ErrorCode { ErrorCode(rawValue: 23) }
  /// CONFD_ERR_OS: operating system call failed.
  public static var operatingSystem: ErrorCode { ErrorCode(rawValue: 24) }
  /// CONFD_ERR_HA_CONNECT: HA: cannot connect to the other node.
  public static var haConnect: ErrorCode { ErrorCode(rawValue: 25) }
  /// CONFD_ERR_HA_CLOSED: HA: other node closed, or no sync answer in time.
  public static var haClosed: ErrorCode { ErrorCode(rawValue: 26) }
  /// CONFD_ERR_HA_BADFXS: HA: other node has another set or version of schema files.
  public static var haBadSchema: ErrorCode { ErrorCode(rawValue: 27) }
  /// CONFD_ERR_HA_BADTOKEN: HA: other node has another token.
  public static var haBadToken: ErrorCode { ErrorCode(rawValue: 28) }
  /// CONFD_ERR_HA_BADNAME: HA: other node's name is not the expected one.
  public static var haBadName: ErrorCode { ErrorCode(rawValue: 29) }
  /// CONFD_ERR_HA_BIND: HA: cannot bind the listening socket.
  public static var haBind: ErrorCode { ErrorCode(rawValue: 30) }
  /// CONFD_ERR_HA_NOTICK: HA: other node stopped sending live ticks.
  public static var haNoTick: ErrorCode { ErrorCode(rawValue: 31) }
  /// CONFD_ERR_VALIDATION_WARNING: validation gave warnings.
  public static var validationWarning: ErrorCode { ErrorCode(rawValue: 32) }
  /// CONFD_ERR_SUBAGENT_DOWN: mounted sub-agent is not up.
  public static var subagentDown: ErrorCode { ErrorCode(rawValue: 33) }
  /// CONFD_ERR_LIB_NOT_INITIALIZED: client library not initialized (local).
  public static var libNotInitialized: ErrorCode { ErrorCode(rawValue: 34) }
  /// CONFD_ERR_TOO_MANY_SESSIONS: session limit reached.
  public static var tooManySessions: ErrorCode { ErrorCode(rawValue: 35) }
  /// CONFD_ERR_BAD_CONFIG: error in a configuration.
  public static var badConfig: ErrorCode { ErrorCode(rawValue: 36) }
  /// CONFD_ERR_RESOURCE_DENIED: provider reported lack of resources.
  public static var resourceDenied: ErrorCode { ErrorCode(rawValue: 37) }
  /// CONFD_ERR_INCONSISTENT_VALUE: provider reported an unacceptable value.
  public static var inconsistentValue: ErrorCode { ErrorCode(rawValue: 38) }
  /// CONFD_ERR_APPLICATION_INTERNAL: provider reported an internal failure, not for northbound display.
  public static var applicationInternal: ErrorCode { ErrorCode(rawValue: 39) }
  /// CONFD_ERR_UNSET_CHOICE: mandatory choice without a case.
  public static var unsetChoice: ErrorCode { ErrorCode(rawValue: 40) }
  /// CONFD_ERR_MUST_FAILED: must expression false.
  public static var mustFailed: ErrorCode { ErrorCode(rawValue: 41) }
  /// CONFD_ERR_MISSING_INSTANCE: instance-identifier points to nothing although it must.
  public static var missingInstance: ErrorCode { ErrorCode(rawValue: 42) }
  /// CONFD_ERR_INVALID_INSTANCE: instance-identifier does not match its path filters.
  public static var invalidInstance: ErrorCode { ErrorCode(rawValue: 43) }
  /// CONFD_ERR_UNAVAILABLE: function not available here, for example attributes on operational data.
  public static var unavailable: ErrorCode { ErrorCode(rawValue: 44) }
  /// CONFD_ERR_EOF: peer closed (used locally in C).
  public static var endOfFile: ErrorCode { ErrorCode(rawValue: 45) }
  /// CONFD_ERR_NOTMOVABLE: node cannot be moved.
  public static var notMovable: ErrorCode { ErrorCode(rawValue: 46) }
  /// CONFD_ERR_HA_WITH_UPGRADE: in-service upgrade and HA role conflict.
  public static var haWithUpgrade: ErrorCode { ErrorCode(rawValue: 47) }
  /// CONFD_ERR_TIMEOUT: not done within the time limit.
  public static var timeout: ErrorCode { ErrorCode(rawValue: 48) }
  /// CONFD_ERR_ABORTED: operation aborted.
  public static var aborted: ErrorCode { ErrorCode(rawValue: 49) }
  /// CONFD_ERR_XPATH: XPath does not compile or evaluate.
  public static var xpath: ErrorCode { ErrorCode(rawValue: 50) }
  /// CONFD_ERR_NOT_IMPLEMENTED: daemon does not know the operation.
  public static var notImplemented: ErrorCode { ErrorCode(rawValue: 51) }
  /// CONFD_ERR_HA_BADVSN: HA: incompatible protocol version of the other node.
  public static var haBadVersion: ErrorCode { ErrorCode(rawValue: 52) }
  /// CONFD_ERR_POLICY_FAILED: policy expression is false.
  public static var policyFailed: ErrorCode { ErrorCode(rawValue: 53) }
  /// CONFD_ERR_POLICY_COMPILATION_FAILED: policy expression does not compile.
  public static var policyCompilationFailed: ErrorCode { ErrorCode(rawValue: 54) }
  /// CONFD_ERR_POLICY_EVALUATION_FAILED: policy expression cannot be evaluated.
  public static var policyEvaluationFailed: ErrorCode { ErrorCode(rawValue: 55) }
  /// NCS_ERR_CONNECTION_REFUSED: device refused the connection.
  public static var connectionRefused: ErrorCode { ErrorCode(rawValue: 56) }
  /// CONFD_ERR_START_FAILED: daemon could not enter its next start phase.
  public static var startFailed: ErrorCode { ErrorCode(rawValue: 57) }
  /// CONFD_ERR_DATA_MISSING: provider reported missing data.
  public static var dataMissing: ErrorCode { ErrorCode(rawValue: 58) }
  /// CONFD_ERR_CLI_CMD: CLI command failed.
  public static var cliCommand: ErrorCode { ErrorCode(rawValue: 59) }
  /// CONFD_ERR_UPGRADE_IN_PROGRESS: not allowed during an in-service upgrade.
  public static var upgradeInProgress: ErrorCode { ErrorCode(rawValue: 60) }
  /// CONFD_ERR_NOTRANS: handle is not a transaction started on, or attached to, this connection.
  public static var noTransaction: ErrorCode { ErrorCode(rawValue: 61) }
  /// NCS_ERR_SERVICE_CONFLICT: service run outside the transaction lock collided with another one.
  public static var serviceConflict: ErrorCode { ErrorCode(rawValue: 62) }
  /// NCS_ERR_CONNECTION_TIMEOUT: device connection timed out (n).
  public static var connectionTimeout: ErrorCode { ErrorCode(rawValue: 63) }
  /// NCS_ERR_CONNECTION_CLOSED: device closed the connection (n).
  public static var connectionClosed: ErrorCode { ErrorCode(rawValue: 64) }
  /// NCS_ERR_DEVICE: device reported an error (n).
  public static var device: ErrorCode { ErrorCode(rawValue: 65) }
  /// NCS_ERR_TEMPLATE: template failed (n).
  public static var template: ErrorCode { ErrorCode(rawValue: 66) }
  /// CONFD_ERR_NO_MOUNT_ID: path is ambiguous because it crosses a mount point.
  public static var noMountId: ErrorCode { ErrorCode(rawValue: 67) }
  /// CONFD_ERR_STALE_INSTANCE: instance-identifier is outdated after an upgrade.
  public static var staleInstance: ErrorCode { ErrorCode(rawValue: 68) }
  /// CONFD_ERR_HA_BADCONFIG: HA: other node's HA-related configuration is unusable.
  public static var haBadConfig: ErrorCode { ErrorCode(rawValue: 69) }
  /// CONFD_ERR_TRANSACTION_CONFLICT: transaction conflicts with another one.
  public static var transactionConflict: ErrorCode { ErrorCode(rawValue: 70) }
  /// CONFD_ERR_HA_ABORT: HA: transaction aborted during a role transition.
  public static var haAbort: ErrorCode { ErrorCode(rawValue: 71) }
  /// CONFD_ERR_BAD_PAYLOAD: newer libraries (n).
  public static var badPayload: ErrorCode { ErrorCode(rawValue: 72) }
  /// CONFD_ERR_CHECKSUM_MISMATCH: newer libraries (n).
  public static var checksumMismatch: ErrorCode { ErrorCode(rawValue: 73) }
}

extension ErrorCode: CustomStringConvertible {
  /// The published name, or the bare number.
  public var description: String { Self.names[rawValue] ?? "error \(rawValue)" }

  private static let names: [UInt32: String] = [
    1: "CONFD_ERR_NOEXISTS",
    2: "CONFD_ERR_ALREADY_EXISTS",
    3: "CONFD_ERR_ACCESS_DENIED",
    4: "CONFD_ERR_NOT_WRITABLE",
    5: "CONFD_ERR_BADTYPE",
    6: "CONFD_ERR_NOTCREATABLE",
    7: "CONFD_ERR_NOTDELETABLE",
    8: "CONFD_ERR_BADPATH",
    9: "CONFD_ERR_NOSTACK",
    10: "CONFD_ERR_LOCKED",
    11: "CONFD_ERR_INUSE",
    12: "CONFD_ERR_NOTSET",
    13: "CONFD_ERR_NON_UNIQUE",
    14: "CONFD_ERR_BAD_KEYREF",
    15: "CONFD_ERR_TOO_FEW_ELEMS",
    16: "CONFD_ERR_TOO_MANY_ELEMS",
    17: "CONFD_ERR_BADSTATE",
    18: "CONFD_ERR_INTERNAL",
    19: "CONFD_ERR_EXTERNAL",
    20: "CONFD_ERR_MALLOC",
    21: "CONFD_ERR_PROTOUSAGE",
    22: "CONFD_ERR_NOSESSION",
    23: "CONFD_ERR_TOOMANYTRANS",
    24: "CONFD_ERR_OS",
    25: "CONFD_ERR_HA_CONNECT",
    26: "CONFD_ERR_HA_CLOSED",
    27: "CONFD_ERR_HA_BADFXS",
    28: "CONFD_ERR_HA_BADTOKEN",
    29: "CONFD_ERR_HA_BADNAME",
    30: "CONFD_ERR_HA_BIND",
    31: "CONFD_ERR_HA_NOTICK",
    32: "CONFD_ERR_VALIDATION_WARNING",
    33: "CONFD_ERR_SUBAGENT_DOWN",
    34: "CONFD_ERR_LIB_NOT_INITIALIZED",
    35: "CONFD_ERR_TOO_MANY_SESSIONS",
    36: "CONFD_ERR_BAD_CONFIG",
    37: "CONFD_ERR_RESOURCE_DENIED",
    38: "CONFD_ERR_INCONSISTENT_VALUE",
    39: "CONFD_ERR_APPLICATION_INTERNAL",
    40: "CONFD_ERR_UNSET_CHOICE",
    41: "CONFD_ERR_MUST_FAILED",
    42: "CONFD_ERR_MISSING_INSTANCE",
    43: "CONFD_ERR_INVALID_INSTANCE",
    44: "CONFD_ERR_UNAVAILABLE",
    45: "CONFD_ERR_EOF",
    46: "CONFD_ERR_NOTMOVABLE",
    47: "CONFD_ERR_HA_WITH_UPGRADE",
    48: "CONFD_ERR_TIMEOUT",
    49: "CONFD_ERR_ABORTED",
    50: "CONFD_ERR_XPATH",
    51: "CONFD_ERR_NOT_IMPLEMENTED",
    52: "CONFD_ERR_HA_BADVSN",
    53: "CONFD_ERR_POLICY_FAILED",
    54: "CONFD_ERR_POLICY_COMPILATION_FAILED",
    55: "CONFD_ERR_POLICY_EVALUATION_FAILED",
    56: "NCS_ERR_CONNECTION_REFUSED",
    57: "CONFD_ERR_START_FAILED",
    58: "CONFD_ERR_DATA_MISSING",
    59: "CONFD_ERR_CLI_CMD",
    60: "CONFD_ERR_UPGRADE_IN_PROGRESS",
    61: "CONFD_ERR_NOTRANS",
    62: "NCS_ERR_SERVICE_CONFLICT",
    63: "NCS_ERR_CONNECTION_TIMEOUT",
    64: "NCS_ERR_CONNECTION_CLOSED",
    65: "NCS_ERR_DEVICE",
    66: "NCS_ERR_TEMPLATE",
    67: "CONFD_ERR_NO_MOUNT_ID",
    68: "CONFD_ERR_STALE_INSTANCE",
    69: "CONFD_ERR_HA_BADCONFIG",
    70: "CONFD_ERR_TRANSACTION_CONFLICT",
    71: "CONFD_ERR_HA_ABORT",
    72: "CONFD_ERR_BAD_PAYLOAD",
    73: "CONFD_ERR_CHECKSUM_MISMATCH",
  ]
}
