public import NSOModel
import NSOSchema
import NSOStore
import NSOWire

extension TreeView {
  /// The case of `choice` whose data is set, by its place; nil when none is. `parent` holds the outermost choice.
  func activeCase(of choice: ChoiceID, in parent: Location) throws(NSOError) -> Int? {
    if let told = try providerCase(of: choice, in: parent) { return told.index }
    for (index, branch) in model.schema[choice].cases.enumerated() {
      for member in branch.members {
        switch member {
        case .node(let node):
          if try isSet(parent.child(node, model)) { return index }
        case .choice(let nested):
          if try activeCase(of: nested, in: parent) != nil { return index }
        }
      }
    }
    return nil
  }

  /// What a data provider says of a choice in its data; nil: it is found out by looking what is set.
  private func providerCase(of choice: ChoiceID, in parent: Location) throws(NSOError) -> (index: Int?, ())? {
    guard let providerTree, let node = parent.node, model[node].placement == .provider,
      (provider as? Overlay)?.isEmpty ?? true
    else { return nil }
    let answer = try storeErrors { () throws(StoreError) in try providerTree.choice(choice, in: parent.path) }
    switch answer {
    case nil: return nil
    case .chosen(let tag)?:
      guard let index = model.schema[choice].cases.firstIndex(where: { matches(tag, $0.name) }) else {
        throw NSOError(
          .external,
          "\(parent.text(model)): a data provider names case \(tag), which choice \(model.schema[choice].name.name) does not have"
        )
      }
      return (index, ())
    case .none?, .defaultInEffect?: return (nil, ())
    }
  }

  /// Whether anything is set at or below a node, defaults not counted.
  public func isSet(_ location: Location) throws(NSOError) -> Bool {
    guard let node = location.node else { return true }
    let facts = model[node]
    guard facts.placement != .provider || provider != nil else { return false }
    let tree = try tree(of: node)
    return try storeErrors { () throws(StoreError) in
      switch facts.kind {
      case .leaf: try tree.exists(location.path)
      case .container where facts.flags.contains(.presence): try tree.exists(location.path)
      default: try tree.hasContent(location.path)
      }
    }
  }

  /// Whether the cases around a node are chosen, or are the default where nothing is chosen. True for nodes outside of choices.
  func isCaseInEffect(_ location: Location) throws(NSOError) -> Bool {
    guard let node = location.node, model[node].isInCase, let parent = location.parent(model) else { return true }
    var reference = model.schema[node].caseReference
    while let current = reference {
      let choice = model.schema[current.choice]
      if let active = try activeCase(of: current.choice, in: parent) {
        guard active == current.index else { return false }
      } else {
        guard choice.defaultCase == current.index else { return false }
      }
      reference = choice.caseReference
    }
    // A case further up holds this node through plain containers.
    guard let above = parent.node, !model[above].isAnchor else { return true }
    return try isCaseInEffect(parent)
  }

  /// The case of a choice that is in effect (protocol part 04, GET_CASE).
  /// - Parameters:
  ///   - names: the choice path, outermost first: choice, case, choice ...
  ///   - parent: the container, list entry or root that holds the choice.
  /// - Returns: the case, and whether it is in effect only by default.
  /// - Throws: BADPATH for an unknown choice or case, NOEXISTS when no case is chosen and none is the default.
  public func caseInEffect(_ names: [Tag], in parent: Location) throws(NSOError) -> (name: Tag, isDefault: Bool) {
    let id = try choice(names, in: parent)
    guard try exists(parent) else { throw NSOError(.noExists, "\(parent.text(model)) does not exist") }
    let choice = model.schema[id]
    if let active = try activeCase(of: id, in: parent) { return (Tag(choice.cases[active].name), false) }
    guard let index = choice.defaultCase else {
      throw NSOError(.noExists, "choice \(choice.name.name) of \(parent.text(model)) has no case chosen and no default")
    }
    return (Tag(choice.cases[index].name), true)
  }

  func choice(_ names: [Tag], in parent: Location) throws(NSOError) -> ChoiceID {
    var members = parent.node.map { model.schema[$0].members } ?? model.schema.rootMembers
    var found: ChoiceID?
    for (step, tag) in names.enumerated() {
      if step % 2 == 0 {
        found =
          members.lazy.compactMap { member -> ChoiceID? in
            guard case .choice(let id) = member, matches(tag, model.schema[id].name) else { return nil }
            return id
          }.first
        guard found != nil else { throw NSOError(.badPath, "\(parent.text(model)) has no choice \(tag)") }
      } else if let choice = found {
        guard let branch = model.schema[choice].cases.first(where: { matches(tag, $0.name) }) else {
          throw NSOError(.badPath, "choice \(model.schema[choice].name.name) of \(parent.text(model)) has no case \(tag)")
        }
        members = branch.members
      }
    }
    guard let found, !names.count.isMultiple(of: 2) else {
      throw NSOError(.badPath, "\(parent.text(model)): a choice path names a choice, or choice, case, choice and so on")
    }
    return found
  }

  func matches(_ tag: Tag, _ name: QName) -> Bool {
    tag.name == name.name && (tag.namespace == nil || tag.namespace == name.namespace)
  }
}
