import Logging
import NSOEngine
public import NSOModel
public import NSOSchema
import Synchronization

/// Upgrades of the schema while the daemon runs: where the modules come from, and what the log says (protocol part 06, records
/// 30 to 34).
extension Daemon {
  public func loadSchema(_ directories: [String]) throws(NSOError) -> Schema {
    let loader =
      directories.isEmpty
      ? Self.schemaLoader(loadPath: startConfiguration.loadPath, files: options.modules, paths)
      : Self.schemaLoader(loadPath: directories, files: [], paths)
    do throws(SchemaError) {
      return try loader.load()
    } catch {
      throw NSOError(.badConfig, "the modules of the upgrade cannot be used: \(error)")
    }
  }

  public func upgradeNotes(_ directories: [String]) -> [String] { restartNote(directories).map { [$0] } ?? [] }

  /// What to do so that modules of an upgrade are loaded at the next start, too; nil when nothing has to be done: they are where the
  /// configuration file says.
  private func restartNote(_ directories: [String]) -> String? {
    let configured = state.withLock { $0.configuration.loadPath }
    guard !directories.isEmpty, configured.map(Directory.canonical) != directories.map(Directory.canonical) else { return nil }
    return
      "at its next start the daemon loads the modules of the load-path in its configuration file again: before that, set it to \(directories.joined(separator: ", "))"
  }

  /// For `ncs --status`.
  var upgradeNote: String? {
    let loadPath = state.withLock { $0.upgradedLoadPath }
    return restartNote(loadPath).map { "modules: those of an upgrade, from \(loadPath.joined(separator: ", ")); \($0)" }
  }

  func logUpgrades() {
    // They belong to the modules in use.
    engine.afterUpgrade { [weak self] in await self?.loadTemplates() }
    engine.onModelChange { [weak engine, weak self] _, _ in
      guard let self, let loadPath = engine?.upgrade?.loadPath else { return }
      self.state.withLock { $0.upgradedLoadPath = loadPath }
    }
    engine.onUpgradeStep { [log, weak engine, weak self] step in
      let owner = engine?.upgrade?.owner
      switch step {
      case .initStarted: log.record(.upgradeInitStarted, owner ?? "")
      case .initSucceeded: log.record(.upgradeInitSucceeded, owner ?? "")
      case .performed:
        log.record(.upgradePerformed, owner ?? "")
        guard let upgrade = engine?.upgrade, let report = try? engine?.report(of: upgrade) else { return }
        for line in report.text.split(separator: "\n") { log.write(level: .notice, text: "upgrade: \(line)") }
      case .committed:
        log.record(.upgradeCommitted)
        guard let self else { return }
        if let note = self.restartNote(self.state.withLock { $0.upgradedLoadPath }) {
          log.write(level: .warning, text: "upgrade: \(note)")
        }
      case .aborted: log.record(.upgradeAborted)
      }
    }
  }
}
