import NSOClient
import NSOModel
import NSOWire

extension Command {
  /// Walks, documents, attributes, copies, in the MAAPI transaction.
  static let walkCommands: [Command] = [
    Command(
      names: ["x", "xpath"], arguments: "XPATH [XPATH...]",
      purpose: "evaluate XPath expressions: print the paths and values of the nodes, or the text of what is no set of nodes",
      transaction: .reads
    ) { run, words in
      for word in words { try await run.evaluate(word) }
    },
    Command(
      names: ["iterate"], arguments: "PATH", purpose: "print paths and values of all data at and below PATH",
      transaction: .reads
    ) { run, words in try await run.iterate(below: words[0]) },
    Command(
      names: ["mchanges"], arguments: "[PATH]", purpose: "print the changes of the transaction: kind, colon, path, value",
      transaction: .writes
    ) { run, words in try await run.printChanges(below: words.first) },
    Command(
      names: ["mload"], arguments: "FILE [MODE]",
      purpose: "load a file of the daemon's host, XML or (named .json) JSON; MODE is merge (default), replace or create",
      transaction: .writes
    ) { run, words in
      var flags: ConfigFlags = words[0].hasSuffix(".json") ? .json : .xml
      switch words.count > 1 ? words[1] : "merge" {
      case "merge": flags.insert(.merge)
      case "replace": flags.insert(.replace)
      case "create": break
      case let other: throw UsageError("\(other) is none of merge, replace, create")
      }
      try await run.currentTransaction().load(flags, file: absolutePath(words[0]))
    },
    Command(
      names: ["msave"], arguments: "[PATH] [FORMAT]",
      purpose: "print the configuration below PATH (all) as xml (default) or json", transaction: .reads
    ) { run, words in
      guard words.count < 2 || ["json", "xml"].contains(words[1]) else {
        throw UsageError("\(words[1]) is no format of documents: xml, json")
      }
      let flags: ConfigFlags = words.last == "json" ? [.json, .xmlPretty] : [.xml, .xmlPretty]
      let place = words.first { $0 != "json" && $0 != "xml" }
      let path: any PathConvertible
      if let place { path = try await run.path(place) } else { path = Keypath.root }
      var text = try await run.document(flags, below: path)
      if text.hasSuffix("\n") { text.removeLast() }
      run.print(text)
    },
    Command(
      names: ["mmove"], arguments: "PATH KEY [KEY...]", purpose: "give a list entry new keys", transaction: .writes
    ) { run, words in try await run.rename(words[0], to: Array(words.dropFirst())) },
    Command(
      names: ["mmove_ordered"], arguments: "PATH WHERE [KEY...]",
      purpose: "move an entry of a list ordered by user; WHERE is first, last, or before or after with the keys of an entry",
      transaction: .writes
    ) { run, words in try await run.move(words[0], words[1], Array(words.dropFirst(2))) },
    Command(
      names: ["minsert"], arguments: "PATH [PATH...]", purpose: "insert entries into lists with an indexed view",
      transaction: .writes
    ) { run, words in
      for word in words { try await run.currentTransaction().insert(run.wirePath(word)) }
    },
    Command(names: ["mcopy"], arguments: "FROM TO", purpose: "copy a subtree on top of another", transaction: .writes) {
      run, words in
      try await run.currentTransaction().copyTree(from: run.wirePath(words[0]), to: run.wirePath(words[1]))
    },
    Command(
      names: ["mget_attrs"], arguments: "PATH [PATH...]", purpose: "print the attributes of nodes", transaction: .reads
    ) { run, words in
      for word in words {
        for attribute in try await run.currentTransaction().getAttributes(of: run.wirePath(word)) {
          run.print("\(attribute.number.shownName) \(attribute.value.plainText)")
        }
      }
    },
    Command(
      names: ["mset_attr"], arguments: "PATH NAME [VALUE...]",
      purpose: "set an attribute of a node: annotation, tags or inactive (VALUE true); without VALUE take it away",
      transaction: .writes
    ) { run, words in
      let rest = words.dropFirst(2)
      let attribute: Attribute
      switch words[1] {
      case "annotation": attribute = Attribute(.annotation, .string(rest.joined(separator: " ")))
      case "tags": attribute = Attribute(.tags, .list(rest.map { .string($0) }))
      case "inactive": attribute = Attribute(.inactive, .bool(true))
      case let other: throw UsageError("\(other) is none of annotation, tags, inactive")
      }
      try await run.currentTransaction().setAttribute(
        attribute.number, to: rest.isEmpty ? nil : attribute.value, of: run.wirePath(words[0]))
    },
  ]
}

