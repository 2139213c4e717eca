internal import NSOSchema

/// Evaluates expressions over a tree. One evaluator serves one thread at a time and keeps small caches, so use one
/// for many evaluations.
public final class XPathEvaluator<Tree: XPathTree> {
  public typealias Node = Tree.Node
  public typealias Item = XPathItem<Tree.Node>
  public typealias Value = XPathValue<Tree.Node>

  public let tree: Tree
  /// Values of variables by name, with the prefix as written.
  public var variables: [String: Value] = [:]
  /// The root that expressions see, if it is not that of the tree: where absolute paths begin, and what no path leads above. Only
  /// references (`deref`) lead out.
  public var scopeRoot: Node?
  /// Bound on the steps of all evaluations together, also those of other evaluators with the same budget; nil for none.
  public var budget: XPathBudget?
  /// Is told of everything that is read.
  public var recorder: ((XPathRead<Node>) -> Void)?

  let schema: Schema
  let references: LeafrefPaths
  /// Who is told of evaluations.
  private let traceSink: XPathTrace.Sink?
  /// The evaluation that is told of; nil: none is.
  var tracing: TracedEvaluation?
  /// Steps left in this evaluation.
  var stepsLeft = 0
  /// The expression under evaluation and the node that current() gives.
  var expression: XPath?
  var current: Item
  var guides: [NameTest: DescendantGuide] = [:]
  var patterns: [String: XSDPattern] = [:]
  var canonicalTexts: [CanonicalKey: String] = [:]

  /// - Parameter references: compiled paths of leafrefs, for deref(), and who is told of evaluations; share one per schema.
  public init(_ tree: Tree, references: LeafrefPaths? = nil) {
    self.tree = tree
    schema = tree.schema
    self.references = references ?? LeafrefPaths()
    traceSink = references?.trace.sink
    current = Item(tree.root)
  }

  // MARK: What callers ask for

  /// The value of an expression with `node` as context node.
  /// - Throws: ``XPathError``, and what the tree throws.
  public func evaluate(_ xpath: XPath, at node: Node) throws -> Value {
    try run(xpath, at: node) { try value(xpath.syntax, $0) }
  }

  /// The value as a boolean, found with the least reading.
  public func test(_ xpath: XPath, at node: Node) throws -> Bool {
    try run(xpath, at: node) { try boolean(xpath.syntax, $0) }
  }

  /// The value as a string.
  public func string(_ xpath: XPath, at node: Node) throws -> String {
    try run(xpath, at: node) { try string(xpath.syntax, $0) }
  }

  /// The value as a number.
  public func number(_ xpath: XPath, at node: Node) throws -> Double {
    try run(xpath, at: node) { try number(xpath.syntax, $0) }
  }

  /// The value as a string, of a node-set the texts of all its nodes one after the other.
  public func joinedString(_ xpath: XPath, at node: Node) throws -> String {
    try run(xpath, at: node) { frame in
      let value = try value(xpath.syntax, frame)
      guard case .nodeSet(let items) = value else { return try string(value) }
      var text = ""
      for item in items { try append(stringValue(item), to: &text) }
      return text
    }
  }

  /// Calls `body` with the nodes of a node-set in document order until it returns false. `body` must not use this
  /// evaluator.
  /// - Throws: ``XPathError`` when the value is not a node-set.
  public func forEachNode(_ xpath: XPath, at node: Node, _ body: (Item) throws -> Bool) throws {
    try run(xpath, at: node) { _ = try forEach(xpath.syntax, $0, ordered: true, in: "the expression", body) }
  }

  /// Sets up an evaluation, also within another one (`deref`).
  func run<R>(_ xpath: XPath, at node: Node, _ body: (Frame) throws -> R) throws -> R {
    let before = (expression, current, stepsLeft)
    expression = xpath
    current = Item(node)
    let allowed = min(xpath.limits.steps, budget.map { max(0, $0.left) } ?? Int.max)
    stepsLeft = allowed
    defer {
      budget?.left -= allowed - max(0, stepsLeft)
      (expression, current, stepsLeft) = before
    }
    let frame = Frame(item: current, position: 1, size: 1)
    guard let traceSink else { return try body(frame) }
    return try traced(traceSink, xpath, at: node) { try body(frame) }
  }

  // MARK: Inside

  /// The evaluation context: a node, its position and how many there are.
  struct Frame {
    var item: Item
    var position: Int
    var size: Int
  }

  /// Counts work against the limit.
  @inline(__always)
  func charge(_ steps: Int = 1) throws {
    stepsLeft -= steps
    if stepsLeft < 0 { throw exhausted() }
  }

  private func exhausted() -> XPathError {
    let limit = expression?.limits.steps ?? 0
    if let budget, budget.left < limit { return failure(.budget(steps: budget.limit)) }
    return failure(.budget(steps: limit))
  }

  func failure(_ reason: XPathError.Reason, at offset: Int? = nil) -> XPathError {
    XPathError(reason, expression: expression?.source ?? "", offset: offset)
  }

