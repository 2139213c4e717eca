public import NSOModel
public import NSOWire

/// What the daemon asks of a list.
public struct ListQuery: Hashable, Sendable {
  /// The list, or leaf-list, without keys.
  public var list: Keypath
  public var place: ListPlace
  /// At most so many entries.
  public var limit: Int
  /// Only entries are looked for that meet this (``OperationalOffers/filters``). A hint: others may be sent, too, and are dropped by the
  /// daemon.
  public var filter: ListFilter?
  /// The secondary index in whose order the entries are wanted (``OperationalOffers/indexes``): then the keys of `place` are values of its
  /// leafs, as many as the entry has. Nil: in the order of keys.
  public var index: String?

  public init(_ list: Keypath, from place: ListPlace, limit: Int, filter: ListFilter? = nil, index: String? = nil) {
    self.list = list
    self.place = place
    self.limit = limit
    self.filter = filter
    self.index = index
  }

  /// Whether an entry may be one that is looked for; it has its values with it.
  public func mayWant(_ entry: ListEntry) -> Bool {
    guard let filter, !entry.values.isEmpty else { return true }
    return filter.isMet { node in entry.value(at: node) } ?? true
  }
}

/// Entries in their order; none: there are no more.
public struct ListPage: Hashable, Sendable {
  public var entries: [ListEntry]
  /// All entries of this walk meet the query's filter: the daemon need not look for itself.
  public var isFiltered: Bool

  public init(_ entries: [ListEntry], isFiltered: Bool = false) {
    self.entries = entries
    self.isFiltered = isFiltered
  }
}

extension ListEntry {
  /// The value of a node in ``values``, outermost first; `.empty` for a container or leaf without value that is there.
  public func value(at node: [Tag]) -> Value? {
    var open: [Tag] = []
    func isHere(_ tag: Tag) -> Bool {
      open.count == node.count - 1 && zip(open + [tag], node).allSatisfy { $0.name == $1.name }
    }
    for pair in values {
      switch pair.content {
      case .stop: _ = open.popLast()
      case .start, .startAt:
        if isHere(pair.tag) { return .empty }
        open.append(pair.tag)
      case .leaf: if isHere(pair.tag) { return .empty }
      case .value(let value): if isHere(pair.tag) { return value }
      default: break
      }
    }
    return nil
  }
}
