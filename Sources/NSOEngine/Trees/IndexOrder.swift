public import NSOModel
import NSOSchema
import NSOStore

/// The entries of a list in the order of a secondary index (`tailf:secondary-index`): by the values of its leafs, those without a
/// value first, then by their keys. Made by looking at all entries; after changes that concern it (``isCurrent(in:)``) it has to be made
/// anew.
public struct IndexOrder: Sendable {
  struct Item: Sendable {
    /// The values of the index leafs and the keys of the entry, in a form that sorts as they do.
    var key: [UInt8]
    var entryKey: [UInt8]
  }

  private let items: [Item]
  private let leafs: [[NodeID]]
  /// What it depends on: the leafs, the list, and all that these are in.
  private let nodes: [NodeID]
  /// How much had been written.
  private let writes: UInt64

  /// Sorts before every value, and is the beginning of none.
  private static let missing: UInt8 = 0x0F
  /// An index of more entries would take too much memory.
  private static let limit = 1_000_000

  /// - Throws: BADPATH for an unknown index, RESOURCE_DENIED for a list that is too long.
  public init(_ name: String, of list: Location, _ view: TreeView) throws(NSOError) {
    guard let node = list.node else { throw NSOError(.badPath, "the root has no secondary index") }
    leafs = try Self.leafs(name, node, view.model)
    writes = view.written.count
    nodes = Self.lineage(of: list, view.model) + leafs.flatMap(\.self)
    var items: [Item] = []
    let model = view.model
    for entry in try view.entries(of: list, atMost: Self.limit) {
      var key: [UInt8] = []
      for path in leafs {
        let leaf = path.reduce(entry.location) { $0.child($1, model) }
        let value = try view.exists(leaf) ? try view.value(leaf) : nil
        guard let value, let node = leaf.node else {
          key.append(Self.missing)
          continue
        }
        try Self.append(value, model.schema[node].type, model, to: &key)
      }
      let entryKey = entry.location.path.entryKey ?? []
      items.append(Item(key: key + entryKey, entryKey: entryKey))
    }
    items.sort { $0.key.lexicographicallyPrecedes($1.key) }
    self.items = items
  }

  /// Whether nothing was written since that could change the order. `view` is of the same transaction.
  public func isCurrent(in view: TreeView) -> Bool { view.written.isUnchanged(nodes, since: writes) }

  private static func lineage(of list: Location, _ model: DataModel) -> [NodeID] {
    var nodes: [NodeID] = []
    var node = list.node
    while let current = node {
      nodes.append(current)
      node = model.schema[current].parent
    }
    return nodes
  }

  /// The first entry after a key; without one the first of all.
  func item(after key: [UInt8]?) -> Item? {
    guard let key else { return items.first }
    var low = 0
    var high = items.count
    while low < high {
      let middle = (low + high) / 2
      if key.lexicographicallyPrecedes(items[middle].key) { high = middle } else { low = middle + 1 }
    }
    return low < items.count ? items[low] : nil
  }

  /// Where to stand so that the next entry is the first one at, or after, values of the index leafs. With fewer values than the index
  /// has leafs the missing ones sort before every value.
  /// - Throws: BADPATH for too many values, BADTYPE for one that does not fit.
  public func stand(
    at values: [Value], inclusive: Bool, of list: Location, _ model: DataModel
  ) throws(NSOError) -> [UInt8]? {
    var key: [UInt8] = []
    for (value, path) in zip(try Self.values(values, of: leafs, list, model), leafs) {
      try Self.append(value, path.last.flatMap { model.schema[$0].type }, model, to: &key)
    }
    if inclusive || values.count < leafs.count {
      // After the last one that comes before.
      let first = items.firstIndex { !$0.key.lexicographicallyPrecedes(key) } ?? items.count
      return first > 0 ? items[first - 1].key : nil
    }
    let last = items.lastIndex { $0.key.starts(with: key) || $0.key.lexicographicallyPrecedes(key) }
    return last.map { items[$0].key }
  }

  private static func append(_ value: Value, _ type: SchemaType?, _ model: DataModel, to key: inout [UInt8]) throws(NSOError) {
    do throws(StoreError) {
      try KeyEncoder.append(value, type: type, schema: model.schema, to: &key)
    } catch {
      throw NSOError(.badType, "\(value.plainText) cannot be sorted: \(error)")
    }
  }

  /// The leafs of an index, each as the nodes that lead to it from an entry.
  static func leafs(_ name: String, _ list: NodeID, _ model: DataModel) throws(NSOError) -> [[NodeID]] {
    let statements = model.schema[list].extensions.all("secondary-index")
    let text = model.schema.path(of: list)
    guard let statement = statements.first(where: { $0.argument == name }) else {
      let known = statements.compactMap(\.argument)
      throw NSOError(
        .badPath,
        "\(text) has no secondary index \(name)" + (known.isEmpty ? "" : "; it has: \(known.joined(separator: ", "))"))
    }
    let paths = statement.substatements.first { $0.name == "index-leafs" }?.argument ?? ""
    var leafs: [[NodeID]] = []
    for path in paths.split(whereSeparator: \.isWhitespace) {
      var nodes: [NodeID] = []
      for step in path.split(separator: "/") {
        let local = String(step.split(separator: ":").last ?? step)
        guard let node = model.schema.child(of: nodes.last ?? list, namespace: nil, name: local) else {
          throw NSOError(.internal, "\(text): leaf \(path) of the secondary index \(name) is not in the schema")
        }
        nodes.append(node)
      }
      leafs.append(nodes)
    }
    return leafs
  }

  /// Values of the index leafs in canonical form.
  /// - Throws: BADPATH for too many values, BADTYPE for one that does not fit.
  static func values(
    _ values: [Value], of leafs: [[NodeID]], _ list: Location, _ model: DataModel
  ) throws(NSOError) -> [Value] {
    guard values.count <= leafs.count else {
      throw NSOError(.badPath, "\(list.text(model)): the index has \(leafs.count) leafs, \(values.count) values were given")
    }
    var canonical: [Value] = []
    for (value, path) in zip(values, leafs) {
      guard let type = path.last.flatMap({ model.schema[$0].type }) else { continue }
      do { canonical.append(try model.schema.check(value, as: type)) } catch { throw error.nsoError(at: list.text(model)) }
    }
    return canonical
  }

  /// Where an entry stands; nil when it is not in the order.
  public func key(ofEntry entryKey: [UInt8]) -> [UInt8]? { items.first { $0.entryKey == entryKey }?.key }
}

extension TreeView {
  /// All entries of a list.
  fileprivate func entries(of list: Location, atMost limit: Int) throws(NSOError) -> [Entry] {
    var all: [Entry] = []
    var position = ListPosition.start
    while let entry = try next(list, &position) {
      guard all.count < limit else {
        throw NSOError(.resourceDenied, "\(list.text(model)) has more than \(limit) entries: read it in the order of its keys")
      }
      all.append(entry)
    }
    return all
  }
}
