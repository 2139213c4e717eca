import NSOModel
import NSOSchema
import NSOStore

/// Commits that were made with other modules. They are in the history when the daemon was started again with others (an upgrade ends the
/// history), and are gone back behind only where what they had is understood: the nodes are there, mean the same, and the values fit.
extension History {
  /// - Throws: NOEXISTS, naming the commit and what is not understood of it, when some commit after `target` cannot be taken back.
  func requireUnderstood(
    from last: UInt64, backTo target: UInt64, _ model: DataModel, _ snapshot: Snapshot
  ) throws(NSOError) {
    /// By fingerprint, nodes that mean something else now; nil: it is not known what they meant.
    var changed: [UInt64: Set<NodeID>?] = [:]
    var revision = last
    while revision > target {
      defer { revision -= 1 }
      let number = revision
      guard let entry = try storeErrors({ () throws(StoreError) in try HistoryRecords.entry(number, snapshot) }),
        entry.meaning != model.meaning.fingerprint
      else { continue }
      if changed[entry.meaning] == nil {
        let table = try storeErrors { () throws(StoreError) in try HistoryRecords.meaning(entry.meaning, snapshot) }
        changed[entry.meaning] = .some(table.map(model.meaning.changed))
      }
      guard let nodes = changed[entry.meaning] ?? nil else {
        throw Self.refusal(entry, "nothing is known of these")
      }
      var problem: String?
      try storeErrors { () throws(StoreError) in
        try HistoryRecords.takeBack(number, snapshot) { piece throws(StoreError) in
          try ChangeRecord.forEachSet(in: piece, model.layout) { place, value throws(StoreError) in
            if problem == nil { problem = Self.problem(place, value, nodes, model) }
          }
        }
      }
      if let problem { throw Self.refusal(entry, problem) }
    }
  }

  private static func refusal(_ entry: HistoryEntry, _ why: String) -> NSOError {
    NSOError(
      .noExists,
      "revision \(entry.revision) of running, a commit of \(entry.user) (session \(entry.session), \(entry.context)), was made with other modules than those that are loaded now: \(why); start the daemon with the modules of that time to go back behind it, or change the data by hand"
    )
  }

  /// Why a record cannot be set; nil: it can.
  private static func problem(
    _ place: ChangeRecord.Place, _ value: UnsafeRawBufferPointer, _ changed: Set<NodeID>, _ model: DataModel
  ) -> String? {
    func text(_ path: TreePath) -> String { path.node.map(model.schema.path(of:)) ?? "/" }
    switch place {
    case .unknown(let path): return "something in \(text(path)) is not in them"
    case .beside(let path):
      return path.node.map(changed.contains) ?? false ? "\(text(path)) has become something else" : nil
    case .node(let path):
      guard let node = path.node else { return nil }
      if changed.contains(node) { return "\(text(path)) has become something else" }
      do throws(NSOError) {
        try check(value, node, model)
        return nil
      } catch {
        return "\(text(path)) has other values: \(error.message)"
      }
    }
  }

  private static func check(_ bytes: UnsafeRawBufferPointer, _ node: NodeID, _ model: DataModel) throws(NSOError) {
    func check(_ value: Value, _ type: SchemaType?) throws(NSOError) {
      guard let type else { return }
      do { _ = try model.schema.check(value, as: type) } catch { throw error.nsoError(at: "a value of before") }
    }
    switch model[node].kind {
    case .leaf where model[node].flags.contains(.empty): break
    case .leaf, .leafList: try check(decoded(bytes), model.schema[node].type)
    case .list where !model.schema[node].keys.isEmpty:
      for (value, key) in zip(try decodedKeys(bytes), model.schema[node].keys) { try check(value, model.schema[key].type) }
    default: break
    }
  }
}
