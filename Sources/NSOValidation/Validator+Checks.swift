internal import NSOModel
internal import NSOSchema
internal import NSOXPath

extension Validator {
  /// Checks one constraint at one site; false when no more failures are wanted.
  func check(_ constraint: Constraint, at site: Node) throws -> Bool {
    outcome.checks += 1
    do {
      switch constraint.kind {
      case .must(let xpath, let must): return try checkMust(constraint, xpath, must, at: site)
      case .when: return true
      case .leafref(let paths): return try checkReference(constraint, paths, at: site)
      case .instanceIdentifier: return try checkInstanceIdentifier(constraint, at: site)
      case .unique(let leafs): return try checkUnique(constraint, leafs, at: site)
      case .mandatory: return try checkMandatory(constraint, at: site)
      case .mandatoryChoice(let choice): return try checkChoice(choice, at: site)
      case .minElements(let least): return try checkLeast(constraint, Int(least), at: site)
      case .maxElements(let most): return try checkMost(constraint, Int(most), at: site)
      }
    } catch let error as XPathError {
      var failure = error.nsoError
      failure.message = "\(text(site)): \(failure.message)"
      return fail(site, failure)
    }
  }

  private func text(_ node: Node) -> String { schema.text(of: node.keypath(schema)) }

  /// The path of a child of a site, as far as it is one: without keys for a list.
  private func text(_ id: NodeID, in site: Node) -> String { text(tree.imagined(id, in: site)) }

  // MARK: Expressions and references

