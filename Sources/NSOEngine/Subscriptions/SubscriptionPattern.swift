public import NSOModel
public import NSOSchema
import NSOStore
public import NSOTerms

/// What a subscription point covers: a place in the schema, with conditions on the keys on the way (protocol part 03,
/// sections 3.3 and 7.1).
public struct SubscriptionPattern: Sendable {
  struct Step: Sendable {
    var node: NodeID
    /// By key the bytes that it must have in the store, nil: any; nil as a whole where no keys were given.
    var keys: [[UInt8]?]?
  }

  let steps: [Step]
  /// The place, as far as nothing is left open on the way.
  let fixed: Location
  /// Nothing is left open: the point is one place.
  let isFixed: Bool
  /// For people: `/p:plant/site{*}/title`.
  public let text: String

  /// The last node; nil for the root.
  public var node: NodeID? { steps.last?.node }

  /// Resolves a path as subscribers send it: prefixes of modules, and the keys of an entry as one text.
  /// - Parameter namespace: of the first element; empty for any.
  /// - Throws: NOEXISTS for an unknown namespace, BADPATH for an unknown element or prefix, a wrong number of keys, a position;
  ///   BADTYPE for a key that does not fit.
  public init(_ path: MatchPath, namespace: String = "", _ model: DataModel) throws(NSOError) {
    var resolution = Resolution(model, path, namespace)
    for element in path.elements { try resolution.add(element) }
    steps = resolution.steps
    fixed = resolution.builder.location
    isFixed = resolution.isFixed
    text = resolution.text.isEmpty ? "/" : resolution.text
  }

  /// True when a place lies at or below what the point covers.
  func covers(_ path: TreePath, _ steps: [TreeStep], _ model: DataModel) -> Bool {
    steps.count >= self.steps.count && fits(path, steps, self.steps.count, model)
  }

  /// True when a place lies above what the point covers, so that with it everything there goes.
  func lies(below path: TreePath, _ steps: [TreeStep], _ model: DataModel) -> Bool {
    steps.count < self.steps.count && fits(path, steps, steps.count, model)
  }

  private func fits(_ path: TreePath, _ steps: [TreeStep], _ count: Int, _ model: DataModel) -> Bool {
    for (own, step) in zip(self.steps.prefix(count), steps) {
      guard own.node == step.node else { return false }
      guard let keys = own.keys else { continue }
      let values = model.layout.keyValues(of: step, in: path)
      guard values.count == keys.count else { return false }
      for (key, range) in zip(keys, values) {
        if let key, key[...] != path.bytes[range] { return false }
      }
    }
    return true
  }
}

extension SubscriptionPattern {
  /// A path while it is gone through.
  private struct Resolution {
    let model: DataModel
    let path: MatchPath
    let namespace: String
    var steps: [Step] = []
    var builder: LocationBuilder
    /// The builder has come as far as the steps.
    var isFixed = true
    var text = ""

    init(_ model: DataModel, _ path: MatchPath, _ namespace: String) {
      self.model = model
      self.path = path
      self.namespace = namespace
      builder = LocationBuilder(model)
    }

    mutating func add(_ element: MatchPath.Element) throws(NSOError) {
      switch element {
      // What a text of blanks only becomes (part 03, section 3.3).
      case .tag(let tag) where tag.name.isEmpty: return
      case .tag(let tag): try add(tag)
      case .keyText(let text): try add(keys: try Self.words(of: text, path))
      case .keys(let values):
        try add(keys: values.map { $0 == .string("*") || $0 == .tag("*") ? .any : .value($0) })
      case .position(let index):
        throw NSOError(
          .badPath, "\(path): an entry by position ([\(index)]) cannot be subscribed to: name its keys, or * for any")
      }
    }

    private mutating func add(_ tag: Tag) throws(NSOError) {
      let parent = steps.last?.node
      let id = try child(tag, of: parent)
      guard model.layout.isStored(id) else {
        throw NSOError(.badPath, "\(model.schema.path(of: id)) is no data node: it cannot be subscribed to")
      }
      if let parent, isFixed, steps.last?.keys == nil, model[parent].kind == .list { isFixed = false }
      if isFixed { try builder.child(id) }
      let node = model.schema[id]
      let showsPrefix = parent.map { model.schema[$0].module != node.module } ?? true
      text += "/" + (showsPrefix ? model.schema[node.module].prefix + ":" : "") + node.name.name
      steps.append(Step(node: id))
    }

