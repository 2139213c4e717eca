import NSOEngine
import NSOModel
import NSOSchema
import NSOStore

extension CLISession {
  /// What may stand at the end of a line (the part of it in front of the cursor).
  public func complete(_ line: String, character: Int32 = 9) async -> CompletionAnswer {
    let count = line.utf8.count
    guard var words = try? TextWords.all(line, [.pipes, .unfinished]) else {
      return CompletionAnswer(start: count, replacement: "", isUnique: false, items: [])
    }
    // The word that is being typed, if the line does not end behind one.
    var typed = TextWord(.word, "", count..<count)
    if let last = words.last, last.kind == .word, last.range.upperBound == count { typed = words.removeLast() }
    var items = CompletionItems(typed.text, limit: settings.completionLimit)
    await complete(words, typed, &items, mode, character)
    return items.answer(start: typed.range.lowerBound, isQuoted: typed.isUnfinished)
  }

  private func complete(
    _ words: [TextWord], _ typed: TextWord, _ items: inout CompletionItems, _ mode: CommandTable.Mode, _ character: Int32
  ) async {
    if let bar = words.lastIndex(where: { $0.kind == .pipe }) {
      return completePipe(Array(words[(bar + 1)...]), &items)
    }
    let entries = CommandTable.entries(mode)
    guard let first = words.first else {
      for entry in entries where mayOffer(entry.name, mode) { items.add(entry.name, entry.help) }
      return
    }
    guard let name = try? Arguments.choose(first, entries.map(\.name), ""),
      let entry = entries.first(where: { $0.name == name })
    else { return }
    let rest = Array(words.dropFirst())
    switch entry.tail {
    case .nothing: items.hint("<cr>")
    case .free(let text): items.hint("<\(text)>")
    case .words(let known): completeWords(rest, known, &items)
    case .file(let known):
      if rest.isEmpty, !known.isEmpty {
        for word in known { items.add(word.name, word.help) }
      } else {
        items.hint("<file>", "name of a file")
      }
    case .parameters:
      if rest.isEmpty {
        for (name, help) in CLIParameters.known { items.add(name, help) }
      } else if rest.count == 1, let name = try? Arguments.choose(rest[0], CLIParameters.known.map(\.name), "") {
        if ["true", "false"].contains(parameters.values[name]) {
          items.add("false")
          items.add("true")
        } else {
          items.hint("<number>")
        }
      }
    case .command(let other):
      if name == "help" {
        for entry in entries where rest.isEmpty { items.add(entry.name, entry.help) }
      } else {
        await complete(rest, typed, &items, other ?? mode, character)
      }
    case .show:
      if rest.isEmpty {
        items.add("cli", "parameters of this session")
        items.add("configuration", "what is configured")
        items.add("history", "commands of this session")
        await completePath([], typed, .data, "show", &items, character)
      } else if rest[0].text.count >= 3, "configuration".hasPrefix(rest[0].text) {
        await completePath(Array(rest.dropFirst()), typed, .configuration, "show", &items, character)
      } else {
        await completePath(rest, typed, .data, "show", &items, character)
      }
    case .path(let use): await completePath(rest, typed, use, name, &items, character)
    }
  }

  private func completeWords(_ given: [TextWord], _ known: [CommandTable.Word], _ items: inout CompletionItems) {
    var used: Set<String> = []
    var argument: String?
    for word in given {
      guard argument == nil else {
        argument = nil
        continue
      }
      guard let name = try? Arguments.choose(word, known.map(\.name), "") else { return }
      used.insert(name)
      argument = known.first { $0.name == name }?.argument
    }
    if let argument { return items.hint("<\(argument)>") }
    for word in known where !used.contains(word.name) { items.add(word.name, word.help) }
    items.hint("<cr>")
  }

