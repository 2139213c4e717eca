import NSOModel
import NSOSchema
import NSOXPath

/// Makes a template out of its markup, checking everything that can be known before it is applied.
struct TemplateCompiler {
  static let namespace = "http://tail-f.com/ns/config/1.0"
  /// Variables that are there by themselves.
  static let nameVariable = "TEMPLATE_NAME"
  static let deviceVariable = "DEVICE"

  let model: DataModel
  let schemaNamespaces: XPathNamespaces
  /// Variables that are given by whoever applies the template.
  private(set) var variables: [String] = []
  /// Those that the template makes, by block.
  private var known: [[String]] = [[]]
  private var depth = 0

  init(_ model: DataModel) {
    self.model = model
    schemaNamespaces = XPathNamespaces(model.schema)
  }

  /// Where an element stands: the node it is in and what prefixes mean.
  struct Scope {
    /// Nil: at the top.
    var parent: NodeID?
    /// Prefix to namespace, of the declarations in the template; the empty one is the default.
    var prefixes: [String: String]
    /// For expressions.
    var namespaces: XPathNamespaces
  }

  /// - Parameters:
  ///   - attributes: those of the document element.
  ///   - content: what is in it, without definitions of macros.
  static func compile(
    _ name: String, attributes: [(name: String, value: String)], _ content: [TemplateMarkup], _ place: TemplatePlace,
    _ model: DataModel
  ) throws(TemplateFault) -> Template {
    var compiler = TemplateCompiler(model)
    var scope = Scope(parent: nil, prefixes: [:], namespaces: compiler.schemaNamespaces)
    compiler.declare(attributes, in: &scope)
    for (name, _) in attributes where !isDeclaration(name) {
      switch name {
      case "servicepoint", "cbtype", "componenttype", "state":
        throw TemplateFault(place, "attribute \(name): templates of services are not supported; apply the template over MAAPI")
      default: throw TemplateFault(place, "attribute \(name) is not known at config-template")
      }
    }
    let body = try compiler.steps(content, scope)
    return Template(name: name, body: body, variables: compiler.variables)
  }

  static func isDeclaration(_ name: String) -> Bool { name == "xmlns" || name.hasPrefix("xmlns:") }

  func declare(_ attributes: [(name: String, value: String)], in scope: inout Scope) {
    for (name, value) in attributes where Self.isDeclaration(name) {
      let prefix = name == "xmlns" ? "" : String(name.dropFirst("xmlns:".count))
      scope.prefixes[prefix] = value
      if !prefix.isEmpty { scope.namespaces.prefixes[prefix] = value }
    }
  }

  // MARK: Content

  /// What is in an element, as long as it holds no value.
  mutating func steps(_ content: [TemplateMarkup], _ scope: Scope) throws(TemplateFault) -> [TemplateStep] {
    var rest = content[...]
    let (steps, end) = try block(&rest, scope)
    guard let end else { return steps }
    throw TemplateFault(end.place, "\(end.name) without if, foreach or for before it in the same element")
  }

  private struct End {
    var name: String
    var text: String
    var place: TemplatePlace
  }

  /// Steps up to the instruction that ends the block, or to the end of the content.
  private mutating func block(
    _ rest: inout ArraySlice<TemplateMarkup>, _ scope: Scope
  ) throws(TemplateFault) -> ([TemplateStep], End?) {
    known.append([])
    defer { known.removeLast() }
    var steps: [TemplateStep] = []
    while let next = rest.popFirst() {
      switch next {
      case .text(let text, let place):
        guard text.utf8.allSatisfy(TemplateScanner.isSpace) else {
          throw TemplateFault(
            place, "text \"\(text.shortened)\" stands in \(name(of: scope.parent)), which takes elements only")
        }
      case .element(let name, let attributes, let children, let place):
        try nest(place)
        defer { depth -= 1 }
        steps.append(.element(try element(name, attributes, children, place, scope)))
      case .instruction(let name, let text, let place):
        try nest(place)
        defer { depth -= 1 }
        switch name {
        case "elif", "else", "end": return (steps, End(name: name, text: text, place: place))
        default: steps.append(try instruction(name, text, place, &rest, scope))
        }
      }
    }
    return (steps, nil)
  }

