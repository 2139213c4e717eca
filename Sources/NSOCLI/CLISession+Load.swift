import NSOEngine
import NSOModel
import NSOSchema

extension CLISession {
  /// `load merge|replace|override FILE|terminal`: XML, JSON, or the form of `show`.
  func load(_ arguments: inout Arguments, _ mode: Configuring, _ output: CommandOutput) async throws {
    var way = "override"
    if arguments.words.count > 1 {
      way = try arguments.keyword([.init("merge", ""), .init("override", ""), .init("replace", "")])
    }
    let path = try arguments.word("the name of a file, or terminal")
    try arguments.requireEnd()
    let text: String
    if path == "terminal" {
      text = try await terminal.asking { terminal, body in terminal.read(echo: true, body) }
    } else {
      let answer = try await terminal.asking { terminal, body in terminal.readFile(path, body) }
      guard answer.hasPrefix("=") else { throw CommandFailure(text: "Error: \(path): \(answer)") }
      text = String(answer.dropFirst())
    }
    let transaction = mode.transaction
    let loadMode: LoadMode = way == "merge" ? .merge : way == "replace" ? .replace : .create
    let start = text.utf8.first { !" \t\r\n".utf8.contains($0) }
    do throws(NSOError) {
      switch start {
      case UInt8(ascii: "<"): try await loadDocument(text, transaction, .xml, loadMode)
      case UInt8(ascii: "{"): try await loadDocument(text, transaction, .json, loadMode)
      default:
        try await write(transaction) { (editor) throws(NSOError) in try CurlyText.load(text, into: &editor, loadMode) }
      }
    } catch {
      throw CommandFailure(text: "Error: \(path): \(error.message)")
    }
    // What was open may be gone.
    if way != "merge", let base = configuring?.base, base.node != nil, (try? transaction.view().exists(base)) != true {
      configuring?.base = .root
    }
  }

  private func loadDocument(
    _ text: String, _ transaction: Transaction, _ format: DocumentFormat, _ mode: LoadMode
  ) async throws(NSOError) {
    let load = try ConfigurationLoad(
      transaction, LoadOptions(format: format, mode: mode, ignoreOperational: true), as: .owner)
    try await look(transaction.model) { () throws(NSOError) in
      try load.feed(Array(text.utf8))
      if !load.asksHooks { try load.finish() }
    }
    if load.asksHooks { try await load.finishThroughHooks() }
  }
}

/// A configuration in the form of `show`.
enum CurlyText {
  /// - Throws: what is wrong with it, with the line.
  static func load(_ text: String, into editor: inout TreeEditor, _ mode: LoadMode) throws(NSOError) {
    guard mode != .merge else { return try read(text, into: &editor, mode) }
    // What replaces is checked by access rules as a whole.
    try editor.judgedAsWhole { (editor) throws(NSOError) in try read(text, into: &editor, mode) }
  }

  private static func read(_ text: String, into editor: inout TreeEditor, _ mode: LoadMode) throws(NSOError) {
    if mode == .create { try editor.remove(.root) }
    var reader = PlaceReader(editor.model, .configuration, abbreviations: false)
    var words = TextWords(text, .comments)
    var position = 0
    do throws(NSOError) {
      while let word = try words.next() {
        position = word.range.lowerBound
        try reader.feed(word)
        for edit in reader.takeEdits() {
          if mode == .replace, case .ensure(let place) = edit, place.isEntry { try editor.remove(place) }
          try edit.perform(&editor)
        }
      }
      try reader.finish()
    } catch {
      let line = text.utf8.prefix(position).reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
      throw NSOError(error.code, "line \(line): \(error.message)", appTag: error.appTag)
    }
  }
}
