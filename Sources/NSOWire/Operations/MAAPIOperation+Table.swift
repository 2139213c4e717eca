extension MAAPIOperation: Operation {
  public static var apiName: String { "MAAPI" }

  /// The one list from which dispatch, documentation and the table of what works are made.
  public static let table: [OperationInfo<MAAPIOperation>] = [
    .init(
      .startUserSession, "START_USER_SESSION", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument:
        "[user, {ip, port}, context, proto, 1 | groups]; or {user, {ip, port}, context, proto, true, [group], {vendor, product, version, client_id}}",
      "create a user session and bind it to the socket"),
    .init(
      .endUserSession, "END_USER_SESSION", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "none", "end the session of this socket"),
    .init(
      .killUserSession, "KILL_USER_SESSION", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "int usid", "terminate another session"),
    .init(
      .getUserSessions, "GET_USER_SESSIONS", handle: .no, reply: .integers, tier: 2, form: .known, status: .done,
      argument: "none", "list ids of all sessions"),
    .init(
      .getUserSession, "GET_USER_SESSION", handle: .no, reply: .userSession, tier: 2, form: .known, status: .done,
      argument: "int usid", "information about one session"),
    .init(
      .getMyUserSession, "GET_MY_USER_SESSION", handle: .no, reply: .integer, tier: 1, form: .known, status: .done,
      argument: "none", "id of the session bound to this socket"),
    .init(
      .restartNode, "RESTART_NODE", handle: .no, reply: .done, tier: 3, form: .plausible, status: .notSupported,
      argument: "none", "restart the node (no public function)"),
    .init(
      .setUserSession, "SET_USER_SESSION", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "{int usid, 'useikp'}", "bind the socket to an existing session"),
    .init(
      .getUserSessionIdentification, "GET_USER_SESSION_IDENTIFICATION", handle: .no, reply: .identification, tier: 3,
      form: .plausible, status: .done,
      argument: "int usid", "identification of a session"),
    .init(
      .getUserSessionOpaque, "GET_USER_SESSION_OPAQUE", handle: .no, reply: .text, tier: 3, form: .plausible, status: .done,
      argument: "int usid", "opaque text of a session"),
    .init(
      .getAuthorizationInfo, "GET_AUTHORIZATION_INFO", handle: .no, reply: .groups, tier: 2, form: .known, status: .done,
      argument: "int usid", "groups of a session"),
    .init(
      .setNextUserSessionID, "SET_NEXT_USER_SESSION_ID", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "int usid", "choose the next session id"),
    .init(
      .lock, "LOCK", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "int db", "take the global lock on a datastore"),
    .init(
      .unlock, "UNLOCK", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "int db", "release the global lock"),
    .init(
      .isLockSet, "IS_LOCK_SET", handle: .no, reply: .integer, tier: 2, form: .known, status: .done,
      argument: "int db", "who holds the global lock"),
    .init(
      .candidateValidate, "CANDIDATE_VALIDATE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none", "validate the candidate"),
    .init(
      .deleteConfig, "DELETE_CONFIG", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "int db", "empty a datastore"),
    .init(
      .candidateCommit, "CANDIDATE_COMMIT", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{persist_id, bin label, bin comment}", "copy candidate to running, or confirm a confirmed commit"),
    .init(
      .candidateConfirmedCommit, "CANDIDATE_CONFIRMED_COMMIT", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{int timeout, persist, persist_id, bin label, bin comment}", "commit with automatic rollback"),
    .init(
      .candidateReset, "CANDIDATE_RESET", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "none", "copy running to candidate (discard changes)"),
    .init(
      .copyRunningToStartup, "COPY_RUNNING_TO_STARTUP", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none", "copy running to startup"),
    .init(
      .getNamespaces, "GET_NAMESPACES", handle: .no, reply: .term, tier: 2, form: .undetermined, status: .notSupported,
      argument: "unknown", "schema: list of namespaces"),
    .init(
      .confirmedCommitInProgress, "CONFIRMED_COMMIT_IN_PROGRESS", handle: .no, reply: .integer, tier: 3, form: .known,
      status: .done,
      argument: "none", "is a confirmed commit pending"),
    .init(
      .candidateAbortCommit, "CANDIDATE_ABORT_COMMIT", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none; or bin persist_id", "cancel a pending confirmed commit"),
    .init(
      .lockPartial, "LOCK_PARTIAL", handle: .no, reply: .integer, tier: 3, form: .known, status: .done,
      argument: "{int db, [bin xpath]}", "lock a set of nodes"),
    .init(
      .unlockPartial, "UNLOCK_PARTIAL", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "int lock_id", "release a partial lock"),
    .init(
      .isRunningModified, "IS_RUNNING_MODIFIED", handle: .no, reply: .bool, tier: 3, form: .known, status: .done,
      argument: "none", "running changed since last copy to startup"),
    .init(
      .isCandidateModified, "IS_CANDIDATE_MODIFIED", handle: .no, reply: .bool, tier: 3, form: .known, status: .done,
      argument: "none", "candidate has uncommitted changes"),
    .init(
      .startTransaction, "START_TRANS", handle: .no, reply: .integer, tier: 1, form: .known, status: .done,
      argument:
        "{int db, int mode, int usid, 1, int flags, {vendor, product, version, client_id}}; or {'trintr', int mode, int usid, 1, int backend [, int flags]}",
      "start a transaction"),
    .init(
      .stopTransaction, "STOP_TRANS", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "none", "finish a transaction"),
    .init(
      .applyTransaction, "APPLY_TRANS", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "{bool keep_open, int flags}", "validate, prepare and commit in one step"),
    .init(
      .validateTransaction, "VALIDATE_TRANS", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{bool unlock, bool force}", "validate only"),
    .init(
      .prepareTransaction, "PREPARE_TRANS", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "int flags", "first phase of the two-phase commit"),
    .init(
      .commitTransaction, "COMMIT_TRANS", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "none", "second phase: commit"),
    .init(
      .abortTransaction, "ABORT_TRANS", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "none", "second phase: abort"),
    .init(
      .commitQueueResult, "COMMIT_QUEUE_RESULT", handle: .unknown, reply: .term, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "commit queue result (no public function)"),
    .init(
      .ncsApplyTransParams, "NCS_APPLY_TRANS_PARAMS", handle: .yes, reply: .optionalTagged, tier: 2, form: .known,
      status: .done,
      argument: "{bool keep_open, [tagval]}", "APPLY_TRANS with commit parameters"),
    .init(
      .ncsGetTransParams, "NCS_GET_TRANS_PARAMS", handle: .yes, reply: .tagged, tier: 3, form: .known, status: .done,
      argument: "none", "current commit parameters"),
    .init(
      .setNamespace, "SET_NAMESPACE", handle: .yes, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "atom ns; or int hash", "default namespace for unqualified first elements"),
    .init(
      .changeDirectory, "CD", handle: .yes, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "path", "change the current position"),
    .init(
      .pushDirectory, "PUSHD", handle: .yes, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "path", "change position, remember the old one"),
    .init(
      .popDirectory, "POPD", handle: .yes, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "none", "return to the remembered position"),
    .init(
      .exists, "EXISTS", handle: .yes, reply: .bool, tier: 1, form: .known, status: .done,
      argument: "path", "does a node exist"),
    .init(
      .numInstances, "NUM_INSTANCES", handle: .yes, reply: .integer, tier: 1, form: .known, status: .done,
      argument: "path", "number of entries of a list"),
    .init(
      .getElem, "GET_ELEM", handle: .yes, reply: .value, tier: 1, form: .known, status: .done,
      argument: "path", "read one leaf"),
    .init(
      .getElem2, "GET_ELEM2", handle: .yes, reply: .text, tier: 3, form: .plausible, status: .done,
      argument: "path", "read a leaf as text (no public function)"),
    .init(
      .getBulkElem, "GET_BULK_ELEM", handle: .yes, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "bulk variant (no public function)"),
    .init(
      .getNext, "GET_NEXT", handle: .yes, reply: .entry, tier: 1, form: .known, status: .done,
      argument: "{position, path, int cursor_id, int bulk_hint, atom secondary_index}", "next entry of a list (cursor)"),
    .init(
      .getBulkNext, "GET_BULK_NEXT", handle: .yes, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "bulk variant (no public function)"),
    .init(
      .getElemNoDefault, "GET_ELEM_NO_DEFAULT", handle: .yes, reply: .value, tier: 3, form: .known, status: .done,
      argument: "path", "read one leaf, mark defaults"),
    .init(
      .setElem, "SET_ELEM", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "{value, path}", "write one leaf"),
    .init(
      .setElem2, "SET_ELEM2", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "{bin text, path}", "write one leaf from text"),
    .init(
      .delete, "DELETE", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "path", "delete a node with all below"),
    .init(
      .create, "CREATE", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "path", "create list entry, presence container or empty leaf"),
    .init(
      .getObject, "GET_OBJECT", handle: .yes, reply: .values, tier: 1, form: .known, status: .done,
      argument: "path", "all values of a container or list entry"),
    .init(
      .setObject, "SET_OBJECT", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{[value], path}", "write a whole container or list entry"),
    .init(
      .copy, "COPY", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "int to_handle", "copy all data between two transactions"),
    .init(
      .copyTree, "COPY_TREE", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{bool, path from, path to}", "copy a subtree within a transaction"),
    .init(
      .insert, "INSERT", handle: .yes, reply: .done, tier: 3, form: .known, status: .done,
      argument: "path; or {bool, path}", "insert into an indexed list"),
    .init(
      .move, "MOVE", handle: .yes, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{path, key_tuple}", "rename a list entry"),
    .init(
      .move2, "MOVE2", handle: .yes, reply: .done, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "MOVE with keys as text (no public function)"),
    .init(
      .diffIterate, "DIFF_ITER", handle: .yes, reply: .stream, tier: 1, form: .known, status: .done,
      argument: "raw int32 1, int32 flags", "walk the changes of a transaction (streamed)"),
    .init(
      .keypathDiffIterate, "DIFF_IKP_ITER", handle: .yes, reply: .stream, tier: 2, form: .known, status: .done,
      argument: "{1, int flags, path}", "walk the changes below a path (streamed)"),
    .init(
      .setFlags, "SET_FLAGS", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "int flags", "change read/write flags"),
    .init(
      .getCase, "GET_CASE", handle: .yes, reply: .tag, tier: 2, form: .known, status: .done,
      argument: "{[qtag], path}", "which case of a choice is active"),
    .init(
      .deleteAll, "DELETE_ALL", handle: .yes, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "int how", "delete all configuration in the transaction"),
    .init(
      .getCurrentDirectory, "GETCWD", handle: .yes, reply: .term, tier: 3, form: .plausible, status: .done,
      argument: "none", "current position"),
    .init(
      .getAttrs, "GET_ATTRS", handle: .yes, reply: .attributes, tier: 2, form: .known, status: .done,
      argument: "{[int attr], path}", "read attributes of a node"),
    .init(
      .setAttr, "SET_ATTR", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{{int attr, value}, path}", "set or delete an attribute"),
    .init(
      .moveOrdered, "MOVE_ORDERED", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{path, 'first' | 'last' | {'before', keys} | {'after', keys}}", "move an entry in a user ordered list"),
    .init(
      .moveOrdered2, "MOVE_ORDERED2", handle: .yes, reply: .done, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "MOVE_ORDERED with keys as text (no public function)"),
    .init(
      .getObjects, "GET_OBJECTS", handle: .yes, reply: .objects, tier: 2, form: .known, status: .done,
      argument: "{position, path, int cursor_id, atom index, int max_entries}", "read several list entries (cursor)"),
    .init(
      .getValues, "GET_VALUES", handle: .yes, reply: .tagged, tier: 1, form: .known, status: .done,
      argument: "{[tagval], path}", "read chosen leafs below a node"),
    .init(
      .setValues, "SET_VALUES", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "{[tagval], path}", "write tagged values below a node"),
    .init(
      .copyPath, "COPY_PATH", handle: .yes, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "{int to_handle, path}", "COPY restricted to a subtree"),
    .init(
      .findNext, "FIND_NEXT", handle: .yes, reply: .entry, tier: 2, form: .known, status: .done,
      argument: "{key_tuple, path, int cursor_id, int type, int bulk_hint, atom index}", "position a cursor at or after a key"),
    .init(
      .iterate, "ITERATE", handle: .yes, reply: .stream, tier: 2, form: .known, status: .done,
      argument: "{1, int flags, path}", "walk all data below a path (streamed)"),
    .init(
      .setDelayedWhen, "SET_DELAYED_WHEN", handle: .yes, reply: .bool, tier: 3, form: .known, status: .done,
      argument: "int 0 or 1", "switch the delayed-when mode"),
    .init(
      .revert, "REVERT", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "none", "drop all changes of the transaction"),
    .init(
      .setLabel, "SET_LABEL", handle: .yes, reply: .done, tier: 3, form: .known, status: .done,
      argument: "bin label; none when empty", "label of the rollback entry"),
    .init(
      .setComment, "SET_COMMENT", handle: .yes, reply: .done, tier: 3, form: .known, status: .done,
      argument: "bin comment; none when empty", "comment of the rollback entry"),
    .init(
      .attach, "ATTACH", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "{ns, int usid, 'useikp'}", "use a transaction that was started elsewhere"),
    .init(
      .detach, "DETACH", handle: .yes, reply: .done, tier: 1, form: .known, status: .done,
      argument: "none", "stop using an attached transaction"),
    .init(
      .authenticate, "AUTHENTICATE", handle: .no, reply: .term, tier: 2, form: .known, status: .done,
      argument: "{bin user, bin password [, ip, int port, bin context, int proto]}",
      "check a user name and password with the AAA of the daemon"),
    .init(
      .loadRollback, "LOAD_ROLLBACK", handle: .yes, reply: .done, tier: 3, form: .known, status: .done,
      argument: "int nr; or {'fixed', int nr}", "apply a rollback entry to a transaction"),
    .init(
      .listRollback, "LIST_ROLLBACK", handle: .no, reply: .rollbacks, tier: 3, form: .known, status: .done,
      argument: "none", "list rollback entries"),
    .init(
      .snmpSendTrap, "SNMP_SEND_TRAP", handle: .no, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "SNMP (no public function)"),
    .init(
      .getRunningDbStatus, "GET_RUNNING_DB_STATUS", handle: .no, reply: .bool, tier: 3, form: .known, status: .done,
      argument: "none", "is running consistent"),
    .init(
      .setRunningDbStatus, "SET_RUNNING_DB_STATUS", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "int 0 or 1", "set that state"),
    .init(
      .xpathToHKeypath, "XPATH2HKP", handle: .no, reply: .path, tier: 3, form: .plausible, status: .done,
      argument: "bin xpath", "XPath instance path to key path"),
    .init(
      .setReadonly, "SET_READONLY", handle: .no, reply: .term, tier: 3, form: .known, status: .done,
      argument: "int 0 or 1", "administrative read-only mode"),
    .init(
      .hkeypathToIKeypath, "HKP2IKP", handle: .no, reply: .path, tier: 3, form: .known, status: .done,
      argument: "[int]", "convert a hashed key path"),
    .init(
      .loadHashDatabase, "LOAD_HASH_DB", handle: .no, reply: .stream, tier: 1, form: .undetermined, status: .notSupported,
      argument: "unknown", "schema: names and hash values"),
    .init(
      .loadAllNamespaces, "LOAD_ALL_NS", handle: .no, reply: .stream, tier: 1, form: .known, status: .done,
      argument: "'ikp'", "load all schema data"),
    .init(
      .disconnectRemote, "DISCONNECT_REMOTE", handle: .no, reply: .integer, tier: 3, form: .plausible, status: .done,
      argument: "bin ip address text", "drop connections of a remote host"),
    .init(
      .saveConfig, "SAVE_CONFIG", handle: .yes, reply: .integer, tier: 2, form: .plausible, status: .done,
      argument: "{int flags, path or bin xpath}", "dump configuration to a stream"),
    .init(
      .saveConfigResult, "SAVE_CONFIG_RESULT", handle: .no, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "int id", "outcome of SAVE_CONFIG"),
    .init(
      .loadConfigFile, "LOAD_CONFIG_FILE", handle: .yes, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "{int flags, bin filename}", "load configuration from a file of the daemon host"),
    .init(
      .doDisplay, "DO_DISPLAY", handle: .yes, reply: .bool, tier: 3, form: .plausible, status: .done,
      argument: "path", "is a node displayed (when, display-when)"),
    .init(
      .rollConfig, "ROLL_CONFIG", handle: .yes, reply: .integer, tier: 3, form: .plausible, status: .done,
      argument: "path", "dump what would undo the transaction, to a stream"),
    .init(
      .rollConfigResult, "ROLL_CONFIG_RESULT", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "int id", "outcome of ROLL_CONFIG"),
    .init(
      .requestAction, "REQUEST_ACTION", handle: .no, reply: .optionalTagged, tier: 1, form: .known, status: .done,
      argument: "{{'exml', [tagval]}, path, atom ns}", "invoke an action or rpc"),
    .init(
      .requestActionInTransaction, "REQUEST_ACTION_TH", handle: .yes, reply: .optionalTagged, tier: 1, form: .known,
      status: .done,
      argument: "{{'exml', [tagval]}, path}", "invoke an action within a transaction"),
    .init(
      .initUpgrade, "INIT_UPGRADE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{int timeout, int flags}", "start an in-service upgrade"),
    .init(
      .performUpgrade, "PERFORM_UPGRADE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "[bin directory]", "load new schema files"),
    .init(
      .commitUpgrade, "COMMIT_UPGRADE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none", "make the upgrade permanent"),
    .init(
      .abortUpgrade, "ABORT_UPGRADE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none", "cancel the upgrade"),
    .init(
      .xpathEval, "XPATH_EVAL", handle: .yes, reply: .stream, tier: 2, form: .known, status: .done,
      argument: "{expr, bool trace, path context, int leaf_list_pos, [{name, value_expr}], root}",
      "evaluate XPath to a node set (streamed)"),
    .init(
      .xpathEvalExpr, "XPATH_EVAL_EXPR", handle: .yes, reply: .stream, tier: 2, form: .known, status: .done,
      argument: "{expr, bool trace, path context, int leaf_list_pos, [{name, value_expr}], root}", "evaluate XPath to a string"),
    .init(
      .getCryptoKeys, "GET_CRYPTO_KEYS", handle: .no, reply: .term, tier: 3, form: .known, status: .done,
      argument: "none", "fetch the keys for encrypted string types"),
    .init(
      .requestActionTextInTransaction, "REQUEST_ACTION_STR_TH", handle: .yes, reply: .text, tier: 3, form: .plausible,
      status: .done,
      argument: "{bin parameters, path}", "action with text parameters and text result"),
    .init(
      .loadConfig, "LOAD_CONFIG", handle: .yes, reply: .integer, tier: 2, form: .plausible, status: .done,
      argument: "int flags", "load configuration from a stream"),
    .init(
      .loadConfigResult, "LOAD_CONFIG_RESULT", handle: .no, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "int id", "outcome of LOAD_CONFIG"),
    .init(
      .dereference, "DEREF", handle: .yes, reply: .paths, tier: 3, form: .plausible, status: .done,
      argument: "path", "follow a leafref or instance-identifier (no public function)"),
    .init(
      .loadNamespaceList, "LOAD_NS_LIST", handle: .no, reply: .stream, tier: 2, form: .undetermined, status: .notSupported,
      argument: "unknown", "schema: selected namespaces"),
    .init(
      .loadConfigCmds, "LOAD_CONFIG_CMDS", handle: .yes, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "{int flags, bin text, path}", "load configuration from a text in the request"),
    .init(
      .queryStart, "QUERY_START", handle: .yes, reply: .integer, tier: 2, form: .plausible, status: .done,
      argument: "{bin expr, path context, int chunk, int offset, int type, [bin select], [bin sort]}",
      "start a chunked XPath query"),
    .init(
      .queryResult, "QUERY_RESULT", handle: .no, reply: .query, tier: 2, form: .plausible, status: .done,
      argument: "int query_handle", "next chunk of a query"),
    .init(
      .queryReset, "QUERY_RESET", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "{int query_handle, int offset}", "restart a query"),
    .init(
      .queryStop, "QUERY_STOP", handle: .no, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "int query_handle", "end a query"),
    .init(
      .getStreamProgress, "GET_STREAM_PROGRESS", handle: .no, reply: .integer, tier: 3, form: .plausible, status: .done,
      argument: "int id", "bytes read so far from a load stream"),
    .init(
      .queryResultCount, "QUERY_RESULT_COUNT", handle: .no, reply: .integer, tier: 3, form: .plausible, status: .done,
      argument: "int query_handle", "number of results of a query"),
    .init(
      .disconnectSockets, "DISCONNECT_SOCKETS", handle: .no, reply: .done, tier: 3, form: .plausible, status: .notSupported,
      argument: "[int]", "drop connections by descriptor number"),
    .init(
      .getSchemaFilePath, "GET_SCHEMA_FILE_PATH", handle: .no, reply: .text, tier: 2, form: .plausible, status: .notSupported,
      argument: "none", "schema: shared memory file path"),
    .init(
      .validateToken, "VALIDATE_TOKEN", handle: .no, reply: .term, tier: 3, form: .plausible, status: .notSupported,
      argument: "{bin token, ip, int port, bin context, int proto}", "authenticate with a token"),
    .init(
      .loadMountNamespaces, "LOAD_MNS_MAPS", handle: .no, reply: .stream, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "schema: mounted namespaces"),
    .init(
      .getMountID, "GET_MOUNT_ID", handle: .unknown, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "schema: id of a mount point instance"),
    .init(
      .xpathToHKeypathInTransaction, "XPATH2HKP_TH", handle: .yes, reply: .path, tier: 3, form: .plausible,
      status: .done,
      argument: "bin xpath", "same, can cross mount points"),
    .init(
      .reportProgress, "REPORT_PROGRESS", handle: .no, reply: .done, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "old progress report"),
    .init(
      .reportProgressInTransaction, "REPORT_PROGRESS_TH", handle: .yes, reply: .done, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "old progress report"),
    .init(
      .destroyCursor, "DESTROY_CURSOR", handle: .yes, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "int cursor_id", "cursor with this id is no longer used"),
    .init(
      .getRollbackID, "GET_ROLLBACK_ID", handle: .yes, reply: .rollbackID, tier: 3, form: .known, status: .done,
      argument: "none", "rollback number of the last commit"),
    .init(
      .progressSpan, "PROGRESS_SPAN", handle: .no, reply: .term, tier: 2, form: .known, status: .done,
      argument: "{1 | 3, int verbosity, text msg, path, [{key, value}], [{trace_id, span_id}]}; or {2, span_id, text}",
      "start, end or annotate a trace span"),
    .init(
      .progressSpanInTransaction, "PROGRESS_SPAN_TH", handle: .yes, reply: .term, tier: 2, form: .known, status: .done,
      argument: "as PROGRESS_SPAN", "same, tied to a transaction"),
    .init(
      .cliPrompt, "CLI_PROMPT", handle: .no, reply: .text, tier: 2, form: .known, status: .done,
      argument: "{int usid, bin prompt, choice, bool echo, timeout}", "ask the CLI user"),
    .init(
      .cliWrite, "CLI_WRITE", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{int usid, bin text}", "write to the terminal of a CLI session"),
    .init(
      .cliReadEof, "CLI_READ_EOF", handle: .no, reply: .text, tier: 3, form: .known, status: .done,
      argument: "{int usid, bool echo, timeout}", "read lines until end of file from the CLI user"),
    .init(
      .cliCmd, "CLI_CMD", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "{int usid, bin command, int flags, [bin hide_group]}", "run a command in a CLI session"),
    .init(
      .cliGet, "CLI_GET", handle: .no, reply: .text, tier: 3, form: .plausible, status: .done,
      argument: "{int usid, bin name}", "read a CLI session parameter"),
    .init(
      .cliSet, "CLI_SET", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "{int usid, bin name, bin value}", "set a CLI session parameter"),
    .init(
      .cliCmdIo, "CLI_CMD_IO", handle: .no, reply: .integer, tier: 3, form: .plausible, status: .notSupported,
      argument: "as CLI_CMD", "run a command, output to a stream"),
    .init(
      .cliCmdIoResult, "CLI_CMD_IO_RESULT", handle: .no, reply: .done, tier: 3, form: .plausible, status: .notSupported,
      argument: "int id", "outcome of CLI_CMD_IO"),
    .init(
      .cliCmdToPath, "CLI_CMD_TO_PATH", handle: .no, reply: .term, tier: 3, form: .plausible, status: .done,
      argument: "bin line", "CLI command text to namespace and path"),
    .init(
      .cliDiffCmd, "CLI_DIFF_CMD", handle: .yes, reply: .text, tier: 3, form: .plausible, status: .notSupported,
      argument: "{int old_handle, int flags, path}", "difference of two transactions as commands"),
    .init(
      .cliPathCmd, "CLI_PATH_CMD", handle: .yes, reply: .text, tier: 3, form: .plausible, status: .done,
      argument: "{int flags, path}", "command text for a path"),
    .init(
      .cliCmdToPath2, "CLI_CMD_TO_PATH2", handle: .yes, reply: .term, tier: 3, form: .plausible, status: .done,
      argument: "bin line", "same in a transaction"),
    .init(
      .cliAccounting, "CLI_ACCOUNTING", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "{bin user, int usid, bin command}", "write a CLI audit log entry"),
    .init(
      .userMessage, "USER_MESSAGE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{bin to, bin message, bin from}", "message with sender"),
    .init(
      .sysMessage, "SYS_MESSAGE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{bin to, bin message}", "unformatted message"),
    .init(
      .prioMessage, "PRIO_MESSAGE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{bin to, bin message}", "immediate message"),
    .init(
      .ncsCommitSaveTrans, "NCS_COMMIT_SAVE_TRANS", handle: .unknown, reply: .term, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "obsolete since 7.1"),
    .init(
      .ncsApplyDiffSet, "NCS_APPLY_DIFF_SET", handle: .unknown, reply: .term, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "obsolete since 7.1"),
    .init(
      .ncsToggleFastmap, "NCS_TOOGLE_FASTMAP", handle: .unknown, reply: .term, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "internal to the service manager"),
    .init(
      .ncsFunCall, "NCS_FUN_CALL", handle: .unknown, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "internal to the service manager"),
    .init(
      .ncsSharedCreate, "NCS_SHARED_CREATE", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{bool, path}", "CREATE with reference count"),
    .init(
      .ncsMovePrivateData, "NCS_MOVE_PRIVATE_DATA", handle: .unknown, reply: .term, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "obsolete since 8.1"),
    .init(
      .ncsApplyTemplate, "NCS_APPLY_TEMPLATE", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{bin template, path root, variables, documents, bool shared, bool shared}", "apply a configuration template"),
    .init(
      .ncsTemplates, "NCS_TEMPLATES", handle: .no, reply: .term, tier: 3, form: .known, status: .done,
      argument: "none", "names of loaded templates"),
    .init(
      .sharedSetElem, "SHARED_SET_ELEM", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{value, path}", "SET_ELEM for services"),
    .init(
      .sharedSetElem2, "SHARED_SET_ELEM2", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{bin text, path}", "SET_ELEM2 for services"),
    .init(
      .ncsTemplateVariables, "NCS_TEMPLATE_VARIABLES", handle: .yes, reply: .term, tier: 3, form: .known, status: .done,
      argument: "bin template; none when empty", "variables of a template"),
    .init(
      .sharedSetValues, "SHARED_SET_VALUES", handle: .yes, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{{[tagval], bool}, path}", "SET_VALUES for services"),
    .init(
      .ncsUpdatePlanHistory, "NCS_UPDATE_PLAN_HISTORY", handle: .unknown, reply: .term, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "obsolete since 7.1"),
    .init(
      .ncsCommitSaveNoDiffset, "NCS_COMMIT_SAVE_NO_DIFFSET", handle: .unknown, reply: .term, tier: 3, form: .undetermined,
      status: .notSupported,
      argument: "unknown", "obsolete since 7.1"),
    .init(
      .ncsWriteServiceLogEntry, "NCS_WRITE_SERVICE_LOG_ENTRY", handle: .no, reply: .done, tier: 3, form: .known, status: .open,
      argument: "{path, 0, message, value type, value level}", "write into the log of a service instance"),
    .init(
      .aaaReload, "AAA_RELOAD", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "int 0 or 1", "reload AAA data of an external provider"),
    .init(
      .startPhase, "START_PHASE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{int phase, int synchronous}", "go to start phase 1 or 2"),
    .init(
      .waitStart, "WAIT_START", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "int phase", "wait until a start phase is reached"),
    .init(
      .reloadConfig, "RELOAD_CONFIG", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none", "re-read daemon configuration, reopen logs"),
    .init(
      .stop, "STOP", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "int 0 or 1", "stop the daemon"),
    .init(
      .aaaReloadPath, "AAA_RELOAD_PATH", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "{int synchronous, path}", "AAA_RELOAD of a subtree"),
    .init(
      .reopenLogs, "REOPEN_LOGS", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "none", "close and reopen log files"),
    .init(
      .rebindListener, "REBIND_LISTENER", handle: .no, reply: .done, tier: 3, form: .plausible, status: .notSupported,
      argument: "int listeners", "bind listening sockets anew"),
    .init(
      .clearOpcache, "CLEAR_OPCACHE", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "path; none for all", "clear the cache of operational data"),
    .init(
      .snmpaReload, "SNMPA_RELOAD", handle: .no, reply: .done, tier: 3, form: .known, status: .open,
      argument: "int 0 or 1", "reload SNMP agent configuration of an external provider"),
    .init(
      .netconfSshCallHome, "NETCONF_SSH_CALL_HOME", handle: .no, reply: .done, tier: 3, form: .known, status: .open,
      argument: "{host, int port}", "start a NETCONF call home connection"),
    .init(
      .netconfSshCallHomeOpaque, "NETCONF_SSH_CALL_HOME_OPAQUE", handle: .no, reply: .done, tier: 3, form: .known,
      status: .open,
      argument: "{host, text opaque, int port}", "same with an opaque text"),
    .init(
      .daemonStatus, "DAEMON_STATUS", handle: .no, reply: .text, tier: 3, form: .known, status: .done,
      argument: "none", "private: status text for ncs --status"),
    .init(
      .daemonDump, "DAEMON_DUMP", handle: .no, reply: .text, tier: 3, form: .known, status: .done,
      argument: "none", "private: text for ncs --debug-dump"),
    .init(
      .checkCallbacks, "CHECK_CALLBACKS", handle: .no, reply: .text, tier: 3, form: .known, status: .done,
      argument: "text path, namespace or module; empty for all", "private: text for ncs --check-callbacks"),
    .init(
      .upgradeReport, "UPGRADE_REPORT", handle: .no, reply: .text, tier: 3, form: .known, status: .done,
      argument: "none", "private: what the upgrade under way means for the data"),
    .init(
      .terminalOpen, "TERMINAL_OPEN", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none", "private: be the terminal of the session"),
    .init(
      .terminalNext, "TERMINAL_NEXT", handle: .no, reply: .term, tier: 3, form: .known, status: .done,
      argument: "none", "private: wait for the next event of the terminal"),
    .init(
      .terminalAnswer, "TERMINAL_ANSWER", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{int question, bin text or 'eof'}", "private: answer a question"),
    .init(
      .history, "HISTORY", handle: .no, reply: .history, tier: 3, form: .known, status: .done,
      argument: "none", "private: the commits to running that are kept"),
    .init(
      .startHistoryTransaction, "START_HISTORY_TRANS", handle: .no, reply: .integer, tier: 3, form: .known, status: .done,
      argument: "{int revision, int compared_to}; compared_to -1 for none",
      "private: read running as it was at a revision; its changes are those from another one"),
    .init(
      .rollBack, "ROLL_BACK", handle: .yes, reply: .text, tier: 3, form: .known, status: .done,
      argument: "{int nr | {'fixed', int nr}, bool selective, path}",
      "private: LOAD_ROLLBACK of one commit alone, or below a path; says what was left out"),
    .init(
      .cliOpen, "CLI_OPEN", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "{bin style, bin host, bool interactive, int width, int height, bool noaaa, bin opaque}",
      "private: begin the CLI of the session of this connection, whose terminal is open"),
    .init(
      .cliExecute, "CLI_EXECUTE", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "bin line", "private: begin to carry out a command line; output and end come at the terminal"),
    .init(
      .cliComplete, "CLI_COMPLETE", handle: .no, reply: .term, tier: 3, form: .known, status: .done,
      argument: "{bin line, int character}", "private: what may stand at the end of a line"),
    .init(
      .cliInterrupt, "CLI_INTERRUPT", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none", "private: end the command that is being carried out"),
  ]

  static let byNumber = numbered(table)

  public var info: OperationInfo<MAAPIOperation> { Self.byNumber[self] ?? .unlisted(self) }
}
