import NSOModel
import NSOSchema
import NSOStore

extension Engine {
  /// What to say of a conflict: the path, what was done to it, by whom, and what to do.
  func explanation(of conflict: Conflict, _ transaction: Transaction) throws(NSOError) -> Explanation {
    let current = try storeErrors { () throws(StoreError) in try stores.durable.snapshot() }
    let place = model.layout.place(ofKey: conflict.key)
    let space: Space = transaction.database == .startup ? .startup : .running
    let before = transaction.snapshot.tree(space)
    let after = current.tree(space)
    var path = "the configuration"
    // Keys are read from where the entry is: it may be new, or gone.
    for tree in [after, before, current.tree(.candidate)] where !place.isRoot {
      let view = TreeView(
        model, configuration: tree, operational: EmptyTree(), persistentOperational: EmptyTree())
      if let location = try? view.location(of: place) {
        path = location.text(model)
        break
      }
    }
    let isKnown = (try? before.hasContent(place)) == true
    let isThere = (try? after.hasContent(place)) == true
    let what =
      switch conflict.operation {
      case .deleted: "deleted"
      case .set: !isThere ? "deleted" : isKnown ? "changed" : "created"
      }
    return Explanation(
      .conflict, .transactionConflict, actor: transaction.summary, action: "commit",
      rule: "it conflicts: \(path), which it had read, was \(what) by \(history.author(of: conflict.revision))",
      remedy: "finish it and try again with a new one")
  }
}
