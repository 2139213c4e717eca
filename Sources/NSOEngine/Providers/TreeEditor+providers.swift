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

  /// Deletes all configuration that providers store. What transforms serve goes with what it is made of.
  mutating func deleteProviderConfiguration() throws(StoreError) {
    guard provider != nil else { return }
    for root in model.schema.roots where model.providerReach(root) != .none {
      guard model[root].placement == .provider, model[root].isConfiguration,
        model.callpoint(of: root)?.isTransform != true
      else { continue }
      let path = TreePath.root.appending(root, model.layout)
      try provider?.delete(path)
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
