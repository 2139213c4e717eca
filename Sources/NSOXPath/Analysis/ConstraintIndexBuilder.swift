internal import NSOModel
internal import NSOSchema

/// Collects the constraints of a schema and what sets them off.
struct ConstraintIndexBuilder {
  let schema: Schema
  let references: LeafrefPaths
  var constraints: [Constraint] = []
  var triggers: [ConstraintTrigger] = []
  var errors: [(path: String, error: XPathError)] = []
  var warnings: [(path: String, expression: String, offset: Int)] = []
  var readingAnything: [Int] = []
  var defaultsTouched: [NodeID: [NodeID]] = [:]

  /// Content of an action, rpc or notification, which is no configuration.
  private var isOfOperation = false

  /// What can be read; nil: everything.
  private let isKnown: ((NodeID) -> Bool)?
  /// Nodes that have, or are in containers without presence that have, a condition that was left out: they may be missing.
  private var conditionLeftOut: Set<NodeID> = []

  init(_ schema: Schema, trace: XPathTrace, reading isKnown: ((NodeID) -> Bool)? = nil) {
    self.schema = schema
    references = LeafrefPaths(trace: trace)
    self.isKnown = isKnown
  }

  mutating func build() {
    for root in schema.roots { visit(root) }
    for choice in schema.choices where choice.isConfig {
      addChoice(choice)
    }
  }

  mutating func build(contentOf id: NodeID, _ side: SchemaNode.Flags) {
    isOfOperation = true
    let operation = schema[id]
    let musts =
      switch side {
      case .input: operation.inputMusts
      case .output: operation.outputMusts
      default: operation.musts
      }
    for must in musts { compile(must.expression, operation) { xpath in .must(xpath, must) } }
    for child in operation.children where schema[child].flags.contains(side) { visit(child) }
    for choice in schema.choices {
      guard let parent = choice.parent, parent >= id, parent < operation.subtreeEnd else { continue }
      let all = choice.cases.indices.flatMap { members(of: choice.id, $0) }
      if let first = all.first, schema[first].flags.contains(side) { addChoice(choice) }
    }
  }

  private mutating func visit(_ id: NodeID) {
    let node = schema[id]
    guard node.isConfig || isOfOperation else { return }
    addWhens(node)
    if let parent = node.parent, conditionLeftOut.contains(parent), schema[parent].kind == .container,
      !schema[parent].isPresence
    {
      conditionLeftOut.insert(id)
    }
    for must in node.musts {
      compile(must.expression, node) { xpath in .must(xpath, must) }
    }
    if let type = node.type { addReferences(node, type) }
    let mayBeMissing = conditionLeftOut.contains(id)
    if node.kind == .leaf || node.kind == .anydata || node.kind == .anyxml, node.isMandatory, !node.isKey, !mayBeMissing {
      addStructural(.mandatory, node, [.deleted])
    }
    if node.kind == .list || node.kind == .leafList {
      if node.minElements > 0, !mayBeMissing { addStructural(.minElements(node.minElements), node, [.deleted]) }
      if let most = node.maxElements { addStructural(.maxElements(most), node, [.created]) }
      for leafs in node.uniques { addUnique(node, leafs) }
    }
    for child in node.children { visit(child) }
  }

  // MARK: Adding

  @discardableResult
  private mutating func add(_ kind: Constraint.Kind, _ node: NodeID, site: NodeID?, shared: NodeID?? = nil) -> Int {
    let id = constraints.count
    constraints.append(Constraint(id: id, node: node, site: site, kind: kind, shared: shared))
    // A new site is checked. The root always was there.
    if let site { trigger(id, site, [.created], anchor: site) }
    return id
  }

  private mutating func trigger(
    _ constraint: Int, _ node: NodeID, _ changes: ChangeKinds, anchor: NodeID?,
    _ correlations: [XPathReads.Correlation] = []
  ) {
    triggers.append(
      ConstraintTrigger(
        constraint: constraint, node: node, changes: changes, anchor: anchor, correlations: correlations))
  }

