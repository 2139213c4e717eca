import NSOClient
import NSOModel
import NSOWire

extension Command {
  /// Messages to users (protocol part 04, section 4.10). TO is a user name, the number of a session, or `all`.
  static let messageCommands: [Command] = [
    Command(names: ["message"], arguments: "TO WORD...", purpose: "show a message to users, with time and sender") {
      run, words in
      let sender = run.settings.connection.user ?? "system"
      try await run.connection().sendMessage(words.dropFirst().joined(separator: " "), to: words[0], from: sender)
    },
    Command(names: ["sysmsg"], arguments: "TO WORD...", purpose: "show words to users without decoration") { run, words in
      try await run.connection().sendSystemMessage(words.dropFirst().joined(separator: " ") + "\n", to: words[0])
    },
    Command(names: ["priomsg"], arguments: "TO WORD...", purpose: "as sysmsg, shown at once") { run, words in
      try await run.connection().sendPriorityMessage(words.dropFirst().joined(separator: " ") + "\n", to: words[0])
    },
  ]
}
