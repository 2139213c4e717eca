import Logging
import NSOEngine
import NSOModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

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
    // The file is there while running is inconsistent, also for other programs (protocol part 08, section 7.2).
    let file = configuration.stateDirectory + "/running.invalid"
    if access(file, F_OK) == 0 { engine.writability.isConsistent = false }
    engine.writability.observeConsistency { isConsistent in
      if isConsistent {
        if unlink(file) != 0, errno != ENOENT { log.write(level: .error, text: "\(file): \(String(cString: strerror(errno)))") }
      } else {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor < 0 {
          log.write(level: .error, text: "\(file): \(String(cString: strerror(errno)))")
        } else {
          close(descriptor)
        }
      }
    }
  }

  /// Lines about datastores for `ncs --status`.
  var datastoreFacts: [String] {
    let history = engine.history
    var lines = ["running: revision \(history.revision), readable from revision \(history.revisions.lowerBound) on"]
    if !engine.writability.isConsistent { lines.append("running: NOT CONSISTENT, a participant failed in a commit") }
    if engine.writability.isReadOnly { lines.append("read-only mode is on") }
    let options = engine.configuration.datastores
    if options.candidate {
      let isModified = (try? engine.isCandidateModified()) ?? false
      lines.append("candidate: \(isModified ? "modified" : "as running")")
    }
    if options.startup { lines.append("startup: enabled") }
    if let pending = engine.confirmedCommits.pending {
      let seconds = max(0, pending.deadline - engine.configuration.clock().seconds)
      lines.append(
        "confirmed commit of \(pending.user) (session \(pending.session)): taken back in \(seconds) s unless it is confirmed"
          + (pending.persist == nil ? "" : ", persistent"))
    }
    return lines
  }
}
