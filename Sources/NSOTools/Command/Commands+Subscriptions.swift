import NSOClient
import NSOModel
import NSOWire

/// Waiting for changes, and asking for events, from scripts (protocol part 08, section 4.1).
extension Command {
  static let subscriptionCommands: [Command] = [
    Command(
      names: ["subwait"], arguments: "PATH [N] [PRIORITY]",
      purpose: """
        subscribe to the configuration at and below PATH and wait for N (1) events; of each print the changes, as lines of path and \
        what happened. Prints subscribed when it is ready
        """
    ) { run, words in
      try await run.wait(
        for: .running(words[0], priority: try number(words.count > 2 ? words[2] : "0", "PRIORITY")),
        count: try number(words.count > 1 ? words[1] : "1", "N"))
    },
    Command(
      names: ["subwait2"], arguments: "PATH [N] [PRIORITY] [REFUSAL]",
      purpose: """
        as subwait, in two phases: N counts commits and aborts; a REFUSAL is given as the reason for refusing every transaction
        """
    ) { run, words in
      try await run.wait(
        for: .twoPhase(words[0], priority: try number(words.count > 2 ? words[2] : "0", "PRIORITY")),
        count: try number(words.count > 1 ? words[1] : "1", "N"), refusal: words.count > 3 ? words[3] : nil)
    },
    Command(
      names: ["subwait_mods"], arguments: "PATH [WORD...]",
      purpose: """
        subscribe to PATH and print the modifications of each event as tagged values. The words are [LETTERS] [N] [PATH \
        [suppress_defaults]]: i also the entries of lists, m their moves, N events (1), a place below PATH
        """
    ) { run, words in try await run.waitForModifications(words) },
    Command(
      names: ["suboper"], arguments: "PATH [N]",
      purpose: "subscribe to operational data at and below PATH, wait for N (1) events, print the changes"
    ) { run, words in
      try await run.wait(for: .operational(words[0]), count: try number(words.count > 1 ? words[1] : "1", "N"))
    },
    Command(
      names: ["subto"], arguments: "SECONDS PATH [N]",
      purpose: "as subwait, but fail when the events have not come within SECONDS"
    ) { run, words in
      guard let seconds = Double(words[0]), seconds > 0, seconds < 1e9 else {
        throw UsageError("\(words[0]) is no time in seconds")
      }
      let count: Int = try number(words.count > 2 ? words[2] : "1", "N")
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await run.wait(for: .running(words[1]), count: count) }
        group.addTask {
          try await Task.sleep(for: .seconds(seconds))
          throw ToolError("\(count) events did not come within \(words[0]) s")
        }
        try await group.next()
        group.cancelAll()
      }
    },
    Command(
      names: ["trigger_subscriptions", "trigger", "trigger_subs"], arguments: "[POINT...]",
      purpose: "tell subscribers of everything as if it were new, all or those points; with -o of operational data"
    ) { run, words in
      let points = try words.map { word -> Int32 in try number(word, "POINT") }
      if run.settings.database == .operational {
        try await run.database().triggerOperationalSubscriptions(points, waits: run.settings.lockFlags.contains("w"))
      } else {
        try await run.database().triggerSubscriptions(points)
      }
    },
    Command(
      names: ["get_replay_txids"], arguments: "", purpose: "print the transactions that can be told again, the latest first"
    ) { run, _ in
      for id in try await run.database().replayableTransactions() { run.print(text(of: id)) }
    },
    Command(
      names: ["replay_subscriptions", "replay"], arguments: "TXID [POINT...]",
      purpose: "tell subscribers again of the transactions after TXID, as get_txid prints it"
    ) { run, words in
      let parts = words[0].split(separator: "-").compactMap { Int64($0) }
      guard parts.count == 3 else { throw UsageError("\(words[0]) is no transaction id, such as get_txid prints") }
      try await run.database().replaySubscriptions(
        after: TransactionID(seconds: parts[0], microseconds: parts[1], sequence: parts[2]),
        try words.dropFirst().map { word in try number(word, "POINT") })
    },
    Command(
      names: ["compact"], arguments: "[FILE]", purpose: "compact the database files, or FILE: 1 configuration, 2 operational"
    ) { run, words in
      try await run.database().compact(file: try words.first.map { word -> Int64 in try number(word, "FILE") })
    },
    Command(
      names: ["compaction_info"], arguments: "FILE",
      purpose: "print size before and now, time of the last compaction, commits since"
    ) { run, words in
      let info = try await run.database().compactionInfo(file: try number(words[0], "FILE"))
      run.print("\(info.previousSize) \(info.currentSize) \(info.lastTime) \(info.transactionsSince)")
    },
  ]

  private static func number<Number: FixedWidthInteger>(_ text: String, _ name: String) throws -> Number {
    guard let number = Number(text) else { throw UsageError("\(text) is no \(name): a number is wanted") }
    return number
  }

  fileprivate static func text(of id: TransactionID) -> String {
    id.parts.map { "\($0.seconds)-\($0.microseconds)-\($0.sequence)" } ?? "\(id.term)"
  }
}

