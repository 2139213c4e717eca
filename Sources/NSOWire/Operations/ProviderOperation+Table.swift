extension ProviderOperation: Operation {
  public static var apiName: String { "data provider" }

  /// The one list from which documentation and the table of what works are made. The argument is the whole term; the purpose
  /// says who sends it.
  public static let table: [OperationInfo<ProviderOperation>] = [
    .init(
      .accepted, "ID", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{0, int did}", "daemon: the number of a client instance"),
    .init(
      .daemon, "DAEMON", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{1, atom name, 1}", "client: introduces an instance on its control socket"),
    .init(
      .worker, "WORKER", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{2, int did, int wid}", "client: this connection is a worker"),
    .init(
      .register, "REGISTER", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{3, int did, {int type, atom name, int mask, int flags, int index}}", "client: callbacks for a point"),
    .init(
      .registerRange, "REGISTER_RANGE", handle: .no, reply: .noReply, tier: 3, form: .plausible, status: .done,
      argument: "{4, int did, {type, name, mask, flags, index}, [value], [value], int keys, path}",
      "client: callbacks for a range of keys"),
    .init(
      .debug, "DEBUG", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only"),
    .init(
      .error, "ERROR", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only"),
    .init(
      .warning, "WARNING", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only"),
    .init(
      .getCryptoKeys, "GET_CRYPTO_KEYS", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only; clients use MAAPI"),
    .init(
      .registerTransactionCallbacks, "TRANS_CB_REGISTER", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{9, int did, int mask}", "client: which transaction phases it wants"),
    .init(
      .registerDatabaseCallbacks, "DB_CB_REGISTER", handle: .no, reply: .noReply, tier: 3, form: .known, status: .done,
      argument: "{10, int did, int mask}", "client: which db callbacks it has"),
    .init(
      .registerDone, "REGISTER_DONE", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{11, int did}", "client: all is registered"),
    .init(
      .registered, "OLD_USESS", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{12, [user]}", "daemon: the user sessions that exist"),
    .init(
      .request, "REQUEST", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "uint32 15 before the term", "prefix of what a stream worker sends"),
    .init(
      .registerNano, "REGISTER_NANO", handle: .no, reply: .noReply, tier: 3, form: .known, status: .open,
      argument: "{16, int did, {140, {atom point, bin type, bin state}, int mask, int flags, int index}}",
      "client: callbacks of a nano service"),
    .init(
      .newTransaction, "NEW_TRANS", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{20, qref, did, 1, int db, int usid, int mode, int th, [data], int hide}", "daemon: a transaction begins"),
    .init(
      .transactionLock, "TRANS_LOCK", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{21, qref, did, int th, [data], int usid, int hide}", "daemon: validation begins"),
    .init(
      .transactionUnlock, "TRANS_UNLOCK", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{22, qref, did, int th, [data], int usid, int hide}", "daemon: validation failed, or was a test"),
    .init(
      .writeStart, "WRITE_START", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{23, qref, did, int th, [data], int usid, int hide}", "daemon: writes follow"),
    .init(
      .prepare, "PREPARE", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{24, qref, did, int th, [data], int usid, int hide}", "daemon: reserve what commit needs"),
    .init(
      .abort, "ABORT", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{25, qref, did, int th, [data], int usid, int hide}", "daemon: undo prepare"),
    .init(
      .commit, "COMMIT", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{26, qref, did, int th, [data], int usid, int hide}", "daemon: make it persistent"),
    .init(
      .closeTransaction, "CLOSE_TRANS", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{27, qref, did, int th, [data], int usid, int hide}", "daemon: the transaction ends"),
    .init(
      .callback, "CALLBACK", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{28, qref, did, int th, point, int index, int type, [data], int usid, int hide, [arg]}", "daemon: one callback"
    ),
    .init(
      .callbackTimeout, "CALLBACK_TIMEOUT", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{29, qref, did, int seconds}", "client: more time for a request"),
    .init(
      .interrupt, "INTERRUPT", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only"),
    .init(
      .newUserSessions, "NEW_USESS", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{40, qref, did, [user]}", "daemon: user sessions that requests will name"),
    .init(
      .closeUserSession, "CLOSE_USESS", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{41, qref, did, int usid}", "daemon: a user session ended"),
    .init(
      .candidateConfirmingCommit, "CANDIDATE_CONFIRMING_COMMIT", handle: .no, reply: .noReply, tier: 3, form: .known,
      status: .notSupported,
      argument: "{60, qref, did, int usid}", "daemon: make a confirmed commit permanent; never sent, the candidate is ours"),
    .init(
      .candidateRollbackRunning, "CANDIDATE_ROLLBACK_RUNNING", handle: .no, reply: .noReply, tier: 3, form: .known,
      status: .notSupported,
      argument: "{61, qref, did, int usid}", "daemon: put previous running back; never sent, the candidate is ours"),
    .init(
      .candidateCommit, "CANDIDATE_COMMIT", handle: .no, reply: .noReply, tier: 3, form: .known, status: .notSupported,
      argument: "{62, qref, did, int usid, int timeout}", "daemon: copy candidate to running; never sent, the candidate is ours"
    ),
    .init(
      .candidateReset, "CANDIDATE_RESET", handle: .no, reply: .noReply, tier: 3, form: .known, status: .notSupported,
      argument: "{63, qref, did, int usid}", "daemon: copy running to candidate; never sent, the candidate is ours"),
    .init(
      .candidateValidate, "CANDIDATE_VALIDATE", handle: .no, reply: .noReply, tier: 3, form: .known, status: .notSupported,
      argument: "{64, qref, did, int usid}", "daemon: validate the candidate; never sent, the candidate is ours"),
    .init(
      .candidateCheckNotModified, "CANDIDATE_CHK_NOT_MODIFIED", handle: .no, reply: .noReply, tier: 3, form: .known,
      status: .notSupported,
      argument: "{65, qref, did, int usid}", "daemon: is the candidate unchanged; never sent, the candidate is ours"),
    .init(
      .lock, "LOCK", handle: .no, reply: .noReply, tier: 3, form: .known, status: .done,
      argument: "{66, qref, did, int usid, int db}", "daemon: lock against others than the daemon"),
    .init(
      .unlock, "UNLOCK", handle: .no, reply: .noReply, tier: 3, form: .known, status: .done,
      argument: "{67, qref, did, int usid, int db}", "daemon: unlock"),
    .init(
      .deleteConfig, "DELETE_CONFIG", handle: .no, reply: .noReply, tier: 3, form: .known, status: .done,
      argument: "{68, qref, did, int usid, int db}", "daemon: erase startup or candidate"),
    .init(
      .addCheckpointRunning, "ADD_CHECKPOINT_RUNNING", handle: .no, reply: .noReply, tier: 3, form: .known,
      status: .notSupported,
      argument: "{69, qref, did, int usid}",
      "daemon: store a checkpoint of running; never sent, a commit takes confirmed commits back"),
    .init(
      .deleteCheckpointRunning, "DEL_CHECKPOINT_RUNNING", handle: .no, reply: .noReply, tier: 3, form: .known,
      status: .notSupported,
      argument: "{70, qref, did, int usid}", "daemon: drop the checkpoint; never sent, a commit takes confirmed commits back"),
    .init(
      .activateCheckpointRunning, "ACTIVATE_CHECKPOINT_RUNNING", handle: .no, reply: .noReply, tier: 3, form: .known,
      status: .notSupported,
      argument: "{71, qref, did, int usid}",
      "daemon: return to the checkpoint; never sent, a commit takes confirmed commits back"),
    .init(
      .copyRunningToStartup, "COPY_RUNNING_TO_STARTUP", handle: .no, reply: .noReply, tier: 3, form: .known, status: .done,
      argument: "{72, qref, did, int usid}", "daemon: copy running to startup"),
    .init(
      .lockPartial, "LOCK_PARTIAL", handle: .no, reply: .noReply, tier: 3, form: .known, status: .done,
      argument: "{73, qref, did, int usid, int db, int lock, [path]}", "daemon: lock nodes"),
    .init(
      .unlockPartial, "UNLOCK_PARTIAL", handle: .no, reply: .noReply, tier: 3, form: .known, status: .done,
      argument: "{74, qref, did, int usid, int db, int lock}", "daemon: unlock nodes"),
    .init(
      .runningCheckNotModified, "RUNNING_CHK_NOT_MODIFIED", handle: .no, reply: .noReply, tier: 3, form: .known, status: .done,
      argument: "{75, qref, did, int usid}", "daemon: is running unchanged since the last copy to startup"),
    .init(
      .databaseReply, "DB_REPLY", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{90, qref, did, 'ok'}", "client: answer to user session and db requests"),
    .init(
      .newValidation, "NEW_VALIDATE", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{145, qref, did, int db, int usid, int th, int test, [data]}", "daemon: validation points come into play"),
    .init(
      .closeValidation, "CLOSE_VALIDATE", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{146, qref, did, int th, int commit, [data], int usid, int hide}", "daemon: validation is over"),
    .init(
      .newAction, "NEW_ACTION", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{150, qref, did, int usid, atom name, int index, int th}", "daemon: an action is about to be invoked"),
    .init(
      .abortAction, "ABORT_ACTION", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{151, qref, did, int th}", "daemon: the user aborts an action"),
    .init(
      .streamLogTimes, "NOTIF_GET_LOG_TIMES", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{160, qref, did, atom stream, int index}", "daemon: what a replay log holds"),
    .init(
      .streamReplay, "NOTIF_REPLAY", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{161, qref, did, atom stream, int index, int subid, datetime, datetime}", "daemon: replay notifications"),
    .init(
      .receivedSNMPNotification, "NOTIF_RECV_SNMP", handle: .no, reply: .noReply, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "SNMP"),
    .init(
      .snmpInformTargets, "NOTIF_SNMP_INFORM_TARGETS", handle: .no, reply: .noReply, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "SNMP"),
    .init(
      .snmpInformResult, "NOTIF_SNMP_INFORM_RESULT", handle: .no, reply: .noReply, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "SNMP"),
    .init(
      .sendNotification, "NOTIF_SEND", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{170, atom stream, int subid, datetime, int flags, {'exml', [tagval]}, path}", "stream worker: a notification"),
    .init(
      .replayComplete, "NOTIF_REPLAY_COMPLETE", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{171, atom stream, int subid}", "stream worker: a replay is complete"),
    .init(
      .replayFailed, "NOTIF_REPLAY_FAILED", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{172, atom stream, int subid, bin text}", "stream worker: a replay failed"),
    .init(
      .sendSNMPNotification, "NOTIF_SEND_SNMP", handle: .no, reply: .noReply, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "SNMP"),
    .init(
      .flushNotifications, "NOTIF_FLUSH", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only"),
    .init(
      .formatError, "ERROR_CB", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "error formatting"),
    .init(
      .authenticate, "AUTH_CB", handle: .no, reply: .noReply, tier: 2, form: .known, status: .done,
      argument: "{181, qref, did, user, bin method, {true, [group]} | {false, int log, bin reason}}", "daemon: somebody logs in"
    ),
    .init(
      .checkCommandAccess, "CHK_CMD_ACCESS", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "authorization of commands"),
    .init(
      .checkDataAccess, "CHK_DATA_ACCESS", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "authorization of data"),
    .init(
      .daemonTimeout, "DAEMON_TIMEOUT", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only"),
    .init(
      .subscribeOnChange, "SUBSCRIBE_ON_CHANGE", handle: .no, reply: .noReply, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "push on-change"),
    .init(
      .unsubscribeOnChange, "UNSUBSCRIBE_ON_CHANGE", handle: .no, reply: .noReply, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "push on-change"),
    .init(
      .pushOnChange, "PUSH_ON_CHANGE", handle: .no, reply: .noReply, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "push on-change"),
  ]

  static let byNumber = numbered(table)

  public var info: OperationInfo<ProviderOperation> { Self.byNumber[self] ?? .unlisted(self) }
}