  /// A `must`: checked at the node, reads what its expression reads.
  private mutating func compile(_ expression: XPathExpression, _ node: SchemaNode, _ kind: (XPath) -> Constraint.Kind) {
    guard let (xpath, reads) = bind(expression, node, context: node.id) else { return }
    let id = add(kind(xpath), node.id, site: node.id, shared: shared(reads, site: node.id))
    addTriggers(id, reads)
  }

  private func canBeRead(_ reads: XPathReads) -> Bool {
    guard let isKnown else { return true }
    return !reads.readsAnything && reads.reads.allSatisfy { isKnown($0.node) }
  }

  /// Compiles and analyses an expression; nil when it is wrong, which is noted, and when it reads what is not known.
  private mutating func bind(_ expression: XPathExpression, _ node: SchemaNode, context: NodeID?) -> (XPath, XPathReads)? {
    do {
      let (xpath, reads) = try XPath(expression).bound(to: schema, at: context, references: references)
      for offset in reads.impossibleSteps { warnings.append((schema.path(of: node.id), expression.text, offset)) }
      return canBeRead(reads) ? (xpath, reads) : nil
    } catch {
      errors.append((schema.path(of: node.id), error))
      return nil
    }
  }

  private mutating func addTriggers(_ constraint: Int, _ reads: XPathReads) {
    if reads.readsAnything { readingAnything.append(constraint) }
    for read in reads.reads { trigger(constraint, read.node, .any, anchor: read.anchor, read.correlations) }
  }

  /// The lowest anchor of what is read: sites below the same instance of it agree. nil when the outcome may differ from
  /// site to site.
  private func shared(_ reads: XPathReads, site: NodeID?) -> NodeID?? {
    guard !reads.readsAnything, !reads.dependsOnPosition else { return nil }
    var lowest: NodeID?
    for read in reads.reads {
      // All anchors are on the line from the site to the root, so the greater is the lower.
      if let anchor = read.anchor, lowest.map({ anchor > $0 }) ?? true { lowest = anchor }
    }
    if let lowest, let site, lowest >= site { return nil }
    return .some(lowest)
  }

  private mutating func addWhens(_ node: SchemaNode) {
    for when in node.whens {
      let context: NodeID? = if case .node(let id) = when.context { id } else { nil }
      let isOwn = context == node.id
      guard isOwn || context == node.parent else { continue }
      guard let (xpath, reads) = bind(when.expression, node, context: context) else {
        if isKnown != nil { conditionLeftOut.insert(node.id) }
        continue
      }
      let id = add(
        .when(xpath, isOwn ? .instance : .parent), node.id, site: node.parent, shared: shared(reads, site: node.parent))
      for content in contents(of: node.id) { trigger(id, content, [.created], anchor: node.parent) }
      for read in reads.reads {
        let isInside = read.anchor == node.id
        let correlations = read.correlations.filter { $0.holder != node.id }
        trigger(id, read.node, .any, anchor: isInside ? node.parent : read.anchor, isInside ? [] : correlations)
      }
      if reads.readsAnything { readingAnything.append(id) }
    }
  }

  private mutating func addReferences(_ node: SchemaNode, _ type: SchemaType) {
    if type.mustReferToInstance, isKnown == nil {
      add(.instanceIdentifier, node.id, site: node.id)
      if let id = constraints.last?.id { trigger(id, node.id, [.modified], anchor: node.id) }
    }
    let rules = type.leafrefs.filter(\.requireInstance)
    guard !rules.isEmpty else { return }
    var paths: [LeafrefPath] = []
    var reads = XPathReads()
    for rule in rules {
      do {
        let path = try references.path(rule.path)
        var analysis = StaticAnalysis(
          schema: schema, context: node.id, references: references, stepCount: path.lookup.stepCount)
        analysis.lookup(path)
        var lookup = path.lookup
        lookup.resolutions = analysis.resolutions
        paths.append(LeafrefPath(path: path.path, lookup: lookup))
        reads.reads.formUnion(analysis.result.reads)
        if analysis.result.readsAnything { reads.readsAnything = true }
        for offset in analysis.result.impossibleSteps {
          warnings.append((schema.path(of: node.id), rule.path.text, offset))
        }
      } catch {
        errors.append((schema.path(of: node.id), error))
      }
    }
    guard !paths.isEmpty, canBeRead(reads) else { return }
    let id = add(.leafref(paths), node.id, site: node.id)
    trigger(id, node.id, [.modified], anchor: node.id)
    let targets = Set(rules.compactMap(\.target))
    for read in reads.reads {
      // A target that comes into being breaks no reference, except in place of its default.
      let comesNew = targets.contains(read.node) && schema[read.node].defaults.isEmpty
      let changes: ChangeKinds = comesNew ? [.deleted, .modified] : .any
      trigger(id, read.node, changes, anchor: read.anchor, read.correlations)
    }
    if reads.readsAnything { readingAnything.append(id) }
  }

