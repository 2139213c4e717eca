import NSOModel

/// An event as `listen` shows it: a kind and named facts, in one line of words or of JSON.
struct EventText {
  enum Fact {
    case text(String)
    case number(Int64)
    case flag(Bool)
    case texts([String])
  }

  let kind: String
  private(set) var facts: [(name: String, fact: Fact)] = []

  /// `audit number=174 user=anna session=101 message="..."`.
  var line: String {
    ([kind]
      + facts.map { name, fact in
        switch fact {
        case .text(let text): "\(name)=\(Self.needsQuotes(text) ? JSONText.quoted(text) : text)"
        case .number(let number): "\(name)=\(number)"
        case .flag(let flag): "\(name)=\(flag)"
        case .texts(let texts): "\(name)=\(JSONText.quoted(texts.joined(separator: " ")))"
        }
      }).joined(separator: " ")
  }

  /// `{"event":"audit","number":174,...}`.
  var json: String {
    let members = facts.map { name, fact in
      let value =
        switch fact {
        case .text(let text): JSONText.quoted(text)
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .texts(let texts): "[" + texts.map(JSONText.quoted).joined(separator: ",") + "]"
        }
      return "\(JSONText.quoted(name)):\(value)"
    }
    return "{" + (["\"event\":\(JSONText.quoted(kind))"] + members).joined(separator: ",") + "}"
  }

  private static func needsQuotes(_ text: String) -> Bool {
    text.isEmpty || text.unicodeScalars.contains { $0.value <= 0x20 || $0 == "\"" || $0 == "=" || $0.value == 0x7F }
  }

  private mutating func add(_ name: String, _ text: String) { facts.append((name, .text(text))) }
  private mutating func add(_ name: String, _ number: some BinaryInteger) { facts.append((name, .number(Int64(number)))) }

  private mutating func add(_ user: EventUser) {
    add("user", user.user)
    add("session", user.session)
    add("context", user.context)
    add("protocol", "\(user.sessionProtocol)")
    add("address", "\(user.address)")
    add("port", user.port)
    add("login", utcText(user.loginTime))
  }

  init(_ event: DaemonEvent) {
    kind = EventMask.names.first { $0.mask == event.kind }?.name ?? "\(event.kind)"
    switch event {
    case .audit(let record):
      add("number", record.number)
      add("user", record.user)
      add("session", record.session)
      add("message", record.message)
    case .log(_, let entry):
      add("number", entry.number)
      add("priority", entry.priority)
      add("message", entry.message)
    case .commitSimple(let notice):
      add("database", "\(notice.database)")
      facts.append(("diff", .flag(notice.hasDiff)))
      add("flags", notice.flags.rawValue)
      add(notice.user)
    case .commitDiff(let notice):
      add("database", "\(notice.database)")
      add("transaction", notice.transaction)
      add("flags", notice.flags.rawValue)
      if let label = notice.label, !label.isEmpty { add("label", label) }
      if let comment = notice.comment, !comment.isEmpty { add("comment", comment) }
      add(notice.user)
    case .commitFailed(let failure):
      add("database", "\(failure.database)")
      switch failure.participant {
      case .dataProvider(let name): add("provider", name)
      case .netconfSubagent(let address, let port): add("subagent", "\(address):\(port)")
      case .other(let number): add("participant", number)
      }
    case .confirmedCommit(let notice):
      add("what", "\(notice.kind)")
      add("timeout", notice.timeout)
      add(notice.user)
    case .userSession(let notice):
      add("what", "\(notice.kind)")
      if notice.database != .none { add("database", "\(notice.database)") }
      add(notice.user)
    case .ha(let info): add(info)
    case .subagent(let isUp, let name):
      add("name", name)
      facts.append(("up", .flag(isUp)))
    case .forward(let notice):
      add("what", "\(notice.kind)")
      add("target", notice.target)
      add(notice.user)
    case .heartbeat, .healthCheck, .packageReload, .reopenLogs, .goingDown: break
    case .upgrade(let step): add("step", "\(step)")
    case .progress(_, let record): add(record)
    case .stream(let notice): add(notice)
    case .commitQueue(let progress): add(progress)
    case .auditNetwork(let audit):
      add("user", audit.user)
      add("session", audit.session)
      add("transaction", audit.transaction)
      add("device", audit.device)
      add("trace", audit.trace)
      add("configuration", audit.configuration)
    case .compaction(let notice):
      add("file", notice.file)
      facts.append(("manual", .flag(notice.isManual)))
      add("before", notice.sizeBefore)
      add("after", notice.sizeAfter)
      add("duration", notice.duration)
    }
  }

  private mutating func add(_ info: HAInfo) {
    switch info {
    case .noPrimary(let code):
      add("what", "noPrimary")
      add("reason", "\(code)")
    case .secondaryDied(let node), .secondaryArrived(let node):
      if case .secondaryDied = info { add("what", "secondaryDied") } else { add("what", "secondaryArrived") }
      add("node", node.id.plainText)
      add("address", "\(node.address)")
    case .secondaryInitialized(let copied):
      add("what", "secondaryInitialized")
      facts.append(("copied", .flag(copied)))
    case .isPrimary: add("what", "isPrimary")
    case .isNone: add("what", "isNone")
    case .beSecondaryResult(let code):
      add("what", "beSecondaryResult")
      add("result", code.map { "\($0)" } ?? "ok")
    }
  }

  private mutating func add(_ record: ProgressRecord) {
    add("what", "\(record.kind)")
    add("time", record.time)
    if record.kind == .stop { add("duration", record.duration) }
    add("message", record.message)
    if !record.annotation.isEmpty { add("annotation", record.annotation) }
    if !record.subsystem.isEmpty { add("subsystem", record.subsystem) }
    add("session", record.session)
    if record.transaction != 0 { add("transaction", record.transaction) }
    if record.database != .none { add("database", "\(record.database)") }
    add("trace", record.trace)
    add("span", record.span)
    if !record.parent.isEmpty { add("parent", record.parent) }
    for attribute in record.attributes {
      switch attribute.value {
      case .text(let text): add("attribute-\(attribute.key)", text)
      case .number(let number): add("attribute-\(attribute.key)", number)
      }
    }
  }

  private mutating func add(_ notice: StreamNotice) {
    switch notice {
    case .notification(let time, let values):
      add("time", Value.dateTime(time).plainText)
      facts.append(
        (
          "content",
          .texts(
            values.map { pair in
              switch pair.content {
              case .value(let value): "\(pair.tag.name)=\(value.plainText)"
              case .start, .startAt: "\(pair.tag.name){"
              case .stop: "}"
              case .leaf: pair.tag.name
              case .delete: "-\(pair.tag.name){"
              case .movedFirst, .movedAfter: "\(pair.tag.name) moved"
              }
            })
        ))
    case .replayComplete: add("what", "replayComplete")
    case .notificationComplete: add("what", "notificationComplete")
    case .replayFailed(let reason):
      add("what", "replayFailed")
      add("reason", reason)
    }
  }

  private mutating func add(_ progress: CommitQueueProgress) {
    add("what", "\(progress.kind)")
    add("time", Value.dateTime(progress.time).plainText)
    add("item", progress.item)
    if !progress.tag.isEmpty { add("tag", progress.tag) }
    facts.append(("completed", .texts(progress.completed)))
    facts.append(("transient", .texts(progress.transient)))
    facts.append(("failed", .texts(progress.failed.map { "\($0.device): \($0.reason)" })))
  }
}

/// Text in JSON (RFC 8259).
enum JSONText {
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
