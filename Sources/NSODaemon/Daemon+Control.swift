import Logging
import NSOCLI
import NSOEngine
public import NSOModel
import NSONetconf
import NSOSSH
public import NSOServer
import Synchronization

extension Daemon: DaemonControl {
  public func stop() { stop(because: "asked to by a client") }

  /// Reads the configuration again, applies what can change while running, and reopens the log. A faulty file changes nothing.
  /// Reloads are done one after the other.
  public func reload() async throws(NSOError) {
    await reloads.enter()
    defer { reloads.leave() }
    guard !state.withLock(\.isStopping) else {
      throw NSOError(.badState, "the daemon is stopping; the configuration is not read again")
    }
    log.record(.reload)
    engine.events.emit(.reopenLogs) { .reopenLogs }
    tellServiceManager(.reloading)
    defer { tellServiceManager(.ready) }
    let old = state.withLock(\.configuration)
    let new: DaemonConfiguration
    do {
      new = try DaemonConfiguration.load(options.source, modules: paths.ownModules) { log.record(.consultFile, $0) }
      let history = try new.historyLimits()
      let prepared = try prepareSSH(new)
      var isInstalled = false
      defer { if !isInstalled { prepared.drop() } }
      let logs = try log.prepare(new.logs.with(standardOutput: options.verbose))
      do {
        try applySecrets(new)
      } catch {
        logs.drop()
        throw error
      }
      // From here on nothing can fail.
      log.install(logs)
      engine.history.limits = history
      isInstalled = true
      installSSH(prepared, new, after: old)
    } catch {
      let failure = StartFailure(error)
      log.record(
        failure.symbol == .fileError ? .fileError : .badConfiguration, "\(failure.text); the settings of before stay in force")
      throw NSOError(.badConfig, "\(failure.text); the settings of before stay in force")
    }
    log.record(.reopenLogs)
    server?.update(Self.admissionRules(new.ipc))
    engine.providers.limits = new.providerLimits
    cli.settings = new.cli
    netconf.settings = new.netconf.settings
    engine.subscriptions.timeLimit = new.subscriberTimeLimit
    engine.replaysSubscriptions = new.replaysSubscriptions
    engine.events.settings = new.events
    if new.ipc.secret != old.ipc.secret {
      let what = new.ipc.secret == nil ? "off" : old.ipc.secret == nil ? "on" : "on, with another secret"
      log.record(.configurationChange, "the access check is \(what) for new connections")
    }
    for notice in new.notices where !old.notices.contains(notice) { log.write(level: .notice, text: notice) }
    let pending = new.changes(from: startConfiguration, where: { $0 == .start })
    for path in new.changes(from: old, where: { $0 != .start }) { log.record(.configurationChange, "\(path) is in force") }
    for path in pending { log.record(.configurationChange, "\(path) takes effect after a restart") }
    state.withLock { state in
      state.configuration = new
      state.pending = pending
    }
    await loadTemplates()
    await noteWarnings()
  }

  public func reopenLogs() async throws(NSOError) {
    engine.events.emit(.reopenLogs) { .reopenLogs }
    log.record(.reopenLogs)
    do throws(LogFileError) { try log.reopen() } catch { throw NSOError(.operatingSystem, "\(error)") }
  }

  /// Advances a daemon that was started with `--start-phase0`.
  public func start(phase: Int) async throws(NSOError) {
    let current = engine.phases.phase
    switch (phase, current) {
    case (1, .phase0): enterPhase1()
    case (2, .phase1): enterPhase2()
    case (1, .phase1), (1, .started), (2, .started): return
    case (1, _), (2, _):
      throw NSOError(.badState, "start phase \(phase) cannot follow \(current); the order is phase0, 1, 2")
    default:
      throw NSOError(.badState, "there is no start phase \(phase); the phases to start are 1 and 2")
    }
  }
}
