import Logging
import NSOEngine
public import NSOModel
public import NSOSchema

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

  func logUpgrades() {
    engine.onUpgradeStep { [log, weak engine] step in
      let owner = engine?.upgrade?.owner
      switch step {
      case .initStarted: log.record(.upgradeInitStarted, owner ?? "")
      case .initSucceeded: log.record(.upgradeInitSucceeded, owner ?? "")
      case .performed:
        log.record(.upgradePerformed, owner ?? "")
        guard let upgrade = engine?.upgrade, let report = try? engine?.report(of: upgrade) else { return }
        for line in report.text.split(separator: "\n") { log.write(level: .notice, text: "upgrade: \(line)") }
      case .committed: log.record(.upgradeCommitted)
      case .aborted: log.record(.upgradeAborted)
      }
    }
  }
}
