import NSOClient
import NSOModel
import NSOWire

extension Command {
  /// Reading and writing data, through CDB and through MAAPI.
  static let dataCommands: [Command] = [
    Command(names: ["get"], arguments: "PATH [PATH...]", purpose: "print values, through CDB") { run, words in
      for word in words {
        let path = try await run.path(word)
        let value = try await run.databaseSession().get(path)
        run.print(try await run.text(of: value, at: path))
      }
    },
    Command(
      names: ["set"], arguments: "PATH VALUE [...]",
      purpose: "set leafs; with -o operational data through CDB, else configuration in the MAAPI transaction",
      transaction: .writesConfiguration
    ) { run, words in
      for (word, text) in try pairs(words) {
        let path = try await run.path(word)
        if run.settings.database == .operational {
          try await run.databaseSession().set(text: text, at: path)
        } else {
          try await run.currentTransaction().set(text: text, at: path)
        }
      }
    },
    Command(
      names: ["create"], arguments: "PATH [PATH...]",
      purpose: "create list entries, presence containers or empty leafs; with -o through CDB, else in the MAAPI transaction",
      transaction: .writesConfiguration
    ) { run, words in
      for word in words {
        let path = try await run.path(word)
        if run.settings.database == .operational {
          try await run.databaseSession().create(path)
        } else {
          try await run.currentTransaction().create(path)
        }
      }
    },
    Command(
      names: ["del", "delete"], arguments: "PATH [PATH...]",
      purpose: "delete nodes with all below; with -o through CDB, else in the MAAPI transaction",
      transaction: .writesConfiguration
    ) { run, words in
      for word in words {
        let path = try await run.path(word)
        if run.settings.database == .operational {
          try await run.databaseSession().delete(path)
        } else {
          try await run.currentTransaction().delete(path)
        }
      }
    },
    Command(names: ["exists"], arguments: "PATH [PATH...]", purpose: "print yes or no for each path, through CDB") {
      run, words in
      for word in words {
        run.print(try await run.databaseSession().exists(try await run.path(word)) ? "yes" : "no")
      }
    },
    Command(names: ["num", "num_instances"], arguments: "PATH", purpose: "print the number of entries of a list, through CDB") {
      run, words in
      run.print(String(try await run.databaseSession().count(of: try await run.path(words[0]))))
    },
    Command(
      names: ["children"], arguments: "PATH",
      purpose: "print the keys of the entries of a list, or the names of the nodes below a container or entry that exist",
      transaction: .reads
    ) { run, words in try await run.printChildren(of: words[0]) },
    Command(
      names: ["mget", "maapi_get"], arguments: "PATH [PATH...]", purpose: "print values, in the MAAPI transaction",
      transaction: .reads
    ) { run, words in
      for word in words {
        run.print(try await run.valueText(at: word))
      }
    },
    Command(
      names: ["mset", "maapi_set"], arguments: "PATH VALUE [...]", purpose: "set leafs, in the MAAPI transaction",
      transaction: .writes
    ) { run, words in
      for (word, text) in try pairs(words) {
        try await run.currentTransaction().set(text: text, at: try await run.path(word))
      }
    },
    Command(
      names: ["mcreate", "maapi_create"], arguments: "PATH [PATH...]",
      purpose: "create list entries, presence containers or empty leafs, in the MAAPI transaction", transaction: .writes
    ) { run, words in
      for word in words { try await run.currentTransaction().create(try await run.path(word)) }
    },
    Command(
      names: ["mdel", "maapi_delete"], arguments: "PATH [PATH...]",
      purpose: "delete nodes with all below, in the MAAPI transaction", transaction: .writes
    ) { run, words in
      for word in words { try await run.currentTransaction().delete(try await run.path(word)) }
    },
    Command(
      names: ["mexists", "maapi_exists"], arguments: "PATH [PATH...]",
      purpose: "print yes or no for each path, in the MAAPI transaction", transaction: .reads
    ) { run, words in
      for word in words {
        run.print(try await run.currentTransaction().exists(try await run.path(word)) ? "yes" : "no")
      }
    },
    Command(
      names: ["mnum", "maapi_num_instances"], arguments: "PATH",
      purpose: "print the number of entries of a list, in the MAAPI transaction", transaction: .reads
    ) { run, words in
      run.print(String(try await run.currentTransaction().count(of: try await run.path(words[0]))))
    },
    Command(
      names: ["sm"], arguments: "PATH VALUE FIRST LAST",
      purpose: """
        set many: sets the leaf PATH to VALUE for each number from FIRST to LAST, which stands for %d in both; for load tests. Entries \
        that are missing are created. With -o through CDB, else in the MAAPI transaction
        """,
      transaction: .writesConfiguration
    ) { run, words in try await run.setMany(words) },
  ]

