public import NSOModel
import NSOSchema
public import NSOStore
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

/// The entries of a list for which a filter holds, and the keys that an index orders them by. For one thread, and for one state of the
/// data.
public struct EntryWalk {
  private let view: TreeView
  public let list: Location
  private let tree: any DataTree
  private let filter: EntryFilter?
  private let evaluator: XPathEvaluator<AccessibleTree<StoreStorage>>
  private var nodes: StoreNodes

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
  }

  /// The next entry after `position`, which moves to it; nil at the end.
  /// - Throws: XPATH when the filter cannot be evaluated.
  public mutating func next(_ position: inout ListPosition) throws(NSOError) -> TreeView.Entry? {
    while let entry = try view.next(list, tree, &position) {
      if try fits(entry.location) { return entry }
    }
    return nil
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
