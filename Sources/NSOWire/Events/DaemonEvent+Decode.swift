import ExternalTerm
import NSOModel
import NSOTerms

extension DaemonEvent {
  /// Reads what follows the bit. Nil: the shape of this kind is not determined, or the kind is not known.
  static func read(_ kind: EventMask, _ arity: Int, _ reader: inout ArgumentReader) throws(TermError) -> DaemonEvent? {
    switch kind {
    case .audit:
      try reader.expect(arity, 5)
      let number: Int32 = try reader.integer()
      let user = try reader.text()
      let session: Int32 = try reader.integer()
      return .audit(AuditRecord(number: number, user: user, session: session, message: try reader.text()))
    case .daemon, .netconf, .developer, .jsonrpc, .webui:
      try reader.expect(arity, 4)
      let number: Int32 = try reader.integer()
      let priority: Int = try reader.integer()
      return .log(kind, LogEntry(number: number, priority: priority, message: try reader.text()))
    case .commitSimple, .commitDiff, .commitFailed, .confirmedCommit: return try readCommit(kind, arity, &reader)
    case .userSession:
      try reader.expect(arity, 4)
      let type: UserSessionNotice.Kind = try reader.kind()
      let user = try reader.eventUser()
      return .userSession(UserSessionNotice(type, user: user, database: try reader.database()))
    case .haInfo:
      try reader.expect(arity, 2)
      return .ha(try HAInfo(&reader))
    case .subagentInfo:
      try reader.expect(arity, 2)
      try reader.tuple(2)
      let type: Int = try reader.integer()
      guard type == 1 || type == 2 else { throw reader.terms.error(.expected("1 or 2")) }
      return .subagent(isUp: type == 1, name: try reader.text())
    case .forwardInfo:
      try reader.expect(arity, 4)
      let type: ForwardNotice.Kind = try reader.kind()
      let target = try reader.text()
      return .forward(ForwardNotice(type, target: target, user: try reader.eventUser()))
    case .heartbeat, .healthCheck, .packageReload, .reopenLogs, .goingDown:
      // Elements after the first are ignored (section 5.11).
      for _ in 1..<max(1, arity) { try reader.terms.skip() }
      return readEmpty(kind)
    case .upgrade:
      try reader.expect(arity, 2)
      return .upgrade(try reader.kind())
    case .progress, .commitProgress:
      try reader.expect(arity, 2)
      return .progress(kind, try ProgressRecord(&reader))
    case .streamEvent:
      try reader.expect(arity, 2)
      return .stream(try StreamNotice(&reader))
    case .commitQueueProgress:
      try reader.expect(arity, 11)
      return .commitQueue(try CommitQueueProgress(&reader))
    case .auditNetwork:
      try reader.expect(arity, 2)
      return .auditNetwork(try NetworkAudit(&reader))
    case .compaction:
      try reader.expect(arity, 9)
      return .compaction(try CompactionNotice(&reader))
    default: return nil
    }
  }

  private static func readEmpty(_ kind: EventMask) -> DaemonEvent {
    switch kind {
    case .heartbeat: .heartbeat
    case .healthCheck: .healthCheck
    case .packageReload: .packageReload
    case .reopenLogs: .reopenLogs
    default: .goingDown
    }
  }

  private static func readCommit(
    _ kind: EventMask, _ arity: Int, _ reader: inout ArgumentReader
  ) throws(TermError) -> DaemonEvent {
    switch kind {
    case .commitSimple:
      try reader.expect(arity, 5)
      let database = try reader.database()
      let user = try reader.eventUser()
      let hasDiff = try reader.integer(Int.self) != 0
      let flags = CommitNoticeFlags(rawValue: try reader.integer())
      return .commitSimple(CommitNotice(database: database, user: user, hasDiff: hasDiff, flags: flags))
    case .commitDiff:
      // Older daemons leave out comment and label.
      guard arity == 5 || arity == 7 else { throw reader.terms.error(.expected("5 or 7 elements")) }
      let database = try reader.database()
      let user = try reader.eventUser()
      let transaction: Int32 = try reader.integer()
      let flags = CommitNoticeFlags(rawValue: try reader.integer())
      let comment = arity == 7 ? try reader.text() : nil
      let label = arity == 7 ? try reader.text() : nil
      return .commitDiff(
        CommitDiffNotice(
          database: database, user: user, transaction: transaction, flags: flags, comment: comment, label: label))
    case .commitFailed:
      guard arity >= 3 else { throw reader.terms.error(.expected("3 elements or more")) }
      let provider: Int = try reader.integer()
      let database = try reader.database()
      switch (provider, arity) {
      case (2, 5):
        let address = try reader.address()
        return .commitFailed(CommitFailure(.netconfSubagent(address, port: try reader.integer()), database: database))
      case (3, 4): return .commitFailed(CommitFailure(.dataProvider(try reader.text()), database: database))
      case (_, 3): return .commitFailed(CommitFailure(.other(provider), database: database))
      default: throw reader.terms.error(.expected("a participant"))
      }
    default:
      try reader.expect(arity, 4)
      let type: ConfirmedCommitNotice.Kind = try reader.kind()
      let timeout: Int = try reader.integer()
      return .confirmedCommit(ConfirmedCommitNotice(type, timeout: timeout, user: try reader.eventUser()))
    }
  }
}

