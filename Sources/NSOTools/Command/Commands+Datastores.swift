import NSOClient
import NSOModel
import NSOWire

/// Candidate, startup, locks, rollback and history.
extension Command {
  static let datastoreCommands: [Command] = [
    Command(
      names: ["mlock", "maapi_lock"], arguments: "[DATASTORE]",
      purpose: "take the global lock on candidate, running or startup; it is released at the end of the script"
    ) { run, words in try await run.session().lock(try run.datastore(words.first)) },
    Command(names: ["munlock", "maapi_unlock"], arguments: "[DATASTORE]", purpose: "release the global lock") { run, words in
      try await run.session().unlock(try run.datastore(words.first))
    },
    Command(
      names: ["mlock_partial", "maapi_lock_partial"], arguments: "XPATH [XPATH...]",
      purpose: "lock the nodes that the expressions select, with all below; prints the number to unlock them by"
    ) { run, words in run.print(String(try await run.session().lockPartial(run.settings.database, xpaths: words))) },
    Command(names: ["munlock_partial", "maapi_unlock_partial"], arguments: "NUMBER", purpose: "release a partial lock") {
      run, words in try await run.session().unlockPartial(try wholeNumber(words[0], "NUMBER"))
    },
    Command(
      names: ["mvalidate_candidate"], arguments: "", purpose: "check what running would be after a commit of the candidate"
    ) { run, _ in try await run.session().validateCandidate() },
    Command(
      names: ["mcommit_candidate"], arguments: "[TIMEOUT] [PERSIST] [PERSIST_ID]",
      purpose: """
        commit the candidate, or confirm a confirmed commit (persist-id - for none). With TIMEOUT, seconds (not 0): a confirmed commit, taken \
        back unless it is confirmed in time; without PERSIST (-) also at the end of the script
        """
    ) { run, words in
      try await run.endTransaction()
      let timeout: Int64 = try wholeNumber(words.first ?? "0", "TIMEOUT")
      let persist = words.dropFirst().first.flatMap { $0 == "-" ? nil : $0 }
      let persistID = words.dropFirst(2).first.flatMap { $0 == "-" ? nil : $0 }
      guard timeout > 0 else { return try await run.session().commitCandidate(CandidateCommit(persistID: persistID)) }
      try await run.session().commitCandidate(confirmedWithin: timeout, persist: persist, persistID: persistID)
    },
    Command(
      names: ["mabort_commit"], arguments: "[PERSIST_ID]", purpose: "take the pending confirmed commit back"
    ) { run, words in try await run.session().abortConfirmedCommit(persistID: words.first) },
    Command(
      names: ["mconfirmed_commit"], arguments: "", purpose: "print the session that has made the pending confirmed commit, or 0"
    ) { run, _ in run.print(String(try await run.connection().confirmedCommitOwner() ?? 0)) },
    Command(names: ["mreset_candidate"], arguments: "", purpose: "drop the changes of the candidate") { run, _ in
      try await run.session().resetCandidate()
    },
    Command(names: ["mcandidate_modified"], arguments: "", purpose: "print yes or no: does the candidate differ from running?")
    {
      run, _ in run.print(try await run.session().isCandidateModified() ? "yes" : "no")
    },
    Command(names: ["mcopy_to_startup"], arguments: "", purpose: "make startup a copy of running") { run, _ in
      try await run.endTransaction()
      try await run.session().copyRunningToStartup()
    },
    Command(
      names: ["mrunning_modified"], arguments: "",
      purpose: "print yes or no: was running changed since it was copied to startup?"
    ) { run, _ in run.print(try await run.session().isRunningModified() ? "yes" : "no") },
    Command(
      names: ["mdelete_config"], arguments: "",
      purpose: "delete everything in the datastore (running, or with -e, -S), and commit"
    ) { run, _ in
      try await run.endTransaction()
      try await run.session().deleteConfiguration(of: run.settings.database)
    },
    Command(names: ["mreadonly"], arguments: "on|off", purpose: "switch the administrative read-only mode") { run, words in
      guard words[0] == "on" || words[0] == "off" else { throw UsageError("\(words[0]): on or off") }
      try await run.connection().setReadOnly(words[0] == "on")
    },
    Command(
      names: ["running_status"], arguments: "[valid|invalid]", purpose: "print whether running is consistent, or say so"
    ) { run, words in
      guard let word = words.first else {
        return run.print(try await run.connection().isRunningConsistent() ? "valid" : "invalid")
      }
      guard word == "valid" || word == "invalid" else { throw UsageError("\(word): valid or invalid") }
      try await run.connection().setRunningConsistent(word == "valid")
    },
  ]

