internal import NSOModel

/// Reads one string path. See `Schema.parsePath`.
struct StringPathParser {
  private let text: String
  private let characters: [Character]
  private var index = 0
  private let schema: Schema
  private let prefixes: PrefixResolver
  private var place: ResolvedPath
  /// Keys given by name, until the next step.
  private var named: [String: String] = [:]

  init(_ text: String, schema: Schema, prefixes: PrefixResolver, base: ResolvedPath) {
    self.text = text
    characters = Array(text)
    self.schema = schema
    self.prefixes = prefixes
    place = base
  }

  mutating func parse() throws(NSOError) -> ResolvedPath {
    if peek == "/" { place = ResolvedPath(keypath: .root, node: nil) }
    while index < characters.count {
      if peek == "/" {
        index += 1
        continue
      }
      try step()
    }
    return place
  }

  private var peek: Character? { index < characters.count ? characters[index] : nil }

  private mutating func skipBlanks() { while let character = peek, character.isWhitespace { index += 1 } }

  private func fail(_ reason: String) -> NSOError { NSOError(.badPath, "path \(shown(text)): \(reason)") }

  private mutating func step() throws(NSOError) {
    skipBlanks()
    let start = index
    while let character = peek, character != "/", character != "{", character != "[" { index += 1 }
    let name = String(trimmed(String(characters[start..<index])))
    switch name {
    case "":
      guard peek == nil || peek == "/" else { throw fail("keys without the name of a list in front of them") }
      return
    case ".": return
    case "..":
      try goUp()
      return
    default: break
    }
    if case .tag? = place.keypath.elements.last, let id = place.node, schema[id].kind == .list {
      let keys = schema[id].keys.map { schema[$0].name.name }.joined(separator: " ")
      throw fail("the keys {\(keys)} of the list \(schema.path(of: id)) are missing in front of \"\(name)\"")
    }
    let node = try child(name)
    place.node = node
    place.keypath.elements.append(.tag(schema.tag(of: node)))
    try keys(of: schema[node])
  }

  private mutating func goUp() throws(NSOError) {
    if case .tag = place.keypath.elements.last {} else { _ = place.keypath.elements.popLast() }
    guard case .tag? = place.keypath.elements.popLast() else { throw fail("\"..\" leads above the root") }
    place.node = place.node.flatMap { schema[$0].parent }
  }

  private func child(_ name: String) throws(NSOError) -> NodeID {
    guard let colon = name.firstIndex(of: ":") else {
      if case .map(let resolver) = prefixes, let namespace = resolver(nil),
        let found = schema.child(of: place.node, namespace: namespace, name: name)
      {
        return found
      }
      if let found = schema.child(of: place.node, name: name) { return found }
      throw prefixed(schema.unknown(name, below: place.node))
    }
    let prefix = String(name[..<colon])
    let local = String(name[name.index(after: colon)...])
    var namespaces: [String] = []
    switch prefixes {
    case .schema: namespaces = schema.namespaces(named: prefix)
    case .map(let resolver): namespaces = resolver(prefix).map { [$0] } ?? []
    }
    guard !namespaces.isEmpty else { throw fail("the prefix \"\(prefix)\" is that of no loaded module") }
    for namespace in namespaces {
      if let found = schema.child(of: place.node, namespace: namespace, name: local) { return found }
    }
    throw prefixed(schema.unknown(name, below: place.node))
  }

  private func prefixed(_ error: NSOError) -> NSOError { fail(error.message) }

  private mutating func keys(of node: SchemaNode) throws(NSOError) {
    skipBlanks()
    if peek == "{" { return try braces(node) }
    named = [:]
    var order: [String] = []
    while peek == "[" {
      index += 1
      skipBlanks()
      let start = index
      while let character = peek, character != "]", character != "=" { index += 1 }
      let subject = String(trimmed(String(characters[start..<index])))
      if peek == "]" {
        index += 1
        guard named.isEmpty, let position = Int(subject), position >= 0 else {
          throw fail("[\(subject)] is neither a position nor a key with its value")
        }
        guard node.kind == .list || node.kind == .leafList else { throw fail("\(node.name.name) is no list") }
        place.keypath.elements.append(.position(position))
        return
      }
      guard peek == "=" else { throw fail("a \"]\" is missing") }
      index += 1
      skipBlanks()
      guard let quote = peek, quote == "'" || quote == "\"" else { throw fail("the value of the key \(subject) is not quoted") }
      index += 1
      let valueStart = index
      while let character = peek, character != quote { index += 1 }
      guard peek == quote else { throw fail("the quote after [\(subject)= is not closed") }
      let value = String(characters[valueStart..<index])
      index += 1
      skipBlanks()
      guard peek == "]" else { throw fail("a \"]\" is missing after the value of \(subject)") }
      index += 1
      skipBlanks()
      let local = subject.split(separator: ":").last.map(String.init) ?? subject
      guard named.updateValue(value, forKey: local) == nil else { throw fail("the key \(local) is given twice") }
      order.append(local)
    }
    guard !named.isEmpty else { return }
    try use(named, of: node)
  }

  /// Keys by name, each exactly once.
  private mutating func use(_ named: [String: String], of node: SchemaNode) throws(NSOError) {
    guard node.kind == .list || node.kind == .leafList else { throw fail("\(node.name.name) is no list and has no keys") }
    let names = node.kind == .leafList ? ["."] : node.keys.map { schema[$0].name.name }
    for name in named.keys where !names.contains(name) {
      throw fail("\(name) is no key of \(schema.path(of: node.id)), whose keys are \(names.joined(separator: " "))")
    }
    var texts: [String] = []
    for name in names {
      guard let text = named[name] else { throw fail("the key \(name) of \(schema.path(of: node.id)) is missing") }
      texts.append(text)
    }
    place.keypath.elements.append(.keys(try schema.parse(keys: texts, of: node, prefixes: prefixes)))
  }

  /// `{10.0.0.0/8 7}`.
  private mutating func braces(_ node: SchemaNode) throws(NSOError) {
    index += 1
    var texts: [String] = []
    while true {
      skipBlanks()
      guard let character = peek else { throw fail("the brace after \(node.name.name) is not closed") }
      if character == "}" {
        index += 1
        break
      }
      texts.append(try character == "\"" ? quoted() : bare())
    }
    // `{}` is no entry at all: "first" in a move.
    let values = texts.isEmpty ? [] : try schema.parse(keys: joined(texts, node), of: node, prefixes: prefixes)
    guard node.kind == .list || node.kind == .leafList else { throw fail("\(node.name.name) is no list and has no keys") }
    place.keypath.elements.append(.keys(values))
  }

  /// A single key may hold blanks without quotes.
  private func joined(_ texts: [String], _ node: SchemaNode) -> [String] {
    let count = node.kind == .leafList ? 1 : max(1, node.keys.count)
    return count == 1 && texts.count > 1 ? [texts.joined(separator: " ")] : texts
  }

  private mutating func quoted() throws(NSOError) -> String {
    index += 1
    var key = ""
    while let character = peek {
      index += 1
      if character == "\"" { return key }
      if character == "\\", let next = peek {
        key.append(next)
        index += 1
      } else {
        key.append(character)
      }
    }
    throw fail("a quote in the keys is not closed")
  }

  private mutating func bare() throws(NSOError) -> String {
    var key = ""
    while let character = peek, character != "}", !character.isWhitespace {
      if character == "\\", index + 1 < characters.count { index += 1 }
      key.append(characters[index])
      index += 1
    }
    return key
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