  private func completePipe(_ words: [TextWord], _ items: inout CompletionItems) {
    guard let first = words.first else {
      for pipe in CommandTable.pipes { items.add(pipe.name, pipe.help) }
      return
    }
    guard let name = try? Arguments.choose(first, CommandTable.pipes.map(\.name), "") else { return }
    if name == "display", words.count == 1 {
      for format in CommandTable.displays { items.add(format.name, format.help) }
    } else if let argument = CommandTable.pipes.first(where: { $0.name == name })?.argument, words.count == 1 {
      items.hint("<\(argument)>")
    } else {
      items.hint("<cr>")
    }
  }

  // MARK: Paths

  private func completePath(
    _ words: [TextWord], _ typed: TextWord, _ use: PlaceReader.Use, _ command: String, _ items: inout CompletionItems,
    _ character: Int32
  ) async {
    let model = configuring?.transaction.model ?? engine.model
    var reader = PlaceReader(model, below: use == .configuration ? configuring?.base ?? .root : .root, use)
    for word in words { guard (try? reader.feed(word)) != nil else { return } }
    if let builder = reader.parameters {
      switch builder.reader.expectation {
      case .name: addNames(builder.reader, typed, nil, &items)
      case .value(let node), .item(let node): await addValues(of: node, in: nil, model, &items, character)
      case .key(let list, let index):
        await addValues(of: model.schema[list].keys[index], in: nil, model, &items, character)
      }
      return
    }
    switch reader.reader.expectation {
    case .name:
      addNames(reader.reader, typed, model, &items)
      if command != "set", !words.isEmpty { items.hint("<cr>") }
      if command == "edit" || command == "show" || command == "delete" { return }
    case .key(let list, let index):
      await addEntries(of: reader.place.child(list, model), index, reader.reader.keys, model, &items)
      if command == "set" || command == "edit" || command == "insert" {
        await addValues(of: model.schema[list].keys[index], in: nil, model, &items, character)
      } else if items.items.isEmpty {
        items.hint("<\(model.schema[model.schema[list].keys[index]].name.name)>")
      }
    case .value(let node), .item(let node):
      if command == "set" {
        await addValues(of: node, in: reader.place.child(node, model), model, &items, character)
      } else {
        items.hint("<cr>")
      }
    }
  }

  /// - Parameter model: of data and actions, of which only those are offered that may be permitted; nil: parameters.
  private func addNames(_ reader: StatementReader, _ typed: TextWord, _ model: DataModel?, _ items: inout CompletionItems) {
    for id in reader.candidates where model.map({ engine.mayOffer(id, to: session, in: $0) }) ?? true {
      let node = reader.schema[id]
      let name = typed.text.contains(":") ? "\(reader.schema[node.module].prefix):\(node.name.name)" : reader.shownName(id)
      items.add(name, node.help)
    }
  }

  /// Keys of entries that there are.
  private func addEntries(
    of list: Location, _ index: Int, _ given: [Value], _ model: DataModel, _ items: inout CompletionItems
  ) async {
    guard let node = list.node else { return }
    let keyNode = model.schema[model.schema[node].keys[index]]
    let typed = items.typed
    let limit = settings.completionLimit + 1
    let found = try? await reading { transaction in
      let view = try transaction.view()
      return try await self.look(model) { () throws(NSOError) -> [String] in
        var texts: [String] = []
        var steps = 0
        var position = ListPosition.start
        // Entries that begin with what is given are beside each other.
        if !given.isEmpty { position = try view.position(list, at: given, inclusive: true) }
        while steps < 2000, texts.count < limit, let entry = try view.next(list, &position) {
          steps += 1
          let keys = try entry.keys()
          guard keys.count > index else { break }
          guard Array(keys.prefix(given.count)) == given else {
            if model.schema[node].isOrderedByUser { continue }
            break
          }
          let text = keyNode.type.flatMap { model.schema.text(of: keys[index], as: $0) } ?? keys[index].plainText
          if text.hasPrefix(typed), texts.last != text { texts.append(text) }
        }
        return texts
      }
    }
    for text in found ?? [] where !items.add(text) { return }
  }

