import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

extension DaemonEvent {
  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermVersion()
    switch self {
    case .audit(let record):
      buffer.writeEventHead(kind, arity: 5)
      buffer.writeTermInteger(record.number)
      buffer.writeTermBinary(record.user)
      buffer.writeTermInteger(record.session)
      buffer.writeTermBinary(record.message)
    case .log(_, let entry):
      buffer.writeEventHead(kind, arity: 4)
      buffer.writeTermInteger(entry.number)
      buffer.writeTermInteger(entry.priority)
      buffer.writeTermBinary(entry.message)
    case .commitSimple(let notice):
      buffer.writeEventHead(kind, arity: 5)
      buffer.writeTermInteger(notice.database.rawValue)
      buffer.writeEventUser(notice.user)
      buffer.writeTermInteger(notice.hasDiff ? 1 : 0)
      buffer.writeTermInteger(notice.flags.rawValue)
    case .commitDiff(let notice): notice.write(kind, into: &buffer)
    case .commitFailed(let failure): failure.write(kind, into: &buffer)
    case .confirmedCommit(let notice):
      buffer.writeEventHead(kind, arity: 4)
      buffer.writeTermInteger(notice.kind.rawValue)
      buffer.writeTermInteger(notice.timeout)
      buffer.writeEventUser(notice.user)
    case .userSession(let notice):
      buffer.writeEventHead(kind, arity: 4)
      buffer.writeTermInteger(notice.kind.rawValue)
      buffer.writeEventUser(notice.user)
      buffer.writeTermInteger(notice.database.rawValue)
    case .ha(let info):
      buffer.writeEventHead(kind, arity: 2)
      info.write(into: &buffer)
    case .subagent(let isUp, let name):
      buffer.writeEventHead(kind, arity: 2)
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(isUp ? 1 : 2)
      buffer.writeTermBinary(name)
    case .forward(let notice):
      buffer.writeEventHead(kind, arity: 4)
      buffer.writeTermInteger(notice.kind.rawValue)
      buffer.writeTermBinary(notice.target)
      buffer.writeEventUser(notice.user)
    case .heartbeat, .healthCheck, .packageReload, .reopenLogs, .goingDown: buffer.writeEventHead(kind, arity: 1)
    case .upgrade(let step):
      buffer.writeEventHead(kind, arity: 2)
      buffer.writeTermInteger(step.rawValue)
    case .progress(_, let record):
      buffer.writeEventHead(kind, arity: 2)
      record.write(into: &buffer)
    case .stream(let notice):
      buffer.writeEventHead(kind, arity: 2)
      notice.write(into: &buffer)
    case .commitQueue(let progress): progress.write(kind, into: &buffer)
    case .auditNetwork(let audit):
      buffer.writeEventHead(kind, arity: 2)
      buffer.writeTermTuple(arity: 6)
      buffer.writeTermInteger(audit.session)
      buffer.writeTermInteger(audit.transaction)
      for text in [audit.user, audit.device, audit.trace, audit.configuration] { buffer.writeTermBinary(text) }
    case .compaction(let notice):
      buffer.writeEventHead(kind, arity: 9)
      buffer.writeTermInteger(notice.file)
      buffer.writeTermInteger(notice.isManual ? 2 : 1)
      for number in [
        notice.sizeBefore, notice.sizeAfter, notice.sizeAfterPrevious, notice.start, notice.duration, notice.transactions,
      ] { buffer.writeTermInteger(number) }
    }
  }
}

extension ByteBuffer {
  /// The tuple and its first element, the bit.
  fileprivate mutating func writeEventHead(_ kind: EventMask, arity: Int) {
    writeTermTuple(arity: arity)
    writeTermInteger(kind.rawValue)
  }

  fileprivate mutating func writeEventUser(_ user: EventUser) {
    writeTermTuple(arity: 10)
    writeTermInteger(user.session)
    writeTermBinary(user.user)
    writeTermBinary(user.password)
    writeTermBinary(user.context)
    writeTermInteger(user.sessionProtocol.rawValue)
    writeTermAddress(user.address)
    writeTermInteger(user.port)
    writeTermInteger(user.loginTime)
    writeTermBinary(user.snmpContext)
    writeTermInteger(user.flags)
  }
}

