import NSOClient
import NSOModel
import NSOWire

/// Configuration templates.
extension Command {
  static let templateCommands: [Command] = [
    Command(
      names: ["mapply_template", "maapi_apply_template"], arguments: "NAME PATH [VAR=EXPR...]",
      purpose: """
        apply a configuration template of the daemon, with PATH (or /) as the root of its expressions; each VAR gets the value of the \
        XPath expression EXPR
        """,
      transaction: .writes
    ) { run, words in
      var variables: [TemplateVariable] = []
      for word in words.dropFirst(2) {
        guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
          throw UsageError("\(word) is no VAR=EXPR; a text as value stands in quotes of its own: NAME=\"'eth7'\"")
        }
        variables.append(TemplateVariable(String(word[..<equals]), expression: String(word[word.index(after: equals)...])))
      }
      try await run.currentTransaction().apply(template: words[0], at: try await run.path(words[1]), variables)
    },
    Command(names: ["templates"], arguments: "", purpose: "print the names of the configuration templates of the daemon") {
      run, _ in
      for name in try await run.session().templates() { run.print(name) }
    },
    Command(
      names: ["template_variables"], arguments: "NAME", purpose: "print the variables that a configuration template uses"
    ) { run, words in
      for name in try await run.session().variables(ofTemplate: words[0]) { run.print(name) }
    },
  ]
}
