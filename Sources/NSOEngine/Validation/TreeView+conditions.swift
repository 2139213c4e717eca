import NSOModel
import NSOSchema
import NSOStore
import NSOValidation
import NSOXPath

extension TreeView {
  /// The data as XPath sees it, with conditions looked at where something is there by default only.
  func accessibleTree() -> AccessibleTree<StoreStorage> {
    let tree = AccessibleTree(StoreStorage(self))
    // What holds does not hang on who looks.
    guard let access else {
      let conditions = ConditionChecker(model.constraints, tree)
      tree.isApplicable = { try conditions.hold(for: $0, in: $1) }
      return tree
    }
    // The checker does not hold its tree.
    let whole = access.complete.accessibleTree()
    let conditions = ConditionChecker(model.constraints, whole)
    tree.isApplicable = { node, parent in
      try withExtendedLifetime(whole) { try conditions.hold(for: node, in: parent) }
    }
    tree.isShown = { [access = access.access] in access.shows($1) }
    return tree
  }

  /// Whether what a node has by default is in effect: the cases it is in are, and its `when` conditions hold; likewise for
  /// the containers without presence around it.
  func isInEffect(_ location: Location) throws(NSOError) -> Bool {
    guard let node = location.node else { return true }
    if let access { return try access.complete.isInEffect(location) }
    if model[node].isInCase, try !isCaseInEffect(location) { return false }
    return try failingCondition(of: location) == nil
  }

  /// Whether a `when` condition of a node, or of anything that it is in, does not hold.
  func isUnmet(_ location: Location) throws(NSOError) -> Bool {
    guard let id = location.node, model.schema.lineage(of: id).contains(where: { model[$0].flags.contains(.hasWhen) }) else {
      return false
    }
    if let access { return try access.complete.isUnmet(location) }
    do {
      let tree = accessibleTree()
      var nodes = StoreNodes(model, tree, sources: [configuration.untracked, operational, persistentOperational])
      let conditions = ConditionChecker(model.constraints, tree)
      var next = try nodes.node(at: location.path)
      while let node = next, let id = node.schemaNode, let parent = node.parent {
        if model[id].flags.contains(.hasWhen), try conditions.failing(for: id, in: parent) != nil { return true }
        next = parent
      }
      return false
    } catch {
      throw NSOError(validation: error)
    }
  }

  /// A `when` condition of a node, or of the containers without presence around it, that does not hold: the node may not be
  /// there then.
  func failingCondition(of location: Location) throws(NSOError) -> (path: String, expression: String)? {
    guard let id = location.node, model[id].hasCondition else { return nil }
    do {
      let tree = accessibleTree()
      var nodes = StoreNodes(model, tree, sources: [configuration.untracked, operational, persistentOperational])
      let conditions = ConditionChecker(model.constraints, tree)
      guard var node = try nodes.node(at: location.path) else { return nil }
      while let id = node.schemaNode, let parent = node.parent {
        if case .when(let xpath, _)? = try conditions.failing(for: id, in: parent)?.kind {
          return (model.schema.text(of: node.keypath(model.schema)), xpath.source)
        }
        guard let above = parent.schemaNode, !model[above].isAnchor else { break }
        node = parent
      }
      return nil
    } catch {
      throw NSOError(validation: error)
    }
  }
}
