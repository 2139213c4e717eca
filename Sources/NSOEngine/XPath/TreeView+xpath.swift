public import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// An expression that somebody asks to be evaluated (protocol part 04, section 5.3).
public struct XPathQuery: Sendable {
  /// Prefixes are those of the loaded modules, or their names; a name without prefix means a node of any module.
  public var expression: String
  /// The context node; the root by default.
  public var context: Keypath
  /// Variables by name, each with an expression for its value, evaluated in the same context; later ones see earlier ones.
  public var variables: [(name: String, expression: String)]
  /// What prefixes mean where the expression stands, before those of the loaded modules.
  public var prefixes: [String: String] = [:]

  public init(_ expression: String, context: Keypath = .root, variables: [(name: String, expression: String)] = []) {
    self.expression = expression
    self.context = context
    self.variables = variables
  }
}

/// A node that an expression selects.
public struct XPathMatch: Hashable, Sendable {
  public var path: Keypath
  /// The value of a leaf or leaf-list entry.
  public var value: Value?
}

extension TreeView {
  /// The nodes that an expression selects, in document order.
  /// - Parameter trace: is told of everything that is read.
  /// - Throws: XPATH for an expression that does not compile, does not give nodes or takes too long; BADPATH for a context
  ///   that is not there.
  public func nodes(_ query: XPathQuery, trace: ((String) -> Void)? = nil) throws(NSOError) -> [XPathMatch] {
    try evaluate(query, trace) { evaluator, xpath, context in
      var matches: [XPathMatch] = []
      try evaluator.forEachNode(xpath, at: context) { item in
        matches.append(XPathMatch(path: item.node.keypath(model.schema), value: try evaluator.tree.value(of: item.node)))
        return true
      }
      return matches
    }
  }

  /// The value of an expression as text, as the XPath function string() makes it.
  /// - Throws: as ``nodes(_:trace:)``.
  public func string(_ query: XPathQuery, trace: ((String) -> Void)? = nil) throws(NSOError) -> String {
    try evaluate(query, trace) { evaluator, xpath, context in try evaluator.string(xpath, at: context) }
  }

  func evaluate<R>(
    _ query: XPathQuery, _ trace: ((String) -> Void)?,
    _ body: (XPathEvaluator<AccessibleTree<StoreStorage>>, XPath, InstanceNode<TreePath>) throws -> R
  ) throws(NSOError) -> R {
    do {
      let schema = model.schema
      var namespaces = XPathNamespaces(schema)
      for (prefix, namespace) in query.prefixes { namespaces.prefixes[prefix] = namespace }
      let xpath = try XPath(query.expression, namespaces: namespaces)
      let tree = accessibleTree()
      guard let context = try tree.node(at: schema.resolve(query.context).keypath) else {
        throw NSOError(.badPath, "the context node \(schema.text(of: query.context)) does not exist")
      }
      let evaluator = XPathEvaluator(tree, references: model.constraints.references)
      // The variables and the expression together.
      evaluator.budget = XPathBudget(xpath.limits.steps)
      if let trace {
        evaluator.recorder = { read in
          switch read {
          case .instances(let node, let parent, let keys):
            let place = schema.text(of: parent.keypath(schema))
            trace(
              "\(place == "/" ? "" : place)/\(schema[node].name.name)"
                + (keys.isEmpty ? "" : "{\(keys.joined(separator: " "))}"))
          case .value(let node): trace("\(schema.text(of: node.keypath(schema))) value")
          }
        }
      }
      for (name, expression) in query.variables {
        evaluator.variables[name] = try evaluator.evaluate(XPath(expression, namespaces: namespaces), at: context)
      }
      return try body(evaluator, xpath, context)
    } catch {
      throw NSOError(validation: error)
    }
  }
}
