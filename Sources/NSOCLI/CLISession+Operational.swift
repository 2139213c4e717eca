import NSOEngine
import NSOModel
import NSOSchema

extension CLISession {
  func operational(
    _ name: String, _ arguments: inout Arguments, _ pipes: Pipes, _ output: CommandOutput
  ) async throws -> Int64? {
    switch name {
    case "exit", "quit":
      try arguments.requireEnd()
      return 0
    case "configure": try await startConfiguring(&arguments, output)
    case "show": try await show(&arguments, pipes, output)
    case "set":
      let parameter = try arguments.keyword(CLIParameters.known.map { CommandTable.Word($0.name, $0.help) })
      let offset = arguments.words.first?.range.lowerBound ?? arguments.end
      let value = try arguments.word("the value of \(parameter)")
      try arguments.requireEnd()
      if let fault = parameters.set(parameter, value) { throw SyntaxError(offset: offset, message: fault) }
    case "id":
      try arguments.requireEnd()
      let groups = session.request.groups.joined(separator: ",")
      output.line("user = \(session.user)(\(session.id)), gid=\(groups.isEmpty ? "none" : groups), groups=\(groups)")
    case "who":
      try arguments.requireEnd()
      who(output)
    case "send":
      let to = try arguments.word("all, a user or a session")
      let text = arguments.text()
      let time = localTime(engine.configuration.clock().seconds)
      for terminal in try engine.terminals.receivers(to) {
        terminal.post(.message("Message from \(session.user)@\(opening.host) at \(time):\n\(text)\n"))
      }
    case "logout": try logout(&arguments)
    case "commit":
      let word = try arguments.keyword([.init("abort", ""), .init("confirm", "")])
      try arguments.requireEnd()
      try await endConfirmed(isKept: word == "confirm", output)
    default: try await common(name, &arguments, pipes, output)
    }
    return nil
  }

  private func startConfiguring(_ arguments: inout Arguments, _ output: CommandOutput) async throws {
    var word = "private"
    if !arguments.isEmpty {
      word = try arguments.keyword([.init("exclusive", ""), .init("private", ""), .init("shared", "")])
    }
    try arguments.requireEnd()
    guard word != "shared" else {
      throw CommandFailure(
        text:
          "Error: configure shared (changes in the candidate, together with others) is not supported: use private or exclusive")
    }
    if word == "exclusive" { try await engine.lock(.running, for: session) }
    do throws(NSOError) {
      try beginConfiguring(isExclusive: word == "exclusive")
    } catch {
      if word == "exclusive" { try engine.locks.unlock(.running, for: session) }
      throw error
    }
    guard opening.isInteractive else { return }
    output.line("Entering configuration mode \(word)")
    let others = engine.transactions.filter {
      $0.mode == .readWrite && $0.database == .running && $0.session !== session && $0.session.context == "cli"
    }
    guard !others.isEmpty else { return }
    output.line("Current configuration users:")
    for other in others {
      output.line(
        "\(other.session.user) \(other.session.request.proto) (from \(other.session.request.address)) since \(localTime(other.startTime))"
      )
    }
  }

  private func show(_ arguments: inout Arguments, _ pipes: Pipes, _ output: CommandOutput) async throws {
    guard let first = arguments.words.first else {
      throw SyntaxError(
        offset: arguments.end, message: "incomplete command", alternatives: ["cli", "configuration", "history", "a path"])
    }
    switch first.text {
    case "cli" where arguments.words.count == 1:
      for (name, _) in CLIParameters.known { output.line(name.padding(to: 22) + (parameters.values[name] ?? "")) }
    case "history":
      arguments.words.removeFirst()
      let count = arguments.words.popFirst().flatMap { Int($0.text) } ?? history.count
      try arguments.requireEnd()
      for entry in history.suffix(max(0, count)) { output.line("\(localTime(entry.time).dropFirst(5)) -- \(entry.line)") }
    case let word where word.count >= 3 && "configuration".hasPrefix(word):
      arguments.words.removeFirst()
      let transaction = try engine.startTransaction(session, on: .running, .read)
      defer { engine.finish(transaction) }
      var reader = PlaceReader(transaction.model, .configuration)
      try read(arguments.words, &reader)
      try await showConfiguration(transaction, try reader.target(), pipes, output)
    default: try await showStatus(&arguments, pipes, output)
    }
  }

  /// Operational data.
  private func showStatus(_ arguments: inout Arguments, _ pipes: Pipes, _ output: CommandOutput) async throws {
    let transaction = try engine.startTransaction(session, on: .operational, .read)
    defer { engine.finish(transaction) }
    let model = transaction.model
    var reader = PlaceReader(model, .data)
    let first = arguments.words.first?.range.lowerBound ?? 0
    try read(arguments.words, &reader)
    let place = try reader.target()
    let view = try transaction.view()
    if let node = place.node, model[node].isConfiguration, !StatusPrinter.holders(model.schema).contains(node) {
      throw SyntaxError(
        offset: first,
        message: "there is no operational data there; for the configuration: show configuration \(commandPath(place, model))")
    }
    if place.node.map({ model[$0].kind != .list || place.isEntry }) == true {
      guard try await look(model, { () throws(NSOError) in try view.exists(place) }) else {
        throw CommandFailure(text: "Error: \(place.text(model)) does not exist")
      }
    }
    if let format = pipes.format {
      let options = SaveOptions(
        format: format, content: .operational, withDefaults: pipes.withDefaults,
        path: place.node == nil ? nil : Keypath(place, model), hidesHidden: true)
      return try await pass(try DocumentSource(view, options), model, output, ifEmpty: "No entries found.")
    }
    let printer = StatusPrinter(
      view, at: place, width: parameters.number("screen-width"), tables: pipes.tables,
      showsDefaults: pipes.withDefaults || parameters.flag("show-defaults"))
    try await pass(StatusSource(printer), model, output, ifEmpty: "No entries found.")
  }

  private func who(_ output: CommandOutput) {
    let rows =
      [["Session", "User", "Context", "From", "Proto", "Date", "Mode"]]
      + engine.sessions.all.filter { !$0.isSystem }.map { other in
        [
          "\(other === session ? "*" : "")\(other.id)", other.user, other.context, "\(other.request.address)",
          "\(other.request.proto)", localTime(other.loginTime),
          other === session && configuring != nil ? "configure" : "operational",
        ]
      }
    let widths = rows[0].indices.map { column in rows.reduce(0) { max($0, $1[column].count) } }
    for row in rows {
      output.line(zip(row, widths).map { $0.padding(to: $1 + 1) }.joined().trimmed)
    }
  }

  private func logout(_ arguments: inout Arguments) throws {
    let word = try arguments.keyword([.init("session", ""), .init("user", "")])
    let offset = arguments.words.first?.range.lowerBound ?? arguments.end
    let name = try arguments.word(word == "session" ? "the number of a session" : "a user")
    try arguments.requireEnd()
    let found = engine.sessions.all.filter {
      !$0.isSystem && $0 !== session && (word == "session" ? "\($0.id)" == name : $0.user == name)
    }
    guard !found.isEmpty else { throw SyntaxError(offset: offset, message: "no other session is known by that") }
    guard found.allSatisfy({ opening.isTrusted || $0.user == session.user }) else {
      throw CommandFailure(text: "Error: access denied: only your own sessions can be ended")
    }
    for other in found { engine.sessions.end(other, because: "logged out by \(session.summary)") }
  }
}
