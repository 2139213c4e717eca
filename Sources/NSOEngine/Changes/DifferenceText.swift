import NSOModel
import NSOSchema
import NSOStore

/// Differences as people read them: the tree around them with braces, and `+` and `-` in front of what is new and what is gone.
///
///      interfaces {
///          interface eth0 {
///     -        mtu 1500;
///     +        mtu 9000;
///          }
///      }
struct DifferenceText {
  private struct Open {
    var name: String
    var mark: Character
  }

  private let model: DataModel
  private var lines: [String] = []
  private var open: [Open] = []

  /// - Parameter differences: in the order of the data, with old values.
  static func text(_ differences: [DataDifference], _ model: DataModel) throws(NSOError) -> String {
    var writer = DifferenceText(model: model)
    for difference in differences { try writer.add(difference) }
    writer.close(to: 0)
    return writer.lines.isEmpty ? "" : writer.lines.joined(separator: "\n") + "\n"
  }

  private init(model: DataModel) { self.model = model }

  private mutating func add(_ difference: DataDifference) throws(NSOError) {
    let names = try names(difference.path)
    guard let last = names.last, let node = try model.locate(difference.path).node else { return }
    let facts = model[node]
    let holds = facts.kind == .list || facts.kind == .container
    switch difference.change {
    // Attributes are not asked for: the text is about data.
    case .modified, .attributeSet: return
    case .created where holds: enter(names, "+")
    case .created:
      enter(Array(names.dropLast()), " ")
      line("+", last + ";")
    case .deleted(let old):
      enter(Array(names.dropLast()), " ")
      line("-", try last + (old.map { (value) throws(NSOError) in " " + (try text(value, node)) } ?? "") + ";")
    case .valueSet(let old, let new):
      enter(Array(names.dropLast()), " ")
      if let old { line("-", "\(last) \(try text(old, node));") }
      // A leaf without value of its own is not there.
      if new != .defaultInEffect { line("+", "\(last) \(try text(new, node));") }
    case .movedAfter(let keys):
      enter(Array(names.dropLast()), " ")
      line("!", "\(last) is now \(keys.isEmpty ? "first" : "after \(try keyText(keys, node))")")
    }
  }

  /// Opens what is around a line.
  private mutating func enter(_ names: [String], _ mark: Character) {
    var common = 0
    while common < names.count, common < open.count, open[common].name == names[common] { common += 1 }
    close(to: common)
    for (index, name) in names.enumerated().dropFirst(common) {
      // What lies in something new is new.
      let mark = index == names.count - 1 ? mark : " "
      let shown = open.last.map { $0.mark == "+" } == true ? "+" : mark
      line(shown, name + " {")
      open.append(Open(name: name, mark: shown))
    }
  }

  private mutating func close(to depth: Int) {
    while open.count > depth, let last = open.popLast() { line(last.mark, "}") }
  }

  private mutating func line(_ mark: Character, _ text: String) {
    lines.append("\(mark)\(String(repeating: "    ", count: open.count))\(text)")
  }

  // MARK: Words

  /// One word group for each container, entry or leaf on the way.
  private func names(_ path: Keypath) throws(NSOError) -> [String] {
    var names: [String] = []
    var sofar = Keypath()
    for element in path.elements {
      sofar.elements.append(element)
      switch element {
      case .tag(let tag): names.append(tag.name)
      case .keys(let keys):
        guard let node = try model.locate(sofar).node, let list = names.popLast() else { continue }
        names.append("\(list) \(try keyText(keys, node))")
      case .position: continue
      }
    }
    return names
  }

  private func keyText(_ keys: [Value], _ node: NodeID) throws(NSOError) -> String {
    let list = model.schema[node]
    let types = list.kind == .list ? list.keys.map { model.schema[$0].type } : [list.type]
    var words: [String] = []
    for (index, key) in keys.enumerated() { words.append(text(key, types.indices.contains(index) ? types[index] : nil)) }
    return words.joined(separator: " ")
  }

  private func text(_ value: Value, _ node: NodeID) throws(NSOError) -> String { text(value, model.schema[node].type) }

  private func text(_ value: Value, _ type: SchemaType?) -> String {
    if case .list(let values) = value { return "[ " + values.map { self.text($0, type) }.joined(separator: " ") + " ]" }
    return CommandText.quoted(type.flatMap { type in model.schema.text(of: value, as: type) } ?? value.plainText)
  }
}