  static let historyCommands: [Command] = [
    Command(
      names: ["mrollback"], arguments: "[NUMBER] [selective] [PATH]",
      purpose: """
        load a rollback entry into the MAAPI transaction: the NUMBER-th latest (0), or the one with the fixed number after a # (in quotes), with all that \
        followed; selective: that commit alone; PATH: only what is below
        """,
      transaction: .writes
    ) { run, words in
      var rest = words[...]
      let text = rest.popFirst() ?? "0"
      let number: RollbackNumber =
        text.hasPrefix("#")
        ? .fixed(try wholeNumber(String(text.dropFirst()), "NUMBER")) : .relative(try wholeNumber(text, "NUMBER"))
      let isSelective = rest.first == "selective"
      if isSelective { rest.removeFirst() }
      let transaction = try await run.currentTransaction()
      var omitted: [String] = []
      if let word = rest.popFirst() {
        omitted = try await transaction.rollBack(number, selective: isSelective, below: try await run.path(word))
      } else if isSelective {
        omitted = try await transaction.rollBack(number, selective: true)
      } else {
        try await transaction.loadRollback(number)
      }
      for line in omitted { run.print("left out: \(line)") }
    },
    Command(
      names: ["rollbacks"], arguments: "",
      purpose: "print the rollback entries: number, fixed number, time, user, agent, label, comment"
    ) { run, _ in
      for entry in try await run.session().rollbacks() {
        run.print(
          "\(entry.number) #\(entry.fixedNumber) \(entry.date) \(entry.creator) \(entry.via)\(texts(entry.label, entry.comment))"
        )
      }
    },
    Command(
      names: ["history"], arguments: "",
      purpose: "print the commits to running that are kept: revision, transaction id, time, user, agent, label, comment"
    ) { run, _ in
      for record in try await run.session().history() {
        run.print(
          "\(record.revision) \(record.id) \(utcText(record.time)) \(record.user) \(record.via)\(texts(record.label, record.comment))"
        )
      }
    },
    Command(
      names: ["history_get"], arguments: "REVISION PATH [PATH...]",
      purpose: "print values of running as it was at a revision; - for what had none"
    ) { run, words in
      try await run.session().withConfiguration(at: try wholeNumber(words[0], "REVISION")) { transaction in
        for word in words.dropFirst() {
          let path = try await run.path(word)
          guard let value = try await transaction.getIfPresent(path) else {
            run.print("-")
            continue
          }
          run.print(try await run.text(of: value, at: path))
        }
      }
    },
    Command(
      names: ["history_diff"], arguments: "OLD NEW [PATH]",
      purpose: "print what has to be done to revision OLD of running to make revision NEW of it"
    ) { run, words in
      let old: Int64 = try wholeNumber(words[0], "OLD")
      let new: Int64 = try wholeNumber(words[1], "NEW")
      var path: (any PathConvertible)?
      if let word = words.dropFirst(2).first { path = try await run.path(word) }
      for change in try await run.session().changes(from: old, to: new, below: path) { try await run.printChange(change) }
    },
    Command(
      names: ["mdiff"], arguments: "[xml]",
      purpose:
        "print what the MAAPI transaction would change, with + and -, or as an XML document; it is validated, but not committed by this: the end of the commands commits, unless mrevert drops the changes",
      transaction: .writes
    ) { run, words in
      var text = try await run.currentTransaction().dryRun(words.first == "xml" ? .xml : .cli)
      if text.hasSuffix("\n") { text.removeLast() }
      if !text.isEmpty { run.print(text) }
    },
    Command(
      names: ["mrevert"], arguments: "", purpose: "drop what the commands so far changed in the MAAPI transaction",
      transaction: .writes
    ) { run, _ in try await run.currentTransaction().revert() },
  ]

  private static func wholeNumber<Number: FixedWidthInteger>(_ text: String, _ name: String) throws(UsageError) -> Number {
    guard let number = Number(text) else { throw UsageError("\(text) is no \(name): a number is wanted") }
    return number
  }

  private static func texts(_ label: String, _ comment: String) -> String {
    (label.isEmpty && comment.isEmpty ? "" : " \"\(label)\"") + (comment.isEmpty ? "" : " \"\(comment)\"")
  }
}

extension CommandRun {
  fileprivate func datastore(_ name: String?) throws(UsageError) -> DatabaseName {
    switch name {
    case nil: return settings.database
    case "candidate": return .candidate
    case "running": return .running
    case "startup": return .startup
    case let name?: throw UsageError("\(name) is no datastore that can be locked: candidate, running, startup")
    }
  }

  /// One change on a line, with the values as people read them.
  fileprivate func printChange(_ change: DataChange) async throws {
    let place = try await schema()?.text(of: change.path) ?? "\(change.path)"
    switch change.kind {
    case .created: print("+ \(place)")
    case .deleted: print("- \(place)")
    case .modified: break
    case .valueSet(_, let value): print("= \(place) \(try await text(of: value, at: change.path))")
    case .movedAfter(let keys):
      print("> \(place) \(keys.isEmpty ? "first" : "after {\(keys.map(\.plainText).joined(separator: " "))}")")
    default: print("* \(place)")
    }
  }
}