  /// Any expression.
  func value(_ syntax: Syntax, _ frame: Frame) throws -> Value {
    switch syntax {
    case .literal(let text): return .string(text)
    case .number(let number): return .number(number)
    case .variable(let name, let offset):
      guard let value = variables[name] else { throw failure(.unknownVariable(name), at: offset) }
      return value
    case .or, .and, .comparison: return .boolean(try boolean(syntax, frame))
    case .arithmetic, .negation: return .number(try number(syntax, frame))
    case .union: return .nodeSet(try nodes(syntax, frame))
    case .path(let path):
      if case .expression(let start) = path.start, path.steps.isEmpty, path.startPredicates.isEmpty {
        return try value(start, frame)
      }
      return .nodeSet(try nodes(syntax, frame))
    case .call(let call): return try self.call(call, frame)
    }
  }

  /// Any expression as a boolean (XPath 1.0, section 4.3), stopping as soon as it is known.
  func boolean(_ syntax: Syntax, _ frame: Frame) throws -> Bool {
    try charge()
    switch syntax {
    case .or(let parts):
      for part in parts where try boolean(part, frame) { return true }
      return false
    case .and(let parts):
      for part in parts where try !boolean(part, frame) { return false }
      return true
    case .comparison(let comparison, let a, let b): return try compare(comparison, a, b, frame)
    case .path, .union:
      guard syntax.type == .nodeSet else { return try boolean(value(syntax, frame)) }
      return try !forEach(syntax, frame, ordered: false, in: "boolean()") { _ in false }
    case .call(let call):
      switch call.function {
      case .not: return try !boolean(call.arguments[0], frame)
      case .boolean: return try boolean(call.arguments[0], frame)
      default: return boolean(try self.call(call, frame))
      }
    default: return boolean(try value(syntax, frame))
    }
  }

  func boolean(_ value: Value) -> Bool {
    switch value {
    case .nodeSet(let items): !items.isEmpty
    case .number(let number): !(number == 0 || number.isNaN)
    case .string(let text): !text.isEmpty
    case .boolean(let flag): flag
    }
  }

  /// Any expression as a number (XPath 1.0, section 4.4).
  func number(_ syntax: Syntax, _ frame: Frame) throws -> Double {
    try charge()
    switch syntax {
    case .number(let number): return number
    case .negation(let operand): return -(try number(operand, frame))
    case .arithmetic(let arithmetic, let a, let b):
      return arithmetic.result(try number(a, frame), try number(b, frame))
    case .path, .union: return XPathNumber.parse(try string(syntax, frame))
    default: return try number(value(syntax, frame))
    }
  }

  func number(_ value: Value) throws -> Double {
    switch value {
    case .number(let number): number
    case .string(let text): XPathNumber.parse(text)
    case .boolean(let flag): flag ? 1 : 0
    case .nodeSet: XPathNumber.parse(try string(value))
    }
  }

  /// Any expression as a string (XPath 1.0, section 4.2).
  func string(_ syntax: Syntax, _ frame: Frame) throws -> String {
    try charge()
    switch syntax {
    case .literal(let text): return text
    case .path, .union:
      guard syntax.type == .nodeSet else { return try string(value(syntax, frame)) }
      var text = ""
      _ = try forEach(syntax, frame, ordered: true, in: "string()") { item in
        text = try stringValue(item)
        return false
      }
      return text
    default: return try string(value(syntax, frame))
    }
  }

  func string(_ value: Value) throws -> String {
    switch value {
    case .string(let text): text
    case .number(let number): XPathNumber.text(number)
    case .boolean(let flag): flag ? "true" : "false"
    case .nodeSet(let items): try items.first.map { try stringValue($0) } ?? ""
    }
  }

  /// The string-value of a node (XPath 1.0, section 5): of a leaf its value, of others all text below them.
  func stringValue(_ item: Item) throws -> String {
    guard !isLeaf(item.node) else { return try text(item.node) }
    var result = ""
    _ = try forEachNodeBelow(item.node) { node in
      guard isLeaf(node) else { return true }
      try append(text(node), to: &result)
      return true
    }
    return result
  }

  /// Makes a text longer, as far as that is allowed.
  func append(_ more: String, to text: inout String) throws {
    // What is made takes memory, so it counts for more than what is only looked at.
    try charge(more.utf8.count >> 3)
    let limit = expression?.limits.textBytes ?? XPathLimits.standard.textBytes
    guard text.utf8.count + more.utf8.count <= limit else {
      throw failure(.tooLarge(what: "a text is too long (bytes)", limit: limit))
    }
    text += more
  }

  func isLeaf(_ node: Node) -> Bool {
    guard let id = tree.schemaNode(of: node) else { return false }
    let kind = schema[id].kind
    return kind == .leaf || kind == .leafList
  }

  /// The value of a leaf, told to the recorder.
  func text(_ node: Node) throws -> String {
    recorder?(.value(node))
    if tracing != nil { trace(.value(node)) }
    let text = try tree.text(of: node)
    try charge(1 + text.utf8.count >> 6)
    return text
  }

  /// The nodes of a node-set in document order.
  func nodes(_ syntax: Syntax, _ frame: Frame) throws -> [Item] {
    var items: [Item] = []
    _ = try forEach(syntax, frame, ordered: true, in: "the expression") { item in
      items.append(item)
      return true
    }
    return items
  }
}
