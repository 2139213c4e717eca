import ExternalTerm
import Foundation
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@Suite struct OperationTableTests {
  @Test func everyOperationHasOneLine() {
    check(MAAPIOperation.self)
    check(CDBOperation.self)
    check(ProviderOperation.self)
    #expect(MAAPIOperation.table.count(where: { $0.operation.rawValue < 900 }) == 177 && CDBOperation.table.count == 55)
  }

  private func check<O: NSOWire.Operation>(_ type: O.Type) {
    #expect(O.table.map(\.operation.rawValue) == O.allCases.map(\.rawValue), "one line each, in the order of the numbers")
    #expect(Set(O.table.map(\.name)).count == O.table.count)
    for line in O.table {
      #expect((1...3).contains(line.tier), "\(line.name)")
      #expect(line.form != .undetermined || line.status == .notSupported, "\(line.name) has no form, so it is not supported")
      #expect(!line.purpose.isEmpty && !line.argument.isEmpty, "\(line.name)")
    }
  }

  /// The numbers, names, handles and tiers are those of the protocol description.
  @Test func theTableIsThatOfTheDescription() throws {
    let maapi = try String(contentsOf: Self.root.appending(path: "Documentation/Protocol/04-maapi.md"), encoding: .utf8)
    var lines = 0
    for match in maapi.matches(of: /(?m)^\| (\d+) \| (\w+) \| ([yns?]) \| [yn] \| T(\d) \| (.*?) \|$/) {
      let line = try #require(MAAPIOperation.table.first { $0.operation.rawValue == UInt32(match.1) })
      #expect(line.name == match.2 && "T\(line.tier)" == "T\(match.4)" && line.purpose == match.5)
      #expect(line.handle == (match.3 == "n" ? .no : match.3 == "?" ? .unknown : .yes), "\(line.name)")
      lines += 1
    }
    #expect(lines == MAAPIOperation.table.count(where: { $0.operation.rawValue < 900 }), "all but the private ones")
    let cdb = try String(contentsOf: Self.root.appending(path: "Documentation/Protocol/03-cdb.md"), encoding: .utf8)
    lines = 0
    for match in cdb.matches(of: /(?m)^\| (\d+) \| (OP_\w+)(?: \(daemon to client\))? \| T(\d) \|/) {
      let line = try #require(CDBOperation.table.first { $0.operation.rawValue == UInt32(match.1) })
      #expect(line.name == match.2 && "\(line.tier)" == match.3)
      lines += 1
    }
    #expect(lines == CDBOperation.table.count - 1, "all but the withdrawn one")
  }

  /// `Documentation/Operations.md` is made from the tables; `NSO_UPDATE_DOCUMENTATION=1 swift test --filter OperationTable`
  /// makes it anew.
  @Test func theDocumentIsFresh() throws {
    let document = Self.root.appending(path: "Documentation/Operations.md")
    let text = Self.document()
    if ProcessInfo.processInfo.environment["NSO_UPDATE_DOCUMENTATION"] != nil {
      try text.write(to: document, atomically: true, encoding: .utf8)
    }
    #expect(
      try String(contentsOf: document, encoding: .utf8) == text,
      "the tables changed: run NSO_UPDATE_DOCUMENTATION=1 swift test --filter OperationTable, and commit the document")
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func document() -> String {
    """
    # Operations

    Made from the tables in `Sources/NSOWire/Operations`; do not edit. Status: **done** our daemon serves it; *open* there is a
    message for it, the daemon answers NOT_IMPLEMENTED so far; – not supported, answered with NOT_IMPLEMENTED. Form: whether
    the sources show the bytes (known), or they are a proposal (plausible), or nothing is known. Tier: 1 nearly every
    application, 2 common, 3 rare.

    ## MAAPI

    \(rows(MAAPIOperation.self))

    ## CDB

    \(rows(CDBOperation.self))

    ## Data providers

    \(rows(ProviderOperation.self))

    """
  }

  private static func rows<O: NSOWire.Operation>(_ type: O.Type) -> String {
    let head = "| No | Name | Handle | Argument | Tier | Form | Status | Purpose |\n|---|---|---|---|---|---|---|---|"
    let rows = O.table.map { line in
      let status =
        switch line.status {
        case .done: "**done**"
        case .open: "*open*"
        case .notSupported: "–"
        }
      let argument = line.argument.replacing("|", with: "\\|")
      return
        "| \(line.operation.rawValue) | \(line.name) | \(line.handle) | `\(argument)` | \(line.tier) | \(line.form) | \(status) | \(line.purpose) |"
    }
    return ([head] + rows).joined(separator: "\n")
  }

  /// Every operation with a message travels there and back, those without vectors too.
  @Test func everyMessageComesBack() throws {
    var covered: Set<UInt32> = []
    for request in Self.maapi {
      let handle = request.operation?.takesHandle == true ? TransactionHandle(7) : nil
      let call = MAAPICall(request, handle: handle, isRelative: covered.count.isMultiple(of: 2))
      var buffer = ByteBuffer()
      call.write(into: &buffer)
      #expect(try MAAPICall(buffer) == call)
      covered.insert(request.op)
    }
    for op in MAAPIOperation.table where op.status != .notSupported {
      #expect(covered.contains(op.operation.rawValue), "\(op.name)")
    }
    covered = []
    for request in Self.cdb {
      var buffer = ByteBuffer()
      CDBCall(request).write(into: &buffer)
      #expect(try CDBCall(buffer) == CDBCall(request))
      covered.insert(request.op)
    }
    for op in CDBOperation.table where op.form != .undetermined && op.operation != .subscriptionEvent {
      #expect(covered.contains(op.operation.rawValue), "\(op.name)")
    }
  }

  private static let path = WireKeypath([
    .tag(NSOModel.Tag("top", in: "urn:x")), .tag("list"), .keys([.string("k"), .uint8(1)]),
  ])
  private static let values = [TaggedValue("a", .uint8(1)), TaggedValue("b", .leaf)]

  private static let maapi: [MAAPIRequest] = [
    .startUserSession(StartUserSession(user: "u", groups: ["g"])),
    .startUserSession(
      StartUserSession(user: "u", address: .v6(IPv6Address(high: 0, low: 1)), identification: .init(vendor: "v"))),
    .endUserSession, .killUserSession(1), .getUserSessions, .getUserSession(1), .getMyUserSession, .setUserSession(1),
    .getUserSessionIdentification(1), .getUserSessionOpaque(1), .getAuthorizationInfo(1), .setNextUserSessionID(100),
    .authenticate(Authenticate(user: "u", password: "p")),
    .authenticate(
      Authenticate(user: "u", password: "p", origin: .init(address: .loopback, port: 1, context: "cli", sessionProtocol: .ssh))),
    .attach(Attach(namespace: .hash(7), session: 3)), .detach, .lock(.running), .unlock(.candidate), .isLockSet(.startup),
    .lockPartial(.running, xpaths: ["/a"]), .unlockPartial(lock: 4), .candidateValidate, .candidateCommit(CandidateCommit()),
    .candidateConfirmedCommit(CandidateConfirmedCommit(timeout: 60, persist: "p")), .candidateAbortCommit(persistID: nil),
    .candidateAbortCommit(persistID: "p"), .confirmedCommitInProgress, .candidateReset, .copyRunningToStartup,
    .isRunningModified, .isCandidateModified, .deleteConfig(.startup),
    .startTransaction(StartTransaction(.running, .readWrite)),
    .startNestedTransaction(StartNestedTransaction(.readWrite, backend: TransactionHandle(3), flags: .runSetHooks)),
    .stopTransaction, .applyTransaction(keepOpen: true, flags: 1 << 40), .validateTransaction(unlock: true, force: false),
    .prepareTransaction(flags: 1), .commitTransaction, .abortTransaction, .revert, .setFlags([.configOnly]),
    .setDelayedWhen(true), .setLabel("l"), .setLabel(""), .setComment("c"), .copy(to: TransactionHandle(8)), .getRollbackID,
    .listRollback, .loadRollback(.fixed(3)), .loadRollback(.relative(0)), .setNamespace(.uri("urn:x")), .setNamespace(.none),
    .changeDirectory(path), .pushDirectory(path), .popDirectory, .getCurrentDirectory, .exists(path), .numInstances(path),
    .getElem(path), .getElem(WireKeypath(text: "/x:top/list{k 1}")), .getElem2(path), .getElemNoDefault(path), .getObject(path),
    .getValues(values, path), .getCase(choice: ["c", "d"], path), .getAttrs([.tags, .inactive], path),
    .getNext(GetNext(.first(filter: "a<1"), path, cursor: 1)),
    .getNext(GetNext(.after(CursorEntry(keys: [.int32(1)])), path, cursor: 1)),
    .findNext(FindNext([.bool(true)], path, cursor: 1, includesSame: true)),
    .getObjects(GetObjects(.first(filter: nil), path, cursor: 1, maxEntries: 10)), .destroyCursor(id: 5),
    .iterate([.wantAttributes], path), .diffIterate([]), .keypathDiffIterate([], path),
    .xpathEval(XPathEvaluation("/a", context: path, variables: [.init("n", "1")], root: [.tag("r")])),
    .queryStart(QueryStart("/a", context: path, resultType: .path, selections: ["b"], order: ["c"])), .queryResult(query: 1),
    .queryReset(query: 1, offset: 5), .queryStop(query: 1), .queryResultCount(query: 1), .xpathToPath("/a"),
    .xpathToPathInTransaction("/a"), .dereference(path), .doDisplay(path), .xpathEvalExpr(XPathEvaluation("1")),
    .hkeypathToIKeypath([1, 4_000_000_000]), .create(path), .delete(path),
    .setElem(EncodedTerm(.uint8(1)), path), .setElem2("1", path), .setObject([.int32(1), .int32(2)], path),
    .setValues(values, path), .setAttr(.annotation, .string("n"), path), .setAttr(.tags, nil, path), .insert(path),
    .move(path, to: [.string("z")]), .moveOrdered(path, .first), .moveOrdered(path, .last),
    .moveOrdered(path, .before([.int8(1)])),
    .moveOrdered(path, .after([.int8(1)])), .copyTree(CopyTree(from: path, to: path)),
    .copyPath(to: TransactionHandle(8), path),
    .deleteAll(.safe), .saveConfig([.xml], path), .saveConfig([.xml, .xpath], WireKeypath(text: "/a[b]")),
    .saveConfigResult(stream: 3), .loadConfig([.merge]), .loadConfigResult(stream: 3), .loadConfigFile([.xml], file: "/f"),
    .loadConfigCmds([.cliC], text: "no a", .root), .rollConfig(path), .rollConfigResult(stream: 3),
    .getStreamProgress(stream: 3), .requestAction(RequestAction(values, path, namespace: "urn:x")),
    .requestActionInTransaction(values, path), .requestActionText("a 1", path),
    .cliPrompt(CLIPrompt(3, "?", choice: .several(["a", "b"]))),
    .cliPrompt(CLIPrompt(3, "?", echo: false, timeout: .milliseconds(5))), .cliWrite(3, "x"),
    .cliReadEOF(3, echo: true, timeout: .infinity), .userMessage(to: "all", message: "m", from: "f"),
    .sysMessage(to: "all", message: "m"), .prioMessage(to: "all", message: "m"),
    .progressSpan(.end(span: "s", annotation: "")),
    .progressSpan(.start(.init("m", path: path, links: [.init(trace: "t", span: nil)]))),
    .progressSpanInTransaction(.info(.init(verbosity: 2, "m", attributes: [.init("k", .integer(1))]))),
    .sharedCreate(backpointer: true, path), .sharedSetElem(EncodedTerm(.uint8(1)), path), .sharedSetElem2("1", path),
    .sharedSetValues(values, backpointer: true, path),
    .applyTemplate(
      ApplyTemplate(
        "t", root: path, variables: EncodedTerm(Term.list([])), documents: EncodedTerm(Term.list([])), isShared: false)),
    .templates, .templateVariables("t"), .applyTransactionWithParameters(keepOpen: false, values), .getTransactionParameters,
    .writeServiceLogEntry(ServiceLogEntry(path, "m", type: .enumeration(1), level: .enumeration(2))), .getRunningDBStatus,
    .setRunningDBStatus(true), .setReadonly(true), .getCryptoKeys, .loadAllNamespaces("ikp"), .loadAllNamespaces(""),
    .initUpgrade(timeout: 5, flags: 1), .performUpgrade(["/d"]), .commitUpgrade, .abortUpgrade, .aaaReload(wait: true),
    .aaaReloadPath(wait: false, path), .clearOperationalCache(nil), .clearOperationalCache(path),
    .disconnectRemote("192.0.2.1"),
    .snmpaReload(wait: false), .startPhase(1, synchronous: true), .waitStart(phase: 2), .reloadConfig, .stop(wait: true),
    .reopenLogs, .netconfCallHome(NetconfCallHome(.address(.loopback), port: 4334)),
    .netconfCallHome(NetconfCallHome(.name("host"), port: 4334, opaque: "o")), .daemonStatus, .daemonDump, .upgradeReport,
    .checkCallbacks("/a/b"),
    .history,
    .startHistoryTransaction(StartHistoryTransaction(revision: 5, comparedTo: 2)),
    .startHistoryTransaction(StartHistoryTransaction(revision: 5)),
    .rollBack(RollBack(.fixed(3), isSelective: true, below: WireKeypath(Keypath([.tag(Tag("a", in: "urn:a"))])))),
    .cli(.command(3, "show x", flags: 1, hiddenGroups: ["debug"])), .cli(.get(3, "paginate")),
    .cli(.set(3, "paginate", "true")), .cli(.path("set a b", inTransaction: false)),
    .cli(.path("set a b", inTransaction: true)), .cli(.commandOfPath(flags: 2, path)),
    .cli(.accounting(user: "a", 3, "show")),
    .cli(.open(CLIOpen(style: "j", host: "h", isInteractive: true, withoutAuthorization: true, opaque: "o"))),
    .cli(.execute("show")), .cli(.complete("sho", character: 9)), .cli(.interrupt), .terminalOpen, .terminalNext,
    .terminalAnswer(3, "yes"), .terminalAnswer(3, nil),
  ]

  private static let cdb: [CDBRequest] = [
    .clientName("me"), .newSession(NewSession(.running)),
    .newSession(NewSession(.operational, options: [.lockRequest, .lockPartial, .lockWait, .readCommitted], wantsNames: false)),
    .endSession, .setNamespace(.uri("urn:x")), .changeDirectory(path), .pushDirectory(path), .popDirectory,
    .getCurrentDirectory,
    .get(path), .exists(path), .numInstances(path), .getObject(path), .getObjects(path, start: 0, count: 5),
    .getValues(values, path), .keyIndex(path), .nextIndex(path), .getCase(choice: ["c"], path), .isDefault(path),
    .getAttrs([], path), .subscribe(Subscribe(MatchPath("/a/b{*}"), priority: -1)),
    .subscribe(Subscribe(MatchPath("/a"), priority: 1, namespace: "urn:x", kind: .runningTwoPhase, wantsAbortOnAbort: true)),
    .unsubscribe(point: 3), .subscribeDone, .operationalSubscribe(namespace: "urn:x", MatchPath("/a")),
    .syncSubscription(.donePriority), .syncSubscription(.abort(.reason(.init(.inUse, "busy", info: values)))),
    .syncSubscription(.abort(.other(EncodedTerm(.tuple([.atom("cs_error"), .atom("cdb")]))))),
    .subscriptionIterate(point: 3, [.wantPrevious]), .subscriptionProgress("half"),
    .getModifications(point: 3, [.includeLists], .root), .getCLI(point: 3, []), .getUserSession, .getTransactionHandle,
    .triggerSubscriptions([]), .triggerOperationalSubscriptions([1, 300], wait: true),
    .replaySubscriptions(EncodedTerm(Term.integer(1)), [2]), .getReplayTransactionIDs, .setTimeout(seconds: 30),
    .mandatorySubscriber("m"), .setElem(EncodedTerm(.uint8(1)), path), .setElem2("1", path), .create(path), .delete(path),
    .setObject([.notFound], path), .setValues(values, path), .setCase(choice: ["c"], case: "d", path),
    .setAttr(.annotation, nil, path), .waitStart, .getPhase, .getTransactionID, .initiateCompaction,
    .initiateFileCompaction(file: 1), .getCompactionInfo(file: 2),
  ]
}