  private mutating func nest(_ place: TemplatePlace) throws(TemplateFault) {
    depth += 1
    guard depth <= TemplateLimits.depth else {
      throw TemplateFault(place, "elements and instructions stand more than \(TemplateLimits.depth) deep in one another")
    }
  }

  // MARK: Instructions

  private mutating func instruction(
    _ name: String, _ text: String, _ place: TemplatePlace, _ rest: inout ArraySlice<TemplateMarkup>, _ scope: Scope
  ) throws(TemplateFault) -> TemplateStep {
    switch name {
    case "if": return try branches(text, place, &rest, scope)
    case "foreach":
      let nodes = try nodeSet(text, name, scope, place)
      return .forEach(nodes, try body(of: name, place, &rest, scope), place)
    case "for": return try loop(text, place, &rest, scope)
    case "set":
      let assignment = try assignment(text, name, scope, place)
      makeKnown(assignment.name)
      return .set(assignment, place)
    case "set-root-node": return .setRoot(try nodeSet(text, name, scope, place), place)
    case "set-context-node": return .setContext(try nodeSet(text, name, scope, place), place)
    case "save-context": return .saveContext(try word(text, name, place))
    case "switch-context": return .switchContext(try word(text, name, place), place)
    case "copy-tree":
      guard scope.parent != nil else { throw TemplateFault(place, "copy-tree has to stand in the element that is copied to") }
      return .copyTree(try nodeSet(text, name, scope, place), place)
    case "if-ned-id", "elif-ned-id", "if-ned-id-match", "elif-ned-id-match":
      throw TemplateFault(place, "\(name) is for configuration of devices, which this daemon does not have")
    case "macro", "endmacro":
      throw TemplateFault(place, "\(name): macros are defined at the top of a template, right in config-template")
    default: throw TemplateFault(place, "instruction \(name) is not known")
    }
  }

  private mutating func branches(
    _ text: String, _ place: TemplatePlace, _ rest: inout ArraySlice<TemplateMarkup>, _ scope: Scope
  ) throws(TemplateFault) -> TemplateStep {
    var branches: [TemplateStep.Branch] = []
    var head = End(name: "if", text: text, place: place)
    while true {
      if branches.last?.condition == nil, !branches.isEmpty {
        throw TemplateFault(head.place, "\(head.name) after else: end is wanted")
      }
      let condition = head.name == "else" ? nil : try expression(head.text, head.name, scope, head.place)
      let (steps, end) = try block(&rest, scope)
      branches.append(TemplateStep.Branch(condition: condition, body: steps, place: head.place))
      guard let end else { throw TemplateFault(place, "if has no end in the same element") }
      if end.name == "end" { return .branches(branches) }
      head = end
    }
  }

  private mutating func body(
    of name: String, _ place: TemplatePlace, _ rest: inout ArraySlice<TemplateMarkup>, _ scope: Scope
  ) throws(TemplateFault) -> [TemplateStep] {
    let (steps, end) = try block(&rest, scope)
    guard let end else { throw TemplateFault(place, "\(name) has no end in the same element") }
    guard end.name == "end" else { throw TemplateFault(end.place, "\(end.name) does not belong to \(name): end is wanted") }
    return steps
  }

  private mutating func loop(
    _ text: String, _ place: TemplatePlace, _ rest: inout ArraySlice<TemplateMarkup>, _ scope: Scope
  ) throws(TemplateFault) -> TemplateStep {
    var scanner = TemplateScanner(text)
    let clauses = scanner.clauses()
    guard clauses.count == 3 else {
      throw TemplateFault(place, "for needs three clauses between semicolons: for NAME=VALUE; {CONDITION}; NAME=VALUE")
    }
    // The variable lives as long as the loop.
    known.append([])
    defer { known.removeLast() }
    let isBlank = clauses.map { $0.utf8.allSatisfy(TemplateScanner.isSpace) }
    let start = isBlank[0] ? nil : try assignment(clauses[0], "for", scope, place)
    if let start { makeKnown(start.name) }
    guard !isBlank[1] else { throw TemplateFault(place, "for needs a condition between its semicolons") }
    let condition = try expression(clauses[1], "for", scope, place)
    let body = try body(of: "for", place, &rest, scope)
    let next = isBlank[2] ? nil : try assignment(clauses[2], "for", scope, place)
    if let next { makeKnown(next.name) }
    return .loop(TemplateStep.Loop(start: start, condition: condition, next: next, body: body, place: place))
  }

