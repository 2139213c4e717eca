import NSOEngine
import NSOModel
import NSOSchema

extension CLISession {
  var mode: CommandTable.Mode { configuring == nil ? .operational : .configure }

  /// Carries out one command line.
  /// - Returns: the exit code when it ends the session.
  func run(_ line: String) async throws -> Int64? {
    let words: [TextWord]
    do throws(NSOError) { words = try TextWords.all(line, .pipes) } catch {
      throw SyntaxError(offset: line.utf8.count, message: error.message)
    }
    let parts = Self.split(words, line.utf8.count)
    guard let first = parts.first, !first.isEmpty else { return nil }
    let pipes = try Pipes(Array(parts.dropFirst()))
    try refresh()
    return try await run(first, pipes, mode)
  }

  /// The command, and what stands between the bars behind it.
  private static func split(_ words: [TextWord], _ end: Int) -> [Arguments] {
    var parts: [Arguments] = []
    var start = words.startIndex
    for index in words.indices where words[index].kind == .pipe {
      parts.append(Arguments(words: words[start..<index], end: words[index].range.lowerBound))
      start = index + 1
    }
    parts.append(Arguments(words: words[start...], end: end))
    return parts
  }

  func run(_ arguments: Arguments, _ pipes: Pipes, _ mode: CommandTable.Mode) async throws -> Int64? {
    var arguments = arguments
    guard let word = arguments.words.popFirst() else { return nil }
    guard word.kind == .word else { throw SyntaxError(offset: word.range.lowerBound, message: "a command is expected") }
    let name = try Arguments.choose(word, CommandTable.entries(mode).map(\.name), "unknown command")
    // The pipes are those of the command that is carried out.
    if mode == .configure, name == "run" || name == "top", !arguments.isEmpty {
      return try await nested(name, arguments, pipes)
    }
    try engine.requireCommand(accessWords(name, arguments.words.map(\.text), mode), for: session)
    let isPaged = pipes.isPaged && opening.isInteractive && parameters.flag("paginate") && pipes.file == nil
    let output = CommandOutput(terminal, pipes.filters, isPaged: isPaged, file: pipes.file)
    let exit: Int64?
    switch mode {
    case .operational: exit = try await operational(name, &arguments, pipes, output)
    case .configure: exit = try await configure(name, &arguments, pipes, output)
    }
    try await output.finish()
    return exit
  }

  /// A command as access rules look at it: keywords in full, all else as it was typed.
  func accessWords(_ name: String, _ rest: [String], _ mode: CommandTable.Mode) -> [String] {
    var words = [name] + rest
    let entry = CommandTable.entries(mode).first { $0.name == name }
    if let first = rest.first {
      switch entry?.tail {
      case .words(let known), .file(let known):
        words[1] = known.map(\.name).first { $0 == first } ?? known.map(\.name).first { $0.hasPrefix(first) } ?? first
      case .show:
        words[1] =
          ["cli", "configuration", "history"].first { $0 == first || first.count >= 3 && $0.hasPrefix(first) } ?? first
      default: break
      }
    }
    var information: [String] = []
    switch settings.modeInformation {
    case .none: return words
    case .mode, .path: information = [mode == .operational ? "operational" : "configure"]
    }
    if settings.modeInformation == .path, mode == .configure, let configuring, configuring.base.node != nil {
      information += commandPath(configuring.base, configuring.transaction.model).split(separator: " ").map(String.init)
    }
    return information + words
  }

  /// Whether completion offers a command.
  func mayOffer(_ name: String, _ mode: CommandTable.Mode) -> Bool {
    session.accessRules?.mayPermit(commandsBeginningWith: accessWords(name, [], mode)) ?? true
  }

  /// Commands of both modes.
  func common(_ name: String, _ arguments: inout Arguments, _ pipes: Pipes, _ output: CommandOutput) async throws {
    switch name {
    case "request": try await request(&arguments, output)
    case "help":
      let entries = CommandTable.entries(mode)
      if let word = arguments.words.popFirst() {
        let name = try Arguments.choose(word, entries.map(\.name), "unknown command")
        for entry in entries where entry.name == name { output.line("\(entry.name): \(entry.help)") }
      } else {
        for entry in entries { output.line("  " + entry.name.padding(to: 12) + entry.help) }
      }
      try arguments.requireEnd()
    default: throw CommandFailure(text: "Error: \(name) is not implemented")
    }
  }