  private mutating func addUnique(_ list: SchemaNode, _ leafs: [NodeID]) {
    let id = add(.unique(leafs), list.id, site: list.parent)
    trigger(id, list.id, [.created], anchor: list.parent)
    for leaf in leafs { trigger(id, leaf, [.created, .modified, .deleted], anchor: list.parent) }
  }

  /// A constraint on how many instances a node has: checked at the parent, set off by changes of the node itself and,
  /// inside a case, by what makes the case the chosen one.
  private mutating func addStructural(_ kind: Constraint.Kind, _ node: SchemaNode, _ changes: ChangeKinds) {
    let id = add(kind, node.id, site: node.parent)
    trigger(id, node.id, changes, anchor: node.parent)
    addCaseTriggers(id, node.caseReference, in: node.parent, except: node.kind == .leaf ? [node.id] : [])
  }

  /// That a case comes to be chosen sets a constraint off that holds only then: for the case of the node itself, for
  /// those around it, and for those around the containers without presence that the node is in.
  private mutating func addCaseTriggers(
    _ constraint: Int, _ reference: CaseReference?, in parent: NodeID?, except known: [NodeID]
  ) {
    var reference = reference
    while let current = reference {
      for member in members(of: current.choice, current.index) where !known.contains(member) {
        // A container without presence makes the case chosen by what is in it.
        for content in contents(of: member) { trigger(constraint, content, [.created], anchor: parent) }
      }
      reference = schema[current.choice].caseReference
    }
    guard let parent, schema[parent].kind == .container, !schema[parent].isPresence else { return }
    addCaseTriggers(constraint, schema[parent].caseReference, in: schema[parent].parent, except: [])
  }

  private mutating func addChoice(_ choice: SchemaChoice) {
    let all = choice.cases.indices.flatMap { members(of: choice.id, $0) }
    guard let first = all.first else { return }
    if choice.isMandatory, conditionLeftOut.isDisjoint(with: all) {
      let id = add(.mandatoryChoice(choice.id), first, site: choice.parent)
      for member in all {
        for content in contents(of: member) { trigger(id, content, [.deleted], anchor: choice.parent) }
      }
      addCaseTriggers(id, choice.caseReference, in: choice.parent, except: all)
    }
    let withDefaults = all.filter { schema[$0].flags.contains(.defaultsInside) || !schema[$0].defaults.isEmpty }
    guard !withDefaults.isEmpty else { return }
    for member in all {
      for content in contents(of: member) {
        let others = withDefaults.filter { $0 != content }
        defaultsTouched[content] = Array(Set((defaultsTouched[content] ?? []) + others)).sorted()
      }
    }
  }

  // MARK: Schema

  /// All nodes in a case, those of choices inside it included.
  private func members(of choice: ChoiceID, _ index: Int) -> [NodeID] {
    schema[choice].cases[index].members.flatMap { member -> [NodeID] in
      switch member {
      case .node(let id): [id]
      case .choice(let inner):
        schema[inner].cases.indices.flatMap { members(of: inner, $0) }
      }
    }
  }

  /// The nodes whose instances are stored: the node itself, or for a container without presence those inside it.
  private func contents(of id: NodeID) -> [NodeID] {
    let node = schema[id]
    guard node.kind == .container, !node.isPresence else { return [id] }
    return node.children.flatMap { contents(of: $0) }
  }
}

extension SchemaType {
  /// An instance-identifier that must point to something; in a union, when no other member takes its place.
  var mustReferToInstance: Bool {
    switch kind {
    case .instanceIdentifier(let isRequired): isRequired
    case .union(let members): members.contains(where: \.mustReferToInstance)
    default: false
    }
  }
}
