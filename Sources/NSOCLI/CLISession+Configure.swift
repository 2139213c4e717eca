import NSOEngine
import NSOModel
import NSOSchema

extension CLISession {
  func configure(
    _ name: String, _ arguments: inout Arguments, _ pipes: Pipes, _ output: CommandOutput
  ) async throws -> Int64? {
    let mode = try requireConfiguring()
    let transaction = mode.transaction
    let model = transaction.model
    switch name {
    case "set":
      let edits = try edits(&arguments, mode)
      try await write(transaction) { (editor) throws(NSOError) in for edit in edits { try edit.perform(&editor) } }
    case "delete":
      guard !arguments.isEmpty else { throw SyntaxError(offset: arguments.end, message: "incomplete path") }
      let target = try entryOrPlace(&arguments, mode)
      try await write(transaction) { (editor) throws(NSOError) in try editor.delete(target) }
    case "show":
      let place = try place(&arguments, model, .configuration)
      try await showConfiguration(transaction, place, pipes, output)
    case "compare":
      if !arguments.isEmpty { _ = try arguments.keyword([.init("running", "")]) }
      try arguments.requireEnd()
      var pipes = pipes
      pipes.isCompare = true
      try await showConfiguration(transaction, mode.base, pipes, output)
    case "edit":
      guard !arguments.isEmpty else { throw SyntaxError(offset: arguments.end, message: "incomplete path") }
      var reader = PlaceReader(model, below: mode.base, .configuration)
      try read(arguments.words, &reader)
      let place = try reader.target()
      guard let node = place.node, model[node].kind == .container || (model[node].kind == .list && place.isEntry) else {
        throw SyntaxError(offset: arguments.end, message: "a container or the keys of an entry are expected")
      }
      let edits = reader.edits
      try await write(transaction) { (editor) throws(NSOError) in for edit in edits { try edit.perform(&editor) } }
      configuring?.base = place
    case "up":
      try arguments.requireEnd()
      guard mode.base.node != nil else { throw CommandFailure(text: "Error: already at the top") }
      goUp(mode)
    case "top": configuring?.base = .root
    case "exit", "quit": return try await leave(name, &arguments, mode, output)
    case "run": throw SyntaxError(offset: arguments.end, message: "a command is missing")
    case "status":
      try arguments.requireEnd()
      output.line(transaction.hasChanges ? "There are changes that are not committed." : "No changes.")
    case "validate":
      try arguments.requireEnd()
      try await validate(transaction, output)
    case "commit": try await commit(&arguments, mode, output)
    case "revert":
      if !arguments.isEmpty { _ = try arguments.keyword([.init("no-confirm", "")]) }
      try arguments.requireEnd()
      try transaction.revert()
      try restart(mode)
    case "rollback": try await rollBack(&arguments, mode, output)
    case "rename", "copy": try await renew(name, &arguments, mode)
    case "insert", "move": try await order(name, &arguments, mode)
    case "annotate": try await annotate(&arguments, mode)
    case "load": try await load(&arguments, mode, output)
    case "save":
      let path = try arguments.word("the name of a file")
      try arguments.requireEnd()
      var saving = pipes
      saving.file = (path, false)
      let file = CommandOutput(terminal, isPaged: false, file: (path, false))
      try await showConfiguration(transaction, .root, saving, file)
      try await file.finish()
    default: try await common(name, &arguments, pipes, output)
    }
    return nil
  }

  /// `top COMMAND` and `run COMMAND`: at the top, or one of operational mode that ends neither the session nor the changes.
  func nested(_ name: String, _ arguments: Arguments, _ pipes: Pipes) async throws -> Int64? {
    let mode = try requireConfiguring()
    guard name == "run" else {
      configuring?.base = .root
      // `top edit PATH` goes there; all else comes back.
      defer {
        if configuring?.transaction === mode.transaction, configuring?.base.node == nil { configuring?.base = mode.base }
      }
      return try await run(arguments, pipes, .configure)
    }
    if let word = arguments.words.first {
      let name = try Arguments.choose(word, CommandTable.entries(.operational).map(\.name), "unknown command")
      guard !["exit", "quit", "configure"].contains(name) else {
        throw SyntaxError(offset: word.range.lowerBound, message: "\(name) cannot be run from here")
      }
    }
    return try await run(arguments, pipes, .operational)
  }

