internal import NSOModel
public import NSOSchema

extension XPath {
  /// The expression with its steps resolved to schema nodes, for context nodes that are instances of `context` (nil: the
  /// root), and what it can read. The result still evaluates rightly at any other node.
  public func bound(
    to schema: Schema, at context: NodeID?, references: LeafrefPaths
  ) -> (xpath: XPath, reads: XPathReads) {
    var analysis = StaticAnalysis(schema: schema, context: context, references: references, stepCount: stepCount)
    let result = analysis.nodes(syntax, [analysis.contextReach])
    analysis.readsValue(result)
    var bound = self
    bound.resolutions = analysis.resolutions
    return (bound, analysis.result)
  }
}

/// Evaluates an expression over the schema instead of over data: for each node-set, the schema nodes it can hold.
struct StaticAnalysis {
  let schema: Schema
  let contextReach: Reach
  let references: LeafrefPaths
  var result = XPathReads()
  var resolutions: [StepResolution]
  /// What current() means: differs from the context inside the path of a leafref.
  private var current: [Reach]
  /// What the variable of a leafref's path holds.
  private var referrer: [Reach] = []
  /// Leafref paths being followed, so that a chain of references that bites its tail ends.
  private var referenceDepth = 0

  init(schema: Schema, context: NodeID?, references: LeafrefPaths, stepCount: Int) {
    self.schema = schema
    self.references = references
    contextReach = Reach(node: context, anchor: context)
    current = [contextReach]
    resolutions = Array(repeating: StepResolution(), count: stepCount)
  }

  // MARK: Expressions

  /// The nodes that an expression can give (none for other types), with everything it reads recorded. The result itself
  /// is not recorded as read: the caller does that.
  mutating func nodes(_ syntax: Syntax, _ context: [Reach]) -> [Reach] {
    switch syntax {
    case .literal, .number: return []
    case .variable(let name, _): return name == LeafrefPath.variable ? referrer : []
    case .or(let parts), .and(let parts):
      for part in parts { readsExistence(nodes(part, context)) }
      return []
    case .comparison(_, let a, let b):
      let isBoolean = a.type == .boolean || b.type == .boolean
      for side in [a, b] {
        let found = nodes(side, context)
        if isBoolean { readsExistence(found) } else { readsValue(found) }
      }
      return []
    case .arithmetic(_, let a, let b):
      for side in [a, b] { readsValue(nodes(side, context)) }
      return []
    case .negation(let operand):
      readsValue(nodes(operand, context))
      return []
    case .union(let parts): return unique(parts.flatMap { nodes($0, context) })
    case .call(let call): return self.call(call, context)
    case .path(let path): return self.path(path, context)
    }
  }

  private mutating func call(_ call: FunctionCall, _ context: [Reach]) -> [Reach] {
    let arguments = call.arguments.map { nodes($0, context) }
    switch call.function {
    case .current: return current
    case .deref:
      readsValue(arguments[0])
      return unique(arguments[0].flatMap { targets(of: $0) })
    case .not, .boolean, .count, .name, .localName, .namespaceURI:
      for argument in arguments { readsExistence(argument) }
    case .string, .number, .stringLength, .normalizeSpace:
      readsValue(arguments.first ?? context)
    case .id: readsValue(arguments[0])
    case .sortBy:
      for argument in arguments { readsValue(argument) }
      return arguments[0]
    default:
      for argument in arguments { readsValue(argument) }
    }
    return []
  }

  /// What a leafref refers to, in terms of the context node.
  private mutating func targets(of leaf: Reach) -> [Reach] {
    guard let id = leaf.node, let type = schema[id].type else { return [] }
    if type.mayReferToAnything { result.readsAnything = true }
    guard referenceDepth < 8 else {
      result.readsAnything = true
      return []
    }
    var found: [Reach] = []
    for rules in type.leafrefs {
      guard let path = try? references.path(rules.path) else { continue }
      found += references(path.path, from: leaf)
    }
    return found
  }

  /// The nodes at the end of a leafref's path, seen from a leaf.
  private mutating func references(_ path: XPath, from leaf: Reach) -> [Reach] {
    let before = (current, resolutions, referrer)
    referenceDepth += 1
    current = [leaf]
    referrer = []
    // Its steps are not those of this expression.
    resolutions = Array(repeating: StepResolution(), count: path.stepCount)
    let found = nodes(path.syntax, [leaf])
    (current, resolutions, referrer) = before
    referenceDepth -= 1
    return found
  }