  /// A line as logs may have it: values of secret leafs are stars.
  func withoutSecrets(_ line: String) -> String {
    guard let words = try? TextWords.all(line, [.pipes, .unfinished]), let first = words.first,
      let name = try? Arguments.choose(first, CommandTable.entries(mode).map(\.name), ""), name == "set" || name == "request"
    else { return line }
    let model = configuring?.transaction.model ?? engine.model
    var reader = PlaceReader(
      model, below: name == "set" ? configuring?.base ?? .root : .root, name == "set" ? .configuration : .actions)
    var shown = Array(line.utf8)
    var secrets: [Range<Int>] = []
    for word in words.dropFirst() {
      switch reader.parameters?.reader.expectation ?? reader.reader.expectation {
      case .value(let id), .item(let id): if model.secretKind(id) != nil { secrets.append(word.range) }
      default: break
      }
      guard (try? reader.feed(word)) != nil else { break }
    }
    for range in secrets.reversed() { shown.replaceSubrange(range, with: Array("***".utf8)) }
    return String(decoding: shown, as: UTF8.self)
  }

  // MARK: Paths

  /// Reads words as a path or as values.
  func read(_ words: some Sequence<TextWord>, _ reader: inout PlaceReader) throws {
    for word in words {
      do throws(NSOError) { try reader.feed(word) } catch {
        throw SyntaxError(offset: word.range.lowerBound, message: error.message)
      }
    }
  }

  /// The place that all words lead to.
  func place(_ arguments: inout Arguments, _ model: DataModel, _ use: PlaceReader.Use) throws -> Location {
    let base = use == .configuration ? configuring?.base ?? .root : .root
    var reader = PlaceReader(model, below: base, use)
    try read(arguments.words, &reader)
    arguments.words = []
    do throws(NSOError) { return try reader.target() } catch {
      throw SyntaxError(offset: arguments.end, message: error.message)
    }
  }

  /// A path as words of a command.
  func commandPath(_ place: Location, _ model: DataModel) -> String {
    var words: [String] = []
    var sofar = Keypath()
    for element in Keypath(place, model).elements {
      sofar.elements.append(element)
      switch element {
      case .tag(let tag): words.append(tag.name)
      case .keys(let keys):
        let node = (try? model.locate(sofar))?.node
        for (index, key) in keys.enumerated() {
          let type = node.flatMap { node -> SchemaType? in
            let schemaNode = model.schema[node]
            return schemaNode.kind == .list
              ? (schemaNode.keys.indices.contains(index) ? model.schema[schemaNode.keys[index]].type : nil) : schemaNode.type
          }
          words.append(CommandText.quoted(type.flatMap { model.schema.text(of: key, as: $0) } ?? key.plainText))
        }
      case .position: continue
      }
    }
    return words.joined(separator: " ")
  }

  // MARK: Output

  /// Passes a text on, piece by piece.
  func pass(_ source: any TextSource, _ model: DataModel, _ output: CommandOutput, ifEmpty text: String? = nil) async throws {
    var isEmpty = true
    while true {
      try Task.checkCancellation()
      let piece = try await look(model) { () throws(NSOError) in try source.next() }
      if !piece.bytes.isEmpty { isEmpty = false }
      output.write(piece.bytes)
      try await output.flush(all: true)
      if piece.isLast || output.isOver { break }
      await Task.yield()
    }
    if isEmpty, let text { output.line(text) }
  }

  /// The configuration at a place, in braces or as the pipes ask.
  func showConfiguration(
    _ transaction: Transaction, _ place: Location, _ pipes: Pipes, _ output: CommandOutput
  ) async throws {
    let view = try transaction.view()
    let model = transaction.model
    if pipes.isCompare {
      output.write(try await look(model) { () throws(NSOError) in try view.changeText(below: place) })
      return
    }
    if place.node.map({ model[$0].kind != .list || place.isEntry }) == true {
      guard try await look(model, { () throws(NSOError) in try view.exists(place) }) else {
        throw CommandFailure(text: "Error: \(place.text(model)) does not exist")
      }
    }
    let format = pipes.format ?? .curly
    var options = SaveOptions(
      format: format, withDefaults: pipes.withDefaults || parameters.flag("show-defaults"),
      path: place.node == nil ? nil : Keypath(place, model), noParents: format == .curly && place.node != nil, hidesHidden: true
    )
    options.contentsOnly =
      place.node.map { model[$0].kind == .container || (model[$0].kind == .list && place.isEntry) } ?? false
    try await pass(try DocumentSource(view, options), model, output, ifEmpty: "No entries found.")
  }

  // MARK: Actions

  private func request(_ arguments: inout Arguments, _ output: CommandOutput) async throws {
    let transaction = configuring?.transaction
    let model = transaction?.model ?? engine.model
    var reader = PlaceReader(model, .actions)
    try read(arguments.words, &reader)
    guard let instance = reader.action, var builder = reader.parameters else {
      throw SyntaxError(offset: arguments.end, message: "the name of an action is missing")
    }
    let input: [TaggedValue]
    do throws(NSOError) { input = try builder.finish() } catch {
      throw SyntaxError(offset: arguments.end, message: error.message)
    }
    let result = try await engine.performAction(instance, input, session: session, transaction: transaction, model: model)
    output.write(OperationText.text(result, of: instance, model))
  }
}

extension String {
  func padding(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
