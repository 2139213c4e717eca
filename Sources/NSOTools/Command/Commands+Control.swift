import NSOClient
import NSOModel
import NSOWire

extension Command {
  static let transactionCommands: [Command] = [
    Command(
      names: ["mrtrans"], arguments: "",
      purpose: "start a read-only MAAPI transaction, to be read in by the commands that follow"
    ) {
      run, _ in try await run.startReadTransaction()
    },
    Command(
      names: ["mapply"], arguments: "", purpose: "commit the MAAPI transaction; the commands that follow get a new one",
      transaction: .writes
    ) { run, _ in
      _ = try await run.currentTransaction()
      try await run.endTransaction()
    },
    Command(names: ["mvalidate"], arguments: "", purpose: "validate the MAAPI transaction", transaction: .writes) { run, _ in
      try await run.currentTransaction().validate()
    },
    Command(
      names: ["attach"], arguments: "[THANDLE] [USID]",
      purpose:
        "use the transaction with this handle instead of an own one (default: NCS_MAAPI_THANDLE and NCS_MAAPI_USID); it is not committed"
    ) { run, words in
      let handle: Int32 = try number(words.first ?? run.io.environment["NCS_MAAPI_THANDLE"], "THANDLE")
      let session: Int32 = try number(words.dropFirst().first ?? run.io.environment["NCS_MAAPI_USID"] ?? "0", "USID")
      try await run.attach(to: TransactionHandle(handle), session: session)
    },
    Command(names: ["detach"], arguments: "", purpose: "stop using the attached transaction") { run, _ in try await run.detach()
    },
  ]

  static let sessionCommands: [Command] = [
    Command(names: ["who"], arguments: "", purpose: "print the user sessions: id, user, context, protocol, address, login time")
    { run, _ in
      let maapi = try await run.connection()
      for id in try await maapi.userSessions() {
        // It may be gone by now.
        guard let info = try? await maapi.userSession(id) else { continue }
        run.print(
          "\(info.id) \(info.user) \(info.context) \(info.sessionProtocol) \(info.address):\(info.port) \(utcText(info.loginTime))"
        )
      }
    },
    Command(names: ["kill"], arguments: "USID", purpose: "end a user session") { run, words in
      try await run.connection().killUserSession(try number(words[0], "USID"))
    },
  ]

  static let daemonCommands: [Command] = [
    Command(
      names: ["get_phase"], arguments: "", purpose: "print the start phase; init or upgrade behind it while that is going on"
    ) { run, _ in
      let phase = try await run.database().phase()
      switch phase.activity {
      case .none, .normal: run.print("\(phase.phase)")
      case .initializing, .upgrade: run.print("\(phase.phase) \(phase.activity.rawValue)")
      }
    },
    Command(
      names: ["get_txid"], arguments: "",
      purpose: "print the id of the last configuration transaction; equal ids mean: nothing changed"
    ) {
      run, _ in
      let id = try await run.database().transactionID()
      run.print(id.parts.map { "\($0.seconds)-\($0.microseconds)-\($0.sequence)" } ?? "\(id.term)")
    },
    Command(names: ["wait-start"], arguments: "[PHASE]", purpose: "wait until start phase PHASE (2) is reached") { run, words in
      let phase: Int = try number(words.first ?? "2", "PHASE")
      guard (0...2).contains(phase) else { throw UsageError("\(phase) is no start phase: 0, 1 or 2") }
      try await run.connection().waitForStart(phase: phase)
    },
    Command(names: ["start_phase"], arguments: "PHASE", purpose: "take a daemon that waits in a start phase to PHASE, 1 or 2") {
      run, words in
      let phase: Int = try number(words[0], "PHASE")
      guard (1...2).contains(phase) else { throw UsageError("\(phase) is no start phase to go to: 1 or 2") }
      try await run.connection().startPhase(phase)
    },
    Command(names: ["start-phase1"], arguments: "", purpose: "take a daemon that waits in phase 0 to phase 1") { run, _ in
      try await run.connection().startPhase(1)
    },
    Command(names: ["start-phase2"], arguments: "", purpose: "take a daemon that waits in phase 1 to phase 2") { run, _ in
      try await run.connection().startPhase(2)
    },
    Command(names: ["stop"], arguments: "", purpose: "stop the daemon; returns when it is gone") { run, _ in
      try await run.connection().stop()
    },
    Command(names: ["reload"], arguments: "", purpose: "read the daemon's configuration file again, reopen its logs") {
      run, _ in
      try await run.connection().reloadConfiguration()
    },
    Command(names: ["reopen_logs"], arguments: "", purpose: "close and open the daemon's log files") { run, _ in
      try await run.connection().reopenLogs()
    },
  ]

  static let scriptCommands: [Command] = [
    Command(names: ["echo"], arguments: "[WORD...]", purpose: "print words") { run, words in
      run.print(words.joined(separator: " "))
    },
    Command(names: ["sleep"], arguments: "SECONDS", purpose: "wait; a fraction is possible") { _, words in
      guard let seconds = Double(words[0]), seconds >= 0, seconds < 1e9 else {
        throw UsageError("\(words[0]) is no time in seconds")
      }
      try await Task.sleep(for: .seconds(seconds))
    },
    Command(names: ["fail"], arguments: "[WORD...]", purpose: "end with an error, made of the words") { _, words in
      throw ToolError(words.isEmpty ? "asked to fail" : words.joined(separator: " "))
    },
    Command(names: ["help"], arguments: "[COMMAND]", purpose: "list the commands, or explain one") { run, words in
      var text = try CommandTool.help([words.first ?? "commands"])
      if text.hasSuffix("\n") { text.removeLast() }
      run.print(text)
    },
  ]

  private static func number<Number: FixedWidthInteger>(_ text: String?, _ name: String) throws -> Number {
    guard let text else { throw UsageError("\(name) is missing") }
    guard let number = Number(text) else { throw UsageError("\(text) is no \(name): a number is wanted") }
    return number
  }
}
