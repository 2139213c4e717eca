import Logging
import NSOEngine
import NSOModel

extension DaemonConfiguration {
  /// What `datastores` says.
  func datastores() throws(ConfigurationTree.UnknownPath) -> DatastoreOptions {
    var options = DatastoreOptions()
    options.candidate = try tree.flag("datastores/candidate/enabled")
    options.startup = try tree.flag("datastores/startup/enabled")
    // The value of an enumeration is its place.
    if case .enumeration(1)? = try tree.value("datastores/running/access") {
      options.running = .throughCandidate
    }
    return options
  }

  /// What `rollback` and `datastores/history` say.
  func historyLimits() throws(ConfigurationTree.UnknownPath) -> History.Limits {
    func number(_ path: String) throws(ConfigurationTree.UnknownPath) -> Int {
      guard case .uint32(let number)? = try tree.value(path) else { return 0 }
      return Int(number)
    }
    return History.Limits(
      rollbackEntries: try tree.flag("rollback/enabled") ? try number("rollback/history-size") : 0,
      revisions: try number("datastores/history/size"))
  }
}

extension Daemon {
  /// Before anybody can write: a confirmed commit from before is taken back or goes on, running becomes startup where there is one,
  /// and what is known of running's consistency.
  func openDatastores(_ configuration: DaemonConfiguration) async throws {
    let log = log
    engine.confirmedCommits.observe { event, session, user in
      let who = "\(user), session \(session)"
      switch event {
      case .started, .confirmed: break
      case .aborting(.request): log.record(.confirmedCommitAborted, who)
      case .aborting(.timeout): log.record(.confirmedCommitTimedOut, who)
      case .aborting(.sessionEnded): log.record(.confirmedCommitSessionEnded, who)
      case .aborting(.restart): log.record(.confirmedCommitRestart, who)
      case .failed(let reason): log.record(.confirmedCommitFailure, "\(who): \(reason)")
      case .aborted: log.record(.confirmedCommitTakenBack, who)
      }
    }
    await engine.resumeConfirmedCommit()
    if try await engine.loadStartup() {
      log.write(level: .notice, text: "running is what the startup datastore holds (its commit before is in the history)")
    }
    let mark = InconsistencyMark(path: configuration.stateDirectory + "/running.invalid")
    if let cause = mark.cause { engine.writability.setInconsistent(cause) }
    engine.writability.observeConsistency { cause in
      let failure = if let cause { mark.set(cause) } else { mark.remove() }
      if let failure { log.write(level: .error, text: failure) }
    }
  }

  /// Lines about datastores for `ncs --status`.
  var datastoreFacts: [String] {
    let history = engine.history
    var lines = ["running: revision \(history.revision), readable from revision \(history.revisions.lowerBound) on"]
    if let cause = engine.writability.inconsistency { lines.append("running: NOT CONSISTENT: \(cause)") }
    if engine.writability.isReadOnly { lines.append("read-only mode is on") }
    let options = engine.configuration.datastores
    if options.candidate {
      let isModified = (try? engine.isCandidateModified()) ?? false
      lines.append("candidate: \(isModified ? "modified" : "as running")")
    }
    if options.startup { lines.append("startup: enabled") }
    if let pending = engine.confirmedCommits.pending {
      let seconds = max(0, pending.deadline - engine.configuration.clock().seconds)
      let end =
        engine.confirmedCommits.isStuck
        ? "CANNOT BE TAKEN BACK with the modules that are loaded: confirm it, or start with those of before"
        : "taken back in \(seconds) s unless it is confirmed"
      lines.append(
        "confirmed commit of \(pending.user) (session \(pending.session)): \(end)\(pending.persist == nil ? "" : ", persistent")"
      )
    }
    return lines
  }
}
