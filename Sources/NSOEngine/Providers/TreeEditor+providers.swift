import NSOModel
import NSOSchema
import NSOStore
import Synchronization

extension TreeEditor {
  /// From now on data of providers is there too.
  mutating func openProviders(_ tree: ProviderTree) {
    provider = Overlay(tree)
    providerTree = tree
  }

  /// The node of a place in a provider's data, if it may be written: configuration that the provider stores.
  func writableAtProvider(_ location: Location, _ node: NodeID) throws(NSOError) -> NodeID {
    let text = location.text(model)
    if let providerAbsence { throw providerAbsence.refusal(node, model, at: text, isWrite: true) }
    guard model[node].isConfiguration else {
      throw NSOError(.notWritable, "\(text) is operational data of a provider (callpoint): only the provider changes it")
    }
    guard target == .configuration, provider != nil else {
      throw NSOError(.notWritable, "\(text) is configuration: write it in a transaction on running")
    }
    guard !location.path.isOrderedByUser else {
      throw NSOError(
        .notImplemented, "\(text) is in a list ordered by user that a data provider serves: writing it is not supported yet")
    }
    return node
  }

  /// Deletes the configuration that providers store below a place of ours, before that is deleted itself: with each entry of ours goes what
  /// is below it elsewhere. What transforms serve goes with what it is made of. What there is at the provider is looked at in the commit.
  mutating func deleteProviderConfiguration(below location: Location) throws(NSOError) {
    guard provider != nil else { return }
    let children = location.node.map { model.schema[$0].children } ?? model.schema.roots
    for child in children where model.providerReach(child) != .none && model[child].isConfiguration {
      let place = location.child(child, model)
      if model[child].placement == .provider {
        guard model.callpoint(of: child)?.isTransform != true else { continue }
        do throws(StoreError) { try provider?.delete(place.path) } catch { throw NSOError(store: error) }
      } else if model[child].kind == .list, !place.isEntry {
        var entries: [Location] = []
        try view.forEachEntry(place) { (entry) throws(NSOError) in
          entries.append(entry.location)
          return true
        }
        for entry in entries { try deleteProviderConfiguration(below: entry) }
      } else {
        try deleteProviderConfiguration(below: place)
      }
    }
  }

  /// As ``deleteProviderConfiguration(below:)`` for a place that may be a whole list.
  mutating func deleteProviderConfiguration(in location: Location) throws(NSOError) {
    guard provider != nil, let node = location.node, model.providerReach(node) == .above else { return }
    guard model[node].kind == .list, !location.isEntry else { return try deleteProviderConfiguration(below: location) }
    var entries: [Location] = []
    try view.forEachEntry(location) { (entry) throws(NSOError) in
      entries.append(entry.location)
      return true
    }
    for entry in entries { try deleteProviderConfiguration(below: entry) }
  }
}

extension Engine {
  /// The data of providers as one transaction sees it.
  func providerTree(for handle: Int32, _ model: DataModel) -> ProviderTree {
    ProviderTree(model, providers, handle: handle) { [weak self] () throws(NSOError) in
      guard let self else { throw NSOError(.aborted, "the daemon is stopping") }
      return self.providers.parts(in: try self.transaction(handle))
    }
  }
}

extension Transaction {
  /// The data of providers that it sees; nil where the model has none.
  public var providerTree: ProviderTree? { state.withLock { $0.editor.providerTree } }
}

extension Overlay {
  /// The same changes, in all its layers, over another tree at the bottom.
  func over(_ tree: any DataTree) -> Overlay {
    var copy = self
    copy.rebase((base as? Overlay).map { $0.over(tree) } ?? tree)
    return copy
  }
}
