public import NSOModel
public import NSOSchema

/// Reads words as statements about nodes of the schema, one word at a time: `interface eth0 mtu 1500`, `interface eth0 { mtu 1500; }`,
/// `tag [ a b ]`. One grammar for commands, configuration texts and parameters of actions. After each word it is known what may come next,
/// so that completion needs no grammar of its own.
public struct StatementReader: Sendable {
  /// What the words say, as soon as it is complete.
  public enum Statement: Hashable, Sendable {
    /// A container, a list entry, or an action.
    case open(NodeID, keys: [Value])
    /// The end of what was opened last.
    case close
    /// A leaf, or one value of a leaf-list.
    case value(NodeID, String)
    /// A leaf of type empty.
    case empty(NodeID)
    /// All values of a leaf-list.
    case values(NodeID, [String])
  }

  /// What the next word is.
  public enum Expectation: Hashable, Sendable {
    case name
    /// The key with this place of a list.
    case key(NodeID, Int)
    case value(NodeID)
    /// One more value between brackets, or the closing one.
    case item(NodeID)
  }

  /// What is open.
  public struct Frame: Hashable, Sendable {
    /// Nil: the root.
    public var node: NodeID?
    var isBraced = false
  }

  public let schema: Schema
  /// The beginning of a name is enough where it is that of one only.
  public var allowsAbbreviations = false
  private let admits: @Sendable (SchemaNode) -> Bool
  public private(set) var frames: [Frame]
  public private(set) var expectation = Expectation.name
  /// Keys of the entry, and values between brackets, as far as they were given.
  public private(set) var keys: [Value] = []
  private var items: [String] = []
  /// Something was opened by the last word, so a brace may follow.
  private var hasJustOpened = false

  /// - Parameters:
  ///   - base: where the words begin; what is around it cannot be reached.
  ///   - admits: which nodes have names here.
  public init(_ schema: Schema, below base: NodeID? = nil, admitting admits: @escaping @Sendable (SchemaNode) -> Bool) {
    self.schema = schema
    self.admits = admits
    frames = [Frame(node: base, isBraced: true)]
  }

  /// Takes a word.
  /// - Parameter tell: is called with each statement that is complete then.
  /// - Throws: BADPATH for names and brackets that do not fit, BADTYPE for keys that do not; what `tell` throws.
  public mutating func feed(_ word: TextWord, _ tell: (Statement) throws(NSOError) -> Void) throws(NSOError) {
    let canBrace = hasJustOpened
    hasJustOpened = false
    switch expectation {
    case .name: try takeName(word, canBrace, tell)
    case .key(let list, let index):
      guard word.kind == .word else {
        throw unexpected(word, "the key \(name(schema[list].keys[index])) of list \(name(list))")
      }
      try takeKey(word.text, list, index, tell)
    case .value(let node):
      switch word.kind {
      case .word:
        expectation = .name
        try tell(.value(node, word.text))
      case .openBracket where schema[node].kind == .leafList:
        items = []
        expectation = .item(node)
      default: throw unexpected(word, "the value of \(name(node))")
      }
    case .item(let node):
      switch word.kind {
      case .word: items.append(word.text)
      case .closeBracket:
        expectation = .name
        let all = items
        items = []
        try tell(.values(node, all))
      default: throw unexpected(word, "a value of \(name(node)), or ]")
      }
    }
  }

  /// The end of the words: closes what is open.
  /// - Throws: BADPATH when a key, a value or a closing bracket is missing.
  public mutating func finish(_ tell: (Statement) throws(NSOError) -> Void) throws(NSOError) {
    switch expectation {
    case .name: break
    case .key(let list, let index):
      throw NSOError(.badPath, "the key \(name(schema[list].keys[index])) of list \(name(list)) is missing")
    case .value(let node): throw NSOError(.badPath, "the value of \(name(node)) is missing")
    case .item(let node): throw NSOError(.badPath, "] is missing after the values of \(name(node))")
    }
    if let open = frames.dropFirst().last(where: \.isBraced), let node = open.node {
      throw NSOError(.badPath, "} is missing at the end of \(name(node))")
    }
    while frames.count > 1 { try pop(tell) }
  }

  // MARK: Names

  /// The nodes that may be named next: those of what is open.
  public var candidates: [NodeID] { children(of: frames.last?.node) }

  public func children(of node: NodeID?) -> [NodeID] {
    let all = node.map { schema[$0].children + schema[$0].actions } ?? (schema.roots + schema.rpcs)
    let keys = node.map { schema[$0].kind == .list ? schema[$0].keys : [] } ?? []
    return all.filter { admits(schema[$0]) && !keys.contains($0) }
  }