  // MARK: Writing

  private func edits(_ arguments: inout Arguments, _ mode: Configuring) throws -> [PlaceReader.Edit] {
    guard !arguments.isEmpty else { throw SyntaxError(offset: arguments.end, message: "incomplete path") }
    var reader = PlaceReader(mode.transaction.model, below: mode.base, .configuration)
    try read(arguments.words, &reader)
    arguments.words = []
    do throws(NSOError) { try reader.finish() } catch {
      throw SyntaxError(offset: arguments.end, message: error.message)
    }
    guard !reader.edits.isEmpty else {
      throw SyntaxError(
        offset: arguments.end, message: "there is nothing to set: name a leaf and its value, an entry, or a presence container")
    }
    return reader.edits
  }

  /// Secrets are hashed, and data of providers looked at, away from the tasks of others. Set hooks and transforms are asked, as about every
  /// write of a client.
  func write(
    _ transaction: Transaction, _ body: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void
  ) async throws(NSOError) {
    guard !transaction.asksHooks(at: .root, as: .owner) else {
      return try await transaction.writeThroughHooks(as: .owner, body)
    }
    try await look(transaction.model) { () throws(NSOError) in try transaction.writeAtLength(as: .owner, body) }
  }

  /// The place that words lead to; a value behind a leaf-list means its entry.
  private func entryOrPlace(_ arguments: inout Arguments, _ mode: Configuring) throws -> Location {
    var reader = PlaceReader(mode.transaction.model, below: mode.base, .configuration)
    try read(arguments.words, &reader)
    arguments.words = []
    return try Self.target(reader, arguments.end)
  }

  private static func target(_ reader: PlaceReader, _ end: Int) throws -> Location {
    let model = reader.model
    do throws(NSOError) {
      if case .add(let list, let text)? = reader.edits.last, case .name = reader.reader.expectation, let node = list.node {
        var builder = LocationBuilder(model, from: list)
        let value: Value
        do throws(ValueError) { value = try model.schema.parse(text, at: model.schema[node]) } catch {
          throw error.nsoError(at: list.text(model))
        }
        try builder.entry([value])
        return builder.location
      }
      return try reader.target()
    } catch {
      throw SyntaxError(offset: end, message: error.message)
    }
  }

  private func goUp(_ mode: Configuring) {
    let model = mode.transaction.model
    var path = Keypath(mode.base, model)
    while let last = path.elements.popLast() { if case .tag = last { break } }
    configuring?.base = (try? model.locate(path)) ?? .root
  }

  private func leave(
    _ name: String, _ arguments: inout Arguments, _ mode: Configuring, _ output: CommandOutput
  ) async throws -> Int64? {
    let known = CommandTable.entries(.configure).first { $0.name == name }
    var words: Set<String> = []
    while !arguments.isEmpty, case .words(let allowed)? = known?.tail { words.insert(try arguments.keyword(allowed)) }
    let leavesAll = words.contains("configuration-mode") || name == "quit" || mode.base.node == nil
    guard leavesAll else {
      goUp(mode)
      return nil
    }
    if mode.transaction.hasChanges, !words.contains("no-confirm") {
      let answer = try await ask(
        "There are uncommitted changes. Discard them? [yes,no] ", ["yes", "no"], ifNobody: "yes")
      guard answer == "yes" else { throw CommandFailure(text: "Aborted: by user") }
      if !opening.isInteractive { output.line("Warning: uncommitted changes are discarded") }
    }
    endConfiguring()
    return nil
  }

  // MARK: Entries

