import ExternalTerm
public import NIOCore
import NSOModel
import NSOTerms

extension MAAPICall {
  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeInteger(request.op | (isRelative ? 0x8000_0000 : 0))
    if let handle { buffer.writeInteger(handle.rawValue) }
    request.writeArgument(into: &buffer)
  }
}

extension MAAPIRequest {
  fileprivate func writeArgument(into buffer: inout ByteBuffer) {
    switch self {
    case .endUserSession, .getUserSessions, .getMyUserSession, .detach, .candidateValidate, .confirmedCommitInProgress,
      .candidateReset, .copyRunningToStartup, .isRunningModified, .isCandidateModified, .stopTransaction, .commitTransaction,
      .abortTransaction, .revert, .getRollbackID, .listRollback, .popDirectory, .getCurrentDirectory, .templates,
      .getTransactionParameters, .getRunningDBStatus, .getCryptoKeys, .commitUpgrade, .abortUpgrade, .reloadConfig, .reopenLogs,
      .daemonStatus, .daemonDump, .upgradeReport, .terminalOpen, .terminalNext, .history, .cli(.interrupt),
      .candidateAbortCommit(persistID: nil),
      .candidateAbortCommit(persistID: ""),
      .setLabel(""),
      .setComment(""),
      .templateVariables(""), .loadAllNamespaces(""), .clearOperationalCache(nil):
      return
    case .diffIterate(let flags): buffer.writeMultipleIntegers(1 as UInt32, flags.rawValue)
    case .unknown(_, let payload): buffer.writeImmutableBuffer(payload)
    default:
      buffer.writeTermVersion()
      if !writeData(into: &buffer), !writeControl(into: &buffer) { writeOther(into: &buffer) }
    }
  }

  /// `{a, b}`
  private func writePair(
    into buffer: inout ByteBuffer, _ first: (inout ByteBuffer) -> Void, _ second: (inout ByteBuffer) -> Void
  ) {
    buffer.writeTermTuple(arity: 2)
    first(&buffer)
    second(&buffer)
  }

