import NSOModel
import NSOSchema
import NSOStore
import NSOValidation
import NSOXPath

/// Makes the changes of a transaction out of the differences that the store shows.
enum ChangedNodes {
  typealias Change = DataChange<TreePath>

  /// All changes of configuration. What is below a deleted or new entry has no change of its own.
  static func all(of overlay: Overlay, _ nodes: inout StoreNodes) throws -> [Change] {
    var changes: [Change] = []
    var failure: (any Error)?
    try TreeDiff(overlay, layout: nodes.model.layout).forEach { change in
      do {
        if let kinds = kinds(change), let node = try nodes.node(at: change.path) { changes.append(Change(node, kinds)) }
      } catch {
        failure = error
        return .stop
      }
      if case .created = change.kind { return .skipBelow }
      return .goOn
    }
    if let failure { throw failure }
    return changes
  }

  private static func kinds(_ change: TreeChange) -> ChangeKinds? {
    switch change.kind {
    case .created: .created
    case .deleted, .unset: .deleted
    case .set: change.old == nil ? .created : .modified
    case .moved: .moved
    case .attribute: nil
    }
  }
}
