import NSOClient
import NSOModel
import NSOWire

extension Command {
  /// Upgrades of the schema (protocol part 04, section 4.12).
  static let upgradeCommands: [Command] = [
    Command(
      names: ["upgrade"], arguments: "[DIR...]",
      purpose:
        "load the modules in DIR... instead of those in use (without DIR: read the daemon's load path again), without a restart; prints what it means for the data, and gives up where data would be lost"
    ) { run, words in try await run.upgrade(words, .unlessDataIsLost) },
    Command(
      names: ["upgrade_force"], arguments: "[DIR...]",
      purpose: "as upgrade; goes on when data is lost, and ends transactions that are in the way"
    ) { run, words in try await run.upgrade(words, .always) },
    Command(
      names: ["upgrade_check"], arguments: "[DIR...]", purpose: "print what upgrade would do, and give up"
    ) { run, words in try await run.upgrade(words, .never) },
  ]
}

extension CommandRun {
  enum Approval { case unlessDataIsLost, always, never }

  fileprivate func upgrade(_ directories: [String], _ approval: Approval) async throws {
    // Our own transaction would be in the way.
    try await endTransaction()
    let loadPath = try directories.map(absolutePath)
    var loses = false
    let isDone = try await connection().upgrade(
      loadPath: loadPath, flags: approval == .always ? .killOnTimeout : []
    ) { report in
      for line in report.split(separator: "\n") {
        self.print(String(line))
        if line.hasPrefix("drops ") { loses = true }
      }
      return approval == .always || approval == .unlessDataIsLost && !loses
    }
    if !isDone, approval == .unlessDataIsLost {
      throw ToolError("data would be lost, so nothing was changed; upgrade_force goes on nevertheless")
    }
  }
}
