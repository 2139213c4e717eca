import NSOClient
import NSOModel

extension Command {
  /// Following events, and orders about the node's role (protocol part 06).
  static let eventCommands: [Command] = [
    Command(
      names: ["listen", "events"], arguments: "[WORD...]",
      purpose:
        "print events as they happen, one line each, until count=N of them have come or the daemon ends. Words: names of kinds "
        + "(\(EventMask.names.map(\.name).joined(separator: " "))), all, or a mask as a number; json for JSON lines; "
        + "heartbeat=MS health=MS verbosity=N count=N stream=NAME replay-from=TIME stop=TIME filter=XPATH usid=N. "
        + "Without a kind: all that need neither interval nor stream. Events that are waited for are acknowledged when printed. "
        + "Ends with the stream when that has a stop time; a replay that fails is an error"
    ) { run, words in
      let wish = try EventWish(words)
      var left = wish.count
      try await run.client.withEvents(wish.subscription) { stream in
        while left != 0 {
          let event = try await stream.next()
          let text = EventText(event)
          run.print(wish.asJSON ? text.json : text.line)
          try await stream.acknowledge(event)
          if case .stream(.notificationComplete) = event { return }
          if case .stream(.replayFailed(let reason)) = event { throw NSOError(.external, "the replay failed: \(reason)") }
          if let count = left { left = count - 1 }
        }
      }
    },
    Command(names: ["primary"], arguments: "NODE [TOKEN]", purpose: "HA: be primary, under this name") { run, words in
      try await run.client.withHA(token: words.dropFirst().first ?? "") { ha in try await ha.bePrimary(words[0]) }
    },
    Command(
      names: ["secondary"], arguments: "NODE PRIMARY ADDR [TOKEN]", purpose: "HA: follow this primary, under the name NODE"
    ) { run, words in
      let address = IPAddress(words[2]).map { HAAddress.address($0) } ?? .name(words[2])
      let primary = HANode(id: .string(words[1]), address: address)
      try await run.client.withHA(token: words.dropFirst(3).first ?? "") { ha in
        try await ha.beSecondary(words[0], primary: primary)
      }
    },
    Command(names: ["none"], arguments: "[TOKEN]", purpose: "HA: have no role") { run, words in
      try await run.client.withHA(token: words.first ?? "") { ha in try await ha.beNone() }
    },
    Command(
      names: ["ha_status", "hastatus"], arguments: "", purpose: "HA: print the role, and a line for each node that is known"
    ) { run, _ in
      let status = try await run.client.withHA { ha in try await ha.status() }
      run.print("\(status.role)")
      for node in status.nodes { run.print("\(node.id.plainText) \(node.address)") }
    },
  ]
}

/// What the words of `listen` ask for.
struct EventWish {
  var subscription = EventSubscription([])
  var asJSON = false
  /// Nil: without end.
  var count: Int?

  /// - Throws: `UsageError` for a word that means nothing.
  init(_ words: [String]) throws(UsageError) {
    var stream = EventSubscription.Stream(name: "")
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 {
        try option(String(parts[0]), String(parts[1]), &stream)
      } else if word == "json" {
        asJSON = true
      } else if word == "all" {
        subscription.mask.formUnion(Self.all)
      } else if let kind = EventMask(name: word) {
        subscription.mask.insert(kind)
      } else if let mask = UInt32(word) {
        subscription.mask.insert(EventMask(rawValue: mask))
      } else {
        throw UsageError("\(word) is no kind of event: \(EventMask.names.map(\.name).joined(separator: " "))")
      }
    }
    if !stream.name.isEmpty {
      subscription.stream = stream
      subscription.mask.insert(.streamEvent)
    }
    if subscription.mask.isEmpty { subscription.mask = Self.all }
    if subscription.mask.contains(.heartbeat), subscription.heartbeatInterval == 0 { subscription.heartbeatInterval = 10_000 }
    if subscription.mask.contains(.healthCheck), subscription.healthCheckInterval == 0 {
      subscription.healthCheckInterval = 10_000
    }
  }

  /// Everything that holds nobody up and needs nothing said.
  private static var all: EventMask {
    EventMask(rawValue: UInt32.max).subtracting([
      .modifiers, .streamEvent, .heartbeat, .healthCheck, .commitDiff, .commitProgress,
    ])
  }

  private mutating func option(
    _ name: String, _ value: String, _ stream: inout EventSubscription.Stream
  ) throws(UsageError) {
    switch name {
    case "count": count = try number(value, name)
    case "heartbeat":
      subscription.heartbeatInterval = try number(value, name)
      subscription.mask.insert(.heartbeat)
    case "health":
      subscription.healthCheckInterval = try number(value, name)
      subscription.mask.insert(.healthCheck)
    case "verbosity": subscription.verbosity = try number(value, name)
    case "stream": stream.name = value
    case "from", "replay-from": stream.start = try time(value, name)
    case "to", "stop": stream.stop = try time(value, name)
    case "filter": stream.filter = value
    case "usid": stream.session = Int32(clamping: try number(value, name))
    default:
      throw UsageError("\(name)= is not known: count heartbeat health verbosity stream replay-from stop filter usid")
    }
  }

  private func number(_ text: String, _ name: String) throws(UsageError) -> Int {
    guard let number = Int(text), (0...86_400_000).contains(number) else {
      throw UsageError("\(name)=\(text): a number is wanted")
    }
    return number
  }

  private func time(_ text: String, _ name: String) throws(UsageError) -> DateTime {
    guard case .dateTime(let time)? = SpecialForm.dateTime.parse(text) else {
      throw UsageError("\(name)=\(text): a time such as 2026-01-31T12:00:00Z is wanted")
    }
    return time
  }
}