  /// `rename` and `copy`: an entry, and the keys of the new one.
  private func renew(_ name: String, _ arguments: inout Arguments, _ mode: Configuring) async throws {
    let model = mode.transaction.model
    var reader = PlaceReader(model, below: mode.base, .configuration)
    while let word = arguments.words.popFirst() {
      try read([word], &reader)
      guard let entry = try? reader.target(), let node = entry.node, model[node].kind == .list, entry.isEntry else { continue }
      let count = model.schema[node].keys.count
      var rest = arguments.words
      if rest.count == count + 1, rest.first?.text == "to" { rest.removeFirst() }
      guard rest.count == count else { continue }
      let keys: [Value]
      do throws(NSOError) { keys = try model.schema.parse(keys: rest.map(\.text), of: model.schema[node]) } catch {
        throw SyntaxError(offset: rest.first?.range.lowerBound ?? arguments.end, message: error.message)
      }
      if name == "rename" {
        return try await write(mode.transaction) { (editor) throws(NSOError) in try editor.rename(entry, to: keys) }
      }
      var path = Keypath(entry, model)
      path.elements[path.elements.count - 1] = .keys(keys)
      let other = try model.locate(path)
      return try await write(mode.transaction) { (editor) throws(NSOError) in
        guard try !editor.view.exists(other) else {
          throw NSOError(.alreadyExists, "\(other.text(model)) exists already")
        }
        try editor.copyTree(from: entry, to: other)
      }
    }
    throw SyntaxError(offset: arguments.end, message: "the keys of an entry, and those of the new one, are expected")
  }

  /// `insert` and `move`: an entry of a list ordered by user, and where it is to stand.
  private func order(_ name: String, _ arguments: inout Arguments, _ mode: Configuring) async throws {
    let model = mode.transaction.model
    var reader = PlaceReader(model, below: mode.base, .configuration)
    var target: Location?
    var place = MovePlace.last
    while let word = arguments.words.popFirst() {
      try read([word], &reader)
      guard let entry = try? Self.target(reader, arguments.end), entry.isEntry, let node = entry.node else { continue }
      let found = try Self.movePlace(Array(arguments.words), model, node, isInsert: name == "insert")
      guard let found else { continue }
      (target, place) = (entry, found)
      break
    }
    guard let target else {
      throw SyntaxError(
        offset: arguments.end, message: "an entry and its place are expected",
        alternatives: ["first", "last", "before KEYS", "after KEYS"])
    }
    let end = place
    try await write(mode.transaction) { (editor) throws(NSOError) in
      if name == "move" { try editor.move(target, to: end) } else { try editor.create(target, at: end) }
    }
  }

  /// Where words say that an entry is to stand; nil when they do not say it.
  private static func movePlace(
    _ words: [TextWord], _ model: DataModel, _ node: NodeID, isInsert: Bool
  ) throws -> MovePlace? {
    guard let first = words.first else { return isInsert ? .last : nil }
    let count = model[node].kind == .list ? model.schema[node].keys.count : 1
    switch first.text {
    case "first" where words.count == 1: return .first
    case "last" where words.count == 1: return .last
    case "before" where words.count == count + 1, "after" where words.count == count + 1:
      do throws(NSOError) {
        let keys = try model.schema.parse(keys: words.dropFirst().map(\.text), of: model.schema[node])
        return first.text == "before" ? .before(keys) : .after(keys)
      } catch {
        throw SyntaxError(offset: words[1].range.lowerBound, message: error.message)
      }
    default: return nil
    }
  }

  private func annotate(_ arguments: inout Arguments, _ mode: Configuring) async throws {
    guard let text = arguments.words.popLast(), !arguments.isEmpty else {
      throw SyntaxError(offset: arguments.end, message: "a path and a text are expected")
    }
    let target = try entryOrPlace(&arguments, mode)
    guard target.node != nil else { throw SyntaxError(offset: 0, message: "a path is expected") }
    let value: Value? = text.text.isEmpty ? nil : .string(text.text)
    try await write(mode.transaction) { (editor) throws(NSOError) in
      try editor.setAttribute(.annotation, to: value, of: target)
    }
  }
}
