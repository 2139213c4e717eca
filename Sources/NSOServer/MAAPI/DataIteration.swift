import NSOEngine
import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// ITERATE: walks the data at and below a path, parents before what is in them, in schema order (protocol part 04,
/// section 5.2). Containers without anything in them are passed over.
final class DataIteration: Iteration {
  private enum Level {
    /// The children of a container, list entry or the root from a place on.
    case children(Location, ArraySlice<NodeID>)
    case entries(Location, CursorStand)
  }

  private let view: TreeView
  private let options: ReadOptions
  private let wantsAttributes: Bool
  private var levels: [Level] = []
  /// What was reported last and has something below.
  private var open: Location?

  private var model: DataModel { view.model }

  /// - Throws: NOEXISTS when there is nothing at the path.
  init(_ view: TreeView, at place: Location, _ options: ReadOptions, wantsAttributes: Bool) throws(NSOError) {
    self.view = view
    self.options = options
    self.wantsAttributes = wantsAttributes
    guard let node = place.node else {
      levels = [.children(.root, model.schema.roots[...])]
      return
    }
    if model[node].kind == .list, !place.isEntry {
      levels = [.entries(place, .start)]
      return
    }
    guard try view.exists(place) else { throw NSOError(.noExists, "\(place.text(model)) does not exist") }
    start = place
  }

  /// Where the walk begins, reported first.
  private var start: Location?

  func next(after answer: IterationAnswer?) throws(NSOError) -> IterationItem? {
    let before = (levels, open, start)
    do throws(NSOError) {
      return try step(after: answer)
    } catch {
      // Done again from here when a data provider has answered.
      (levels, open, start) = before
      throw error
    }
  }

  var providerTree: ProviderTree? { view.provider == nil ? nil : view.waitingTree }

  private func step(after answer: IterationAnswer?) throws(NSOError) -> IterationItem? {
    if let place = start {
      start = nil
      if let item = try report(place) { return item }
    }
    switch answer {
    case .recurse:
      if let open, let node = open.node { levels.append(.children(open, model.schema[node].children[...])) }
    case .up: _ = levels.popLast()
    default: break
    }
    open = nil
    while let level = levels.popLast() {
      switch level {
      case .children(let parent, var nodes):
        guard let node = nodes.popFirst() else { continue }
        levels.append(.children(parent, nodes))
        guard isShown(node) else { continue }
        let place = parent.child(node, model)
        if model[node].kind == .list {
          levels.append(.entries(place, .start))
        } else if let item = try report(place) {
          return item
        }
      case .entries(let list, var stand):
        guard let entry = try view.next(list, &stand), let key = entry.location.path.entryKey else { continue }
        levels.append(.entries(list, stand))
        return try report(list.entry(key: key, try view.keys(of: entry, in: list)))
      }
    }
    return nil
  }

  private func isShown(_ node: NodeID) -> Bool {
    switch model[node].placement {
    case .none: false
    case .provider: view.provider != nil && (model[node].isConfiguration || !options.configurationOnly)
    case .configuration: true
    case .operational, .persistentOperational: !options.configurationOnly
    }
  }

  /// The item of one node; nil when there is nothing to say of it.
  private func report(_ place: Location) throws(NSOError) -> IterationItem? {
    guard let node = place.node else { return nil }
    let facts = model[node]
    var value: Value?
    switch facts.kind {
    case .leaf where facts.flags.contains(.empty) && !facts.isKey:
      guard try view.exists(place) else { return nil }
    case .leaf, .leafList:
      guard let found = try view.value(place) else { return nil }
      if options.markDefaults, !facts.isKey, try view.isDefault(place) { return nil }
      value = found
    case .container where !facts.flags.contains(.presence):
      guard try hasContent(place) else { return nil }
      open = place
    case .container, .list:
      guard try view.exists(place) else { return nil }
      open = place
    default: return nil
    }
    return .node(Keypath(place, model), value, wantsAttributes ? try view.storedAttributes(of: place) : nil)
  }

  private func hasContent(_ place: Location) throws(NSOError) -> Bool {
    do throws(StoreError) {
      if try view.configuration.hasContent(place.path) { return true }
      guard !options.configurationOnly else {
        guard let node = place.node, let provider = view.provider, model[node].placement == .provider else { return false }
        return try provider.hasContent(place.path)
      }
      if try view.operational.hasContent(place.path) { return true }
      if let provider = view.provider, try provider.hasContent(place.path) { return true }
      return try view.persistentOperational.hasContent(place.path)
    } catch {
      throw NSOError(store: error)
    }
  }
}