extension CommandRun {
  fileprivate func waiter() async throws -> SubscriptionWaiter {
    SubscriptionWaiter(client: client, io: io, isSilent: settings.isSilent, schema: try await schema())
  }

  /// Subscribes, says so, and prints the changes of as many events.
  fileprivate func wait(for point: SubscriptionPoint, count: Int, refusal: String? = nil) async throws {
    try await waiter().wait(for: point, count: count, refusal: refusal)
  }

  fileprivate func waitForModifications(_ words: [String]) async throws {
    var rest = words.dropFirst()
    var flags: ModificationFlags = []
    var count = 1
    if let word = rest.first, Int(word) == nil, !word.hasPrefix("/") {
      if word.contains("i") { flags.insert(.includeLists) }
      if word.contains("m") { flags.insert(.includeMoves) }
      rest.removeFirst()
    }
    if let word = rest.first, let number = Int(word) {
      count = number
      rest.removeFirst()
    }
    var place: (any PathConvertible)?
    if let word = rest.popFirst() { place = try await path(word) }
    if let word = rest.popFirst() {
      guard word == "suppress_defaults" else { throw UsageError("\(word): only suppress_defaults can stand here") }
      flags.insert(.suppressDefaults)
    }
    try await waiter().waitForModifications(of: .running(words[0]), count: count, flags, below: place)
  }
}

/// Waits for events and prints them.
private struct SubscriptionWaiter: Sendable {
  let client: NSOClient
  let io: ToolIO
  let isSilent: Bool
  let schema: ClientSchema?

  private func print(_ line: String) {
    if !isSilent { io.print(line) }
  }

  func wait(for point: SubscriptionPoint, count: Int, refusal: String?) async throws {
    try await client.withSubscription(name: "ncs_cmd", to: [point]) { subscription in
      print("subscribed")
      guard count > 0 else { return }
      var left = count
      for try await event in subscription {
        print("\(event.kind)")
        for change in try await event.changes(flags: event.kind == .abort ? .wantReverse : []) { print(line(change)) }
        if event.kind == .prepare, let refusal {
          try await event.refuse(refusal)
        } else {
          try await event.done()
        }
        if event.kind != .prepare || refusal != nil { left -= 1 }
        if left == 0 { return }
      }
    }
  }

  func waitForModifications(
    of point: SubscriptionPoint, count: Int, _ flags: ModificationFlags, below place: (any PathConvertible)?
  ) async throws {
    try await client.withSubscription(name: "ncs_cmd", to: [point]) { subscription in
      print("subscribed")
      var left = count
      for try await event in subscription {
        for value in try await event.modifications(flags: flags, below: place) { print(line(value)) }
        try await event.done()
        left -= 1
        if left <= 0 { return }
      }
    }
  }

  private func line(_ change: DataChange) -> String {
    let path = schema?.text(of: change.path) ?? "\(change.path)"
    switch change.kind {
    case .created: return "\(path) created"
    case .deleted: return "\(path) deleted"
    case .modified: return "\(path) modified"
    case .valueSet(_, .defaultInEffect): return "\(path) set to its default"
    case .valueSet(_, let value):
      return "\(path) set to \(schema?.shownText(of: value, at: change.path) ?? value.plainText)"
    case .movedAfter(let keys):
      return keys.isEmpty ? "\(path) moved first" : "\(path) moved after {\(keys.map(\.plainText).joined(separator: " "))}"
    case .attributeSet: return "\(path) attribute changed"
    }
  }

  private func line(_ value: TaggedValue) -> String {
    switch value.content {
    case .value(.notFound): "\(value.tag.name) deleted"
    case .value(let content): "\(value.tag.name) \(content.plainText)"
    case .start, .startAt: "\(value.tag.name) begin"
    case .delete: "\(value.tag.name) begin_delete"
    case .movedFirst: "\(value.tag.name) moved first"
    case .movedAfter: "\(value.tag.name) moved after"
    case .stop: "\(value.tag.name) end"
    case .leaf: "\(value.tag.name) created"
    }
  }
}