    private func child(_ tag: Tag, of parent: NodeID?) throws(NSOError) -> NodeID {
      var namespace: String? = parent == nil && !self.namespace.isEmpty ? self.namespace : nil
      if let prefix = tag.namespace {
        guard let found = module(prefix) else {
          throw NSOError(
            .badPath, "\(path): no module has the prefix \(prefix); paths of subscriptions have prefixes of modules")
        }
        namespace = found
      } else if let wanted = namespace, !model.schema.modules.contains(where: { $0.namespace == wanted }) {
        throw NSOError(.noExists, "\(path): no module has the namespace \(wanted)")
      }
      guard let id = model.schema.child(of: parent, Tag(tag.name, in: namespace)) else {
        let place = parent.map(model.schema.path(of:)) ?? "the top"
        let children = parent.map { model.schema[$0].children } ?? model.schema.roots
        let names = children.prefix(12).map { model.schema[$0].name.name }.joined(separator: ", ")
        throw NSOError(
          .badPath, "\(path): unknown element \(tag.name) below \(place)\(names.isEmpty ? "" : "; known there: \(names)")")
      }
      return id
    }

    /// A module by its prefix; its name and its namespace are taken as well.
    private func module(_ prefix: String) -> String? {
      if let module = model.schema.module(prefix: prefix) { return module.namespace }
      return model.schema.modules.first { $0.name == prefix || $0.namespace == prefix }?.namespace
    }

    // MARK: Keys

    private enum Key {
      case any
      case text(String)
      case value(Value)
    }

    private mutating func add(keys: [Key]) throws(NSOError) {
      guard let id = steps.last?.node, steps.last?.keys == nil else {
        throw NSOError(.badPath, "\(path): keys stand where no list is")
      }
      let node = model.schema[id]
      let names: [NodeID] =
        switch node.kind {
        case .list: node.keys
        case .leafList: [id]
        default: throw NSOError(.badPath, "\(path): \(model.schema.path(of: id)) is no list and has no keys")
        }
      // Every entry, whether it has one key or more.
      if keys.count <= 1, names.count != 1, keys.allSatisfy({ if case .any = $0 { true } else { false } }) { return }
      guard keys.count == names.count else {
        throw NSOError(
          .badPath,
          "\(path): \(model.schema.path(of: id)) has \(names.count) keys (\(names.map { model.schema[$0].name.name }.joined(separator: " "))), not \(keys.count)"
        )
      }
      var values: [Value?] = []
      for (key, name) in zip(keys, names) { values.append(try value(key, model.schema[name])) }
      guard values.contains(where: { $0 != nil }) else {
        text += "{*}"
        return
      }
      var bytes: [[UInt8]?] = []
      for (value, name) in zip(values, names) {
        bytes.append(try value.map { (value) throws(NSOError) in try self.bytes(value, name) })
      }
      steps[steps.count - 1].keys = bytes
      let whole = values.compactMap(\.self)
      if isFixed, whole.count == values.count { try builder.entry(whole) } else { isFixed = false }
      let shown = zip(values, names).map { value, name in
        value.map { value in model.schema[name].type.flatMap { model.schema.text(of: value, as: $0) } ?? value.plainText }
          ?? "*"
      }
      text += "{" + shown.map { $0 == "*" ? $0 : StringPath.quoted(key: $0) }.joined(separator: " ") + "}"
    }

    private func value(_ key: Key, _ node: SchemaNode) throws(NSOError) -> Value? {
      do throws(ValueError) {
        switch key {
        case .any: return nil
        case .text(let text): return try model.schema.check(try model.schema.parse(text, at: node), at: node)
        case .value(let value): return try model.schema.check(value, at: node)
        }
      } catch {
        throw error.nsoError(at: "\(path), key \(node.name.name)")
      }
    }

    private func bytes(_ value: Value, _ node: NodeID) throws(NSOError) -> [UInt8] {
      var path = TreePath()
      try storeErrors { () throws(StoreError) in
        try path.appendKey(value, type: model.schema[node].type, schema: model.schema)
      }
      return path.entryKey ?? []
    }

    /// Keys are separated by blanks; those with blanks stand in double quotes, with backslashes in front of quotes inside.
    private static func words(of text: String, _ path: MatchPath) throws(NSOError) -> [Key] {
      var words: [Key] = []
      var rest = text[...]
      while let first = rest.first {
        if first == " " || first == "\t" {
          rest.removeFirst()
          continue
        }
        guard first == "\"" else {
          let word = rest.prefix { $0 != " " && $0 != "\t" }
          rest = rest[word.endIndex...]
          words.append(word == "*" ? .any : .text(String(word)))
          continue
        }
        rest.removeFirst()
        var word = ""
        var isClosed = false
        while let character = rest.popFirst() {
          if character == "\"" {
            isClosed = true
            break
          }
          if character == "\\", let next = rest.popFirst() { word.append(next) } else { word.append(character) }
        }
        guard isClosed else { throw NSOError(.badPath, "\(path): a quoted key has no end") }
        words.append(.text(word))
      }
      return words
    }
  }
}
