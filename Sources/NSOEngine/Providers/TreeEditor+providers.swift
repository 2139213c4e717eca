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
  /// Takes time in proportion to the entries on the way.
  mutating func deleteProviderConfiguration(below place: Location) throws(NSOError) {
    guard provider != nil else { return }
    if let node = place.node {
      guard model.providerReach(node) == .above else { return }
      if model[node].kind == .list, !place.isEntry {
        let view = view
        return try view.forEachEntry(place) { (entry) throws(NSOError) in
          try deleteProviderConfiguration(below: entry.location)
          return true
        }
      }
    }
    let children = place.node.map { model.schema[$0].children } ?? model.schema.roots
    for child in children where model.providerReach(child) != .none && model[child].isConfiguration {
      let place = place.child(child, model)
      guard model[child].placement == .provider else {
        try deleteProviderConfiguration(below: place)
        continue
      }
      guard model.callpoint(of: child)?.isTransform != true else { continue }
      do throws(StoreError) { try provider?.delete(place.path) } catch { throw NSOError(store: error) }
    }
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
