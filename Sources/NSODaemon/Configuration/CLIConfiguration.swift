import NSOCLI

/// The CLI (protocol part 08, section 7, `/ncs-config/cli`).
extension DaemonConfiguration {
  func readCLI() throws -> CLISettings {
    var settings = CLISettings()
    settings.isEnabled = try tree.flag("cli/enabled")
    // Without a style it is ours.
    settings.style = try tree.text("cli/style") ?? settings.style
    settings.prompt1 = try tree.text("cli/prompt1") ?? settings.prompt1
    settings.prompt2 = try tree.text("cli/prompt2") ?? settings.prompt2
    settings.hostDelimiter = try tree.text("cli/prompt-hostname-delimiter") ?? settings.hostDelimiter
    settings.banner = try tree.text("cli/banner") ?? ""
    settings.idleTimeout = try min(duration("cli/idle-timeout").components.seconds, 1_000_000_000)
    settings.showsDefaults = try tree.flag("cli/show-defaults")
    // "unbounded" is no number: as many as a screen can be asked to take.
    settings.completionLimit = try max(1, min(tree.text("cli/completion-show-max").flatMap { Int($0) } ?? 10_000, 10_000))
    settings.historyLimit = try max(0, min(tree.text("cli/history-max-size").flatMap { Int($0) } ?? 1000, 100_000))
    switch try tree.text("cli/mode-info-in-aaa") {
    case "true": settings.modeInformation = .mode
    case "path": settings.modeInformation = .path
    default: break
    }
    return settings
  }
}
