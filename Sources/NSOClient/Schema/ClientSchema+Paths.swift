public import NSOModel
public import NSOWire

// String paths with the schema's names, prefixes and types (protocol part 02, section 5.5).
extension ClientSchema {
  /// Resolves a string path such as `/r:interfaces/interface{eth0}/mtu`. Prefixes are those of the modules, or their names; a prefix
  /// may be left out where only one module has such a node. A list in the middle of a path without keys stands for all entries.
  ///
  /// - Throws: BADPATH that names the element at fault, BADTYPE for a key that does not fit.
  public func keypath(_ text: String) throws(NSOError) -> Keypath {
    let parsed = try StringPath(text)
    guard parsed.isAbsolute else { throw NSOError(.badPath, "path \(text): it must begin with a slash") }
    var path = Keypath.root
    for step in parsed.steps {
      switch step.name {
      case "." where step.prefix == nil: continue
      case ".." where step.prefix == nil:
        if case .tag? = path.elements.last {} else { _ = path.elements.popLast() }
        guard path.elements.popLast() != nil else { throw NSOError(.badPath, "path \(text): \"..\" leads above the root") }
      default:
        do throws(NSOError) {
          try append(step, to: &path)
        } catch {
          throw NSOError(error.code, "path \(text): \(error.message)")
        }
      }
    }
    return path
  }

  private func append(_ step: StringPath.Step, to path: inout Keypath) throws(NSOError) {
    let tag: Tag
    if let prefix = step.prefix {
      // Two modules may have the same prefix.
      let modules = namespaces.filter { $0.prefix == prefix || $0.module == prefix }
      guard let first = modules.first else { throw NSOError(.badPath, "the prefix \(prefix) is that of no loaded module") }
      let fitting = modules.first { (try? child(step.name, in: $0.uri, below: path)) != nil } ?? first
      tag = try child(step.name, in: fitting.uri, below: path)
    } else {
      tag = try child(step.name, in: nil, below: path)
    }
    path.elements.append(.tag(tag))
    guard step.keys != .none else { return }
    guard let node = node(at: path) else { throw NSOError(.badPath, "there is no \(step.name) in \(self.text(of: path))") }
    guard node.flags.contains(.list) || node.flags.contains(.leafList) else {
      throw NSOError(.badPath, "\(step.name) is no list and has no keys")
    }
    switch step.keys {
    case .none: break
    case .position(let index): path.elements.append(.position(index))
    case .listed(let texts): path.elements.append(.keys(try keys(texts, of: node, at: path)))
    case .named(let named):
      let names = node.flags.contains(.leafList) ? ["."] : node.keys
      if let other = named.first(where: { !names.contains($0.name) }) {
        throw NSOError(.badPath, "\(other.name) is no key of \(step.name), whose keys are \(names.joined(separator: " "))")
      }
      var texts: [String] = []
      for name in names {
        guard let key = named.first(where: { $0.name == name }) else {
          throw NSOError(.badPath, "the key \(name) of \(step.name) is missing")
        }
        texts.append(key.value)
      }
      path.elements.append(.keys(try keys(texts, of: node, at: path)))
    }
  }

  /// The tag of a node by its local name, as it belongs into a path.
  private func child(_ name: String, in namespace: String?, below path: Keypath) throws(NSOError) -> Tag {
    guard !path.isRoot else {
      if let namespace, node([Tag(name)], in: namespace) != nil { return Tag(name, in: namespace) }
      if namespace == nil, let only = self.namespace(of: [.tag(Tag(name))]) { return Tag(name, in: only) }
      let owners = namespaces.filter { node([Tag(name)], in: $0.uri) != nil }.map { "\($0.prefix):\(name)" }
      if namespace == nil, !owners.isEmpty {
        throw NSOError(.badPath, "\(name) is in several modules; say which: \(owners.joined(separator: ", "))")
      }
      throw NSOError(.badPath, "there is no \(name) at the top of the data tree")
    }
    guard let parent = node(at: path) else { throw NSOError(.badPath, "\(self.text(of: path)) is not in the schema") }
    let candidates = (children(of: parent) + parent.actions + parent.notifications).filter { $0.name == name }
    let inherited = innermostNamespace(of: path)
    let wanted = namespace ?? inherited
    if let found = candidates.first(where: { ($0.namespace ?? inherited) == wanted }) { return found }
    if namespace == nil, candidates.count == 1 { return candidates[0] }
    throw NSOError(.badPath, "there is no \(name) in \(self.text(of: path))")
  }

  /// The namespace of the node that a path leads to.
  private func innermostNamespace(of path: Keypath) -> String? {
    for case .tag(let tag) in path.elements.reversed() {
      if let namespace = tag.namespace { return namespace }
    }
    return namespace(of: path)
  }