  private func checkMust(_ constraint: Constraint, _ xpath: XPath, _ must: Must, at site: Node) throws -> Bool {
    let before = outcome.failures.count
    if try evaluate(constraint, xpath, at: site, { site }) { return outcome.failures.count < max(failureLimit, before + 1) }
    // The model's own words do not say where.
    let words = "\(text(site)): \(must.errorMessage ?? "the condition \"\(xpath.source)\" does not hold")"
    return fail(site, NSOError(.mustFailed, words, appTag: Tag(must.errorAppTag ?? "must-violation")))
  }

  private func checkReference(_ constraint: Constraint, _ paths: [LeafrefPath], at site: Node) throws -> Bool {
    let value = try tree.text(of: site)
    for path in paths where try hasTarget(path, value, site) { return true }
    if let type = schema[constraint.node].type, acceptsWithoutReference(value, type) { return true }
    let path = paths.map(\.path.source).joined(separator: "\" or \"")
    return fail(
      site,
      NSOError(
        .badKeyref, "\(text(site)): \"\(value)\" refers to nothing: there is no such value at \"\(path)\"",
        appTag: Tag("instance-required")))
  }

  private func hasTarget(_ path: LeafrefPath, _ value: String, _ site: Node) throws -> Bool {
    try !evaluator.forEachTarget(of: path, holding: value, from: site) { _ in false }
  }

  /// Whether a value of a union is fine as a member that needs no instance.
  private func acceptsWithoutReference(_ text: String, _ type: SchemaType) -> Bool {
    guard case .union(let members) = type.kind else { return false }
    return members.contains { member in
      switch member.kind {
      case .leafref(let rules) where rules.requireInstance: false
      case .instanceIdentifier(requireInstance: true): false
      default: (try? schema.parse(text, as: member)) != nil
      }
    }
  }

  private func checkInstanceIdentifier(_ constraint: Constraint, at site: Node) throws -> Bool {
    guard case .instanceIdentifier(let path)? = try tree.value(of: site) else { return true }
    if try tree.target(ofInstanceIdentifier: site) != nil { return true }
    if let type = schema[constraint.node].type, case .union = type.kind, try acceptsWithoutReference(tree.text(of: site), type)
    {
      return true
    }
    return fail(
      site,
      NSOError(
        .missingInstance, "\(text(site)): \(schema.text(of: path)) does not exist", appTag: Tag("instance-required")))
  }

  // MARK: Lists

  private func checkUnique(_ constraint: Constraint, _ leafs: [NodeID], at site: Node) throws -> Bool {
    let list = constraint.node
    let chains = leafs.map { leaf in
      var line: [NodeID] = []
      var next: NodeID? = leaf
      while let id = next, id != list {
        line.append(id)
        next = schema[id].parent
      }
      return Array(line.reversed())
    }
    var seen: [[String]: Node] = [:]
    var goesOn = true
    _ = try tree.forEachInstance(of: list, in: site, keys: []) { entry in
      var values: [String] = []
      for chain in chains {
        guard let leaf = try single(chain, from: entry) else { return true }
        values.append(try tree.text(of: leaf))
      }
      guard let other = seen[values] else {
        seen[values] = entry
        return true
      }
      let names = leafs.map { schema[$0].name.name }.joined(separator: " ")
      let message =
        "\(text(entry)): the values \"\(values.joined(separator: "\", \""))\" of \(names) are those of \(text(other)) too"
      goesOn = fail(entry, NSOError(.nonUnique, message, appTag: Tag("data-not-unique")))
      return goesOn
    }
    return goesOn
  }

  /// The one node at the end of a chain of containers.
  private func single(_ chain: [NodeID], from node: Node) throws -> Node? {
    var node = node
    for id in chain {
      var next: Node?
      _ = try tree.forEachInstance(of: id, in: node, keys: []) { child in
        next = child
        return false
      }
      guard let next else { return nil }
      node = next
    }
    return node
  }

  private func count(_ id: NodeID, in site: Node, limit: Int) throws -> Int {
    try tree.storage.count(of: id, at: tree.storage.place(of: id, in: site.place), limit: limit)
  }

  private func checkLeast(_ constraint: Constraint, _ least: Int, at site: Node) throws -> Bool {
    guard try isWanted(constraint.node, in: site) else { return true }
    let found = try count(constraint.node, in: site, limit: least)
    if found >= least { return true }
    let node = tree.imagined(constraint.node, in: site)
    return fail(
      node,
      NSOError(
        .tooFewElems, "\(text(node)): there must be at least \(least) entries, not \(found)", appTag: Tag("too-few-elements")))
  }

  private func checkMost(_ constraint: Constraint, _ most: Int, at site: Node) throws -> Bool {
    guard try count(constraint.node, in: site, limit: most + 1) > most else { return true }
    let node = tree.imagined(constraint.node, in: site)
    return fail(
      node,
      NSOError(.tooManyElems, "\(text(node)): there may be at most \(most) entries", appTag: Tag("too-many-elements")))
  }

  // MARK: What must be there

  private func checkMandatory(_ constraint: Constraint, at site: Node) throws -> Bool {
    if try tree.isSet(constraint.node, in: site) { return true }
    guard try isWanted(constraint.node, in: site) else { return true }
    let node = tree.imagined(constraint.node, in: site)
    return fail(node, NSOError(.notSet, "\(text(node)) must be set"))
  }

  private func checkChoice(_ id: ChoiceID, at site: Node) throws -> Bool {
    if try tree.isChosen(id, in: site) { return true }
    let choice = schema[id]
    if let reference = choice.caseReference, try !tree.isChosen(reference.choice, case: reference.index, in: site) {
      return true
    }
    // A condition of the choice itself is one of all its nodes.
    guard try members(of: id).contains(where: { try isAllowed($0, in: site) }) else { return true }
    let names = choice.cases.map(\.name.name).joined(separator: ", ")
    return fail(
      site,
      NSOError(
        .unsetChoice, "\(text(site)): one of the cases of choice \(choice.name.name) must be set: \(names)",
        appTag: Tag("missing-choice")))
  }

  private func members(of choice: ChoiceID) -> [NodeID] {
    schema[choice].cases.flatMap(\.members).flatMap { member in
      switch member {
      case .node(let id): [id]
      case .choice(let inner): members(of: inner)
      }
    }
  }

  /// Whether the conditions that a node takes from its choice and case hold.
  private func isAllowed(_ node: NodeID, in site: Node) throws -> Bool {
    for constraint in index.whens(of: node) {
      if case .when(_, .parent) = constraint.kind, try !holds(constraint, at: site) { return false }
    }
    return true
  }

  /// Whether the schema asks for a node below a site: its conditions hold, and its case, if any, is chosen
  /// (RFC 7950, sections 7.6.5 and 7.7.5).
  private func isWanted(_ node: NodeID, in site: Node) throws -> Bool {
    if let reference = schema[node].caseReference, try !tree.isChosen(reference.choice, case: reference.index, in: site) {
      return false
    }
    return try conditions.hold(for: node, in: site)
  }
}