  // MARK: Parts of instructions

  /// A text with its expressions, whose variables are noted.
  mutating func text(_ text: String, _ scope: Scope, _ place: TemplatePlace) throws(TemplateFault) -> TemplateText {
    let parsed = try TemplateText(text, scope.namespaces, place)
    for expression in parsed.expressions { try note(expression, place) }
    return parsed
  }

  /// One expression in braces and nothing else.
  mutating func expression(
    _ text: String, _ name: String, _ scope: Scope, _ place: TemplatePlace
  ) throws(TemplateFault) -> XPath {
    guard let xpath = try self.text(text, scope, place).single else {
      throw TemplateFault(place, "\(name) needs one expression in braces, not \"\(text.shortened)\"")
    }
    return xpath
  }

  mutating func nodeSet(
    _ text: String, _ name: String, _ scope: Scope, _ place: TemplatePlace
  ) throws(TemplateFault) -> XPath {
    let xpath = try expression(text, name, scope, place)
    guard xpath.isNodeSet != false else { throw TemplateFault(place, "\(name) needs an expression for nodes, not for a value") }
    return xpath
  }

  private mutating func assignment(
    _ text: String, _ name: String, _ scope: Scope, _ place: TemplatePlace
  ) throws(TemplateFault) -> TemplateStep.Assignment {
    var scanner = TemplateScanner(text)
    let variable = scanner.name()
    scanner.skipSpace()
    guard let variable, scanner.accept("=") else {
      throw TemplateFault(place, "\(name) needs NAME=VALUE, not \"\(text.shortened)\"")
    }
    guard variable != Self.nameVariable, variable != Self.deviceVariable else {
      throw TemplateFault(place, "\(name): the variable \(variable) cannot be set")
    }
    return TemplateStep.Assignment(
      name: variable, value: try self.text(scanner.upTo { _ in false }.trimmed, scope, place))
  }

  private func word(_ text: String, _ name: String, _ place: TemplatePlace) throws(TemplateFault) -> String {
    var scanner = TemplateScanner(text)
    let word = scanner.name()
    scanner.skipSpace()
    guard let word, scanner.isAtEnd else { throw TemplateFault(place, "\(name) needs a name, not \"\(text.shortened)\"") }
    return word
  }

  // MARK: Variables

  mutating func makeBlock() { known.append([]) }

  mutating func endBlock() { known.removeLast() }

  /// One instruction that is not the beginning of a block.
  mutating func steps(inSameBlock markup: TemplateMarkup, _ scope: Scope) throws(TemplateFault) -> [TemplateStep] {
    guard case .instruction(let name, let text, let place) = markup else { return [] }
    var rest: ArraySlice<TemplateMarkup> = []
    return [try instruction(name, text, place, &rest, scope)]
  }

  private mutating func makeKnown(_ name: String) {
    guard !known.contains(where: { $0.contains(name) }) else { return }
    known[known.count - 1].append(name)
  }

  private mutating func note(_ xpath: XPath, _ place: TemplatePlace) throws(TemplateFault) {
    for name in xpath.variables where name != Self.nameVariable && !known.contains(where: { $0.contains(name) }) {
      guard name != Self.deviceVariable else {
        throw TemplateFault(place, "the variable $DEVICE is of configuration of devices, which this daemon does not have")
      }
      if !variables.contains(name) { variables.append(name) }
    }
  }

  /// A node for messages.
  func name(of node: NodeID?) -> String { node.map { model.schema.path(of: $0) } ?? "config-template" }
}

extension String {
  /// For messages.
  var shortened: String {
    let text = trimmed
    return text.utf8.count > 60 ? text.prefix(57) + "..." : text
  }

  /// Without white space at the ends.
  var trimmed: String {
    let bytes = utf8.drop(while: TemplateScanner.isSpace)
    guard let last = bytes.lastIndex(where: { !TemplateScanner.isSpace($0) }) else { return "" }
    return String(self[bytes.startIndex...last])
  }
}
