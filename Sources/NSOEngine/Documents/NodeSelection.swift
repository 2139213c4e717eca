import NSOModel
import NSOSchema
import NSOStore

/// The nodes that an XPath filter selects, and how other nodes lie to them.
struct NodeSelection: Sendable {
  enum Relation: Sendable {
    /// Selected, or in something selected.
    case inside
    /// On the way to something selected.
    case above
    case outside
  }

  /// The keys in the store of what is selected, in order; none is inside of another.
  private var keys: [[UInt8]] = []
  /// The entries of which a key leaf is selected.
  private var entriesByKey: Set<[UInt8]> = []

  /// - Throws: XPATH for an expression that does not compile or does not give nodes, RESOURCE_DENIED for too many nodes.
  init(_ filter: String, prefixes: [String: String] = [:], _ view: TreeView) throws(NSOError) {
    var all: [[UInt8]] = []
    var query = XPathQuery(filter)
    query.prefixes = prefixes
    let selected = try view.select(query)
    for index in 0..<selected.count {
      let place = try selected.location(index)
      all.append(place.path.bytes)
      if let node = place.node, view.model[node].isKey { entriesByKey.insert(Array(place.path.bytes[..<place.anchorLength])) }
    }
    all.sort { $0.lexicographicallyPrecedes($1) }
    for key in all where keys.last.map({ !key.starts(with: $0) }) ?? true { keys.append(key) }
  }

  /// The first key that is not before another.
  private func place(of key: [UInt8]) -> Int {
    var low = 0
    var high = keys.count
    while low < high {
      let middle = (low + high) / 2
      if keys[middle].lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The first entry of a list, at or after a position, that is selected or has something selected in it. For a list that is on the way
  /// only, and not ordered by user.
  func entry(in list: TreePath, from position: ListPosition, _ layout: TreeLayout) -> [UInt8]? {
    let start: [UInt8]
    switch position.stand {
    case .start: start = list.bytes
    case .atOrAfter: start = list.bytes + position.entryKey
    case .after:
      guard let bound = KeyRange.upperBound(of: list.bytes + position.entryKey) else { return nil }
      start = bound
    }
    let index = place(of: start)
    guard index < keys.count, keys[index].starts(with: list.bytes), let path = layout.path(keys[index]),
      let end = layout.steps(of: path).first(where: { $0.nodeEnd == list.bytes.count })?.entryEnd
    else { return nil }
    return Array(keys[index][list.bytes.count..<end])
  }

  func relation(to path: TreePath) -> Relation {
    let key = path.bytes
    let low = place(of: key)
    if low < keys.count, keys[low].starts(with: key) { return keys[low].count == key.count ? .inside : .above }
    return low > 0 && key.starts(with: keys[low - 1]) ? .inside : .outside
  }

  func selectsKey(of entry: TreePath) -> Bool { entriesByKey.contains(entry.bytes) }
}

extension DataModel {
  /// Hidden until somebody unhides it (`tailf:hidden`).
  func isHidden(_ node: NodeID) -> Bool { schema[node].extensions.first("hidden") != nil }
}
