public import NSOModel
import NSOSchema
import NSOStore

/// Copies within a transaction.
extension TreeEditor {
  /// Copies what is set at and below a node on top of what is at another one, which is made as far as it is missing (protocol
  /// part 04, COPY_TREE). Attributes are copied too; data of providers below the source is not.
  /// - Throws: BADPATH when the two nodes are not alike: all that the source can hold must have its like, by name and kind, at
  ///   the destination; NOEXISTS when there is no source; BADTYPE for a value that does not fit the destination.
  public mutating func copyTree(from source: Location, to destination: Location) throws(NSOError) {
    guard let from = source.node else { throw NSOError(.badPath, "the root cannot be copied: copy what is below it") }
    let to = try writable(destination)
    for node in [from, to] where model[node].placement != .configuration {
      throw NSOError(
        .notImplemented,
        "\(model.schema.path(of: node)) is no configuration that this daemon stores: it cannot be copied as a tree")
    }
    guard source.isEntry == destination.isEntry else {
      throw NSOError(
        .badPath, "\(source.text(model)) cannot be copied to \(destination.text(model)): give the keys of both, or of none")
    }
    try requireLikeness(from, to)
    let view = shownView
    try view.requireReadable(source)
    guard try view.isSet(source) else { throw NSOError(.noExists, "\(source.text(model)) does not exist") }
    let attributes = try view.usesAttributes()
    try settlingConditions(at: destination) { (editor) throws(NSOError) in
      try editor.copy(source, of: view, to: destination, attributes: attributes)
    }
  }

  private mutating func copy(
    _ source: Location, of view: TreeView, to destination: Location, attributes: Bool
  ) throws(NSOError) {
    guard let from = source.node, let to = destination.node else { return }
    let facts = model[from]
    guard !facts.isKey, facts.placement == .configuration else { return }
    switch facts.kind {
    case .leaf:
      guard try view.isSet(source) else { return }
      if facts.flags.contains(.empty) {
        try ensure(destination)
      } else if let value = try view.value(source) {
        try set(destination, value)
      }
    case .list where !source.isEntry, .leafList where !source.isEntry:
      try view.forEachEntry(source) { (entry) throws(NSOError) in
        let keys = facts.kind == .list ? try entry.keys() : [try view.leafListValue(entry)]
        var place = LocationBuilder(model, from: source)
        try place.entry(keys)
        var target = LocationBuilder(model, from: destination)
        try target.entry(keys)
        try copy(place.location, of: view, to: target.location, attributes: attributes)
        return true
      }
      return
    case .leafList: try ensure(destination)
    case .container, .list:
      if facts.kind == .list || facts.flags.contains(.presence) {
        guard try view.isSet(source) else { return }
        try ensure(destination)
      } else if try !view.isSet(source) {
        return
      }
      for child in model.schema[from].children where model[child].placement == .configuration {
        guard !model[child].isKey, let like = like(child, of: from, below: to) else { continue }
        try copy(
          source.child(child, model), of: view, to: destination.child(like, model), attributes: attributes)
      }
    default: return
    }
    guard attributes else { return }
    for attribute in try view.storedAttributes(of: source) {
      try setAttribute(attribute.number, to: attribute.value, of: destination)
    }
  }

  /// The node below `parent` that is like `child`: of the same name, or of the same local name where the module changes along with that
  /// of the parents.
  private func like(_ child: NodeID, of holder: NodeID, below parent: NodeID) -> NodeID? {
    let node = model.schema[child]
    let candidates = model.schema[parent].children.filter { model.schema[$0].name.name == node.name.name }
    if let same = candidates.first(where: { model.schema[$0].name == node.name }) { return same }
    guard node.module == model.schema[holder].module else { return nil }
    return candidates.first { model.schema[$0].module == model.schema[parent].module }
  }

  private func requireLikeness(_ from: NodeID, _ to: NodeID) throws(NSOError) {
    guard from != to else { return }
    let (a, b) = (model.schema[from], model.schema[to])
    guard a.kind == b.kind, a.isPresence == b.isPresence, a.isEmptyLeaf == b.isEmptyLeaf, a.keys.count == b.keys.count else {
      throw NSOError(
        .badPath,
        "\(model.schema.path(of: from)) is a \(a.kind.text) and not like \(model.schema.path(of: to)), a \(b.kind.text): it cannot be copied there"
      )
    }
    for child in a.children where model[child].placement == .configuration {
      guard let like = like(child, of: from, below: to), model[like].placement == .configuration else {
        throw NSOError(
          .badPath, "\(model.schema.path(of: child)) has no like at \(model.schema.path(of: to)): it cannot be copied there")
      }
      try requireLikeness(child, like)
    }
  }
}

extension TreeView {
  /// The value of an entry of a leaf-list.
  func leafListValue(_ entry: Entry) throws(NSOError) -> Value {
    let result: Result<Value, NSOError> = entry.record.withUnsafeBytes { bytes in
      do throws(NSOError) { return .success(try decoded(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
