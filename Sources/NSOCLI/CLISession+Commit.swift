import NSOEngine
import NSOModel
import NSOSchema

extension CLISession {
  func commit(_ arguments: inout Arguments, _ mode: Configuring, _ output: CommandOutput) async throws {
    var words: Set<String> = []
    var label: String?
    var comment: String?
    var format = "cli"
    while !arguments.isEmpty {
      let offset = arguments.words.first?.range.lowerBound ?? arguments.end
      let word = try arguments.keyword(CommandTable.commitWords)
      guard words.insert(word).inserted else { throw SyntaxError(offset: offset, message: "\(word) is given twice") }
      switch word {
      case "label": label = try arguments.word("the label")
      case "comment": comment = try arguments.word("the comment")
      case "outformat": format = try arguments.keyword([.init("cli", ""), .init("xml", "")])
      case "confirmed":
        throw CommandFailure(
          text: "Error: commit confirmed is not supported in the CLI: use the candidate (ncs_cmd -h mcommit_candidate)"
        )
      default: break
      }
    }
    let transaction = mode.transaction
    if words.contains("abort") { return try await endConfirmed(isKept: false, output) }
    guard try await differs(transaction) else {
      if words.contains("and-quit") { endConfiguring() }
      return output.line("No modifications to commit.")
    }
    if words.contains("dry-run") { return try await dryRun(transaction, format, isReversed: words.contains("reverse"), output) }
    guard !words.contains("check") else {
      try await validate(transaction, output)
      return output.line("Validation complete")
    }
    try await heedWarnings(transaction, output)
    if let label { transaction.label = label }
    if let comment { transaction.comment = comment }
    do throws(NSOError) {
      try await engine.apply(transaction, keepOpen: true)
    } catch {
      throw CommandFailure(text: "Aborted: \(error.message)")
    }
    output.line("Commit complete.")
    if words.contains("and-quit") { endConfiguring() } else { try restart(mode) }
  }

  /// Whether a commit would change anything: what was set to what it was is no change.
  private func differs(_ transaction: Transaction) async throws(NSOError) -> Bool {
    guard transaction.hasChanges else { return false }
    let view = try transaction.view()
    return try await look(transaction.model) { () throws(NSOError) in try !view.differences(below: .root, .attributes).isEmpty }
  }

  func validate(_ transaction: Transaction, _ output: CommandOutput) async throws {
    do throws(NSOError) {
      try await engine.validate(transaction, unlock: true)
    } catch {
      guard error.code == .validationWarning else { throw CommandFailure(text: "Failed: \(error.message)") }
      output.write(Self.warnings(error))
    }
  }

  /// Shows what validation points warn of, and asks whether to go on. Nothing is held while the user thinks.
  private func heedWarnings(_ transaction: Transaction, _ output: CommandOutput) async throws {
    let schema = transaction.model.schema
    guard schema.nodes.contains(where: { !$0.extensions.isEmpty && $0.extensions.first("validate") != nil }) else { return }
    do throws(NSOError) {
      try await engine.validate(transaction, unlock: true)
    } catch {
      guard error.code == .validationWarning else { throw CommandFailure(text: "Aborted: \(error.message)") }
      output.write(Self.warnings(error))
      try await output.flush(all: true)
      let answer = try await ask("Proceed? [yes,no] ", ["yes", "no"], ifNobody: "yes")
      guard answer == "yes" else { throw CommandFailure(text: "Aborted: by user") }
    }
  }

  /// The warnings of an error: path and text in turn, each with a NUL behind.
  private static func warnings(_ error: NSOError) -> String {
    let parts = error.message.split(separator: "\0", omittingEmptySubsequences: false)
    var text = "The following warnings were generated:\n"
    for index in stride(from: 0, to: parts.count - 1, by: 2) { text += "  '\(parts[index])': \(parts[index + 1])\n" }
    return text
  }

  private func dryRun(
    _ transaction: Transaction, _ format: String, isReversed: Bool, _ output: CommandOutput
  ) async throws {
    let view = try transaction.view()
    let text: String
    if format == "xml" {
      let bytes = try await look(transaction.model) { () throws(NSOError) in try view.changeDocument(isReversed: isReversed) }
      text = String(decoding: bytes, as: UTF8.self)
    } else {
      text = try await look(transaction.model) { () throws(NSOError) in try view.changeText(isReversed: isReversed) }
    }
    output.line("\(format == "xml" ? "result-xml" : "cli") {\n    local-node {")
    let head = "        data "
    let lines = text.split(separator: "\n")
    for (index, line) in lines.enumerated() {
      output.line((index == 0 ? head : String(repeating: " ", count: head.count)) + line)
    }
    output.line("    }\n}")
  }

  /// `commit abort` and `commit confirm`.
  func endConfirmed(isKept: Bool, _ output: CommandOutput) async throws {
    do throws(NSOError) {
      if isKept { try await engine.commitCandidate(session) } else { try await engine.abortConfirmedCommit(session) }
    } catch {
      throw CommandFailure(text: "Aborted: \(error.message)")
    }
    output.line(
      isKept ? "Commit complete. Configuration is now permanent." : "Confirmed commit aborted. Old configuration is restored.")
  }

  func rollBack(_ arguments: inout Arguments, _ mode: Configuring, _ output: CommandOutput) async throws {
    let word = try arguments.keyword([.init("configuration", ""), .init("selective", "")])
    var number: RollbackEntryNumber = .relative(0)
    if let given = arguments.words.popFirst() {
      guard let value = Int64(given.text), value >= 0 else {
        throw SyntaxError(
          offset: given.range.lowerBound, message: "a number is expected: that of a commit, or from 0 (the latest) on")
      }
      // Commits are numbered from 1 on; small numbers that no commit has any more count back from the latest.
      let isKept = try engine.history.rollbackEntries().contains { Int64(clamping: $0.revision) == value }
      number = isKept ? .fixed(value) : .relative(value)
    } else if word == "selective" {
      throw SyntaxError(offset: arguments.end, message: "the number of a commit is missing")
    }
    try arguments.requireEnd()
    let (engine, transaction, chosen) = (engine, mode.transaction, number)
    let omissions = try await look(transaction.model) { () throws(NSOError) in
      try engine.rollBack(chosen, in: transaction, selective: word == "selective")
    }
    if !omissions.isEmpty { output.write("Warning: \(omissions.text)\n") }
  }
}
