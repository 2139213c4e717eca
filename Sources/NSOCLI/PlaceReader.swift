import NSOEngine
import NSOModel
import NSOSchema

/// Reads the words of a path, or of several values, as places in the data: what `set`, `delete`, `show`, `request` and configuration texts have
/// in common.
struct PlaceReader: Sendable {
  /// Which nodes have names.
  enum Use: Sendable {
    case configuration
    /// All data.
    case data
    /// Actions, rpcs and what they are in.
    case actions
  }

  /// What the words say is to be there.
  enum Edit: Sendable {
    case ensure(Location)
    case set(Location, text: String)
    /// One more value of a leaf-list.
    case add(Location, text: String)
    case replace(Location, texts: [String])
  }

  let model: DataModel
  private(set) var reader: StatementReader
  /// Where the frames of the reader are.
  private var places: [Location]
  private(set) var edits: [Edit] = []
  /// The action that was named, and the reader of its parameters.
  private(set) var action: OperationInstance?
  private(set) var parameters: OperationText.Builder?
  /// The leaf, entry or container that was named last.
  private var named: Location?
  private(set) var wordCount = 0

  init(_ model: DataModel, below base: Location = .root, _ use: Use, abbreviations: Bool = true) {
    self.model = model
    let schema = model.schema
    let holders = use == .actions ? Self.holders(schema) : []
    reader = StatementReader(schema, below: base.node) { node in
      guard node.extensions.first("hidden") == nil else { return false }
      switch use {
      case .configuration: return node.isConfig
      case .data:
        return node.flags.isDisjoint(with: [.input, .output, .inNotification]) && node.kind != .action && node.kind != .rpc
          && node.kind != .notification
      case .actions: return node.kind == .action || node.kind == .rpc || holders.contains(node.id)
      }
    }
    reader.allowsAbbreviations = abbreviations
    places = [base]
  }

  /// Containers and lists with an action somewhere below.
  private static func holders(_ schema: Schema) -> Set<NodeID> {
    var holders: Set<NodeID> = []
    for node in schema.nodes where !node.actions.isEmpty { holders.formUnion(schema.lineage(of: node.id)) }
    return holders
  }

  /// Takes a word.
  /// - Throws: what is wrong with it.
  mutating func feed(_ word: TextWord) throws(NSOError) {
    wordCount += 1
    if var builder = parameters {
      try builder.feed(word)
      parameters = builder
      return
    }
    var reader = reader
    var statements: [StatementReader.Statement] = []
    try reader.feed(word) { statements.append($0) }
    for statement in statements { try take(statement, reader.allowsAbbreviations) }
    self.reader = reader
  }

  /// What was said since this was asked last.
  mutating func takeEdits() -> [Edit] {
    defer { edits = [] }
    return edits
  }

  mutating func finish() throws(NSOError) {
    guard parameters == nil else { return }
    var reader = reader
    try reader.finish { _ in }
  }

  private mutating func take(_ statement: StatementReader.Statement, _ abbreviations: Bool) throws(NSOError) {
    let place = places.last ?? .root
    switch statement {
    case .open(let id, let keys):
      let kind = model.schema[id].kind
      if kind == .action || kind == .rpc {
        let instance = OperationInstance(node: id, parent: place)
        action = instance
        var reader = OperationText.reader(instance, model)
        reader.allowsAbbreviations = abbreviations
        parameters = OperationText.Builder(reader)
        return
      }
      var builder = LocationBuilder(model, from: place)
      try builder.child(id)
      if kind == .list, !keys.isEmpty { try builder.entry(keys) }
      places.append(builder.location)
      named = builder.location
      if kind == .list || model[id].flags.contains(.presence) { edits.append(.ensure(builder.location)) }
    case .close: if places.count > 1 { places.removeLast() }
    case .empty(let id):
      let leaf = place.child(id, model)
      named = leaf
      edits.append(.ensure(leaf))
    case .value(let id, let text):
      try check(text, id)
      let leaf = place.child(id, model)
      named = leaf
      edits.append(model[id].kind == .leafList ? .add(leaf, text: text) : .set(leaf, text: text))
    case .values(let id, let texts):
      for text in texts { try check(text, id) }
      let leaf = place.child(id, model)
      named = leaf
      edits.append(.replace(leaf, texts: texts))
    }
  }

  /// A value that does not fit is a fault of its word. Secrets are looked at when they are written.
  private func check(_ text: String, _ id: NodeID) throws(NSOError) {
    guard model.secretKind(id) == nil else { return }
    do throws(ValueError) {
      _ = try model.schema.parse(text, at: model.schema[id])
    } catch {
      throw error.nsoError(at: model.schema[id].name.name)
    }
  }

  /// Where the words lead: what was named last.
  /// - Throws: BADPATH for a list entry whose keys are not complete.
  func target() throws(NSOError) -> Location {
    let place = places.last ?? .root
    switch reader.expectation {
    case .name: return named ?? places.first ?? .root
    case .value(let id), .item(let id): return place.child(id, model)
    case .key(let list, let index):
      guard index == 0 else {
        let names = model.schema[list].keys.map { model.schema[$0].name.name }.joined(separator: " ")
        throw NSOError(.badPath, "list \(model.schema[list].name.name) has the keys \(names)")
      }
      return place.child(list, model)
    }
  }

  /// The place in which the next name would be.
  var place: Location { places.last ?? .root }
}

extension PlaceReader.Edit {
  /// Carries it out.
  func perform(_ editor: inout TreeEditor) throws(NSOError) {
    let model = editor.model
    switch self {
    case .ensure(let place): try editor.ensure(place)
    case .set(let leaf, let text):
      guard let node = leaf.node else { return }
      try editor.set(leaf, try editor.parse(text, node, leaf, .schema))
    case .add(let list, let text):
      guard let node = list.node else { return }
      var builder = LocationBuilder(model, from: list)
      try builder.entry([try editor.parse(text, node, list, .schema)])
      try editor.ensure(builder.location)
    case .replace(let list, let texts):
      guard let node = list.node else { return }
      var values: [Value] = []
      for text in texts { values.append(try editor.parse(text, node, list, .schema)) }
      try editor.set(list, .list(values))
    }
  }
}