extension CommitDiffNotice {
  fileprivate func write(_ kind: EventMask, into buffer: inout ByteBuffer) {
    let isShort = comment == nil && label == nil
    buffer.writeEventHead(kind, arity: isShort ? 5 : 7)
    buffer.writeTermInteger(database.rawValue)
    buffer.writeEventUser(user)
    buffer.writeTermInteger(transaction)
    buffer.writeTermInteger(flags.rawValue)
    guard !isShort else { return }
    buffer.writeTermBinary(comment ?? "")
    buffer.writeTermBinary(label ?? "")
  }
}

extension CommitFailure {
  fileprivate func write(_ kind: EventMask, into buffer: inout ByteBuffer) {
    switch participant {
    case .netconfSubagent(let address, let port):
      buffer.writeEventHead(kind, arity: 5)
      buffer.writeTermInteger(2)
      buffer.writeTermInteger(database.rawValue)
      buffer.writeTermAddress(address)
      buffer.writeTermInteger(port)
    case .dataProvider(let name):
      buffer.writeEventHead(kind, arity: 4)
      buffer.writeTermInteger(3)
      buffer.writeTermInteger(database.rawValue)
      buffer.writeTermBinary(name)
    case .other(let number):
      buffer.writeEventHead(kind, arity: 3)
      buffer.writeTermInteger(number)
      buffer.writeTermInteger(database.rawValue)
    }
  }
}

extension ProgressRecord {
  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 15)
    buffer.writeTermInteger(kind.rawValue)
    buffer.writeTermInteger(time)
    buffer.writeTermInteger(duration)
    for text in [span, parent, trace] { buffer.writeTermBinary(text) }
    buffer.writeTermInteger(session)
    buffer.writeTermInteger(transaction)
    buffer.writeTermInteger(database.rawValue)
    for text in [context, subsystem, message, annotation] { buffer.writeTermBinary(text) }
    buffer.writeTermList(attributes) { buffer, attribute in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermBinary(attribute.key)
      switch attribute.value {
      case .text(let text): buffer.writeTermBinary(text)
      case .number(let number): buffer.writeTermInteger(number)
      }
    }
    buffer.writeTermList(links) { buffer, link in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermBinary(link.trace)
      buffer.writeTermBinary(link.span)
    }
  }
}

extension StreamNotice {
  fileprivate func write(into buffer: inout ByteBuffer) {
    switch self {
    case .notification(let time, let values):
      buffer.writeTermTuple(arity: 2)
      ValueCoding.write(.dateTime(time), into: &buffer)
      TaggedValueCoding.write(values, into: &buffer)
    case .replayComplete: buffer.writeTermAtom("replay_complete" as StaticString)
    case .notificationComplete: buffer.writeTermAtom("notification_complete" as StaticString)
    case .replayFailed(let reason):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("replay_failed" as StaticString)
      buffer.writeTermBinary(reason)
    }
  }
}

extension CommitQueueProgress {
  fileprivate func write(_ eventKind: EventMask, into buffer: inout ByteBuffer) {
    buffer.writeEventHead(eventKind, arity: 11)
    buffer.writeTermInteger(kind.rawValue)
    ValueCoding.write(.dateTime(time), into: &buffer)
    ValueCoding.write(.uint64(item), into: &buffer)
    buffer.writeTermBinary(tag)
    buffer.writeTermTexts(completed)
    buffer.writeTermTexts(transient)
    buffer.writeTermList(failed) { buffer, device in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermBinary(device.device)
      buffer.writeTermBinary(device.reason)
    }
    buffer.writeTermList(completedServices) { buffer, service in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermBinary(service.service)
      buffer.writeTermTexts(service.completedDevices)
    }
    buffer.writeTermList(failedServices) { buffer, service in
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermBinary(service.service)
      buffer.writeTermTexts(service.completedDevices)
      buffer.writeTermTexts(service.failedDevices)
    }
    buffer.writeTermBinary(trace)
  }
}