  /// Keys in their lexical form.
  private func keys(_ texts: [String], of node: Node, at path: Keypath) throws(NSOError) -> [Value] {
    let types = try keyTypes(of: node, at: path)
    var texts = texts
    // A single key may hold blanks without quotes.
    if types.count == 1, texts.count > 1 { texts = [texts.joined(separator: " ")] }
    guard texts.count == types.count else {
      let names = node.keys.isEmpty ? "one number" : node.keys.joined(separator: " ")
      throw NSOError(.badPath, "\(node.path.last?.name ?? "the list") has \(types.count) keys (\(names)), not \(texts.count)")
    }
    var keys: [Value] = []
    for (index, text) in texts.enumerated() {
      if let type = types[index] {
        do throws(NSOError) {
          keys.append(try type.value(from: text))
        } catch {
          let name = node.keys.indices.contains(index) ? node.keys[index] : "value"
          throw NSOError(error.code, "key \(name) of \(node.path.last?.name ?? "the list"): \(error.message)")
        }
      } else if let number = Int64(text) {
        keys.append(.int64(number))
      } else {
        throw NSOError(
          .badType, "\(node.path.last?.name ?? "the list") has no keys; its entries are numbered, and \(text) is no number")
      }
    }
    return keys
  }

  /// The types of a list's keys, or of a leaf-list's entries; nil is the number of an entry without keys.
  private func keyTypes(of node: Node, at path: Keypath) throws(NSOError) -> [ClientType?] {
    guard let namespace = namespace(of: path) else { return [nil] }
    if node.flags.contains(.leafList) {
      let type = try type(of: node, in: namespace)
      if case .list(let item, _) = type { return [item] }
      return [type]
    }
    guard !node.keys.isEmpty else { return [nil] }
    var types: [ClientType?] = []
    for key in node.keys {
      guard let leaf = self.node(node.path + [Tag(key)], in: namespace) else {
        throw NSOError(.internal, "the schema has no key \(key) of \(node.path.last?.name ?? "the list")")
      }
      types.append(try type(of: leaf, in: namespace))
    }
    return types
  }
}

// MARK: - Back to text

extension ClientSchema {
  /// The string path of a keypath, with a prefix where the module changes and keys in their lexical form.
  public func text(of path: Keypath) -> String {
    guard !path.isRoot else { return "/" }
    var text = ""
    var soFar = Keypath.root
    for element in path.elements {
      switch element {
      case .tag(let tag): text += "/" + self.text(of: tag, below: soFar)
      case .keys(let keys): text += self.text(ofKeys: keys, of: soFar)
      case .position(let index): text += "[\(index)]"
      }
      soFar.elements.append(element)
    }
    return text
  }

  /// The name of a node with its prefix, where that is another one than its parent's.
  public func text(of tag: Tag, below parent: Keypath) -> String {
    let inherited = parent.isRoot ? nil : innermostNamespace(of: parent)
    guard let namespace = tag.namespace ?? (parent.isRoot ? self.namespace(of: [.tag(tag)]) : nil), namespace != inherited
    else {
      return tag.name
    }
    return "\(self.namespace(uri: namespace)?.prefix ?? namespace):\(tag.name)"
  }

  /// Keys in braces: `{10.0.0.0/8 "a b"}`.
  /// - Parameter list: the list that they belong to.
  public func text(ofKeys keys: [Value], of list: Keypath) -> String {
    let types = node(at: list).flatMap { try? keyTypes(of: $0, at: list) } ?? []
    let texts = keys.enumerated().map { index, key in
      let text = types.indices.contains(index) ? types[index].flatMap { try? $0.text(of: key) } : nil
      return StringPath.quoted(key: text ?? key.plainText)
    }
    return "{" + texts.joined(separator: " ") + "}"
  }

  /// A value at a place in its lexical form, with labels for enumerations, bits and identities; as far as it can be told where the
  /// place or its type is not in the schema.
  public func shownText(of value: Value, at path: Keypath) -> String {
    guard let node = node(at: path), let namespace = namespace(of: path), let type = try? type(of: node, in: namespace) else {
      return value.plainText
    }
    if case .list(let item, _) = type, case .keys? = path.elements.last {
      return (try? item.text(of: value)) ?? value.plainText
    }
    return (try? type.text(of: value)) ?? value.plainText
  }

  /// The names below a place in schema order; those of the top of the tree by module and name.
  public func children(at path: Keypath) -> [Tag] {
    guard !path.isRoot else { return topNodes }
    guard let node = node(at: path) else { return [] }
    return children(of: node)
  }
}
