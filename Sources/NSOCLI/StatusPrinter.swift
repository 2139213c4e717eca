import NSOEngine
import NSOModel
import NSOSchema
import NSOStore

/// Data as people look at it: lists of leafs as tables, everything else as names and values, indented. Made piece by piece.
struct StatusPrinter: Sendable {
  /// When a list becomes a table.
  enum TableUse: Sendable {
    /// Where it fits the screen.
    case fitting
    case always
    case never
  }

  private enum Frame {
    case children(Location, [NodeID], next: Int, indent: Int)
    case entries(Location, ListPosition, indent: Int)
    case rows(Location, ListPosition, Table, indent: Int)
  }

  /// A list as a table.
  private struct Table {
    var columns: [NodeID]
    var widths: [Int]
  }

  private let view: TreeView
  private let width: Int
  private let tables: TableUse
  private let showsDefaults: Bool
  private var frames: [Frame] = []
  /// Headings of containers that have shown nothing yet.
  private var pending: [(text: String, depth: Int)] = []
  private var text = ""
  /// Configuration nodes with operational data below them.
  private let holders: Set<NodeID>

  private var model: DataModel { view.model }

  /// Rows that are looked at to find the widths of columns.
  private static let lookAhead = 50
  /// A value longer than this is cut in a table.
  private static let widest = 60

  /// - Parameters:
  ///   - place: what is shown, with what is below it.
  ///   - width: columns of the screen; 0: any number.
  init(_ view: TreeView, at place: Location, width: Int, tables: TableUse, showsDefaults: Bool) {
    self.view = view
    self.width = width
    self.tables = tables
    self.showsDefaults = showsDefaults
    holders = Self.holders(view.model.schema)
    guard let node = place.node else {
      frames = [.children(.root, view.model.schema.roots, next: 0, indent: 0)]
      return
    }
    let kind = view.model[node].kind
    if kind == .container || (kind == .list && place.isEntry) {
      frames = [.children(place, view.model.schema[node].children, next: 0, indent: 0)]
    } else if let parent = Self.parent(of: place, view.model) {
      frames = [.children(parent, [node], next: 0, indent: 0)]
    }
  }

  /// What is looked at on the way to operational data.
  static func holders(_ schema: Schema) -> Set<NodeID> {
    var holders: Set<NodeID> = []
    for node in schema.nodes
    where !node.isConfig && node.flags.isDisjoint(with: [.input, .output, .inNotification]) && node.kind != .action
      && node.kind != .rpc && node.kind != .notification
    {
      var next = node.parent
      while let parent = next, schema[parent].isConfig, holders.insert(parent).inserted { next = schema[parent].parent }
    }
    return holders
  }

  private func isShown(_ id: NodeID) -> Bool {
    model[id].placement != .none && (!model[id].isConfiguration || holders.contains(id))
  }

  private static func parent(of place: Location, _ model: DataModel) -> Location? {
    var path = Keypath(place, model)
    while let last = path.elements.popLast() { if case .tag = last { break } }
    return try? model.locate(path)
  }

  mutating func take() -> String {
    defer { text = "" }
    return text
  }

  /// Makes some more text. False: it is complete.
  mutating func produce() throws(NSOError) -> Bool {
    var steps = 0
    while !frames.isEmpty, text.utf8.count < 16 << 10, steps < 2048 {
      try step()
      steps += 1
    }
    return !frames.isEmpty
  }

  private mutating func step() throws(NSOError) {
    guard let frame = frames.popLast() else { return }
    switch frame {
    case .children(let place, let nodes, let next, let indent):
      guard next < nodes.count else {
        if let last = pending.last, last.depth >= frames.count { pending.removeLast() }
        return
      }
      frames.append(.children(place, nodes, next: next + 1, indent: indent))
      try visit(nodes[next], in: place, nodes, indent)
    case .entries(let list, var position, let indent):
      guard let node = list.node, let entry = try view.next(list, &position) else { return }
      frames.append(.entries(list, position, indent: indent))
      let keys = try entry.keys()
      let place = list.entry(key: position.entryKey, keys)
      let words = zip(model.schema[node].keys, keys).map { " " + shown($1, $0) }.joined()
      line(model.schema[node].name.name + words, indent)
      frames.append(.children(place, model.schema[node].children, next: 0, indent: indent + 1))
    case .rows(let list, var position, let table, let indent):
      for _ in 0..<64 {
        guard let entry = try view.next(list, &position) else { return }
        line(try row(entry, list, position, table), indent)
      }
      frames.append(.rows(list, position, table, indent: indent))
    }
  }