  /// Analyses the path of a leafref at the context node as a search for the leaf's own value.
  mutating func lookup(_ path: LeafrefPath) {
    referrer = [contextReach]
    readsExistence(nodes(path.lookup.syntax, [contextReach]))
  }

  // MARK: Paths

  private mutating func path(_ path: LocationPath, _ context: [Reach]) -> [Reach] {
    var reaches: [Reach]
    switch path.start {
    case .context: reaches = context
    case .root: reaches = [Reach(node: nil, anchor: nil)]
    case .expression(let syntax):
      reaches = nodes(syntax, context)
      if let first = path.steps.first, !first.axis.goesDown { readsExistence(reaches) }
    }
    for predicate in path.startPredicates {
      if predicate.isPositional { readsExistence(reaches) }
      readPredicate(predicate, reaches)
    }
    for (place, step) in path.steps.enumerated() {
      let before = reaches
      reaches = unique(before.flatMap { self.step(step, $0) })
      if reaches.isEmpty, !before.isEmpty { result.impossibleSteps.append(step.offset) }
      reaches = reaches.map { correlated($0, step, before) }
      // The last step's nodes are the caller's business. Nodes passed on the way down matter only if they have something
      // below, and that is read.
      let goesDown = place + 1 >= path.steps.count || path.steps[place + 1].axis.goesDown
      if !goesDown || step.predicates.contains(where: \.isPositional) { readsExistence(reaches) }
      for predicate in step.predicates { readPredicate(predicate, reaches) }
    }
    return reaches
  }

  private mutating func readPredicate(_ predicate: Predicate, _ reaches: [Reach]) {
    let found = nodes(predicate.expression, reaches)
    if predicate.kind == .condition { readsExistence(found) } else { readsValue(found) }
  }

  /// What a step finds from one reach, by its axis and node test.
  private mutating func step(_ step: Step, _ from: Reach) -> [Reach] {
    switch step.axis {
    case .self: return matching([from], step.test)
    case .child:
      guard !isLeaf(from.node) else { return isTextOrAny(step.test) ? [from] : [] }
      let found = children(from.node).filter { matches(step.test, $0) }
      if step.number < resolutions.count, resolutions[step.number].children(of: from.node) == nil {
        resolutions[step.number].entries.append((from.node, found))
      }
      return found.map { below(from, $0) }
    case .parent: return matching(parent(from).map { [$0] } ?? [], step.test)
    case .ancestor, .ancestorOrSelf:
      var line = step.axis == .ancestorOrSelf ? [from] : []
      var next = parent(from)
      while let reach = next {
        line.append(reach)
        next = parent(reach)
      }
      return matching(line, step.test)
    case .descendant, .descendantOrSelf:
      let own = step.axis == .descendantOrSelf ? matching([from], step.test) : []
      return own + descendants(from.node).filter { matches(step.test, $0) }.map { below(from, $0) }
    case .followingSibling, .precedingSibling:
      guard let parent = parent(from), let id = from.node else { return [] }
      if from.isExact { result.dependsOnPosition = true }
      let isFollowing = step.axis == .followingSibling
      return children(parent.node).filter { (isFollowing ? $0 >= id : $0 <= id) && matches(step.test, $0) }
        .map { below(parent, $0) }
    case .following, .preceding:
      result.dependsOnPosition = true
      return descendants(nil).filter { matches(step.test, $0) }.map { Reach(node: $0, anchor: nil) }
    }
  }

  private func below(_ reach: Reach, _ node: NodeID) -> Reach {
    Reach(node: node, anchor: reach.anchor, correlations: reach.correlations)
  }

  private func parent(_ reach: Reach) -> Reach? {
    guard let node = reach.node else { return nil }
    let parent = schema[node].parent
    guard !reach.isExact else { return Reach(node: parent, anchor: parent) }
    var up = Reach(node: parent, anchor: reach.anchor)
    if !up.isExact {
      up.correlations = reach.correlations.filter { correlation in
        if case .key(let list, _) = correlation.subject, let parent { return isAtOrAbove(list, parent) }
        return false
      }
    }
    return up
  }

  private func isAtOrAbove(_ node: NodeID, _ other: NodeID) -> Bool { node <= other && other < schema[node].subtreeEnd }