  private static func pairs(_ words: [String]) throws -> [(String, String)] {
    guard words.count.isMultiple(of: 2) else {
      throw UsageError("\(words.last ?? "") has no value; PATH and VALUE come in pairs")
    }
    return stride(from: 0, to: words.count, by: 2).map { (words[$0], words[$0 + 1]) }
  }
}

extension CommandRun {
  /// The value of a leaf in the MAAPI transaction, as people write it.
  fileprivate func valueText(at word: String) async throws -> String {
    let path = try await path(word)
    let transaction = try await currentTransaction()
    if try await schema() == nil {
      // Then the daemon knows the words for numbers.
      do {
        return try await transaction.getText(path)
      } catch let error as NSOError where error.code == .notImplemented {}
    }
    return try await text(of: transaction.get(path), at: path)
  }

  /// Sets a leaf in a range of list entries.
  fileprivate func setMany(_ words: [String]) async throws {
    guard let first = Int(words[2]), let last = Int(words[3]), first <= last else {
      throw UsageError("\(words[2]) \(words[3]) is no range of numbers")
    }
    guard words[0].contains("%d") else { throw UsageError("\(words[0]) has no %d, where the number goes") }
    for number in first...last {
      let target = try await path(replaceNumber(in: words[0], by: number))
      let text = replaceNumber(in: words[1], by: number)
      do {
        try await set(text, at: target)
      } catch let error as NSOError where error.code == .noExists {
        guard let entry = entry(of: target) else { throw error }
        if settings.database == .operational {
          try await databaseSession().create(entry)
        } else {
          try await currentTransaction().create(entry)
        }
        try await set(text, at: target)
      }
    }
  }

  private func set(_ text: String, at path: any PathConvertible) async throws {
    if settings.database == .operational {
      try await databaseSession().set(text: text, at: path)
    } else {
      try await currentTransaction().set(text: text, at: path)
    }
  }

  private func replaceNumber(in text: String, by number: Int) -> String {
    text.split(separator: "%d", omittingEmptySubsequences: false).joined(separator: String(number))
  }

  /// The innermost list entry that a path goes through; nil without one, and for paths that only the daemon can read.
  private func entry(of path: any PathConvertible) -> Keypath? {
    guard let path = path as? Keypath else { return nil }
    guard let last = path.elements.lastIndex(where: { if case .keys = $0 { true } else { false } }) else { return nil }
    return Keypath(Array(path.elements[...last]))
  }

  fileprivate func printChildren(of word: String) async throws {
    let place = try await path(word)
    let transaction = try await currentTransaction()
    guard let schema = try await schema(), let path = place as? Keypath else {
      // Without the schema only lists tell what they hold.
      for try await keys in transaction.entries(of: place) { print("{" + keys.map(\.plainText).joined(separator: " ") + "}") }
      return
    }
    if !path.isRoot, let node = schema.node(at: path), node.flags.contains(.list), !path.endsWithKeys {
      for try await keys in transaction.entries(of: path) { print(schema.text(ofKeys: keys, of: path)) }
      return
    }
    for tag in schema.children(at: path) {
      let child = path.appending(tag)
      guard try await hasData(child, schema, transaction) else { continue }
      print(schema.text(of: tag, below: path))
    }
  }

  /// Whether there is anything at a node: presence alone does not say it for lists and plain containers.
  private func hasData(_ path: Keypath, _ schema: ClientSchema, _ transaction: Transaction) async throws -> Bool {
    guard let node = schema.node(at: path) else { return false }
    if node.flags.contains(.list) { return try await transaction.count(of: path) > 0 }
    if node.flags.contains(.action) || node.flags.contains(.notification) { return false }
    if node.flags.contains(.container), node.minOccurs > 0 { return true }
    return try await transaction.exists(path)
  }
}

extension Keypath {
  fileprivate var endsWithKeys: Bool {
    switch elements.last {
    case .keys, .position: true
    default: false
    }
  }
}