extension ArgumentReader {
  fileprivate func expect(_ arity: Int, _ wanted: Int) throws(TermError) {
    guard arity == wanted else { throw terms.error(.expected("\(wanted) elements, there are \(arity)")) }
  }

  fileprivate mutating func eventUser() throws(TermError) -> EventUser {
    try tuple(10)
    let session: Int32 = try integer()
    let user = try text()
    let password = try text()
    let context = try text()
    let sessionProtocol = SessionProtocol(rawValue: try integer()) ?? .unknown
    let address = try address()
    let port: Int = try integer()
    let loginTime: Int64 = try integer()
    let snmpContext = try text()
    return EventUser(
      session: session, user: user, password: password, context: context, sessionProtocol: sessionProtocol,
      address: address, port: port, loginTime: loginTime, snmpContext: snmpContext, flags: try integer())
  }
}

extension ProgressRecord {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(15)
    let kind: Kind = try reader.kind()
    let time: Int64 = try reader.integer()
    let duration: Int64 = try reader.integer()
    let span = try reader.text()
    let parent = try reader.text()
    let trace = try reader.text()
    self.init(kind, time: time, duration: duration, span: span, parent: parent, trace: trace, message: "")
    session = try reader.integer()
    transaction = try reader.integer()
    database = try reader.database()
    context = try reader.text()
    subsystem = try reader.text()
    message = try reader.text()
    annotation = try reader.text()
    attributes = try reader.list { (reader) throws(TermError) in
      try reader.tuple(2)
      let key = try reader.text()
      guard try reader.terms.peekKind() == .integer else { return Attribute(key, .text(try reader.text())) }
      return Attribute(key, .number(try reader.integer()))
    }
    links = try reader.list { (reader) throws(TermError) in
      try reader.tuple(2)
      let trace = try reader.text()
      return Link(trace: trace, span: try reader.text())
    }
  }
}

extension StreamNotice {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    guard try reader.terms.peekKind() == .tuple else {
      let place = reader.terms.offset
      switch try reader.terms.readAtom() {
      case "replay_complete": self = .replayComplete
      case "notification_complete": self = .notificationComplete
      default: throw TermError(.expected("a notification, or the end of one"), at: place)
      }
      return
    }
    try reader.tuple(2)
    if try reader.terms.peekKind() == .atom {
      try reader.marker("replay_failed")
      self = .replayFailed(try reader.text())
    } else {
      let time = try reader.dateTime()
      self = .notification(time: time, try reader.tagged())
    }
  }
}

extension CommitQueueProgress {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    let kind: Kind = try reader.kind()
    let time = try reader.dateTime()
    let place = reader.terms.offset
    guard case .uint64(let item) = try reader.value() else { throw TermError(.expected("an unsigned number"), at: place) }
    self.init(kind, time: time, item: item)
    tag = try reader.text()
    completed = try reader.texts()
    transient = try reader.texts()
    failed = try reader.list { (reader) throws(TermError) in
      try reader.tuple(2)
      let device = try reader.text()
      return FailedDevice(device: device, reason: try reader.text())
    }
    completedServices = try reader.list { (reader) throws(TermError) in
      try reader.tuple(2)
      let service = try reader.text()
      return Service(service: service, completedDevices: try reader.texts())
    }
    failedServices = try reader.list { (reader) throws(TermError) in
      try reader.tuple(3)
      let service = try reader.text()
      let completed = try reader.texts()
      return Service(service: service, completedDevices: completed, failedDevices: try reader.texts())
    }
    trace = try reader.text()
  }
}

extension NetworkAudit {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(6)
    let session: Int32 = try reader.integer()
    let transaction: Int32 = try reader.integer()
    let user = try reader.text()
    let device = try reader.text()
    let trace = try reader.text()
    self.init(
      session: session, transaction: transaction, user: user, device: device, trace: trace, configuration: try reader.text())
  }
}

extension CompactionNotice {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    let file: Int = try reader.integer()
    let isManual = try reader.integer(Int.self) == 2
    self.init(
      file: file, isManual: isManual, sizeBefore: try reader.integer(), sizeAfter: try reader.integer(),
      sizeAfterPrevious: try reader.integer(), start: try reader.integer(), duration: try reader.integer(),
      transactions: try reader.integer())
  }
}
