import NSOModel
import NSOSchema
import NSOStore
import NSOValidation
import NSOXPath

/// One application of a template. Expressions see what it has written so far. For one thread.
final class TemplateRun {
  typealias Node = InstanceNode<TreePath>

  /// Where expressions are evaluated.
  struct Context {
    var node: Node
    /// Where absolute paths begin.
    var root: Node
  }

  /// Where elements are written.
  struct Target {
    var location: Location
    /// What holds for nodes without a tag of their own.
    var tag: TemplateTag
  }

  let template: Template
  let model: DataModel
  private let tree: AccessibleTree<StoreStorage>
  private let conditions: ConditionChecker<StoreStorage>
  let evaluator: XPathEvaluator<AccessibleTree<StoreStorage>>
  /// Something was written since the tree was made.
  var isStale = false
  /// The variables that each open block has made.
  private var made: [[String]] = [[]]
  private var saved: [String: Context] = [:]
  private let start: Context
  private var steps = 0
  private var writtenBytes = 0
  private var variableBytes = 0
  /// Nodes that loops under way hold.
  private var heldNodes = 0
  /// The error under way has its place already.
  private var isPlaced = false
  /// Whoever applies it has gone.
  private let isGivenUp: () -> Bool

  init(
    _ template: Template, _ editor: TreeEditor, at root: Location, _ arguments: [TemplateArgument],
    isGivenUp: @escaping () -> Bool
  ) throws(NSOError) {
    self.template = template
    self.isGivenUp = isGivenUp
    model = editor.model
    tree = AccessibleTree(StoreStorage(editor.shownView))
    let conditions = ConditionChecker(model.constraints, tree)
    tree.isApplicable = { try conditions.hold(for: $0, in: $1) }
    self.conditions = conditions
    evaluator = XPathEvaluator(tree, references: model.constraints.references)
    evaluator.budget = XPathBudget(TemplateLimits.evaluation)
    conditions.budget = evaluator.budget
    let node: Node?
    do { node = try tree.node(at: Keypath(root, model)) } catch { throw NSOError(validation: error) }
    guard let node else {
      throw NSOError(.noExists, "template \(template.name) cannot be applied on \(root.text(model)), which does not exist")
    }
    start = Context(node: node, root: node)
    try take(arguments)
  }

  private func take(_ arguments: [TemplateArgument]) throws(NSOError) {
    let namespaces = XPathNamespaces(model.schema)
    evaluator.scopeRoot = start.root
    var values: [(name: String, text: String)] = []
    for argument in arguments {
      let name = argument.name
      guard name != TemplateCompiler.nameVariable, name != TemplateCompiler.deviceVariable else {
        throw NSOError(.template, "template \(template.name): the variable \(name) cannot be given")
      }
      do {
        let text = try evaluator.joinedString(XPath(argument.expression, namespaces: namespaces), at: start.node)
        try requireShort(text, "variable \(name)")
        variableBytes += text.utf8.count
        try requireRoom()
        values.append((name, text))
      } catch {
        let error = NSOError(validation: error)
        throw NSOError(error.code, "template \(template.name), variable \(name): \(error.message)")
      }
    }
    for (name, text) in values { evaluator.variables[name] = .string(text) }
    evaluator.variables[TemplateCompiler.nameVariable] = .string(template.name)
  }

  func start(_ editor: inout TreeEditor) throws(NSOError) {
    try carryOut(template.body, Target(location: .root, tag: .merge), start, &editor)
  }

  // MARK: Steps

  /// Carries out what is in an element or block; what instructions change for those after them ends with it.
  func carryOut(
    _ body: [TemplateStep], _ target: Target, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    var context = context
    made.append([])
    defer { endBlock() }
    for step in body { try carryOut(step, target, &context, &editor) }
  }

