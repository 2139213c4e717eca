import NSOClient
import NSOModel

extension Command {
  static let actionCommands: [Command] = [
    Command(
      names: ["maction"], arguments: "PATH [PARAMETER] [VALUE] [...]",
      purpose: """
        invoke an action or rpc and print its output, a line for each leaf. PARAMETER is a path below the action, such as \
        opts/mode or server{www}/port; VALUE is '' for a leaf of type empty or a container
        """
    ) { run, words in
      let action = try await run.action(words)
      run.print(action, try await run.session().requestAction(action.words.action, action.parameters))
    },
    Command(
      names: ["maction_th"], arguments: "PATH [PARAMETER] [VALUE] [...]",
      purpose: "as maction, in the MAAPI transaction: the action sees it", transaction: .reads
    ) { run, words in
      let action = try await run.action(words)
      run.print(action, try await run.currentTransaction().requestAction(action.words.action, action.parameters))
    },
    Command(
      names: ["maction_str"], arguments: "PATH [TEXT] [...]",
      purpose:
        "as maction_th, with the parameters as in the CLI: maction_str /r:router/reset 'delay 5 opts { mode fast } tag [ a b ]'",
      transaction: .reads
    ) { run, words in
      guard let schema = try await run.schema() else { throw ToolError("paths of actions need the schema: leave out -m") }
      let text = words.dropFirst().joined(separator: " ")
      let output = try await run.currentTransaction().requestAction(schema.keypath(words[0]), text: text)
      for line in output.split(separator: "\n", omittingEmptySubsequences: false).dropLast() { run.print(String(line)) }
    },
  ]
}

/// An action as it is to be invoked.
struct ActionCall: Sendable {
  var words: ActionWords
  var parameters: [TaggedValue]
}

extension CommandRun {
  func action(_ words: [String]) async throws -> ActionCall {
    guard let schema = try await schema() else {
      throw ToolError("parameters of actions need the schema: leave out -m")
    }
    let names = ActionWords(schema: schema, action: try schema.keypath(words[0]))
    return ActionCall(words: names, parameters: try names.parameters(Array(words.dropFirst())))
  }

  func print(_ action: ActionCall, _ output: [TaggedValue]) {
    for line in action.words.lines(output) { print(line) }
  }
}