extension AttributeNumber {
  /// As documents call it.
  fileprivate var shownName: String {
    switch self {
    case .inactive: "inactive"
    case .tags: "tags"
    case .annotation: "annotation"
    case .refcount: "refcounter"
    case .backpointer: "backpointer"
    case .when: "when"
    case .originalValue: "original-value"
    case .origin: "origin"
    case .outOfBand: "out-of-band"
    default: "\(rawValue)"
    }
  }
}

extension CommandRun {
  fileprivate func wirePath(_ word: String) async throws -> any PathConvertible { try await path(word) }

  private func shownPath(_ path: Keypath) async throws -> String { try await schema()?.text(of: path) ?? "\(path)" }

  private func show(_ path: Keypath, _ value: Value?) async throws {
    let place = try await shownPath(path)
    guard let value, value != .empty else { return print(place) }
    print("\(place) \(try await text(of: value, at: path))")
  }

  fileprivate func document(_ flags: ConfigFlags, below path: any PathConvertible) async throws -> String {
    try await currentTransaction().saveText(flags, below: path)
  }

  fileprivate func evaluate(_ expression: String) async throws {
    let transaction = try await currentTransaction()
    let nodes: [DataNode]
    do {
      nodes = try await transaction.nodes(selectedBy: expression)
    } catch let error as NSOError where error.code == .xpath {
      guard let text = try? await transaction.text(of: expression) else { throw error }
      return print(text)
    }
    for node in nodes { try await show(node.path, node.value) }
  }

  fileprivate func iterate(below word: String) async throws {
    let place = try await path(word)
    var found: [DataNode] = []
    try await currentTransaction().iterate(below: place) { node in
      found.append(node)
      return .recurse
    }
    for node in found { try await show(node.path, node.value) }
  }

  fileprivate func printChanges(below word: String?) async throws {
    var place: (any PathConvertible)?
    if let word { place = try await path(word) }
    for change in try await currentTransaction().changes(below: place, flags: .wantAttributes) {
      var line = "\(change.kind.word): \(try await shownPath(change.path))"
      switch change.kind {
      case .valueSet(_, let value): line += " \(try await text(of: value, at: change.path))"
      case .movedAfter(let keys): line += " {\(keys.map(\.plainText).joined(separator: " "))}"
      case .attributeSet(_, let value?): line += " \(value.plainText)"
      default: break
      }
      print(line)
    }
  }

  fileprivate func rename(_ entry: String, to words: [String]) async throws {
    try await currentTransaction().move(path(entry), to: keys(words, beside: entry))
  }

  fileprivate func move(_ entry: String, _ place: String, _ words: [String]) async throws {
    let goal: MoveWhere
    switch (place, words.isEmpty) {
    case ("first", true): goal = .first
    case ("last", true): goal = .last
    case ("before", false): goal = .before(try await keys(words, beside: entry))
    case ("after", false): goal = .after(try await keys(words, beside: entry))
    default: throw UsageError("\(place): first or last, or before or after with the keys of an entry")
    }
    try await currentTransaction().move(path(entry), goal)
  }

  /// Keys in their lexical form, for another entry of the list that an entry belongs to.
  private func keys(_ words: [String], beside entry: String) async throws -> [Value] {
    guard let schema = try await schema() else { throw ToolError("keys are read with the schema: leave -m out") }
    guard let brace = entry.lastIndex(of: "{") else { throw UsageError("\(entry) is no list entry") }
    let text = entry[..<brace] + "{" + words.map { StringPath.quoted(key: $0) }.joined(separator: " ") + "}"
    guard case .keys(let keys)? = try schema.keypath(String(text)).elements.last else {
      throw UsageError("\(words.joined(separator: " ")) are no keys of \(entry)")
    }
    return keys
  }
}