  /// The name as it has to be given below a node: with its prefix where another one has the same.
  public func shownName(_ id: NodeID) -> String {
    let node = schema[id]
    let isAlone = children(of: node.parent).count { schema[$0].name.name == node.name.name } <= 1
    return isAlone ? node.name.name : "\(schema[node.module].prefix):\(node.name.name)"
  }

  private func name(_ id: NodeID) -> String { schema[id].name.name }

  private mutating func takeName(
    _ word: TextWord, _ canBrace: Bool, _ tell: (Statement) throws(NSOError) -> Void
  ) throws(NSOError) {
    switch word.kind {
    case .word: break
    case .openBrace where canBrace:
      frames[frames.count - 1].isBraced = true
      return
    case .closeBrace:
      guard frames.dropFirst().contains(where: \.isBraced) else { throw unexpected(word, "a name") }
      while let last = frames.last, !last.isBraced { try pop(tell) }
      return try pop(tell)
    case .semicolon:
      while let last = frames.last, !last.isBraced { try pop(tell) }
      return
    default: throw unexpected(word, "a name")
    }
    let found = try find(word.text)
    while frames.count > found.depth { try pop(tell) }
    let node = schema[found.id]
    switch node.kind {
    case .container, .action, .rpc: try open(found.id, [], tell)
    case .list where node.keys.isEmpty: try open(found.id, [], tell)
    case .list:
      keys = []
      expectation = .key(found.id, 0)
    case .leaf where node.isEmptyLeaf: try tell(.empty(found.id))
    case .leaf, .leafList: expectation = .value(found.id)
    default:
      throw NSOError(.notImplemented, "\(node.name.name) is \(node.kind), which has no form as text; use XML or JSON")
    }
  }

  /// A name is looked for in what is open, then in what that stands in, as far as it was entered without a brace.
  private func find(_ text: String) throws(NSOError) -> (depth: Int, id: NodeID) {
    for isExact in allowsAbbreviations ? [true, false] : [true] {
      for depth in stride(from: frames.count, to: 0, by: -1) {
        let parent = frames[depth - 1].node
        let fitting = children(of: parent).filter { matches($0, text, isExact) }
        if fitting.count == 1 { return (depth, fitting[0]) }
        if fitting.count > 1 {
          if isExact, let own = fitting.first(where: { id in parent.map { schema[$0].module == schema[id].module } ?? false }) {
            return (depth, own)
          }
          let names = fitting.prefix(12).map { id in
            isExact ? "\(schema[schema[id].module].prefix):\(name(id))" : shownName(id)
          }
          throw NSOError(.badPath, "\"\(text)\" is ambiguous: \(names.joined(separator: ", "))")
        }
        if frames[depth - 1].isBraced { break }
      }
    }
    let known = candidates.map { shownName($0) }
    let place = frames.last?.node.map { "in \(name($0))" } ?? "at the top"
    let near =
      known.isEmpty ? "; nothing is" : known.count <= 16 ? "; known there: \(known.joined(separator: ", "))" : ""
    throw NSOError(.badPath, "\"\(text)\" is not known \(place)\(near)")
  }

  /// Whether a node is meant by a name, or by its beginning.
  public func matches(_ id: NodeID, _ text: String, _ isExact: Bool) -> Bool {
    let node = schema[id]
    var local = Substring(text)
    if let colon = text.firstIndex(of: ":") {
      let module = schema[node.module]
      guard text[..<colon] == module.prefix || text[..<colon] == module.name else { return false }
      local = text[text.index(after: colon)...]
    }
    return isExact ? local == node.name.name : node.name.name.hasPrefix(local)
  }

  // MARK: Frames

  private mutating func open(
    _ id: NodeID, _ keys: [Value], _ tell: (Statement) throws(NSOError) -> Void
  ) throws(NSOError) {
    try tell(.open(id, keys: keys))
    frames.append(Frame(node: id))
    hasJustOpened = true
    expectation = .name
  }

  private mutating func pop(_ tell: (Statement) throws(NSOError) -> Void) throws(NSOError) {
    guard frames.count > 1 else { return }
    frames.removeLast()
    try tell(.close)
  }

  private mutating func takeKey(
    _ text: String, _ list: NodeID, _ index: Int, _ tell: (Statement) throws(NSOError) -> Void
  ) throws(NSOError) {
    let key = schema[schema[list].keys[index]]
    do throws(ValueError) {
      keys.append(try schema.parse(text, at: key))
    } catch {
      throw error.nsoError(at: "key \(key.name.name) of \(name(list))")
    }
    if index + 1 < schema[list].keys.count {
      expectation = .key(list, index + 1)
    } else {
      let all = keys
      keys = []
      try open(list, all, tell)
    }
  }

  private func unexpected(_ word: TextWord, _ wanted: String) -> NSOError {
    NSOError(.badPath, "\"\(word.text)\" stands where \(wanted) is expected")
  }
}