  private mutating func visit(_ id: NodeID, in place: Location, _ siblings: [NodeID], _ indent: Int) throws(NSOError) {
    let facts = model[id]
    guard isShown(id), !facts.isKey, facts.placement != .provider || view.provider != nil else { return }
    let child = place.child(id, model)
    let node = model.schema[id]
    switch facts.kind {
    case .leaf, .leafList:
      guard let value = try value(child, facts) else { return }
      // Names of leafs beside each other are as wide as the widest.
      let width = siblings.reduce(0) {
        model[$1].kind == .leaf || model[$1].kind == .leafList ? max($0, model.schema[$1].name.name.count) : $0
      }
      line(value.isEmpty ? node.name.name : padded(node.name.name, width) + " " + value, indent)
    case .container:
      if facts.flags.contains(.presence) {
        guard try view.exists(child) else { return }
        line(node.name.name, indent)
      } else {
        pending.append((String(repeating: " ", count: indent) + node.name.name, frames.count))
      }
      frames.append(.children(child, node.children, next: 0, indent: indent + 1))
    case .list:
      var position = ListPosition.start
      guard try view.next(child, &position) != nil else { return }
      if let table = try table(child, node, indent) {
        flushHeads()
        heading(table, indent)
        frames.append(.rows(child, .start, table, indent: indent))
      } else {
        frames.append(.entries(child, .start, indent: indent))
      }
    default: return
    }
  }

  /// The text of a leaf; nil when it is not there.
  private func value(_ place: Location, _ facts: DataModel.Facts) throws(NSOError) -> String? {
    guard let id = place.node else { return nil }
    if facts.kind == .leaf, facts.flags.contains(.empty), !facts.isKey { return try view.exists(place) ? "" : nil }
    if !showsDefaults, !facts.isKey, try view.defaultBytes(place) != nil, try !isSet(place) { return nil }
    guard let value = try view.value(place) else { return nil }
    if case .list(let values) = value { return "[ " + values.map { shown($0, id) + " " }.joined() + "]" }
    return shown(value, id)
  }

  private func isSet(_ place: Location) throws(NSOError) -> Bool { try view.isSet(place) }

  private func shown(_ value: Value, _ id: NodeID) -> String {
    CommandText.quoted(model.schema[id].type.flatMap { model.schema.text(of: value, as: $0) } ?? value.plainText)
  }

  private mutating func flushHeads() {
    for head in pending where !head.text.isEmpty { text += head.text + "\n" }
    for index in pending.indices { pending[index].text = "" }
  }

  private mutating func line(_ words: String, _ indent: Int) {
    flushHeads()
    text += String(repeating: " ", count: indent) + words + "\n"
  }

  // MARK: Tables

  /// The table that a list can be, if all it holds is leafs and it fits.
  private func table(_ list: Location, _ node: SchemaNode, _ indent: Int) throws(NSOError) -> Table? {
    guard tables != .never else { return nil }
    let columns = node.keys + node.children.filter { !node.keys.contains($0) && isShown($0) }
    let isFlat = columns.allSatisfy { model[$0].kind == .leaf || model[$0].kind == .leafList }
    guard isFlat || tables == .always else { return nil }
    var table = Table(columns: columns.filter { model[$0].kind == .leaf || model[$0].kind == .leafList }, widths: [])
    table.widths = table.columns.map { model.schema[$0].name.name.count }
    var position = ListPosition.start
    for _ in 0..<Self.lookAhead {
      guard let entry = try view.next(list, &position) else { break }
      for (index, cell) in try cells(entry, list, position, table).enumerated() {
        table.widths[index] = max(table.widths[index], min(cell.count, Self.widest))
      }
    }
    let total = table.widths.reduce(indent) { $0 + $1 + 2 } - 2
    guard tables == .always || width == 0 || total <= width else { return nil }
    return table
  }

  private func cells(
    _ entry: TreeView.Entry, _ list: Location, _ position: ListPosition, _ table: Table
  ) throws(NSOError) -> [String] {
    guard let node = list.node else { return [] }
    let keys = try entry.keys()
    let place = list.entry(key: position.entryKey, keys)
    var cells: [String] = []
    for column in table.columns {
      if let index = model.schema[node].keys.firstIndex(of: column), keys.indices.contains(index) {
        cells.append(shown(keys[index], column))
      } else {
        let value = try value(place.child(column, model), model[column])
        cells.append(value.map { $0.isEmpty ? "X" : $0 } ?? "-")
      }
    }
    return cells
  }

  private mutating func heading(_ table: Table, _ indent: Int) {
    let names = table.columns.map { model.schema[$0].name.name.uppercased() }
    line(columns(names, table), indent)
    line(String(repeating: "-", count: max(1, table.widths.reduce(-2) { $0 + $1 + 2 })), indent)
  }

  private func row(
    _ entry: TreeView.Entry, _ list: Location, _ position: ListPosition, _ table: Table
  ) throws(NSOError) -> String {
    columns(try cells(entry, list, position, table), table)
  }

  private func columns(_ cells: [String], _ table: Table) -> String {
    var text = ""
    for (index, cell) in cells.enumerated() {
      text += index == cells.count - 1 ? cell : padded(cell, table.widths[index]) + "  "
    }
    return text
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
