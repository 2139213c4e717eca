import NSOClient
import NSOModel
import NSOWire

/// Parameters and results of actions as people write and read them: pairs of a path below the action, such as `delay` or
/// `options/server{www}/port`, and a value in its lexical form.
struct ActionWords: Sendable {
  let schema: ClientSchema
  let action: Keypath

  /// A node of the input, with what is below it.
  private final class Node {
    var tag: Tag
    var keys: [Value]?
    var content: TaggedValue.Content?
    var children: [Node] = []

    init(_ tag: Tag, _ keys: [Value]? = nil) {
      self.tag = tag
      self.keys = keys
    }

    func child(_ tag: Tag, _ keys: [Value]?) -> Node {
      if let known = children.first(where: { $0.tag == tag && $0.keys == keys }) { return known }
      let made = Node(tag, keys)
      children.append(made)
      return made
    }
  }

  /// The input of an action.
  /// - Parameter words: paths and values in turn. The value of a leaf of type empty, and of a container, is the empty word; a
  ///   leaf-list is given one value at a time, as often as needed.
  func parameters(_ words: [String]) throws -> [TaggedValue] {
    guard words.count.isMultiple(of: 2) else {
      throw UsageError("the parameter \(words.last ?? "") has no value: give PARAMETER VALUE for each")
    }
    let top = Node(Tag(""))
    for index in stride(from: 0, to: words.count, by: 2) {
      try add(words[index], words[index + 1], to: top)
    }
    var pairs: [TaggedValue] = []
    for child in top.children { append(child, action, &pairs) }
    return pairs
  }

  private func add(_ name: String, _ text: String, to top: Node) throws {
    let path = try schema.keypath(schema.text(of: action) + (name.hasPrefix("/") ? "" : "/") + name)
    var node = top
    var elements = path.elements.dropFirst(action.elements.count)
    while case .tag(let tag)? = elements.popFirst() {
      var keys: [Value]?
      if case .keys(let found)? = elements.first {
        keys = found
        elements.removeFirst()
      }
      node = node.child(tag, keys)
    }
    guard let found = schema.node(at: path), let namespace = schema.namespace(of: path) else {
      throw ToolError("\(name) is no parameter")
    }
    if found.flags.contains(.leafList) {
      let type = try schema.type(of: found, in: namespace)
      let item: Value = if case .list(let inner, _) = type { try inner.value(from: text) } else { try type.value(from: text) }
      if case .value(.list(let values))? = node.content {
        node.content = .value(.list(values + [item]))
      } else {
        node.content = .value(.list([item]))
      }
    } else if found.type != nil {
      node.content = .value(try schema.value(text, at: path))
    } else {
      guard text.isEmpty else { throw ToolError("\(name) has no value: give it with the empty word ''") }
      // A leaf of type empty; containers and entries become start and stop by what they are.
      if found.primitive == 2 { node.content = .leaf }
    }
  }

  private func append(_ node: Node, _ parent: Keypath, _ pairs: inout [TaggedValue]) {
    if let content = node.content { return pairs.append(TaggedValue(node.tag, content)) }
    let path = parent.appending(node.tag)
    pairs.append(TaggedValue(node.tag, .start))
    if let keys = node.keys, let list = schema.node(at: path) {
      for (name, key) in zip(list.keys, keys) { pairs.append(TaggedValue(Tag(name), .value(key))) }
    }
    for child in node.children { append(child, path, &pairs) }
    pairs.append(TaggedValue(node.tag, .stop))
  }

  /// The output of an action, a line for each leaf: its path below the action, and its value.
  func lines(_ pairs: [TaggedValue]) -> [String] {
    var lines: [String] = []
    var open: [(path: Keypath, keys: Int)] = [(action, 0)]
    for pair in pairs {
      let parent = open.last ?? (action, 0)
      let path = parent.path.appending(pair.tag)
      switch pair.content {
      case .start, .startAt, .delete:
        open.append((path, schema.node(at: path)?.keys.count ?? 0))
        if schema.node(at: path)?.flags.contains(.list) != true { lines.append(shown(path)) }
      // Marks of lists of modifications.
      case .movedFirst, .movedAfter: break
      case .stop: if open.count > 1 { open.removeLast() }
      case .leaf: lines.append(shown(path))
      case .value(let value) where parent.keys > 0:
        // The keys of an entry come first.
        var entry = parent
        entry.keys -= 1
        if case .keys(let keys)? = entry.path.elements.last {
          entry.path.elements[entry.path.elements.count - 1] = .keys(keys + [value])
        } else {
          entry.path = entry.path.appending(.keys([value]))
        }
        open[open.count - 1] = entry
        if entry.keys == 0 { lines.append(shown(entry.path)) }
      case .value(.list(let values)):
        for value in values {
          lines.append(shown(path) + " " + schema.shownText(of: value, at: path.appending(.keys([value]))))
        }
      case .value(let value): lines.append(shown(path) + " " + schema.shownText(of: value, at: path))
      }
    }
    return lines
  }

  private func shown(_ path: Keypath) -> String {
    let text = schema.text(of: path)
    let prefix = schema.text(of: action) + "/"
    return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
  }
}
