public import NSOModel
import NSOSchema
import NSOStore

/// The access rules of one session over one schema, at work: asked by views before they show something, and by editors before they write.
final class AccessGuard: Sendable {
  let table: AccessTable
  /// Whose, for texts.
  private let actor: String
  private let journal: Journal

  init(_ table: AccessTable, actor: String, journal: Journal) {
    self.table = table
    self.actor = actor
    self.journal = journal
  }

  // MARK: Reading

  /// What of a view may be seen. The view itself where all may be.
  /// - Parameter filtersChanges: differences, too, are shown as far as they may be read.
  func restricted(_ view: TreeView, filtersChanges: Bool = true) -> TreeView {
    guard !table.isReadFree, view.access == nil else { return view }
    var shown = view
    shown.configuration = AccessTree(view.configuration, table)
    shown.operational = AccessTree(view.operational, table)
    shown.persistentOperational = AccessTree(view.persistentOperational, table)
    shown.provider = view.provider.map { AccessTree($0, table) }
    shown.access = AccessScope(self, view, filtersChanges: filtersChanges)
    return shown
  }

  func shows(_ path: TreePath) -> Bool { table.shows(path) }

  /// Whether rules for single entries, or values, are about writing a node.
  func writesByKeys(_ node: NodeID) -> Bool {
    [.create, .update, .delete].contains { table.state($0, node) == .byKeys }
  }

  // MARK: Writing and invoking

  /// - Throws: ACCESS_DENIED, which says who, what, where and which rule.
  func require(_ operation: AccessOperation, _ place: Location) throws(NSOError) {
    guard let node = place.node else { return }
    try require(operation, node, at: place.path) { place.text(table.model) }
  }

  func require(
    _ operation: AccessOperation, _ node: NodeID, at path: TreePath, _ text: () -> String
  ) throws(NSOError) {
    if table.state(operation, node) == .permitted, !table.logsPermits { return }
    let decision = table.decide(operation, node, at: path)
    guard decision.isPermitted else { throw denial(decision, operation.text, text()) }
    if decision.isLogged { note(decision, operation.text, text()) }
  }

  /// An action or rpc: seeing what has it, and `exec` (RFC 8341, section 3.4.5).
  func requireInvocation(of instance: OperationInstance) throws(NSOError) {
    if !shows(instance.parent.path) { throw denialOfReading(instance.parent) }
    try require(.exec, instance.node, at: instance.parent.path) { instance.text(table.model) }
  }

  /// A deletion, with all that is set below.
  func requireDeletion(of place: Location, in editor: TreeEditor) throws(NSOError) {
    try require(.delete, place)
    guard !table.permitsAll(.delete, below: place.node) else { return }
    let model = table.model
    var refused: NSOError?
    try storeErrors { () throws(StoreError) in
      for tree in editor.target == .configuration ? [editor.configuration] : [editor.operational, editor.persistentOperational]
      {
        let cursor = try tree.untracked.makeCursor(in: place.path.subtree)
        var more = try cursor.first()
        while more, refused == nil {
          refused = refusal(.delete, at: Array(cursor.key))
          more = try cursor.next()
        }
      }
    }
    if let refused { throw refused }
    guard editor.target == .configuration, editor.provider != nil else { return }
    // What providers store is not looked through: it could take any time. What may not be deleted there counts as being there.
    let nodes = place.node.map { $0.index..<model.schema[$0].subtreeEnd.index } ?? 0..<model.schema.nodes.count
    for index in nodes {
      let id = model.schema.nodes[index].id
      guard model[id].placement == .provider, model[id].isConfiguration, !model[id].isKey,
        table.state(.delete, id) != .permitted
      else { continue }
      var decision = table.decide(.delete, id, at: place.path)
      if decision.isPermitted, table.state(.delete, id) == .byKeys {
        decision = AccessDecision(isPermitted: false, cause: .unknownKeys)
      }
      if !decision.isPermitted { throw denial(decision, AccessOperation.delete.text, model.schema.path(of: id)) }
    }
  }

  /// Everything that a copy has made below a place.
  func requireCreation(below place: Location, in tree: any DataTree) throws(NSOError) {
    try require(.create, place)
    guard !table.permitsAll(.create, below: place.node) else { return }
    var refused: NSOError?
    try storeErrors { () throws(StoreError) in
      let cursor = try tree.untracked.makeCursor(in: place.path.subtree)
      var more = try cursor.first()
      while more, refused == nil {
        refused = refusal(.create, at: Array(cursor.key))
        more = try cursor.next()
      }
    }
    if let refused { throw refused }
  }