  /// - Parameter context: is changed by instructions.
  func carryOut(
    _ step: TemplateStep, _ target: Target, _ context: inout Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    try count()
    switch step {
    case .element(let element):
      let here = context
      try at(element.place) { () throws(NSOError) in try write(element, target, here, &editor) }
    case .branches(let branches):
      for branch in branches {
        let here = context
        let holds = try at(branch.place) { () throws(NSOError) in
          try branch.condition.map { (condition) throws(NSOError) in try test(condition, here, editor) } ?? true
        }
        guard holds else { continue }
        return try carryOut(branch.body, target, context, &editor)
      }
    case .forEach(let xpath, let body, let place):
      let here = context
      try forEach(at(place) { () throws(NSOError) in try nodes(xpath, here, editor) }) { (node) throws(NSOError) in
        try at(place) { () throws(NSOError) in try count() }
        try carryOut(body, target, Context(node: node, root: here.root), &editor)
      }
    case .loop(let loop): try carryOut(loop, target, context, &editor)
    case .set(let assignment, let place):
      let here = context
      try at(place) { () throws(NSOError) in try set(assignment, here, editor) }
    case .setRoot(let xpath, let place):
      let here = Context(node: context.node, root: tree.root)
      context.root = try at(place) { () throws(NSOError) in
        let node = try only(xpath, here, editor, "set-root-node")
        guard node.schemaNode.map({ model[$0].kind != .leafList && model[$0].kind != .leaf }) ?? true else {
          throw NSOError(.template, "set-root-node: \(text(of: node)) is a leaf, which can be no root")
        }
        return node
      }
    case .setContext(let xpath, let place):
      let here = context
      context.node = try at(place) { () throws(NSOError) in try only(xpath, here, editor, "set-context-node") }
    case .saveContext(let name): saved[name] = context
    case .switchContext(let name, let place):
      context = try at(place) { () throws(NSOError) in
        guard let context = saved[name] else { throw NSOError(.template, "switch-context: no context was saved as \(name)") }
        return context
      }
    case .copyTree(let xpath, let place):
      let here = context
      try at(place) { () throws(NSOError) in try copy(xpath, target, here, &editor) }
    }
  }

  private func carryOut(
    _ loop: TemplateStep.Loop, _ target: Target, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    // The variable lives as long as the loop; what its body makes, one round.
    made.append([])
    defer { endBlock() }
    if let first = loop.start { try at(loop.place) { () throws(NSOError) in try set(first, context, editor) } }
    while try at(loop.place, { () throws(NSOError) in try test(loop.condition, context, editor) }) {
      try at(loop.place) { () throws(NSOError) in try count() }
      try carryOut(loop.body, target, context, &editor)
      if let next = loop.next { try at(loop.place) { () throws(NSOError) in try set(next, context, editor) } }
    }
  }

  private func copy(
    _ xpath: XPath, _ target: Target, _ context: Context, _ editor: inout TreeEditor
  ) throws(NSOError) {
    let node = try only(xpath, context, editor, "copy-tree")
    let source = try model.locate(node.keypath(model.schema))
    let before = editor.changeCount
    try editor.copyTree(from: source, to: target.location)
    // What it copied counts, a record a step.
    steps += max(0, editor.changeCount - before)
    try count()
    isStale = true
  }

  // MARK: Variables

  private func set(_ assignment: TemplateStep.Assignment, _ context: Context, _ editor: TreeEditor) throws(NSOError) {
    let text = try joined(assignment.value, context, editor)
    try requireShort(text, "variable \(assignment.name)")
    variableBytes += text.utf8.count - bytes(of: assignment.name)
    try requireRoom()
    // Known further out: it changes there.
    if evaluator.variables.updateValue(.string(text), forKey: assignment.name) == nil {
      made[made.count - 1].append(assignment.name)
    }
  }

  private func bytes(of variable: String) -> Int {
    if case .string(let text)? = evaluator.variables[variable] { text.utf8.count } else { 0 }
  }

  private func requireRoom() throws(NSOError) {
    guard variableBytes <= TemplateLimits.variables else {
      throw NSOError(.resourceDenied, "the variables are longer than \(TemplateLimits.variables) bytes together")
    }
  }

  func beginBlock() { made.append([]) }

  func endBlock() {
    for name in made.popLast() ?? [] {
      variableBytes -= bytes(of: name)
      evaluator.variables[name] = nil
    }
  }

  // MARK: Expressions

  /// The evaluator, over what is there now.
  private func evaluate<R>(
    _ context: Context, _ editor: TreeEditor,
    _ body: (XPathEvaluator<AccessibleTree<StoreStorage>>) throws -> R
  ) throws(NSOError) -> R {
    if isStale {
      tree.storage = StoreStorage(editor.shownView)
      conditions.forget()
      isStale = false
    }
    evaluator.scopeRoot = context.root
    do { return try body(evaluator) } catch { throw NSOError(validation: error) }
  }

  func test(_ xpath: XPath, _ context: Context, _ editor: TreeEditor) throws(NSOError) -> Bool {
    try evaluate(context, editor) { try $0.test(xpath, at: context.node) }
  }

  /// The nodes that an expression gives, in their order.
  func nodes(_ xpath: XPath, _ context: Context, _ editor: TreeEditor) throws(NSOError) -> [Node] {
    try evaluate(context, editor) { evaluator in
      var nodes: [Node] = []
      try evaluator.forEachNode(xpath, at: context.node) { item in
        nodes.append(item.node)
        guard heldNodes + nodes.count <= TemplateLimits.selection else {
          throw NSOError(.resourceDenied, "the loops and keys under way hold more than \(TemplateLimits.selection) nodes")
        }
        return true
      }
      return nodes
    }
  }