  /// Reading, writing and what belongs to it; false for other requests.
  private func writeData(into buffer: inout ByteBuffer) -> Bool {
    switch self {
    case .exists(let path), .numInstances(let path), .getElem(let path), .getElem2(let path), .getElemNoDefault(let path),
      .getObject(let path), .create(let path), .delete(let path), .changeDirectory(let path), .pushDirectory(let path),
      .rollConfig(let path), .insert(let path), .dereference(let path), .doDisplay(let path):
      buffer.writeTerm(path)
    case .xpathToPath(let text), .xpathToPathInTransaction(let text): buffer.writeTermBinary(text)
    case .queryStart(let request): request.write(into: &buffer)
    case .queryResult(let query), .queryStop(let query), .queryResultCount(let query): buffer.writeTermInteger(query)
    case .queryReset(let query, let offset):
      writePair(into: &buffer) {
        $0.writeTermInteger(query)
      } _: {
        $0.writeTermInteger(offset)
      }
    case .setNamespace(let namespace): namespace.write(into: &buffer)
    case .getNext(let request): request.write(into: &buffer)
    case .findNext(let request): request.write(into: &buffer)
    case .getObjects(let request): request.write(into: &buffer)
    case .destroyCursor(let id): buffer.writeTermInteger(id)
    case .copyTree(let request): request.write(into: &buffer)
    case .xpathEval(let request), .xpathEvalExpr(let request): request.write(into: &buffer)
    case .requestAction(let request): request.write(into: &buffer)
    case .iterate(let flags, let path), .keypathDiffIterate(let flags, let path):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermInteger(1)
      buffer.writeTermInteger(flags.rawValue)
      buffer.writeTerm(path)
    case .deleteAll(let how): buffer.writeTermInteger(how.rawValue)
    case .hkeypathToIKeypath(let hashes): buffer.writeTermIntegers(hashes)
    case .getValues(let values, let path), .setValues(let values, let path):
      writePair(into: &buffer) {
        TaggedValueCoding.write(values, into: &$0)
      } _: {
        $0.writeTerm(path)
      }
    case .requestActionInTransaction(let values, let path):
      writePair(into: &buffer) {
        TaggedValueCoding.write(values, wrapped: true, into: &$0)
      } _: {
        $0.writeTerm(path)
      }
    case .requestActionText(let text, let path):
      writePair(into: &buffer) {
        $0.writeTermBinary(text)
      } _: {
        $0.writeTerm(path)
      }
    case .getCase(let choice, let path):
      writePair(into: &buffer) {
        $0.writeTermList(choice) { TagCoding.write($1, into: &$0) }
      } _: {
        $0.writeTerm(path)
      }
    case .getAttrs(let numbers, let path):
      writePair(into: &buffer) {
        $0.writeTermIntegers(numbers.map(\.rawValue))
      } _: {
        $0.writeTerm(path)
      }
    case .setElem(let value, let path), .sharedSetElem(let value, let path):
      writePair(into: &buffer) {
        $0.writeTerm(value)
      } _: {
        $0.writeTerm(path)
      }
    case .setElem2(let text, let path), .sharedSetElem2(let text, let path):
      writePair(into: &buffer) {
        $0.writeTermBinary(text)
      } _: {
        $0.writeTerm(path)
      }
    case .setObject(let values, let path):
      writePair(into: &buffer) {
        ValueCoding.writeArray(values, into: &$0)
      } _: {
        $0.writeTerm(path)
      }
    case .setAttr(let number, let value, let path):
      writePair(into: &buffer) {
        $0.writeTermTuple(arity: 2)
        $0.writeTermInteger(number.rawValue)
        if let value { ValueCoding.write(value, into: &$0) } else { $0.writeTermUndefined() }
      } _: {
        $0.writeTerm(path)
      }
    case .move(let path, let keys):
      writePair(into: &buffer) {
        $0.writeTerm(path)
      } _: {
        ValueCoding.writeKeys(keys, into: &$0)
      }
    case .moveOrdered(let path, let place):
      writePair(into: &buffer) {
        $0.writeTerm(path)
      } _: {
        place.write(into: &$0)
      }
    case .copyPath(let target, let path):
      writePair(into: &buffer) {
        $0.writeTermInteger(target.rawValue)
      } _: {
        $0.writeTerm(path)
      }
    case .sharedSetValues(let values, let backpointer, let path):
      writePair(into: &buffer) {
        $0.writeTermTuple(arity: 2)
        TaggedValueCoding.write(values, into: &$0)
        $0.writeTermBool(backpointer)
      } _: {
        $0.writeTerm(path)
      }
    case .sharedCreate(let backpointer, let path):
      writePair(into: &buffer) {
        $0.writeTermBool(backpointer)
      } _: {
        $0.writeTerm(path)
      }
    case .saveConfig(let flags, let path):
      writePair(into: &buffer) {
        $0.writeTermInteger(flags.rawValue)
      } _: {
        $0.writeTerm(path)
      }
    default: return false
    }
    return true
  }

  /// Sessions, transactions and datastores; false for other requests.
  private func writeControl(into buffer: inout ByteBuffer) -> Bool {
    switch self {
    case .startUserSession(let request): request.write(into: &buffer)
    case .killUserSession(let session), .getUserSession(let session), .getUserSessionIdentification(let session),
      .getUserSessionOpaque(let session), .getAuthorizationInfo(let session), .setNextUserSessionID(let session):
      buffer.writeTermInteger(session)
    case .setUserSession(let session):
      writePair(into: &buffer) {
        $0.writeTermInteger(session)
      } _: {
        $0.writeTermAtom("useikp" as StaticString)
      }
    case .authenticate(let request): request.write(into: &buffer)
    case .attach(let request): request.write(into: &buffer)
    case .lock(let database), .unlock(let database), .isLockSet(let database), .deleteConfig(let database):
      buffer.writeTermInteger(database.rawValue)
    case .lockPartial(let database, let xpaths):
      writePair(into: &buffer) {
        $0.writeTermInteger(database.rawValue)
      } _: {
        $0.writeTermTexts(xpaths)
      }
    case .unlockPartial(let lock): buffer.writeTermInteger(lock)
    case .candidateCommit(let request): request.write(into: &buffer)
    case .candidateConfirmedCommit(let request): request.write(into: &buffer)
    case .candidateAbortCommit(let persistID): buffer.writeTermBinary(persistID ?? "")
    case .startTransaction(let request): request.write(into: &buffer)
    case .startNestedTransaction(let request): request.write(into: &buffer)
    case .applyTransaction(let keepOpen, let flags):
      writePair(into: &buffer) {
        $0.writeTermBool(keepOpen)
      } _: {
        $0.writeTermInteger(flags)
      }
    case .validateTransaction(let unlock, let force):
      writePair(into: &buffer) {
        $0.writeTermBool(unlock)
      } _: {
        $0.writeTermBool(force)
      }
    case .prepareTransaction(let flags): buffer.writeTermInteger(flags)
    case .applyTransactionWithParameters(let keepOpen, let values):
      writePair(into: &buffer) {
        $0.writeTermBool(keepOpen)
      } _: {
        TaggedValueCoding.write(values, into: &$0)
      }
    case .setFlags(let flags): buffer.writeTermInteger(flags.rawValue)
    case .setDelayedWhen(let isOn): buffer.writeTermInteger(isOn ? 1 : 0)
    case .setLabel(let text), .setComment(let text), .checkCallbacks(let text): buffer.writeTermBinary(text)
    case .copy(let target): buffer.writeTermInteger(target.rawValue)
    case .loadRollback(let number): number.write(into: &buffer)
    case .startHistoryTransaction(let request): request.write(into: &buffer)
    case .rollBack(let request): request.write(into: &buffer)
    case .saveConfigResult(let stream), .loadConfigResult(let stream), .rollConfigResult(let stream),
      .getStreamProgress(let stream):
      buffer.writeTermInteger(stream)
    case .loadConfig(let flags): buffer.writeTermInteger(flags.rawValue)
    case .loadConfigFile(let flags, let file):
      writePair(into: &buffer) {
        $0.writeTermInteger(flags.rawValue)
      } _: {
        $0.writeTermBinary(file)
      }
    case .loadConfigCmds(let flags, let text, let path):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermInteger(flags.rawValue)
      buffer.writeTermBinary(text)
      buffer.writeTerm(path)
    default: return false
    }
    return true
  }