  private func refusal(_ operation: AccessOperation, at key: [UInt8]) -> NSOError? {
    guard let path = table.model.layout.path(key), let node = path.node else { return nil }
    if table.state(operation, node) == .permitted { return nil }
    let decision = table.decide(operation, node, at: path)
    return decision.isPermitted ? nil : denial(decision, operation.text, text(of: path))
  }

  /// Checks changes as a whole: only what is different afterwards counts (RFC 8341, section 3.2.7, and 3.2.8).
  func judge(_ changes: Overlay) throws(NSOError) {
    guard !changes.isEmpty else { return }
    let model = table.model
    var refused: NSOError?
    try storeErrors { () throws(StoreError) in
      try TreeDiff(changes, layout: model.layout).forEach(includingDeletedContents: true) { change in
        guard let node = change.path.node, !model[node].isKey else { return .goOn }
        let operation: AccessOperation =
          switch change.kind {
          case .created: .create
          case .deleted, .unset: .delete
          case .set: change.old == nil ? .create : .update
          case .moved, .attribute: .update
          }
        if table.state(operation, node) == .permitted { return .goOn }
        let decision = table.decide(operation, node, at: change.path)
        if decision.isPermitted { return .goOn }
        refused = denial(decision, operation.text, text(of: change.path))
        return .stop
      }
    }
    if let refused { throw refused }
  }

  // MARK: Texts

  /// A denial, noted in the developer log.
  func denial(_ decision: AccessDecision, _ action: String, _ place: String) -> NSOError {
    journal.refusal(
      Explanation(
        .access, .accessDenied, actor: actor, action: action, path: place, rule: decision.text,
        remedy: "whoever keeps /nacm can permit it with a rule in front of that, for sessions that begin afterwards"))
  }

  /// As ``denial(_:_:_:)`` for reading.
  func denialOfReading(_ place: Location) -> NSOError {
    guard let node = place.node else { return NSOError(.accessDenied, "\(actor) cannot read \(place.text(table.model))") }
    let model = table.model
    let asked = model[node].isKey ? model.schema[node].parent ?? node : node
    var decision = table.decide(.read, asked, at: place.path)
    if decision.isPermitted {
      // Something that it is in.
      for above in model.layout.lineage(of: place.path) {
        guard let node = above.node, model[node].isAnchor else { continue }
        decision = table.decide(.read, node, at: above)
        if !decision.isPermitted { break }
      }
    }
    return denial(decision, AccessOperation.read.text, place.text(model))
  }

  private func note(_ decision: AccessDecision, _ action: String, _ place: String) {
    journal.developer(.developerAAA, .trace, "\(actor) may \(action) \(place): \(decision.text)")
  }

  func text(of path: TreePath) -> String {
    guard let node = path.node else { return "/" }
    let keys = table.model.layout.steps(of: path).flatMap { step in
      step.entryEnd.map { KeyDecoder.values(of: Array(path.bytes[step.nodeEnd..<$0])) ?? [] } ?? []
    }
    return table.model.text(of: node, keys)
  }
}

/// What a view that does not show everything knows besides.
final class AccessScope: Sendable {
  let access: AccessGuard
  /// With everything in it.
  let complete: TreeView
  let filtersChanges: Bool

  init(_ access: AccessGuard, _ complete: TreeView, filtersChanges: Bool) {
    self.access = access
    self.complete = complete
    self.filtersChanges = filtersChanges
  }

  /// - Throws: ACCESS_DENIED where the changes are not those of a transaction of the session's own.
  func requireChangesShown() throws(NSOError) {
    guard filtersChanges else { return }
    throw NSOError(
      .accessDenied,
      "the changes of others are not shown as a document to sessions that may not read everything: iterate over them, or ask whoever may"
    )
  }
}

extension TreeView {
  /// It does not show everything that is there.
  public var isRestricted: Bool { access != nil }

  /// - Throws: ACCESS_DENIED when a place may not be read.
  public func requireReadable(_ place: Location) throws(NSOError) {
    guard let access, !access.access.shows(place.path) else { return }
    throw access.access.denialOfReading(place)
  }
}
