internal import NSOModel

/// Gives the steps of a string path, whose syntax is `StringPath`'s, their meaning. See `Schema.parsePath`.
struct StringPathResolver {
  private let text: String
  private let schema: Schema
  private let prefixes: PrefixResolver
  private var place: ResolvedPath

  init(_ text: String, schema: Schema, prefixes: PrefixResolver, base: ResolvedPath) {
    self.text = text
    self.schema = schema
    self.prefixes = prefixes
    place = base
  }

  mutating func resolve() throws(NSOError) -> ResolvedPath {
    let path: StringPath
    do throws(NSOError) { path = try StringPath(text) } catch { throw shortened(error) }
    if path.isAbsolute { place = .root }
    for step in path.steps { try take(step) }
    return place
  }

  private func fail(_ reason: String) -> NSOError { NSOError(.badPath, "path \(shown(text)): \(reason)") }

  /// A long path does not make a long message.
  private func shortened(_ error: NSOError) -> NSOError {
    guard error.message.hasPrefix("path \(text): ") else { return error }
    return fail(String(error.message.dropFirst("path \(text): ".count)))
  }

  private mutating func take(_ step: StringPath.Step) throws(NSOError) {
    if step.prefix == nil, step.name == "." || step.name == ".." {
      guard step.keys == .none else { throw fail("keys without the name of a list in front of them") }
      if step.name == ".." { try goUp() }
      return
    }
    if case .tag? = place.keypath.elements.last, let id = place.node, schema[id].kind == .list {
      let keys = schema[id].keys.map { schema[$0].name.name }.joined(separator: " ")
      throw fail("the keys {\(keys)} of the list \(schema.path(of: id)) are missing in front of \"\(step.name)\"")
    }
    let node = try child(step)
    place.node = node
    place.keypath.elements.append(.tag(schema.tag(of: node)))
    try take(step.keys, of: schema[node])
  }

  private mutating func goUp() throws(NSOError) {
    if case .tag = place.keypath.elements.last {} else { _ = place.keypath.elements.popLast() }
    guard case .tag? = place.keypath.elements.popLast() else { throw fail("\"..\" leads above the root") }
    place.node = place.node.flatMap { schema[$0].parent }
  }

  private func child(_ step: StringPath.Step) throws(NSOError) -> NodeID {
    guard let prefix = step.prefix else {
      if case .map(let resolver) = prefixes, let namespace = resolver(nil),
        let found = schema.child(of: place.node, namespace: namespace, name: step.name)
      {
        return found
      }
      if let found = schema.child(of: place.node, name: step.name) { return found }
      throw fail(schema.unknown(step.name, below: place.node).message)
    }
    let namespaces: [String] =
      switch prefixes {
      case .schema: schema.namespaces(named: prefix)
      case .map(let resolver): resolver(prefix).map { [$0] } ?? []
      }
    guard !namespaces.isEmpty else { throw fail("the prefix \"\(prefix)\" is that of no loaded module") }
    for namespace in namespaces {
      if let found = schema.child(of: place.node, namespace: namespace, name: step.name) { return found }
    }
    throw fail(schema.unknown("\(prefix):\(step.name)", below: place.node).message)
  }

  private mutating func take(_ keys: StringPath.Keys, of node: SchemaNode) throws(NSOError) {
    guard keys != .none else { return }
    guard node.kind == .list || node.kind == .leafList else { throw fail("\(node.name.name) is no list and has no keys") }
    switch keys {
    case .none: break
    case .position(let index): place.keypath.elements.append(.position(index))
    case .listed(let texts):
      // `{}` is no entry at all: "first" in a move.
      let values = texts.isEmpty ? [] : try schema.parse(keys: joined(texts, node), of: node, prefixes: prefixes)
      place.keypath.elements.append(.keys(values))
    case .named(let named): try use(named, of: node)
    }
  }

  /// Keys by name, each exactly once.
  private mutating func use(_ named: [StringPath.NamedKey], of node: SchemaNode) throws(NSOError) {
    let names = node.kind == .leafList ? ["."] : node.keys.map { schema[$0].name.name }
    if let other = named.first(where: { !names.contains($0.name) }) {
      throw fail("\(other.name) is no key of \(schema.path(of: node.id)), whose keys are \(names.joined(separator: " "))")
    }
    var texts: [String] = []
    for name in names {
      guard let key = named.first(where: { $0.name == name }) else {
        throw fail("the key \(name) of \(schema.path(of: node.id)) is missing")
      }
      texts.append(key.value)
    }
    place.keypath.elements.append(.keys(try schema.parse(keys: texts, of: node, prefixes: prefixes)))
  }

  /// A single key may hold blanks without quotes.
  private func joined(_ texts: [String], _ node: SchemaNode) -> [String] {
    let count = node.kind == .leafList ? 1 : max(1, node.keys.count)
    return count == 1 && texts.count > 1 ? [texts.joined(separator: " ")] : texts
  }
}

extension Schema {
  /// Namespaces of the modules that call themselves so, by prefix or by name.
  func namespaces(named name: String) -> [String] {
    var found = (modulesByPrefix[name] ?? []).map { self[$0].namespace }
    if let module = module(name: name), !found.contains(module.namespace) { found.append(module.namespace) }
    return found
  }
}