  /// Values that a leaf may have.
  private func addValues(
    of id: NodeID, in place: Location?, _ model: DataModel, _ items: inout CompletionItems, _ character: Int32
  ) async {
    let node = model.schema[id]
    guard let type = node.type else { return }
    if let point = node.extensions.first("cli-completion-actionpoint") ?? type.extensions.first("cli-completion-actionpoint") {
      await addFromProvider(point, node, place, model, &items, character)
      return
    }
    if case .leafref(let rules) = type.kind, let place {
      let context = Keypath(place, model)
      let limit = settings.completionLimit + 1
      let found = try? await reading { transaction in
        let view = try transaction.view()
        return try await self.look(model) { () throws(NSOError) -> [String] in
          try view.nodes(XPathQuery(rules.path.text, context: context)).prefix(limit).compactMap { match in
            match.value.flatMap { model.schema.text(of: $0, as: rules.targetType) }
          }
        }
      }
      for text in found ?? [] where !items.add(text) { return }
    }
    addValues(type, model.schema, &items)
    if node.kind == .leafList, items.typed.isEmpty { items.hint("[", "several values") }
  }

  private func addValues(_ type: SchemaType, _ schema: Schema, _ items: inout CompletionItems) {
    switch type.valueType.kind {
    case .boolean:
      items.add("false")
      items.add("true")
    case .enumeration(let rules): for item in rules.items { items.add(item.name, firstSentence(item.description)) }
    case .identityref(let rules):
      for identity in rules.allowed { items.add("\(identity.modulePrefix):\(identity.name.name)") }
    case .bits(let rules): for item in rules.items { items.add(item.name, firstSentence(item.description)) }
    case .union(let members): for member in members { addValues(member, schema, &items) }
    case .signed(let width, let range):
      items.hint(
        "<\(width)>", range.map { $0.parts.map { "\($0.lowerBound) .. \($0.upperBound)" }.joined(separator: ", ") } ?? "")
    case .unsigned(let width, let range):
      items.hint(
        "<\(width)>", range.map { $0.parts.map { "\($0.lowerBound) .. \($0.upperBound)" }.joined(separator: ", ") } ?? "")
    case .string: items.hint("<string>")
    case .special(let form, _): items.hint("<\(form)>")
    default: items.hint("<value>")
    }
  }

  /// Completions that a data provider makes (protocol part 05, section 10).
  private func addFromProvider(
    _ statement: ExtensionStatement, _ node: SchemaNode, _ place: Location?, _ model: DataModel,
    _ items: inout CompletionItems, _ character: Int32
  ) async {
    guard let point = statement.argument else { return }
    let query = CompletionQuery(
      point: point, token: items.typed, character: character, path: place.map { Keypath($0, model) } ?? .root,
      commandPath: place.map { commandPath($0, model) } ?? node.name.name,
      id: statement.substatements.first { $0.name == "cli-completion-id" || $0.name == "completion-id" }?.argument)
    do throws(NSOError) {
      for line in try await engine.completions(query, session: session) {
        switch line {
        case .completion(let text, let help): if !items.add(text, help) { return }
        case .information(let text): items.hint(text)
        case .byType: if let type = node.type { addValues(type, model.schema, &items) }
        }
      }
    } catch {
      items.hint("<\(node.name.name)>", "no completions: \(error.message)")
    }
  }
}

extension SchemaNode {
  /// What the node is, in a few words.
  var help: String {
    if let info = extensions.first("info")?.argument { return firstSentence(info.split(separator: ";;").last.map(String.init)) }
    return firstSentence(description)
  }
}

/// The first sentence of a description, on one line.
func firstSentence(_ text: String?) -> String {
  guard let text else { return "" }
  var sentence = ""
  for word in text.split(whereSeparator: \.isWhitespace) {
    sentence += (sentence.isEmpty ? "" : " ") + word
    if word.hasSuffix(".") || sentence.count > 200 { break }
  }
  return sentence
}