  /// Users, progress, services and the daemon itself.
  private func writeOther(into buffer: inout ByteBuffer) {
    switch self {
    case .cliPrompt(let request): request.write(into: &buffer)
    case .cli(let request): request.write(into: &buffer)
    case .cliWrite(let session, let text):
      writePair(into: &buffer) {
        $0.writeTermInteger(session)
      } _: {
        $0.writeTermBinary(text)
      }
    case .cliReadEOF(let session, let echo, let timeout):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermInteger(session)
      buffer.writeTermBool(echo)
      timeout.write(into: &buffer)
    case .userMessage(let to, let message, let from):
      buffer.writeTermTuple(arity: 3)
      for text in [to, message, from] { buffer.writeTermBinary(text) }
    case .sysMessage(let to, let message), .prioMessage(let to, let message):
      writePair(into: &buffer) {
        $0.writeTermBinary(to)
      } _: {
        $0.writeTermBinary(message)
      }
    case .progressSpan(let span), .progressSpanInTransaction(let span): span.write(into: &buffer)
    case .applyTemplate(let request): request.write(into: &buffer)
    case .templateVariables(let name): buffer.writeTermBinary(name)
    case .writeServiceLogEntry(let entry): entry.write(into: &buffer)
    case .setRunningDBStatus(let isOn), .setReadonly(let isOn), .aaaReload(let isOn), .snmpaReload(let isOn), .stop(let isOn):
      buffer.writeTermInteger(isOn ? 1 : 0)
    case .loadAllNamespaces(let form): buffer.writeTermAtom(form)
    case .aaaReloadPath(let wait, let path):
      writePair(into: &buffer) {
        $0.writeTermInteger(wait ? 1 : 0)
      } _: {
        $0.writeTerm(path)
      }
    case .clearOperationalCache(let path?): buffer.writeTerm(path)
    case .disconnectRemote(let address): buffer.writeTermBinary(address)
    case .terminalAnswer(let question, let text):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(question)
      if let text { buffer.writeTermBinary(text) } else { buffer.writeTermAtom("eof" as StaticString) }
    case .initUpgrade(let timeout, let flags):
      writePair(into: &buffer) {
        $0.writeTermInteger(timeout)
      } _: {
        $0.writeTermInteger(flags)
      }
    case .performUpgrade(let directories): buffer.writeTermTexts(directories)
    case .startPhase(let phase, let synchronous):
      writePair(into: &buffer) {
        $0.writeTermInteger(phase)
      } _: {
        $0.writeTermInteger(synchronous ? 1 : 0)
      }
    case .waitStart(let phase): buffer.writeTermInteger(phase)
    case .netconfCallHome(let request): request.write(into: &buffer)
    default: assertionFailure("\(self) has no writer")
    }
  }
}
