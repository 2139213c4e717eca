extension CDBOperation: Operation {
  public static var apiName: String { "CDB" }

  /// The one list from which dispatch, documentation and the table of what works are made.
  public static let table: [OperationInfo<CDBOperation>] = [
    .init(
      .clientName, "OP_CLIENT_NAME", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "raw name bytes", "name of the client"),
    .init(
      .newSession, "OP_NEW_SESSION", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "{int db, [atom option]}", "start a session on a datastore"),
    .init(
      .endSession, "OP_END_SESSION", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "none", "end the session"),
    .init(
      .setNamespace, "OP_SET_NAMESPACE", handle: .no, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "atom ns; or int hash", "namespace for unqualified first elements"),
    .init(
      .get, "OP_GET", handle: .no, reply: .value, tier: 1, form: .known, status: .done,
      argument: "path", "read one leaf"),
    .init(
      .changeDirectory, "OP_CD", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "path", "change the current position"),
    .init(
      .pushDirectory, "OP_PUSHD", handle: .no, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "path", "change position, remember the old one"),
    .init(
      .popDirectory, "OP_POPD", handle: .no, reply: .done, tier: 2, form: .plausible, status: .done,
      argument: "none", "return to the remembered position"),
    .init(
      .exists, "OP_EXISTS", handle: .no, reply: .bool, tier: 1, form: .known, status: .done,
      argument: "path", "does a node exist"),
    .init(
      .numInstances, "OP_NUM_INSTANCES", handle: .no, reply: .integer, tier: 1, form: .known, status: .done,
      argument: "path", "number of entries of a list"),
    .init(
      .getCurrentDirectory, "OP_GETCWD", handle: .no, reply: .path, tier: 2, form: .plausible, status: .done,
      argument: "none", "current position"),
    .init(
      .get2, "OP_GET2", handle: .no, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only"),
    .init(
      .getObject, "OP_GET_OBJECT", handle: .no, reply: .values, tier: 1, form: .known, status: .done,
      argument: "path", "all values of a container or list entry"),
    .init(
      .getObjects, "OP_GET_OBJECTS", handle: .no, reply: .valueArrays, tier: 2, form: .known, status: .done,
      argument: "{path, int start, int count}", "value arrays of several list entries"),
    .init(
      .getValues, "OP_GET_VALUES", handle: .no, reply: .tagged, tier: 2, form: .known, status: .done,
      argument: "{[tagval], path}", "read chosen leafs below a node"),
    .init(
      .keyIndex, "OP_KEY_INDEX", handle: .no, reply: .integer, tier: 2, form: .known, status: .done,
      argument: "path", "position of a list entry"),
    .init(
      .nextIndex, "OP_NXT_INDEX", handle: .no, reply: .integer, tier: 2, form: .known, status: .done,
      argument: "path", "position of the entry after a key"),
    .init(
      .getCase, "OP_GET_CASE", handle: .no, reply: .tag, tier: 2, form: .known, status: .done,
      argument: "{[qtag], path}", "which case of a choice is active"),
    .init(
      .isDefault, "OP_IS_DEFAULT", handle: .no, reply: .bool, tier: 2, form: .plausible, status: .done,
      argument: "path", "is the default in effect"),
    .init(
      .clientInfo, "OP_CLIENT_INFO", handle: .no, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "number known only"),
    .init(
      .subscribe, "OP_SUBSCRIBE", handle: .no, reply: .integer, tier: 1, form: .known, status: .done,
      argument: "{int prio, atom ns, {match_path, true}}; or {int type, int flags, 0, int prio, atom ns, {match_path, true}}",
      "register a subscription point"),
    .init(
      .subscriptionEvent, "OP_SUB_EVENT", handle: .no, reply: .noReply, tier: 1, form: .known, status: .done,
      argument: "{int type, int flags, [int point]}", "pushed by the daemon: something changed"),
    .init(
      .syncSubscription, "OP_SYNC_SUB", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "int type; or {5, error}", "done with an event"),
    .init(
      .unsubscribe, "OP_UNSUBSCRIBE", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "int point", "remove a subscription point"),
    .init(
      .subscriptionIterate, "OP_SUB_ITERATE", handle: .no, reply: .stream, tier: 1, form: .known, status: .done,
      argument: "raw uint32 point, uint32 flags", "walk the changes of a point (streamed)"),
    .init(
      .subscribeDone, "OP_SUBSCRIBE_DONE", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "none", "all points are registered"),
    .init(
      .operationalSubscribe, "OP_OPER_SUBSCRIBE", handle: .no, reply: .integer, tier: 2, form: .plausible, status: .done,
      argument: "{atom ns, {match_path, true}}", "register a point on operational data"),
    .init(
      .subscriptionProgress, "OP_SUB_PROGRESS", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "bin text", "progress text for the user who commits"),
    .init(
      .getModifications, "OP_GET_MODIFICATIONS", handle: .no, reply: .tagged, tier: 2, form: .plausible, status: .done,
      argument: "{int point, int flags, path}", "changes as tagged values"),
    .init(
      .getCLI, "OP_GET_CLI", handle: .no, reply: .text, tier: 2, form: .known, status: .done,
      argument: "{int point, int flags}", "changes as CLI commands"),
    .init(
      .setElem, "OP_SET_ELEM", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "{value, path}", "write one leaf"),
    .init(
      .setElem2, "OP_SET_ELEM2", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{bin text, path}", "write one leaf from text"),
    .init(
      .create, "OP_CREATE", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "path", "create list entry, presence container or empty leaf"),
    .init(
      .delete, "OP_DELETE", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "path", "delete a node with all below"),
    .init(
      .setObject, "OP_SET_OBJECT", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{[value], path}", "write a whole container or list entry"),
    .init(
      .setValues, "OP_SET_VALUES", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{[tagval], path}", "write tagged values below a node"),
    .init(
      .setCase, "OP_SET_CASE", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{{[qtag], qtag}, path}", "select a case of a choice"),
    .init(
      .waitStart, "OP_WAIT_START", handle: .no, reply: .done, tier: 1, form: .known, status: .done,
      argument: "none", "wait until CDB is started"),
    .init(
      .getPhase, "OP_GET_PHASE", handle: .no, reply: .phase, tier: 2, form: .known, status: .done,
      argument: "none", "start phase"),
    .init(
      .getTransactionID, "OP_GET_TXID", handle: .no, reply: .transactionID, tier: 2, form: .known, status: .done,
      argument: "none", "id of the last configuration transaction"),
    .init(
      .getUserSession, "OP_GET_USER_SESSION", handle: .no, reply: .integer, tier: 2, form: .plausible, status: .done,
      argument: "none", "user session behind the outstanding event"),
    .init(
      .triggerSubscriptions, "OP_TRIGGER_SUBS", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "[int point]", "deliver a synthetic transaction"),
    .init(
      .loadFile, "(withdrawn)", handle: .no, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "load a file; no longer served"),
    .init(
      .getTransactionHandle, "OP_GET_TRANS_TID", handle: .no, reply: .integer, tier: 3, form: .plausible, status: .done,
      argument: "none", "transaction behind the outstanding event"),
    .init(
      .replaySubscriptions, "OP_REPLAY_SUBS", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "{txid, [int point]}", "deliver the last transaction again"),
    .init(
      .getReplayTransactionIDs, "OP_GET_REPLAY_TXID", handle: .no, reply: .term, tier: 3, form: .plausible, status: .done,
      argument: "none", "transactions that can be replayed"),
    .init(
      .setTimeout, "OP_SET_TIMEOUT", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "int seconds", "time left for the current action"),
    .init(
      .mandatorySubscriber, "OP_MANDATORY_SUBSCRIBER", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "bin name", "name this subscriber mandatory"),
    .init(
      .triggerOperationalSubscriptions, "OP_TRIGGER_OPER_SUBS", handle: .no, reply: .done, tier: 2, form: .known, status: .done,
      argument: "{[int point], int flags}", "deliver a synthetic operational event"),
    .init(
      .initiateCompaction, "OP_INITIATE_COMPACTION", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "none", "compact all journals"),
    .init(
      .initiateFileCompaction, "OP_INITIATE_DBFILE_COMPACTION", handle: .no, reply: .done, tier: 3, form: .known, status: .done,
      argument: "int file", "compact one journal"),
    .init(
      .getMountID, "OP_GET_MOUNT_ID", handle: .no, reply: .term, tier: 3, form: .undetermined, status: .notSupported,
      argument: "unknown", "id of a mount point instance"),
    .init(
      .getAttrs, "OP_GET_ATTRS", handle: .no, reply: .attributes, tier: 3, form: .plausible, status: .done,
      argument: "{[int attr], path}", "read attributes of a node"),
    .init(
      .setAttr, "OP_SET_ATTR", handle: .no, reply: .done, tier: 3, form: .plausible, status: .done,
      argument: "{{int attr, value}, path}", "set or delete an attribute"),
    .init(
      .getCompactionInfo, "OP_GET_COMPACTION_INFO", handle: .no, reply: .compaction, tier: 3, form: .known, status: .done,
      argument: "int file", "facts about the last compaction"),
  ]

  static let byNumber = numbered(table)

  public var info: OperationInfo<CDBOperation> { Self.byNumber[self] ?? .unlisted(self) }
}