  /// The reach with what the step's conditions say: `list[key = leaf near the context node]`.
  private mutating func correlated(_ reach: Reach, _ step: Step, _ context: [Reach]) -> Reach {
    guard let id = reach.node, !reach.isExact, !step.equalities.isEmpty else { return reach }
    var reach = reach
    let node = schema[id]
    for equality in step.equalities {
      let subject: XPathReads.Correlation.Subject
      if let child = equality.child {
        guard node.kind == .list,
          let place = node.keys.firstIndex(where: {
            child.matches(namespace: schema[$0].name.namespace, local: schema[$0].name.name)
          })
        else { continue }
        subject = .key(list: id, place: place)
      } else {
        guard isLeaf(id) else { continue }
        subject = .value
      }
      // Recorded when the predicate is read; here only the place of the leaf is of interest.
      let saved = result
      let values = nodes(equality.value, context)
      result = saved
      guard values.count == 1, let leaf = values[0].node, isLeaf(leaf), values[0].correlations.isEmpty,
        schema[leaf].kind == .leaf || values[0].isExact, isSingle(values[0])
      else { continue }
      let correlation = XPathReads.Correlation(subject: subject, leaf: leaf, holder: values[0].anchor)
      if !reach.correlations.contains(correlation) { reach.correlations.append(correlation) }
    }
    return reach
  }

  /// Whether there is at most one instance: only containers between anchor and node.
  private func isSingle(_ reach: Reach) -> Bool {
    guard !reach.isExact, let node = reach.node else { return true }
    var next = schema[node].parent
    while let id = next, id != reach.anchor {
      guard schema[id].kind == .container else { return false }
      next = schema[id].parent
    }
    return next == reach.anchor
  }

  // MARK: Schema

  private func children(_ node: NodeID?) -> [NodeID] { node.map { schema[$0].children } ?? schema.roots }

  private func descendants(_ node: NodeID?) -> [NodeID] {
    guard let node else { return schema.nodes.map(\.id) }
    let first = node.index + 1
    let end = schema[node].subtreeEnd.index
    return first < end ? schema.nodes[first..<end].map(\.id) : []
  }

  private func isLeaf(_ node: NodeID?) -> Bool {
    guard let node else { return false }
    return schema[node].kind == .leaf || schema[node].kind == .leafList
  }

  private func isTextOrAny(_ test: NodeTest) -> Bool { test == .text || test == .anyNode }

  /// Whether instances of a node, or the text inside them, can pass a test.
  private func matches(_ test: NodeTest, _ node: NodeID) -> Bool {
    switch test {
    case .name(let name): name.matches(namespace: schema[node].name.namespace, local: schema[node].name.name)
    case .anyNode: true
    case .text: isLeaf(node)
    case .nothing: false
    }
  }

  private func matching(_ reaches: [Reach], _ test: NodeTest) -> [Reach] {
    reaches.filter { reach in reach.node.map { matches(test, $0) } ?? (test == .anyNode) }
  }

  private func unique(_ reaches: [Reach]) -> [Reach] {
    guard reaches.count > 1 else { return reaches }
    var seen = Set<Reach>()
    return reaches.filter { seen.insert($0).inserted }
  }

  // MARK: Recording

  private mutating func readsExistence(_ reaches: [Reach]) {
    for reach in reaches {
      // The context node and its ancestors are there.
      guard let node = reach.node, !reach.isExact else { continue }
      result.reads.insert(XPathReads.Read(node: node, anchor: reach.anchor, correlations: reach.correlations))
    }
  }

  mutating func readsValue(_ reaches: [Reach]) {
    for reach in reaches {
      if isLeaf(reach.node), let node = reach.node {
        result.reads.insert(XPathReads.Read(node: node, anchor: reach.anchor, correlations: reach.correlations))
      } else {
        readsExistence([reach])
        for node in descendants(reach.node) where isLeaf(node) {
          result.reads.insert(XPathReads.Read(node: node, anchor: reach.anchor, correlations: reach.correlations))
        }
      }
    }
  }
}

extension Axis {
  /// Whether it leads only to nodes below.
  fileprivate var goesDown: Bool { self == .child || self == .descendant }
}

extension SchemaType {
  /// Whether a value can be an instance-identifier.
  var mayReferToAnything: Bool {
    switch kind {
    case .instanceIdentifier: true
    case .union(let members): members.contains(where: \.mayReferToAnything)
    default: false
    }
  }
}
