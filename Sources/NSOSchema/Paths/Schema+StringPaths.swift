public import NSOModel

extension Schema {
  /// Reads a string path such as `/ex:net/route{10.0.0.0/8 7}/gw` (protocol part 02, section 5.5).
  ///
  /// Elements are names with a prefix or module name where the module cannot be told otherwise. Keys stand in braces,
  /// separated by blanks; a key with blanks, quotes or braces stands in double quotes with `\"` and `\\` inside. `[n]` is a
  /// position, `[name='value']` a key by name; both as in XPath.
  ///
  /// - Parameter base: where a path without leading slash begins; `..` leads to the element above.
  /// - Throws: BADPATH naming the element at fault, BADTYPE for a key that does not fit.
  public func parsePath(
    _ text: String, relativeTo base: ResolvedPath = .root, prefixes: PrefixResolver = .schema
  ) throws(NSOError) -> ResolvedPath {
    var resolver = StringPathResolver(text, schema: self, prefixes: prefixes, base: base)
    return try resolver.resolve()
  }

  /// The value of an instance-identifier: an absolute path with keys either way.
  func parseInstance(_ text: String, prefixes: PrefixResolver) throws(NSOError) -> ResolvedPath {
    let text = String(trimmed(text))
    guard text.hasPrefix("/") else { throw NSOError(.badPath, "\(shown(text)) is not a path: it must begin with a slash") }
    var path = try parsePath(text, prefixes: prefixes)
    // Positions are for lists without keys only, which have a number for a key (RFC 7950, section 9.13).
    var node: NodeID?
    for (index, element) in path.keypath.elements.enumerated() {
      switch element {
      case .tag(let tag): node = child(of: node, tag)
      case .position(let position):
        guard let list = node, self[list].isKeyless else {
          throw NSOError(.badPath, "\(shown(text)) has a position where an instance-identifier needs keys")
        }
        path.keypath.elements[index] = .keys([.int64(Int64(position))])
      case .keys: break
      }
    }
    return path
  }

  /// The string path of a keypath: `/ex:net/route{10.0.0.0/8 7}/gw`. Elements that are not in the schema are written as far
  /// as they are understood.
  public func text(of path: Keypath) -> String {
    guard !path.isRoot else { return "/" }
    var text = ""
    var node: NodeID?
    var isKnown = true
    for element in path.elements {
      switch element {
      case .tag(let tag):
        let parent = node
        node = isKnown ? child(of: parent, tag) : nil
        isKnown = node != nil
        guard let node else {
          text += "/\(tag)"
          continue
        }
        let found = self[node]
        let showsPrefix = parent.map { self[$0].module != found.module } ?? true
        text += "/" + (showsPrefix ? self[found.module].prefix + ":" : "") + found.name.name
      case .keys(let keys):
        let types = node.flatMap { node in (try? keyTypes(of: self[node], count: keys.count))?.map(\.type) }
        text +=
          "{"
          + keys.enumerated().map { index, key in
            let plain = types.flatMap { self.text(of: key, as: $0[index]) } ?? key.plainText
            return StringPath.quoted(key: plain)
          }.joined(separator: " ") + "}"
      case .position(let index): text += "[\(index)]"
      }
    }
    return text
  }

  /// An instance-identifier in XPath form: `/ex:net/ex:route[ex:prefix='10.0.0.0/8']`; in JSON a module name stands only
  /// where it changes (RFC 7951, section 6.11).
  func instanceText(of path: Keypath, style: TextStyle) -> String? {
    var text = ""
    var node: NodeID?
    var module: ModuleID?
    func name(_ id: NodeID, in module: ModuleID?) -> String {
      let found = self[id]
      switch style {
      case .canonical: return "\(self[found.module].prefix):\(found.name.name)"
      case .json: return (found.module == module ? "" : self[found.module].name + ":") + found.name.name
      case .xml(let prefix):
        let prefix = prefix(found.name.namespace)
        return prefix.isEmpty ? found.name.name : "\(prefix):\(found.name.name)"
      }
    }
    for element in path.elements {
      switch element {
      case .tag(let tag):
        guard let next = child(of: node, tag) else { return nil }
        text += "/" + name(next, in: module)
        node = next
        module = self[next].module
      case .keys(let keys):
        guard let id = node, let types = try? keyTypes(of: self[id], count: keys.count) else { return nil }
        let holder = self[id]
        if holder.kind == .list, holder.keys.isEmpty, case .int64(let position)? = keys.first {
          text += "[\(position)]"
          continue
        }
        for (index, key) in keys.enumerated() {
          guard let value = self.text(of: key, as: types[index].type, style: style) else { return nil }
          let quote = value.contains("'") ? "\"" : "'"
          let subject = holder.kind == .leafList ? "." : name(holder.keys[index], in: module)
          text += "[\(subject)=\(quote)\(value)\(quote)]"
        }
      case .position: return nil
      }
    }
    return text.isEmpty ? "/" : text
  }
}