  /// Calls `body` with nodes, which count as held meanwhile.
  func forEach(_ nodes: [Node], _ body: (Node) throws(NSOError) -> Void) throws(NSOError) {
    heldNodes += nodes.count
    defer { heldNodes -= nodes.count }
    for node in nodes { try body(node) }
  }

  private func only(_ xpath: XPath, _ context: Context, _ editor: TreeEditor, _ name: String) throws(NSOError) -> Node {
    let nodes = try nodes(xpath, context, editor)
    guard let node = nodes.first, nodes.count == 1 else {
      throw NSOError(.template, "\(name) needs one node: \(xpath) gives \(nodes.isEmpty ? "none" : "\(nodes.count)")")
    }
    return node
  }

  /// A text with what its expressions give: of nodes the texts of all.
  private func joined(_ text: TemplateText, _ context: Context, _ editor: TreeEditor) throws(NSOError) -> String {
    var result = ""
    for part in text.parts {
      switch part {
      case .literal(let literal): result += literal
      case .expression(let xpath):
        result += try evaluate(context, editor) { try $0.joinedString(xpath, at: context.node) }
      }
      try requireShort(result, "the text")
    }
    return result
  }

  /// What an element's text stands for.
  enum Content {
    case text(String)
    /// An expression that gives nodes, and nothing beside it.
    case nodes([Node])
  }

  func content(_ text: TemplateText, _ context: Context, _ editor: TreeEditor) throws(NSOError) -> Content {
    guard let xpath = text.single else {
      var result = ""
      for part in text.parts {
        switch part {
        case .literal(let literal): result += literal
        case .expression(let xpath): result += try evaluate(context, editor) { try $0.string(xpath, at: context.node) }
        }
        try requireShort(result, "the text")
      }
      return .text(result)
    }
    switch xpath.isNodeSet {
    case true?: return .nodes(try nodes(xpath, context, editor))
    default:
      // Variables are texts.
      let text = try evaluate(context, editor) { try $0.string(xpath, at: context.node) }
      try requireShort(text, "the text")
      return .text(text)
    }
  }

  /// The text of a leaf or entry of a leaf-list.
  func value(of node: Node) throws(NSOError) -> String {
    guard let id = node.schemaNode, model[id].kind == .leaf || model[id].kind == .leafList else {
      throw NSOError(.template, "\(text(of: node)) has no value: select a leaf in it")
    }
    do { return try tree.text(of: node) } catch { throw NSOError(validation: error) }
  }

  /// Where the expressions of an entry are evaluated whose key came from a node: what holds the leaf; an entry of a leaf-list holds
  /// itself.
  func context(after node: Node, _ context: Context) -> Context {
    guard node.schemaNode.map({ model[$0].kind == .leaf }) ?? false, let parent = node.parent else {
      return Context(node: node, root: context.root)
    }
    return Context(node: parent, root: context.root)
  }

  func text(of node: Node) -> String { model.schema.text(of: node.keypath(model.schema)) }

  // MARK: Limits and errors

  func count() throws(NSOError) {
    steps += 1
    if steps & 63 == 0, isGivenUp() {
      throw NSOError(.noTransaction, "the template was stopped: the transaction that it was applied in has ended")
    }
    guard steps <= TemplateLimits.steps else {
      throw NSOError(.resourceDenied, "the template was stopped after \(TemplateLimits.steps) steps: does a loop have no end?")
    }
  }

  func count(written text: String) throws(NSOError) {
    writtenBytes += text.utf8.count
    guard writtenBytes <= TemplateLimits.written else {
      throw NSOError(.resourceDenied, "the template writes more than \(TemplateLimits.written) bytes of values")
    }
  }

  private func requireShort(_ text: String, _ what: String) throws(NSOError) {
    guard text.utf8.count <= TemplateLimits.text else {
      throw NSOError(.resourceDenied, "\(what) is longer than \(TemplateLimits.text) bytes")
    }
  }

  /// Errors of `body` are told with their place, the innermost one.
  func at<R>(_ place: TemplatePlace, _ body: () throws(NSOError) -> R) throws(NSOError) -> R {
    do throws(NSOError) { return try body() } catch {
      guard !isPlaced else { throw error }
      isPlaced = true
      throw NSOError(Self.code(for: error.code), "template \(template.name): \(place): \(error.message)", appTag: error.appTag)
    }
  }

  /// What the template does wrong is told as such; what the daemon cannot do keeps its code.
  private static func code(for code: ErrorCode) -> ErrorCode {
    switch code {
    case .resourceDenied, .internal, .operatingSystem, .external, .timeout, .aborted, .noTransaction, .unavailable,
      .waitsForProvider:
      code
    default: .template
    }
  }
}
