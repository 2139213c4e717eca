public import NSOModel
import NSOSchema

extension SubscriptionChanges {
  /// The changes of a point as commands in the style of routers' command lines (protocol part 03, section 8.5): a line for each
  /// container and entry that is entered, `!` where it is left, `no` in front of what is gone, and `move` for the
  /// place of an entry in a list ordered by user (part 08, section 9.5).
  public func commands(of pattern: SubscriptionPattern, _ options: Options = []) throws(NSOError) -> String {
    var writer = CommandWriter(model: model)
    for item in try items(of: pattern, options) { try writer.add(item) }
    return writer.finish()
  }
}

private struct CommandWriter {
  let model: DataModel
  private var text = ""
  /// The containers and entries that are entered.
  private var open: [String] = []

  init(model: DataModel) { self.model = model }

  mutating func add(_ item: DataDifference) throws(NSOError) {
    let (levels, node) = self.levels(of: item.path)
    guard let last = levels.last, let node else { return }
    let kind = model[node].kind
    let around = Array(levels.dropLast())
    switch item.change {
    case .modified, .attributeSet: return
    case .created where kind == .list || kind == .container: enter(levels)
    case .created:
      enter(around)
      line(last)
    case .deleted, .valueSet(_, .defaultInEffect):
      enter(around)
      line("no " + last)
    case .valueSet(_, let value):
      enter(around)
      line("\(last) \(shown(value, node))")
    case .movedAfter(let keys):
      enter(around)
      line("move \(last) \(keys.isEmpty ? "first" : "after " + keyText(keys, node))")
    }
  }

  mutating func finish() -> String {
    leave(to: 0)
    return text
  }

  private mutating func line(_ line: String) { text += String(repeating: " ", count: open.count) + line + "\n" }

  private mutating func enter(_ levels: [String]) {
    var common = 0
    while common < levels.count, common < open.count, open[common] == levels[common] { common += 1 }
    leave(to: common)
    for level in levels.dropFirst(common) {
      line(level)
      open.append(level)
    }
  }

  private mutating func leave(to depth: Int) {
    while open.count > depth {
      open.removeLast()
      line("!")
    }
  }

  // MARK: Words

  /// A word for each container, for each entry with its keys, and for the leaf at the end.
  private func levels(of path: Keypath) -> (levels: [String], node: NodeID?) {
    var levels: [String] = []
    var node: NodeID?
    for element in path.elements {
      switch element {
      case .tag(let tag):
        node = model.schema.child(of: node, tag)
        levels.append(tag.name)
      case .keys(let keys):
        guard let list = node, let last = levels.popLast() else { continue }
        levels.append(last + " " + keyText(keys, list))
      case .position: continue
      }
    }
    return (levels, node)
  }

  private func keyText(_ keys: [Value], _ list: NodeID) -> String {
    let nodes = model.schema[list].keys
    return keys.enumerated().map { index, key in
      nodes.indices.contains(index) ? shown(key, nodes[index]) : quoted(key.plainText)
    }.joined(separator: " ")
  }

  private func shown(_ value: Value, _ node: NodeID) -> String {
    if case .list(let values) = value { return "[ " + values.map { shown($0, node) }.joined(separator: " ") + " ]" }
    let text = model.schema[node].type.flatMap { model.schema.text(of: value, as: $0) }
    return quoted(text ?? value.plainText)
  }

  private func quoted(_ text: String) -> String {
    guard text.isEmpty || text.contains(where: { " \t\n\"\\;!".contains($0) }) else { return text }
    var quoted = "\""
    for character in text {
      switch character {
      case "\"", "\\": quoted += "\\\(character)"
      case "\n": quoted += "\\n"
      default: quoted.append(character)
      }
    }
    return quoted + "\""
  }
}
