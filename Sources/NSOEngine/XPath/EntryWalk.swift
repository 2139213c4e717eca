public import NSOModel
import NSOSchema
public import NSOStore
import NSOWire
import NSOXPath

/// An XPath filter over the entries of a list, parsed once: it holds for an entry when it is true with the entry as context
/// node (protocol part 04, section 5.1).
public struct EntryFilter: Sendable {
  public let text: String
  fileprivate let xpath: XPath

  /// - Throws: XPATH for an expression that does not compile.
  public init(_ text: String, _ model: DataModel) throws(NSOError) {
    self.text = text
    do { xpath = try XPath(text, namespaces: XPathNamespaces(model.schema)) } catch { throw NSOError(validation: error) }
  }
}

/// The entries of a list for which a filter holds, in the order of their keys or of an index. For one thread, and for one state of the
/// data.
public struct EntryWalk {
  private let view: TreeView
  public let list: Location
  private let tree: any DataTree
  private let filter: EntryFilter?
  private let evaluator: XPathEvaluator<AccessibleTree<StoreStorage>>
  private var nodes: StoreNodes
  /// The data of providers itself, where the list is theirs and has no changes.
  private let provider: ProviderTree?
  /// What the list's client is told of the filter, and whether that is all of it.
  private let told: (filter: ListFilter, isAll: Bool)?

  /// - Throws: BADPATH when `list` is no list, NOEXISTS below a missing entry.
  public init(_ view: TreeView, _ list: Location, _ filter: EntryFilter?) throws(NSOError) {
    self.view = view
    self.list = list
    self.filter = filter
    tree = try view.requireList(list)
    let accessible = view.accessibleTree()
    evaluator = XPathEvaluator(accessible, references: view.model.constraints.references)
    var sources: [any DataTree] = [view.configuration.untracked, view.operational, view.persistentOperational]
    if let provider = view.provider { sources.append(provider) }
    nodes = StoreNodes(view.model, accessible, sources: sources)
    provider = ProviderTree.unchanged(tree, below: list.path)
    if let filter, let node = list.node, let provider, let knows = provider.hintedNodes(of: node) {
      do {
        told = try evaluator.hint(filter.xpath, on: node, knows: knows).map { hint in
          (provider.filter(hint.condition, of: node), hint.isExact)
        }
      } catch {
        throw NSOError(validation: error)
      }
    } else {
      told = nil
    }
  }

  /// The next entry after `position`, which moves to it; nil at the end.
  /// - Throws: XPATH when the filter cannot be evaluated.
  public mutating func next(_ position: inout ListPosition) throws(NSOError) -> TreeView.Entry? {
    guard let provider, let told else {
      while let entry = try view.next(list, tree, &position) {
        if try fits(entry.location) { return entry }
      }
      return nil
    }
    while true {
      var record: [UInt8] = []
      let isPromised = try storeErrors { () throws(StoreError) in
        try provider.nextEntry(in: list.path, told.filter, &position) { record = Array($0) }
      }
      guard let isPromised else { return nil }
      let entry = TreeView.Entry(location: list.entry(key: position.entryKey), record: record)
      if isPromised && told.isAll { return entry }
      if try fits(entry.location) { return entry }
    }
  }

  /// The next entry in the order of an index, after the one with this key of the index, which moves to it; nil at the end. Entries that
  /// have gone since the index was made are passed over.
  public mutating func next(_ order: IndexOrder, after key: inout [UInt8]?) throws(NSOError) -> TreeView.Entry? {
    while let item = order.item(after: key) {
      key = item.key
      let location = list.entry(key: item.entryKey)
      let record = try storeErrors { () throws(StoreError) in try tree.bytes(location.path) }
      if let record, try fits(location) { return TreeView.Entry(location: location, record: record) }
    }
    return nil
  }

  /// Where a walk in the order of an index goes on that a data provider has.
  public enum OrderStand: Sendable {
    case start
    /// After the entry with these keys, in the store's form.
    case after([UInt8])
    /// At, or after, values of the index leafs.
    case values([Value], inclusive: Bool)

    fileprivate var provider: ProviderStand {
      switch self {
      case .start: .start
      case .after(let key): .after(key)
      case .values(let values, let inclusive): .values(values, inclusive: inclusive)
      }
    }
  }

  /// Where a walk begins that the list's data provider can be asked for in the order of an index; nil when it cannot.
  /// - Throws: BADPATH for an unknown index or too many values, BADTYPE for a value that does not fit.
  public func ordered(by index: String, from stand: OrderStand) throws(NSOError) -> OrderStand? {
    guard let provider, let node = list.node else { return nil }
    let leafs = try IndexOrder.leafs(index, node, view.model)
    guard case .values(let values, let inclusive) = stand else {
      return try provider.canOrder(list.path, byValues: false) ? stand : nil
    }
    let canonical = try IndexOrder.values(values, of: leafs, list, view.model)
    return try provider.canOrder(list.path, byValues: true) ? .values(canonical, inclusive: inclusive) : nil
  }

  /// The next entry in the order that the list's data provider has for an index.
  /// - Throws: NOT_IMPLEMENTED when it does not know the index.
  public mutating func next(index: String, _ stand: inout OrderStand) throws(NSOError) -> TreeView.Entry? {
    guard let provider else { throw NSOError(.internal, "\(list.text(view.model)) is not ordered by a data provider") }
    while true {
      let wanted = stand.provider
      let entry = try storeErrors { () throws(StoreError) in
        try provider.nextEntry(in: list.path, index: index, told?.filter, wanted)
      }
      guard let entry else { return nil }
      stand = .after(entry.key)
      let location = list.entry(key: entry.key)
      let isWanted = entry.isPromised && told?.isAll == true
      guard try isWanted ? true : fits(location) else { continue }
      return TreeView.Entry(location: location, record: entry.record)
    }
  }

  private mutating func fits(_ entry: Location) throws(NSOError) -> Bool {
    guard let filter else { return true }
    do {
      guard let node = try nodes.node(at: entry.path) else { return false }
      return try evaluator.test(filter.xpath, at: node)
    } catch {
      throw NSOError(validation: error)
    }
  }
}
