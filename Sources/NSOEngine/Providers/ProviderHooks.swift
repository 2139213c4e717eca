import NSOModel
import NSOSchema
import NSOStore
import NSOWire
import Synchronization

/// Hooks: callpoints that are called when a transaction that changes something at or below them is applied, and may change more
/// (protocol part 05, section 7.5). The provider attaches to the transaction through MAAPI to do so. Set hooks are called then
/// too, before transaction hooks, and not at each write.
struct ProviderHooks: CommitParticipant {
  let name = "transaction hooks"
  let registry: ProviderRegistry

  func completeChanges(of transaction: Transaction) async throws(NSOError) {
    let points = transaction.model.hooks
    guard !points.isEmpty, let tree = transaction.providerTree else { return }
    for point in points.filter({ $0.setHook != nil }) + points.filter({ $0.setHook == nil }) {
      let (ours, theirs) = transaction.state.withLock { ($0.editor.configuration, $0.editor.provider) }
      guard !ours.isEmpty || theirs?.isEmpty == false else { return }
      let writes = try await ProviderWait.run { () throws(NSOError) in
        var writes = try ProviderHookCalls.writes(of: ours, at: point, transaction.model)
        if let theirs { writes += try ProviderHookCalls.writes(of: theirs, at: point, transaction.model) }
        return writes
      }
      guard !writes.isEmpty else { continue }
      try await ProviderHookCalls.call(point, writes, tree, registry)
    }
  }
}

/// The calls of one hook.
enum ProviderHookCalls {
  /// What changed at and below a hook, wherever in the data its node is.
  static func writes(
    of changes: Overlay, at point: CallPoint, _ model: DataModel
  ) throws(NSOError) -> [ProviderWrite] {
    try ProviderWrites.all(of: changes, model).filter { write in
      model.layout.steps(of: write.path).contains { $0.node == point.node }
    }
  }

  static func call(
    _ point: CallPoint, _ writes: [ProviderWrite], _ tree: ProviderTree, _ registry: ProviderRegistry
  ) async throws(NSOError) {
    let served = try registry.require(.data, point.name, for: "hook of \(tree.model.schema.path(of: point.node))")
    let part = try tree.part(of: served.instance)
    if served.registration.dataCallbacks.contains(.writeAll) {
      let node = tree.model.schema.path(of: point.node)
      _ = try await part.call(served, point.point, .writeAll) { node }
      return
    }
    for write in writes {
      guard let (place, call) = try tree.request(write, at: point) else { continue }
      let path = place.keypath
      _ = try await part.call(place.served, point.point, call) { "\(path)" }
    }
  }
}
